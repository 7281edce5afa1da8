// SPDX-License-Identifier: BSD-2-Clause
/*
 * The family of HTTP/1 (RFC 9112), RTSP (RFC 7826) and SIP (RFC 3261): a
 * request line of three words that ends with the protocol's name.
 *
 * The host is that of the target if the target has one, else that of the Host
 * field (RFC 9112, 3.2.2). Two Host fields that differ are a trick: none is
 * believed.
 */
#include "dpi/inspect/parse.h"

#include <strings.h>

#define METHOD_MAX 24

static const struct {
	const char *mark; /* at the end of a request line, and at the beginning of a response */
	uint16_t application;
} family[] = {
	{ "HTTP/1.", SL_APPLICATION_HTTP },
	{ "RTSP/1.", SL_APPLICATION_RTSP },
	{ "RTSP/2.", SL_APPLICATION_RTSP },
	{ "SIP/2.", SL_APPLICATION_SIP },
};
#define COUNT (sizeof(family) / sizeof(family[0]))

/* "GET ", "M-SEARCH ": capitals and dashes, then one blank. Their length, 0 for none, -1 if cut short. */
static int method_length(const struct sl_said *said)
{
	uint32_t i;

	for (i = 0; i < said->len && i <= METHOD_MAX; i++) {
		if (said->data[i] == ' ')
			return i > 1 ? (int)i : 0;
		if (!(said->data[i] >= 'A' && said->data[i] <= 'Z') && said->data[i] != '-' &&
		    said->data[i] != '_')
			return 0;
	}
	return i > METHOD_MAX ? 0 : -1;
}

/* The line at `at` without its end; NULL if the end is not there. *next: behind it. */
static const uint8_t *line_end(const uint8_t *at, const uint8_t *end, const uint8_t **next)
{
	const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));

	if (!newline)
		return NULL;
	*next = newline + 1;
	return newline > at && newline[-1] == '\r' ? newline - 1 : newline;
}

/* "http://host/path", "sip:user@host" or, of CONNECT, "host:port". */
static bool host_of_target(const uint8_t *at, uint32_t len, bool connect, struct sl_name *ret)
{
	const uint8_t *end = at + len, *host = at, *stop;

	if (!connect) {
		const uint8_t *colon = memchr(at, ':', len);

		if (*at == '/' || !colon || colon - at > 8)
			return false;
		host = colon + 1;
		if (end - host >= 2 && host[0] == '/' && host[1] == '/')
			host += 2;
	}
	for (stop = host; stop < end && !strchr("/?;#", *stop); stop++)
		if (*stop == '@')
			host = stop + 1;
	return host < stop && sl_name_take_authority(ret, host, (size_t)(stop - host));
}

/* Looks through the fields for Host. True if all of them are there or it was found. */
static bool host_of_fields(const uint8_t *at, const uint8_t *end, struct sl_name *ret)
{
	const uint8_t *next, *stop;
	struct sl_name host = { 0 }, other;
	bool bad = false;

	for (; (stop = line_end(at, end, &next)); at = next) {
		if (stop == at) {
			if (!bad)
				*ret = host;
			return true;
		}
		if (stop - at < 5 || strncasecmp((const char *)at, "host:", 5) != 0)
			continue;
		at += 5;
		while (at < stop && (*at == ' ' || *at == '\t'))
			at++;
		while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		if (stop == at)
			continue; /* RFC 9112: empty if the target has no host */
		if (!sl_name_take_authority(&other, at, (size_t)(stop - at)) ||
		    (host.len && strcmp(host.text, other.text) != 0))
			bad = true;
		else
			host = other;
	}
	return false;
}

/* The last word of a request line: which of the family. COUNT: none. */
static size_t family_of(const uint8_t *at, const uint8_t *stop)
{
	for (size_t i = 0; i < COUNT; i++) {
		size_t len = strlen(family[i].mark);

		if ((size_t)(stop - at) == len + 1 && memcmp(at, family[i].mark, len) == 0 &&
		    stop[-1] >= '0' && stop[-1] <= '9')
			return i;
	}
	return COUNT;
}

static enum sl_verdict try_request(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	const uint8_t *end = said->data + said->len, *next, *stop, *word, *target;
	int method = method_length(said);
	size_t i;

	if (!method || (method < 0 && spoken->protocol == IPPROTO_UDP))
		return SL_NO;
	if (method < 0)
		return SL_MORE;
	target = said->data + method + 1;
	stop = line_end(target, end, &next);
	if (!sl_is_word(target, target < end ? 1 : 0))
		return SL_NO;
	if (!stop) {
		/* A target longer than we keep, of a method and a form that only HTTP has. */
		if (said->len < said->room)
			return spoken->protocol == IPPROTO_UDP ? SL_NO : SL_MORE;
		return *target == '/' ? sl_yes(found, SL_APPLICATION_HTTP, 70) : SL_NO;
	}
	for (word = stop; word > target && word[-1] != ' '; word--)
		;
	i = family_of(word, stop);
	if (i == COUNT || word <= target + 1)
		return SL_NO;
	if (!host_of_target(target, (uint32_t)(word - 1 - target),
			    method == 7 && !memcmp(said->data, "CONNECT", 7), &found->name) &&
	    family[i].application == SL_APPLICATION_HTTP)
		found->name_later = !host_of_fields(next, end, &found->name) && said->len < said->room &&
				    spoken->protocol == IPPROTO_TCP;
	return sl_yes(found, family[i].application, 100);
}

/* A response: of a session that was picked up, or a server that answers before it was asked. */
static enum sl_verdict try_response(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_SERVER];

	for (size_t i = 0; i < COUNT; i++) {
		uint32_t len = (uint32_t)strlen(family[i].mark);

		/* "HTTP/1.1 200" */
		if (sl_begins(said, family[i].mark) == SL_YES && said->len >= len + 5)
			return said->data[len + 1] == ' ' && said->data[len + 2] >= '1' &&
					       said->data[len + 2] <= '9'
				       ? sl_yes(found, family[i].application, 85)
				       : SL_NO;
		if (sl_begins(said, family[i].mark) != SL_NO)
			return SL_MORE;
	}
	return SL_NO;
}

enum sl_verdict sl_parse_http(const struct sl_spoken *spoken, struct sl_found *found)
{
	enum sl_verdict verdict = SL_NO;

	if (spoken->side[SL_CLIENT].len)
		verdict = try_request(spoken, found);
	else if (!spoken->midway)
		return SL_MORE;
	if (verdict == SL_NO && spoken->midway && spoken->side[SL_SERVER].len)
		verdict = try_response(spoken, found);
	else if (verdict == SL_NO && spoken->midway)
		verdict = SL_MORE;
	return verdict;
}
