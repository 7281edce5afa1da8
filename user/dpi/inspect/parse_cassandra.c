// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cassandra (its native_protocol_v3 to v5 specifications): the client asks for
 * the server's options or starts up; what the options are, the server's answer
 * proves.
 */
#include "dpi/inspect/parse.h"

#define RESPONSE 0x80
#define BODY_MAX 4096 /* of a first message */

enum { ERROR = 0, STARTUP = 1, OPTIONS = 5, SUPPORTED = 6 };

/* The header, in which version 3 made the stream's number longer. */
struct header {
	uint8_t version, flags, opcode;
	uint16_t stream;
	uint32_t len, body;
};

static bool read_header(const struct sl_said *said, struct header *ret)
{
	const uint8_t *at = said->data;

	if (said->len < 9)
		return false;
	ret->version = at[0];
	ret->flags = at[1];
	if ((at[0] & 0x7f) < 3) {
		ret->stream = at[2];
		ret->opcode = at[3];
		ret->body = sl_be32(at + 4);
		ret->len = 8;
	} else {
		ret->stream = sl_be16(at + 2);
		ret->opcode = at[4];
		ret->body = sl_be32(at + 5);
		ret->len = 9;
	}
	return true;
}

enum sl_verdict sl_parse_cassandra(const struct sl_spoken *spoken, struct sl_found *found)
{
	static const char key[] = "CQL_VERSION";
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	struct header asked, answered;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	/* 1 to 6; DataStax's own are 0x41 and 0x42 */
	if (!(client->data[0] & 0x3f) || (client->data[0] & 0xbf) > 6)
		return SL_NO;
	if (!read_header(client, &asked))
		/* Versions 1 and 2 have OPTIONS in 8 bytes. */
		return SL_MORE;
	if (asked.flags & 0xe0 || asked.body > BODY_MAX)
		return SL_NO;
	if (asked.opcode == STARTUP && asked.body >= 2 + 2 + sizeof(key) - 1) {
		if (client->len < asked.len + asked.body)
			return SL_MORE;
		return memmem(client->data + asked.len, asked.body, key, sizeof(key) - 1)
			       ? sl_yes(found, SL_APPLICATION_CASSANDRA, 100)
			       : SL_NO;
	}
	if (asked.opcode != OPTIONS || asked.body)
		return SL_NO;
	if (!read_header(server, &answered))
		return SL_MORE;
	if (!(answered.version & RESPONSE) || answered.stream != asked.stream)
		return SL_NO;
	/* A server that does not know the version says so in an older one. */
	if (answered.opcode != SUPPORTED && answered.opcode != ERROR)
		return SL_NO;
	return answered.body > 4 && answered.body <= BODY_MAX ? sl_yes(found, SL_APPLICATION_CASSANDRA, 95)
							      : SL_NO;
}
