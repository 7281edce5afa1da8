// SPDX-License-Identifier: BSD-2-Clause
/*
 * A slow machine gets more time: limits of tests, and waits for what must
 * happen, are multiplied by $SLUICE_TEST_PATIENCE.
 *
 * Invariant: nothing but time is given. What a test asserts is the same, and
 * without the variable so is its time.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/internal/ordered-set.h>
#include <stdlib.h>

#include "lib/world.h"

#define PATIENCE_MAX 100

static int64_t patience(void)
{
	const char *env = getenv("SLUICE_TEST_PATIENCE");
	long factor = env ? strtol(env, NULL, 10) : 1;

	return factor < 1 ? 1 : factor > PATIENCE_MAX ? PATIENCE_MAX : factor;
}

int64_t patient(int64_t ms)
{
	return ms * patience();
}

static void prolong(struct criterion_test_extra_data *data)
{
	if (data)
		data->timeout *= (double)patience();
}

static void prolong_tests(struct criterion_ordered_set *tests)
{
	FOREACH_SET(struct criterion_test * test, tests)
	prolong(test->data);
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	FOREACH_SET(struct criterion_suite_set * suite, set->suites)
	{
		prolong(suite->suite.data);
		if (suite->tests)
			prolong_tests(suite->tests);
	}
}
