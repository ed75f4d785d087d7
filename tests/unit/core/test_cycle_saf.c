/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants on the whole core: enable bits, SoC, held values, saturation, jumps, ratchet. */
#include "core_test.h"

static struct bench b;
static struct bench from;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	drain_reply(&from);
	bench_fork(&b, &from);
	return 0;
}

static void fresh(void)
{
	bench_init(&b);
	bench_fast_ramps(&b.config);
}

static void test_SAF_08_enable_bits_follow_the_limits(void **state)
{
	static const struct {
		uint16_t status;
		bool force;
		uint8_t soc;
		uint8_t enables;
	} rows[] = {
		{3, false, 55, 0xC0}, {2, false, 55, 0x40}, {1, false, 55, 0x80},
		{0, false, 55, 0},    {3, false, 5, 0xC0},  {3, true, 5, 0xE0},
		{3, true, 10, 0xE0},  {3, true, 11, 0xC0},  {2, true, 5, 0x40},
		{0, true, 5, 0},      {1, true, 5, 0xA0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh();
		b.battery.status = rows[i].status;
		b.battery.soc_pct = rows[i].soc;
		b.config.force_charge = rows[i].force;
		bench_boot(&b, NULL);
		bench_run_ms(&b, 5000);
		assert_int_equal(bench_enables(&b), rows[i].enables);
		assert_true((bench_ccl_ma(&b) > 0) == ((rows[i].enables & 0x80) != 0));
		assert_true((bench_dcl_ma(&b) > 0) == ((rows[i].enables & 0x40) != 0));
		b.silent = true;
		bench_run_ms(&b, 4000);
		assert_safe_set(&b);
	}
}

/* Force-charge is requested only on a SoC that is valid now. */
static void test_SAF_08_no_force_charge_on_a_held_soc(void **state)
{
	(void)state;
	fresh();
	b.battery.soc_pct = 5;
	b.config.force_charge = true;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_enables(&b), 0xE0);
	b.battery.omit = JK_HAVE(JK_REG_SOC);
	bench_run_ms(&b, 2000);
	assert_int_equal(bench_enables(&b) & REQUEST_BITS, 0);
	assert_int_equal(bench_soc(&b), 11);
}

static void test_SAF_09_soc_on_the_bus(void **state)
{
	static const struct {
		uint8_t soc;
		bool frozen; /* charge envelope 0 by cold */
		int32_t shown;
	} rows[] = {
		{55, false, 55}, {1, false, 1},	   {10, false, 10}, {11, false, 11},
		{99, false, 99}, {100, false, 99}, {55, true, 55},  {1, true, 11},
		{10, true, 11},	 {11, true, 11},   {12, true, 12},  {100, true, 99},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh();
		b.battery.soc_pct = rows[i].soc;
		b.battery.box_raw = rows[i].frozen ? 105 : 20;
		b.battery.battery_raw = b.battery.box_raw;
		bench_boot(&b, NULL);
		bench_run_ms(&b, 5000);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		assert_int_equal(bench_soc(&b), rows[i].shown);
		/* data lost: held, with the floor */
		b.silent = true;
		bench_run_ms(&b, 5000);
		assert_int_equal(bench_soc(&b), max_i32(rows[i].shown, 11));
		assert_int_equal(b.last[PYLON_FRAME_SOC].data[2], 100);
	}
	/* another force-charge SoC, another floor */
	fresh();
	b.config.force_charge_soc = 25;
	b.battery.soc_pct = 3;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	b.silent = true;
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_soc(&b), 26);
}

static void test_SAF_09_soc_zero_after_power_up_is_held(void **state)
{
	(void)state;
	b.battery.soc_pct = 0;
	b.battery.cycles = 0;
	bench_run_ms(&b, 16000);
	assert_int_equal(bench_soc(&b), 55);
	b.battery.soc_pct = 54;
	b.battery.cycles = 12;
	bench_run_ms(&b, 1500);
	assert_int_equal(bench_soc(&b), 54);
	/* a step: one sample held, then believed */
	drain_reply(&b);
	b.battery.soc_pct = 30;
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->soc_shown_pct, 54);
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->soc_shown_pct, 30);
}

/* The ladder at 0 for another reason than the envelope: the inverter must not force-charge. */
static void test_SAF_09_floor_on_every_step_that_stops(void **state)
{
	(void)state;
	fresh();
	b.battery.soc_pct = 4;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_soc(&b), 4);
	b.guard_dead = true;
	bench_run_ms(&b, 1500);
	assert_safe_set(&b);
	assert_int_equal(bench_soc(&b), 11);
}

static void test_SAF_09_values_are_held_never_zero(void **state)
{
	static const uint64_t omit[] = {
		JK_HAVE(JK_REG_VOLTAGE), JK_HAVE(JK_REG_CURRENT),
		JK_HAVE(JK_REG_SOC),	 JK_HAVE(JK_REG_BOX_TEMP) | JK_HAVE(JK_REG_BATTERY_TEMP),
		UINT64_MAX - 1,
	};
	uint8_t soc[4];
	uint8_t measured[6];

	(void)state;
	b.battery.pack_ma = 7300;
	bench_run_ms(&b, 2000);
	memcpy(soc, b.last[PYLON_FRAME_SOC].data, sizeof(soc));
	memcpy(measured, b.last[PYLON_FRAME_MEASURED].data, sizeof(measured));
	assert_int_equal(measured[2] | measured[3] << 8, 73);
	bench_fork(&from, &b);
	for (size_t i = 0; i < ARRAY_SIZE(omit); i++) {
		bench_fork(&b, &from);
		b.battery.omit = omit[i] & ~JK_HAVE(JK_REG_VERSION);
		bench_run_ms(&b, 20000);
		assert_memory_equal(b.last[PYLON_FRAME_SOC].data, soc, sizeof(soc));
		assert_memory_equal(b.last[PYLON_FRAME_MEASURED].data, measured, sizeof(measured));
	}
}

/* The pack as large and as odd as the protocol allows: nothing wraps, nothing is negative. */
static void test_SAF_10_extremes_saturate(void **state)
{
	(void)state;
	fresh();
	b.battery.cells = 32;
	bench_battery_all(&b.battery, 3300);
	b.battery.capacity_ah = 20000;
	b.battery.charge_ocp_a = 1000;
	b.battery.discharge_ocp_a = 1000;
	b.battery.pack_ma = -327670;
	b.config.max_ma[DIR_CHARGE] = INT32_MAX;
	b.config.max_ma[DIR_DISCHARGE] = INT32_MAX;
	b.config.modules = 255;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_ccl_ma(&b), 900000);
	assert_int_equal(bench_dcl_ma(&b), 900000);
	const uint8_t *d = b.last[PYLON_FRAME_MEASURED].data;

	assert_int_equal((int16_t)(d[0] | d[1] << 8), 10560);
	assert_int_equal((int16_t)(d[2] | d[3] << 8), -3277);
	/* beyond the wire: 4000 A do not fit into 16 bits of 0.1 A */
	b.battery.charge_ocp_a = 0;
	b.battery.discharge_ocp_a = 0;
	b.config.max_explicit[DIR_CHARGE] = true;
	b.config.max_explicit[DIR_DISCHARGE] = true;
	/* a protection value that vanishes stays in force... */
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_ccl_ma(&b), 900000);
	assert_int_equal(bench_dcl_ma(&b), 900000);
	/* ...one that never was there limits nothing */
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_ccl_ma(&b), 3276700);
	assert_int_equal(bench_dcl_ma(&b), 3276700);
}

/* The bus was offered 0 A while nobody confirmed: the way back is a ramp, not a jump. */
static void test_SAF_06_after_a_lost_bus_the_limit_rises_slowly(void **state)
{
	(void)state;
	bench_init(&b);
	bench_warm_up(&b);
	assert_int_equal(bench_ccl_ma(&b), 60000);
	b.bus_dead = true;
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->limited_by[DIR_CHARGE], RULE_CAN_LOST);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_DISCHARGE], 0);
	b.bus_dead = false;
	bench_run_ms(&b, 5000);
	assert_true(bench_ccl_ma(&b) > 0 && bench_ccl_ma(&b) <= 5000);
	bench_run_ms(&b, 60000);
	assert_int_equal(bench_ccl_ma(&b), 60000);
}

/* Another fault of the cells in every sample is as much nonsense as the same one twice. */
static void test_FLT_15_faults_that_take_turns_are_confirmed_too(void **state)
{
	(void)state;
	fresh();
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	drain_reply(&b);
	for (int i = 0; i < 4; i++) {
		b.battery.cells = i % 2 == 0 ? 15 : 16;
		b.battery.cell_mv[7] = i % 2 == 0 ? 3300 : 900;
		run_samples(&b, 1);
	}
	assert_true(bench_tele(&b)->step >= STEP_STOP);
	assert_int_equal(bench_dcl_ma(&b), 0);
}

static void test_FLT_11_frozen_values(void **state)
{
	(void)state;
	b.battery.cell_mv[0] = 3400;
	b.battery.pack_ma = 5000;
	bench_run_ms(&b, 61000);
	assert_true(b.events[EVENT_FROZEN_WARN] > 0);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(bench_ccl_ma(&b), 30000);
	bench_run_ms(&b, 240000);
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	assert_int_equal(bench_tele(&b)->reason, REASON_FROZEN);
	assert_safe_set(&b);
	b.battery.runtime_min++;
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
}

static void test_FLT_12_over_voltage_step_within_the_reply(void **state)
{
	(void)state;
	b.battery.cell_mv[9] = 3400;
	bench_run_ms(&b, 2000);
	drain_reply(&b);
	b.battery.cell_mv[9] = 3600;
	run_samples(&b, 1);
	/* the frame is in the output of the very step that read the last byte */
	assert_int_equal(bench_ccl_ma(&b), 0);
	assert_int_equal(bench_enables(&b), ENABLE_DISCHARGE_BIT);
	assert_true(b.last_ns[PYLON_FRAME_LIMITS] == b.now_ns - PERIOD_MS * NS_PER_MS);
}

static void test_FLT_14_FLT_15_FLT_16_values_that_jump(void **state)
{
	static const struct {
		uint16_t mv;  /* of one cell */
		uint16_t raw; /* of both probes */
		bool zero_charge;
		bool zero_discharge;
		bool stop; /* when confirmed */
	} rows[] = {
		{3800, 20, true, false, false},	  {2850, 20, false, true, false},
		{0, 20, true, true, true},	  {4600, 20, true, false, true},
		{3300, 150, true, true, false},	  {3300, 255, true, true, false},
		{3300, 65535, true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		bench_run_ms(&b, 5000);
		drain_reply(&b);
		b.battery.cell_mv[6] = rows[i].mv;
		b.battery.box_raw = rows[i].raw;
		b.battery.battery_raw = rows[i].raw;
		/* one reading: lowers at once, no alarm */
		run_samples(&b, 1);
		assert_true((bench_ccl_ma(&b) == 0) == rows[i].zero_charge);
		assert_true((bench_dcl_ma(&b) == 0) == rows[i].zero_discharge);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		run_samples(&b, 1);
		assert_int_equal(bench_tele(&b)->step, rows[i].stop ? STEP_STOP : STEP_RUN);
		/* it was a glitch: everything comes back by itself */
		b.battery.cell_mv[6] = 3300;
		b.battery.box_raw = 20;
		b.battery.battery_raw = 20;
		bench_run_ms(&b, 5000);
		assert_int_equal(bench_ccl_ma(&b), 60000);
		assert_int_equal(bench_dcl_ma(&b), 60000);
	}
}

/* A curve that ends below the maximum has a full zone too: no limit is stuck for ever. */
static void test_SAF_06_ratchet_lets_go_of_the_seed_tables(void **state)
{
	static const struct {
		enum preset preset;
		int32_t max_ma;
	} rows[] = {
		{PRESET_LFP, 60000},
		{PRESET_SEED, 60000},
		{PRESET_SEED, 80000},
		{PRESET_LFP, 80000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh();
		core_config_preset(&b.config, rows[i].preset);
		b.config.max_ma[DIR_CHARGE] = rows[i].max_ma;
		b.config.max_ma[DIR_DISCHARGE] = rows[i].max_ma;
		start_fast(&b);
		const int32_t ccl_ma = bench_ccl_ma(&b);
		const int32_t dcl_ma = bench_dcl_ma(&b);

		b.battery.cell_mv[0] = 3500;
		run_samples(&b, 2);
		b.battery.cell_mv[0] = 3560;
		run_samples(&b, 2);
		assert_int_equal(bench_ccl_ma(&b), 0);
		b.battery.cell_mv[0] = 3300;
		b.battery.cell_mv[1] = 3100;
		run_samples(&b, 3);
		b.battery.cell_mv[1] = 2900;
		run_samples(&b, 3);
		assert_int_equal(bench_dcl_ma(&b), 0);
		b.battery.cell_mv[1] = 3100;
		run_samples(&b, 2);
		b.battery.cell_mv[1] = 3300;
		bench_run_ms(&b, 5000);
		assert_int_equal(bench_ccl_ma(&b), ccl_ma);
		assert_int_equal(bench_dcl_ma(&b), dcl_ma);
	}
}

/* A cell that swings with the current around a bend of the curve: the limit does not hunt. */
static void test_SAF_06_a_swinging_cell_does_not_make_the_limit_hunt(void **state)
{
	uint32_t rises = 0;
	int32_t before;

	(void)state;
	core_config_default(&b.config);
	before = bench_tele(&b)->limit_ma[DIR_CHARGE];
	for (int i = 0; i < 2400; i++) {
		const int32_t ma = bench_tele(&b)->limit_ma[DIR_CHARGE];

		/* follows the limit: 3.36 V at 0 A, 3.42 V at 60 A */
		b.battery.cell_mv[0] = (uint16_t)(3376 + ma / 1000);
		run_samples(&b, 1);
		rises += bench_tele(&b)->limit_ma[DIR_CHARGE] > before ? 1 : 0;
		before = bench_tele(&b)->limit_ma[DIR_CHARGE];
	}
	assert_int_equal(rises, 0);
}

static void test_explain_names_every_rule(void **state)
{
	int32_t ma[RULES];

	(void)state;
	assert_true(cycle_explain(&b.cycle, DIR_CHARGE, ma));
	assert_int_equal(ma[RULE_MAXIMUM], 60000);
	assert_int_equal(ma[RULE_C_RATE], 100000);
	assert_int_equal(ma[RULE_BMS_OCP], 90000);
	bench_init(&b);
	bench_boot(&b, NULL);
	assert_false(cycle_explain(&b.cycle, DIR_CHARGE, ma));
}

/* More events in one period than there is room for: counted, never written beyond the list. */
static void test_lost_events_are_counted(void **state)
{
	struct event event[2];
	struct sink sink = {.now_ns = 5, .event = event, .max = ARRAY_SIZE(event)};

	(void)state;
	for (int i = 0; i < 5; i++) {
		sink_emit(&sink, EVENT_STEP, i, 2, 3, 4);
	}
	assert_int_equal(sink.len, 2);
	assert_int_equal(sink.lost, 3);
	assert_int_equal(event[1].arg[0], 1);
	assert_int_equal(event[1].t_ns, 5);
}

/* 0x356 and a held CVL come from a pack voltage that the cells agree with. */
static void test_SAF_09_pack_voltage_is_shown_only_if_it_is_the_sum(void **state)
{
	static const struct {
		int32_t pack_mv; /* -1: the sum, 52.80 V */
		uint16_t cell_1_mv;
		int32_t shown_mv;
	} rows[] = {
		{-1, 3300, 52800},    {53300, 3300, 53300}, {53350, 3300, 52800},
		{52300, 3300, 52300}, {52250, 3300, 52800}, {65000, 3300, 52800},
		{10000, 3300, 52800}, {0, 3300, 52800},	    {-1, 3450, 52950},
		{-1, 4600, 52800}, /* a cell out of range: its sum is not believed either */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		b.battery.pack_mv = rows[i].pack_mv;
		b.battery.cell_mv[0] = rows[i].cell_1_mv;
		run_samples(&b, 1);
		if (b.cycle.say.pack_mv != rows[i].shown_mv) {
			print_error("row %zu\n", i);
		}
		assert_int_equal(b.cycle.say.pack_mv, rows[i].shown_mv);
		bench_run_ms(&b, 2000);
		assert_int_equal(b.cycle.say.pack_mv, rows[i].shown_mv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_08_enable_bits_follow_the_limits, setup),
		cmocka_unit_test_setup(test_SAF_08_no_force_charge_on_a_held_soc, setup),
		cmocka_unit_test_setup(test_SAF_09_soc_on_the_bus, setup),
		cmocka_unit_test_setup(test_SAF_09_soc_zero_after_power_up_is_held, setup),
		cmocka_unit_test_setup(test_SAF_09_floor_on_every_step_that_stops, setup),
		cmocka_unit_test_setup(test_SAF_09_values_are_held_never_zero, setup),
		cmocka_unit_test_setup(test_SAF_10_extremes_saturate, setup),
		cmocka_unit_test(test_SAF_06_after_a_lost_bus_the_limit_rises_slowly),
		cmocka_unit_test(test_FLT_15_faults_that_take_turns_are_confirmed_too),
		cmocka_unit_test_setup(test_FLT_11_frozen_values, setup),
		cmocka_unit_test_setup(test_FLT_12_over_voltage_step_within_the_reply, setup),
		cmocka_unit_test_setup(test_FLT_14_FLT_15_FLT_16_values_that_jump, setup),
		cmocka_unit_test_setup(test_SAF_06_ratchet_lets_go_of_the_seed_tables, setup),
		cmocka_unit_test_setup(test_SAF_06_a_swinging_cell_does_not_make_the_limit_hunt,
				       setup),
		cmocka_unit_test_setup(test_explain_names_every_rule, setup),
		cmocka_unit_test_setup(test_lost_events_are_counted, setup),
		cmocka_unit_test_setup(test_SAF_09_pack_voltage_is_shown_only_if_it_is_the_sum,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
