/* SPDX-License-Identifier: Apache-2.0 */
#include "core/damping.h"

#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "core/source.h"

#define PERMILLE 1000
#define RISE_NS	 NS_PER_S
#define LN2_MS	 693 /* ln 2 x RISE_NS in ms: growth of one second for a doubling time in ms */

void damping_init(struct damping *d)
{
	memset(d, 0, sizeof(*d));
	for (uint32_t i = 0; i < DIRS; i++) {
		d->cap_ma[i] = INT32_MAX;
	}
	d->seen_ns = TIME_NEVER;
	d->stepped_ns = TIME_NEVER;
	d->risen_ns = TIME_NEVER;
}

/* @i = 0 is the newest. */
static const struct damping_sample *newest(const struct damping *d, uint32_t i)
{
	return &d->ring[(d->next + DAMPING_RING - 1U - i) % DAMPING_RING];
}

/* Return: false if it is no new sample. */
static bool take(struct damping *d, const struct damping_in *in)
{
	if (d->count > 0 && in->grid_ns < newest(d, 0)->t_ns + DAMPING_GAP_MS * NS_PER_MS) {
		return false;
	}
	d->ring[d->next] = (struct damping_sample){in->grid_ns, in->grid_w, in->own_ma};
	d->next = (d->next + 1U) % DAMPING_RING;
	d->count = d->count < DAMPING_RING ? d->count + 1U : d->count;
	return true;
}

/* What the window holds. */
struct window {
	uint32_t count;
	int32_t mean_w;
	int32_t peak_ma; /* largest current of ours, either direction */
	int32_t span_ms;
};

static struct window look(const struct damping *d, const struct damping_config *c, int64_t now_ns)
{
	struct window w = {0};
	int64_t sum_w = 0;

	while (w.count < d->count && w.count < (uint32_t)c->samples) {
		const struct damping_sample *s = newest(d, w.count);
		const int32_t age_ms = time_ms_since(now_ns, s->t_ns);

		if (age_ms > c->window_ms) {
			break;
		}
		w.span_ms = age_ms;
		w.peak_ma = max_i32(w.peak_ma, abs_i32(s->own_ma));
		sum_w += s->grid_w;
		w.count++;
	}
	/* The original looked at both sides of 0, with its own numbers. */
	w.mean_w = w.count > 0 && c->preset != DAMPING_SEED ? sat_i32(sum_w / w.count) : 0;
	return w;
}

/* Changes of side in the window; 0 if it is no oscillation. */
static int32_t swings(const struct damping *d, const struct damping_config *c,
		      const struct window *w)
{
	int32_t beyond[2] = {0, 0};
	int32_t changes = 0;
	int32_t side = -1;

	for (uint32_t i = 0; i < w->count; i++) {
		const int64_t off_w = (int64_t)newest(d, i)->grid_w - w->mean_w;
		const int32_t now = off_w > c->band_w ? 1 : (off_w < -(int64_t)c->band_w ? 0 : -1);

		if (now < 0) {
			continue;
		}
		beyond[now]++;
		changes += side >= 0 && side != now ? 1 : 0;
		side = now;
	}
	return beyond[0] >= c->each && beyond[1] >= c->each && changes >= c->swings ? changes : 0;
}

/*
 * What a step down starts from. A limit that is next to nothing was made so by somebody else, and may
 * be back in a second: the damping of an oscillation must not keep it there for minutes.
 */
static int32_t base_ma(const struct damping_in *in, const struct core_config *c, uint32_t i,
		       int32_t peak_ma)
{
	if (c->damping.of_flow) {
		return min_i32(peak_ma, c->max_ma[i]);
	}
	return in->limit_ma[i] > c->damping.least_ma ? in->limit_ma[i] : c->max_ma[i];
}

static void step_down(struct damping *d, const struct core_config *c, const struct damping_in *in,
		      int32_t peak_ma)
{
	const struct damping_config *s = &c->damping;

	for (uint32_t i = 0; i < DIRS; i++) {
		const int32_t from_ma = min_i32(d->cap_ma[i], base_ma(in, c, i, peak_ma));
		const int32_t to_ma = sat_i32((int64_t)from_ma * s->keep_pm / PERMILLE);

		d->cap_ma[i] = min_i32(d->cap_ma[i], max_i32(to_ma, s->least_ma));
	}
	d->stepped_ns = in->now_ns;
	d->risen_ns = in->now_ns;
}

static void end(struct damping *d, struct sink *sink)
{
	if (d->active) {
		sink_emit(sink, EVENT_OSCILLATION_OVER, 0, 0, 0, 0);
	}
	damping_init(d);
}

/* Doubles in double_ms, once a second; over when nothing is lowered any more. */
static void release(struct damping *d, const struct core_config *c, int64_t now_ns,
		    struct sink *sink)
{
	bool free = true;

	if (now_ns - d->seen_ns < c->damping.hold_ms * NS_PER_MS ||
	    now_ns - d->risen_ns < RISE_NS) {
		return;
	}
	d->risen_ns = now_ns;
	for (uint32_t i = 0; i < DIRS; i++) {
		const int64_t more = (int64_t)d->cap_ma[i] * LN2_MS / c->damping.double_ms;

		d->cap_ma[i] = sat_i32((int64_t)d->cap_ma[i] + max_i64(more, 1));
		free = free && d->cap_ma[i] >= c->max_ma[i];
	}
	if (free) {
		d->active = false;
		for (uint32_t i = 0; i < DIRS; i++) {
			d->cap_ma[i] = INT32_MAX;
		}
		sink_emit(sink, EVENT_OSCILLATION_OVER, 0, 0, 0, 0);
	}
}

void damping_step(struct damping *d, const struct core_config *c, const struct damping_in *in,
		  struct sink *sink)
{
	const struct damping_config *s = &c->damping;

	if (s->preset == DAMPING_OFF || in->grid_w == SOURCE_NO_VALUE) {
		end(d, sink);
		return;
	}
	if (take(d, in)) {
		const struct window w = look(d, s, in->now_ns);
		const int32_t found = swings(d, s, &w);
		const bool begins = found > 0 && !d->active;

		if (found > 0) {
			d->active = true;
			d->seen_ns = in->now_ns;
			if (d->stepped_ns == TIME_NEVER ||
			    in->now_ns - d->stepped_ns >= s->step_ms * NS_PER_MS) {
				step_down(d, c, in, w.peak_ma);
			}
		}
		if (begins) {
			sink_emit(sink, EVENT_OSCILLATION, found, s->band_w, w.span_ms,
				  min_i32(d->cap_ma[DIR_CHARGE], d->cap_ma[DIR_DISCHARGE]));
		}
	}
	if (d->active) {
		release(d, c, in->now_ns, sink);
	}
}
