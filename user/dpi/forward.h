/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core does with a frame: for now, forwards it. The chain decode →
 * session → inspect → policy → decide takes this handler's place; the lanes
 * and the worker see no difference.
 */
#ifndef SLUICE_DPI_FORWARD_H
#define SLUICE_DPI_FORWARD_H

#include "dpi/io/io.h"

/* A sl_frame_handler; context is not used. Always SL_FORWARD, the frame is left as it is. */
enum sl_action sl_forward_all(void *context, struct sl_frame *frame);

#endif
