/* SPDX-License-Identifier: Apache-2.0 */
/* Time: suspend, a process that stood still, clocks near their wrap values. */
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

/* Suspend between the request and its answer: what waits in the kernel is from before. */
static void test_SAF_14_FLT_45_suspend_discards_everything(void **state)
{
	static const int32_t slept_ms[] = {101, 150, 5000, 3600000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(slept_ms); i++) {
		for (int phase = 0; phase < 60; phase++) {
			bench_fork(&b, &from);
			bench_run_ms(&b, 1000 + phase * PERIOD_MS);
			b.boot_offset_ns += slept_ms[i] * NS_PER_MS;
			/* the reply that was on its way is there at once */
			if (b.reply_len > 0) {
				b.reply_at_ns = b.now_ns;
			}
			const uint32_t frames = b.frames;

			bench_step(&b);
			assert_int_equal(b.events[EVENT_SUSPENDED], 1);
			/* the first frame after it is a safe one */
			while (b.frames == frames) {
				bench_step(&b);
			}
			assert_true(zero_on_bus(&b));
			assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 0);
			assert_int_equal(bench_tele(&b)->limit_ma[DIR_DISCHARGE], 0);
			/* five samples are needed, and they take a second */
			bench_run_ms(&b, 900);
			assert_safe_set(&b);
			assert_true(b.out.permit);
			bench_run_ms(&b, 4000);
			assert_int_equal(bench_tele(&b)->step, STEP_RUN);
			assert_int_equal(bench_ccl_ma(&b), 60000);
		}
	}
}

static void test_SAF_14_small_and_negative_steps_are_no_suspend(void **state)
{
	static const int64_t step_ns[] = {100 * NS_PER_MS, 1, -NS_PER_S, -3600 * NS_PER_S};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(step_ns); i++) {
		bench_fork(&b, &from);
		for (int n = 0; n < 100; n++) {
			b.boot_offset_ns += step_ns[i];
			bench_run_ms(&b, 20);
		}
		assert_int_equal(b.events[EVENT_SUSPENDED], 0);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	}
}

/* The process stood still for some time: the first frame afterwards is a safe one. */
static void test_FLT_45_process_stopped(void **state)
{
	static const int32_t gap_ms[] = {3100, 5000, 9900, 60000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(gap_ms); i++) {
		for (int phase = 0; phase < 60; phase++) {
			bench_fork(&b, &from);
			bench_run_ms(&b, 1000 + phase * PERIOD_MS);
			b.now_ns += gap_ms[i] * NS_PER_MS;
			bench_step(&b);
			assert_true(zero_on_bus(&b));
			assert_int_equal(bench_enables(&b), 0);
			bench_run_ms(&b, 33000);
			assert_int_equal(bench_tele(&b)->step, STEP_RUN);
			assert_true(b.out.permit);
		}
	}
}

/* The same story told at other times of the clock: the same frames at the same distances. */
static uint32_t story(int64_t start_ns)
{
	uint32_t hash = 2166136261U;

	bench_init(&b);
	b.now_ns = start_ns;
	b.next_alive_ns = 0;
	bench_boot(&b, NULL);
	for (int i = 0; i < 40000; i++) {
		if (i == 15000) {
			b.battery.cell_mv[3] = 3410;
		} else if (i == 20000) {
			b.silent = true;
		} else if (i == 23000) {
			b.silent = false;
			b.battery.cell_mv[3] = 3330;
		} else if (i == 33000) {
			b.bus_dead = true;
		} else if (i == 34500) {
			b.bus_dead = false;
		}
		bench_step(&b);
		for (uint32_t k = 0; k < b.out.can_tx_len; k++) {
			hash = (hash ^ b.out.can_tx[k].id) * 16777619U;
			for (uint32_t n = 0; n < CAN_MSG_DATA_MAX; n++) {
				hash = (hash ^ b.out.can_tx[k].data[n]) * 16777619U;
			}
			hash = (hash ^ (uint32_t)i) * 16777619U;
		}
		hash = (hash ^ (b.out.permit ? 1U : 2U)) * 16777619U;
	}
	return hash;
}

static void test_FLT_72_FLT_43_time_near_wrap_values(void **state)
{
	static const int64_t at_ns[] = {
		0,
		(INT64_C(1) << 31) * NS_PER_MS - 60 * NS_PER_S,
		(INT64_C(1) << 32) * NS_PER_MS - 60 * NS_PER_S,
		(INT64_C(1) << 31) - 60 * NS_PER_S,
		(INT64_C(1) << 32) - 3 * NS_PER_S,
		(INT64_C(1) << 53) - 60 * NS_PER_S,
		(INT64_C(1) << 53) - 105 * NS_PER_S,
		(INT64_C(1) << 62),
		INT64_C(100) * 365 * 86400 * NS_PER_S,
	};
	const uint32_t expected = story(BENCH_START_NS);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at_ns); i++) {
		assert_int_equal(story(at_ns[i]), expected);
	}
}

/* Nothing in the core's inputs is a wall clock: ages and states cannot follow one. */
static void test_FLT_43_boot_clock_alone_moves_nothing_but_suspend(void **state)
{
	(void)state;
	b.boot_offset_ns -= INT64_C(10) * 365 * 86400 * NS_PER_S;
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(bench_ccl_ma(&b), 60000);
}

/* A time stamp that lies ahead would never grow old: it counts as too old at once. */
static void test_SAF_07_SAF_14_a_source_from_the_future_is_too_old(void **state)
{
	static const struct {
		int64_t ahead_ns;
		int32_t charge_ma;
	} rows[] = {
		{0, 60000},
		{-30 * NS_PER_S, 60000},
		{-31 * NS_PER_S, 7000},
		{100 * NS_PER_MS, 60000},
		{100 * NS_PER_MS + 1, 7000},
		{NS_PER_S, 7000},
		{3600 * NS_PER_S, 7000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		b.config.source[SOURCE_GRID] = (struct source_config){30000, FALLBACK_CAP, 7000};
		b.grid.t_ns = b.now_ns + rows[i].ahead_ns;
		b.grid.power_w = 0;
		bench_step(&b);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], rows[i].charge_ma);
	}
	/* and one that is never reached stays so */
	b.grid.t_ns = INT64_MAX - 1;
	bench_run_ms(&b, 40000);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 7000);
}

/* Orders and words of a source from before a suspend are gone; those that come after it apply. */
static void test_SAF_07_SAF_14_no_order_survives_a_suspend(void **state)
{
	static const struct {
		uint32_t kind;
		int32_t value_ma;
		int32_t slept_ms;
		bool survives;
	} rows[] = {
		{COMMAND_LIMIT_CHARGE, 5000, 100, true},
		{COMMAND_LIMIT_CHARGE, 5000, 101, false},
		{COMMAND_PAUSE_CHARGE, 0, 3600000, false},
		{COMMAND_NONE, 0, 100, true}, /* interlock by the other inverter */
		{COMMAND_NONE, 0, 101, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		b.config.source[SOURCE_LOCAL].stale_ms = 60000;
		b.config.arbiter.grace_ms = 0;
		b.command = (struct command){
			.kind = rows[i].kind,
			.value = rows[i].value_ma,
			.ttl_ms = COMMAND_TTL_MAX_MS,
		};
		b.have_command = rows[i].kind != COMMAND_NONE;
		if (!b.have_command) {
			b.local.t_ns = b.now_ns;
			b.local.current_ma = -20000;
		}
		bench_run_ms(&b, 100);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], rows[i].value_ma);
		b.boot_offset_ns += rows[i].slept_ms * NS_PER_MS;
		bench_run_ms(&b, 10000);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE],
				 rows[i].survives ? rows[i].value_ma : 60000);
		b.have_command = rows[i].kind != COMMAND_NONE;
		b.local.t_ns = b.have_command ? TIME_NEVER : b.now_ns;
		bench_run_ms(&b, 100);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], rows[i].value_ma);
	}
}

/* It may be from before; only the next one counts. */
static void test_SAF_14_SAF_19_order_beside_a_suspend_is_too_late(void **state)
{
	(void)state;
	bench_fork(&b, &from);
	b.command = (struct command){
		.kind = COMMAND_LIMIT_CHARGE,
		.value = 5000,
		.ttl_ms = COMMAND_TTL_MAX_MS,
	};
	b.have_command = true;
	b.boot_offset_ns += 101 * NS_PER_MS;
	bench_run_ms(&b, 10000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 60000);
	b.have_command = true;
	bench_run_ms(&b, 100);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_14_FLT_45_suspend_discards_everything, setup),
		cmocka_unit_test_setup(test_SAF_14_small_and_negative_steps_are_no_suspend, setup),
		cmocka_unit_test_setup(test_FLT_45_process_stopped, setup),
		cmocka_unit_test_setup(test_FLT_72_FLT_43_time_near_wrap_values, setup),
		cmocka_unit_test_setup(test_FLT_43_boot_clock_alone_moves_nothing_but_suspend,
				       setup),
		cmocka_unit_test_setup(test_SAF_07_SAF_14_a_source_from_the_future_is_too_old,
				       setup),
		cmocka_unit_test_setup(test_SAF_07_SAF_14_no_order_survives_a_suspend, setup),
		cmocka_unit_test_setup(test_SAF_14_SAF_19_order_beside_a_suspend_is_too_late,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
