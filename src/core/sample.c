/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sample.h"

#include <string.h>

#include "base/units.h"

/* What a protection setting must lie in to be believed; outside it is absent or absurd. */
#define OVP_MIN_MV	2500
#define OVP_MAX_MV	4500
#define UVP_MIN_MV	1000
#define UVP_MAX_MV	3600
#define OCP_MIN_A	1
#define OCP_MAX_A	1000
#define OTP_MIN_C	20
#define OTP_MAX_C	120
#define UTP_MIN_C	(-40)
#define UTP_MAX_C	30
#define MOS_OTP_MIN_C	40
#define MOS_OTP_MAX_C	150
#define CAPACITY_MIN_AH 1
#define CAPACITY_MAX_AH 20000

#define MA_PER_A 1000
#define DC_PER_C 10

void bms_limits_none(struct bms_limits *ret_limits)
{
	*ret_limits = (struct bms_limits){
		.cell_ovp_mv = SAMPLE_NO_VALUE,
		.cell_uvp_mv = SAMPLE_NO_VALUE,
		.ocp_ma = {SAMPLE_NO_VALUE, SAMPLE_NO_VALUE},
		.otp_dc = {SAMPLE_NO_VALUE, SAMPLE_NO_VALUE},
		.utp_dc = {SAMPLE_NO_VALUE, SAMPLE_NO_VALUE},
		.mos_otp_dc = SAMPLE_NO_VALUE,
		.capacity_mah = SAMPLE_NO_VALUE,
	};
}

static void take_cells(const struct jk_sample *jk, struct sample *s)
{
	s->cells = jk->cells;
	s->cell_min_mv = UINT16_MAX;
	for (uint32_t i = 0; i < SAMPLE_CELLS_MAX && i < jk->cells; i++) {
		const uint16_t mv = jk->cell_mv[i];

		s->cell_mv[i] = mv;
		s->cell_sum_mv += mv;
		if (mv < s->cell_min_mv) {
			s->cell_min_mv = mv;
			s->cell_min_no = (uint8_t)(i + 1U);
		}
		if (mv > s->cell_max_mv || i == 0) {
			s->cell_max_mv = mv;
			s->cell_max_no = (uint8_t)(i + 1U);
		}
	}
}

static void take_temperatures(const struct jk_sample *jk, struct sample *s)
{
	const uint16_t raw[SAMPLE_PROBES] = {jk->box_temp_raw, jk->battery_temp_raw};
	const enum jk_reg reg[SAMPLE_PROBES] = {JK_REG_BOX_TEMP, JK_REG_BATTERY_TEMP};

	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		s->probe_raw[i] = raw[i];
		s->probe_valid[i] = (jk->have & JK_HAVE(reg[i])) != 0 && jk_temp_valid(raw[i]);
		s->probe_dc[i] = s->probe_valid[i] ? jk_temp_dc(raw[i]) : 0;
		s->probe_floor_dc[i] = s->probe_valid[i] ? jk_temp_floor_dc(raw[i]) : 0;
	}
	s->mos_raw = jk->mos_temp_raw;
	s->mos_valid = (jk->have & JK_HAVE(JK_REG_MOS_TEMP)) != 0 &&
		       jk_temp_valid(jk->mos_temp_raw);
	s->mos_dc = s->mos_valid ? jk_temp_dc(jk->mos_temp_raw) : 0;
}

/* A protection setting, converted; remembers the first one that cannot be believed. */
static int32_t setting(const struct jk_sample *jk, struct sample *s, enum jk_reg reg, uint8_t tag,
		       int32_t value, int32_t min, int32_t max, int32_t factor)
{
	const bool have = (jk->have & JK_HAVE(reg)) != 0;

	if (have && value >= min && value <= max) {
		return value * factor;
	}
	if (s->odd_register == 0) {
		s->odd_register = tag;
		s->odd_value = have ? value : -1;
	}
	return SAMPLE_NO_VALUE;
}

static void take_settings(const struct jk_sample *jk, struct sample *s)
{
	struct bms_limits *b = &s->bms;
	const int32_t capacity_ah = jk->capacity_ah > CAPACITY_MAX_AH ? CAPACITY_MAX_AH + 1
								      : (int32_t)jk->capacity_ah;

	b->cell_ovp_mv = setting(jk, s, JK_REG_CELL_OVP, 0x90, jk->cell_ovp_mv, OVP_MIN_MV,
				 OVP_MAX_MV, 1);
	b->cell_uvp_mv = setting(jk, s, JK_REG_CELL_UVP, 0x93, jk->cell_uvp_mv, UVP_MIN_MV,
				 UVP_MAX_MV, 1);
	b->ocp_ma[DIR_DISCHARGE] = setting(jk, s, JK_REG_DISCHARGE_OCP, 0x97, jk->discharge_ocp_a,
					   OCP_MIN_A, OCP_MAX_A, MA_PER_A);
	b->ocp_ma[DIR_CHARGE] = setting(jk, s, JK_REG_CHARGE_OCP, 0x99, jk->charge_ocp_a, OCP_MIN_A,
					OCP_MAX_A, MA_PER_A);
	b->mos_otp_dc = setting(jk, s, JK_REG_MOS_OTP, 0x9E, jk->mos_otp_c, MOS_OTP_MIN_C,
				MOS_OTP_MAX_C, DC_PER_C);
	b->otp_dc[DIR_CHARGE] = setting(jk, s, JK_REG_CHARGE_OTP, 0xA3, jk->charge_otp_c, OTP_MIN_C,
					OTP_MAX_C, DC_PER_C);
	b->otp_dc[DIR_DISCHARGE] = setting(jk, s, JK_REG_DISCHARGE_OTP, 0xA4, jk->discharge_otp_c,
					   OTP_MIN_C, OTP_MAX_C, DC_PER_C);
	b->utp_dc[DIR_CHARGE] = setting(jk, s, JK_REG_CHARGE_UTP, 0xA5, jk->charge_utp_c, UTP_MIN_C,
					UTP_MAX_C, DC_PER_C);
	b->utp_dc[DIR_DISCHARGE] = setting(jk, s, JK_REG_DISCHARGE_UTP, 0xA7, jk->discharge_utp_c,
					   UTP_MIN_C, UTP_MAX_C, DC_PER_C);
	b->capacity_mah = setting(jk, s, JK_REG_CAPACITY, 0xAA, capacity_ah, CAPACITY_MIN_AH,
				  CAPACITY_MAX_AH, MA_PER_A);
}

void sample_from_jk(const struct jk_sample *jk, int64_t t_ns, struct sample *ret_sample)
{
	static const struct {
		enum jk_reg reg;
		uint32_t missing;
	} needed[] = {
		{JK_REG_VOLTAGE, SAMPLE_NO_PACK_MV}, {JK_REG_CURRENT, SAMPLE_NO_CURRENT},
		{JK_REG_SOC, SAMPLE_NO_SOC},	     {JK_REG_ALARMS, SAMPLE_NO_ALARMS},
		{JK_REG_STATUS, SAMPLE_NO_STATUS},
	};
	struct sample *s = ret_sample;

	memset(s, 0, sizeof(*s));
	s->t_ns = t_ns;
	take_cells(jk, s);
	take_temperatures(jk, s);
	for (uint32_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if ((jk->have & JK_HAVE(needed[i].reg)) == 0) {
			s->missing |= needed[i].missing;
		}
	}
	if (!s->mos_valid) {
		s->missing |= SAMPLE_NO_MOS;
	}
	s->pack_mv = jk->pack_mv;
	s->pack_ma = jk->current_ma;
	s->soc_pct = jk->soc_pct;
	s->cycles = jk->cycles;
	s->alarms = jk->alarms;
	s->mosfet[DIR_CHARGE] = (jk->status & JK_STATUS_CHARGE_MOS) != 0;
	s->mosfet[DIR_DISCHARGE] = (jk->status & JK_STATUS_DISCHARGE_MOS) != 0;
	s->balancing = (jk->status & JK_STATUS_BALANCING) != 0;
	take_settings(jk, s);
}
