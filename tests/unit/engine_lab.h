/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One engine with a policy, a lane that keeps what the engine sends by itself,
 * and a clock of its own; frames go in, answers come out.
 *
 * Invariant: a frame is shown in memory of exactly its length, which is gone
 * when the engine has answered; events are read after each frame, so that none
 * is lost.
 */
#ifndef SLUICE_TESTS_UNIT_ENGINE_LAB_H
#define SLUICE_TESTS_UNIT_ENGINE_LAB_H

#include "dpi/decide/engine.h"
#include "dpi/policy/policies.h"
#include "dpi/session/list.h"
#include "lib/frames.h"

#define TRIAL_ID 7
#define TRIAL_PEER "10.1.2.3"
#define TRIAL_WORKLOAD "10.9.8.7"
#define TRIAL_PEER6 "fd00::1:2:3"
#define TRIAL_WORKLOAD6 "fd00::9:8:7"
#define TRIAL_MS 1000000ull
#define TRIAL_SENT 64

/* What all workloads are in, and what the lab's may do. */
#define TRIAL_ONLY_8080                                                                                      \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"- {id: 1, direction: ingress, protocol: tcp, ports: 8080, action: allow}\n"

struct trial_lane {
	struct sl_lane lane; /* the first: the engine's pointer */
	unsigned int sent;
	struct frame frame[TRIAL_SENT]; /* the last ones */
};

struct trial {
	struct sl_engine *engine;
	struct sl_policies *policies;
	struct trial_lane *lane;
	uint64_t now_ns;
	struct frame f; /* the one that was made last */
	bool bulk; /* frames come by the bulk lane */
	bool marked; /* the last one was given back with SL_UCMAC_HANDOVER */
	unsigned int alerts, drops, flows; /* events, in all */
	struct sl_event alert, drop, flow; /* the last of each */
};

/* policy: YAML, NULL for none. change may be NULL. */
void trial_open(struct trial *lab, const char *policy, void (*change)(struct sl_engine_conf *conf));
void trial_close(struct trial *lab);
void trial_policy(struct trial *lab, const char *policy);
/* The same with a number, as workloads have it in the kernel's map (0 without). */
void trial_numbered_policy(struct trial *lab, const char *policy, uint32_t number);
/* That much later, and a turn of the engine. */
void trial_later(struct trial *lab, uint64_t ns);

/* Begins lab->f: Ethernet and IP of the family, toward the workload or from it. */
void trial_ip(struct trial *lab, bool to_workload, uint8_t family, uint8_t protocol);
enum sl_action trial_feed(struct trial *lab, const struct frame *f);
/* One TCP segment over IPv4 of the peer's port `client` and the workload's `server`. data may be NULL: len bytes. */
enum sl_action trial_tcp(struct trial *lab, bool to_workload, uint16_t client, uint16_t server, uint32_t seq,
			 uint32_t ack, uint8_t flags, const void *data, size_t len);
/* Numbers after it: the peer's next is 1001, the workload's 5001. False: a part was dropped. */
bool trial_handshake(struct trial *lab, uint16_t client, uint16_t server);
/* Why the last frame was dropped; "" if it was not. */
const char *trial_reason(const struct trial *lab);
/* The only session there is, or NULL. */
struct sl_session *trial_session(struct trial *lab);

#endif
