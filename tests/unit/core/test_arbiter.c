/* SPDX-License-Identifier: Apache-2.0 */
/* Two inverters: interlock and cross-charge guard, with their dead bands, times and slopes. */
#include "arbiter_test.h"

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
		{5000, -4000, 80, 20, DIR_CHARGE, 10},
		{5000, -4000, 20, 80, DIR_CHARGE, 20},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		config.arbiter.interlock = false; /* it has its say beyond 1.2 A */
		meter(0);
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
	meter(0);
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
	meter(0);
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

/* The other inverter takes back only what it sees on the meter. */
/* An idle inverter reads about -40 W: charging goes on, also from the grid. */
static void test_cross_charge_guard_ignores_what_an_idle_inverter_draws(void **state)
{
	static const int32_t grid_w[] = {-3000, 0, 50, 2300};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(grid_w); i++) {
		setup(NULL);
		in.own_ma = 40000;
		peer(-800);
		meter(grid_w[i]);
		run_s(3600);
		assert_int_equal(a.cap_ma[DIR_CHARGE], INT32_MAX);
	}
	peer(-1300);
	config.arbiter.interlock = false;
	config.arbiter.cross_w = 0;
	run_s(30);
	assert_int_equal(a.rule[DIR_CHARGE], RULE_CROSS_CHARGE);
}

/* What is lowered to the need must not be lowered to itself, again and again. */
static void test_SAF_07_cross_charge_guard_needs_the_meter(void **state)
{
	(void)state;
	in.own_ma = -20000;
	peer(5000);
	run_s(100);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	meter(500);
	for (int i = 0; i < 30; i++) {
		run_s(1);
		in.own_ma = max_i32(in.own_ma, -a.cap_ma[DIR_DISCHARGE]);
	}
	assert_int_equal(a.rule[DIR_DISCHARGE], RULE_CROSS_CHARGE);
	assert_in_range(-in.own_ma, 15000, 20000); /* 500 W of import: there is need */
	in.grid.t_ns = TIME_NEVER;
	run_s(1);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
}

/* What one said ends with it, although the other one is heard. */
static void test_SAF_07_change_of_the_source_ends_every_hold(void **state)
{
	(void)state;
	peer(20000);
	in.portal = in.local;
	in.portal.current_ma = 0;
	run_s(10);
	assert_int_equal(a.rule[DIR_DISCHARGE], RULE_INTERLOCK);
	in.local.t_ns = TIME_NEVER;
	run_s(1);
	assert_int_equal(a.peer_from, SOURCE_PORTAL);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
}

/* The dead band of an interlock that begins anew is the whole one. */
static void test_interlock_forgets_its_hysteresis(void **state)
{
	(void)state;
	peer(10000);
	meter(1300);
	run_s(10);
	assert_true(a.cap_ma[DIR_DISCHARGE] > 0);
	peer(0);
	run_s(70);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], INT32_MAX);
	peer(10000);
	meter(900); /* 400 W of need */
	run_s(10);
	assert_int_equal(a.cap_ma[DIR_DISCHARGE], 0);
}

static void test_cross_charge_guard_goes_below_the_need(void **state)
{
	static const struct {
		int32_t peer_ma;
		int32_t against_w;
		int32_t below_w;
	} rows[] = {{600, 30, 120}, {400, 20, 100}, {4000, 200, 120}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int32_t need_w = 512 - rows[i].against_w - rows[i].below_w;

		setup(NULL);
		config.arbiter.cross_w = 10;
		in.own_ma = -10000;
		meter(0);
		peer(rows[i].peer_ma);
		run_s(11);
		assert_int_equal(a.cap_ma[DIR_DISCHARGE], (int64_t)need_w * 1000000 / OWN_MV);
	}
}

static void expect_ahead(enum dir dir, bool acts)
{
	assert_int_equal(a.rule[dir], acts ? RULE_CROSS_CHARGE : RULE_NONE);
	assert_int_equal(a.cap_ma[dir], acts ? (2560 - 1000) * 1000000LL / OWN_MV : INT32_MAX);
	assert_int_equal(a.cap_ma[DIR_CHARGE + DIR_DISCHARGE - dir], INT32_MAX);
}

/* A cloud: the grid gives, ours still takes, and the other inverter is not heard for 10 s. */
static void test_cross_charge_guard_acts_on_the_meter_alone(void **state)
{
	(void)state;
	for (uint32_t dir = 0; dir < DIRS; dir++) {
		const int32_t sign = dir == DIR_CHARGE ? 1 : -1;

		setup(NULL);
		config.arbiter.ahead_w = 100;
		in.own_ma = sign * 50000;
		peer(0);
		meter(sign * 100);
		run_s(1);
		assert_int_equal(a.cap_ma[dir], INT32_MAX);
		meter(sign * 1000);
		for (int i = 0; i < 12; i++) {
			run_s(1);
			expect_ahead((enum dir)dir, true);
		}
		/* It was meant: charged from the grid, and the other one does not mind. */
		run_s(1);
		expect_ahead((enum dir)dir, false);
		for (int i = 0; i < 600; i++) {
			run_s(1);
			expect_ahead((enum dir)dir, false);
		}
		/* Nor when ours comes back slowly. */
		in.own_ma = 0;
		run_s(58);
		in.own_ma = sign * 50000;
		run_s(1);
		expect_ahead((enum dir)dir, false);
		in.own_ma = 0;
		run_s(60);
		in.own_ma = sign * 50000;
		run_s(1);
		expect_ahead((enum dir)dir, true);
		/* Nobody there who could step in. */
		in.local.t_ns = TIME_NEVER;
		run_s(1);
		expect_ahead((enum dir)dir, false);
	}
	setup(NULL);
	in.own_ma = 50000;
	peer(0);
	meter(1000);
	run_s(100);
	expect_ahead(DIR_CHARGE, false);
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
		cmocka_unit_test_setup(test_cross_charge_guard_ignores_what_an_idle_inverter_draws,
				       setup),
		cmocka_unit_test_setup(test_SAF_07_cross_charge_guard_needs_the_meter, setup),
		cmocka_unit_test_setup(test_SAF_07_change_of_the_source_ends_every_hold, setup),
		cmocka_unit_test_setup(test_interlock_forgets_its_hysteresis, setup),
		cmocka_unit_test_setup(test_cross_charge_guard_goes_below_the_need, setup),
		cmocka_unit_test_setup(test_cross_charge_guard_acts_on_the_meter_alone, setup),
		cmocka_unit_test_setup(test_lowering_begins_at_what_flows_and_is_slow, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
