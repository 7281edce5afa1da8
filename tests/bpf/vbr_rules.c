// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows of vbr and vth, the core's absence, unknown ports, two workloads of
 * one MAC: what the table on vex and vin does not cover.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/craft.h"
#include "bpf/runner.h"

#define WL "1a:27:f3:87:3a:27"
#define FAR "06:82:9c:02:54:91"
#define UC "4e:65:75:56:00:b4"
#define UC_UNKNOWN "4e:65:75:56:12:34"

static struct craft *udp(struct craft *f, const char *da, const char *sa)
{
	craft_ip4(craft_eth(f, da, sa, ETH_P_IP), "10.10.10.66", "10.10.10.88", IPPROTO_UDP, 0);
	return craft_ports(f, 4000, 53);
}

static const struct {
	const char *what, *da, *sa;
	enum sl_mode mode;
	enum sl_reason reason;
	const char *da_out, *sa_out; /* NULL: unchanged */
} vbr_rows[] = {
	{ "toward the workload, inline", UC, FAR, SL_MODE_INLINE, SL_R_to_workload, WL, NULL },
	{ "from the workload, inline", FAR, UC, SL_MODE_INLINE, SL_R_to_network, NULL, WL },
	{ "toward the workload, diverted before the switch to off", UC, FAR, SL_MODE_OFF, SL_R_to_workload,
	  WL, NULL },
	{ "from the workload, diverted before the switch to off", FAR, UC, SL_MODE_OFF, SL_R_to_network, NULL,
	  WL },
	{ "toward the workload, tap", UC, FAR, SL_MODE_TAP, SL_R_tap_copy, NULL, NULL },
	{ "from the workload, tap", FAR, UC, SL_MODE_TAP, SL_R_tap_copy, NULL, NULL },
	{ "toward the workload, quarantine", UC, FAR, SL_MODE_QUARANTINE, SL_R_quarantine, NULL, NULL },
	{ "from the workload, quarantine", FAR, UC, SL_MODE_QUARANTINE, SL_R_quarantine, NULL, NULL },
	{ "both", UC, UC, SL_MODE_INLINE, SL_R_uc_both, NULL, NULL },
	{ "both, one unknown", UC, UC_UNKNOWN, SL_MODE_INLINE, SL_R_uc_both, NULL, NULL },
	{ "both, the other unknown", UC_UNKNOWN, UC, SL_MODE_INLINE, SL_R_uc_both, NULL, NULL },
	{ "neither", WL, FAR, SL_MODE_INLINE, SL_R_uc_neither, NULL, NULL },
	{ "neither, a BCMAC", "ff:ff:ff:00:00:b4", FAR, SL_MODE_INLINE, SL_R_uc_neither, NULL, NULL },
	{ "unknown destination", UC_UNKNOWN, FAR, SL_MODE_INLINE, SL_R_no_workload, NULL, NULL },
	{ "unknown source", FAR, UC_UNKNOWN, SL_MODE_INLINE, SL_R_no_workload, NULL, NULL },
};

Test(frame_rules, every_row_of_vbr)
{
	struct craft in, out;
	struct runner runner;
	struct outcome got;

	runner_start(&runner);
	for (size_t i = 0; i < sizeof(vbr_rows) / sizeof(vbr_rows[0]); i++) {
		runner_workload(&runner, vbr_rows[i].mode, SL_FAIL_CLOSED, SL_WL_STRICT);
		udp(&in, vbr_rows[i].da, vbr_rows[i].sa);
		udp(&out, vbr_rows[i].da_out ? vbr_rows[i].da_out : vbr_rows[i].da,
		    vbr_rows[i].sa_out ? vbr_rows[i].sa_out : vbr_rows[i].sa);
		runner_run(&runner, SL_PROG_VBR, runner.vbr, in.data, in.len, &got);
		cr_expect_eq(got.reason, (int)vbr_rows[i].reason, "%s: counted %s", vbr_rows[i].what,
			     sl_reason_name((unsigned int)got.reason));
		cr_expect_eq(got.retval,
			     sl_reason_is_drop(vbr_rows[i].reason) ? TC_ACT_SHOT : TC_ACT_REDIRECT,
			     "%s: verdict %u", vbr_rows[i].what, got.retval);
		cr_expect(got.len == out.len && !memcmp(got.frame, out.data, out.len), "%s: frame",
			  vbr_rows[i].what);
	}
	runner_stop(&runner);
}

Test(frame_rules, vth_without_a_socket_drops)
{
	struct runner runner;
	struct outcome got;
	struct craft in;

	runner_start(&runner);
	udp(&in, UC, FAR);
	runner_run(&runner, SL_PROG_VTH, runner.vbr, in.data, in.len, &got);
	cr_expect_eq(got.reason, SL_R_no_core);
	cr_expect_eq(got.retval, XDP_DROP);
	runner_stop(&runner);
}

static void core_row(struct runner *runner, enum sl_mode mode, enum sl_fail fail, enum sl_reason want)
{
	struct outcome got;
	struct craft in;

	runner_workload(runner, mode, fail, SL_WL_STRICT);
	udp(&in, WL, FAR);
	runner_run(runner, SL_PROG_VEX, runner->vex, in.data, in.len, &got);
	cr_expect_eq(got.reason, (int)want, "mode %s, fail %s: counted %s", sl_mode_name(mode),
		     sl_fail_name(fail), sl_reason_name((unsigned int)got.reason));
	cr_expect(got.len == in.len && (want == SL_R_diverted || !memcmp(got.frame, in.data, in.len)),
		  "the frame was changed");
}

Test(frame_rules, core_absent)
{
	struct runner runner;

	runner_start(&runner);
	runner_core(&runner, 1000000000ULL, false);
	core_row(&runner, SL_MODE_OFF, SL_FAIL_CLOSED, SL_R_direct);
	core_row(&runner, SL_MODE_TAP, SL_FAIL_CLOSED, SL_R_tap_no_copy);
	core_row(&runner, SL_MODE_INLINE, SL_FAIL_CLOSED, SL_R_fail_closed);
	core_row(&runner, SL_MODE_INLINE, SL_FAIL_OPEN, SL_R_fail_open);
	core_row(&runner, SL_MODE_QUARANTINE, SL_FAIL_OPEN, SL_R_quarantine);
	/* A core that stamps no heartbeat (an external one) is never absent. */
	runner_core(&runner, 0, false);
	core_row(&runner, SL_MODE_INLINE, SL_FAIL_CLOSED, SL_R_diverted);
	runner_stop(&runner);
}

Test(frame_rules, strict_holds_while_failing_open)
{
	struct runner runner;
	struct outcome got;
	struct craft in;

	runner_start(&runner);
	runner_core(&runner, 1000000000ULL, false);
	runner_workload(&runner, SL_MODE_INLINE, SL_FAIL_OPEN, SL_WL_STRICT);
	udp(&in, "02:00:00:00:00:99", FAR);
	runner_run(&runner, SL_PROG_VEX, runner.vex, in.data, in.len, &got);
	cr_expect_eq(got.reason, SL_R_foreign_mac);
	runner_stop(&runner);
}

Test(frame_rules, unknown_port_or_workload)
{
	struct sl_workload_key key = { .id = RUNNER_ID };
	struct runner runner;
	struct outcome got;
	struct craft in;

	runner_start(&runner);
	udp(&in, WL, FAR);
	runner_run(&runner, SL_PROG_VEX, runner.vbr, in.data, in.len, &got);
	cr_expect_eq(got.reason, SL_R_no_port, "a port that is in no map");
	cr_expect_eq(got.retval, TC_ACT_SHOT);
	runner_run(&runner, SL_PROG_VEX, runner.vin, in.data, in.len, &got);
	cr_expect_eq(got.reason, SL_R_no_port, "vex's program on vin");
	memcpy(key.mac, runner_mac, sizeof(key.mac));
	cr_assert_eq(bpf_map_delete_elem(runner.maps.workloads, &key), 0);
	runner_run(&runner, SL_PROG_VEX, runner.vex, in.data, in.len, &got);
	cr_expect_eq(got.reason, SL_R_no_workload);
	runner_stop(&runner);
}

/* The same MAC on a second port: the frame gets the UCMAC of the port it came in on, and finds its way back by it. */
Test(frame_rules, two_workloads_of_one_mac)
{
	struct sl_workload_key second = { .id = 181 };
	struct sl_workload workload = { .mode = SL_MODE_INLINE, .vex_ifindex = 98, .vin_ifindex = 99 };
	struct sl_ucmac_key ucmac = {};
	struct sl_port port = { .program = SL_PROG_VEX };
	struct craft in, out;
	struct runner runner;
	struct outcome got;

	runner_start(&runner);
	runner_workload(&runner, SL_MODE_INLINE, SL_FAIL_CLOSED, SL_WL_STRICT);
	memcpy(second.mac, runner_mac, sizeof(second.mac));
	port.workload = second;
	sl_ucmac_write(ucmac.mac, second.id);
	/* vbr stands in for the second vex: any interface that exists will do. */
	cr_assert_eq(bpf_map_update_elem(runner.maps.ports, &runner.vbr, &port, 0), 0);
	cr_assert_eq(bpf_map_update_elem(runner.maps.workloads, &second, &workload, 0), 0);
	cr_assert_eq(bpf_map_update_elem(runner.maps.ucmacs, &ucmac, &second, 0), 0);

	udp(&in, WL, FAR);
	runner_run(&runner, SL_PROG_VEX, runner.vex, in.data, in.len, &got);
	udp(&out, "4e:65:75:56:00:b4", FAR);
	cr_expect(got.reason == SL_R_diverted && !memcmp(got.frame, out.data, out.len), "first");
	runner_run(&runner, SL_PROG_VEX, runner.vbr, in.data, in.len, &got);
	udp(&out, "4e:65:75:56:00:b5", FAR);
	cr_expect(got.reason == SL_R_diverted && !memcmp(got.frame, out.data, out.len), "second");
	runner_run(&runner, SL_PROG_VBR, runner.vbr, out.data, out.len, &got);
	cr_expect(got.reason == SL_R_to_workload && !memcmp(got.frame, in.data, in.len), "second, back");
	runner_stop(&runner);
}
