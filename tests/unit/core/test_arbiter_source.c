/* SPDX-License-Identifier: Apache-2.0 */
/* Two inverters: what a source may say, how long that counts, what then; and all of it in the cycle. */
#include "arbiter_test.h"

static struct bench b;
static struct bench from;

/* Numbers before words, current before power, and anything before nothing. */
static void test_what_a_sample_may_say(void **state)
{
	const int32_t none = SOURCE_NO_VALUE;
	static const struct {
		struct peer_sample p;
		bool heard;
		bool charge;
		bool discharge;
	} rows[] = {
		{{.mode = PEER_CHARGING, .current_ma = INT32_MIN, .power_w = INT32_MIN},
		 true,
		 true,
		 false},
		{{.mode = PEER_DISCHARGING, .current_ma = INT32_MIN, .power_w = INT32_MIN},
		 true,
		 false,
		 true},
		{{.mode = PEER_IDLE, .current_ma = INT32_MIN, .power_w = INT32_MIN},
		 true,
		 true,
		 true},
		{{.mode = PEER_NO_BATTERY, .current_ma = INT32_MIN, .power_w = INT32_MIN},
		 true,
		 true,
		 true},
		{{.mode = PEER_UNKNOWN, .current_ma = INT32_MIN, .power_w = INT32_MIN},
		 false,
		 true,
		 true},
		{{.mode = 77, .current_ma = INT32_MIN, .power_w = INT32_MIN}, false, true, true},
		{{.mode = PEER_CHARGING, .current_ma = -20000, .power_w = INT32_MIN},
		 true,
		 false,
		 true},
		{{.current_ma = INT32_MIN, .power_w = 1000, .voltage_mv = 50000},
		 true,
		 true,
		 false},
		{{.current_ma = INT32_MIN, .power_w = 1000, .voltage_mv = INT32_MIN},
		 true,
		 true,
		 false},
		{{.current_ma = INT32_MIN, .power_w = 1000, .voltage_mv = 0}, true, true, false},
		{{.current_ma = INT32_MIN, .power_w = INT32_MAX, .voltage_mv = -5},
		 true,
		 true,
		 false},
		{{.current_ma = INT32_MIN, .power_w = INT32_MIN + 1, .voltage_mv = 50000},
		 true,
		 false,
		 true},
		{{.current_ma = 20000, .power_w = -1000, .voltage_mv = 50000}, true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		in.local = rows[i].p;
		in.local.t_ns = in.now_ns;
		run_s(10);
		assert_int_equal(a.peer_from, rows[i].heard ? SOURCE_LOCAL : SOURCES);
		assert_int_equal(a.cap_ma[DIR_CHARGE], rows[i].charge ? INT32_MAX : 0);
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], rows[i].discharge ? INT32_MAX : 0);
	}
	assert_int_equal(none, INT32_MIN);
}

/* SAF-07: each source, each fallback: fresh, at its limit, beyond it, never heard. */
static void test_SAF_07_every_source_has_its_age_and_its_fallback(void **state)
{
	static const struct {
		enum fallback fallback;
		int32_t ma;
	} rows[] = {{FALLBACK_RELEASE, INT32_MAX}, {FALLBACK_CAP, 7000}, {FALLBACK_ZERO, 0}};
	static const int32_t stale_ms[SOURCES] = {15000, 60000, 900000};

	(void)state;
	for (uint32_t s = 0; s < SOURCES; s++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			setup(NULL);
			config.source[s].fallback = rows[i].fallback;
			config.source[s].cap_ma = 7000;
			assert_int_equal(config.source[s].stale_ms, stale_ms[s]);
			(void)step(); /* never heard */
			assert_int_equal(a.cap_ma[DIR_CHARGE], rows[i].ma);
			assert_int_equal(a.cap_ma[DIR_DISCHARGE], rows[i].ma);
			in.grid = (struct grid_sample){.t_ns = in.now_ns};
			in.local.t_ns = s == SOURCE_PORTAL ? TIME_NEVER : in.now_ns;
			in.local.current_ma = 0;
			in.portal = in.local;
			in.portal.t_ns = s == SOURCE_LOCAL ? TIME_NEVER : in.now_ns;
			(void)step();
			assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
			in.now_ns += stale_ms[s] * NS_PER_MS;
			in.grid.t_ns = s == SOURCE_GRID ? in.grid.t_ns : in.now_ns;
			in.local.t_ns = s == SOURCE_GRID ? in.now_ns : in.local.t_ns;
			(void)step();
			assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
			in.now_ns += NS_PER_MS;
			(void)step();
			assert_int_equal(a.cap_ma[DIR_CHARGE], rows[i].ma);
			assert_int_equal(a.cap_ma[DIR_DISCHARGE], rows[i].ma);
			assert_int_equal(a.rule[DIR_CHARGE],
					 rows[i].ma == INT32_MAX ? RULE_NONE : RULE_SOURCE_SILENT);
		}
	}
}

/*
 * The meter falls silent for good while the interlock lets a need pass: what it said counts for
 * sma.stale, never longer than 30 s, and raises nothing meanwhile. Then nobody knows of a need, and
 * the interlock closes; without word of the other inverter either the fallbacks are all there is.
 */
static void test_FLT_40_SAF_07_meter_silent_for_30_s_is_not_believed(void **state)
{
	static const int32_t stale_ms[] = {0, 5000, 30000}; /* 0: the default */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stale_ms); i++) {
		setup(NULL);
		if (stale_ms[i] != 0) {
			config.source[SOURCE_GRID].stale_ms = stale_ms[i];
		}
		const int64_t stale_ns = config.source[SOURCE_GRID].stale_ms * NS_PER_MS;

		assert_true(stale_ns <= 30 * NS_PER_S);
		peer(10000);
		meter(1700); /* 1200 W more than the other one takes */
		run_s(10);
		assert_int_equal(a.rule[DIR_DISCHARGE], RULE_INTERLOCK);

		const int64_t silent_ns = in.now_ns;
		const int32_t passed_ma = a.cap_ma[DIR_DISCHARGE];

		assert_true(passed_ma > 0);
		while (in.now_ns - silent_ns < 40 * NS_PER_S) {
			in.now_ns += 100 * NS_PER_MS;
			in.local.t_ns = in.now_ns;
			(void)step();
			assert_true(a.cap_ma[DIR_DISCHARGE] <= passed_ma);
			if (in.now_ns - silent_ns > stale_ns) {
				assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
				assert_int_equal(a.rule[DIR_DISCHARGE], RULE_INTERLOCK);
			} else {
				assert_int_equal(a.cap_ma[DIR_DISCHARGE], passed_ma);
			}
		}
		in.local.t_ns = TIME_NEVER;
		config.source[SOURCE_GRID].fallback = FALLBACK_ZERO;
		for (int s = 0; s < 200; s++) {
			in.now_ns += NS_PER_S;
			(void)step();
		}
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
		assert_int_equal(a.rule[DIR_DISCHARGE], RULE_SOURCE_SILENT);
	}
}

/* Of two silent ones the lower fallback; while one is heard the other's does not apply. */
static void test_SAF_07_local_before_portal(void **state)
{
	(void)state;
	config.source[SOURCE_LOCAL].fallback = FALLBACK_ZERO;
	config.source[SOURCE_PORTAL] = (struct source_config){900000, FALLBACK_CAP, 9000};
	(void)step();
	assert_int_equal(a.cap_ma[DIR_CHARGE], 0);
	in.portal = (struct peer_sample){
		.t_ns = in.now_ns, .current_ma = -20000, .voltage_mv = PEER_MV};
	run_s(10);
	assert_int_equal(a.peer_from, SOURCE_PORTAL);
	assert_int_equal(a.cap_ma[DIR_CHARGE], 0);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	peer(0);
	run_s(61);
	assert_int_equal(a.peer_from, SOURCE_LOCAL);
	assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
	/* the inverter itself falls silent: the portal again, with its own word */
	in.local.t_ns = TIME_NEVER;
	run_s(10);
	assert_int_equal(a.peer_from, SOURCE_PORTAL);
	assert_int_equal(a.cap_ma[DIR_CHARGE], 0);
}

/* SAF-07: nothing is held from a source that has gone silent. */
static void test_SAF_07_silence_ends_every_hold_at_once(void **state)
{
	(void)state;
	config.arbiter.hold_ms = 3600000;
	peer(-20000);
	in.own_ma = 10000;
	run_s(20);
	assert_int_equal(a.cap_ma[DIR_CHARGE], 0);
	in.now_ns += 61 * NS_PER_S;
	(void)step();
	assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
	peer(0); /* and it is not remembered when it is back */
	run_s(1);
	assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
}

static void test_SAF_14_SAF_07_before_a_suspend_and_from_the_future(void **state)
{
	(void)state;
	config.arbiter.grace_ms = 0;
	peer(20000);
	(void)step();
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
	in.now_ns += NS_PER_S;
	arbiter_forget(&a, in.now_ns);
	(void)step();
	assert_int_equal(a.peer_from, SOURCES);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	in.local.t_ns = in.now_ns + 100 * NS_PER_MS;
	(void)step();
	assert_int_equal(a.peer_from, SOURCE_LOCAL);
	in.local.t_ns = in.now_ns + 100 * NS_PER_MS + 1;
	(void)step();
	assert_int_equal(a.peer_from, SOURCES);
	in.local.t_ns = INT64_MAX;
	(void)step();
	assert_int_equal(a.peer_from, SOURCES);
}

static void test_events_on_change_only(void **state)
{
	uint32_t count = 0;

	(void)state;
	config.arbiter.grace_ms = 0;
	peer(20000);
	for (int i = 0; i < 100; i++) {
		in.now_ns += 5 * NS_PER_MS;
		count += step().len;
	}
	assert_int_equal(count, 2); /* heard, verdict */
	in.now_ns += 61 * NS_PER_S;
	assert_int_equal(step().len, 2); /* silent, free */
	assert_int_equal(events[0].id, EVENT_PEER_SILENT);
	assert_int_equal(events[1].id, EVENT_ARBITER_FREE);
	assert_int_equal(step().len, 0);
}

/* A source that says something else in every period is told of once a second. */
static void test_SAF_13_flooding_source_tells_little(void **state)
{
	uint32_t count = 0;

	(void)state;
	config.arbiter.grace_ms = 0;
	config.arbiter.hold_ms = 0;
	for (int i = 0; i < 2000; i++) { /* 10 s */
		in.now_ns += 5 * NS_PER_MS;
		peer(i % 2 == 0 ? 20000 : 0);
		count += step().len;
	}
	assert_in_range(count, 5, 12);
	count = 0;
	for (int i = 0; i < 2000; i++) {
		in.now_ns += 5 * NS_PER_MS;
		meter(i % 2 == 0 ? 100 : SOURCE_NO_VALUE);
		peer(0);
		in.local.t_ns = i % 2 == 0 ? in.now_ns : INT64_MAX;
		count += step().len;
	}
	assert_in_range(count, 5, 40);
}

/* ---- inside the cycle ---- */

static int setup_cycle(void **state)
{
	static bool warm;

	(void)state;
	if (!warm) {
		bench_init(&b);
		bench_fast_ramps(&b.config);
		bench_warm_up(&b);
		from = b;
		warm = true;
	}
	bench_fork(&b, &from);
	return 0;
}

/*
 * FLT-70: the other one discharges while ours charges, and the other way round. Its word comes every
 * 10 s. Within two of these ours has stopped, it stays stopped, and the limit moves once.
 */
static void test_FLT_70_two_inverters_fight(void **state)
{
	(void)state;
	for (int d = 0; d < DIRS; d++) {
		const int32_t sign = d == DIR_CHARGE ? 1 : -1;
		int32_t turns = 0;
		int32_t before_ma = 0;
		int64_t stopped_ms = -1;

		setup_cycle(NULL);
		b.battery.pack_ma = sign * 20000;
		bench_run_ms(&b, 3000);
		before_ma = bench_tele(&b)->limit_ma[d];
		for (int64_t ms = 0; ms < 300000; ms += 100) {
			if (ms % 10000 == 0) {
				b.local.t_ns = b.now_ns;
				b.local.current_ma = -sign * 20000;
				b.local.voltage_mv = PEER_MV;
			}
			if (ms % 1000 == 0) {
				b.grid = (struct grid_sample){.t_ns = b.now_ns};
			}
			bench_run_ms(&b, 100);
			const int32_t ma = bench_tele(&b)->limit_ma[d];

			turns += ma > before_ma ? 1 : 0;
			before_ma = ma;
			/* the inverter obeys */
			b.battery.pack_ma = sign * min_i32(20000, ma);
			if (ma == 0 && stopped_ms < 0) {
				stopped_ms = ms;
			}
		}
		assert_true(stopped_ms >= 0 && stopped_ms <= 20000);
		assert_int_equal(turns, 0);
		assert_int_equal(bench_tele(&b)->limit_ma[d], 0);
		assert_int_equal(bench_tele(&b)->limited_by[d], RULE_INTERLOCK);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE + DIR_DISCHARGE - d], 60000);
		assert_int_equal(bench_tele(&b)->peer_from, SOURCE_LOCAL);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		assert_true(bench_tele(&b)->source_age_ms[SOURCE_LOCAL] < 10000);
	}
}

/* Whatever a source says, the envelope stays the ceiling. */
static void test_SAF_07_no_source_raises_anything(void **state)
{
	static const int32_t value[] = {INT32_MIN, INT32_MIN + 1, -100000, 0, 100000, INT32_MAX};

	(void)state;
	b.battery.cell_mv[0] = 3450; /* charge envelope 15 A */
	bench_run_ms(&b, 2000);
	b.grid.t_ns = BENCH_ALWAYS;
	b.local.t_ns = BENCH_ALWAYS;
	b.portal.t_ns = BENCH_ALWAYS;
	for (size_t i = 0; i < ARRAY_SIZE(value); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(value); k++) {
			b.grid.power_w = value[i];
			b.local.current_ma = value[k];
			b.local.power_w = value[ARRAY_SIZE(value) - 1 - i];
			b.portal = b.local;
			bench_run_ms(&b, 3000);
			assert_true(bench_tele(&b)->limit_ma[DIR_CHARGE] <= 15000);
			assert_true(bench_tele(&b)->limit_ma[DIR_DISCHARGE] <= 60000);
			assert_true(bench_tele(&b)->limit_ma[DIR_CHARGE] >= 0);
			assert_true(bench_tele(&b)->limit_ma[DIR_DISCHARGE] >= 0);
		}
	}
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 15000);
}

/* SAF-07, SAF-13: the fallback inside the cycle, and a source that floods changes nothing else. */
static void test_SAF_07_SAF_13_fallback_in_the_cycle(void **state)
{
	(void)state;
	b.config.source[SOURCE_GRID] = (struct source_config){15000, FALLBACK_CAP, 7000};
	b.grid = (struct grid_sample){.t_ns = b.now_ns};
	bench_run_ms(&b, 15000);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 60000);
	bench_run_ms(&b, 100);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 7000);
	assert_int_equal(bench_tele(&b)->limited_by[DIR_CHARGE], RULE_SOURCE_SILENT);
	assert_int_equal(b.events[EVENT_GRID_SILENT], 1);
	b.grid.t_ns = BENCH_ALWAYS; /* a new word in every period */
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], 60000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(b.events[EVENT_OSCILLATION], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_a_sample_may_say, setup),
		cmocka_unit_test_setup(test_SAF_07_every_source_has_its_age_and_its_fallback,
				       setup),
		cmocka_unit_test_setup(test_SAF_14_SAF_07_before_a_suspend_and_from_the_future,
				       setup),
		cmocka_unit_test_setup(test_FLT_40_SAF_07_meter_silent_for_30_s_is_not_believed,
				       setup),
		cmocka_unit_test_setup(test_SAF_07_local_before_portal, setup),
		cmocka_unit_test_setup(test_SAF_07_silence_ends_every_hold_at_once, setup),
		cmocka_unit_test_setup(test_events_on_change_only, setup),
		cmocka_unit_test_setup(test_SAF_13_flooding_source_tells_little, setup),
		cmocka_unit_test_setup(test_FLT_70_two_inverters_fight, setup_cycle),
		cmocka_unit_test_setup(test_SAF_07_no_source_raises_anything, setup_cycle),
		cmocka_unit_test_setup(test_SAF_07_SAF_13_fallback_in_the_cycle, setup_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
