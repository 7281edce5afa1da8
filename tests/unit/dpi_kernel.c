// SPDX-License-Identifier: BSD-2-Clause
/* An AF_XDP socket's kernel side in plain memory; see dpi_kernel.h for the invariant. */
#include "dpi_kernel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

struct kernel kernel = { .peer_fd = -1 };

/* The words of a ring that both sides map. */
struct shared {
	uint32_t producer, consumer, flags;
};
static struct shared fill, comp, rx, tx;
static uint32_t fill_seen, comp_seen; /* what see() has written into the books */
static uint64_t fill_ring[FILL_SIZE], comp_ring[TX_SIZE];
static struct xdp_desc rx_ring[RX_SIZE], tx_ring[TX_SIZE];

/* libxdp's two kinds of rings have the same fields. */
#define MAP_RING(side, shared_words, entries, cons)                                                          \
	do {                                                                                                 \
		(side)->size = sizeof(entries) / sizeof(*(entries));                                         \
		(side)->mask = (side)->size - 1;                                                             \
		(side)->producer = &(shared_words)->producer;                                                \
		(side)->consumer = &(shared_words)->consumer;                                                \
		(side)->flags = &(shared_words)->flags;                                                      \
		(side)->ring = (entries);                                                                    \
		(side)->cached_prod = (shared_words)->producer;                                              \
		(side)->cached_cons = (cons);                                                                \
	} while (0)

void kernel_start_with(uint32_t spares)
{
	struct sl_xsk_lane *lane = calloc(1, sizeof(*lane));
	/* Close to where they wrap around, which must not matter. */
	const uint32_t start = UINT32_MAX - 40;
	int fds[2];

	memset(&kernel, 0, sizeof(kernel));
	kernel.always = (struct send){ ALL, 0 };
	kernel.area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(lane && kernel.area != MAP_FAILED);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	kernel.peer_fd = fds[1];
	fill = comp = rx = tx = (struct shared){ start, start, 0 };
	fill_seen = comp_seen = start;
	kernel_need_wakeup(false, true);

	lane->lane.ops = &sl_xsk_lane_ops;
	lane->flags_fd = -1;
	lane->lane.record = &kernel.record;
	lane->ifname = "vth-test";
	lane->queue = 1;
	lane->multi_buffer = true;
	lane->fd = fds[0];
	lane->area = kernel.area;
	lane->first_chunk = FIRST;
	lane->n_chunks = CHUNKS;
	lane->spares = spares;
	lane->owner = calloc(CHUNKS, 1);
	cr_assert(lane->owner);
	MAP_RING(&lane->fill, &fill, fill_ring, start + FILL_SIZE);
	MAP_RING(&lane->tx, &tx, tx_ring, start + TX_SIZE);
	MAP_RING(&lane->rx, &rx, rx_ring, start);
	MAP_RING(&lane->comp, &comp, comp_ring, start);
	kernel.lane = lane;
	for (int i = 0; i < CHUNKS; i++)
		kernel.has[i] = USER;
	cr_assert_eq(sl_xsk_lane_fill(lane), 0);
	kernel_compare();
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS - spares);
}

void kernel_start(void)
{
	kernel_start_with(0);
}

void kernel_stop(void)
{
	int fd = kernel.lane->fd;

	sl_xsk_lane_ops.destroy(&kernel.lane->lane);
	kernel.lane = NULL;
	munmap(kernel.area, AREA_SIZE);
	close(kernel.peer_fd);
	close(fd);
}

/* The chunk of an address the lane has given; it is the lane's, and was its to give. */
static uint32_t take_chunk(uint64_t addr, enum has from, enum has to)
{
	uint64_t chunk = addr / STRIDE - FIRST;

	cr_assert_lt(chunk, (uint64_t)CHUNKS, "address %#llx is not of this lane", (unsigned long long)addr);
	cr_assert_eq(kernel.has[chunk], from, "chunk %u changes hands but was %d, not %d", (uint32_t)chunk,
		     kernel.has[chunk], from);
	kernel.has[chunk] = to;
	return (uint32_t)chunk;
}

/* Writes down what the lane has taken from COMPLETION, then what it has given to FILL. */
static void see(void)
{
	for (; comp_seen != comp.consumer; comp_seen++)
		take_chunk(comp_ring[comp_seen % TX_SIZE], IN_COMP, USER);
	cr_assert_leq(fill.producer - fill.consumer, FILL_SIZE);
	for (; fill_seen != fill.producer; fill_seen++) {
		uint64_t addr = fill_ring[fill_seen % FILL_SIZE];

		cr_assert_eq(addr % STRIDE, 0, "FILL holds addresses of chunks");
		take_chunk(addr, USER, IN_FILL);
	}
}

uint32_t kernel_count(enum has has)
{
	uint32_t n = 0;

	for (int i = 0; i < CHUNKS; i++)
		n += kernel.has[i] == has;
	return n;
}

uint32_t kernel_fill_descents(void)
{
	uint32_t n = 0;

	for (uint32_t at = fill.consumer; at + 1 != fill.producer && at != fill.producer; at++)
		n += fill_ring[(at + 1) % FILL_SIZE] < fill_ring[at % FILL_SIZE];
	return n;
}

uint32_t kernel_tx_waiting(void)
{
	return tx.producer - tx.consumer;
}

void kernel_need_wakeup(bool fill_flag, bool tx_flag)
{
	fill.flags = fill_flag ? XDP_RING_NEED_WAKEUP : 0;
	tx.flags = tx_flag ? XDP_RING_NEED_WAKEUP : 0;
}

void kernel_compare(void)
{
	const struct sl_xsk_lane *lane = kernel.lane;
	struct sl_buffers buffers;
	uint32_t owned[4] = { 0 };

	see();
	sl_xsk_lane_ops.buffers(&lane->lane, &buffers);
	for (int i = 0; i < CHUNKS; i++)
		owned[lane->owner[i]]++;
	cr_assert_eq(buffers.total, CHUNKS);
	cr_assert_eq(buffers.rx + buffers.tx + buffers.held + buffers.spare, CHUNKS);
	cr_assert_eq(buffers.spare, owned[SL_CHUNK_SPARE]);
	cr_assert_leq(buffers.spare, lane->spares);
	cr_assert_eq(buffers.rx, owned[SL_CHUNK_RX]);
	cr_assert_eq(buffers.held, owned[SL_CHUNK_HELD]);
	cr_assert_eq(buffers.tx, owned[SL_CHUNK_TX]);
	/* What waits in RX is not in the lane's books yet, what waits in TX not in ours. */
	cr_assert_eq(buffers.rx, kernel_count(IN_FILL) + (rx.producer - rx.consumer));
	cr_assert_eq(buffers.tx, kernel_tx_waiting() + kernel_count(KERNEL_TX) + kernel_count(IN_COMP));
	cr_assert_eq(buffers.held + buffers.spare,
		     kernel_count(USER) - (rx.producer - rx.consumer) - kernel_tx_waiting());
	cr_assert_leq(buffers.tx, TX_SIZE, "COMPLETION must have room for all of them");
}

static uint8_t byte_of(uint32_t seed, uint32_t at)
{
	return (uint8_t)((at * 31 + seed) ^ (at >> 8));
}

static uint64_t add_byte(uint64_t sum, uint8_t byte)
{
	return (sum ^ byte) * 0x100000001b3;
}

uint64_t kernel_frame_sum(uint32_t len, uint32_t seed)
{
	uint64_t sum = 0;

	for (uint32_t at = 0; at < len; at++)
		sum = add_byte(sum, byte_of(seed, at));
	return sum;
}

void kernel_push_rx(uint64_t addr, uint32_t len, uint32_t options)
{
	cr_assert_lt(rx.producer - rx.consumer, RX_SIZE);
	rx_ring[rx.producer++ % RX_SIZE] = (struct xdp_desc){ addr, len, options };
}

void kernel_continue_last(void)
{
	rx_ring[(rx.producer - 1) % RX_SIZE].options = XDP_PKT_CONTD;
}

void kernel_push_comp(uint64_t addr)
{
	cr_assert_lt(comp.producer - comp.consumer, TX_SIZE, "the lane let COMPLETION overflow");
	comp_ring[comp.producer++ % TX_SIZE] = addr;
}

bool kernel_receive(const uint32_t *lens, uint32_t pieces, uint32_t seed)
{
	uint32_t at = 0;

	see();
	if (rx.producer - rx.consumer + pieces > RX_SIZE || fill.producer - fill.consumer < pieces)
		return false;
	for (uint32_t i = 0; i < pieces; i++) {
		uint64_t begin = fill_ring[fill.consumer++ % FILL_SIZE];

		cr_assert_leq(lens[i], PIECE_MAX);
		take_chunk(begin, IN_FILL, USER);
		for (uint32_t k = 0; k < lens[i]; k++)
			kernel.area[begin + HEADROOM + k] = byte_of(seed, at++);
		kernel_push_rx(RX_ADDR(begin, HEADROOM), lens[i], i + 1 < pieces ? XDP_PKT_CONTD : 0);
	}
	return true;
}

bool kernel_receive_one(uint32_t len, uint32_t seed)
{
	return kernel_receive(&len, 1, seed);
}

bool kernel_receive_bytes(const void *data, uint32_t len)
{
	if (!kernel_receive_one(len, 0))
		return false;
	memcpy(kernel.area + xsk_umem__add_offset_to_addr(rx_ring[(rx.producer - 1) % RX_SIZE].addr), data,
	       len);
	return true;
}

uint32_t kernel_send(uint32_t n)
{
	uint32_t done = 0;

	see();
	for (; done < n && tx.consumer != tx.producer; done++) {
		struct sent_frame frame = { 0 };
		bool more = true;

		while (more) {
			const struct xdp_desc *desc = &tx_ring[tx.consumer % TX_SIZE];

			cr_assert_neq(tx.consumer, tx.producer, "TX ends in the middle of a frame");
			cr_assert_lt(frame.pieces, SL_FRAME_PIECES);
			cr_assert_eq(desc->options & ~XDP_PKT_CONTD, 0u);
			tx.consumer++;
			take_chunk(desc->addr, USER, KERNEL_TX);
			frame.addr[frame.pieces++] = desc->addr;
			frame.len += desc->len;
			for (uint32_t k = 0; k < desc->len; k++)
				frame.sum = add_byte(frame.sum, kernel.area[desc->addr + k]);
			more = desc->options & XDP_PKT_CONTD;
		}
		cr_assert_lt(kernel.n_sent, sizeof(kernel.sent) / sizeof(*kernel.sent));
		kernel.sent[kernel.n_sent++] = frame;
		for (uint32_t i = 0; i < frame.pieces; i++)
			kernel.held[kernel.n_held++] = frame.addr[i];
	}
	if (!kernel.hold)
		kernel_report_held();
	return done;
}

void kernel_report_held(void)
{
	for (uint32_t i = 0; i < kernel.n_held; i++) {
		take_chunk(kernel.held[i], KERNEL_TX, IN_COMP);
		kernel_push_comp(kernel.held[i]);
	}
	kernel.n_held = 0;
}

/* The linker sends the suite's sendto() and getsockopt() here; those of others go on to libc. */
ssize_t __real_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len)
{
	struct send step = kernel.always;

	if (!kernel.lane || fd != kernel.lane->fd)
		return __real_sendto(fd, data, len, flags, to, to_len);
	cr_assert(!data && !len && !to, "a kick carries no data");
	cr_assert(flags & MSG_DONTWAIT, "AF_XDP refuses a kick that would block");
	cr_assert_lt(kernel.sends, 20000u, "the lane never gives up");
	if (kernel.sends < kernel.n_steps)
		step = kernel.steps[kernel.sends];
	kernel.sends++;
	kernel_send(step.frames);
	if (!step.error)
		return 0;
	errno = step.error;
	return -1;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (!kernel.lane || fd != kernel.lane->fd)
		return __real_getsockopt(fd, level, name, value, len);
	if (level == SOL_XDP && name == XDP_STATISTICS) {
		errno = kernel.statistics_error;
		if (errno)
			return -1;
		cr_assert_eq(*len, sizeof(kernel.statistics));
		memcpy(value, &kernel.statistics, sizeof(kernel.statistics));
		return 0;
	}
	cr_assert(level == SOL_SOCKET && name == SO_ERROR);
	/* Told once. */
	memcpy(value, &kernel.socket_error, sizeof(int));
	kernel.socket_error = 0;
	return 0;
}
