/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real sluicectl, run against a daemon that says what the test wants it
 * to say.
 *
 * Invariant: every test has a run folder of its own, and what the fake daemon
 * was asked is on record in it.
 */
#ifndef SLUICE_TESTS_UNIT_CTL_LAB_H
#define SLUICE_TESTS_UNIT_CTL_LAB_H

#include <criterion/criterion.h>
#include <string.h>
#include <sys/types.h>

#define CTL_OUTPUT_MAX 65536

extern char ctl_dir[64]; /* the run folder, and a bpffs without pins */
extern pid_t ctl_server; /* the fake daemon, -1 for none */
/* What the last run has said. */
extern char ctl_out[CTL_OUTPUT_MAX], ctl_err_out[CTL_OUTPUT_MAX];

void ctl_set_up(void);
void ctl_tear_down(void);

/* From here on a daemon gives these answers, one to a request; an empty one hangs up. */
void ctl_serve(const char *const *answers, unsigned int n);
void ctl_serve_one(const char *answer);

/* sluicectl --run-dir DIR --bpffs DIR and these words, which blanks set apart. Its exit status. */
int ctl_run(const char *line);
void ctl_exits(int wanted, const char *line);

#define expect_has(text, part) cr_assert(strstr(text, part), "'%s' is missing in: %s", part, text)
void ctl_expect_json(const char *text, const char *wanted);
/* The n-th request the fake daemon was sent, from 0. */
void ctl_expect_request(unsigned int n, const char *wanted);

#endif
