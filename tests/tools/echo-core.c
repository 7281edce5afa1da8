// SPDX-License-Identifier: BSD-2-Clause
/*
 * The smallest core there can be, for `sluiced --dpi external`: takes every
 * frame off an interface with a packet socket and puts it back unchanged.
 *
 * Invariant: what goes out is byte for byte what came in, a tag that the
 * kernel had moved beside the data included. Prints "ready" once it listens.
 *
 * echo-core INTERFACE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 4 /* in front of the frame, for a tag to be put back */
#define TAG_AT 12

static int open_on(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, size = 8 << 20;

	address.sll_ifindex = if_nametoindex(interface);
	if (fd < 0 || !address.sll_ifindex)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

/* The tag goes back to where the kernel took it from; returns the frame's new beginning. */
static uint8_t *restore_tag(uint8_t *frame, const struct tpacket_auxdata *aux)
{
	uint16_t tag[2] = { htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid
									     : ETHERTYPE_VLAN),
			    htons(aux->tp_vlan_tci) };

	memmove(frame - sizeof(tag), frame, TAG_AT);
	memcpy(frame - sizeof(tag) + TAG_AT, tag, sizeof(tag));
	return frame - sizeof(tag);
}

static int forward_one(int fd)
{
	static uint8_t buffer[ROOM + 65600];
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec part = { buffer + ROOM, sizeof(buffer) - ROOM };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	uint8_t *frame = buffer + ROOM;
	struct tpacket_auxdata aux;
	ssize_t n = recvmsg(fd, &message, 0);

	if (n < 0)
		return errno == EINTR || errno == ENETDOWN ? 0 : -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID) {
			frame = restore_tag(frame, &aux);
			n += ROOM;
		}
	}
	while (send(fd, frame, n, 0) < 0) {
		/* A full queue drops the frame, as a core under overload does. */
		if (errno == ENOBUFS || errno == EAGAIN || errno == ENETDOWN || errno == EMSGSIZE)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd, r = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: echo-core INTERFACE\n");
		return 2;
	}
	fd = open_on(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "echo-core: %s: %s\n", argv[1], strerror(-fd));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (!r)
		r = forward_one(fd);
	fprintf(stderr, "echo-core: %s: %s\n", argv[1], strerror(-r));
	return 1;
}
