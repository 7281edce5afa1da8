// SPDX-License-Identifier: BSD-2-Clause
/* See session_craft.h. */
#include "session_craft.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

uint8_t craft_byte(uint32_t seq)
{
	return (uint8_t)(seq * 2654435761u >> 24);
}

static void address(struct sl_addr *ret, uint32_t v4)
{
	memset(ret, 0, sizeof(*ret));
	ret->byte[10] = ret->byte[11] = 0xff;
	v4 = htonl(v4);
	memcpy(ret->byte + 12, &v4, 4);
}

void craft(struct craft *craft, uint8_t protocol, uint32_t client, uint16_t client_port, uint16_t server_port,
	   enum sl_side side, uint64_t now_ns)
{
	struct sl_packet *p = &craft->packet;
	bool from_client = side == SL_CLIENT;

	memset(p, 0, sizeof(*p));
	p->data = craft->bytes;
	memset(craft->bytes, 0, 54);
	memset(craft->bytes, from_client ? 0xaa : 0xbb, 6);
	memset(craft->bytes + 6, from_client ? 0xbb : 0xaa, 6);
	p->now_ns = now_ns;
	p->workload = 7;
	p->to_workload = from_client;
	p->kind = protocol == IPPROTO_TCP    ? SL_PACKET_TCP
		  : protocol == IPPROTO_UDP  ? SL_PACKET_UDP
		  : protocol == IPPROTO_ICMP ? SL_PACKET_ICMP
					     : SL_PACKET_OTHER;
	p->tuple.protocol = protocol;
	p->tuple.family = 4;
	address(from_client ? &p->tuple.source : &p->tuple.destination, 0x0a000000 + client);
	address(from_client ? &p->tuple.destination : &p->tuple.source, 0x0a090001);
	*(from_client ? &p->tuple.source_port : &p->tuple.destination_port) = client_port;
	*(from_client ? &p->tuple.destination_port : &p->tuple.source_port) = server_port;
	p->l3 = 14;
	p->l4 = 34;
	p->payload = 54;
	p->ip_len = 40;
	p->len = 54;
	p->window = 60000;
}

void craft_tcp(struct craft *c, enum sl_side side, const char *flags, uint32_t seq, uint32_t ack,
	       uint32_t len, uint64_t now_ns)
{
	static const char letters[] = "FSRPAU";
	struct sl_packet *p = &c->packet;
	uint32_t first;

	craft(c, IPPROTO_TCP, 1, CLIENT_PORT, SERVER_PORT, side, now_ns);
	for (unsigned int i = 0; i < 6; i++)
		p->tcp_flags |= strchr(flags, letters[i]) ? 1u << i : 0;
	p->seq = seq;
	p->ack = ack;
	p->payload_len = len;
	p->ip_len += len;
	p->len += len;
	first = seq + !!(p->tcp_flags & SL_TCP_SYN);
	for (uint32_t i = 0; i < len; i++)
		c->bytes[54 + i] = craft_byte(first + i);
}

static void on_end(void *context, struct sl_session *session, enum sl_session_end why)
{
	struct ended *ended = context;

	ended->n++;
	ended->why = why;
	ended->id = session->id;
	ended->client_port = session->tuple.source_port;
}

struct sl_table *craft_table(struct ended *ended, void (*change)(struct sl_table_config *config))
{
	struct sl_table_config config;
	struct sl_table *table = NULL;
	struct sl_err err = { 0 };

	sl_table_config_init(&config);
	if (change)
		change(&config);
	if (ended) {
		config.ended = on_end;
		config.context = ended;
	}
	cr_assert_eq(sl_table_open(&table, &config, &err), 0, "%s", err.text);
	return table;
}

uint32_t craft_feed(struct sl_table *table, const struct craft *c, struct sl_session **ret,
		    struct sl_found *ret_found)
{
	struct sl_found found;
	struct sl_session *session = sl_session_of(table, &c->packet, true, &found);
	struct sl_facts facts;

	if (ret_found)
		*ret_found = found;
	if (ret)
		*ret = session;
	if (!session || found.event == SL_SESSION_RELATED)
		return UINT32_MAX;
	sl_session_track(table, session, &c->packet, found.side, &facts);
	return facts.facts;
}
