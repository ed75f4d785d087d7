/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--svg`: a run as a picture. Three fields below each other over one axis of time: cell voltages;
 * limits and current; states of ladder and relay as bands. Points are collected first: the axes go by
 * what is there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "replay.h"

#define POINTS_MAX   4000U
#define KEPT_MAX     (POINTS_MAX / 4U * 3U)
#define EVERY_NS     (200 * NS_PER_MS)
#define EVERY_MAX_NS (3600 * NS_PER_S)
#define WIDTH	     1200
#define HEIGHT	     760
#define LEFT	     70
#define RIGHT	     1020 /* the legend is beside it */
#define TICKS	     6
#define TIME_TICKS   8
#define BAND	     26
#define STATES_TOP   620

/* A field of the picture: its place, and the values at its edges. */
struct field {
	int32_t top;
	int32_t bottom;
	int32_t low;
	int32_t high;
	int32_t unit; /* of a label */
	const char *name;
};

struct point {
	int64_t t_ns;
	int32_t cell_min_mv;
	int32_t cell_max_mv;
	int32_t limit_ma[DIRS];
	int32_t pack_ma;
	uint8_t step;
	uint8_t relay;
};

struct replay_svg {
	FILE *f;
	uint32_t count;
	int64_t every_ns;
	struct point point[POINTS_MAX];
};

struct replay_svg *replay_svg_new(FILE *f)
{
	struct replay_svg *v = calloc(1, sizeof(*v));

	if (v != NULL) {
		v->f = f;
		v->every_ns = EVERY_NS;
	}
	return v;
}

void replay_svg_free(struct replay_svg *v)
{
	free(v);
}

static void drop_every_other(struct replay_svg *v, bool keep_states)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct point *p = &v->point[i];
		const struct point *last = &v->point[kept > 0U ? kept - 1U : 0U];
		const bool changed = p->step != last->step || p->relay != last->relay;

		if (i % 2U == 0U || (keep_states && changed)) {
			v->point[kept++] = *p;
		}
	}
	v->count = kept;
}

/* More than there is room for: every other one goes, but no change of a state. */
static void thin_out(struct replay_svg *v)
{
	drop_every_other(v, true);
	if (v->count > KEPT_MAX) {
		/* Nothing but changes: more of them than the picture is wide. */
		drop_every_other(v, false);
	}
	v->every_ns = min_i64(v->every_ns * 2, EVERY_MAX_NS);
}

static bool svg_step(struct replay_source *s, void *self)
{
	struct replay_svg *v = self;
	const struct telemetry *t = cycle_telemetry(s->core);
	const struct point *last = v->count > 0U ? &v->point[v->count - 1U] : NULL;

	if (last != NULL && s->in->now_ns - last->t_ns < v->every_ns && last->step == t->step &&
	    last->relay == s->in->relay) {
		return true;
	}
	if (v->count == POINTS_MAX) {
		thin_out(v);
	}
	v->point[v->count++] = (struct point){
		.t_ns = s->in->now_ns,
		.cell_min_mv = t->sample.cell_min_mv,
		.cell_max_mv = t->sample.cell_max_mv,
		.limit_ma = {t->limit_ma[DIR_CHARGE], t->limit_ma[DIR_DISCHARGE]},
		.pack_ma = t->sample.pack_ma,
		.step = (uint8_t)t->step,
		.relay = (uint8_t)s->in->relay,
	};
	return true;
}

static int32_t x_of(const struct replay_svg *v, int64_t t_ns)
{
	const int64_t from_ns = v->point[0].t_ns;
	const int64_t span_ns = max_i64(v->point[v->count - 1U].t_ns - from_ns, 1);

	return LEFT + (int32_t)((t_ns - from_ns) * (RIGHT - LEFT) / span_ns);
}

static int32_t y_of(const struct field *p, int32_t value)
{
	const int64_t span = (int64_t)p->high - p->low;

	return p->bottom - (int32_t)(((int64_t)clamp_i32(value, p->low, p->high) - p->low) *
				     (p->bottom - p->top) / span);
}

/* Edges that are round, and never of no height. */
static void set_edges(struct field *p, int32_t low, int32_t high, int32_t round)
{
	p->low = floor_div(low, round) * round;
	p->high = (floor_div(high, round) + 1) * round;
}

static void draw_axes(const struct replay_svg *v, const struct field *p)
{
	fprintf(v->f,
		"<rect x='%d' y='%d' width='%d' height='%d' class='field'/>\n"
		"<text x='%d' y='%d' class='name'>%s</text>\n",
		LEFT, p->top, RIGHT - LEFT, p->bottom - p->top, LEFT, p->top - 8, p->name);
	for (int32_t i = 0; i <= TICKS; i++) {
		const int32_t value = p->low + (int32_t)((int64_t)(p->high - p->low) * i / TICKS);
		const int32_t y = y_of(p, value);

		fprintf(v->f,
			"<line x1='%d' y1='%d' x2='%d' y2='%d' class='grid'/>"
			"<text x='%d' y='%d' class='tick'>%s%d.%02d</text>\n",
			LEFT, y, RIGHT, y, LEFT - 6, y + 4, value < 0 ? "-" : "",
			abs_i32(value) / p->unit, abs_i32(value) % p->unit * 100 / p->unit);
	}
}

static int32_t value_of(const struct point *p, uint32_t which)
{
	switch (which) {
	case 0:
		return p->cell_min_mv;
	case 1:
		return p->cell_max_mv;
	case 2:
		return p->limit_ma[DIR_CHARGE];
	case 3:
		return -p->limit_ma[DIR_DISCHARGE];
	case 4:
	default:
		return p->pack_ma;
	}
}

static void draw_curve(const struct replay_svg *v, const struct field *p, uint32_t which,
		       const char *name, int32_t row)
{
	int32_t before = 0;

	fprintf(v->f, "<polyline class='c%u' points='", which);
	for (uint32_t i = 0; i < v->count; i++) {
		const int32_t x = x_of(v, v->point[i].t_ns);
		const int32_t y = y_of(p, value_of(&v->point[i], which));

		/* A limit holds until it changes: steps, no slopes. */
		if (i > 0U && y != before) {
			fprintf(v->f, "%d,%d ", x, before);
		}
		fprintf(v->f, "%d,%d ", x, y);
		before = y;
	}
	fprintf(v->f,
		"'/>\n<line x1='%d' y1='%d' x2='%d' y2='%d' class='c%u'/>"
		"<text x='%d' y='%d'>%s</text>\n",
		RIGHT + 15, p->top + 12 + row * 20, RIGHT + 40, p->top + 12 + row * 20, which,
		RIGHT + 46, p->top + 16 + row * 20, name);
}

static const char *state_of(const struct point *p, bool relay)
{
	return relay ? relay_state_name(p->relay) : step_name(p->step);
}

static void draw_band(const struct replay_svg *v, int32_t top, bool relay, const char *name)
{
	uint32_t from = 0;

	fprintf(v->f, "<text x='%d' y='%d' class='tick'>%s</text>\n", LEFT - 6, top + 17, name);
	for (uint32_t i = 1; i <= v->count; i++) {
		const struct point *p = &v->point[from];

		if (i < v->count &&
		    (relay ? v->point[i].relay == p->relay : v->point[i].step == p->step)) {
			continue;
		}
		const int32_t x = x_of(v, p->t_ns);
		const int32_t width = x_of(v, v->point[i < v->count ? i : i - 1U].t_ns) - x;
		const char *text = state_of(p, relay);

		fprintf(v->f, "<rect x='%d' y='%d' width='%d' height='%d' class='s %s'/>\n", x, top,
			max_i32(width, 1), BAND, text);
		if (width > 8 * (int32_t)strlen(text)) {
			fprintf(v->f, "<text x='%d' y='%d'>%s</text>\n", x + 4, top + 17, text);
		}
		from = i;
	}
}

static void draw_time(const struct replay_source *s, const struct replay_svg *v, int32_t y)
{
	const int64_t from_ns = v->point[0].t_ns;
	const int64_t span_ns = v->point[v->count - 1U].t_ns - from_ns;
	char wall[REPLAY_WALL_MAX];

	for (int32_t i = 0; i <= TIME_TICKS; i++) {
		const int64_t t_ns = from_ns + span_ns * i / TIME_TICKS;
		const int64_t ms = (t_ns - s->start_ns) / NS_PER_MS;

		fprintf(v->f, "<line x1='%d' y1='%d' x2='%d' y2='%d' class='axis'/>", x_of(v, t_ns),
			y, x_of(v, t_ns), y + 5);
		fprintf(v->f, "<text x='%d' y='%d' class='time'>", x_of(v, t_ns), y + 20);
		if (s->has_wall) {
			/* The time of day alone: the date is in the heading. */
			fprintf(v->f, "%.8s", replay_wall(s, t_ns, wall) + sizeof("2026-01-01"));
		} else {
			fprintf(v->f, "%" PRId64 ".%" PRId64 " s", ms / MS_PER_S,
				ms % MS_PER_S / 100);
		}
		fputs("</text>\n", v->f);
	}
}

static void head(const struct replay_source *s, const struct replay_svg *v)
{
	char wall[REPLAY_WALL_MAX];

	fprintf(v->f,
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
		"font-family='sans-serif' font-size='13'>\n<style>"
		"rect.field{fill:#fff;stroke:#888} .grid{stroke:#ddd} .axis{stroke:#444}"
		".name{font-weight:bold} .tick{text-anchor:end;fill:#444} .time{text-anchor:middle}"
		"polyline{fill:none;stroke-width:1.6} line.c0,.c0{stroke:#1f77b4}"
		".c1{stroke:#d62728} .c2{stroke:#2ca02c} .c3{stroke:#ff7f0e} .c4{stroke:#444}"
		".s{stroke:#fff;fill:#ccc} .run,.closed{fill:#b7e1b0} .caution{fill:#ffe08a}"
		".stop,.hold{fill:#ffb380} .trip{fill:#f28e8e} .open{fill:#f5c6c6}"
		"</style>\n<rect width='100%%' height='100%%' fill='#fff'/>\n",
		WIDTH, HEIGHT);
	fprintf(v->f, "<text x='%d' y='22' font-size='16'>jkpylon %s, from %s</text>\n", LEFT,
		s->is_record && s->head.trigger != 0U ? record_trigger_name(s->head.trigger)
						      : "record",
		s->has_wall ? replay_wall(s, v->point[0].t_ns, wall) : "its start");
}

static void edges_of(const struct replay_svg *v, uint32_t from, uint32_t to, int32_t *ret_low,
		     int32_t *ret_high)
{
	int32_t low = INT32_MAX;
	int32_t high = INT32_MIN;

	for (uint32_t i = 0; i < v->count; i++) {
		for (uint32_t w = from; w <= to; w++) {
			const int32_t y = value_of(&v->point[i], w);

			/* Before the first sample there are no cells. */
			if (w > 1U || y > 0) {
				low = min_i32(low, y);
				high = max_i32(high, y);
			}
		}
	}
	*ret_low = low <= high ? low : 0;
	*ret_high = low <= high ? high : 0;
}

static void svg_end(struct replay_source *s, void *self)
{
	struct replay_svg *v = self;
	struct field cells = {.top = 60, .bottom = 300, .unit = 1000, .name = "Cells, V"};
	struct field amps = {.top = 340,
			     .bottom = 580,
			     .unit = 1000,
			     .name = "Limits and current, A (charging is positive)"};
	int32_t low = 0;
	int32_t high = 0;

	if (v->count == 0U) {
		fputs("<svg xmlns='http://www.w3.org/2000/svg'/>\n", v->f);
		return;
	}
	edges_of(v, 0, 1, &low, &high);
	set_edges(&cells, low, high, 50);
	edges_of(v, 2, 4, &low, &high);
	set_edges(&amps, low, high, 5000);
	head(s, v);
	draw_axes(v, &cells);
	draw_curve(v, &cells, 0, "lowest cell", 0);
	draw_curve(v, &cells, 1, "highest cell", 1);
	draw_axes(v, &amps);
	draw_curve(v, &amps, 2, "charge limit", 0);
	draw_curve(v, &amps, 3, "discharge limit", 1);
	draw_curve(v, &amps, 4, "current", 2);
	draw_band(v, STATES_TOP, false, "ladder");
	draw_band(v, STATES_TOP + BAND + 8, true, "relay");
	draw_time(s, v, STATES_TOP + 2 * BAND + 12);
	fputs("</svg>\n", v->f);
}

const struct replay_view replay_svg_view = {.step = svg_step, .end = svg_end};
