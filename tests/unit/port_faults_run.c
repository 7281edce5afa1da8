// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fault tests' rounds: one call fails, or the process is killed at one
 * place, and then everything is looked at; see port_faults.h.
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

#include "unit/port_faults.h"

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

#define CALLS_MAX 4096

/* A run in which nothing fails tells what there is to fail. */
struct plan {
	const char *kind[CALLS_MAX + 2]; /* by number, from 1 */
	unsigned int n, tried, failed;
	unsigned int missed; /* so many in a row were beyond the last call */
	/* Rounds since all of the port was looked at, and the call of the first of them. */
	unsigned int unseen, unseen_from;
};

static void plan_read(struct plan *plan)
{
	for (plan->n = 0; plan->n < CALLS_MAX && sl_fault_kind(plan->n + 1); plan->n++)
		plan->kind[plan->n + 1] = sl_fault_kind(plan->n + 1);
}

static bool is_wanted(unsigned int n, const struct fault_sample *sample)
{
	const char *only = getenv("FAULTS_ONLY"), *from = getenv("FAULTS_FROM");

	if (only)
		return n == strtoul(only, NULL, 10);
	return n % sample->shares == sample->share && !(from && n < strtoul(from, NULL, 10));
}

/*
 * A run makes more or less calls than another, when it has to wait: so some are tried beyond the last, and no more
 * if the first run has waited longest.
 */
#define BEYOND 12

#define LOOK_EVERY 32

/* After a round, with the port as the next one finds it. */
static void look(const struct stage *stage, struct plan *plan, unsigned int n, const char *what)
{
	char since[1000];

	expect_flows(stage, what);
	if (!plan->unseen++)
		plan->unseen_from = n;
	if (plan->unseen < LOOK_EVERY && !getenv("FAULTS_ONLY"))
		return;
	snprintf(since, sizeof(since), "%s; or a call before it, from %u on", what, plan->unseen_from);
	expect_port(stage, since);
	plan->unseen = 0;
}

/* False: there is nothing behind it. */
static bool note(struct plan *plan, const struct sl_fault_report *report, int r)
{
	plan->tried += !!report->failed;
	plan->failed += !!r;
	plan->missed = report->failed ? 0 : plan->missed + 1;
	return plan->missed < BEYOND;
}

void faults_taking(enum stage_kind kind, const struct fault_sample *sample)
{
	static struct plan plan;
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err;
	bool more = true;
	char what[700];
	int r;

	stage_open(&stage, kind);
	cr_assert_eq(stage_start(&stage, &err), 0, "%s", err.text);
	sl_fault_arm(0, 0);
	r = stage_take(&stage, &err);
	plan_read(&plan);
	cr_assert_eq(r, 0, "%s", err.text);
	cr_assert_eq(stage_give_back(&stage, &err), 0, "%s", err.text);
	for (unsigned int n = 1; n <= plan.n + BEYOND && more; n++) {
		if (!is_wanted(n, sample))
			continue;
		sl_fault_arm(n, code_of(n));
		r = stage_take(&stage, &err);
		sl_fault_disarm(&report);
		describe(what, sizeof(what), "taking", n, report.failed, r, &err);
		cr_assert(!r || report.failed, "without any call failing: %s", what);
		more = note(&plan, &report, r);
		if (!r) {
			expect_port(&stage, what);
			r = stage_give_back(&stage, &err);
			cr_assert_eq(r, 0, "%s, then: %s", what, err.text);
		}
		if (report.stepped) {
			expect_gone(&stage, what);
			look(&stage, &plan, n, what);
		} else {
			expect_clean(&stage, what);
		}
	}
	expect_free(&stage, "at the end");
	printf("%s: taking, share %u of %u: %u of %u calls made to fail, %u of them an error\n",
	       stage_name(kind), sample->share, sample->shares, plan.tried, plan.n, plan.failed);
	stage_stop(&stage);
	stage_close(&stage);
}

void faults_giving_back(enum stage_kind kind, const struct fault_sample *sample)
{
	static struct plan plan;
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err;
	bool more = true;
	char what[700];
	int r;

	stage_open(&stage, kind);
	cr_assert_eq(stage_start(&stage, &err), 0, "%s", err.text);
	cr_assert_eq(stage_take(&stage, &err), 0, "%s", err.text);
	sl_fault_arm(0, 0);
	r = stage_give_back(&stage, &err);
	plan_read(&plan);
	cr_assert_eq(r, 0, "%s", err.text);
	for (unsigned int n = 1; n <= plan.n + BEYOND && more; n++) {
		if (!is_wanted(n, sample))
			continue;
		if (!workloads_count(stage.inst.workloads))
			cr_assert_eq(stage_take(&stage, &err), 0, "%s", err.text);
		sl_fault_arm(n, code_of(n));
		r = stage_give_back(&stage, &err);
		sl_fault_disarm(&report);
		describe(what, sizeof(what), "giving back", n, report.failed, r, &err);
		cr_assert(!r || report.failed, "without any call failing: %s", what);
		more = note(&plan, &report, r);
		if (!r)
			expect_gone(&stage, what);
		if (!r || report.stepped)
			look(&stage, &plan, n, what);
	}
	if (workloads_count(stage.inst.workloads))
		cr_assert_eq(stage_give_back(&stage, &err), 0, "%s", err.text);
	expect_free(&stage, "at the end");
	printf("%s: giving back, share %u of %u: %u of %u calls made to fail, %u of them an error\n",
	       stage_name(kind), sample->share, sample->shares, plan.tried, plan.n, plan.failed);
	stage_stop(&stage);
	stage_close(&stage);
}

/* In a process of its own. True if it was killed. */
static bool killed(struct stage *stage, bool taking, unsigned int step)
{
	struct sl_err err = { 0 };
	int status, r;
	pid_t pid = fork();

	if (!pid) {
		r = stage_start(stage, &err);
		if (!r && !taking)
			r = stage_take(stage, &err);
		sl_fault_kill_at(stage_doing(stage->kind, taking), step);
		if (!r)
			r = taking ? stage_take(stage, &err) : stage_give_back(stage, &err);
		if (r)
			fprintf(stderr, "%s\n", err.text);
		_exit(r ? 1 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "%s, step %u: status %x",
		  taking ? "taking" : "giving back", step, status);
	return false;
}

static void restart(struct stage *stage, const char *what)
{
	struct sl_err err = { 0 };
	int r = stage_start(stage, &err);

	cr_assert_eq(r, 0, "%s, and started again: %s", what, err.text);
}

unsigned int faults_kill_at_every_step(enum stage_kind kind, bool taking, bool journal_lost)
{
	struct stage stage;
	struct sl_err err;
	unsigned int step;
	char what[128];

	stage_open(&stage, kind);
	for (step = 0;; step++) {
		snprintf(what, sizeof(what), "%s: killed before step %u of %s", stage_name(kind), step,
			 taking ? "taking" : "giving back");
		if (!killed(&stage, taking, step))
			break;
		if (journal_lost)
			sh(stage.lab.agent, "rm /run/sluice/default/ports/*.journal");
		restart(&stage, what);
		cr_assert_eq(workloads_count(stage.inst.workloads), 0, "%s: still taken", what);
		/* Not all is known without a journal: it is dressed for the next round. */
		if (journal_lost) {
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
void faults_kill_at_every_undo(enum stage_kind kind, bool taking, unsigned int steps)
{
	struct stage stage;
	struct sl_err err;
	unsigned int places = 0;
	char what[128];

	stage_open(&stage, kind);
	for (unsigned int step = 0; step < steps; step++) {
		snprintf(what, sizeof(what), "%s: killed before undoing step %u of %s", stage_name(kind),
			 step, taking ? "taking" : "giving back");
		places += killed_undoing(&stage, taking, step, steps);
		restart(&stage, what);
		if (workloads_count(stage.inst.workloads))
			cr_assert_eq(stage_give_back(&stage, &err), 0, "%s: %s", what, err.text);
		expect_free(&stage, what);
		stage_stop(&stage);
	}
	printf("%s: undoing %s: killed at %u places\n", stage_name(kind), taking ? "taking" : "giving back",
	       places);
	cr_assert_geq(places, kind <= STAGE_DETOUR ? 3 : 1);
	stage_close(&stage);
}

#endif
