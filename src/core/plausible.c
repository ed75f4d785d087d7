/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plausible.h"

#include <string.h>

#include "base/units.h"

#define SOC_MAX_PCT 100

void plausible_init(struct plausible *p)
{
	memset(p, 0, sizeof(*p));
	p->frozen_since_ns = TIME_NEVER;
}

/* Counts consecutive bad samples; the value sticks at the confirmation threshold. */
static bool confirmed(uint8_t *count, bool bad)
{
	if (!bad) {
		*count = 0;
	} else if (*count < PLAUSIBLE_CONFIRM) {
		(*count)++;
	}
	return *count >= PLAUSIBLE_CONFIRM;
}

static bool cells_in_range(const struct sample *s, struct sink *sink)
{
	for (uint32_t i = 0; i < SAMPLE_CELLS_MAX && i < s->cells; i++) {
		const int32_t mv = s->cell_mv[i];

		if (mv < PLAUSIBLE_CELL_MIN_MV || mv > PLAUSIBLE_CELL_MAX_MV) {
			sink_emit(sink, EVENT_CELL_RANGE, (int32_t)i + 1, mv, 0, 0);
			return false;
		}
	}
	return s->cells > 0;
}

static bool cells_jumped(const struct plausible *p, const struct sample *s, struct sink *sink)
{
	if (!p->have_last || p->last_cells != s->cells) {
		return false;
	}
	for (uint32_t i = 0; i < SAMPLE_CELLS_MAX && i < s->cells; i++) {
		const int32_t before = p->last_cell_mv[i];
		const int32_t now = s->cell_mv[i];

		if (abs_i32(now - before) > PLAUSIBLE_CELL_JUMP_MV) {
			sink_emit(sink, EVENT_CELL_JUMP, (int32_t)i + 1, before, now, 0);
			return true;
		}
	}
	return false;
}

static bool sum_differs(const struct sample *s, struct sink *sink)
{
	if ((s->missing & SAMPLE_NO_PACK_MV) != 0) {
		return false;
	}
	const int32_t tolerance = max_i32(PLAUSIBLE_SUM_MV, s->pack_mv / (1000 / PLAUSIBLE_SUM_PM));

	if (abs_i32(s->cell_sum_mv - s->pack_mv) <= tolerance) {
		return false;
	}
	sink_emit(sink, EVENT_SUM_MISMATCH, s->cell_sum_mv, s->pack_mv, 0, 0);
	return true;
}

static bool current_absurd(const struct sample *s, struct sink *sink)
{
	const enum dir dir = s->pack_ma >= 0 ? DIR_CHARGE : DIR_DISCHARGE;
	const int32_t ocp = s->bms.ocp_ma[dir];

	if (ocp == SAMPLE_NO_VALUE ||
	    (int64_t)abs_i32(s->pack_ma) * 1000 <= (int64_t)ocp * PLAUSIBLE_OCP_PM) {
		return false;
	}
	sink_emit(sink, EVENT_CURRENT_RANGE, s->pack_ma, ocp, 0, 0);
	return true;
}

/*
 * SoC 0 with cycle count 0 is what the BMS reports for 16 s after power-up. A step is believed when
 * the next sample repeats it; it is measured from the last usable value: one that is not usable
 * says nothing about the next.
 */
static bool soc_believable(struct plausible *p, const struct sample *s, struct sink *sink)
{
	const bool usable = (s->missing & SAMPLE_NO_SOC) == 0 && s->soc_pct <= SOC_MAX_PCT &&
			    !(s->soc_pct == 0 && s->cycles == 0);
	const bool jump = usable && p->have_soc &&
			  abs_i32((int32_t)s->soc_pct - p->last_soc) > PLAUSIBLE_SOC_JUMP_PCT;

	if (!usable) {
		sink_emit(sink, EVENT_SOC_INVALID, s->soc_pct, s->cycles, 0, 0);
	}
	if (jump) {
		sink_emit(sink, EVENT_SOC_JUMP, p->last_soc, s->soc_pct, 0, 0);
	}
	if (usable) {
		p->last_soc = s->soc_pct;
		p->have_soc = true;
	}
	return usable && !jump;
}

/* Which probes exist is learnt from the first samples; one that fails later is missed. */
static void judge_probes(struct plausible *p, const struct core_config *c, const struct sample *s,
			 struct sink *sink, struct plausible_result *ret)
{
	uint8_t valid = 0;

	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		valid |= s->probe_valid[i] ? (uint8_t)(1U << i) : 0U;
	}
	if (c->probes == PROBES_AUTO) {
		if (p->probe_samples < PLAUSIBLE_PROBE_SAMPLES) {
			p->probe_fitted |= valid;
			p->probe_samples++;
			if (p->probe_samples == PLAUSIBLE_PROBE_SAMPLES) {
				sink_emit(sink, EVENT_PROBE_FITTED, p->probe_fitted, 0, 0, 0);
			}
		}
		ret->probe_mask = valid;
	} else {
		p->probe_fitted = c->probes == PROBES_1 ? 1U : 3U;
		ret->probe_mask = valid & p->probe_fitted;
	}
	const uint8_t lost = p->probe_fitted & (uint8_t)~valid;

	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		if ((lost & (1U << i)) != 0) {
			sink_emit(sink, EVENT_PROBE_LOST, (int32_t)i + 1, s->probe_raw[i], 0, 0);
		}
	}
	if (ret->probe_mask == 0 && lost == 0) {
		sink_emit(sink, EVENT_PROBE_NONE, 0, 0, 0, 0);
	}
	ret->probes_ok = lost == 0 && ret->probe_mask != 0;
}

static void judge_frozen(struct plausible *p, const struct sample *s, bool identical,
			 struct sink *sink, struct plausible_result *ret)
{
	if (!identical || abs_i32(s->pack_ma) <= PLAUSIBLE_FROZEN_MA ||
	    p->frozen_since_ns == TIME_NEVER) {
		p->frozen_since_ns = s->t_ns;
		return;
	}
	const int32_t ms = time_ms_since(s->t_ns, p->frozen_since_ns);

	if (ms >= PLAUSIBLE_FROZEN_WARN_MS) {
		ret->no_rise = true;
		ret->frozen = ms >= PLAUSIBLE_FROZEN_STOP_MS;
		sink_emit(sink, ret->frozen ? EVENT_FROZEN_STOP : EVENT_FROZEN_WARN, ms / 1000,
			  s->pack_ma, 0, 0);
	}
}

void plausible_step(struct plausible *p, const struct core_config *c, const struct sample *s,
		    bool identical, struct sink *sink, struct plausible_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	const bool in_range = cells_in_range(s, sink);
	const bool sum_bad = sum_differs(s, sink);

	/* The number of cells is learnt from the first sample that holds together. */
	if (p->cells == 0 && in_range && !sum_bad) {
		p->cells = s->cells;
	}
	const bool other_count = p->cells != 0 && s->cells != p->cells;
	const bool jumped = cells_jumped(p, s, sink);
	const bool absurd = current_absurd(s, sink);

	if (other_count) {
		sink_emit(sink, EVENT_CELL_COUNT, s->cells, p->cells, 0, 0);
	}
	if (s->missing != 0) {
		sink_emit(sink, EVENT_FIELD_MISSING, (int32_t)s->missing, 0, 0, 0);
	}
	ret->soc_valid = soc_believable(p, s, sink);
	judge_probes(p, c, s, sink, ret);
	judge_frozen(p, s, identical, sink, ret);

	/* Each counter must see every sample: no short-circuit. */
	const bool cells_fact = confirmed(&p->bad_cells, !in_range || other_count);
	const bool sum_fact = confirmed(&p->bad_sum, sum_bad);

	ret->safe_set = cells_fact || sum_fact;
	ret->pack_valid = (s->missing & SAMPLE_NO_PACK_MV) == 0 && s->pack_mv > 0 && in_range &&
			  !other_count && !sum_bad;
	ret->cells_valid = in_range && !other_count && !jumped;
	ret->good = in_range && !other_count && !sum_bad && !jumped && !absurd && ret->soc_valid &&
		    s->missing == 0;
	ret->no_rise = ret->no_rise || !ret->good;
	if (ret->safe_set) {
		sink_emit(sink, EVENT_IMPLAUSIBLE_STOP, 0, 0, 0, 0);
	}

	p->have_last = true;
	p->last_cells = s->cells;
	memcpy(p->last_cell_mv, s->cell_mv, sizeof(p->last_cell_mv));
}
