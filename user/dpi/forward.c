// SPDX-License-Identifier: BSD-2-Clause
/* Forwards every frame unchanged; see forward.h. */
#include "dpi/forward.h"

enum sl_action sl_forward_all(void *context, struct sl_frame *frame)
{
	(void)context;
	(void)frame;
	return SL_FORWARD;
}
