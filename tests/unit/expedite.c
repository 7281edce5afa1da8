// SPDX-License-Identifier: BSD-2-Clause
/* tools/expedite leaves the kernel's setting as it was found, however its users end; on a file in the setting's place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/sluice-expedite-XXXXXX";

static int sh(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void start(void)
{
	char path[64];

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/setting", folder);
	setenv("EXPEDITE_SETTING", path, 1);
	snprintf(path, sizeof(path), "%s/found", folder);
	setenv("EXPEDITE_FOUND", path, 1);
	cr_assert_eq(sh("echo 0 >$EXPEDITE_SETTING"), 0);
}

static void end(void)
{
	sh("rm -r $(dirname $EXPEDITE_SETTING)");
}

TestSuite(expedite, .init = start, .fini = end, .timeout = 60);

#define IS(value) "[ $(cat $EXPEDITE_SETTING) = " value " ]"

Test(expedite, holds_for_its_command_whose_status_it_has)
{
	cr_expect_eq(sh("tools/expedite sh -c '" IS("1") " && exit 3'"), 3);
	cr_expect_eq(sh(IS("0")), 0);
}

Test(expedite, the_last_one_out_sets_it_back)
{
	/* The inner one ends first, and the outer one's command still finds it on. */
	cr_expect_eq(sh("tools/expedite sh -c 'tools/expedite true && " IS("1") "'"), 0);
	cr_expect_eq(sh(IS("0")), 0);
}

Test(expedite, a_killed_one_is_set_right_by_the_next)
{
	cr_expect_eq(sh("tools/expedite sh -c 'kill -9 $PPID' 2>/dev/null; " IS("1")), 0,
		     "it was not killed at its work");
	cr_expect_eq(sh("tools/expedite true"), 0);
	cr_expect_eq(sh(IS("0")), 0);
}

Test(expedite, ended_by_a_signal)
{
	cr_expect_eq(sh("tools/expedite sh -c 'kill -TERM $PPID'"), 143);
	cr_expect_eq(sh(IS("0")), 0);
}

Test(expedite, goes_without_where_it_cannot)
{
	setenv("EXPEDITE_FOUND", "/proc/no/such/place", 1);
	cr_expect_eq(sh("tools/expedite sh -c '" IS("0") " && exit 4' 2>/dev/null"), 4);
}
