// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tagged frames go through the core with every tag where it was. The outermost
 * tag of what arrives is in the kernel's metadata, the others in the data.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>

#include "lib/sniff.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(vlan, .init = world_enter, .fini = world_leave, .timeout = 60);

#define TAGS_MAX 6

static const struct {
	const char *what;
	unsigned int n;
	uint16_t tpid[TAGS_MAX], tci[TAGS_MAX];
	bool v6;
} rows[] = {
	{ "one 802.1Q tag", 1, { ETH_P_8021Q }, { 100 }, false },
	{ "one 802.1Q tag around IPv6, with priority", 1, { ETH_P_8021Q }, { 0xe005 }, true },
	{ "one 802.1ad tag", 1, { ETH_P_8021AD }, { 7 }, false },
	{ "802.1ad around 802.1Q", 2, { ETH_P_8021AD, ETH_P_8021Q }, { 100, 5 }, false },
	{ "802.1ad around 802.1Q around IPv6", 2, { ETH_P_8021AD, ETH_P_8021Q }, { 100, 5 }, true },
	{ "VID 0", 1, { ETH_P_8021Q }, { 0 }, false },
	{ "VID 0 five times",
	  5,
	  { ETH_P_8021Q, ETH_P_8021Q, ETH_P_8021Q, ETH_P_8021Q, ETH_P_8021Q },
	  { 0, 0, 0, 0, 0 },
	  false },
	{ "802.1Q twice", 2, { ETH_P_8021Q, ETH_P_8021Q }, { 1, 2 }, true },
};

static void build(struct frame *f, size_t row, struct mac dst, struct mac src, bool to_workload, size_t size)
{
	frame_eth(f, dst, src);
	for (unsigned int i = 0; i < rows[row].n; i++)
		frame_vlan(f, rows[row].tpid[i], rows[row].tci[i]);
	if (rows[row].v6)
		frame_ipv6(f, to_workload ? HOST_IP6 : WL_IP6, to_workload ? WL_IP6 : HOST_IP6, IPPROTO_UDP);
	else
		frame_ipv4(f, to_workload ? HOST_IP4 : WL_IP4, to_workload ? WL_IP4 : HOST_IP4, IPPROTO_UDP);
	frame_udp(f, 3000 + row, 9, NULL, size);
}

static void all_rows(struct topo *t, const char *mode)
{
	struct sniff *host = sniff_open(t->host, "vethwl", false),
		     *wl = sniff_open(t->workload, "eth0", false);
	struct mac mac_wl = mac_of(WL_MAC), mac_host = link_mac(t->host, "vethwl");
	const char *difference;
	struct frame f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t size = 64; size < 1500; size += 1300) {
			build(&f, i, mac_wl, mac_host, true, size);
			sniff_send(host, &f);
			difference = sniff_expect(wl, 2000, &f);
			cr_expect_str_eq(difference, "", "%s: %s, %zu bytes, to the workload: %s", mode,
					 rows[i].what, size, difference);
			build(&f, i, mac_host, mac_wl, false, size);
			sniff_send(wl, &f);
			difference = sniff_expect(host, 2000, &f);
			cr_expect_str_eq(difference, "", "%s: %s, %zu bytes, from the workload: %s", mode,
					 rows[i].what, size, difference);
		}
	}
	sniff_close(host);
	sniff_close(wl);
}

Test(vlan, tags_survive_every_mode)
{
	struct topo *t = topo_direct("");
	__u64 before;

	daemon_intercept(t->d, t->workload, "--mode off");
	all_rows(t, "off");
	ctl_do(t->d, "mode --all tap");
	all_rows(t, "tap");
	ctl_do(t->d, "mode --all inline");
	before = counter_legs(t->d, SL_R_diverted);
	all_rows(t, "inline");
	cr_expect_geq(counter_legs(t->d, SL_R_diverted), before + 4 * sizeof(rows) / sizeof(*rows));
	topo_end(t);
}
