// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whole inspections under libFuzzer, nDPI included: any bytes, in any order of
 * sides, end within their limits, name nothing that is no name, and give the
 * same result again.
 *
 * Input: a byte (bit 0: UDP, bit 1: picked up in the middle), then packets: a
 * byte for the side, two for the length, the payload.
 */
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "dpi/inspect/inspect.h"
#include "dpi/inspect/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

static void check_name(const char *name)
{
	struct sl_name again;

	must(strlen(name) <= SL_NAME_MAX);
	must(sl_name_take(&again, (const uint8_t *)name, strlen(name)) && strcmp(again.text, name) == 0);
}

static void play(struct sl_inspector *inspector, struct sl_session *session, const uint8_t *data, size_t size)
{
	struct sl_packet packet = { 0 };
	unsigned int shown = 0;

	memset(session, 0, sizeof(*session));
	session->tuple.protocol = data[0] & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	session->picked_up = data[0] & 2;
	for (size_t at = 1; at + 3 <= size;) {
		enum sl_side side = data[at] & 1;
		size_t len = (size_t)data[at + 1] << 8 | data[at + 2];
		bool open = !session->application_final || session->inspect;
		uint8_t *copy;

		at += 3;
		len = len < size - at ? len : size - at;
		/* At the end of an allocation of its own: reading too far is seen. */
		copy = malloc(len ? len : 1);
		if (len)
			memcpy(copy, data + at, len);
		sl_inspect(inspector, session, &packet, copy, (uint32_t)len, side);
		free(copy);
		at += len;
		shown += len && open;
		must(session->confidence <= 100);
		must(session->application || !session->confidence);
		if (session->name)
			check_name(session->name);
	}
	must(shown <= SL_INSPECT_PACKETS);
	if (shown == SL_INSPECT_PACKETS)
		must(session->application_final && !session->inspect);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_inspector *inspector;
	struct sl_session first, second;

	if (!inspector)
		must(sl_inspector_open(&inspector, NULL) == 0);
	if (!size)
		return 0;
	play(inspector, &first, data, size);
	play(inspector, &second, data, size);
	must(first.application == second.application && first.confidence == second.confidence &&
	     first.application_final == second.application_final);
	must(!first.name == !second.name && (!first.name || strcmp(first.name, second.name) == 0));
	sl_inspect_forget(inspector, &first);
	sl_inspect_forget(inspector, &second);
	return 0;
}
