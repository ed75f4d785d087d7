/* SPDX-License-Identifier: Apache-2.0 */
/* SAF-21: the inverter draws or pushes more than the envelope allows. Current is the battery's. */
#include "core_test.h"

static struct bench b;
static struct bench from;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	from.battery.cell_ovp_mv = 4400;
	start_fast(&from);
	drain_reply(&from);
	bench_fork(&b, &from);
	return 0;
}

static bool holds(const struct bench *x)
{
	return bench_tele(x)->step == STEP_HOLD;
}

static bool latched(const struct bench *x)
{
	return bench_tele(x)->latched != REASON_NONE;
}

static bool charge_closed(const struct bench *x)
{
	return bench_tele(x)->envelope_ma[DIR_CHARGE] == 0;
}

static bool discharge_closed(const struct bench *x)
{
	return bench_tele(x)->envelope_ma[DIR_DISCHARGE] == 0;
}

/* Full pack: charge envelope 0. Empty pack: discharge envelope 0. */
static void close_charge(void)
{
	b.battery.cell_mv[2] = 3550;
	bench_run_ms(&b, 2000);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
}

static void close_discharge(void)
{
	b.battery.cell_mv[2] = 3100;
	run_samples(&b, 2);
	b.battery.cell_mv[2] = 2900;
	bench_run_ms(&b, 2000);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_DISCHARGE], 0);
}

static void zero_envelope(enum dir dir)
{
	if (dir == DIR_CHARGE) {
		close_charge();
	} else {
		close_discharge();
	}
}

static void test_FLT_69_SAF_21_zero_envelope_ignored(void **state)
{
	static const struct {
		enum dir dir;
		int32_t ma;
		uint32_t reason;
	} rows[] = {
		{DIR_CHARGE, 20000, REASON_DISOBEYED_CHARGE},
		{DIR_DISCHARGE, -20000, REASON_DISOBEYED_DISCHARGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		zero_envelope(rows[i].dir);
		drain_reply(&b);
		b.battery.pack_ma = rows[i].ma;
		/* judged on samples: 5 s after the first excess, which comes within one poll */
		const int64_t hold_ms = ms_until(&b, holds, 7000);

		assert_between(hold_ms, 5000, 5000 + 2 * POLL_MS + BENCH_REPLY_MS);
		assert_true(b.out.permit);
		assert_int_equal(bench_tele(&b)->reason, rows[i].reason);
		const int64_t trip_ms = hold_ms + ms_until(&b, latched, 12000);

		assert_between(trip_ms, 15000, 15000 + 2 * POLL_MS + BENCH_REPLY_MS);
		assert_int_equal(bench_tele(&b)->latched, rows[i].reason);
		/* 0 A has stood for ten seconds: the relay opens at once, at most 2 s later */
		const int64_t open_ms = b.out.permit ? ms_until(&b, permit_gone, 3000) : 0;

		assert_between(open_ms, 0, 2000);
		bench_run_ms(&b, 1500);
		assert_safe_set(&b);
	}
}

static void test_SAF_21_margins(void **state)
{
	static const struct {
		enum dir dir;
		int32_t max_ma;	   /* of both directions */
		int32_t margin_ma; /* max(8 A, 20 %) */
	} rows[] = {
		{DIR_CHARGE, 60000, 12000}, {DIR_DISCHARGE, 60000, 12000},
		{DIR_CHARGE, 30000, 8000},  {DIR_DISCHARGE, 30000, 8000},
		{DIR_CHARGE, 40000, 8000},  {DIR_CHARGE, 45000, 9000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int over = 0; over <= 1; over++) {
			const int32_t ma = rows[i].margin_ma + (over != 0 ? 10 : 0);

			setup(NULL);
			b.config.max_ma[DIR_CHARGE] = rows[i].max_ma;
			b.config.max_ma[DIR_DISCHARGE] = rows[i].max_ma;
			zero_envelope(rows[i].dir);
			b.battery.pack_ma = rows[i].dir == DIR_CHARGE ? ma : -ma;
			bench_run_ms(&b, 20000);
			assert_true(latched(&b) == (over != 0));
			assert_true((b.events[EVENT_DISOBEYED] > 0) == (over != 0));
		}
	}
}

static void test_SAF_21_profile_margin(void **state)
{
	(void)state;
	from.config.obey_margin_ma = 15000;
	bench_fork(&b, &from);
	close_charge();
	b.battery.pack_ma = 15000;
	bench_run_ms(&b, 20000);
	assert_false(latched(&b));
	b.battery.pack_ma = 15010;
	bench_run_ms(&b, 20000);
	assert_true(latched(&b));
}

/* At a critical level the margin is 2 A: the over-voltage latch itself is another matter. */
static void test_SAF_21_two_ampere_at_critical(void **state)
{
	static const struct {
		uint16_t mv;
		int32_t ma;
		bool over;
	} rows[] = {
		{3650, 8000, false},
		{3700, 2000, false},
		{3700, 2010, true},
		{3700, -5000, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		b.battery.cell_mv[2] = 3500;
		run_samples(&b, 2);
		b.battery.cell_mv[2] = rows[i].mv;
		b.battery.pack_ma = rows[i].ma;
		bench_run_ms(&b, 4000);
		assert_true((b.events[EVENT_DISOBEYED] > 0) == rows[i].over);
	}
	setup(NULL);
	bench_battery_all(&b.battery, 2480);
	b.battery.pack_ma = -2000;
	bench_run_ms(&b, 4000);
	assert_int_equal(b.events[EVENT_DISOBEYED], 0);
	b.battery.pack_ma = -2010;
	bench_run_ms(&b, 4000);
	assert_true(b.events[EVENT_DISOBEYED] > 0);
	setup(NULL);
	b.battery.box_raw = 62;
	b.battery.battery_raw = 62;
	b.battery.pack_ma = 2010;
	bench_run_ms(&b, 4000);
	assert_true(b.events[EVENT_DISOBEYED] > 0);
}

static void test_SAF_21_non_zero_envelope_becomes_zero_after_30_s(void **state)
{
	static const struct {
		int32_t ma;
		condition *closed;
	} rows[] = {
		{72010, charge_closed},
		{-72010, discharge_closed},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		drain_reply(&b);
		b.battery.pack_ma = rows[i].ma;
		assert_between(ms_until(&b, rows[i].closed, 40000), 30000,
			       30000 + 2 * POLL_MS + BENCH_REPLY_MS);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		/* the other direction stays open */
		const enum dir other = rows[i].ma > 0 ? DIR_DISCHARGE : DIR_CHARGE;

		assert_int_equal(bench_tele(&b)->limit_ma[other], 60000);
		/* now against zero: step 3 after 5 s, trip after 15 s */
		assert_between(ms_until(&b, holds, 7000), 5000 - 2 * POLL_MS, 5000 + 2 * POLL_MS);
		assert_between(ms_until(&b, latched, 12000), 10000 - 2 * POLL_MS,
			       10000 + 2 * POLL_MS);
	}
}

static void test_SAF_21_exactly_at_the_margin_of_a_non_zero_envelope(void **state)
{
	(void)state;
	b.battery.pack_ma = 72000;
	bench_run_ms(&b, 60000);
	assert_int_equal(b.events[EVENT_DISOBEYED], 0);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 60000);
}

/* A short excess with calm behind it is none; and the closed direction comes back. */
static void test_SAF_21_short_excess_and_return(void **state)
{
	(void)state;
	close_charge();
	for (int i = 0; i < 5; i++) {
		b.battery.pack_ma = 20000;
		bench_run_ms(&b, 4500);
		b.battery.pack_ma = 0;
		bench_run_ms(&b, 31000);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	}
	assert_false(latched(&b));
	setup(NULL);
	b.battery.pack_ma = 73000;
	bench_run_ms(&b, 31000);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
	b.battery.pack_ma = 0;
	bench_run_ms(&b, 28000);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 60000);
	assert_int_equal(bench_ccl_ma(&b), 60000);
}

static void test_SAF_21_hold_on_the_charge_side_only_falls(void **state)
{
	(void)state;
	close_charge();
	b.battery.pack_ma = 20000;
	assert_true(ms_until(&b, holds, 7000) > 0);
	bench_run_ms(&b, 1200);
	/* 15 x 3.300 + 3.550 = 53.050: 53.0 V; regular CVL would be 55.2 V */
	assert_int_equal(bench_cvl_mv(&b), 53000);
	b.battery.cell_mv[3] = 3180; /* 52.93 */
	bench_run_ms(&b, 1500);
	assert_int_equal(bench_cvl_mv(&b), 52900);
	b.battery.cell_mv[3] = 3300;
	bench_run_ms(&b, 1500);
	assert_int_equal(bench_cvl_mv(&b), 52900);
	/* discharge side untouched: SoC as it is */
	assert_int_equal(bench_soc(&b), 55);
	/* floor: 3.0 V x 16 */
	bench_battery_all(&b.battery, 3100);
	b.battery.cell_mv[2] = 3550;
	run_samples(&b, 1);
	bench_battery_all(&b.battery, 2950);
	b.battery.cell_mv[2] = 3550;
	run_samples(&b, 8);
	assert_int_equal(bench_tele(&b)->step, STEP_HOLD);
	assert_int_equal(bench_tele(&b)->cvl_mv, 48000);
}

static void test_SAF_21_hold_on_the_discharge_side_shows_low_soc(void **state)
{
	static const struct {
		uint8_t soc;
		int32_t shown;
	} rows[] = {
		{55, 20}, {21, 20}, {20, 20}, {15, 15}, {11, 11}, {10, 11}, {3, 11},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		b.battery.soc_pct = rows[i].soc;
		close_discharge();
		const int32_t cvl_mv = bench_cvl_mv(&b);

		b.battery.pack_ma = -20000;
		assert_true(ms_until(&b, holds, 7000) > 0);
		bench_run_ms(&b, 1200);
		assert_int_equal(bench_soc(&b), rows[i].shown);
		assert_int_equal(bench_cvl_mv(&b), cvl_mv);
		assert_safe_set(&b);
	}
}

static void test_SAF_21_hold_is_left_when_it_is_obeyed(void **state)
{
	(void)state;
	close_charge();
	b.battery.pack_ma = 20000;
	assert_true(ms_until(&b, holds, 7000) > 0);
	drain_reply(&b);
	b.battery.pack_ma = 0;
	run_samples(&b, 4);
	assert_int_equal(bench_tele(&b)->step, STEP_HOLD);
	run_samples(&b, 1);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	bench_run_ms(&b, 1500);
	assert_int_equal(bench_cvl_mv(&b), 55200);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

/* Pauses shorter than 30 s do not start the count anew: 15 s of excess in all latch. */
static void test_SAF_21_excess_with_pauses_adds_up(void **state)
{
	(void)state;
	close_charge();
	for (int i = 0; i < 3; i++) {
		b.battery.pack_ma = 20000;
		bench_run_ms(&b, 4500);
		b.battery.pack_ma = 0;
		bench_run_ms(&b, 20000);
		assert_false(latched(&b));
	}
	b.battery.pack_ma = 20000;
	assert_between(ms_until(&b, holds, 2000), 0, 2 * POLL_MS + BENCH_REPLY_MS);
	assert_between(ms_until(&b, latched, 6000), 500, 4500);
}

/* It obeys the lever of step 3, not the limit: it stops when held and goes on when released. */
static void test_SAF_21_obeying_only_the_lever_latches(void **state)
{
	static const enum dir dirs[] = {DIR_CHARGE, DIR_DISCHARGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int64_t over_ms = 0;

		setup(NULL);
		zero_envelope(dirs[i]);
		for (int64_t ms = 0; ms < 120000 && !latched(&b); ms += 100) {
			const bool flows = dirs[i] == DIR_CHARGE
						   ? bench_tele(&b)->cvl_mv >
							     bench_tele(&b)->sample.pack_mv
						   : bench_soc(&b) > 20;

			b.battery.pack_ma = !flows ? 0 : dirs[i] == DIR_CHARGE ? 20000 : -20000;
			over_ms += flows ? 100 : 0;
			bench_run_ms(&b, 100);
		}
		assert_true(latched(&b));
		assert_between(over_ms, 15000, 25000);
	}
}

/* An envelope that moves between 0 and a little is disobeyed all the same. */
static void test_SAF_21_alternating_envelope_counts_as_one(void **state)
{
	(void)state;
	close_charge();
	b.battery.pack_ma = 30000;
	bool was_held = false;
	int64_t ms = 0;

	for (; ms < 60000 && !latched(&b); ms += 1000) {
		b.battery.cell_mv[2] = ms / 1000 % 2 == 0 ? 3545 : 3550;
		bench_run_ms(&b, 1000);
		was_held = was_held || holds(&b);
	}
	assert_true(was_held);
	assert_true(latched(&b));
	/* half of the time against zero: 15 s of that latch after 30 s, when the rest closes it */
	assert_between(ms, 14000, 34000);
}

/* What the bus shows as 0 A is judged as 0 A: 60 mA at 3.548 V. */
static void test_SAF_21_less_than_the_grid_is_zero(void **state)
{
	(void)state;
	b.battery.cell_mv[2] = 3450;
	run_samples(&b, 2);
	b.battery.cell_mv[2] = 3548;
	bench_run_ms(&b, 2000);
	assert_between(bench_tele(&b)->envelope_ma[DIR_CHARGE], 1, 99);
	assert_int_equal(bench_ccl_ma(&b), 0);
	drain_reply(&b);
	b.battery.pack_ma = 20000;
	assert_between(ms_until(&b, holds, 7000), 5000, 5000 + 2 * POLL_MS + BENCH_REPLY_MS);
	assert_between(ms_until(&b, latched, 12000), 10000 - 2 * POLL_MS, 10000 + 2 * POLL_MS);
}

/* A limit that a proposal lowered: an event, nothing more. */
static void test_SAF_21_proposals_are_not_judged(void **state)
{
	(void)state;
	b.cap_ma[DIR_CHARGE] = 0;
	b.cap_ma[DIR_DISCHARGE] = 0;
	bench_run_ms(&b, 1000);
	assert_int_equal(bench_ccl_ma(&b), 0);
	b.battery.pack_ma = 50000;
	bench_run_ms(&b, 120000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 60000);
	assert_int_equal(b.events[EVENT_DISOBEYED], 0);
	assert_true(b.events[EVENT_OVER_PROPOSAL] > 0);
	b.battery.pack_ma = -50000;
	bench_run_ms(&b, 120000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_int_equal(b.events[EVENT_DISOBEYED], 0);
}

/* Only on fresh samples: silence is the ladder's business and counts for nothing. */
static void test_SAF_21_judged_on_samples_only(void **state)
{
	(void)state;
	close_charge();
	b.battery.pack_ma = 20000;
	run_samples(&b, 4);
	b.silent = true;
	bench_run_ms(&b, 9000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	assert_int_not_equal(bench_tele(&b)->step, STEP_HOLD);
	b.silent = false;
	run_samples(&b, 1);
	assert_int_not_equal(bench_tele(&b)->step, STEP_HOLD);
	b.silent = true;
	bench_run_ms(&b, 9000);
	b.silent = false;
	run_samples(&b, 1);
	assert_int_not_equal(bench_tele(&b)->step, STEP_HOLD);
	assert_false(latched(&b));
	/* a reply without a current says nothing about obedience */
	setup(NULL);
	close_charge();
	b.battery.pack_ma = 20000;
	b.battery.omit = JK_HAVE(JK_REG_CURRENT);
	bench_run_ms(&b, 20000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

static void test_SAF_21_ack_forgets_the_disobedience(void **state)
{
	(void)state;
	close_charge();
	b.battery.pack_ma = 20000;
	assert_true(ms_until(&b, latched, 20000) > 0);
	b.battery.pack_ma = 0;
	bench_run_ms(&b, 31000);
	assert_int_equal(bench_tele(&b)->step, STEP_TRIP);
	b.command = (struct command){.kind = COMMAND_ACK, .local = 1};
	b.have_command = true;
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_true(b.out.permit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_FLT_69_SAF_21_zero_envelope_ignored, setup),
		cmocka_unit_test_setup(test_SAF_21_margins, setup),
		cmocka_unit_test_setup(test_SAF_21_profile_margin, setup),
		cmocka_unit_test_setup(test_SAF_21_two_ampere_at_critical, setup),
		cmocka_unit_test_setup(test_SAF_21_non_zero_envelope_becomes_zero_after_30_s,
				       setup),
		cmocka_unit_test_setup(test_SAF_21_exactly_at_the_margin_of_a_non_zero_envelope,
				       setup),
		cmocka_unit_test_setup(test_SAF_21_short_excess_and_return, setup),
		cmocka_unit_test_setup(test_SAF_21_excess_with_pauses_adds_up, setup),
		cmocka_unit_test_setup(test_SAF_21_obeying_only_the_lever_latches, setup),
		cmocka_unit_test_setup(test_SAF_21_alternating_envelope_counts_as_one, setup),
		cmocka_unit_test_setup(test_SAF_21_less_than_the_grid_is_zero, setup),
		cmocka_unit_test_setup(test_SAF_21_hold_on_the_charge_side_only_falls, setup),
		cmocka_unit_test_setup(test_SAF_21_hold_on_the_discharge_side_shows_low_soc, setup),
		cmocka_unit_test_setup(test_SAF_21_hold_is_left_when_it_is_obeyed, setup),
		cmocka_unit_test_setup(test_SAF_21_proposals_are_not_judged, setup),
		cmocka_unit_test_setup(test_SAF_21_judged_on_samples_only, setup),
		cmocka_unit_test_setup(test_SAF_21_ack_forgets_the_disobedience, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
