/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arbiter.h"

#include <string.h>

#include "base/time.h"
#include "base/units.h"

#define MA_MV_PER_W	INT64_C(1000000)
#define UNSIZED		INT32_MAX /* a direction is known, but not how much */
#define PEER_MV_MIN	10000	  /* what a battery of an inverter may have at all */
#define PEER_MV_MAX	1000000
#define CROSS_OTHER	2 /* times cross_ms if the other one should give way */
#define OPEN_HYSTERESIS 2 /* an opened interlock stays so down to the half of its dead band */
#define PUSH		5 /* times what the other one does against ours, see arbiter.h */
#define PUSH_MAX_W	120
#define AHEAD_NS	(12 * NS_PER_S)
#define AHEAD_CALM_NS	(60 * NS_PER_S)
#define TOLD_NS		NS_PER_S
#define STEP_MAX_NS	NS_PER_S

static void cause_end(struct arbiter_cause *t)
{
	*t = (struct arbiter_cause){.since_ns = TIME_NEVER, .seen_ns = TIME_NEVER};
}

static void dir_end(struct arbiter_dir *d)
{
	cause_end(&d->interlock);
	cause_end(&d->cross);
	d->ahead_ns = TIME_NEVER;
	d->wrong_ns = TIME_NEVER;
	d->open = false;
	d->slow_ma = INT32_MAX;
	d->slow_rest = 0;
}

void arbiter_init(struct arbiter *a, int64_t now_ns)
{
	memset(a, 0, sizeof(*a));
	a->from_ns = TIME_NEVER;
	a->told_ns = TIME_NEVER;
	a->last_ns = now_ns;
	a->busy_ns = now_ns;
	a->grid_w = SOURCE_NO_VALUE;
	a->peer_w = SOURCE_NO_VALUE;
	a->peer_from = SOURCES;
	for (uint32_t d = 0; d < DIRS; d++) {
		a->cap_ma[d] = INT32_MAX;
		a->rule[d] = RULE_NONE;
		a->dir[d].told = RULE_NONE;
		a->dir[d].told_ns = TIME_NEVER;
		dir_end(&a->dir[d]);
	}
}

void arbiter_forget(struct arbiter *a, int64_t now_ns)
{
	a->from_ns = now_ns;
	for (uint32_t d = 0; d < DIRS; d++) {
		dir_end(&a->dir[d]);
	}
}

static int32_t to_w(int32_t ma, int32_t mv)
{
	return sat_i32((int64_t)ma * mv / MA_MV_PER_W);
}

static int32_t to_ma(int32_t w, int32_t mv)
{
	return sat_i32((int64_t)w * MA_MV_PER_W / mv);
}

/* Without a number the inverter's own word says the direction. Return: false if not even that. */
static bool by_mode(struct arbiter *a, uint32_t mode)
{
	switch (mode) {
	case PEER_CHARGING:
		a->peer_w = UNSIZED;
		break;
	case PEER_DISCHARGING:
		a->peer_w = -UNSIZED;
		break;
	case PEER_IDLE:
	case PEER_NO_BATTERY:
		a->peer_w = 0;
		break;
	default:
		return false;
	}
	a->peer_ma = a->peer_w;
	return true;
}

/* Power and current of the other battery. Return: false if the sample says neither. */
static bool read_peer(struct arbiter *a, const struct peer_sample *p, int32_t own_mv)
{
	const bool known = p->voltage_mv >= PEER_MV_MIN && p->voltage_mv <= PEER_MV_MAX;
	const int32_t mv = known ? p->voltage_mv : own_mv;

	if (p->current_ma == SOURCE_NO_VALUE && p->power_w == SOURCE_NO_VALUE) {
		return by_mode(a, p->mode);
	}
	a->peer_ma = p->current_ma == SOURCE_NO_VALUE ? to_ma(p->power_w, mv) : p->current_ma;
	a->peer_w = p->power_w == SOURCE_NO_VALUE ? to_w(p->current_ma, mv) : p->power_w;
	if ((a->peer_ma > 0 && a->peer_w < 0) || (a->peer_ma < 0 && a->peer_w > 0)) {
		a->peer_w = to_w(a->peer_ma,
				 mv); /* one sign is wrong: the dead bands are currents */
	}
	/* "No value" must not come out of a number. */
	a->peer_w = max_i32(a->peer_w, -INT32_MAX);
	a->peer_ma = max_i32(a->peer_ma, -INT32_MAX);
	return true;
}

static bool take_peer(struct arbiter *a, const struct core_config *c, const struct arbiter_in *in,
		      enum source_id source)
{
	const struct peer_sample *p = source == SOURCE_LOCAL ? &in->local : &in->portal;

	if (!source_fresh(in->now_ns, a->from_ns, p->t_ns, c->source[source].stale_ms) ||
	    !read_peer(a, p, in->own_mv)) {
		return false;
	}
	a->peer_from = source;
	a->peer_soc_pct = p->soc_pct >= 0 && p->soc_pct <= 100 ? p->soc_pct : SOURCE_NO_VALUE;
	return true;
}

static void hear(struct arbiter *a, const struct core_config *c, const struct arbiter_in *in)
{
	const struct grid_sample *g = &in->grid;
	const bool grid = source_fresh(in->now_ns, a->from_ns, g->t_ns,
				       c->source[SOURCE_GRID].stale_ms);

	a->grid_w = grid ? g->power_w : SOURCE_NO_VALUE;
	if (!take_peer(a, c, in, SOURCE_LOCAL) && !take_peer(a, c, in, SOURCE_PORTAL)) {
		a->peer_from = SOURCES;
		a->peer_w = SOURCE_NO_VALUE;
		a->peer_ma = SOURCE_NO_VALUE;
		a->peer_soc_pct = SOURCE_NO_VALUE;
	}
}

/* A source that was never heard may not exist: its silence is no news. Once a second at most. */
static void report_sources(struct arbiter *a, const struct arbiter_in *in, struct sink *sink)
{
	const bool grid = a->grid_w != SOURCE_NO_VALUE;
	const bool peer = a->peer_from != SOURCES;

	if (a->told_ns != TIME_NEVER && in->now_ns - a->told_ns < TOLD_NS) {
		return;
	}
	if (grid != a->grid_told || peer != a->peer_told) {
		a->told_ns = in->now_ns;
	}
	if (grid != a->grid_told) {
		a->grid_told = grid;
		sink_emit(sink, grid ? EVENT_GRID_HEARD : EVENT_GRID_SILENT,
			  grid ? 0 : time_ms_since(in->now_ns, in->grid.t_ns), 0, 0, 0);
	}
	if (peer != a->peer_told) {
		a->peer_told = peer;
		sink_emit(sink, peer ? EVENT_PEER_HEARD : EVENT_PEER_SILENT,
			  peer ? (int32_t)a->peer_from
			       : min_i32(time_ms_since(in->now_ns, in->local.t_ns),
					 time_ms_since(in->now_ns, in->portal.t_ns)),
			  0, 0, 0);
	}
}

static void cause_step(struct arbiter_cause *t, bool present, int64_t now_ns, int32_t grace_ms,
		       int32_t hold_ms)
{
	if (present) {
		t->since_ns = t->since_ns == TIME_NEVER ? now_ns : t->since_ns;
		t->seen_ns = now_ns;
		t->active = t->active || now_ns - t->since_ns >= grace_ms * NS_PER_MS;
	} else {
		t->since_ns = TIME_NEVER;
		t->active = t->active && now_ns - t->seen_ns < hold_ms * NS_PER_MS;
	}
}

/**
 * struct view - one direction, seen so that the signs do not matter
 * @own_w: what ours does in this direction
 * @against_w, @against_ma: what the other battery does in the opposite one
 * @back_w: what the grid does in the opposite one: export while ours gives, import while it takes; 0
 *          if that is not known
 * @need_w: what this direction is needed for beyond the other battery
 * @real_w: @against_w without what an idle inverter draws from its battery
 */
struct view {
	int64_t own_w;
	int64_t against_w;
	int64_t against_ma;
	int64_t back_w;
	int64_t need_w;
	int64_t real_w;
};

static struct view look(const struct arbiter *a, const struct arbiter_config *c,
			const struct arbiter_in *in, enum dir dir)
{
	const int64_t sign = dir == DIR_DISCHARGE ? 1 : -1;
	const int64_t own_w = to_w(in->own_ma, in->own_mv);
	struct view v = {
		.own_w = max_i64(-sign * own_w, 0),
		.against_w = max_i64(sign * a->peer_w, 0),
		.against_ma = max_i64(sign * a->peer_ma, 0),
	};

	v.real_w = dir == DIR_CHARGE
			   ? max_i64(v.against_w - to_w(c->peer_discharge_ma, in->own_mv), 0)
			   : v.against_w;
	/* Against our direction counts as well: a battery that takes now need not give. */
	v.need_w = -sign * own_w - v.against_w;
	if (a->grid_w != SOURCE_NO_VALUE) {
		v.need_w += sign * a->grid_w;
		v.back_w = max_i64(-sign * a->grid_w, 0);
	}
	return v;
}

static int32_t need_ma(const struct view *v, int64_t less_w, int32_t mv)
{
	return to_ma(sat_i32(max_i64(v->need_w - less_w, 0)), mv);
}

/* How far below the need the guard goes. */
static int64_t push_w(const struct view *v)
{
	return min_i64(v->real_w * PUSH, PUSH_MAX_W) - (v->against_w - v->real_w);
}

/* What the interlock allows while it acts. */
static int32_t interlock_ma(const struct arbiter *a, struct arbiter_dir *d, const struct view *v,
			    int32_t band_w, int32_t mv)
{
	const int32_t close_w = band_w / OPEN_HYSTERESIS;

	/* Without the meter nobody knows what the house needs. */
	d->open = a->grid_w != SOURCE_NO_VALUE && v->need_w > (d->open ? close_w : band_w);
	return d->open ? need_ma(v, 0, mv) : 0;
}

/**
 * struct slope - how a cap moves
 * @flow_ma: what flows now: lowering begins there
 * @rise_ma_s, @fall_ma_s: rates; a @rise_ma_s of 0 rises at once
 */
struct slope {
	int32_t flow_ma;
	int32_t rise_ma_s;
	int32_t fall_ma_s;
	int64_t dt_ns;
};

/* Towards the target; the end of all causes, INT32_MAX, is no target. */
static void slow_step(struct arbiter_dir *d, int32_t target_ma, const struct slope *s)
{
	const bool rises = target_ma >= d->slow_ma;
	const int64_t way = d->slow_rest + (rises ? s->rise_ma_s : s->fall_ma_s) * s->dt_ns;

	if (target_ma == INT32_MAX || target_ma == d->slow_ma || (rises && s->rise_ma_s == 0) ||
	    (!rises && target_ma >= s->flow_ma)) {
		d->slow_ma = target_ma;
		d->slow_rest = 0;
		return;
	}
	d->slow_rest = way % NS_PER_S;
	if (rises) {
		d->slow_ma = sat_i32(min_i64(d->slow_ma + way / NS_PER_S, target_ma));
	} else {
		const int32_t from_ma = min_i32(d->slow_ma, s->flow_ma);

		d->slow_ma = sat_i32(max_i64(from_ma - way / NS_PER_S, target_ma));
	}
}

static void lower(struct arbiter *a, enum dir dir, int32_t cap_ma, uint32_t rule)
{
	if (cap_ma < a->cap_ma[dir]) {
		a->cap_ma[dir] = max_i32(cap_ma, 0);
		a->rule[dir] = rule;
	}
}

/* The meter says it before the other inverter does. */
static void ahead_step(struct arbiter_dir *d, bool wrong, int64_t now_ns)
{
	const bool acts = d->ahead_ns != TIME_NEVER && now_ns - d->ahead_ns < AHEAD_NS;
	const bool calm = d->wrong_ns == TIME_NEVER || now_ns - d->wrong_ns >= AHEAD_CALM_NS;

	if (!acts) {
		d->ahead_ns = wrong && calm ? now_ns : TIME_NEVER;
	}
	if (wrong || acts) {
		d->wrong_ns = now_ns;
	}
}

static void step_causes(struct arbiter *a, const struct arbiter_config *c,
			const struct arbiter_in *in, const struct view *v, enum dir dir)
{
	struct arbiter_dir *d = &a->dir[dir];
	const int32_t band_ma = dir == DIR_DISCHARGE ? c->peer_charge_ma : c->peer_discharge_ma;
	const bool wait = in->own_soc_pct != SOURCE_NO_VALUE &&
			  a->peer_soc_pct != SOURCE_NO_VALUE && a->peer_soc_pct > in->own_soc_pct;

	cause_step(&d->interlock, c->interlock && v->against_ma > band_ma, in->now_ns, c->grace_ms,
		   c->hold_ms);
	if (!d->interlock.active) {
		d->open = false;
	}
	/* The guard leaves the need of the house, and that the meter knows. */
	if (a->grid_w == SOURCE_NO_VALUE) {
		cause_end(&d->cross);
		d->ahead_ns = TIME_NEVER;
		return;
	}
	cause_step(&d->cross, c->cross && v->own_w > c->cross_w && v->real_w > c->cross_w,
		   in->now_ns, wait ? c->cross_ms * CROSS_OTHER : c->cross_ms, c->cross_hold_ms);
	ahead_step(d, c->cross && c->ahead_w > 0 && v->own_w > c->cross_w && v->back_w > c->ahead_w,
		   in->now_ns);
}

static void step_peer(struct arbiter *a, const struct arbiter_config *c,
		      const struct arbiter_in *in, enum dir dir, int64_t dt_ns)
{
	const struct view v = look(a, c, in, dir);
	struct arbiter_dir *d = &a->dir[dir];
	struct slope slope = {
		.flow_ma = to_ma(sat_i32(v.own_w), in->own_mv),
		.fall_ma_s = c->fall_ma_s,
		.dt_ns = dt_ns,
	};
	const bool rests = in->now_ns - a->busy_ns >= c->hold_ms * NS_PER_MS;
	int32_t target_ma = INT32_MAX;
	uint32_t rule = RULE_NONE;

	step_causes(a, c, in, &v, dir);
	if (d->cross.active || d->ahead_ns != TIME_NEVER) {
		target_ma = need_ma(&v, push_w(&v), in->own_mv);
		rule = RULE_CROSS_CHARGE;
		slope.rise_ma_s = rests || !d->cross.active ? 0 : c->rise_ma_s;
	}
	if (d->interlock.active) {
		const int32_t band_w = dir == DIR_DISCHARGE ? c->import_w : c->export_w;
		const int32_t ma = interlock_ma(a, d, &v, band_w, in->own_mv);

		if (ma <= target_ma) {
			target_ma = ma;
			rule = RULE_INTERLOCK;
		}
	}
	slow_step(d, target_ma, &slope);
	lower(a, dir, d->slow_ma, rule);
}

static void fall_back(struct arbiter *a, const struct source_config *s, enum dir dir)
{
	if (s->fallback == FALLBACK_ZERO) {
		lower(a, dir, 0, RULE_SOURCE_SILENT);
	} else if (s->fallback == FALLBACK_CAP) {
		lower(a, dir, s->cap_ma, RULE_SOURCE_SILENT);
	}
}

static void report_verdict(struct arbiter *a, enum dir dir, struct sink *sink)
{
	struct arbiter_dir *d = &a->dir[dir];

	/* A source that floods must not crowd out what others have to say. */
	if (a->rule[dir] == d->told ||
	    (d->told_ns != TIME_NEVER && sink->now_ns - d->told_ns < TOLD_NS)) {
		return;
	}
	d->told = a->rule[dir];
	d->told_ns = sink->now_ns;
	if (a->rule[dir] == RULE_NONE) {
		sink_emit(sink, EVENT_ARBITER_FREE, (int32_t)dir, 0, 0, 0);
	} else {
		sink_emit(sink, EVENT_ARBITER, (int32_t)dir, a->cap_ma[dir], (int32_t)a->rule[dir],
			  0);
	}
}

void arbiter_step(struct arbiter *a, const struct core_config *c, const struct arbiter_in *in,
		  struct sink *sink)
{
	const int64_t dt_ns = clamp_i64(in->now_ns - a->last_ns, 0, STEP_MAX_NS);
	const uint32_t from = a->peer_from;

	a->last_ns = in->now_ns;
	hear(a, c, in);
	if (a->peer_from == SOURCES || abs_i32(a->peer_ma) > c->arbiter.peer_discharge_ma) {
		a->busy_ns = in->now_ns;
	}
	report_sources(a, in, sink);
	for (uint32_t d = 0; d < DIRS; d++) {
		a->cap_ma[d] = INT32_MAX;
		a->rule[d] = RULE_NONE;
		if (a->grid_w == SOURCE_NO_VALUE) {
			fall_back(a, &c->source[SOURCE_GRID], (enum dir)d);
		}
		/* Of the one that is silent now. */
		if (a->peer_from == SOURCES || a->peer_from != from) {
			dir_end(&a->dir[d]);
		}
		if (a->peer_from != SOURCES) {
			step_peer(a, &c->arbiter, in, (enum dir)d, dt_ns);
		} else {
			fall_back(a, &c->source[SOURCE_LOCAL], (enum dir)d);
			fall_back(a, &c->source[SOURCE_PORTAL], (enum dir)d);
		}
		report_verdict(a, (enum dir)d, sink);
	}
}
