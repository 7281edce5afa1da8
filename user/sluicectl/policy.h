/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of `sluicectl policy`, a function a word; see verb.h for results.
 * The words behind the options begin at argv[optind + 1].
 */
#ifndef SLUICE_CTL_POLICY_H
#define SLUICE_CTL_POLICY_H

#include "sluicectl/verb.h"

#define POLICY_WORKLOADS_MAX 64

struct policy_options {
	bool dry_run; /* apply: only say what would change */
	const char *workload
		[POLICY_WORKLOADS_MAX]; /* learned: of this one alone; compile: who is meant, NAME[=ID] */
	unsigned int n_workloads;
	bool addresses; /* learned: peers by address, not by host name */
	bool clear; /* learned: the core forgets it then */
	const char *output; /* learned, compile: a file to be written, NULL: standard output */
};

/* policy.c: need no daemon. */
int policy_check(struct ctl *ctl, char **words, struct sl_err *err);
int policy_diff(struct ctl *ctl, char **words, struct sl_err *err);
int policy_show(struct ctl *ctl, char **words, struct sl_err *err);
/* Prints the rules in normal form; for those of policy_daemon.c, too. */
struct sl_rules;
int policy_print(const struct ctl *ctl, const struct sl_rules *rules, struct sl_err *err);
/* policy_compile.c */
int policy_compile(struct ctl *ctl, char **words, const struct policy_options *options, struct sl_err *err);
/* policy_daemon.c */
int policy_apply(struct ctl *ctl, char **words, const struct policy_options *options, struct sl_err *err);
int policy_show_daemon(struct ctl *ctl, struct sl_err *err); /* the one in force */
/* policy_learned.c */
int policy_learned(struct ctl *ctl, const struct policy_options *options, struct sl_err *err);

#endif
