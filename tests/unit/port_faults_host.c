// SPDX-License-Identifier: BSD-2-Clause
/*
 * The same as port_faults.c by the host's side: of a bridge's port, of an end
 * with routes, and of one in the agent's own namespace.
 */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <criterion/criterion.h>
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

KILLS(STAGE_HOST_BRIDGED, bridged)
KILLS(STAGE_HOST_ROUTED, routed)
KILLS(STAGE_HOST_SHARED, shared)

#endif
