// SPDX-License-Identifier: BSD-2-Clause
/*
 * Our own parsers under libFuzzer, each on everything, without nDPI and so
 * much faster: nothing is read outside of what was said, and a verdict keeps
 * its word: who says no to the beginning says no to all of it.
 *
 * Input: as inspect.c's; here the packets of a side are put together.
 */
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/inspect.h"
#include "dpi/inspect/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

/* Asks about the first `client` and `server` bytes of each side, at the end of allocations of their own. */
static enum sl_verdict ask(const struct sl_parser *parser, uint8_t flags, const struct sl_said *sides,
			   uint32_t client, uint32_t server)
{
	struct sl_spoken spoken = { .protocol = flags & 1 ? IPPROTO_UDP : IPPROTO_TCP, .midway = flags & 2 };
	struct sl_found found = { 0 };
	enum sl_verdict verdict;

	for (int side = 0; side < 2; side++) {
		uint32_t len = side ? server : client;
		uint8_t *copy = malloc(len ? len : 1);

		if (len)
			memcpy(copy, sides[side].data, len);
		spoken.side[side] =
			(struct sl_said){ .data = copy,
					  .len = len,
					  .total = len,
					  .room = side ? SL_INSPECT_KEPT_SERVER : SL_INSPECT_KEPT_CLIENT };
	}
	verdict = parser->try(&spoken, &found);
	must(verdict == SL_NO || verdict == SL_MORE || verdict == SL_YES);
	must(verdict != SL_YES || (found.application && found.confidence >= SL_INSPECT_CONFIDENCE));
	must(found.confidence <= 100 && found.name.len <= SL_NAME_MAX &&
	     strlen(found.name.text) == found.name.len);
	for (int side = 0; side < 2; side++)
		free((void *)spoken.side[side].data);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t kept[2][SL_INSPECT_KEPT_CLIENT];
	struct sl_said said[2] = { { .data = kept[0], .room = SL_INSPECT_KEPT_CLIENT },
				   { .data = kept[1], .room = SL_INSPECT_KEPT_SERVER } };
	const struct sl_parser *parser;
	uint8_t protocol;

	if (!size)
		return 0;
	protocol = data[0] & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	for (size_t at = 1; at + 3 <= size;) {
		int side = data[at] & 1;
		size_t len = (size_t)data[at + 1] << 8 | data[at + 2];

		at += 3;
		len = len < size - at ? len : size - at;
		if (protocol == IPPROTO_TCP || !said[side].len) {
			size_t take = len < said[side].room - said[side].len
					      ? len
					      : said[side].room - said[side].len;

			memcpy(kept[side] + said[side].len, data + at, take);
			said[side].len += (uint32_t)take;
		}
		at += len;
	}
	for (parser = sl_parsers; parser < sl_parsers + sl_n_parsers; parser++) {
		uint32_t client = said[0].len, server = said[1].len;
		enum sl_verdict whole;

		if (parser->protocol && parser->protocol != protocol)
			continue;
		whole = ask(parser, data[0], said, client, server);
		if (protocol == IPPROTO_UDP)
			continue;
		if (client && server > 1 && ask(parser, data[0], said, client, server / 2) == SL_NO)
			must(whole == SL_NO);
		if (client > 1 && ask(parser, data[0], said, client / 2, 0) == SL_NO)
			must(ask(parser, data[0], said, client, 0) == SL_NO);
	}
	return 0;
}
