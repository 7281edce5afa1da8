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
#define STRETCHES 8

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

/* What has gone through the core by one of the lanes. */
struct passage {
	__u64 rx, made, tx, before, inside;
};

static struct passage through(const struct sl_core *core, unsigned int queues)
{
	struct passage sum = { 0 };

	for (; queues; queues--, core++) {
		sum.rx += core->rx_frames;
		sum.made += core->made;
		sum.tx += core->tx_frames;
		sum.before += core->drop_rx_full + core->drop_fill_empty;
		sum.inside += core->drop_tx_full + core->drop_invalid + core->dropped;
	}
	return sum;
}

static unsigned int measure(const struct figures *figures, struct stretch stretch[STRETCHES])
{
	const struct sl_counters *vex = &figures->program[SL_PROG_VEX], *vin = &figures->program[SL_PROG_VIN];
	const struct sl_counters *vth = &figures->program[SL_PROG_VTH], *vbr = &figures->program[SL_PROG_VBR];
	const struct sl_counters *vtk = &figures->program[SL_PROG_VTK], *vbk = &figures->program[SL_PROG_VBK];
	struct passage core, bulk;

	if (figures->external)
		return 0;
	core = through(figures->core, figures->queues);
	bulk = through(figures->bulk, figures->queues);
	stretch[0] = (struct stretch){ "vex and vin, diverted and tapped (segments)", "vth, in",
				       vex->diverted.segments + vex->tapped.segments +
					       vin->diverted.segments + vin->tapped.segments,
				       vth->in.frames };
	stretch[1] = (struct stretch){ "vth, to_core", "core, received or dropped by the kernel before it",
				       vth->to_core.frames, core.rx + core.before };
	stretch[2] = (struct stretch){ "core, received or made", "core, sent or dropped", core.rx + core.made,
				       core.tx + core.inside };
	stretch[3] = (struct stretch){ "core, sent", "vbr, in", core.tx, vbr->in.frames };
	if (!figures->has_bulk)
		return STRETCHES / 2;
	/* A super-frame is one frame all the way. */
	stretch[4] = (struct stretch){ "vex and vin, bulk and tapped_bulk", "vtk, in",
				       vex->bulk.frames + vex->tapped_bulk.frames + vin->bulk.frames +
					       vin->tapped_bulk.frames,
				       vtk->in.frames };
	stretch[5] =
		(struct stretch){ "vtk, to_core", "bulk lane, received or dropped by the kernel before it",
				  vtk->to_core.frames, bulk.rx + bulk.before };
	stretch[6] = (struct stretch){ "bulk lane, received or made", "bulk lane, sent or dropped",
				       bulk.rx + bulk.made, bulk.tx + bulk.inside };
	stretch[7] = (struct stretch){ "bulk lane, sent", "vbk, in", bulk.tx, vbk->in.frames };
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
