// SPDX-License-Identifier: BSD-2-Clause
/*
 * MySQL and MariaDB (their documentation, "Protocol::HandshakeV10" and
 * "ERR_Packet"): the server greets first, or refuses.
 */
#include "dpi/inspect/parse.h"

#define HEADER 4
#define VERSION_MAX 64
#define ERROR_MAX 512
#define GREETING_MIN 32 /* with the shortest version */
#define GREETING_MAX 256

static bool is_greeting(const uint8_t *at, uint32_t len)
{
	const uint8_t *end = memchr(at + 1, 0, len - 1 < VERSION_MAX ? len - 1 : VERSION_MAX);
	uint32_t behind;

	if (!end || end == at + 1 || !sl_is_printable(at + 1, (uint32_t)(end - at - 1)) || at[1] < '0' ||
	    at[1] > '9')
		return false;
	/* connection id 4, salt 8, filler 1, capabilities 2 */
	behind = (uint32_t)(at + len - end - 1);
	return behind >= 15 && end[1 + 12] == 0;
}

/* Code in the range of the server's errors, then text, which may begin with "#" and a state. */
static bool is_error(const uint8_t *at, uint32_t len)
{
	uint16_t code = sl_le16(at + 1);

	return code >= 1000 && code < 5000 && sl_is_printable(at + 3, len - 3);
}

enum sl_verdict sl_parse_mysql(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[SL_SERVER];
	uint32_t len;

	if (!said->len)
		return spoken->side[SL_CLIENT].len ? SL_NO : SL_MORE;
	if (said->len < HEADER + 1)
		return SL_MORE;
	len = (uint32_t)said->data[2] << 16 | sl_le16(said->data);
	if (said->data[3] != 0)
		return SL_NO;
	if (said->data[4] == 10 ? len < GREETING_MIN || len > GREETING_MAX
				: said->data[4] != 0xff || len < 8 || len > ERROR_MAX)
		return SL_NO;
	if (said->len < HEADER + len)
		return SL_MORE;
	if (said->data[4] == 10)
		return is_greeting(said->data + HEADER, len) ? sl_yes(found, SL_APPLICATION_MYSQL, 100)
							     : SL_NO;
	return is_error(said->data + HEADER, len) ? sl_yes(found, SL_APPLICATION_MYSQL, 85) : SL_NO;
}
