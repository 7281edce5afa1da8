/* SPDX-License-Identifier: BSD-2-Clause */
/* The sysctls of one port, both families, conf and neigh; and what sysfs has besides (sysfs.h). */
#ifndef SLUICE_PORT_SYSCTLS_H
#define SLUICE_PORT_SYSCTLS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct port_sysctl {
	const char *folder; /* static */
	char file[64];
	char *value;
};
struct port_sysctls {
	struct port_sysctl *item;
	size_t n, room;
};

/* These work in the current network namespace. *ret empty before. 0 or -errno. */
int sysctls_read(const char *port, struct port_sysctls *ret, struct sl_err *err);
/*
 * Writes what differs on `port` from `wanted`. With `known`, what it has is
 * not read but taken from there; reading some 150 files takes milliseconds.
 */
int sysctls_apply(const char *port, const struct port_sysctls *wanted, const struct port_sysctls *known,
		  struct sl_err *err);
/* The first that differs or is missing in `now`, or NULL. */
const struct port_sysctl *sysctls_difference(const struct port_sysctls *wanted,
					     const struct port_sysctls *now);
/* NULL if there is none of that name. */
const char *sysctls_value(const struct port_sysctls *sysctls, const char *folder, const char *file);
/* One that was read at another time. 0; -EBADMSG if it is in none of the folders; -ENOMEM. */
int sysctls_add(struct port_sysctls *list, const char *folder, const char *file, const char *value);
void sysctls_free(struct port_sysctls *sysctls);

#define SYSCTLS_IPV6 "net/ipv6/conf"

#endif
