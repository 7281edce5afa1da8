// SPDX-License-Identifier: BSD-2-Clause
/* See engine_lab.h. */
#include "engine_lab.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy_make.h"

static int lane_send(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	struct trial_lane *mine = (struct trial_lane *)lane;
	struct frame *f = &mine->frame[mine->sent++ % TRIAL_SENT];

	(void)err;
	cr_assert_leq(len, sizeof(f->data));
	memcpy(f->data, data, len);
	f->len = len;
	return 0;
}

static const struct sl_lane_ops ops = { .name = "lab", .send = lane_send };

void trial_open(struct trial *lab, const char *policy, void (*change)(struct sl_engine_conf *conf))
{
	struct sl_engine_conf conf;
	struct sl_err err = { 0 };

	memset(lab, 0, sizeof(*lab));
	lab->now_ns = 1000 * TRIAL_MS;
	lab->lane = calloc(1, sizeof(*lab->lane));
	cr_assert_not_null(lab->lane);
	lab->lane->lane.ops = &ops;
	sl_engine_conf_init(&conf);
	conf.sessions = 1024;
	if (change)
		change(&conf);
	cr_assert_eq(sl_policies_open(&lab->policies, 1, &err), 0, "%s", err.text);
	cr_assert_eq(sl_engine_open(&lab->engine, &conf, 0, 1, lab->policies, &lab->lane->lane, &err), 0,
		     "%s", err.text);
	if (policy)
		trial_policy(lab, policy);
	trial_later(lab, 0);
}

void trial_close(struct trial *lab)
{
	sl_engine_close(lab->engine);
	sl_policies_close(lab->policies);
	free(lab->lane);
}

void trial_numbered_policy(struct trial *lab, const char *text, uint32_t number)
{
	struct sl_policy *policy = make_policy_of(text);

	sl_policy_set_number(policy, number);
	sl_policies_set(lab->policies, policy, lab->now_ns);
	trial_later(lab, 0);
}

void trial_policy(struct trial *lab, const char *policy)
{
	trial_numbered_policy(lab, policy, 0);
}

static void read_events(struct trial *lab)
{
	struct sl_event event;

	while (sl_event_take(sl_engine_events(lab->engine), &event)) {
		if (event.kind == SL_EVENT_ALERT) {
			lab->alerts++;
			lab->alert = event;
		} else if (event.kind == SL_EVENT_DROP) {
			lab->drops++;
			lab->drop = event;
		} else if (event.kind == SL_EVENT_FLOW) {
			lab->flows++;
			lab->flow = event;
		}
	}
}

void trial_later(struct trial *lab, uint64_t ns)
{
	lab->now_ns += ns;
	sl_engine_turn(lab->engine, lab->now_ns);
	read_events(lab);
}

void trial_ip(struct trial *lab, bool to_workload, uint8_t family, uint8_t protocol)
{
	const char *peer = family == 4 ? TRIAL_PEER : TRIAL_PEER6;
	const char *workload = family == 4 ? TRIAL_WORKLOAD : TRIAL_WORKLOAD6;
	struct mac other = mac_of("02:00:00:00:00:01");

	frame_eth(&lab->f, to_workload ? mac_uc(TRIAL_ID) : other, to_workload ? other : mac_uc(TRIAL_ID));
	if (family == 4)
		frame_ipv4(&lab->f, to_workload ? peer : workload, to_workload ? workload : peer, protocol);
	else
		frame_ipv6(&lab->f, to_workload ? peer : workload, to_workload ? workload : peer, protocol);
}

enum sl_action trial_feed(struct trial *lab, const struct frame *f)
{
	uint8_t *copy = malloc(f->len);
	struct sl_frame frame = {
		.len = f->len, .n_pieces = 1, .bulk = lab->bulk, .piece = { { copy, f->len } }
	};
	enum sl_action action;

	cr_assert_not_null(copy);
	memcpy(copy, f->data, f->len);
	memset(&lab->drop, 0, sizeof(lab->drop));
	trial_later(lab, TRIAL_MS);
	action = sl_engine_handle(lab->engine, &frame);
	lab->marked = sl_is_ucmac(copy) ? copy[3] & SL_UCMAC_HANDOVER : copy[9] & SL_UCMAC_HANDOVER;
	free(copy);
	read_events(lab);
	return action;
}

enum sl_action trial_tcp(struct trial *lab, bool to_workload, uint16_t client, uint16_t server, uint32_t seq,
			 uint32_t ack, uint8_t flags, const void *data, size_t len)
{
	trial_ip(lab, to_workload, 4, IPPROTO_TCP);
	frame_tcp(&lab->f, to_workload ? client : server, to_workload ? server : client, seq, ack, flags,
		  data, len);
	return trial_feed(lab, &lab->f);
}

bool trial_handshake(struct trial *lab, uint16_t client, uint16_t server)
{
	return trial_tcp(lab, true, client, server, 1000, 0, FRAME_SYN, NULL, 0) == SL_FORWARD &&
	       trial_tcp(lab, false, client, server, 5000, 1001, FRAME_SYN | FRAME_ACK, NULL, 0) ==
		       SL_FORWARD &&
	       trial_tcp(lab, true, client, server, 1001, 5001, FRAME_ACK, NULL, 0) == SL_FORWARD;
}

const char *trial_reason(const struct trial *lab)
{
	return lab->drop.drop.reason;
}

struct sl_session *trial_session(struct trial *lab)
{
	struct sl_session_filter all = { 0 };
	struct sl_cursor cursor = { 0 };
	struct sl_session *session, *second;
	uint32_t budget = UINT32_MAX;

	session = sl_sessions_next(sl_engine_table(lab->engine), &cursor, &all, &budget);
	second = session ? sl_sessions_next(sl_engine_table(lab->engine), &cursor, &all, &budget) : NULL;
	return second ? NULL : session;
}
