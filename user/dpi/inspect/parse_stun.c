// SPDX-License-Identifier: BSD-2-Clause
/*
 * STUN (RFC 8489, 5): a header with a magic cookie. nDPI knows it too, but
 * remembers addresses from one session to the next while it does.
 */
#include "dpi/inspect/parse.h"

#define HEADER 20
#define COOKIE 0x2112a442

enum sl_verdict sl_parse_stun(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->data[0] & 0xc0)
		return SL_NO;
	if (said->len < HEADER)
		return said->len >= 4 && sl_be16(said->data + 2) % 4 ? SL_NO
								     : sl_short_of(spoken, said, HEADER);
	if (sl_be32(said->data + 4) != COOKIE || sl_be16(said->data + 2) % 4)
		return SL_NO;
	if (spoken->protocol == IPPROTO_UDP && said->total != HEADER + (uint32_t)sl_be16(said->data + 2))
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_STUN, 95);
}
