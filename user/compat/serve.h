/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent served: its datagrams taken, done and answered; the core met,
 * told and listened to; what is due in time sent.
 *
 * Invariant: one thread, one loop; nothing the agent sends or leaves unread
 * stops it, and it waits for the core a bounded time.
 */
#ifndef SLUICE_COMPAT_SERVE_H
#define SLUICE_COMPAT_SERVE_H

#include "compat/agent.h"
#include "compat/core.h"
#include "compat/ports.h"
#include "compat/queue.h"
#include "compat/tell.h"
#include "compat/wire.h"

/* A list that is sent as fast as it is read: the next page is asked for when nothing waits. */
struct listing {
	bool active;
	struct sockaddr_un to;
	socklen_t to_len;
	char after[32]; /* "": from the beginning */
};

struct serve {
	const struct compat_options *options;
	struct agent *agent;
	struct core *core;
	struct ports *ports; /* NULL: a daemon has them */
	struct tell *tell;
	int fd; /* requests */
	struct queue replies, notices;
	struct listing sessions;
	/* The latest sender that had an address. */
	struct sockaddr_un client;
	socklen_t client_len; /* 0: none yet */
	uint32_t generation; /* of the core that knows all; 0: none does */
	int dirty; /* CHANGED_* that the core does not know yet … */
	uint64_t dirty_ns, heard_ns; /* … since when, and when the last request came */
	uint64_t retry_ns; /* not before: what it would not take is not asked of it all the time */
	uint64_t slot_ns, connections_ns; /* when they are due next */
	size_t rules, domains; /* of the policy in force, for counters */
	uint64_t requests, refused;
	uint8_t message[WIRE_MAX];
};

/* fd: the bound request socket. 0 told to end, or -errno with err. */
int serve_run(struct serve *serve, int signal_fd, struct sl_err *err);

/* answers.c: what is asked of the core for the agent. */
void answer(struct serve *serve, const struct compat_request *request);
void answer_sessions(struct serve *serve); /* the next page of the listing */

/* dispatch.c */
void dispatch(struct serve *serve, const char *bytes, size_t len);
/* Tells the core what it does not know yet. */
void settle(struct serve *serve);

/* daemon.c: without ports of our own, the daemon's workloads by MAC. */
void daemon_find(struct serve *serve);
void daemon_mode(struct serve *serve, const struct agent_macs *macs);

#endif
