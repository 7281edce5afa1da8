// SPDX-License-Identifier: BSD-2-Clause
/*
 * NATS (its documentation, "Client Protocol"): the server greets with INFO and
 * a JSON object. nDPI takes any "PING" of a client for it, Redis' too.
 */
#include "dpi/inspect/parse.h"

enum sl_verdict sl_parse_nats(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_SERVER];
	enum sl_verdict greeting = said->len ? sl_begins(said, "INFO {\"") : SL_MORE;

	if (!said->len && spoken->side[SL_CLIENT].len)
		return SL_NO;
	return greeting == SL_YES ? sl_yes(found, SL_APPLICATION_NATS, 100) : greeting;
}
