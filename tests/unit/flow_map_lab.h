/* SPDX-License-Identifier: BSD-2-Clause */
/* A real map of judged flows for an engine under trial, and what it has written there. */
#ifndef SLUICE_TESTS_UNIT_FLOW_MAP_LAB_H
#define SLUICE_TESTS_UNIT_FLOW_MAP_LAB_H

#include <linux/types.h>

#include "sluice/abi.h"

struct found {
	int n; /* entries */
	struct sl_flow_key key; /* of one of them … */
	struct sl_flow flow; /* … and what it says */
};

/* The caller closes it; the test fails if it cannot be made. */
int flow_map_open(unsigned int room);
struct found flow_map_entries(int map);

#endif
