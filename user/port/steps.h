/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change of a port as a table of named steps.
 *
 * Invariant: before a step begins, the journal names it; when one fails, it
 * and all before it are undone, the last first; so after an error things are
 * as before, or the error's text says what is not.
 */
#ifndef SLUICE_PORT_STEPS_H
#define SLUICE_PORT_STEPS_H

#include <stddef.h>

#include "lib/err.h"

/*
 * run() does the step: 0 or -errno. undo() (NULL: nothing to undo, or another
 * step's undo() does it) is called for the step that failed as well, so it
 * must cope with a step that has done nothing, half or all; it is called a
 * second time if it fails, and must not mind what the first has done.
 */
struct port_step {
	const char *name; /* a few words, for the journal, the log and errors: "make the pair" */
	int (*run)(void *job, struct sl_err *err);
	int (*undo)(void *job, struct sl_err *err);
};

struct port_steps {
	const char *doing; /* one word or two, for the journal: "take", "give back" */
	const struct port_step *step;
	size_t n;
	/*
	 * What the error says in front when an undo() has failed:
	 * "eth0 could not be put back as it was"
	 */
	const char *broken;
	/*
	 * Then, if it is not NULL: another way to a state that is as good as the
	 * one the steps were to reach. 0: reached, all is well.
	 */
	int (*rescue)(void *job, struct sl_err *err);
	/* A file that exists by now (see journal.h); lines are appended. NULL: none. */
	const char *journal;
};
#define PORT_STEPS(doing_, table, broken_, journal_)                                                         \
	{                                                                                                    \
		.doing = (doing_), .step = (table), .n = sizeof(table) / sizeof(*(table)),                   \
		.broken = (broken_), .journal = (journal_)                                                   \
	}

/* Runs all steps in order, each with `job`. 0, or the -errno of the step that failed, after undoing. err not NULL. */
int steps_run(const struct port_steps *steps, void *job, struct sl_err *err);

#endif
