/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses belong to the names that a policy's rules speak of: asked
 * for every new flow, told of by DNS answers.
 *
 * Invariant: any number of threads may ask while one tells; nobody waits, and
 * nobody sees half an entry. It never holds more than SL_KNOWN_ADDRESSES.
 */
#ifndef SLUICE_DPI_POLICY_KNOWN_H
#define SLUICE_DPI_POLICY_KNOWN_H

#include "dpi/policy/policy.h"

#define SL_KNOWN_ADDRESSES 16384
#define SL_KNOWN_NAMES 8 /* rules' names that one address can belong to */

struct sl_known;
int sl_known_open(struct sl_known **ret, struct sl_err *err);
void sl_known_close(struct sl_known *known); /* NULL allowed */

/*
 * One teller at a time: the caller sees to that. Until expires_ns the address
 * belongs to `name`, a number of the policy's own. A full neighbourhood gives
 * up the address that expires first, a full address its name that does.
 */
void sl_known_tell(struct sl_known *known, const struct sl_addr *address, uint32_t name, uint64_t expires_ns,
		   uint64_t now_ns);
/* The names the address belongs to at now_ns (0: that it was ever said to). How many. */
unsigned int sl_known_ask(const struct sl_known *known, const struct sl_addr *address, uint64_t now_ns,
			  uint32_t ret[SL_KNOWN_NAMES]);

#endif
