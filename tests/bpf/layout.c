// SPDX-License-Identifier: BSD-2-Clause
/*
 * The objects' BTF and the C layout must agree: both come from abi.h, but
 * through two compilers with two ideas of types. Every struct of a map's key
 * or value is compared member by member by offset and size.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

#include "sluice/abi.h"

struct member {
	const char *type, *name;
	size_t offset, size;
};

#define M(t, m)                                                                                              \
	{                                                                                                    \
#t, #m, offsetof(struct t, m), sizeof(((struct t *)0)->m)                                    \
	}
static const struct member members[] = { M(sl_config, abi),
					 M(sl_config, vbr_ifindex),
					 M(sl_config, queues),
					 M(sl_config, trace),
					 M(sl_config, trace_all),
					 M(sl_config, heartbeat_ns),
					 M(sl_workload_key, mac),
					 M(sl_workload_key, id),
					 M(sl_workload, mode),
					 M(sl_workload, fail),
					 M(sl_workload, flags),
					 M(sl_workload, generation),
					 M(sl_workload, vex_ifindex),
					 M(sl_workload, vin_ifindex),
					 M(sl_workload, far_mac),
					 M(sl_workload, name),
					 M(sl_port, workload),
					 M(sl_port, program),
					 M(sl_ucmac_key, mac),
					 M(sl_ucmac, workload),
					 M(sl_count, frames),
					 M(sl_count, segments),
					 M(sl_count, bytes),
					 M(sl_traffic_dir, frames),
					 M(sl_traffic_dir, bytes),
					 M(sl_traffic_dir, inspected),
					 M(sl_traffic_dir, dropped),
					 M(sl_traffic, to_workload),
					 M(sl_traffic, from_workload),
					 M(sl_core, heartbeat_ns),
					 M(sl_core, rx_frames),
					 M(sl_core, drop_tx_full),
					 M(sl_core, drop_fill_empty),
					 M(sl_core, polls),
					 M(sl_core, pid),
					 M(sl_config, flags),
					 M(sl_flow_key, workload_addr),
					 M(sl_flow_key, remote_addr),
					 M(sl_flow_key, workload_port),
					 M(sl_flow_key, remote_port),
					 M(sl_flow_key, workload),
					 M(sl_flow_key, family),
					 M(sl_flow_key, protocol),
					 M(sl_handover, fence),
					 M(sl_handover, way),
					 M(sl_flow_dir, handover),
					 M(sl_flow_dir, packets),
					 M(sl_flow_dir, bytes),
					 M(sl_flow_dir, last_ns),
					 M(sl_flow_dir, seq_end),
					 M(sl_flow_dir, ack),
					 M(sl_flow_dir, window_max),
					 M(sl_flow_dir, peer_mac),
					 M(sl_flow_dir, tcp_flags),
					 M(sl_flow, verdict),
					 M(sl_flow, generation),
					 M(sl_flow, check),
					 M(sl_flow, given_ns),
					 M(sl_flow, queue),
					 M(sl_flow, ingress),
					 M(sl_flow, to_workload),
					 M(sl_flow, from_workload),
					 M(sl_counters, in),
#define X(name, kind, programs, text) M(sl_counters, name),
					 SL_REASONS(X)
#undef X
};

static const char *build(void)
{
	const char *dir = getenv("SLUICE_BUILD");

	return dir ? dir : "build";
}

static void compare(const struct btf *btf, const struct member *member)
{
	int id = btf__find_by_name_kind(btf, member->type, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const struct btf_member *m = t ? btf_members(t) : NULL;
	int found = 0;

	cr_assert(t, "the programs know no struct %s", member->type);
	for (int i = 0; i < btf_vlen(t); i++) {
		if (strcmp(btf__name_by_offset(btf, m[i].name_off), member->name))
			continue;
		cr_assert_eq(btf_member_bit_offset(t, (__u32)i), member->offset * 8,
			     "struct %s, %s at bit %u", member->type, member->name,
			     btf_member_bit_offset(t, (__u32)i));
		cr_assert_eq(btf__resolve_size(btf, m[i].type), (__s64)member->size, "struct %s, size of %s",
			     member->type, member->name);
		found = 1;
	}
	cr_assert(found, "struct %s has no %s", member->type, member->name);
}

Test(layout, btf_and_c_agree)
{
	char path[512];
	struct btf *btf;

	snprintf(path, sizeof(path), "%s/bpf/datapath.bpf.o", build());
	btf = btf__parse_elf(path, NULL);
	cr_assert_eq(libbpf_get_error(btf), 0, "%s has no BTF", path);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		compare(btf, &members[i]);
	btf__free(btf);
}
