// SPDX-License-Identifier: BSD-2-Clause
/* How much longer tests wait on a slow machine: nothing if nobody asks, and never for ever. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "lib/world.h"

Test(patience, as_many_times_as_asked_for)
{
	unsetenv("SLUICE_TEST_PATIENCE");
	cr_expect_eq(patient(30), 30);
	setenv("SLUICE_TEST_PATIENCE", "10", 1);
	cr_expect_eq(patient(30), 300);
	setenv("SLUICE_TEST_PATIENCE", "0", 1);
	cr_expect_eq(patient(30), 30, "no test may have no time at all");
	setenv("SLUICE_TEST_PATIENCE", "many", 1);
	cr_expect_eq(patient(30), 30);
	setenv("SLUICE_TEST_PATIENCE", "1000000", 1);
	cr_expect_eq(patient(30), 3000, "a test that hangs must end");
}
