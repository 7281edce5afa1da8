// SPDX-License-Identifier: BSD-2-Clause
/* What the bench calls a change of two of its results, and what noise. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"

static char folder[] = "/tmp/sluice-compare-XXXXXX";
static char old_path[64], new_path[64];

static void begin(void)
{
	cr_redirect_stdout();
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(old_path, sizeof(old_path), "%s/old.json", folder);
	snprintf(new_path, sizeof(new_path), "%s/new.json", folder);
}

static void end(void)
{
	unlink(old_path);
	unlink(new_path);
	rmdir(folder);
}

TestSuite(bench_compare, .init = begin, .fini = end);

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert(file && fputs(text, file) >= 0 && !fclose(file));
}

#define FIGURE(unit, median, values)                                                                         \
	"[{\"name\": \"a\", \"measured_in\": \"" unit "\", \"median\": " median ", \"values\": [" values "]" \
	"}"                                                                                                  \
	"]"

static int compare(const char *before, const char *after)
{
	struct sl_err err = { 0 };

	put(old_path, before);
	put(new_path, after);
	return bench_compare(old_path, new_path, &err);
}

#define FIVE FIGURE("Gb/s", "10", "9.8, 9.9, 10, 10.1, 10.2")

Test(bench_compare, tells_a_change_from_noise)
{
	cr_expect_eq(compare(FIVE, FIGURE("Gb/s", "9", "8.8, 8.9, 9, 9.1, 9.2")), 1, "every pair is slower");
	cr_expect_eq(compare(FIVE, FIGURE("Gb/s", "11", "10.8, 10.9, 11, 11.1, 11.2")), 0, "faster");
	cr_expect_eq(compare(FIVE, FIGURE("Gb/s", "9", "8.8, 8.9, 9, 10.05, 10.3")), 0, "they overlap");
	cr_expect_eq(compare(FIVE, FIGURE("Gb/s", "9.79", "9.77, 9.78, 9.79, 9.791, 9.792")), 0,
		     "apart, and of no weight");
	cr_expect_eq(compare(FIVE, FIVE), 0);
}

Test(bench_compare, knows_what_is_worse)
{
	cr_expect_eq(compare(FIGURE("us", "10", "9.8, 9.9, 10, 10.1, 10.2"),
			     FIGURE("us", "12", "11.8, 11.9, 12, 12.1, 12.2")),
		     1, "a time that grew");
	cr_expect_eq(compare(FIGURE("us", "12", "11.8, 11.9, 12, 12.1, 12.2"),
			     FIGURE("us", "10", "9.8, 9.9, 10, 10.1, 10.2")),
		     0, "a time that shrank");
}

/* Three pairs each are apart in one of ten comparisons of the same. */
Test(bench_compare, does_not_judge_by_few)
{
	cr_expect_eq(compare(FIGURE("Gb/s", "10", "9, 10, 11"), FIGURE("Gb/s", "2", "1, 2, 3")), 0);
	cr_expect_eq(compare(FIVE, "[{\"name\": \"a\", \"median\": 1}]"), 0, "one that kept no pairs");
	cr_expect_eq(compare(FIVE, "[]"), 0, "one that has not got the figure");
}

Test(bench_compare, refuses_what_is_no_result)
{
	cr_expect_eq(compare(FIVE, "{"), -EINVAL);
	cr_expect_eq(compare("{}", FIVE), -EINVAL);
	unlink(old_path);
	cr_expect_eq(bench_compare(old_path, new_path, &(struct sl_err){ 0 }), -EINVAL);
}
