/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enough of criterion to run the threads of a unit test under the thread
 * sanitizer, which criterion itself does not survive: tests run in this
 * process, one after the other, and the first that fails ends it.
 */
#ifndef SLUICE_TESTS_TSAN_CRITERION_H
#define SLUICE_TESTS_TSAN_CRITERION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TestSuite(suite, ...) extern int suite##_is_a_suite
#define Test(suite, name, ...)                                                                               \
	static void name(void);                                                                              \
	static void __attribute__((constructor)) name##_runs(void)                                           \
	{                                                                                                    \
		name();                                                                                      \
		fprintf(stderr, "ok %s\n", #name);                                                           \
	}                                                                                                    \
	static void name(void)
#define cr_assert(what, ...)                                                                                 \
	((what) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), abort()))
#define cr_assert_not(what, ...) cr_assert(!(what))
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b))
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b))

#endif
