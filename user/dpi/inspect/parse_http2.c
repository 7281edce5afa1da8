// SPDX-License-Identifier: BSD-2-Clause
/*
 * HTTP/2 in the clear (RFC 9113) and gRPC in it: the client's preface makes it
 * HTTP, the first request's content type gRPC ("gRPC over HTTP2", Content-Type
 * begins with application/grpc).
 */
#include "dpi/inspect/hpack.h"
#include "dpi/inspect/parse.h"

#include <strings.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define FRAME 9
#define FRAME_MAX 16384 /* until the other side allows more */
#define HEADERS 1
#define PADDED 0x08
#define PRIORITY 0x20
#define END_HEADERS 0x04
#define GRPC "application/grpc"

/* The block of a HEADERS frame, without padding and priority. False if it contradicts itself. */
static bool block_of(const uint8_t *payload, uint32_t len, uint8_t flags, uint32_t *start, uint32_t *end)
{
	uint32_t padding = 0;

	*start = 0;
	if (flags & PADDED) {
		if (!len)
			return false;
		padding = payload[(*start)++];
	}
	if (flags & PRIORITY)
		*start += 5;
	if (*start + padding > len)
		return false;
	*end = len - padding;
	return true;
}

static enum sl_verdict read_request(const uint8_t *block, uint32_t len, bool whole, struct sl_found *found)
{
	struct sl_hpack_field field;
	uint32_t at = 0;
	bool typed = false, grpc = false;

	while (sl_hpack_next(block, len, &at, &field)) {
		if (field.index == SL_HPACK_AUTHORITY && !field.cut && !found->name.len)
			sl_name_take_authority(&found->name, (const uint8_t *)field.value, field.value_len);
		if (field.index == SL_HPACK_CONTENT_TYPE) {
			typed = true;
			grpc = strncasecmp(field.value, GRPC, strlen(GRPC)) == 0;
		}
	}
	if (!whole && !typed)
		return sl_perhaps(found, SL_APPLICATION_HTTP, 95);
	return sl_yes(found, grpc ? SL_APPLICATION_GRPC : SL_APPLICATION_HTTP, 100);
}

enum sl_verdict sl_parse_http2(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	enum sl_verdict preface = sl_begins(said, PREFACE);
	uint32_t at = (uint32_t)strlen(PREFACE);

	if (preface != SL_YES)
		return preface == SL_NO || (!said->len && spoken->side[SL_SERVER].len && spoken->midway)
			       ? SL_NO
			       : SL_MORE;
	while (at + FRAME <= said->len) {
		const uint8_t *frame = said->data + at;
		uint32_t len = sl_be24(frame), here, start, end;
		bool whole;

		if (len > FRAME_MAX)
			return sl_yes(found, SL_APPLICATION_HTTP, 80);
		at += FRAME;
		if (frame[3] != HEADERS) {
			at += len;
			continue;
		}
		here = said->len - at < len ? said->len - at : len;
		/* What does not fit in what we keep of a session is judged by what does. */
		whole = (here == len && frame[4] & END_HEADERS) || said->len >= said->room;
		if (!here)
			break;
		if (!block_of(frame + FRAME, len, frame[4], &start, &end))
			return sl_yes(found, SL_APPLICATION_HTTP, 80);
		if (here <= start)
			break;
		end = end < here ? end : here;
		return read_request(frame + FRAME + start, end - start, whole, found);
	}
	if (said->len >= said->room || at > said->room)
		return sl_yes(found, SL_APPLICATION_HTTP, 80);
	return sl_perhaps(found, SL_APPLICATION_HTTP, 95);
}
