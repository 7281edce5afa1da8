// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses to names; see known.h for the invariant. An open-addressed table
 * of entries with a sequence number each: odd while it is being written, and
 * a reader that finds it odd or changed reads again.
 */
#include "dpi/policy/known.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NEIGHBOURS 8 /* places where an address can be */
#define NO_NAME UINT32_MAX

struct entry {
	_Atomic uint32_t sequence;
	_Atomic uint32_t used;
	_Atomic uint64_t address[2];
	struct {
		_Atomic uint64_t expires_ns;
		_Atomic uint32_t name;
	} belongs[SL_KNOWN_NAMES];
};

struct sl_known {
	uint64_t key[2]; /* of the hash: who sends us addresses shall not choose their places */
	struct entry entry[SL_KNOWN_ADDRESSES];
};

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(&(field), value, memory_order_relaxed)

int sl_known_open(struct sl_known **ret, struct sl_err *err)
{
	struct sl_known *known = calloc(1, sizeof(*known));

	if (!known)
		return sl_err(err, ENOMEM, "no memory for the addresses of names");
	if (getrandom(known->key, sizeof(known->key), 0) != sizeof(known->key)) {
		free(known);
		return sl_errno(err, errno, "no random numbers for the addresses of names");
	}
	*ret = known;
	return 0;
}

void sl_known_close(struct sl_known *known)
{
	free(known);
}

static uint32_t place(const struct sl_known *known, const uint64_t address[2])
{
	uint64_t h = known->key[0] ^ address[0];

	h *= 0x9e3779b97f4a7c15ULL;
	h ^= h >> 29;
	h = (h ^ known->key[1] ^ address[1]) * 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 32;
	return (uint32_t)h & (SL_KNOWN_ADDRESSES - 1);
}

/* When the last of its names expires. */
static uint64_t last_expiry(const struct entry *entry)
{
	uint64_t last = 0;

	for (unsigned int i = 0; i < SL_KNOWN_NAMES; i++)
		if (LOAD(entry->belongs[i].name) != NO_NAME && LOAD(entry->belongs[i].expires_ns) > last)
			last = LOAD(entry->belongs[i].expires_ns);
	return last;
}

/* Where the address is, or shall be. */
static struct entry *find_place(struct sl_known *known, const uint64_t address[2])
{
	uint32_t at = place(known, address);
	struct entry *best = NULL;

	for (unsigned int i = 0; i < NEIGHBOURS; i++) {
		struct entry *entry = &known->entry[(at + i) & (SL_KNOWN_ADDRESSES - 1)];

		if (LOAD(entry->used) && LOAD(entry->address[0]) == address[0] &&
		    LOAD(entry->address[1]) == address[1])
			return entry;
		if (!best ||
		    (LOAD(best->used) && (!LOAD(entry->used) || last_expiry(entry) < last_expiry(best))))
			best = entry;
	}
	return best;
}

static void put_name(struct entry *entry, uint32_t name, uint64_t expires_ns, uint64_t now_ns)
{
	unsigned int to = 0;

	for (unsigned int i = 0; i < SL_KNOWN_NAMES; i++) {
		uint64_t expires = LOAD(entry->belongs[i].expires_ns);

		if (LOAD(entry->belongs[i].name) == name) {
			/* A later answer never shortens what an earlier one has promised. */
			if (expires > expires_ns && expires > now_ns)
				expires_ns = expires;
			to = i;
			break;
		}
		if (LOAD(entry->belongs[i].name) == NO_NAME)
			expires = 0;
		if (expires < LOAD(entry->belongs[to].expires_ns))
			to = i;
	}
	STORE(entry->belongs[to].name, name);
	STORE(entry->belongs[to].expires_ns, expires_ns);
}

void sl_known_tell(struct sl_known *known, const struct sl_addr *address, uint32_t name, uint64_t expires_ns,
		   uint64_t now_ns)
{
	uint64_t words[2];
	struct entry *entry;
	uint32_t sequence;

	memcpy(words, address->byte, sizeof(words));
	entry = find_place(known, words);
	sequence = LOAD(entry->sequence);
	STORE(entry->sequence, sequence + 1);
	atomic_thread_fence(memory_order_release);
	if (!LOAD(entry->used) || LOAD(entry->address[0]) != words[0] ||
	    LOAD(entry->address[1]) != words[1]) {
		for (unsigned int i = 0; i < SL_KNOWN_NAMES; i++) {
			STORE(entry->belongs[i].name, NO_NAME);
			STORE(entry->belongs[i].expires_ns, 0);
		}
		STORE(entry->address[0], words[0]);
		STORE(entry->address[1], words[1]);
		STORE(entry->used, 1);
	}
	put_name(entry, name, expires_ns, now_ns);
	atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
}

/* One look at one entry: how many names, or -1 if it was being written. */
static int read_entry(const struct entry *entry, const uint64_t address[2], uint64_t now_ns,
		      uint32_t ret[SL_KNOWN_NAMES], bool *ret_found)
{
	uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
	int n = 0;

	*ret_found = LOAD(entry->used) && LOAD(entry->address[0]) == address[0] &&
		     LOAD(entry->address[1]) == address[1];
	for (unsigned int i = 0; *ret_found && i < SL_KNOWN_NAMES; i++) {
		uint32_t name = LOAD(entry->belongs[i].name);

		if (name != NO_NAME && LOAD(entry->belongs[i].expires_ns) > now_ns)
			ret[n++] = name;
	}
	atomic_thread_fence(memory_order_acquire);
	return sequence % 2 || LOAD(entry->sequence) != sequence ? -1 : n;
}

unsigned int sl_known_ask(const struct sl_known *known, const struct sl_addr *address, uint64_t now_ns,
			  uint32_t ret[SL_KNOWN_NAMES])
{
	uint64_t words[2];
	uint32_t at;

	memcpy(words, address->byte, sizeof(words));
	at = place(known, words);
	for (unsigned int i = 0; i < NEIGHBOURS; i++) {
		const struct entry *entry = &known->entry[(at + i) & (SL_KNOWN_ADDRESSES - 1)];
		bool found = false;
		int n;

		do {
			n = read_entry(entry, words, now_ns, ret, &found);
		} while (n < 0);
		if (found)
			return (unsigned int)n;
	}
	return 0;
}
