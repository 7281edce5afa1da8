// SPDX-License-Identifier: BSD-2-Clause
/* The table of outcomes; see report.h for the invariant. */
#include "evasion/report.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/world.h"

#define LINES_MAX 160
#define FAILURES_TOLD 40
/* Attempts are mixed, so that nothing hangs on what comes before what, and limits for one kind are not reached. */
#define STRIDE 1009
#define CLEAR_EVERY 20

struct line {
	char text[64];
	uint32_t attempts, frames;
};

struct table {
	struct line line[LINES_MAX];
	uint32_t n;
	char said[256]; /* of the attempt at hand: the reasons named */
	FILE *file;
};

/* EVASION_ONLY: attempts with this in their name or their chapter's. */
static bool wanted(const struct attempt *attempt, enum way way, bool six)
{
	const char *name = getenv("EVASION_ONLY");
	unsigned int only = attempt->only;

	if (name && !strstr(attempt->kind, name) && !strstr(attempt->chapter, name))
		return false;

	if (only & (V4 | V6) && !(only & (six ? V6 : V4)))
		return false;
	return !(only & (IN | OUT)) || only & (way == INWARD ? IN : OUT);
}

static struct outcome *new_outcome(struct report *report)
{
	if (report->n == report->max) {
		report->max = 2 * report->max + 1024;
		report->list = realloc(report->list, report->max * sizeof(*report->list));
		cr_assert(report->list != NULL);
	}
	return &report->list[report->n++];
}

static bool coprime(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a == 1;
}

void report_run(struct report *report, struct field *field, const struct book *book, const char *title,
		uint32_t every)
{
	uint32_t all = book->n * 4, stride = STRIDE, number = 0;

	snprintf(report->title, sizeof(report->title), "%s", title);
	while (!coprime(stride, all))
		stride++;
	for (uint32_t i = 0; i < all; i += every) {
		uint32_t at = (uint32_t)((uint64_t)i * stride % all);
		const struct attempt *attempt = &book->list[at / 4];
		enum way way = at & 1 ? OUTWARD : INWARD;
		bool six = at & 2;

		if (!wanted(attempt, way, six))
			continue;
		play_attempt(field, attempt, way, six, ++number, new_outcome(report));
		if (number % CLEAR_EVERY == 0 && field->inspected && !field->stopped && !field->flooded)
			field_clear(field);
	}
}

static void put(struct table *table, uint32_t frames, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put(struct table *table, uint32_t frames, const char *fmt, ...)
{
	char text[sizeof(table->line[0].text)];
	struct line *line = table->line;
	va_list ap;
	size_t len = strlen(table->said);

	if (!frames)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (line < table->line + table->n && strcmp(line->text, text) != 0)
		line++;
	if (line == table->line + table->n) {
		cr_assert_lt(table->n, LINES_MAX);
		snprintf(line->text, sizeof(line->text), "%s", text);
		table->n++;
	}
	line->frames += frames;
	/* An attempt counts once in a line, however often its reason was named. */
	if (!strstr(table->said, text)) {
		line->attempts++;
		snprintf(table->said + len, sizeof(table->said) - len, "[%s]", text);
	}
}

static void put_outcome(struct table *table, const struct outcome *outcome, const struct field *field)
{
	*table->said = 0;
	for (unsigned int reason = 0; reason < SL_REASON_MAX; reason++)
		put(table, outcome->by_reason[reason], "%s: %s",
		    sl_reason_is_drop(reason) ? "dropped at the port" : "passed by rule",
		    sl_reason_name(reason));
	for (uint64_t i = outcome->drop_from; i < outcome->drop_to && i < field->n_drops; i++)
		put(table, 1, "dropped by the core: %s", field->drops[i]);
	put(table, outcome->let_pass,
	    field->inspected ? "inspected, judged and let pass" : "came out, which it may");
	if (!field->inspected)
		put(table, outcome->arrived - outcome->let_pass, "came out, which it must not");
	put(table, outcome->by_verdict, "passed by the verdict on its flow");
	put(table, outcome->held, "held by the core: the rest of the datagram is missing");
	put(table, outcome->refused, "not taken by the sender's own kernel");
	put(table, outcome->lost, "dropped by the kernel before the port: cut within its tag");
}

/* "attempt (inward, IPv4)" */
static const char *label(const struct outcome *outcome)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s: %s (%s, IPv%d)", outcome->attempt.chapter, outcome->attempt.kind,
		 outcome->way == INWARD ? "inward" : "outward", outcome->six ? 6 : 4);
	return text;
}

static bool count_one(const struct outcome *outcome, const struct table *table, const struct field *field,
		      struct totals *ret)
{
	bool unnamed = !*table->said && outcome->shots && !field->flooded, unexpected;

	unexpected = outcome->attempt.reason && !field->stopped && !field->flooded && !field->verdicts &&
		     *table->said && !strstr(table->said, outcome->attempt.reason);
	ret->attempts++;
	ret->frames += outcome->shots + outcome->refused;
	ret->unseen += outcome->unseen;
	ret->forbidden += outcome->forbidden;
	ret->strange += outcome->strange;
	ret->dead += outcome->dead;
	ret->open_books += outcome->open_books;
	ret->unnamed += unnamed;
	ret->unexpected += unexpected;
	return outcome->unseen || outcome->forbidden || outcome->strange || outcome->dead || unnamed ||
	       outcome->open_books || unexpected;
}

static void tell_failure(const struct outcome *outcome, const struct table *table)
{
	tell("%s:%s%s%s%s%s\n    came to: %s%s%s\n    %s", label(outcome), outcome->unseen ? " UNSEEN" : "",
	     outcome->forbidden ? " DELIVERED" : "", outcome->strange ? " STRANGE" : "",
	     outcome->dead ? " DEAD" : "", outcome->open_books ? " BOOKS" : "",
	     *table->said ? table->said : "nothing that was named",
	     outcome->attempt.reason ? ", expected: " : "",
	     outcome->attempt.reason ? outcome->attempt.reason : "", outcome->text);
}

static int by_kind(const void *a, const void *b)
{
	const struct outcome *one = a, *two = b;

	return strcmp(one->attempt.kind, two->attempt.kind);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

static void print_table(const struct table *table, const struct report *report, const struct totals *totals,
			FILE *file)
{
	fprintf(file, "%s: %u kinds, %u attempts, %u frames\n", report->title, totals->kinds,
		totals->attempts, totals->frames);
	fprintf(file, "  delivered unseen %u, delivered though forbidden %u, without a named reason %u\n",
		totals->unseen, totals->forbidden, totals->unnamed);
	fprintf(file, "  %8s %8s  %s\n", "attempts", "frames", "what became of them");
	for (uint32_t i = 0; i < table->n; i++)
		fprintf(file, "  %8u %8u  %s\n", table->line[i].attempts, table->line[i].frames,
			table->line[i].text);
}

void report_close(struct report *report, struct field *field, bool quiet, struct totals *ret)
{
	struct table table = { .n = 0 };
	uint32_t told = 0;
	struct tally now = { .drops = 0 };
	char path[4200];
	FILE *file;

	*ret = (struct totals){ .kinds = 0 };
	if (field->inspected && !field->stopped && !field->flooded) {
		field_tally(field, &now);
		field_told(field, now.drops);
	}
	qsort(report->list, report->n, sizeof(*report->list), by_kind);
	for (uint32_t i = 0; i < report->n; i++) {
		const struct outcome *outcome = &report->list[i];

		ret->kinds += !i || strcmp(outcome->attempt.kind, report->list[i - 1].attempt.kind) != 0;
		put_outcome(&table, outcome, field);
		if (count_one(outcome, &table, field, ret) && !quiet && told++ < FAILURES_TOLD)
			tell_failure(outcome, &table);
		if (getenv("EVASION_ALL"))
			tell_failure(outcome, &table);
	}
	qsort(table.line, table.n, sizeof(*table.line), by_text);
	snprintf(path, sizeof(path), "%s/evasion-%s.txt", world_build(), report->title);
	for (char *at = path + strlen(world_build()) + 1; *at; at++) {
		if (*at == ' ')
			*at = '-';
	}
	file = fopen(path, "w");
	cr_assert(file != NULL, "%s", path);
	print_table(&table, report, ret, file);
	cr_assert_eq(fclose(file), 0);
	print_table(&table, report, ret, stderr);
	free(report->list);
	report->list = NULL;
}
