/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame that the core dies of, for the test of what becomes of everything
 * else then.
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

static inline void sl_fault_point(const struct sl_frame *frame)
{
	static int *volatile nowhere;

	for (uint32_t i = 0; i < frame->n_pieces; i++) {
		if (memmem(frame->piece[i].data, frame->piece[i].len, SL_FAULT_WORDS,
			   sizeof(SL_FAULT_WORDS) - 1))
			*nowhere = 1;
	}
}

#else

#define sl_fault_point(frame)                                                                                \
	do {                                                                                                 \
	} while (0)

#endif

#endif
