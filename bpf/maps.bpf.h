/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The maps of all programs, each pinned by its name in the instance's folder.
 *
 * Invariant: every object that includes this file declares every map alike,
 * so that whichever is loaded first makes them and the others share them.
 * Hashes are not preallocated: memory follows the number of workloads and
 * flows, and only user space inserts, so a frame never has to wait for memory.
 */
#ifndef SLUICE_MAPS_BPF_H
#define SLUICE_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "sluice/abi.h"

/* By the ifindex of vex and vin. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * SL_ID_MAX);
	__type(key, __u32);
	__type(value, struct sl_port);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_ports_v1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_ID_MAX);
	__type(key, struct sl_workload_key);
	__type(value, struct sl_workload);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_workloads_v1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_ID_MAX);
	__type(key, struct sl_ucmac_key);
	__type(value, struct sl_ucmac);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_ucmacs_v1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sl_config);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_config_v2 SEC(".maps");

/* By enum sl_program. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_PROG_MAX);
	__type(key, __u32);
	__type(value, struct sl_counters);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_counters_v3 SEC(".maps");

/* By workload id; the daemon makes the entry when it takes the port. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_ID_MAX);
	__type(key, __u32);
	__type(value, struct sl_traffic);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_traffic_v1 SEC(".maps");

/* Non-IP ethertypes (host byte order) that may pass in strict; the value is always 1. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_ETYPES_MAX);
	__type(key, __u16);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_etypes_v1 SEC(".maps");

/* By queue and lane. Mapped into the core, which stamps its heartbeat and figures there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SL_CORE_MAX);
	__type(key, __u32);
	__type(value, struct sl_core);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_core_v2 SEC(".maps");

/* By queue; the core puts its sockets in, the kernel takes them out when they close. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, SL_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_xsks_v1 SEC(".maps");

/* What the core has decided. The daemon sets another size before loading, if it is configured. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_FLOWS_DEFAULT);
	__type(key, struct sl_flow_key);
	__type(value, struct sl_flow);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sl_flows_v1 SEC(".maps");

static __always_inline const struct sl_config *sl_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_config_v2, &zero);
}

#endif
