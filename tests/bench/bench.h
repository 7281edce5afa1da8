/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a measurement is: two contenders measured in turns, A B A B …, and the
 * ratio (or difference) of each pair; the median of the pairs is the figure.
 *
 * Invariant: a run whose books do not close is void: it is counted as such,
 * repeated, and never enters a figure.
 */
#ifndef SLUICE_BENCH_BENCH_H
#define SLUICE_BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define BENCH_PAIRS_MAX 100

enum bench_kind {
	BENCH_RATIO, /* contender / baseline, of each pair */
	BENCH_DIFFERENCE, /* contender - baseline */
	BENCH_VALUE, /* contender alone */
};

/* One figure. The texts are static. */
struct series {
	const char *name, *contender, *baseline;
	const char *unit; /* of contender and baseline: "Gb/s" */
	const char *note; /* one sentence on what was done, or NULL */
	enum bench_kind kind;
	const char *curve; /* this figure is a point of that curve at x, or NULL: of none */
	double x;
	unsigned int n, voids;
	unsigned int disturbed; /* pairs in which the machine did not become quiet first */
	double contenders[BENCH_PAIRS_MAX], baselines[BENCH_PAIRS_MAX];
};

/*
 * One run. 0 with *ret_value; -EAGAIN: void (err says why), to be repeated;
 * other -errno: no use to go on.
 */
typedef int (*bench_measure)(void *context, double *ret_value, struct sl_err *err);

struct bench_side {
	bench_measure measure;
	void *context;
};

/*
 * A pair to warm up, which is thrown away, then bench_pairs() pairs in turns
 * into *series. More voids than pairs are an error.
 */
int bench_run(struct series *series, const struct bench_side *contender, const struct bench_side *baseline,
	      struct sl_err *err);
/* The same, and adds the figure to the report if it could be had. */
int bench_figure(struct series *series, const struct bench_side *contender, const struct bench_side *baseline,
		 struct sl_err *err);
/* How many pairs were asked for. */
unsigned int bench_pairs(void);
void bench_set_pairs(unsigned int pairs);

/* What the pairs come to. */
struct summary {
	double median, min, max;
	double contender, baseline; /* their medians */
};
void series_summary(const struct series *series, struct summary *ret);
/* Of pair i, as the kind of the figure says. */
double series_value(const struct series *series, unsigned int i);
void bench_sort(double *values, unsigned int n);
double bench_median(const double *values, unsigned int n);

/* Prints the figure and keeps it for the files. */
void report_add(const struct series *series);
/* A figure that could not be had, and why; keeps it for result.md. */
void report_missing(const char *name, const char *why);
/* All files of the results so far; makes dir. 0 or -errno. */
int report_write(const char *dir, struct sl_err *err);

/* Looks at what cannot be seen from inside the bench's namespaces, and at the load before it starts. */
void machine_look(void);
/* The kernel's own figure for a map; what a process has in memory. 0 if it cannot be had. */
double machine_map_bytes(int fd);
double machine_resident_bytes(int pid);
/* The machine as an object of texts; the caller's. */
json_t *machine_describe(void);

/* Two result.json side by side: what has changed, what is noise. 0, 1 if something has become worse, or -errno. */
int bench_compare(const char *old_path, const char *new_path, struct sl_err *err);

/* $(BUILD), from where this program lies; ends without '/'. */
const char *bench_build(void);

/* The measurements: each sets up what it needs, adds its figures, takes it down. 0 or -errno. */
int measure_prog(struct sl_err *err);
int measure_vbr(struct sl_err *err);
int measure_u32(struct sl_err *err);
int measure_flows(struct sl_err *err);
int measure_tcp_off(struct sl_err *err);
int measure_tcp_bulk(struct sl_err *err);
int measure_tcp_inline(struct sl_err *err);
int measure_tcp_judged(struct sl_err *err);
int measure_tcp_judged_rtt(struct sl_err *err);
int measure_cores(struct sl_err *err);
int measure_attachment(struct sl_err *err);
int measure_core_work(struct sl_err *err);
int measure_flows_inline(struct sl_err *err);
int measure_sizes(struct sl_err *err);
int measure_datagram_sizes(struct sl_err *err);
int measure_flows_axis(struct sl_err *err);
int measure_verdict_latency(struct sl_err *err);
int measure_udp64_judged(struct sl_err *err);
int measure_udp64(struct sl_err *err);
int measure_crr_inline(struct sl_err *err);
int measure_rtt(struct sl_err *err);
int measure_gap(struct sl_err *err);
int measure_many(struct sl_err *err);
int measure_session(struct sl_err *err);
int measure_policy(struct sl_err *err);
int measure_dpi(struct sl_err *err);

#endif
