// SPDX-License-Identifier: BSD-2-Clause
/*
 * A policy as a file again, in YAML for people or in JSON for programs.
 *
 * Invariant: it reads back as the same policy, and the same policy gives the
 * same text.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "policyfile/rules.h"

/* One element of a rule's list as text. */
typedef const char *(*item_text)(const struct sl_rule *rule, size_t i, char *text);

static const char *workload_item(const struct sl_rule *rule, size_t i, char *text)
{
	return sl_ref_text(&rule->workloads[i], text);
}

static const char *peer_item(const struct sl_rule *rule, size_t i, char *text)
{
	return sl_peer_text(&rule->peers[i], text);
}

static const char *port_item(const struct sl_rule *rule, size_t i, char *text)
{
	return sl_ports_text(&rule->ports[i], text);
}

static const char *protocol_item(const struct sl_rule *rule, size_t i, char *text)
{
	return sl_protocol_text(rule->protocols[i], text);
}

static const char *application_item(const struct sl_rule *rule, size_t i, char *text)
{
	snprintf(text, SL_TEXT_MAX, "%s", sl_application_name(rule->applications[i]));
	return text;
}

static const struct {
	const char *key;
	item_text text;
} lists[] = {
	{ "workload", workload_item },	     { "peer", peer_item },
	{ "protocol", protocol_item },	     { "ports", port_item },
	{ "application", application_item },
};
#define N_LISTS (sizeof(lists) / sizeof(*lists))

static size_t list_length(const struct sl_rule *rule, size_t list)
{
	const size_t n[N_LISTS] = { rule->n_workloads, rule->n_peers, rule->n_protocols, rule->n_ports,
				    rule->n_applications };

	return n[list];
}

/* YAML: a plain word where that is safe, else in double quotes. */
static void put_word(FILE *out, const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	size_t len = strlen(text);

	if (len && strspn(text, safe) == len && *text != '-' && *text != '.') {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_list(FILE *out, const struct sl_rule *rule, size_t list)
{
	size_t n = list_length(rule, list);
	char text[SL_TEXT_MAX];

	if (!n)
		return;
	fprintf(out, "    %s: %s", lists[list].key, n > 1 ? "[" : "");
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		put_word(out, lists[list].text(rule, i, text));
	}
	fputs(n > 1 ? "]\n" : "\n", out);
}

static void put_default(FILE *out, const struct sl_default *setting, const char *indent)
{
	fprintf(out, "%smode: %s\n%singress: %s\n%segress: %s\n", indent, sl_mode_text(setting->mode), indent,
		sl_action_text(setting->ingress), indent, sl_action_text(setting->egress));
}

static void put_comment(FILE *out, const char *comment)
{
	while (*comment) {
		size_t len = strcspn(comment, "\n");

		fprintf(out, "# %.*s\n", (int)len, comment);
		comment += len + (comment[len] == '\n');
	}
}

static void put_rules(FILE *out, const struct sl_rules *rules)
{
	char text[SL_TEXT_MAX];

	fputs("version: 1\ndefault:\n", out);
	put_default(out, &rules->fallback, "  ");
	fputs(rules->n_workloads ? "workloads:\n" : "", out);
	for (size_t i = 0; i < rules->n_workloads; i++) {
		fputs("  - workload: ", out);
		put_word(out, sl_ref_text(&rules->workloads[i].workload, text));
		fputc('\n', out);
		put_default(out, &rules->workloads[i].setting, "    ");
	}
	fputs(rules->n_rules ? "rules:\n" : "", out);
	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct sl_rule *rule = &rules->rules[i];

		fprintf(out, "  - id: %u\n", rule->id);
		if (rule->name) {
			fputs("    name: ", out);
			put_word(out, rule->name);
			fputc('\n', out);
		}
		fprintf(out, "    direction: %s\n", sl_directions_text(rule->directions));
		for (size_t list = 0; list < N_LISTS; list++)
			put_list(out, rule, list);
		fprintf(out, "    action: %s\n", sl_action_text(rule->action));
	}
}

char *sl_rules_yaml(const struct sl_rules *rules, const char *comment)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (comment)
		put_comment(out, comment);
	put_rules(out, rules);
	if (ferror(out) | fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *json_setting(const struct sl_default *setting)
{
	return json_pack("{ss ss ss}", "mode", sl_mode_text(setting->mode), "ingress",
			 sl_action_text(setting->ingress), "egress", sl_action_text(setting->egress));
}

/* Nothing here is left half done: a failure anywhere shows as a NULL that makes the whole NULL. */
static int put_json_lists(json_t *json, const struct sl_rule *rule)
{
	char text[SL_TEXT_MAX];
	int failed = 0;

	for (size_t list = 0; list < N_LISTS; list++) {
		size_t n = list_length(rule, list);
		json_t *items = n ? json_array() : NULL;

		for (size_t i = 0; i < n; i++)
			failed |= json_array_append_new(items, json_string(lists[list].text(rule, i, text)));
		if (n)
			failed |= json_object_set_new(json, lists[list].key, items);
	}
	return failed;
}

static json_t *json_rule(const struct sl_rule *rule)
{
	json_t *json =
		json_pack("{sI ss* ss ss}", "id", (json_int_t)rule->id, "name", rule->name, "direction",
			  sl_directions_text(rule->directions), "action", sl_action_text(rule->action));

	if (json && put_json_lists(json, rule)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *json_workload(const struct sl_workload_setting *setting)
{
	char text[SL_TEXT_MAX];
	json_t *json = json_setting(&setting->setting);

	if (json &&
	    json_object_set_new(json, "workload", json_string(sl_ref_text(&setting->workload, text)))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

char *sl_rules_json(const struct sl_rules *rules)
{
	json_t *list = json_array(), *workloads = json_array(), *all;
	int failed = 0;
	char *text = NULL;

	for (size_t i = 0; i < rules->n_workloads; i++)
		failed |= json_array_append_new(workloads, json_workload(&rules->workloads[i]));
	for (size_t i = 0; i < rules->n_rules; i++)
		failed |= json_array_append_new(list, json_rule(&rules->rules[i]));
	all = json_pack("{si so so so}", "version", 1, "default", json_setting(&rules->fallback), "workloads",
			workloads, "rules", list);
	if (all && !failed)
		text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}
