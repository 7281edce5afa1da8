// SPDX-License-Identifier: BSD-2-Clause
/* Content rules of a message; see request.h. They are kept and checked here, matched by the core's content rules. */
#include <errno.h>
#include <string.h>

#include "compat/fields.h"
#include "compat/request.h"

#define RULES_MAX 1024
#define PATTERNS_MAX 16
#define PATTERN_BYTES 512
#define RULE_NAME_BYTES 522
#define MACS_MAX 512
#define DLP_FIRST 20000 /* 20000 … a user's, 30000 … predefined, 40000 … WAF */
#define WAF_LAST 49999

static const char *read_type(const struct fields *fields, const char *key, const char *prefix)
{
	const char *word = field_text(fields, key, 32), *rest = word;

	if (!strncmp(word, prefix, strlen(prefix)))
		rest = word + strlen(prefix);
	if (*word && strcmp(rest, "inside") != 0 && strcmp(rest, "outside") != 0)
		fields_wrong(fields, key, "inside or outside");
	return word;
}

static struct agent_dlp_choice *read_choices(const struct fields *fields, const char *key, size_t *ret_n)
{
	json_t *list;
	size_t n = field_list(fields, key, RULES_MAX, &list);
	struct agent_dlp_choice *choices = fields_take(fields, n, sizeof(*choices));

	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, key);

		choices[i].id = field_number(&element, "id", UINT32_MAX);
		choices[i].action = (uint8_t)field_number(&element, "action", 5);
	}
	*ret_n = n;
	return choices;
}

static uint32_t *read_numbers(const struct fields *fields, const char *key, size_t *ret_n)
{
	json_t *list;
	size_t n = field_list(fields, key, RULES_MAX, &list);
	uint32_t *numbers = fields_take(fields, n, sizeof(*numbers));

	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		json_t *number = json_array_get(list, i);

		if (!json_is_integer(number) || json_integer_value(number) < 0 ||
		    json_integer_value(number) > UINT32_MAX)
			fields_wrong(fields, key, "a list of policy ids");
		else
			numbers[i] = (uint32_t)json_integer_value(number);
	}
	*ret_n = n;
	return numbers;
}

void request_dlp(const struct fields *fields, struct agent_dlp_piece *ret)
{
	ret->piece = (uint8_t)field_number(fields, "flag", UINT32_MAX) & (PIECE_FIRST | PIECE_LAST);
	ret->macs = field_macs(fields, "mac", MACS_MAX, &ret->n_macs);
	ret->dlp_type = read_type(fields, "ruletype", "dlp");
	ret->waf_type = read_type(fields, "wafruletype", "waf");
	ret->dlp = read_choices(fields, "dlp_rule_names", &ret->n_dlp);
	ret->waf = read_choices(fields, "waf_rule_names", &ret->n_waf);
	ret->dlp_policies = read_numbers(fields, "rule_ids", &ret->n_dlp_policies);
	ret->waf_policies = read_numbers(fields, "waf_rule_ids", &ret->n_waf_policies);
}

/* "/regex/is; context url", "!" in front of it negates. */
static bool is_pattern(const char *text)
{
	static const char *const contexts[] = { "url", "header", "body", "packet", "sql_query" };
	static const char option[] = "; context ";
	const char *end;

	text += *text == '!';
	end = *text == '/' ? strrchr(text, '/') : NULL;
	if (!end || end == text)
		return false;
	end += 1 + strspn(end + 1, "ismxUA");
	if (*end == ';' && !end[1])
		return true;
	if (!*end)
		return true;
	if (strncmp(end, option, sizeof(option) - 1) != 0)
		return false;
	end += sizeof(option) - 1;
	for (size_t i = 0; i < sizeof(contexts) / sizeof(*contexts); i++) {
		size_t len = strlen(contexts[i]);

		if (!strncmp(end, contexts[i], len) && (!end[len] || !strcmp(end + len, ";")))
			return true;
	}
	return false;
}

static void read_patterns(const struct fields *fields, struct agent_dlp_rule *rule)
{
	json_t *list;
	size_t n = field_list(fields, "patterns", PATTERNS_MAX, &list);

	rule->patterns = fields_take(fields, n, sizeof(*rule->patterns));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		json_t *pattern = json_array_get(list, i);
		const char *text = json_string_value(pattern);

		if (!text || json_string_length(pattern) > PATTERN_BYTES || !is_pattern(text)) {
			fields_wrong(fields, "patterns",
				     "texts like \"/regex/is; context url\" of at most 512 bytes");
			return;
		}
		rule->patterns[i] = sl_arena_text(fields->arena, text, strlen(text));
		if (!rule->patterns[i])
			sl_err(fields->err, ENOMEM, "no memory for patterns");
	}
	rule->n_patterns = n;
}

void request_dlp_build(const struct fields *fields, struct agent_dlp_build *ret)
{
	json_t *list;
	size_t n = field_list(fields, "dlp_rules", RULES_MAX, &list);

	ret->piece = (uint8_t)field_number(fields, "flag", UINT32_MAX) & (PIECE_FIRST | PIECE_LAST);
	ret->directions = (uint8_t)field_number(fields, "dir", 3);
	/* bld_dlp calls them mac and delmac, bld_dlpmac addmac, delmac and oldmac. */
	ret->macs = field_macs(fields, json_object_get(fields->object, "addmac") ? "addmac" : "mac", MACS_MAX,
			       &ret->n_macs);
	ret->gone = field_macs(fields, "delmac", MACS_MAX, &ret->n_gone);
	ret->old = field_macs(fields, "oldmac", MACS_MAX, &ret->n_old);
	ret->rules = fields_take(fields, n, sizeof(*ret->rules));
	for (size_t i = 0; i < n && !fields_failed(fields); i++) {
		struct fields element = field_element(fields, list, i, "dlp_rules");
		struct agent_dlp_rule *rule = &ret->rules[ret->n_rules];

		*rule = (struct agent_dlp_rule){ .id = field_number(&element, "id", UINT32_MAX) };
		rule->name = field_text(&element, "name", RULE_NAME_BYTES);
		read_patterns(&element, rule);
		/* Other numbers belong to no kind of rule: left out without a word, as the agent expects. */
		ret->n_rules += rule->id >= DLP_FIRST && rule->id <= WAF_LAST;
	}
}
