// SPDX-License-Identifier: BSD-2-Clause
/*
 * OpenVPN (its protocol's description, "network protocol"): the client resets
 * with a session number of eight bytes, which the server's reset repeats. nDPI
 * finds it in noise.
 */
#include "dpi/inspect/parse.h"

#define SESSION 8
#define CLIENT_V2 (7 << 3)
#define CLIENT_V3 (10 << 3)
#define SERVER_V2 (8 << 3)
#define LEAST (1 + SESSION + 1 + 4) /* no acknowledgements, packet 0 */

/* The message without the length that TCP puts in front; NULL if it is not there. */
static const uint8_t *message(const struct sl_spoken *spoken, enum sl_side side, uint32_t *len)
{
	const struct sl_said *said = &spoken->side[side];
	uint32_t skip = spoken->protocol == IPPROTO_TCP ? 2 : 0;

	if (said->len < skip + LEAST)
		return NULL;
	*len = said->len - skip;
	return said->data + skip;
}

enum sl_verdict sl_parse_openvpn(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	const uint8_t *asks, *answers;
	uint32_t len, asked;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	asks = message(spoken, SL_CLIENT, &asked);
	if (!asks)
		return sl_short_of(spoken, client, 2 + LEAST);
	if (asks[0] != CLIENT_V2 && asks[0] != CLIENT_V3)
		return SL_NO;
	if (!server->len)
		return SL_MORE;
	answers = message(spoken, SL_SERVER, &len);
	if (!answers)
		return sl_short_of(spoken, server, 2 + LEAST);
	return answers[0] == SERVER_V2 && memmem(answers + 1, len - 1, asks + 1, SESSION)
		       ? sl_yes(found, SL_APPLICATION_OPENVPN, 95)
		       : SL_NO;
}
