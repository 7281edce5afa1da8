/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's control protocol: from the bytes of a request to the bytes of its
 * answer. See docs/design.md, "The core's control protocol".
 *
 * Invariant: whatever the bytes are, there is exactly one answer, and a
 * request that is not wholly understood changes nothing.
 */
#ifndef SLUICE_DPI_ANSWER_H
#define SLUICE_DPI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpi/worker.h"

struct sl_engine;
struct sl_policies;
struct sl_reporter;

/* What there is to tell of, and to tell what to do. */
struct sl_view {
	struct sl_worker *workers;
	uint32_t queues;
	uint32_t frame_size; /* bytes of a buffer */
	bool multi_buffer; /* frames may be longer than that */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	/* NULL: frames are only forwarded. */
	struct sl_engine *const *engines; /* one a queue */
	struct sl_policies *policies;
	struct sl_policies *agents; /* NULL: no agent is expected */
	struct sl_lane *ports; /* NULL: the lanes are an interface's */
	struct sl_reporter *reporter;
};

/* What the client wants besides an answer. */
struct sl_wish {
	bool stop; /* the core is to end once the answer is sent */
	bool events; /* from the answer on, the client is sent events … */
	bool reports; /* … or reports (event/report.h) */
};

/*
 * fd: a descriptor that came with the request, -1 for none; it stays the
 * caller's. The answer is malloc'ed text, NULL without memory; then nothing is wished.
 */
char *sl_answer(const struct sl_view *view, const char *request, size_t len, int fd, struct sl_wish *ret);

/* The answer to a request that could not even be received. */
char *sl_answer_error(int code, const char *message);

#endif
