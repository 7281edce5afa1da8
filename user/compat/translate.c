// SPDX-License-Identifier: BSD-2-Clause
/* See translate.h for the invariant. */
#include "compat/translate.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "dpi/policy/agent.h"
#include "dpi/policy/block.h"
#include "policyfile/compile.h"
#include "policyfile/rules.h"

#define ARENA_MAX (256U << 20)
#define NOT_CHECKED 1

_Static_assert(SL_LABEL_DENY == (int)AGENT_DENY && SL_LABEL_CHECK_APP == (int)AGENT_CHECK_APP,
	       "the core's labels are the protocol's numbers");

struct work {
	const struct agent *agent;
	struct sl_rules *rules;
	size_t room; /* of rules->rules */
};

static struct sl_addr address(uint32_t ip)
{
	return (struct sl_addr){ .byte = { [10] = 0xff,
					   [11] = 0xff,
					   [12] = (uint8_t)(ip >> 24),
					   [13] = (uint8_t)(ip >> 16),
					   [14] = (uint8_t)(ip >> 8),
					   [15] = (uint8_t)ip } };
}

static struct sl_peer range(uint32_t from, uint32_t to)
{
	return (struct sl_peer){ .kind = SL_PEER_RANGE, .from = address(from), .to = address(to) };
}

static enum sl_rule_action action_of(uint8_t label)
{
	return label == SL_LABEL_DENY ? SL_RULE_DENY : SL_RULE_ALLOW;
}

/* The ids of a policy's endpoints that are there. */
static int workloads_of(const struct work *work, const struct agent_policy *policy,
			struct sl_workload_ref **ret, size_t *ret_n)
{
	struct sl_workload_ref *refs = sl_arena_array(&work->rules->arena, policy->n_macs + 1, sizeof(*refs));
	size_t n = 0;

	if (!refs)
		return -ENOMEM;
	for (size_t i = 0; i < policy->n_macs; i++) {
		const struct endpoint *endpoint = agent_find(work->agent, policy->macs[i]);
		uint16_t id = endpoint ? endpoint->core_id : 0;

		if (id)
			refs[n++].id = id;
	}
	*ret = refs;
	*ret_n = n;
	return 0;
}

static bool is_all(uint32_t from, uint32_t to)
{
	return !from && (to == UINT32_MAX || !to);
}

/* The parts that all rules made of one have in common. */
static int fill_common(const struct work *work, const struct agent_rule *from, struct sl_rule *rule)
{
	struct sl_arena *arena = &work->rules->arena;
	uint32_t peer_from = from->ingress ? from->source_from : from->destination_from;
	uint32_t peer_to = from->ingress ? from->source_to : from->destination_to;
	uint32_t own_from = from->ingress ? from->destination_from : from->source_from;
	uint32_t own_to = from->ingress ? from->destination_to : from->source_to;

	rule->directions = from->ingress ? SL_INGRESS : SL_EGRESS;
	rule->peers = sl_arena_array(arena, 1, sizeof(*rule->peers));
	rule->owns = sl_arena_array(arena, 1, sizeof(*rule->owns));
	rule->ports = sl_arena_array(arena, 1, sizeof(*rule->ports));
	rule->protocols = sl_arena_array(arena, 1, sizeof(*rule->protocols));
	if (!rule->peers || !rule->owns || !rule->ports || !rule->protocols)
		return -ENOMEM;
	if (*from->name) {
		rule->peers[0] = (struct sl_peer){ .kind = SL_PEER_NAME, .name = from->name };
		rule->n_peers = 1;
		rule->host = from->host;
	} else if (!is_all(peer_from, peer_to)) {
		rule->peers[0] = range(peer_from, peer_to);
		rule->n_peers = 1;
	}
	if (!is_all(own_from, own_to)) {
		rule->owns[0] = range(own_from, own_to);
		rule->n_owns = 1;
	}
	/* Ports mean something with some protocols only; without one all are meant. */
	if ((from->port_from || from->port_to != UINT16_MAX) && (from->port_from || from->port_to) &&
	    (!from->protocol || sl_protocol_has_ports(from->protocol))) {
		rule->ports[0] = (struct sl_port_range){ from->port_from, from->port_to };
		rule->n_ports = 1;
	}
	if (from->protocol) {
		rule->protocols[0] = from->protocol;
		rule->n_protocols = 1;
	}
	return 0;
}

static void set_action(struct sl_rule *rule, uint32_t id, uint8_t label)
{
	rule->id = id;
	rule->label = label;
	rule->action = action_of(label);
}

static int add_rule(struct work *work, const struct sl_rule *common, uint32_t id, uint8_t label,
		    uint32_t application)
{
	struct sl_rules *rules = work->rules;
	struct sl_rule *rule = &rules->rules[rules->n_rules];

	if (rules->n_rules == work->room)
		return -E2BIG;
	*rule = *common;
	set_action(rule, id, label);
	if (application) {
		rule->applications = sl_arena_array(&rules->arena, 1, sizeof(*rule->applications));
		if (!rule->applications)
			return -ENOMEM;
		/* "Unknown" is what is found to be nothing that is known. */
		rule->applications[0] =
			application > UINT16_MAX ? SL_APPLICATION_UNKNOWN : (uint16_t)application;
		rule->n_applications = 1;
	}
	rules->n_rules++;
	return 0;
}

static int add_rules(struct work *work, const struct agent_policy *policy)
{
	struct sl_rule common = { 0 };
	int r = workloads_of(work, policy, &common.workloads, &common.n_workloads);

	/* No endpoint of it is here: its rules would otherwise be everybody's. */
	if (r || !common.n_workloads)
		return r;
	for (size_t i = 0; i < policy->n_rules && !r; i++) {
		const struct agent_rule *from = &policy->rules[i];
		struct sl_rule rule = common;

		r = fill_common(work, from, &rule);
		for (size_t k = 0; k < from->n_apps && !r; k++)
			r = add_rule(work, &rule, from->apps[k].id, from->apps[k].action,
				     from->apps[k].application);
		/* With applications one of them decides, and if none does it is as if the rule were not there. */
		if (!r && !from->n_apps)
			r = add_rule(work, &rule, from->id, from->action, 0);
	}
	return r;
}

static int add_settings(struct work *work)
{
	struct sl_rules *rules = work->rules;

	rules->workloads =
		sl_arena_array(&rules->arena, work->agent->n_endpoints + 1, sizeof(*rules->workloads));
	if (!rules->workloads)
		return -ENOMEM;
	for (const struct endpoint *e = work->agent->endpoints; e; e = e->next) {
		const struct agent_policy *policy = agent_policy_of(work->agent, e->mac);
		struct sl_default *setting = &rules->workloads[rules->n_workloads].setting;
		uint16_t id = e->core_id;

		if (!id)
			continue;
		rules->workloads[rules->n_workloads++].workload.id = id;
		/* Without a policy all is open; malformed packets are dropped only where something is enforced. */
		*setting = (struct sl_default){ .mode = SL_POLICY_MONITOR,
						.ingress = SL_RULE_ALLOW,
						.egress = SL_RULE_ALLOW,
						.agent = SL_BLOCK_AGENT | (e->nbe ? SL_BLOCK_AGENT_NBE : 0) };
		if (!policy)
			continue;
		setting->label = policy->action;
		setting->ingress = setting->egress = action_of(policy->action);
		setting->mode = policy->action == AGENT_DENY ? SL_POLICY_PROTECT : SL_POLICY_MONITOR;
		/* 1 egress, 2 ingress, there as here. */
		setting->agent |= (policy->directions & 1 ? SL_BLOCK_AGENT_EGRESS : 0) |
				  (policy->directions & 2 ? SL_BLOCK_AGENT_INGRESS : 0);
	}
	return 0;
}

static uint32_t class_of(uint8_t kind)
{
	return (kind & NET_DEVICE ? SL_CLASS_DEVICE : 0) | (kind & NET_SERVICE ? SL_CLASS_SERVICE : 0) |
	       (kind & NET_UNMANAGED ? SL_CLASS_UNMANAGED : 0) |
	       (kind & NET_EXTERNAL ? SL_CLASS_EXTERNAL : 0) | (kind & NET_HOST ? SL_CLASS_HOST : 0) |
	       (kind & NET_TUNNEL ? SL_CLASS_TUNNEL : 0);
}

static void add_nets(struct sl_rules *rules, const struct agent_net_list *list, uint32_t bits)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct agent_net *net = &list->nets[i];
		uint32_t all = bits ? bits : class_of(net->kind), from = net->address & net->mask;

		if (all)
			rules->classes[rules->n_classes++] =
				(struct sl_address_class){ from, from | ~net->mask, all };
	}
}

static int add_classes(struct work *work)
{
	const struct agent *agent = work->agent;
	struct sl_rules *rules = work->rules;

	rules->classes = sl_arena_array(&rules->arena,
					agent->internal.n + agent->policy_addresses.n + agent->special.n + 1,
					sizeof(*rules->classes));
	if (!rules->classes)
		return -ENOMEM;
	add_nets(rules, &agent->internal, SL_CLASS_INTERNAL);
	add_nets(rules, &agent->policy_addresses, SL_CLASS_KNOWN);
	add_nets(rules, &agent->special, 0);
	rules->agent = (agent->internal.n ? SL_AGENT_INTERNAL : 0) |
		       (agent->disable_net_policy ? SL_AGENT_DISABLED : 0) |
		       (agent->icmp_policy ? SL_AGENT_ICMP : 0) |
		       (agent->strict_groups ? SL_AGENT_STRICT : 0) |
		       (agent->detect_unmanaged ? SL_AGENT_UNMANAGED : 0);
	return 0;
}

int translate_rules(const struct agent *agent, struct sl_rules **ret, struct sl_err *err)
{
	struct work work = { agent, calloc(1, sizeof(*work.rules)), agent->weight };
	int r = work.rules ? 0 : -ENOMEM;

	if (!r) {
		work.rules->arena.limit = ARENA_MAX;
		work.rules->fallback = (struct sl_default){ .mode = SL_POLICY_DISCOVER };
		work.rules->rules =
			sl_arena_array(&work.rules->arena, agent->weight + 1, sizeof(*work.rules->rules));
		r = work.rules->rules ? add_settings(&work) : -ENOMEM;
	}
	for (const struct agent_policy *p = agent->policies; p && !r; p = p->next)
		r = add_rules(&work, p);
	if (!r)
		r = add_classes(&work);
	if (r) {
		sl_rules_free(work.rules);
		return sl_errno(err, -r, "the agent's policy");
	}
	*ret = work.rules;
	return 0;
}

int translate_policy(const struct agent *agent, void **ret_block, size_t *ret_size, size_t *ret_rules,
		     struct sl_err *err)
{
	struct sl_rules *rules = NULL;
	int r = translate_rules(agent, &rules, err);

	if (r)
		return r;
	*ret_rules = rules ? rules->n_rules : 0;
	r = sl_rules_compile(rules, NULL, ret_block, ret_size, NULL, err);
	sl_rules_free(rules);
	return r;
}

uint16_t translate_application(uint16_t application, bool checked)
{
	if (application >= SL_APPLICATION_NDPI)
		return 0;
	return application || checked ? application : NOT_CHECKED;
}

uint8_t translate_severity(uint32_t threat, bool dropped)
{
	switch (threat) {
	case 0:
		return 0;
	case 2001:
	case 2003:
	case 2005:
	case 2011:
	case 2016:
		return 3;
	case 2013:
	case 2014:
	case 2025:
		return 4;
	default:
		/* Content rules: those that drop, and those that only look. */
		return threat < 20000 || dropped ? 5 : 3;
	}
}
