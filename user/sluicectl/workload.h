/* SPDX-License-Identifier: BSD-2-Clause */
/* Workloads as the daemon describes them, on the terminal, and the words that say which of them are meant. */
#ifndef SLUICE_CTL_WORKLOAD_H
#define SLUICE_CTL_WORKLOAD_H

#include "sluicectl/verb.h"

/* result: {"items": [workload…]}. What was set and where, without traffic. 0 or -errno. */
int workloads_print_settings(const json_t *result, struct sl_err *err);
/* With traffic: one line each. */
int workloads_print_traffic(const json_t *result, struct sl_err *err);
/* All that is known: a block each. */
int workloads_print_blocks(const json_t *result, struct sl_err *err);

/* What was done to many is told of the first of them only: says so. */
void note_if_cut(const json_t *result);

/*
 * "TARGET, --id N or --all": exactly one must be given, and the first word is
 * the target unless an option says otherwise. *ret_used: 1 if it took the word.
 */
int put_selection(json_t *request, int argc, char **argv, bool all, int *ret_used, struct sl_err *err);

#endif
