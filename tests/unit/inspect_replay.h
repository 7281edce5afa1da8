/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replays a recorded exchange through an inspector, as sessions in order of
 * their first packets, on the ports it was recorded with or on others.
 *
 * Invariant: reads the classic format of pcap with Ethernet frames, as
 * tests/data/record makes it; anything else fails the test.
 */
#ifndef SLUICE_TEST_INSPECT_REPLAY_H
#define SLUICE_TEST_INSPECT_REPLAY_H

#include "dpi/inspect/inspect.h"

#define REPLAY_SESSIONS 16

struct replay {
	struct sl_inspector *inspector;
	uint32_t cut; /* TCP payload is shown in pieces of so many bytes; 0: as it was recorded */
	bool other_ports; /* both sides' ports are replaced */
	bool midway; /* TCP sessions count as picked up, and their first `skip` payloads are not shown */
	unsigned int skip;
	/* result */
	unsigned int n;
	struct replayed {
		struct sl_session session;
		uint32_t next[2]; /* sequence numbers, by side */
		unsigned int packets; /* with payload */
		unsigned int decided; /* at which the application was final; 0: never */
	} item[REPLAY_SESSIONS];
};

/* `name` without folder and ending. */
void replay(struct replay *replay, const char *name);
void replay_forget(struct replay *replay);

#endif
