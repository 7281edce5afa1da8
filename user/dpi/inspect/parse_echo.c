// SPDX-License-Identifier: BSD-2-Clause
/*
 * Echo (RFC 862), on any port: the server says what the client said, no more
 * and no less. The client must have said something that is not said by
 * chance: at least four bytes, not all the same.
 */
#include "dpi/inspect/parse.h"

#define LEAST 4

enum sl_verdict sl_parse_echo(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	uint32_t common = client->len < server->len ? client->len : server->len;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	if (server->total > client->total || (common && memcmp(client->data, server->data, common)))
		return SL_NO;
	if (!server->len || spoken->midway)
		return SL_MORE;
	if (common < LEAST || server->total != client->total)
		return spoken->protocol == IPPROTO_UDP ? SL_NO : SL_MORE;
	if (!memcmp(client->data, client->data + 1, common - 1))
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_ECHO, 80);
}
