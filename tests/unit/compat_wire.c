// SPDX-License-Identifier: BSD-2-Clause
/*
 * The messages of the existing protocol, byte for byte: each field is given the value that its place has when bytes
 * count up from 0, so the body must be just that, but for its padding. A decoder that shares nothing with the encoder
 * (tests/agent/dpwire.py) then finds each field by name.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "compat/wire.h"

static uint8_t message[WIRE_MAX];

/* The length, and what comes behind the header. pads: offsets in the body, ended by -1. */
static void must_count_up(size_t length, enum wire_kind kind, size_t begin, size_t size, const int *pads)
{
	uint8_t expected[WIRE_MAX];

	cr_assert_eq(length, begin + size, "kind %d: %zu bytes", kind, length);
	cr_assert_eq(message[0], kind);
	cr_assert_eq(message[2] << 8 | message[3], (int)length);
	for (size_t i = 0; i < size; i++)
		expected[i] = (uint8_t)i;
	for (; *pads >= 0; pads++)
		expected[*pads] = 0;
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(message[begin + i], expected[i], "kind %d: byte %zu of the body is %02x", kind,
			     i, message[begin + i]);
}

static void count_up(void *to, size_t size, unsigned int from)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = (uint8_t)(from + i);
}

/* The decoder reads it as well. */
static void decoder_reads(size_t length)
{
	FILE *decoder = popen("/usr/bin/python3 tests/agent/dpwire.py pattern", "w");

	cr_assert(decoder);
	for (size_t i = 0; i < length; i++)
		fprintf(decoder, "%02x", message[i]);
	fputc('\n', decoder);
	cr_assert_eq(pclose(decoder), 0, "kind %d: the decoder finds fields elsewhere", message[0]);
}

static struct wire_session session(void)
{
	struct wire_session s = {
		.id = 0x00010203,
		.ethertype = 0x0a0b,
		.client_port = 0x3839,
		.server_port = 0x3a3b,
		.icmp_code = 0x3c,
		.icmp_type = 0x3d,
		.ip_proto = 0x3e,
		.client_packets = 0x40414243,
		.server_packets = 0x44454647,
		.client_bytes = 0x48494a4b,
		.server_bytes = 0x4c4d4e4f,
		.client_asm_packets = 0x50515253,
		.server_asm_packets = 0x54555657,
		.client_asm_bytes = 0x58595a5b,
		.server_asm_bytes = 0x5c5d5e5f,
		.client_state = 0x60,
		.server_state = 0x61,
		.idle = 0x6263,
		.age = 0x64656667,
		.life = 0x6869,
		.application = 0x6a6b,
		.threat = 0x6c6d6e6f,
		.policy = 0x70717273,
		.action = 0x74,
		.severity = 0x75,
		.flags = 0x7677,
		.xff_app = 0x8889,
		.xff_port = 0x8a8b,
	};

	count_up(s.ep_mac, 6, 4);
	count_up(s.client_mac, 12, 12);
	count_up(s.client_ip, 32, 24);
	count_up(s.xff_ip, 16, 0x78);
	return s;
}

Test(compat_wire, sessions)
{
	struct wire_session s[2] = { session(), session() };
	size_t n = wire_sessions(message, s, 1, 1);

	must_count_up(n, WIRE_SESSIONS, 8, 140, (int[]){ 0x3f, -1 });
	cr_assert_eq(message[1], 1);
	cr_assert(!memcmp(message + 4, "\0\1\0\0", 4));
	decoder_reads(n);
	n = wire_sessions(message, s, 2, 1);
	cr_assert_eq(n, 288);
	cr_assert(!memcmp(message + 8, message + 148, 140));
	/* The end of the list. */
	cr_assert_eq(wire_sessions(message, NULL, 0, 0), 8);
	cr_assert(!memcmp(message, "\2\0\0\10\0\0\0\0", 8));
}

Test(compat_wire, connections)
{
	struct wire_connection c = {
		.ip_proto = 6,
		.server_port = 0x0809,
		.client_port = 0x0a0b,
		.ethertype = 0x2c2d,
		.flags = 0x2e2f,
		.bytes = 0x30313233,
		.sessions = 0x34353637,
		.first_seen = 0x38393a3b,
		.last_seen = 0x3c3d3e3f,
		.application = 0x4041,
		.action = 0x42,
		.severity = 0x43,
		.policy = 0x44454647,
		.violates = 0x48494a4b,
		.threat = 0x4c4d4e4f,
		.sessions_current_in = 0x50515253,
		.sessions12 = 0x54555657,
		.bytes12 = 0x58595a5b5c5d5e5f,
	};
	size_t n;

	count_up(c.ep_mac, 6, 0);
	count_up(c.client_ip, 32, 12);
	n = wire_connections(message, &c, 1);
	must_count_up(n, WIRE_CONNECTIONS, 8, 96, (int[]){ 7, -1 });
	decoder_reads(n);
}

Test(compat_wire, meters)
{
	struct wire_meter m = {
		.idle = 0x0607,
		.count = 0x08090a0b,
		.last_count = 0x0c0d0e0f,
		.id = 0x20,
		.flags = 0x21,
		.span = 0x22,
		.upper = 0x24252627,
		.lower = 0x28292a2b,
	};
	size_t n;

	count_up(m.ep_mac, 6, 0);
	count_up(m.peer_ip, 16, 16);
	n = wire_meters(message, &m, 1, 1);
	must_count_up(n, WIRE_METERS, 8, 44, (int[]){ 0x23, -1 });
	decoder_reads(n);
}

Test(compat_wire, threat)
{
	struct wire_threat t = {
		.threat = 0x00010203,
		.reported_at = 0x04050607,
		.count = 0x08090a0b,
		.action = 12,
		.severity = 13,
		.ip_proto = 14,
		.flags = 15,
		.ethertype = 0x1617,
		.source_port = 0x3839,
		.destination_port = 0x3a3b,
		.icmp_code = 0x3c,
		.icmp_type = 0x3d,
		.application = 0x3e3f,
		.packet_length = 0x4041,
		.captured_length = 0x4243,
		.name_hash = 0x84858687,
	};
	size_t n;

	count_up(t.ep_mac, 6, 16);
	count_up(t.source_ip, 32, 24);
	count_up(t.message, sizeof(t.message), 0x44);
	count_up(t.packet, sizeof(t.packet), 0x84);
	n = wire_threat(message, &t);
	cr_assert_eq(n, 2188);
	must_count_up(n, WIRE_THREAT, 4, 2184, (int[]){ -1 });
	/* Its text is no text then. */
	memset(message + 4 + 68, 'x', 64);
	decoder_reads(n);
}

Test(compat_wire, applications)
{
	static const uint8_t mac[] = { 0x1a, 0x27, 0xf3, 0x87, 0x3a, 0x27 };
	struct wire_app a = { 0x0001, 0x0203, 0x0405, 0x0607, 8, 0 };
	size_t n = wire_apps(message, mac, &a, 1);

	must_count_up(n, WIRE_APPLICATION, 12, 10, (int[]){ 9, -1 });
	cr_assert(!memcmp(message + 4, "\x1a\x27\xf3\x87\x3a\x27\0\1", 8));
	cr_assert_eq(message[1], 0);
	decoder_reads(n);
}

Test(compat_wire, counters)
{
	struct wire_counters c;
	uint64_t *word = (uint64_t *)&c;
	size_t n;

	for (unsigned int i = 0; i < 67; i++) {
		word[i] = 0;
		for (unsigned int b = 0; b < 8; b++)
			word[i] = word[i] << 8 | ((8 * i + b) & 0xff);
	}
	c.policy_type1_rules = 0x18191a1b;
	c.policy_type2_rules = 0x1c1d1e1f;
	c.policy_domains = 0x20212223;
	c.policy_domain_ips = 0x24252627;
	c.limit_drop_conns = 0x28292a2b2c2d2e2f;
	c.limit_pass_conns = 0x3031323334353637;
	n = wire_counters(message, &c);
	cr_assert_eq(n, 572);
	must_count_up(n, WIRE_COUNTERS, 4, 568, (int[]){ -1 });
	decoder_reads(n);
}

static struct wire_traffic traffic(unsigned int at)
{
	uint64_t v[5] = { 0 };

	for (unsigned int i = 0; i < 40; i++)
		v[i / 8] = v[i / 8] << 8 | ((at + i) & 0xff);
	return (struct wire_traffic){ (uint32_t)(v[0] >> 32), (uint32_t)v[0], v[1], v[2], v[3], v[4] };
}

Test(compat_wire, stats)
{
	static const int pads[] = { 4, 5, 6, 7, -1 };
	struct wire_stats s = {
		.interval = 0x03020100,
		.sessions_in = 0x08090a0b,
		.sessions_out = 0x0c0d0e0f,
		.sessions_current_in = 0x10111213,
		.sessions_current_out = 0x14151617,
		.packets_in = 0x18191a1b1c1d1e1f,
		.packets_out = 0x2021222324252627,
		.bytes_in = 0x28292a2b2c2d2e2f,
		.bytes_out = 0x3031323334353637,
		.slots1 = traffic(56),
		.slots12 = traffic(96),
		.slots60 = traffic(136),
	};
	size_t n = wire_mac_stats(message, &s);

	/* The interval's first byte comes first in this kind, and last in the other. */
	must_count_up(n, WIRE_MAC_STATS, 4, 176, pads);
	decoder_reads(n);
	s.interval = 0x00010203;
	n = wire_device_stats(message, &s);
	must_count_up(n, WIRE_DEVICE_STATS, 4, 176, pads);
	decoder_reads(n);
	s.interval = 5;
	wire_mac_stats(message, &s);
	cr_assert(!memcmp(message + 4, "\5\0\0\0", 4));
}

Test(compat_wire, short_ones)
{
	struct wire_session_count c = { 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f, 0x10111213 };
	size_t n = wire_session_count(message, &c);

	must_count_up(n, WIRE_SESSION_COUNT, 4, 20, (int[]){ -1 });
	decoder_reads(n);
	cr_assert_eq(wire_keep_alive(message, 0xdeadbeef), 8);
	cr_assert(!memcmp(message, "\x0a\0\0\x08\xde\xad\xbe\xef", 8));
}

Test(compat_wire, names)
{
	static const uint8_t addresses[2][16] = { { 10, 1, 2, 3 }, { 0x20, 1, [15] = 9 } };
	char name[400];
	size_t n;

	memset(message, 0xee, sizeof(message));
	n = wire_name_addresses(message, "db.example.com", 1, addresses, 2);
	cr_assert_eq(n, 4 + 262 + 32);
	cr_assert(!memcmp(message,
			  "\x0b\0\x01\x2a"
			  "db.example.com\0",
			  19));
	cr_assert(!memcmp(message + 4 + 256, "\0\2\0\0\1\0\x0a\1\2\3\0", 11));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	n = wire_address_name(message, addresses[0], name);
	cr_assert_eq(n, 276);
	cr_assert(!memcmp(message, "\x0c\0\x01\x14\x0a\1\2\3", 8));
	cr_assert_eq(message[n - 1], 0, "a name too long is cut, not unended");
	cr_assert_eq(message[n - 2], 'n');
	cr_assert_eq(wire_address_gone(message, addresses[1]), 20);
	cr_assert(!memcmp(message, "\x0d\0\0\x14\x20\1", 6));
}
