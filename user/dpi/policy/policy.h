/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy: from rules to an answer, at a cost that does not grow with their
 * number. Knows tuples and applications; nothing of sessions or frames.
 *
 * The first rule that matches, in the order of the file, decides; if none
 * does, the default of the workload and the direction.
 *
 * Invariant: a compiled policy never changes; a new one replaces it as a
 * whole, and the old one is freed when no worker reads it any more. What is
 * learned of names from DNS is kept beside it (policies.h).
 */
#ifndef SLUICE_DPI_POLICY_H
#define SLUICE_DPI_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpi/decode/packet.h"
#include "lib/err.h"

enum sl_policy_mode { SL_POLICY_DISCOVER, SL_POLICY_MONITOR, SL_POLICY_PROTECT };
enum sl_rule_action { SL_RULE_ALLOW, SL_RULE_DENY };

/* What is asked. */
struct sl_policy_query {
	uint16_t workload; /* whose policy */
	bool ingress; /* the workload is the server */
	struct sl_addr peer; /* the other side's address */
	struct sl_addr
		own; /* the workload's; asked for by an agent's policies alone, as the rest is that has `agent` */
	uint16_t peer_workload; /* its id if the peer is a workload of ours, else 0 */
	uint16_t port; /* of the server, host byte order; looked at for TCP, UDP and SCTP only */
	uint8_t protocol;
	uint16_t application; /* 0: not known … */
	bool application_final; /* … and will not become known; if known: will not change */
	uint64_t now_ns; /* CLOCK_MONOTONIC, for addresses learned from DNS; 0: they never expire */
	const char *host; /* agent: the name the client has asked for; NULL: none is known */
	struct sl_grace *grace; /* agent: NULL: none is given */
};

/* What is answered. */
struct sl_policy_answer {
	enum sl_rule_action action; /* while pending: what it is if nothing more becomes known */
	bool pending; /* the application, once known, may change the action */
	uint32_t rule; /* 0: the default */
	enum sl_policy_mode mode;
	/* Of an agent's policy (agent.h), else zero. */
	bool agent;
	uint8_t label; /* SL_LABEL_* */
	uint16_t flags; /* SL_LOOK_* */
	uint32_t threat; /* number; 0: none */
};

typedef char sl_policy_name[256]; /* of a host, lower case */

struct sl_policy; /* compiled */
struct sl_grace; /* agent.h */

/*
 * Takes a compiled policy (block.h) after checking all of it, whoever wrote
 * it: bytes that are no such block are refused with -EBADMSG and the reason.
 * sl_policy_open() copies the bytes; sl_policy_open_fd() maps a memory file
 * that is sealed against writing, growing and shrinking (-EPERM if not), and
 * does not keep the descriptor.
 */
int sl_policy_open(const void *block, size_t size, struct sl_policy **ret, struct sl_err *err);
int sl_policy_open_fd(int fd, struct sl_policy **ret, struct sl_err *err);

void sl_policy_ask(const struct sl_policy *policy, const struct sl_policy_query *query,
		   struct sl_policy_answer *ret);
void sl_policy_free(struct sl_policy *policy); /* NULL allowed */

/* The number workloads have in the kernel's map when this policy is theirs (struct sl_workload, generation); 0 unless set. */
void sl_policy_set_number(struct sl_policy *policy, uint32_t number);
uint32_t sl_policy_number(const struct sl_policy *policy);

/* For people: how many rules, and bytes. */
uint32_t sl_policy_rules(const struct sl_policy *policy);
size_t sl_policy_size(const struct sl_policy *policy);

#endif
