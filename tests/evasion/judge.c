// SPDX-License-Identifier: BSD-2-Clause
/*
 * What has become of an attempt, by the books and by what came out.
 *
 * Invariant: that the core has seen a frame is told by the core itself; that a
 * frame has come out is told by the far end, never by sluice.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "evasion/play.h"
#include "lib/world.h"

#define CLOSE_MS 2000
#define TWIN_MS 3000
/* In a flood most frames are lost before the core. */
#define FLOOD_MS 20
#define FLOOD_TRIES 400

static uint64_t moved(const struct play *play, enum sl_program prog, enum sl_reason reason)
{
	return (&play->after.program[prog].in)[1 + reason].frames -
	       (&play->before.program[prog].in)[1 + reason].frames;
}

static uint64_t entered(const struct play *play, enum sl_program prog)
{
	return play->after.program[prog].in.frames - play->before.program[prog].in.frames;
}

#define core_moved(play, field) ((play)->after.core.field - (play)->before.core.field)

static bool is_on_the_core_way(enum sl_reason reason)
{
	return reason == SL_R_diverted || reason == SL_R_bulk || reason == SL_R_to_core ||
	       reason == SL_R_to_workload || reason == SL_R_to_network;
}

/* Frames that left vex and vin because their flow has been judged. */
static uint64_t passed_by_verdict(const struct play *play)
{
	enum sl_reason reason = field_verdict();

	return reason == SL_REASON_MAX ? 0
				       : moved(play, SL_PROG_VEX, reason) + moved(play, SL_PROG_VIN, reason);
}

/* Frames that left vex and vin past the core, for another reason. */
static uint64_t passed_by(const struct play *play)
{
	enum sl_reason verdict = field_verdict();
	uint64_t n = 0;

	for (unsigned int reason = 0; reason < SL_REASON_MAX; reason++) {
		if (!sl_reason_is_drop(reason) && !is_on_the_core_way(reason) && reason != verdict)
			n += moved(play, SL_PROG_VEX, reason) + moved(play, SL_PROG_VIN, reason);
	}
	return n;
}

static uint64_t left(const struct play *play, enum sl_program prog)
{
	uint64_t n = 0;

	for (unsigned int reason = 0; reason < SL_REASON_MAX; reason++)
		n += moved(play, prog, reason);
	return n;
}

/* Is nothing under way any more? NULL, or where the books are open. */
static const char *open_books(const struct play *play)
{
	uint64_t diverted = moved(play, SL_PROG_VEX, SL_R_diverted) + moved(play, SL_PROG_VIN, SL_R_diverted);
	uint64_t back =
		moved(play, SL_PROG_VBR, SL_R_to_workload) + moved(play, SL_PROG_VBR, SL_R_to_network);
	uint64_t bulk = moved(play, SL_PROG_VEX, SL_R_bulk) + moved(play, SL_PROG_VIN, SL_R_bulk);

	back += moved(play, SL_PROG_VBK, SL_R_to_workload) + moved(play, SL_PROG_VBK, SL_R_to_network);
	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		if (entered(play, prog) != left(play, prog))
			return sl_program_name(prog);
	}
	if (play->resized ? entered(play, SL_PROG_VTH) < diverted : entered(play, SL_PROG_VTH) != diverted)
		return "between the ports and vth";
	if (entered(play, SL_PROG_VTK) != bulk)
		return "between the ports and vtk";
	if (moved(play, SL_PROG_VTH, SL_R_to_core) + moved(play, SL_PROG_VTK, SL_R_to_core) !=
	    core_moved(play, rx_frames) + core_moved(play, drop_rx_full) + core_moved(play, drop_fill_empty))
		return "between vth or vtk and the core";
	/* It writes its figures one by one. */
	if (core_moved(play, rx_frames) + core_moved(play, made) !=
	    core_moved(play, tx_frames) + core_moved(play, dropped) + core_moved(play, drop_tx_full) +
		    core_moved(play, drop_invalid))
		return "within the core";
	if (core_moved(play, tx_frames) != entered(play, SL_PROG_VBR) + entered(play, SL_PROG_VBK))
		return "between the core and vbr or vbk";
	if (play->field->inspected &&
	    back + passed_by(play) + passed_by_verdict(play) != play->field->n_arrivals)
		return "at the ends";
	return NULL;
}

/* Waits until the books are closed. */
static bool settle(struct play *play, struct outcome *outcome)
{
	int64_t end = now_ms() + CLOSE_MS;
	const char *where;

	for (;;) {
		field_look(play->field);
		field_tally(play->field, &play->after);
		where = open_books(play);
		if (!where)
			return true;
		if (now_ms() > end)
			break;
	}
	snprintf(outcome->text, sizeof(outcome->text), "the books stay open: %s", where);
	return false;
}

static bool has_marker(const struct play *play, const struct arrival *arrival)
{
	return memmem(arrival->data, arrival->kept, play->marker, strlen(play->marker)) != NULL;
}

static bool is_short(uint8_t flags)
{
	return flags & FRAME_RST || flags == FRAME_ACK;
}

/* A frame of the core's own: a reset, or the question whether there is a connection; TCP without any payload. */
static bool is_own(const struct arrival *arrival)
{
	uint32_t at = 14, etype;

	for (;;) {
		if (at + 40 > arrival->kept)
			return false;
		etype = (uint32_t)arrival->data[at - 2] << 8 | arrival->data[at - 1];
		if (etype != ETH_P_8021Q && etype != ETH_P_8021AD)
			break;
		at += 4;
	}
	if (etype == ETH_P_IP)
		return arrival->data[at + 9] == IPPROTO_TCP && arrival->len == at + 40 &&
		       is_short(arrival->data[at + 33]);
	return etype == ETH_P_IPV6 && arrival->data[at + 6] == IPPROTO_TCP && arrival->len == at + 60 &&
	       arrival->kept == arrival->len && is_short(arrival->data[at + 53]);
}

static bool is_of_flood(const struct arrival *arrival)
{
	return memmem(arrival->data, arrival->kept, FLOOD_MARK, strlen(FLOOD_MARK)) != NULL;
}

static void complain(struct outcome *outcome, const char *what, const struct arrival *arrival)
{
	int n = snprintf(outcome->text, sizeof(outcome->text), "%s at %s, %u bytes: ", what,
			 post_name(arrival->at), arrival->len);

	for (uint32_t i = 0; i < arrival->kept && n + 3 < (int)sizeof(outcome->text); i++)
		n += snprintf(outcome->text + n, sizeof(outcome->text) - (size_t)n, "%02x", arrival->data[i]);
}

/* Which fate was foreseen for what came out. */
static enum fate fate_of(const struct play *play, const struct arrival *arrival, const struct shot *shot)
{
	if (shot)
		return shot->fate;
	/* In another shape than it was sent: all that the attempt sends is one thing then. */
	return arrival->at == play->far && play->n_shots ? play->shots[0].fate : FORBIDDEN;
}

static void judge_arrivals(struct play *play, struct outcome *outcome)
{
	struct field *field = play->field;
	uint32_t by_rule = 0, by_core = 0, by_verdict = 0;
	const struct arrival *own = NULL;
	char what[80];

	for (uint32_t i = 0; i < field->n_arrivals; i++) {
		struct arrival *arrival = &field->arrivals[i];
		struct shot *shot = NULL;

		for (uint32_t k = 0; k < play->n_shots && !shot; k++) {
			if (play->shots[k].hash == arrival->hash && play->shots[k].to == arrival->at)
				shot = &play->shots[k];
		}
		if (!shot && (arrival->claimed || (field->flooded && play_is_twin(arrival->hash))))
			continue; /* the twin */
		if (is_of_flood(arrival)) {
			outcome->forbidden = true;
			complain(outcome, "a part of the flood", arrival);
			continue;
		}
		if (!shot && !has_marker(play, arrival)) {
			if (is_own(arrival)) {
				outcome->made++;
				own = arrival;
				continue;
			}
			outcome->strange = true;
			complain(outcome, "nobody has sent this:", arrival);
			continue;
		}
		outcome->arrived++;
		switch (fate_of(play, arrival, shot)) {
		case BY_RULE:
			by_rule++;
			break;
		case BY_VERDICT:
			by_verdict++;
			break;
		case FORBIDDEN:
			outcome->forbidden = true;
			complain(outcome, "delivered though forbidden", arrival);
			break;
		default:
			by_core++;
		}
	}
	outcome->by_verdict = passed_by_verdict(play);
	outcome->let_pass =
		by_core + by_verdict - (outcome->by_verdict < by_verdict ? outcome->by_verdict : by_verdict);
	if (outcome->by_verdict > by_verdict) {
		outcome->unseen = true;
		if (!*outcome->text)
			snprintf(outcome->text, sizeof(outcome->text),
				 "%u frames passed on a verdict of something else",
				 outcome->by_verdict - by_verdict);
	}
	if (!field->flooded && outcome->made > core_moved(play, made)) {
		outcome->strange = true;
		snprintf(what, sizeof(what),
			 "%u frames look like the core's own, who has made %llu, the last", outcome->made,
			 (unsigned long long)core_moved(play, made));
		complain(outcome, what, own);
	}
	if (!field->inspected)
		outcome->unseen = outcome->arrived;
	/* Without a core the twin passes by a rule, too. */
	if (passed_by(play) > by_rule + field->stopped) {
		outcome->unseen = true;
		if (!*outcome->text)
			snprintf(outcome->text, sizeof(outcome->text), "%llu frames passed unseen",
				 (unsigned long long)passed_by(play));
	}
	/* The same by the ends and the core alone: it has not let go of as many as came out. */
	if (field->inspected && by_core > core_moved(play, tx_frames))
		outcome->unseen = true;
}

static void judge(struct play *play, struct outcome *outcome)
{
	static const enum sl_program programs[] = { SL_PROG_VEX, SL_PROG_VIN, SL_PROG_VBR,
						    SL_PROG_VTH, SL_PROG_VBK, SL_PROG_VTK };
	uint64_t decided = play->after.drops - play->before.drops, kept = core_moved(play, dropped);

	outcome->shots = play->n_shots;
	outcome->refused = play->refused;
	if (play->field->flooded) {
		judge_arrivals(play, outcome);
		return;
	}
	for (unsigned int i = 0; i < SL_PROG_MAX; i++) {
		for (unsigned int reason = 0; reason < SL_REASON_MAX; reason++) {
			if (!is_on_the_core_way(reason) && reason != field_verdict())
				outcome->by_reason[reason] += moved(play, programs[i], reason);
		}
	}
	/* One of them is the twin. */
	if (play->field->inspected &&
	    play->n_shots + 1 > entered(play, SL_PROG_VEX) + entered(play, SL_PROG_VIN))
		outcome->lost = play->n_shots + 1 - entered(play, SL_PROG_VEX) - entered(play, SL_PROG_VIN);
	if (outcome->lost > play->cut) {
		outcome->dead = true;
		snprintf(outcome->text, sizeof(outcome->text), "%u frames were lost before the port",
			 outcome->lost);
	}
	outcome->inspected = core_moved(play, rx_frames);
	outcome->inspected -= outcome->inspected > 0;
	outcome->held = kept > decided ? kept - decided : 0;
	outcome->drop_from = play->before.drops;
	outcome->drop_to = play->after.drops;
	judge_arrivals(play, outcome);
}

void play_begins(struct play *play)
{
	struct outcome nothing;

	if (!play->field->flooded && !settle(play, &nothing))
		play->trouble = "the books stay open before it begins";
	field_forget(play->field);
	play->before = play->after;
	play->n_shots = play->refused = 0;
}

static void prepare(struct play *play)
{
	bool in = play->way == INWARD;
	struct mac workload = mac_of(WL_MAC);

	play->near = in ? HOST : WORKLOAD;
	play->far = in ? WORKLOAD : HOST;
	play->source = in ? play->field->host_mac : workload;
	play->destination = in ? workload : play->field->host_mac;
	play->from = in ? (play->six ? HOST_IP6 : HOST_IP4) : (play->six ? WL_IP6 : WL_IP4);
	play->to = in ? (play->six ? WL_IP6 : WL_IP4) : (play->six ? HOST_IP6 : HOST_IP4);
	/* Above the open and the closed one, and different for all of a run. */
	play->port = (uint16_t)(11000 + play->number % 50000);
	snprintf(play->marker, sizeof(play->marker), "<evasion-%06u>", play->number);
}

void play_attempt(struct field *field, const struct attempt *attempt, enum way way, bool six, uint32_t number,
		  struct outcome *ret)
{
	static struct play play;

	play.n_shots = play.refused = play.cut = 0;
	play.resized = false;
	play.trouble = NULL;
	play.field = field;
	play.attempt = attempt;
	play.way = way;
	play.six = six;
	play.number = number;
	prepare(&play);
	*ret = (struct outcome){ .attempt = *attempt, .way = way, .six = six };
	field_forget(field);
	field_tally(field, &play.before);
	attempt->play(&play);
	if (!play_twin(field, way, six, field->flooded ? FLOOD_TRIES : 1,
		       field->flooded ? FLOOD_MS : TWIN_MS)) {
		ret->dead = true;
		snprintf(ret->text, sizeof(ret->text), "the harmless frame behind it did not arrive");
		return;
	}
	if (play.trouble) {
		ret->dead = true;
		snprintf(ret->text, sizeof(ret->text), "could not be tried: %s", play.trouble);
	}
	if (field->flooded)
		/* What the core has let go of is counted a little later than it leaves. */
		wait_until(CLOSE_MS, (field_tally(field, &play.after),
				      core_moved(&play, tx_frames) >= field->n_arrivals));
	else if (!settle(&play, ret))
		ret->open_books = true;
	judge(&play, ret);
}
