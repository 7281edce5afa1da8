// SPDX-License-Identifier: BSD-2-Clause
/*
 * The inspection proof: default deny, protect and strict, one TCP port
 * allowed; an outsider and a workload whose owner is root in its namespace try
 * whatever they can, and nothing passes that the core has not seen and judged.
 *
 * Invariant: the same attempts are made once with nothing intercepted, and
 * the same eyes must see them come out then.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "evasion/attempts.h"
#include "evasion/report.h"
#include "lib/features.h"
#include "lib/world.h"

TestSuite(evasion, .init = world_enter, .fini = world_leave, .timeout = 300);

static void expect_sound(const struct totals *totals)
{
	cr_expect_eq(totals->unseen, 0, "%u attempts were delivered unseen", totals->unseen);
	cr_expect_eq(totals->forbidden, 0, "%u attempts were delivered though forbidden", totals->forbidden);
	cr_expect_eq(totals->strange, 0, "after %u attempts frames came out that nobody has sent",
		     totals->strange);
	cr_expect_eq(totals->dead, 0, "%u attempts had no path to try", totals->dead);
	cr_expect_eq(totals->unnamed, 0, "of %u attempts nobody says what became of them", totals->unnamed);
	cr_expect_eq(totals->open_books, 0, "after %u attempts the books stay open", totals->open_books);
	cr_expect_eq(totals->unexpected, 0, "%u attempts met another reason than they should",
		     totals->unexpected);
}

/* All that can be tried, and nothing of it may get through. */
static void try_all(const struct field_options *options, const char *title)
{
	struct field *field = field_open(options);
	struct report report = { .n = 0 };
	struct book book = { .n = 0 };
	struct totals totals;
	uint64_t bulk;

	all_attempts(&book);
	report_run(&report, field, &book, title, 1);
	report_close(&report, field, false, &totals);
	expect_sound(&totals);
	bulk = counter_legs(field->t->d, SL_R_bulk);
	cr_expect(options->bulk ? bulk > 0 : bulk == 0, "%llu frames by the bulk lane",
		  (unsigned long long)bulk);
	field_close(field);
}

static void need_verdicts(void)
{
	if (field_verdict() == SL_REASON_MAX)
		cr_skip_test("no flow is left to the kernel by this build");
}

Test(evasion, nothing_passes_unseen_or_forbidden)
{
	try_all(&(struct field_options){ .bare = false }, "inspected");
}

/* Allowed flows pass vex and vin by themselves: nothing may pass on a verdict that belongs to something else. */
Test(evasion, nothing_passes_by_anothers_verdict)
{
	need_verdicts();
	try_all(&(struct field_options){ .verdicts = true }, "with verdicts");
}

/* Flows have another way to the core, and back. */
Test(evasion, nothing_passes_by_the_bulk_lane)
{
	try_all(&(struct field_options){ .bulk = true }, "with the bulk lane");
}

/* Frames that reach the core in several pieces. */
Test(evasion, nothing_passes_in_jumbo_frames)
{
	struct report report = { .n = 0 };
	struct book book = { .n = 0 };
	struct totals totals;
	struct field *field;

	need_multi_buffer();
	field = field_open(&(struct field_options){ .jumbo = true });
	jumbo_attempts(&book);
	report_run(&report, field, &book, "jumbo frames", 1);
	report_close(&report, field, false, &totals);
	expect_sound(&totals);
	field_close(field);
}

/* Nothing is intercepted: what is forbidden arrives, and it must be noticed. */
Test(evasion, the_checker_sees_what_arrives)
{
	struct field *field = field_open(&(struct field_options){ .bare = true });
	struct report report = { .n = 0 };
	struct book book = { .n = 0 };
	struct totals totals;

	all_attempts(&book);
	report_run(&report, field, &book, "not intercepted", 1);
	report_close(&report, field, true, &totals);
	tell("not intercepted: %u of %u attempts flagged as delivered unseen, %u as forbidden", totals.unseen,
	     totals.attempts, totals.forbidden);
	cr_expect_gt(totals.unseen * 10, totals.attempts * 8, "only %u of %u are noticed", totals.unseen,
		     totals.attempts);
	cr_expect_eq(totals.dead, 0);
	field_close(field);
}

/* Fail closed: without a core nothing passes but what needs none. */
Test(evasion, nothing_passes_while_the_core_stands_still)
{
	struct field *field = field_open(&(struct field_options){ .bare = false });
	struct report report = { .n = 0 };
	struct book book = { .n = 0 };
	struct totals totals;

	connectionless_attempts(&book);
	field_stop(field);
	report_run(&report, field, &book, "core stopped", 4);
	report_close(&report, field, false, &totals);
	expect_sound(&totals);
	field_go_on(field);
	field_forget(field);
	cr_expect(play_twin(field, INWARD, false, 1, 3000), "nothing passes when the core goes on");
	cr_expect(play_twin(field, OUTWARD, true, 1, 3000), "nothing passes when the core goes on");
	cr_expect_eq(field->n_arrivals, 2, "something came out late");
	field_close(field);
}

/* More than the core can take, from both sides. */
Test(evasion, nothing_passes_in_a_flood)
{
	struct field *field = field_open(&(struct field_options){ .bare = false });
	pid_t flood[2] = { field_flood(field, HOST), field_flood(field, WORKLOAD) };
	struct report report = { .n = 0 };
	struct book book = { .n = 0 };
	struct totals totals;

	connectionless_attempts(&book);
	field->flooded = true;
	report_run(&report, field, &book, "in a flood", 20);
	report_close(&report, field, false, &totals);
	for (int i = 0; i < 2; i++) {
		kill(flood[i], SIGKILL);
		waitpid(flood[i], NULL, 0);
	}
	tell("the flood: %llu frames to the ports, %llu of them to the core",
	     (unsigned long long)(counter_in(field->t->d, SL_PROG_VEX) +
				  counter_in(field->t->d, SL_PROG_VIN)),
	     (unsigned long long)counter(field->t->d, SL_PROG_VTH, SL_R_to_core));
	expect_sound(&totals);
	field_close(field);
}
