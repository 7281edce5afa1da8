// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reassembly under libFuzzer: whatever comes, each byte of the stream is
 * handed out once, in order, or told of as missing; limits hold; nothing leaks.
 */
#include <stdlib.h>
#include <string.h>

#include "dpi/session/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define START 0xfffffe00u

static uint64_t total;

static void must(bool what)
{
	if (!what)
		abort();
}

static void sink(void *context, const uint8_t *data, uint32_t len)
{
	volatile uint8_t sum = 0;

	(void)context;
	must(len);
	for (uint32_t i = 0; data && i < len; i++)
		sum ^= data[i];
	total += len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_stream_pool pool = { .total_max = 4096, .flow_max = 1024, .history_max = 256 };
	struct sl_stream *stream = sl_stream_new(&pool);
	uint32_t next, urgent = 0;

	total = 0;
	sl_stream_start(stream, START);
	/* Steps of 5 bytes: what, where, how long; the content is what follows in the input. */
	while (size >= 5) {
		uint32_t seq = START + (uint32_t)(data[1] | (data[2] & 0x7) << 8), len = data[3];
		bool refuse = data[0] & 0x10;

		next = sl_stream_next(stream);
		data += 5;
		size -= 5;
		if (len > size)
			len = (uint32_t)size;
		switch (data[-5] & 7) {
		case 0:
			sl_stream_acked(stream, seq, sink, NULL);
			break;
		case 1:
			sl_stream_fin(stream, seq);
			break;
		case 2:
			sl_stream_with_syn(stream, seq, data, len);
			break;
		case 3:
			sl_stream_push(stream, seq, data, len, data[-1], refuse, sink, NULL);
			break;
		default:
			must(!(sl_stream_push(stream, seq, data, len, -1, refuse, sink, NULL) &
			       SL_STREAM_REFUSED) ||
			     refuse);
		}
		urgent++; /* no more than one byte is announced at a time */
		must((int32_t)(sl_stream_next(stream) - next) >= 0);
		must(pool.used <= pool.total_max);
		must(total <= (uint32_t)(sl_stream_next(stream) - START));
		must(total + urgent >= (uint32_t)(sl_stream_next(stream) - START));
	}
	sl_stream_free(stream);
	must(!pool.used && !pool.streams);
	return 0;
}
