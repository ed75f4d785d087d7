/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What envelope.c and envelope_cells.c share: any input, and the contract of curve_ma(). Its
 * clauses are proven by envelope_curve.c, for curves that rise or fall as their place demands,
 * which curve_table.c and curve_pair.c prove of every table that curve_check() accepts.
 */
#ifndef JKP_TESTS_PROOF_CURVE_MA_H
#define JKP_TESTS_PROOF_CURVE_MA_H

#include "proof.h"
#include "proof_envelope.h"

/* By curve, run and call. */
static int32_t value_at[CURVES][2][2];
static int32_t x_at[CURVES][2][2];
static uint32_t calls_of[CURVES][2];
static uint32_t run;

static bool falls(enum curve_id id)
{
	return id == CURVE_CHARGE_CELL_HIGH || id == CURVE_CHARGE_HOT || id == CURVE_MOS;
}

/* The second run against the first, call by call: the maximum is the same in both. */
int32_t curve_ma_contract(const struct core_config *c, const struct bms_limits *bms,
			  enum curve_id id, int32_t x, int32_t maximum_ma)
{
	const uint32_t call = calls_of[id][run];
	const int32_t ma = nondet_i32();

	(void)c;
	(void)bms;
	PROVE(maximum_ma >= 0, "maximum not negative");
	PROVE(call < 2, "at most two looks at a curve");
	ASSUME(ma >= 0 && ma <= maximum_ma);
	if (run == 1) {
		const int32_t x0 = x_at[id][0][call];
		const int32_t ma0 = value_at[id][0][call];

		ASSUME(IMPLIES(x == x0, ma == ma0));
		if (id != CURVE_DISCHARGE_TEMP) {
			ASSUME(IMPLIES(x > x0, falls(id) ? ma <= ma0 : ma >= ma0));
			ASSUME(IMPLIES(x < x0, falls(id) ? ma >= ma0 : ma <= ma0));
		}
	}
	x_at[id][run][call] = x;
	value_at[id][run][call] = ma;
	calls_of[id][run] = call + 1;
	return ma;
}

static struct envelope_in any_input(void)
{
	struct envelope_in in; /* any content */

	for (uint32_t d = 0; d < DIRS; d++) {
		in.mosfet[d] = nondet_bool();
		in.disobeyed[d] = nondet_bool();
		ASSUME(protection_ok(in.bms.otp_dc[d]) && protection_ok(in.bms.utp_dc[d]));
	}
	in.recovery = nondet_bool();
	in.valid = nondet_bool();
	in.probes_ok = nondet_bool();
	ASSUME(protection_ok(in.bms.cell_ovp_mv) && protection_ok(in.bms.cell_uvp_mv));
	ASSUME(protection_ok(in.bms.pack_ovp_mv) && protection_ok(in.bms.pack_uvp_mv));
	ASSUME(protection_ok(in.bms.box_otp_dc));
	return in;
}

#endif
