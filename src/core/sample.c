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
		.pack_ovp_mv = SAMPLE_NO_VALUE,
		.pack_uvp_mv = SAMPLE_NO_VALUE,
		.cell_ovp_mv = SAMPLE_NO_VALUE,
		.cell_uvp_mv = SAMPLE_NO_VALUE,
		.ocp_ma = {SAMPLE_NO_VALUE, SAMPLE_NO_VALUE},
		.otp_dc = {SAMPLE_NO_VALUE, SAMPLE_NO_VALUE},
		.utp_dc = {SAMPLE_NO_VALUE, SAMPLE_NO_VALUE},
		.mos_otp_dc = SAMPLE_NO_VALUE,
		.box_otp_dc = SAMPLE_NO_VALUE,
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

struct setting_row {
	enum jk_reg reg;
	uint8_t tag;
	int32_t min;
	int32_t max;
	int32_t factor;
};

static const struct setting_row setting_rows[BMS_SETTINGS] = {
	/* of one cell: as narrow as those of a cell */
	[BMS_SET_PACK_OVP] = {JK_REG_PACK_OVP, 0x8E, OVP_MIN_MV, OVP_MAX_MV, 1},
	[BMS_SET_PACK_UVP] = {JK_REG_PACK_UVP, 0x8F, UVP_MIN_MV, UVP_MAX_MV, 1},
	[BMS_SET_CELL_OVP] = {JK_REG_CELL_OVP, 0x90, OVP_MIN_MV, OVP_MAX_MV, 1},
	[BMS_SET_CELL_UVP] = {JK_REG_CELL_UVP, 0x93, UVP_MIN_MV, UVP_MAX_MV, 1},
	[BMS_SET_DISCHARGE_OCP] = {JK_REG_DISCHARGE_OCP, 0x97, OCP_MIN_A, OCP_MAX_A, MA_PER_A},
	[BMS_SET_CHARGE_OCP] = {JK_REG_CHARGE_OCP, 0x99, OCP_MIN_A, OCP_MAX_A, MA_PER_A},
	[BMS_SET_MOS_OTP] = {JK_REG_MOS_OTP, 0x9E, MOS_OTP_MIN_C, MOS_OTP_MAX_C, DC_PER_C},
	[BMS_SET_BOX_OTP] = {JK_REG_BOX_OTP, 0xA0, OTP_MIN_C, OTP_MAX_C, DC_PER_C},
	[BMS_SET_CHARGE_OTP] = {JK_REG_CHARGE_OTP, 0xA3, OTP_MIN_C, OTP_MAX_C, DC_PER_C},
	[BMS_SET_DISCHARGE_OTP] = {JK_REG_DISCHARGE_OTP, 0xA4, OTP_MIN_C, OTP_MAX_C, DC_PER_C},
	[BMS_SET_CHARGE_UTP] = {JK_REG_CHARGE_UTP, 0xA5, UTP_MIN_C, UTP_MAX_C, DC_PER_C},
	[BMS_SET_DISCHARGE_UTP] = {JK_REG_DISCHARGE_UTP, 0xA7, UTP_MIN_C, UTP_MAX_C, DC_PER_C},
	[BMS_SET_CAPACITY] = {JK_REG_CAPACITY, 0xAA, CAPACITY_MIN_AH, CAPACITY_MAX_AH, MA_PER_A},
};

uint8_t bms_setting_register(enum bms_setting which)
{
	return which < BMS_SETTINGS ? setting_rows[which].tag : 0U;
}

/* A protection setting, converted; remembers those that cannot be believed. */
static int32_t setting(const struct jk_sample *jk, struct sample *s, enum bms_setting which,
		       int32_t value)
{
	const struct setting_row *row = &setting_rows[which];
	const bool have = (jk->have & JK_HAVE(row->reg)) != 0;

	if (have && value >= row->min && value <= row->max) {
		return value * row->factor;
	}
	s->odd |= (uint16_t)(1U << which);
	s->odd_value[which] = have ? value : -1;
	return SAMPLE_NO_VALUE;
}

static void take_settings(const struct jk_sample *jk, struct sample *s)
{
	struct bms_limits *b = &s->bms;
	const int32_t cells = max_i32(jk->cells, 1);
	const int32_t capacity_ah = jk->capacity_ah > CAPACITY_MAX_AH ? CAPACITY_MAX_AH + 1
								      : (int32_t)jk->capacity_ah;

	/* Rounded to the safe side. */
	b->pack_ovp_mv = setting(jk, s, BMS_SET_PACK_OVP, jk->pack_ovp_mv / cells);
	b->pack_uvp_mv = setting(jk, s, BMS_SET_PACK_UVP, (jk->pack_uvp_mv + cells - 1) / cells);
	b->cell_ovp_mv = setting(jk, s, BMS_SET_CELL_OVP, jk->cell_ovp_mv);
	b->cell_uvp_mv = setting(jk, s, BMS_SET_CELL_UVP, jk->cell_uvp_mv);
	b->ocp_ma[DIR_DISCHARGE] = setting(jk, s, BMS_SET_DISCHARGE_OCP, jk->discharge_ocp_a);
	b->ocp_ma[DIR_CHARGE] = setting(jk, s, BMS_SET_CHARGE_OCP, jk->charge_ocp_a);
	b->mos_otp_dc = setting(jk, s, BMS_SET_MOS_OTP, jk->mos_otp_c);
	b->box_otp_dc = setting(jk, s, BMS_SET_BOX_OTP, jk->box_otp_c);
	b->otp_dc[DIR_CHARGE] = setting(jk, s, BMS_SET_CHARGE_OTP, jk->charge_otp_c);
	b->otp_dc[DIR_DISCHARGE] = setting(jk, s, BMS_SET_DISCHARGE_OTP, jk->discharge_otp_c);
	b->utp_dc[DIR_CHARGE] = setting(jk, s, BMS_SET_CHARGE_UTP, jk->charge_utp_c);
	b->utp_dc[DIR_DISCHARGE] = setting(jk, s, BMS_SET_DISCHARGE_UTP, jk->discharge_utp_c);
	b->capacity_mah = setting(jk, s, BMS_SET_CAPACITY, capacity_ah);
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
