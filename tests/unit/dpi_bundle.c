// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams that leave together: what is cut from a bundle, by rules written
 * down here once more, is what came, bit by bit and flow by flow in its order;
 * and nothing is bundled that cutting would change.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dpi/io/bundle.h"
#include "dpi/io/vnet.h"
#include "lib/frames.h"

#define FRAMES SL_BUNDLE_FRAMES
#define LEAST SL_BUNDLE_LEAST
#define ROOM 2048
#define SUPER 65600
#define SEED 20261129

/* What came, and what has left, in the order of leaving. */
static struct {
	uint8_t data[FRAMES][ROOM];
	uint32_t len[FRAMES];
	unsigned int n;
	struct sent {
		uint8_t data[ROOM];
		uint32_t len;
		bool bundled;
	} sent[FRAMES];
	unsigned int n_sent;
	unsigned int answered[FRAMES]; /* how often each was handed back */
	unsigned int waiting[FRAMES], n_waiting; /* given to alone(), not gone yet */
	bool stuck; /* what waits cannot leave */
	unsigned int bundles, hurries;
} lab;
static int fds[2];
static struct sl_bundler *bundler;

static void start(void)
{
	memset(&lab, 0, sizeof(lab));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	cr_assert_eq(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4 << 20 }, sizeof(int)), 0);
	bundler = sl_bundler_new(fds[0], FRAMES);
	cr_assert_not_null(bundler);
}

static void stop(void)
{
	sl_bundler_free(bundler);
	close(fds[0]);
	close(fds[1]);
}

TestSuite(dpi_bundle, .init = start, .fini = stop, .timeout = 60);

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

static void note_sent(const uint8_t *data, uint32_t len, bool bundled)
{
	struct sent *sent = &lab.sent[lab.n_sent++];

	cr_assert_leq(lab.n_sent, lab.n, "more leaves than came");
	cr_assert_leq(len, (uint32_t)ROOM);
	memcpy(sent->data, data, len);
	sent->len = len;
	sent->bundled = bundled;
}

/* The one's complement of a sum, as it is written down; UDP's 0 is written as 0xffff. */
static void write_sum(uint8_t *at, uint32_t sum, bool udp)
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
		write_sum(ip + 10, frame_sum(ip, 20, 0), false);
	}
	write_sum(udp + 6, frame_sum(udp, 8 + payload, frame_pseudo_sum(ip, IPPROTO_UDP, 8 + payload)), true);
	note_sent(data, headers + payload, true);
}

/* All that has come out of the socket. */
static void receive_bundles(void)
{
	static uint8_t room[SUPER];
	ssize_t n;

	while ((n = recv(fds[1], room, sizeof(room), 0)) > 0) {
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
		lab.bundles++;
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
	lab.answered[frame->addr]++;
	receive_bundles();
	return 0;
}

static int alone(void *context, const struct sl_bundle_frame *frame)
{
	(void)context;
	lab.answered[frame->addr]++;
	lab.waiting[lab.n_waiting++] = (unsigned int)frame->addr;
	return 0;
}

static int hurry(void *context)
{
	(void)context;
	lab.hurries++;
	if (lab.stuck)
		return 0;
	for (unsigned int i = 0; i < lab.n_waiting; i++)
		note_sent(lab.data[lab.waiting[i]], lab.len[lab.waiting[i]], false);
	lab.n_waiting = 0;
	return 1;
}

static const struct sl_bundle_out out = { left, alone, hurry };

/* False: it is not the bundler's, and leaves at once. */
static bool give(const struct frame *f)
{
	unsigned int i = lab.n++;
	struct sl_bundle_frame frame = { lab.data[i], f->len, i };

	cr_assert_lt(i, FRAMES);
	cr_assert_leq(f->len, (uint32_t)ROOM);
	memcpy(lab.data[i], f->data, f->len);
	lab.len[i] = f->len;
	return sl_bundler_take(bundler, &frame);
}

static void flush_as(bool clear)
{
	cr_assert_eq(sl_bundler_flush(bundler, clear, &out, NULL), 0);
	lab.stuck = false;
	hurry(NULL);
	for (unsigned int i = 0; i < lab.n; i++)
		cr_assert_eq(lab.answered[i], 1, "frame %u was answered %u times", i, lab.answered[i]);
	cr_assert_eq(lab.n_sent, lab.n);
}

static void next_run(void)
{
	memset(&lab, 0, sizeof(lab));
}

struct datagram {
	int family;
	unsigned int flow, id;
	size_t payload;
	uint8_t fill;
};

static void make(struct frame *f, const struct datagram *d)
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
		write_sum(f->data + ETH_HLEN + 10, frame_sum(f->data + ETH_HLEN, 20, 0), false);
	}
}

static void give_datagram(const struct datagram *d)
{
	static struct frame f;

	make(&f, d);
	cr_assert(give(&f));
}

static void in_order(void)
{
	for (unsigned int i = 0; i < lab.n; i++)
		cr_assert(lab.sent[i].len == lab.len[i] && !memcmp(lab.sent[i].data, lab.data[i], lab.len[i]),
			  "frame %u: %s", i,
			  frame_difference(lab.data[i], lab.len[i], lab.sent[i].data, lab.sent[i].len));
}

Test(dpi_bundle, those_of_a_flow_leave_as_one)
{
	static const int families[] = { 4, 6 };
	static const size_t sizes[] = { 1, 22, 23, 1000, 1472 };

	for (int f = 0; f < 2; f++) {
		for (int s = 0; s < 5; s++) {
			unsigned int n = sizes[s] > 1000 ? 44 : FRAMES;

			next_run();
			for (unsigned int i = 0; i < n; i++)
				/* Numbers go on behind the last one. */
				give_datagram(&(struct datagram){ families[f], 0, 65530 + i, sizes[s],
								  (uint8_t)i });
			flush_as(true);
			cr_expect_eq(lab.bundles, 1U, "IPv%d, %zu bytes", families[f], sizes[s]);
			in_order();
		}
	}
}

Test(dpi_bundle, the_last_one_may_be_shorter)
{
	for (unsigned int i = 0; i < 2 * LEAST; i++)
		give_datagram(&(struct datagram){ 4, 0, i, i == LEAST - 1 ? 50 : 100, (uint8_t)i });
	flush_as(true);
	cr_expect_eq(lab.bundles, 2U, "up to the shorter one, and from then on");
	in_order();
}

/* A packet of IP ends at 64 KB. */
Test(dpi_bundle, no_more_than_a_packet_holds)
{
	for (unsigned int i = 0; i < FRAMES; i++)
		give_datagram(&(struct datagram){ 6, 0, 0, 1472, (uint8_t)i });
	flush_as(true);
	cr_expect_eq(lab.bundles, 2U);
	in_order();
}

/* A bundle of fewer would cost more than they do. */
Test(dpi_bundle, few_leave_alone)
{
	for (unsigned int n = 1; n < LEAST; n++) {
		next_run();
		for (unsigned int i = 0; i < n; i++)
			give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
		flush_as(true);
		cr_expect_eq(lab.bundles, 0U, "%u datagrams", n);
		in_order();
	}
}

Test(dpi_bundle, has_its_room_and_no_more)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		cr_expect_not(sl_bundler_is_full(bundler));
		give_datagram(&(struct datagram){ 4, i, 0, 22, 0 });
	}
	cr_expect(sl_bundler_is_full(bundler));
	flush_as(true);
	cr_expect_not(sl_bundler_is_full(bundler));
	in_order();
}

Test(dpi_bundle, flows_in_turns)
{
	for (unsigned int i = 0; i < FRAMES; i++)
		give_datagram(
			&(struct datagram){ 4, i % (FRAMES / LEAST), i / (FRAMES / LEAST), 22, (uint8_t)i });
	flush_as(true);
	cr_expect_eq(lab.bundles, FRAMES / LEAST);
	cr_expect_eq(lab.hurries, 1U, "nothing stood in the way of a bundle");
	for (unsigned int i = 0; i < FRAMES; i++) {
		const struct sent *sent = &lab.sent[i];
		unsigned int came = i % LEAST * 8 + i / LEAST;

		/* Those of a flow at a time. */
		cr_expect(sent->bundled && !memcmp(sent->data, lab.data[came], lab.len[came]), "frame %u", i);
	}
}

/* What two of a flow may differ in, so that they are no bundle. */
struct odd {
	const char *what;
	void (*make_odd)(struct frame *f);
	bool ever; /* even where all are alike */
};

static void fix_ip(struct frame *f)
{
	put16(f->data + ETH_HLEN + 10, 0);
	write_sum(f->data + ETH_HLEN + 10, frame_sum(f->data + ETH_HLEN, 20, 0), false);
}

static void odd_number(struct frame *f)
{
	put16(f->data + ETH_HLEN + 4, 1000);
	fix_ip(f);
}
static void odd_service(struct frame *f)
{
	f->data[ETH_HLEN + 1] ^= 3;
	fix_ip(f);
}
static void odd_flag(struct frame *f)
{
	f->data[ETH_HLEN + 6] ^= 0x40;
	fix_ip(f);
}
static void odd_ttl(struct frame *f)
{
	f->data[ETH_HLEN + 8]--;
	fix_ip(f);
}
static void odd_neighbour(struct frame *f)
{
	f->data[11] ^= 1;
}
static void odd_workload(struct frame *f)
{
	f->data[5] ^= 1;
}
static void odd_type(struct frame *f)
{
	f->data[3] ^= 1;
}
static void no_sum(struct frame *f)
{
	put16(f->data + 40, 0);
}
/* Payload whose sum comes to nothing, which is written as 0xffff; a 0 there still means that there is none. */
static void sum_of_ones(struct frame *f)
{
	uint32_t sum;

	put16(f->data + 40, 0xffff);
	put16(f->data + 42, 0);
	sum = frame_sum(f->data + 34, f->len - 34,
			frame_pseudo_sum(f->data + ETH_HLEN, IPPROTO_UDP, f->len - 34));
	put16(f->data + 42, 0xffff - sum);
}
static void no_sum_of_ones(struct frame *f)
{
	sum_of_ones(f);
	put16(f->data + 40, 0);
}
static void wrong_sum(struct frame *f)
{
	f->data[f->len - 1] ^= 1;
}
static void wrong_ip_sum(struct frame *f)
{
	f->data[ETH_HLEN + 11] ^= 1;
}
static void open_sum(struct frame *f)
{
	put16(f->data + 40, frame_pseudo_sum(f->data + ETH_HLEN, IPPROTO_UDP, f->len - 34));
}
static void padded(struct frame *f)
{
	frame_resize(f, f->len + 3);
}
static void tagged(struct frame *f)
{
	frame_push_vlan(f, ETH_P_8021Q, 5);
}
static void longer(struct frame *f)
{
	uint8_t payload[101] = { 1 };

	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	frame_udp(f, 1000, 53, payload, sizeof(payload));
	put16(f->data + ETH_HLEN + 4, 1);
	fix_ip(f);
}
static void empty(struct frame *f)
{
	unsigned int number = get16(f->data + ETH_HLEN + 4);

	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	frame_udp(f, 1000, 53, NULL, 0);
	put16(f->data + ETH_HLEN + 4, number);
	fix_ip(f);
}
static void fragment(struct frame *f)
{
	f->data[ETH_HLEN + 6] = 0x20;
	fix_ip(f);
}
static void options(struct frame *f)
{
	static const uint8_t nops[4] = { 1, 1, 1, 0 };

	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4_full(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 64, 0, nops, sizeof(nops));
	frame_udp(f, 1000, 53, NULL, 100);
}

static const struct odd odds[] = {
	{ "identification", odd_number, false },
	{ "type of service", odd_service, false },
	{ "don't fragment", odd_flag, false },
	{ "time to live", odd_ttl, false },
	{ "sender's MAC", odd_neighbour, false },
	{ "workload", odd_workload, false },
	{ "the bit of a verdict", odd_type, false },
	{ "no checksum", no_sum, true },
	{ "no checksum, where it would be 0xffff", no_sum_of_ones, true },
	{ "wrong checksum", wrong_sum, true },
	{ "wrong checksum of IP", wrong_ip_sum, true },
	{ "checksum left open", open_sum, true },
	{ "padding", padded, true },
	{ "a tag", tagged, true },
	{ "longer than the first", longer, false },
	{ "no payload", empty, true },
	{ "a fragment", fragment, true },
	{ "options", options, true },
};

/*
 * The last of what would be just enough, then the first; but for the longer one, which is the second then: it would be
 * the others that are shorter. Then all of them.
 */
Test(dpi_bundle, what_cutting_would_change_leaves_alone)
{
	static struct frame f;

	for (size_t o = 0; o < sizeof(odds) / sizeof(odds[0]); o++) {
		for (unsigned int which = 0; which < (odds[o].ever ? 3 : 2); which++) {
			next_run();
			for (unsigned int i = 0; i < LEAST; i++) {
				unsigned int odd = which ? odds[o].make_odd == longer : LEAST - 1;

				make(&f, &(struct datagram){ 4, 0, i, 100, (uint8_t)i });
				if (i == odd || which == 2)
					odds[o].make_odd(&f);
				cr_assert(give(&f));
			}
			flush_as(true);
			cr_expect_eq(lab.bundles, 0U, "%s, round %u", odds[o].what, which);
			in_order();
		}
	}
}

/* Class, flow label, next header, hop limit. */
Test(dpi_bundle, nor_does_another_header_of_ipv6)
{
	static const unsigned int at[] = { 0, 1, 3, 7 };
	static struct frame f;

	for (unsigned int which = 0; which < 2 * sizeof(at) / sizeof(at[0]); which++) {
		next_run();
		for (unsigned int i = 0; i < LEAST; i++) {
			make(&f, &(struct datagram){ 6, 0, i, 100, (uint8_t)i });
			if (i == which % 2 * (LEAST - 1))
				f.data[ETH_HLEN + at[which / 2]] ^= 4;
			cr_assert(give(&f));
		}
		flush_as(true);
		cr_expect_eq(lab.bundles, 0U, "byte %u, round %u", at[which / 2], which);
		in_order();
	}
}

Test(dpi_bundle, a_sum_of_ones_is_one)
{
	static struct frame f;

	for (unsigned int i = 0; i < LEAST; i++) {
		make(&f, &(struct datagram){ 4, 0, i, 100, (uint8_t)i });
		sum_of_ones(&f);
		give(&f);
	}
	flush_as(true);
	cr_expect_eq(lab.bundles, 1U);
	in_order();
}

/* Not to be kept: no order with datagrams is there to be lost. */
Test(dpi_bundle, segments_of_tcp_are_not_its_business)
{
	static struct frame f;

	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(&f, "10.0.0.1", "10.0.0.2", IPPROTO_TCP);
	frame_tcp(&f, 1000, 80, 1, 1, FRAME_ACK, NULL, 100);
	cr_expect_not(give(&f));
}

/* The kernel has no room, or is not there: one by one, by the other way. */
Test(dpi_bundle, what_the_socket_does_not_take_leaves_alone)
{
	for (unsigned int i = 0; i < 2 * LEAST; i++)
		give_datagram(&(struct datagram){ 4, i / LEAST, i, 100, (uint8_t)i });
	while (send(fds[0], "", 1, MSG_DONTWAIT) >= 0)
		;
	flush_as(true);
	cr_expect_eq(lab.bundles, 0U);
	in_order();
	/* With room again, so are bundles. */
	while (recv(fds[1], &(char){ 0 }, 1, MSG_DONTWAIT) >= 0)
		;
	next_run();
	for (unsigned int i = 0; i < LEAST; i++)
		give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	flush_as(true);
	cr_expect_eq(lab.bundles, 1U);
	in_order();
}

/* What waits since an earlier run would be overtaken. */
Test(dpi_bundle, nothing_is_bundled_while_others_wait)
{
	for (unsigned int i = 0; i < LEAST; i++)
		give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	flush_as(false);
	cr_expect_eq(lab.bundles, 0U);
	in_order();
}

/* A single one, then enough for a bundle, longer, so that they are none with it. */
Test(dpi_bundle, a_bundle_does_not_overtake_a_single_one)
{
	for (int stuck = 0; stuck < 2; stuck++) {
		next_run();
		lab.stuck = stuck;
		give_datagram(&(struct datagram){ 4, 0, 0, 100, 0 });
		for (unsigned int i = 0; i < LEAST; i++)
			give_datagram(&(struct datagram){ 4, 0, 9 + i, 200, (uint8_t)(1 + i) });
		flush_as(true);
		cr_expect_eq(lab.bundles, stuck ? 0U : 1U);
		in_order();
	}
}

/* Of what flow the other one was the bundler cannot know. */
Test(dpi_bundle, none_overtakes_what_has_passed_it_by)
{
	sl_bundler_passed(bundler);
	for (unsigned int i = 0; i < LEAST; i++)
		give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	flush_as(true);
	cr_expect_eq(lab.bundles, 1U);
	cr_expect_eq(lab.hurries, 2U, "the other one first, and once at the end of the test");
}

/* What was of any flow stood in the way in its own run, and in no other. */
Test(dpi_bundle, each_run_begins_anew)
{
	static struct frame f;

	make(&f, &(struct datagram){ 4, 0, 0, 100, 0 });
	fragment(&f);
	cr_assert(give(&f));
	sl_bundler_passed(bundler);
	flush_as(true);
	next_run();
	for (unsigned int i = 0; i < LEAST; i++)
		give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	flush_as(true);
	cr_expect_eq(lab.bundles, 1U);
	cr_expect_eq(lab.hurries, 1U, "nothing to be sent first, and once at the end of the test");
}

/* As they may come: some flows, most datagrams alike, some odd. */
static void give_any(unsigned int *numbers)
{
	static void (*const mixed[])(struct frame *) = { odd_number, odd_ttl,  no_sum,	wrong_sum, padded,
							 tagged,     fragment, options, empty };
	static const size_t odd_sizes[] = { 99, 20, 200 };
	unsigned int flow = (unsigned int)rand() % 4;
	struct datagram d = { flow % 2 ? 6 : 4, flow, numbers[flow]++,
			      rand() % 16 ? 100 : odd_sizes[(unsigned int)rand() % 3], (uint8_t)rand() };
	static struct frame f;

	make(&f, &d);
	if (d.family == 4 && !(rand() % 32))
		mixed[(unsigned int)rand() % (sizeof(mixed) / sizeof(mixed[0]))](&f);
	cr_assert(give(&f));
}

#define TAGGED 10000

/* The port, one of another kind if it is tagged, or 0 where any could be. */
static unsigned int flow_of(const uint8_t *data)
{
	if (get16(data + 12) == ETH_P_8021Q)
		return TAGGED + get16(data + 38);
	if (get16(data + 12) == ETH_P_IPV6)
		return get16(data + 54);
	if (get16(data + 12) == ETH_P_IP && data[ETH_HLEN] == 0x45 && !(get16(data + 20) & 0x3fff))
		return get16(data + 34);
	return 0;
}

/* Each flow's, by itself and with what may be of any flow, as they came. */
static void flows_in_order(unsigned int round)
{
	for (unsigned int which = 0; which < 8; which++) {
		unsigned int at = 0, port = 1000 + which / 2 + which % 2 * TAGGED;

		for (unsigned int i = 0; i < lab.n; i++) {
			unsigned int flow = flow_of(lab.data[i]);

			if (flow != port && flow)
				continue;
			while (at < lab.n && flow_of(lab.sent[at].data) != port && flow_of(lab.sent[at].data))
				at++;
			cr_assert(at < lab.n && lab.sent[at].len == lab.len[i] &&
					  !memcmp(lab.sent[at].data, lab.data[i], lab.len[i]),
				  "seed %d, round %u, port %u: frame %u", SEED, round, port, i);
			at++;
		}
	}
}

Test(dpi_bundle, in_any_mixture_flows_keep_their_order)
{
	unsigned int bundles = 0, numbers[4] = { 0 };

	srand(SEED);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int n = 1 + (unsigned int)rand() % FRAMES;

		next_run();
		lab.stuck = !(rand() % 16);
		for (unsigned int i = 0; i < n; i++)
			give_any(numbers);
		flush_as(rand() % 16);
		flows_in_order(round);
		bundles += lab.bundles;
	}
	cr_expect_gt(bundles, 20000U, "hardly anything was bundled: %u", bundles);
}
