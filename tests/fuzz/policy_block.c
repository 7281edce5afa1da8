// SPDX-License-Identifier: BSD-2-Clause
/*
 * Compiled policies under libFuzzer: whatever bytes are taken must be safe to
 * ask. The input is changes to a good block, whose sum is mended, as bytes
 * without a right sum go nowhere.
 */
#include <stdlib.h>
#include <string.h>

#include "dpi/policy/block.h"
#include "dpi/policy/policy.h"
#include "policyfile/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"version: 1\n"
	"workloads: [{workload: 3, mode: protect}, {workload: 9, egress: allow}]\n"
	"rules:\n"
	"- {id: 1, direction: both, peer: [10.0.0.0/8, '2001:db8::/32'], ports: 80-90, action: allow}\n"
	"- {id: 2, direction: ingress, workload: 3, peer: '*.example.com', action: deny}\n"
	"- {id: 3, direction: egress, peer: 'workload:7', application: http, action: allow}\n"
	"- {id: 4, direction: both, protocol: [tcp, icmp, 47], action: deny}\n";

static uint8_t *good;
static size_t good_size;

static void make_good(void)
{
	struct sl_rules *rules;

	if (sl_rules_read(text, strlen(text), "good", &rules, NULL) ||
	    sl_rules_compile(rules, NULL, (void **)&good, &good_size, NULL, NULL))
		abort();
	sl_rules_free(rules);
}

static void ask(const struct sl_policy *policy, const uint8_t *data, size_t size)
{
	struct sl_policy_query query = { 0 };
	struct sl_policy_answer answer;

	for (unsigned int i = 0; i < 64; i++) {
		query.workload = (uint16_t)(i % 12);
		query.ingress = i & 1;
		query.peer_workload = i % 8;
		query.protocol = (uint8_t)(i % 3 ? 6 : i);
		query.port = (uint16_t)(i * 1021);
		query.application = i % 5 ? 1001 : 0;
		query.application_final = i & 2;
		for (unsigned int k = 0; k < 16 && size; k++)
			query.peer.byte[k] = data[(i * 16 + k) % size];
		if (i % 2)
			memcpy(query.peer.byte, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		sl_policy_ask(policy, &query, &answer);
		if (answer.action > SL_RULE_DENY || answer.mode > SL_POLICY_PROTECT)
			abort();
	}
}

/* Six bytes a change: where (3), how (1), what (2). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_policy *policy = NULL;
	struct sl_block *block;

	if (!good)
		make_good();
	block = malloc(good_size);
	if (!block)
		return 0;
	memcpy(block, good, good_size);
	for (size_t i = 0; i + 6 <= size; i += 6) {
		size_t where =
			(data[i] | (size_t)data[i + 1] << 8 | (size_t)data[i + 2] << 16) % (good_size - 1);
		uint8_t *at = (uint8_t *)block + where;

		if (data[i + 3] & 1)
			at[0] = data[i + 4], at[1] = data[i + 5];
		else
			at[0] ^= data[i + 4];
	}
	block->sum = sl_block_sum(block, good_size);
	if (!sl_policy_open(block, good_size, &policy, NULL))
		ask(policy, data, size);
	sl_policy_free(policy);
	if (size >= sizeof(*block) && !sl_policy_open(data, size & ~(size_t)7, &policy, NULL))
		sl_policy_free(policy);
	free(block);
	return 0;
}
