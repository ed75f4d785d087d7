/* SPDX-License-Identifier: Apache-2.0 */
#include "core/charge.h"

#include <string.h>

#include "base/units.h"

#define UV_PER_MV  1000
#define MS_PER_DAY INT64_C(86400000)

void charge_init(struct charge *ch, int64_t now_ns)
{
	memset(ch, 0, sizeof(*ch));
	ch->phase = PHASE_BULK;
	ch->last_ns = now_ns;
	ch->phase_since_ns = now_ns;
	ch->steady_since_ns = TIME_NEVER;
	ch->sample_ns = TIME_NEVER;
	ch->full_since_ns = now_ns;
}

static void enter(struct charge *ch, enum phase phase, int64_t now_ns, struct sink *sink)
{
	sink_emit(sink, EVENT_PHASE, (int32_t)phase, (int32_t)ch->phase, 0, 0);
	ch->phase = (uint32_t)phase;
	ch->phase_since_ns = now_ns;
	ch->steady_since_ns = TIME_NEVER;
}

/* The cells are close together and stay so: the clock of the absorption time. */
static int64_t steady_ns(struct charge *ch, const struct core_config *c, int64_t now_ns,
			 int32_t spread_mv)
{
	const bool moved = abs_i32(spread_mv - ch->spread_ref_mv) > c->spread_steady_mv;

	if (spread_mv > c->spread_full_mv) {
		ch->steady_since_ns = TIME_NEVER;
		return 0;
	}
	if (ch->steady_since_ns == TIME_NEVER || moved) {
		ch->steady_since_ns = now_ns;
		ch->spread_ref_mv = spread_mv;
	}
	return now_ns - ch->steady_since_ns;
}

static void in_absorption(struct charge *ch, const struct core_config *c, const struct sample *s,
			  int64_t now_ns, struct sink *sink)
{
	const int32_t spread_mv = s->cell_max_mv - s->cell_min_mv;

	/* The voltage first: cells that have left it were not kept there until now. */
	if (s->cell_max_mv < c->bulk_mv - CHARGE_LEFT_BULK_MV) {
		enter(ch, PHASE_BULK, now_ns, sink);
		return;
	}
	const bool steady = steady_ns(ch, c, now_ns, spread_mv) >= c->absorption_ms * NS_PER_MS;
	const bool long_enough = now_ns - ch->phase_since_ns >= c->absorption_max_ms * NS_PER_MS;

	if (steady || long_enough) {
		ch->full = true;
		ch->full_since_ns = now_ns;
		sink_emit(sink, EVENT_FULL, s->cell_min_mv, s->cell_max_mv, 0, 0);
		enter(ch, PHASE_FLOAT, now_ns, sink);
	}
}

/* What happened while no good sample came is not known: the time of absorption starts again. */
static void watch_gap(struct charge *ch, const struct core_config *c, int64_t now_ns)
{
	if (ch->sample_ns == TIME_NEVER || now_ns - ch->sample_ns > c->stale_ms * NS_PER_MS) {
		ch->phase_since_ns = now_ns;
		ch->steady_since_ns = TIME_NEVER;
	}
	ch->sample_ns = now_ns;
}

static bool must_rebulk(const struct charge *ch, const struct core_config *c,
			const struct sample *s, int64_t now_ns)
{
	const int32_t spread_mv = s->cell_max_mv - s->cell_min_mv;
	const bool days_over = c->rebulk_days > 0 && (now_ns - ch->full_since_ns) / NS_PER_MS >=
							     c->rebulk_days * MS_PER_DAY;

	return s->soc_pct < c->rebulk_soc || spread_mv >= c->rebulk_spread_mv || days_over;
}

void charge_sample(struct charge *ch, const struct core_config *c, const struct sample *s,
		   bool want_full, struct sink *sink)
{
	const int64_t now_ns = sink->now_ns;
	const int32_t mean_mv = s->cells > 0 ? s->cell_sum_mv / s->cells : 0;

	watch_gap(ch, c, now_ns);
	switch ((enum phase)ch->phase) {
	case PHASE_BULK:
		if (mean_mv >= c->bulk_mv - CHARGE_AT_BULK_MV || s->cell_max_mv >= c->bulk_mv) {
			enter(ch, PHASE_ABSORPTION, now_ns, sink);
		}
		break;
	case PHASE_ABSORPTION:
		in_absorption(ch, c, s, now_ns, sink);
		break;
	case PHASE_FLOAT:
		if (want_full || must_rebulk(ch, c, s, now_ns)) {
			ch->full = false;
			enter(ch, PHASE_BULK, now_ns, sink);
		}
		break;
	case PHASES:
	default:
		break;
	}
}

int32_t charge_cvl_mv(struct charge *ch, const struct core_config *c, int64_t now_ns, int32_t cells,
		      int32_t ovp_mv)
{
	const int32_t goal_mv = ch->phase == PHASE_FLOAT ? c->float_mv : c->bulk_mv;
	const int64_t goal_uv = (int64_t)goal_mv * UV_PER_MV;
	const int64_t dt_ns = min_i64(max_i64(now_ns - ch->last_ns, 0), NS_PER_S);
	const int64_t step_uv = (int64_t)c->cvl_slew_mv_s * UV_PER_MV * dt_ns / NS_PER_S;

	if (!ch->started) {
		ch->cell_target_uv = goal_uv;
		ch->started = true;
		ch->last_ns = now_ns;
	} else if (step_uv > 0) {
		/* Advance the clock only with the target: short periods must not be lost. */
		ch->last_ns = now_ns;
		ch->cell_target_uv = ch->cell_target_uv < goal_uv
					     ? min_i64(ch->cell_target_uv + step_uv, goal_uv)
					     : max_i64(ch->cell_target_uv - step_uv, goal_uv);
	}
	int32_t cell_mv = min_i32((int32_t)(ch->cell_target_uv / UV_PER_MV), c->cvl_max_mv);

	if (ovp_mv != INT32_MAX) {
		cell_mv = min_i32(cell_mv, ovp_mv - CHARGE_OVP_GUARD_MV);
	}
	return max_i32(cell_mv, CHARGE_CVL_FLOOR_MV) * cells;
}
