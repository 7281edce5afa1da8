// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a lane has counted, read while it counts on: whoever reads what came in
 * first finds at least as much of what became of it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dpi/io/xsk_lane.h"

#define FRAMES 5 /* of each: refused, answered, and the answer sent */

static struct sl_core *record; /* shared with the process that counts */

static pid_t begin_to_count(void)
{
	static const struct sl_lane_batch batch = {
		.rx_frames = FRAMES, .tx_frames = FRAMES, .dropped = FRAMES, .made = FRAMES
	};
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	raise(SIGSTOP);
	sl_xsk_lane_publish(record, &batch);
	_exit(0);
}

static bool says_what_became_of_them(void)
{
	__u64 rx = record->rx_frames;

	return record->tx_frames >= rx && record->dropped >= rx && record->made >= rx;
}

/* By each single instruction of it: no reader can come at another moment. */
Test(dpi_account, what_came_in_is_counted_last, .timeout = 60)
{
	unsigned int moments = 0, behind = 0, between = 0;
	int status;
	pid_t pid;

	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(record, MAP_FAILED, "%s", strerror(errno));
	pid = begin_to_count();
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		moments++;
		behind += !says_what_became_of_them();
		between += record->tx_frames && !record->rx_frames;
		cr_assert_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0, "%s", strerror(errno));
	}
	cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "status %x", status);
	cr_expect_eq(record->rx_frames, FRAMES);
	cr_expect_gt(between, 0, "at none of %u moments was it at its work", moments);
	cr_expect_eq(behind, 0, "at %u of %u moments it was not said what became of frames", behind, moments);
}
