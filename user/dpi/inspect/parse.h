/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a parser of ours is shown and what it says.
 *
 * A parser is a pure function of what the two sides said first: no state, no
 * ports, no memory of other sessions. So it gives the same answer however the
 * bytes were cut into packets, and it can be fuzzed by itself.
 *
 * Invariant: nothing outside [data, data + len) is read; a parser that has
 * said SL_NO to a session stays with it, and is not asked again.
 */
#ifndef SLUICE_DPI_PARSE_H
#define SLUICE_DPI_PARSE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "dpi/inspect/name.h"
#include "dpi/session/session.h"

/* What one side said: TCP: the beginning of its stream; UDP: its first datagram. */
struct sl_said {
	const uint8_t *data;
	uint32_t len; /* bytes kept */
	uint32_t total; /* bytes said; of the first datagram in UDP */
	uint32_t room; /* no more than these will ever be kept */
};

struct sl_spoken {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	bool midway; /* the session's beginning was not seen */
	struct sl_said side[2]; /* by enum sl_side */
};

enum sl_verdict {
	SL_NO, /* it is not this, whatever follows */
	SL_MORE, /* cannot tell yet; found->application may hold a candidate */
	SL_YES, /* it is */
};

/* Filled in by the parser; all zero before. */
struct sl_found {
	uint16_t application;
	uint8_t confidence; /* 0..100 */
	bool name_later; /* SL_YES, but the name may still come */
	struct sl_name name; /* length 0: none */
};

/* Nothing yet. The name's bytes stay as they are: clearing them costs more than most parsers do. */
static inline void sl_found_clear(struct sl_found *found)
{
	found->application = 0;
	found->confidence = 0;
	found->name_later = false;
	found->name.len = 0;
	found->name.text[0] = '\0';
}

struct sl_parser {
	const char *name; /* of the parser, for messages of tests */
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, or 0 for both */
	enum sl_verdict (*try)(const struct sl_spoken *spoken, struct sl_found *found);
};

/* All of them; the first of those that are equally sure wins. */
#define SL_PARSERS_MAX 32
extern const struct sl_parser sl_parsers[];
extern const unsigned int sl_n_parsers;

/* Bytes at offsets that the caller has compared with the length. */
static inline uint16_t sl_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t sl_be24(const uint8_t *at)
{
	return (uint32_t)at[0] << 16 | sl_be16(at + 1);
}

static inline uint32_t sl_be32(const uint8_t *at)
{
	return (uint32_t)sl_be16(at) << 16 | sl_be16(at + 2);
}

static inline uint64_t sl_be64(const uint8_t *at)
{
	return (uint64_t)sl_be32(at) << 32 | sl_be32(at + 4);
}

static inline uint16_t sl_le16(const uint8_t *at)
{
	return (uint16_t)(at[1] << 8 | at[0]);
}

static inline uint32_t sl_le32(const uint8_t *at)
{
	return (uint32_t)sl_le16(at + 2) << 16 | sl_le16(at);
}

/* The bytes up to `need` are missing: they may still come, or never. */
static inline enum sl_verdict sl_short_of(const struct sl_spoken *spoken, const struct sl_said *said,
					  uint32_t need)
{
	/* A datagram does not grow once it is there. */
	if (spoken->protocol == IPPROTO_UDP)
		return said->len ? SL_NO : SL_MORE;
	return need > said->room ? SL_NO : SL_MORE;
}

/*
 * Whether `said` begins with the text, as far as it goes: SL_YES, SL_NO, or
 * SL_MORE if it is too short to tell.
 */
static inline enum sl_verdict sl_begins(const struct sl_said *said, const char *text)
{
	uint32_t want = (uint32_t)strlen(text);
	uint32_t have = said->len < want ? said->len : want;

	if (have && memcmp(said->data, text, have) != 0)
		return SL_NO;
	return have == want ? SL_YES : SL_MORE;
}

/* Printable ASCII without blanks. */
static inline bool sl_is_word(const uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (at[i] <= ' ' || at[i] >= 0x7f)
			return false;
	return true;
}

static inline bool sl_is_printable(const uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (at[i] < ' ' || at[i] >= 0x7f)
			return false;
	return true;
}

static inline enum sl_verdict sl_yes(struct sl_found *found, uint16_t application, uint8_t confidence)
{
	found->application = application;
	found->confidence = confidence;
	return SL_YES;
}

/* A candidate: what it will be if nothing better turns up. */
static inline enum sl_verdict sl_perhaps(struct sl_found *found, uint16_t application, uint8_t confidence)
{
	found->application = application;
	found->confidence = confidence;
	return SL_MORE;
}

enum sl_verdict sl_parse_bittorrent(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_cassandra(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_couchbase(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_dhcp(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_dns(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_dtls(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_echo(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_http(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_http2(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_kafka(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_mongodb(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_mqtt(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_mysql(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_nats(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_ntp(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_openvpn(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_postgresql(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_redis(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_smb(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_spark(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_ssh(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_stun(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_tds(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_tftp(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_tls(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_tns(const struct sl_spoken *spoken, struct sl_found *found);
enum sl_verdict sl_parse_zookeeper(const struct sl_spoken *spoken, struct sl_found *found);

#endif
