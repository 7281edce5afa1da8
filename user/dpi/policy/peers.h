/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses are workloads': what a rule's `peer: workload:NAME` and a
 * learned session go by. The daemon tells, from what the workloads' ports
 * are configured with; nothing that a frame says can change it.
 *
 * Invariant: never changes once it is open; an address is one workload's.
 */
#ifndef SLUICE_DPI_PEERS_H
#define SLUICE_DPI_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include "dpi/decode/packet.h"
#include "lib/err.h"

#define SL_PEERS_MAGIC 0x53524545504c53ULL
#define SL_PEERS_VERSION 1
#define SL_PEERS_MAX 262144 /* addresses */

/* As it comes: a sealed memory file of this, in native byte order. */
struct sl_peer_address {
	struct sl_addr address;
	uint16_t workload; /* id */
	uint16_t pad[3]; /* zero */
};
struct sl_peers_block {
	uint64_t magic;
	uint32_t version, count;
	struct sl_peer_address peer[]; /* addresses ascending, as bytes, each once */
};
_Static_assert(sizeof(struct sl_peer_address) == 24, "part of the block's layout");
_Static_assert(sizeof(struct sl_peers_block) == 16, "part of the block's layout");

struct sl_peers;
/* Checks all of it. -EPERM: not sealed, -EBADMSG: no such block. Does not keep the descriptor. */
int sl_peers_open_fd(int fd, struct sl_peers **ret, struct sl_err *err);
/* Copies the bytes. */
int sl_peers_open(const void *block, size_t size, struct sl_peers **ret, struct sl_err *err);
void sl_peers_free(struct sl_peers *peers); /* NULL allowed */

/* The id of the workload that has it, 0 if none has. peers may be NULL. */
uint16_t sl_peers_find(const struct sl_peers *peers, const struct sl_addr *address);
uint32_t sl_peers_count(const struct sl_peers *peers);

#endif
