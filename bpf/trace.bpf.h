/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Lines in trace_pipe, one a frame, switched by map writes while it runs:
 * sl_config.trace says which programs speak, sl_config.trace_all or a
 * workload's SL_WL_TRACE about whom.
 *
 * Invariant: switched off it costs one test of a word in a cache line the
 * program reads anyway; it never changes what happens to a frame.
 */
#ifndef SLUICE_TRACE_BPF_H
#define SLUICE_TRACE_BPF_H

#include "maps.bpf.h"

/* Rows of equal length: a table of pointers would need relocations a BPF object cannot carry. */
static const char sl_reason_words[SL_REASON_MAX][20] = {
#define X(name, kind, programs, text) #name,
	SL_REASONS(X)
#undef X
};

static __always_inline bool sl_traced(const struct sl_config *config, enum sl_program program,
				      const struct sl_workload *workload)
{
	if (__builtin_expect(!(config->trace & (1U << program)), 1))
		return false;
	return config->trace_all || (workload && (workload->flags & SL_WL_TRACE));
}

/* Whose frame is this, where nothing but the trace wants to know? NULL, and 0: of nobody known. */
static __always_inline const struct sl_workload *sl_traced_workload(const struct ethhdr *eth, __u32 *ret_id)
{
	const struct sl_ucmac *ucmac;
	struct sl_ucmac_key key;

	__builtin_memcpy(key.mac, sl_is_ucmac(eth->h_dest) ? eth->h_dest : eth->h_source, sizeof(key.mac));
	ucmac = bpf_map_lookup_elem(&sl_ucmacs_v1, &key);
	*ret_id = ucmac ? ucmac->workload.id : 0;
	return ucmac ? bpf_map_lookup_elem(&sl_workloads_v1, &ucmac->workload) : NULL;
}

/* trace_pipe has no format for a MAC: printed as twelve digits, in two numbers. */
#define SL_MAC_HIGH(mac) ((__u32)(mac)[0] << 8 | (mac)[1])
#define SL_MAC_LOW(mac) ((__u32)(mac)[2] << 24 | (__u32)(mac)[3] << 16 | (__u32)(mac)[4] << 8 | (mac)[5])

/* word: "vex" …, a literal. eth: the Ethernet header as the program found it. */
#define sl_trace_frame(word, id, reason, eth, len)                                                           \
	bpf_printk("sluice " word " id %u %s src %04x%08x dst %04x%08x len %u", id,                          \
		   sl_reason_words[(reason) < SL_REASON_MAX ? (reason) : 0], SL_MAC_HIGH((eth)->h_source),   \
		   SL_MAC_LOW((eth)->h_source), SL_MAC_HIGH((eth)->h_dest), SL_MAC_LOW((eth)->h_dest), len)

#endif
