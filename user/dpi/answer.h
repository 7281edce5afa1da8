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

/* What there is to tell. */
struct sl_view {
	const struct sl_worker *workers;
	uint32_t queues;
	uint32_t frame_size; /* bytes of a buffer */
	bool multi_buffer; /* frames may be longer than that */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
};

/* *ret_stop: the core is asked to end once the answer is sent. The answer is malloc'ed text, NULL without memory. */
char *sl_answer(const struct sl_view *view, const char *request, size_t len, bool *ret_stop);

/* The answer to a request that could not even be received. */
char *sl_answer_error(int code, const char *message);

#endif
