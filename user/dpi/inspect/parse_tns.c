// SPDX-License-Identifier: BSD-2-Clause
/*
 * Oracle's TNS: the client's CONNECT packet, whose data describes the
 * connection in parentheses. There is no public specification; the layout is
 * the one of Wireshark's documentation of the protocol and of what Oracle's
 * own thin drivers send.
 */
#include "dpi/inspect/parse.h"

#define HEADER 8
#define CONNECT 1
#define FIXED 34 /* up to and with what older versions have */
#define VERSION_MIN 290
#define VERSION_MAX 400

enum sl_verdict sl_parse_tns(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	const uint8_t *at = said->data;
	uint32_t len, version, compatible, data, offset;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->len < HEADER)
		return SL_MORE;
	len = sl_be16(at);
	if (at[4] != CONNECT || len < FIXED || sl_be16(at + 2) || sl_be16(at + 6))
		return SL_NO;
	if (said->len < FIXED)
		return SL_MORE;
	version = sl_be16(at + HEADER);
	compatible = sl_be16(at + HEADER + 2);
	data = sl_be16(at + 24);
	offset = sl_be16(at + 26);
	/* Long descriptions follow in a packet of their own. */
	if (version < VERSION_MIN || version > VERSION_MAX || compatible > version || offset < FIXED ||
	    (offset + data != len && offset != len) || !data)
		return SL_NO;
	if (offset == len)
		return sl_yes(found, SL_APPLICATION_ORACLE, 85);
	if (said->len <= offset)
		return sl_short_of(spoken, said, offset + 1);
	return at[offset] == '(' ? sl_yes(found, SL_APPLICATION_ORACLE, 100) : SL_NO;
}
