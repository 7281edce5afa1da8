// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every call that can fail while a port changes hands is made to fail, one
 * after the other; and the process is killed before every step.
 *
 * Invariant: whatever fails, the port is afterwards what it was or what it was
 * to become, frames flow, and nothing else is left.
 */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/world.h"
#include "unit/port_faults.h"

TestSuite(port_faults, .init = world_enter, .fini = world_leave, .timeout = 240);

static int code_of(unsigned int n)
{
	static const int codes[] = { ENOMEM, EBUSY, ENODEV };

	return codes[n % 3];
}

static void describe(char *text, size_t size, const char *doing, unsigned int n, const char *kind, int r,
		     const struct sl_err *err)
{
	snprintf(text, size, "%s, call %u (%s) fails with %s; result %d %s", doing, n, kind ? kind : "none",
		 sl_errno_name(code_of(n)), r, r ? err->text : "");
}

/*
 * The calls are shared out: most of the time is spent waiting for the kernel's
 * grace periods, and that can be done at the same time. Of the long rows of
 * calls that read one sysctl after the other, one in eight is tried;
 * FAULTS_ALL=1 in the environment tries all, FAULTS_ONLY=n only that one.
 */
#define SHARES 6
#define CALLS_MAX 4096

/* A run in which nothing fails tells what there is to fail. */
struct plan {
	const char *kind[CALLS_MAX + 2]; /* by number, from 1 */
	unsigned int n, tried, failed;
};

static void plan_read(struct plan *plan)
{
	for (plan->n = 0; plan->n < CALLS_MAX && sl_fault_kind(plan->n + 1); plan->n++)
		plan->kind[plan->n + 1] = sl_fault_kind(plan->n + 1);
}

static bool in_a_row(const struct plan *plan, unsigned int n)
{
	for (unsigned int i = n - 1; i <= n + 1; i++) {
		if (!plan->kind[i] || strcmp(plan->kind[i], "open of a sysctl") != 0)
			return false;
	}
	return true;
}

static bool is_wanted(const struct plan *plan, unsigned int n, unsigned int share)
{
	const char *only = getenv("FAULTS_ONLY");

	if (only)
		return n == strtoul(only, NULL, 10);
	if (in_a_row(plan, n) && !getenv("FAULTS_ALL"))
		return n % (8 * SHARES) == 8 * share;
	return n % SHARES == share;
}

/* A run makes a few calls more or less than another, when it has to wait: so some are tried beyond the last. */
#define BEYOND 12

static void every_call_of_taking(unsigned int share)
{
	static struct plan plan;
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err;
	char what[700];
	int r;

	stage_open(&stage);
	cr_assert_eq(stage_start(&stage, &err), 0, "%s", err.text);
	sl_fault_arm(0, 0);
	r = stage_take(&stage, &err);
	plan_read(&plan);
	cr_assert_eq(r, 0, "%s", err.text);
	cr_assert_eq(stage_give_back(&stage, &err), 0, "%s", err.text);
	for (unsigned int n = 1; n <= plan.n + BEYOND; n++) {
		if (!is_wanted(&plan, n, share))
			continue;
		sl_fault_arm(n, code_of(n));
		r = stage_take(&stage, &err);
		sl_fault_disarm(&report);
		describe(what, sizeof(what), "taking", n, report.failed, r, &err);
		plan.tried += !!report.failed;
		plan.failed += !!r;
		if (!r) {
			expect_port(&stage, what);
			r = stage_give_back(&stage, &err);
			cr_assert_eq(r, 0, "%s, then: %s", what, err.text);
		}
		if (report.stepped)
			expect_free(&stage, what);
		else
			expect_clean(&stage, what);
	}
	printf("port_faults: taking, share %u: %u of %u calls made to fail, %u of them an error\n", share,
	       plan.tried, plan.n, plan.failed);
	stage_stop(&stage);
	stage_close(&stage);
}

static void every_call_of_giving_back(unsigned int share)
{
	static struct plan plan;
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err;
	char what[700];
	int r;

	stage_open(&stage);
	cr_assert_eq(stage_start(&stage, &err), 0, "%s", err.text);
	cr_assert_eq(stage_take(&stage, &err), 0, "%s", err.text);
	sl_fault_arm(0, 0);
	r = stage_give_back(&stage, &err);
	plan_read(&plan);
	cr_assert_eq(r, 0, "%s", err.text);
	for (unsigned int n = 1; n <= plan.n + BEYOND; n++) {
		if (!is_wanted(&plan, n, share))
			continue;
		if (!workloads_count(stage.inst.workloads))
			cr_assert_eq(stage_take(&stage, &err), 0, "%s", err.text);
		sl_fault_arm(n, code_of(n));
		r = stage_give_back(&stage, &err);
		sl_fault_disarm(&report);
		describe(what, sizeof(what), "giving back", n, report.failed, r, &err);
		plan.tried += !!report.failed;
		plan.failed += !!r;
		if (!r)
			expect_free(&stage, what);
		else if (report.stepped)
			expect_port(&stage, what);
	}
	if (workloads_count(stage.inst.workloads))
		cr_assert_eq(stage_give_back(&stage, &err), 0, "%s", err.text);
	expect_free(&stage, "at the end");
	printf("port_faults: giving back, share %u: %u of %u calls made to fail, %u of them an error\n",
	       share, plan.tried, plan.n, plan.failed);
	stage_stop(&stage);
	stage_close(&stage);
}

#define SHARE(n)                                                                                             \
	Test(port_faults, taking_##n)                                                                        \
	{                                                                                                    \
		every_call_of_taking(n);                                                                     \
	}                                                                                                    \
	Test(port_faults, giving_back_##n)                                                                   \
	{                                                                                                    \
		every_call_of_giving_back(n);                                                                \
	}

SHARE(0)
SHARE(1)
SHARE(2)
SHARE(3)
SHARE(4)
SHARE(5)

/* The pair is gone, and an error is said all the same: there is only the way home, and again and again. */
Test(port_faults, the_step_with_no_way_back)
{
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err;

	stage_open(&stage);
	cr_assert_eq(stage_start(&stage, &err), 0, "%s", err.text);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(stage_take(&stage, &err), 0, "%s", err.text);
		sl_fault_arm_kind("step", 9, EBUSY);
		cr_assert_eq(stage_give_back(&stage, &err), 0, "%s", err.text);
		sl_fault_disarm(&report);
		cr_assert(report.failed);
		expect_free(&stage, "rescued");
	}
	stage_stop(&stage);
	stage_close(&stage);
}

/* In a process of its own. True if it was killed. */
static bool killed(struct stage *stage, const char *doing, unsigned int step)
{
	struct sl_err err = { 0 };
	int status, r;
	pid_t pid = fork();

	if (!pid) {
		r = stage_start(stage, &err);
		if (!r && strcmp(doing, "take") != 0)
			r = stage_take(stage, &err);
		sl_fault_kill_at(doing, step);
		if (!r)
			r = strcmp(doing, "take") ? stage_give_back(stage, &err) : stage_take(stage, &err);
		if (r)
			fprintf(stderr, "%s\n", err.text);
		_exit(r ? 1 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "%s, step %u: status %x", doing, step, status);
	return false;
}

static void restart(struct stage *stage, const char *what)
{
	struct sl_err err = { 0 };
	int r = stage_start(stage, &err);

	cr_assert_eq(r, 0, "%s, and started again: %s", what, err.text);
}

enum journal { KEPT, LOST };

static unsigned int kill_at_every_step(const char *doing, enum journal journal)
{
	struct stage stage;
	struct sl_err err;
	unsigned int step;
	char what[128];

	stage_open(&stage);
	for (step = 0;; step++) {
		snprintf(what, sizeof(what), "killed before step %u of \"%s\"", step, doing);
		if (!killed(&stage, doing, step))
			break;
		if (journal == LOST)
			sh(stage.lab.agent, "rm /run/sluice/default/ports/*.journal");
		restart(&stage, what);
		cr_assert_eq(workloads_count(stage.inst.workloads), 0, "%s: still taken", what);
		/* Not all is known without a journal: it is dressed for the next round. */
		if (journal == LOST) {
			expect_home(&stage, what);
			expect_clean(&stage, what);
			stage_dress_again(&stage);
		} else {
			expect_free(&stage, what);
		}
		stage_stop(&stage);
	}
	restart(&stage, "at the end");
	if (workloads_count(stage.inst.workloads))
		cr_assert_eq(stage_give_back(&stage, &err), 0, "%s", err.text);
	expect_home(&stage, "at the end");
	expect_clean(&stage, "at the end");
	stage_stop(&stage);
	stage_close(&stage);
	return step;
}

Test(port_faults, killed_before_every_step_of_taking)
{
	printf("port_faults: taking: killed at %u places\n", kill_at_every_step("take", KEPT));
}

Test(port_faults, killed_before_every_step_of_giving_back)
{
	printf("port_faults: giving back: killed at %u places\n", kill_at_every_step("give back", KEPT));
}

Test(port_faults, killed_before_every_step_of_taking_and_the_journal_lost)
{
	printf("port_faults: taking, journal lost: killed at %u places\n", kill_at_every_step("take", LOST));
}

Test(port_faults, killed_before_every_step_of_giving_back_and_the_journal_lost)
{
	printf("port_faults: giving back, journal lost: killed at %u places\n",
	       kill_at_every_step("give back", LOST));
}

/* The last of so many steps fails, and on the way back the process dies before undoing `step`. */
static bool killed_undoing(struct stage *stage, bool taking, unsigned int step, unsigned int steps)
{
	struct sl_err err = { 0 };
	int status, r;
	pid_t pid = fork();

	if (!pid) {
		r = stage_start(stage, &err);
		if (!r && !taking)
			r = stage_take(stage, &err);
		if (r)
			_exit(1);
		sl_fault_kill_at("undo", step);
		sl_fault_arm_kind("step", steps, ENOMEM);
		r = taking ? stage_take(stage, &err) : stage_give_back(stage, &err);
		_exit(r ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) || !WEXITSTATUS(status), "undoing, step %u: status %x", step, status);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* steps: up to and with the one that fails. */
static void kill_at_every_undo(bool taking, unsigned int steps)
{
	struct stage stage;
	struct sl_err err;
	unsigned int places = 0;
	char what[128];

	stage_open(&stage);
	for (unsigned int step = 0; step < steps; step++) {
		snprintf(what, sizeof(what), "killed before undoing step %u of %s", step,
			 taking ? "taking" : "giving back");
		places += killed_undoing(&stage, taking, step, steps);
		restart(&stage, what);
		if (workloads_count(stage.inst.workloads))
			cr_assert_eq(stage_give_back(&stage, &err), 0, "%s: %s", what, err.text);
		expect_free(&stage, what);
		stage_stop(&stage);
	}
	printf("port_faults: undoing %s: killed at %u places\n", taking ? "taking" : "giving back", places);
	cr_assert_geq(places, 3);
	stage_close(&stage);
}

Test(port_faults, killed_before_every_undoing_of_taking)
{
	kill_at_every_undo(true, 10);
}

Test(port_faults, killed_before_every_undoing_of_giving_back)
{
	/* Behind it is the step with no way back. */
	kill_at_every_undo(false, 8);
}

#endif
