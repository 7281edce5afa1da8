// SPDX-License-Identifier: BSD-2-Clause
/*
 * MongoDB (its documentation, "MongoDB Wire Protocol"): the client's first
 * message, which is a command in OP_MSG or, of older clients and for the first
 * greeting, OP_QUERY on a collection "….$cmd".
 */
#include "dpi/inspect/parse.h"

#define HEADER 16
#define MESSAGE_MAX 48000000
#define NAME_MAX_LEN 128
#define BSON_MIN 5

enum { OP_QUERY = 2004, OP_COMPRESSED = 2012, OP_MSG = 2013 };

/* "database.collection", printable. Its length, 0 if it is none, -1 if it is cut short. */
static int collection(const uint8_t *at, uint32_t len)
{
	const uint8_t *end = memchr(at, 0, len < NAME_MAX_LEN ? len : NAME_MAX_LEN);

	if (!end)
		return len >= NAME_MAX_LEN || !sl_is_word(at, len) ? 0 : -1;
	return end > at && sl_is_word(at, (uint32_t)(end - at)) && memchr(at, '.', (size_t)(end - at))
		       ? (int)(end - at)
		       : 0;
}

static enum sl_verdict try_query(const struct sl_said *said, uint32_t message, struct sl_found *found)
{
	uint32_t at = HEADER + 4, document;
	int len;

	if (said->len <= at)
		return SL_MORE;
	len = collection(said->data + at, said->len - at);
	if (len <= 0)
		return len ? SL_MORE : SL_NO;
	at += (uint32_t)len + 1 + 8; /* how many to skip and to return */
	if (said->len < at + 4)
		return SL_MORE;
	document = sl_le32(said->data + at);
	return document >= BSON_MIN && document <= message - at ? sl_yes(found, SL_APPLICATION_MONGODB, 100)
								: SL_NO;
}

static enum sl_verdict try_msg(const struct sl_said *said, uint32_t message, struct sl_found *found)
{
	uint32_t document;

	if (said->len < HEADER + 4 + 1 + 4)
		return SL_MORE;
	/* Flags: checksum, more to come, exhaust allowed. Section: a document or a sequence of them. */
	if (sl_le32(said->data + HEADER) & ~0x10003u || said->data[HEADER + 4] > 1)
		return SL_NO;
	document = sl_le32(said->data + HEADER + 5);
	return document >= BSON_MIN && document <= message - (HEADER + 5)
		       ? sl_yes(found, SL_APPLICATION_MONGODB, 95)
		       : SL_NO;
}

static enum sl_verdict try_compressed(const struct sl_said *said, struct sl_found *found)
{
	uint32_t original;

	if (said->len < HEADER + 9)
		return SL_MORE;
	original = sl_le32(said->data + HEADER);
	/* noop, snappy, zlib, zstd */
	return (original == OP_QUERY || original == OP_MSG) && said->data[HEADER + 8] <= 3
		       ? sl_yes(found, SL_APPLICATION_MONGODB, 95)
		       : SL_NO;
}

enum sl_verdict sl_parse_mongodb(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	uint32_t len;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->len < HEADER)
		return SL_MORE;
	len = sl_le32(said->data);
	/* responseTo: a request answers nothing; drivers have written 0 or -1 */
	if (len < HEADER + 9 + BSON_MIN || len > MESSAGE_MAX ||
	    (sl_le32(said->data + 8) != 0 && sl_le32(said->data + 8) != UINT32_MAX))
		return SL_NO;
	switch (sl_le32(said->data + 12)) {
	case OP_QUERY:
		return try_query(said, len, found);
	case OP_MSG:
		return try_msg(said, len, found);
	case OP_COMPRESSED:
		return try_compressed(said, found);
	default:
		return SL_NO;
	}
}
