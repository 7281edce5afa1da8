// SPDX-License-Identifier: BSD-2-Clause
/*
 * The yardstick of the bench: what a single-threaded core on a packet ring can
 * do on vth. It stands in for the core with `sluiced --dpi external` and sends
 * every frame back out of the interface it came in on, unchanged.
 *
 * It is meant to be a fair contender, so it has what such a core can have: one
 * packet socket with a receive and a transmit ring (TPACKET_V2), the qdisc
 * bypassed, its own frames not looped back, one system call to send a whole
 * batch, poll() only when there is nothing to do.
 *
 * Invariant: rx = tx + full + cut + bad, the kernel's drops beside it; SIGUSR1
 * prints the figures as one line, SIGTERM prints them and ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_SIZE (1U << 16)
#define BATCH 64 /* frames handed to the kernel by one send() */
#define VLAN_TAG 4
#define TX_DATA                                                                                              \
	(TPACKET2_HDRLEN - sizeof(struct sockaddr_ll)) /* where the kernel looks for a frame to send */

/* From linux/if_packet.h; older headers lack it. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct ring {
	uint8_t *slots;
	unsigned int size, count, next;
};

struct forwarder {
	int fd;
	struct ring rx, tx;
	unsigned int unsent; /* in the TX ring, the kernel not yet told */
	uint64_t n_rx, n_tx; /* frames taken from one ring, put into the other */
	uint64_t n_full; /* dropped: no free TX slot, or no memory to send from it */
	uint64_t n_cut; /* dropped: longer than a slot */
	uint64_t n_bad; /* dropped: the kernel refused to send it */
	uint64_t n_kernel; /* dropped by the kernel: RX ring full */
	uint64_t n_kicks, n_polls;
};

static struct tpacket2_hdr *slot(const struct ring *ring)
{
	return (struct tpacket2_hdr *)(ring->slots + (size_t)ring->next * ring->size);
}

static void advance(struct ring *ring)
{
	if (++ring->next == ring->count)
		ring->next = 0;
}

static uint32_t status(const struct tpacket2_hdr *hdr)
{
	return __atomic_load_n(&hdr->tp_status, __ATOMIC_ACQUIRE);
}

static void set_status(struct tpacket2_hdr *hdr, uint32_t value)
{
	__atomic_store_n(&hdr->tp_status, value, __ATOMIC_RELEASE);
}

static void die(const char *what, const char *ifname)
{
	fprintf(stderr, "ring-forwarder: %s: %s: %s\n", ifname, what, strerror(errno));
	exit(1);
}

/* Hands the filled TX slots to the kernel. */
static void kick(struct forwarder *f)
{
	if (!f->unsent)
		return;
	f->n_kicks++;
	/* An error leaves the slots with the kernel's mark on them: claim_tx() sees it there. */
	if (send(f->fd, NULL, 0, MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR &&
	    errno != ENETDOWN)
		f->n_bad++;
	f->unsent = 0;
}

/* The next free TX slot, or NULL: the receivers still hold all of them. */
static struct tpacket2_hdr *claim_tx(struct forwarder *f)
{
	struct tpacket2_hdr *hdr = slot(&f->tx);

	if (status(hdr) == TP_STATUS_AVAILABLE)
		return hdr;
	kick(f);
	if (status(hdr) & TP_STATUS_WRONG_FORMAT) {
		f->n_bad++;
		set_status(hdr, TP_STATUS_AVAILABLE);
	}
	return status(hdr) == TP_STATUS_AVAILABLE ? hdr : NULL;
}

/* Copies the frame as it was on the wire: a tag the kernel has put into the metadata goes back into the data. */
static uint32_t copy_frame(uint8_t *to, const struct tpacket2_hdr *from)
{
	const uint8_t *data = (const uint8_t *)from + from->tp_mac;
	uint32_t len = from->tp_snaplen;
	uint16_t tag[2];

	if (!(from->tp_status & TP_STATUS_VLAN_VALID) || len < 2 * ETH_ALEN) {
		memcpy(to, data, len);
		return len;
	}
	tag[0] = htons(from->tp_status & TP_STATUS_VLAN_TPID_VALID ? from->tp_vlan_tpid : ETH_P_8021Q);
	tag[1] = htons(from->tp_vlan_tci);
	memcpy(to, data, 2 * ETH_ALEN);
	memcpy(to + 2 * ETH_ALEN, tag, VLAN_TAG);
	memcpy(to + 2 * ETH_ALEN + VLAN_TAG, data + 2 * ETH_ALEN, len - 2 * ETH_ALEN);
	return len + VLAN_TAG;
}

static void forward_one(struct forwarder *f, const struct tpacket2_hdr *from)
{
	struct tpacket2_hdr *to;

	f->n_rx++;
	if (from->tp_snaplen < from->tp_len || from->tp_snaplen + TX_DATA + VLAN_TAG > f->tx.size) {
		f->n_cut++;
		return;
	}
	to = claim_tx(f);
	if (!to) {
		f->n_full++;
		return;
	}
	to->tp_len = copy_frame((uint8_t *)to + TX_DATA, from);
	set_status(to, TP_STATUS_SEND_REQUEST);
	advance(&f->tx);
	f->n_tx++;
	if (++f->unsent == BATCH)
		kick(f);
}

/* Everything that has arrived. Returns how many frames that was. */
static unsigned int forward_all(struct forwarder *f)
{
	unsigned int n = 0;

	for (; n < f->rx.count; n++) {
		struct tpacket2_hdr *from = slot(&f->rx);

		if (!(status(from) & TP_STATUS_USER))
			break;
		forward_one(f, from);
		set_status(from, TP_STATUS_KERNEL);
		advance(&f->rx);
	}
	kick(f);
	return n;
}

static void print_figures(struct forwarder *f)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	/* Reading clears them in the kernel. */
	if (!getsockopt(f->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		f->n_kernel += stats.tp_drops;
	printf("rx %lu tx %lu full %lu cut %lu bad %lu kernel %lu kicks %lu polls %lu\n", f->n_rx, f->n_tx,
	       f->n_full, f->n_cut, f->n_bad, f->n_kernel, f->n_kicks, f->n_polls);
	fflush(stdout);
}

static unsigned int interface_mtu(int fd, const char *ifname)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, SIOCGIFMTU, &ifr))
		die("no MTU", ifname);
	return ifr.ifr_mtu;
}

static void set_option(int fd, int option, int value, const char *what, const char *ifname)
{
	if (setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)))
		die(what, ifname);
}

static void set_ring(int fd, int option, const struct ring *ring, const char *ifname)
{
	struct tpacket_req req = {
		.tp_frame_size = ring->size,
		.tp_frame_nr = ring->count,
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = ring->count / (BLOCK_SIZE / ring->size),
	};

	if (setsockopt(fd, SOL_PACKET, option, &req, sizeof(req)))
		die("ring refused", ifname);
}

static void open_rings(struct forwarder *f, const char *ifname, unsigned int slots)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(ifname),
	};
	unsigned int size = 2048;
	size_t bytes;

	if (!addr.sll_ifindex)
		die("no such interface here", ifname);
	/* Protocol 0: receives nothing before it is bound to the interface. */
	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		die("packet socket", ifname);
	while (size < TPACKET2_HDRLEN + 64 + ETH_HLEN + 2 * VLAN_TAG + interface_mtu(f->fd, ifname))
		size *= 2;
	f->rx = (struct ring){ .size = size, .count = slots };
	f->tx = f->rx;
	set_option(f->fd, PACKET_VERSION, TPACKET_V2, "TPACKET_V2", ifname);
	set_option(f->fd, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING", ifname);
	set_option(f->fd, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS", ifname);
	set_ring(f->fd, PACKET_RX_RING, &f->rx, ifname);
	set_ring(f->fd, PACKET_TX_RING, &f->tx, ifname);
	bytes = (size_t)size * slots;
	f->rx.slots = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, f->fd, 0);
	if (f->rx.slots == MAP_FAILED)
		die("mapping the rings", ifname);
	f->tx.slots = f->rx.slots + bytes;
	if (bind(f->fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind", ifname);
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die("signalfd", "-");
	return fd;
}

/* True when it was told to end. */
static bool take_signal(struct forwarder *f, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	print_figures(f);
	return info.ssi_signo != SIGUSR1;
}

/* The interface went down, perhaps to come up again: the error would keep poll() awake. */
static void clear_error(int fd, const char *ifname)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) && error && error != ENETDOWN) {
		errno = error;
		die("packet socket", ifname);
	}
}

int main(int argc, char **argv)
{
	unsigned int slots = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
	struct forwarder f = { .fd = -1 };
	struct pollfd fds[2];
	unsigned int busy = 0;

	if (argc < 2 || argc > 3 || slots < 256 || slots > 65536 || slots & (slots - 1)) {
		fprintf(stderr, "usage: ring-forwarder INTERFACE [SLOTS: a power of two, 256 to 65536]\n");
		return 2;
	}
	fds[1].fd = open_signals();
	open_rings(&f, argv[1], slots);
	fds[0].fd = f.fd;
	fds[0].events = fds[1].events = POLLIN;
	puts("ready");
	fflush(stdout);
	for (;;) {
		/* Signals are looked for when there is nothing to do, and now and then under load. */
		if (forward_all(&f) && ++busy % 64)
			continue;
		f.n_polls++;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			die("poll", argv[1]);
		if (fds[0].revents & POLLERR)
			clear_error(f.fd, argv[1]);
		if ((fds[1].revents & POLLIN) && take_signal(&f, fds[1].fd))
			return 0;
	}
}
