/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope, row by row and point by point, and between the points, in both directions. The pack
 * of the tables has 400 Ah and OCPs far away, so that the maximum is the configured 60 A and one
 * permille is 60 mA.
 */
#include "envelope_test.h"

struct point {
	enum dir dir;
	enum input in;
	int32_t x;
	int32_t ma;
};

#define C DIR_CHARGE
#define D DIR_DISCHARGE

/* One row a line: below the first point, the points, between them, behind the last one. */
static const struct point table[] = {
	/* charge by highest cell */
	{C, IN_CELL_MAX, 3000, 60000},
	{C, IN_CELL_MAX, 3374, 60000},
	{C, IN_CELL_MAX, 3375, 60000},
	{C, IN_CELL_MAX, 3380, 54000},
	{C, IN_CELL_MAX, 3390, 42000},
	{C, IN_CELL_MAX, 3400, 30000},
	{C, IN_CELL_MAX, 3420, 24000},
	{C, IN_CELL_MAX, 3450, 15000},
	{C, IN_CELL_MAX, 3475, 8400},
	{C, IN_CELL_MAX, 3500, 1800},
	{C, IN_CELL_MAX, 3525, 900},
	{C, IN_CELL_MAX, 3550, 0},
	{C, IN_CELL_MAX, 3551, 0},
	{C, IN_CELL_MAX, 4500, 0},
	{C, IN_CELL_MAX, 65535, 0},
	/* charge by lowest cell */
	{C, IN_CELL_MIN, 0, 0},
	{C, IN_CELL_MIN, 1999, 0},
	{C, IN_CELL_MIN, 2000, 0},
	{C, IN_CELL_MIN, 2250, 1500},
	{C, IN_CELL_MIN, 2500, 3000},
	{C, IN_CELL_MIN, 2650, 9000},
	{C, IN_CELL_MIN, 2800, 15000},
	{C, IN_CELL_MIN, 2900, 37500},
	{C, IN_CELL_MIN, 3000, 60000},
	{C, IN_CELL_MIN, 3300, 60000},
	/* discharge by lowest cell */
	{D, IN_CELL_MIN, 4000, 60000},
	{D, IN_CELL_MIN, 3200, 60000},
	{D, IN_CELL_MIN, 3150, 54000},
	{D, IN_CELL_MIN, 3100, 48000},
	{D, IN_CELL_MIN, 3050, 36000},
	{D, IN_CELL_MIN, 3000, 24000},
	{D, IN_CELL_MIN, 2975, 15000},
	{D, IN_CELL_MIN, 2950, 6000},
	{D, IN_CELL_MIN, 2925, 3000},
	{D, IN_CELL_MIN, 2900, 0},
	{D, IN_CELL_MIN, 2899, 0},
	{D, IN_CELL_MIN, 0, 0},
	/* discharge does not look at the highest cell */
	{D, IN_CELL_MAX, 3700, 60000},
	/* charge by coldest probe, C-rate of 400 Ah, at most 60 A: 0.15 C is 60 A */
	{C, IN_COLD, -400, 0},
	{C, IN_COLD, -1, 0},
	{C, IN_COLD, 0, 0},
	{C, IN_COLD, 10, 9600},
	{C, IN_COLD, 25, 24000},
	{C, IN_COLD, 50, 48000},
	{C, IN_COLD, 55, 55200},
	{C, IN_COLD, 60, 60000},
	{C, IN_COLD, 100, 60000},
	{C, IN_COLD, 200, 60000},
	/* charge by hottest probe */
	{C, IN_HOT, 400, 60000},
	{C, IN_HOT, 425, 45000},
	{C, IN_HOT, 450, 30000},
	{C, IN_HOT, 475, 22500},
	{C, IN_HOT, 500, 15000},
	{C, IN_HOT, 525, 7500},
	{C, IN_HOT, 550, 0},
	{C, IN_HOT, 990, 0},
	/* discharge by probe */
	{D, IN_COLD, -400, 0},
	{D, IN_COLD, -200, 0},
	{D, IN_COLD, -150, 7500},
	{D, IN_COLD, -100, 15000},
	{D, IN_COLD, -50, 22500},
	{D, IN_COLD, 0, 30000},
	{D, IN_COLD, 25, 45000},
	{D, IN_COLD, 50, 60000},
	{D, IN_BOTH_PROBES, 300, 60000},
	{D, IN_HOT, 450, 60000},
	{D, IN_HOT, 475, 45000},
	{D, IN_HOT, 500, 30000},
	{D, IN_HOT, 525, 22500},
	{D, IN_HOT, 550, 15000},
	{D, IN_HOT, 575, 7500},
	{D, IN_HOT, 600, 0},
	{D, IN_HOT, 990, 0},
	/* MOSFET, both */
	{C, IN_MOS, 700, 60000},
	{C, IN_MOS, 750, 37500},
	{C, IN_MOS, 800, 15000},
	{C, IN_MOS, 850, 7500},
	{C, IN_MOS, 900, 0},
	{C, IN_MOS, 990, 0},
	{D, IN_MOS, 700, 60000},
	{D, IN_MOS, 750, 37500},
	{D, IN_MOS, 800, 15000},
	{D, IN_MOS, 850, 7500},
	{D, IN_MOS, 900, 0},
	{D, IN_MOS, 990, 0},
};

static void test_SAF_05_default_envelope_every_point_and_between(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct envelope_in in = healthy();

		set_input(&in, table[i].in, table[i].x);
		if (ceiling(&in, table[i].dir) != table[i].ma) {
			print_error("row %zu: dir %d input %d at %d\n", i, (int)table[i].dir,
				    (int)table[i].in, table[i].x);
		}
		assert_int_equal(ceiling(&in, table[i].dir), table[i].ma);
	}
}

/* Cold C-rates below the maximum: 100 Ah, maximum 50 A. */
static void test_SAF_05_cold_rates_of_a_small_battery(void **state)
{
	static const struct {
		int32_t dc;
		int32_t ma;
	} rows[] = {
		{0, 0},	      {25, 6000},   {50, 12000},  {75, 21000},
		{100, 30000}, {150, 40000}, {200, 50000}, {300, 50000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_in in = healthy();

		in.bms.capacity_mah = 100000;
		in.cold_dc = rows[i].dc;
		assert_int_equal(ceiling(&in, DIR_CHARGE), rows[i].ma);
	}
}

static void test_SAF_05_envelope_is_the_minimum_of_all_rows(void **state)
{
	struct envelope_in in = healthy();

	(void)state;
	in.cell_max_mv = 3400; /* 30 A */
	in.mos_dc = 800;       /* 15 A */
	in.hot_dc = 450;       /* 30 A */
	assert_int_equal(ceiling(&in, DIR_CHARGE), 15000);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_MOS_TEMP);
	in.cell_max_mv = 3500; /* 1.8 A */
	assert_int_equal(ceiling(&in, DIR_CHARGE), 1800);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_CELL_HIGH);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 15000);
}

static void scan_monotone(enum preset preset)
{
	struct envelope_in in = healthy();
	int32_t before = INT32_MAX;

	core_config_preset(&config, preset);
	for (int32_t mv = 0; mv <= UINT16_MAX; mv++) {
		in.cell_max_mv = mv;
		const int32_t ma = ceiling(&in, DIR_CHARGE);

		assert_true(ma >= 0 && ma <= before);
		before = ma;
	}
	in = healthy();
	int32_t charge = 0;
	int32_t discharge = 0;

	for (int32_t mv = 0; mv <= UINT16_MAX; mv++) {
		in.cell_min_mv = mv;
		const int32_t c = ceiling(&in, DIR_CHARGE);
		const int32_t d = ceiling(&in, DIR_DISCHARGE);

		assert_true(c >= charge && c <= MAX_MA);
		assert_true(d >= discharge && d <= MAX_MA);
		charge = c;
		discharge = d;
	}
	assert_int_equal(charge, MAX_MA);
	assert_int_equal(discharge, MAX_MA);
}

static void test_SAF_05_monotone_over_the_whole_input_range(void **state)
{
	(void)state;
	scan_monotone(PRESET_LFP);
	scan_monotone(PRESET_SEED);
}

static void test_SAF_05_temperatures_have_no_gap(void **state)
{
	(void)state;
	for (int32_t dc = -400; dc <= 1000; dc++) {
		struct envelope_in in = healthy();

		in.cold_dc = dc;
		in.hot_dc = dc;
		const int32_t c = ceiling(&in, DIR_CHARGE);
		const int32_t d = ceiling(&in, DIR_DISCHARGE);

		assert_true((c > 0) == (dc > 0 && dc < 550));
		assert_true((d > 0) == (dc > -200 && dc < 600));
	}
}

/* The table of the original README: rows of both tables, just below each, and the low rows. */
static void test_SAF_05_preset_seed(void **state)
{
	static const struct point rows[] = {
		{C, IN_CELL_MAX, 3300, 60000}, {C, IN_CELL_MAX, 3449, 60000},
		{C, IN_CELL_MAX, 3450, 30000}, {C, IN_CELL_MAX, 3469, 30000},
		{C, IN_CELL_MAX, 3470, 15000}, {C, IN_CELL_MAX, 3499, 15000},
		{C, IN_CELL_MAX, 3500, 2000},  {C, IN_CELL_MAX, 3549, 2000},
		{C, IN_CELL_MAX, 3550, 0},     {C, IN_CELL_MAX, 3700, 0},
		{C, IN_CELL_MIN, 3000, 60000}, {C, IN_CELL_MIN, 2999, 30000},
		{C, IN_CELL_MIN, 2700, 30000}, {C, IN_CELL_MIN, 2699, 0},
		{C, IN_CELL_MIN, 0, 0},	       {D, IN_CELL_MIN, 3300, 60000},
		{D, IN_CELL_MIN, 3299, 50000}, {D, IN_CELL_MIN, 3100, 50000},
		{D, IN_CELL_MIN, 3099, 30000}, {D, IN_CELL_MIN, 3000, 30000},
		{D, IN_CELL_MIN, 2999, 10000}, {D, IN_CELL_MIN, 2901, 10000},
		{D, IN_CELL_MIN, 2899, 0},     {D, IN_CELL_MIN, 0, 0},
	};

	(void)state;
	core_config_preset(&config, PRESET_SEED);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_in in = healthy();

		set_input(&in, rows[i].in, rows[i].x);
		if (ceiling(&in, rows[i].dir) != rows[i].ma) {
			print_error("seed row %zu\n", i);
		}
		assert_int_equal(ceiling(&in, rows[i].dir), rows[i].ma);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_05_default_envelope_every_point_and_between, setup),
		cmocka_unit_test_setup(test_SAF_05_cold_rates_of_a_small_battery, setup),
		cmocka_unit_test_setup(test_SAF_05_envelope_is_the_minimum_of_all_rows, setup),
		cmocka_unit_test_setup(test_SAF_05_monotone_over_the_whole_input_range, setup),
		cmocka_unit_test_setup(test_SAF_05_temperatures_have_no_gap, setup),
		cmocka_unit_test_setup(test_SAF_05_preset_seed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
