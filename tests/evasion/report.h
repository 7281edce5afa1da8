/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has become of all attempts, counted by the reason that was named, and
 * the list of those that are wrong.
 *
 * Invariant: every frame that was sent is in exactly one line of the table,
 * or its attempt is among the failures.
 */
#ifndef SLUICE_TESTS_EVASION_REPORT_H
#define SLUICE_TESTS_EVASION_REPORT_H

#include "evasion/play.h"

struct report {
	char title[64];
	struct outcome *list;
	uint32_t n, max;
};

struct totals {
	uint32_t kinds, attempts, frames;
	uint32_t unseen, forbidden, strange, dead, unnamed, open_books, unexpected;
};

/* Each attempt of the book, both ways and families where it applies; or one of every so many. */
void report_run(struct report *report, struct field *field, const struct book *book, const char *title,
		uint32_t every);
/* Prints the table, writes it to the build folder, and counts. With `quiet` no single failures are printed. */
void report_close(struct report *report, struct field *field, bool quiet, struct totals *ret);

#endif
