// SPDX-License-Identifier: BSD-2-Clause
/*
 * Couchbase's key-value protocol, which is memcached's binary one
 * (couchbase/memcached docs/BinaryProtocol.md) with commands of its own. A
 * client that begins with memcached's plain commands speaks memcached.
 */
#include "dpi/inspect/parse.h"

#define HEADER 24
#define REQUEST 0x80
#define RESPONSE 0x81
#define BODY_MAX (20 * 1024 * 1024 + 1024)

enum {
	LAST_PLAIN = 0x1e,
	HELLO = 0x1f,
	SASL_LIST = 0x20,
	SASL_STEP = 0x22,
	SELECT_BUCKET = 0x89,
	CLUSTER_CONFIG = 0xb5,
	COLLECTIONS_MANIFEST = 0xba,
	ERROR_MAP = 0xfe,
};

static bool is_header(const uint8_t *at, uint8_t magic)
{
	uint32_t body = sl_be32(at + 8);

	return at[0] == magic && at[5] <= 7 && body <= BODY_MAX && (uint32_t)sl_be16(at + 2) + at[4] <= body;
}

enum sl_verdict sl_parse_couchbase(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	uint16_t application;
	uint8_t opcode;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	if (client->data[0] != REQUEST)
		return SL_NO;
	if (client->len < HEADER)
		return SL_MORE;
	/* A first request knows no version of a value yet. */
	if (!is_header(client->data, REQUEST) || sl_be64(client->data + 16))
		return SL_NO;
	opcode = client->data[1];
	if (opcode == HELLO || (opcode >= SASL_LIST && opcode <= SASL_STEP) || opcode == SELECT_BUCKET ||
	    opcode == CLUSTER_CONFIG || opcode == COLLECTIONS_MANIFEST || opcode == ERROR_MAP)
		application = SL_APPLICATION_COUCHBASE;
	else if (opcode <= LAST_PLAIN)
		application = SL_APPLICATION_MEMCACHED;
	else
		return SL_NO;
	if (!server->len)
		return sl_perhaps(found, application, 60);
	if (server->len < HEADER)
		return server->data[0] == RESPONSE ? sl_perhaps(found, application, 60) : SL_NO;
	/* The answer repeats the command and the opaque number. */
	if (!is_header(server->data, RESPONSE) || server->data[1] != opcode ||
	    memcmp(server->data + 12, client->data + 12, 4) != 0)
		return SL_NO;
	return sl_yes(found, application, 95);
}
