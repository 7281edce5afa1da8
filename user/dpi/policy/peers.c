// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of workloads, searched by halves; see peers.h for the invariant. */
#include "dpi/policy/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/sealed.h"

struct sl_peers {
	uint32_t count;
	struct sl_peer_address peer[];
};

static int check(const struct sl_peers_block *block, size_t size, struct sl_err *err)
{
	const struct sl_peer_address *peer = block->peer;

	if (size < sizeof(*block) || block->magic != SL_PEERS_MAGIC || block->version != SL_PEERS_VERSION ||
	    block->count > SL_PEERS_MAX || size != sizeof(*block) + block->count * sizeof(*peer))
		return sl_err(err, EBADMSG, "not a list of the workloads' addresses");
	for (uint32_t i = 0; i < block->count; i++) {
		if (!peer[i].workload)
			return sl_err(err, EBADMSG, "addresses: 0 is no workload's id");
		if (i && memcmp(&peer[i - 1].address, &peer[i].address, sizeof(peer->address)) >= 0)
			return sl_err(err, EBADMSG, "addresses: not in order, or one is there twice");
	}
	return 0;
}

int sl_peers_open(const void *data, size_t size, struct sl_peers **ret, struct sl_err *err)
{
	const struct sl_peers_block *block = data;
	struct sl_peers *peers;
	int r = check(block, size, err);

	if (r < 0)
		return r;
	peers = malloc(sizeof(*peers) + block->count * sizeof(*peers->peer));
	if (!peers)
		return sl_err(err, ENOMEM, "no memory for %u addresses of workloads", block->count);
	peers->count = block->count;
	memcpy(peers->peer, block->peer, block->count * sizeof(*peers->peer));
	*ret = peers;
	return 0;
}

int sl_peers_open_fd(int fd, struct sl_peers **ret, struct sl_err *err)
{
	size_t most = sizeof(struct sl_peers_block) + SL_PEERS_MAX * sizeof(struct sl_peer_address), size;
	const void *map;
	int r = sl_sealed_map(fd, "addresses", sizeof(struct sl_peers_block), most, &map, &size, err);

	if (r < 0)
		return r;
	r = sl_peers_open(map, size, ret, err);
	munmap((void *)map, size);
	return r;
}

void sl_peers_free(struct sl_peers *peers)
{
	free(peers);
}

uint16_t sl_peers_find(const struct sl_peers *peers, const struct sl_addr *address)
{
	uint32_t low = 0, n = peers ? peers->count : 0;

	while (n) {
		uint32_t half = n / 2;
		int c = memcmp(&peers->peer[low + half].address, address, sizeof(*address));

		if (!c)
			return peers->peer[low + half].workload;
		if (c < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return 0;
}

uint32_t sl_peers_count(const struct sl_peers *peers)
{
	return peers ? peers->count : 0;
}
