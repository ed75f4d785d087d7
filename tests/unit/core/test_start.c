/* SPDX-License-Identifier: Apache-2.0 */
/* The start: nothing leaves before a good sample; held values and latches of the worker before. */
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

/* Things that a first sample may suffer from: no frame leaves, nothing is permitted. */
static void break_first_sample(struct bench *x, int how)
{
	struct bench_battery *bat = &x->battery;

	switch (how) {
	case 0:
		x->silent = true;
		break;
	case 1:
		x->unplugged = true;
		break;
	case 2:
		bat->soc_pct = 0;
		bat->cycles = 0;
		break;
	case 3:
		bat->soc_pct = 101;
		break;
	case 4:
		bat->omit = JK_HAVE(JK_REG_SOC);
		break;
	case 5:
		bat->omit = JK_HAVE(JK_REG_CURRENT);
		break;
	case 6:
		bat->omit = JK_HAVE(JK_REG_ALARMS);
		break;
	case 7:
		bat->omit = JK_HAVE(JK_REG_STATUS);
		break;
	case 8:
		bat->omit = JK_HAVE(JK_REG_VOLTAGE);
		break;
	case 9:
		bat->cell_mv[4] = 900;
		break;
	case 10:
		bat->pack_mv = 40000;
		break;
	case 11:
		bat->pack_ma = 160000;
		break;
	case 12:
		bat->version = 2;
		break;
	case 13:
		bat->mos_raw = 200;
		break;
	case 14: /* no usable protection value and no explicit maximum (SAF-15) */
		bat->charge_ocp_a = 0;
		break;
	case 15:
		bat->discharge_ocp_a = 65535;
		break;
	default:
		x->reply_ms = 600;
		break;
	}
}

#define FIRST_SAMPLE_FAULTS 17

static void test_SAF_01_SAF_15_no_frame_before_a_first_good_sample(void **state)
{
	(void)state;
	for (int how = 0; how < FIRST_SAMPLE_FAULTS; how++) {
		fresh();
		break_first_sample(&b, how);
		bench_boot(&b, NULL);
		bench_run_ms(&b, 60000);
		if (b.frames != 0 || b.out.permit) {
			print_error("fault %d\n", how);
		}
		assert_int_equal(b.frames, 0);
		assert_false(b.out.permit);
		assert_int_equal(bench_tele(&b)->step, STEP_INIT);
		assert_true(b.out.held.t_ns == TIME_NEVER);
		assert_true(bench_tele(&b)->age_ms == INT32_MAX);
		/* cured: starts by itself */
		const int64_t now_ns = b.now_ns;

		bench_battery_default(&b.battery);
		b.silent = false;
		b.unplugged = false;
		b.reply_ms = BENCH_REPLY_MS;
		bench_run_ms(&b, 6000);
		assert_true(b.frames > 0);
		assert_true(b.out.permit);
		assert_true(b.now_ns > now_ns);
	}
}

static void test_SAF_15_explicit_maxima_start_without_protection_values(void **state)
{
	(void)state;
	fresh();
	b.battery.omit = JK_HAVE(JK_REG_CHARGE_OCP) | JK_HAVE(JK_REG_DISCHARGE_OCP) |
			 JK_HAVE(JK_REG_CELL_OVP) | JK_HAVE(JK_REG_CELL_UVP) |
			 JK_HAVE(JK_REG_CAPACITY);
	b.config.max_explicit[DIR_CHARGE] = true;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(b.frames, 0);
	assert_true(b.events[EVENT_NO_MAXIMUM] > 0);
	fresh();
	b.battery.omit = JK_HAVE(JK_REG_CHARGE_OCP) | JK_HAVE(JK_REG_DISCHARGE_OCP);
	b.config.max_explicit[DIR_CHARGE] = true;
	b.config.max_explicit[DIR_DISCHARGE] = true;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_ccl_ma(&b), 60000);
	assert_int_equal(b.events[EVENT_BMS_SETTING_ODD], 2);
}

static void test_SAF_15_tighter_bms_settings_win_with_a_warning(void **state)
{
	(void)state;
	fresh();
	b.battery.charge_ocp_a = 40;
	b.battery.discharge_ocp_a = 30;
	b.battery.cell_ovp_mv = 3560;
	b.battery.cell_uvp_mv = 2890;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_ccl_ma(&b), 36000);
	assert_int_equal(bench_dcl_ma(&b), 27000);
	assert_int_equal(b.events[EVENT_BMS_TIGHTER], 6); /* pack values too */
	fresh();
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5000);
	assert_int_equal(b.events[EVENT_BMS_TIGHTER], 0);
}

/* The first frame leaves with the first good sample, says 0 A; five samples and a ramp follow. */
static void test_SAF_01_start_from_zero(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, NULL);
	while (b.frames == 0) {
		bench_step(&b);
	}
	assert_int_equal(bench_tele(&b)->count_samples, 1);
	while (bench_tele(&b)->count_samples < 5) {
		assert_true(bench_ccl_ma(&b) <= 0 && bench_dcl_ma(&b) <= 0);
		assert_int_equal(bench_enables(&b), 0);
		assert_false(b.out.permit);
		bench_step(&b);
	}
	assert_true(b.out.permit);
	const int64_t run_ns = b.now_ns;

	for (int i = 0; i < 59000; i += PERIOD_MS) {
		bench_step(&b);
		const int64_t ms = (b.now_ns - run_ns) / NS_PER_MS + PERIOD_MS;

		assert_true(bench_tele(&b)->limit_ma[DIR_CHARGE] <= ms);
		assert_true(bench_tele(&b)->limit_ma[DIR_DISCHARGE] <= ms);
		assert_true(bench_tele(&b)->limit_ma[DIR_DISCHARGE] >= ms - 200);
	}
	assert_int_equal(bench_tele(&b)->sample.cells, 16);
}

static struct held held_values(int64_t age_ms)
{
	return (struct held){
		.t_ns = BENCH_START_NS - age_ms * NS_PER_MS,
		.pack_mv = 53120,
		.pack_ma = -4200,
		.temp_dc = 235,
		.soc_pct = 64,
		.cells = 16,
	};
}

static void test_SAF_01_restart_with_held_values(void **state)
{
	static const struct {
		int64_t age_ms;
		bool used;
	} rows[] = {
		{0, true},	{1, true},	  {30000, true}, {60000, true},
		{60001, false}, {3600000, false}, {-1, false}, /* from the future */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct held held = held_values(rows[i].age_ms);

		fresh();
		b.silent = true;
		bench_boot(&b, &held);
		bench_run_ms(&b, 1500);
		assert_true((b.frames > 0) == rows[i].used);
		assert_false(b.out.permit);
		assert_int_equal(b.events[EVENT_HELD_VALUES], rows[i].used ? 1 : 0);
		if (!rows[i].used) {
			continue;
		}
		assert_safe_set(&b);
		assert_int_equal(bench_soc(&b), 64);
		assert_int_equal(bench_cvl_mv(&b), 3450 * 16);
		const uint8_t *d = b.last[PYLON_FRAME_MEASURED].data;

		assert_int_equal((int16_t)(d[0] | d[1] << 8), 5312);
		assert_int_equal((int16_t)(d[2] | d[3] << 8), -42);
		assert_int_equal((int16_t)(d[4] | d[5] << 8), 235);
		assert_true(b.out.held.t_ns == held.t_ns); /* not made younger by a restart */
		/* samples come: five of them, then as usual */
		b.silent = false;
		bench_run_ms(&b, 4500);
		assert_int_equal(bench_ccl_ma(&b), 60000);
		assert_int_equal(bench_soc(&b), 55);
	}
}

static void test_SAF_01_held_values_that_make_no_sense(void **state)
{
	static const int32_t cells[] = {0, -1, 33, INT32_MIN, INT32_MAX, 256 + 16};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		struct held held = held_values(1000);

		held.cells = cells[i];
		fresh();
		b.silent = true;
		bench_boot(&b, &held);
		bench_run_ms(&b, 3000);
		assert_int_equal(b.frames, 0);
	}
	struct held wild = held_values(1000);

	wild.soc_pct = INT32_MAX;
	wild.pack_mv = INT32_MIN;
	wild.pack_ma = INT32_MAX;
	wild.temp_dc = INT32_MIN;
	fresh();
	b.silent = true;
	bench_boot(&b, &wild);
	bench_run_ms(&b, 3000);
	assert_safe_set(&b);
	assert_int_equal(bench_soc(&b), 99);
	wild.soc_pct = INT32_MIN;
	fresh();
	b.silent = true;
	bench_boot(&b, &wild);
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_soc(&b), 11);
}

/* Restart, and the BMS stays silent: safe set, no relay, a trip by the age since the start. */
static void test_SAF_01_restart_without_a_bms(void **state)
{
	const struct held held = held_values(5000);

	(void)state;
	fresh();
	b.silent = true;
	bench_boot(&b, &held);
	for (int i = 0; i < 120000; i += PERIOD_MS) {
		bench_step(&b);
		assert_true(bench_ccl_ma(&b) <= 0 && bench_dcl_ma(&b) <= 0);
		assert_int_equal(bench_enables(&b), 0);
		assert_false(b.out.permit);
	}
	assert_int_equal(bench_tele(&b)->step, STEP_TRIP);
}

static void test_SAF_12_latch_of_the_previous_worker(void **state)
{
	static const uint32_t latches[] = {
		REASON_CRITICAL, REASON_DISOBEYED_CHARGE, REASON_CONTRADICTION, REASONS, UINT32_MAX,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(latches); i++) {
		for (int with = 0; with <= 1; with++) {
			struct held held = held_values(1000);

			held.kept.latched = latches[i];
			held.t_ns = with != 0 ? held.t_ns : TIME_NEVER;
			fresh();
			bench_boot(&b, &held);
			bench_run_ms(&b, 60000);
			assert_false(b.out.permit);
			assert_safe_set(&b);
			assert_int_equal(b.out.held.kept.latched,
					 latches[i] < REASONS ? latches[i] : REASON_CONTRADICTION);
			b.command = (struct command){.kind = COMMAND_ACK, .local = 1};
			b.have_command = true;
			bench_run_ms(&b, 35000);
			assert_true(b.out.permit);
			assert_int_equal(bench_ccl_ma(&b), 60000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_01_SAF_15_no_frame_before_a_first_good_sample,
				       setup),
		cmocka_unit_test_setup(test_SAF_15_explicit_maxima_start_without_protection_values,
				       setup),
		cmocka_unit_test_setup(test_SAF_15_tighter_bms_settings_win_with_a_warning, setup),
		cmocka_unit_test_setup(test_SAF_01_start_from_zero, setup),
		cmocka_unit_test_setup(test_SAF_01_restart_with_held_values, setup),
		cmocka_unit_test_setup(test_SAF_01_held_values_that_make_no_sense, setup),
		cmocka_unit_test_setup(test_SAF_01_restart_without_a_bms, setup),
		cmocka_unit_test_setup(test_SAF_12_latch_of_the_previous_worker, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
