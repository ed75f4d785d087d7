/* SPDX-License-Identifier: Apache-2.0 */
/* Battery model: see sim_battery.h. */
#include "sim_battery.h"

#include <math.h>
#include <string.h>

#include "proto/jk_uart.h"
#include "sim_random.h"

#define STEP_MAX_S	 0.1
#define AS_PER_AH	 3600.0
#define CELL_V_MIN	 1.0
#define CELL_V_MAX	 4.4
#define R_PACK_100AH_OHM 0.0008 /* per cell of 100 Ah; scales with 1/capacity */
#define BALANCE_A	 1.0
#define MOS_R_OHM	 0.0015
/* First order: heat capacity and loss to the ambient air, per cell and of the MOSFET plate. */
#define CELL_HEAT_J_K	1800.0 /* about 2 kg at 0.9 kJ/kg K */
#define CELL_COOL_W_K	0.35
#define MOS_HEAT_J_K	350.0
#define MOS_COOL_W_K	1.2
#define OCP_RETRY_S	60.0 /* the BMS closes again after this */
#define TEMP_HYSTERESIS 5.0

struct ocv_point {
	double soc;
	double v;
};

/* LFP at rest, 25 degC: flat between 15 and 95 %, steep at both ends. */
static const struct ocv_point ocv_table[] = {
	{-0.02, 2.000}, {0.00, 2.500}, {0.01, 2.750}, {0.02, 2.900}, {0.05, 3.060}, {0.10, 3.190},
	{0.15, 3.215},	{0.20, 3.240}, {0.30, 3.270}, {0.40, 3.289}, {0.50, 3.296}, {0.60, 3.302},
	{0.70, 3.320},	{0.80, 3.331}, {0.90, 3.336}, {0.95, 3.346}, {0.97, 3.370}, {0.98, 3.400},
	{0.99, 3.460},	{1.00, 3.600}, {1.02, 3.900},
};

#define OCV_POINTS (sizeof(ocv_table) / sizeof(ocv_table[0]))

double sim_ocv(double soc)
{
	size_t i = 1;

	while (i < OCV_POINTS - 1 && soc > ocv_table[i].soc) {
		i++;
	}
	const struct ocv_point *a = &ocv_table[i - 1];
	const struct ocv_point *b = &ocv_table[i];
	const double v = a->v + (b->v - a->v) * (soc - a->soc) / (b->soc - a->soc);

	return fmin(fmax(v, CELL_V_MIN), CELL_V_MAX);
}

void sim_protect_default(struct sim_protect *ret_protect)
{
	*ret_protect = (struct sim_protect){
		.cell_ovp_v = 3.65,
		.cell_ovpr_v = 3.45,
		.cell_ovp_delay_s = 5,
		.cell_uvp_v = 2.60,
		.cell_uvpr_v = 2.80,
		.cell_uvp_delay_s = 5,
		.discharge_ocp_a = 100,
		.discharge_ocp_delay_s = 30,
		.charge_ocp_a = 100,
		.charge_ocp_delay_s = 30,
		.mos_otp_c = 90,
		.mos_otpr_c = 70,
		.charge_otp_c = 60,
		.discharge_otp_c = 65,
		.charge_utp_c = -5,
		.charge_utpr_c = 0,
		.discharge_utp_c = -20,
		.discharge_utpr_c = -10,
		.balance_start_v = 3.40,
		.balance_delta_v = 0.010,
		.balance_on = true,
	};
}

void sim_battery_init(struct sim_battery *b, const struct sim_battery_setup *setup)
{
	struct sim_random rnd;

	memset(b, 0, sizeof(*b));
	sim_random_init(&rnd, setup->seed);
	b->cells = setup->cells;
	for (int i = 0; i < b->cells; i++) {
		struct sim_cell *c = &b->cell[i];
		const double s = setup->spread;

		c->capacity_as = setup->capacity_ah * AS_PER_AH * (1.0 + s * sim_random_pm(&rnd));
		c->r_ohm = R_PACK_100AH_OHM * 100.0 / setup->capacity_ah *
			   (1.0 + 5.0 * s * sim_random_pm(&rnd));
		c->offset_v = 0.1 * s * sim_random_pm(&rnd);
	}
	sim_battery_set_soc(b, setup->soc_pct);
	b->ambient_c = setup->ambient_c;
	for (int p = 0; p < SIM_PROBES; p++) {
		b->temp_c[p] = setup->ambient_c;
	}
	b->mos_on[0] = true;
	b->mos_on[1] = true;
	sim_protect_default(&b->protect);
}

void sim_battery_set_protect(struct sim_battery *b, const struct sim_protect *p)
{
	b->protect = *p;
}

static double cell_ocv(const struct sim_cell *c)
{
	return sim_ocv(c->charge_as / c->capacity_as) + c->offset_v;
}

static double cell_model_v(const struct sim_battery *b, int i)
{
	const struct sim_cell *c = &b->cell[i];

	return fmin(fmax(cell_ocv(c) + b->current_a * c->r_ohm, CELL_V_MIN), CELL_V_MAX);
}

double sim_battery_cell_v(const struct sim_battery *b, int i)
{
	return b->cell[i].forced ? b->cell[i].forced_v : cell_model_v(b, i);
}

double sim_battery_pack_v(const struct sim_battery *b)
{
	double v = 0;

	for (int i = 0; i < b->cells; i++) {
		v += sim_battery_cell_v(b, i);
	}
	return v;
}

double sim_battery_max_v(const struct sim_battery *b, int *ret_index)
{
	int best = 0;

	for (int i = 1; i < b->cells; i++) {
		if (sim_battery_cell_v(b, i) > sim_battery_cell_v(b, best)) {
			best = i;
		}
	}
	if (ret_index) {
		*ret_index = best;
	}
	return sim_battery_cell_v(b, best);
}

double sim_battery_min_v(const struct sim_battery *b, int *ret_index)
{
	int best = 0;

	for (int i = 1; i < b->cells; i++) {
		if (sim_battery_cell_v(b, i) < sim_battery_cell_v(b, best)) {
			best = i;
		}
	}
	if (ret_index) {
		*ret_index = best;
	}
	return sim_battery_cell_v(b, best);
}

double sim_battery_pack_ocv(const struct sim_battery *b)
{
	double v = 0;

	for (int i = 0; i < b->cells; i++) {
		v += b->cell[i].forced ? b->cell[i].forced_v : cell_ocv(&b->cell[i]);
	}
	return v;
}

double sim_battery_pack_r(const struct sim_battery *b)
{
	double r = 0;

	for (int i = 0; i < b->cells; i++) {
		r += b->cell[i].r_ohm;
	}
	return r;
}

double sim_battery_soc(const struct sim_battery *b)
{
	double charge = 0;
	double capacity = 0;

	for (int i = 0; i < b->cells; i++) {
		charge += b->cell[i].charge_as;
		capacity += b->cell[i].capacity_as;
	}
	return 100.0 * charge / capacity;
}

void sim_battery_set_soc(struct sim_battery *b, double soc_pct)
{
	for (int i = 0; i < b->cells; i++) {
		b->cell[i].charge_as = b->cell[i].capacity_as * soc_pct / 100.0;
	}
}

/* A condition that must last @delay_s to trip, and goes when @clear holds. */
static void trip_step(struct sim_trip *t, bool condition, bool clear, double delay_s, double dt_s)
{
	if (t->on) {
		t->on = !clear;
		t->since_s = 0;
		return;
	}
	t->since_s = condition ? t->since_s + dt_s : 0;
	t->on = condition && t->since_s > delay_s;
}

/* Over-current leaves with the current it opened, so it stays for OCP_RETRY_S. */
static void ocp_step(struct sim_trip *t, double a, double ocp_a, double delay_s, double dt_s)
{
	if (t->on) {
		t->since_s += dt_s;
		if (t->since_s >= OCP_RETRY_S) {
			*t = (struct sim_trip){0};
		}
		return;
	}
	t->since_s = a > ocp_a ? t->since_s + dt_s : 0;
	if (a > ocp_a && t->since_s > delay_s) {
		*t = (struct sim_trip){.on = true};
	}
}

static void protect_step(struct sim_battery *b, double dt_s)
{
	const struct sim_protect *p = &b->protect;
	const double hi = sim_battery_max_v(b, NULL);
	const double lo = sim_battery_min_v(b, NULL);
	const double hot = fmax(b->temp_c[1], b->temp_c[2]);
	const double cold = fmin(b->temp_c[1], b->temp_c[2]);

	trip_step(&b->ovp, hi >= p->cell_ovp_v, hi <= p->cell_ovpr_v, p->cell_ovp_delay_s, dt_s);
	trip_step(&b->uvp, lo <= p->cell_uvp_v, lo >= p->cell_uvpr_v, p->cell_uvp_delay_s, dt_s);
	ocp_step(&b->charge_ocp, b->current_a, p->charge_ocp_a, p->charge_ocp_delay_s, dt_s);
	ocp_step(&b->discharge_ocp, -b->current_a, p->discharge_ocp_a, p->discharge_ocp_delay_s,
		 dt_s);
	trip_step(&b->mos_ot, b->temp_c[0] >= p->mos_otp_c, b->temp_c[0] <= p->mos_otpr_c, 0, dt_s);
	trip_step(&b->charge_ot, hot >= p->charge_otp_c, hot <= p->charge_otp_c - TEMP_HYSTERESIS,
		  0, dt_s);
	trip_step(&b->discharge_ot, hot >= p->discharge_otp_c,
		  hot <= p->discharge_otp_c - TEMP_HYSTERESIS, 0, dt_s);
	trip_step(&b->charge_ut, cold <= p->charge_utp_c, cold >= p->charge_utpr_c, 0, dt_s);
	trip_step(&b->discharge_ut, cold <= p->discharge_utp_c, cold >= p->discharge_utpr_c, 0,
		  dt_s);

	b->mos_on[0] = !b->mos_forced_off[0] && !b->ovp.on && !b->charge_ocp.on && !b->mos_ot.on &&
		       !b->charge_ot.on && !b->charge_ut.on;
	b->mos_on[1] = !b->mos_forced_off[1] && !b->uvp.on && !b->discharge_ocp.on &&
		       !b->mos_ot.on && !b->discharge_ot.on && !b->discharge_ut.on;
	b->alarms = (uint16_t)((b->mos_ot.on ? JK_ALARM_MOS_OT : 0U) |
			       (b->charge_ot.on || b->discharge_ot.on ? JK_ALARM_BATTERY_OT : 0U) |
			       (b->charge_ocp.on ? JK_ALARM_CHARGE_OC : 0U) |
			       (b->discharge_ocp.on ? JK_ALARM_DISCHARGE_OC : 0U) |
			       (b->charge_ut.on || b->discharge_ut.on ? JK_ALARM_BATTERY_UT : 0U) |
			       (b->ovp.on ? JK_ALARM_CELL_OV : 0U) |
			       (b->uvp.on ? JK_ALARM_CELL_UV | JK_ALARM_DISCHARGE_UV : 0U));
}

/* The active balancer carries charge from the highest to the lowest cell. */
static void balance_step(struct sim_battery *b, double dt_s)
{
	int hi = 0;
	int lo = 0;
	const double hi_v = sim_battery_max_v(b, &hi);
	const double lo_v = sim_battery_min_v(b, &lo);

	b->balancing = b->protect.balance_on && hi_v >= b->protect.balance_start_v &&
		       hi_v - lo_v > b->protect.balance_delta_v;
	if (b->balancing) {
		b->cell[hi].charge_as -= BALANCE_A * dt_s;
		b->cell[lo].charge_as += BALANCE_A * dt_s;
	}
}

static void heat_step(struct sim_battery *b, double dt_s)
{
	const double i2 = b->current_a * b->current_a;
	const double cell_w = i2 * sim_battery_pack_r(b);
	const double mos_w = i2 * MOS_R_OHM;

	b->heat_j += cell_w * dt_s;
	for (int p = 0; p < SIM_PROBES; p++) {
		if (b->temp_held[p]) {
			continue;
		}
		const double cool = p == 0 ? MOS_COOL_W_K : CELL_COOL_W_K * b->cells;
		const double mass = p == 0 ? MOS_HEAT_J_K : CELL_HEAT_J_K * b->cells;
		const double w = p == 0 ? mos_w : cell_w;

		b->temp_c[p] += (w - cool * (b->temp_c[p] - b->ambient_c)) / mass * dt_s;
	}
}

void sim_battery_step(struct sim_battery *b, double dt_s, double wanted_a)
{
	while (dt_s > 0) {
		const double dt = fmin(dt_s, STEP_MAX_S);

		dt_s -= dt;
		b->current_a = (wanted_a > 0 && !b->mos_on[0]) || (wanted_a < 0 && !b->mos_on[1])
				       ? 0
				       : wanted_a;
		for (int i = 0; i < b->cells; i++) {
			b->in_j += cell_model_v(b, i) * b->current_a * dt;
			b->cell[i].charge_as += b->current_a * dt;
		}
		heat_step(b, dt);
		balance_step(b, dt);
		protect_step(b, dt);
	}
}
