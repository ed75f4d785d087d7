/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope: what closes a direction, and the settings of the BMS as an outer bound. The pack has
 * 400 Ah and OCPs far away, so that the maximum is the configured 60 A.
 */
#include "envelope_test.h"

#define C DIR_CHARGE
#define D DIR_DISCHARGE

/* No capacity from the BMS: the maximum stands for 0.5 C, so 0.12 C is 24 % of it. */
static void test_SAF_15_cold_rates_without_a_capacity(void **state)
{
	struct envelope_in in = healthy();

	(void)state;
	in.bms.capacity_mah = SAMPLE_NO_VALUE;
	assert_int_equal(ceiling(&in, DIR_CHARGE), MAX_MA);
	in.cold_dc = 50;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 14400);
	in.cold_dc = 0;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
}

static void test_SAF_04_causes_of_zero(void **state)
{
	static const struct {
		const char *what;
		enum input in;
		int32_t x;
		bool charge;
		bool discharge;
	} rows[] = {
		{"cell over", IN_CELL_MAX, 3550, false, true},
		{"cell under", IN_CELL_MIN, 2900, true, false},
		{"charge window cold", IN_COLD, 0, false, true},
		{"charge window hot", IN_HOT, 550, false, true},
		{"discharge window cold", IN_COLD, -200, false, false},
		{"discharge window hot", IN_HOT, 600, false, false},
		{"MOSFET hot", IN_MOS, 900, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_in in = healthy();

		set_input(&in, rows[i].in, rows[i].x);
		assert_true((ceiling(&in, DIR_CHARGE) > 0) == rows[i].charge);
		assert_true((ceiling(&in, DIR_DISCHARGE) > 0) == rows[i].discharge);
	}
}

/* The limit levels hold even where a curve of the user would still allow current. */
static void test_SAF_04_limit_levels_win_over_curves(void **state)
{
	static const struct {
		enum level_id level;
		int32_t limit;
		enum input in;
		bool high;
		enum dir dir;
		uint32_t rule;
	} rows[] = {
		{LEVEL_CELL_HIGH, 3390, IN_CELL_MAX, true, C, RULE_CELL_OVER},
		{LEVEL_CELL_LOW, 3100, IN_CELL_MIN, false, D, RULE_CELL_UNDER},
		{LEVEL_CHARGE_COLD, 100, IN_COLD, false, C, RULE_TEMP_COLD},
		{LEVEL_CHARGE_HOT, 420, IN_HOT, true, C, RULE_TEMP_HOT},
		{LEVEL_DISCHARGE_COLD, 20, IN_COLD, false, D, RULE_TEMP_DIS},
		{LEVEL_DISCHARGE_HOT, 500, IN_HOT, true, D, RULE_TEMP_DIS},
		{LEVEL_MOS_HOT, 720, IN_MOS, true, C, RULE_MOS_TEMP},
		{LEVEL_MOS_HOT, 720, IN_MOS, true, D, RULE_MOS_TEMP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_in in = healthy();

		core_config_default(&config);
		config.level[rows[i].level].limit = rows[i].limit;
		set_input(&in, rows[i].in, rows[i].limit + (rows[i].high ? -1 : 1));
		assert_true(ceiling(&in, rows[i].dir) > 0);
		set_input(&in, rows[i].in, rows[i].limit);
		assert_int_equal(ceiling(&in, rows[i].dir), 0);
		assert_int_equal(rule_of(&in, rows[i].dir), rows[i].rule);
	}
}

static void test_SAF_04_mosfet_off_and_missing_values(void **state)
{
	struct envelope_in in = healthy();

	(void)state;
	in.mosfet[DIR_CHARGE] = false;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_MOSFET_OFF);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), MAX_MA);
	in = healthy();
	in.mosfet[DIR_DISCHARGE] = false;
	assert_int_equal(ceiling(&in, DIR_CHARGE), MAX_MA);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 0);
	in = healthy();
	in.probes_ok = false;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_PROBE_INVALID);
	in = healthy();
	in.valid = false;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_FIELD_INVALID);
	in = healthy();
	in.disobeyed[DIR_CHARGE] = true;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_DISOBEYED);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), MAX_MA);
}

static void test_SAF_04_alarms_of_the_bms(void **state)
{
	static const struct {
		bool charge; /* still allowed */
		bool discharge;
	} bit[16] = {
		[0] = {true, true},    [1] = {false, false},  [2] = {false, true},
		[3] = {true, false},   [4] = {false, false},  [5] = {false, true},
		[6] = {true, false},   [7] = {true, true},    [8] = {false, false},
		[9] = {false, true},   [10] = {false, true},  [11] = {true, false},
		[12] = {false, false}, [13] = {false, false}, [14] = {true, true},
		[15] = {true, true},
	};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(bit); i++) {
		struct envelope_in in = healthy();

		in.alarms = (uint16_t)(1U << i);
		assert_int_equal(ceiling(&in, DIR_CHARGE), bit[i].charge ? MAX_MA : 0);
		assert_int_equal(ceiling(&in, DIR_DISCHARGE), bit[i].discharge ? MAX_MA : 0);
	}
}

static void test_SAF_15_current_protection_is_an_outer_envelope(void **state)
{
	static const struct {
		int32_t ocp_ma;
		int32_t configured_ma;
		int32_t capacity_mah;
		int32_t ma;
	} rows[] = {
		{50000, 60000, 400000, 45000},		  /* 0.9 x OCP */
		{66666, 60000, 400000, 59999},		  /* rounded down */
		{67000, 60000, 400000, 60000},		  /* configured wins */
		{50000, 40000, 400000, 40000},		  /* configured wins */
		{500000, 60000, 100000, 50000},		  /* 0.5 C wins */
		{SAMPLE_NO_VALUE, 60000, 400000, 60000},  /* ignored */
		{500000, 60000, SAMPLE_NO_VALUE, 60000},  /* ignored */
		{1000, 60000, 1000, 500},		  /* smallest */
		{1000000, 1000000, 20000000, 900000},	  /* largest */
		{SAMPLE_NO_VALUE, 0, SAMPLE_NO_VALUE, 0}, /* user says no */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_in in = healthy();

		for (uint32_t d = 0; d < DIRS; d++) {
			in.bms.ocp_ma[d] = rows[i].ocp_ma;
			config.max_ma[d] = rows[i].configured_ma;
		}
		in.bms.capacity_mah = rows[i].capacity_mah;
		in.cold_dc = 250;
		assert_int_equal(envelope_maximum(&config, &in.bms, DIR_CHARGE), rows[i].ma);
		assert_int_equal(ceiling(&in, DIR_CHARGE), rows[i].ma);
		assert_int_equal(ceiling(&in, DIR_DISCHARGE), rows[i].ma);
	}
}

static void test_SAF_15_cells_stay_20_mv_inside(void **state)
{
	struct envelope_in in = healthy();

	(void)state;
	in.bms.cell_ovp_mv = 3480;
	in.cell_max_mv = 3459;
	assert_true(ceiling(&in, DIR_CHARGE) > 0);
	in.cell_max_mv = 3460;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_BMS_OVP);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), MAX_MA);
	in = healthy();
	in.bms.cell_uvp_mv = 3000;
	in.cell_min_mv = 3021;
	assert_true(ceiling(&in, DIR_DISCHARGE) > 0);
	in.cell_min_mv = 3020;
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_DISCHARGE), RULE_BMS_UVP);
	assert_int_equal(ceiling(&in, DIR_CHARGE), MAX_MA);
	in.bms.cell_uvp_mv = SAMPLE_NO_VALUE;
	in.bms.cell_ovp_mv = SAMPLE_NO_VALUE;
	assert_true(ceiling(&in, DIR_DISCHARGE) > 0);
	assert_int_equal(ceiling(&in, DIR_CHARGE), MAX_MA);
	/* those of the pack bind in the same way, whichever is tighter */
	in = healthy();
	in.bms.pack_ovp_mv = 3480;
	in.cell_max_mv = 3459;
	assert_true(ceiling(&in, DIR_CHARGE) > 0);
	in.cell_max_mv = 3460;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_BMS_OVP);
	in.bms.pack_ovp_mv = SAMPLE_NO_VALUE;
	assert_true(ceiling(&in, DIR_CHARGE) > 0);
	in = healthy();
	in.bms.pack_uvp_mv = 3000;
	in.cell_min_mv = 3021;
	assert_true(ceiling(&in, DIR_DISCHARGE) > 0);
	in.cell_min_mv = 3020;
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 0);
	assert_int_equal(rule_of(&in, DIR_DISCHARGE), RULE_BMS_UVP);
	in.bms.pack_uvp_mv = SAMPLE_NO_VALUE;
	assert_true(ceiling(&in, DIR_DISCHARGE) > 0);
}

static void test_SAF_15_temperature_protections(void **state)
{
	static const struct {
		enum dir dir;
		bool hot;
		int32_t at;
	} rows[] = {
		{C, true, 350},
		{C, false, 150},
		{D, true, 350},
		{D, false, 150},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct envelope_in in = healthy();
		int32_t *protection = rows[i].hot ? &in.bms.otp_dc[rows[i].dir]
						  : &in.bms.utp_dc[rows[i].dir];

		*protection = rows[i].at;
		in.cold_dc = 200;
		in.hot_dc = 200;
		set_input(&in, IN_BOTH_PROBES, rows[i].at + (rows[i].hot ? -10 : 10));
		assert_true(ceiling(&in, rows[i].dir) > 0);
		set_input(&in, IN_BOTH_PROBES, rows[i].at);
		assert_int_equal(ceiling(&in, rows[i].dir), 0);
		assert_int_equal(rule_of(&in, rows[i].dir), RULE_BMS_TEMP);
		assert_true(ceiling(&in, rows[i].dir == C ? D : C) > 0);
		*protection = SAMPLE_NO_VALUE;
		assert_true(ceiling(&in, rows[i].dir) > 0);
	}
	struct envelope_in in = healthy();

	in.bms.mos_otp_dc = 600;
	in.mos_dc = 600;
	assert_int_equal(ceiling(&in, C), 0);
	assert_int_equal(ceiling(&in, D), 0);
	in.bms.mos_otp_dc = SAMPLE_NO_VALUE;
	assert_int_equal(ceiling(&in, C), MAX_MA);
	/* the box: both directions, by the hottest probe */
	in = healthy();
	in.bms.box_otp_dc = 350;
	in.hot_dc = 349;
	assert_int_equal(ceiling(&in, C), MAX_MA);
	in.hot_dc = 350;
	assert_int_equal(ceiling(&in, C), 0);
	assert_int_equal(ceiling(&in, D), 0);
	assert_int_equal(rule_of(&in, D), RULE_BMS_TEMP);
	in.bms.box_otp_dc = SAMPLE_NO_VALUE;
	assert_int_equal(ceiling(&in, C), MAX_MA);
}

/* Attended recovery: 0.05 C whatever the lowest cell says, everything else still counts. */
static void test_recovery_allows_a_twentieth_of_the_capacity(void **state)
{
	struct envelope_in in = healthy();

	(void)state;
	in.recovery = true;
	in.cell_min_mv = 1900;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 20000);
	assert_int_equal(rule_of(&in, DIR_CHARGE), RULE_RECOVERY);
	assert_int_equal(ceiling(&in, DIR_DISCHARGE), 0);
	in.bms.capacity_mah = 100000;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 5000);
	in.bms.capacity_mah = SAMPLE_NO_VALUE;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 3000);
	in.cell_max_mv = 3550;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
	in = healthy();
	in.recovery = true;
	in.cold_dc = 0;
	assert_int_equal(ceiling(&in, DIR_CHARGE), 0);
}

static void test_every_rule_has_its_own_verdict(void **state)
{
	struct envelope_in in = healthy();
	int32_t each[RULES];
	uint32_t rule = RULE_NONE;

	(void)state;
	in.cell_max_mv = 3450;
	in.mos_dc = 800;
	(void)envelope_eval(&config, &in, DIR_CHARGE, &rule, each);
	assert_int_equal(rule, RULE_CELL_HIGH);
	assert_int_equal(each[RULE_MAXIMUM], MAX_MA);
	assert_int_equal(each[RULE_C_RATE], 200000);
	assert_int_equal(each[RULE_BMS_OCP], 450000);
	assert_int_equal(each[RULE_CELL_HIGH], 15000);
	assert_int_equal(each[RULE_CELL_LOW], MAX_MA);
	assert_int_equal(each[RULE_MOS_TEMP], 15000);
	assert_int_equal(each[RULE_CELL_OVER], INT32_MAX);
	assert_int_equal(each[RULE_CELL_LOW_DIS], INT32_MAX);
	assert_int_equal(each[RULE_RAMP], INT32_MAX);
}

static void test_probes_cold_uses_the_floor_hot_the_nominal(void **state)
{
	struct sample s = {.cells = 16, .probe_dc = {-20, 300}, .probe_floor_dc = {-30, 300}};
	struct envelope_in in;

	(void)state;
	envelope_input(&s, 3, true, &in);
	assert_int_equal(in.cold_dc, -30);
	assert_int_equal(in.hot_dc, 300);
	assert_true(in.probes_ok);
	envelope_input(&s, 1, true, &in);
	assert_int_equal(in.cold_dc, -30);
	assert_int_equal(in.hot_dc, -20);
	envelope_input(&s, 2, true, &in);
	assert_int_equal(in.cold_dc, 300);
	assert_int_equal(in.hot_dc, 300);
	envelope_input(&s, 0, true, &in);
	assert_false(in.probes_ok);
	envelope_input(&s, 3, false, &in);
	assert_false(in.probes_ok);
	assert_true(in.valid);
	s.missing = SAMPLE_NO_SOC;
	envelope_input(&s, 3, true, &in);
	assert_true(in.valid);
	s.missing = SAMPLE_NO_CURRENT;
	envelope_input(&s, 3, true, &in);
	assert_false(in.valid);
	s.missing = 0;
	s.cells = 0;
	envelope_input(&s, 3, true, &in);
	assert_false(in.valid);
}

static void test_cells_share_is_the_maximum_in_the_full_zone_only(void **state)
{
	struct envelope_in in = healthy();

	(void)state;
	assert_int_equal(envelope_cells(&config, &in, DIR_CHARGE), MAX_MA);
	assert_int_equal(envelope_cells(&config, &in, DIR_DISCHARGE), MAX_MA);
	in.cell_max_mv = 3376;
	assert_int_equal(envelope_cells(&config, &in, DIR_CHARGE), 58800);
	in.cell_min_mv = 3199;
	assert_int_equal(envelope_cells(&config, &in, DIR_DISCHARGE), 59880);
	in.mos_dc = 800; /* not a matter of cells */
	assert_int_equal(envelope_cells(&config, &in, DIR_DISCHARGE), 59880);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_15_cold_rates_without_a_capacity, setup),
		cmocka_unit_test_setup(test_SAF_04_causes_of_zero, setup),
		cmocka_unit_test_setup(test_SAF_04_limit_levels_win_over_curves, setup),
		cmocka_unit_test_setup(test_SAF_04_mosfet_off_and_missing_values, setup),
		cmocka_unit_test_setup(test_SAF_04_alarms_of_the_bms, setup),
		cmocka_unit_test_setup(test_SAF_15_current_protection_is_an_outer_envelope, setup),
		cmocka_unit_test_setup(test_SAF_15_cells_stay_20_mv_inside, setup),
		cmocka_unit_test_setup(test_SAF_15_temperature_protections, setup),
		cmocka_unit_test_setup(test_recovery_allows_a_twentieth_of_the_capacity, setup),
		cmocka_unit_test_setup(test_every_rule_has_its_own_verdict, setup),
		cmocka_unit_test_setup(test_probes_cold_uses_the_floor_hot_the_nominal, setup),
		cmocka_unit_test_setup(test_cells_share_is_the_maximum_in_the_full_zone_only,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
