/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope_input() of src/core/envelope.c: from a sample to what the envelope looks at.
 *
 * Proven, for every sample, every set of probes and every verdict on them:
 *   - not valid if a field that control needs is missing or there is no cell; valid otherwise;
 *   - probes not ok without a used probe or with a bad verdict on them;
 *   - the cold temperature is the lowest floor and the hot one the highest value of the used
 *     probes;
 *   - cells, MOSFETs, alarms and the BMS's protection settings are those of the sample.
 * What "not valid" and "probes not ok" lead to, 0 A, is proven in envelope.c.
 *
 * Bounds: none; the loop runs over the probes.
 *
 * Assumed: nothing but that a bool is 0 or 1.
 *
 * cbmc: --unwind 4 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --undefined-shift-check
 */
#include "core/envelope.c"
#include "proof.h"

#define NEEDED (1U | 2U | 8U | 16U | 32U) /* all but the state of charge */

int main(void)
{
	struct sample s; /* any content */
	struct envelope_in in;
	const uint8_t mask = nondet_u8();
	const bool probes_ok = nondet_bool();
	const uint32_t any = nondet_u32();
	const bool used[SAMPLE_PROBES] = {(mask & 1U) != 0, (mask & 2U) != 0};

	s.mosfet[DIR_CHARGE] = nondet_bool();
	s.mosfet[DIR_DISCHARGE] = nondet_bool();
	ASSUME(any < SAMPLE_PROBES);
	envelope_input(&s, mask, probes_ok, &in);
	PROVE_IF((s.missing & NEEDED) != 0, !in.valid, "not valid if a field is missing");
	PROVE_IF(s.cells == 0, !in.valid, "not valid without cells");
	PROVE_IF((s.missing & ~4U) == 0 && s.cells > 0, in.valid, "valid if complete");
	PROVE_IF(!used[0] && !used[1], !in.probes_ok, "no probe is not ok");
	PROVE_IF(!probes_ok, !in.probes_ok, "a bad verdict is kept");
	PROVE_IF(used[any], in.cold_dc <= s.probe_floor_dc[any], "not above the coldest");
	PROVE_IF(used[any], in.hot_dc >= s.probe_dc[any], "not below the hottest");
	PROVE_IF(used[0] || used[1],
		 (used[0] && in.cold_dc == s.probe_floor_dc[0]) ||
			 (used[1] && in.cold_dc == s.probe_floor_dc[1]),
		 "cold is of a used probe");
	PROVE_IF(used[0] || used[1],
		 (used[0] && in.hot_dc == s.probe_dc[0]) || (used[1] && in.hot_dc == s.probe_dc[1]),
		 "hot is of a used probe");
	PROVE(in.cell_min_mv == s.cell_min_mv && in.cell_max_mv == s.cell_max_mv,
	      "cells of the sample");
	PROVE(in.mos_dc == s.mos_dc && in.alarms == s.alarms, "MOSFETs and alarms of the sample");
	PROVE(in.mosfet[DIR_CHARGE] == s.mosfet[DIR_CHARGE] &&
		      in.mosfet[DIR_DISCHARGE] == s.mosfet[DIR_DISCHARGE],
	      "switches of the sample");
	PROVE(in.bms.cell_ovp_mv == s.bms.cell_ovp_mv && in.bms.cell_uvp_mv == s.bms.cell_uvp_mv &&
		      in.bms.capacity_mah == s.bms.capacity_mah &&
		      in.bms.mos_otp_dc == s.bms.mos_otp_dc,
	      "settings of the sample");
	for (uint32_t d = 0; d < DIRS; d++) {
		PROVE(in.bms.ocp_ma[d] == s.bms.ocp_ma[d] && in.bms.otp_dc[d] == s.bms.otp_dc[d] &&
			      in.bms.utp_dc[d] == s.bms.utp_dc[d],
		      "settings of the direction");
	}
	return 0;
}
