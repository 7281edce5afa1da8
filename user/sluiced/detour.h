/* SPDX-License-Identifier: BSD-2-Clause */
/* The detour's programs as hooks of port_take() and port_give_back(). */
#ifndef SLUICE_SLUICED_DETOUR_H
#define SLUICE_SLUICED_DETOUR_H

#include "port/port.h"
#include "sluiced/instance.h"

/* Leaves *hooks as they are if this instance has no such programs. */
void detour_add_hooks(struct instance *inst, struct port_hooks *hooks);

#endif
