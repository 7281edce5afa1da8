// SPDX-License-Identifier: BSD-2-Clause
/* DHCP and BOOTP with options (RFC 2131): a fixed layout with a magic cookie. */
#include "dpi/inspect/parse.h"

#define COOKIE_AT 236
#define COOKIE 0x63825363

enum sl_verdict sl_parse_dhcp(const struct sl_spoken *spoken, struct sl_found *found)
{
	for (int side = 0; side < 2; side++) {
		const struct sl_said *said = &spoken->side[side];

		if (said->len < COOKIE_AT + 4)
			continue;
		/* op: request or reply; hlen: of chaddr, which has 16 bytes */
		if ((said->data[0] == 1 || said->data[0] == 2) && said->data[1] && said->data[2] <= 16 &&
		    sl_be32(said->data + COOKIE_AT) == COOKIE)
			return sl_yes(found, SL_APPLICATION_DHCP, 100);
	}
	return spoken->side[SL_CLIENT].len ? SL_NO : SL_MORE;
}
