// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names and their addresses as the agent is told of them: each pair when it is
 * new (kind 12), when it is forgotten (13), and all addresses of a name that a
 * policy speaks of whenever there is one more (11).
 *
 * Invariant: an address has one name, the one said last; at most
 * TELL_NAMES_MAX are remembered, the one that expires first makes room.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compat/tell_own.h"
#include "lib/clock.h"

#define TTL_MIN_S 60
#define TTL_MAX_S 86400
#define HOST 0x01 /* the name is looked for in requests as well */

struct pair {
	uint8_t address[16];
	uint64_t expires_ns; /* 0: free */
	char name[WIRE_NAME];
};

struct names {
	struct pair pair[TELL_NAMES_MAX];
};

struct names *names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void names_free(struct names *names)
{
	free(names);
}

static struct pair *find(struct names *names, const uint8_t address[16])
{
	struct pair *best = names->pair;

	for (unsigned int i = 0; i < TELL_NAMES_MAX; i++) {
		struct pair *pair = &names->pair[i];

		if (pair->expires_ns && !memcmp(pair->address, address, sizeof(pair->address)))
			return pair;
		if (pair->expires_ns < best->expires_ns)
			best = pair;
	}
	return best;
}

static bool covers(const char *pattern, const char *name)
{
	size_t n = strlen(name), k;

	if (strncmp(pattern, "*.", 2) != 0)
		return !strcasecmp(pattern, name);
	k = strlen(pattern + 1);
	return n > k && !strcasecmp(name + n - k, pattern + 1);
}

/* Is it a name the agent has told of, or that a rule speaks of? */
static const char *wanted(const struct agent *agent, const char *name, uint8_t *ret_flags)
{
	*ret_flags = 0;
	for (const struct agent_name *n = agent->names; n; n = n->next) {
		if (covers(n->name, name)) {
			*ret_flags = n->host ? HOST : 0;
			return n->name;
		}
	}
	for (const struct agent_policy *p = agent->policies; p; p = p->next) {
		for (size_t i = 0; i < p->n_rules; i++) {
			if (*p->rules[i].name && covers(p->rules[i].name, name)) {
				*ret_flags = p->rules[i].host ? HOST : 0;
				return p->rules[i].name;
			}
		}
	}
	return NULL;
}

static void tell_name(struct tell *tell, const char *pattern, uint8_t flags)
{
	static uint8_t addresses[WIRE_ADDRESSES_MAX][16];
	unsigned int n = 0;

	for (unsigned int i = 0; i < TELL_NAMES_MAX && n < WIRE_ADDRESSES_MAX; i++) {
		const struct pair *pair = &tell->names->pair[i];

		if (pair->expires_ns && covers(pattern, pair->name))
			memcpy(addresses[n++], pair->address, sizeof(pair->address));
	}
	tell_message(tell,
		     wire_name_addresses(tell->message, pattern, flags, (const uint8_t(*)[16])addresses, n));
}

static void forget(struct tell *tell, struct pair *pair)
{
	tell_message(tell, wire_address_gone(tell->message, pair->address));
	pair->expires_ns = 0;
}

void names_take(struct tell *tell, const struct sl_report *report, size_t len)
{
	uint32_t ttl = report->named.ttl < TTL_MIN_S   ? TTL_MIN_S
		       : report->named.ttl > TTL_MAX_S ? TTL_MAX_S
						       : report->named.ttl;
	uint64_t expires = report->time_ns + ttl * 1000000000ull;
	char name[WIRE_NAME] = "";
	uint8_t address[16], flags;
	const char *pattern;
	struct pair *pair;

	if (report->named.name_len > len || report->named.name_len >= sizeof(name))
		return;
	memcpy(name, report + 1, report->named.name_len);
	tell_put_address(address, &report->named.address);
	pair = find(tell->names, address);
	if (pair->expires_ns && !memcmp(pair->address, address, sizeof(address)) &&
	    !strcasecmp(pair->name, name)) {
		pair->expires_ns = expires;
		return;
	}
	if (pair->expires_ns)
		forget(tell, pair);
	*pair = (struct pair){ .expires_ns = expires };
	memcpy(pair->address, address, sizeof(address));
	memcpy(pair->name, name, sizeof(name));
	tell_message(tell, wire_address_name(tell->message, address, name));
	pattern = wanted(tell->agent, name, &flags);
	if (pattern)
		tell_name(tell, pattern, flags);
}

void tell_names_expire(struct tell *tell)
{
	uint64_t now = sl_clock_ns();

	for (unsigned int i = 0; i < TELL_NAMES_MAX; i++) {
		if (tell->names->pair[i].expires_ns && tell->names->pair[i].expires_ns < now)
			forget(tell, &tell->names->pair[i]);
	}
}
