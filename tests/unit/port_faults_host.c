// SPDX-License-Identifier: BSD-2-Clause
/*
 * The same as port_faults.c by the host's side: of a bridge's port, of an end
 * with routes, and of one in the agent's own namespace.
 */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "lib/world.h"
#include "unit/port_faults.h"

TestSuite(port_faults_host, .init = world_enter, .fini = world_leave, .timeout = FAULTS_TIMEOUT);

FAULTS_SHARE(port_faults_host, bridged_, STAGE_HOST_BRIDGED, 0, 2)
FAULTS_SHARE(port_faults_host, bridged_, STAGE_HOST_BRIDGED, 1, 2)
FAULTS_SHARE(port_faults_host, routed_, STAGE_HOST_ROUTED, 0, 2)
FAULTS_SHARE(port_faults_host, routed_, STAGE_HOST_ROUTED, 1, 2)
FAULTS_SHARE(port_faults_host, shared_, STAGE_HOST_SHARED, 0, 2)
FAULTS_SHARE(port_faults_host, shared_, STAGE_HOST_SHARED, 1, 2)

#define KILLS(kind, name)                                                                                    \
	Test(port_faults_host, name##_killed_before_every_step_of_taking)                                    \
	{                                                                                                    \
		printf("taking: killed at %u places\n", faults_kill_at_every_step(kind, true, false));       \
	}                                                                                                    \
	Test(port_faults_host, name##_killed_before_every_step_of_giving_back)                               \
	{                                                                                                    \
		printf("giving back: killed at %u places\n", faults_kill_at_every_step(kind, false, false)); \
	}                                                                                                    \
	Test(port_faults_host, name##_killed_before_every_step_of_taking_and_the_journal_lost)               \
	{                                                                                                    \
		printf("taking, journal lost: killed at %u places\n",                                        \
		       faults_kill_at_every_step(kind, true, true));                                         \
	}                                                                                                    \
	Test(port_faults_host, name##_killed_before_every_step_of_giving_back_and_the_journal_lost)          \
	{                                                                                                    \
		printf("giving back, journal lost: killed at %u places\n",                                   \
		       faults_kill_at_every_step(kind, false, true));                                        \
	}                                                                                                    \
	Test(port_faults_host, name##_killed_before_every_undoing_of_taking)                                 \
	{                                                                                                    \
		faults_kill_at_every_undo(kind, true, 8);                                                    \
	}                                                                                                    \
	Test(port_faults_host, name##_killed_before_every_undoing_of_giving_back)                            \
	{                                                                                                    \
		faults_kill_at_every_undo(kind, false, 4);                                                   \
	}

/* What is only to make it quicker may fail. */
static void given_back_without(const char *call)
{
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err = { 0 };
	int r;

	stage_open(&stage, STAGE_HOST_ROUTED);
	cr_assert_eq(stage_start(&stage, &err), 0, "%s", err.text);
	cr_assert_eq(stage_take(&stage, &err), 0, "%s", err.text);
	sl_fault_arm_kind(call, 1, EAGAIN);
	r = stage_give_back(&stage, &err);
	sl_fault_disarm(&report);
	cr_assert(report.failed, "there is no call of this kind: %s", call);
	cr_assert_eq(r, 0, "%s", err.text);
	expect_free(&stage, call);
	stage_stop(&stage);
	stage_close(&stage);
}

Test(port_faults_host, a_pair_that_goes_slowly_is_waited_for)
{
	given_back_without("watch");
}

Test(port_faults_host, without_a_thread_it_is_given_back_all_the_same)
{
	given_back_without("thread");
}

KILLS(STAGE_HOST_BRIDGED, bridged)
KILLS(STAGE_HOST_ROUTED, routed)
KILLS(STAGE_HOST_SHARED, shared)

#endif
