/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of an AF_XDP socket, in plain memory: the four rings, the
 * UMEM, and a script for what sendto() does.
 *
 * Invariant: it keeps books of its own about who has which chunk and fails the
 * test as soon as the lane hands over one that is not the lane's to give, so
 * that the lane's books are never their own only witness.
 */
#ifndef SLUICE_TESTS_UNIT_DPI_KERNEL_H
#define SLUICE_TESTS_UNIT_DPI_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/io/xsk.h"
#include "dpi/io/xsk_lane.h"

#define CHUNK SL_XSK_CHUNK
#define STRIDE SL_XSK_STRIDE
#define HEADROOM 256
#define PIECE_MAX (CHUNK - HEADROOM) /* what the kernel puts into one chunk */
/* The proportions of xsk.c, for the second of three queues. */
#define CHUNKS 128
#define FIRST CHUNKS
#define RX_SIZE (CHUNKS / 2)
#define TX_SIZE (CHUNKS / 4)
#define FILL_SIZE (CHUNKS * 2)
#define AREA_SIZE (3u * CHUNKS * STRIDE)
/* An address as RX tells it: where the chunk begins, and the offset in it. */
#define RX_ADDR(begin, offset) ((uint64_t)(begin) | (uint64_t)(offset) << XSK_UNALIGNED_BUF_OFFSET_SHIFT)

enum has { IN_FILL, USER, KERNEL_TX, IN_COMP }; /* USER: from RX until FILL, or taken off TX */

/* What one sendto() does. */
struct send {
	uint32_t frames; /* takes that many off TX, or all there are */
	int error; /* and returns this errno, 0 for success */
};
#define ALL UINT32_MAX

struct sent_frame {
	uint32_t pieces, len;
	uint64_t addr[SL_FRAME_PIECES]; /* of the pieces */
	uint64_t sum; /* of its bytes */
};

struct kernel {
	struct sl_xsk_lane *lane;
	struct sl_core record;
	uint8_t *area;
	enum has has[CHUNKS];

	/* The script: steps first, then `always`. */
	struct send steps[8];
	uint32_t n_steps;
	struct send always;
	uint32_t sends; /* sendto() calls so far */
	bool hold; /* sent chunks are not reported yet */
	uint64_t held[CHUNKS];
	uint32_t n_held;

	struct sent_frame sent[512];
	uint32_t n_sent;

	/* getsockopt() */
	struct xdp_statistics statistics;
	int socket_error, statistics_error;

	int peer_fd; /* the other end of the lane's descriptor */
};
extern struct kernel kernel;

/* Makes rings, area and lane, and has the lane fill FILL. */
void kernel_start(void);
/* The same, and the lane keeps so many chunks for frames of its own. */
void kernel_start_with(uint32_t spares);
/* Fails the test if the lane, at rest, and the kernel do not agree about every chunk. */
void kernel_compare(void);
void kernel_stop(void);

/*
 * Receives a frame of so many pieces with these lengths, each into the next
 * chunk of FILL, filled with bytes that depend on seed. false: no room in RX
 * or too few chunks; the frame is lost, as in the kernel.
 */
bool kernel_receive(const uint32_t *lens, uint32_t pieces, uint32_t seed);
/* The same with one piece. */
bool kernel_receive_one(uint32_t len, uint32_t seed);
/* The same with these bytes. */
bool kernel_receive_bytes(const void *data, uint32_t len);
/* Says that the frame received last goes on in the next one, which is one frame then. */
void kernel_continue_last(void);
/* Writes a descriptor into RX as it is: no chunk changes hands. */
void kernel_push_rx(uint64_t addr, uint32_t len, uint32_t options);
/* Writes an address into COMPLETION as it is. */
void kernel_push_comp(uint64_t addr);
/* Reports the held chunks. */
void kernel_report_held(void);
/* Takes up to n frames off TX and sends them, as a driver does by itself. How many there were. */
uint32_t kernel_send(uint32_t n);
/* The sum such a frame has, as in struct sent_frame. */
uint64_t kernel_frame_sum(uint32_t len, uint32_t seed);
uint32_t kernel_count(enum has has);
/* The need-wakeup flags; at the start FILL's is clear and TX's set, as in copy mode. */
void kernel_need_wakeup(bool fill_flag, bool tx_flag);
/* How often, from one place in FILL to the next, addresses go down instead of up. */
uint32_t kernel_fill_descents(void);
/* Descriptors the lane has published in TX and the kernel has not taken. */
uint32_t kernel_tx_waiting(void);

#endif
