// SPDX-License-Identifier: BSD-2-Clause
/* Messages as bytes; see wire.h for the invariant. */
#include "compat/wire.h"

#include <endian.h>
#include <string.h>

_Static_assert(WIRE_SESSIONS_MAX == 58 && WIRE_CONNECTIONS_MAX == 85, "a datagram holds so many");

#define PUT16(field) ((field) = htobe16(field))
#define PUT32(field) ((field) = htobe32(field))
#define PUT64(field) ((field) = htobe64(field))

/* Of a message whose `length` bytes, header included, are all written. */
static size_t finish(void *to, enum wire_kind kind, uint8_t more, size_t length)
{
	struct wire_header header = { (uint8_t)kind, more, htobe16((uint16_t)length) };

	memcpy(to, &header, sizeof(header));
	return length;
}

static uint8_t *begin_list(void *to, unsigned int count)
{
	struct wire_list list = { htobe16((uint16_t)count), 0 };

	memcpy((uint8_t *)to + sizeof(struct wire_header), &list, sizeof(list));
	return (uint8_t *)to + sizeof(struct wire_header) + sizeof(list);
}

size_t wire_keep_alive(void *to, uint32_t sequence)
{
	PUT32(sequence);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &sequence, sizeof(sequence));
	return finish(to, WIRE_KEEP_ALIVE, 0, sizeof(struct wire_header) + sizeof(sequence));
}

size_t wire_session_count(void *to, const struct wire_session_count *count)
{
	struct wire_session_count c = *count;

	PUT32(c.total), PUT32(c.tcp), PUT32(c.udp), PUT32(c.icmp), PUT32(c.ip);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &c, sizeof(c));
	return finish(to, WIRE_SESSION_COUNT, 0, sizeof(struct wire_header) + sizeof(c));
}

static void put_session(struct wire_session *s)
{
	PUT32(s->id), PUT16(s->ethertype), PUT16(s->client_port), PUT16(s->server_port);
	PUT32(s->client_packets), PUT32(s->server_packets), PUT32(s->client_bytes), PUT32(s->server_bytes);
	PUT32(s->client_asm_packets), PUT32(s->server_asm_packets);
	PUT32(s->client_asm_bytes), PUT32(s->server_asm_bytes);
	PUT16(s->idle), PUT32(s->age), PUT16(s->life), PUT16(s->application);
	PUT32(s->threat), PUT32(s->policy), PUT16(s->flags), PUT16(s->xff_app), PUT16(s->xff_port);
}

size_t wire_sessions(void *to, const struct wire_session *sessions, unsigned int count, uint8_t more)
{
	uint8_t *at = begin_list(to, count);

	for (unsigned int i = 0; i < count; i++, at += sizeof(*sessions)) {
		struct wire_session s = sessions[i];

		put_session(&s);
		memcpy(at, &s, sizeof(s));
	}
	return finish(to, WIRE_SESSIONS, more, (size_t)(at - (uint8_t *)to));
}

size_t wire_meters(void *to, const struct wire_meter *meters, unsigned int count, uint8_t more)
{
	uint8_t *at = begin_list(to, count);

	for (unsigned int i = 0; i < count; i++, at += sizeof(*meters)) {
		struct wire_meter m = meters[i];

		PUT16(m.idle), PUT32(m.count), PUT32(m.last_count), PUT32(m.upper), PUT32(m.lower);
		memcpy(at, &m, sizeof(m));
	}
	return finish(to, WIRE_METERS, more, (size_t)(at - (uint8_t *)to));
}

size_t wire_counters(void *to, const struct wire_counters *counters)
{
	uint64_t words[offsetof(struct wire_counters, policy_type1_rules) / sizeof(uint64_t)];
	struct wire_counters c = *counters;

	memcpy(words, &c, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		PUT64(words[i]);
	memcpy(&c, words, sizeof(words));
	PUT32(c.policy_type1_rules), PUT32(c.policy_type2_rules);
	PUT32(c.policy_domains), PUT32(c.policy_domain_ips);
	PUT64(c.limit_drop_conns), PUT64(c.limit_pass_conns);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &c, sizeof(c));
	return finish(to, WIRE_COUNTERS, 0, sizeof(struct wire_header) + sizeof(c));
}

static void put_traffic(struct wire_traffic *t)
{
	PUT32(t->sessions_in), PUT32(t->sessions_out);
	PUT64(t->packets_in), PUT64(t->packets_out), PUT64(t->bytes_in), PUT64(t->bytes_out);
}

/* All but the interval. */
static void put_stats(struct wire_stats *s)
{
	PUT32(s->sessions_in), PUT32(s->sessions_out);
	PUT32(s->sessions_current_in), PUT32(s->sessions_current_out);
	PUT64(s->packets_in), PUT64(s->packets_out), PUT64(s->bytes_in), PUT64(s->bytes_out);
	put_traffic(&s->slots1);
	put_traffic(&s->slots12);
	put_traffic(&s->slots60);
}

size_t wire_mac_stats(void *to, const struct wire_stats *stats)
{
	struct wire_stats s = *stats;

	put_stats(&s);
	s.interval = htole32(s.interval);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &s, sizeof(s));
	return finish(to, WIRE_MAC_STATS, 0, sizeof(struct wire_header) + sizeof(s));
}

size_t wire_device_stats(void *to, const struct wire_stats *stats)
{
	struct wire_stats s = *stats;

	put_stats(&s);
	PUT32(s.interval);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &s, sizeof(s));
	return finish(to, WIRE_DEVICE_STATS, 0, sizeof(struct wire_header) + sizeof(s));
}

size_t wire_apps(void *to, const uint8_t mac[6], const struct wire_app *apps, unsigned int count)
{
	struct wire_apps head = { .ports = htobe16((uint16_t)count) };
	uint8_t *at = (uint8_t *)to + sizeof(struct wire_header);

	memcpy(head.mac, mac, sizeof(head.mac));
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	for (unsigned int i = 0; i < count; i++, at += sizeof(*apps)) {
		struct wire_app a = apps[i];

		PUT16(a.port), PUT16(a.proto), PUT16(a.server), PUT16(a.application);
		memcpy(at, &a, sizeof(a));
	}
	return finish(to, WIRE_APPLICATION, 0, (size_t)(at - (uint8_t *)to));
}

size_t wire_threat(void *to, const struct wire_threat *threat)
{
	struct wire_threat t = *threat;

	PUT32(t.threat), PUT32(t.reported_at), PUT32(t.count), PUT16(t.ethertype);
	PUT16(t.source_port), PUT16(t.destination_port), PUT16(t.application);
	PUT16(t.packet_length), PUT16(t.captured_length), PUT32(t.name_hash);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &t, sizeof(t));
	return finish(to, WIRE_THREAT, 0, sizeof(struct wire_header) + sizeof(t));
}

size_t wire_connections(void *to, const struct wire_connection *connections, unsigned int count)
{
	uint8_t *at = begin_list(to, count);

	for (unsigned int i = 0; i < count; i++, at += sizeof(*connections)) {
		struct wire_connection c = connections[i];

		PUT16(c.server_port), PUT16(c.client_port), PUT16(c.ethertype), PUT16(c.flags);
		PUT32(c.bytes), PUT32(c.sessions), PUT32(c.first_seen), PUT32(c.last_seen);
		PUT16(c.application), PUT32(c.policy), PUT32(c.violates), PUT32(c.threat);
		PUT32(c.sessions_current_in), PUT32(c.sessions12), PUT64(c.bytes12);
		memcpy(at, &c, sizeof(c));
	}
	return finish(to, WIRE_CONNECTIONS, 0, (size_t)(at - (uint8_t *)to));
}

/* to is all zero. */
static void put_name(char to[WIRE_NAME], const char *name)
{
	memcpy(to, name, strnlen(name, WIRE_NAME - 1));
}

size_t wire_name_addresses(void *to, const char *name, uint8_t flags, const uint8_t (*addresses)[16],
			   unsigned int count)
{
	struct wire_name head = { .count = htobe16((uint16_t)count), .flags = flags };
	uint8_t *at = (uint8_t *)to + sizeof(struct wire_header);

	put_name(head.name, name);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), addresses, count * sizeof(*addresses));
	return finish(to, WIRE_NAME_ADDRESSES, 0,
		      sizeof(struct wire_header) + sizeof(head) + count * sizeof(*addresses));
}

size_t wire_address_name(void *to, const uint8_t address[16], const char *name)
{
	struct wire_address_name body = { .name = "" };

	memcpy(body.ip, address, sizeof(body.ip));
	put_name(body.name, name);
	memcpy((uint8_t *)to + sizeof(struct wire_header), &body, sizeof(body));
	return finish(to, WIRE_ADDRESS_NAME, 0, sizeof(struct wire_header) + sizeof(body));
}

size_t wire_address_gone(void *to, const uint8_t address[16])
{
	memcpy((uint8_t *)to + sizeof(struct wire_header), address, 16);
	return finish(to, WIRE_ADDRESS_GONE, 0, sizeof(struct wire_header) + 16);
}
