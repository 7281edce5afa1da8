// SPDX-License-Identifier: BSD-2-Clause
/*
 * The existing protocol's policies through our engine: each line of docs/compat.md's "Policy", asked of the compiled
 * block as the core would.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"
#include "compat/translate.h"
#include "compat_messages.h"
#include "dpi/inspect/application.h"
#include "dpi/policy/agent.h"
#include "dpi/policy/policies.h"

#define SECOND 1000000000ull
#define ID 180

static struct agent *agent;
static struct sl_policy *policy;
static struct sl_policies *policies;
static struct sl_grace *grace;
static struct sl_policy_answer answer;

static void begin(void)
{
	agent = agent_new();
	cr_assert_eq(sl_policies_open(&policies, 1, NULL), 0);
	grace = sl_grace_new();
}

static void end(void)
{
	sl_policies_close(policies);
	sl_grace_free(grace);
	agent_free(agent);
}

TestSuite(compat_policy, .init = begin, .fini = end);

/* Single quotes stand for double ones. */
static void said(const char *text)
{
	static struct compat_message message;
	struct sl_err err = { 0 };
	char *copy = strdup(text);

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	cr_assert_eq(compat_message_read(copy, strlen(copy), &message, &err), 0, "%s", err.text);
	for (size_t i = 0; i < message.n; i++)
		cr_assert_geq(agent_apply(agent, &message.requests[i], &err), 0, "%s", err.text);
	sl_arena_free(&message.arena);
	free(copy);
}

static void compile(void)
{
	struct sl_err err = { 0 };
	size_t size, rules;
	void *block;

	for (struct endpoint *e = agent->endpoints; e; e = e->next)
		e->core_id = e->id;
	cr_assert_eq(translate_policy(agent, &block, &size, &rules, &err), 0, "%s", err.text);
	cr_assert_eq(sl_policy_open(block, size, &policy, &err), 0, "%s", err.text);
	free(block);
	sl_policies_set(policies, policy, SECOND);
}

static void endpoint(void)
{
	said("{'ctrl_add_mac': {'iface': 'vth', 'mac': '1a:27:f3:87:3a:27', 'ucmac': '4e:65:75:56:00:b4'}, "
	     "'ctrl_cfg_mac': {'macs': ['1a:27:f3:87:3a:27'], 'tap': false}}");
}

static void cfg_policy(int defact, int dir, const char *rules)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "{'ctrl_cfg_policy': {'cmd': 1, 'flag': 3, 'defact': %d, 'dir': %d, 'mac': "
		 "['1a:27:f3:87:3a:27'], 'rules': [%s]}}",
		 defact, dir, rules);
	said(text);
	compile();
}

static struct sl_addr v4(const char *text)
{
	struct sl_addr address = { .byte = { [10] = 0xff, [11] = 0xff } };

	cr_assert_eq(inet_pton(AF_INET, text, address.byte + 12), 1);
	return address;
}

static struct sl_policy_query query = {
	.workload = ID, .protocol = IPPROTO_TCP, .port = 80, .ingress = true
};

/* Who asks for what: the label, and in `answer` the rest. */
static int ask(const char *peer)
{
	query.peer = v4(peer);
	query.own = v4("10.10.10.88");
	query.grace = grace;
	sl_policy_ask(policy, &query, &answer);
	cr_assert(answer.agent);
	cr_assert_eq(answer.action, answer.label == SL_LABEL_DENY ? SL_RULE_DENY : SL_RULE_ALLOW);
	return answer.label;
}

#define KNOWN                                                                                                \
	"{'ctrl_cfg_policy_addr': {'flag': 3, 'subnet_addr': [{'ip': '10.10.10.0', 'mask': "                 \
	"'255.255.255.0'}]}}"
#define RULE_80                                                                                              \
	"{'id': 5, 'sip': '10.10.10.60', 'sipr': '10.10.10.69', 'dip': '10.10.10.88', 'port': 80, 'portr': " \
	"81, 'proto': 6, 'action': 2, 'ingress': true}"

Test(compat_policy, ranges_ports_protocol_and_default)
{
	endpoint();
	said(KNOWN);
	cfg_policy(7, 3, RULE_80);
	query.application_final = true;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_ALLOW);
	cr_expect_eq(answer.rule, 5);
	cr_expect_eq(ask("10.10.10.70"), SL_LABEL_DENY);
	cr_expect_eq(answer.rule, 0);
	query.port = 82;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	query.port = 81;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_ALLOW);
	query.protocol = IPPROTO_UDP;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	query.protocol = IPPROTO_TCP;
	query.ingress = false;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY, "the rule is of the other direction");
	query.ingress = true;
	/* The workload's side of the rule counts as well. */
	query.peer = v4("10.10.10.66");
	query.own = v4("10.10.10.87");
	sl_policy_ask(policy, &query, &answer);
	cr_expect_eq(answer.label, SL_LABEL_DENY);
	/* An endpoint of another id has no policy of the agent's. */
	query.workload = 181;
	sl_policy_ask(policy, &query, &answer);
	cr_expect(!answer.agent);
	query.workload = ID;
}

Test(compat_policy, actions_keep_their_numbers)
{
	endpoint();
	said(KNOWN);
	query.application_final = true;
	for (int label = SL_LABEL_OPEN; label < SL_LABELS; label++) {
		char rule[128];

		if (label == SL_LABEL_CHECK_NBE)
			continue;
		snprintf(rule, sizeof(rule), "{'id': 9, 'action': %d, 'ingress': true}", label);
		cfg_policy(7, 3, rule);
		cr_expect_eq(ask("10.10.10.66"), label);
		cfg_policy(label == SL_LABEL_DENY ? SL_LABEL_VIOLATE : label, 3, "");
		cr_expect_eq(ask("10.10.10.66"), label == SL_LABEL_DENY ? SL_LABEL_VIOLATE : label);
	}
	said("{'ctrl_cfg_policy': {'cmd': 3, 'mac': ['1a:27:f3:87:3a:27']}}");
	compile();
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN, "without a policy all is open");
}

Test(compat_policy, applications)
{
	endpoint();
	said(KNOWN);
	cfg_policy(7, 3,
		   "{'id': 1, 'port': 80, 'portr': 80, 'proto': 6, 'action': 5, 'ingress': true, 'apps': "
		   "[{'rid': "
		   "11, 'app': 1001, 'action': 2}, {'rid': 12, 'app': 4294967295, 'action': 6}, {'rid': 13, "
		   "'app': 2002, 'action': 7}]}");
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_CHECK_APP);
	cr_expect(answer.pending);
	query.application = SL_APPLICATION_HTTP;
	query.application_final = true;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_ALLOW);
	cr_expect_eq(answer.rule, 11);
	query.application = 0;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_VIOLATE, "found to be unknown");
	cr_expect_eq(answer.rule, 12);
	query.application = SL_APPLICATION_REDIS;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	cr_expect_eq(answer.rule, 13);
	query.application = SL_APPLICATION_SSH;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY, "none of them: the default");
	cr_expect_eq(answer.rule, 0);
}

Test(compat_policy, unknown_peers_have_grace)
{
	endpoint();
	cfg_policy(7, 3, "");
	query.application_final = true;
	query.now_ns = 1000 * SECOND;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN);
	cr_expect_eq(answer.flags, SL_LOOK_GRACE);
	/* A window of a minute, renewed ten times. */
	for (int i = 1; i <= 10; i++) {
		query.now_ns += 61 * SECOND;
		cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN, "%d", i);
	}
	query.now_ns += 61 * SECOND;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	cr_expect_eq(ask("10.10.10.67"), SL_LABEL_OPEN, "another pair");
	query.now_ns += 601 * SECOND;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN, "silent for ten minutes: forgotten");
	sl_grace_renew(grace);
	said(KNOWN);
	compile();
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY, "now it is known");
	cr_expect_eq(ask("10.10.11.66"), SL_LABEL_OPEN, "the mask holds: this one is not");
	said("{'ctrl_strict_group_mode': {'strict_group_mode': true}}");
	compile();
	cr_expect_eq(ask("10.10.11.66"), SL_LABEL_DENY);
}

Test(compat_policy, directions_and_networks)
{
	endpoint();
	said("{'ctrl_cfg_internal_net': {'flag': 3, 'subnet_addr': [{'ip': '10.10.10.0', 'mask': "
	     "'255.255.255.0'}]}}");
	said("{'ctrl_cfg_policy_addr': {'flag': 3, 'subnet_addr': [{'ip': '10.10.10.66', 'mask': "
	     "'255.255.255.255'}, {'ip': '10.10.10.88', 'mask': '255.255.255.255'}]}}");
	query.application_final = true;
	cfg_policy(7, 2, "");
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	query.ingress = false;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN, "egress is not spoken of");
	cr_expect_eq(ask("8.8.8.8"), SL_LABEL_DENY, "those outside are always judged");
	cr_expect_eq(answer.flags, SL_LOOK_EXTERNAL);
	cr_expect_eq(ask("169.254.1.1"), SL_LABEL_DENY);
	cr_expect_eq(answer.flags, SL_LOOK_EXTERNAL | SL_LOOK_LINK_LOCAL);
	said("{'ctrl_disable_net_policy': {'disable_net_policy': true}}");
	compile();
	cr_expect_eq(ask("8.8.8.8"), SL_LABEL_OPEN);
	query.ingress = true;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN);
}

Test(compat_policy, icmp_passes_any_default)
{
	endpoint();
	said(KNOWN);
	cfg_policy(7, 3, "");
	query.application_final = true;
	query.protocol = IPPROTO_ICMP;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN);
	said("{'ctrl_enable_icmp_policy': {'enable_icmp_policy': true}}");
	compile();
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	query.protocol = IPPROTO_TCP;
}

Test(compat_policy, boundaries_of_namespaces)
{
	endpoint();
	said(KNOWN);
	query.application_final = true;
	cfg_policy(7, 3, "{'id': 3, 'action': 4, 'ingress': true}");
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_ALLOW);
	said("{'ctrl_cfg_nbe': {'macs': ['1a:27:f3:87:3a:27'], 'nbe': true}}");
	compile();
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	cr_expect_eq(answer.flags, SL_LOOK_CHECK_NBE);
	cr_expect_eq(answer.rule, 3);
}

Test(compat_policy, special_addresses)
{
	endpoint();
	said(KNOWN);
	said("{'ctrl_cfg_internal_net': {'flag': 3, 'subnet_addr': [{'ip': '10.10.0.0', 'mask': "
	     "'255.255.0.0'}]}}");
	said("{'ctrl_cfg_specip_net': {'flag': 3, 'subnet_addr': [{'ip': '10.10.20.0', 'mask': "
	     "'255.255.255.0', "
	     "'iptype': 'uwlip'}, {'ip': '9.9.9.9', 'mask': '255.255.255.255', 'iptype': 'extip'}, {'ip': "
	     "'10.10.10.66', 'mask': '255.255.255.255', 'iptype': 'devip'}, {'ip': '10.10.30.1', 'mask': "
	     "'255.255.255.255', 'iptype': 'svcip'}, {'ip': '10.10.40.1', 'mask': '255.255.255.255', "
	     "'iptype': "
	     "'hostip'}]}}");
	query.application_final = true;
	cfg_policy(7, 3, "");
	cr_expect_eq(ask("10.10.20.5"), SL_LABEL_OPEN, "unmanaged");
	cr_expect_eq(answer.flags, SL_LOOK_UNMANAGED);
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_OPEN, "devices always have grace");
	cr_expect_eq(answer.flags, SL_LOOK_GRACE);
	cr_expect_eq(ask("10.10.30.1"), SL_LABEL_DENY, "services never");
	/* Of a host the workload's own address is asked, which is known. */
	cr_expect_eq(ask("10.10.40.1"), SL_LABEL_DENY);
	query.ingress = false;
	cr_expect_eq(ask("9.9.9.9"), SL_LABEL_DENY);
	cr_expect_eq(answer.flags, SL_LOOK_SERVICE_EXTIP | SL_LOOK_EXTERNAL);
	cr_expect_eq(answer.threat, 2026);
	query.ingress = true;
	said("{'ctrl_detect_unmanaged_wl': {'detect_unmanaged_wl': true}}");
	compile();
	cr_expect_eq(ask("10.10.20.5"), SL_LABEL_DENY);
}

Test(compat_policy, names)
{
	struct sl_addr address = v4("10.10.10.66");

	endpoint();
	said(KNOWN);
	query.application_final = true;
	query.ingress = false;
	query.now_ns = 2 * SECOND;
	cfg_policy(7, 3, "{'id': 4, 'fqdn': 'DB.example.com', 'action': 2}");
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	sl_policies_learn(policies, "db.example.com", &address, 600, SECOND);
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_ALLOW);
	cr_expect_eq(answer.rule, 4);
	/* With `vhost` the request must name it as well. */
	cfg_policy(7, 3, "{'id': 4, 'fqdn': '*.example.com', 'action': 2, 'vhost': true}");
	query.application_final = false;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_CHECK_HOST);
	cr_expect(answer.pending);
	query.host = "db.example.com";
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_ALLOW);
	query.host = "evil.example.org";
	query.application_final = true;
	cr_expect_eq(ask("10.10.10.66"), SL_LABEL_DENY);
	query.host = NULL;
}
