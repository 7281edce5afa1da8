// SPDX-License-Identifier: BSD-2-Clause
/*
 * Real servers and clients through the core: recognized, learned, allowed and
 * refused by what they speak, over both families.
 *
 * Invariant: what a client did is told by the client; what the core made of it
 * by sluicectl and by the events. A refusal is what the client was told, never
 * its patience.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/eve.h"
#include "lib/rules.h"
#include "lib/servers.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(servers, .init = world_enter, .fini = world_leave, .timeout = 120);

#define EVENTS WORLD_TMP "/eve.json"
#define LEARNED WORLD_TMP "/learned.json"

#define PATIENCE_S (int)(patient(20000) / 1000) /* of a client that will be answered */
#define SHORT_S 1 /* of one that will not be told that it is refused */
#define RULE 77 /* the one of apply_by_application() */
#define FAMILIES 2
static const char *const web[FAMILIES] = { WL_IP4, WL_IP6 }, *const host[FAMILIES] = { HOST_IP4, HOST_IP6 };

typedef struct proc *clients[64][FAMILIES];

/* Everybody at once, by both families. */
static void ask_all(struct ns *from, const char *const address[FAMILIES], int patience_s, clients ret)
{
	for (unsigned int i = 0; i < n_servers; i++)
		for (int f = 0; f < FAMILIES; f++)
			ret[i][f] = servers_ask(&servers[i], from, address[f], patience_s);
}

static void expect_answers(struct ns *from, const char *const address[FAMILIES], const char *when)
{
	clients client;

	ask_all(from, address, PATIENCE_S, client);
	for (unsigned int i = 0; i < n_servers; i++)
		for (int f = 0; f < FAMILIES; f++)
			cr_expect(servers_answered(&servers[i], client[i][f]), "%s: %s at %s: %s", when,
				  servers[i].name, address[f], proc_text(client[i][f]));
}

/* Every application of the list once, as a policy wants a list. */
static void print_applications(FILE *out)
{
	for (unsigned int i = 0; i < n_servers; i++) {
		bool again = false;

		for (unsigned int k = 0; k < i; k++)
			again = again || !strcmp(servers[k].application, servers[i].application);
		if (!again)
			fprintf(out, "%s%s", i ? ", " : "", servers[i].application);
	}
}

/* What they speak, and nothing else of them, is allowed or denied. */
static void apply_by_application(struct topo *t, const char *direction, const char *action,
				 const char *others)
{
	FILE *file = fopen(POLICY_FILE, "w");

	cr_assert(file != NULL);
	fprintf(file,
		"version: 1\nworkloads:\n  - {workload: web, mode: protect, ingress: %s, egress: %s}\n"
		"rules:\n  - {id: %d, direction: %s, workload: web, action: %s, application: [",
		others, others, RULE, direction, action);
	print_applications(file);
	fputs("]}\n", file);
	fclose(file);
	rules_apply_file(t->d, POLICY_FILE);
}

static json_t *session_to(json_t *list, const struct server *server, const char *address)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_at(list, "items"), i, item) {
		if (json_int(item, "server_port") == server->port &&
		    !strcmp(json_text(item, "server"), address) &&
		    (json_int(item, "protocol") == 6) == !strcmp(server->protocol, "tcp"))
			return item;
	}
	return NULL;
}

static const char *flowvar(json_t *event, const char *key)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_at(event, "metadata.flowvars"), i, item) {
		if (!strcmp(json_text(item, "key"), key))
			return json_text(item, "value");
	}
	return "";
}

/* All of a type so far; each line of whatever type is looked at. */
static json_t *read_events(const char *type)
{
	json_t *events = json_array(), *event;
	FILE *file = fopen(EVENTS, "r");
	char line[8192];

	cr_assert(file != NULL);
	while (fgets(line, sizeof(line), file)) {
		event = json_loads(line, 0, NULL);
		cr_assert(event != NULL, "not JSON: %s", line);
		cr_assert(!eve_fault(event), "%s: %s", eve_fault(event), line);
		if (!strcmp(json_text(event, "event_type"), type))
			json_array_append(events, event);
		json_decref(event);
	}
	fclose(file);
	return events;
}

/* Of a session between the two with the server, as what it is. */
static json_t *event_of(json_t *events, const struct server *server, const char *from, const char *to)
{
	json_t *event;
	size_t i;

	json_array_foreach (events, i, event) {
		if (json_at(event, "dest_port") && json_int(event, "dest_port") == server->port &&
		    !strcmp(json_text(event, "src_ip"), from) && !strcmp(json_text(event, "dest_ip"), to) &&
		    !strcasecmp(json_text(event, "proto"), server->protocol) &&
		    !strcmp(json_at(event, "app_proto") ? json_text(event, "app_proto") : "",
			    server->application))
			return event;
	}
	return NULL;
}

/*
 * By the listing, for those that have not been forgotten yet: the first ended while the last still asked, and a
 * closed session is known for 15 seconds. By what was told of it at its end, for all.
 */
static void expect_sessions(struct topo *t, const char *const from[FAMILIES],
			    const char *const address[FAMILIES])
{
	json_t *list = ctl(t->d, "sessions"), *flows = NULL, *item;
	unsigned int listed = 0;

	for (unsigned int i = 0; i < n_servers; i++) {
		for (int f = 0; f < FAMILIES; f++) {
			item = session_to(list, &servers[i], address[f]);
			if (!item)
				continue;
			listed++;
			cr_expect_str_eq(json_text(item, "application"), servers[i].application, "%s",
					 servers[i].name);
			cr_expect_str_eq(json_text(item, "name"), servers[i].server_name, "%s",
					 servers[i].name);
		}
	}
	json_decref(list);
	cr_expect_gt(listed, 0);
	ctl_do(t->d, "sessions clear --all");
	for (unsigned int i = 0; i < n_servers; i++) {
		for (int f = 0; f < FAMILIES; f++) {
			cr_expect(wait_until(5000,
					     (json_decref(flows), flows = read_events("flow"),
					      (item = event_of(flows, &servers[i], from[f], address[f])))),
				  "no session: %s at %s", servers[i].name, address[f]);
			if (item)
				cr_expect_str_eq(flowvar(item, "server_name"), servers[i].server_name, "%s",
						 servers[i].name);
		}
	}
	json_decref(flows);
}

static bool lists(json_t *rule, const char *key, const char *value)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(rule, key), i, item) {
		if (!strcmp(json_string_value(item), value))
			return true;
	}
	return false;
}

/* How many kinds of sessions a rule allows; everything in it is a list of single values. */
static size_t kinds_of(json_t *rule)
{
	static const char *const keys[] = { "workload", "peer", "protocol", "ports", "application" };
	size_t n = 1;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		n *= json_array_size(json_object_get(rule, keys[i]));
	return n;
}

/* All that was done, and as many kinds as that: so nothing else. */
static void expect_learned(struct topo *t)
{
	json_t *learned, *rules, *rule;
	size_t kinds = 0, i;
	char port[8];

	/* Sessions that were not inspected to the end count when they end. */
	ctl_do(t->d, "sessions clear --all");
	ctl_do(t->d, "policy learned -o " LEARNED);
	learned = json_load_file(LEARNED, 0, NULL);
	rules = json_object_get(learned, "rules");
	cr_assert(json_array_size(rules) > 0);
	json_array_foreach (rules, i, rule) {
		kinds += kinds_of(rule);
		cr_expect_str_eq(json_text(rule, "direction"), "ingress");
		cr_expect_str_eq(json_text(rule, "action"), "allow");
	}
	cr_expect_eq(kinds, n_servers * FAMILIES, "%s", json_dumps(rules, 0));
	for (unsigned int s = 0; s < n_servers; s++) {
		for (int f = 0; f < FAMILIES; f++) {
			bool found = false;

			snprintf(port, sizeof(port), "%d", servers[s].port);
			json_array_foreach (rules, i, rule)
				found = found ||
					(lists(rule, "peer", host[f]) && lists(rule, "ports", port) &&
					 lists(rule, "protocol", servers[s].protocol) &&
					 lists(rule, "application", servers[s].application));
			cr_expect(found, "not learned: %s of %s: %s", servers[s].name, host[f],
				  json_dumps(rules, 0));
		}
	}
	json_decref(learned);
}

/* As a client sees it: one that hears nothing of it (its program keeps to itself what it was told) is not asked to wait. */
static void expect_refusals(struct ns *from, const char *const address[FAMILIES])
{
	clients client;

	for (unsigned int i = 0; i < n_servers; i++)
		for (int f = 0; f < FAMILIES; f++)
			client[i][f] = servers_ask(&servers[i], from, address[f],
						   servers[i].refusal ? PATIENCE_S : SHORT_S);
	for (unsigned int i = 0; i < n_servers; i++)
		for (int f = 0; f < FAMILIES; f++)
			cr_expect(servers_refused(&servers[i], client[i][f]), "not refused: %s at %s: %s",
				  servers[i].name, address[f], proc_text(client[i][f]));
}

static void expect_alert(json_t *alert, const struct server *server, bool ingress)
{
	char protocol[8];

	for (size_t i = 0; i < sizeof(protocol); i++)
		protocol[i] = (char)toupper(
			server->protocol[i < strlen(server->protocol) ? i : strlen(server->protocol)]);
	cr_expect_str_eq(json_text(alert, "proto"), protocol, "%s", server->name);
	cr_expect_str_eq(json_text(alert, "alert.action"), "blocked", "%s", server->name);
	cr_expect_str_eq(json_text(alert, "alert.category"), "policy", "%s", server->name);
	cr_expect_eq(json_int(alert, "alert.signature_id"), 1, "%s", server->name);
	cr_expect_eq(json_int(alert, "metadata.flowints.rule"), RULE, "%s", server->name);
	cr_expect_str_eq(flowvar(alert, "workload"), "web", "%s", server->name);
	cr_expect_str_eq(flowvar(alert, "direction"), ingress ? "ingress" : "egress", "%s", server->name);
	cr_expect_str_eq(flowvar(alert, "policy_action"), "deny", "%s", server->name);
	/* A name is said behind the words by which the application was known, or is among them. */
	if (*server->server_name && strcmp(server->application, "grpc"))
		cr_expect_str_eq(flowvar(alert, "server_name"), server->server_name, "%s", server->name);
}

static bool all_told(const char *const from[FAMILIES], const char *const to[FAMILIES], bool ingress,
		     bool check)
{
	json_t *alerts = read_events("alert"), *alert;
	bool all = true;

	for (unsigned int i = 0; i < n_servers; i++) {
		for (int f = 0; f < FAMILIES; f++) {
			alert = event_of(alerts, &servers[i], from[f], to[f]);
			all = all && alert;
			if (check && !alert)
				cr_expect_fail("no alert: %s from %s", servers[i].name, from[f]);
			else if (check)
				expect_alert(alert, &servers[i], ingress);
		}
	}
	json_decref(alerts);
	return all;
}

/* For a validator outside: all lines are appended to $EVE_OUT. */
static void keep_events(void)
{
	if (getenv("EVE_OUT"))
		ns_run(NULL, "cat " EVENTS " >>%s", getenv("EVE_OUT"));
}

static void expect_alerts(const char *const from[FAMILIES], const char *const to[FAMILIES], bool ingress)
{
	wait_until(5000, all_told(from, to, ingress, false));
	all_told(from, to, ingress, true);
}

Test(servers, in_the_workload_are_recognized_learned_allowed_and_refused_by_what_they_speak)
{
	struct topo *t = topo_direct("--workers 2 --say-unreachable yes --events " EVENTS);

	daemon_intercept(t->d, t->workload, "--name web");
	servers_start(t->workload);
	expect_answers(t->host, web, "discover");
	expect_sessions(t, host, web);
	expect_learned(t);
	ns_run(NULL, "sed 's/\"mode\": *\"discover\"/\"mode\":\"protect\"/' " LEARNED " >" POLICY_FILE);
	rules_apply_file(t->d, POLICY_FILE);
	expect_answers(t->host, web, "learned rules");
	cr_expect_eq(json_array_size(read_events("alert")), 0, "%s", json_dumps(read_events("alert"), 0));
	/* On a port that is allowed, but not what was learned of it. */
	cr_expect(ns_sh(t->host, "curl -sS -m %d http://" WL_IP4 ":8008/", PATIENCE_S) &&
			  strstr(ns_said(), "reset by peer"),
		  "HTTP where Redis was learned: %s", ns_said());
	cr_expect(wait_until(5000, json_array_size(read_events("alert")) == 1), "%s",
		  json_dumps(read_events("alert"), 0));
	apply_by_application(t, "ingress", "deny", "allow");
	expect_refusals(t->host, web);
	expect_alerts(host, web, true);
	keep_events();
	topo_end(t);
}

Test(servers, of_others_are_allowed_and_refused_by_what_they_speak)
{
	struct topo *t = topo_direct("--say-unreachable yes --events " EVENTS);

	daemon_intercept(t->d, t->workload, "--name web");
	servers_start(t->host);
	apply_by_application(t, "egress", "allow", "deny");
	expect_answers(t->workload, host, "allowed by application");
	expect_sessions(t, web, host);
	apply_by_application(t, "egress", "deny", "allow");
	expect_refusals(t->workload, host);
	expect_alerts(web, host, false);
	keep_events();
	topo_end(t);
}

/*
 * What is broadcast is not the core's, what the server answers is. Of the
 * port's own address nothing is changed: the script does nothing.
 */
#define LEASE "busybox udhcpc -i eth0 -f -n -q -t %d -T 1 -s /bin/true"

Test(servers, a_lease_is_given_and_refused)
{
	struct topo *t = topo_direct("--events " EVENTS);
	struct proc *server;
	json_t *list;

	daemon_intercept(t->d, t->workload, "--name web");
	server = ns_spawn(t->host,
			  "dnsmasq -k -C /dev/null -u root -p 0 --no-ping --log-facility=- --pid-file= "
			  "--dhcp-authoritative --dhcp-range=10.10.10.100,10.10.10.150,600 "
			  "--dhcp-leasefile=" WORLD_TMP "/leases");
	cr_assert(wait_until(5000, !ns_sh(t->host, "ss -Hlun 'sport = :67' | grep -q .")), "%s",
		  proc_text(server));
	ns_run(t->workload, LEASE, 10);
	cr_expect(strstr(ns_said(), "lease of 10.10.10.1"), "%s", ns_said());
	list = ctl(t->d, "sessions --port 68");
	cr_assert_eq(json_array_size(json_at(list, "items")), 1, "%s", json_dumps(list, 0));
	cr_expect_str_eq(json_text(list, "items.0.application"), "dhcp");
	cr_expect_str_eq(json_text(list, "items.0.client"), HOST_IP4);
	json_decref(list);
	rules_apply(
		t->d,
		"version: 1\n"
		"workloads:\n  - {workload: web, mode: protect, ingress: deny, egress: deny}\n"
		"rules:\n  - {id: 3, direction: ingress, workload: web, application: dhcp, action: allow}\n");
	ns_run(t->workload, LEASE, 10);
	rules_apply(t->d, "version: 1\n"
			  "workloads:\n  - {workload: web, mode: protect, ingress: deny, egress: deny}\n");
	cr_expect_eq(ns_sh(t->workload, LEASE, 2), 1, "a lease in spite of the policy: %s", ns_said());
	topo_end(t);
}
