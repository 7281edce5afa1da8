// SPDX-License-Identifier: BSD-2-Clause
/* The one place where bytes from outside become a name: see name.h for what a name is. */
#include "dpi/inspect/name.h"

#include <string.h>

/* The byte as a name has it, or 0 if it cannot be in one. */
static char fold(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'))
		return (char)byte;
	return byte && strchr("-_.:*[]", byte) ? (char)byte : 0;
}

bool sl_name_take(struct sl_name *ret, const uint8_t *bytes, size_t len)
{
	struct sl_name name = { 0 };

	/* "example.com." is the same host as "example.com". */
	if (len && bytes[len - 1] == '.')
		len--;
	if (!len || len > SL_NAME_MAX || bytes[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		name.text[i] = fold(bytes[i]);
		if (!name.text[i] || (bytes[i] == '.' && bytes[i - 1] == '.'))
			return false;
	}
	name.len = (uint16_t)len;
	*ret = name;
	return true;
}

bool sl_name_take_authority(struct sl_name *ret, const uint8_t *bytes, size_t len)
{
	const uint8_t *end;

	if (len && bytes[0] == '[') {
		end = memchr(bytes, ']', len);
		return end && sl_name_take(ret, bytes + 1, (size_t)(end - bytes - 1));
	}
	end = memchr(bytes, ':', len);
	return sl_name_take(ret, bytes, end ? (size_t)(end - bytes) : len);
}
