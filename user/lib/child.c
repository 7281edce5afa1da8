// SPDX-License-Identifier: BSD-2-Clause
/* See child.h. */
#include "lib/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

int sl_child_start(pid_t *ret, const char *path, char *const argv[], char *const environment[],
		   const int *fds, size_t n)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	/* A dup2() onto itself makes posix_spawn() clear close-on-exec. */
	for (size_t i = 0; !r && i < n; i++) {
		if (fds[i] >= 0)
			r = posix_spawn_file_actions_adddup2(&actions, fds[i], fds[i]);
	}
	if (!r)
		r = posix_spawn(ret, path, &actions, &attr, argv, environment ? environment : environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return r;
}
