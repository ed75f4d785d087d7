/* SPDX-License-Identifier: Apache-2.0 */
/* Two inverters: interlock, cross-charge guard, fallbacks. By itself, and inside the cycle. */
#include "core/arbiter.h"
#include "core_test.h"

#define OWN_MV	51200
#define PEER_MV 50000

static struct bench b;
static struct bench from;
static struct core_config config;
static struct arbiter a;
static struct arbiter_in in;
static struct event events[CYCLE_EVENT_MAX];

static int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	config.arbiter.fall_ma_s = 1000000; /* slopes have tests of their own */
	config.arbiter.rise_ma_s = 1000000;
	config.arbiter.grace_ms = 5000;
	config.arbiter.hold_ms = 60000;
	config.arbiter.cross_ms = 10000;
	config.arbiter.cross_hold_ms = 120000;
	in = (struct arbiter_in){
		.now_ns = BENCH_START_NS,
		.grid = GRID_NONE,
		.local = PEER_NONE_HEARD,
		.portal = PEER_NONE_HEARD,
		.own_mv = OWN_MV,
		.own_soc_pct = 50,
	};
	arbiter_init(&a, in.now_ns);
	return 0;
}

static struct sink step(void)
{
	struct sink sink = {.now_ns = in.now_ns, .event = events, .max = CYCLE_EVENT_MAX};

	arbiter_step(&a, &config, &in, &sink);
	return sink;
}

/* What is heard is heard again every second. */
static void run_s(int32_t seconds)
{
	for (int32_t i = 0; i < seconds; i++) {
		in.now_ns += NS_PER_S;
		in.grid.t_ns = in.grid.t_ns == TIME_NEVER ? TIME_NEVER : in.now_ns;
		in.local.t_ns = in.local.t_ns == TIME_NEVER ? TIME_NEVER : in.now_ns;
		in.portal.t_ns = in.portal.t_ns == TIME_NEVER ? TIME_NEVER : in.now_ns;
		(void)step();
	}
}

static void peer(int32_t ma)
{
	in.local.t_ns = in.now_ns;
	in.local.current_ma = ma;
	in.local.voltage_mv = PEER_MV;
}

static void meter(int32_t w)
{
	in.grid.t_ns = in.now_ns;
	in.grid.power_w = w;
}

/* The dead bands of the original, on both sides of each. */
static void test_interlock_dead_bands(void **state)
{
	static const struct {
		int32_t peer_ma;
		bool charge;
		bool discharge;
	} rows[] = {
		{0, true, true},       {8000, true, true},	 {8001, true, false},
		{60000, true, false},  {-1200, true, true},	 {-1201, false, true},
		{-60000, false, true}, {INT32_MAX, true, false}, {INT32_MIN + 1, false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		peer(rows[i].peer_ma);
		run_s(10);
		assert_int_equal(a.cap_ma[DIR_CHARGE], rows[i].charge ? INT32_MAX : 0);
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], rows[i].discharge ? INT32_MAX : 0);
		assert_int_equal(a.rule[DIR_CHARGE], rows[i].charge ? RULE_NONE : RULE_INTERLOCK);
		config.arbiter.interlock = false;
		config.arbiter.cross = false;
		run_s(100);
		assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	}
}

static void test_interlock_waits_and_holds(void **state)
{
	(void)state;
	peer(20000);
	run_s(5); /* heard at the first of them */
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	run_s(1);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
	peer(0);
	run_s(59);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
	run_s(1);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	/* shorter than the grace time, again and again: never */
	for (int i = 0; i < 20; i++) {
		peer(20000);
		run_s(5);
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
		peer(0);
		run_s(1);
	}
}

/* 700 W and 100 W: what the house needs beyond the other battery, whoever gives it now. */
static void test_interlock_leaves_the_need_of_the_house(void **state)
{
	static const struct {
		int32_t peer_ma;
		int32_t grid_w;
		int32_t own_ma;
		enum dir dir;
		int32_t need_w; /* 0 = closed */
	} rows[] = {
		{10000, 0, 0, DIR_DISCHARGE, 0},      /* 500 W into the other one */
		{10000, 1200, 0, DIR_DISCHARGE, 0},   /* 700 W are left, not more */
		{10000, 1201, 0, DIR_DISCHARGE, 701}, /* a kettle */
		{10000, -3000, 0, DIR_DISCHARGE, 0},
		{10000, 177, -20000, DIR_DISCHARGE, 701}, /* the same, and ours gives 1024 W */
		{-10000, -600, 0, DIR_CHARGE, 0},	  /* it gives 500 W of them */
		{-10000, -601, 0, DIR_CHARGE, 101},	  /* sun */
		{-10000, 400, 0, DIR_CHARGE, 0},
		{-10000, 423, 20000, DIR_CHARGE, 101},
		{INT32_MAX, 100000000, 0, DIR_DISCHARGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		config.arbiter.cross = false;
		peer(rows[i].peer_ma);
		meter(rows[i].grid_w);
		in.own_ma = rows[i].own_ma;
		run_s(10);
		assert_in_range(a.cap_ma[rows[i].dir],
				max_i32(rows[i].need_w - 1, 0) * 1000 / 51 * 51 / 52,
				rows[i].need_w * 1000 / 51);
		assert_int_equal(a.rule[rows[i].dir], RULE_INTERLOCK);
		/* a silent meter lets nothing pass */
		in.grid.t_ns = TIME_NEVER;
		run_s(1);
		assert_int_equal(a.cap_ma[rows[i].dir], 0);
	}
}

/* A forced charge of the other battery is not fed, whatever the meter shows of it. */
static void test_forced_charge_of_the_other_is_not_fed(void **state)
{
	(void)state;
	peer(40000); /* 2000 W, from the grid */
	meter(2300); /* and 300 W of the house */
	run_s(30);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
}

/* An opened interlock does not flap around its dead band. */
static void test_interlock_hysteresis_of_the_need(void **state)
{
	(void)state;
	peer(10000);
	meter(1300);
	run_s(10);
	assert_true(a.cap_ma[DIR_DISCHARGE] > 0);
	meter(900); /* need 400 W */
	run_s(10);
	assert_true(a.cap_ma[DIR_DISCHARGE] > 0);
	meter(849);
	run_s(2);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
	meter(900);
	run_s(10);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
}

/* Below the dead bands: ours is lowered to the need, sooner if it is the fuller one. */
static void test_cross_charge_guard(void **state)
{
	static const struct {
		int32_t own_ma;
		int32_t peer_ma;
		int32_t own_soc;
		int32_t peer_soc;
		enum dir dir;
		int32_t after_s;
	} rows[] = {
		{-5000, 5000, 80, 20, DIR_DISCHARGE, 10}, /* ours is fuller and gives */
		{-5000, 5000, 20, 80, DIR_DISCHARGE, 20}, /* the other one should give way */
		{-5000, 5000, 50, 50, DIR_DISCHARGE, 10},
		{-5000, 5000, SOURCE_NO_VALUE, 80, DIR_DISCHARGE, 10},
		{-5000, 5000, 20, SOURCE_NO_VALUE, DIR_DISCHARGE, 10},
		{-5000, 5000, 20, 101, DIR_DISCHARGE, 10},
		{5000, -1100, 80, 20, DIR_CHARGE, 10},
		{5000, -1100, 20, 80, DIR_CHARGE, 20},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		in.own_ma = rows[i].own_ma;
		in.own_soc_pct = rows[i].own_soc;
		peer(rows[i].peer_ma);
		in.local.soc_pct = rows[i].peer_soc;
		run_s(rows[i].after_s);
		assert_int_equal(a.cap_ma[rows[i].dir], INT32_MAX);
		run_s(1);
		/* what is left of ours is what the other one does not take */
		assert_in_range(a.cap_ma[rows[i].dir], 0, 5000);
		assert_int_equal(a.rule[rows[i].dir], RULE_CROSS_CHARGE);
		assert_int_equal(a.cap_ma[DIR_CHARGE + DIR_DISCHARGE - rows[i].dir], INT32_MAX);
	}
	/* none of it if both do the same, or one does next to nothing */
	setup(NULL);
	in.own_ma = -5000;
	peer(-1000);
	run_s(100);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	peer(500); /* 25 W */
	run_s(100);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
}

/* While it holds the house still gets what it needs; a resting other battery ends the slow rise. */
static void test_cross_charge_guard_holds_and_ends(void **state)
{
	(void)state;
	in.own_ma = -5000;
	peer(5000);
	meter(0);
	run_s(11);
	assert_in_range(a.cap_ma[DIR_DISCHARGE], 0, 200);
	in.own_ma = 0;
	peer(-2000);
	meter(1024);
	run_s(2);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 20000);
	run_s(117);
	assert_int_equal(a.rule[DIR_DISCHARGE], RULE_CROSS_CHARGE);
	run_s(2);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);

	setup(NULL);
	in.own_ma = -5000;
	peer(5000);
	config.arbiter.rise_ma_s = 100;
	run_s(11);
	in.own_ma = 0;
	peer(0);
	meter(512);
	run_s(50);
	assert_in_range(a.cap_ma[DIR_DISCHARGE], 4900, 5300); /* 0.1 A/s */
	run_s(11);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 10000); /* the other one rests */
}

static void test_lowering_begins_at_what_flows_and_is_slow(void **state)
{
	int32_t before_ma = INT32_MAX;

	(void)state;
	config.arbiter.fall_ma_s = 5000;
	config.arbiter.grace_ms = 0;
	in.own_ma = -20000;
	peer(20000);
	for (int i = 0; i < 4; i++) {
		run_s(1);
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], 15000 - 5000 * i);
		assert_true(a.cap_ma[DIR_DISCHARGE] < before_ma);
		before_ma = a.cap_ma[DIR_DISCHARGE];
	}
	/* nothing flows: nothing to be gentle with */
	setup(NULL);
	config.arbiter.fall_ma_s = 100;
	config.arbiter.grace_ms = 0;
	peer(20000);
	run_s(1);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
}

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
		cmocka_unit_test_setup(test_interlock_dead_bands, setup),
		cmocka_unit_test_setup(test_interlock_waits_and_holds, setup),
		cmocka_unit_test_setup(test_interlock_leaves_the_need_of_the_house, setup),
		cmocka_unit_test_setup(test_forced_charge_of_the_other_is_not_fed, setup),
		cmocka_unit_test_setup(test_interlock_hysteresis_of_the_need, setup),
		cmocka_unit_test_setup(test_cross_charge_guard, setup),
		cmocka_unit_test_setup(test_cross_charge_guard_holds_and_ends, setup),
		cmocka_unit_test_setup(test_lowering_begins_at_what_flows_and_is_slow, setup),
		cmocka_unit_test_setup(test_what_a_sample_may_say, setup),
		cmocka_unit_test_setup(test_SAF_07_every_source_has_its_age_and_its_fallback,
				       setup),
		cmocka_unit_test_setup(test_SAF_07_local_before_portal, setup),
		cmocka_unit_test_setup(test_SAF_07_silence_ends_every_hold_at_once, setup),
		cmocka_unit_test_setup(test_SAF_14_SAF_07_before_a_suspend_and_from_the_future,
				       setup),
		cmocka_unit_test_setup(test_events_on_change_only, setup),
		cmocka_unit_test_setup(test_SAF_13_flooding_source_tells_little, setup),
		cmocka_unit_test_setup(test_FLT_70_two_inverters_fight, setup_cycle),
		cmocka_unit_test_setup(test_SAF_07_no_source_raises_anything, setup_cycle),
		cmocka_unit_test_setup(test_SAF_07_SAF_13_fallback_in_the_cycle, setup_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
