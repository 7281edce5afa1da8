// SPDX-License-Identifier: BSD-2-Clause
/*
 * See bundle.h. Frames of a run are put into groups, in the order in which a
 * group's first frame came. A flow has a new group as soon as its last one
 * takes no more. A group that is large enough leaves as a bundle, in the place
 * of its first frame.
 */
#include "dpi/io/bundle.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "dpi/io/plain.h"
#include "dpi/io/vnet.h"
#include "lib/checksum.h"

#define HEADERS_MAX (ETH_HLEN + SL_PLAIN_IPV6 + SL_PLAIN_UDP)
#define PACKET_MAX 65535 /* bytes of an IP packet, with its header: as much as IPv4 can say */
#define SLOTS 128 /* of the hash table: twice the groups there can be */
#define NONE 0xff

struct group {
	struct sl_plain plain; /* of its first frame */
	uint32_t hash;
	uint32_t size; /* bytes of payload of each, but for the last, which may be shorter */
	uint32_t payload; /* of all */
	uint8_t first, last, n; /* places in frame[] */
	bool open; /* takes more */
	bool behind; /* some of its flow are before it in this run */
	bool left; /* as a bundle */
};

struct sl_bundler {
	int fd;
	bool useless; /* the kernel has refused a bundle for what it is: it would refuse the next */
	bool passed; /* something of any flow is before those still to be taken */
	uint8_t room, n, n_groups;
	uint8_t closed; /* so many groups take no more, as something of any flow has come behind them */
	uint8_t next[SL_BUNDLE_FRAMES]; /* in the same group */
	uint8_t of[SL_BUNDLE_FRAMES]; /* the group */
	uint8_t slot[SLOTS]; /* the last group of a flow, or NONE */
	struct sl_bundle_frame frame[SL_BUNDLE_FRAMES];
	struct group group[SL_BUNDLE_FRAMES];
	struct iovec iov[2 + SL_BUNDLE_FRAMES];
};

_Static_assert(SL_BUNDLE_FRAMES < NONE, "places fit into a byte beside the one that means none");
_Static_assert((SLOTS & (SLOTS - 1)) == 0 && SLOTS > SL_BUNDLE_FRAMES, "a probe ends at a free slot");

struct sl_bundler *sl_bundler_new(int fd, unsigned int room)
{
	struct sl_bundler *bundler = calloc(1, sizeof(*bundler));

	if (!bundler)
		return NULL;
	bundler->fd = fd;
	bundler->room = (uint8_t)room;
	memset(bundler->slot, NONE, sizeof(bundler->slot));
	return bundler;
}

void sl_bundler_free(struct sl_bundler *bundler)
{
	free(bundler);
}

bool sl_bundler_is_full(const struct sl_bundler *bundler)
{
	return bundler->n == bundler->room;
}

void sl_bundler_passed(struct sl_bundler *bundler)
{
	bundler->passed = true;
}

static uint32_t load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The addresses, and the ports behind them. */
static uint32_t addresses_of(const struct sl_plain *plain)
{
	return plain->ipv6 ? plain->l3 + 8 : plain->l3 + 12;
}

static uint32_t hash_of(const uint8_t *frame, const struct sl_plain *plain)
{
	uint64_t hash = load32(frame + plain->l4);

	for (uint32_t at = addresses_of(plain); at < plain->l4; at += 4)
		hash = (hash ^ load32(frame + at)) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash >> 32);
}

/* Of one flow, from the same neighbour to the same? */
static bool is_same_flow(const uint8_t *a, const struct sl_plain *of_a, const uint8_t *b,
			 const struct sl_plain *of_b)
{
	uint32_t from = addresses_of(of_a);

	return of_a->l3 == of_b->l3 && of_a->ipv6 == of_b->ipv6 && !memcmp(a, b, of_a->l3) &&
	       !memcmp(a + from, b + from, of_a->l4 + 4 - from);
}

/* Would cutting write of these two IP headers what stands there, the identification aside? */
static bool is_same_ip(const uint8_t *a, const uint8_t *b, const struct sl_plain *plain)
{
	a += plain->l3;
	b += plain->l3;
	if (plain->ipv6) /* all but the length, which is before the next header */
		return !memcmp(a, b, 4) && !memcmp(a + 6, b + 6, 2);
	/* Version, service; flags, offset; time to live, protocol. */
	return !memcmp(a, b, 2) && !memcmp(a + 6, b + 6, 4);
}

/* One more than before, as Linux numbers what it cuts. */
static bool follows(const uint8_t *before, const uint8_t *frame, const struct sl_plain *plain)
{
	return plain->ipv6 || (uint16_t)(sl_plain_get16(before + plain->l3 + 4) + 1) ==
				      sl_plain_get16(frame + plain->l3 + 4);
}

/* Both checksums are there and right, so that the ones made anew are the same. */
static bool is_summed(const uint8_t *frame, const struct sl_plain *plain)
{
	uint32_t from = addresses_of(plain), len = plain->end - plain->l4, pseudo;

	if (!plain->ipv6 && sl_sum(frame + plain->l3, SL_PLAIN_IPV4, 0) != 0xffff)
		return false;
	pseudo = sl_sum_pseudo(frame + from, (plain->l4 - from) / 2, IPPROTO_UDP, len);
	return sl_sum(frame + plain->l4, len, pseudo) == 0xffff;
}

/* Can it be in a bundle at all? Sums are looked at when there is a second. */
static bool is_suitable(const struct sl_bundle_frame *frame, const struct sl_plain *plain)
{
	return plain->l3 == ETH_HLEN && plain->end == frame->len && plain->headers < plain->end &&
	       sl_plain_get16(frame->data + plain->l4 + SL_PLAIN_UDP_SUM);
}

/* The slot of the flow's last group, or the free one where it belongs. */
static uint8_t *slot_of(struct sl_bundler *bundler, const struct sl_bundle_frame *frame,
			const struct sl_plain *plain, uint32_t hash)
{
	for (uint32_t at = hash;; at++) {
		uint8_t *slot = &bundler->slot[at % SLOTS];
		const struct group *group;

		if (*slot == NONE)
			return slot;
		group = &bundler->group[*slot];
		if (group->hash == hash &&
		    is_same_flow(bundler->frame[group->first].data, &group->plain, frame->data, plain))
			return slot;
	}
}

/* Does the group take the frame, and is it then to take more? */
static bool join(struct sl_bundler *bundler, struct group *group, const struct sl_plain *plain, uint8_t place)
{
	const uint8_t *first = bundler->frame[group->first].data, *last = bundler->frame[group->last].data;
	const uint8_t *data = bundler->frame[place].data;
	uint32_t payload = plain->end - plain->headers;

	if (!group->open || payload > group->size || !is_same_ip(first, data, plain) ||
	    !follows(last, data, plain) ||
	    plain->headers - plain->l3 + group->payload + payload > PACKET_MAX ||
	    (group->n == 1 && !is_summed(first, &group->plain)) || !is_summed(data, plain))
		return false;
	bundler->next[group->last] = place;
	bundler->of[place] = (uint8_t)(group - bundler->group);
	group->last = place;
	group->n++;
	group->payload += payload;
	group->open = payload == group->size;
	return true;
}

/* place: of the frame; slot: of its flow, NULL if it is of none that is known. */
static void begin_group(struct sl_bundler *bundler, uint8_t place, uint8_t *slot, const struct group *group)
{
	struct group *new = &bundler->group[bundler->n_groups];

	*new = *group;
	new->first = new->last = place;
	new->n = 1;
	bundler->of[place] = bundler->n_groups;
	if (slot)
		*slot = bundler->n_groups;
	bundler->n_groups++;
}

bool sl_bundler_take(struct sl_bundler *bundler, const struct sl_bundle_frame *frame)
{
	uint8_t place = bundler->n, *slot;
	struct group group = { 0 };

	if (bundler->useless)
		return false;
	if (!sl_plain_read(frame->data, frame->len, &group.plain)) {
		/* A fragment, say: in its place, whatever it is of. */
		bundler->frame[bundler->n++] = *frame;
		begin_group(bundler, place, NULL, &group);
		bundler->passed = true;
		bundler->closed = bundler->n_groups;
		return true;
	}
	if (group.plain.protocol != IPPROTO_UDP)
		return false;
	bundler->frame[bundler->n++] = *frame;
	group.hash = hash_of(frame->data, &group.plain);
	group.open = is_suitable(frame, &group.plain);
	group.size = group.payload = group.plain.end - group.plain.headers;
	slot = slot_of(bundler, frame, &group.plain, group.hash);
	if (*slot != NONE && *slot >= bundler->closed && group.open &&
	    join(bundler, &bundler->group[*slot], &group.plain, place))
		return true;
	group.behind = *slot != NONE || bundler->passed;
	begin_group(bundler, place, slot, &group);
	return true;
}

/* The headers of all as one: what the first one says, and how much there is. */
static void make_headers(const struct group *group, const uint8_t *first, uint8_t *ret)
{
	const struct sl_plain *plain = &group->plain;
	uint32_t from = addresses_of(plain), len = SL_PLAIN_UDP + group->payload;
	uint8_t *ip = ret + plain->l3, *udp = ret + plain->l4;
	uint16_t sum;

	memcpy(ret, first, plain->headers);
	if (plain->ipv6) {
		sl_plain_put16(ip + 4, (uint16_t)len);
	} else {
		sl_plain_put16(ip + 2, (uint16_t)(SL_PLAIN_IPV4 + len));
		memset(ip + 10, 0, sizeof(sum));
		sum = (uint16_t)~sl_sum(ip, SL_PLAIN_IPV4, 0);
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	sl_plain_put16(udp + 4, (uint16_t)len);
	/* Left open, as by a sender with the offload: of the pseudo header alone. */
	sum = (uint16_t)sl_sum_pseudo(ret + from, (plain->l4 - from) / 2, IPPROTO_UDP, len);
	memcpy(udp + SL_PLAIN_UDP_SUM, &sum, sizeof(sum));
}

/* False: the kernel has not taken it. */
static bool send_bundle(struct sl_bundler *bundler, const struct group *group)
{
	const struct sl_plain *plain = &group->plain;
	uint8_t headers[HEADERS_MAX], place = group->first;
	struct virtio_net_hdr vnet = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
				       .hdr_len = (uint16_t)plain->headers,
				       .gso_size = (uint16_t)group->size,
				       .csum_start = (uint16_t)plain->l4,
				       .csum_offset = SL_PLAIN_UDP_SUM };
	struct msghdr message = { .msg_iov = bundler->iov, .msg_iovlen = 2U + group->n };

	make_headers(group, bundler->frame[place].data, headers);
	bundler->iov[0] = (struct iovec){ &vnet, sizeof(vnet) };
	bundler->iov[1] = (struct iovec){ headers, plain->headers };
	for (uint8_t i = 0; i < group->n; i++, place = bundler->next[place])
		bundler->iov[2 + i] = (struct iovec){ bundler->frame[place].data + plain->headers,
						      bundler->frame[place].len - plain->headers };
	if (sendmsg(bundler->fd, &message, MSG_DONTWAIT) >= 0)
		return true;
	bundler->useless = errno == EINVAL || errno == EOPNOTSUPP;
	return false;
}

/* Does the group leave as a bundle, and has it? 1, 0 or -errno. clear: see sl_bundler_flush(). */
static int try_bundle(struct sl_bundler *bundler, const struct group *group, bool clear,
		      const struct sl_bundle_out *out, void *context)
{
	int r;

	if (group->n < SL_BUNDLE_LEAST || !clear || bundler->useless)
		return 0;
	/* Those of its flow that leave by themselves were before it. */
	if (group->behind) {
		r = out->hurry(context);
		if (r <= 0)
			return r;
	}
	return send_bundle(bundler, group);
}

/*
 * In the order in which they came, so that chunks, which come back as they are given away, keep the order in which the
 * processor expects them.
 */
int sl_bundler_flush(struct sl_bundler *bundler, bool clear, const struct sl_bundle_out *out, void *context)
{
	int r = 0;

	for (uint8_t place = 0; place < bundler->n && r >= 0; place++) {
		const struct sl_bundle_frame *frame = &bundler->frame[place];
		struct group *group = &bundler->group[bundler->of[place]];

		if (place == group->first) {
			r = try_bundle(bundler, group, clear, out, context);
			group->left = r > 0;
		}
		if (r >= 0)
			r = group->left ? out->left(context, frame) : out->alone(context, frame);
	}
	if (bundler->n)
		memset(bundler->slot, NONE, sizeof(bundler->slot));
	bundler->n = bundler->n_groups = bundler->closed = 0;
	bundler->passed = false;
	return r < 0 ? r : 0;
}
