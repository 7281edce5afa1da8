// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kafka (its "protocol guide"): a request gives its size, what it asks in
 * which version, a number, and the client's name. Small numbers all, so the
 * answer with the same number decides.
 */
#include "dpi/inspect/parse.h"

#define KEY_MAX 92
#define VERSION_MAX 20
#define SIZE_MAX_FIRST (1024 * 1024)
#define CLIENT_MAX 255
#define API_VERSIONS 18

enum sl_verdict sl_parse_kafka(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	uint32_t size, name, answer;
	const uint8_t *at = client->data;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	if (at[0])
		return SL_NO;
	if (client->len < 14)
		return SL_MORE;
	size = sl_be32(at);
	name = sl_be16(at + 12);
	if (size < 10 || size > SIZE_MAX_FIRST || sl_be16(at + 4) > KEY_MAX ||
	    sl_be16(at + 6) > VERSION_MAX || at[8] & 0x80)
		return SL_NO;
	/* Without a name there is little to go by: only the request every session begins with. */
	if (name == UINT16_MAX || !name) {
		if (sl_be16(at + 4) != API_VERSIONS)
			return SL_NO;
		name = 0;
	}
	if (name > CLIENT_MAX || 10 + name > size)
		return SL_NO;
	if (client->len < 14 + name)
		return SL_MORE;
	if (!sl_is_printable(at + 14, name))
		return SL_NO;
	if (!server->len)
		return sl_perhaps(found, SL_APPLICATION_KAFKA, name ? 60 : 40);
	if (server->len < 8)
		return SL_MORE;
	answer = sl_be32(server->data);
	if (answer < 6 || answer > SIZE_MAX_FIRST || memcmp(server->data + 4, at + 8, 4) != 0)
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_KAFKA, 95);
}
