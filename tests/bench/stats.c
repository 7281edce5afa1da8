// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs in turns, and what their pairs come to. The median, not the mean: one
 * run that a timer or a neighbour disturbed shall not move the figure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/lab.h"

#define QUIET_NS 100000000ULL
#define QUIET_SHARE 5 /* a fifth of one processor is quiet: the kernel cleans up behind the last run */
#define QUIET_TRIES 10

static unsigned int pairs = 5;

unsigned int bench_pairs(void)
{
	return pairs;
}

void bench_set_pairs(unsigned int n)
{
	pairs = n < 1 ? 1 : n > BENCH_PAIRS_MAX ? BENCH_PAIRS_MAX : n;
}

/*
 * Do others work, while we do not? Waits for them to end for a while: a ratio of two runs beside a compiler says little.
 * True: it is quiet.
 */
static bool wait_quiet(void)
{
	for (int i = 0; i < QUIET_TRIES; i++) {
		__u64 from = lab_now_ns();
		__s64 busy = lab_busy_ns();

		lab_wait_until(from + QUIET_NS);
		if (lab_busy_ns() - busy <= (__s64)(lab_now_ns() - from) / QUIET_SHARE + LAB_BUSY_STEP_NS)
			return true;
	}
	return false;
}

/* One run that counts; voids are repeated. */
static int run_side(const struct bench_side *side, double *ret, unsigned int *voids, struct sl_err *err)
{
	int r;

	for (;;) {
		r = side->measure(side->context, ret, err);
		if (r != -EAGAIN)
			return r;
		if (++*voids > pairs)
			return sl_err_prefix(err, "%u runs were void, the last because", *voids);
	}
}

int bench_run(struct series *series, const struct bench_side *contender, const struct bench_side *baseline,
	      struct sl_err *err)
{
	double a = 0, b = 0;
	int r;

	series->n = 0;
	series->voids = 0;
	series->disturbed = 0;
	for (unsigned int i = 0; i <= pairs; i++) {
		/* The first is thrown away. */
		if (!wait_quiet() && i)
			series->disturbed++;
		r = run_side(contender, &a, &series->voids, err);
		if (r)
			return sl_err_prefix(err, "%s", series->contender);
		if (baseline)
			r = run_side(baseline, &b, &series->voids, err);
		if (r)
			return sl_err_prefix(err, "%s", series->baseline);
		if (!i)
			continue;
		series->contenders[series->n] = a;
		series->baselines[series->n++] = b;
	}
	return 0;
}

int bench_figure(struct series *series, const struct bench_side *contender, const struct bench_side *baseline,
		 struct sl_err *err)
{
	int r = bench_run(series, contender, baseline, err);

	if (!r)
		report_add(series);
	return r;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_sort(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
}

double bench_median(const double *values, unsigned int n)
{
	double sorted[BENCH_PAIRS_MAX];

	if (!n)
		return 0;
	memcpy(sorted, values, n * sizeof(*values));
	bench_sort(sorted, n);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double series_value(const struct series *series, unsigned int i)
{
	switch (series->kind) {
	case BENCH_RATIO:
		return series->baselines[i] > 0 ? series->contenders[i] / series->baselines[i] : 0;
	case BENCH_DIFFERENCE:
		return series->contenders[i] - series->baselines[i];
	default:
		return series->contenders[i];
	}
}

void series_summary(const struct series *series, struct summary *ret)
{
	double values[BENCH_PAIRS_MAX];

	memset(ret, 0, sizeof(*ret));
	if (!series->n)
		return;
	for (unsigned int i = 0; i < series->n; i++) {
		values[i] = series_value(series, i);
		if (!i || values[i] < ret->min)
			ret->min = values[i];
		if (!i || values[i] > ret->max)
			ret->max = values[i];
	}
	ret->median = bench_median(values, series->n);
	ret->contender = bench_median(series->contenders, series->n);
	ret->baseline = bench_median(series->baselines, series->n);
}
