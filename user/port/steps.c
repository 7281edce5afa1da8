// SPDX-License-Identifier: BSD-2-Clause
/* Running and undoing the steps of a table; see steps.h for the invariant. */
#include "port/steps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "port/journal.h"

static int note(const struct port_steps *steps, int journal, const char *verb, size_t i, struct sl_err *err)
{
	return journal < 0 ? 0
			   : journal_line(journal, err, "%s%s: %s", verb, steps->doing, steps->step[i].name);
}

/* An undo() that fails is often the victim of the same shortage: once more, and then the rest all the same. */
static int undo(const struct port_step *step, void *job, struct sl_err *err)
{
	int rc = step->undo(job, err);

	return rc ? step->undo(job, err) : 0;
}

/* From step `last` back to the first. *err is about the first that failed. */
static int undo_all(const struct port_steps *steps, void *job, int journal, size_t last, struct sl_err *err)
{
	struct sl_err other = { 0 };
	int rc = 0, one;

	for (size_t i = last + 1; i-- > 0;) {
		if (!steps->step[i].undo)
			continue;
		/* What cannot be written down is undone without it: the lines are for people. */
		note(steps, journal, "undo ", i, NULL);
		sl_fault_step("undo", i);
		one = undo(&steps->step[i], job, rc ? &other : err);
		if (!rc && one) {
			rc = one;
			sl_err_prefix(err, "undoing \"%s\"", steps->step[i].name);
		}
	}
	return rc;
}

int steps_run(const struct port_steps *steps, void *job, struct sl_err *err)
{
	struct sl_err second = { 0 };
	int journal = -1, rc = 0;
	size_t i;

	if (steps->journal) {
		journal = journal_open_lines(steps->journal, err);
		if (journal < 0)
			return journal;
	}
	for (i = 0; i < steps->n; i++) {
		rc = note(steps, journal, "", i, err);
		/*
		 * On the disk before anything is changed. Not each line: a workload would wait for
		 * the disk in its gap, and when the machine dies its ports die with it.
		 */
		if (!rc && !i && journal >= 0)
			rc = journal_sync(journal, err);
		if (rc)
			break;
		sl_fault_step(steps->doing, i);
		rc = steps->step[i].run(job, err);
		if (!rc)
			rc = -sl_fault("step");
		if (rc)
			break;
	}
	if (!rc)
		sl_fault_step(steps->doing, steps->n);
	else if (undo_all(steps, job, journal, i, &second)) {
		if (steps->rescue && !steps->rescue(job, NULL))
			rc = 0;
		else
			sl_err_prefix(err, "%s (%s) after an error", steps->broken, second.text);
	}
	if (journal >= 0)
		close(journal);
	return rc;
}
