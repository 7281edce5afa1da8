// SPDX-License-Identifier: BSD-2-Clause
/*
 * An agent's day: its policy on real traffic, what it is told of that, what it
 * asks, and agents that are slow, gone, or two.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "compat_lab.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(compat_agent, .init = world_enter, .fini = world_leave, .timeout = 120);

#define TOLD_MS 15000 /* connections come every six seconds */
#define POLICY                                                                                               \
	"{\"ctrl_cfg_policy\": {\"cmd\": 1, \"flag\": 3, \"defact\": 7, \"dir\": 2, \"mac\": [" COMPAT_MAC   \
	"], \"rules\": [{\"id\": 10001, \"port\": 8080, \"portr\": 8080, \"proto\": 6, \"action\": 2, "      \
	"\"ingress\": true}, {\"id\": 10002, \"fqdn\": \"*.example.com\", \"action\": 2}]}}"
#define KNOWN                                                                                                \
	"{\"ctrl_cfg_policy_addr\": {\"flag\": 3, \"subnet_addr\": [{\"ip\": \"10.10.10.66\", \"mask\": "    \
	"\"255.255.255.255\"}]}}"

static void serve_http(struct ns *ns, int port)
{
	struct proc *server = ns_spawn(ns, "/usr/bin/python3 -u -m http.server %d", port);

	cr_assert(wait_until(10000, strstr(proc_text(server), "Serving")), "%s", proc_text(server));
}

/* curl's exit status: 0 got it, 7 refused, 28 timed out. */
static int get(struct ns *ns, const char *address, int port)
{
	return ns_sh(ns, "curl -s -o /dev/null -m 2 http://%s:%d/", address, port);
}

static json_int_t value(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* The first row of all connections heard that has this port and action. */
static json_t *row_of(struct compat *c, int port, int action)
{
	json_t *heard = compat_heard(c, 7), *message, *row, *found = NULL;
	size_t i, k;

	json_array_foreach (heard, i, message) {
		json_array_foreach (json_object_get(message, "items"), k, row) {
			if (!found && value(row, "server_port") == port && value(row, "action") == action)
				found = json_incref(row);
		}
	}
	json_decref(heard);
	return found;
}

static void check_connections(struct compat *c)
{
	struct compat_sums denied;
	json_t *row;

	cr_assert(wait_until(TOLD_MS, (row = row_of(c, 8080, 2)) != NULL), "%s", compat_said(c));
	cr_expect_str_eq(json_text(row, "ep_mac"), WL_MAC);
	cr_expect_str_eq(json_text(row, "client_ip"), HOST_IP4);
	cr_expect_str_eq(json_text(row, "server_ip"), WL_IP4);
	cr_expect_eq(value(row, "ip_proto"), 6);
	cr_expect_eq(value(row, "ethertype"), 0x0800);
	cr_expect_eq(value(row, "flags"), 1, "ingress, nothing else");
	cr_expect_eq(value(row, "application"), 1001);
	cr_expect_eq(value(row, "action"), 2);
	cr_expect_eq(value(row, "policy"), 10001);
	cr_expect_eq(value(row, "sessions"), 1);
	cr_expect_eq(value(row, "client_port"), 0);
	cr_expect_gt(value(row, "bytes"), 300);
	cr_expect_leq(value(row, "first_seen"), value(row, "last_seen"));
	json_decref(row);

	cr_assert(wait_until(TOLD_MS, (row = row_of(c, 9090, 7)) != NULL), "%s", compat_said(c));
	cr_expect_eq(value(row, "action"), 7);
	cr_expect_eq(value(row, "policy"), 0);
	cr_expect_eq(value(row, "application"), 1, "not checked");
	json_decref(row);
	compat_connections(c, HOST_IP4, 9090, 7, &denied);
	cr_expect_geq(denied.violates, 1);
	cr_expect_eq(denied.sessions, 0);
	cr_expect_eq(denied.bytes, 74 * denied.violates, "%lld bytes, %lld SYNs", (long long)denied.bytes,
		     (long long)denied.violates);
}

static void check_questions(struct compat *c)
{
	json_t *answer = compat_ask(c, "{\"ctrl_list_session\": {}}"), *item, *last;
	size_t n = json_array_size(answer), seen = 0, i, k;
	struct compat_sums sums;
	json_int_t bytes = 0;

	cr_assert_geq(n, 2);
	last = json_array_get(answer, n - 1);
	cr_expect_eq(value(last, "more"), 0);
	cr_expect_eq(json_array_size(json_object_get(last, "items")), 0);
	for (i = 0; i + 1 < n; i++) {
		json_array_foreach (json_object_get(json_array_get(answer, i), "items"), k, item) {
			if (value(item, "server_port") != 8080)
				continue;
			seen++;
			cr_expect_str_eq(json_text(item, "server_mac"), WL_MAC);
			cr_expect_str_eq(json_text(item, "client_ip"), HOST_IP4);
			cr_expect_eq(value(item, "policy"), 10001);
			cr_expect_eq(value(item, "flags") & 1, 1);
			bytes += value(item, "client_bytes") + value(item, "server_bytes");
		}
	}
	cr_expect_eq(seen, 1);
	cr_expect_gt(bytes, 500);
	json_decref(answer);

	answer = compat_ask(c, "{\"ctrl_stats_macs\": {\"macs\": [" COMPAT_MAC "]}}");
	cr_expect_eq(json_int(answer, "0.interval"), 5);
	cr_expect_geq(json_int(answer, "0.sessions_in"), 2);
	cr_expect_geq(json_int(answer, "0.packets_in"), 6);
	cr_expect_geq(json_int(answer, "0.bytes_out"), 300);
	json_decref(answer);
	answer = compat_ask(c, "{\"ctrl_stats_macs\": {\"macs\": [\"02:00:00:00:00:99\"]}}");
	cr_expect_eq(json_int(answer, "0.interval") + json_int(answer, "0.packets_in"), 0, "an unknown MAC");
	json_decref(answer);
	answer = compat_ask(c, "{\"ctrl_stats_device\": {}, \"ctrl_counter_device\": {}}");
	cr_expect_eq(json_int(answer, "0.kind"), 9);
	cr_expect_eq(json_int(answer, "0.interval"), 5);
	cr_expect_eq(json_int(answer, "1.kind"), 4);
	cr_expect_geq(json_int(answer, "1.policy_type2_rules"), 2);
	cr_expect_geq(json_int(answer, "1.limit_pass_conns"), 2);
	json_decref(answer);

	compat_tell(c, "{\"ctrl_clear_session\": {\"filter_id\": 0}}");
	answer = compat_ask(c, "{\"ctrl_count_session\": {}}");
	cr_expect_eq(json_int(answer, "0.total"), 0);
	json_decref(answer);
	/* Told of in parts, of which none is told twice: the last one at its end. */
	cr_expect(
		wait_until(TOLD_MS, (compat_connections(c, HOST_IP4, 8080, 2, &sums), sums.bytes >= bytes)));
	cr_expect_eq(sums.bytes, bytes);
	cr_expect_eq(sums.sessions, 1);
}

static void check_applications(struct compat *c)
{
	json_t *heard = NULL, *found = NULL, *item;
	size_t i;

	/* What was recognised while all was open comes first. */
	cr_assert(wait_until(5000, json_array_size(heard = compat_heard(c, 1)) >= 2));
	json_array_foreach (heard, i, item) {
		if (json_int(item, "items.0.port") == 8080)
			found = item;
	}
	cr_assert(found);
	cr_expect_str_eq(json_text(found, "mac"), WL_MAC);
	cr_expect_eq(json_int(found, "items.0.proto"), 1001);
	cr_expect_eq(json_int(found, "items.0.application"), 0);
	cr_expect_eq(json_int(found, "items.0.ip_proto"), 6);
	json_decref(heard);
}

static void check_names(struct compat *c)
{
	struct proc *server = ns_spawn(c->host, "/usr/bin/python3 tests/agent/dns.py serve " HOST_IP4);
	json_t *heard;

	cr_assert(wait_until(10000, strstr(proc_text(server), "ready")), "%s", proc_text(server));
	ns_run(c->workload, "/usr/bin/python3 tests/agent/dns.py ask " HOST_IP4 " db.example.com");
	ns_run(c->workload, "/usr/bin/python3 tests/agent/dns.py ask " HOST_IP4 " www.example.org");
	cr_assert(wait_until(5000, json_array_size(heard = compat_heard(c, 12)) == 2), "%s", compat_said(c));
	cr_expect_str_eq(json_text(heard, "0.ip"), "10.77.0.1");
	cr_expect_str_eq(json_text(heard, "0.name"), "db.example.com");
	json_decref(heard);
	heard = compat_heard(c, 13);
	cr_expect_eq(json_array_size(heard), 1, "the address has another name now");
	json_decref(heard);
	heard = compat_heard(c, 11);
	cr_assert_eq(json_array_size(heard), 1, "of names that a rule speaks of");
	cr_expect_str_eq(json_text(heard, "0.name"), "*.example.com");
	cr_expect_str_eq(json_text(heard, "0.addresses.0"), "10.77.0.1");
	json_decref(heard);
}

static void check_threats(struct compat *c)
{
	json_t *heard, *item, *found[2] = { NULL, NULL };
	size_t i;

	ns_run(c->host, "/usr/bin/python3 tests/agent/frame.py vex-peer " WL_MAC);
	ns_sh(c->host, "ping -q -i 0.001 -c 500 -W 1 " WL_IP4);
	cr_assert(wait_until(5000, json_array_size(heard = compat_heard(c, 6)) >= 2), "%s", compat_said(c));
	json_array_foreach (heard, i, item) {
		if (value(item, "threat") == 2001)
			found[0] = item;
		if (value(item, "threat") == 1002)
			found[1] = item;
	}
	cr_assert(found[0] && found[1], "%s", json_dumps(heard, 0));
	cr_expect_str_eq(json_text(found[0], "ep_mac"), WL_MAC);
	cr_expect_eq(value(found[0], "action"), 2);
	cr_expect_eq(value(found[0], "severity"), 3);
	cr_expect_eq(value(found[0], "packet_length"), 74);
	cr_expect_eq(strncmp(json_text(found[0], "packet"), "1a27f3873a27020000000066080042", 30), 0,
		     "the real MAC: %.40s", json_text(found[0], "packet"));
	cr_expect_eq(value(found[1], "severity"), 5);
	cr_expect_eq(value(found[1], "packet_length"), 0);
	json_decref(heard);
	heard = compat_ask(c, "{\"ctrl_list_meter\": {}, \"ctrl_counter_device\": {}}");
	cr_expect_eq(json_int(heard, "0.kind"), 5);
	cr_expect_eq(json_int(heard, "0.items.0.upper"), 100);
	cr_expect_str_eq(json_text(heard, "0.items.0.ep_mac"), WL_MAC);
	cr_expect_gt(json_int(heard, "2.drop_meters"), 0);
	json_decref(heard);
}

Test(compat_agent, policy_and_what_is_told_of_it)
{
	struct compat *c = compat_start("");

	compat_listen(c);
	compat_seed(c);
	serve_http(c->workload, 8080);
	serve_http(c->workload, 9090);
	compat_tell(c, POLICY);
	cr_expect_eq(get(c->host, WL_IP4, 9090), 0, "the peer is not known yet: it has grace");
	compat_tell(c, KNOWN);
	cr_assert_eq(get(c->host, WL_IP4, 8080), 0, "%s", compat_said(c));
	cr_assert_eq(get(c->host, WL_IP4, 9090), 28, "denied without a word");
	check_applications(c);
	check_names(c);
	check_connections(c);
	check_questions(c);
	check_threats(c);
	compat_tell(c, "{\"ctrl_cfg_policy\": {\"cmd\": 3, \"mac\": [" COMPAT_MAC "]}}");
	cr_expect_eq(get(c->host, WL_IP4, 9090), 0, "without a policy all is open");
	compat_end(c);
}

static void refresh(struct compat *c, int times)
{
	ns_run(c->agent,
	       "/usr/bin/python3 -c \"import sys; sys.path.insert(0, 'tests/agent'); import agent; "
	       "agent.send('" COMPAT_LISTEN "', ['{\\\"ctrl_refresh_app\\\": {}}'] * %d)\"",
	       times);
	compat_tell(c, "{}");
}

/* It stands still, dies, comes back; the data plane never waits for it. */
Test(compat_agent, an_agent_that_does_not_read)
{
	struct compat *c = compat_start("");
	json_t *heard;
	json_int_t dropped;

	compat_listen(c);
	compat_seed(c);
	compat_tell(c, "{\"ctrl_cfg_mac\": {\"macs\": [" COMPAT_MAC
		       "], \"tap\": false, \"apps\": [{\"port\": 80, \"ip_proto\": 6, \"app\": 2022, "
		       "\"server\": 7}]}}");
	cr_assert_eq(kill(c->listener->pid, SIGSTOP), 0);
	refresh(c, 500);
	cr_assert(ping(c->host, WL_IP4), "%s", ns_said());
	heard = compat_ask(c, "{\"ctrl_counter_device\": {}}");
	dropped = json_int(heard, "0.limit_drop_conns");
	cr_expect_gt(dropped, 150, "500 messages, of which some 270 can wait");
	cr_expect_lt(dropped, 400);
	json_decref(heard);
	proc_end(c->listener, SIGKILL, 5000);
	refresh(c, 3);
	/* Another takes its place, and hears what was kept. */
	compat_listen(c);
	cr_assert(wait_until(10000, json_array_size(heard = compat_heard(c, 1)) >= 100), "%s",
		  compat_said(c));
	cr_expect_eq(json_int(heard, "0.items.0.application"), 2022);
	cr_expect_eq(json_int(heard, "0.items.0.server"), 7);
	json_decref(heard);
	compat_end(c);
}

/* Beside the daemon: its workload, its core; a mode by cfg_mac, and a policy that outlives both processes. */
Test(compat_agent, beside_the_daemon)
{
	char options[512];
	struct compat c = { .listener = NULL };
	struct topo *t;
	json_t *items;

	snprintf(options, sizeof(options),
		 "--compat yes --compat-path %s --compat-listen " COMPAT_LISTEN
		 " --compat-notify " COMPAT_NOTIFY,
		 world_program("sluice-compat"));
	t = topo_direct(options);
	c.agent = t->agent;
	c.proc = t->d->proc;
	daemon_intercept(t->d, t->workload, "--mode tap");
	serve_http(t->workload, 8080);
	serve_http(t->workload, 9090);
	compat_tell(&c, "{\"ctrl_add_mac\": {\"iface\": \"vth\", \"mac\": " COMPAT_MAC
			", \"ucmac\": \"4e:65:75:56:12:34\"}}");
	compat_tell(&c, "{\"ctrl_cfg_mac\": {\"macs\": [" COMPAT_MAC "], \"tap\": false}}");
	items = ctl(t->d, "workloads");
	cr_expect_str_eq(json_text(items, "items.0.mode"), "inline");
	json_decref(items);
	compat_tell(&c, KNOWN);
	compat_tell(&c, POLICY);
	cr_expect_eq(get(t->host, WL_IP4, 8080), 0, "%s", daemon_said(t->d));
	cr_expect_eq(get(t->host, WL_IP4, 9090), 28);

	cr_assert_eq(kill(core_pid(t->d), SIGKILL), 0);
	cr_assert(wait_until(10000, !get(t->host, WL_IP4, 8080)), "%s", daemon_said(t->d));
	cr_expect_eq(get(t->host, WL_IP4, 9090), 28, "a new core has the policy, too");
	ns_run(NULL, "kill -9 $(pgrep -P %d sluice-compat)", t->d->proc->pid);
	cr_expect_eq(get(t->host, WL_IP4, 8080), 0);
	cr_expect_eq(get(t->host, WL_IP4, 9090), 28, "the core goes on by what it was told");
	cr_assert(wait_until(10000, !ns_sh(NULL, "pgrep -P %d sluice-compat", t->d->proc->pid)));
	items = compat_ask(&c, "{\"ctrl_count_session\": {}}");
	cr_expect_gt(json_int(items, "0.total"), 0);
	json_decref(items);
	cr_expect_eq(get(t->host, WL_IP4, 9090), 28);
	topo_end(t);
}
