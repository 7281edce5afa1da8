// SPDX-License-Identifier: BSD-2-Clause
/* SSH (RFC 4253, 4.2): either side begins with its version. */
#include "dpi/inspect/parse.h"

static enum sl_verdict try_side(const struct sl_said *said, struct sl_found *found)
{
	if (!said->len)
		return SL_MORE;
	if (sl_begins(said, "SSH-2.0-") == SL_YES || sl_begins(said, "SSH-1.") == SL_YES)
		return sl_yes(found, SL_APPLICATION_SSH, 100);
	return sl_begins(said, "SSH-2.0-") == SL_MORE || sl_begins(said, "SSH-1.") == SL_MORE ? SL_MORE
											      : SL_NO;
}

enum sl_verdict sl_parse_ssh(const struct sl_spoken *spoken, struct sl_found *found)
{
	enum sl_verdict server = try_side(&spoken->side[SL_SERVER], found);

	/* A client that says something else is none, whatever the server offers. */
	if (spoken->side[SL_CLIENT].len)
		return try_side(&spoken->side[SL_CLIENT], found);
	return server;
}
