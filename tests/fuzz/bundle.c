// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bundler under libFuzzer: frames as anybody may send them are handed back
 * exactly once each, and what has left in a bundle is what cutting it makes next:
 * its piece of the payload under the bundle's headers, numbered by its place, both
 * sums right. An input is a frame behind its length, and what makes others of it.
 */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dpi/io/bundle.h"
#include "dpi/io/vnet.h"
#include "lib/checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 3840 /* what the AF_XDP lane has in one piece */
#define UDP 8

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

/* How the next frame differs from the one before. */
struct change {
	uint8_t at[2], flip; /* a byte of it */
	uint8_t what; /* bits: */
} __attribute__((packed));
#define NUMBER 1 /* one more */
#define SUM_IP 2 /* made right */
#define SUM_UDP 4
#define SHORTER 8 /* by a byte */
#define COUNTED 16 /* lengths in the headers made right */
#define IPV6 32 /* taken for IPv6 where headers are mended */

static struct {
	uint8_t *frame[SL_BUNDLE_FRAMES];
	uint32_t len[SL_BUNDLE_FRAMES];
	unsigned int answered[SL_BUNDLE_FRAMES], n;
	struct bundle {
		struct virtio_net_hdr vnet;
		uint8_t data[65550];
		uint32_t len, cut; /* bytes of it, and how many of its payload have been compared */
		unsigned int index; /* of the next datagram */
	} bundle[SL_BUNDLE_FRAMES / SL_BUNDLE_LEAST];
	unsigned int n_bundles;
	int fds[2];
} lab;

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Is the frame what cutting this bundle makes next? Then it has been cut. */
static bool cut(struct bundle *bundle, const uint8_t *frame, uint32_t len)
{
	const uint8_t *whole = bundle->data, *ip = frame + ETH_HLEN, *udp;
	uint32_t headers = bundle->vnet.hdr_len, l4 = headers - UDP, addresses, payload;
	bool ipv6 = get16(whole + 12) == ETH_P_IPV6;

	addresses = ipv6 ? 16 : 4;
	udp = frame + l4;
	payload = bundle->len - headers - bundle->cut;
	payload = payload < bundle->vnet.gso_size ? payload : bundle->vnet.gso_size;
	must(headers == (ipv6 ? 62U : 42U));
	if (!payload || len != headers + payload ||
	    memcmp(frame + headers, whole + headers + bundle->cut, payload))
		return false;
	/* Headers, but for lengths, number and sums. */
	if (memcmp(frame, whole, ETH_HLEN + (ipv6 ? 4 : 2)) ||
	    memcmp(ip + 6, whole + ETH_HLEN + 6, ipv6 ? 34 : 4) ||
	    memcmp(frame + l4 - 2 * addresses, whole + l4 - 2 * addresses, 2 * addresses + 4))
		return false;
	if (get16(ip + (ipv6 ? 4 : 2)) != len - ETH_HLEN - (ipv6 ? 40 : 0) || get16(udp + 4) != UDP + payload)
		return false;
	if (!ipv6 && (get16(ip + 4) != ((get16(whole + ETH_HLEN + 4) + bundle->index) & 0xffff) ||
		      sl_sum(ip, 20, 0) != 0xffff))
		return false;
	if (!get16(udp + 6) || sl_sum(udp, UDP + payload,
				      sl_sum_pseudo(frame + l4 - 2 * addresses, addresses, IPPROTO_UDP,
						    UDP + payload)) != 0xffff)
		return false;
	bundle->cut += payload;
	bundle->index++;
	return true;
}

/* Those that are in the socket. */
static void receive(void)
{
	for (;;) {
		struct bundle *bundle = &lab.bundle[lab.n_bundles];
		uint8_t room[sizeof(bundle->vnet) + sizeof(bundle->data)];
		ssize_t n = recv(lab.fds[1], room, sizeof(room), MSG_DONTWAIT);

		if (n < 0)
			return;
		must(lab.n_bundles < SL_BUNDLE_FRAMES / SL_BUNDLE_LEAST);
		must(n > (ssize_t)sizeof(bundle->vnet) + UDP);
		memcpy(&bundle->vnet, room, sizeof(bundle->vnet));
		bundle->len = (uint32_t)n - sizeof(bundle->vnet);
		memcpy(bundle->data, room + sizeof(bundle->vnet), bundle->len);
		bundle->cut = bundle->index = 0;
		lab.n_bundles++;
	}
}

static int left(void *context, const struct sl_bundle_frame *frame)
{
	bool found = false;

	(void)context;
	lab.answered[frame->addr]++;
	receive();
	for (unsigned int i = 0; i < lab.n_bundles && !found; i++)
		found = cut(&lab.bundle[i], frame->data, frame->len);
	must(found);
	return 0;
}

static int alone(void *context, const struct sl_bundle_frame *frame)
{
	(void)context;
	lab.answered[frame->addr]++;
	return 0;
}

static int hurry(void *context)
{
	(void)context;
	return 1;
}

static void mend(uint8_t *frame, uint32_t len, uint8_t what)
{
	bool ipv6 = what & IPV6;
	uint32_t l4 = ETH_HLEN + (ipv6 ? 40 : 20), addresses = ipv6 ? 16 : 4;
	uint8_t *ip = frame + ETH_HLEN, *udp = frame + l4;
	uint16_t sum;

	if (len < l4 + UDP)
		return;
	if (what & NUMBER && !ipv6)
		put16(ip + 4, get16(ip + 4) + 1);
	if (what & COUNTED) {
		put16(ip + (ipv6 ? 4 : 2), len - (ipv6 ? l4 : ETH_HLEN));
		put16(udp + 4, len - l4);
	}
	if (what & SUM_IP && !ipv6) {
		put16(ip + 10, 0);
		sum = (uint16_t)~sl_sum(ip, 20, 0);
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	if (what & SUM_UDP) {
		put16(udp + 6, 0);
		sum = (uint16_t)~sl_sum(udp, len - l4,
					sl_sum_pseudo(udp - 2 * addresses, addresses, IPPROTO_UDP, len - l4));
		sum = sum ?: 0xffff;
		memcpy(udp + 6, &sum, sizeof(sum));
	}
}

static void take(struct sl_bundler *bundler, const uint8_t *data, uint32_t len)
{
	struct sl_bundle_frame frame = { malloc(len), len, lab.n };

	/* Nothing behind the frame may be read. */
	memcpy(frame.data, data, len);
	if (!sl_bundler_take(bundler, &frame)) {
		free(frame.data);
		return;
	}
	lab.frame[lab.n] = frame.data;
	lab.len[lab.n++] = len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sl_bundle_out out = { left, alone, hurry };
	struct sl_bundler *bundler;
	uint8_t frame[LONGEST];
	uint32_t len;

	if (!lab.fds[1])
		must(!socketpair(AF_UNIX, SOCK_DGRAM, 0, lab.fds));
	if (size < 2 + ETH_HLEN)
		return 0;
	len = get16(data);
	if (len < ETH_HLEN || len > size - 2 || len > LONGEST)
		return 0;
	memcpy(frame, data + 2, len);
	bundler = sl_bundler_new(lab.fds[0], SL_BUNDLE_FRAMES);
	lab.n = lab.n_bundles = 0;
	take(bundler, frame, len);
	for (data += 2 + len, size -= 2 + len; size >= sizeof(struct change) && !sl_bundler_is_full(bundler);
	     data += sizeof(struct change), size -= sizeof(struct change)) {
		struct change change;

		memcpy(&change, data, sizeof(change));
		frame[get16(change.at) % len] ^= change.flip;
		len -= change.what & SHORTER && len > ETH_HLEN;
		mend(frame, len, change.what);
		take(bundler, frame, len);
	}
	must(!sl_bundler_flush(bundler, true, &out, NULL));
	receive();
	for (unsigned int i = 0; i < lab.n_bundles; i++)
		must(lab.bundle[i].cut + lab.bundle[i].vnet.hdr_len == lab.bundle[i].len);
	for (unsigned int i = 0; i < lab.n; i++) {
		must(lab.answered[i] == 1);
		lab.answered[i] = 0;
		free(lab.frame[i]);
	}
	sl_bundler_free(bundler);
	return 0;
}
