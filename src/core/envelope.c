/* SPDX-License-Identifier: Apache-2.0 */
#include "core/envelope.h"

#include <stddef.h>
#include <string.h>

#include "base/units.h"

#define PERMILLE      1000
#define RECOVERY_C_PM 50 /* 0.05 C */

/* The minimum so far and who set it. */
struct bound {
	int32_t ma;
	uint32_t rule;
	int32_t *each;
};

static void lower(struct bound *b, enum rule rule, int32_t ma)
{
	const int32_t v = max_i32(ma, 0);

	if (b->each != NULL) {
		b->each[rule] = min_i32(b->each[rule], v);
	}
	if (v < b->ma) {
		b->ma = v;
		b->rule = (uint32_t)rule;
	}
}

static void forbid_if(struct bound *b, enum rule rule, bool condition)
{
	if (condition) {
		lower(b, rule, 0);
	}
}

/* @part of @whole of the current @of; @whole > 0. */
static int32_t scale(int32_t of, int32_t part, int32_t whole)
{
	return sat_i32((int64_t)of * part / whole);
}

static int32_t share(int32_t of, int32_t permille)
{
	return scale(of, permille, PERMILLE);
}

static void lower_to_maximum(struct bound *b, const struct core_config *c,
			     const struct bms_limits *bms, enum dir dir)
{
	lower(b, RULE_MAXIMUM, c->max_ma[dir]);
	if (bms->capacity_mah != SAMPLE_NO_VALUE) {
		lower(b, RULE_C_RATE, share(bms->capacity_mah, c->max_c_rate_pm));
	}
	if (bms->ocp_ma[dir] != SAMPLE_NO_VALUE) {
		lower(b, RULE_BMS_OCP, share(bms->ocp_ma[dir], ENVELOPE_OCP_PM));
	}
}

int32_t envelope_maximum(const struct core_config *c, const struct bms_limits *bms, enum dir dir)
{
	struct bound b = {.ma = INT32_MAX};

	lower_to_maximum(&b, c, bms, dir);
	return b.ma;
}

/* Value of a curve in mA, never above the maximum of the direction. */
static int32_t curve_ma(const struct core_config *c, const struct bms_limits *bms, enum curve_id id,
			int32_t x, int32_t maximum_ma)
{
	const struct curve *curve = &c->curve[id];
	const int32_t y = curve_eval(curve, x);
	int32_t ma = y;

	if (curve->unit == CURVE_PERMILLE) {
		ma = share(maximum_ma, y);
	} else if (curve->unit == CURVE_C_RATE) {
		/* Without a capacity the maximum stands for max_c_rate of it. */
		ma = bms->capacity_mah != SAMPLE_NO_VALUE
			     ? share(bms->capacity_mah, y)
			     : scale(maximum_ma, y, max_i32(c->max_c_rate_pm, 1));
	}
	return min_i32(ma, maximum_ma);
}

static void lower_by_cells(struct bound *b, const struct core_config *c,
			   const struct envelope_in *in, enum dir dir, int32_t maximum_ma)
{
	const struct bms_limits *bms = &in->bms;

	if (dir == DIR_CHARGE) {
		lower(b, RULE_CELL_HIGH,
		      curve_ma(c, bms, CURVE_CHARGE_CELL_HIGH, in->cell_max_mv, maximum_ma));
		if (in->recovery) {
			const int32_t base = bms->capacity_mah != SAMPLE_NO_VALUE
						     ? bms->capacity_mah
						     : maximum_ma;

			lower(b, RULE_RECOVERY, share(base, RECOVERY_C_PM));
		} else {
			lower(b, RULE_CELL_LOW,
			      curve_ma(c, bms, CURVE_CHARGE_CELL_LOW, in->cell_min_mv, maximum_ma));
		}
		forbid_if(b, RULE_CELL_OVER, in->cell_max_mv >= c->level[LEVEL_CELL_HIGH].limit);
		forbid_if(b, RULE_BMS_OVP,
			  bms->cell_ovp_mv != SAMPLE_NO_VALUE &&
				  in->cell_max_mv >= bms->cell_ovp_mv - ENVELOPE_CELL_GUARD_MV);
		forbid_if(b, RULE_BMS_OVP,
			  bms->pack_ovp_mv != SAMPLE_NO_VALUE &&
				  in->cell_max_mv >= bms->pack_ovp_mv - ENVELOPE_CELL_GUARD_MV);
	} else {
		lower(b, RULE_CELL_LOW_DIS,
		      curve_ma(c, bms, CURVE_DISCHARGE_CELL_LOW, in->cell_min_mv, maximum_ma));
		forbid_if(b, RULE_CELL_UNDER, in->cell_min_mv <= c->level[LEVEL_CELL_LOW].limit);
		forbid_if(b, RULE_BMS_UVP,
			  bms->cell_uvp_mv != SAMPLE_NO_VALUE &&
				  in->cell_min_mv <= bms->cell_uvp_mv + ENVELOPE_CELL_GUARD_MV);
		forbid_if(b, RULE_BMS_UVP,
			  bms->pack_uvp_mv != SAMPLE_NO_VALUE &&
				  in->cell_min_mv <= bms->pack_uvp_mv + ENVELOPE_CELL_GUARD_MV);
	}
}

static void lower_by_temperature(struct bound *b, const struct core_config *c,
				 const struct envelope_in *in, enum dir dir, int32_t maximum_ma)
{
	const struct bms_limits *bms = &in->bms;
	const enum level_id cold = dir == DIR_CHARGE ? LEVEL_CHARGE_COLD : LEVEL_DISCHARGE_COLD;
	const enum level_id hot = dir == DIR_CHARGE ? LEVEL_CHARGE_HOT : LEVEL_DISCHARGE_HOT;
	const enum rule rule_cold = dir == DIR_CHARGE ? RULE_TEMP_COLD : RULE_TEMP_DIS;
	const enum rule rule_hot = dir == DIR_CHARGE ? RULE_TEMP_HOT : RULE_TEMP_DIS;
	const enum curve_id curve_cold = dir == DIR_CHARGE ? CURVE_CHARGE_COLD
							   : CURVE_DISCHARGE_TEMP;
	const enum curve_id curve_hot = dir == DIR_CHARGE ? CURVE_CHARGE_HOT : CURVE_DISCHARGE_TEMP;

	forbid_if(b, RULE_PROBE_INVALID, !in->probes_ok);
	lower(b, rule_cold, curve_ma(c, bms, curve_cold, in->cold_dc, maximum_ma));
	lower(b, rule_hot, curve_ma(c, bms, curve_hot, in->hot_dc, maximum_ma));
	lower(b, RULE_MOS_TEMP, curve_ma(c, bms, CURVE_MOS, in->mos_dc, maximum_ma));
	forbid_if(b, rule_cold, in->cold_dc <= c->level[cold].limit);
	forbid_if(b, rule_hot, in->hot_dc >= c->level[hot].limit);
	forbid_if(b, RULE_MOS_TEMP, in->mos_dc >= c->level[LEVEL_MOS_HOT].limit);
	forbid_if(b, RULE_BMS_TEMP,
		  bms->utp_dc[dir] != SAMPLE_NO_VALUE && in->cold_dc <= bms->utp_dc[dir]);
	forbid_if(b, RULE_BMS_TEMP,
		  bms->otp_dc[dir] != SAMPLE_NO_VALUE && in->hot_dc >= bms->otp_dc[dir]);
	forbid_if(b, RULE_BMS_TEMP,
		  bms->box_otp_dc != SAMPLE_NO_VALUE && in->hot_dc >= bms->box_otp_dc);
	forbid_if(b, RULE_BMS_TEMP,
		  bms->mos_otp_dc != SAMPLE_NO_VALUE && in->mos_dc >= bms->mos_otp_dc);
}

int32_t envelope_eval(const struct core_config *c, const struct envelope_in *in, enum dir dir,
		      uint32_t *ret_rule, int32_t ret_each[RULES])
{
	const uint32_t forbidding = dir == DIR_CHARGE ? ENVELOPE_ALARMS_CHARGE
						      : ENVELOPE_ALARMS_DISCHARGE;
	const int32_t maximum_ma = envelope_maximum(c, &in->bms, dir);
	struct bound b = {.ma = INT32_MAX, .each = ret_each};

	if (ret_each != NULL) {
		for (uint32_t i = 0; i < RULES; i++) {
			ret_each[i] = INT32_MAX;
		}
	}
	lower_to_maximum(&b, c, &in->bms, dir);
	lower_by_cells(&b, c, in, dir, maximum_ma);
	lower_by_temperature(&b, c, in, dir, maximum_ma);
	forbid_if(&b, RULE_MOSFET_OFF, !in->mosfet[dir]);
	forbid_if(&b, RULE_BMS_ALARM, (in->alarms & forbidding) != 0);
	forbid_if(&b, RULE_FIELD_INVALID, !in->valid);
	forbid_if(&b, RULE_DISOBEYED, in->disobeyed[dir]);
	*ret_rule = b.rule;
	return b.ma;
}

int32_t envelope_cells(const struct core_config *c, const struct envelope_in *in, enum dir dir)
{
	const int32_t maximum_ma = envelope_maximum(c, &in->bms, dir);
	struct bound b = {.ma = maximum_ma};

	lower_by_cells(&b, c, in, dir, maximum_ma);
	return b.ma;
}

int32_t envelope_cells_full(const struct core_config *c, const struct bms_limits *bms, enum dir dir)
{
	const struct envelope_in best = {.cell_min_mv = INT32_MAX, .cell_max_mv = 0, .bms = *bms};

	return envelope_cells(c, &best, dir);
}

void envelope_input(const struct sample *s, uint8_t probe_mask, bool probes_ok,
		    struct envelope_in *ret)
{
	bool first = true;

	memset(ret, 0, sizeof(*ret));
	ret->cell_min_mv = s->cell_min_mv;
	ret->cell_max_mv = s->cell_max_mv;
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		if ((probe_mask & (1U << i)) == 0) {
			continue;
		}
		ret->cold_dc = first ? s->probe_floor_dc[i]
				     : min_i32(ret->cold_dc, s->probe_floor_dc[i]);
		ret->hot_dc = first ? s->probe_dc[i] : max_i32(ret->hot_dc, s->probe_dc[i]);
		first = false;
	}
	ret->mos_dc = s->mos_dc;
	ret->alarms = s->alarms;
	ret->mosfet[DIR_CHARGE] = s->mosfet[DIR_CHARGE];
	ret->mosfet[DIR_DISCHARGE] = s->mosfet[DIR_DISCHARGE];
	ret->valid = (s->missing & ~SAMPLE_NO_SOC) == 0 && s->cells > 0;
	ret->probes_ok = probes_ok && !first;
	ret->bms = s->bms;
}
