// SPDX-License-Identifier: BSD-2-Clause
/*
 * A policy file, from its tree to rules: one table of keys per kind of map, a
 * function a key.
 *
 * Invariant: a key that is not known, stands twice or is missing is refused;
 * every message names file, line and column of what it speaks of.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyfile/rules.h"
#include "policyfile/tree.h"
#include "policyfile/values.h"

/* The tree of the longest file allowed is some 20 times as large. */
#define MEMORY_MAX ((size_t)1 << 30)

struct reader {
	const char *source;
	struct sl_arena *arena;
	struct sl_rules *rules;
	struct sl_err *err;
};

struct key {
	const char *name;
	bool needed;
	int (*take)(struct reader *reader, const struct sl_node *value, void *object);
};

/* Puts the place in front of what is in err. */
static int at(struct reader *reader, const struct sl_node *node)
{
	return sl_err_prefix(reader->err, "%s:%u:%u", reader->source, node->line, node->column) ?: -EINVAL;
}

static int __attribute__((format(printf, 3, 4)))
refuse(struct reader *reader, const struct sl_node *node, const char *fmt, ...)
{
	char text[SL_ERR_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sl_err(reader->err, EINVAL, "%s", text);
	at(reader, node);
	return -EINVAL;
}

static int no_memory(struct reader *reader)
{
	return sl_err(reader->err, E2BIG, "%s is too large to be read", reader->source);
}

static const char *kind_text(const struct sl_node *node)
{
	static const char *const texts[] = { "a single value", "a list", "a map" };

	return texts[node->kind];
}

static int want(struct reader *reader, const struct sl_node *node, enum sl_node_kind kind, const char *what)
{
	if (node->kind != kind)
		return refuse(reader, node, "%s is expected here, not %s", what, kind_text(node));
	if (kind == SL_NODE_TEXT && strlen(node->text) != node->len)
		return refuse(reader, node, "a NUL character in a text");
	return 0;
}

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

static int unknown_key(struct reader *reader, const struct sl_node *node, const struct key *keys)
{
	char known[256] = "";
	size_t n = 0;

	for (; keys->name && n < sizeof(known); keys++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", keys->name);
	return refuse(reader, node, "unknown key '%.32s'; there are: %s", node->text, known);
}

/* Every pair of the map by its key; at most 32 keys in a table. */
static int read_map(struct reader *reader, const struct sl_node *map, const struct key *keys, void *object)
{
	uint32_t seen = 0;
	int r;

	for (const struct sl_node *node = map->first; node && node->next; node = node->next->next) {
		const struct key *key;

		r = want(reader, node, SL_NODE_TEXT, "a key");
		if (r)
			return r;
		key = find_key(keys, node->text);
		if (!key)
			return unknown_key(reader, node, keys);
		if (seen & 1U << (key - keys))
			return refuse(reader, node, "'%s' is given twice", key->name);
		seen |= 1U << (key - keys);
		r = key->take(reader, node->next, object);
		if (r)
			return r;
	}
	for (unsigned int i = 0; keys[i].name; i++)
		if (keys[i].needed && !(seen & 1U << i))
			return refuse(reader, map, "'%s' is missing", keys[i].name);
	return 0;
}

/* Single values. */
#define TAKE(function, type, field, parse)                                                                   \
	static int function(struct reader *reader, const struct sl_node *value, void *object)                \
	{                                                                                                    \
		type *into = object;                                                                         \
		int r = want(reader, value, SL_NODE_TEXT, "a single value");                                 \
                                                                                                             \
		if (r)                                                                                       \
			return r;                                                                            \
		return parse(value->text, &into->field, reader->err) ? at(reader, value) : 0;                \
	}
TAKE(take_mode, struct sl_default, mode, sl_value_mode)
TAKE(take_ingress, struct sl_default, ingress, sl_value_action)
TAKE(take_egress, struct sl_default, egress, sl_value_action)
TAKE(take_action, struct sl_rule, action, sl_value_action)
TAKE(take_direction, struct sl_rule, directions, sl_value_direction)

static int take_number(struct reader *reader, const struct sl_node *value, uint32_t max, uint32_t *ret)
{
	int r = want(reader, value, SL_NODE_TEXT, "a number");

	if (r)
		return r;
	return sl_value_number(value->text, 1, max, ret)
		       ? refuse(reader, value, "'%.32s' is not a number from 1 to %u", value->text, max)
		       : 0;
}

static int take_id(struct reader *reader, const struct sl_node *value, void *object)
{
	return take_number(reader, value, SL_RULE_ID_MAX, &((struct sl_rule *)object)->id);
}

static int take_name(struct reader *reader, const struct sl_node *value, void *object)
{
	struct sl_rule *rule = object;
	int r = want(reader, value, SL_NODE_TEXT, "a text");

	if (r)
		return r;
	if (!value->len || value->len > SL_RULE_NAME_MAX)
		return refuse(reader, value, "a name has from 1 to %d bytes", SL_RULE_NAME_MAX);
	for (size_t i = 0; i < value->len; i++)
		if ((unsigned char)value->text[i] < ' ' || value->text[i] == 0x7f)
			return refuse(reader, value, "a name has no control characters");
	rule->name = sl_arena_text(reader->arena, value->text, value->len);
	return rule->name ? 0 : no_memory(reader);
}

/* Lists: one value, a list of them, or `any`, which is an empty list of ours. `take` adds up to two elements. */
typedef int (*take_item)(struct reader *reader, const char *text, void *items, size_t *n);

static int read_items(struct reader *reader, const struct sl_node *value, size_t size, take_item take,
		      void *ret_items, size_t *ret_n)
{
	const struct sl_node *item = value->kind == SL_NODE_LIST ? value->first : value;
	size_t n = value->kind == SL_NODE_LIST ? value->n : 1;
	void *items;
	int r;

	if (value->kind == SL_NODE_TEXT && !strcmp(value->text, "any"))
		return 0;
	if (!n)
		return refuse(reader, value,
			      "an empty list matches nothing; write any, or leave the key out");
	if (n > SL_RULE_LIST_MAX)
		return refuse(reader, value, "a list of more than %d entries", SL_RULE_LIST_MAX);
	items = sl_arena_array(reader->arena, 2 * n, size);
	if (!items)
		return no_memory(reader);
	for (; n; item = item->next, n--) {
		r = want(reader, item, SL_NODE_TEXT, "a single value or a list of them");
		if (r)
			return r;
		if (value->kind == SL_NODE_LIST && !strcmp(item->text, "any"))
			return refuse(reader, item, "any stands alone, not in a list");
		if (take(reader, item->text, items, ret_n))
			return at(reader, item);
	}
	*(void **)ret_items = items;
	return 0;
}

static int item_workload(struct reader *reader, const char *text, void *items, size_t *n)
{
	return sl_value_workload(reader->arena, text, (struct sl_workload_ref *)items + (*n)++, reader->err);
}

static int item_peer(struct reader *reader, const char *text, void *items, size_t *n)
{
	return sl_value_peer(reader->arena, text, (struct sl_peer *)items + (*n)++, reader->err);
}

static int item_ports(struct reader *reader, const char *text, void *items, size_t *n)
{
	return sl_value_ports(text, (struct sl_port_range *)items + (*n)++, reader->err);
}

static int item_protocol(struct reader *reader, const char *text, void *items, size_t *n)
{
	size_t added = 0;
	int r = sl_value_protocol(text, (uint8_t *)items + *n, &added, reader->err);

	*n += added;
	return r;
}

static int item_application(struct reader *reader, const char *text, void *items, size_t *n)
{
	return sl_value_application(text, (uint16_t *)items + (*n)++, reader->err);
}

#define TAKE_LIST(function, field, take)                                                                     \
	static int function(struct reader *reader, const struct sl_node *value, void *object)                \
	{                                                                                                    \
		struct sl_rule *rule = object;                                                               \
                                                                                                             \
		return read_items(reader, value, sizeof(*rule->field), take, &rule->field,                   \
				  &rule->n_##field);                                                         \
	}
TAKE_LIST(take_workloads, workloads, item_workload)
TAKE_LIST(take_peers, peers, item_peer)
TAKE_LIST(take_ports, ports, item_ports)
TAKE_LIST(take_protocols, protocols, item_protocol)
TAKE_LIST(take_applications, applications, item_application)

static const struct key rule_keys[] = {
	{ "id", true, take_id },
	{ "name", false, take_name },
	{ "direction", true, take_direction },
	{ "workload", false, take_workloads },
	{ "peer", false, take_peers },
	{ "ports", false, take_ports },
	{ "protocol", false, take_protocols },
	{ "application", false, take_applications },
	{ "action", true, take_action },
	{ NULL, false, NULL },
};

static int read_rule(struct reader *reader, const struct sl_node *node, void *into)
{
	struct sl_rule *rule = into;
	int r = read_map(reader, node, rule_keys, rule);

	if (r)
		return r;
	rule->line = node->line;
	for (size_t i = 0; rule->n_ports && i < rule->n_protocols; i++)
		if (!sl_protocol_has_ports(rule->protocols[i]))
			return refuse(reader, node, "rule %u has ports, which protocol %u has not", rule->id,
				      rule->protocols[i]);
	sl_rule_normalise(rule);
	return 0;
}

static const struct key default_keys[] = {
	{ "mode", false, take_mode },
	{ "ingress", false, take_ingress },
	{ "egress", false, take_egress },
	{ NULL, false, NULL },
};

static int setting_name(struct reader *reader, const struct sl_node *value, void *object)
{
	struct sl_workload_setting *setting = object;
	int r = want(reader, value, SL_NODE_TEXT, "a workload's id or name");

	if (r)
		return r;
	return sl_value_workload(reader->arena, value->text, &setting->workload, reader->err)
		       ? at(reader, value)
		       : 0;
}

#define IN_SETTING(function, take)                                                                           \
	static int function(struct reader *reader, const struct sl_node *value, void *object)                \
	{                                                                                                    \
		return take(reader, value, &((struct sl_workload_setting *)object)->setting);                \
	}
IN_SETTING(setting_mode, take_mode)
IN_SETTING(setting_ingress, take_ingress)
IN_SETTING(setting_egress, take_egress)

static const struct key setting_keys[] = {
	{ "workload", true, setting_name },
	{ "mode", false, setting_mode },
	{ "ingress", false, setting_ingress },
	{ "egress", false, setting_egress },
	{ NULL, false, NULL },
};

static int read_setting(struct reader *reader, const struct sl_node *node, void *into)
{
	struct sl_workload_setting *setting = into;
	int r;

	setting->setting = reader->rules->fallback;
	setting->line = node->line;
	r = read_map(reader, node, setting_keys, setting);
	return r;
}

/* A list of maps, `size` bytes each. */
static int read_maps(struct reader *reader, const struct sl_node *list, size_t size, size_t max,
		     const char *what,
		     int (*read)(struct reader *reader, const struct sl_node *node, void *into), void **ret,
		     size_t *ret_n)
{
	int r = want(reader, list, SL_NODE_LIST, what);
	char *items;

	if (r)
		return r;
	if (list->n > max)
		return refuse(reader, list, "%zu entries; at most %zu are allowed", list->n, max);
	items = sl_arena_array(reader->arena, list->n, size);
	if (!items)
		return no_memory(reader);
	for (const struct sl_node *node = list->first; node; node = node->next) {
		r = want(reader, node, SL_NODE_MAP, "a map of keys and values");
		r = r ?: read(reader, node, items + size * *ret_n);
		if (r)
			return r;
		++*ret_n;
	}
	*ret = items;
	return 0;
}

struct document {
	const struct sl_node *fallback, *workloads, *rules;
};

static int doc_version(struct reader *reader, const struct sl_node *value, void *object)
{
	int r = want(reader, value, SL_NODE_TEXT, "a number");

	(void)object;
	if (!r && strcmp(value->text, "1") != 0)
		r = refuse(reader, value, "version '%.32s' is not known; this is version 1", value->text);
	return r;
}

#define KEEP(function, field)                                                                                \
	static int function(struct reader *reader, const struct sl_node *value, void *object)                \
	{                                                                                                    \
		(void)reader;                                                                                \
		((struct document *)object)->field = value;                                                  \
		return 0;                                                                                    \
	}
KEEP(doc_default, fallback)
KEEP(doc_workloads, workloads)
KEEP(doc_rules, rules)

static const struct key document_keys[] = {
	{ "version", true, doc_version },
	{ "default", false, doc_default },
	{ "workloads", false, doc_workloads },
	{ "rules", false, doc_rules },
	{ NULL, false, NULL },
};

static int compare_ids(const void *a, const void *b)
{
	const struct sl_rule *x = *(const struct sl_rule *const *)a, *y = *(const struct sl_rule *const *)b;

	return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x > y) - (x < y);
}

static int compare_settings(const void *a, const void *b)
{
	const struct sl_workload_setting *x = *(const struct sl_workload_setting *const *)a;
	const struct sl_workload_setting *y = *(const struct sl_workload_setting *const *)b;

	return sl_ref_compare(&x->workload, &y->workload) ?: (x > y) - (x < y);
}

static int check_unique(struct reader *reader)
{
	struct sl_rules *rules = reader->rules;
	const struct sl_rule **rule = sl_arena_array(reader->arena, rules->n_rules, sizeof(*rule));
	const struct sl_workload_setting **setting =
		sl_arena_array(reader->arena, rules->n_workloads, sizeof(*setting));
	char text[SL_TEXT_MAX];

	if (!rule || !setting)
		return no_memory(reader);
	for (size_t i = 0; i < rules->n_rules; i++)
		rule[i] = &rules->rules[i];
	for (size_t i = 0; i < rules->n_workloads; i++)
		setting[i] = &rules->workloads[i];
	qsort(rule, rules->n_rules, sizeof(*rule), compare_ids);
	qsort(setting, rules->n_workloads, sizeof(*setting), compare_settings);
	for (size_t i = 1; i < rules->n_rules; i++)
		if (rule[i]->id == rule[i - 1]->id)
			return sl_err(reader->err, EINVAL, "%s:%u:1: rule %u is already defined in line %u",
				      reader->source, rule[i]->line, rule[i]->id, rule[i - 1]->line);
	for (size_t i = 1; i < rules->n_workloads; i++)
		if (sl_ref_equal(&setting[i]->workload, &setting[i - 1]->workload))
			return sl_err(reader->err, EINVAL,
				      "%s:%u:1: workload %s already has its settings in line %u",
				      reader->source, setting[i]->line,
				      sl_ref_text(&setting[i]->workload, text), setting[i - 1]->line);
	return 0;
}

static int read_document(struct reader *reader, const struct sl_node *root)
{
	struct document document = { 0 };
	struct sl_rules *rules = reader->rules;
	int r;

	if (!root)
		return sl_err(reader->err, EINVAL,
			      "%s:1:1: the file is empty; a policy begins with version: 1", reader->source);
	r = want(reader, root, SL_NODE_MAP, "a map with version, default, workloads and rules");
	r = r ?: read_map(reader, root, document_keys, &document);
	/* In this order: a workload's settings begin with the default, wherever that stands in the file. */
	if (!r && document.fallback)
		r = want(reader, document.fallback, SL_NODE_MAP, "a map with mode, ingress and egress")
			    ?: read_map(reader, document.fallback, default_keys, &rules->fallback);
	if (!r && document.workloads)
		r = read_maps(reader, document.workloads, sizeof(*rules->workloads), SL_RULES_WORKLOADS_MAX,
			      "a list of workloads", read_setting, (void **)&rules->workloads,
			      &rules->n_workloads);
	if (!r && document.rules)
		r = read_maps(reader, document.rules, sizeof(*rules->rules), SL_RULES_MAX, "a list of rules",
			      read_rule, (void **)&rules->rules, &rules->n_rules);
	return r ?: check_unique(reader);
}

int sl_rules_read(const char *text, size_t len, const char *source, struct sl_rules **ret, struct sl_err *err)
{
	struct sl_arena tree = { .limit = MEMORY_MAX };
	struct sl_rules *rules = calloc(1, sizeof(*rules));
	struct reader reader = { .source = source, .rules = rules, .err = err };
	struct sl_node *root = NULL;
	struct sl_err own;
	int r;

	if (!err)
		reader.err = &own;
	if (!rules)
		return sl_err(err, ENOMEM, "no memory to read %s", source);
	rules->fallback = (struct sl_default){ .mode = SL_POLICY_DISCOVER,
					       .ingress = SL_RULE_DENY,
					       .egress = SL_RULE_DENY };
	rules->arena.limit = MEMORY_MAX;
	reader.arena = &rules->arena;
	if (len > SL_RULES_FILE_MAX)
		r = sl_err(err, E2BIG, "%s: longer than %u MiB", source, SL_RULES_FILE_MAX >> 20);
	else
		r = sl_tree_read(&tree, text, len, source, &root, reader.err);
	r = r ?: read_document(&reader, root);
	sl_arena_free(&tree);
	if (r)
		sl_rules_free(rules);
	else
		*ret = rules;
	return r;
}

void sl_rules_free(struct sl_rules *rules)
{
	if (!rules)
		return;
	sl_arena_free(&rules->arena);
	free(rules);
}
