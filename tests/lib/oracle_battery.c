/* SPDX-License-Identifier: Apache-2.0 */
/* Plausibility and envelope, a second time: from SAFETY.md 3 and 4, rounded up. */
#include <string.h>

#include "lib/oracle_private.h"

#define CELL_LOWEST_MV	1000
#define CELL_HIGHEST_MV 4500
#define JUMP_MV		200
#define SUM_MV		500
#define CONFIRMED	2
#define PROBE_WINDOW	10
#define FLOW_MA		1000
#define GUARD_MV	20
#define Q		65536 /* fixed point of the curves */

/* SAFETY.md 4, alarm bits of register 8B that forbid a direction. */
static const uint16_t forbidding[DIRS] = {
	[DIR_CHARGE] = 1U << 1 | 1U << 2 | 1U << 4 | 1U << 5 | 1U << 8 | 1U << 9 | 1U << 10 |
		       1U << 12 | 1U << 13,
	[DIR_DISCHARGE] = 1U << 1 | 1U << 3 | 1U << 4 | 1U << 6 | 1U << 8 | 1U << 11 | 1U << 12 |
			  1U << 13,
};

static bool has(const struct jk_sample *jk, enum jk_reg reg)
{
	return (jk->have & JK_HAVE(reg)) != 0;
}

static int64_t setting(const struct jk_sample *jk, enum oracle_limit_id id)
{
	const int64_t value[ORACLE_LIMITS] = {
		[ORACLE_OVP] = jk->cell_ovp_mv,
		[ORACLE_UVP] = jk->cell_uvp_mv,
		[ORACLE_CHARGE_OCP] = jk->charge_ocp_a,
		[ORACLE_DISCHARGE_OCP] = jk->discharge_ocp_a,
		[ORACLE_CHARGE_OTP] = jk->charge_otp_c,
		[ORACLE_DISCHARGE_OTP] = jk->discharge_otp_c,
		[ORACLE_CHARGE_UTP] = jk->charge_utp_c,
		[ORACLE_DISCHARGE_UTP] = jk->discharge_utp_c,
		[ORACLE_MOS_OTP] = jk->mos_otp_c,
		[ORACLE_CAPACITY] = jk->capacity_ah,
		[ORACLE_BOX_OTP] = jk->box_otp_c,
		[ORACLE_PACK_OVP] = jk->pack_ovp_mv / jk->cells,
		[ORACLE_PACK_UVP] = (jk->pack_uvp_mv + jk->cells - 1) / jk->cells,
	};

	return value[id];
}

void oracle_learn(struct oracle *o, const struct jk_sample *jk)
{
	static const struct {
		enum jk_reg reg;
		int32_t min;
		int32_t max;
		int32_t unit;
	} row[ORACLE_LIMITS] = {
		[ORACLE_OVP] = {JK_REG_CELL_OVP, 2500, 4500, 1},
		[ORACLE_UVP] = {JK_REG_CELL_UVP, 1000, 3600, 1},
		[ORACLE_CHARGE_OCP] = {JK_REG_CHARGE_OCP, 1, 1000, 1000},
		[ORACLE_DISCHARGE_OCP] = {JK_REG_DISCHARGE_OCP, 1, 1000, 1000},
		[ORACLE_CHARGE_OTP] = {JK_REG_CHARGE_OTP, 20, 120, 10},
		[ORACLE_DISCHARGE_OTP] = {JK_REG_DISCHARGE_OTP, 20, 120, 10},
		[ORACLE_CHARGE_UTP] = {JK_REG_CHARGE_UTP, -40, 30, 10},
		[ORACLE_DISCHARGE_UTP] = {JK_REG_DISCHARGE_UTP, -40, 30, 10},
		[ORACLE_MOS_OTP] = {JK_REG_MOS_OTP, 40, 150, 10},
		[ORACLE_CAPACITY] = {JK_REG_CAPACITY, 1, 20000, 1000},
		[ORACLE_BOX_OTP] = {JK_REG_BOX_OTP, 20, 120, 10},
		[ORACLE_PACK_OVP] = {JK_REG_PACK_OVP, 2500, 4500, 1},
		[ORACLE_PACK_UVP] = {JK_REG_PACK_UVP, 1000, 3600, 1},
	};

	for (uint32_t i = 0; i < ORACLE_LIMITS; i++) {
		const int64_t v = setting(jk, (enum oracle_limit_id)i);

		if (has(jk, row[i].reg) && v >= row[i].min && v <= row[i].max) {
			o->limit[i].seen = true;
			o->limit[i].value = (int32_t)v * row[i].unit;
		}
	}
}

bool oracle_limit(const struct oracle *o, enum oracle_limit_id id, int32_t *ret_value)
{
	*ret_value = o->limit[id].value;
	return o->limit[id].seen;
}

static bool at_or_above(const struct oracle *o, enum oracle_limit_id id, int32_t value)
{
	return o->limit[id].seen && value >= o->limit[id].value;
}

static bool at_or_below(const struct oracle *o, enum oracle_limit_id id, int32_t value)
{
	return o->limit[id].seen && value <= o->limit[id].value;
}

static int64_t ceil_div(int64_t n, int64_t d)
{
	return n >= 0 ? (n + d - 1) / d : -(-n / d);
}

/* y of the curve x Q, rounded up. */
static int64_t curve_q(const struct curve *c, int32_t x)
{
	uint32_t below = 0; /* points at or below x */

	while (below < c->count && c->x[below] <= x) {
		below++;
	}
	if (below == 0) {
		return (int64_t)c->y[0] * Q;
	}
	if (below == c->count || c->step) {
		return (int64_t)c->y[below - 1] * Q;
	}
	const int64_t x0 = c->x[below - 1];
	const int64_t x1 = c->x[below];
	const int64_t y0 = c->y[below - 1];
	const int64_t y1 = c->y[below];

	return ceil_div((y0 * (x1 - x) + y1 * (x - x0)) * Q, x1 - x0);
}

struct ceiling {
	int64_t ma;
	int64_t slack;
};

static void at_most(struct ceiling *e, int64_t ma, int64_t slack)
{
	if (ma < e->ma) {
		e->ma = ma;
	}
	if (slack > e->slack) {
		e->slack = slack;
	}
}

static void none_if(struct ceiling *e, bool condition)
{
	if (condition) {
		at_most(e, 0, 0);
	}
}

static void by_curve(struct ceiling *e, const struct oracle *o, enum curve_id id, int32_t x,
		     int64_t maximum)
{
	const struct core_config *c = o->config;
	const struct curve *curve = &c->curve[id];
	const int64_t y = curve_q(curve, x);
	int32_t mah = 0;

	if (curve->unit == CURVE_PERMILLE) {
		at_most(e, ceil_div(maximum * y, (int64_t)1000 * Q), maximum / 1000 + 2);
	} else if (curve->unit == CURVE_MA) {
		at_most(e, ceil_div(y, Q), 2);
	} else if (oracle_limit(o, ORACLE_CAPACITY, &mah)) {
		at_most(e, ceil_div(mah * y, (int64_t)1000 * Q), mah / 1000 + 2);
	} else {
		at_most(e, ceil_div(maximum * y, (int64_t)c->max_c_rate_pm * Q),
			maximum / c->max_c_rate_pm + 2);
	}
}

static void by_cells(struct ceiling *e, const struct oracle *o, const struct oracle_sample *s,
		     enum dir dir, int64_t maximum, bool recovery)
{
	const struct core_config *c = o->config;
	int32_t mah = 0;

	if (dir == DIR_DISCHARGE) {
		by_curve(e, o, CURVE_DISCHARGE_CELL_LOW, s->cell_min_mv, maximum);
		none_if(e, s->cell_min_mv <= c->level[LEVEL_CELL_LOW].limit);
		none_if(e, at_or_below(o, ORACLE_PACK_UVP, s->cell_min_mv - GUARD_MV));
		none_if(e, at_or_below(o, ORACLE_UVP, s->cell_min_mv - GUARD_MV));
		return;
	}
	by_curve(e, o, CURVE_CHARGE_CELL_HIGH, s->cell_max_mv, maximum);
	if (recovery) {
		const int64_t base = oracle_limit(o, ORACLE_CAPACITY, &mah) ? mah : maximum;

		at_most(e, ceil_div(base * 5, 100), 1);
	} else {
		by_curve(e, o, CURVE_CHARGE_CELL_LOW, s->cell_min_mv, maximum);
	}
	none_if(e, s->cell_max_mv >= c->level[LEVEL_CELL_HIGH].limit);
	none_if(e, at_or_above(o, ORACLE_PACK_OVP, s->cell_max_mv + GUARD_MV));
	none_if(e, at_or_above(o, ORACLE_OVP, s->cell_max_mv + GUARD_MV));
}

static void by_temperature(struct ceiling *e, const struct oracle *o, const struct oracle_sample *s,
			   enum dir dir, int64_t maximum)
{
	const struct core_config *c = o->config;
	const bool in = dir == DIR_CHARGE;

	none_if(e, !s->probes_ok);
	by_curve(e, o, in ? CURVE_CHARGE_COLD : CURVE_DISCHARGE_TEMP, s->cold_dc, maximum);
	by_curve(e, o, in ? CURVE_CHARGE_HOT : CURVE_DISCHARGE_TEMP, s->hot_dc, maximum);
	by_curve(e, o, CURVE_MOS, s->mos_dc, maximum);
	none_if(e, s->cold_dc <= c->level[in ? LEVEL_CHARGE_COLD : LEVEL_DISCHARGE_COLD].limit);
	none_if(e, s->hot_dc >= c->level[in ? LEVEL_CHARGE_HOT : LEVEL_DISCHARGE_HOT].limit);
	none_if(e, s->mos_dc >= c->level[LEVEL_MOS_HOT].limit);
	none_if(e, at_or_below(o, in ? ORACLE_CHARGE_UTP : ORACLE_DISCHARGE_UTP, s->cold_dc));
	none_if(e, at_or_above(o, in ? ORACLE_CHARGE_OTP : ORACLE_DISCHARGE_OTP, s->hot_dc));
	none_if(e, at_or_above(o, ORACLE_BOX_OTP, s->hot_dc));
	none_if(e, at_or_above(o, ORACLE_MOS_OTP, s->mos_dc));
}

void oracle_envelope(const struct oracle *o, struct oracle_sample *s)
{
	static const enum oracle_limit_id ocp[DIRS] = {ORACLE_CHARGE_OCP, ORACLE_DISCHARGE_OCP};
	const uint16_t mosfet[DIRS] = {JK_STATUS_CHARGE_MOS, JK_STATUS_DISCHARGE_MOS};
	const struct core_config *c = o->config;
	const struct jk_sample *jk = &s->jk;
	const bool recovery = o->recover_until_ns != TIME_NEVER && o->now_ns < o->recover_until_ns;
	const struct oracle_sample best = {
		.jk = *jk,
		.cell_min_mv = INT32_MAX,
		.cell_max_mv = 0,
	};

	for (uint32_t d = 0; d < DIRS; d++) {
		struct ceiling e = {.ma = c->max_ma[d], .slack = 2};
		struct ceiling cells = {0};
		int32_t value = 0;

		if (oracle_limit(o, ORACLE_CAPACITY, &value)) {
			at_most(&e, ceil_div((int64_t)value * c->max_c_rate_pm, 1000), 2);
		}
		if (oracle_limit(o, ocp[d], &value)) {
			at_most(&e, ceil_div((int64_t)value * 9, 10), 2);
		}
		s->maximum_ma[d] = (int32_t)e.ma;
		cells = e;
		by_cells(&cells, o, s, (enum dir)d, s->maximum_ma[d], recovery);
		s->cells_ma[d] = (int32_t)cells.ma;
		cells = e;
		by_cells(&cells, o, &best, (enum dir)d, s->maximum_ma[d], false);
		s->cells_full_ma[d] = (int32_t)cells.ma;
		by_cells(&e, o, s, (enum dir)d, s->maximum_ma[d], recovery);
		by_temperature(&e, o, s, (enum dir)d, s->maximum_ma[d]);
		none_if(&e, (jk->status & mosfet[d]) == 0);
		none_if(&e, (jk->alarms & forbidding[d]) != 0);
		none_if(&e, !s->complete);
		s->envelope_ma[d] = (int32_t)e.ma;
		s->slack_ma[d] = (int32_t)e.slack;
	}
}

static bool twice(uint8_t *count, bool bad)
{
	*count = bad ? (uint8_t)min_i32(*count + 1, CONFIRMED) : 0U;
	return *count == CONFIRMED;
}

/*
 * Raw 100 and more is below zero, unless the sensor stood at 50 degC or more within the last 60 s:
 * then it went on to 100 and beyond. A single reading up there between two cold ones is a leap of
 * more than 30 K there and another one back (to within 10 K) within 10 s: that is no heat.
 */
static bool burns(struct oracle_heat *h, int64_t t_ns, int32_t raw)
{
	const int32_t cold_c = raw < 100 ? raw : 100 - raw;
	const bool fresh = h->seen && t_ns - h->t_ns <= 60 * NS_PER_S;
	bool hot = raw >= 100 && fresh && h->c >= 50;

	if (hot && h->leapt && t_ns - h->leap_ns <= 10 * NS_PER_S && raw > h->c + 30 &&
	    abs_i32(cold_c - h->before_c) <= 10) {
		hot = false;
	}
	const int32_t c = hot ? raw : cold_c;

	if (!fresh) {
		h->leapt = false;
	} else if (abs_i32(c - h->c) > 30) {
		h->leapt = true;
		h->leap_ns = t_ns;
		h->before_c = h->c;
	}
	h->seen = true;
	h->t_ns = t_ns;
	h->c = c;
	return hot;
}

static void judge_probes(struct oracle *o, struct oracle_sample *s)
{
	const uint16_t raw[] = {s->jk.box_temp_raw, s->jk.battery_temp_raw};
	const enum jk_reg reg[] = {JK_REG_BOX_TEMP, JK_REG_BATTERY_TEMP};
	struct oracle_memory *m = &o->memory;
	uint8_t valid = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(raw); i++) {
		if (has(&s->jk, reg[i]) && jk_temp_valid(raw[i])) {
			valid |= (uint8_t)(1U << i);
		}
	}
	if (o->config->probes == PROBES_1) {
		m->probe_fitted = 1;
		s->probe_mask = valid & 1U;
	} else {
		if (o->config->probes == PROBES_2) {
			m->probe_fitted = 3;
		} else if (m->probe_samples < PROBE_WINDOW) {
			m->probe_samples++;
			m->probe_fitted |= valid;
		}
		s->probe_mask = valid;
	}
	s->probes_ok = s->probe_mask != 0 && (m->probe_fitted & ~valid) == 0;
	for (uint32_t i = 0, n = 0; i < ARRAY_SIZE(raw); i++) {
		const bool burning = (valid & 1U << i) != 0 && burns(&m->heat[i], s->t_ns, raw[i]);

		if ((s->probe_mask & 1U << i) != 0) {
			const int32_t cold = burning ? raw[i] * 10 : jk_temp_floor_dc(raw[i]);
			const int32_t hot = burning ? raw[i] * 10 : jk_temp_dc(raw[i]);

			s->cold_dc = n == 0 ? cold : min_i32(s->cold_dc, cold);
			s->hot_dc = n == 0 ? hot : max_i32(s->hot_dc, hot);
			n++;
		}
	}
	s->mos_valid = has(&s->jk, JK_REG_MOS_TEMP) && jk_temp_valid(s->jk.mos_temp_raw);
	s->mos_dc = !s->mos_valid ? 0
		    : burns(&m->heat[2], s->t_ns, s->jk.mos_temp_raw)
			    ? s->jk.mos_temp_raw * 10
			    : jk_temp_dc(s->jk.mos_temp_raw);
}

static void judge_soc(struct oracle *o, struct oracle_sample *s)
{
	const struct jk_sample *jk = &s->jk;
	struct oracle_memory *m = &o->memory;
	const bool usable = has(jk, JK_REG_SOC) && jk->soc_pct <= 100 &&
			    (jk->soc_pct > 0 || jk->cycles > 0);
	const bool jump = usable && m->have_soc && abs_i32((int32_t)jk->soc_pct - m->last_soc) > 5;

	s->soc_valid = usable && !jump;
	if (usable) {
		m->last_soc = jk->soc_pct;
		m->have_soc = true;
	}
}

static void judge_frozen(struct oracle *o, struct oracle_sample *s, bool identical)
{
	struct oracle_memory *m = &o->memory;

	if (!identical || abs_i32(s->jk.current_ma) <= FLOW_MA ||
	    m->frozen_since_ns == TIME_NEVER) {
		m->frozen_since_ns = s->t_ns;
		return;
	}
	const int64_t ns = s->t_ns - m->frozen_since_ns;

	s->no_rise = ns >= 60 * NS_PER_S;
	s->frozen = ns >= 300 * NS_PER_S;
}

static bool cells_jumped(const struct oracle_memory *m, const struct jk_sample *jk)
{
	bool jumped = false;

	for (uint32_t i = 0; m->have_last && m->last_cells == jk->cells && i < jk->cells; i++) {
		const int32_t step = (int32_t)jk->cell_mv[i] - m->last_cell_mv[i];

		jumped = jumped || step > JUMP_MV || step < -JUMP_MV;
	}
	return jumped;
}

static void measure_cells(struct oracle_sample *s)
{
	s->cell_min_mv = UINT16_MAX;
	for (uint32_t i = 0; i < s->jk.cells; i++) {
		s->cell_min_mv = min_i32(s->cell_min_mv, s->jk.cell_mv[i]);
		s->cell_max_mv = max_i32(s->cell_max_mv, s->jk.cell_mv[i]);
		s->cell_sum_mv += s->jk.cell_mv[i];
	}
}

void oracle_judge(struct oracle *o, struct oracle_sample *s, bool identical)
{
	const struct jk_sample *jk = &s->jk;
	struct oracle_memory *m = &o->memory;
	int32_t ocp_ma = 0;

	measure_cells(s);
	judge_probes(o, s);
	judge_soc(o, s);
	const bool fields = has(jk, JK_REG_VOLTAGE) && has(jk, JK_REG_CURRENT) &&
			    has(jk, JK_REG_ALARMS) && has(jk, JK_REG_STATUS) && s->mos_valid;
	const bool in_range = s->cell_min_mv >= CELL_LOWEST_MV && s->cell_max_mv <= CELL_HIGHEST_MV;
	const int32_t tolerance = max_i32(SUM_MV, jk->pack_mv / 100);
	const bool sum_bad = has(jk, JK_REG_VOLTAGE) &&
			     abs_i32(s->cell_sum_mv - jk->pack_mv) > tolerance;
	const bool jumped = cells_jumped(m, jk);
	const bool absurd = oracle_limit(o,
					 jk->current_ma >= 0 ? ORACLE_CHARGE_OCP
							     : ORACLE_DISCHARGE_OCP,
					 &ocp_ma) &&
			    2 * (int64_t)abs_i32(jk->current_ma) > 3 * (int64_t)ocp_ma;

	if (m->cells == 0 && in_range && !sum_bad) {
		m->cells = jk->cells;
	}
	const bool other = m->cells != 0 && m->cells != jk->cells;

	judge_frozen(o, s, identical);
	s->complete = fields;
	s->cells_valid = in_range && !other && !jumped;
	s->pack_valid = has(jk, JK_REG_VOLTAGE) && jk->pack_mv > 0 && in_range && !other &&
			!sum_bad;
	s->good = s->cells_valid && !sum_bad && !absurd && fields && s->soc_valid;
	s->no_rise = s->no_rise || !s->good;
	const bool cells_fact = twice(&m->bad_cells, !in_range || other);
	const bool sum_fact = twice(&m->bad_sum, sum_bad);

	s->safe_set = cells_fact || sum_fact;
	m->have_last = true;
	m->last_cells = jk->cells;
	memcpy(m->last_cell_mv, jk->cell_mv, sizeof(m->last_cell_mv));
}
