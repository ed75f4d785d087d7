/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope_maximum(), envelope_cells() and envelope_cells_full() of src/core/envelope.c: what the
 * ratchet compares.
 *
 * Proven, for every configuration with curves of the required shapes, every input and both
 * directions:
 *   - envelope_maximum() is not negative, not above the configured maximum, not above 0.9 of the
 *     BMS's over-current protection, not above the share of the capacity;
 *   - envelope_cells() is not negative, not above envelope_maximum(), and the envelope is not above
 *     it;
 *   - but for the attended recovery it is not above envelope_cells_full(), which is not above
 *     envelope_maximum().
 *
 * Bounds: none; the loop runs over the rules.
 *
 * Assumed: as in envelope.c; the voltage of a cell is not negative (16 bits without a sign).
 *
 * takes: 4
 * cbmc: --unwind 40 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --bounds-check --pointer-check --undefined-shift-check
 * replace: curve_ma curve_ma_contract
 * replace: scale scale_contract
 */
#include "core/envelope.c"
#include "proof.h"
#include "proof_curve_ma.h"
#include "proof_envelope.h"

static int32_t share_of(int32_t of, int32_t permille)
{
	return max_i32(__CPROVER_uninterpreted_scale(of, permille, 1000), 0);
}

int main(void)
{
	struct core_config c; /* any content */
	const enum dir dir = nondet_bool() ? DIR_CHARGE : DIR_DISCHARGE;
	const struct envelope_in in = any_input();
	uint32_t rule;

	ASSUME(c.max_ma[dir] >= 0 && c.max_c_rate_pm >= 0 && c.max_c_rate_pm <= C_RATE_MAX_PM);
	ASSUME(in.cell_max_mv >= 0 && in.cell_min_mv >= 0);
	const int32_t maximum_ma = envelope_maximum(&c, &in.bms, dir);

	PROVE(maximum_ma >= 0 && maximum_ma <= c.max_ma[dir], "maximum within the configured one");
	PROVE_IF(in.bms.ocp_ma[dir] != SAMPLE_NO_VALUE,
		 maximum_ma <= share_of(in.bms.ocp_ma[dir], 900),
		 "maximum within 0.9 of the over-current protection");
	PROVE_IF(in.bms.capacity_mah != SAMPLE_NO_VALUE,
		 maximum_ma <= share_of(in.bms.capacity_mah, c.max_c_rate_pm),
		 "maximum within the share of the capacity");
	run = 0;
	const int32_t cells_ma = envelope_cells(&c, &in, dir);

	PROVE(cells_ma >= 0 && cells_ma <= maximum_ma, "cells within the maximum");
	run = 1;
	if (nondet_bool()) {
		PROVE(envelope_eval(&c, &in, dir, &rule, NULL) <= cells_ma,
		      "envelope not above the cells");
		return 0;
	}
	const int32_t full_ma = envelope_cells_full(&c, &in.bms, dir);

	PROVE(full_ma >= 0 && full_ma <= maximum_ma, "full within the maximum");
	PROVE_IF(!in.recovery, cells_ma <= full_ma, "cells not above full");
	return 0;
}
