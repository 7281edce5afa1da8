// SPDX-License-Identifier: BSD-2-Clause
/*
 * The existing data plane's demo against ours: the client word for word, on
 * its topology. Nothing is forwarded before each of the three messages.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "compat_lab.h"
#include "lib/daemon.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(compat, .init = world_enter, .fini = world_leave, .timeout = 90);

static void client(struct compat *c, const char *message)
{
	ns_run(c->agent, "/usr/bin/python3 tests/agent/seed_client.py " COMPAT_LISTEN " %s", message);
	/* Done when something behind it is answered. */
	compat_tell(c, "{}");
}

Test(compat, the_seeds_client_word_for_word)
{
	struct compat *c = compat_start("");
	json_t *answer;

	/* In every order in which one of the three is missing nothing passes. */
	client(c, "add_srvc_port");
	cr_expect(!ping(c->host, WL_IP4), "without an endpoint");
	client(c, "add_mac");
	cr_expect(!ping(c->host, WL_IP4), "a new endpoint is looked at only");
	client(c, "cfg_mac");
	cr_assert(ping(c->host, WL_IP4), "%s\n%s", ns_said(), compat_said(c));
	cr_expect(ping(c->workload, HOST_IP4), "%s", ns_said());
	/* The networks are not needed, and change nothing here. */
	client(c, "add_internal_net");
	cr_expect(ping(c->host, WL_IP4), "%s", ns_said());

	compat_tell(c, "{\"ctrl_del_srvc_port\": {\"iface\": \"vth\"}}");
	cr_expect(!ping(c->host, WL_IP4), "without its port");
	client(c, "add_srvc_port");
	cr_expect(ping(c->host, WL_IP4), "%s", ns_said());
	compat_tell(c, "{\"ctrl_del_mac\": {\"iface\": \"vth\", \"mac\": " COMPAT_MAC "}}");
	cr_expect(!ping(c->host, WL_IP4), "of an endpoint that is gone");

	answer = compat_ask(c, "{\"ctrl_counter_device\": {}}");
	cr_expect_gt(json_int(answer, "0.icmp_packets"), 0);
	cr_expect_gt(json_int(answer, "0.no_workload_packets"), 0);
	json_decref(answer);
	compat_end(c);
}

Test(compat, an_interface_that_is_not_there_takes_no_slot)
{
	struct compat *c = compat_start("");

	compat_tell(c, "{\"ctrl_add_srvc_port\": {\"iface\": \"nosuch\"}}");
	cr_expect(strstr(compat_said(c), "ctrl_add_srvc_port: no interface nosuch"), "%s", compat_said(c));
	compat_seed(c);
	cr_assert(ping(c->host, WL_IP4), "%s\n%s", ns_said(), compat_said(c));
	/* All of it at once, as the client sends it; and bulk, with every offload on. */
	tcp_exchange(c->workload, WL_IP4, c->host, 20000000);
	compat_end(c);
}

/* A core that dies is started anew, and has been told all that the agent ever said. */
Test(compat, the_core_dies_and_comes_back)
{
	struct compat *c = compat_start("");

	compat_seed(c);
	cr_assert(ping(c->host, WL_IP4), "%s\n%s", ns_said(), compat_said(c));
	ns_run(NULL, "kill -9 $(pgrep -P %d sluice-dpi)", c->proc->pid);
	cr_assert(ping_within(c->host, WL_IP4, 10000), "%s", compat_said(c));
	compat_end(c);
}

/* Of the pings; others come and go by themselves. */
static json_t *ping_session(struct compat *c)
{
	json_t *answer = compat_ask(c, "{\"ctrl_list_session\": {}}"), *message, *item, *found = NULL;
	size_t i, k;

	json_array_foreach (answer, i, message) {
		json_array_foreach (json_object_get(message, "items"), k, item) {
			if (!found && json_int(item, "ip_proto") == 1)
				found = json_incref(item);
		}
	}
	json_decref(answer);
	return found;
}

/* A port in another namespace, and two legs without any rule: the data plane's own ways to a workload. */
Test(compat, tap_ports_and_port_pairs)
{
	struct compat *c = compat_start("");
	json_t *session;

	link_pair(c->host, "h1", NULL, c->workload, "eth1", "1a:27:f3:87:3a:28");
	ns_run(c->host, "ip addr add 10.20.0.1/24 dev h1");
	ns_run(c->workload, "ip addr add 10.20.0.2/24 dev eth1");
	/* In the agent's order: the port first. */
	compat_tell(c,
		    "{\"ctrl_add_tap_port\": {\"netns\": \"%s\", \"iface\": \"eth1\", \"epmac\": "
		    "\"1a:27:f3:87:3a:28\"}}",
		    c->workload->path);
	compat_tell(c, "{\"ctrl_add_mac\": {\"iface\": \"vth\", \"mac\": \"1a:27:f3:87:3a:28\", \"ucmac\": "
		       "\"4e:65:75:56:00:b5\"}, \"ctrl_cfg_mac\": {\"macs\": [\"1a:27:f3:87:3a:28\"], "
		       "\"tap\": true}}");
	cr_assert(ping(c->host, "10.20.0.2"), "%s", ns_said());
	session = ping_session(c);
	cr_assert(session, "%s", compat_said(c));
	cr_expect_str_eq(json_text(session, "ep_mac"), "1a:27:f3:87:3a:28");
	cr_expect_eq(json_int(session, "flags"), 3, "inbound, and looked at only");
	cr_expect_eq(json_int(session, "client_packets"), 3);
	cr_expect_eq(json_int(session, "server_packets"), 3);
	json_decref(session);
	compat_tell(c, "{\"ctrl_del_tap_port\": {\"netns\": \"%s\", \"iface\": \"eth1\"}}",
		    c->workload->path);

	link_pair(c->host, "h2", NULL, c->agent, "vex2", NULL);
	link_pair(c->agent, "vin2", NULL, c->workload, "eth2", "1a:27:f3:87:3a:29");
	ns_run(c->host, "ip addr add 10.30.0.1/24 dev h2");
	ns_run(c->workload, "ip addr add 10.30.0.2/24 dev eth2");
	compat_tell(
		c,
		"{\"ctrl_add_port_pair\": {\"vin_iface\": \"vin2\", \"vex_iface\": \"vex2\", \"epmac\": "
		"\"1a:27:f3:87:3a:29\", \"quar\": false}, \"ctrl_add_mac\": {\"iface\": \"vin2\", \"mac\": "
		"\"1a:27:f3:87:3a:29\", \"ucmac\": \"4e:65:75:56:00:b6\"}}");
	cr_expect(!ping(c->host, "10.30.0.2"), "a new endpoint is looked at only");
	compat_tell(c, "{\"ctrl_cfg_mac\": {\"macs\": [\"1a:27:f3:87:3a:29\"], \"tap\": false}}");
	cr_assert(ping(c->host, "10.30.0.2"), "%s\n%s", ns_said(), compat_said(c));
	tcp_exchange(c->workload, "10.30.0.2", c->host, 5000000);
	compat_tell(c,
		    "{\"ctrl_add_port_pair\": {\"vin_iface\": \"vin2\", \"vex_iface\": \"vex2\", \"epmac\": "
		    "\"1a:27:f3:87:3a:29\", \"quar\": true}}");
	cr_expect(!ping(c->host, "10.30.0.2"), "in quarantine");
	compat_tell(c, "{\"ctrl_add_nfq_port\": {\"netns\": \"%s\", \"iface\": \"lo\", \"qnum\": 3}}",
		    c->workload->path);
	cr_expect(strstr(compat_said(c), "no NFQUEUE lane yet"), "%s", compat_said(c));
	compat_end(c);
}

Test(compat, several_clients_and_bad_ones)
{
	struct compat *c = compat_start("");

	cr_expect_str_eq(ns_run(NULL, "stat -c %%a " COMPAT_LISTEN), "600\n");
	cr_assert_eq(ns_sh(c->agent, "/usr/bin/python3 tests/agent/two.py " COMPAT_LISTEN), 0, "%s\n%s",
		     ns_said(), compat_said(c));
	compat_tell(c, "{\"ctrl_cfg_mac\": {\"macs\": [\"02:00:00:00:00:01\"]}}");
	cr_expect(strstr(compat_said(c), "ctrl_cfg_mac: no endpoint has MAC 02:00:00:00:00:01"), "%s",
		  compat_said(c));
	/* A second one on the same socket is refused; the first goes on. */
	cr_expect_eq(ns_sh(c->agent, "%s --listen " COMPAT_LISTEN " --run-dir /run/other --dpi-path %s",
			   world_program("sluice-compat"), world_program("sluice-dpi")),
		     1);
	cr_expect(strstr(ns_said(), "another data plane listens on"), "%s", ns_said());
	compat_end(c);
}

/* It is killed, its core goes on; the next one finds the socket and the core. */
Test(compat, killed_and_started_again)
{
	struct compat *c = compat_start("");

	compat_seed(c);
	cr_assert(ping(c->host, WL_IP4), "%s\n%s", ns_said(), compat_said(c));
	proc_end(c->proc, SIGKILL, 5000);
	cr_expect(ping(c->host, WL_IP4), "%s", ns_said());
	compat_run(c);
	compat_tell(c, "{}");
	cr_expect(ping(c->host, WL_IP4), "%s\n%s", ns_said(), compat_said(c));
	cr_expect_eq(topo_cores(), 1);
	compat_seed(c);
	cr_expect(ping(c->host, WL_IP4), "%s\n%s", ns_said(), compat_said(c));
	compat_end(c);
	cr_expect_eq(topo_cores(), 0);
}
