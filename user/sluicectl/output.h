/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes to the terminal: JSON as it is, and tables for people.
 *
 * Invariant: a text from outside never brings a control character to the
 * terminal; JSON is never coloured, grouped or cut.
 */
#ifndef SLUICE_CTL_OUTPUT_H
#define SLUICE_CTL_OUTPUT_H

#include <linux/types.h>

#include "sluicectl/verb.h"

/* One line, or indented with --pretty. 0 or -errno. */
int print_json(const struct ctl *ctl, const json_t *value, struct sl_err *err);

/* The message on stderr, and the hint if there is one; as JSON with --json. */
void print_error(const struct ctl *ctl, const struct sl_err *err);

/* In place: control characters (C0, DEL, and C1 as UTF-8 spells it) become question marks. */
void make_printable(char *text);

/* Is stdout a terminal that may be coloured? (NO_COLOR is honoured.) */
bool can_colour(void);
#define COLOUR_GOOD "\033[32m"
#define COLOUR_WARN "\033[33m"
#define COLOUR_BAD "\033[31m"

/* A table whose columns are as wide as their widest cell. */
struct table;
/* heads: the columns' names, comma-separated; one beginning with '>' is flushed right. NULL: no memory. */
struct table *table_new(const char *heads);
/* The next cell, from left to right; a row is full by itself. A NULL text is "-". */
void table_text(struct table *table, const char *text);
void table_printf(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_number(struct table *table, __u64 number); /* with the thousands set apart */
void table_colour(struct table *table, const char *colour); /* of the cell added last; static string */
/* Prints and frees it. 0, or -ENOMEM if it could not be built completely. */
int table_print(struct table *table, bool heads, struct sl_err *err);

/* Members of an object; texts are not yet fit for the terminal (tables see to that). NULL or 0 if they are absent. */
const char *member_text(const json_t *object, const char *name);
__u64 member_number(const json_t *object, const char *name);
const char *member_yes_no(const json_t *object, const char *name);

/* "1,234,567". */
#define NUMBER_LEN 32
const char *number_text(__u64 number, char text[NUMBER_LEN]);
/* "3d 04:05:06". */
#define SPAN_LEN 32
const char *span_text(__u64 ms, char text[SPAN_LEN]);

#endif
