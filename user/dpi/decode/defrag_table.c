// SPDX-License-Identifier: BSD-2-Clause
/* The books of incomplete datagrams; see defrag_table.h for the invariant. */
#include "dpi/decode/defrag_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t fold_product(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keyed; `bytes` is a multiple of 8. */
static uint64_t hash(const struct sl_defrag_table *table, const void *data, size_t bytes)
{
	uint64_t word, sum = table->secret[0];

	for (size_t at = 0; at < bytes; at += sizeof(word)) {
		memcpy(&word, (const uint8_t *)data + at, sizeof(word));
		sum = fold_product(word ^ table->secret[1], sum ^ table->secret[2]) + table->secret[3];
	}
	return fold_product(sum, table->secret[1]) & table->mask;
}

static void list_init(struct sl_link *list)
{
	list->previous = list->next = list;
}

static void list_append(struct sl_link *list, struct sl_link *link)
{
	link->previous = list->previous;
	link->next = list;
	list->previous->next = link;
	list->previous = link;
}

static void list_remove(struct sl_link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
}

static struct sl_datagram *list_oldest(const struct sl_account *account)
{
	struct sl_link *link = account->datagrams.next;

	if (link == &account->datagrams)
		return NULL;
	return (struct sl_datagram *)((char *)(link - account->payer) - offsetof(struct sl_datagram, link));
}

int sl_defrag_table_init(struct sl_defrag_table *table, const struct sl_defrag_limits *limits)
{
	static const uint32_t share[SL_PAYERS] = { 16, 4, 1 };
	uint64_t buckets = 16;

	if (limits->datagrams < 16 || limits->datagrams > 1 << 20)
		return -EINVAL;
	memset(table, 0, sizeof(*table));
	if (getrandom(table->secret, sizeof(table->secret), 0) != (ssize_t)sizeof(table->secret))
		return -EIO;
	/* The multipliers must not be 0. */
	table->secret[1] |= 1;
	while (buckets < 2ull * limits->datagrams)
		buckets *= 2;
	table->mask = buckets - 1;
	table->datagrams = calloc(limits->datagrams, sizeof(*table->datagrams));
	table->accounts = calloc(2ul * limits->datagrams, sizeof(*table->accounts));
	table->by_key = calloc(buckets, sizeof(*table->by_key));
	table->by_payer = calloc(buckets, sizeof(*table->by_payer));
	if (!table->datagrams || !table->accounts || !table->by_key || !table->by_payer) {
		sl_defrag_table_fini(table);
		return -ENOMEM;
	}
	for (uint32_t i = limits->datagrams; i-- > 0;) {
		table->datagrams[i].chain = table->free_datagrams;
		table->free_datagrams = &table->datagrams[i];
	}
	for (uint32_t i = 2 * limits->datagrams; i-- > 0;) {
		table->accounts[i].chain = table->free_accounts;
		table->free_accounts = &table->accounts[i];
	}
	for (int i = 0; i < SL_PAYERS; i++) {
		table->max_count[i] = limits->datagrams / share[i];
		table->max_bytes[i] = limits->bytes / share[i];
	}
	table->all.payer = SL_PAYER_ALL;
	list_init(&table->all.datagrams);
	return 0;
}

void sl_defrag_table_fini(struct sl_defrag_table *table)
{
	free(table->datagrams);
	free(table->accounts);
	free(table->by_key);
	free(table->by_payer);
	memset(table, 0, sizeof(*table));
}

struct sl_datagram *sl_defrag_table_find(const struct sl_defrag_table *table,
					 const struct sl_datagram_key *key)
{
	struct sl_datagram *datagram = table->by_key[hash(table, key, sizeof(*key))];

	while (datagram && memcmp(&datagram->key, key, sizeof(*key)))
		datagram = datagram->chain;
	return datagram;
}

/* What an account is found by. */
struct payer_key {
	struct sl_addr source;
	uint16_t workload;
	uint8_t payer, to_workload, family;
	uint8_t pad[3];
};
_Static_assert(sizeof(struct payer_key) == 24, "hashed as three words");

static struct payer_key payer_key(const struct sl_datagram_key *key, enum sl_payer payer)
{
	struct payer_key ret = { .workload = key->workload, .payer = payer, .to_workload = key->to_workload };

	if (payer == SL_PAYER_SOURCE) {
		ret.source = key->source;
		ret.family = key->family;
	}
	return ret;
}

static struct sl_account *find_account(const struct sl_defrag_table *table, const struct payer_key *key)
{
	struct sl_account *account = table->by_payer[hash(table, key, sizeof(*key))];

	while (account && (account->payer != key->payer || account->workload != key->workload ||
			   account->to_workload != key->to_workload || account->family != key->family ||
			   memcmp(&account->source, &key->source, sizeof(key->source))))
		account = account->chain;
	return account;
}

static struct sl_account *take_account(struct sl_defrag_table *table, const struct sl_datagram_key *of,
				       enum sl_payer payer)
{
	struct payer_key key = payer_key(of, payer);
	struct sl_account *account, **bucket;

	if (payer == SL_PAYER_ALL)
		return &table->all;
	account = find_account(table, &key);
	if (account)
		return account;
	/* There are two for each datagram. */
	account = table->free_accounts;
	table->free_accounts = account->chain;
	bucket = &table->by_payer[hash(table, &key, sizeof(key))];
	*account = (struct sl_account){
		.chain = *bucket,
		.source = key.source,
		.workload = key.workload,
		.payer = payer,
		.to_workload = key.to_workload,
		.family = key.family,
	};
	list_init(&account->datagrams);
	*bucket = account;
	return account;
}

static void leave_account(struct sl_defrag_table *table, struct sl_account *account,
			  const struct sl_datagram *datagram)
{
	struct payer_key key = payer_key(&datagram->key, account->payer);
	struct sl_account **at;

	account->count--;
	account->bytes -= datagram->bytes;
	if (account->count || account == &table->all)
		return;
	at = &table->by_payer[hash(table, &key, sizeof(key))];
	while (*at != account)
		at = &(*at)->chain;
	*at = account->chain;
	account->chain = table->free_accounts;
	table->free_accounts = account;
}

struct sl_datagram *sl_defrag_table_add(struct sl_defrag_table *table, const struct sl_datagram_key *key,
					uint64_t now_ns)
{
	struct sl_datagram **bucket = &table->by_key[hash(table, key, sizeof(*key))];
	struct sl_datagram *datagram = table->free_datagrams;

	table->free_datagrams = datagram->chain;
	memset(datagram, 0, sizeof(*datagram));
	datagram->key = *key;
	datagram->started_ns = now_ns;
	datagram->chain = *bucket;
	*bucket = datagram;
	for (int i = 0; i < SL_PAYERS; i++) {
		datagram->account[i] = take_account(table, key, i);
		datagram->account[i]->count++;
		list_append(&datagram->account[i]->datagrams, &datagram->link[i]);
	}
	return datagram;
}

void sl_defrag_table_remove(struct sl_defrag_table *table, struct sl_datagram *datagram)
{
	struct sl_datagram **at = &table->by_key[hash(table, &datagram->key, sizeof(datagram->key))];

	while (*at != datagram)
		at = &(*at)->chain;
	*at = datagram->chain;
	for (int i = 0; i < SL_PAYERS; i++) {
		list_remove(&datagram->link[i]);
		leave_account(table, datagram->account[i], datagram);
	}
	datagram->chain = table->free_datagrams;
	table->free_datagrams = datagram;
}

void sl_defrag_table_charge(struct sl_datagram *datagram, uint32_t bytes)
{
	datagram->bytes += bytes;
	for (int i = 0; i < SL_PAYERS; i++)
		datagram->account[i]->bytes += bytes;
}

struct sl_datagram *sl_defrag_table_crowded(const struct sl_defrag_table *table,
					    const struct sl_datagram_key *key, enum sl_payer *ret_payer)
{
	const struct sl_account *account;
	struct payer_key wanted;

	for (int i = 0; i < SL_PAYERS; i++) {
		wanted = payer_key(key, i);
		account = i == SL_PAYER_ALL ? &table->all : find_account(table, &wanted);
		if (account && account->count >= table->max_count[i]) {
			*ret_payer = i;
			return list_oldest(account);
		}
	}
	return NULL;
}

struct sl_datagram *sl_defrag_table_full(const struct sl_defrag_table *table,
					 const struct sl_datagram *datagram, uint32_t bytes,
					 enum sl_payer *ret_payer)
{
	for (int i = 0; i < SL_PAYERS; i++) {
		if (bytes <= table->max_bytes[i] &&
		    datagram->account[i]->bytes <= table->max_bytes[i] - bytes)
			continue;
		*ret_payer = i;
		return list_oldest(datagram->account[i]);
	}
	return NULL;
}

struct sl_datagram *sl_defrag_table_oldest(const struct sl_defrag_table *table)
{
	return list_oldest(&table->all);
}
