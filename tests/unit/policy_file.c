// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy files: what is wrong is refused with its place and what was
 * expected; what is right reads the same from YAML, from JSON, and from what
 * is written of it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_make.h"
#include "policyfile/tree.h"

TestSuite(policy_file, .timeout = 120);

#define RULE "version: 1\nrules:\n- "

/* Text, and what the message begins with and holds. */
static const struct {
	const char *text, *place, *says;
} wrong[] = {
	{ "", "f:1:1: ", "the file is empty" },
	{ "# nothing\n", "f:1:1: ", "the file is empty" },
	{ "- a\n", "f:1:1: ", "a map with version" },
	{ "rules: []\n", "f:1:1: ", "'version' is missing" },
	{ "version: 2\n", "f:1:10: ", "version '2' is not known" },
	{ "version: [1]\n", "f:1:10: ", "a number is expected here, not a list" },
	{ "version: 1\nrule: []\n",
	  "f:2:1: ", "unknown key 'rule'; there are: version, default, workloads, rules" },
	{ "version: 1\nversion: 1\n", "f:2:1: ", "'version' is given twice" },
	{ "version: 1\n---\nversion: 1\n", "f:2:1: ", "a second document" },
	{ "version: 1\nrules: {}\n", "f:2:8: ", "a list of rules is expected here, not a map" },
	{ "version: 1\nrules: [x]\n", "f:2:9: ", "a map of keys and values is expected here" },
	{ "version: 1\nrules: [\n", "f:3:1: ", "not YAML" },
	{ "version: 1\n\trules: []\n", "f:2:1: ", "not YAML" },
	{ "version: &a 1\n", "f:1:10: ", "anchors (&) are not allowed" },
	{ "version: *a\n", "f:1:10: ", "aliases (*) are not allowed" },
	{ "version: !!int 1\n", "f:1:10: ", "tags (!) are not allowed" },
	{ "version: 1\nrules: [[[[[[[[[]]]]]]]]]\n", "f:2:15: ", "nested too deeply" },
	{ "version: \"1\\0\"\n", "f:1:10: ", "a NUL character" },
	{ "version: 1\ndefault: deny\n", "f:2:10: ", "a map with mode, ingress and egress" },
	{ "version: 1\ndefault: {mode: inline}\n",
	  "f:2:17: ", "'inline' is not a mode: discover, monitor or protect" },
	{ "version: 1\ndefault: {ingress: drop}\n", "f:2:20: ", "'drop' is not allow or deny" },
	{ "version: 1\nworkloads: [{mode: protect}]\n", "f:2:13: ", "'workload' is missing" },
	{ "version: 1\nworkloads: [{workload: 0}]\n", "f:2:24: ", "'0' is not a workload" },
	{ "version: 1\nworkloads: [{workload: 65536}]\n", "f:2:24: ", "'65536' is not a workload" },
	{ "version: 1\nworkloads: [{workload: any}]\n", "f:2:24: ", "'any' is not a workload" },
	{ "version: 1\nworkloads:\n- workload: a\n- workload: a\n",
	  "f:4:1: ", "workload a already has its settings in line 3" },
	{ RULE "{direction: both, action: deny}\n", "f:3:3: ", "'id' is missing" },
	{ RULE "{id: 1, action: deny}\n", "f:3:3: ", "'direction' is missing" },
	{ RULE "{id: 1, direction: both}\n", "f:3:3: ", "'action' is missing" },
	{ RULE "{id: 0, direction: both, action: deny}\n",
	  "f:3:8: ", "'0' is not a number from 1 to 2147483647" },
	{ RULE "{id: 007, direction: both, action: deny}\n", "f:3:8: ", "'007' is not a number" },
	{ RULE "{id: -1, direction: both, action: deny}\n", "f:3:8: ", "'-1' is not a number" },
	{ RULE "{id: 4294967297, direction: both, action: deny}\n", "f:3:8: ", "is not a number" },
	{ RULE "{id: 1, direction: in, action: deny}\n",
	  "f:3:22: ", "'in' is not a direction: ingress, egress or both" },
	{ RULE "{id: 1, direction: both, action: reject}\n", "f:3:36: ", "'reject' is not allow or deny" },
	{ RULE "{id: 1, direction: both, action: deny, name: ''}\n",
	  "f:3:48: ", "a name has from 1 to 128 bytes" },
	{ RULE "{id: 1, direction: both, action: deny, name: \"a\\n\"}\n",
	  "f:3:48: ", "no control characters" },
	{ RULE "{id: 1, direction: both, action: deny, ports: []}\n",
	  "f:3:49: ", "an empty list matches nothing" },
	{ RULE "{id: 1, direction: both, action: deny, ports: [any]}\n", "f:3:50: ", "any stands alone" },
	{ RULE "{id: 1, direction: both, action: deny, ports: [[1]]}\n",
	  "f:3:50: ", "a single value or a list of them" },
	{ RULE "{id: 1, direction: both, action: deny, ports: 65536}\n",
	  "f:3:49: ", "'65536' is not a port from 0 to 65535" },
	{ RULE "{id: 1, direction: both, action: deny, ports: 9-8}\n",
	  "f:3:49: ", "its end is before its beginning" },
	{ RULE "{id: 1, direction: both, action: deny, ports: http}\n", "f:3:49: ", "'http' is not a port" },
	{ RULE "{id: 1, direction: both, action: deny, ports: 1-2-3}\n",
	  "f:3:49: ", "'1-2-3' is not a port" },
	{ RULE "{id: 1, direction: both, action: deny, protocol: tpc}\n",
	  "f:3:52: ", "'tpc' is not a protocol" },
	{ RULE "{id: 1, direction: both, action: deny, protocol: 256}\n",
	  "f:3:52: ", "'256' is not a protocol" },
	{ RULE "{id: 1, direction: both, action: deny, protocol: icmp, ports: 1}\n",
	  "f:3:3: ", "rule 1 has ports, which protocol 1 has not" },
	{ RULE "{id: 1, direction: both, action: deny, application: [http, htpp]}\n",
	  "f:3:62: ", "'htpp' is not an application" },
	{ RULE "{id: 1, direction: both, action: deny, peer: 10.0.0.256}\n",
	  "f:3:48: ", "'10.0.0.256' is not an IPv4 address" },
	{ RULE "{id: 1, direction: both, action: deny, peer: 10.0.0.1/8}\n",
	  "f:3:48: ", "has bits behind its prefix; meant is 10.0.0.0/8?" },
	{ RULE "{id: 1, direction: both, action: deny, peer: 10.0.0.0/33}\n", "f:3:48: ", "is not a CIDR" },
	{ RULE "{id: 1, direction: both, action: deny, peer: '2001:db8::/129'}\n",
	  "f:3:48: ", "is not a CIDR" },
	{ RULE "{id: 1, direction: both, action: deny, peer: '2001:db8::g'}\n",
	  "f:3:48: ", "is not an IPv6 address" },
	{ RULE "{id: 1, direction: both, action: deny, peer: 10.0.0.9-10.0.0.1}\n",
	  "f:3:48: ", "its end is before its beginning" },
	{ RULE "{id: 1, direction: both, action: deny, peer: '10.0.0.9-::1'}\n",
	  "f:3:48: ", "of one family" },
	{ RULE "{id: 1, direction: both, action: deny, peer: localhost}\n",
	  "f:3:48: ", "'localhost' is not a peer" },
	{ RULE "{id: 1, direction: both, action: deny, peer: a..b}\n", "f:3:48: ", "'a..b' is not a peer" },
	{ RULE "{id: 1, direction: both, action: deny, peer: 'a.*.b'}\n",
	  "f:3:48: ", "'a.*.b' is not a peer" },
	{ RULE "{id: 1, direction: both, action: deny, peer: 'workload:'}\n",
	  "f:3:48: ", "'' is not a workload" },
	{ RULE "{id: 1, direction: both, action: deny, workload: 'a b'}\n",
	  "f:3:52: ", "blanks or control characters" },
	{ RULE "{id: 1, direction: both, action: deny}\n- {id: 1, direction: both, action: deny}\n",
	  "f:4:1: ", "rule 1 is already defined in line 3" },
	{ RULE "{id: 1, direction: both, action: deny, prot: tcp}\n", "f:3:42: ", "unknown key 'prot'" },
	{ "{\"version\": 1,}", "f:1:15: ", "not JSON" },
	{ "{version: 1}", "f:1:8: ", "not JSON" },
	{ "{\"version\": 1, \"version\": 1}", "f:1:24: ", "not JSON" },
	{ "{\n \"version\": 1,\n \"rules\": [{\"id\": 1}]\n}", "f:3:12: ", "'direction' is missing" },
	{ "version: \xff\n", "f:1:1: ", "not UTF-8" },
};

Test(policy_file, what_is_wrong_is_said_with_its_place)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct sl_rules *rules = NULL;
		struct sl_err err = { 0 };
		int r = sl_rules_read(wrong[i].text, strlen(wrong[i].text), "f", &rules, &err);

		cr_expect(r < 0 && err.code == -r && !rules, "%zu: %s was taken", i, wrong[i].text);
		cr_expect(!strncmp(err.text, wrong[i].place, strlen(wrong[i].place)) &&
				  strstr(err.text, wrong[i].says),
			  "%zu: %s\nis '%s'\ninstead of '%s… %s'", i, wrong[i].text, err.text, wrong[i].place,
			  wrong[i].says);
		if (!r)
			sl_rules_free(rules);
	}
}

/* A few bytes that stand for many: refused before they become many. */
Test(policy_file, large_files_are_refused)
{
	size_t size = SL_RULES_FILE_MAX + 1;
	char *text = malloc(size + 64);
	struct sl_rules *rules = NULL;
	struct sl_err err = { 0 };
	size_t n;

	cr_assert(text);
	memset(text, ' ', size);
	cr_assert_eq(sl_rules_read(text, size, "f", &rules, &err), -E2BIG);
	n = (size_t)sprintf(text, "version: 1\nrules:\n");
	for (unsigned int i = 1; i <= SL_RULES_MAX + 1; i++)
		n += (size_t)sprintf(text + n, "- {id: %u, direction: both, action: deny}\n", i);
	cr_assert_eq(sl_rules_read(text, n, "f", &rules, &err), -EINVAL);
	cr_assert(strstr(err.text, "f:3:1: 16385 entries; at most 16384 are allowed"), "%s", err.text);
	n = (size_t)sprintf(text, RULE "{id: 1, direction: both, action: deny, ports: [1");
	for (unsigned int i = 1; i <= SL_RULE_LIST_MAX; i++)
		n += (size_t)sprintf(text + n, ",%u", i);
	n += (size_t)sprintf(text + n, "]}");
	cr_assert_eq(sl_rules_read(text, n, "f", &rules, &err), -EINVAL);
	cr_assert(strstr(err.text, "a list of more than 4096 entries"), "%s", err.text);
	free(text);
}

static void expect_equal(const struct sl_rules *a, const struct sl_rules *b)
{
	cr_assert(!memcmp(&a->fallback, &b->fallback, sizeof(a->fallback)));
	cr_assert_eq(a->n_rules, b->n_rules);
	cr_assert_eq(a->n_workloads, b->n_workloads);
	for (size_t i = 0; i < a->n_rules; i++) {
		cr_assert(sl_rule_equal(&a->rules[i], &b->rules[i]), "rule %zu", i);
		cr_assert_str_eq(a->rules[i].name ?: "", b->rules[i].name ?: "");
	}
	for (size_t i = 0; i < a->n_workloads; i++) {
		cr_assert(sl_ref_equal(&a->workloads[i].workload, &b->workloads[i].workload));
		cr_assert(!memcmp(&a->workloads[i].setting, &b->workloads[i].setting,
				  sizeof(struct sl_default)));
	}
}

Test(policy_file, what_is_written_reads_back_the_same)
{
	uint64_t state = 0xfeedULL;

	for (unsigned int i = 0; i < 300; i++) {
		struct sl_rules *rules = make_rules(&state, i % 40), *from_yaml, *from_json;
		char *yaml, *json, *again;

		if (rules->n_rules)
			rules->rules[0].name = "a \"quoted\" name: with # and \\ and \u00e4";
		yaml = sl_rules_yaml(rules, "two\nlines");
		json = sl_rules_json(rules);
		cr_assert(yaml && json);
		from_yaml = make_rules_of(yaml);
		from_json = make_rules_of(json);
		expect_equal(rules, from_yaml);
		expect_equal(rules, from_json);
		again = sl_rules_yaml(from_json, "two\nlines");
		cr_assert_str_eq(yaml, again);
		free(again);
		free(yaml);
		free(json);
		sl_rules_free(rules);
		sl_rules_free(from_yaml);
		sl_rules_free(from_json);
	}
}

Test(policy_file, lists_are_brought_into_normal_form)
{
	struct sl_rules *rules = make_rules_of(
		RULE
		"{id: 1, direction: both, action: deny, protocol: [udp, tcp, 6, icmp, 58],\n"
		"   peer: [10.0.0.128/25, 10.0.0.0-10.0.0.127, 10.0.0.5, 10.0.2.0/24, '::ffff:10.0.1.0', "
		"A.Example.com., 'workload:7']}\n"
		"- {id: 2, direction: both, action: deny, ports: [9-12, 1, 2-3, 10], workload: [b, 7, a, "
		"a]}\n");
	char text[SL_TEXT_MAX];

	cr_assert_eq(rules->rules[0].n_protocols, 4);
	cr_assert_eq(rules->rules[0].n_peers, 4);
	cr_assert_str_eq(sl_peer_text(&rules->rules[0].peers[0], text), "10.0.0.0-10.0.1.0");
	cr_assert_str_eq(sl_peer_text(&rules->rules[0].peers[1], text), "10.0.2.0/24");
	cr_assert_str_eq(sl_peer_text(&rules->rules[0].peers[2], text), "a.example.com");
	cr_assert_str_eq(sl_peer_text(&rules->rules[0].peers[3], text), "workload:7");
	cr_assert_eq(rules->rules[1].n_ports, 2);
	cr_assert_eq(rules->rules[1].ports[1].to, 12);
	cr_assert_eq(rules->rules[1].n_workloads, 3);
	sl_rules_free(rules);
}

/* A workload's setting begins with the default, wherever that stands. */
Test(policy_file, settings_begin_with_the_default)
{
	struct sl_rules *rules = make_rules_of("version: 1\nworkloads: [{workload: a, egress: allow}]\n"
					       "default: {mode: protect, ingress: allow}\n");

	cr_assert_eq(rules->workloads[0].setting.mode, SL_POLICY_PROTECT);
	cr_assert_eq(rules->workloads[0].setting.ingress, SL_RULE_ALLOW);
	cr_assert_eq(rules->workloads[0].setting.egress, SL_RULE_ALLOW);
	cr_assert_eq(rules->fallback.egress, SL_RULE_DENY);
	sl_rules_free(rules);
	rules = make_rules_of("version: 1\n");
	cr_assert_eq(rules->fallback.mode, SL_POLICY_DISCOVER);
	cr_assert_eq(rules->fallback.ingress, SL_RULE_DENY);
	sl_rules_free(rules);
}
