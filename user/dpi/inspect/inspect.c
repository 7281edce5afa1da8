// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of an inspection: what the two sides said first is kept, our
 * parsers are asked, then nDPI, until somebody is certain or nobody will be.
 *
 * Our parsers go first: they are strict, need no port and cost little; nDPI's
 * flow is made only for what they do not know at once.
 */
#include "dpi/inspect/inspect.h"

#include <errno.h>
#include <stdlib.h>

#include "dpi/inspect/ndpi.h"
#include "dpi/inspect/parse.h"

#define STRONG 80 /* a candidate nDPI is not asked about */
#define ROOM_FIRST 512

struct kept {
	uint8_t *data;
	uint32_t len, room, total;
};

struct sl_inspect_state {
	struct sl_inspect_state *older, *newer; /* by their last packet */
	struct sl_ndpi_flow *flow;
	struct kept kept[2]; /* by enum sl_side */
	uint32_t parsers; /* a bit for each that has not said SL_NO */
	uint8_t packets;
	bool ndpi; /* it is being asked */
	bool given_up; /* for want of room: nothing is left but this */
};

struct sl_inspector {
	struct sl_ndpi *ndpi;
	struct sl_inspect_state *oldest, *newest;
	struct sl_inspect_figures figures;
	uint32_t parsers[2]; /* those for TCP, for UDP */
};

static const uint32_t room_of[2] = { SL_INSPECT_KEPT_CLIENT, SL_INSPECT_KEPT_SERVER };

int sl_inspector_open(struct sl_inspector **ret, struct sl_err *err)
{
	struct sl_inspector *inspector = calloc(1, sizeof(*inspector));
	int rc;

	if (!inspector)
		return sl_errno(err, ENOMEM, "cannot make room for inspection");
	rc = sl_ndpi_open(&inspector->ndpi, err);
	if (rc < 0) {
		free(inspector);
		return rc;
	}
	for (unsigned int i = 0; i < sl_n_parsers; i++) {
		uint8_t protocol = sl_parsers[i].protocol;

		inspector->parsers[0] |= !protocol || protocol == IPPROTO_TCP ? 1u << i : 0;
		inspector->parsers[1] |= !protocol || protocol == IPPROTO_UDP ? 1u << i : 0;
	}
	*ret = inspector;
	return 0;
}

void sl_inspector_close(struct sl_inspector *inspector)
{
	if (!inspector)
		return;
	sl_ndpi_close(inspector->ndpi);
	free(inspector);
}

void sl_inspector_figures(const struct sl_inspector *inspector, struct sl_inspect_figures *ret)
{
	*ret = inspector->figures;
}

static void link_newest(struct sl_inspector *inspector, struct sl_inspect_state *state)
{
	state->newer = NULL;
	state->older = inspector->newest;
	if (state->older)
		state->older->newer = state;
	else
		inspector->oldest = state;
	inspector->newest = state;
	inspector->figures.now++;
}

static void unlink_state(struct sl_inspector *inspector, struct sl_inspect_state *state)
{
	if (state->older)
		state->older->newer = state->newer;
	else
		inspector->oldest = state->newer;
	if (state->newer)
		state->newer->older = state->older;
	else
		inspector->newest = state->older;
	inspector->figures.now--;
}

/* Takes everything from it but the state itself, which its session still points to. */
static void empty(struct sl_inspector *inspector, struct sl_inspect_state *state)
{
	if (state->given_up)
		return;
	unlink_state(inspector, state);
	sl_ndpi_end(state->flow);
	state->flow = NULL;
	for (int side = 0; side < 2; side++) {
		free(state->kept[side].data);
		state->kept[side].data = NULL;
	}
	state->given_up = true;
}

static void end(struct sl_inspector *inspector, struct sl_session *session)
{
	if (!session->inspect)
		return;
	empty(inspector, session->inspect);
	free(session->inspect);
	session->inspect = NULL;
}

void sl_inspect_forget(struct sl_inspector *inspector, struct sl_session *session)
{
	end(inspector, session);
	free(session->name);
	session->name = NULL;
}

static struct sl_inspect_state *begin(struct sl_inspector *inspector, uint8_t protocol)
{
	struct sl_inspect_state *state = calloc(1, sizeof(*state));

	if (!state) {
		inspector->figures.no_memory++;
		return NULL;
	}
	if (inspector->figures.now >= SL_INSPECT_SESSIONS) {
		empty(inspector, inspector->oldest);
		inspector->figures.given_up++;
	}
	state->parsers = inspector->parsers[protocol == IPPROTO_UDP];
	state->ndpi = true;
	link_newest(inspector, state);
	inspector->figures.begun++;
	return state;
}

/* Adds to what the side said first. True if there is more of it now than before. */
static bool keep(struct kept *kept, uint32_t most, bool datagram, const uint8_t *payload, uint32_t len)
{
	uint32_t take = len < most - kept->len ? len : most - kept->len;

	if (datagram && kept->total)
		return false;
	if (kept->len + take > kept->room) {
		uint32_t room = kept->room ? kept->room : ROOM_FIRST;
		uint8_t *data;

		while (room < kept->len + take)
			room *= 2;
		data = realloc(kept->data, room);
		if (!data)
			take = kept->room - kept->len;
		else {
			kept->data = data;
			kept->room = room;
		}
	}
	if (take)
		memcpy(kept->data + kept->len, payload, take);
	kept->len += take;
	kept->total = len > UINT32_MAX - kept->total ? UINT32_MAX : kept->total + len;
	return take != 0;
}

/* Asks all parsers that are left. *best: the surest answer, of those that say yes if any does. */
static enum sl_verdict ask_parsers(struct sl_inspect_state *state, const struct sl_session *session,
				   struct sl_found *best)
{
	struct sl_spoken spoken = { .protocol = session->tuple.protocol, .midway = session->picked_up };
	enum sl_verdict verdict = SL_NO;
	struct sl_found found;
	uint32_t who = 0;

	for (int side = 0; side < 2; side++)
		spoken.side[side] = (struct sl_said){ .data = state->kept[side].data,
						      .len = state->kept[side].len,
						      .total = state->kept[side].total,
						      .room = room_of[side] };
	for (uint32_t left = state->parsers; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);
		enum sl_verdict said;

		sl_found_clear(&found);
		said = sl_parsers[i].try(&spoken, &found);
		if (said == SL_NO) {
			state->parsers &= ~(1u << i);
			continue;
		}
		if (said > verdict || (said == verdict && found.confidence > best->confidence)) {
			*best = found;
			who = 1u << i;
		}
		verdict = said > verdict ? said : verdict;
	}
	/* From now on only the one that knows is asked, for the name. */
	if (verdict == SL_YES) {
		state->parsers = who;
		state->ndpi = false;
	}
	return verdict;
}

static enum sl_verdict ask_ndpi(struct sl_inspector *inspector, struct sl_inspect_state *state,
				const struct sl_session *session, const uint8_t *payload, uint32_t len,
				enum sl_side side, struct sl_found *found)
{
	enum sl_verdict verdict;

	if (!state->flow)
		state->flow = sl_ndpi_begin(inspector->ndpi, session->tuple.protocol);
	if (!state->flow)
		return SL_NO;
	verdict = sl_ndpi_look(inspector->ndpi, state->flow, payload, len, side, found);
	if (verdict == SL_YES)
		state->parsers = 0;
	return verdict;
}

/* Writes down what is known now. True if it was not known before. */
static bool note(struct sl_session *session, const struct sl_found *found, bool final)
{
	bool changed = session->application != found->application ||
		       session->confidence != found->confidence || session->application_final != final;

	session->application = found->application;
	session->confidence = found->confidence;
	session->application_final = final;
	if (found->name.len && (!session->name || strcmp(session->name, found->name.text) != 0)) {
		char *name = strdup(found->name.text);

		if (name) {
			free(session->name);
			session->name = name;
			changed = true;
		}
	}
	return changed;
}

/* Nothing more will be found out. */
static bool conclude(struct sl_inspector *inspector, struct sl_session *session)
{
	struct sl_found found = { .application = session->application, .confidence = session->confidence };

	end(inspector, session);
	if (!session->application_final && found.confidence < SL_INSPECT_CONFIDENCE)
		found = (struct sl_found){ 0 };
	return note(session, &found, true);
}

static bool look(struct sl_inspector *inspector, struct sl_session *session, const uint8_t *payload,
		 uint32_t len, enum sl_side side)
{
	struct sl_inspect_state *state = session->inspect;
	bool datagram = session->tuple.protocol == IPPROTO_UDP;
	enum sl_verdict verdict = state->parsers ? SL_MORE : SL_NO;
	struct sl_found found;
	bool changed = false;

	sl_found_clear(&found);
	found.application = session->application;
	found.confidence = session->confidence;

	if (keep(&state->kept[side], room_of[side], datagram, payload, len) && state->parsers) {
		sl_found_clear(&found);
		verdict = ask_parsers(state, session, &found);
	}
	if (verdict != SL_YES && state->ndpi && found.confidence < STRONG) {
		struct sl_found other;
		enum sl_verdict said;

		sl_found_clear(&other);
		said = ask_ndpi(inspector, state, session, payload, len, side, &other);
		state->ndpi = said != SL_NO;
		verdict = said > verdict ? said : verdict;
		if (said == SL_YES)
			found = other;
	}
	state->packets++;
	if (verdict == SL_YES) {
		changed = note(session, &found, true);
		if (!found.name_later || state->packets >= SL_INSPECT_PACKETS)
			end(inspector, session);
		return changed;
	}
	if (!session->application_final)
		changed = note(session, &found, false);
	if (verdict == SL_NO || state->packets >= SL_INSPECT_PACKETS)
		changed = conclude(inspector, session) || changed;
	return changed;
}

bool sl_inspect(struct sl_inspector *inspector, struct sl_session *session, const struct sl_packet *packet,
		const uint8_t *payload, uint32_t len, enum sl_side side)
{
	(void)packet;
	if (!sl_inspect_wants(session))
		return false;
	/* Other protocols have no applications. */
	if (session->tuple.protocol != IPPROTO_TCP && session->tuple.protocol != IPPROTO_UDP)
		return conclude(inspector, session);
	if (!len)
		return false;
	if (!session->inspect)
		session->inspect = begin(inspector, session->tuple.protocol);
	if (!session->inspect || session->inspect->given_up)
		return conclude(inspector, session);
	unlink_state(inspector, session->inspect);
	link_newest(inspector, session->inspect);
	return look(inspector, session, payload, len, side);
}
