// SPDX-License-Identifier: BSD-2-Clause
/* See fields.h for the invariant. */
#include "compat/fields.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

bool fields_failed(const struct fields *fields)
{
	return fields->err->code;
}

void fields_wrong(const struct fields *fields, const char *key, const char *must)
{
	if (!fields_failed(fields))
		sl_err(fields->err, EINVAL, "\"%s\" must be %s", key, must);
}

/* NULL: absent, or nothing is asked any more. */
static json_t *get(const struct fields *fields, const char *key)
{
	json_t *field = fields_failed(fields) ? NULL : json_object_get(fields->object, key);

	return json_is_null(field) ? NULL : field;
}

bool field_bool(const struct fields *fields, const char *key)
{
	json_t *field = get(fields, key);

	if (field && !json_is_boolean(field))
		fields_wrong(fields, key, "true or false");
	return json_is_true(field);
}

uint32_t field_number(const struct fields *fields, const char *key, uint32_t max)
{
	json_t *field = get(fields, key);
	json_int_t value = json_integer_value(field);

	if (!field)
		return 0;
	if (json_is_integer(field) && value >= 0 && value <= (json_int_t)max)
		return (uint32_t)value;
	if (!fields_failed(fields))
		sl_err(fields->err, EINVAL, "\"%s\" must be a whole number up to %u", key, max);
	return 0;
}

const char *field_text(const struct fields *fields, const char *key, size_t max)
{
	json_t *field = get(fields, key);
	const char *copy;

	if (!field)
		return "";
	if (!json_is_string(field) || json_string_length(field) > max) {
		if (!fields_failed(fields))
			sl_err(fields->err, EINVAL, "\"%s\" must be a text of at most %zu bytes", key, max);
		return "";
	}
	copy = sl_arena_text(fields->arena, json_string_value(field), json_string_length(field));
	if (!copy)
		sl_err(fields->err, ENOMEM, "no memory for \"%s\"", key);
	return copy ?: "";
}

const char *field_iface(const struct fields *fields, const char *key)
{
	const char *name = field_text(fields, key, IFNAMSIZ - 1);

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		fields_wrong(fields, key, "the name of an interface");
	return name;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_mac(const char *text, uint8_t ret[6])
{
	if (!text || strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int high = nibble(text[3 * i]), low = nibble(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool field_mac(const struct fields *fields, const char *key, bool needed, uint8_t ret[6])
{
	json_t *field = get(fields, key);
	const char *text = json_string_value(field);

	memset(ret, 0, 6);
	if (!needed && (!field || (text && !*text)))
		return false;
	if (parse_mac(text, ret))
		return true;
	memset(ret, 0, 6);
	fields_wrong(fields, key, "a MAC address like 02:00:00:00:00:01");
	return false;
}

uint32_t field_ip(const struct fields *fields, const char *key, bool *ret_v6)
{
	json_t *field = get(fields, key);
	const char *text = json_string_value(field);
	struct in6_addr v6;
	struct in_addr v4;

	if (ret_v6)
		*ret_v6 = false;
	if (!field || (text && !*text))
		return 0;
	if (text && inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr);
	if (text && ret_v6 && inet_pton(AF_INET6, text, &v6) == 1)
		*ret_v6 = true;
	else
		fields_wrong(fields, key, "an IPv4 address");
	return 0;
}

size_t field_list(const struct fields *fields, const char *key, size_t max, json_t **ret_list)
{
	json_t *field = get(fields, key);

	*ret_list = field;
	if (!field)
		return 0;
	if (json_is_array(field) && json_array_size(field) <= max)
		return json_array_size(field);
	if (!fields_failed(fields))
		sl_err(fields->err, json_is_array(field) ? E2BIG : EINVAL,
		       "\"%s\" must be a list of at most %zu", key, max);
	return 0;
}

struct fields field_element(const struct fields *fields, json_t *list, size_t i, const char *key)
{
	struct fields element = { fields->arena, fields->err, json_array_get(list, i) };

	if (!json_is_object(element.object)) {
		if (!fields_failed(fields))
			sl_err(fields->err, EINVAL, "\"%s\" must be a list of objects", key);
		element.object = NULL;
	}
	return element;
}

void *fields_take(const struct fields *fields, size_t n, size_t size)
{
	void *memory = fields_failed(fields) ? NULL : sl_arena_array(fields->arena, n, size);

	if (!memory && !fields_failed(fields))
		sl_err(fields->err, ENOMEM, "no memory for the message");
	return memory;
}

const uint8_t (*field_macs(const struct fields *fields, const char *key, size_t max, size_t *ret_n))[6]
{
	json_t *list;
	size_t n = field_list(fields, key, max, &list);
	uint8_t(*macs)[6] = fields_take(fields, n, sizeof(*macs));

	for (size_t i = 0; macs && i < n; i++) {
		if (!parse_mac(json_string_value(json_array_get(list, i)), macs[i]))
			fields_wrong(fields, key, "a list of MAC addresses");
	}
	*ret_n = fields_failed(fields) ? 0 : n;
	return (const uint8_t(*)[6])macs;
}
