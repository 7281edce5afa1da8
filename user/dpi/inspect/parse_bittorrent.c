// SPDX-License-Identifier: BSD-2-Clause
/*
 * BitTorrent between peers (BEP 3, "peer protocol"): the handshake begins with
 * the protocol's name. nDPI knows more of it, but remembers addresses.
 */
#include "dpi/inspect/parse.h"

enum sl_verdict sl_parse_bittorrent(const struct sl_spoken *spoken, struct sl_found *found)
{
	enum sl_verdict verdict = sl_begins(&spoken->side[SL_CLIENT], "\x13"
								      "BitTorrent protocol");

	if (!spoken->side[SL_CLIENT].len && spoken->side[SL_SERVER].len)
		return SL_NO;
	return verdict == SL_YES ? sl_yes(found, SL_APPLICATION_BITTORRENT, 100) : verdict;
}
