// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a lookup of the policy costs with 10, 100, 1000 and 10,000 rules, how
 * long compiling takes and how large the result is. Rules as a user of
 * thousands has them: many workloads, peers of all kinds of prefixes in both
 * families, ports and some applications; questions of which half are answered
 * by a rule, spread over all of them, and half by the default.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "policyfile/compile.h"

#define QUESTIONS 4096 /* different ones */
#define ROUNDS 100

struct side {
	size_t n_rules;
	struct sl_policy *policy;
	struct sl_rules *rules;
	struct sl_policy_query *queries;
	double compile_ms;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static uint32_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

/* One rule of the file, and a question that it answers. */
static void make_rule(FILE *out, uint64_t *state, size_t i, struct sl_policy_query *query)
{
	uint32_t net = next(state), port = 1024 + next(state) % 30000, length = 16 + next(state) % 17;
	uint32_t mask = ~(uint32_t)(((uint64_t)1 << (32 - length)) - 1), workload = 1 + next(state) % 200;
	struct in_addr address = { htonl(net & mask) };

	memset(query, 0, sizeof(*query));
	query->workload = (uint16_t)workload;
	query->ingress = i & 1;
	query->protocol = i % 4 ? 6 : 17;
	query->port = (uint16_t)port;
	query->application = i % 8 ? 0 : 1001;
	query->application_final = true;
	query->peer.byte[10] = query->peer.byte[11] = 0xff;
	fprintf(out, "- {id: %zu, direction: %s, workload: %u, protocol: %s, ports: %u%s, action: %s, ",
		i + 1, i & 1 ? "ingress" : "egress", workload, i % 4 ? "tcp" : "udp", port,
		i % 8 ? "" : ", application: http", i % 3 ? "allow" : "deny");
	if (i % 5 == 4) {
		memset(query->peer.byte, 0, 16);
		memcpy(query->peer.byte, "\x20\x01\x0d\xb8", 4);
		query->peer.byte[4] = (uint8_t)(net >> 8);
		query->peer.byte[5] = (uint8_t)net;
		query->peer.byte[15] = 1;
		fprintf(out, "peer: '2001:db8:%x::/48'}\n", net & 0xffff);
	} else if (i % 10 == 3) {
		memcpy(query->peer.byte + 12, &address, 4);
		fputs("peer: any}\n", out);
	} else {
		memcpy(query->peer.byte + 12, &address, 4);
		fprintf(out, "peer: %s/%u}\n", inet_ntoa(address), length);
	}
}

static int make_side(struct side *side, size_t n, struct sl_err *err)
{
	uint64_t state = 42, before;
	char *text = NULL;
	size_t size, block_size = 0;
	FILE *out = open_memstream(&text, &size);
	struct sl_policy_query *all = calloc(n, sizeof(*all));
	void *block = NULL;
	int r;

	side->n_rules = n;
	side->queries = calloc(QUESTIONS, sizeof(*side->queries));
	if (!out || !all || !side->queries)
		return sl_err(err, ENOMEM, "no memory for rules");
	fputs("version: 1\nrules:\n", out);
	for (size_t i = 0; i < n; i++)
		make_rule(out, &state, i, &all[i]);
	fclose(out);
	for (size_t i = 0; i < QUESTIONS; i++) {
		side->queries[i] = all[next(&state) % n];
		/* Port 1 is nobody's. */
		if (i % 2)
			side->queries[i].port = 1;
	}
	r = sl_rules_read(text, size, "bench", &side->rules, err);
	before = now_ns();
	r = r ?: sl_rules_compile(side->rules, NULL, &block, &block_size, NULL, err);
	r = r ?: sl_policy_open(block, block_size, &side->policy, err);
	side->compile_ms = (double)(now_ns() - before) / 1e6;
	free(block);
	free(all);
	free(text);
	return r;
}

static void free_side(struct side *side)
{
	sl_policy_free(side->policy);
	sl_rules_free(side->rules);
	free(side->queries);
}

/* ns a lookup. */
static int measure(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	struct sl_policy_answer answer;
	uint64_t before, hits = 0;

	before = now_ns();
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < QUESTIONS; i++) {
			sl_policy_ask(side->policy, &side->queries[i], &answer);
			hits += answer.rule != 0;
		}
	*ret = (double)(now_ns() - before) / ROUNDS / QUESTIONS;
	/* Half of the questions were made to be answered by a rule. */
	if (hits < (uint64_t)ROUNDS * QUESTIONS / 2)
		return sl_err(err, EAGAIN, "only %lu of the questions met a rule", (unsigned long)hits);
	return 0;
}

/* The same by going through the rules one by one. */
static int measure_linear(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	struct sl_policy_answer answer;
	uint64_t before = now_ns();

	(void)err;
	for (unsigned int i = 0; i < QUESTIONS; i++)
		sl_rules_ask(side->rules, &side->queries[i], NULL, &answer);
	*ret = (double)(now_ns() - before) / QUESTIONS;
	return 0;
}

static int compile_value(void *context, double *ret, struct sl_err *err)
{
	(void)err;
	*ret = ((struct side *)context)->compile_ms;
	return 0;
}

static int size_value(void *context, double *ret, struct sl_err *err)
{
	(void)err;
	*ret = (double)sl_policy_size(((struct side *)context)->policy) / 1024;
	return 0;
}

static int one(const char *name, const char *contender, const char *baseline, const char *unit,
	       enum bench_kind kind, const struct bench_side *a, const struct bench_side *b,
	       struct sl_err *err)
{
	struct series series = { .name = name,
				 .contender = contender,
				 .baseline = baseline,
				 .unit = unit,
				 .note = "first packets: half answered by a rule, half by the default",
				 .kind = kind };

	return bench_figure(&series, a, b, err);
}

int measure_policy(struct sl_err *err)
{
	static const size_t n_rules[4] = { 10, 100, 1000, 10000 };
	static const char *const names[4] = { "policy_10_ns", "policy_100_vs_10", "policy_1000_vs_10",
					      "policy_10000_vs_10" };
	static const char *const texts[4] = { "10 rules", "100 rules", "1000 rules", "10,000 rules" };
	struct side side[4] = { 0 };
	struct bench_side contender[4], baseline = { measure, &side[0] };
	int r = 0;

	for (unsigned int i = 0; !r && i < 4; i++) {
		r = make_side(&side[i], n_rules[i], err);
		contender[i] = (struct bench_side){ measure, &side[i] };
	}
	r = r ?: one(names[0], texts[0], "", "ns", BENCH_VALUE, &contender[0], NULL, err);
	for (unsigned int i = 1; !r && i < 4; i++)
		r = one(names[i], texts[i], texts[0], "ns", BENCH_RATIO, &contender[i], &baseline, err);
	if (!r) {
		const struct bench_side linear = { measure_linear, &side[3] };
		const struct bench_side compiling = { compile_value, &side[3] },
					size = { size_value, &side[3] };

		r = one("policy_10000_vs_linear", texts[3], "the same one by one", "ns", BENCH_RATIO,
			&contender[3], &linear, err);
		r = r
			    ?: one("policy_10000_compile_ms", "compiling 10,000 rules", "", "ms", BENCH_VALUE,
				   &compiling, NULL, err);
		r = r
			    ?: one("policy_10000_kib", "10,000 rules compiled", "", "KiB", BENCH_VALUE, &size,
				   NULL, err);
	}
	for (unsigned int i = 0; i < 4; i++)
		free_side(&side[i]);
	return r;
}
