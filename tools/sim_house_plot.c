/* SPDX-License-Identifier: Apache-2.0 */
/* The plot as SVG and the points as CSV. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/rule.h"
#include "sim_house.h"

#define PANELS	  3
#define WIDTH	  900
#define PANEL_H	  180
#define GAP	  34
#define LEFT	  64
#define RIGHT	  12
#define TOP	  46
#define SPAN_W	  4000.0 /* up and down */
#define BINS	  240
#define HOUR_S	  3600.0
#define TICK_S	  600
#define LINE_W	  2000
#define SERIES	  3
#define LAST_LINE (TOP + PANELS * (PANEL_H + GAP))

static double value(const struct house_point *p, int series)
{
	return series == 0 ? p->grid_w : (series == 1 ? p->solis_w : p->goodwe_w);
}

static double y_of(int panel, double w)
{
	const double middle = TOP + panel * (PANEL_H + GAP) + PANEL_H / 2.0;

	return middle - fmax(fmin(w / SPAN_W, 1.0), -1.0) * PANEL_H / 2.0;
}

/*
 * A swing is faster than a pixel: each bin shows its lowest and its highest value, in turns, so that
 * the line fills the band that the power moves in.
 */
static void draw_line(FILE *f, const struct house_record *r, int panel, int series, double from_s,
		      double to_s)
{
	static const char *const colour[SERIES] = {"#777", "#0a62b5", "#d2691e"};
	const double bin_s = (to_s - from_s) / BINS;
	uint32_t at = 0;

	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" points=\"",
		colour[series], series == 0 ? "0.8" : "1.1");
	while (at < r->count && r->point[at].t_s < from_s) {
		at++;
	}
	for (int b = 0; b < BINS; b++) {
		const double end_s = from_s + (b + 1) * bin_s;
		const double x = LEFT + (b + 0.5) * (WIDTH - LEFT - RIGHT) / BINS;
		double lo = HUGE_VAL;
		double hi = -HUGE_VAL;

		for (; at < r->count && r->point[at].t_s < end_s; at++) {
			lo = fmin(lo, value(&r->point[at], series));
			hi = fmax(hi, value(&r->point[at], series));
		}
		if (lo > hi) {
			continue;
		}
		fprintf(f, "%.1f,%.0f ", x, y_of(panel, b % 2 == 0 ? lo : hi));
		if (hi - lo > SPAN_W / 50.0) {
			fprintf(f, "%.1f,%.0f ", x, y_of(panel, b % 2 == 0 ? hi : lo));
		}
	}
	fputs("\"/>\n", f);
}

static void draw_frame(FILE *f, int panel, const char *title, double from_s, double to_s)
{
	const int top = TOP + panel * (PANEL_H + GAP);

	fprintf(f,
		"<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n"
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
		"stroke=\"#bbb\"/>\n",
		LEFT, top - 6, title, LEFT, top, WIDTH - LEFT - RIGHT, PANEL_H);
	for (int w = -LINE_W; w <= LINE_W; w += LINE_W) {
		fprintf(f,
			"<line x1=\"%d\" y1=\"%.0f\" x2=\"%d\" y2=\"%.0f\" stroke=\"#ddd\"/>\n"
			"<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%d W</text>\n",
			LEFT, y_of(panel, w), WIDTH - RIGHT, y_of(panel, w), LEFT - 5,
			y_of(panel, w) + 4.0, w);
	}
	for (int t = (int)from_s; t <= (int)to_s; t += TICK_S) {
		fprintf(f, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">%02d:%02d</text>\n",
			LEFT + (t - from_s) / (to_s - from_s) * (WIDTH - LEFT - RIGHT),
			top + PANEL_H + 13, t / (int)HOUR_S, t % (int)HOUR_S / 60);
	}
}

int house_plot(const char *path, const struct house_record record[HOUSE_ALONE], double from_s,
	       double to_s, const char *title)
{
	static const char *const panel[PANELS] = {
		"no coordination",
		"rule of the original script",
		"jkpylon",
	};
	FILE *f = fopen(path, "we");

	if (f == NULL) {
		return -errno;
	}
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"%d\" y=\"16\" font-size=\"13\">%s</text>\n"
		"<text x=\"%d\" y=\"16\" text-anchor=\"end\">"
		"<tspan fill=\"#777\">grid (+ import)</tspan> "
		"<tspan fill=\"#0a62b5\">Solis battery (+ gives)</tspan> "
		"<tspan fill=\"#d2691e\">GoodWe battery (+ gives)</tspan></text>\n",
		WIDTH, LAST_LINE, LEFT, title, WIDTH - RIGHT);
	for (int i = 0; i < PANELS; i++) {
		draw_frame(f, i, panel[i], from_s, to_s);
		for (int s = 0; s < SERIES; s++) {
			draw_line(f, &record[i], i, s, from_s, to_s);
		}
	}
	fputs("</svg>\n", f);
	return fclose(f) == 0 ? 0 : -errno;
}

int house_csv(const char *path, const struct house_record record[HOUSE_ALONE])
{
	FILE *f = fopen(path, "we");

	if (f == NULL) {
		return -errno;
	}
	fputs("variant,t_s,load_w,sun_w,grid_w,solis_w,goodwe_w,ccl_a,dcl_a,charge_by,"
	      "discharge_by\n",
	      f);
	for (int v = 0; v < HOUSE_ALONE; v++) {
		for (uint32_t i = 0; i < record[v].count; i++) {
			const struct house_point *p = &record[v].point[i];

			fprintf(f, "%s,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.1f,%.1f,%s,%s\n",
				house_variant_name((enum house_variant)v), p->t_s, p->load_w,
				p->sun_w, p->grid_w, p->solis_w, p->goodwe_w, p->ccl_a, p->dcl_a,
				rule_name(p->rule[DIR_CHARGE]), rule_name(p->rule[DIR_DISCHARGE]));
		}
	}
	return fclose(f) == 0 ? 0 : -errno;
}
