// SPDX-License-Identifier: BSD-2-Clause
/* What nDPI is shown, and what of its answers is believed: see ndpi.h. */
#include "dpi/inspect/ndpi.h"

#include <errno.h>
#include <ndpi/ndpi_api.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdlib.h>

#define CONFIDENCE 90
#define EXTRA_PACKETS 8 /* to wait for a name */
/* Addresses for documentation (RFC 5737) and ports that belong to nobody. */
#define CLIENT_ADDRESS 0xc0000201
#define SERVER_ADDRESS 0xc0000202
#define CLIENT_PORT 51001
#define SERVER_PORT 51003
#define HEADERS (sizeof(struct iphdr) + sizeof(struct tcphdr))

struct sl_ndpi {
	struct sl_ndpi *next; /* prepared */
	struct ndpi_detection_module_struct *module;
	/* One packet, and zeros. */
	_Alignas(8) uint8_t packet[HEADERS + SL_NDPI_PAYLOAD + SL_NDPI_BEHIND];
	uint32_t used; /* bytes of it that are not zero */
};

struct sl_ndpi_flow {
	uint8_t protocol, extra;
	uint32_t said[2]; /* bytes shown, by side */
	uint64_t time_ms; /* counts packets: real time would make results differ */
	struct ndpi_flow_struct flow;
};

/* Protocols that have a number of the existing data plane, and variants that are the same to us. */
static const struct {
	uint16_t ndpi, application;
} renamed[] = {
	{ NDPI_PROTOCOL_MEMCACHED, SL_APPLICATION_MEMCACHED },
	{ NDPI_PROTOCOL_SYSLOG, SL_APPLICATION_SYSLOG },
	{ NDPI_PROTOCOL_MAIL_POPS, SL_APPLICATION_POP3 },
	{ NDPI_PROTOCOL_MAIL_SMTPS, SL_APPLICATION_SMTP },
	{ NDPI_PROTOCOL_MAIL_IMAPS, SL_APPLICATION_IMAP },
};

static const uint16_t asked[] = {
#define SL_X(constant, number, name) number,
	SL_APPLICATIONS_NDPI(SL_X)
#undef SL_X
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Found by a parser of our own: nDPI's wants a port, remembers addresses, or finds it where it is not. */
static bool is_ours(uint16_t protocol)
{
	static const uint16_t ours[] = {
		NDPI_PROTOCOL_STUN,  NDPI_PROTOCOL_DTLS,   NDPI_PROTOCOL_NATS,	     NDPI_PROTOCOL_MQTT,
		NDPI_PROTOCOL_SMBV1, NDPI_PROTOCOL_SMBV23, NDPI_PROTOCOL_BITTORRENT, NDPI_PROTOCOL_OPENVPN,
	};

	for (size_t i = 0; i < COUNT(ours); i++)
		if (ours[i] == protocol)
			return true;
	return false;
}

static uint16_t application_of(uint16_t protocol)
{
	for (size_t i = 0; i < COUNT(renamed); i++)
		if (renamed[i].ndpi == protocol)
			return renamed[i].application;
	for (size_t i = 0; i < COUNT(asked); i++)
		if (asked[i] == protocol && !is_ours(protocol))
			return SL_APPLICATION_NDPI + protocol;
	return SL_APPLICATION_UNKNOWN;
}

/* It initialises libgcrypt, for all threads at once. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Made before they were asked for. */
static struct sl_ndpi *prepared;

static int make(struct sl_ndpi **ret, struct sl_err *err)
{
	struct sl_ndpi *ndpi;
	NDPI_PROTOCOL_BITMASK wanted;

	if (ndpi_detection_get_sizeof_ndpi_flow_struct() != sizeof(struct ndpi_flow_struct))
		return sl_err(err, ELIBBAD,
			      "libndpi %s lays its flows out differently from the one sluice was built with: "
			      "build sluice with the installed version",
			      ndpi_revision());
	ndpi = calloc(1, sizeof(*ndpi));
	if (!ndpi)
		return sl_errno(err, ENOMEM, "cannot load nDPI");
	pthread_mutex_lock(&lock);
	ndpi->module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts);
	if (ndpi->module) {
		NDPI_BITMASK_RESET(wanted);
		for (size_t i = 0; i < COUNT(asked); i++)
			if (!is_ours(asked[i]))
				NDPI_BITMASK_ADD(wanted, asked[i]);
		for (size_t i = 0; i < COUNT(renamed); i++)
			NDPI_BITMASK_ADD(wanted, renamed[i].ndpi);
		ndpi_set_protocol_detection_bitmask2(ndpi->module, &wanted);
		ndpi_finalize_initialization(ndpi->module);
	}
	pthread_mutex_unlock(&lock);
	if (!ndpi->module) {
		free(ndpi);
		return sl_err(err, ENOMEM,
			      "nDPI %s does not start: not enough memory, or libgcrypt is too old",
			      ndpi_revision());
	}
	*ret = ndpi;
	return 0;
}

int sl_ndpi_prepare(unsigned int n, struct sl_err *err)
{
	struct sl_ndpi *ndpi;
	int r = 0;

	for (; n && !(r = make(&ndpi, err)); n--) {
		pthread_mutex_lock(&lock);
		ndpi->next = prepared;
		prepared = ndpi;
		pthread_mutex_unlock(&lock);
	}
	return r;
}

int sl_ndpi_open(struct sl_ndpi **ret, struct sl_err *err)
{
	struct sl_ndpi *ndpi;

	pthread_mutex_lock(&lock);
	ndpi = prepared;
	if (ndpi)
		prepared = ndpi->next;
	pthread_mutex_unlock(&lock);
	if (!ndpi)
		return make(ret, err);
	*ret = ndpi;
	return 0;
}

void sl_ndpi_close(struct sl_ndpi *ndpi)
{
	if (!ndpi)
		return;
	ndpi_exit_detection_module(ndpi->module);
	free(ndpi);
}

static uint32_t fill_ip(struct sl_ndpi *ndpi, const struct sl_ndpi_flow *flow, enum sl_side side,
			uint32_t len)
{
	struct iphdr *ip = (struct iphdr *)ndpi->packet;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(sizeof(*ip) + len)),
		.ttl = 64,
		.protocol = flow->protocol,
		.saddr = htonl(side == SL_CLIENT ? CLIENT_ADDRESS : SERVER_ADDRESS),
		.daddr = htonl(side == SL_CLIENT ? SERVER_ADDRESS : CLIENT_ADDRESS),
	};
	return sizeof(*ip);
}

static uint32_t fill_tcp(struct sl_ndpi *ndpi, struct sl_ndpi_flow *flow, enum sl_side side, bool syn,
			 bool ack)
{
	struct tcphdr *tcp = (struct tcphdr *)(ndpi->packet + sizeof(struct iphdr));

	*tcp = (struct tcphdr){
		.source = htons(side == SL_CLIENT ? CLIENT_PORT : SERVER_PORT),
		.dest = htons(side == SL_CLIENT ? SERVER_PORT : CLIENT_PORT),
		.seq = htonl(flow->said[side]),
		.ack_seq = htonl(ack ? flow->said[!side] : 0),
		.doff = sizeof(*tcp) / 4,
		.syn = syn,
		.ack = ack,
		.psh = !syn,
		.window = htons(UINT16_MAX),
	};
	return sizeof(*tcp);
}

static uint32_t fill_udp(struct sl_ndpi *ndpi, enum sl_side side, uint32_t len)
{
	struct udphdr *udp = (struct udphdr *)(ndpi->packet + sizeof(struct iphdr));

	*udp = (struct udphdr){
		.source = htons(side == SL_CLIENT ? CLIENT_PORT : SERVER_PORT),
		.dest = htons(side == SL_CLIENT ? SERVER_PORT : CLIENT_PORT),
		.len = htons((uint16_t)(sizeof(*udp) + len)),
	};
	return sizeof(*udp);
}

static void show(struct sl_ndpi *ndpi, struct sl_ndpi_flow *flow, uint32_t len)
{
	/* What the packet before left behind this one. */
	if (ndpi->used > len)
		memset(ndpi->packet + len, 0, ndpi->used - len);
	ndpi->used = len;
	ndpi_detection_process_packet(ndpi->module, &flow->flow, ndpi->packet, (unsigned short)len,
				      ++flow->time_ms);
}

static void show_handshake(struct sl_ndpi *ndpi, struct sl_ndpi_flow *flow)
{
	static const struct {
		enum sl_side side;
		bool syn, ack;
	} step[] = { { SL_CLIENT, true, false }, { SL_SERVER, true, true }, { SL_CLIENT, false, true } };

	for (size_t i = 0; i < COUNT(step); i++) {
		uint32_t tcp = fill_tcp(ndpi, flow, step[i].side, step[i].syn, step[i].ack);

		show(ndpi, flow, fill_ip(ndpi, flow, step[i].side, tcp) + tcp);
		if (step[i].syn)
			flow->said[step[i].side]++;
	}
}

struct sl_ndpi_flow *sl_ndpi_begin(struct sl_ndpi *ndpi, uint8_t protocol)
{
	struct sl_ndpi_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	flow->protocol = protocol;
	/* It gives up a TCP session whose beginning it has not seen. */
	if (protocol == IPPROTO_TCP)
		show_handshake(ndpi, flow);
	return flow;
}

void sl_ndpi_end(struct sl_ndpi_flow *flow)
{
	if (!flow)
		return;
	ndpi_free_flow_data(&flow->flow);
	free(flow);
}

/* The protocol itself rather than whose service it is: TLS, not Google. */
static uint16_t answer(const struct ndpi_flow_struct *flow)
{
	uint16_t application;

	if (flow->confidence != NDPI_CONFIDENCE_DPI)
		return SL_APPLICATION_UNKNOWN;
	application = application_of(flow->detected_protocol_stack[1]);
	return application ? application : application_of(flow->detected_protocol_stack[0]);
}

/* It keeps the last 79 bytes of a name: one of that length may be a part. */
static void take_name(const struct ndpi_flow_struct *flow, struct sl_found *found)
{
	size_t len = strnlen(flow->host_server_name, sizeof(flow->host_server_name));

	if (len < sizeof(flow->host_server_name) - 1)
		sl_name_take(&found->name, (const uint8_t *)flow->host_server_name, len);
}

enum sl_verdict sl_ndpi_look(struct sl_ndpi *ndpi, struct sl_ndpi_flow *flow, const uint8_t *payload,
			     uint32_t len, enum sl_side side, struct sl_found *found)
{
	uint32_t shown = len < SL_NDPI_PAYLOAD ? len : SL_NDPI_PAYLOAD, l4, l3;

	l4 = flow->protocol == IPPROTO_TCP ? fill_tcp(ndpi, flow, side, false, true)
					   : fill_udp(ndpi, side, shown);
	l3 = fill_ip(ndpi, flow, side, l4 + shown);
	memcpy(ndpi->packet + l3 + l4, payload, shown);
	show(ndpi, flow, l3 + l4 + shown);
	flow->said[side] += len;
	found->application = answer(&flow->flow);
	if (!found->application)
		return flow->flow.fail_with_unknown ? SL_NO : SL_MORE;
	found->confidence = CONFIDENCE;
	if (found->application == SL_APPLICATION_QUIC) {
		take_name(&flow->flow, found);
		found->name_later =
			!found->name.len && flow->flow.check_extra_packets && ++flow->extra < EXTRA_PACKETS;
	}
	return SL_YES;
}
