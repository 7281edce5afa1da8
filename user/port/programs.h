/* SPDX-License-Identifier: BSD-2-Clause */
/* BPF programs on an interface. */
#ifndef SLUICE_PORT_PROGRAMS_H
#define SLUICE_PORT_PROGRAMS_H

#include "port/snapshot.h"

struct port_programs {
	bool xdp, tcx;
};

/* 0 or -errno. */
int programs_find(const struct port_side *side, const struct port_snapshot *port, struct port_programs *ret,
		  struct sl_err *err);

#endif
