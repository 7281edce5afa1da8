/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small policy that many tests need, and having one in force.
 *
 * Invariant: rules_apply() returns when every worker of the core goes by it.
 */
#ifndef SLUICE_TESTS_RULES_H
#define SLUICE_TESTS_RULES_H

#include "lib/daemon.h"
#include "lib/world.h"

#define POLICY_FILE WORLD_TMP "/policy.yaml"

/* Of "web": TCP 8080 and UDP 8053 in, TCP 9090 out, ping both ways; all else is denied. */
#define RULES(mode)                                                                                          \
	"version: 1\n"                                                                                       \
	"workloads:\n"                                                                                       \
	"  - {workload: web, mode: " mode ", ingress: deny, egress: deny}\n"                                 \
	"rules:\n"                                                                                           \
	"  - {id: 1, direction: ingress, workload: web, protocol: tcp, ports: 8080, action: allow}\n"        \
	"  - {id: 2, direction: ingress, workload: web, protocol: udp, ports: 8053, action: allow}\n"        \
	"  - {id: 3, direction: egress, workload: web, protocol: tcp, ports: 9090, action: allow}\n"         \
	"  - {id: 4, direction: both, workload: web, protocol: icmp, action: allow}\n"

/* Writes POLICY_FILE. */
void rules_write(const char *text);
/* Writes and applies it. Fails the test if it is not in force then. */
void rules_apply(struct daemon *d, const char *text);
/* Applies what a file has. */
void rules_apply_file(struct daemon *d, const char *path);

#endif
