/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A compiled policy as bytes: what the compiler writes and the core reads. One
 * block without pointers, so that it can come through a sealed memory file;
 * native byte order, as both sides are on one machine.
 *
 * A rule is a bit, bit 0 the first rule. For each thing a query says (whose
 * and which way, peer, port, protocol, application) tables lead to the sets
 * of rules that agree; the lowest bit in all of them decides. A set is
 * stored as a summary, one bit per word of 64 rules, and the words that are
 * not zero. Rules that take `any` are in one set for all, so that the others'
 * sets stay small.
 *
 * Invariant: sl_policy_open() has checked every offset, count and set before
 * anything is looked up.
 */
#ifndef SLUICE_DPI_POLICY_BLOCK_H
#define SLUICE_DPI_POLICY_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define SL_BLOCK_MAGIC 0x594c4f505f4c53ULL
#define SL_BLOCK_VERSION 2
#define SL_BLOCK_SIZE_MAX (256U << 20)
#define SL_BLOCK_RULES_MAX 16384
#define SL_BLOCK_WORDS_MAX (SL_BLOCK_RULES_MAX / 64)
#define SL_BLOCK_SUMMARY_MAX (SL_BLOCK_WORDS_MAX / 64)
#define SL_BLOCK_NAME_MAX 255
#define SL_BLOCK_NAMES_MAX 4096

/* A table: offset in bytes from the block's start, a multiple of 8; count of its elements. */
struct sl_block_part {
	uint32_t offset, count;
};

struct sl_block_rule {
	uint32_t id;
	uint8_t action; /* enum sl_rule_action */
	uint8_t label; /* of an agent's policy: the action by its number, which the session keeps */
	uint16_t
		host; /* of an agent's policy: the place of a name, from 1 on, that the session's must be as well */
};

struct sl_block_workload {
	uint16_t id;
	uint8_t mode; /* enum sl_policy_mode */
	uint8_t action[2]; /* defaults: egress, ingress */
	uint8_t label; /* of an agent's policy: the default by its number */
	uint8_t agent; /* SL_BLOCK_AGENT_*; 0: the workload has no agent's policy */
	uint8_t pad;
	uint32_t set[2]; /* rules that name it: egress, ingress */
};

#define SL_BLOCK_AGENT 0x01 /* it has an agent's policy (agent.h) … */
#define SL_BLOCK_AGENT_EGRESS 0x02 /* … which speaks of this direction */
#define SL_BLOCK_AGENT_INGRESS 0x04
#define SL_BLOCK_AGENT_NBE 0x08 /* its namespace is a boundary */
#define SL_BLOCK_AGENT_ALL 0x0f

struct sl_block_name {
	uint32_t text; /* offset in texts; lower case, "*.example.com" for all below; sorted, unique */
	uint32_t set;
};

struct sl_block_v6 {
	uint64_t high, low; /* host byte order */
};

/* uint32_t set: place of a set in words[]. */
struct sl_block {
	uint64_t magic;
	uint64_t size; /* of all */
	uint64_t sum; /* of all behind this field: sl_block_sum() */
	uint32_t version;
	uint32_t n_rules, n_words, n_summary;
	uint32_t any_workload[2]; /* egress, ingress */
	uint32_t any_peer, any_port, any_protocol;
	uint32_t dependent; /* rules with a list of applications */
	uint32_t any_own; /* rules that take any address of the workload's own */
	uint32_t agent; /* SL_AGENT_* of agent.h */
	struct sl_block_workload fallback; /* workloads that are not in the table */
	struct sl_block_part rules; /* struct sl_block_rule */
	struct sl_block_part workloads; /* struct sl_block_workload, ids ascending */
	struct sl_block_part v4_from,
		v4_set; /* uint32_t: first address of each stretch, from 0 on; its set */
	struct sl_block_part v6_from, v6_set; /* struct sl_block_v6, uint32_t */
	struct sl_block_part peer_id, peer_set; /* uint32_t: peers that are workloads, ascending; sets */
	struct sl_block_part application_id, application_set; /* uint32_t, ascending; sets */
	struct sl_block_part names; /* struct sl_block_name */
	struct sl_block_part texts; /* char */
	struct sl_block_part pages; /* uint32_t[256]: sets of 256 ports */
	struct sl_block_part own_from,
		own_set; /* as v4, of the workload's own address; none: no rule asks for it */
	struct sl_block_part class_from,
		class_bits; /* as v4: SL_CLASS_* of agent.h; none: no address has any */
	struct sl_block_part words; /* uint64_t: summaries and words of the sets */
	uint32_t protocol[256]; /* set */
	uint16_t port_page[256]; /* by a port's high byte: which of pages */
};
_Static_assert(sizeof(struct sl_block) % 8 == 0, "the tables behind it are aligned");
_Static_assert(sizeof(struct sl_block_workload) == 16, "part of the block's layout");

/* Finds damage, not forgery: a changed word always changes it. size is a multiple of 8. */
static inline uint64_t sl_block_sum(const void *block, uint64_t size)
{
	const uint64_t *word = block;
	uint64_t sum = size;

	for (uint64_t i = offsetof(struct sl_block, version) / 8; i < size / 8; i++) {
		sum = (sum ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		sum = sum << 31 | sum >> 33;
	}
	return sum;
}

#endif
