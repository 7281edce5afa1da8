/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports that are taken, but of which there is no record, or none that can be
 * read: put together again from what the kernel knows.
 *
 * Invariant: a leg is only taken for one of ours if its partner, its number in
 * the pinned map, or the far end behind it says so too; nothing is changed
 * here but the register.
 */
#ifndef SLUICE_SLUICED_ORPHANS_H
#define SLUICE_SLUICED_ORPHANS_H

#include "sluiced/instance.h"

/*
 * Each becomes an entry of the register that is not at rest, to be given back
 * by release(). With `reserved` also those whose record cannot be read, which
 * are left alone otherwise. How many, or -errno.
 */
int orphans_enlist(struct instance *inst, bool reserved, struct sl_err *err);

#endif
