// SPDX-License-Identifier: BSD-2-Clause
/*
 * MQTT (its OASIS specifications 3.1.1 and 5, 3.1 CONNECT): the client's first
 * packet has the protocol's name in it. nDPI looks at its first byte and length.
 */
#include "dpi/inspect/parse.h"

#define CONNECT 0x10

enum sl_verdict sl_parse_mqtt(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	static const char now[] = "\0\4MQTT", before[] = "\0\6MQIsdp";
	uint32_t at = 1, want;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->data[0] != CONNECT)
		return SL_NO;
	/* The remaining length: one to four bytes, of which the last is below 128. */
	while (at < said->len && at < 5 && said->data[at] & 0x80)
		at++;
	if (at >= 5)
		return SL_NO;
	at++;
	if (said->len < at + 2)
		return SL_MORE;
	want = sl_be16(said->data + at) == 4 ? sizeof(now) - 1 : sizeof(before) - 1;
	if (said->len < at + want)
		return SL_MORE;
	return memcmp(said->data + at, want == sizeof(now) - 1 ? now : before, want)
		       ? SL_NO
		       : sl_yes(found, SL_APPLICATION_MQTT, 100);
}
