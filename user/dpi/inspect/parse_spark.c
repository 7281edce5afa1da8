// SPDX-License-Identifier: BSD-2-Clause
/*
 * Spark's RPC (its network-common: MessageEncoder, Message, RpcRequest):
 * frames that give their own length, a type, and the length of their body
 * again. The answer repeats the request's number; a message that has none
 * carries a serialised Java object, known by its magic.
 */
#include "dpi/inspect/parse.h"

#define FRAME_MAX (256 * 1024) /* of a first message */

enum { RPC_REQUEST = 3, RPC_RESPONSE, RPC_FAILURE, STREAM_REQUEST, STREAM_RESPONSE, STREAM_FAILURE, ONE_WAY };

static enum sl_verdict try_answer(const struct sl_said *client, const struct sl_said *server,
				  struct sl_found *found)
{
	uint8_t type;

	if (server->len < 17)
		return SL_MORE;
	type = server->data[8];
	if ((type != RPC_RESPONSE && type != RPC_FAILURE) || sl_be64(server->data) < 21 ||
	    sl_be64(server->data + 9) != sl_be64(client->data + 9))
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_SPARK, 95);
}

/* A file by its path: "/jars/app.jar" */
static enum sl_verdict try_stream(const struct sl_said *said, uint64_t frame, struct sl_found *found)
{
	uint32_t len = sl_be32(said->data + 9);

	if (frame != 8 + 1 + 4 + (uint64_t)len || !len || len > 4096)
		return SL_NO;
	if (said->len < 13 + len)
		return SL_MORE;
	return said->data[13] == '/' && sl_is_printable(said->data + 13, len)
		       ? sl_yes(found, SL_APPLICATION_SPARK, 85)
		       : SL_NO;
}

enum sl_verdict sl_parse_spark(const struct sl_spoken *spoken, struct sl_found *found)
{
	static const uint8_t java[] = { 0xac, 0xed, 0x00, 0x05 };
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	uint64_t frame;
	uint32_t header, body;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->data[0])
		return SL_NO;
	if (said->len < 13)
		return SL_MORE;
	frame = sl_be64(said->data);
	if (frame < 13 || frame > FRAME_MAX)
		return SL_NO;
	if (said->data[8] == STREAM_REQUEST)
		return try_stream(said, frame, found);
	if (said->data[8] != RPC_REQUEST && said->data[8] != ONE_WAY)
		return SL_NO;
	header = said->data[8] == RPC_REQUEST ? 21 : 13;
	if (said->len < header)
		return SL_MORE;
	body = sl_be32(said->data + header - 4);
	if (frame != (uint64_t)header + body || !body)
		return SL_NO;
	if (memmem(said->data + header, said->len - header, java, sizeof(java)))
		return sl_yes(found, SL_APPLICATION_SPARK, 95);
	if (header == 13)
		return said->len >= frame || said->len >= said->room ? SL_NO : SL_MORE;
	return try_answer(said, &spoken->side[SL_SERVER], found);
}
