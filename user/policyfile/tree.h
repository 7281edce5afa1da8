/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A YAML or JSON text as a tree that knows where everything stood.
 *
 * Invariant: the tree is no larger than a constant times the text: anchors,
 * aliases and tags are refused, depth is bounded, and there is one document.
 */
#ifndef SLUICE_POLICYFILE_TREE_H
#define SLUICE_POLICYFILE_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "policyfile/arena.h"

#define SL_TREE_DEPTH 8

enum sl_node_kind { SL_NODE_TEXT, SL_NODE_LIST, SL_NODE_MAP };

struct sl_node {
	enum sl_node_kind kind;
	bool plain; /* SL_NODE_TEXT: was not quoted */
	unsigned int line, column; /* from 1 */
	const char *text;
	size_t len; /* of text, which may hold NULs */
	size_t n; /* SL_NODE_LIST: items; SL_NODE_MAP: pairs */
	struct sl_node *first, *last; /* SL_NODE_MAP: key, value, key, value … */
	struct sl_node *next; /* beside it */
};

/* The nodes are in the arena; *ret is NULL for an empty text. 0 or -errno, text "source:line:column: …". */
int sl_tree_read(struct sl_arena *arena, const char *text, size_t len, const char *source,
		 struct sl_node **ret, struct sl_err *err);

#endif
