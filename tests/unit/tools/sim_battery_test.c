/* SPDX-License-Identifier: Apache-2.0 */
/* The battery model of the simulator behaves like a battery. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/jk_uart.h"
#include "sim_battery.h"

#define CELLS	    16
#define CAPACITY_AH 100.0
#define HOUR_S	    3600.0
#define OCV_STEPS   20000

static void make(struct sim_battery *b, double soc_pct, double spread)
{
	const struct sim_battery_setup setup = {
		.cells = CELLS,
		.capacity_ah = CAPACITY_AH,
		.soc_pct = soc_pct,
		.ambient_c = 20,
		.spread = spread,
		.seed = 7,
	};

	sim_battery_init(b, &setup);
	b->protect.balance_on = false;
}

static void test_charging_raises_soc_and_voltage_discharging_lowers_them(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 30, 0.01);
	const double soc0 = sim_battery_soc(&b);
	const double v0 = sim_battery_pack_v(&b);

	sim_battery_step(&b, HOUR_S, 20);
	const double soc1 = sim_battery_soc(&b);
	const double v1 = sim_battery_pack_v(&b);

	assert_true(soc1 - soc0 > 19.5 && soc1 - soc0 < 20.5);
	assert_true(v1 > v0);
	sim_battery_step(&b, HOUR_S, -20);
	assert_true(fabs(sim_battery_soc(&b) - soc0) < 0.01);
	assert_true(sim_battery_pack_v(&b) < v0);
}

static void test_current_drops_voltage_over_the_resistance(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 50, 0);
	const double rest_v = sim_battery_pack_v(&b);

	sim_battery_step(&b, 0.1, -50);
	assert_true(fabs(rest_v - sim_battery_pack_v(&b) - 50 * sim_battery_pack_r(&b)) < 0.01);
}

/* Energy at the terminals = energy put into the cells + heat. */
static void test_energy_is_conserved(void **state)
{
	struct sim_battery b;
	double stored_j = 0;

	(void)state;
	make(&b, 20, 0.02);
	double before_soc[CELLS];

	for (int i = 0; i < CELLS; i++) {
		before_soc[i] = b.cell[i].charge_as / b.cell[i].capacity_as;
	}
	sim_battery_step(&b, 2 * HOUR_S, 30);
	for (int i = 0; i < CELLS; i++) {
		const struct sim_cell *c = &b.cell[i];
		const double span = c->charge_as / c->capacity_as - before_soc[i];

		for (int k = 0; k < OCV_STEPS; k++) {
			const double soc = before_soc[i] + span * (k + 0.5) / OCV_STEPS;

			stored_j += (sim_ocv(soc) + c->offset_v) * span / OCV_STEPS *
				    c->capacity_as;
		}
	}
	assert_true(b.in_j > 1e6);
	assert_true(b.heat_j > 0);
	assert_true(fabs(b.in_j - stored_j - b.heat_j) < 1e-3 * b.in_j);
}

static void test_rest_voltage_never_falls_when_charge_rises(void **state)
{
	double last = 0;

	(void)state;
	for (int k = -100; k <= 1200; k++) {
		const double v = sim_ocv(k / 1000.0);

		assert_true(v >= last);
		assert_true(v >= 1.0 && v <= 4.4);
		last = v;
	}
}

static void test_overcharge_opens_the_charge_mosfet_and_recovers(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 50, 0);
	b.cell[2].forced = true;
	b.cell[2].forced_v = 3.66;
	sim_battery_step(&b, 4, 10);
	assert_true(b.mos_on[0]); /* delay of 5 s */
	sim_battery_step(&b, 2, 10);
	assert_false(b.mos_on[0]);
	assert_true(b.mos_on[1]);
	assert_true(b.alarms & JK_ALARM_CELL_OV);
	sim_battery_step(&b, 1, 10);
	assert_true(fabs(b.current_a) < 1e-9);
	sim_battery_step(&b, 1, -10);
	assert_true(fabs(b.current_a + 10) < 1e-9); /* discharging stays possible */
	b.cell[2].forced_v = 3.44;
	sim_battery_step(&b, 0.1, 0);
	assert_true(b.mos_on[0]);
	assert_int_equal(b.alarms, 0);
}

static void test_deep_discharge_opens_the_discharge_mosfet(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 5, 0);
	sim_battery_step(&b, HOUR_S, -30);
	assert_false(b.mos_on[1]);
	assert_true(b.alarms & JK_ALARM_CELL_UV);
	/* Without current the voltage comes back a little: no cell is driven to nothing. */
	assert_true(sim_battery_min_v(&b, NULL) > 2.3);
}

static void test_over_current_opens_after_its_delay(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 50, 0);
	sim_battery_step(&b, 29, -120);
	assert_true(b.mos_on[1]);
	sim_battery_step(&b, 2, -120);
	assert_false(b.mos_on[1]);
	assert_true(b.alarms & JK_ALARM_DISCHARGE_OC);
	sim_battery_step(&b, 70, 0);
	assert_true(b.mos_on[1]);
}

static void test_temperatures_follow_load_and_ambient(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 50, 0);
	sim_battery_step(&b, HOUR_S, 45);
	assert_true(b.temp_c[0] > 21);
	assert_true(b.temp_c[1] > 20.1);
	b.ambient_c = 0;
	sim_battery_step(&b, 100 * HOUR_S, 0);
	for (int p = 0; p < SIM_PROBES; p++) {
		assert_true(fabs(b.temp_c[p]) < 0.1);
	}
	b.temp_held[1] = true;
	b.temp_c[1] = -6;
	sim_battery_step(&b, 1, 5);
	assert_true(fabs(b.temp_c[1] + 6) < 1e-9);
	assert_false(b.mos_on[0]); /* charge under-temperature protection, -5 C */
	assert_true(b.mos_on[1]);
}

static void test_cells_differ_by_the_spread_and_repeat_with_the_seed(void **state)
{
	struct sim_battery a;
	struct sim_battery b;
	struct sim_battery even;

	(void)state;
	make(&a, 50, 0.02);
	make(&b, 50, 0.02);
	make(&even, 50, 0);
	assert_memory_equal(a.cell, b.cell, sizeof(a.cell));
	assert_true(sim_battery_max_v(&a, NULL) - sim_battery_min_v(&a, NULL) > 0.0005);
	assert_true(sim_battery_max_v(&even, NULL) - sim_battery_min_v(&even, NULL) < 1e-9);
}

static void test_balancer_brings_cells_together(void **state)
{
	struct sim_battery b;

	(void)state;
	make(&b, 98, 0);
	b.protect.balance_on = true;
	b.protect.balance_start_v = 3.3;
	b.cell[4].charge_as *= 1.01;
	const double before = sim_battery_max_v(&b, NULL) - sim_battery_min_v(&b, NULL);

	sim_battery_step(&b, 0.5, 0);
	assert_true(b.balancing);
	sim_battery_step(&b, 2 * HOUR_S, 0);
	assert_true(sim_battery_max_v(&b, NULL) - sim_battery_min_v(&b, NULL) < before / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_charging_raises_soc_and_voltage_discharging_lowers_them),
		cmocka_unit_test(test_current_drops_voltage_over_the_resistance),
		cmocka_unit_test(test_energy_is_conserved),
		cmocka_unit_test(test_rest_voltage_never_falls_when_charge_rises),
		cmocka_unit_test(test_overcharge_opens_the_charge_mosfet_and_recovers),
		cmocka_unit_test(test_deep_discharge_opens_the_discharge_mosfet),
		cmocka_unit_test(test_over_current_opens_after_its_delay),
		cmocka_unit_test(test_temperatures_follow_load_and_ambient),
		cmocka_unit_test(test_cells_differ_by_the_spread_and_repeat_with_the_seed),
		cmocka_unit_test(test_balancer_brings_cells_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
