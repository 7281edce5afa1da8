// SPDX-License-Identifier: BSD-2-Clause
/* See bundle_lab.h. */
#include "bundle_lab.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dpi/io/vnet.h"

#define SUPER 65600

struct bundle_lab bundle_lab;
int bundle_fds[2];
struct sl_bundler *bundle_bundler;

void bundle_start(void)
{
	memset(&bundle_lab, 0, sizeof(bundle_lab));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, bundle_fds), 0);
	cr_assert_eq(setsockopt(bundle_fds[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4 << 20 }, sizeof(int)), 0);
	bundle_bundler = sl_bundler_new(bundle_fds[0], FRAMES);
	cr_assert_not_null(bundle_bundler);
}

void bundle_stop(void)
{
	sl_bundler_free(bundle_bundler);
	close(bundle_fds[0]);
	close(bundle_fds[1]);
}

static void note_sent(const uint8_t *data, uint32_t len, bool bundled)
{
	struct sent *sent = &bundle_lab.sent[bundle_lab.n_sent++];

	cr_assert_leq(bundle_lab.n_sent, bundle_lab.n, "more leaves than came");
	cr_assert_leq(len, (uint32_t)ROOM);
	memcpy(sent->data, data, len);
	sent->len = len;
	sent->bundled = bundled;
}

void bundle_write_sum(uint8_t *at, uint32_t sum, bool udp)
{
	uint16_t value = (uint16_t)~sum;

	put16(at, udp && !value ? 0xffff : value);
}

/* One datagram of a super-frame, as UDP's segmentation makes it (net/ipv4/udp_offload.c, RFC 768, RFC 791). */
static void cut(const uint8_t *whole, uint32_t headers, bool ipv6, unsigned int index, uint32_t at,
		uint32_t payload)
{
	uint8_t data[ROOM], *ip = data + ETH_HLEN, *udp = data + headers - 8;

	cr_assert_leq(headers + payload, (uint32_t)ROOM);
	memcpy(data, whole, headers);
	memcpy(data + headers, whole + headers + at, payload);
	put16(udp + 4, 8 + payload);
	put16(udp + 6, 0);
	if (ipv6) {
		put16(ip + 4, 8 + payload);
	} else {
		put16(ip + 2, 28 + payload);
		put16(ip + 4, get16(ip + 4) + index);
		put16(ip + 10, 0);
		bundle_write_sum(ip + 10, frame_sum(ip, 20, 0), false);
	}
	bundle_write_sum(udp + 6, frame_sum(udp, 8 + payload, frame_pseudo_sum(ip, IPPROTO_UDP, 8 + payload)),
			 true);
	note_sent(data, headers + payload, true);
}

/* All that has come out of the socket. */
static void receive_bundles(void)
{
	static uint8_t room[SUPER];
	ssize_t n;

	while ((n = recv(bundle_fds[1], room, sizeof(room), 0)) > 0) {
		struct virtio_net_hdr vnet;
		const uint8_t *data = room + sizeof(vnet);
		uint32_t len = (uint32_t)n - sizeof(vnet), headers, at = 0;
		bool ipv6 = get16(data + 12) == ETH_P_IPV6;

		memcpy(&vnet, room, sizeof(vnet));
		headers = ipv6 ? 62 : 42;
		cr_assert_eq(vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		cr_assert_eq(vnet.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
		cr_assert_eq(vnet.hdr_len, headers);
		cr_assert_eq(vnet.csum_start, headers - 8);
		cr_assert_eq(vnet.csum_offset, 6);
		/* As a receiver takes it that is not to cut it. */
		cr_assert_eq(get16(data + headers - 4), len - headers + 8);
		cr_assert_eq(get16(data + ETH_HLEN + (ipv6 ? 4 : 2)), len - ETH_HLEN - (ipv6 ? 40 : 0));
		if (!ipv6)
			cr_assert_eq(frame_sum(data + ETH_HLEN, 20, 0), 0xffff);
		cr_assert_gt(len - headers, vnet.gso_size, "a single one is no bundle");
		bundle_lab.bundles++;
		for (unsigned int i = 0; at < len - headers; i++) {
			uint32_t rest = len - headers - at;
			uint32_t payload = rest < vnet.gso_size ? rest : vnet.gso_size;

			cut(data, headers, ipv6, i, at, payload);
			at += payload;
		}
	}
}

static int left(void *context, const struct sl_bundle_frame *frame)
{
	(void)context;
	bundle_lab.answered[frame->addr]++;
	receive_bundles();
	return 0;
}

static int alone(void *context, const struct sl_bundle_frame *frame)
{
	(void)context;
	bundle_lab.answered[frame->addr]++;
	bundle_lab.waiting[bundle_lab.n_waiting++] = (unsigned int)frame->addr;
	return 0;
}

static int hurry(void *context)
{
	(void)context;
	bundle_lab.hurries++;
	if (bundle_lab.stuck)
		return 0;
	for (unsigned int i = 0; i < bundle_lab.n_waiting; i++)
		note_sent(bundle_lab.data[bundle_lab.waiting[i]], bundle_lab.len[bundle_lab.waiting[i]],
			  false);
	bundle_lab.n_waiting = 0;
	return 1;
}

static const struct sl_bundle_out out = { left, alone, hurry };

bool bundle_give(const struct frame *f)
{
	unsigned int i = bundle_lab.n++;
	struct sl_bundle_frame frame = { bundle_lab.data[i], f->len, i };

	cr_assert_lt(i, FRAMES);
	cr_assert_leq(f->len, (uint32_t)ROOM);
	memcpy(bundle_lab.data[i], f->data, f->len);
	bundle_lab.len[i] = f->len;
	return sl_bundler_take(bundle_bundler, &frame);
}

void bundle_flush(bool clear)
{
	cr_assert_eq(sl_bundler_flush(bundle_bundler, clear, &out, NULL), 0);
	bundle_lab.stuck = false;
	hurry(NULL);
	for (unsigned int i = 0; i < bundle_lab.n; i++)
		cr_assert_eq(bundle_lab.answered[i], 1, "frame %u was answered %u times", i,
			     bundle_lab.answered[i]);
	cr_assert_eq(bundle_lab.n_sent, bundle_lab.n);
}

void bundle_next_run(void)
{
	memset(&bundle_lab, 0, sizeof(bundle_lab));
}

void bundle_make(struct frame *f, const struct datagram *d)
{
	uint8_t payload[ROOM];

	memset(payload, d->fill, sizeof(payload));
	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	if (d->family == 4)
		frame_ipv4(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	else
		frame_ipv6(f, "fd00::1", "fd00::2", IPPROTO_UDP);
	frame_udp(f, (uint16_t)(1000 + d->flow), 53, payload, d->payload);
	if (d->family == 4) {
		put16(f->data + ETH_HLEN + 4, d->id);
		put16(f->data + ETH_HLEN + 10, 0);
		bundle_write_sum(f->data + ETH_HLEN + 10, frame_sum(f->data + ETH_HLEN, 20, 0), false);
	}
}

void bundle_give_datagram(const struct datagram *d)
{
	static struct frame f;

	bundle_make(&f, d);
	cr_assert(bundle_give(&f));
}

void bundle_in_order(void)
{
	for (unsigned int i = 0; i < bundle_lab.n; i++)
		cr_assert(bundle_lab.sent[i].len == bundle_lab.len[i] &&
				  !memcmp(bundle_lab.sent[i].data, bundle_lab.data[i], bundle_lab.len[i]),
			  "frame %u: %s", i,
			  frame_difference(bundle_lab.data[i], bundle_lab.len[i], bundle_lab.sent[i].data,
					   bundle_lab.sent[i].len));
}
