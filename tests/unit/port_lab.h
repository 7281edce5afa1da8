/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three namespaces for the tests of port taking: a host, an agent, a workload
 * whose eth0 is a veth from the host.
 *
 * Invariant: nothing has a name outside the test's own process, so nothing is
 * left behind whatever becomes of the test.
 */
#ifndef SLUICE_TESTS_PORT_LAB_H
#define SLUICE_TESTS_PORT_LAB_H

#include <stdbool.h>
#include <stddef.h>

#include "port/port.h"

struct lab {
	int host, agent, workload;
};

/* Ends the test when it cannot be set up; skips it when not root. */
void lab_open(struct lab *lab);

/* Runs a shell command inside a namespace. sh() insists on success, sh_try() returns the exit status. */
void sh(int netns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int sh_try(int netns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Its output, to be freed. */
char *sh_read(int netns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All that `ip`, sysctl and ethtool show of a port, without indexes and running clocks. To be freed. */
char *lab_picture(int netns, const char *port);
/* Fails the test with the first differing lines when they are not the same; frees both. */
void lab_same(char *before, char *after, const char *what);

/* Does the address answer from there within so many seconds, asked once a second? */
bool lab_reaches(int netns, const char *address, int seconds);
/* An interface of that namespace with one of these beginnings, in a static text; NULL: none. */
const char *lab_interface_like(int netns, const char *const *beginnings);

/* A socket that sees the IPv6 packets that arrive at an interface; the caller closes it. */
int lab_listen(int netns, const char *interface);
/* How often did somebody ask there whether anyone has its address already? Until nothing has come for ms. */
unsigned int lab_detections(int fd, int ms);

void lab_request(const struct lab *lab, struct port_request *request);

/*
 * Hooks that join vex and vin by a redirecting program each, as the daemon's
 * do; `fail` makes ready() fail instead.
 */
struct lab_wires {
	int agent, workload;
	const char *on_undo; /* a command for the workload at that moment, or NULL */
	int link[2];
	unsigned int ready, undone;
	bool fail;
};
void lab_hooks(const struct lab *lab, struct lab_wires *wires, struct port_hooks *hooks);

#endif
