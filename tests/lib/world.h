/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A test's own world: private mounts for pins, run folder and scratch files,
 * and a watchdog that clears away whatever outlives the test's process.
 *
 * Invariant: however a test ends (passed, failed, crashed, killed), nothing of
 * it stays: its processes share its mount namespace and are killed by that
 * mark, and pins, state and network namespaces vanish with the last of them.
 */
#ifndef SLUICE_TESTS_WORLD_H
#define SLUICE_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Scratch folder of the test, private to it. */
#define WORLD_TMP "/mnt"

/*
 * Called once at the start of a test: a private mount namespace with a fresh
 * bpffs on /sys/fs/bpf, a tmpfs on /run and one on WORLD_TMP. Fails the test if
 * it cannot; skips it without root.
 */
void world_enter(void);
/* At the end: kills and reaps whatever still runs. The watchdog does the same when the test does not get here. */
void world_leave(void);

/* Where the binaries under test are: two folders up from the suite, or $SLUICE_BUILD. */
const char *world_build(void);
/* The path of a program in it, e.g. "sluiced" or "tests/tools/udpflow". Fails the test if it is not there. */
const char *world_program(const char *name);

/* A process that has a mount namespace of its own (a container's): it and all in its network namespace go with the test. */
void world_claim(pid_t pid);

/* In a child after fork(): dies with its parent, keeps stdin to stderr only. */
void world_child(void);

/* What a run has measured, for who reads it. (Criterion's own warnings make a run fail.) */
#define tell(fmt, ...) fprintf(stderr, "[----] " fmt "\n", ##__VA_ARGS__)

int64_t now_ms(void);
/* Waits until fd is readable or ms have passed; the beat of every polling loop in the tests. */
bool readable(int fd, int ms);

/*
 * As many times longer as $SLUICE_TEST_PATIENCE says (1): an emulated machine takes its time. For what must happen and
 * ends the wait when it does; what must not happen is not watched for longer.
 */
int64_t patient(int64_t ms);

/* Polls the condition every 5 ms; its last value. */
#define wait_until(ms, condition)                                                                            \
	({                                                                                                   \
		int64_t end_ = now_ms() + patient(ms);                                                       \
		bool ok_ = false;                                                                            \
		while (!(ok_ = (condition)) && now_ms() < end_)                                              \
			readable(-1, 5);                                                                     \
		ok_;                                                                                         \
	})

#endif
