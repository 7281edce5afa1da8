// SPDX-License-Identifier: BSD-2-Clause
/* The way of a frame through one worker; see engine.h for the invariant. */
#include "dpi/decide/engine.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dpi/decide/engine_own.h"
#include "dpi/decide/fault_point.h"
#include "dpi/decide/verdict.h"
#include "dpi/policy/agent.h"

#define EVENTS 4096 /* a worker's ring: 300 bytes each */
#define METERS 16384
#define LEARN_MAX 65536 /* different kinds of sessions */
#define TICK_BUDGET 256 /* sessions looked at in a turn */
#define NEIGHBOUR_TARGET 16 /* what a solicitation and an advertisement hold: an address … */
#define NEIGHBOUR_OPTION 8 /* … and perhaps whose MAC it is */
#define SWEEP_NS 1000000000ull
#define AGENT_WAIT_NS 2000000000ull
#define REPORTS (1u << 20) /* bytes of a worker's ring */

void sl_engine_conf_init(struct sl_engine_conf *conf)
{
	*conf = (struct sl_engine_conf){
		.thresholds = SL_THRESHOLDS_DEFAULT,
		.drop_events = true,
		.flows_fd = -1,
		.verdicts = true,
	};
}

static void take_policy(struct sl_engine *engine)
{
	const struct sl_policy *before = engine->policy;
	uint32_t generation = engine->generation;

	if (!engine->policies)
		return;
	/* Its number first: a policy that comes in between is then taken for a newer one, and asked again. */
	engine->generation = (uint32_t)sl_policies_generation(engine->policies);
	engine->policy = sl_policies_fetch(engine->policies, engine->worker);
	engine->peers = sl_policies_peers(engine->policies);
	engine->epoch = engine->policy ? sl_policy_number(engine->policy) : 0;
	engine->resting = false;
	if (engine->conf.agents) {
		/* Both only ever rise: the sum changes with each of them. */
		uint32_t agents = (uint32_t)sl_policies_generation(engine->conf.agents);

		engine->generation += agents;
		engine->agent = sl_policies_fetch(engine->conf.agents, engine->worker);
		if (engine->generation != generation)
			sl_grace_renew(engine->grace);
	}
	if (engine->policy != before || engine->generation != generation)
		memset(engine->mode, 0, sizeof(engine->mode));
}

static void on_ended(void *context, struct sl_session *session, enum sl_session_end why)
{
	struct sl_engine *engine = context;

	/* As all sessions at the engine's end: the policy known so far may have been freed while it slept. */
	if (engine->resting)
		take_policy(engine);
	/* The core ends, the flow need not: it goes on, and the next core finds it. */
	if (why == SL_END_SHUTDOWN)
		verdict_leave(engine, session);
	else
		verdict_withdraw(engine, session);
	decide_ended(engine, session);
	if (why == SL_END_TIMEOUT && engine->conf.thresholds.no_data && sl_session_silent(session))
		tell_threat_of(engine, SL_THREAT_no_data, session);
	tell_end(engine, session, why);
	report_end(engine, session);
	if (engine->totals)
		sl_totals_session(engine->totals, session->workload, session->ingress, false);
	sl_inspect_forget(engine->inspector, session);
}

static void on_silent(void *context, struct sl_session *session)
{
	verdict_fold(context, session);
}

static int open_table(struct sl_engine *engine, uint32_t worker, uint32_t workers, struct sl_err *err)
{
	struct sl_table_config config;

	sl_table_config_init(&config);
	if (engine->conf.sessions)
		config.sessions_max = engine->conf.sessions;
	/* The memory is all workers' together. */
	config.bytes_max /= workers;
	config.stream_total_bytes /= workers;
	config.first_id = worker + 1;
	config.id_step = workers;
	config.ended = on_ended;
	if (engine->flows.room)
		config.silent = on_silent;
	config.context = engine;
	return sl_table_open(&engine->table, &config, err);
}

int sl_engine_open(struct sl_engine **ret, const struct sl_engine_conf *conf, uint32_t worker,
		   uint32_t workers, struct sl_policies *policies, struct sl_lane *lane, struct sl_err *err)
{
	struct sl_engine *engine = calloc(1, sizeof(*engine));
	struct sl_meter_limit limits[SL_METER_KINDS];
	uint64_t seed;
	int r;

	if (!engine)
		return sl_errno(err, ENOMEM, "worker %u", worker);
	engine->conf = *conf;
	engine->worker = worker;
	engine->workers = workers;
	engine->lane = lane;
	engine->policies = policies;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		r = sl_errno(err, errno, "random numbers for worker %u", worker);
		goto fail;
	}
	notice_limits(&conf->thresholds, limits);
	engine->decoder = sl_decoder_new();
	engine->meters = sl_meters_new(METERS, limits, seed);
	engine->threats = sl_threat_memory_new();
	engine->events = sl_event_ring_new(EVENTS);
	if (conf->agents) {
		engine->grace = sl_grace_new();
		engine->totals = sl_totals_new();
		engine->reports = sl_report_ring_new(REPORTS);
	}
	if (!engine->decoder || !engine->meters || !engine->threats || !engine->events ||
	    (conf->agents && (!engine->grace || !engine->totals || !engine->reports))) {
		r = sl_errno(err, ENOMEM, "worker %u", worker);
		goto fail;
	}
	r = sl_defrag_new(&engine->defrag, &(struct sl_defrag_limits)SL_DEFRAG_LIMITS, engine->decoder);
	if (r < 0) {
		sl_errno(err, -r, "reassembly of worker %u", worker);
		goto fail;
	}
	r = conf->flows_fd < 0
		    ? 0
		    : sl_flows_open(&engine->flows, conf->flows_fd, (uint16_t)worker, workers, err);
	if (r >= 0)
		r = sl_inspector_open(&engine->inspector, err);
	if (r >= 0)
		r = sl_learn_open(&engine->learn, LEARN_MAX, err);
	if (r >= 0)
		r = open_table(engine, worker, workers, err);
	if (r < 0)
		goto fail;
	sl_table_set_no_data(engine->table, conf->thresholds.no_data);
	*ret = engine;
	return 0;
fail:
	sl_engine_close(engine);
	return r;
}

void sl_engine_close(struct sl_engine *engine)
{
	if (!engine)
		return;
	sl_table_close(engine->table);
	sl_inspector_close(engine->inspector);
	sl_learn_close(engine->learn);
	sl_defrag_free(engine->defrag);
	sl_decoder_free(engine->decoder);
	sl_meters_free(engine->meters);
	sl_threat_memory_free(engine->threats);
	sl_event_ring_free(engine->events);
	sl_grace_free(engine->grace);
	sl_totals_free(engine->totals);
	sl_report_ring_free(engine->reports);
	free(engine);
}

struct sl_event_ring *sl_engine_events(struct sl_engine *engine)
{
	return engine->events;
}

void sl_engine_figures(const struct sl_engine *engine, struct sl_engine_figures *ret)
{
	const uint64_t *from = (const uint64_t *)&engine->figures;
	uint64_t *to = (uint64_t *)ret;

	for (size_t i = 0; i < sizeof(*ret) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

struct sl_table *sl_engine_table(struct sl_engine *engine)
{
	return engine->table;
}

uint64_t sl_engine_now(const struct sl_engine *engine)
{
	return engine->now_ns;
}

struct sl_meters *sl_engine_meters(struct sl_engine *engine)
{
	return engine->meters;
}

struct sl_totals *sl_engine_totals(struct sl_engine *engine)
{
	return engine->totals;
}

struct sl_report_ring *sl_engine_reports(struct sl_engine *engine)
{
	return engine->reports;
}

void sl_engine_fold(struct sl_engine *engine, struct sl_session *session)
{
	verdict_fold(engine, session);
}

void sl_engine_verdicts(const struct sl_engine *engine, struct sl_engine_verdicts *ret)
{
	*ret = (struct sl_engine_verdicts){
		.given = __atomic_load_n(&engine->flows.given, __ATOMIC_RELAXED),
		.no_room = __atomic_load_n(&engine->flows.no_room, __ATOMIC_RELAXED),
		.lost = __atomic_load_n(&engine->flows.lost, __ATOMIC_RELAXED),
		.now = __atomic_load_n(&engine->flows.used, __ATOMIC_RELAXED),
	};
}

bool sl_engine_adopt(struct sl_engine *engine, const struct sl_flow_key *key, const struct sl_flow *flow,
		     uint64_t now_ns)
{
	if (now_ns > engine->now_ns)
		engine->now_ns = now_ns;
	return verdict_adopt(engine, key, flow);
}

struct sl_learn *sl_engine_learn(struct sl_engine *engine)
{
	return engine->learn;
}

static enum sl_action drop(struct sl_engine *engine, const struct sl_packet *packet,
			   const struct sl_session *session, const char *reason)
{
	tell_drop(engine, packet, session, reason);
	return SL_DROP;
}

static enum sl_action drop_flood(struct sl_engine *engine, const struct sl_packet *packet)
{
	count(&engine->figures.flooded);
	return drop(engine, packet, NULL, "flood");
}

/* Which threat a malformed packet is. */
static enum sl_threat threat_of(const struct sl_packet *packet)
{
	if (packet->malformed & SL_MALFORMED_BIT(frag_overlap))
		return SL_THREAT_teardrop;
	if (packet->malformed & SL_MALFORMED_BIT(frag_beyond))
		return SL_THREAT_ping_of_death;
	return SL_THREAT_bad_packet;
}

static enum sl_action handle_malformed(struct sl_engine *engine, const struct sl_packet *packet)
{
	uint64_t bad = packet->malformed & sl_malformed_drop;
	bool protect = decide_mode(engine, packet->workload) == SL_POLICY_PROTECT;

	count(&engine->figures.malformed);
	tell_threat(engine, threat_of(packet), packet, NULL, protect);
	if (!protect)
		return SL_FORWARD;
	return drop(engine, packet, NULL,
		    sl_malformed_name(bad ? (unsigned int)__builtin_ctzll(bad) : SL_MALFORMED_MAX));
}

static enum sl_action without_session(struct sl_engine *engine, const struct sl_packet *packet,
				      const struct sl_found *found, bool protect)
{
	if (found->event == SL_SESSION_FULL)
		count(&engine->figures.full);
	if (!protect)
		return SL_FORWARD;
	switch (found->event) {
	case SL_SESSION_FULL:
		return drop(engine, packet, NULL, "no room for a session");
	case SL_SESSION_WRONG_WAY:
		return drop(engine, packet, NULL, "from the wrong side");
	case SL_SESSION_UNRELATED:
		return drop(engine, packet, NULL, "ICMP error of no session");
	default:
		return drop(engine, packet, NULL, "no session");
	}
}

/*
 * Does a server speak whose client nobody has heard? Of TCP that began unseen, who is which goes by the ports, and a
 * sender has those of his choice: an "answer" from an open port would reach any other.
 */
static bool is_unasked(const struct sl_session *session, const struct sl_packet *packet, enum sl_side side)
{
	return packet->kind == SL_PACKET_TCP && session->picked_up && side == SL_SERVER &&
	       !session->flow[SL_CLIENT].packets;
}

static enum sl_action in_session(struct sl_engine *engine, struct sl_session *session,
				 const struct sl_packet *packet, enum sl_side side, bool protect)
{
	struct sl_facts facts = { 0 };
	enum sl_action action;

	verdict_meet(engine, session, packet, side);
	sl_session_track(engine->table, session, packet, side, &facts);
	if (facts.facts & SL_FACT_UNFIT) {
		count(&engine->figures.unfit);
		if (session->action == SL_POLICY_DENY) {
			decide_refuse_again(engine, session, packet);
			verdict_deny(engine, session, packet);
		}
		if (protect)
			return drop(engine, packet, session, "unfit for its session");
		return SL_FORWARD;
	}
	if (packet->kind == SL_PACKET_TCP && notice_odd(engine, packet, session, &facts, protect))
		return drop(engine, packet, session, "threat");
	if (protect && is_unasked(session, packet, side))
		return decide_unasked(engine, session, packet, side);
	if (!inspect_session(engine, session, packet, side, &facts, protect))
		return drop(engine, packet, session, "contradicts earlier data");
	action = decide_session(engine, session, packet, side);
	if (facts.facts & (SL_FACT_RESET | SL_FACT_FINISHED))
		verdict_withdraw(engine, session);
	else if (action == SL_FORWARD)
		verdict_give(engine, session, packet, side);
	else if (session->action == SL_POLICY_DENY)
		verdict_deny(engine, session, packet);
	return action;
}

static void count_packet(struct sl_engine *engine, const struct sl_packet *packet)
{
	struct sl_engine_figures *figures = &engine->figures;

	add(packet->tuple.family == 4 ? &figures->ipv4 : &figures->ipv6, 1u + packet->more);
	switch (packet->kind) {
	case SL_PACKET_TCP:
		add(&figures->tcp, 1u + packet->more);
		break;
	case SL_PACKET_UDP:
		add(&figures->udp, 1u + packet->more);
		break;
	case SL_PACKET_ICMP:
	case SL_PACKET_ICMP_ERROR:
		count(&figures->icmp);
		break;
	case SL_PACKET_SCTP:
		count(&figures->sctp);
		break;
	default:
		break;
	}
}

/*
 * How hosts of IPv6 find each other and see that they are still there: what ARP is to IPv4, which does not come
 * here and of which no policy speaks. Exactly that and from the link itself; anything behind it would slip by.
 */
static bool is_neighbour(const struct sl_packet *packet)
{
	const uint8_t *option = packet->data + packet->payload + NEIGHBOUR_TARGET;
	uint8_t expected =
		packet->icmp_type == ND_NEIGHBOR_SOLICIT ? ND_OPT_SOURCE_LINKADDR : ND_OPT_TARGET_LINKADDR;

	if (packet->kind != SL_PACKET_ICMP || packet->tuple.family != 6 || packet->ttl != 255 ||
	    packet->icmp_code || packet->fragment || packet->checksum_bad ||
	    (packet->icmp_type != ND_NEIGHBOR_SOLICIT && packet->icmp_type != ND_NEIGHBOR_ADVERT))
		return false;
	if (packet->payload_len == NEIGHBOUR_TARGET)
		return true;
	return packet->payload_len == NEIGHBOUR_TARGET + NEIGHBOUR_OPTION && option[0] == expected &&
	       option[1] == 1;
}

static enum sl_action handle_packet(struct sl_engine *engine, const struct sl_packet *packet)
{
	bool protect = decide_mode(engine, packet->workload) == SL_POLICY_PROTECT;
	struct sl_session *session;
	struct sl_found found;

	count_packet(engine, packet);
	if (engine->totals)
		sl_totals_packet(engine->totals, packet->workload, packet->to_workload, packet->len);
	if (is_neighbour(packet))
		return SL_FORWARD;
	if (notice_flood(engine, packet, protect))
		return drop_flood(engine, packet);
	session = sl_session_of(engine->table, packet, true, &found);
	if (!session)
		return without_session(engine, packet, &found, protect);
	if (found.event == SL_SESSION_NEW && engine->totals)
		sl_totals_session(engine->totals, session->workload, session->ingress, true);
	/* An error goes where the packet it speaks of came from. */
	if (found.event == SL_SESSION_RELATED)
		return decide_related(engine, session, packet);
	if (found.event == SL_SESSION_NEW && notice_source_flood(engine, packet, protect)) {
		sl_session_end(engine->table, session, SL_END_KILLED);
		return drop_flood(engine, packet);
	}
	return in_session(engine, session, packet, found.side, protect);
}

/* The fragments that were kept back go on before the one that completed them. */
static void release_fragments(struct sl_engine *engine)
{
	struct sl_frame frame;
	struct sl_err err;

	/* What the lane cannot take is lost and counted there, like any frame. */
	while (engine->lane && sl_defrag_frames(engine->defrag, &frame))
		engine->lane->ops->send(engine->lane, frame.piece[0].data, frame.piece[0].len, &err);
}

static enum sl_action handle_fragment(struct sl_engine *engine, const struct sl_frame *frame,
				      struct sl_packet *fragment)
{
	struct sl_packet whole;
	enum sl_action action;
	int r = sl_defrag(engine->defrag, fragment, frame, &whole);

	count(&engine->figures.fragments);
	if (!r)
		return SL_DROP; /* a copy is kept */
	if (r < 0) {
		count(&engine->figures.fragments_dropped);
		tell_threat(engine, threat_of(fragment), fragment, NULL, true);
		return drop(engine, fragment, NULL, "fragment");
	}
	count(&engine->figures.reassembled);
	action = sl_packet_bad(&whole) ? handle_malformed(engine, &whole) : handle_packet(engine, &whole);
	if (action == SL_FORWARD)
		release_fragments(engine);
	sl_defrag_forget(engine->defrag);
	return action;
}

enum sl_action sl_engine_handle(void *context, struct sl_frame *frame)
{
	struct sl_engine *engine = context;
	struct sl_packet packet;
	enum sl_action action;

	sl_fault_point(frame);
	/* Frames that are taken without a turn before them, as at a worker's end. */
	if (engine->resting)
		take_policy(engine);
	count(&engine->figures.packets);
	add(&engine->figures.bytes, frame->len);
	if (sl_decode(&packet, frame, engine->decoder, engine->now_ns) < 0)
		return handle_malformed(engine, &packet);
	if (packet.kind == SL_PACKET_FRAGMENT)
		return handle_fragment(engine, frame, &packet);
	add(&engine->figures.packets, packet.more);
	add(&engine->figures.bytes, (uint64_t)packet.more * packet.payload);
	engine->frame = frame;
	action = handle_packet(engine, &packet);
	engine->frame = NULL;
	return action;
}

void sl_engine_turn(void *context, uint64_t now_ns)
{
	struct sl_engine *engine = context;

	if (now_ns > engine->now_ns)
		engine->now_ns = now_ns;
	take_policy(engine);
	sl_sessions_tick(engine->table, engine->now_ns, TICK_BUDGET);
	if (engine->now_ns - engine->last_sweep_ns < SWEEP_NS)
		return;
	engine->last_sweep_ns = engine->now_ns;
	sl_defrag_tick(engine->defrag, engine->now_ns, TICK_BUDGET);
	tell_threats_due(engine);
}

bool sl_engine_ready(void *context)
{
	struct sl_engine *engine = context;

	if (engine->conf.wait_policy && !engine->policy)
		return false;
	if (!engine->conf.agents || engine->agent)
		return true;
	/* Who speaks for the agent tells it at once, if he is there at all. */
	if (!engine->waiting_ns)
		engine->waiting_ns = engine->now_ns;
	return engine->now_ns - engine->waiting_ns >= AGENT_WAIT_NS;
}

void sl_engine_rest(void *context)
{
	struct sl_engine *engine = context;

	if (!engine->policies)
		return;
	engine->resting = true;
	sl_policies_sleep(engine->policies, engine->worker);
	if (engine->conf.agents)
		sl_policies_sleep(engine->conf.agents, engine->worker);
}
