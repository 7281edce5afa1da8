// SPDX-License-Identifier: BSD-2-Clause
/*
 * From text to a tree; see tree.h for the invariant. libyaml reads both
 * formats, as JSON is all but a part of YAML and libyaml knows where things
 * stand; what claims to be JSON must first satisfy jansson, which is strict.
 */
#include "policyfile/tree.h"

#include <errno.h>
#include <jansson.h>
#include <yaml.h>

struct reader {
	yaml_parser_t yaml;
	struct sl_arena *arena;
	const char *source;
	struct sl_err *err;
	struct sl_node *parent[SL_TREE_DEPTH];
	unsigned int depth;
	struct sl_node *root;
};

static int refuse(struct reader *reader, const yaml_mark_t *mark, const char *what)
{
	return sl_err(reader->err, EINVAL, "%s:%zu:%zu: %s", reader->source, mark->line + 1, mark->column + 1,
		      what);
}

static int check_json(const char *text, size_t len, const char *source, struct sl_err *err)
{
	json_error_t where;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);

	if (!json)
		return sl_err(err, EINVAL, "%s:%d:%d: not JSON: %s", source, where.line,
			      where.column > 0 ? where.column : 1, where.text);
	json_decref(json);
	return 0;
}

static int syntax_error(struct reader *reader)
{
	const yaml_parser_t *yaml = &reader->yaml;

	if (yaml->error == YAML_MEMORY_ERROR)
		return sl_err(reader->err, ENOMEM, "no memory to read %s", reader->source);
	if (yaml->error == YAML_READER_ERROR)
		return sl_err(reader->err, EINVAL, "%s:%zu:%zu: not UTF-8 text: %s at byte %zu",
			      reader->source, yaml->mark.line + 1, yaml->mark.column + 1, yaml->problem,
			      yaml->problem_offset);
	return sl_err(reader->err, EINVAL, "%s:%zu:%zu: not YAML: %s%s%s", reader->source,
		      yaml->problem_mark.line + 1, yaml->problem_mark.column + 1, yaml->problem,
		      yaml->context ? " " : "", yaml->context ?: "");
}

static struct sl_node *add_node(struct reader *reader, enum sl_node_kind kind, const yaml_mark_t *mark)
{
	struct sl_node *node = sl_arena_take(reader->arena, sizeof(*node));
	struct sl_node *parent = reader->depth ? reader->parent[reader->depth - 1] : NULL;

	if (!node)
		return NULL;
	node->kind = kind;
	node->line = (unsigned int)mark->line + 1;
	node->column = (unsigned int)mark->column + 1;
	if (!parent) {
		reader->root = node;
	} else {
		if (parent->last)
			parent->last->next = node;
		else
			parent->first = node;
		parent->last = node;
		parent->n++;
	}
	return node;
}

static int no_memory(struct reader *reader)
{
	return sl_err(reader->err, E2BIG, "%s is too large to be read", reader->source);
}

static int take_text(struct reader *reader, const yaml_event_t *event)
{
	struct sl_node *node = add_node(reader, SL_NODE_TEXT, &event->start_mark);

	if (!node)
		return no_memory(reader);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->len = event->data.scalar.length;
	node->text = sl_arena_text(reader->arena, (const char *)event->data.scalar.value, node->len);
	return node->text ? 0 : no_memory(reader);
}

static int open_node(struct reader *reader, const yaml_event_t *event, enum sl_node_kind kind)
{
	struct sl_node *node;

	if (reader->depth == SL_TREE_DEPTH)
		return refuse(reader, &event->start_mark, "lists and maps are nested too deeply");
	node = add_node(reader, kind, &event->start_mark);
	if (!node)
		return no_memory(reader);
	reader->parent[reader->depth++] = node;
	return 0;
}

/* Anchors could make a small text a large tree, tags a text something else: neither is needed here. */
static int check_plain(struct reader *reader, const yaml_event_t *event, const void *anchor, const void *tag)
{
	if (anchor)
		return refuse(reader, &event->start_mark,
			      "anchors (&) are not allowed; write the value where it is needed");
	if (tag)
		return refuse(reader, &event->start_mark, "tags (!) are not allowed");
	return 0;
}

static int take_event(struct reader *reader, const yaml_event_t *event)
{
	int r;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return reader->root ? refuse(reader, &event->start_mark,
					     "a second document; a policy is one document")
				    : 0;
	case YAML_ALIAS_EVENT:
		return refuse(
			reader, &event->start_mark,
			"aliases (*) are not allowed; write the value where it is needed, and names that "
			"begin with * in quotes");
	case YAML_SCALAR_EVENT:
		r = check_plain(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
		return r ?: take_text(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		r = check_plain(reader, event, event->data.sequence_start.anchor,
				event->data.sequence_start.tag);
		return r ?: open_node(reader, event, SL_NODE_LIST);
	case YAML_MAPPING_START_EVENT:
		r = check_plain(reader, event, event->data.mapping_start.anchor,
				event->data.mapping_start.tag);
		return r ?: open_node(reader, event, SL_NODE_MAP);
	case YAML_MAPPING_END_EVENT:
		reader->parent[reader->depth - 1]->n /= 2;
		reader->depth--;
		return 0;
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return 0;
	default:
		return 0;
	}
}

static int read_events(struct reader *reader)
{
	yaml_event_t event;
	bool end = false;
	int r = 0;

	while (!end && !r) {
		if (!yaml_parser_parse(&reader->yaml, &event))
			return syntax_error(reader);
		r = take_event(reader, &event);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	return r;
}

int sl_tree_read(struct sl_arena *arena, const char *text, size_t len, const char *source,
		 struct sl_node **ret, struct sl_err *err)
{
	struct reader reader = { .arena = arena, .source = source, .err = err };
	size_t first = 0;
	int r;

	while (first < len && strchr(" \t\r\n", text[first]) && text[first])
		first++;
	if (first < len && text[first] == '{') {
		r = check_json(text, len, source, err);
		if (r)
			return r;
	}
	if (!yaml_parser_initialize(&reader.yaml))
		return sl_err(err, ENOMEM, "no memory to read %s", source);
	yaml_parser_set_encoding(&reader.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.yaml, (const unsigned char *)text, len);
	r = read_events(&reader);
	yaml_parser_delete(&reader.yaml);
	if (!r)
		*ret = reader.root;
	return r;
}
