// SPDX-License-Identifier: BSD-2-Clause
/* See inspect_replay.h. Frames are trusted: they were recorded, not received. */
#include "inspect_replay.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/data/pcap"
#define MAGIC 0xa1b2c3d4
#define ETHERNET 1
#define FRAME_MAX 65536

struct packet {
	struct sl_tuple tuple;
	const uint8_t *payload;
	uint32_t len, seq;
	bool syn;
};

static bool decode(const uint8_t *frame, uint32_t len, struct packet *ret)
{
	struct iphdr ip;
	uint32_t at = ETH_HLEN;

	memset(ret, 0, sizeof(*ret));
	if (len < at + sizeof(ip) || frame[12] != 8 || frame[13])
		return false;
	memcpy(&ip, frame + at, sizeof(ip));
	len = at + ntohs(ip.tot_len);
	at += ip.ihl * 4u;
	ret->tuple.family = 4;
	ret->tuple.protocol = ip.protocol;
	memcpy(ret->tuple.source.byte + 12, &ip.saddr, 4);
	memcpy(ret->tuple.destination.byte + 12, &ip.daddr, 4);
	if (ip.protocol == IPPROTO_TCP) {
		struct tcphdr tcp;

		memcpy(&tcp, frame + at, sizeof(tcp));
		ret->tuple.source_port = ntohs(tcp.source);
		ret->tuple.destination_port = ntohs(tcp.dest);
		ret->seq = ntohl(tcp.seq);
		ret->syn = tcp.syn;
		at += tcp.doff * 4u;
	} else if (ip.protocol == IPPROTO_UDP) {
		struct udphdr udp;

		memcpy(&udp, frame + at, sizeof(udp));
		ret->tuple.source_port = ntohs(udp.source);
		ret->tuple.destination_port = ntohs(udp.dest);
		at += sizeof(udp);
	} else {
		return false;
	}
	ret->payload = frame + at;
	ret->len = len - at;
	return true;
}

static struct replayed *find(struct replay *replay, const struct packet *packet, enum sl_side *side)
{
	const struct sl_tuple *t = &packet->tuple;
	struct replayed *item;

	for (unsigned int i = 0; i < replay->n; i++) {
		const struct sl_tuple *s = &replay->item[i].session.tuple;

		if (s->protocol != t->protocol)
			continue;
		*side = SL_CLIENT;
		if (s->source_port == t->source_port && s->destination_port == t->destination_port)
			return &replay->item[i];
		*side = SL_SERVER;
		if (s->source_port == t->destination_port && s->destination_port == t->source_port)
			return &replay->item[i];
	}
	cr_assert_lt(replay->n, REPLAY_SESSIONS);
	item = &replay->item[replay->n++];
	memset(item, 0, sizeof(*item));
	item->session.tuple = *t;
	*side = SL_CLIENT;
	return item;
}

static void show(struct replay *replay, struct replayed *item, const struct packet *packet,
		 const uint8_t *payload, uint32_t len, enum sl_side side)
{
	struct sl_packet shown = { .tuple = packet->tuple, .payload_len = len };
	/* At the end of an allocation of its own, so that reading too far is seen. */
	uint8_t *copy = malloc(len ? len : 1);

	cr_assert_not_null(copy);
	memcpy(copy, payload, len);
	if (item->packets++ >= replay->skip || !replay->midway)
		sl_inspect(replay->inspector, &item->session, &shown, copy, len, side);
	free(copy);
	if (item->session.application_final && !item->decided)
		item->decided = item->packets;
}

static void pass(struct replay *replay, struct packet *packet)
{
	uint32_t piece = replay->cut && packet->tuple.protocol == IPPROTO_TCP ? replay->cut : packet->len;
	struct replayed *item;
	enum sl_side side;

	if (replay->other_ports) {
		packet->tuple.source_port ^= 0x5a5a;
		packet->tuple.destination_port ^= 0x5a5a;
	}
	item = find(replay, packet, &side);
	if (packet->tuple.protocol == IPPROTO_TCP) {
		item->session.picked_up = replay->midway;
		if (packet->syn)
			item->next[side] = packet->seq + 1;
		/* Recorded over the loopback device: in order, or sent again. */
		if (packet->seq != item->next[side])
			return;
		item->next[side] += packet->len;
	}
	for (uint32_t at = 0; at < packet->len; at += piece) {
		uint32_t len = packet->len - at < piece ? packet->len - at : piece;

		show(replay, item, packet, packet->payload + at, len, side);
	}
}

void replay(struct replay *replay, const char *name)
{
	uint32_t header[6], record[4];
	uint8_t *frame = malloc(FRAME_MAX);
	char path[256];
	FILE *file;

	replay->n = 0;
	snprintf(path, sizeof(path), FOLDER "/%s.pcap", name);
	file = fopen(path, "re");
	cr_assert_not_null(file, "%s: %s (tests run in the project's folder)", path, strerror(errno));
	cr_assert_not_null(frame);
	cr_assert_eq(fread(header, sizeof(header), 1, file), 1);
	cr_assert_eq(header[0], MAGIC, "%s", path);
	cr_assert_eq(header[5], ETHERNET, "%s", path);
	while (fread(record, sizeof(record), 1, file) == 1) {
		struct packet packet;

		cr_assert_leq(record[2], FRAME_MAX);
		cr_assert_eq(record[2], record[3], "%s: a frame was cut", path);
		cr_assert_eq(fread(frame, record[2], 1, file), 1);
		if (decode(frame, record[2], &packet))
			pass(replay, &packet);
	}
	cr_assert_neq(replay->n, 0, "%s: nothing in it", path);
	free(frame);
	fclose(file);
}

void replay_forget(struct replay *replay)
{
	for (unsigned int i = 0; i < replay->n; i++)
		sl_inspect_forget(replay->inspector, &replay->item[i].session);
	replay->n = 0;
}
