/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From rules to the block the core reads (dpi/policy/block.h).
 *
 * Invariant: the block answers as the rules do one by one, and the same rules
 * give the same bytes. Who receives it checks it all the same.
 */
#ifndef SLUICE_POLICYFILE_COMPILE_H
#define SLUICE_POLICYFILE_COMPILE_H

#include "policyfile/rules.h"

/* Names of workloads to ids; a name may stand for several, as each port of a workload has its id. */
struct sl_resolver {
	/* Puts up to `room` ids of that name into ret; how many. */
	size_t (*workload)(void *context, const char *name, uint16_t *ret, size_t room);
	void *context;
};
#define SL_RESOLVED_MAX 256 /* ids of one name */

/*
 * *ret_block is malloc'ed. resolver NULL: no name stands for anything. A rule
 * or setting for a name that stands for nothing has no effect;
 * *ret_unresolved (may be NULL) counts such places. 0, -E2BIG or -ENOMEM.
 */
int sl_rules_compile(const struct sl_rules *rules, const struct sl_resolver *resolver, void **ret_block,
		     size_t *ret_size, unsigned int *ret_unresolved, struct sl_err *err);
/* Of all of it: a block with the same decides the same. */
uint64_t sl_rules_block_sum(const void *block);
/* Does what it decides depend on where workloads are (their addresses as peers)? */
bool sl_rules_block_has_peers(const void *block);

/* The block as a sealed memory file, to be handed to another process. Descriptor or -errno. */
int sl_block_memfd(const void *block, size_t size, struct sl_err *err);

#endif
