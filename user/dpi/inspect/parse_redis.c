// SPDX-License-Identifier: BSD-2-Clause
/*
 * Redis (its documentation, "Redis serialization protocol"): a command is an
 * array of texts, or a line of plain words, which needs the server's answer to
 * be told from other protocols of lines.
 */
#include "dpi/inspect/parse.h"

#include <strings.h>

#define ARGUMENTS_MAX (1024 * 1024) /* what a server accepts */
#define COMMAND_MAX 32
#define STATUS_MAX 256

static const char *const plain[] = {
	"PING", "AUTH", "INFO", "QUIT", "GET", "SET", "HELLO", "SELECT", "ECHO"
};

/* "<sign><number>\r\n": 1 and *at behind it, 0 if it is not that, -1 if it is cut short. */
static int number(const struct sl_said *said, uint32_t *at, uint8_t sign, uint32_t *ret)
{
	uint32_t i = *at, value = 0, digits = 0;

	if (i >= said->len)
		return -1;
	if (said->data[i++] != sign)
		return 0;
	for (; i < said->len && said->data[i] >= '0' && said->data[i] <= '9'; i++) {
		value = value * 10 + (said->data[i] - '0');
		if (++digits > 7)
			return 0;
	}
	if (i >= said->len)
		return -1;
	if (!digits || said->data[i] != '\r')
		return 0;
	if (i + 1 >= said->len)
		return -1;
	if (said->data[i + 1] != '\n')
		return 0;
	*at = i + 2;
	*ret = value;
	return 1;
}

static bool is_capital(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static enum sl_verdict try_array(const struct sl_said *said, struct sl_found *found)
{
	uint32_t at = 0, arguments, len;
	int rc = number(said, &at, '*', &arguments);

	if (rc > 0 && (!arguments || arguments > ARGUMENTS_MAX))
		return SL_NO;
	if (rc > 0)
		rc = number(said, &at, '$', &len);
	if (rc <= 0)
		return rc < 0 ? SL_MORE : SL_NO;
	if (!len || len > COMMAND_MAX)
		return SL_NO;
	if (said->len < at + len + 2)
		return SL_MORE;
	if (!sl_is_word(said->data + at, len) || memcmp(said->data + at + len, "\r\n", 2) != 0)
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_REDIS, 100);
}

/* "+PONG\r\n", "-ERR …", ":1\r\n", "$5\r\n" or "$-1\r\n", "*2\r\n", "%7\r\n" */
static enum sl_verdict try_answer(const struct sl_said *said)
{
	uint32_t at = 0, ignored;
	int rc;

	if (said->len < 4)
		return SL_MORE;
	if (said->data[0] == '+' || said->data[0] == '-') {
		const uint8_t *end = memchr(said->data, '\r', said->len);

		if (!is_capital(said->data[1]) || !is_capital(said->data[2]))
			return SL_NO;
		if (!end)
			return said->len < STATUS_MAX ? SL_MORE : SL_NO;
		return end - said->data < STATUS_MAX ? SL_YES : SL_NO;
	}
	if (memcmp(said->data, "$-1\r", 4) == 0)
		return SL_YES;
	if (!memchr(":$*%", said->data[0], 4))
		return SL_NO;
	rc = number(said, &at, said->data[0], &ignored);
	return rc < 0 ? SL_MORE : rc ? SL_YES : SL_NO;
}

static enum sl_verdict try_plain(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		uint32_t len = (uint32_t)strlen(plain[i]), have = client->len < len ? client->len : len;

		enum sl_verdict answer;

		if (strncasecmp((const char *)client->data, plain[i], have) != 0)
			continue;
		if (client->len <= len)
			return SL_MORE;
		if (client->data[len] != ' ' && client->data[len] != '\r' && client->data[len] != '\n')
			continue;
		answer = try_answer(server);
		return answer == SL_YES ? sl_yes(found, SL_APPLICATION_REDIS, 80) : answer;
	}
	return SL_NO;
}

enum sl_verdict sl_parse_redis(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT];

	if (!client->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	return client->data[0] == '*' ? try_array(client, found) : try_plain(spoken, found);
}
