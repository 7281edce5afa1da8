/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How vex and vin are called: vex<hex pid>-<port>, vin<hex pid>-<port>.
 *
 * Invariant: both names are at most 15 characters, share all but their first
 * three, and were free when they were chosen.
 */
#ifndef SLUICE_SLUICED_NAMES_H
#define SLUICE_SLUICED_NAMES_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"

struct port_naming {
	pid_t pid; /* 0: none, then ns_ino's low 32 bits stand in */
	ino_t ns_ino;
	__u16 id; /* for the second attempt: vex<id as 4 hex>-<port, cut to fit> */
	const char *port;
	bool (*in_use)(void *context, const char *name);
	void *context;
};

/* 0, or -EEXIST when both attempts are in use. */
int port_names(const struct port_naming *naming, char ret_vex[IFNAMSIZ], char ret_vin[IFNAMSIZ],
	       struct sl_err *err);

#endif
