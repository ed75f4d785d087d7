/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope_eval() and its relatives in src/core/envelope.c (SAF-04, SAF-05, SAF-15).
 *
 * Proven, for every configuration with curves of the required shapes, every input and both
 * directions:
 *   - charge is non-increasing in the highest cell and non-decreasing in the lowest, discharge
 *     non-decreasing in the lowest, all else equal; charge also non-increasing in the hottest probe
 *     and non-decreasing in the coldest, both non-increasing in the MOSFET temperature;
 *   - 0 if a value is missing, the MOSFET is off, an alarm forbids it, no probe is valid, the limit
 *     was not obeyed, a cell or a temperature is at its limit level, or a cell is within 20 mV of
 *     the BMS's OVP (charge) or UVP (discharge), or a temperature at a protection value of the BMS;
 *   - never negative, never above the configured maximum, the share of the capacity or 0.9 of the
 *     BMS's over-current protection;
 *   - the rule reported is one whose own value is the result, and every rule's value is at least
 *     the result.
 *
 * Bounds: none; the loop runs over the rules.
 *
 * Assumed: curve_ma() rises or falls with its curve (curve_table.c, curve_pair.c, envelope_curve.c)
 * and is replaced by that contract, so these are all tables that curve_check() accepts, not only
 * the default ones; scale() by that of proof_envelope.h. Configured maxima are not negative and
 * 0 <= c_rate_max <= 2 C (configuration table); protection settings of the BMS are below 10^6 mV or
 * 10^6 x 0.1 degC (sample.c believes much less).
 *
 * takes: 7
 * cbmc: --unwind 48 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --bounds-check --pointer-check --undefined-shift-check
 * replace: curve_ma curve_ma_contract
 * replace: scale scale_contract
 */
#include "core/envelope.c"
#include "proof.h"
#include "proof_curve_ma.h"
#include "proof_envelope.h"

static bool has(int32_t value)
{
	return value != SAMPLE_NO_VALUE;
}

/*
 * What forbids a direction, once more, without any helper or name of the source that could be wrong
 * in both.
 */
static bool forbidden(const struct core_config *c, const struct envelope_in *in, enum dir dir)
{
	const struct bms_limits *b = &in->bms;
	const uint32_t both = (1U << 1) | (1U << 4) | (1U << 8) | (1U << 12) | (1U << 13);
	const uint32_t charge = both | (1U << 2) | (1U << 5) | (1U << 9) | (1U << 10);
	const uint32_t discharge = both | (1U << 3) | (1U << 6) | (1U << 11);
	const bool hot = in->mos_dc >= c->level[LEVEL_MOS_HOT].limit ||
			 (has(b->mos_otp_dc) && in->mos_dc >= b->mos_otp_dc) ||
			 (has(b->box_otp_dc) && in->hot_dc >= b->box_otp_dc) ||
			 (has(b->otp_dc[dir]) && in->hot_dc >= b->otp_dc[dir]) ||
			 (has(b->utp_dc[dir]) && in->cold_dc <= b->utp_dc[dir]);

	if (!in->valid || !in->probes_ok || !in->mosfet[dir] || in->disobeyed[dir] || hot) {
		return true;
	}
	if (dir == DIR_CHARGE) {
		return (in->alarms & charge) != 0 ||
		       in->cell_max_mv >= c->level[LEVEL_CELL_HIGH].limit ||
		       (has(b->cell_ovp_mv) && in->cell_max_mv > b->cell_ovp_mv - 21) ||
		       (has(b->pack_ovp_mv) && in->cell_max_mv > b->pack_ovp_mv - 21) ||
		       in->cold_dc <= c->level[LEVEL_CHARGE_COLD].limit ||
		       in->hot_dc >= c->level[LEVEL_CHARGE_HOT].limit;
	}
	return (in->alarms & discharge) != 0 || in->cell_min_mv <= c->level[LEVEL_CELL_LOW].limit ||
	       (has(b->cell_uvp_mv) && in->cell_min_mv < b->cell_uvp_mv + 21) ||
	       (has(b->pack_uvp_mv) && in->cell_min_mv < b->pack_uvp_mv + 21) ||
	       in->cold_dc <= c->level[LEVEL_DISCHARGE_COLD].limit ||
	       in->hot_dc >= c->level[LEVEL_DISCHARGE_HOT].limit;
}

static int32_t share_of(int32_t of, int32_t permille)
{
	return __CPROVER_uninterpreted_scale(of, permille, 1000);
}

static void prove_bounds(const struct core_config *c, const struct envelope_in *in, enum dir dir,
			 int32_t ma)
{
	PROVE(ma >= 0, "never negative");
	PROVE(ma <= c->max_ma[dir], "never above the configured maximum");
	if (has(in->bms.ocp_ma[dir])) {
		/* 900 * ocp / 1000; S4 of envelope_share.smt2: not above the exact value. */
		PROVE(ma <= max_i32(share_of(in->bms.ocp_ma[dir], 900), 0),
		      "never above 0.9 of the over-current protection");
	}
	if (has(in->bms.capacity_mah)) {
		PROVE(ma <= max_i32(share_of(in->bms.capacity_mah, c->max_c_rate_pm), 0),
		      "never above the share of the capacity");
	}
	PROVE_IF(forbidden(c, in, dir), ma == 0, "0 where it is forbidden");
}

static void prove_rules(int32_t ma, uint32_t rule, const int32_t each[RULES])
{
	const uint32_t any = nondet_u32();

	ASSUME(any < RULES);
	PROVE(rule < RULES && each[rule] == ma, "the rule reported set it");
	PROVE(each[any] >= ma, "no rule is below the result");
}

int main(void)
{
	struct core_config c; /* any content */
	const enum dir dir = nondet_bool() ? DIR_CHARGE : DIR_DISCHARGE;
	struct envelope_in in[2];
	int32_t each[RULES];
	uint32_t rule;
	bool not_more = true; /* what is expected of the second run */

	ASSUME(c.max_ma[dir] >= 0 && c.max_c_rate_pm >= 0 && c.max_c_rate_pm <= C_RATE_MAX_PM);
	in[0] = any_input();
	in[1] = in[0];
	switch (nondet_u8()) {
	case 0: /* a higher highest cell */
		in[1].cell_max_mv = nondet_i32();
		ASSUME(in[1].cell_max_mv >= in[0].cell_max_mv);
		break;
	case 1: /* a lower lowest cell */
		in[0].cell_min_mv = nondet_i32();
		ASSUME(in[1].cell_min_mv <= in[0].cell_min_mv);
		break;
	case 2: /* hotter MOSFETs */
		in[1].mos_dc = nondet_i32();
		ASSUME(in[1].mos_dc >= in[0].mos_dc);
		break;
	case 3: /* a hotter probe: discharging a cold battery gets better by it */
		in[1].hot_dc = nondet_i32();
		ASSUME(in[1].hot_dc >= in[0].hot_dc);
		not_more = dir == DIR_CHARGE;
		break;
	default: /* a colder probe */
		in[1].cold_dc = nondet_i32();
		ASSUME(in[1].cold_dc <= in[0].cold_dc);
		not_more = dir == DIR_CHARGE;
		break;
	}
	run = 0;
	const int32_t a = envelope_eval(&c, &in[0], dir, &rule, each);

	prove_bounds(&c, &in[0], dir, a);
	prove_rules(a, rule, each);
	run = 1;
	const int32_t b = envelope_eval(&c, &in[1], dir, &rule, NULL);

	PROVE_IF(not_more, b <= a, "worse cell or temperature, not more current");
	return 0;
}
