/* SPDX-License-Identifier: Apache-2.0 */
/* Histogram of rtstat as a picture: both axes logarithmic, percentiles as lines. See rtstat.h. */
#include "rtstat.h"

#include <inttypes.h>
#include <math.h>

#define TEN	   10.0
#define WIDTH	   860
#define HEIGHT	   430
#define LEFT	   78.0
#define RIGHT	   28.0
#define TOP	   92.0
#define BOTTOM	   62.0
#define DIGIT_MAX  8	/* more would stand too close */
#define NARROW	   12.0 /* from first to last value: below it each digit has a label, not 1, 2, 5 */
#define MIN_NS	   100.0
#define WIDE	   3000.0 /* above it 2 and 5 have no label */
#define LETTER	   7.0	  /* pixels, about */
#define GAP	   4.0
#define ROW	   14.0
#define NAMES_ROWS 5

struct plot {
	FILE *f;
	const struct rtstat_page *page;
	uint32_t time;
	uint32_t first; /* bucket with a value */
	uint32_t last;	/* and behind the last one */
	double low_ns;
	double high_ns;
	double top; /* of the count axis */
};

static double x_of(const struct plot *p, double ns)
{
	const double at = ns < p->low_ns ? p->low_ns : (ns > p->high_ns ? p->high_ns : ns);

	return LEFT + (WIDTH - LEFT - RIGHT) * log(at / p->low_ns) / log(p->high_ns / p->low_ns);
}

/* The axis begins below 1, so that a single value can be seen. */
static double y_of(const struct plot *p, double count)
{
	const double least = 0.5;
	const double at = count < least ? least : count;

	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * log(at / least) / log(p->top / least);
}

static void find_range(struct plot *p)
{
	const uint32_t *cell = p->page->cell[p->time];
	uint32_t most = 0U;

	p->first = STATS_HIST_BUCKETS;
	p->last = 0U;
	for (uint32_t i = 0; i < STATS_HIST_BUCKETS; i++) {
		if (cell[i] != 0U) {
			p->first = i < p->first ? i : p->first;
			p->last = i + 1U;
			most = cell[i] > most ? cell[i] : most;
		}
	}
	if (p->last == 0U) {
		p->first = 0U;
	}
	p->low_ns = fmax(MIN_NS, (double)stats_hist_low_ns(p->first)) * 0.8;
	p->high_ns = fmax((double)stats_hist_low_ns(p->last) * 1.25, p->low_ns * 4.0);
	p->top = 10.0;
	while (p->top < (double)most) {
		p->top *= 10.0;
	}
}

static void draw_heading(const struct plot *p)
{
	const struct rtstat_time t = rtstat_time(p->page, p->time);
	char measured[RTSTAT_SHORT];
	char max[RTSTAT_SHORT];

	rtstat_duration(rtstat_measured_ns(p->page), measured);
	fprintf(p->f, "<text x=\"%g\" y=\"24\" class=\"title\">%s: %s</text>\n", LEFT,
		stats_time_name(p->time), stats_time_text(p->time));
	fprintf(p->f, "<text x=\"%g\" y=\"42\">from: %s; to: %s</text>\n", LEFT,
		stats_time_from(p->time), stats_time_to(p->time));
	fprintf(p->f, "<text x=\"%g\" y=\"58\">%s, %" PRIu64 " values in %s, longest %s", LEFT,
		p->page->header.program, t.count, measured,
		t.count != 0U ? rtstat_ns(t.max_ns, max) : "-");
	if (t.overflow != 0U) {
		fprintf(p->f, ", %" PRIu64 " above 10 s", t.overflow);
	}
	fprintf(p->f, "</text>\n");
}

/* Whole numbers: "200 us", not "200.00". */
static void draw_label(const struct plot *p, double ns)
{
	static const char *const unit[] = {"ns", "us", "ms", "s"};
	const int thousands = (int)floor(log10(ns) + 1e-9) / 3;

	fprintf(p->f, "<text x=\"%.1f\" y=\"%g\" class=\"mid\">%.0f %s</text>\n", x_of(p, ns),
		HEIGHT - BOTTOM + 20.0, ns / pow(1000.0, thousands), unit[thousands]);
}

static void draw_time_axis(const struct plot *p)
{
	const double ratio = p->high_ns / p->low_ns;
	const double bottom = HEIGHT - BOTTOM;

	for (int power = 0; pow(TEN, power) <= p->high_ns; power++) {
		for (int digit = 1; digit <= DIGIT_MAX; digit++) {
			const double ns = pow(TEN, power) * digit;
			const bool usual = digit == 1 || digit == 2 || digit == 5;
			const bool label = digit == 1 || (usual && ratio < WIDE) || ratio < NARROW;

			if (ns < p->low_ns || ns > p->high_ns || (!usual && ratio >= NARROW)) {
				continue;
			}
			fprintf(p->f,
				"<line x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\" class=\"grid\"/>\n",
				x_of(p, ns), TOP, x_of(p, ns), bottom + (label ? 6.0 : 3.0));
			if (label) {
				draw_label(p, ns);
			}
		}
	}
	fprintf(p->f, "<text x=\"%g\" y=\"%d\" class=\"mid\">time (logarithmic)</text>\n",
		LEFT + (WIDTH - LEFT - RIGHT) / 2.0, HEIGHT - 16);
}

static void draw_count_axis(const struct plot *p)
{
	for (int power = 0; pow(TEN, power) <= p->top; power++) {
		const double n = pow(TEN, power);

		fprintf(p->f,
			"<line x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\" class=\"grid\"/>\n",
			LEFT - 5.0, y_of(p, n), WIDTH - RIGHT, y_of(p, n));
		fprintf(p->f, "<text x=\"%g\" y=\"%.1f\" class=\"end\">%.0f</text>\n", LEFT - 9.0,
			y_of(p, n) + 4.0, n);
	}
	fprintf(p->f,
		"<text transform=\"translate(18 %g) rotate(-90)\" class=\"mid\">values in a bucket "
		"(logarithmic)</text>\n",
		TOP + (HEIGHT - TOP - BOTTOM) / 2.0);
}

static void draw_buckets(const struct plot *p)
{
	const uint32_t *cell = p->page->cell[p->time];

	for (uint32_t i = p->first; i < p->last; i++) {
		const double x = x_of(p, (double)stats_hist_low_ns(i));
		const double width = x_of(p, (double)stats_hist_low_ns(i + 1U)) - x;
		const double y = y_of(p, cell[i]);

		if (cell[i] != 0U) {
			fprintf(p->f,
				"<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"/>\n", x,
				y, fmax(width, 0.8), HEIGHT - BOTTOM - y);
		}
	}
}

static void draw_mark(const struct plot *p, const char *name, int64_t ns, double *free_x, int *row)
{
	const double x = x_of(p, (double)ns);
	char text[RTSTAT_SHORT];
	char label[2 * RTSTAT_SHORT];
	const int len = snprintf(label, sizeof(label), "%s %s", name, rtstat_ns(ns, text));
	const double width = GAP + LETTER * len;
	const bool left = x + width > WIDTH - RIGHT;
	const double begin = left ? x - width : x;

	/* Names that would lie over each other go one below the other. */
	*row = begin < *free_x ? (*row + 1) % NAMES_ROWS : 0;
	*free_x = begin + width > *free_x ? begin + width : *free_x;
	fprintf(p->f, "<line x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\" class=\"mark\"/>\n", x,
		TOP - 16.0, x, HEIGHT - BOTTOM);
	fprintf(p->f, "<text x=\"%.1f\" y=\"%g\" class=\"mark%s\">%s</text>\n",
		left ? x - GAP : x + GAP, TOP - 6.0 + ROW * *row, left ? " end" : "", label);
}

static void draw_marks(const struct plot *p)
{
	static const struct {
		const char *name;
		uint32_t ppm;
	} mark[] = {{"p50", 500000U}, {"p99", 990000U}, {"p99.9", 999000U}, {"p99.99", 999900U}};
	const struct rtstat_time t = rtstat_time(p->page, p->time);
	double free_x = 0.0;
	int row = 0;

	if (t.count == 0U) {
		fprintf(p->f, "<text x=\"%d\" y=\"%d\" class=\"mid title\">no values yet</text>\n",
			WIDTH / 2, HEIGHT / 2);
		return;
	}
	for (size_t i = 0; i < sizeof(mark) / sizeof(mark[0]); i++) {
		const int64_t ns = rtstat_quantile(p->page, p->time, mark[i].ppm);

		if (ns != INT64_MAX) {
			draw_mark(p, mark[i].name, ns, &free_x, &row);
		}
	}
	if (t.max_ns <= STATS_HIST_MAX_NS) {
		draw_mark(p, "max", t.max_ns, &free_x, &row);
	}
}

void rtstat_svg(FILE *f, const struct rtstat_page *page, uint32_t time)
{
	struct plot p = {.f = f, .page = page, .time = time};

	find_range(&p);
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\">\n"
		"<style>text{font:12px sans-serif;fill:#222}.title{font-size:16px;font-weight:bold}"
		".mid{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#ddd}rect{fill:#3b78b5}"
		".mark{stroke:#b03030;stroke-dasharray:4 3}text.mark{stroke:none;fill:#b03030}"
		"</style>\n"
		"<rect width=\"%d\" height=\"%d\" style=\"fill:#fff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	draw_heading(&p);
	draw_time_axis(&p);
	draw_count_axis(&p);
	draw_buckets(&p);
	draw_marks(&p);
	fprintf(f, "<path d=\"M%g %g V%g H%d\" style=\"fill:none;stroke:#222\"/>\n</svg>\n", LEFT,
		TOP, HEIGHT - BOTTOM, WIDTH - (int)RIGHT);
}
