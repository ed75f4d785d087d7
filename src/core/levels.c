/* SPDX-License-Identifier: Apache-2.0 */
/* What a new sample means for the three levels of each quantity and for the obedience check. */
#include <string.h>

#include "base/units.h"
#include "core/limiter.h"
#include "core/safety.h"

#define PERMILLE 1000

/* A quantity of the level table. */
struct quantity {
	enum level_id id;
	bool high; /* critical is above, otherwise below */
	bool valid;
	int32_t value;
	/*
	 * Charging a cold or hot battery is what harms it: a pack that merely lies in the cold must
	 * not latch. These levels become critical only while current flows in the direction.
	 */
	int32_t flow_ma;
	bool needs_flow;
};

static bool is_cell(const struct quantity *q)
{
	return q->id == LEVEL_CELL_HIGH || q->id == LEVEL_CELL_LOW;
}

static bool beyond(const struct quantity *q, int32_t level)
{
	return q->high ? q->value >= level : q->value <= level;
}

static void judge(struct safety *sf, const struct core_config *c, const struct quantity *q,
		  struct sink *sink)
{
	const struct level *level = &c->level[q->id];
	struct level_state *st = &sf->level[q->id];

	if (!q->valid) {
		return; /* unknown is not harmless: the envelope is 0 then; levels keep their state */
	}
	const bool warn = beyond(q, level->warn);
	const bool flows = !q->needs_flow || q->flow_ma > SAFETY_CRITICAL_MARGIN_MA;

	if (warn && !st->warn) {
		sink_emit(sink, is_cell(q) ? EVENT_LEVEL_WARN : EVENT_TEMP_WARN, (int32_t)q->id,
			  q->value, level->warn, 0);
	}
	st->warn = warn;
	st->critical = beyond(q, level->critical) && flows;
	if (!st->critical) {
		st->count = 0;
		st->since_ns = TIME_NEVER;
		return;
	}
	if (st->since_ns == TIME_NEVER) {
		st->since_ns = sink->now_ns;
	}
	if (st->count < SAFETY_CRITICAL_SAMPLES) {
		st->count++;
	}
	const bool recovering = q->id == LEVEL_CELL_LOW && sf->recover_until_ns != TIME_NEVER &&
				sink->now_ns < sf->recover_until_ns;

	if (st->count >= SAFETY_CRITICAL_SAMPLES &&
	    sink->now_ns - st->since_ns >= SAFETY_CRITICAL_NS && !recovering &&
	    sf->latched == REASON_NONE) {
		sf->critical_level = (uint32_t)q->id;
		sink_emit(sink, is_cell(q) ? EVENT_LEVEL_CRITICAL : EVENT_TEMP_CRITICAL,
			  (int32_t)q->id, q->value, level->critical, 0);
		safety_latch(sf, REASON_CRITICAL, sink);
	}
}

static void judge_levels(struct safety *sf, const struct core_config *c,
			 const struct safety_sample *in, struct sink *sink)
{
	const struct sample *s = in->s;
	const bool cells = in->cells_valid;
	const bool probes = in->probe_mask != 0;
	const bool mos = s->mos_valid;
	const int32_t in_ma = max_i32(s->pack_ma, 0);
	const int32_t out_ma = abs_i32(min_i32(s->pack_ma, 0));
	const struct quantity quantity[] = {
		{LEVEL_CELL_HIGH, true, cells, s->cell_max_mv, 0, false},
		{LEVEL_CELL_LOW, false, cells, s->cell_min_mv, 0, false},
		{LEVEL_CHARGE_COLD, false, probes, in->cold_dc, in_ma, true},
		{LEVEL_CHARGE_HOT, true, probes, in->hot_dc, in_ma, true},
		{LEVEL_DISCHARGE_COLD, false, probes, in->cold_dc, out_ma, true},
		{LEVEL_DISCHARGE_HOT, true, probes, in->hot_dc, 0, false},
		{LEVEL_MOS_HOT, true, mos, s->mos_dc, 0, false},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(quantity); i++) {
		judge(sf, c, &quantity[i], sink);
	}
}

/* Levels at which a current in this direction is dangerous by itself: the margin shrinks to 2 A. */
static bool at_critical(const struct safety *sf, enum dir dir)
{
	return dir == DIR_CHARGE ? sf->level[LEVEL_CELL_HIGH].critical ||
					   sf->level[LEVEL_CHARGE_COLD].critical ||
					   sf->level[LEVEL_CHARGE_HOT].critical
				 : sf->level[LEVEL_CELL_LOW].critical ||
					   sf->level[LEVEL_DISCHARGE_COLD].critical ||
					   sf->level[LEVEL_DISCHARGE_HOT].critical;
}

/* The time from one sample to the next counts for what the first of them shows. */
static void sum_up(struct obey *o, bool over, bool zero, int64_t gap_ns)
{
	if (o->over) {
		o->over_ns += gap_ns;
		o->zero_ns += zero ? gap_ns : 0;
	}
	o->calm_ns = over ? 0 : o->calm_ns + (o->over ? 0 : gap_ns);
	o->over = over;
	if (o->calm_ns >= SAFETY_OBEYED_NS) {
		*o = (struct obey){0};
	}
}

static void judge_obedience(struct safety *sf, const struct core_config *c,
			    const struct safety_sample *in, enum dir dir, int64_t gap_ns,
			    struct sink *sink)
{
	struct obey *o = &sf->obey[dir];
	const int32_t flow_ma = dir == DIR_CHARGE ? max_i32(in->s->pack_ma, 0)
						  : abs_i32(min_i32(in->s->pack_ma, 0));
	const int32_t wide_ma = max_i32(c->obey_margin_ma, (int32_t)((int64_t)in->maximum_ma[dir] *
								     c->obey_margin_pm / PERMILLE));
	const int32_t margin_ma = at_critical(sf, dir) ? SAFETY_CRITICAL_MARGIN_MA : wide_ma;
	const int32_t envelope_ma = o->closed ? 0 : in->envelope_ma[dir];
	const bool over = (int64_t)flow_ma > (int64_t)envelope_ma + margin_ma;
	const bool zero = envelope_ma < LIMITER_GRID_MA;

	sum_up(o, over, zero, gap_ns);
	if (over) {
		sink_emit(sink, EVENT_DISOBEYED, (int32_t)dir, flow_ma, envelope_ma, 0);
	}
	o->hold = over && zero && o->zero_ns >= SAFETY_HOLD_NS;
	if (over && o->zero_ns >= SAFETY_DISOBEY_TRIP_NS) {
		safety_latch(sf,
			     dir == DIR_CHARGE ? REASON_DISOBEYED_CHARGE
					       : REASON_DISOBEYED_DISCHARGE,
			     sink);
	}
	if (over && o->over_ns >= SAFETY_DISOBEY_LIMIT_NS) {
		o->closed = true;
	}
}

static void judge_current(struct safety *sf, const struct core_config *c,
			  const struct safety_sample *in, struct sink *sink)
{
	const int64_t gap_ns = sf->judged_ns == TIME_NEVER ? 0 : sink->now_ns - sf->judged_ns;
	/* What happened during a silence is not known. */
	const int64_t counted_ns = gap_ns <= c->stale_ms * NS_PER_MS ? gap_ns : 0;

	sf->judged_ns = sink->now_ns;
	judge_obedience(sf, c, in, DIR_CHARGE, counted_ns, sink);
	judge_obedience(sf, c, in, DIR_DISCHARGE, counted_ns, sink);
}

/* A relay that is open and carries current has welded, or something bypasses it. */
static void judge_weld(struct safety *sf, const struct core_config *c,
		       const struct safety_sample *in, struct sink *sink)
{
	const bool settled = sf->relay_open_ns != TIME_NEVER &&
			     sink->now_ns - sf->relay_open_ns >= SAFETY_WELD_NS;

	if (!c->weld_check || !settled || abs_i32(in->s->pack_ma) <= SAFETY_WELD_MA) {
		sf->weld_count = 0;
	} else if (++sf->weld_count >= SAFETY_WELD_SAMPLES) {
		sf->weld_count = 0;
		sink_emit(sink, EVENT_WELDED, in->s->pack_ma, 0, 0, 0);
		safety_latch(sf, REASON_WELDED, sink);
	}
}

void safety_sample(struct safety *sf, const struct core_config *c, const struct safety_sample *in,
		   struct sink *sink)
{
	if (in->good && sf->good < UINT8_MAX) {
		sf->good++;
	} else if (!in->good) {
		sf->good = 0;
	}
	judge_levels(sf, c, in, sink);
	if ((in->s->missing & SAMPLE_NO_CURRENT) == 0) {
		judge_current(sf, c, in, sink);
		judge_weld(sf, c, in, sink);
	}
}
