/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_from_jk() of src/core/sample.c: from a decoded reply to project units.
 *
 * Proven, for every reply, any registers present and any values in them:
 *   - a field that control needs and whose register is absent is marked as missing, the MOSFET
 *     temperature also if its value is none;
 *   - a probe is valid only if its register is there and its value is a temperature; its floor is
 *     not above its value;
 *   - a protection setting is one that can be believed, or SAMPLE_NO_VALUE: within the ranges that
 *     envelope.c and envelope_curve.c assume.
 *
 * Bounds: none; the loops run over the probes and the registers that control needs.
 *
 * Assumed: pack voltages within the two bytes of their register, as the decoder makes them.
 * take_cells() does nothing here; sample_cells.c has the real one.
 *
 * cbmc: --unwind 8 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --undefined-shift-check
 * replace: take_cells no_cells
 */
#include "core/sample.c"
#include "proto/jk_decode.c"
#include "proof.h"
#include "proof_envelope.h"

#define PACK_MV_MAX (UINT16_MAX * 10)

/* Not called. */
bool jk_frame_judge(const uint8_t *p, size_t n, enum jk_verdict *ret_verdict)
{
	(void)p;
	(void)n;
	(void)ret_verdict;
	return false;
}

void no_cells(const struct jk_sample *jk, struct sample *s)
{
	(void)jk;
	(void)s;
}

static bool absent(const struct jk_sample *jk, enum jk_reg reg)
{
	return (jk->have & JK_HAVE(reg)) == 0;
}

static void prove_missing(const struct jk_sample *jk, const struct sample *s)
{
	PROVE_IF(absent(jk, JK_REG_VOLTAGE), (s->missing & SAMPLE_NO_PACK_MV) != 0,
		 "no pack voltage");
	PROVE_IF(absent(jk, JK_REG_CURRENT), (s->missing & SAMPLE_NO_CURRENT) != 0, "no current");
	PROVE_IF(absent(jk, JK_REG_SOC), (s->missing & SAMPLE_NO_SOC) != 0, "no state of charge");
	PROVE_IF(absent(jk, JK_REG_ALARMS), (s->missing & SAMPLE_NO_ALARMS) != 0, "no alarms");
	PROVE_IF(absent(jk, JK_REG_STATUS), (s->missing & SAMPLE_NO_STATUS) != 0, "no status");
	PROVE_IF(absent(jk, JK_REG_MOS_TEMP) || jk->mos_temp_raw > JK_TEMP_RAW_MAX,
		 (s->missing & SAMPLE_NO_MOS) != 0, "no MOSFET temperature");
	PROVE(s->alarms == jk->alarms && s->mosfet[DIR_CHARGE] == ((jk->status & 1U) != 0) &&
		      s->mosfet[DIR_DISCHARGE] == ((jk->status & 2U) != 0),
	      "alarms and switches as decoded");
}

static void prove_probes(const struct jk_sample *jk, const struct sample *s)
{
	PROVE_IF(absent(jk, JK_REG_BOX_TEMP) || jk->box_temp_raw > JK_TEMP_RAW_MAX,
		 !s->probe_valid[0], "first probe not valid");
	PROVE_IF(absent(jk, JK_REG_BATTERY_TEMP) || jk->battery_temp_raw > JK_TEMP_RAW_MAX,
		 !s->probe_valid[1], "second probe not valid");
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		PROVE(s->probe_floor_dc[i] <= s->probe_dc[i], "floor not above the value");
		PROVE(s->probe_dc[i] >= -400 && s->probe_dc[i] <= 990, "a temperature");
	}
}

static bool believed(int32_t value, int32_t min, int32_t max)
{
	return value == SAMPLE_NO_VALUE || (value >= min && value <= max);
}

static void prove_settings(const struct jk_sample *jk, const struct sample *s)
{
	const struct bms_limits *b = &s->bms;

	PROVE(believed(b->capacity_mah, 1000, 20000000), "capacity believed");
	PROVE(believed(b->cell_ovp_mv, 2500, 4500) && believed(b->cell_uvp_mv, 1000, 3600),
	      "cell protection believed");
	PROVE(believed(b->pack_ovp_mv, 2500, 4500) && believed(b->pack_uvp_mv, 1000, 3600),
	      "pack protection believed");
	PROVE(believed(b->mos_otp_dc, 400, 1500), "MOSFET protection believed");
	for (uint32_t d = 0; d < DIRS; d++) {
		PROVE(believed(b->ocp_ma[d], 1000, 1000000), "over-current protection believed");
		PROVE(protection_ok(b->otp_dc[d]) && protection_ok(b->utp_dc[d]),
		      "temperature protection believed");
	}
	PROVE_IF(!absent(jk, JK_REG_CHARGE_OCP) && jk->charge_ocp_a >= 1 &&
			 jk->charge_ocp_a <= 1000,
		 b->ocp_ma[DIR_CHARGE] == 1000 * (int32_t)jk->charge_ocp_a,
		 "charge over-current protection as reported");
	PROVE_IF(!absent(jk, JK_REG_DISCHARGE_OCP) && jk->discharge_ocp_a >= 1 &&
			 jk->discharge_ocp_a <= 1000,
		 b->ocp_ma[DIR_DISCHARGE] == 1000 * (int32_t)jk->discharge_ocp_a,
		 "discharge over-current protection as reported");
}

int main(void)
{
	struct jk_sample jk; /* any content */
	struct sample s;

	ASSUME(jk.pack_ovp_mv >= 0 && jk.pack_ovp_mv <= PACK_MV_MAX);
	ASSUME(jk.pack_uvp_mv >= 0 && jk.pack_uvp_mv <= PACK_MV_MAX);
	sample_from_jk(&jk, nondet_i64(), &s);
	prove_missing(&jk, &s);
	prove_probes(&jk, &s);
	prove_settings(&jk, &s);
	return 0;
}
