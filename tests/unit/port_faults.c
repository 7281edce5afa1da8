// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every call that can fail while a port changes hands by the workload's side
 * is made to fail, one after the other; and the process is killed before every
 * step. What is looked at after each is in port_faults_run.c.
 */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "lib/world.h"
#include "unit/port_faults.h"

TestSuite(port_faults, .init = world_enter, .fini = world_leave, .timeout = FAULTS_TIMEOUT);

FAULTS_SHARE(port_faults, , STAGE_WORKLOAD, 0, 2)
FAULTS_SHARE(port_faults, , STAGE_WORKLOAD, 1, 2)

/* The pair is gone, and an error is said all the same: there is only the way home, and again and again. */
Test(port_faults, the_step_with_no_way_back)
{
	struct sl_fault_report report;
	struct stage stage;
	struct sl_err err;

	stage_open(&stage, STAGE_WORKLOAD);
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

Test(port_faults, killed_before_every_step_of_taking)
{
	printf("taking: killed at %u places\n", faults_kill_at_every_step(STAGE_WORKLOAD, true, false));
}

Test(port_faults, killed_before_every_step_of_giving_back)
{
	printf("giving back: killed at %u places\n", faults_kill_at_every_step(STAGE_WORKLOAD, false, false));
}

Test(port_faults, killed_before_every_step_of_taking_and_the_journal_lost)
{
	printf("taking, journal lost: killed at %u places\n",
	       faults_kill_at_every_step(STAGE_WORKLOAD, true, true));
}

Test(port_faults, killed_before_every_step_of_giving_back_and_the_journal_lost)
{
	printf("giving back, journal lost: killed at %u places\n",
	       faults_kill_at_every_step(STAGE_WORKLOAD, false, true));
}

Test(port_faults, killed_before_every_undoing_of_taking)
{
	faults_kill_at_every_undo(STAGE_WORKLOAD, true, 10);
}

Test(port_faults, killed_before_every_undoing_of_giving_back)
{
	/* Behind it is the step with no way back. */
	faults_kill_at_every_undo(STAGE_WORKLOAD, false, 8);
}

#endif
