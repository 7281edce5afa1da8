// SPDX-License-Identifier: BSD-2-Clause
/*
 * The agent's messages: each command understood, and every way of spoiling one
 * refused as a whole, with the command's name, without a change.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"
#include "compat/translate.h"
#include "compat_messages.h"
#include "dpi/policy/policy.h"

static struct compat_message message;
static struct sl_err err;

static int take(struct agent *agent, const char *text, size_t len)
{
	int r, first = 0;

	err.code = 0;
	err.text[0] = '\0';
	r = compat_message_read(text, len, &message, &err);
	cr_assert_eq(r < 0, err.code != 0);
	for (size_t i = 0; !r && i < message.n; i++) {
		struct sl_err one = { 0 };
		int done = agent_apply(agent, &message.requests[i], &one);

		cr_assert_eq(done < 0, one.code != 0);
		if (done < 0 && !first) {
			first = done;
			err = one;
		}
	}
	sl_arena_free(&message.arena);
	return r ? r : first;
}

static int take_text(struct agent *agent, const char *text)
{
	return take(agent, text, strlen(text));
}

static struct agent *fed(void)
{
	struct agent *agent = agent_new();

	for (size_t i = 0; i < COMPAT_MESSAGES; i++)
		cr_assert_eq(take(agent, compat_messages[i], strlen(compat_messages[i])), 0, "%s: %s",
			     compat_messages[i], err.text);
	return agent;
}

/* What is known of it, as bytes that differ if anything does. */
static char *fingerprint(const struct agent *agent)
{
	char *text = NULL;
	size_t size, rules, choices, block_size;
	FILE *out = open_memstream(&text, &size);
	void *block;

	agent_dlp_count(agent->dlp, &rules, &choices);
	fprintf(out, "%zu %zu %zu %zu %zu %zu %zu %zu %zu %d%d%d%d%d %x\n", agent->n_endpoints, agent->weight,
		agent->internal.n, agent->policy_addresses.n, agent->special.n, agent->n_names,
		agent->n_name_ips, rules, choices, agent->disable_net_policy, agent->detect_unmanaged,
		agent->icmp_policy, agent->strict_groups, agent->xff, agent->categories);
	for (struct endpoint *e = agent->endpoints; e; e = e->next) {
		e->core_id = e->id;
		fprintf(out, "%02x%02x %d %d %zu\n", e->mac[5], e->id, e->tap, e->nbe, e->n_ports);
	}
	cr_assert_eq(translate_policy(agent, &block, &block_size, &rules, &err), 0, "%s", err.text);
	for (size_t i = 0; i < block_size; i++)
		fprintf(out, "%02x", ((unsigned char *)block)[i]);
	free(block);
	fclose(out);
	return text;
}

Test(compat_request, every_command_is_understood)
{
	struct agent *agent = fed();
	bool seen[COMPAT_COMMANDS_MAX] = { false };
	const struct agent_policy *policy;
	uint8_t mac[] = { 0x1a, 0x27, 0xf3, 0x87, 0x3a, 0x27 };

	for (size_t i = 0; i < COMPAT_MESSAGES; i++) {
		cr_assert_eq(compat_message_read(compat_messages[i], strlen(compat_messages[i]), &message,
						 &err),
			     0);
		cr_assert_eq(message.n, 1);
		seen[message.requests[0].command] = true;
		sl_arena_free(&message.arena);
	}
	for (enum compat_command c = 0; c < COMPAT_COMMANDS_MAX; c++)
		cr_expect(seen[c] || c == COMPAT_DEL_MAC, "%s", compat_command_name(c));
	cr_assert_eq(agent->n_endpoints, 1);
	cr_assert_eq(agent->endpoints->id, 180);
	cr_assert(!agent->endpoints->tap && agent->endpoints->nbe);
	policy = agent_policy_of(agent, mac);
	cr_assert(policy && policy->n_rules == 1);
	cr_assert_eq(policy->rules[0].source_to, 0x0a0a0a63);
	cr_assert_eq(policy->rules[0].apps[0].id, 10002);
	cr_assert_eq(agent->special.nets[0].kind, NET_EXTERNAL);
	cr_assert_eq(take_text(agent, "{\"ctrl_del_mac\": {\"mac\": " MAC_1 "}}"), 0, "%s", err.text);
	cr_assert_eq(agent->n_endpoints, 0);
	agent_free(agent);
}

/* A keep-alive is answered whatever it asks; what is behind a NUL is not looked at; other text behind is. */
Test(compat_request, edges_of_a_message)
{
	struct agent *agent = agent_new();
	static const char odd[] = "{\"ctrl_keep_alive\": {\"seq_num\": \"x\"}}";
	static char big[REQUEST_BYTES + 1];

	cr_assert_eq(compat_message_read("{\"ctrl_keep_alive\": {\"seq_num\": 4294967303}}\0{", 48, &message,
					 &err),
		     0);
	cr_assert_eq(message.requests[0].sequence, 7);
	cr_assert_eq(compat_message_read(odd, strlen(odd), &message, &err), 0);
	cr_assert_eq(message.requests[0].sequence, 0);
	cr_assert_eq(compat_message_read("{\"ctrl_keep_alive\": 3, \"ctrl_future\": 1}", 40, &message, &err),
		     0);
	cr_assert_eq(message.n, 1);
	cr_assert_lt(take_text(agent, "{} {}"), 0);
	cr_assert_lt(take_text(agent, "\xef\xbb\xbf{}"), 0);
	cr_assert_lt(take_text(agent, ""), 0);
	cr_assert_lt(take_text(agent, "[]"), 0);
	memset(big, ' ', sizeof(big));
	big[0] = '{';
	big[REQUEST_BYTES - 1] = '}';
	cr_assert_eq(take(agent, big, REQUEST_BYTES), 0);
	cr_assert_eq(take(agent, big, REQUEST_BYTES + 1), -EMSGSIZE);
	/* The last of a key that is given twice. */
	cr_assert_eq(take_text(agent, "{\"ctrl_sys_conf\": 3, \"ctrl_sys_conf\": {\"xff_enabled\": true}}"),
		     0, "%s", err.text);
	cr_assert(agent->xff);
	/* One that is wrong: none of them. */
	cr_assert_lt(take_text(agent, "{\"ctrl_sys_conf\": {\"xff_enabled\": false}, \"ctrl_cfg_nbe\": 3}"),
		     0);
	cr_assert(agent->xff);
	agent_free(agent);
}

Test(compat_request, cut_at_every_byte)
{
	struct agent *agent = fed();
	char *before = fingerprint(agent), *after;

	for (size_t i = 0; i < COMPAT_MESSAGES; i++) {
		for (size_t len = 0; len < strlen(compat_messages[i]); len++)
			cr_assert_lt(take(agent, compat_messages[i], len), 0, "%.*s", (int)len,
				     compat_messages[i]);
	}
	after = fingerprint(agent);
	cr_assert_str_eq(before, after);
	free(before);
	free(after);
	agent_free(agent);
}

/* Calls back for every value in the message, which is put back behind it. */
static void each_value(json_t *value, void (*call)(void *context), void *context, json_t *other)
{
	const char *key;
	json_t *field;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach (value, key, field) {
			json_incref(field);
			json_object_set(value, key, other);
			call(context);
			json_object_set_new(value, key, field);
			each_value(json_object_get(value, key), call, context, other);
		}
	}
	if (json_is_array(value)) {
		json_array_foreach (value, i, field) {
			json_incref(field);
			json_array_set(value, i, other);
			call(context);
			json_array_set_new(value, i, field);
			each_value(json_array_get(value, i), call, context, other);
		}
	}
}

struct spoiled {
	struct agent *agent;
	json_t *message;
	const char *name;
	char *before; /* its fingerprint */
	unsigned int refused, taken;
};

static void take_spoiled(void *context)
{
	struct spoiled *spoiled = context;
	char *after, *text = json_dumps(spoiled->message, 0);

	if (take(spoiled->agent, text, strlen(text)) < 0) {
		spoiled->refused++;
		after = fingerprint(spoiled->agent);
		cr_assert_str_eq(spoiled->before, after, "%s", text);
		/* State's own errors are named by who calls it. */
		cr_assert(*err.text);
		free(after);
	} else {
		spoiled->taken++;
		agent_free(spoiled->agent);
		spoiled->agent = fed();
		free(spoiled->before);
		spoiled->before = fingerprint(spoiled->agent);
	}
	free(text);
}

Test(compat_request, wrong_types_change_nothing)
{
	static const char *const others[] = {
		"3.5",	"-1",	       "99999999999", "\"x\"", "true", "null", "[null]",
		"[[]]", "{\"a\": {}}", "[\"\"]",      "[{}]",  "[3]",  "{}",   "[[[[[[[[]]]]]]]]",
		"\"\""
	};
	struct spoiled spoiled = { .agent = fed() };

	spoiled.before = fingerprint(spoiled.agent);

	for (size_t i = 0; i < COMPAT_MESSAGES; i++) {
		spoiled.message = json_loads(compat_messages[i], 0, NULL);
		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++) {
			json_t *other = json_loads(others[k], JSON_DECODE_ANY, NULL);

			each_value(spoiled.message, take_spoiled, &spoiled, other);
			json_decref(other);
		}
		json_decref(spoiled.message);
	}
	cr_assert_gt(spoiled.refused, 800);
	free(spoiled.before);
	agent_free(spoiled.agent);
}

Test(compat_request, an_error_names_its_command)
{
	struct agent *agent = agent_new();
	static const char text[] = "{\"ctrl_cfg_mac\": {\"macs\": [3], \"tap\": true}}";

	cr_assert_lt(take(agent, text, strlen(text)), 0);
	cr_assert_str_eq(err.text, "ctrl_cfg_mac: \"macs\" must be a list of MAC addresses");
	agent_free(agent);
}

/* 10^5 messages that are almost right. The seed is fixed: a test gives the same result twice. */
Test(compat_request, random_mutations, .timeout = 120)
{
	struct agent *agent = fed();
	unsigned int state = 20260101, taken = 0;
	char text[2048];

	for (unsigned int n = 0; n < 100000; n++) {
		const char *from = compat_messages[n % COMPAT_MESSAGES];
		size_t len = strlen(from);

		memcpy(text, from, len);
		for (unsigned int k = 1 + (state >> 3) % 3; k; k--) {
			size_t at;

			state = state * 1664525 + 1013904223;
			at = (state >> 8) % len;
			switch (state >> 29) {
			case 0:
				memmove(text + at, text + at + 1, --len - at);
				break;
			case 1:
				memmove(text + at + 1, text + at, len++ - at);
				break;
			case 2:
				text[at] = "{}[]\",:0123456789"[(state >> 16) % 17];
				break;
			default:
				text[at] = (char)(state >> 20);
			}
		}
		taken += take(agent, text, len) >= 0;
		/* What is accepted can always be given to the core. */
		if (n % 500 == 0)
			free(fingerprint(agent));
	}
	cr_assert_gt(taken, 1000);
	cr_assert_leq(agent->weight, AGENT_RULES_MAX);
	agent_free(agent);
}

static int policy_piece(struct agent *agent, int flag, const char *rules)
{
	char text[4096];

	snprintf(
		text, sizeof(text),
		"{\"ctrl_cfg_policy\": {\"cmd\": 1, \"flag\": %d, \"defact\": 7, \"dir\": 3, \"mac\": [" MAC_1
		"], \"rules\": %s}}",
		flag, rules);
	return take(agent, text, strlen(text));
}

Test(compat_request, a_policy_in_pieces)
{
	static const char rule[] = "[{\"id\": 5, \"port\": 80, \"portr\": 80, \"proto\": 6, \"action\": 2}]";
	struct agent *agent = fed();

	cr_assert_eq(policy_piece(agent, 3, "null"), 0);
	cr_assert_eq(agent->weight, 0);
	cr_assert_lt(policy_piece(agent, 2, rule), 0, "a last piece without a first");
	cr_assert_eq(policy_piece(agent, 1, rule), 0);
	cr_assert_eq(agent->weight, 0, "not in force before its end");
	cr_assert_eq(policy_piece(agent, 0, rule), 0);
	cr_assert_eq(policy_piece(agent, 2, rule), 0);
	cr_assert_eq(agent->weight, 3);
	cr_assert_lt(policy_piece(agent, 2, rule), 0);
	/* The first of another one begins anew. */
	cr_assert_eq(policy_piece(agent, 1, rule), 0);
	cr_assert_eq(policy_piece(agent, 3, rule), 0);
	cr_assert_eq(agent->weight, 1);
	cr_assert_eq(take_text(agent, "{\"ctrl_cfg_policy\": {\"cmd\": 3, \"mac\": [" MAC_1 "]}}"), 0, "%s",
		     err.text);
	cr_assert(!agent->policies && !agent->weight);
	agent_free(agent);
}

/* As many as there may be, in pieces; one more is refused and leaves what was in force. */
Test(compat_request, limits)
{
	struct agent *agent = fed();
	char rules[4000] = "[{\"id\": 1, \"action\": 2}";

	for (int i = 0; i < 127; i++)
		strcat(rules, ",{\"id\":1,\"action\":2}");
	strcat(rules, "]");
	cr_assert_eq(policy_piece(agent, 1, rules), 0, "%s", err.text);
	for (int i = 0; i < 126; i++)
		cr_assert_eq(policy_piece(agent, 0, rules), 0);
	cr_assert_eq(policy_piece(agent, 2, rules), 0);
	cr_assert_eq(agent->weight, AGENT_RULES_MAX);
	cr_assert_eq(policy_piece(agent, 1, rules), 0);
	for (int i = 0; i < 127; i++)
		cr_assert_eq(policy_piece(agent, 0, rules), 0);
	cr_assert_eq(policy_piece(agent, 0, rules), -E2BIG);
	cr_assert_eq(agent->weight, AGENT_RULES_MAX);
	agent_free(agent);
}
