// SPDX-License-Identifier: BSD-2-Clause
/*
 * Microsoft SQL Server ([MS-TDS] 2.2.3, 2.2.6.4, 2.2.6.5) and Sybase's older
 * form: the client's first packet is PRELOGIN, LOGIN7 or a login of 512 bytes.
 */
#include "dpi/inspect/parse.h"

#define HEADER 8
#define PRELOGIN 0x12
#define LOGIN7 0x10
#define LOGIN 0x02
#define TERMINATOR 0xff
#define PACKET_MAX 32767

/* A list of option, offset, length; the first is the version, which has six bytes. */
static bool is_prelogin(const uint8_t *at, uint32_t len)
{
	if (len < 12 || at[0] != 0 || sl_be16(at + 3) != 6)
		return false;
	for (uint32_t i = 0; i < len; i += 5) {
		if (at[i] == TERMINATOR)
			return sl_be16(at + 1) == i + 1;
		if (at[i] > 0x10 || i + 5 > len || (uint32_t)sl_be16(at + i + 1) + sl_be16(at + i + 3) > len)
			return false;
	}
	return false;
}

enum sl_verdict sl_parse_tds(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	const uint8_t *at = said->data;
	uint32_t len;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (at[0] != PRELOGIN && at[0] != LOGIN7 && at[0] != LOGIN)
		return SL_NO;
	if (said->len < HEADER)
		return SL_MORE;
	len = sl_be16(at + 2);
	/* status: a whole message, or the first part of one; channel and window are not used */
	if (at[1] > 1 || len <= HEADER || len > PACKET_MAX || sl_be16(at + 4) || at[6] > 1 || at[7])
		return SL_NO;
	if (at[0] == PRELOGIN) {
		if (said->len < len)
			return sl_short_of(spoken, said, len);
		return is_prelogin(at + HEADER, len - HEADER) ? sl_yes(found, SL_APPLICATION_MSSQL, 100)
							      : SL_NO;
	}
	if (said->len < HEADER + 8)
		return SL_MORE;
	if (at[0] == LOGIN7)
		return sl_le32(at + HEADER) >= len - HEADER && sl_le32(at + HEADER) < 128 * 1024 &&
				       (at[HEADER + 7] & 0xf0) == 0x70
			       ? sl_yes(found, SL_APPLICATION_MSSQL, 95)
			       : SL_NO;
	/* Sybase: host name of 30 bytes and its length; the protocol's version is at 458 */
	if (len != 512 || said->len < HEADER + 462)
		return len == 512 ? SL_MORE : SL_NO;
	return at[HEADER + 30] <= 30 && (at[HEADER + 458] == 4 || at[HEADER + 458] == 5) && !at[HEADER + 460]
		       ? sl_yes(found, SL_APPLICATION_MSSQL, 85)
		       : SL_NO;
}
