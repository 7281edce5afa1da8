// SPDX-License-Identifier: BSD-2-Clause
/* JSON, tables, messages; see output.h for the invariant. */
#include "sluicectl/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_MAX 16
#define GAP 2 /* blanks between columns */

struct cell {
	char *text;
	const char *colour;
	unsigned int width;
};

struct table {
	char *heads;
	const char *head[COLUMNS_MAX];
	bool right[COLUMNS_MAX];
	unsigned int width[COLUMNS_MAX], columns;
	struct cell *cell;
	size_t n, room;
	bool broken; /* a cell could not be added */
};

int print_json(const struct ctl *ctl, const json_t *value, struct sl_err *err)
{
	if (json_dumpf(value, stdout, ctl->pretty ? JSON_INDENT(2) : JSON_COMPACT) || putchar('\n') == EOF)
		return sl_err(err, errno ?: EIO, "cannot write the output");
	return 0;
}

void make_printable(char *text)
{
	char *to = text;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;

		*to++ = *p < 0x20 || *p == 0x7f || c1 ? '?' : (char)*p;
		p += c1;
	}
	*to = '\0';
}

void print_error(const struct ctl *ctl, const struct sl_err *err)
{
	char text[SL_ERR_LEN], hint[sizeof(ctl->hint)];
	json_t *error, *message;

	snprintf(text, sizeof(text), "%s", err->text);
	make_printable(text);
	if (!ctl->json) {
		fprintf(stderr, "sluicectl: %s: %s\n", text, sl_errno_name(err->code));
		snprintf(hint, sizeof(hint), "%s", ctl->hint);
		make_printable(hint);
		if (*hint)
			fprintf(stderr, "sluicectl: %s\n", hint);
		return;
	}
	/* A text that was cut within a character is no JSON string before its stump is off. */
	while (!(message = json_string(text)) && *text)
		text[strlen(text) - 1] = '\0';
	error = json_pack("{s{ss so* ss*}}", "error", "errno", sl_errno_name(err->code), "message", message,
			  "hint", *ctl->hint ? ctl->hint : NULL);
	json_dumpf(error, stderr, ctl->pretty ? JSON_INDENT(2) : JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(error);
}

bool can_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* Characters, not bytes; nothing here is wider than one column. */
static unsigned int text_width(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

struct table *table_new(const char *heads)
{
	struct table *table = calloc(1, sizeof(*table));
	char *next;

	if (!table)
		return NULL;
	table->heads = strdup(heads);
	if (!table->heads) {
		free(table);
		return NULL;
	}
	next = table->heads;
	do {
		char *head = strsep(&next, ",");
		unsigned int i = table->columns++;

		table->right[i] = *head == '>';
		table->head[i] = head + table->right[i];
		table->width[i] = text_width(table->head[i]);
	} while (next && table->columns < COLUMNS_MAX);
	return table;
}

static void add_cell(struct table *table, char *text)
{
	struct cell *grown;

	if (table && text && table->n == table->room) {
		grown = realloc(table->cell, (table->room * 2 + COLUMNS_MAX) * sizeof(*grown));
		if (grown) {
			table->cell = grown;
			table->room = table->room * 2 + COLUMNS_MAX;
		}
	}
	if (!table || !text || table->n == table->room) {
		if (table)
			table->broken = true;
		free(text);
		return;
	}
	make_printable(text);
	table->cell[table->n] = (struct cell){ .text = text, .width = text_width(text) };
	if (table->width[table->n % table->columns] < table->cell[table->n].width)
		table->width[table->n % table->columns] = table->cell[table->n].width;
	table->n++;
}

void table_text(struct table *table, const char *text)
{
	add_cell(table, strdup(text && *text ? text : "-"));
}

void table_printf(struct table *table, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	add_cell(table, text);
}

void table_number(struct table *table, __u64 number)
{
	char text[NUMBER_LEN];

	table_text(table, number_text(number, text));
}

void table_colour(struct table *table, const char *colour)
{
	if (table && table->n)
		table->cell[table->n - 1].colour = colour;
}

static void print_cell(const struct table *table, unsigned int column, const char *text, unsigned int width,
		       const char *colour)
{
	unsigned int pad = table->width[column] - width;
	bool last = column + 1 == table->columns;

	if (table->right[column])
		printf("%*s", (int)pad, "");
	if (colour)
		printf("%s%s\033[0m", colour, text);
	else
		fputs(text, stdout);
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(table->right[column] ? GAP : pad + GAP), "");
}

static void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->cell[i].text);
	free(table->cell);
	free(table->heads);
	free(table);
}

int table_print(struct table *table, bool heads, struct sl_err *err)
{
	int r = 0;

	if (!table)
		return sl_err(err, ENOMEM, "no memory for the table");
	for (unsigned int i = 0; heads && i < table->columns; i++)
		print_cell(table, i, table->head[i], text_width(table->head[i]), NULL);
	for (size_t i = 0, column = 0; i < table->n; i++) {
		print_cell(table, column, table->cell[i].text, table->cell[i].width, table->cell[i].colour);
		column = column + 1 == table->columns ? 0 : column + 1;
	}
	if (table->broken)
		r = sl_err(err, ENOMEM, "no memory for the table");
	table_free(table);
	return r;
}

const char *member_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

__u64 member_number(const json_t *object, const char *name)
{
	return (__u64)json_integer_value(json_object_get(object, name));
}

const char *member_yes_no(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_boolean(value) ? (json_is_true(value) ? "yes" : "no") : NULL;
}

const char *number_text(__u64 number, char text[NUMBER_LEN])
{
	char digits[NUMBER_LEN], *to = text;
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

const char *span_text(__u64 ms, char text[SPAN_LEN])
{
	unsigned long long s = ms / 1000;

	if (s >= 86400)
		snprintf(text, SPAN_LEN, "%llud %02llu:%02llu:%02llu", s / 86400, s / 3600 % 24, s / 60 % 60,
			 s % 60);
	else
		snprintf(text, SPAN_LEN, "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
	return text;
}
