// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which sessions get the bulk lane, for how long, and what of it is written
 * into the kernel's map: against a real map.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "engine_lab.h"
#include "flow_map_lab.h"

#define PEER_PORT 40000
#define AFTER 16 /* full packets in a row */
#define FULL 1000
#define DENY_ALL "version: 1\ndefault: {mode: protect}\nrules: []\n"

static struct trial trial;
static int map = -1;
static bool verdicts;
static uint32_t client_next, server_next;
static char data[FULL];

static void with_map(struct sl_engine_conf *conf)
{
	conf->flows_fd = map;
	conf->bulk = true;
	conf->verdicts = verdicts;
}

static void open_trial(void)
{
	map = flow_map_open(64);
	memset(data, 'x', sizeof(data));
	trial_open(&trial, TRIAL_ONLY_8080, with_map);
	cr_assert(trial_handshake(&trial, PEER_PORT, 8080));
	client_next = 1001;
	server_next = 5001;
}

static void close_trial(void)
{
	trial_close(&trial);
	close(map);
}

TestSuite(decide_lane, .init = open_trial, .fini = close_trial, .timeout = 60);

static struct found entries(void)
{
	return flow_map_entries(map);
}

static enum sl_action server(uint8_t flags, size_t len)
{
	enum sl_action action =
		trial_tcp(&trial, false, PEER_PORT, 8080, server_next, client_next, flags, data, len);

	server_next += (uint32_t)len + !!(flags & FRAME_FIN);
	return action;
}

static enum sl_action client(uint8_t flags, size_t len)
{
	enum sl_action action =
		trial_tcp(&trial, true, PEER_PORT, 8080, client_next, server_next, flags, data, len);

	client_next += (uint32_t)len + !!(flags & FRAME_FIN);
	return action;
}

static void stream(int n)
{
	while (n--) {
		cr_assert_eq(server(FRAME_ACK, FULL), SL_FORWARD);
		cr_assert_eq(client(FRAME_ACK, 0), SL_FORWARD);
	}
}

Test(decide_lane, is_given_to_what_moves_bulk)
{
	struct found found;

	stream(AFTER - 1);
	/* Acknowledgements are no interruption; a small segment is. */
	server(FRAME_ACK, 10);
	stream(AFTER - 1);
	cr_expect_eq(entries().n, 0);
	stream(1);
	found = entries();
	cr_assert_eq(found.n, 1);
	cr_expect_eq(found.flow.verdict, SL_VERDICT_INSPECT);
	cr_expect_eq(found.flow.to_workload.handover.way, SL_WAY_CORE);
	cr_expect_eq(found.flow.from_workload.handover.way, SL_WAY_CORE);
	cr_expect_eq(found.flow.check, sl_flow_check(&found.key, SL_VERDICT_INSPECT, found.flow.generation));
	/* From then on the frames of the other lane say that it may turn. */
	server(FRAME_ACK, FULL);
	cr_expect(trial.marked);
	/* Those of the lane itself have nothing to say. */
	trial.bulk = true;
	server(FRAME_ACK, FULL);
	cr_expect(!trial.marked);
}

Test(decide_lane, is_kept_to_the_end)
{
	stream(AFTER);
	cr_assert_eq(entries().n, 1);
	/* A new policy that allows it changes nothing; small segments neither. */
	trial_policy(&trial, TRIAL_ONLY_8080);
	for (int i = 0; i < 50; i++)
		cr_assert_eq(server(FRAME_ACK, 10), SL_FORWARD);
	cr_expect_eq(entries().flow.verdict, SL_VERDICT_INSPECT);
	cr_assert_eq(server(FRAME_ACK | FRAME_FIN, 0), SL_FORWARD);
	cr_assert_eq(client(FRAME_ACK | FRAME_FIN, 0), SL_FORWARD);
	cr_assert_eq(server(FRAME_ACK, 0), SL_FORWARD);
	cr_expect_eq(entries().n, 0);
}

Test(decide_lane, ends_with_what_is_denied)
{
	stream(AFTER);
	cr_assert_eq(entries().n, 1);
	trial_policy(&trial, DENY_ALL);
	cr_expect_eq(server(FRAME_ACK, FULL), SL_DROP);
	cr_expect_eq(entries().n, 0);
	for (int i = 0; i < 40; i++)
		cr_expect_eq(server(FRAME_ACK, FULL), SL_DROP);
	cr_expect_eq(entries().n, 0);
}

/* Somebody has removed it: it is found out, and given again. */
Test(decide_lane, comes_back)
{
	struct found found;

	stream(AFTER);
	found = entries();
	cr_assert_eq(bpf_map_delete_elem(map, &found.key), 0);
	stream(600);
	cr_expect_eq(entries().n, 1);
}

Test(decide_lane, is_not_left_behind)
{
	stream(AFTER);
	cr_assert_eq(entries().n, 1);
	sl_engine_close(trial.engine);
	trial.engine = NULL;
	cr_expect_eq(entries().n, 0, "at an orderly end");
}

static void with_verdicts(void)
{
	verdicts = true;
	open_trial();
}

/* Where the kernel will carry it on by itself there is no need of a lane. */
Test(decide_lane, not_before_a_verdict, .init = with_verdicts)
{
	stream(23);
	cr_expect_eq(entries().n, 0, "its application is not known yet");
	stream(40);
	cr_assert_eq(entries().n, 1);
	cr_expect_eq(entries().flow.verdict, SL_VERDICT_ALLOW);
}
