/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seed's topology, a data plane that speaks the existing protocol, and an
 * agent: what the tests of it play with.
 *
 *   host vex-peer ═ vex (agent) vin ═ eth0 (workload), vbr ═ vth in the agent's namespace
 *
 * Invariant: what the agent hears and is answered comes through the decoder
 * that shares nothing with the encoder.
 */
#ifndef SLUICE_TESTS_COMPAT_LAB_H
#define SLUICE_TESTS_COMPAT_LAB_H

#include <jansson.h>

#include "lib/ns.h"

#define COMPAT_LISTEN WORLD_TMP "/dp_listen.sock"
#define COMPAT_NOTIFY WORLD_TMP "/ctrl_listen.sock"
#define COMPAT_HEARD WORLD_TMP "/heard"
#define COMPAT_MAC "\"1a:27:f3:87:3a:27\""

struct compat {
	struct ns *host, *agent, *workload;
	struct seed_bpf *legs;
	struct proc *proc, *listener;
	char options[256];
};

/* The topology, and sluice-compat in the agent's namespace; options "" for none. */
struct compat *compat_start(const char *options);
/* Ends it, which must leave nothing behind. */
void compat_end(struct compat *c);
void compat_run(struct compat *c); /* once more */
/* The three messages by which frames are forwarded, and the internal networks. */
void compat_seed(struct compat *c);
const char *compat_said(struct compat *c);

/* A message from a client with a name; all answers, decoded (the caller's). */
json_t *compat_ask(struct compat *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same when nothing is to be answered; what it says before is done when this returns. */
void compat_tell(struct compat *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Begins to read notifications. */
void compat_listen(struct compat *c);
/* All that was heard so far of that kind (the caller's). */
json_t *compat_heard(struct compat *c, int kind);
/* How many entries of all connections heard have these values; "" / -1: any. sums may be NULL. */
struct compat_sums {
	json_int_t rows, bytes, sessions, violates;
};
void compat_connections(struct compat *c, const char *client, int port, int action, struct compat_sums *ret);

#endif
