// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rules one by one, as a reader of the file would do it: slow, plain, and what
 * the compiled form is tested against. Names of workloads match nothing here;
 * resolve them first.
 */
#include <string.h>

#include "policyfile/rules.h"

static bool has_workload(const struct sl_workload_ref *refs, size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++)
		if (!refs[i].name && refs[i].id == id)
			return true;
	return false;
}

static bool peer_matches(const struct sl_peer *peer, const struct sl_policy_query *query,
			 const struct sl_names_of *names)
{
	if (peer->kind == SL_PEER_NAME)
		return names && names->covers(names->context, peer->name, &query->peer);
	if (peer->kind == SL_PEER_WORKLOAD)
		return query->peer_workload && has_workload(&peer->workload, 1, query->peer_workload);
	if (peer->v6) {
		static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

		/* ::/0 is all of IPv6, and no IPv4. */
		if (!memcmp(&query->peer, mapped, sizeof(mapped)))
			return false;
	}
	return memcmp(&peer->from, &query->peer, sizeof(peer->from)) <= 0 &&
	       memcmp(&query->peer, &peer->to, sizeof(peer->to)) <= 0;
}

static bool any_peer_matches(const struct sl_rule *rule, const struct sl_policy_query *query,
			     const struct sl_names_of *names)
{
	for (size_t i = 0; i < rule->n_peers; i++)
		if (peer_matches(&rule->peers[i], query, names))
			return true;
	return !rule->n_peers;
}

static bool port_matches(const struct sl_rule *rule, const struct sl_policy_query *query)
{
	for (size_t i = 0; i < rule->n_ports; i++)
		if (sl_protocol_has_ports(query->protocol) && rule->ports[i].from <= query->port &&
		    query->port <= rule->ports[i].to)
			return true;
	return !rule->n_ports;
}

static bool application_matches(const struct sl_rule *rule, uint16_t application)
{
	for (size_t i = 0; i < rule->n_applications; i++)
		if (rule->applications[i] == application)
			return true;
	return !rule->n_applications;
}

static bool own_matches(const struct sl_rule *rule, const struct sl_policy_query *query)
{
	for (size_t i = 0; i < rule->n_owns; i++)
		if (memcmp(&rule->owns[i].from, &query->own, sizeof(query->own)) <= 0 &&
		    memcmp(&query->own, &rule->owns[i].to, sizeof(query->own)) <= 0)
			return true;
	return !rule->n_owns;
}

/* All but the application. */
static bool rule_matches(const struct sl_rule *rule, const struct sl_policy_query *query,
			 const struct sl_names_of *names)
{
	if (!(rule->directions & (query->ingress ? SL_INGRESS : SL_EGRESS)))
		return false;
	if (rule->n_workloads && !has_workload(rule->workloads, rule->n_workloads, query->workload))
		return false;
	if (rule->n_protocols && !memchr(rule->protocols, query->protocol, rule->n_protocols))
		return false;
	return port_matches(rule, query) && any_peer_matches(rule, query, names) && own_matches(rule, query);
}

static const struct sl_default *setting_of(const struct sl_rules *rules, uint16_t workload)
{
	for (size_t i = 0; i < rules->n_workloads; i++)
		if (has_workload(&rules->workloads[i].workload, 1, workload))
			return &rules->workloads[i].setting;
	return &rules->fallback;
}

void sl_rules_ask(const struct sl_rules *rules, const struct sl_policy_query *query,
		  const struct sl_names_of *names, struct sl_policy_answer *ret)
{
	const struct sl_default *setting = setting_of(rules, query->workload);
	/* Unknown as yet is not the same as found to be unknown. */
	bool known = query->application || query->application_final, answered = false;
	bool possible[2] = { false, false };
	size_t i;

	*ret = (struct sl_policy_answer){ .mode = setting->mode,
					  .action = query->ingress ? setting->ingress : setting->egress };
	for (i = 0; i < rules->n_rules; i++) {
		const struct sl_rule *rule = &rules->rules[i];

		if (!rule_matches(rule, query, names))
			continue;
		possible[rule->action] = true;
		if (!answered &&
		    (!rule->n_applications || (known && application_matches(rule, query->application)))) {
			answered = true;
			ret->action = rule->action;
			ret->rule = rule->id;
		}
		if (!rule->n_applications)
			break;
	}
	if (i == rules->n_rules)
		possible[query->ingress ? setting->ingress : setting->egress] = true;
	ret->pending = !query->application_final && possible[!ret->action];
}
