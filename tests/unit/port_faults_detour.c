// SPDX-License-Identifier: BSD-2-Clause
/*
 * The same as port_faults.c with the host's end in sight, so that there is a
 * detour. What is compared after each fault includes the host's end: it is not
 * touched, whatever happens.
 */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <criterion/criterion.h>

#include "lib/world.h"
#include "unit/port_faults.h"

TestSuite(port_faults_detour, .init = world_enter, .fini = world_leave, .timeout = FAULTS_TIMEOUT);

FAULTS_SHARE(port_faults_detour, , STAGE_DETOUR, 0, 2)
FAULTS_SHARE(port_faults_detour, , STAGE_DETOUR, 1, 2)

Test(port_faults_detour, killed_before_every_step_of_taking)
{
	unsigned int places = faults_kill_at_every_step(STAGE_DETOUR, true, false);

	/* One more than without: it was not taken for want of a detour. */
	cr_assert_eq(places, 12, "killed at %u places", places);
}

Test(port_faults_detour, killed_before_every_step_of_giving_back)
{
	unsigned int places = faults_kill_at_every_step(STAGE_DETOUR, false, false);

	cr_assert_eq(places, 9, "killed at %u places", places);
}

Test(port_faults_detour, killed_before_every_step_and_the_journal_lost)
{
	faults_kill_at_every_step(STAGE_DETOUR, true, true);
	faults_kill_at_every_step(STAGE_DETOUR, false, true);
}

Test(port_faults_detour, killed_before_every_undoing_of_taking)
{
	faults_kill_at_every_undo(STAGE_DETOUR, true, 11);
}

Test(port_faults_detour, killed_before_every_undoing_of_giving_back)
{
	/* Behind it is the step with no way back. */
	faults_kill_at_every_undo(STAGE_DETOUR, false, 7);
}

#endif
