/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where evasion is tried: an outsider on the host's end of a veth, a workload
 * behind sluice, and a second one of the same kind, with a packet socket at
 * every end, in front of the IP stack.
 *
 * Invariant: nobody here speaks by himself (no addresses, no IPv6), so every
 * frame that arrives somewhere was sent by the test, or made by the core, and
 * the books of programs, core and ends close to the frame.
 */
#ifndef SLUICE_TESTS_EVASION_FIELD_H
#define SLUICE_TESTS_EVASION_FIELD_H

#include <linux/virtio_net.h>

#include "lib/sniff.h"
#include "lib/topo.h"

/* The one service that the policy allows, inward and outward, with peers of the own networks. */
#define OPEN_PORT 8080
#define CLOSED_PORT 9999
#define OTHER_ID 181
#define OTHER_MAC WL2_MAC
#define OTHER_IP4 WL2_IP4
#define OTHER_IP6 WL2_IP6

/* The four ends; whatever leaves sluice comes out at one of them. */
enum post { HOST, WORKLOAD, OTHER_HOST, OTHER_WORKLOAD, POSTS };

#define ARRIVAL_KEPT 2048 /* bytes of a frame that are kept */
struct arrival {
	enum post at;
	bool claimed; /* somebody has said what it is */
	uint32_t len;
	uint64_t hash; /* frame_hash() */
	uint32_t kept;
	uint8_t data[ARRIVAL_KEPT];
};
#define ARRIVALS_MAX 4096

/* All that counts, at one moment. */
struct tally {
	struct sl_counters program[SL_PROG_MAX];
	struct sl_core core;
	uint64_t drops; /* decisions of the core, each of which is an event with its reason */
	uint64_t packets; /* the engine has seen */
	uint64_t untold; /* events it could not tell */
};

struct field {
	struct topo *t;
	struct ns *other;
	struct sniff *post[POSTS];
	struct mac host_mac, other_host_mac;
	bool inspected; /* the ports are taken */
	bool verdicts; /* judged flows are left to the kernel */
	bool bulk; /* streams that stay with the core have the bulk lane */
	bool jumbo; /* frames of 9000 bytes pass the ports */
	bool stopped; /* the core is: whatever would need it must not pass */
	bool flooded; /* somebody else sends as well: what is counted cannot be laid to one attempt */
	int figures, events; /* connections to the core */
	pid_t core; /* that was stopped */
	struct arrival *arrivals;
	uint32_t n_arrivals;
	/* Reasons of the core's drops, in order. */
	char (*drops)[32];
	uint32_t n_drops, max_drops;
	uint64_t drops_before; /* the field was opened */
};

struct field_options {
	bool bare; /* no port is taken */
	bool jumbo; /* an MTU of 9000 everywhere */
	bool verdicts, bulk;
};

/* How the programs say that a frame has passed by its flow's verdict; SL_REASON_MAX if they know none. */
enum sl_reason field_verdict(void);
struct field *field_open(const struct field_options *options);
void field_close(struct field *field);

/* Sends from that end. 0, or -errno if the kernel does not take the frame. */
int field_fire(struct field *field, enum post from, const struct frame *frame,
	       const struct virtio_net_hdr *offload);
/* Takes in what has come out so far, and what the core has told. */
void field_look(struct field *field);
void field_forget(struct field *field);
void field_tally(struct field *field, struct tally *ret);
/* The core forgets all sessions. (Thousands that end at once would be more events than we are in time to read.) */
void field_clear(struct field *field);
/* Every drop that the core has counted since the field was opened has been told; the test fails if one is not. */
void field_told(struct field *field, uint64_t drops);
/* From now on the core stands still, until field_go_on(). */
void field_stop(struct field *field);
void field_go_on(struct field *field);
#define FLOOD_MARK "<flood>"
/* A process that sends datagrams to a closed port as fast as it can, until it is killed. */
pid_t field_flood(struct field *field, enum post from);

uint64_t frame_hash(const void *data, size_t len);
const char *post_name(enum post post);

#endif
