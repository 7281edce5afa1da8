// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records of names and addresses, and which of a policy's names cover one;
 * see names.h. A table in neighbourhoods of a few places by a keyed hash: who
 * answers DNS questions shall not choose which records drive each other out.
 */
#include "dpi/policy/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dpi/policy/compiled.h"
#include "dpi/policy/known.h"

#define NEIGHBOURS 8

struct record {
	char *name; /* lower case; NULL: free */
	struct sl_addr address;
	uint64_t expires_ns;
};

struct sl_names {
	uint64_t key;
	uint32_t limit;
	struct record record[];
};

int sl_names_open(struct sl_names **ret, uint32_t limit, struct sl_err *err)
{
	struct sl_names *names = calloc(1, sizeof(*names) + limit * sizeof(*names->record));

	if (!names)
		return sl_err(err, ENOMEM, "no memory for names learned from DNS");
	names->limit = limit;
	if (getrandom(&names->key, sizeof(names->key), 0) != sizeof(names->key)) {
		free(names);
		return sl_errno(err, errno, "no random numbers for names learned from DNS");
	}
	*ret = names;
	return 0;
}

void sl_names_close(struct sl_names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; i < names->limit; i++)
		free(names->record[i].name);
	free(names);
}

/* In lower case, without the root's dot. False: too long, or nothing. */
static bool plain_name(const char *name, char plain[SL_BLOCK_NAME_MAX + 1])
{
	size_t n = 0;

	for (; name[n]; n++) {
		if (n == SL_BLOCK_NAME_MAX)
			return false;
		plain[n] = (char)tolower((unsigned char)name[n]);
	}
	if (n && plain[n - 1] == '.')
		n--;
	plain[n] = '\0';
	return n > 0;
}

static struct record *find_place(struct sl_names *names, const char *name, const struct sl_addr *address)
{
	struct record *best = NULL;
	uint64_t h = names->key;

	for (const char *c = name; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x9e3779b97f4a7c15ULL ^ h >> 29;
	for (int i = 0; i < 16; i++)
		h = (h ^ address->byte[i]) * 0x9e3779b97f4a7c15ULL ^ h >> 29;
	for (uint32_t i = 0; i < NEIGHBOURS; i++) {
		struct record *record = &names->record[((h >> 32) + i) & (names->limit - 1)];

		if (record->name && !memcmp(&record->address, address, sizeof(*address)) &&
		    !strcmp(record->name, name))
			return record;
		if (!best || (best->name && (!record->name || record->expires_ns < best->expires_ns)))
			best = record;
	}
	return best;
}

/* The number of a name in the policy's table, or -1. */
static long find_name(const struct sl_policy *policy, const char *name)
{
	uint32_t low = 0, n = policy->block->names.count;

	while (n) {
		uint32_t half = n / 2;
		int c = strcmp(policy->texts + policy->names[low + half].text, name);

		if (!c)
			return low + half;
		if (c < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return -1;
}

/* The name itself, and each "*.rest" above it. */
static bool tell(struct sl_policy *policy, const char *name, const struct sl_addr *address,
		 uint64_t expires_ns, uint64_t now_ns)
{
	char wildcard[SL_BLOCK_NAME_MAX + 2] = "*";
	bool told = false;
	long at;

	if (!policy || !policy->known)
		return false;
	at = find_name(policy, name);
	for (;;) {
		if (at >= 0) {
			sl_known_tell(policy->known, address, (uint32_t)at, expires_ns, now_ns);
			told = true;
		}
		name = strchr(name, '.');
		if (!name)
			return told;
		strcpy(wildcard + 1, name++);
		at = find_name(policy, wildcard);
	}
}

bool sl_names_learn(struct sl_names *names, struct sl_policy *policy, const char *name,
		    const struct sl_addr *address, uint64_t expires_ns, uint64_t now_ns)
{
	char plain[SL_BLOCK_NAME_MAX + 1], *copy;
	struct record *record;

	if (!plain_name(name, plain))
		return false;
	record = find_place(names, plain, address);
	if (!record->name || strcmp(record->name, plain) != 0 ||
	    memcmp(&record->address, address, sizeof(*address)) != 0) {
		copy = strdup(plain);
		/* Without memory it is not remembered; the policy is told all the same. */
		if (!copy)
			return tell(policy, plain, address, expires_ns, now_ns);
		free(record->name);
		*record = (struct record){ .name = copy, .address = *address };
	}
	if (expires_ns > record->expires_ns)
		record->expires_ns = expires_ns;
	return tell(policy, plain, address, expires_ns, now_ns);
}

void sl_names_tell_all(struct sl_names *names, struct sl_policy *policy, uint64_t now_ns)
{
	for (uint32_t i = 0; i < names->limit; i++) {
		struct record *record = &names->record[i];

		if (record->name && record->expires_ns > now_ns)
			tell(policy, record->name, &record->address, record->expires_ns, now_ns);
	}
}

static long find_address(const struct sl_addr *addresses, size_t n, const struct sl_addr *address)
{
	size_t low = 0;

	while (n) {
		size_t half = n / 2;
		int c = memcmp(&addresses[low + half], address, sizeof(*address));

		if (!c)
			return (long)(low + half);
		if (c < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return -1;
}

#define MANY "*" /* no name of a host */

void sl_names_of(const struct sl_names *names, const struct sl_addr *addresses, size_t n, sl_policy_name *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i][0] = '\0';
	/* The records are many, the addresses few: once through the records. */
	for (uint32_t i = 0; i < names->limit; i++) {
		const struct record *record = &names->record[i];
		long at = record->name ? find_address(addresses, n, &record->address) : -1;

		if (at >= 0)
			snprintf(ret[at], sizeof(ret[at]), "%s", *ret[at] ? MANY : record->name);
	}
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(ret[i], MANY))
			ret[i][0] = '\0';
	}
}
