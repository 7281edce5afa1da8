/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams of IPv4, as bundle_make() makes them, changed so that they cannot be with the others in a bundle. */
#ifndef SLUICE_TESTS_UNIT_BUNDLE_ODD_H
#define SLUICE_TESTS_UNIT_BUNDLE_ODD_H

#include "lib/frames.h"

struct bundle_odd {
	const char *what;
	void (*make_odd)(struct frame *f);
	bool ever; /* even where all are alike */
	bool other_flow; /* it is of another flow then, to which no order is owed */
};
#define BUNDLE_ODDS 18
extern const struct bundle_odd bundle_odds[BUNDLE_ODDS];
#define BUNDLE_ODD_LONGER 14 /* its place: it is the others that are shorter than this one */

void bundle_fragment(struct frame *f);
/* Payload whose sum comes to nothing, which is written as 0xffff; a 0 there still means that there is none. */
void bundle_sum_of_ones(struct frame *f);

#endif
