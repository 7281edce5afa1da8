// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list of our own parsers. They cover what must be named on any port and
 * from any cut of the stream; nDPI, which wants the usual port for many of
 * these or looks at single packets, is asked about the rest.
 */
#include "dpi/inspect/parse.h"

/* What is recognised by a magic or a handshake comes before what is recognised by its shape. */
const struct sl_parser sl_parsers[] = {
	{ "tls", IPPROTO_TCP, sl_parse_tls },
	{ "http", 0, sl_parse_http },
	{ "http2", IPPROTO_TCP, sl_parse_http2 },
	{ "ssh", IPPROTO_TCP, sl_parse_ssh },
	{ "postgresql", IPPROTO_TCP, sl_parse_postgresql },
	{ "mysql", IPPROTO_TCP, sl_parse_mysql },
	{ "mqtt", IPPROTO_TCP, sl_parse_mqtt },
	{ "nats", IPPROTO_TCP, sl_parse_nats },
	{ "smb", IPPROTO_TCP, sl_parse_smb },
	{ "bittorrent", IPPROTO_TCP, sl_parse_bittorrent },
	{ "redis", IPPROTO_TCP, sl_parse_redis },
	{ "mongodb", IPPROTO_TCP, sl_parse_mongodb },
	{ "zookeeper", IPPROTO_TCP, sl_parse_zookeeper },
	{ "cassandra", IPPROTO_TCP, sl_parse_cassandra },
	{ "tds", IPPROTO_TCP, sl_parse_tds },
	{ "tns", IPPROTO_TCP, sl_parse_tns },
	{ "spark", IPPROTO_TCP, sl_parse_spark },
	{ "couchbase", IPPROTO_TCP, sl_parse_couchbase },
	{ "kafka", IPPROTO_TCP, sl_parse_kafka },
	{ "dtls", IPPROTO_UDP, sl_parse_dtls },
	{ "openvpn", 0, sl_parse_openvpn },
	{ "dhcp", IPPROTO_UDP, sl_parse_dhcp },
	{ "stun", 0, sl_parse_stun },
	{ "dns", 0, sl_parse_dns },
	{ "tftp", IPPROTO_UDP, sl_parse_tftp },
	{ "ntp", IPPROTO_UDP, sl_parse_ntp },
	{ "echo", 0, sl_parse_echo },
};
const unsigned int sl_n_parsers = sizeof(sl_parsers) / sizeof(sl_parsers[0]);

_Static_assert(sizeof(sl_parsers) / sizeof(sl_parsers[0]) <= SL_PARSERS_MAX,
	       "a session has one bit for each parser");
