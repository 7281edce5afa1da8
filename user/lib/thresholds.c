// SPDX-License-Identifier: BSD-2-Clause
/* Thresholds as a table; see thresholds.h. */
#include "lib/thresholds.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	struct sl_threshold what;
	size_t offset;
} table[] = {
#define X(field, option, value, max, text)                                                                   \
	{ { #field, option, "--" option, text, value, max }, offsetof(struct sl_thresholds, field) },
	SL_THRESHOLDS(X)
#undef X
};
#define COUNT (sizeof(table) / sizeof(*table))

const struct sl_threshold *sl_threshold(unsigned int i)
{
	return i < COUNT ? &table[i].what : NULL;
}

__u32 *sl_threshold_of(struct sl_thresholds *thresholds, unsigned int i)
{
	return (__u32 *)((char *)thresholds + table[i].offset);
}

int sl_threshold_find(const char *name)
{
	for (unsigned int i = 0; i < COUNT; i++) {
		if (!strcmp(table[i].what.name, name))
			return (int)i;
	}
	return -ENOENT;
}

/* Of what is off the other does not matter. */
static int check_rest(const char *name, __u32 threshold, __u32 rest, struct sl_err *err)
{
	if (!threshold || rest <= threshold)
		return 0;
	return sl_err(err, EINVAL,
		      "%s_rest = %u: must not be above %s = %u, or it would be over before it begins", name,
		      rest, name, threshold);
}

int sl_thresholds_check(const struct sl_thresholds *thresholds, struct sl_err *err)
{
	int r = check_rest("syn_flood", thresholds->syn_flood, thresholds->syn_flood_rest, err);

	r = r ?: check_rest("icmp_flood", thresholds->icmp_flood, thresholds->icmp_flood_rest, err);
	return r
		       ?: check_rest("source_sessions", thresholds->source_sessions,
				     thresholds->source_sessions_rest, err);
}

__u32 sl_threshold_rest(__u32 threshold, __u32 rest)
{
	if (!rest)
		rest = threshold - threshold / 4;
	return rest ? rest : 1;
}
