// SPDX-License-Identifier: BSD-2-Clause
/* The list of ethertypes that may pass in strict; see conf_etypes.h. */
#include "lib/conf_etypes.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/maps.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* One word of non_ip. 0 or -EINVAL. */
static int parse_ethertype(const char *word, __u16 *ret, struct sl_err *err)
{
	/* Listing one of these would be without effect: the programs see what is behind them. */
	static const __u16 inspected[] = { 0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8 };
	unsigned long n;
	char *end;

	if (!strcmp(word, "llc")) {
		*ret = SL_ETYPE_LLC;
		return 0;
	}
	n = strtoul(word, &end, 16);
	if (strncmp(word, "0x", 2) || !isxdigit((unsigned char)word[2]) || *end || n < 0x600 || n > 0xffff)
		return sl_err(err, EINVAL, "'%s' is neither 'llc' nor an ethertype from 0x0600 to 0xffff",
			      word);
	for (size_t i = 0; i < ARRAY_SIZE(inspected); i++) {
		if (n == inspected[i])
			return sl_err(err, EINVAL,
				      "'%s' is IP, ARP or a VLAN tag, which has rules of its own", word);
	}
	*ret = n;
	return 0;
}

int sl_conf_parse_non_ip(struct sl_conf *conf, const char *value, struct sl_err *err)
{
	__u16 list[SL_ETYPES_MAX], etype = 0;
	char text[SL_ETYPES_MAX * 8], *next = text, *word;
	__u32 n = 0, i;

	if (strlen(value) >= sizeof(text))
		return sl_err(err, EINVAL, "the list is longer than %zu characters", sizeof(text) - 1);
	strcpy(text, value);
	while ((word = strsep(&next, ", \t"))) {
		if (!*word)
			continue;
		if (parse_ethertype(word, &etype, err))
			return -EINVAL;
		for (i = 0; i < n && list[i] != etype; i++)
			;
		if (i < n)
			continue;
		if (n == SL_ETYPES_MAX)
			return sl_err(err, EINVAL, "more than %d ethertypes", SL_ETYPES_MAX);
		list[n++] = etype;
	}
	memset(conf->non_ip, 0, sizeof(conf->non_ip));
	memcpy(conf->non_ip, list, n * sizeof(*list));
	conf->n_non_ip = n;
	return 0;
}
