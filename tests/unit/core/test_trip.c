/* SPDX-License-Identifier: Apache-2.0 */
/* The upper end of the ladder: trips, how the relay opens and closes again, how often. */
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

static bool in_trip(const struct bench *x)
{
	return bench_tele(x)->step == STEP_TRIP;
}

static void test_relay_stays_open_for_30_s(void **state)
{
	static const int32_t silent_ms[] = {10500, 20000, 60000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(silent_ms); i++) {
		bench_fork(&b, &from);
		b.silent = true;
		assert_true(ms_until(&b, permit_gone, 12000) >= 0);
		const int64_t open_ns = b.now_ns;

		bench_run_ms(&b, silent_ms[i] - 10000);
		b.silent = false;
		assert_true(ms_until(&b, permitted, 40000) >= 0);
		const int64_t open_ms = (b.now_ns - open_ns) / NS_PER_MS;
		const int64_t least = silent_ms[i] - 10000 + 1000;

		assert_between(open_ms, 30000, least > 30000 ? least + 1000 : 30005);
	}
}

/* Silent long enough to trip, back, thirty seconds open. Return: the relay closed again. */
static bool trip_once(void)
{
	b.silent = true;
	assert_true(ms_until(&b, permit_gone, 15000) >= 0);
	b.silent = false;
	return ms_until(&b, permitted, 40000) >= 0;
}

static void test_three_reclosings_an_hour_then_latched(void **state)
{
	(void)state;
	assert_true(trip_once());
	assert_true(trip_once());
	assert_true(trip_once());
	assert_false(trip_once());
	assert_int_equal(bench_tele(&b)->latched, REASON_BMS_SILENT);
	bench_run_ms(&b, 2 * 3600 * 1000);
	assert_false(b.out.permit);
	b.command = (struct command){.kind = COMMAND_ACK, .local = 1};
	b.have_command = true;
	bench_run_ms(&b, 2000);
	assert_true(b.out.permit);
	/* the count began anew; closing after the acknowledgement is the first of three */
	assert_true(trip_once());
	assert_true(trip_once());
	assert_false(trip_once());
}

static void test_reclosings_older_than_an_hour_do_not_count(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_true(trip_once());
		bench_run_ms(&b,
			     1200 * 1000); /* with the 40 s of the trip: not quite three an hour */
	}
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

static void test_can_side_trips_do_not_count(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		b.bus_dead = true;
		assert_true(ms_until(&b, permit_gone, 20000) >= 0);
		assert_int_equal(b.out.permit_reason, REASON_CAN_LOST);
		b.bus_dead = false;
		assert_true(ms_until(&b, permitted, 40000) >= 0);
	}
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	b.config.expect_alive = EXPECT_ALIVE_REQUIRED;
	for (int i = 0; i < 6; i++) {
		b.alive = false;
		assert_true(ms_until(&b, permit_gone, 70000) >= 0);
		assert_int_equal(b.out.permit_reason, REASON_INVERTER_SILENT);
		b.alive = true;
		assert_true(ms_until(&b, permitted, 40000) >= 0);
	}
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

/* Required, and there was never an answer: counted from the first frame. */
static void test_FLT_26_required_and_never_heard(void **state)
{
	(void)state;
	bench_init(&b);
	bench_fast_ramps(&b.config);
	b.config.expect_alive = EXPECT_ALIVE_REQUIRED;
	b.alive = false;
	bench_boot(&b, NULL);
	bench_run_ms(&b, 5500);
	assert_true(bench_ccl_ma(&b) > 0);
	assert_false(b.out.permit); /* the relay waits for a live inverter */
	bench_run_ms(&b, 1000);
	assert_true(zero_on_bus(&b));
	assert_false(b.out.permit);
	assert_int_equal(bench_tele(&b)->step, STEP_STOP);
	bench_run_ms(&b, 54500);
	assert_int_equal(bench_tele(&b)->step, STEP_TRIP);
	assert_false(b.out.permit);
	b.alive = true;
	bench_run_ms(&b, 40000);
	assert_true(b.out.permit);
}

/* SAF-20: 0 A first, the relay two seconds later, one second for a critical cell. */
static void test_SAF_20_planned_trip_sends_zero_first(void **state)
{
	static const struct {
		bool critical;
		int32_t delay_ms;
	} rows[] = {
		{false, 2000},
		{true, 1000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int dead = 0; dead <= 1; dead++) {
			bench_fork(&b, &from);
			if (rows[i].critical) {
				b.battery.cell_mv[3] = 3720;
			} else {
				b.cycle.contradiction = true;
			}
			assert_true(ms_until(&b, in_trip, 5000) >= 0);
			b.bus_dead = dead != 0;	      /* confirmed or not */
			assert_true(zero_on_bus(&b)); /* in the same period */
			assert_int_equal(bench_enables(&b), 0);
			assert_true(b.out.permit);
			const int64_t ms = ms_until(&b, permit_gone, 5000) + PERIOD_MS;

			assert_between(ms, rows[i].delay_ms - PERIOD_MS,
				       rows[i].delay_ms + PERIOD_MS);
		}
	}
}

/* 0 A has already been on the bus for two seconds: nothing to wait for. */
static void test_SAF_20_nothing_to_wait_for_after_two_seconds_of_zero(void **state)
{
	(void)state;
	b.silent = true;
	assert_true(ms_until(&b, in_trip, 12000) >= 0);
	assert_false(b.out.permit);
	assert_between(age_ms(), 10000, 10006);
}

static void test_trip_goes_on_sending_or_falls_silent(void **state)
{
	(void)state;
	for (int silence = 0; silence <= 1; silence++) {
		bench_fork(&b, &from);
		b.config.on_trip = silence != 0 ? ON_TRIP_SILENCE : ON_TRIP_HOLD_STOP;
		b.silent = true;
		assert_true(ms_until(&b, permit_gone, 12000) >= 0);
		bench_run_ms(&b, 1000);
		const uint32_t frames = b.frames;

		bench_run_ms(&b, 10000);
		assert_true((b.frames == frames) == (silence != 0));
		assert_safe_set(&b);
		b.silent = false;
		bench_run_ms(&b, 30000);
		assert_true(b.out.permit);
		assert_true(b.frames > frames);
	}
}

/* Silence on a lost bus would never end: without frames nothing can be confirmed or answered. */
static void test_silence_after_a_can_side_trip_finds_back(void **state)
{
	(void)state;
	b.config.on_trip = ON_TRIP_SILENCE;
	b.bus_dead = true;
	assert_true(ms_until(&b, permit_gone, 20000) >= 0);
	bench_run_ms(&b, 60000);
	b.bus_dead = false;
	assert_true(ms_until(&b, permitted, 60000) >= 0);
}

/* The ladder alone: which trips count as the BMS's own, and that a suspend is lost data. */
static void test_every_trip_of_the_bms_side_counts(void **state)
{
	static const struct {
		enum reason reason;
		bool counts;
	} rows[] = {
		{REASON_BMS_SILENT, true},	 {REASON_IMPLAUSIBLE, true},
		{REASON_FROZEN, true},		 {REASON_SUSPEND, true},
		{REASON_INVERTER_SILENT, false}, {REASON_CAN_LOST, false},
		{REASON_CRITICAL, false},	 {REASON_CONTRADICTION, false},
	};
	struct event events[CYCLE_EVENT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sink sink = {.now_ns = b.now_ns, .event = events, .max = CYCLE_EVENT_MAX};
		struct safety_in in = {.now_ns = b.now_ns,
				       .have_sample = true,
				       .guard_ok = true,
				       .can_confirmed = true,
				       .heard_ns = b.now_ns};
		struct safety sf;

		in.alive_ms = INT32_MIN;
		safety_init(&sf, 0, true, SAFETY_GOOD_SAMPLES, NULL);
		sf.step = STEP_TRIP;
		sf.reason = (uint32_t)rows[i].reason;
		sf.open_ns = in.now_ns - b.config.open_ms * NS_PER_MS;
		sf.good = SAFETY_GOOD_SAMPLES;
		safety_step(&sf, &b.config, &in, &sink);
		assert_int_equal(sf.step, STEP_RUN);
		assert_true(sf.permit);
		assert_true((sf.reclose_ns[0] != TIME_NEVER) == rows[i].counts);
		assert_false(sf.data_lost);
		in.suspended = true;
		safety_step(&sf, &b.config, &in, &sink);
		assert_true(sf.data_lost);
		assert_int_equal(sf.step, STEP_STOP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_relay_stays_open_for_30_s, setup),
		cmocka_unit_test_setup(test_three_reclosings_an_hour_then_latched, setup),
		cmocka_unit_test_setup(test_reclosings_older_than_an_hour_do_not_count, setup),
		cmocka_unit_test_setup(test_can_side_trips_do_not_count, setup),
		cmocka_unit_test_setup(test_FLT_26_required_and_never_heard, setup),
		cmocka_unit_test_setup(test_SAF_20_planned_trip_sends_zero_first, setup),
		cmocka_unit_test_setup(test_SAF_20_nothing_to_wait_for_after_two_seconds_of_zero,
				       setup),
		cmocka_unit_test_setup(test_trip_goes_on_sending_or_falls_silent, setup),
		cmocka_unit_test_setup(test_silence_after_a_can_side_trip_finds_back, setup),
		cmocka_unit_test_setup(test_every_trip_of_the_bms_side_counts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
