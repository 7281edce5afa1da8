/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as decode would hand them over, for tests of sessions, without
 * frames to decode; and a table that remembers how its sessions ended.
 */
#ifndef SLUICE_TESTS_UNIT_SESSION_CRAFT_H
#define SLUICE_TESTS_UNIT_SESSION_CRAFT_H

#include "dpi/session/deliver.h"
#include "dpi/session/list.h"

#define SECOND 1000000000ull
#define CLIENT_PORT 40000
#define SERVER_PORT 80
#define CLIENT_ISN 1000u
#define SERVER_ISN 5000u

struct craft {
	struct sl_packet packet;
	uint8_t bytes[70000];
};

/* Client 10.0.0.n, server 10.9.0.1, workload 7 is the server; `side` sends. */
void craft(struct craft *craft, uint8_t protocol, uint32_t client, uint16_t client_port, uint16_t server_port,
	   enum sl_side side, uint64_t now_ns);
/* flags: letters of S, A, F, R, P, U. The payload is that of the stream at seq: see craft_byte(). */
void craft_tcp(struct craft *craft, enum sl_side side, const char *flags, uint32_t seq, uint32_t ack,
	       uint32_t len, uint64_t now_ns);
uint8_t craft_byte(uint32_t seq);

struct ended {
	unsigned int n;
	enum sl_session_end why;
	uint64_t id;
	uint16_t client_port;
};

/* The defaults, changed by `change` if it is not NULL. Fails the test if it cannot. */
struct sl_table *craft_table(struct ended *ended, void (*change)(struct sl_table_config *config));

/* sl_session_of() and sl_session_track(); the facts, or UINT32_MAX without a session. */
uint32_t craft_feed(struct sl_table *table, const struct craft *craft, struct sl_session **ret,
		    struct sl_found *ret_found);

#endif
