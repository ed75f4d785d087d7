/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model of an LFP battery behind a BMS: cells in series, first-order temperatures, and MOSFETs that
 * the BMS opens at its own protection values. Doubles: this is a simulator, not the product.
 */
#ifndef JKP_TOOLS_SIM_BATTERY_H
#define JKP_TOOLS_SIM_BATTERY_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_CELLS_MAX 32
#define SIM_PROBES    3 /* 0: MOSFETs, 1 and 2: the two battery probes */

/**
 * struct sim_protect - protection values of the BMS (they come from a capture or are defaults)
 */
struct sim_protect {
	double cell_ovp_v, cell_ovpr_v, cell_ovp_delay_s;
	double cell_uvp_v, cell_uvpr_v, cell_uvp_delay_s;
	double discharge_ocp_a, discharge_ocp_delay_s;
	double charge_ocp_a, charge_ocp_delay_s;
	double mos_otp_c, mos_otpr_c;
	double charge_otp_c, discharge_otp_c;
	double charge_utp_c, charge_utpr_c;
	double discharge_utp_c, discharge_utpr_c;
	double balance_start_v, balance_delta_v;
	bool balance_on;
};

/**
 * struct sim_cell - one cell
 * @capacity_as: capacity, ampere-seconds
 * @charge_as: charge in it; below 0 or above capacity = abused
 * @r_ohm: series resistance
 * @offset_v: constant deviation of its open-circuit voltage from the table
 * @forced: the voltage the BMS shall see is @forced_v, whatever the model says
 */
struct sim_cell {
	double capacity_as;
	double charge_as;
	double r_ohm;
	double offset_v;
	double forced_v;
	bool forced;
};

/* A protection with its delay: asserted once @since_s of the condition have passed. */
struct sim_trip {
	double since_s;
	bool on;
};

/**
 * struct sim_battery - the battery
 * @current_a: what flows, + = charging
 * @temp_c: MOSFETs, probe 1, probe 2
 * @temp_held: probe is held at its value by a command
 * @mos_forced_off: charge, discharge: opened by a command
 * @alarms: bits of register 8B as the model raises them
 * @heat_j: all that was turned into heat; @in_j: net energy through the terminals
 */
struct sim_battery {
	int cells;
	struct sim_cell cell[SIM_CELLS_MAX];
	struct sim_protect protect;
	double current_a;
	double ambient_c;
	double temp_c[SIM_PROBES];
	bool temp_held[SIM_PROBES];
	bool mos_forced_off[2];
	bool mos_on[2];
	bool balancing;
	uint16_t alarms;
	struct sim_trip ovp, uvp, charge_ocp, discharge_ocp, mos_ot, charge_ot, discharge_ot,
		charge_ut, discharge_ut;
	double heat_j;
	double in_j;
};

/**
 * struct sim_battery_setup - what a battery starts with
 * @spread: relative spread of capacity, charge and resistance between cells, 0 = all equal
 * @seed: for the spread
 */
struct sim_battery_setup {
	int cells;
	double capacity_ah;
	double soc_pct;
	double ambient_c;
	double spread;
	uint32_t seed;
};

/**
 * sim_ocv - open-circuit voltage of an LFP cell
 * @soc: 0..1; beyond is extrapolated, the result stays within 1.0..4.4 V
 */
double sim_ocv(double soc);

void sim_battery_init(struct sim_battery *b, const struct sim_battery_setup *setup);

/**
 * sim_battery_set_protect - take over the protection values of the BMS
 */
void sim_battery_set_protect(struct sim_battery *b, const struct sim_protect *p);

/* Default protection values of an LFP pack. */
void sim_protect_default(struct sim_protect *ret_protect);

/**
 * sim_battery_step - let time pass
 * @b: battery
 * @dt_s: model time, split into steps of at most 0.1 s
 * @wanted_a: what the inverter drives, + = charging; an open MOSFET lets nothing through
 */
void sim_battery_step(struct sim_battery *b, double dt_s, double wanted_a);

/* Charge in the cells over their capacity, per cent, not clamped. */
double sim_battery_soc(const struct sim_battery *b);
void sim_battery_set_soc(struct sim_battery *b, double soc_pct);

/* Voltage of cell @i (0 first) as the BMS sees it, volts. */
double sim_battery_cell_v(const struct sim_battery *b, int i);
double sim_battery_pack_v(const struct sim_battery *b);
double sim_battery_max_v(const struct sim_battery *b, int *ret_index);
double sim_battery_min_v(const struct sim_battery *b, int *ret_index);

/* Open-circuit voltage of the pack and its series resistance: what a charger's CV regulation sees. */
double sim_battery_pack_ocv(const struct sim_battery *b);
double sim_battery_pack_r(const struct sim_battery *b);

#endif
