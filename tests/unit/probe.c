// SPDX-License-Identifier: BSD-2-Clause
/* How long the daemon waits for what it finds out about the kernel: as long as something comes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/world.h"
#include "sluiced/probe.h"

#define STALL_MS 2000
#define STEP_MS 200
#define STEPS 15 /* longer than STALL_MS in all */

static struct sl_probe *shared;

static void share(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(shared != MAP_FAILED);
}

TestSuite(probe, .init = share, .timeout = 30);

/* A child that finds something every STEP_MS and then ends as asked. */
static pid_t prober(unsigned int steps, void (*end)(void))
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid)
		return pid;
	world_child();
	for (unsigned int i = 0; i < steps; i++) {
		readable(-1, STEP_MS);
		__atomic_store_n(&shared->n_checks, i + 1, __ATOMIC_RELEASE);
	}
	end();
	_exit(0);
}

static void well(void)
{
}

static void hang(void)
{
	for (;;)
		pause();
}

static void crash(void)
{
	kill(getpid(), SIGKILL);
}

Test(probe, is_waited_for_while_one_check_follows_the_other)
{
	cr_expect_eq(sl_probe_wait(prober(STEPS, well), shared, STALL_MS), 0);
	cr_expect_eq(shared->n_checks, STEPS);
}

Test(probe, one_that_hangs_is_ended_and_what_it_found_is_kept)
{
	pid_t pid = prober(2, hang);

	cr_expect_eq(sl_probe_wait(pid, shared, STALL_MS), -ETIMEDOUT);
	cr_expect_eq(shared->n_checks, 2);
	cr_expect(kill(pid, 0) < 0 && errno == ESRCH, "it is still there");
}

Test(probe, one_that_crashes_is_told_from_one_that_ends)
{
	cr_expect_eq(sl_probe_wait(prober(1, crash), shared, STALL_MS), -ECHILD);
}
