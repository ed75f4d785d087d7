/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about the protection values of the BMS: those that bind before ours, and odd ones. */
#include "base/units.h"
#include "cycle_private.h"

#define TOLD_NS	 (60 * NS_PER_S) /* a value that keeps changing is told this often */
#define PERMILLE 1000

/* A setting that is tighter than ours if it lies on the wrong side of @ours. */
struct pair {
	enum bms_setting which;
	enum rule rule;
	int32_t theirs; /* SAMPLE_NO_VALUE = unknown */
	int32_t binds;	/* what follows from it, in the unit of @ours */
	int32_t ours;
	bool upper; /* an upper bound: tighter is lower */
};

static void tell(struct cycle *c, const struct pair *p, struct sink *sink)
{
	const int64_t told_ns = c->told_ns[p->which];

	if (p->theirs == SAMPLE_NO_VALUE ||
	    (p->upper ? p->binds >= p->ours : p->binds <= p->ours)) {
		return;
	}
	if (p->theirs == c->told_value[p->which] ||
	    (told_ns != TIME_NEVER && sink->now_ns - told_ns < TOLD_NS)) {
		return;
	}
	c->told_value[p->which] = p->theirs;
	c->told_ns[p->which] = sink->now_ns;
	sink_emit(sink, EVENT_BMS_TIGHTER, p->theirs, p->ours, (int32_t)p->rule,
		  bms_setting_register(p->which));
}

static int32_t share(int32_t ocp_ma)
{
	return ocp_ma == SAMPLE_NO_VALUE ? 0
					 : sat_i32((int64_t)ocp_ma * ENVELOPE_OCP_PM / PERMILLE);
}

static int32_t inside(int32_t mv, int32_t guard_mv)
{
	return mv == SAMPLE_NO_VALUE ? 0 : mv + guard_mv;
}

static void report_tighter(struct cycle *c, const struct bms_limits *b, struct sink *sink)
{
	const int32_t *ma = c->config->max_ma;
	const struct level *l = c->config->level;
	const int32_t guard = ENVELOPE_CELL_GUARD_MV;
	const struct pair pairs[] = {
		{BMS_SET_CHARGE_OCP, RULE_BMS_OCP, b->ocp_ma[DIR_CHARGE],
		 share(b->ocp_ma[DIR_CHARGE]), ma[DIR_CHARGE], true},
		{BMS_SET_DISCHARGE_OCP, RULE_BMS_OCP, b->ocp_ma[DIR_DISCHARGE],
		 share(b->ocp_ma[DIR_DISCHARGE]), ma[DIR_DISCHARGE], true},
		{BMS_SET_CELL_OVP, RULE_BMS_OVP, b->cell_ovp_mv, inside(b->cell_ovp_mv, -guard),
		 l[LEVEL_CELL_HIGH].limit, true},
		{BMS_SET_PACK_OVP, RULE_BMS_OVP, b->pack_ovp_mv, inside(b->pack_ovp_mv, -guard),
		 l[LEVEL_CELL_HIGH].limit, true},
		{BMS_SET_CELL_UVP, RULE_BMS_UVP, b->cell_uvp_mv, inside(b->cell_uvp_mv, guard),
		 l[LEVEL_CELL_LOW].limit, false},
		{BMS_SET_PACK_UVP, RULE_BMS_UVP, b->pack_uvp_mv, inside(b->pack_uvp_mv, guard),
		 l[LEVEL_CELL_LOW].limit, false},
		{BMS_SET_MOS_OTP, RULE_BMS_TEMP, b->mos_otp_dc, b->mos_otp_dc,
		 l[LEVEL_MOS_HOT].limit, true},
		{BMS_SET_BOX_OTP, RULE_BMS_TEMP, b->box_otp_dc, b->box_otp_dc,
		 max_i32(l[LEVEL_CHARGE_HOT].limit, l[LEVEL_DISCHARGE_HOT].limit), true},
		{BMS_SET_CHARGE_OTP, RULE_BMS_TEMP, b->otp_dc[DIR_CHARGE], b->otp_dc[DIR_CHARGE],
		 l[LEVEL_CHARGE_HOT].limit, true},
		{BMS_SET_DISCHARGE_OTP, RULE_BMS_TEMP, b->otp_dc[DIR_DISCHARGE],
		 b->otp_dc[DIR_DISCHARGE], l[LEVEL_DISCHARGE_HOT].limit, true},
		{BMS_SET_CHARGE_UTP, RULE_BMS_TEMP, b->utp_dc[DIR_CHARGE], b->utp_dc[DIR_CHARGE],
		 l[LEVEL_CHARGE_COLD].limit, false},
		{BMS_SET_DISCHARGE_UTP, RULE_BMS_TEMP, b->utp_dc[DIR_DISCHARGE],
		 b->utp_dc[DIR_DISCHARGE], l[LEVEL_DISCHARGE_COLD].limit, false},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		tell(c, &pairs[i], sink);
	}
}

void cycle_report_settings(struct cycle *c, const struct sample *s, struct sink *sink)
{
	for (uint32_t i = 0; i < BMS_SETTINGS; i++) {
		const uint16_t bit = (uint16_t)(1U << i);

		if ((s->odd & bit) != 0 && (c->odd_reported & bit) == 0) {
			c->odd_reported |= bit;
			sink_emit(sink, EVENT_BMS_SETTING_ODD,
				  bms_setting_register((enum bms_setting)i), s->odd_value[i], 0, 0);
		}
	}
	report_tighter(c, &s->bms, sink);
}
