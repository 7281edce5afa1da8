// SPDX-License-Identifier: BSD-2-Clause
/*
 * The figures as a drawing (SVG, which any browser shows): the ratios on one
 * logarithmic axis, median and span, and a panel for each curve.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/report_own.h"

#define WIDTH 960
#define LABELS 300 /* of the ratios, left of the axis */
#define ROW 20
#define PANEL_HEIGHT 260
#define MARGIN 50
#define CURVES_MAX 16
#define RATIO_MIN 0.01
#define RATIO_MAX 100.0

static const char *const colours[] = { "#1b6ca8", "#c4472b", "#3c8d40", "#8a5aa8", "#b8860b", "#444444" };
#define N_COLOURS (sizeof(colours) / sizeof(colours[0]))

/* Position of a value between low and high on a logarithmic axis of that length. */
static double place(double value, double low, double high, double length)
{
	if (value < low)
		value = low;
	if (value > high)
		value = high;
	return length * log(value / low) / log(high / low);
}

static bool is_ratio(const struct figure *figure)
{
	return !figure->missing[0] && figure->series.kind == BENCH_RATIO && !figure->series.curve;
}

static void text_at(FILE *file, double x, double y, const char *anchor, const char *text)
{
	fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", file);
		else if (*text == '&')
			fputs("&amp;", file);
		else
			fputc(*text, file);
	}
	fputs("</text>\n", file);
}

static void line_at(FILE *file, double x1, double y1, double x2, double y2, const char *colour, double width)
{
	fprintf(file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-width=\"%.1f\"/>\n",
		x1, y1, x2, y2, colour, width);
}

static unsigned int count_ratios(double *low, double *high)
{
	const struct figure *figure;
	unsigned int n = 0;

	*low = 0.5;
	*high = 2;
	for (unsigned int i = 0; (figure = report_figure(i)); i++) {
		if (!is_ratio(figure))
			continue;
		n++;
		*low = fmin(*low, fmax(figure->summary.min, RATIO_MIN));
		*high = fmax(*high, fmin(figure->summary.max, RATIO_MAX));
	}
	return n;
}

static double draw_ratios(FILE *file, double top)
{
	double low, high, length = WIDTH - LABELS - MARGIN, y = top + 2 * ROW;
	unsigned int n = count_ratios(&low, &high);
	const struct figure *figure;
	char label[32];

	if (!n)
		return top;
	text_at(file, MARGIN / 2, top + ROW, "start", "Ratios: contender to baseline, median and span");
	for (double at = RATIO_MIN; at <= RATIO_MAX * 1.01; at *= 10) {
		for (int k = 1; k <= 5; k += k == 1 ? 1 : 3) {
			double value = at * k, x = LABELS + place(value, low, high, length);

			if (value < low || value > high)
				continue;
			line_at(file, x, y - ROW / 2.0, x, y + n * ROW, value == 1 ? "#888" : "#ddd", 1);
			snprintf(label, sizeof(label), "%g", value);
			text_at(file, x, y + n * ROW + 14, "middle", label);
		}
	}
	for (unsigned int i = 0; (figure = report_figure(i)); i++) {
		const struct summary *s = &figure->summary;

		if (!is_ratio(figure))
			continue;
		text_at(file, LABELS - 10, y + 4, "end", figure->name);
		line_at(file, LABELS + place(s->min, low, high, length), y,
			LABELS + place(s->max, low, high, length), y, colours[0], 2);
		fprintf(file,
			"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"><title>%s "
			"%.3f</title></circle>\n",
			LABELS + place(s->median, low, high, length), y, colours[0], figure->name, s->median);
		y += ROW;
	}
	return y + 2 * ROW;
}

/* The names of the curves, each once, in the order of their first points. */
static unsigned int list_curves(const char **names)
{
	const struct figure *figure;
	unsigned int n = 0, k;

	for (unsigned int i = 0; (figure = report_figure(i)); i++) {
		if (figure->missing[0] || !figure->series.curve)
			continue;
		for (k = 0; k < n && strcmp(names[k], figure->series.curve); k++)
			;
		if (k == n && n < CURVES_MAX)
			names[n++] = figure->series.curve;
	}
	return n;
}

struct panel {
	const char *name, *unit;
	double top, x_min, x_max, y_min, y_max;
};

static bool belongs(const struct figure *figure, const struct panel *panel)
{
	return !figure->missing[0] && figure->series.curve && !strcmp(figure->series.curve, panel->name) &&
	       figure->summary.median > 0 && figure->series.x > 0;
}

/* What the points of one line have in common: of ratios the side that stays the same. */
static const char *line_of(const struct figure *figure)
{
	return figure->series.kind == BENCH_RATIO ? figure->series.baseline : figure->series.contender;
}

static void measure_panel(struct panel *panel)
{
	const struct figure *figure;
	bool first = true;

	for (unsigned int i = 0; (figure = report_figure(i)); i++) {
		const struct summary *s = &figure->summary;
		double x = figure->series.x, low = s->min > 0 ? s->min : s->median;

		if (!belongs(figure, panel))
			continue;
		panel->unit = figure_unit(figure);
		panel->x_min = first ? x : fmin(panel->x_min, x);
		panel->x_max = first ? x : fmax(panel->x_max, x);
		panel->y_min = first ? low : fmin(panel->y_min, low);
		panel->y_max = first ? s->max : fmax(panel->y_max, s->max);
		first = false;
	}
	/* A flat curve shall not fill the panel with its noise. */
	panel->y_min /= 1.5;
	panel->y_max *= 1.5;
	if (panel->x_max <= panel->x_min)
		panel->x_max = panel->x_min * 2;
}

static void draw_point(FILE *file, const struct panel *panel, const struct figure *figure, const char *colour,
		       double *last_x, double *last_y)
{
	const struct summary *s = &figure->summary;
	double width = WIDTH - 3 * MARGIN, height = PANEL_HEIGHT - 2 * MARGIN;
	double bottom = panel->top + PANEL_HEIGHT - MARGIN;
	double x = 2 * MARGIN + place(figure->series.x, panel->x_min, panel->x_max, width);
	double y = bottom - place(s->median, panel->y_min, panel->y_max, height);
	char label[32];

	line_at(file, x, bottom - place(s->min, panel->y_min, panel->y_max, height), x,
		bottom - place(s->max, panel->y_min, panel->y_max, height), colour, 1);
	fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour);
	if (*last_x >= 0)
		line_at(file, *last_x, *last_y, x, y, colour, 1.5);
	snprintf(label, sizeof(label), "%.4g", s->median);
	text_at(file, x, y - 7, "middle", label);
	snprintf(label, sizeof(label), "%g", figure->series.x);
	text_at(file, x, bottom + 16, "middle", label);
	*last_x = x;
	*last_y = y;
}

/* One line for each that is measured at several points, with its name at the right. */
static void draw_panel(FILE *file, struct panel *panel)
{
	const struct figure *figure, *other;
	unsigned int n = 0;
	char title[128];

	measure_panel(panel);
	snprintf(title, sizeof(title), "%s (%s)", panel->name, panel->unit);
	text_at(file, MARGIN / 2, panel->top + ROW, "start", title);
	line_at(file, 2 * MARGIN, panel->top + PANEL_HEIGHT - MARGIN, WIDTH - MARGIN,
		panel->top + PANEL_HEIGHT - MARGIN, "#888", 1);
	for (unsigned int i = 0; (figure = report_figure(i)); i++) {
		const char *colour = colours[n % N_COLOURS];
		double x = -1, y = 0;
		bool seen = false;

		if (!belongs(figure, panel))
			continue;
		for (unsigned int k = 0; k < i && !seen; k++) {
			other = report_figure(k);
			seen = belongs(other, panel) && !strcmp(line_of(other), line_of(figure));
		}
		if (seen)
			continue;
		for (unsigned int k = i; (other = report_figure(k)); k++) {
			if (belongs(other, panel) && !strcmp(line_of(other), line_of(figure)))
				draw_point(file, panel, other, colour, &x, &y);
		}
		fprintf(file, "<g fill=\"%s\">", colour);
		text_at(file, WIDTH - MARGIN, panel->top + ROW + n * 14, "end", line_of(figure));
		fputs("</g>\n", file);
		n++;
	}
}

int plot_write(const char *path, struct sl_err *err)
{
	const char *names[CURVES_MAX];
	unsigned int n = list_curves(names);
	FILE *file = fopen(path, "we");
	double low, high, top;

	if (!file)
		return sl_errno(err, errno, "%s cannot be written", path);
	top = count_ratios(&low, &high) * ROW + 4 * ROW + n * PANEL_HEIGHT;
	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" "
		"font-family=\"sans-serif\" "
		"font-size=\"11\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		WIDTH, top);
	top = draw_ratios(file, 0);
	for (unsigned int i = 0; i < n; i++) {
		struct panel panel = { .name = names[i], .top = top };

		draw_panel(file, &panel);
		top += PANEL_HEIGHT;
	}
	fputs("</svg>\n", file);
	return fclose(file) ? sl_errno(err, errno, "%s cannot be written", path) : 0;
}
