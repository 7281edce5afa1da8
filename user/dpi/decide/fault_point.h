/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame that the core dies of, and one that a worker hangs with, for the
 * tests of what becomes of everything else then.
 *
 * Invariant: without SL_FAULTS nothing of this is in the program: no frame
 * means more to it than its bytes do to a receiver.
 */
#ifndef SLUICE_DPI_FAULT_POINT_H
#define SLUICE_DPI_FAULT_POINT_H

#ifdef SL_FAULTS

#include <string.h>

#include "dpi/io/io.h"

#define SL_FAULT_WORDS "sluice test: the core dies of this frame"
#define SL_HANG_WORDS "sluice test: the worker hangs with this frame"

static inline bool sl_fault_says(const struct sl_frame *frame, uint32_t piece, const char *words)
{
	return memmem(frame->piece[piece].data, frame->piece[piece].len, words, strlen(words));
}

static inline void sl_fault_point(const struct sl_frame *frame)
{
	static int *volatile nowhere;
	static volatile bool for_ever = true;

	for (uint32_t i = 0; i < frame->n_pieces; i++) {
		if (sl_fault_says(frame, i, SL_FAULT_WORDS))
			*nowhere = 1;
		while (sl_fault_says(frame, i, SL_HANG_WORDS) && for_ever)
			;
	}
}

#else

#define sl_fault_point(frame)                                                                                \
	do {                                                                                                 \
	} while (0)

#endif

#endif
