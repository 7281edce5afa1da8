// SPDX-License-Identifier: BSD-2-Clause
/*
 * The frame table, cell by cell: for every kind of frame, on vex and on vin,
 * in every mode: the verdict, the one counter, and the frame as it leaves.
 */
#include <criterion/criterion.h>
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/craft.h"
#include "bpf/runner.h"

#define WL "1a:27:f3:87:3a:27" /* the workload */
#define FAR "06:82:9c:02:54:91" /* the host behind vex */
#define OTHER "02:00:00:00:00:99"
#define UC "4e:65:75:56:00:b4"
#define UC_OTHER "4e:65:75:56:12:34"
#define BC "ff:ff:ff:00:00:b4"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define MULTICAST "01:00:5e:00:00:fb"
#define UC_GROUP "4f:65:75:56:00:b4"

#define HOST4 "10.10.10.66"
#define WL4 "10.10.10.88"
#define HOST6 "fd00:10::66"
#define WL6 "fd00:10::88"

enum column { OFF, TAP, INLINE, STRICT, QUARANTINE, COLUMNS };
static const char *const column_names[] = { "off", "tap", "inline", "inline strict", "quarantine" };

struct row {
	const char *what;
	enum sl_program leg;
	struct craft *(*frame)(struct craft *f);
	enum sl_reason expect[COLUMNS];
};

/* da, sa: the pair of a frame that comes from the network (N) or from the workload (W). */
#define FRAME(name, expr)                                                                                    \
	static struct craft *name(struct craft *f)                                                           \
	{                                                                                                    \
		return expr;                                                                                 \
	}

#define N_ETH(type) craft_eth(f, WL, FAR, type)
#define W_ETH(type) craft_eth(f, FAR, WL, type)
#define UDP4_N(eth) craft_ports(craft_ip4(eth, HOST4, WL4, IPPROTO_UDP, 0), 4000, 53)
#define UDP4_W(eth) craft_ports(craft_ip4(eth, WL4, HOST4, IPPROTO_UDP, 0), 53, 4000)
#define TCP6_N(eth) craft_ports(craft_ip6(eth, HOST6, WL6, IPPROTO_TCP), 4000, 80)
#define TCP6_W(eth) craft_ports(craft_ip6(eth, WL6, HOST6, IPPROTO_TCP), 80, 4000)

FRAME(n_udp4, UDP4_N(N_ETH(ETH_P_IP)))
FRAME(w_udp4, UDP4_W(W_ETH(ETH_P_IP)))
FRAME(n_tcp6, TCP6_N(N_ETH(ETH_P_IPV6)))
FRAME(w_tcp6, TCP6_W(W_ETH(ETH_P_IPV6)))
FRAME(n_gre, craft_fill(craft_ip4(N_ETH(ETH_P_IP), HOST4, WL4, IPPROTO_GRE, 0), 0, 30))
FRAME(n_proto253, craft_fill(craft_ip4(N_ETH(ETH_P_IP), HOST4, WL4, 253, 0), 0, 30))
FRAME(n_late_fragment, craft_fill(craft_ip4(N_ETH(ETH_P_IP), HOST4, WL4, IPPROTO_UDP, 100), 0, 30))
FRAME(n_only_ip_header, craft_ip4(N_ETH(ETH_P_IP), HOST4, WL4, IPPROTO_TCP, 0))
FRAME(n_multicast_ip_to_wl,
      craft_ports(craft_ip4(N_ETH(ETH_P_IP), HOST4, "224.0.0.251", IPPROTO_UDP, 0), 1, 2))
FRAME(w_to_other, UDP4_W(craft_eth(f, OTHER, WL, ETH_P_IP)))

FRAME(n_q, UDP4_N(craft_vlan(N_ETH(0), ETH_P_8021Q, 5, ETH_P_IP)))
FRAME(w_q6, TCP6_W(craft_vlan(W_ETH(0), ETH_P_8021Q, 5, ETH_P_IPV6)))
FRAME(n_ad_q, UDP4_N(craft_vlan(craft_vlan(N_ETH(0), 0x88a8, 7, 0), ETH_P_8021Q, 5, ETH_P_IP)))
static struct craft *tags(struct craft *f, int n)
{
	f = N_ETH(0);
	while (n--)
		f = craft_vlan(f, ETH_P_8021Q, 0, ETH_P_IP);
	return UDP4_N(f);
}
FRAME(n_five_vid0, tags(f, 5))
FRAME(n_deepest, tags(f, SL_VLAN_MAX))
FRAME(n_too_deep, tags(f, SL_VLAN_MAX + 1))
FRAME(n_q_cut, craft_cut(UDP4_N(craft_vlan(N_ETH(0), ETH_P_8021Q, 5, ETH_P_IP)), 16))
FRAME(n_q_arp, craft_arp(craft_vlan(craft_eth(f, BROADCAST, FAR, 0), ETH_P_8021Q, 0, ETH_P_ARP), 1))
FRAME(n_q_foreign, UDP4_N(craft_vlan(craft_eth(f, OTHER, FAR, 0), ETH_P_8021Q, 0, ETH_P_IP)))

FRAME(n_uc_da, UDP4_N(craft_eth(f, UC, FAR, ETH_P_IP)))
FRAME(n_uc_other_da, UDP4_N(craft_eth(f, UC_OTHER, FAR, ETH_P_IP)))
FRAME(n_uc_sa, UDP4_N(craft_eth(f, WL, UC, ETH_P_IP)))
FRAME(n_bc_da, UDP4_N(craft_eth(f, BC, FAR, ETH_P_IP)))
FRAME(n_bc_sa, UDP4_N(craft_eth(f, WL, BC, ETH_P_IP)))
FRAME(w_uc_da, UDP4_W(craft_eth(f, UC_OTHER, WL, ETH_P_IP)))
FRAME(w_uc_sa, UDP4_W(craft_eth(f, FAR, UC, ETH_P_IP)))
FRAME(w_bc_da, UDP4_W(craft_eth(f, BC, WL, ETH_P_IP)))
FRAME(n_uc_arp, craft_arp(craft_eth(f, UC, FAR, ETH_P_ARP), 1))
FRAME(n_uc_group, UDP4_N(craft_eth(f, UC_GROUP, FAR, ETH_P_IP)))

FRAME(n_foreign, UDP4_N(craft_eth(f, OTHER, FAR, ETH_P_IP)))
FRAME(n_foreign6, TCP6_N(craft_eth(f, OTHER, FAR, ETH_P_IPV6)))
FRAME(n_zero, UDP4_N(craft_eth(f, "0:0:0:0:0:0", FAR, ETH_P_IP)))
FRAME(w_foreign, UDP4_W(craft_eth(f, FAR, OTHER, ETH_P_IP)))
FRAME(w_foreign6, TCP6_W(craft_eth(f, FAR, OTHER, ETH_P_IPV6)))
FRAME(w_group_sa, UDP4_W(craft_eth(f, FAR, "1b:27:f3:87:3a:27", ETH_P_IP)))

FRAME(n_group, UDP4_N(craft_eth(f, BROADCAST, FAR, ETH_P_IP)))
FRAME(n_group_wl, UDP4_N(craft_eth(f, "1b:27:f3:87:3a:27", FAR, ETH_P_IP)))
FRAME(n_group6, TCP6_N(craft_eth(f, MULTICAST, FAR, ETH_P_IPV6)))
FRAME(w_group, UDP4_W(craft_eth(f, BROADCAST, WL, ETH_P_IP)))
FRAME(n_group_0,
      craft_ports(craft_ip4(craft_eth(f, BROADCAST, FAR, ETH_P_IP), HOST4, "0.0.0.0", 17, 0), 1, 2))
FRAME(n_group_e,
      craft_ports(craft_ip4(craft_eth(f, BROADCAST, FAR, ETH_P_IP), HOST4, "240.0.0.1", 17, 0), 1, 2))

FRAME(n_mdns,
      craft_ports(craft_ip4(craft_eth(f, MULTICAST, FAR, ETH_P_IP), HOST4, "224.0.0.251", 17, 0), 5353, 5353))
FRAME(n_dhcp,
      craft_ports(craft_ip4(craft_eth(f, BROADCAST, FAR, ETH_P_IP), HOST4, "255.255.255.255", 17, 0), 67, 68))
FRAME(w_dhcp,
      craft_ports(craft_ip4(craft_eth(f, BROADCAST, WL, ETH_P_IP), "0.0.0.0", "255.255.255.255", 17, 0), 68,
		  67))
FRAME(n_nd, craft_fill(craft_ip6(craft_eth(f, "33:33:ff:00:00:88", FAR, ETH_P_IPV6), HOST6, "ff02::1:ff00:88",
				 IPPROTO_ICMPV6),
		       0, 24))
FRAME(w_nd, craft_fill(craft_ip6(craft_eth(f, "33:33:ff:00:00:66", WL, ETH_P_IPV6), WL6, "ff02::1:ff00:66",
				 IPPROTO_ICMPV6),
		       0, 24))

FRAME(n_arp, craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 1))
FRAME(n_arp_unicast, craft_arp(craft_eth(f, WL, FAR, ETH_P_ARP), 2))
FRAME(w_arp, craft_arp(craft_eth(f, BROADCAST, WL, ETH_P_ARP), 1))
FRAME(n_arp_padded, craft_fill(craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 1), 0, 18))
FRAME(n_arp_payload, craft_fill(craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 1), 'x', 18))
FRAME(n_arp_last_byte,
      craft_fill(craft_fill(craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 1), 0, 17), 1, 1))
FRAME(n_arp_long, craft_fill(craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 1), 0, 19))
FRAME(n_arp_op, craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 8))
FRAME(n_arp_cut, craft_cut(craft_arp(craft_eth(f, BROADCAST, FAR, ETH_P_ARP), 1), 40))
FRAME(w_arp_payload, craft_fill(craft_arp(craft_eth(f, BROADCAST, WL, ETH_P_ARP), 1), 'x', 100))

FRAME(n_lldp, craft_fill(craft_eth(f, "01:80:c2:00:00:0e", FAR, 0x88cc), 1, 50))
FRAME(n_mpls, UDP4_N(craft_fill(craft_eth(f, WL, FAR, 0x8847), 1, 4)))
FRAME(n_pppoe, craft_fill(craft_eth(f, WL, FAR, 0x8864), 1, 50))
FRAME(n_eapol, craft_fill(craft_eth(f, WL, FAR, 0x888e), 1, 50))
FRAME(n_llc, craft_fill(craft_eth(f, WL, FAR, 50), 0xaa, 50))
FRAME(w_mpls, craft_fill(craft_eth(f, FAR, WL, 0x8847), 1, 50))
FRAME(w_llc, craft_fill(craft_eth(f, FAR, WL, 50), 0xaa, 50))
FRAME(n_listed, craft_fill(craft_eth(f, WL, FAR, 0x88b5), 1, 50))

/*
 * Behind a tag: the kernel runs no program on an untagged IP frame without a
 * whole IP header (-EINVAL). Such frames are sent over a real wire in tests/e2e.
 */
FRAME(n_no_ip, craft_cut(n_q(f), 18))
FRAME(n_ip4_cut, craft_cut(n_q(f), 18 + 19))
FRAME(w_ip6_cut, craft_cut(w_q6(f), 18 + 39))
FRAME(n_ip6_cut, craft_cut(TCP6_N(craft_vlan(N_ETH(0), ETH_P_8021Q, 5, ETH_P_IPV6)), 18 + 39))
static struct craft *with_byte(struct craft *f, size_t at, __u8 value)
{
	f->data[at] = value;
	return f;
}
FRAME(n_options_cut, craft_cut(with_byte(n_udp4(f), 14, 0x4f), 14 + 30))
FRAME(n_ihl4, with_byte(n_udp4(f), 14, 0x44))
FRAME(n_6_in_4, with_byte(n_udp4(f), 14, 0x60))
FRAME(n_4_in_6, with_byte(n_tcp6(f), 14, 0x45))
FRAME(w_6_in_4, with_byte(w_udp4(f), 14, 0x60))

#define R(name) SL_R_##name
#define ALL(a, b, c, d, e)                                                                                   \
	{                                                                                                    \
		R(a), R(b), R(c), R(d), R(e)                                                                 \
	}
#define INSPECTED ALL(direct, tapped, diverted, diverted, quarantine)
#define RESERVED ALL(reserved_mac, reserved_mac, reserved_mac, reserved_mac, reserved_mac)
#define FOREIGN ALL(direct, direct, pass_foreign_mac, foreign_mac, quarantine)
#define GROUP_IP ALL(direct, direct, pass_group_ip, group_ip, quarantine)
#define GENUINE ALL(direct, direct, pass_group, pass_group, quarantine)
#define ARP_GOOD ALL(direct, direct, pass_arp, pass_arp, quarantine)
#define ARP_BAD ALL(direct, direct, pass_arp, arp_not_exact, quarantine)
#define NON_IP ALL(direct, direct, pass_non_ip, non_ip, quarantine)
#define SHORT ALL(direct, direct, too_short, too_short, quarantine)
#define BAD_IP ALL(direct, direct, bad_ip, bad_ip, quarantine)

#define VEX SL_PROG_VEX
#define VIN SL_PROG_VIN
static const struct row rows[] = {
	{ "IPv4 UDP to the workload", VEX, n_udp4, INSPECTED },
	{ "IPv4 UDP from the workload", VIN, w_udp4, INSPECTED },
	{ "IPv6 TCP to the workload", VEX, n_tcp6, INSPECTED },
	{ "IPv6 TCP from the workload", VIN, w_tcp6, INSPECTED },
	{ "GRE", VEX, n_gre, INSPECTED },
	{ "IP protocol 253", VEX, n_proto253, INSPECTED },
	{ "a fragment that is not the first", VEX, n_late_fragment, INSPECTED },
	{ "an IP header and nothing behind", VEX, n_only_ip_header, INSPECTED },
	{ "multicast IP in a unicast frame", VEX, n_multicast_ip_to_wl, INSPECTED },
	{ "from the workload to another host", VIN, w_to_other, INSPECTED },
	{ "802.1Q", VEX, n_q, INSPECTED },
	{ "802.1Q, IPv6, from the workload", VIN, w_q6, INSPECTED },
	{ "802.1ad over 802.1Q", VEX, n_ad_q, INSPECTED },
	{ "five tags of VID 0", VEX, n_five_vid0, INSPECTED },
	{ "as many tags as are followed", VEX, n_deepest, INSPECTED },
	{ "one tag more", VEX, n_too_deep, ALL(direct, direct, pass_vlan_deep, vlan_deep, quarantine) },
	{ "a tag cut short", VEX, n_q_cut, SHORT },
	{ "ARP behind a tag", VEX, n_q_arp, ARP_GOOD },
	{ "a foreign MAC behind a tag", VEX, n_q_foreign, FOREIGN },
	{ "own UCMAC as destination", VEX, n_uc_da, RESERVED },
	{ "unknown UCMAC as destination", VEX, n_uc_other_da, RESERVED },
	{ "UCMAC as source", VEX, n_uc_sa, RESERVED },
	{ "BCMAC as destination", VEX, n_bc_da, RESERVED },
	{ "BCMAC as source", VEX, n_bc_sa, RESERVED },
	{ "workload sends to a UCMAC", VIN, w_uc_da, RESERVED },
	{ "workload sends as its UCMAC", VIN, w_uc_sa, RESERVED },
	{ "workload sends to a BCMAC", VIN, w_bc_da, RESERVED },
	{ "ARP to a UCMAC", VEX, n_uc_arp, RESERVED },
	{ "UCMAC with the group bit", VEX, n_uc_group, GROUP_IP },
	{ "flooded: another's MAC", VEX, n_foreign, FOREIGN },
	{ "flooded, IPv6", VEX, n_foreign6, FOREIGN },
	{ "zero destination MAC", VEX, n_zero, FOREIGN },
	{ "spoofed source MAC", VIN, w_foreign, FOREIGN },
	{ "spoofed source MAC, IPv6", VIN, w_foreign6, FOREIGN },
	{ "source MAC with the group bit", VIN, w_group_sa, FOREIGN },
	{ "unicast IP in a broadcast", VEX, n_group, GROUP_IP },
	{ "unicast IP to the workload's MAC with the group bit", VEX, n_group_wl, GROUP_IP },
	{ "unicast IPv6 in a multicast", VEX, n_group6, GROUP_IP },
	{ "unicast IP in a broadcast, from the workload", VIN, w_group, GROUP_IP },
	{ "0.0.0.0 in a broadcast", VEX, n_group_0, GROUP_IP },
	{ "class E in a broadcast", VEX, n_group_e, GROUP_IP },
	{ "multicast", VEX, n_mdns, GENUINE },
	{ "limited broadcast", VEX, n_dhcp, GENUINE },
	{ "DHCP of the workload", VIN, w_dhcp, GENUINE },
	{ "neighbour solicitation", VEX, n_nd, GENUINE },
	{ "neighbour solicitation of the workload", VIN, w_nd, GENUINE },
	{ "ARP request", VEX, n_arp, ARP_GOOD },
	{ "ARP reply", VEX, n_arp_unicast, ARP_GOOD },
	{ "ARP of the workload", VIN, w_arp, ARP_GOOD },
	{ "ARP padded with zeros to the minimum frame", VEX, n_arp_padded, ARP_GOOD },
	{ "ARP with a payload", VEX, n_arp_payload, ARP_BAD },
	{ "ARP with one byte in the padding", VEX, n_arp_last_byte, ARP_BAD },
	{ "ARP padded beyond the minimum frame", VEX, n_arp_long, ARP_BAD },
	{ "ARP that is InARP", VEX, n_arp_op, ARP_BAD },
	{ "ARP cut short", VEX, n_arp_cut, ARP_BAD },
	{ "ARP of the workload with a payload", VIN, w_arp_payload, ARP_BAD },
	{ "LLDP", VEX, n_lldp, NON_IP },
	{ "IP in MPLS", VEX, n_mpls, NON_IP },
	{ "PPPoE", VEX, n_pppoe, NON_IP },
	{ "EAPOL", VEX, n_eapol, NON_IP },
	{ "LLC/SNAP", VEX, n_llc, NON_IP },
	{ "MPLS of the workload", VIN, w_mpls, NON_IP },
	{ "LLC/SNAP of the workload", VIN, w_llc, NON_IP },
	{ "an ethertype on the list", VEX, n_listed,
	  ALL(direct, direct, pass_non_ip, pass_non_ip, quarantine) },
	{ "IPv4 ethertype and nothing behind", VEX, n_no_ip, SHORT },
	{ "IPv4 header cut", VEX, n_ip4_cut, SHORT },
	{ "IPv6 header cut", VEX, n_ip6_cut, SHORT },
	{ "IPv6 header cut, from the workload", VIN, w_ip6_cut, SHORT },
	{ "IPv4 options cut", VEX, n_options_cut, SHORT },
	{ "IPv4 header length below 20", VEX, n_ihl4, BAD_IP },
	{ "IPv6 under IPv4's ethertype", VEX, n_6_in_4, BAD_IP },
	{ "IPv4 under IPv6's ethertype", VEX, n_4_in_6, BAD_IP },
	{ "IPv6 under IPv4's ethertype, from the workload", VIN, w_6_in_4, BAD_IP },
};

static void set_column(struct runner *runner, enum column column)
{
	static const enum sl_mode modes[] = { SL_MODE_OFF, SL_MODE_TAP, SL_MODE_INLINE, SL_MODE_INLINE,
					      SL_MODE_QUARANTINE };

	runner_workload(runner, modes[column], SL_FAIL_CLOSED, column == STRICT ? SL_WL_STRICT : 0);
}

/* What the frame looks like while it is inside the diversion. */
static void expect_ucmac(struct craft *f, enum sl_program leg)
{
	sl_ucmac_write(f->data + (leg == SL_PROG_VEX ? 0 : SL_MAC_LEN), RUNNER_ID);
}

static void check_cell(struct runner *runner, const struct row *row, enum column column)
{
	enum sl_reason reason = row->expect[column];
	__u8 clone[RUNNER_FRAME_MAX];
	struct craft in, out;
	struct outcome got;
	size_t n;

	row->frame(&in);
	out = in;
	set_column(runner, column);
	runner_run(runner, row->leg, row->leg == SL_PROG_VEX ? runner->vex : runner->vin, in.data, in.len,
		   &got);
	cr_expect_eq(got.reason, (int)reason, "%s, %s: counted %s, not %s", row->what, column_names[column],
		     sl_reason_name((unsigned int)got.reason), sl_reason_name(reason));
	cr_expect_eq(got.retval, sl_reason_is_drop(reason) ? TC_ACT_SHOT : TC_ACT_REDIRECT,
		     "%s, %s: verdict %u", row->what, column_names[column], got.retval);
	if (reason == SL_R_diverted)
		expect_ucmac(&out, row->leg);
	cr_expect(got.len == out.len && !memcmp(got.frame, out.data, out.len),
		  "%s, %s: the frame is not as it should be", row->what, column_names[column]);

	n = runner_cloned(runner, clone, sizeof(clone));
	if (reason != SL_R_tapped) {
		cr_expect_eq(n, 0, "%s, %s: a copy on vbr", row->what, column_names[column]);
		return;
	}
	expect_ucmac(&out, row->leg);
	cr_expect(n == out.len && !memcmp(clone, out.data, out.len), "%s, %s: no right copy on vbr",
		  row->what, column_names[column]);
}

Test(frame_rules, every_cell_of_vex_and_vin)
{
	struct runner runner;
	__u16 listed = 0x88b5;
	__u8 one = 1;

	runner_start(&runner);
	cr_assert_eq(bpf_map_update_elem(runner.maps.etypes, &listed, &one, 0), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int column = 0; column < COLUMNS; column++)
			check_cell(&runner, &rows[i], column);
	}
	runner_stop(&runner);
}
