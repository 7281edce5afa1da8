// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS (RFC 8446, 5246; hello of SSL 2: RFC 5246 E.2) and DTLS (RFC 6347): the
 * client's hello and the name it asks for (RFC 6066, 3).
 *
 * The hello is put together from its records first, however it was split:
 * a name must not hide behind a record boundary.
 */
#include "dpi/inspect/parse.h"

#define RECORD 5
#define HANDSHAKE 22
#define APPLICATION_DATA 23
#define CLIENT_HELLO 1
#define SERVER_HELLO 2
#define RECORD_MAX (16384 + 2048)
#define HELLO_MAX 16384
#define HELLO_KEPT 8192
#define EXTENSION_NAME 0
#define DTLS_RECORD 13
#define DTLS_HANDSHAKE 12

/* What is left of something with a length; bad once more was asked for than there was. */
struct rest {
	const uint8_t *at;
	uint32_t len;
	bool bad;
};

static const uint8_t *take(struct rest *rest, uint32_t len)
{
	const uint8_t *at = rest->at;

	if (rest->bad || len > rest->len) {
		rest->bad = true;
		return NULL;
	}
	rest->at += len;
	rest->len -= len;
	return at;
}

/* A vector with a length of `width` bytes in front. */
static struct rest take_vector(struct rest *rest, uint32_t width)
{
	const uint8_t *at = take(rest, width);
	struct rest vector = { .bad = true };
	uint32_t len = 0;

	if (!at)
		return vector;
	for (uint32_t i = 0; i < width; i++)
		len = len << 8 | at[i];
	vector.at = take(rest, len);
	vector.bad = !vector.at;
	vector.len = vector.at ? len : 0;
	return vector;
}

static void read_server_name(struct rest extension, struct sl_found *found)
{
	struct rest list = take_vector(&extension, 2);

	while (list.len && !list.bad) {
		const uint8_t *type = take(&list, 1);
		struct rest name = take_vector(&list, 2);

		if (type && *type == 0 && !name.bad) {
			sl_name_take(&found->name, name.at, name.len);
			return;
		}
	}
}

/* The hello behind its 4-byte header. False if it is none. */
static bool read_client_hello(struct rest hello, bool dtls, struct sl_found *found)
{
	const uint8_t *version = take(&hello, 2);
	struct rest id, suites, compression, extensions;

	take(&hello, 32);
	id = take_vector(&hello, 1);
	if (dtls)
		take_vector(&hello, 1); /* cookie */
	suites = take_vector(&hello, 2);
	compression = take_vector(&hello, 1);
	if (hello.bad || version[0] != (dtls ? 0xfe : 3) || id.len > 32 || suites.len < 2 || suites.len % 2 ||
	    !compression.len)
		return false;
	if (!hello.len)
		return true; /* no extensions: SSL 3, old clients */
	extensions = take_vector(&hello, 2);
	while (extensions.len && !extensions.bad) {
		const uint8_t *type = take(&extensions, 2);
		struct rest extension = take_vector(&extensions, 2);

		if (type && sl_be16(type) == EXTENSION_NAME && !extension.bad)
			read_server_name(extension, found);
	}
	return !extensions.bad;
}

/*
 * Collects the first handshake message out of the records. Returns its length
 * with header, as far as it is there; 0 if these are no records of a handshake.
 */
static uint32_t collect(const struct sl_said *said, uint8_t *message, uint32_t room)
{
	uint32_t at = 0, len = 0;

	while (at + RECORD <= said->len && len < room) {
		const uint8_t *record = said->data + at;
		uint32_t record_len = sl_be16(record + 3), here;

		if (record[0] != HANDSHAKE || record[1] != 3 || record[2] > 4 || !record_len ||
		    record_len > RECORD_MAX)
			return len; /* what comes behind the hello */
		here = said->len - at - RECORD;
		here = here < record_len ? here : record_len;
		here = here < room - len ? here : room - len;
		memcpy(message + len, record + RECORD, here);
		len += here;
		at += RECORD + record_len;
	}
	return len;
}

/* SSL 2's record with a client hello that offers SSL 3 or better. */
static bool is_ssl2_hello(const uint8_t *at, uint32_t len)
{
	uint32_t suites;

	if (len < 11 || !(at[0] & 0x80) || at[2] != CLIENT_HELLO)
		return false;
	if (!(at[3] == 3 && at[4] <= 3) && !(at[3] == 0 && at[4] == 2))
		return false;
	suites = sl_be16(at + 5);
	return suites && suites % 3 == 0 && sl_be16(at + 7) <= 32 && sl_be16(at + 9) >= 16 &&
	       sl_be16(at + 9) <= 32 &&
	       (uint32_t)(sl_be16(at) & 0x7fff) == 9u + suites + sl_be16(at + 7) + sl_be16(at + 9);
}

static enum sl_verdict try_client(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	uint8_t message[HELLO_KEPT];
	uint32_t len, need;

	if (is_ssl2_hello(said->data, said->len))
		return sl_yes(found, SL_APPLICATION_TLS, 90);
	if (said->data[0] & 0x80)
		return said->len < 11 ? SL_MORE : SL_NO;
	if (said->data[0] != HANDSHAKE || (said->len > 1 && said->data[1] != 3) ||
	    (said->len > 2 && said->data[2] > 4))
		return SL_NO;
	if (said->len < RECORD)
		return SL_MORE;
	len = collect(said, message, sizeof(message));
	if (!len)
		return said->len == RECORD ? SL_MORE : SL_NO;
	if (message[0] != CLIENT_HELLO)
		return SL_NO;
	if (len < 6)
		return SL_MORE;
	need = sl_be24(message + 1);
	if (need < 38 || need > HELLO_MAX || message[4] != 3)
		return SL_NO;
	need += 4;
	if (len >= need) {
		struct rest hello = { .at = message + 4, .len = need - 4 };

		return read_client_hello(hello, false, found) ? sl_yes(found, SL_APPLICATION_TLS, 100)
							      : SL_NO;
	}
	/* Enough to know what it is; too long a hello keeps its name to itself. */
	found->name_later = said->len < said->room && len < sizeof(message);
	return sl_yes(found, SL_APPLICATION_TLS, 90);
}

/* A server's first record: a hello, or encrypted data of a session that was picked up. */
static enum sl_verdict try_server(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_SERVER];
	uint32_t len = said->len;

	if (said->data[0] != HANDSHAKE && !(spoken->midway && said->data[0] == APPLICATION_DATA))
		return SL_NO;
	if (len < RECORD + 1)
		return SL_MORE;
	if (said->data[1] != 3 || said->data[2] > 4 || sl_be16(said->data + 3) > RECORD_MAX)
		return SL_NO;
	if (said->data[0] == APPLICATION_DATA)
		return sl_perhaps(found, SL_APPLICATION_TLS, 60);
	if (len < RECORD + 6)
		return SL_MORE;
	if (said->data[RECORD] != SERVER_HELLO || said->data[RECORD + 4] != 3)
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_TLS, 90);
}

enum sl_verdict sl_parse_tls(const struct sl_spoken *spoken, struct sl_found *found)
{
	if (spoken->side[SL_CLIENT].len) {
		enum sl_verdict verdict = try_client(spoken, found);

		if (verdict != SL_NO || !spoken->midway)
			return verdict;
	}
	/* In TLS the client speaks first: a server that does has been picked up. */
	if (spoken->side[SL_SERVER].len)
		return try_server(spoken, found);
	return SL_MORE;
}

enum sl_verdict sl_parse_dtls(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	const uint8_t *at = said->data, *handshake;
	struct rest hello;
	uint32_t fragment;

	if (!said->len)
		return SL_MORE;
	if (said->len < DTLS_RECORD + DTLS_HANDSHAKE + 35)
		return SL_NO;
	handshake = at + DTLS_RECORD;
	if (at[0] != HANDSHAKE || at[1] != 0xfe || at[2] < 0xfd || sl_be16(at + 3) != 0 ||
	    handshake[0] != CLIENT_HELLO)
		return SL_NO;
	if (DTLS_RECORD + (uint32_t)sl_be16(at + 11) > said->total)
		return SL_NO;
	fragment = sl_be24(handshake + 9);
	if (sl_be24(handshake + 6) != 0 || fragment > sl_be24(handshake + 1) ||
	    fragment + DTLS_HANDSHAKE > sl_be16(at + 11))
		return SL_NO;
	hello.at = handshake + DTLS_HANDSHAKE;
	hello.len = said->len - DTLS_RECORD - DTLS_HANDSHAKE;
	hello.bad = false;
	if (fragment < sl_be24(handshake + 1) || fragment > hello.len)
		return sl_yes(found, SL_APPLICATION_DTLS, 85);
	hello.len = fragment;
	return read_client_hello(hello, true, found) ? sl_yes(found, SL_APPLICATION_DTLS, 100) : SL_NO;
}
