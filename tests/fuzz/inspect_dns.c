// SPDX-License-Identifier: BSD-2-Clause
/* DNS messages and HPACK blocks under libFuzzer: they end, read nothing outside, and what is kept is clean. */
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/dns.h"
#include "dpi/inspect/hpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

static void check_name(const struct sl_name *name)
{
	struct sl_name again;

	must(name->len <= SL_NAME_MAX && strlen(name->text) == name->len);
	if (name->len)
		must(sl_name_take(&again, (const uint8_t *)name->text, name->len) && again.len == name->len);
}

static void try_dns(const uint8_t *data, size_t size)
{
	static struct sl_dns dns;

	memset(&dns, 0xee, sizeof(dns));
	if (sl_dns_parse(data, size, &dns) < 0) {
		must(dns.id == 0xeeee && dns.n_records == 0xeeeeeeee);
		return;
	}
	must(dns.len <= size && dns.n_records <= SL_DNS_RECORDS && dns.n_records + dns.more <= dns.answers);
	check_name(&dns.question);
	for (unsigned int i = 0; i < dns.n_records; i++) {
		check_name(&dns.record[i].owner);
		check_name(&dns.record[i].alias);
		must(dns.record[i].ttl <= INT32_MAX);
	}
}

static void try_hpack(const uint8_t *data, size_t size)
{
	struct sl_hpack_field field;
	uint32_t at = 0, before = 0;

	while (sl_hpack_next(data, (uint32_t)size, &at, &field)) {
		must(at > before && at <= size);
		must(field.value_len < SL_HPACK_TEXT);
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_dns(data, size);
	try_hpack(data, size);
	return 0;
}
