// SPDX-License-Identifier: BSD-2-Clause
/*
 * A capture, a policy, and what that would have said of it: as a user does it,
 * without a daemon.
 *
 * Invariant: the same capture and policy give the same lines.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/frames.h"
#include "lib/ns.h"
#include "lib/rules.h"
#include "lib/topo.h"

TestSuite(replay, .init = world_enter, .fini = world_leave, .timeout = 60);

#define CAPTURE WORLD_TMP "/http.pcap"
#define REPLAY "%s --replay " CAPTURE " --policy " WORLD_TMP "/block 2>&1"

static FILE *capture;
static uint32_t at_us;

static void put_frame(bool to_workload, uint32_t seq, uint32_t ack, uint8_t flags, const char *data)
{
	uint32_t head[4] = { 1700000000, at_us += 1000 };
	struct mac client = mac_of("02:00:00:00:00:01"), server = mac_of(WL_MAC);
	static struct frame f;

	frame_eth(&f, to_workload ? server : client, to_workload ? client : server);
	frame_ipv4(&f, to_workload ? HOST_IP4 : WL_IP4, to_workload ? WL_IP4 : HOST_IP4, IPPROTO_TCP);
	frame_tcp(&f, to_workload ? 40000 : 8080, to_workload ? 8080 : 40000, seq, ack, flags, data,
		  strlen(data));
	head[2] = head[3] = f.len;
	cr_assert(fwrite(head, sizeof(head), 1, capture) == 1 && fwrite(f.data, f.len, 1, capture) == 1);
}

/* One request over HTTP, in the format of libpcap: Ethernet, microseconds. */
static void write_capture(void)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, figures, length, link;
	} head = { 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1 };

	capture = fopen(CAPTURE, "w");
	cr_assert(capture && fwrite(&head, sizeof(head), 1, capture) == 1);
	put_frame(true, 1000, 0, FRAME_SYN, "");
	put_frame(false, 5000, 1001, FRAME_SYN | FRAME_ACK, "");
	put_frame(true, 1001, 5001, FRAME_ACK, "");
	put_frame(true, 1001, 5001, FRAME_ACK | FRAME_PSH, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	put_frame(false, 5001, 1034, FRAME_ACK | FRAME_PSH, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(fclose(capture), 0);
}

#define COMPILE "%s policy compile " POLICY_FILE " "

Test(replay, goes_by_a_policy_that_is_compiled_for_it)
{
	const char *ctl_program = world_program("sluicectl"), *core = world_program("sluice-dpi");
	char *first;

	write_capture();
	rules_write("version: 1\n"
		    "workloads: [{workload: web, mode: protect, ingress: allow, egress: allow}]\n"
		    "rules: [{id: 5, direction: both, workload: web, application: http, action: deny}]\n");
	ns_run(NULL, COMPILE "-o " WORLD_TMP "/block", ctl_program);
	cr_expect(strstr(ns_said(), "name a workload that is not known here"), "%s", ns_said());
	ns_run(NULL, REPLAY, core);
	cr_expect(!strstr(ns_said(), "alert\"") && strstr(ns_said(), "\"http\""), "nobody has named it: %s",
		  ns_said());
	ns_run(NULL, COMPILE "--workload web -o " WORLD_TMP "/block", ctl_program);
	cr_expect_str_eq(ns_said(), "");
	first = strdup(ns_run(NULL, REPLAY, core));
	cr_expect(strstr(first, "\"action\":\"blocked\"") && strstr(first, "\"rule\":5,"), "%s", first);
	cr_expect_str_eq(ns_run(NULL, REPLAY, core), first, "the same again");
	free(first);
}

Test(replay, a_policy_for_it_is_refused_like_any)
{
	const char *ctl_program = world_program("sluicectl");

	rules_write("version: 1\nrules: [{id: 5, direction: both, workload: web, action: deny}]\n");
	/* Several may bear a name; what is not for eyes is not shown to them. */
	ns_run(NULL, COMPILE "--workload web=7 --workload web=1 | wc -c", ctl_program);
	cr_expect_gt(atoi(ns_said()), 1000, "%s", ns_said());
	cr_expect_eq(ns_sh(NULL, COMPILE "--workload web=0", ctl_program), 2);
	cr_expect(strstr(ns_said(), "--workload web=0: must be NAME or NAME=ID"), "%s", ns_said());
	rules_write("version: 1\nrules:\n- {id: 5, acton: deny}\n");
	cr_expect_eq(ns_sh(NULL, COMPILE "-o " WORLD_TMP "/none", ctl_program), 1);
	cr_expect(strstr(ns_said(), ":3:"), "the line is not said: %s", ns_said());
	cr_expect(access(WORLD_TMP "/none", F_OK), "a file was made of it");
}
