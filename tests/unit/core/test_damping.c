/* SPDX-License-Identifier: Apache-2.0 */
/* Oscillation of the grid power: found, damped, released. By itself, and inside the cycle. */
#include "core/damping.h"
#include "core/source.h"
#include "core_test.h"

#define FLOW_MA 12000

static struct bench b;
static struct core_config config;
static struct damping d;
static struct damping_in in;
static uint32_t seen[EVENTS];

static int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	in = (struct damping_in){
		.now_ns = BENCH_START_NS,
		.grid_w = SOURCE_NO_VALUE,
		.own_ma = FLOW_MA,
		.limit_ma = {60000, 60000},
	};
	memset(seen, 0, sizeof(seen));
	damping_init(&d);
	return 0;
}

/* One word of the meter, a second after the one before. */
static void hear(int32_t w)
{
	struct event events[4];
	struct sink sink = {.event = events, .max = ARRAY_SIZE(events)};

	in.now_ns += NS_PER_S;
	in.grid_ns = in.now_ns;
	in.grid_w = w;
	sink.now_ns = in.now_ns;
	damping_step(&d, &config, &in, &sink);
	for (uint32_t i = 0; i < sink.len; i++) {
		seen[events[i].id]++;
	}
}

/* @half_s seconds up, as many down. */
static void swing(int32_t seconds, int32_t half_s, int32_t w)
{
	for (int32_t i = 0; i < seconds; i++) {
		hear(i / half_s % 2 == 0 ? w : -w);
	}
}

static void calm(int32_t seconds)
{
	for (int32_t i = 0; i < seconds; i++) {
		hear(0);
	}
}

static void test_swings_are_found_and_loads_are_not(void **state)
{
	static const struct {
		int32_t half_s;
		int32_t w;
		bool found;
	} rows[] = {
		{1, 300, true},	  {2, 300, true},    {4, 300, true},  {8, 300, true},
		{12, 300, true},  {4, 151, true},    {4, 150, false}, {4, 100, false},
		{30, 300, false}, {60, 5000, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		swing(120, rows[i].half_s, rows[i].w);
		assert_int_equal(d.active, rows[i].found);
		assert_int_equal(seen[EVENT_OSCILLATION], rows[i].found ? 1 : 0);
		assert_int_equal(d.cap_ma[DIR_CHARGE] == INT32_MAX, !rows[i].found);
	}
	/* a kettle every other minute */
	setup(NULL);
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 60; k++) {
			hear(k < 5 ? 2000 : (k < 50 ? 0 : (k < 55 ? -2000 : 0)));
		}
	}
	assert_false(d.active);
}

/* Around whatever the house draws: both batteries may be at their limits. */
static void test_swings_around_another_power_than_0(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		hear(i / 3 % 2 == 0 ? 3400 : 2600);
	}
	assert_true(d.active);
}

/* Both limits in steps from what flows, never up, and not below the least. */
static void test_steps(void **state)
{
	int32_t before_ma = FLOW_MA;
	int32_t steps = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		hear(i / 2 % 2 == 0 ? 400 : -400);
		if (!d.active) {
			continue;
		}
		assert_int_equal(d.cap_ma[DIR_CHARGE], d.cap_ma[DIR_DISCHARGE]);
		assert_true(d.cap_ma[DIR_CHARGE] <= before_ma);
		if (d.cap_ma[DIR_CHARGE] < before_ma) {
			assert_int_equal(d.cap_ma[DIR_CHARGE], max_i32(before_ma * 6 / 10, 1000));
			steps++;
		}
		before_ma = d.cap_ma[DIR_CHARGE];
		in.limit_ma[DIR_CHARGE] = d.cap_ma[DIR_CHARGE];
		in.limit_ma[DIR_DISCHARGE] = d.cap_ma[DIR_DISCHARGE];
	}
	assert_int_equal(before_ma, 1000);
	assert_int_equal(steps, 5); /* 7.2, 4.3, 2.6, 1.6, 1 A */
}

/* A direction that is shut for another reason just then may open again a second later. */
static void test_limit_of_0_for_another_reason_is_no_base(void **state)
{
	static const enum damping_preset presets[] = {DAMPING_SMOOTH, DAMPING_SEED};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		setup(NULL);
		core_config_damping(&config, presets[i]);
		in.limit_ma[DIR_DISCHARGE] = 0;
		for (int k = 0; k < 60 && d.cap_ma[DIR_CHARGE] == INT32_MAX; k++) {
			hear(k / 2 % 2 == 0 ? 400 : -400);
		}
		assert_in_range(d.cap_ma[DIR_CHARGE], config.damping.least_ma + 1, 60000);
		assert_in_range(d.cap_ma[DIR_DISCHARGE], config.damping.least_ma + 1, 60000);
	}
}

/* Latched for the hold time, then twice as much in each doubling time, then free. */
static void test_hold_and_exponential_release(void **state)
{
	int32_t held_ma;
	int32_t a_ma;

	(void)state;
	swing(40, 2, 400);
	assert_true(d.active);
	calm(50); /* the window forgets the last swings: they count until then */
	held_ma = d.cap_ma[DIR_CHARGE];
	calm(50);
	assert_int_equal(d.cap_ma[DIR_CHARGE], held_ma);
	calm(30);
	a_ma = d.cap_ma[DIR_CHARGE];
	assert_true(a_ma > held_ma);
	calm(60);
	assert_in_range(d.cap_ma[DIR_CHARGE], a_ma * 19 / 10, a_ma * 21 / 10);
	calm(600);
	assert_false(d.active);
	assert_int_equal(d.cap_ma[DIR_CHARGE], INT32_MAX);
	assert_int_equal(seen[EVENT_OSCILLATION], 1);
	assert_int_equal(seen[EVENT_OSCILLATION_OVER], 1);
}

/* The original's numbers: 4 of 10 beyond 150 W each way, both limits / 3, once a minute, but heeded. */
static void test_seed_preset_does_what_the_original_meant(void **state)
{
	uint32_t reduced = 0;
	int32_t before_ma = INT32_MAX;

	(void)state;
	core_config_damping(&config, DAMPING_SEED);
	for (int i = 0; i < 10; i++) {
		hear(i % 2 == 0 ? 300 : (i < 7 ? -300 : 0)); /* 5 above, 3 below */
	}
	assert_false(d.active);
	for (int i = 0; i < 263; i++) {
		hear(i / 2 % 2 == 0 ? 300 : -300);
		reduced += d.cap_ma[DIR_CHARGE] < before_ma ? 1U : 0U;
		before_ma = d.cap_ma[DIR_CHARGE];
		in.limit_ma[DIR_CHARGE] = min_i32(60000, before_ma);
		in.limit_ma[DIR_DISCHARGE] = in.limit_ma[DIR_CHARGE];
		if (reduced == 1) {
			assert_int_equal(d.cap_ma[DIR_DISCHARGE], 19980);
		}
	}
	/* the original: 32 found, none reduced */
	assert_int_equal(reduced, 4); /* 20, 6.7, 2.2, 1 A */
}

/* SAF-07: a silent meter ends it, at once; off is off. */
static void test_SAF_07_silent_meter_ends_it(void **state)
{
	struct event events[4];
	struct sink sink = {.event = events, .max = ARRAY_SIZE(events)};

	(void)state;
	swing(40, 2, 400);
	assert_true(d.cap_ma[DIR_CHARGE] < FLOW_MA);
	in.grid_w = SOURCE_NO_VALUE;
	damping_step(&d, &config, &in, &sink);
	assert_int_equal(d.cap_ma[DIR_CHARGE], INT32_MAX);
	assert_int_equal(d.cap_ma[DIR_DISCHARGE], INT32_MAX);
	assert_false(d.active);
	assert_int_equal(sink.len, 1);
	assert_int_equal(events[0].id, EVENT_OSCILLATION_OVER);
	hear(400); /* and it is not remembered */
	assert_false(d.active);

	core_config_damping(&config, DAMPING_OFF);
	swing(300, 2, 4000);
	assert_int_equal(d.cap_ma[DIR_CHARGE], INT32_MAX);
}

/* The same word again, older ones, and a flood of them: the window keeps its length. */
static void test_same_old_and_flooding_samples(void **state)
{
	struct event events[4];
	struct sink sink = {.event = events, .max = ARRAY_SIZE(events)};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		in.now_ns += 5 * NS_PER_MS;
		in.grid_ns = BENCH_START_NS + 1;
		in.grid_w = i % 2 == 0 ? 500 : -500;
		damping_step(&d, &config, &in, &sink);
	}
	assert_int_equal(d.count, 1);
	for (int i = 0; i < 2000; i++) { /* 10 s, a new word each period, around a step of load */
		in.now_ns += 5 * NS_PER_MS;
		in.grid_ns = in.now_ns;
		in.grid_w = i < 1000 ? 500 : -500;
		damping_step(&d, &config, &in, &sink);
	}
	assert_true(d.count <= 52);
	assert_false(d.active);
}

static void test_any_number_is_survived(void **state)
{
	static const int32_t value[] = {INT32_MIN + 1, INT32_MAX, 0, -1, 1};

	(void)state;
	for (int i = 0; i < 2000; i++) {
		in.own_ma = value[(i / 3) % 5];
		in.limit_ma[DIR_CHARGE] = value[(i / 7) % 5];
		in.limit_ma[DIR_DISCHARGE] = value[(i / 11) % 5];
		hear(value[i % 5]);
		assert_true(d.cap_ma[DIR_CHARGE] >= 0);
		assert_true(d.cap_ma[DIR_DISCHARGE] >= 0);
	}
}

/* In the cycle: limits, rule, telemetry, events; and back. */
static void test_SAF_07_damping_in_the_cycle(void **state)
{
	(void)state;
	bench_init(&b);
	bench_fast_ramps(&b.config);
	bench_warm_up(&b);
	b.battery.pack_ma = -20000;
	for (int i = 0; i < 60; i++) {
		b.grid = (struct grid_sample){.t_ns = b.now_ns,
					      .power_w = i / 3 % 2 == 0 ? 800 : -800};
		b.battery.runtime_min++; /* a frame like the one before would be suspicious */
		bench_run_ms(&b, 1000);
		assert_true(bench_tele(&b)->limit_ma[DIR_CHARGE] <=
			    bench_tele(&b)->envelope_ma[DIR_CHARGE]);
	}
	assert_int_equal(bench_tele(&b)->oscillating, 1);
	assert_true(bench_tele(&b)->limit_ma[DIR_DISCHARGE] < 20000);
	assert_int_equal(bench_tele(&b)->limited_by[DIR_DISCHARGE], RULE_DAMPING);
	assert_int_equal(bench_tele(&b)->limited_by[DIR_CHARGE], RULE_DAMPING);
	assert_int_equal(b.events[EVENT_OSCILLATION], 1);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	/* the meter falls silent: 15 s later everything is free */
	b.battery.runtime_min++;
	bench_run_ms(&b, 16000);
	assert_int_equal(bench_tele(&b)->oscillating, 0);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_DISCHARGE], 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_swings_are_found_and_loads_are_not, setup),
		cmocka_unit_test_setup(test_swings_around_another_power_than_0, setup),
		cmocka_unit_test_setup(test_steps, setup),
		cmocka_unit_test_setup(test_limit_of_0_for_another_reason_is_no_base, setup),
		cmocka_unit_test_setup(test_hold_and_exponential_release, setup),
		cmocka_unit_test_setup(test_seed_preset_does_what_the_original_meant, setup),
		cmocka_unit_test_setup(test_SAF_07_silent_meter_ends_it, setup),
		cmocka_unit_test_setup(test_same_old_and_flooding_samples, setup),
		cmocka_unit_test_setup(test_any_number_is_survived, setup),
		cmocka_unit_test_setup(test_SAF_07_damping_in_the_cycle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
