// SPDX-License-Identifier: BSD-2-Clause
/*
 * PostgreSQL (its documentation, "Message Formats"): the client begins with a
 * request for encryption, to cancel, or with a start-up message of protocol 3.
 */
#include "dpi/inspect/parse.h"

#define CANCEL 80877102
#define SSL 80877103
#define GSS 80877104
#define STARTUP_MAX 10000 /* what a server accepts */

/* Pairs of texts, ended by an empty one. */
static bool is_startup(const uint8_t *at, uint32_t len)
{
	bool user = false;

	while (len > 1) {
		for (int i = 0; i < 2; i++) {
			const uint8_t *end = memchr(at, 0, len);

			if (!end || (i == 0 && !sl_is_word(at, (uint32_t)(end - at))))
				return false;
			user = user || (i == 0 && strcmp((const char *)at, "user") == 0);
			len -= (uint32_t)(end - at) + 1;
			at = end + 1;
		}
	}
	return user && len == 1 && !*at;
}

enum sl_verdict sl_parse_postgresql(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	uint32_t len, code;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->len < 8)
		return said->data[0] || (said->len > 1 && said->data[1]) ? SL_NO : SL_MORE;
	len = sl_be32(said->data);
	code = sl_be32(said->data + 4);
	if (len == 8 && (code == SSL || code == GSS))
		return sl_yes(found, SL_APPLICATION_POSTGRESQL, 100);
	if (len == 16 && code == CANCEL)
		return sl_yes(found, SL_APPLICATION_POSTGRESQL, 100);
	if (code >> 16 != 3 || (code & 0xffff) > 2 || len < 8 + 6 || len > STARTUP_MAX)
		return SL_NO;
	if (said->len < len)
		return sl_short_of(spoken, said, len);
	return is_startup(said->data + 8, len - 8) ? sl_yes(found, SL_APPLICATION_POSTGRESQL, 100) : SL_NO;
}
