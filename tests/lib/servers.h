/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real servers and their real clients: nginx, openssl, openssh, dnsmasq,
 * MariaDB, Redis, PostgreSQL, ZooKeeper, chrony; each asked one thing that only the whole
 * way there and back can answer.
 *
 * Invariant: none of them uses the port by which its protocol is known, where
 * its client can be told another; all keep to the test's own scratch folder.
 */
#ifndef SLUICE_TESTS_SERVERS_H
#define SLUICE_TESTS_SERVERS_H

#include "lib/ns.h"

struct server {
	const char *name;
	const char *needs; /* a program that not every machine has: without it this one is left out; NULL */
	const char *application; /* as a policy calls it */
	const char *server_name; /* as a session has it; "" if it has none */
	const char *protocol; /* tcp or udp */
	int port;
	const char *
		refusal; /* parts of what the client says if it is refused, by '|'; NULL: it says nothing of it */
	const char *start; /* the program, as a command; NULL: another's program serves this, too */
	const char *ready; /* a command that ends well once it serves; NULL: it serves when it listens */
	const char *client; /* asks $A, in URLs $U, and gives up after $P seconds */
	const char *answer; /* part of what the client then says */
};

extern const struct server servers[];
/* Without those at the end that the machine lacks a program for: known, and said, by servers_start(). */
extern unsigned int n_servers;

/* Makes keys and databases, starts all in the namespace and waits until each serves. Fails the test if one does not. */
void servers_start(struct ns *ns);

/* A client in the background, which gives up after so many seconds. */
struct proc *servers_ask(const struct server *server, struct ns *from, const char *address, int patience_s);
/* Has it been answered? Its end is waited for. */
bool servers_answered(const struct server *server, struct proc *client);
/* Has it been refused, in words where it has any? */
bool servers_refused(const struct server *server, struct proc *client);

#endif
