// SPDX-License-Identifier: BSD-2-Clause
/*
 * Are the books closed, and did what one station sent reach the next? The
 * first is a matter of right and wrong, the second of information: between
 * the stations are queues, and frames in them.
 */
#include "sluicectl/figures.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "sluicectl/output.h"

#define TRIES 5

/* Two neighbouring stations. */
struct stretch {
	const char *from, *to;
	__u64 sent, received;
};
#define STRETCHES 4

static bool balanced(const struct sl_books *books)
{
	return books->in == books->out + books->drop;
}

/*
 * While frames flow, `in` lies between two readings of the exits. When none
 * do there is no excuse: the two sides are equal, at the latest once a
 * processor that was interrupted within a program has gone on.
 */
static int check_program(const struct sl_maps *maps, enum sl_program prog, struct sl_books *ret,
			 struct sl_err *err)
{
	struct sl_books before;
	int closed = 0;

	for (int i = 0; i < TRIES; i++) {
		closed = sl_maps_books_closed(maps, prog, &before, ret, err);
		if (closed < 0)
			return closed;
		if (balanced(ret))
			return closed;
		if (memcmp(&before, ret, sizeof(before)) != 0 && closed)
			return closed;
		closed = 0;
		sched_yield();
	}
	return closed;
}

static unsigned int measure(const struct figures *figures, struct stretch stretch[STRETCHES])
{
	const struct sl_counters *vex = &figures->program[SL_PROG_VEX], *vin = &figures->program[SL_PROG_VIN];
	const struct sl_counters *vth = &figures->program[SL_PROG_VTH], *vbr = &figures->program[SL_PROG_VBR];
	__u64 rx = 0, made = 0, tx = 0, before = 0, inside = 0;

	if (figures->external)
		return 0;
	for (unsigned int queue = 0; queue < figures->queues; queue++) {
		const struct sl_core *core = &figures->core[queue];

		rx += core->rx_frames;
		made += core->made;
		tx += core->tx_frames;
		before += core->drop_rx_full + core->drop_fill_empty;
		inside += core->drop_tx_full + core->drop_invalid + core->dropped;
	}
	stretch[0] = (struct stretch){ "vex and vin, diverted and tapped (segments)", "vth, in",
				       vex->diverted.segments + vex->tapped.segments +
					       vin->diverted.segments + vin->tapped.segments,
				       vth->in.frames };
	stretch[1] = (struct stretch){ "vth, to_core", "core, received or dropped by the kernel before it",
				       vth->to_core.frames, rx + before };
	stretch[2] =
		(struct stretch){ "core, received or made", "core, sent or dropped", rx + made, tx + inside };
	stretch[3] = (struct stretch){ "core, sent", "vbr, in", tx, vbr->in.frames };
	return STRETCHES;
}

static json_t *stretch_json(const struct stretch *stretch)
{
	return json_pack("{ss ss sI sI sI}", "from", stretch->from, "to", stretch->to, "sent",
			 (json_int_t)stretch->sent, "received", (json_int_t)stretch->received, "lost",
			 (json_int_t)(stretch->sent - stretch->received));
}

static int print_stretches(const struct stretch *stretch, unsigned int n, struct sl_err *err)
{
	struct table *table;

	if (!n)
		return 0;
	table = table_new(",>,,>,");
	for (unsigned int i = 0; i < n; i++) {
		long long lost = (long long)(stretch[i].sent - stretch[i].received);

		table_text(table, stretch[i].from);
		table_number(table, stretch[i].sent);
		table_printf(table, "-> %s", stretch[i].to);
		table_number(table, stretch[i].received);
		table_printf(table, "lost on the wire: %lld", lost);
		if (lost && can_colour())
			table_colour(table, COLOUR_WARN);
	}
	putchar('\n');
	return table_print(table, false, err);
}

struct verdicts {
	struct sl_books books[SL_PROG_MAX];
	int closed[SL_PROG_MAX];
	bool all_closed;
};

static void add_verdict(struct table *table, const struct sl_books *books, int closed)
{
	long long missing = (long long)(books->in - books->out - books->drop);

	if (!closed)
		table_printf(table, "NOT CLOSED: in - out - drop = %lld", missing);
	else
		table_text(table, missing ? "closed, frames flowing" : "closed");
	if (can_colour())
		table_colour(table, closed ? COLOUR_GOOD : COLOUR_BAD);
}

static int print_text(const struct verdicts *verdicts, unsigned int programs, const struct stretch *stretch,
		      unsigned int n, struct sl_err *err)
{
	struct table *table = table_new("PROGRAM,>IN,>OUT,>DROP,VERDICT");
	int r;

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		const struct sl_books *books = &verdicts->books[prog];

		if (!(programs & (1U << prog)))
			continue;
		table_text(table, sl_program_name(prog));
		table_number(table, books->in);
		table_number(table, books->out);
		table_number(table, books->drop);
		add_verdict(table, books, verdicts->closed[prog]);
	}
	r = table_print(table, true, err);
	return r ?: print_stretches(stretch, n, err);
}

static int print_as_json(const struct ctl *ctl, const struct verdicts *verdicts, unsigned int programs,
			 const struct stretch *stretch, unsigned int n, struct sl_err *err)
{
	json_t *list = json_array(), *wire = json_array(), *object;
	int r;

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		const struct sl_books *books = &verdicts->books[prog];

		if (programs & (1U << prog))
			json_array_append_new(
				list, json_pack("{ss sI sI sI sb}", "name", sl_program_name(prog), "in",
						(json_int_t)books->in, "out", (json_int_t)books->out, "drop",
						(json_int_t)books->drop, "closed", verdicts->closed[prog]));
	}
	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(wire, stretch_json(&stretch[i]));
	object = json_pack("{ss sb so so}", "instance", ctl->conf.instance, "closed", verdicts->all_closed,
			   "programs", list, "wire", wire);
	if (!object)
		return sl_err(err, ENOMEM, "no memory for the output");
	r = print_json(ctl, object, err);
	json_decref(object);
	return r;
}

int figures_check(const struct ctl *ctl, const struct sl_maps *maps, unsigned int programs,
		  struct sl_err *err)
{
	struct verdicts verdicts = { .all_closed = true };
	struct stretch stretch[STRETCHES];
	struct figures figures;
	unsigned int n;
	int r;

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		if (!(programs & (1U << prog)))
			continue;
		r = check_program(maps, prog, &verdicts.books[prog], err);
		if (r < 0)
			return r;
		verdicts.closed[prog] = r;
		verdicts.all_closed &= r;
	}
	r = figures_read(maps, &figures, err);
	if (r)
		return r;
	n = measure(&figures, stretch);
	if (ctl->json)
		r = print_as_json(ctl, &verdicts, programs, stretch, n, err);
	else
		r = print_text(&verdicts, programs, stretch, n, err);
	return r || verdicts.all_closed ? r : CTL_BAD;
}
