/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The binary messages of the existing control protocol, byte for byte.
 *
 * Invariant: a structure here has the layout its agent expects (asserted
 * below), all numbers in it are big-endian once written, and every byte that
 * the protocol leaves undefined is zero. Nothing here allocates or sends.
 */
#ifndef SLUICE_COMPAT_WIRE_H
#define SLUICE_COMPAT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX 8192 /* bytes of a datagram, either way */
#define WIRE_NAME 256
#define WIRE_PARSERS 20
#define WIRE_MESSAGE 64
#define WIRE_PACKET 2048

enum wire_kind {
	WIRE_APPLICATION = 1,
	WIRE_SESSIONS = 2,
	WIRE_SESSION_COUNT = 3,
	WIRE_COUNTERS = 4,
	WIRE_METERS = 5,
	WIRE_THREAT = 6,
	WIRE_CONNECTIONS = 7,
	WIRE_MAC_STATS = 8,
	WIRE_DEVICE_STATS = 9,
	WIRE_KEEP_ALIVE = 10,
	WIRE_NAME_ADDRESSES = 11,
	WIRE_ADDRESS_NAME = 12,
	WIRE_ADDRESS_GONE = 13,
};

struct wire_header {
	uint8_t kind, more;
	uint16_t length; /* of the whole message */
};

struct wire_list { /* what follows the header of kinds 2, 5, 7 */
	uint16_t count, reserved;
};

struct wire_app {
	uint16_t port, proto, server, application;
	uint8_t ip_proto, pad;
};

struct wire_apps {
	uint8_t mac[6];
	uint16_t ports;
};

struct wire_session_count {
	uint32_t total, tcp, udp, icmp, ip;
};

struct wire_session {
	uint32_t id;
	uint8_t ep_mac[6];
	uint16_t ethertype;
	uint8_t client_mac[6], server_mac[6];
	uint8_t client_ip[16], server_ip[16];
	uint16_t client_port, server_port;
	uint8_t icmp_code, icmp_type, ip_proto, pad;
	uint32_t client_packets, server_packets, client_bytes, server_bytes;
	uint32_t client_asm_packets, server_asm_packets, client_asm_bytes, server_asm_bytes;
	uint8_t client_state, server_state;
	uint16_t idle;
	uint32_t age;
	uint16_t life, application;
	uint32_t threat, policy;
	uint8_t action, severity;
	uint16_t flags;
	uint8_t xff_ip[16];
	uint16_t xff_app, xff_port;
};

struct wire_meter {
	uint8_t ep_mac[6];
	uint16_t idle;
	uint32_t count, last_count;
	uint8_t peer_ip[16];
	uint8_t id, flags, span, pad;
	uint32_t upper, lower;
};

/* All uint64_t up to the parsers, so that they can be converted as an array. */
struct wire_counters {
	uint64_t rx_packets, rx_drop_packets, tx_packets, tx_drop_packets, error_packets;
	uint64_t no_workload_packets, ipv4_packets, ipv6_packets, tcp_packets, tcp_no_session_packets;
	uint64_t udp_packets, icmp_packets, other_packets, assemblies, freed_assemblies, fragments;
	uint64_t freed_fragments, timeout_fragments, total_sessions, tcp_sessions, udp_sessions;
	uint64_t icmp_sessions, ip_sessions, drop_meters, proxy_meters, meters, log_caches;
	uint64_t parser_sessions[WIRE_PARSERS], parser_packets[WIRE_PARSERS];
	uint32_t policy_type1_rules, policy_type2_rules, policy_domains, policy_domain_ips;
	uint64_t limit_drop_conns, limit_pass_conns;
};

struct wire_traffic {
	uint32_t sessions_in, sessions_out;
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
};

struct wire_stats {
	uint32_t interval, pad;
	uint32_t sessions_in, sessions_out, sessions_current_in, sessions_current_out;
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	struct wire_traffic slots1, slots12, slots60;
};

struct wire_threat {
	uint32_t threat, reported_at, count;
	uint8_t action, severity, ip_proto, flags;
	uint8_t ep_mac[6];
	uint16_t ethertype;
	uint8_t source_ip[16], destination_ip[16];
	uint16_t source_port, destination_port;
	uint8_t icmp_code, icmp_type;
	uint16_t application, packet_length, captured_length;
	char message[WIRE_MESSAGE];
	uint8_t packet[WIRE_PACKET];
	uint32_t name_hash;
};

struct wire_connection {
	uint8_t ep_mac[6];
	uint8_t ip_proto, pad;
	uint16_t server_port, client_port;
	uint8_t client_ip[16], server_ip[16];
	uint16_t ethertype, flags;
	uint32_t bytes, sessions, first_seen, last_seen;
	uint16_t application;
	uint8_t action, severity;
	uint32_t policy, violates, threat;
	uint32_t sessions_current_in, sessions12;
	uint64_t bytes12;
};

struct wire_name {
	char name[WIRE_NAME];
	uint16_t count, reserved;
	uint8_t flags, pad;
};

struct wire_address_name {
	uint8_t ip[16];
	char name[WIRE_NAME];
};

#define WIRE_AT(type, field, offset)                                                                         \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field)
#define WIRE_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
WIRE_SIZE(wire_header, 4);
WIRE_SIZE(wire_list, 4);
WIRE_SIZE(wire_app, 10);
WIRE_AT(wire_app, ip_proto, 8);
WIRE_SIZE(wire_apps, 8);
WIRE_SIZE(wire_session_count, 20);
WIRE_SIZE(wire_session, 140);
WIRE_AT(wire_session, client_mac, 12);
WIRE_AT(wire_session, client_ip, 24);
WIRE_AT(wire_session, client_port, 56);
WIRE_AT(wire_session, icmp_code, 60);
WIRE_AT(wire_session, client_packets, 64);
WIRE_AT(wire_session, client_state, 96);
WIRE_AT(wire_session, age, 100);
WIRE_AT(wire_session, threat, 108);
WIRE_AT(wire_session, action, 116);
WIRE_AT(wire_session, xff_ip, 120);
WIRE_SIZE(wire_meter, 44);
WIRE_AT(wire_meter, peer_ip, 16);
WIRE_AT(wire_meter, upper, 36);
WIRE_SIZE(wire_counters, 568);
WIRE_AT(wire_counters, parser_sessions, 216);
WIRE_AT(wire_counters, policy_type1_rules, 536);
WIRE_AT(wire_counters, limit_drop_conns, 552);
WIRE_SIZE(wire_stats, 176);
WIRE_AT(wire_stats, packets_in, 24);
WIRE_AT(wire_stats, slots1, 56);
WIRE_AT(wire_stats, slots60, 136);
WIRE_SIZE(wire_threat, 2184);
WIRE_AT(wire_threat, ep_mac, 16);
WIRE_AT(wire_threat, source_ip, 24);
WIRE_AT(wire_threat, message, 68);
WIRE_AT(wire_threat, packet, 132);
WIRE_AT(wire_threat, name_hash, 2180);
WIRE_SIZE(wire_connection, 96);
WIRE_AT(wire_connection, client_ip, 12);
WIRE_AT(wire_connection, ethertype, 44);
WIRE_AT(wire_connection, bytes, 48);
WIRE_AT(wire_connection, application, 64);
WIRE_AT(wire_connection, policy, 68);
WIRE_AT(wire_connection, bytes12, 88);
WIRE_SIZE(wire_name, 262);
WIRE_AT(wire_name, flags, 260);
WIRE_SIZE(wire_address_name, 272);

/* How many of each fit a datagram. */
#define WIRE_SESSIONS_MAX ((WIRE_MAX - 8) / sizeof(struct wire_session))
#define WIRE_METERS_MAX ((WIRE_MAX - 8) / sizeof(struct wire_meter))
#define WIRE_CONNECTIONS_MAX ((WIRE_MAX - 8) / sizeof(struct wire_connection))
#define WIRE_APPS_MAX ((WIRE_MAX - 12) / sizeof(struct wire_app))
#define WIRE_ADDRESSES_MAX ((WIRE_MAX - 4 - sizeof(struct wire_name)) / 16)

/*
 * Each writes one message from numbers in host byte order, which stay as they
 * are, and returns its length; to: WIRE_MAX bytes. Lists: count is at most
 * what fits.
 */
size_t wire_keep_alive(void *to, uint32_t sequence);
size_t wire_session_count(void *to, const struct wire_session_count *count);
size_t wire_sessions(void *to, const struct wire_session *sessions, unsigned int count, uint8_t more);
size_t wire_meters(void *to, const struct wire_meter *meters, unsigned int count, uint8_t more);
size_t wire_counters(void *to, const struct wire_counters *counters);
/* The interval is little-endian in the first and big-endian in the second: the agent lives with that. */
size_t wire_mac_stats(void *to, const struct wire_stats *stats);
size_t wire_device_stats(void *to, const struct wire_stats *stats);
size_t wire_apps(void *to, const uint8_t mac[6], const struct wire_app *apps, unsigned int count);
size_t wire_threat(void *to, const struct wire_threat *threat);
size_t wire_connections(void *to, const struct wire_connection *connections, unsigned int count);
/* Names longer than WIRE_NAME - 1 are cut; addresses: 16 bytes each, IPv4 in the first four. */
size_t wire_name_addresses(void *to, const char *name, uint8_t flags, const uint8_t (*addresses)[16],
			   unsigned int count);
size_t wire_address_name(void *to, const uint8_t address[16], const char *name);
size_t wire_address_gone(void *to, const uint8_t address[16]);

#endif
