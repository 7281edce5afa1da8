// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two results side by side. A figure has changed if its pairs say so, not its
 * median: by the rank test of Mann and Whitney, which asks how often a value of
 * the one exceeds one of the other, and takes no distribution for granted.
 *
 * Invariant: what is called a change is at least CHANGE_MIN and would come about
 * by chance in less than one of a hundred comparisons; with too few pairs for
 * that nothing is a change, and the table says so.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

#define CHANGE_MIN 0.03
#define CHANCE 0.01
#define VALUES_MAX BENCH_PAIRS_MAX

struct sample {
	double values[VALUES_MAX];
	unsigned int n;
	double median;
};

static int load(const char *path, json_t **ret, struct sl_err *err)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);

	if (!root)
		return sl_err(err, EINVAL, "%s:%d: %s", path, error.line, error.text);
	if (!json_is_array(root)) {
		json_decref(root);
		return sl_err(err, EINVAL, "%s: not a result of the bench: an array of figures", path);
	}
	*ret = root;
	return 0;
}

static const char *text_of(json_t *figure, const char *key)
{
	const char *text = json_string_value(json_object_get(figure, key));

	return text ? text : "";
}

static json_t *find(json_t *figures, const char *name)
{
	json_t *figure;
	size_t i;

	json_array_foreach (figures, i, figure) {
		if (!strcmp(text_of(figure, "name"), name))
			return figure;
	}
	return NULL;
}

static void read_sample(json_t *figure, struct sample *ret)
{
	json_t *values = json_object_get(figure, "values"), *value;
	size_t i;

	*ret = (struct sample){ .median = json_number_value(json_object_get(figure, "median")) };
	json_array_foreach (values, i, value) {
		if (ret->n < VALUES_MAX)
			ret->values[ret->n++] = json_number_value(value);
	}
}

/*
 * In how many of the ways to choose n of n + m ranks is the statistic at most u: by the recursion over the largest
 * rank, as a share of all ways. Exact, without ties; the samples are small.
 */
static double share_at_most(unsigned int n, unsigned int m, double u)
{
	static double ways[VALUES_MAX + 1][VALUES_MAX * VALUES_MAX + 1];
	unsigned int most = n * m;
	double below = 0, all = 0;

	/* ways[k][s]: choosing k of the values seen so far with statistic s. */
	memset(ways, 0, sizeof(ways));
	ways[0][0] = 1;
	for (unsigned int seen = 0; seen < n + m; seen++) {
		for (unsigned int k = n; k >= 1; k--) {
			/* Taken as the k-th, it exceeds seen - (k - 1) of the others. */
			unsigned int more = seen + 1 >= k ? seen + 1 - k : most + 1;

			if (more > m)
				continue;
			for (unsigned int s = most; s + 1 > more; s--)
				ways[k][s] += ways[k - 1][s - more];
		}
	}
	for (unsigned int s = 0; s <= most; s++) {
		all += ways[n][s];
		if (s <= u)
			below += ways[n][s];
	}
	return all > 0 ? below / all : 1;
}

/* How likely so clear a difference, or a clearer one, is by chance. */
static double chance(const struct sample *a, const struct sample *b)
{
	double u = 0, other;

	if (!a->n || !b->n)
		return 1;
	for (unsigned int i = 0; i < a->n; i++) {
		for (unsigned int j = 0; j < b->n; j++)
			u += a->values[i] > b->values[j] ? 1 : a->values[i] == b->values[j] ? 0.5 : 0;
	}
	other = (double)a->n * b->n - u;
	u = 2 * share_at_most(a->n, b->n, u < other ? u : other);
	return u < 1 ? u : 1;
}

/* Of rates more is better, of times and sizes less. */
static bool less_is_better(json_t *figure)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "bytes", "KiB", "MiB", "cores" };
	const char *unit = text_of(figure, "measured_in");

	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(unit, units[i]))
			return true;
	}
	return false;
}

/* True: worse. */
static bool compare(json_t *old, json_t *new)
{
	struct sample a, b;
	const char *word;
	double change, p;
	bool more, worse;

	read_sample(old, &a);
	read_sample(new, &b);
	change = a.median ? (b.median - a.median) / fabs(a.median) : 0;
	p = chance(&a, &b);
	more = change > 0;
	worse = more == less_is_better(new);
	if (2 * share_at_most(a.n, b.n, 0) > CHANCE && a.n && b.n)
		word = "too few pairs to tell";
	else if (!a.n || !b.n)
		word = "no pairs kept, cannot tell";
	else if (p > CHANCE || fabs(change) < CHANGE_MIN)
		word = "noise";
	else
		word = worse ? "WORSE" : "better";
	printf("%-32s %10.3f %10.3f %+7.1f%%  %5.3f  %s\n", text_of(new, "name"), a.median, b.median,
	       change * 100, p, word);
	return !strcmp(word, "WORSE");
}

int bench_compare(const char *old_path, const char *new_path, struct sl_err *err)
{
	json_t *old = NULL, *new = NULL, *figure, *before;
	int r, worse = 0;
	size_t i;

	r = load(old_path, &old, err);
	r = r ?: load(new_path, &new, err);
	if (r) {
		json_decref(old);
		return r;
	}
	printf("%-32s %10s %10s %8s  %5s\n", "figure", "old", "new", "change", "p");
	json_array_foreach (new, i, figure) {
		before = find(old, text_of(figure, "name"));
		if (before)
			worse += compare(before, figure);
		else
			printf("%-32s %10s %10.3f  only in the new one\n", text_of(figure, "name"), "-",
			       json_number_value(json_object_get(figure, "median")));
	}
	json_array_foreach (old, i, figure) {
		if (!find(new, text_of(figure, "name")))
			printf("%-32s only in the old one\n", text_of(figure, "name"));
	}
	json_decref(old);
	json_decref(new);
	return worse > 0;
}
