/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent has told so far: its endpoints, policies, networks, names and
 * switches. From this everything the core needs is made anew whenever the
 * core is.
 *
 * Invariant: a request changes all it is about or nothing; lists that come in
 * pieces change nothing before their last piece; memory is bounded by the
 * limits below, whatever the agent sends. Nothing here talks to anybody.
 */
#ifndef SLUICE_COMPAT_AGENT_H
#define SLUICE_COMPAT_AGENT_H

#include "compat/request.h"

#define AGENT_ENDPOINTS_MAX 8192
#define AGENT_RULES_MAX 16384 /* of all policies, each of a rule's applications counted */
#define AGENT_NETS_MAX 16384 /* of each list */
#define AGENT_NAMES_MAX 2048
#define AGENT_NAME_IPS_MAX 16384 /* of all names */
#define AGENT_DLP_MAX 16384
#define AGENT_PORTS_KEPT 1024 /* applications of an endpoint's ports */

/* A port of an endpoint and what speaks on it. */
struct agent_learned {
	uint16_t port, proto, server, application;
	uint8_t ip_proto;
	bool configured; /* by the agent, or else learned */
};

struct endpoint {
	struct endpoint *next;
	uint8_t mac[6], ucmac[6], parent_mac[6];
	uint16_t id; /* of the UCMAC */
	uint16_t core_id; /* the core's workload; 0: it knows none of that MAC yet */
	bool tap; /* as a new one is: its frames are looked at, not forwarded */
	bool nbe;
	size_t n_ports, ports_room;
	struct agent_learned *ports;
	struct endpoint_stats *stats; /* stats.c's */
};

struct agent_policy {
	struct agent_policy *next;
	uint8_t (*macs)[6];
	size_t n_macs;
	uint8_t action, directions;
	size_t n_rules, rules_room, weight; /* weight: what it counts for AGENT_RULES_MAX */
	struct agent_rule *rules;
	struct sl_arena arena; /* of what the rules point to */
};

struct agent_net_list {
	size_t n;
	struct agent_net *nets;
	/* The pieces so far. */
	bool begun;
	size_t n_coming;
	struct agent_net *coming;
};

struct agent_name {
	struct agent_name *next;
	bool host;
	size_t n_ips;
	uint32_t *ips;
	char name[];
};

struct agent_dlp;

struct agent {
	struct endpoint *endpoints;
	size_t n_endpoints;
	struct agent_policy *policies, *coming; /* coming: the pieces so far, NULL: none */
	size_t weight; /* of all policies */
	struct agent_net_list internal, policy_addresses, special;
	struct agent_name *names;
	size_t n_names, n_name_ips;
	struct agent_dlp *dlp;
	bool disable_net_policy, detect_unmanaged, icmp_policy, strict_groups, xff;
	uint32_t categories;
};

/* What must be done about a request. */
#define CHANGED_ENDPOINTS 0x1
#define CHANGED_POLICY 0x2
#define CHANGED_NAMES 0x4

struct agent *agent_new(void); /* NULL without memory */
void agent_free(struct agent *agent); /* NULL allowed */

/*
 * Does what the request says of the agent's own state; those that only ask, or
 * are about ports, change nothing. CHANGED_*, or -errno with err and nothing changed.
 */
int agent_apply(struct agent *agent, const struct compat_request *request, struct sl_err *err);

struct endpoint *agent_find(const struct agent *agent, const uint8_t mac[6]);
struct endpoint *agent_find_id(const struct agent *agent, uint16_t id);
struct endpoint *agent_find_core(const struct agent *agent, uint16_t core_id);
const struct agent_policy *agent_policy_of(const struct agent *agent, const uint8_t mac[6]);
/* A session's application was recognised on a port: true if that is news. */
bool agent_learn(struct endpoint *endpoint, uint16_t port, uint8_t ip_proto, uint16_t number);

/* agent_policy.c, agent_nets.c, agent_dlp.c */
int agent_policy_apply(struct agent *agent, const struct agent_policy_piece *piece, struct sl_err *err);
void agent_policy_free(struct agent_policy *policy); /* all behind it as well; NULL allowed */
int agent_nets_apply(struct agent_net_list *list, const struct agent_nets_piece *piece, struct sl_err *err);
void agent_nets_free(struct agent_net_list *list);
int agent_name_set(struct agent *agent, const struct agent_names *names, struct sl_err *err);
int agent_names_delete(struct agent *agent, const struct agent_names *names);
struct agent_dlp *agent_dlp_new(void);
void agent_dlp_free(struct agent_dlp *dlp);
int agent_dlp_apply(struct agent_dlp *dlp, const struct compat_request *request, struct sl_err *err);
/* For the log: rules and endpoints they are kept for. */
void agent_dlp_count(const struct agent_dlp *dlp, size_t *ret_rules, size_t *ret_choices);

/* endpoint.c */
int agent_endpoint_add(struct agent *agent, const struct agent_mac *mac, struct sl_err *err);
int agent_endpoint_delete(struct agent *agent, const uint8_t mac[6]);
int agent_endpoint_config(struct agent *agent, const struct agent_macs *macs, struct sl_err *err);
void agent_endpoints_free(struct agent *agent);

#endif
