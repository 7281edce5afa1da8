// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the programs cost per frame, and whether that grows with the number of
 * workloads.
 */
#include "bench/bed.h"
#include "bench/bench.h"

#define MANY 4096

struct way {
	struct bed *bed;
	enum sl_program prog;
	enum bed_ids ids;
	enum sl_reason expected;
};

static int measure(void *context, double *ret, struct sl_err *err)
{
	const struct way *way = context;

	return bed_cost(way->bed, way->prog, way->ids, way->expected, ret, err);
}

static const struct {
	const char *name;
	enum sl_program prog;
	enum sl_mode mode;
	enum sl_reason expected;
} table[] = {
	{ "prog_vex_off_ns", SL_PROG_VEX, SL_MODE_OFF, SL_R_direct },
	{ "prog_vin_off_ns", SL_PROG_VIN, SL_MODE_OFF, SL_R_direct },
	{ "prog_vex_tap_ns", SL_PROG_VEX, SL_MODE_TAP, SL_R_tapped },
	{ "prog_vin_tap_ns", SL_PROG_VIN, SL_MODE_TAP, SL_R_tapped },
	{ "prog_vex_inline_ns", SL_PROG_VEX, SL_MODE_INLINE, SL_R_diverted },
	{ "prog_vin_inline_ns", SL_PROG_VIN, SL_MODE_INLINE, SL_R_diverted },
	{ "prog_vbr_inline_ns", SL_PROG_VBR, SL_MODE_INLINE, SL_R_to_workload },
};

int measure_prog(struct sl_err *err)
{
	struct bed *bed = NULL;
	int r = bed_open(&bed, 1, err);

	for (unsigned int i = 0; !r && i < sizeof(table) / sizeof(table[0]); i++) {
		struct way way = { bed, table[i].prog, BED_LAST, table[i].expected };
		struct series series = {
			.name = table[i].name,
			.contender = "one frame",
			.baseline = "an empty program",
			.unit = "ns",
			.note = table[i].mode == SL_MODE_TAP ? "64-byte UDP frame, an empty program's cost "
							       "subtracted; with the copy, "
							       "which ends on vth"
							     : "64-byte UDP frame, an empty program's cost "
							       "subtracted; without the "
							       "redirect's own work",
			.kind = BENCH_VALUE,
		};

		r = bed_mode(bed, table[i].mode, err);
		r = r ?: bench_figure(&series, &(struct bench_side){ measure, &way }, NULL, err);
	}
	bed_close(bed);
	return r;
}

#define MILLION (1U << 20)

static int flow_bytes(void *context, double *ret, struct sl_err *err)
{
	(void)err;
	*ret = *(const double *)context;
	return 0;
}

/* A judged flow at vex: alone, and among a million. */
int measure_flows(struct sl_err *err)
{
	struct bed *one = NULL, *million = NULL;
	double bytes = 0, of_one;
	int r;

	r = bed_open(&one, 1, err);
	r = r ?: bed_open(&million, 1, err);
	r = r ?: bed_flows(one, 1, &of_one, err);
	r = r ?: bed_flows(million, MILLION, &bytes, err);
	if (!r) {
		struct way a = { million, SL_PROG_VEX, BED_LAST, SL_R_flow_allowed };
		struct way b = { one, SL_PROG_VEX, BED_LAST, SL_R_flow_allowed };
		struct series cost = { .name = "prog_vex_judged_ns",
				       .contender = "one frame",
				       .baseline = "an empty program",
				       .unit = "ns",
				       .note = "64-byte UDP frame of an allowed flow, as prog_vex_off_ns",
				       .kind = BENCH_VALUE };
		struct series many = { .name = "flows_million_vs_1",
				       .contender = "1,048,576 flows",
				       .baseline = "1 flow",
				       .unit = "ns",
				       .note = "the same among a million judged flows",
				       .kind = BENCH_RATIO };
		struct series size = { .name = "bytes_per_flow",
				       .contender = "a judged flow",
				       .baseline = "none",
				       .unit = "bytes",
				       .note = "of a million, the kernel's own figure for the map",
				       .kind = BENCH_VALUE };

		r = bench_figure(&cost, &(struct bench_side){ measure, &b }, NULL, err);
		r = r
			    ?: bench_figure(&many, &(struct bench_side){ measure, &a },
					    &(struct bench_side){ measure, &b }, err);
		r = r ?: bench_figure(&size, &(struct bench_side){ flow_bytes, &bytes }, NULL, err);
	}
	bed_close(million);
	bed_close(one);
	return r;
}

static int many_to_one(const char *name, enum bed_ids ids, const char *note, struct bed *many,
		       struct bed *one, struct sl_err *err)
{
	struct way a = { many, SL_PROG_VBR, ids, SL_R_to_workload };
	struct way b = { one, SL_PROG_VBR, ids, SL_R_to_workload };
	struct series series = {
		.name = name,
		.contender = "4096 workloads",
		.baseline = "1 workload",
		.unit = "ns",
		.note = note,
		.kind = BENCH_RATIO,
	};

	return bench_figure(&series, &(struct bench_side){ measure, &a }, &(struct bench_side){ measure, &b },
			    err);
}

int measure_vbr(struct sl_err *err)
{
	struct bed *one = NULL, *many = NULL;
	int r;

	r = bed_open(&one, 1, err);
	r = r ?: bed_open(&many, MANY, err);
	r = r
		    ?: many_to_one(
			       "vbr_4096_vs_1", BED_LAST,
			       "sl_vbr on frames of the last workload, an empty program's cost subtracted",
			       many, one, err);
	r = r
		    ?: many_to_one("vbr_4096_vs_1_random", BED_RANDOM,
				   "the same, another workload for each frame: with the cache misses of its "
				   "entries",
				   many, one, err);
	bed_close(many);
	bed_close(one);
	return r;
}
