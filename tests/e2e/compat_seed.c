// SPDX-License-Identifier: BSD-2-Clause
/*
 * The existing data plane's demo against ours: the client word for word, on
 * its topology. Nothing is forwarded before each of the three messages.
 */
#include <criterion/criterion.h>

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
