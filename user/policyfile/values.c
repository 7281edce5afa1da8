// SPDX-License-Identifier: BSD-2-Clause
/* Words and what they mean; see values.h for the invariant. */
#include "policyfile/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "dpi/policy/block.h"

#define SHOWN 48 /* bytes of a wrong value in a message */
#define LABEL_MAX 63

static int wrong(struct sl_err *err, const char *text, const char *expected)
{
	char shown[SHOWN + 4];
	size_t n = 0;

	for (; n < SHOWN && text[n]; n++)
		shown[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	strcpy(shown + n, text[n] ? "..." : "");
	return sl_err(err, EINVAL, "'%s' is not %s", shown, expected);
}

int sl_value_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*text || (*text == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned int)(*text - '0');
		if (value > max)
			return -EINVAL;
	}
	if (value < min)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

/* An address of either family, IPv4 as ::ffff:a.b.c.d. */
static int parse_address(const char *text, size_t len, struct sl_addr *ret, bool *ret_v6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char copy[INET6_ADDRSTRLEN];

	if (!len || len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, ret->byte + 12) == 1) {
		memcpy(ret->byte, mapped, sizeof(mapped));
		*ret_v6 = false;
		return 0;
	}
	if (inet_pton(AF_INET6, copy, ret->byte) != 1)
		return -EINVAL;
	*ret_v6 = memcmp(ret->byte, mapped, sizeof(mapped)) != 0;
	return 0;
}

static int parse_prefix(const char *text, const char *slash, struct sl_peer *ret, struct sl_err *err)
{
	struct sl_addr masked;
	char shown[SL_TEXT_MAX];
	uint32_t bits;

	if (parse_address(text, slash - text, &ret->from, &ret->v6) ||
	    sl_value_number(slash + 1, 0, ret->v6 ? 128 : 32, &bits))
		return wrong(err, text, "a CIDR such as 10.0.0.0/8 or 2001:db8::/32");
	bits += ret->v6 ? 0 : 96;
	ret->to = ret->from;
	masked = ret->from;
	for (uint32_t i = bits; i < 128; i++) {
		masked.byte[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
		ret->to.byte[i / 8] |= 0x80 >> i % 8;
	}
	if (memcmp(&masked, &ret->from, sizeof(masked)) != 0)
		return sl_err(err, EINVAL, "'%s' has bits behind its prefix; meant is %s?", text,
			      sl_range_text(&masked, &ret->to, ret->v6, shown));
	return 0;
}

static int parse_range(const char *text, const char *dash, struct sl_peer *ret, struct sl_err *err)
{
	bool v6 = false;

	if (parse_address(text, dash - text, &ret->from, &ret->v6) ||
	    parse_address(dash + 1, strlen(dash + 1), &ret->to, &v6) || v6 != ret->v6)
		return wrong(err, text, "a range such as 10.0.0.1-10.0.0.9, of one family");
	if (memcmp(&ret->from, &ret->to, sizeof(ret->from)) > 0)
		return wrong(err, text, "a range: its end is before its beginning");
	return 0;
}

/* A host's name in lower case, after a leading "*." perhaps; with one dot at least. */
static bool make_name(const char *text, char *ret)
{
	size_t len = strlen(text), label = 0, dots = 0, start = strncmp(text, "*.", 2) ? 0 : 2;

	if (len && text[len - 1] == '.')
		len--;
	if (len <= start || len > SL_BLOCK_NAME_MAX)
		return false;
	memcpy(ret, text, start);
	for (size_t i = start; i < len; i++) {
		char c = (char)tolower((unsigned char)text[i]);

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
			dots++;
		} else if (!(isalnum((unsigned char)c) || c == '-' || c == '_') || ++label > LABEL_MAX) {
			return false;
		}
		ret[i] = c;
	}
	ret[len] = '\0';
	return label && (dots || start);
}

static int parse_name(struct sl_arena *arena, const char *text, struct sl_peer *ret, struct sl_err *err)
{
	char name[SL_BLOCK_NAME_MAX + 1];

	if (!make_name(text, name))
		return wrong(err, text,
			     "a peer: any, an address, CIDR, range, host name such as db.example.com or "
			     "*.example.com, workload:NAME or workload:ID");
	ret->kind = SL_PEER_NAME;
	ret->name = sl_arena_text(arena, name, strlen(name));
	return ret->name ? 0 : sl_err(err, E2BIG, "too large");
}

int sl_value_peer(struct sl_arena *arena, const char *text, struct sl_peer *ret, struct sl_err *err)
{
	const char *slash = strchr(text, '/'), *dash = strchr(text, '-');
	struct sl_peer peer = { .kind = SL_PEER_RANGE };
	int r;

	if (!strncmp(text, "workload:", 9)) {
		peer.kind = SL_PEER_WORKLOAD;
		r = sl_value_workload(arena, text + 9, &peer.workload, err);
	} else if (slash) {
		r = parse_prefix(text, slash, &peer, err);
	} else if (!parse_address(text, strlen(text), &peer.from, &peer.v6)) {
		peer.to = peer.from;
		r = 0;
	} else if (dash && (strchr(text, ':') || !parse_address(text, dash - text, &peer.from, &peer.v6))) {
		r = parse_range(text, dash, &peer, err);
	} else if (strchr(text, ':')) {
		r = wrong(err, text, "an IPv6 address, nor workload:NAME");
	} else if (strspn(text, "0123456789.") == strlen(text)) {
		r = wrong(err, text, "an IPv4 address");
	} else {
		r = parse_name(arena, text, &peer, err);
	}
	if (!r)
		*ret = peer;
	return r;
}

int sl_value_workload(struct sl_arena *arena, const char *text, struct sl_workload_ref *ret,
		      struct sl_err *err)
{
	size_t len = strlen(text);
	uint32_t id;

	if (!sl_value_number(text, 1, 65535, &id)) {
		*ret = (struct sl_workload_ref){ .id = (uint16_t)id };
		return 0;
	}
	if (!len || len > SL_WORKLOAD_NAME_MAX || strspn(text, "0123456789") == len || !strcmp(text, "any"))
		return wrong(err, text, "a workload: an id from 1 to 65535 or a name of at most 31 bytes");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return wrong(err, text, "a workload's name: it has blanks or control characters");
	ret->id = 0;
	ret->name = sl_arena_text(arena, text, len);
	return ret->name ? 0 : sl_err(err, E2BIG, "too large");
}

int sl_value_ports(const char *text, struct sl_port_range *ret, struct sl_err *err)
{
	const char *dash = strchr(text, '-');
	uint32_t from, to;
	char copy[8];

	if (!dash && !sl_value_number(text, 0, 65535, &from)) {
		*ret = (struct sl_port_range){ (uint16_t)from, (uint16_t)from };
		return 0;
	}
	if (!dash || dash - text >= (int)sizeof(copy))
		return wrong(err, text, "a port from 0 to 65535 or a range such as 8000-8080");
	snprintf(copy, sizeof(copy), "%.*s", (int)(dash - text), text);
	if (sl_value_number(copy, 0, 65535, &from) || sl_value_number(dash + 1, 0, 65535, &to))
		return wrong(err, text, "a port from 0 to 65535 or a range such as 8000-8080");
	if (from > to)
		return wrong(err, text, "a range of ports: its end is before its beginning");
	*ret = (struct sl_port_range){ (uint16_t)from, (uint16_t)to };
	return 0;
}

int sl_value_protocol(const char *text, uint8_t ret[2], size_t *ret_n, struct sl_err *err)
{
	uint32_t number;

	*ret_n = 1;
	if (!strcmp(text, "icmp")) {
		ret[0] = 1;
		ret[1] = 58;
		*ret_n = 2;
	} else if (!strcmp(text, "tcp")) {
		ret[0] = 6;
	} else if (!strcmp(text, "udp")) {
		ret[0] = 17;
	} else if (!strcmp(text, "sctp")) {
		ret[0] = 132;
	} else if (!sl_value_number(text, 0, 255, &number)) {
		ret[0] = (uint8_t)number;
	} else {
		return wrong(err, text, "a protocol: any, tcp, udp, icmp, sctp or a number from 0 to 255");
	}
	return 0;
}

int sl_value_application(const char *text, uint16_t *ret, struct sl_err *err)
{
	return sl_application_number(text, ret)
		       ? wrong(err, text, "an application sluice knows, such as http, tls, dns or redis")
		       : 0;
}

int sl_value_mode(const char *text, enum sl_policy_mode *ret, struct sl_err *err)
{
	for (int mode = SL_POLICY_DISCOVER; mode <= SL_POLICY_PROTECT; mode++)
		if (!strcmp(text, sl_mode_text(mode))) {
			*ret = mode;
			return 0;
		}
	return wrong(err, text, "a mode: discover, monitor or protect");
}

int sl_value_action(const char *text, enum sl_rule_action *ret, struct sl_err *err)
{
	if (strcmp(text, "allow") != 0 && strcmp(text, "deny") != 0)
		return wrong(err, text, "allow or deny");
	*ret = *text == 'a' ? SL_RULE_ALLOW : SL_RULE_DENY;
	return 0;
}

int sl_value_direction(const char *text, uint8_t *ret, struct sl_err *err)
{
	if (!strcmp(text, "ingress"))
		*ret = SL_INGRESS;
	else if (!strcmp(text, "egress"))
		*ret = SL_EGRESS;
	else if (!strcmp(text, "both"))
		*ret = SL_INGRESS | SL_EGRESS;
	else
		return wrong(err, text, "a direction: ingress, egress or both");
	return 0;
}
