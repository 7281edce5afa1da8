/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies of an agent that speaks the existing data plane's protocol: what
 * they know beyond rules. Actions have numbers of their own, which the
 * session keeps; addresses have classes; and a peer nobody has told of yet is
 * given grace, until the agent has caught up.
 *
 * Invariant: workloads without an agent's policy never come here.
 */
#ifndef SLUICE_DPI_POLICY_AGENT_H
#define SLUICE_DPI_POLICY_AGENT_H

#include "dpi/policy/policy.h"

struct sl_block_rule;
struct sl_block_workload;

/* An action by its number in that protocol. */
enum sl_label {
	SL_LABEL_OPEN,
	SL_LABEL_LEARN,
	SL_LABEL_ALLOW,
	SL_LABEL_CHECK_HOST,
	SL_LABEL_CHECK_NBE,
	SL_LABEL_CHECK_APP,
	SL_LABEL_VIOLATE,
	SL_LABEL_DENY,
	SL_LABELS,
};

/* Switches of all its policies. */
#define SL_AGENT_DISABLED 0x01 /* no policy is applied */
#define SL_AGENT_ICMP 0x02 /* ICMP is judged by the default as well */
#define SL_AGENT_STRICT 0x04 /* no grace for unknown peers */
#define SL_AGENT_UNMANAGED 0x08 /* unmanaged workloads are judged */
#define SL_AGENT_INTERNAL 0x10 /* there is a list of internal networks; else all are */
#define SL_AGENT_ALL 0x1f

/* What an address is. */
#define SL_CLASS_INTERNAL 0x01
#define SL_CLASS_KNOWN 0x02 /* of an endpoint the agent has told of: cfg_policy_addr */
#define SL_CLASS_DEVICE 0x04
#define SL_CLASS_SERVICE 0x08
#define SL_CLASS_UNMANAGED 0x10
#define SL_CLASS_EXTERNAL 0x20
#define SL_CLASS_HOST 0x40
#define SL_CLASS_TUNNEL 0x80

/* How a session looks to the policy: the flags of the protocol's connections. */
#define SL_LOOK_EXTERNAL 0x0002
#define SL_LOOK_SERVICE_EXTIP 0x0008
#define SL_LOOK_LINK_LOCAL 0x0020
#define SL_LOOK_GRACE 0x0040
#define SL_LOOK_UNMANAGED 0x0080
#define SL_LOOK_CHECK_NBE 0x0100

#define SL_THREAT_NUMBER_EXTIP 2026

/* Behind the lookup: makes of its answer (rule NULL: the default) what the agent's words mean. */
void sl_agent_judge(const struct sl_policy *policy, const struct sl_block_workload *workload,
		    const struct sl_policy_query *query, const struct sl_block_rule *rule,
		    struct sl_policy_answer *ret);

/*
 * Grace, of one worker: pairs of addresses that pass although no rule allows
 * it, for windows of SL_GRACE_NS that are renewed some times.
 */
#define SL_GRACE_NS 60000000000ull
#define SL_GRACE_FORGOTTEN_NS 600000000000ull /* silent for that long: as if never seen */
#define SL_GRACE_PAIRS 4096
struct sl_grace *sl_grace_new(void); /* NULL without memory */
void sl_grace_free(struct sl_grace *grace); /* NULL allowed */
void sl_grace_renew(struct sl_grace *grace); /* the policy has changed */
/* May the pair pass now? renewals: how often its window is renewed. */
bool sl_grace_ask(struct sl_grace *grace, const struct sl_addr *own, const struct sl_addr *peer,
		  unsigned int renewals, uint64_t now_ns);

#endif
