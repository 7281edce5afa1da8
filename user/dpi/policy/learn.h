/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What discover mode has seen: each different kind of session once.
 *
 * Invariant: one owner; never more than the limit. What did not fit is
 * counted, so that nobody takes a part for the whole.
 */
#ifndef SLUICE_DPI_POLICY_LEARN_H
#define SLUICE_DPI_POLICY_LEARN_H

#include "dpi/policy/policy.h"

/* Sessions that differ in none of these are one. */
struct sl_seen {
	uint16_t workload;
	uint16_t peer_workload; /* then the address does not matter, and is zero */
	struct sl_addr peer;
	uint16_t port; /* of the server; 0 for protocols without */
	uint16_t application;
	uint8_t protocol;
	uint8_t ingress; /* 0 or 1 */
	uint16_t pad; /* zero: compared as bytes */
};

struct sl_learn;
int sl_learn_open(struct sl_learn **ret, size_t limit, struct sl_err *err);
void sl_learn_close(struct sl_learn *learn); /* NULL allowed */
/* A session, once its application is final. False: no room, counted. */
bool sl_learn_add(struct sl_learn *learn, const struct sl_policy_query *query);
/* Adds all that another has seen. */
void sl_learn_merge(struct sl_learn *learn, const struct sl_learn *from);
void sl_learn_clear(struct sl_learn *learn);
/* In an order that depends only on what was seen; malloc'ed, NULL without memory. */
struct sl_seen *sl_learn_list(const struct sl_learn *learn, size_t *ret_n);
/* Sessions that did not fit. */
uint64_t sl_learn_missed(const struct sl_learn *learn);

#endif
