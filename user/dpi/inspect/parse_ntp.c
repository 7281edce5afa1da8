// SPDX-License-Identifier: BSD-2-Clause
/*
 * NTP (RFC 5905), client and server or two peers. A request alone is 48 bytes
 * of which few are fixed; certain is only an answer that repeats the request's
 * timestamp.
 */
#include "dpi/inspect/parse.h"

#define HEADER 48
#define ORIGIN 24
#define TRANSMIT 40
#define CLIENT 3
#define SERVER 4
#define ACTIVE 1
#define PASSIVE 2

static bool plausible(const struct sl_said *said)
{
	uint8_t version = said->data[0] >> 3 & 7;

	/* A header, then extensions or a code to authenticate it, in words. */
	return said->len >= HEADER && said->total % 4 == 0 && said->total <= 1024 && version >= 1 &&
	       version <= 4 && said->data[1] <= 16;
}

enum sl_verdict sl_parse_ntp(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	uint8_t asks, answers;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	if (!plausible(client))
		return SL_NO;
	asks = client->data[0] & 7;
	if (asks != CLIENT && asks != ACTIVE)
		return SL_NO;
	/* The clock's precision as a power of two (chrony says 32), the root's delay and dispersion. */
	if ((int8_t)client->data[3] > 32 || client->data[4] > 1 || client->data[8] > 1)
		return SL_NO;
	/* It was sent at some time, true or random. */
	if (!sl_be64(client->data + TRANSMIT))
		return SL_NO;
	if (!server->len)
		return sl_perhaps(found, SL_APPLICATION_NTP, 50);
	if (!plausible(server))
		return SL_NO;
	answers = server->data[0] & 7;
	if (asks == CLIENT ? answers != SERVER : answers != PASSIVE && answers != ACTIVE)
		return SL_NO;
	return memcmp(client->data + TRANSMIT, server->data + ORIGIN, 8)
		       ? SL_NO
		       : sl_yes(found, SL_APPLICATION_NTP, 100);
}
