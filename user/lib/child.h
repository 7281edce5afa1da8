/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting a program as a child that inherits nothing but what it is to have.
 *
 * Invariant: every descriptor of ours is close-on-exec; the child has those
 * named here, under the same numbers, /dev/null as its input, our output and
 * errors, default signals, and a session of its own: ^C in our terminal is for us.
 */
#ifndef SLUICE_LIB_CHILD_H
#define SLUICE_LIB_CHILD_H

#include <stddef.h>
#include <sys/types.h>

/* fds: n of them, a negative one is none. environment NULL: ours. 0, or an errno as posix_spawn() returns it. */
int sl_child_start(pid_t *ret, const char *path, char *const argv[], char *const environment[],
		   const int *fds, size_t n);

#endif
