// SPDX-License-Identifier: BSD-2-Clause
/*
 * The figures in four forms: lines while it runs, result.json for programs,
 * with the machine they were taken on beside it (machine.json), result.md for
 * people, with both, figures.svg for the eye (plot.c).
 *
 * Invariant: a figure that could not be had is written down as such, with the
 * reason; nothing is left out in silence (for programs it is absent).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/bench.h"
#include "bench/report_own.h"

#define FIGURES_MAX 160

static struct figure figures[FIGURES_MAX];
static unsigned int n_figures;

const struct figure *report_figure(unsigned int i)
{
	return i < n_figures ? &figures[i] : NULL;
}

const char *figure_unit(const struct figure *figure)
{
	return figure->series.kind == BENCH_RATIO ? "ratio" : figure->series.unit;
}

static struct figure *next_figure(void)
{
	/* The last place is used again rather than written past. */
	if (n_figures < FIGURES_MAX)
		n_figures++;
	memset(&figures[n_figures - 1], 0, sizeof(figures[0]));
	return &figures[n_figures - 1];
}

/* The medians of the sides; a contender alone is the figure itself. */
static void write_sides(FILE *file, const struct figure *figure)
{
	const struct series *series = &figure->series;
	const struct summary *s = &figure->summary;

	if (series->kind == BENCH_VALUE && !s->baseline)
		fprintf(file, "%s", series->contender);
	else
		fprintf(file, "%s %.4g, %s %.4g %s", series->contender, s->contender, series->baseline,
			s->baseline, series->unit);
}

void report_add(const struct series *series)
{
	struct figure *figure = next_figure();
	const struct summary *s = &figure->summary;

	figure->series = *series;
	/* Some names are put together by whoever measures. */
	snprintf(figure->name, sizeof(figure->name), "%s", series->name);
	series_summary(series, &figure->summary);
	printf("%-28s %9.3f  (%.3f .. %.3f)  n=%u  %s  ", figure->name, s->median, s->min, s->max, series->n,
	       figure_unit(figure));
	write_sides(stdout, figure);
	if (series->voids)
		printf("  [%u void runs repeated]", series->voids);
	if (series->disturbed)
		printf("  [others were at work in %u]", series->disturbed);
	putchar('\n');
	fflush(stdout);
}

void report_missing(const char *name, const char *why)
{
	struct figure *figure = next_figure();

	snprintf(figure->name, sizeof(figure->name), "%s", name);
	snprintf(figure->missing, sizeof(figure->missing), "%s", why);
	printf("%-28s not measured: %s\n", name, why);
	fflush(stdout);
}

static json_t *figure_json(const struct figure *figure)
{
	const struct series *series = &figure->series;
	const struct summary *s = &figure->summary;

	json_t *values = json_array();

	for (unsigned int i = 0; i < series->n; i++)
		json_array_append_new(values, json_real(series_value(series, i)));
	return json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:s, s:f, s:f, s:s, s:i, s:i, s:o}", "name",
			 figure->name, "contender", series->contender, "baseline", series->baseline, "n",
			 series->n, "median", s->median, "min", s->min, "max", s->max, "unit",
			 figure_unit(figure), "contender_median", s->contender, "baseline_median",
			 s->baseline, "measured_in", series->unit, "voids", series->voids, "disturbed",
			 series->disturbed, "values", values);
}

/* The value is given away. */
static int write_json(const char *path, json_t *value, struct sl_err *err)
{
	int r = json_dump_file(value, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6));

	json_decref(value);
	return r ? sl_err(err, EIO, "%s cannot be written; is the disk full?", path) : 0;
}

static json_t *figures_json(void)
{
	json_t *array = json_array();

	/* What could not be measured is not there; result.md says why. */
	for (unsigned int i = 0; i < n_figures; i++) {
		if (!figures[i].missing[0])
			json_array_append_new(array, figure_json(&figures[i]));
	}
	return array;
}

static void write_figure(FILE *file, const struct figure *figure)
{
	const struct series *series = &figure->series;
	const struct summary *s = &figure->summary;

	if (figure->missing[0]) {
		fprintf(file, "| %s | – | – | – | – | not measured: %s |\n", figure->name, figure->missing);
		return;
	}
	fprintf(file, "| %s | **%.3f** %s | %.3f .. %.3f | %u | ", figure->name, s->median,
		figure_unit(figure), s->min, s->max, series->n);
	write_sides(file, figure);
	fprintf(file, " | %s", series->note ? series->note : "");
	if (series->voids)
		fprintf(file, "%s%u void runs repeated", series->note ? "; " : "", series->voids);
	if (series->disturbed)
		fprintf(file, "; others were at work in %u", series->disturbed);
	fputs(" |\n", file);
}

static int write_markdown(const char *path, json_t *machine, struct sl_err *err)
{
	FILE *file = fopen(path, "we");
	const char *key;
	json_t *value;

	if (!file)
		return sl_errno(err, errno, "%s cannot be written", path);
	fputs("# Measured\n\nBoth sides of a figure were measured in turns in one run; a figure is the "
	      "median of "
	      "its pairs.\n\n",
	      file);
	fputs("| figure | median | min .. max | pairs | medians of the sides | how "
	      "|\n|---|---|---|---|---|---|\n",
	      file);
	for (unsigned int i = 0; i < n_figures; i++)
		write_figure(file, &figures[i]);
	fputs("\n## Machine\n\n| | |\n|---|---|\n", file);
	json_object_foreach (machine, key, value)
		fprintf(file, "| %s | %s |\n", key, json_string_value(value));
	return fclose(file) ? sl_errno(err, errno, "%s cannot be written", path) : 0;
}

int report_write(const char *dir, struct sl_err *err)
{
	json_t *machine;
	char path[512];
	int r;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return sl_errno(err, errno, "folder %s for the results", dir);
	snprintf(path, sizeof(path), "%s/result.json", dir);
	r = write_json(path, figures_json(), err);
	machine = machine_describe();
	snprintf(path, sizeof(path), "%s/result.md", dir);
	r = r ?: write_markdown(path, machine, err);
	snprintf(path, sizeof(path), "%s/machine.json", dir);
	r = r ?: write_json(path, json_incref(machine), err);
	json_decref(machine);
	snprintf(path, sizeof(path), "%s/figures.svg", dir);
	return r ?: plot_write(path, err);
}
