// SPDX-License-Identifier: BSD-2-Clause
/*
 * nDPI under libFuzzer through our wrapper alone, so that it sees what our own
 * parsers would have kept from it. Build libndpi with a sanitizer to see what
 * it does inside; without, only what it hands to libc is watched.
 *
 * Input: as inspect.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/inspect.h"
#include "dpi/inspect/ndpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_ndpi *ndpi;
	struct sl_ndpi_flow *flow;
	unsigned int packets = 0;

	if (!ndpi)
		must(sl_ndpi_open(&ndpi, NULL) == 0);
	if (!size)
		return 0;
	flow = sl_ndpi_begin(ndpi, data[0] & 1 ? IPPROTO_UDP : IPPROTO_TCP);
	must(flow);
	for (size_t at = 1; at + 3 < size && packets < SL_INSPECT_PACKETS; packets++) {
		size_t len = (size_t)data[at + 1] << 8 | data[at + 2], side = data[at] & 1;
		struct sl_found found = { 0 };
		enum sl_verdict verdict;

		at += 3;
		len = len < size - at ? len : size - at;
		if (!len)
			continue;
		verdict = sl_ndpi_look(ndpi, flow, data + at, (uint32_t)len, side, &found);
		at += len;
		must((verdict == SL_YES) == (found.application != SL_APPLICATION_UNKNOWN));
		must(found.confidence <= 100 && strlen(found.name.text) == found.name.len);
		if (verdict == SL_NO)
			break;
	}
	sl_ndpi_end(flow);
	return 0;
}
