// SPDX-License-Identifier: BSD-2-Clause
/*
 * The existing protocol's messages under libFuzzer: any bytes are refused as a
 * whole with a sentence, or done; whatever an agent has said compiles to a
 * policy that the core takes. Messages of one input are parted by NULs.
 */
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"
#include "compat/translate.h"
#include "dpi/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

static void take(struct agent *agent, const char *bytes, size_t len)
{
	static struct compat_message message;
	struct sl_err err = { 0 };
	int r = compat_message_read(bytes, len, &message, &err);

	must((r < 0) == (err.code != 0) && (!r || !message.n));
	for (size_t i = 0; i < message.n; i++) {
		struct sl_err one = { 0 };

		r = agent_apply(agent, &message.requests[i], &one);
		must((r < 0) == (one.code != 0));
	}
	sl_arena_free(&message.arena);
}

/* Megabytes each time: of one input in so many, always the same ones. */
#define COMPILED 64

static bool is_compiled(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + data[i];
	return sum % COMPILED == 0;
}

static void compile(const struct agent *agent)
{
	struct sl_policy *policy = NULL;
	struct sl_err err = { 0 };
	size_t block_size, rules;
	void *block;

	must(!translate_policy(agent, &block, &block_size, &rules, &err));
	must(!sl_policy_open(block, block_size, &policy, &err));
	sl_policy_free(policy);
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool compiled = is_compiled(data, size);
	struct agent *agent = agent_new();

	while (size) {
		const uint8_t *end = memchr(data, 0, size);
		size_t len = end ? (size_t)(end - data) : size;

		take(agent, (const char *)data, len);
		data += len + !!end;
		size -= len + !!end;
	}
	for (struct endpoint *e = agent->endpoints; e; e = e->next)
		e->core_id = e->id;
	if (compiled)
		compile(agent);
	agent_free(agent);
	return 0;
}
