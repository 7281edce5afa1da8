// SPDX-License-Identifier: BSD-2-Clause
/*
 * The detour's programs as hooks; see port/detour.h.
 *
 * Invariant: ports change hands one after the other, so one detour at a time
 * is all that there can be.
 */
#include "sluiced/detour.h"

#include "lib/log.h"
#include "sluiced/attach_detour.h"

static int on_lay(void *context, const struct port_detour *detour, struct sl_err *err)
{
	struct instance *inst = context;
	struct sl_detour ends = {
		.host_end = detour->host_ifindex,
		.outer = detour->outer_ifindex,
		.inner = detour->inner_ifindex,
		.vin = detour->vin_ifindex,
	};

	return sl_detour_lay(inst->detour, detour->host_ns, &ends, err);
}

static int on_use(void *context, bool on, struct sl_err *err)
{
	struct instance *inst = context;

	return sl_detour_use(inst->detour, on, err);
}

static void on_lift(void *context)
{
	struct instance *inst = context;

	sl_detour_lift(inst->detour);
}

static void on_without(void *context, const struct sl_err *why)
{
	(void)context;
	sl_info("without a detour, so the gap will be longer: %s", why->text);
}

void detour_add_hooks(struct instance *inst, struct port_hooks *hooks)
{
	if (!inst->detour)
		return;
	hooks->detour_lay = on_lay;
	hooks->detour_use = on_use;
	hooks->detour_lift = on_lift;
	hooks->detour_without = on_without;
	hooks->detour_context = inst;
	hooks->host_path = inst->host_path;
}
