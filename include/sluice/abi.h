/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the tc/XDP programs, the daemon, the core and the command line share:
 * keys, values and names of the maps.
 *
 * Invariants: fixed-width fields, explicit padding, sizes asserted. A layout
 * change raises SL_ABI, which is part of every map's name: a new layout is a
 * new map, an old one is never reinterpreted. The including file provides
 * __u8 … __u64 (vmlinux.h in the programs, linux/types.h in user space).
 */
#ifndef SLUICE_ABI_H
#define SLUICE_ABI_H

#include "reasons.h"
#include "ucmac.h"

#define SL_ABI 3

/*
 * Map names are also the names of their pins. The kernel keeps 15 characters
 * (BPF_OBJ_NAME_LEN is 16 with the NUL).
 */
#define SL_MAP_PORTS "sl_ports_v1"
#define SL_MAP_WORKLOADS "sl_workloads_v1"
#define SL_MAP_UCMACS "sl_ucmacs_v1"
#define SL_MAP_CONFIG "sl_config_v2"
#define SL_MAP_COUNTERS "sl_counters_v3"
#define SL_MAP_TRAFFIC "sl_traffic_v1"
#define SL_MAP_ETYPES "sl_etypes_v1"
#define SL_MAP_CORE "sl_core_v2"
#define SL_MAP_XSKS "sl_xsks_v1"
#define SL_MAP_FLOWS "sl_flows_v1"

_Static_assert(sizeof(SL_MAP_WORKLOADS) <= 16, "map name longer than the kernel keeps");
_Static_assert(sizeof(SL_MAP_COUNTERS) <= 16, "map name longer than the kernel keeps");

#define SL_ID_MAX 65535 /* ids are 1..65535, 0 is no workload */
#define SL_FLOWS_MAX (1U << 24) /* entries that can be asked for … */
#define SL_FLOWS_DEFAULT (1U << 20) /* … and those there is room for if nothing is said */
#define SL_QUEUES_MAX 64 /* queues of vbr/vth and of vbk/vtk = workers of the core */
#define SL_ETYPES_MAX 256 /* non-IP ethertypes that may pass in strict */
#define SL_VLAN_MAX 8 /* tags followed in the frame's data, besides the one in the skb's metadata */
#define SL_NAME_LEN 32 /* a workload's name in the map, NUL included */

/* An ethertype below 0x600 is an 802.3 length: such frames are listed as this. */
#define SL_ETYPE_LLC 0

enum sl_program {
	SL_PROG_VEX,
	SL_PROG_VIN,
	SL_PROG_VBR,
	SL_PROG_VTH,
	SL_PROG_VBK,
	SL_PROG_VTK,
	SL_PROG_MAX,
};

enum sl_mode {
	SL_MODE_OFF,
	SL_MODE_TAP,
	SL_MODE_INLINE,
	SL_MODE_QUARANTINE,
	SL_MODE_MAX,
};

/* What happens to inspected frames while the core's heartbeat is stale. */
enum sl_fail {
	SL_FAIL_CLOSED,
	SL_FAIL_OPEN,
	SL_FAIL_MAX,
};

enum sl_reason {
#define X(name, kind, programs, text) SL_R_##name,
	SL_REASONS(X)
#undef X
		SL_REASON_MAX,
};

#define SL_CONFIG_VERDICTS 0x01 /* vex and vin look into sl_flows_v1 */

/* sl_config_v2: array of one. */
struct sl_config {
	__u32 abi; /* SL_ABI */
	__u32 vbr_ifindex;
	__u32 queues; /* queues of vbr, 1..SL_QUEUES_MAX */
	__u32 trace; /* bit 1 << enum sl_program: that program writes to trace_pipe … */
	__u32 trace_all; /* … for every workload (1) or for those with SL_WL_TRACE (0) */
	__u32 flags; /* SL_CONFIG_* */
	__u64 heartbeat_ns; /* a heartbeat older than this is stale; 0: the core stamps none */
	__u32 vbk_ifindex; /* of the bulk lane; 0: there is none */
	__u32 pad;
};
_Static_assert(sizeof(struct sl_config) == 40, "struct sl_config is part of the ABI");

/* sl_workloads_v1: one MAC can live on several ports, so the port's id is in the key. */
struct sl_workload_key {
	__u8 mac[SL_MAC_LEN];
	__u16 id;
};
_Static_assert(sizeof(struct sl_workload_key) == 8, "struct sl_workload_key is part of the ABI");

#define SL_WL_STRICT 0x01 /* inline: drop what cannot be inspected */
#define SL_WL_TRACE 0x02 /* this workload's frames are traced */
#define SL_WL_PEER_VEX 0x04 /* bpf_redirect_peer() works on vex, and far_mac is known */
#define SL_WL_PEER_VIN 0x08 /* the same on vin */

struct sl_workload {
	enum sl_mode mode; /* enums, so that bpftool prints their names */
	enum sl_fail fail;
	__u32 flags; /* SL_WL_* */
	__u32 generation; /* of the policy: a verdict of another one does not count */
	__u32 vex_ifindex;
	__u32 vin_ifindex;
	/*
	 * The MAC for which the kernel behind vex's far end is itself the
	 * receiver; all zero if unknown. bpf_redirect_peer() skips the far end's
	 * eth_type_trans(), so it is right only for frames that are for that
	 * kernel; all others take bpf_redirect().
	 */
	__u8 far_mac[SL_MAC_LEN];
	__u16 pad;
	char name[SL_NAME_LEN];
};
_Static_assert(sizeof(struct sl_workload) == 64, "struct sl_workload is part of the ABI");

/* sl_ports_v1: key is the ifindex of a vex or vin. */
struct sl_port {
	struct sl_workload_key workload;
	enum sl_program program; /* SL_PROG_VEX or SL_PROG_VIN */
};
_Static_assert(sizeof(struct sl_port) == 12, "struct sl_port is part of the ABI");

/* sl_ucmacs_v1: UCMAC to the workload it stands for. */
struct sl_ucmac_key {
	__u8 mac[SL_MAC_LEN];
};
struct sl_ucmac {
	struct sl_workload_key workload;
};
_Static_assert(sizeof(struct sl_ucmac_key) == 6, "struct sl_ucmac_key is part of the ABI");

/* Frames are skbs; segments what they are on the wire (a GSO frame is several). */
struct sl_count {
	__u64 frames;
	__u64 segments;
	__u64 bytes;
};

/* sl_counters_v3: per-CPU array, key is enum sl_program. */
struct sl_counters {
	struct sl_count in;
#define X(name, kind, programs, text) struct sl_count name;
	SL_REASONS(X)
#undef X
};
_Static_assert(sizeof(struct sl_counters) == (SL_REASON_MAX + 1) * sizeof(struct sl_count),
	       "struct sl_counters is indexed by enum sl_reason behind `in`");

/* sl_traffic_v1: per-CPU hash, key is the workload's id (u32). */
struct sl_traffic_dir {
	__u64 frames; /* seen by the programs at the workload's port */
	__u64 bytes;
	__u64 inspected; /* of these, sent or copied to the core */
	__u64 dropped; /* of these, dropped by a rule */
};
struct sl_traffic {
	struct sl_traffic_dir to_workload; /* counted on vex */
	struct sl_traffic_dir from_workload; /* counted on vin */
};
_Static_assert(sizeof(struct sl_traffic) == 64, "struct sl_traffic is part of the ABI");

/*
 * sl_flows_v1: what the core has decided of a flow, one entry for both of its
 * directions. Only the core makes and removes entries; the programs count in
 * them. A flow without an entry goes to the core.
 */
struct sl_flow_key {
	__u8 workload_addr[16]; /* IPv4 as ::ffff:a.b.c.d … */
	__u8 remote_addr[16];
	__be16 workload_port;
	__be16 remote_port;
	__u16 workload; /* id of the port */
	__u8 family; /* … which a packet of IPv6 could carry as well: 4 or 6 */
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct sl_flow_key) == 40, "struct sl_flow_key is part of the ABI");

enum sl_verdict {
	SL_VERDICT_INSPECT, /* stays with the core, which wants every byte of it: by the bulk lane */
	SL_VERDICT_ALLOW, /* passes vex and vin; SYN, FIN and RST go by the core */
	SL_VERDICT_DENY, /* inline: dropped at vex and vin; nothing in tap */
	SL_VERDICT_MAX,
};

/*
 * How one direction of an allowed flow gets from the way by the core to the
 * direct one without a frame overtaking another. TCP: `fence` is the number
 * behind the last byte that was sent to the core since the verdict. When that
 * byte comes out of the core again nothing is left in there; when it has been
 * acknowledged, or had SL_TURN_NS to be delivered, the direction turns. What
 * is sent meanwhile goes to the core and moves the fence. UDP: `fence` is
 * when the last datagram was sent to the core (units of SL_GAP_SHIFT), and the
 * direction turns when it has been silent for SL_GAP_UNITS, or after
 * SL_GAP_LATEST at the latest. Read and written as one word.
 *
 * SL_VERDICT_INSPECT gets from vbr to vbk in the same way (UDP: after a silence
 * only): "direct" is the bulk lane then. It is good whatever the generation,
 * as it says which way the core is reached and not what it will say.
 * If such a flow is allowed after all, what still goes to the core until the
 * direction turns goes by the lane it was on: that is SL_WAY_BULK.
 */
enum sl_way {
	SL_WAY_CORE,
	SL_WAY_FENCED,
	SL_WAY_TURNING,
	SL_WAY_DIRECT,
	SL_WAY_CORE_BULK,
	SL_WAY_FENCED_BULK,
	SL_WAY_TURNING_BULK,
	SL_WAY_DIRECT_BULK,
};
#define SL_WAY_BULK 4U /* the bit in which the last four differ from the first */
/* A receiver acknowledges within 40 ms; where nothing comes back for longer, it has been delivered. */
#define SL_TURN_NS 50000000
struct sl_handover {
	__u32 fence;
	enum sl_way way;
};
_Static_assert(sizeof(struct sl_handover) == 8, "struct sl_handover is one word");
#define SL_GAP_SHIFT 16 /* about 65 microseconds */
#define SL_GAP_UNITS 32 /* about 2 ms */
#define SL_GAP_LATEST 4096 /* about 270 ms */

struct sl_flow_dir {
	struct sl_handover handover;
	__u64 packets; /* that passed or were dropped by the verdict, as on the wire */
	__u64 bytes; /* of these, IP header included */
	__u64 last_ns; /* CLOCK_MONOTONIC, as coarse as the kernel's tick; 0: none yet */
	/* TCP, of those that passed: where the core finds the connection when it sees it again. */
	__u32 seq_end; /* behind the last byte */
	__u32 ack; /* of the last one */
	__u16 window_max; /* not scaled */
	__u8 peer_mac
		[SL_MAC_LEN]; /* the other end on the wire: to the workload its source, from it its destination */
	__u32 tcp_flags; /* all seen */
	__u32 pad;
	__u64 turning_ns; /* since when it is SL_WAY_TURNING, CLOCK_MONOTONIC */
};
_Static_assert(sizeof(struct sl_flow_dir) == 64, "a cache line a direction");

struct sl_flow {
	enum sl_verdict verdict;
	__u32 generation; /* of the workload's policy when it was given */
	__u32 check; /* sl_flow_check(): the entry is this flow's, and whole */
	__u32 rule; /* id of the rule that decided, 0: the default */
	__u64 session; /* id of the core's session */
	__u64 started_ns; /* the session's beginning, CLOCK_MONOTONIC */
	__u64 given_ns; /* when the verdict was given */
	__u16 application; /* number of the core's application, 0: unknown */
	__u16 queue; /* the worker that has the session */
	__u8 ingress; /* the workload is the server */
	__u8 action; /* of the policy, the core's number */
	__u16 queues; /* how many there were */
	__u32 turning; /* a direction is SL_WAY_TURNING, or was: 1 to the workload, 2 from it */
	__u32 pad;
	__u64 reserved;
	struct sl_flow_dir to_workload;
	struct sl_flow_dir from_workload;
};
_Static_assert(sizeof(struct sl_flow) == 192, "struct sl_flow is part of the ABI");

/*
 * The memory of an entry that is removed may serve another at once, while a
 * program still looks at it. So an entry says whose it is, in one value with
 * what it says: a mixture of two does not pass.
 */
static inline __attribute__((always_inline)) __u32 sl_flow_check(const struct sl_flow_key *key, __u32 verdict,
								 __u32 generation)
{
	const __u64 *w = (const __u64 *)key;
	__u64 sum = (__u64)generation << 2 | verdict;

	for (int i = 0; i < (int)(sizeof(*key) / sizeof(*w)); i++)
		sum = (sum ^ w[i]) * 0x9e3779b97f4a7c15ULL;
	return sum >> 32;
}

/*
 * sl_core_v2: memory-mapped array, key is the queue; SL_CORE_BULK + the queue
 * for its bulk lane, which has no heartbeat of its own. Written by the core's
 * worker of that queue alone, read by the programs and by whoever looks.
 */
#define SL_CORE_BULK SL_QUEUES_MAX
#define SL_CORE_MAX (2 * SL_QUEUES_MAX)
struct sl_core {
	__u64 heartbeat_ns; /* CLOCK_MONOTONIC; 0: never ran */
	__u64 rx_frames;
	__u64 rx_bytes;
	__u64 tx_frames;
	__u64 tx_bytes;
	__u64 drop_tx_full; /* no room in the TX ring or no free TX frame: dropped by the core */
	__u64 drop_invalid; /* a descriptor chain longer than a frame may be: dropped by the core */
	__u64 drop_rx_full; /* kernel: the RX ring was full (XDP_STATISTICS) */
	__u64 drop_fill_empty; /* kernel: no buffer in the FILL ring (XDP_STATISTICS) */
	__u64 tx_invalid; /* kernel: bad TX descriptors (XDP_STATISTICS) */
	__u64 wakeups; /* sendto()/recvfrom() calls to kick the kernel */
	__u64 polls; /* times the worker slept in poll() */
	__u32 pid; /* of the core */
	__u32 pad;
	__u64 dropped; /* kept back by the core's decision */
	__u64 made; /* frames of the core's own: resets, fragments it had kept back until all were there */
	__u64 bundled; /* of tx_frames: datagrams that left with others as one super-frame */
};
_Static_assert(sizeof(struct sl_core) == 128, "two cache lines a worker, none shared");

#endif
