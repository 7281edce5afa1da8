// SPDX-License-Identifier: BSD-2-Clause
/*
 * TFTP (RFC 1350, 2347). The request goes to the server's port; the transfer
 * is a conversation of its own, begun by the server from another port, and is
 * known by a first block and its acknowledgement.
 */
#include "dpi/inspect/parse.h"

#include <strings.h>

enum { RRQ = 1, WRQ, DATA, ACK, ERROR, OACK };

/* The text at *at, ended by NUL within the datagram, and behind it. NULL if there is none. */
static const char *text(const struct sl_said *said, uint32_t *at)
{
	const uint8_t *start = said->data + *at;
	const uint8_t *end = *at < said->len ? memchr(start, 0, said->len - *at) : NULL;

	if (!end || end == start || !sl_is_printable(start, (uint32_t)(end - start)))
		return NULL;
	*at += (uint32_t)(end - start) + 1;
	return (const char *)start;
}

static bool is_request(const struct sl_said *said)
{
	uint32_t at = 2;
	const char *file = text(said, &at), *mode = file ? text(said, &at) : NULL;

	if (!mode || (strcasecmp(mode, "octet") && strcasecmp(mode, "netascii") && strcasecmp(mode, "mail")))
		return false;
	while (at < said->len)
		if (!text(said, &at))
			return false;
	return true;
}

/* Pairs of texts, one at least. */
static bool is_options(const struct sl_said *said)
{
	unsigned int texts = 0;
	uint32_t at = 2;

	for (; at < said->len; texts++)
		if (!text(said, &at))
			return false;
	return texts && texts % 2 == 0;
}

/* Whether b acknowledges what a said first: block 1, block 0 or the options. */
static bool acknowledges(const struct sl_said *a, const struct sl_said *b)
{
	uint16_t block;

	if (a->len < 4 || b->len != 4 || sl_be16(b->data) != ACK)
		return false;
	block = sl_be16(b->data + 2);
	if (sl_be16(a->data) == DATA)
		return sl_be16(a->data + 2) == 1 && block == 1 && a->total <= 512 + 4;
	return sl_be16(a->data) == OACK && is_options(a) && block == 0;
}

enum sl_verdict sl_parse_tftp(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];
	uint16_t op;

	if (!client->len)
		return server->len ? SL_NO : SL_MORE;
	if (client->len < 4 || client->len != client->total)
		return SL_NO;
	op = sl_be16(client->data);
	if (op == RRQ || op == WRQ)
		return is_request(client) ? sl_yes(found, SL_APPLICATION_TFTP, 100) : SL_NO;
	if (op < DATA || op > OACK)
		return SL_NO;
	if (!server->len)
		return SL_MORE;
	if (acknowledges(client, server) ||
	    /* Writing: the server acknowledges the request, then gets block 1. */
	    (op == ACK && client->total == 4 && !sl_be16(client->data + 2) && server->len >= 4 &&
	     sl_be16(server->data) == DATA && sl_be16(server->data + 2) == 1))
		return sl_yes(found, SL_APPLICATION_TFTP, 85);
	/* The client took the options: it sends block 1 itself when it writes. */
	if (op == OACK && is_options(client) && server->len >= 4 && sl_be16(server->data) == DATA &&
	    sl_be16(server->data + 2) == 1)
		return sl_yes(found, SL_APPLICATION_TFTP, 85);
	return SL_NO;
}
