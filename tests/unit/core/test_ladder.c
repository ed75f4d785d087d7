/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder, row by row with its times, and the way back. */
#include "core_test.h"

static struct bench b;
static struct bench from;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	/* the next request is answered, then the BMS falls silent: its age runs from that request */
	run_samples(&from, 1);
	bench_fork(&b, &from);
	return 0;
}

static int32_t age_ms(void)
{
	return bench_tele(&b)->age_ms;
}

static bool in_caution(const struct bench *x)
{
	return bench_tele(x)->step == STEP_CAUTION;
}

static bool in_stop(const struct bench *x)
{
	return bench_tele(x)->step == STEP_STOP;
}

static bool in_run(const struct bench *x)
{
	return bench_tele(x)->step == STEP_RUN;
}

/* Every row of the table for several settings: the age at which a step is entered, one period. */
static void test_FLT_01_SAF_03_steps_by_age(void **state)
{
	static const struct {
		int32_t stale_ms;
		int32_t trip_ms;
	} rows[] = {
		{3000, 10000}, {1000, 3000}, {10000, 12000}, {2000, 60000}, {1500, 4000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		b.config.stale_ms = rows[i].stale_ms;
		b.config.trip_ms = rows[i].trip_ms;
		b.silent = true;
		assert_true(ms_until(&b, in_caution, 20000) >= 0);
		assert_between(age_ms(), rows[i].stale_ms * 2 / 3, rows[i].stale_ms * 2 / 3 + 6);
		assert_true(b.out.permit);
		assert_true(ms_until(&b, in_stop, 20000) >= 0);
		assert_between(age_ms(), rows[i].stale_ms, rows[i].stale_ms + 6);
		/* in the same period on the bus */
		assert_safe_set(&b);
		assert_true(b.out.permit);
		assert_true(ms_until(&b, permit_gone, 70000) >= 0);
		assert_between(age_ms(), rows[i].trip_ms, rows[i].trip_ms + 2000 + 6);
		if (rows[i].trip_ms >= rows[i].stale_ms + 2000) {
			assert_between(age_ms(), rows[i].trip_ms, rows[i].trip_ms + 11);
		}
		assert_int_equal(bench_tele(&b)->step, STEP_TRIP);
		assert_int_equal(b.out.permit_reason, REASON_BMS_SILENT);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	}
}

/* FLT-01 from the outside: 3.1 s to the safe set, 10.1 s to the relay, from the last answer. */
static void test_FLT_01_silence_from_the_last_answer(void **state)
{
	(void)state;
	b.silent = true;
	/* the last answer came in the step before */
	assert_true(ms_until(&b, zero_on_bus, 4000) <= 3100);
	assert_safe_set(&b);
	const int64_t t_ns = b.now_ns;

	assert_true(ms_until(&b, permit_gone, 8000) >= 0);
	assert_true((b.now_ns - t_ns) / NS_PER_MS + 3000 <= 10100);
}

/* With both limits at zero already there is no fall: the flag must not wait for the next set. */
static void test_FLT_01_SAF_03_flag_is_timely_at_zero_limits(void **state)
{
	(void)state;
	for (int phase = 0; phase < 10; phase++) {
		bench_fork(&b, &from);
		b.battery.status = 0;
		bench_run_ms(&b, 3000 + phase * 100);
		run_samples(&b, 1);
		assert_true(zero_on_bus(&b));
		b.silent = true;
		bench_run_ms(&b, 3100);
		assert_safe_set(&b);
	}
}

static void test_caution_falls_by_schedule(void **state)
{
	static const struct {
		int32_t ms; /* since entry */
		int32_t ma;
	} rows[] = {
		{0, 60000},   {195, 60000}, {200, 57600}, {395, 57600},
		{400, 55200}, {600, 52800}, {800, 50400}, {995, 50400},
	};

	(void)state;
	b.silent = true;
	assert_true(ms_until(&b, in_caution, 3000) >= 0);
	const int64_t entry_ns = b.now_ns - PERIOD_MS * NS_PER_MS;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		while (b.now_ns <= entry_ns + rows[i].ms * NS_PER_MS) {
			bench_step(&b);
		}
		assert_int_equal(bench_tele(&b)->step, STEP_CAUTION);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], rows[i].ma);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_DISCHARGE], rows[i].ma);
	}
	bench_step(&b);
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
}

/* A long stale time: the schedule reaches 0 after 5 s. */
static void test_caution_reaches_zero_after_5_s(void **state)
{
	(void)state;
	b.config.stale_ms = 10000 * 2;
	b.config.trip_ms = 60000;
	b.silent = true;
	assert_true(ms_until(&b, in_caution, 14000) >= 0);
	bench_run_ms(&b, 4700);
	assert_true(bench_ccl_ma(&b) > 0);
	bench_run_ms(&b, 300);
	assert_int_equal(bench_ccl_ma(&b), 0);
	assert_int_equal(bench_dcl_ma(&b), 0);
	assert_int_equal(bench_tele(&b)->step, STEP_CAUTION);
}

static void test_caution_ends_with_a_fresh_sample_and_rises_slowly(void **state)
{
	(void)state;
	b.config.stale_ms = 9000;
	b.config.trip_ms = 12000;
	b.silent = true;
	assert_true(ms_until(&b, in_caution, 7000) >= 0);
	bench_run_ms(&b, 300);
	assert_int_equal(bench_ccl_ma(&b), 57600);
	b.silent = false;
	b.config.rise_ma_s = 1000;
	assert_true(ms_until(&b, in_run, 2500) >= 0);
	const int32_t ma = bench_tele(&b)->limit_ma[DIR_CHARGE];

	assert_between(ma, 30000, 57600);
	bench_run_ms(&b, 1000);
	assert_between(bench_tele(&b)->limit_ma[DIR_CHARGE], ma + 900, ma + 1100);
}

/* Limits that were low at entry fall from there. */
static void test_caution_starts_at_the_value_at_entry(void **state)
{
	(void)state;
	b.cap_ma[DIR_CHARGE] = 10000;
	b.cap_ma[DIR_DISCHARGE] = 20000;
	bench_run_ms(&b, 500);
	b.silent = true;
	assert_true(ms_until(&b, in_caution, 3000) >= 0);
	b.cap_ma[DIR_CHARGE] = INT32_MAX; /* a cap that goes away is no reason to rise */
	b.cap_ma[DIR_DISCHARGE] = INT32_MAX;
	bench_run_ms(&b, 500);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 9200);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_DISCHARGE], 18400);
}

static void test_back_needs_five_good_samples_and_ramps_from_zero(void **state)
{
	(void)state;
	b.silent = true;
	assert_true(ms_until(&b, in_stop, 4000) >= 0);
	bench_run_ms(&b, 2000);
	core_config_default(&b.config);
	b.silent = false;
	run_samples(&b, 4);
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	assert_int_equal(bench_ccl_ma(&b), 0);
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_true(b.out.permit);
	assert_between(bench_tele(&b)->limit_ma[DIR_CHARGE], 0, 100);
	bench_run_ms(&b, 10000);
	assert_between(bench_tele(&b)->limit_ma[DIR_CHARGE], 9900, 10100);
	assert_between(bench_tele(&b)->limit_ma[DIR_DISCHARGE], 9900, 10100);
}

/* One sample that is not good starts the count anew. */
static void test_back_counts_consecutive_samples(void **state)
{
	(void)state;
	b.silent = true;
	bench_run_ms(&b, 5000);
	b.silent = false;
	for (int i = 0; i < 6; i++) {
		b.battery.cell_mv[1] = 3300;
		run_samples(&b, 3);
		b.battery.cell_mv[1] = i % 2 == 0 ? 3600 : 3000;
		run_samples(&b, 1); /* a jump */
		assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	}
	b.battery.cell_mv[1] = 3300;
	run_samples(&b, 5); /* the first is a jump back */
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
}

static void test_FLT_26_expect_alive(void **state)
{
	static const struct {
		enum expect_alive expect;
		bool zero;
		bool trip;
		bool event;
	} rows[] = {
		{EXPECT_ALIVE_NEVER, false, false, false},
		{EXPECT_ALIVE_OPTIONAL, false, false, true},
		{EXPECT_ALIVE_REQUIRED, true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		b.config.expect_alive = rows[i].expect;
		bench_run_ms(&b, 1000);
		b.alive = false;
		bench_run_ms(&b, 4900);
		assert_true(bench_ccl_ma(&b) > 0);
		bench_run_ms(&b, 1200); /* at most 6 s + one period since the last 0x305 */
		assert_true(zero_on_bus(&b) == rows[i].zero);
		assert_true((b.events[EVENT_INVERTER_SILENT] == 1) == rows[i].event);
		assert_true(b.out.permit);
		bench_run_ms(&b, 52700);
		assert_true(b.out.permit); /* never in less than 60 s */
		bench_run_ms(&b, 1300);
		assert_true(b.out.permit == !rows[i].trip);
		bench_run_ms(&b, 3600 * 1000);
		assert_true(b.out.permit == !rows[i].trip);
		/* back */
		b.alive = true;
		bench_run_ms(&b, 4000);
		assert_true(b.out.permit);
		assert_int_equal(bench_ccl_ma(&b), 60000);
	}
}

/* The guard's beat stands still: safe set at once, back after five samples. */
static void test_guard_lost_is_a_safe_set(void **state)
{
	(void)state;
	b.guard_dead = true;
	bench_step(&b);
	assert_safe_set(&b);
	assert_int_equal(bench_tele(&b)->reason, REASON_GUARD);
	bench_run_ms(&b, 60000);
	assert_safe_set(&b);
	b.guard_dead = false;
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(bench_ccl_ma(&b), 60000);
}

/* Confirmed nonsense does not refresh the age: safe set, and a trip after bms.trip. */
static void test_implausible_values_stop_and_trip(void **state)
{
	(void)state;
	drain_reply(&b);
	b.battery.pack_mv = 40000;
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	assert_int_equal(bench_tele(&b)->reason, REASON_IMPLAUSIBLE);
	assert_safe_set(&b);
	assert_true(ms_until(&b, permit_gone, 11000) >= 9000);
	assert_int_equal(b.out.permit_reason, REASON_IMPLAUSIBLE);
	b.battery.pack_mv = -1;
	bench_run_ms(&b, 32000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_true(b.out.permit);
}

/* Worse reasons take over while the ladder stands, the step never gets better by that. */
static void test_steps_only_go_up_until_the_way_back(void **state)
{
	(void)state;
	b.guard_dead = true;
	bench_run_ms(&b, 100);
	b.silent = true;
	bench_run_ms(&b, 4000);
	assert_int_equal(bench_tele(&b)->reason, REASON_BMS_SILENT);
	b.guard_dead = false;
	bench_run_ms(&b, 100);
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	b.silent = false;
	run_samples(&b, 1);
	b.silent = true;
	bench_run_ms(&b, 2500); /* age between two thirds and stale */
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	assert_int_equal(bench_ccl_ma(&b), 0);
}

/* A lost BMS that comes and goes: at no time more than the ladder allows. */
static void test_flapping_bms_never_gets_past_the_ladder(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		b.silent = true;
		bench_run_ms(&b, 3400);
		assert_int_equal(bench_tele(&b)->step, STEP_STOP);
		b.silent = false;
		run_samples(&b, 4);
		assert_int_equal(bench_tele(&b)->step, STEP_STOP);
		assert_int_equal(bench_ccl_ma(&b), 0);
		assert_int_equal(bench_enables(&b), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_FLT_01_SAF_03_steps_by_age, setup),
		cmocka_unit_test_setup(test_FLT_01_silence_from_the_last_answer, setup),
		cmocka_unit_test_setup(test_FLT_01_SAF_03_flag_is_timely_at_zero_limits, setup),
		cmocka_unit_test_setup(test_caution_falls_by_schedule, setup),
		cmocka_unit_test_setup(test_caution_reaches_zero_after_5_s, setup),
		cmocka_unit_test_setup(test_caution_ends_with_a_fresh_sample_and_rises_slowly,
				       setup),
		cmocka_unit_test_setup(test_caution_starts_at_the_value_at_entry, setup),
		cmocka_unit_test_setup(test_back_needs_five_good_samples_and_ramps_from_zero,
				       setup),
		cmocka_unit_test_setup(test_back_counts_consecutive_samples, setup),
		cmocka_unit_test_setup(test_FLT_26_expect_alive, setup),
		cmocka_unit_test_setup(test_guard_lost_is_a_safe_set, setup),
		cmocka_unit_test_setup(test_implausible_values_stop_and_trip, setup),
		cmocka_unit_test_setup(test_steps_only_go_up_until_the_way_back, setup),
		cmocka_unit_test_setup(test_flapping_bms_never_gets_past_the_ladder, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
