/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The level table, every quantity at warn, limit and critical: one reading step before each and on
 * it. Critical needs two samples and one second, and latches.
 */
#include "core_test.h"

static struct bench b;
static struct bench from;

enum what {
	CELL,
	PROBES,
	MOS,
};

/*
 * Readings below zero: raw 100 + n stands for down to n + 1 degrees below zero, and the lower one
 * counts for cold limits: raw 104 may be -5 C.
 */
static const struct {
	enum level_id level;
	enum what what;
	int32_t flow_ma; /* critical for cold and hot charging only while it charges */
	uint16_t calm, warn, before_limit, limit, before_critical, critical;
	enum dir dir;
	uint32_t bit;
} rows[] = {
	{LEVEL_CELL_HIGH, CELL, 0, 3499, 3500, 3540, 3550, 3699, 3700, DIR_CHARGE, PYLON_CELL_HIGH},
	{LEVEL_CELL_LOW, CELL, 0, 3001, 3000, 2905, 2900, 2501, 2500, DIR_DISCHARGE,
	 PYLON_CELL_LOW},
	{LEVEL_CHARGE_COLD, PROBES, 3000, 6, 5, 1, 0, 103, 104, DIR_CHARGE, PYLON_TEMP_LOW},
	{LEVEL_CHARGE_HOT, PROBES, 3000, 44, 45, 54, 55, 59, 60, DIR_CHARGE, PYLON_TEMP_HIGH},
	{LEVEL_DISCHARGE_COLD, PROBES, -3000, 6, 0, 117, 119, 123, 124, DIR_DISCHARGE,
	 PYLON_TEMP_LOW},
	{LEVEL_DISCHARGE_HOT, PROBES, 0, 44, 45, 59, 60, 64, 65, DIR_DISCHARGE, PYLON_TEMP_HIGH},
	{LEVEL_MOS_HOT, MOS, 0, 74, 75, 89, 90, 99, 100, DIR_CHARGE, PYLON_TEMP_HIGH},
};

static void set(struct bench *to, enum what what, uint16_t v)
{
	if (what == CELL) {
		to->battery.cell_mv[4] = v;
	} else if (what == PROBES) {
		to->battery.box_raw = v;
		to->battery.battery_raw = v;
	} else {
		to->battery.mos_raw = v;
	}
}

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	/* the BMS's own protections are out of the way: MOS readings above 100 are negative */
	from.battery.cell_ovp_mv = 4400;
	from.battery.cell_uvp_mv = 1500;
	from.battery.charge_otp_c = 110;
	from.battery.discharge_otp_c = 110;
	from.battery.charge_utp_c = -40;
	from.battery.discharge_utp_c = -40;
	from.battery.mos_otp_c = 140;
	start_fast(&from);
	drain_reply(&from);
	bench_fork(&b, &from);
	return 0;
}

/* MOSFET readings of 100 and more are below zero for the JK: its critical level is tested alone. */
static bool reaches_critical(size_t i)
{
	return rows[i].level != LEVEL_MOS_HOT;
}

static void test_warn_and_limit_of_every_level(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint16_t at[4] = {rows[i].calm, rows[i].warn, rows[i].before_limit,
					rows[i].limit};

		for (uint32_t k = 0; k < ARRAY_SIZE(at); k++) {
			setup(NULL);
			set(&b, rows[i].what, at[k]);
			bench_run_ms(&b, 3000);
			const int32_t ma = bench_tele(&b)->limit_ma[rows[i].dir];

			if ((ma > 0) != (k < 3) ||
			    b.cycle.safety.level[rows[i].level].warn != (k > 0)) {
				print_error("level %d, reading %u\n", (int)rows[i].level, at[k]);
			}
			assert_true((ma > 0) == (k < 3));
			assert_true(b.cycle.safety.level[rows[i].level].warn == (k > 0));
			assert_true(((bench_warnings(&b) & rows[i].bit) != 0) == (k > 0) ||
				    rows[i].level == LEVEL_DISCHARGE_COLD);
			assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
			assert_true(b.out.permit);
		}
	}
}

static void test_critical_of_every_level_latches_one_step_before_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!reaches_critical(i)) {
			continue;
		}
		setup(NULL);
		b.battery.pack_ma = rows[i].flow_ma;
		set(&b, rows[i].what, rows[i].before_critical);
		bench_run_ms(&b, 4000);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		set(&b, rows[i].what, rows[i].critical);
		bench_run_ms(&b, 4000);
		assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
		assert_int_equal(bench_tele(&b)->critical_level, rows[i].level);
		assert_false(b.out.permit);
		assert_int_equal(b.events[EVENT_LEVEL_CRITICAL] + b.events[EVENT_TEMP_CRITICAL], 1);
	}
}

/* The JK format has no reading of +100 C: with a lower level the row is shown all the same. */
static void test_critical_mosfet_temperature(void **state)
{
	(void)state;
	from.config.level[LEVEL_MOS_HOT].critical = 950;
	bench_fork(&b, &from);
	b.battery.mos_raw = 94;
	bench_run_ms(&b, 4000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	b.battery.mos_raw = 95;
	bench_run_ms(&b, 4000);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_int_equal(bench_tele(&b)->critical_level, LEVEL_MOS_HOT);
}

static bool is_latched(const struct bench *x)
{
	return bench_tele(x)->latched != REASON_NONE;
}

/* Two samples AND one second: at a poll of 250 ms the second decides, at 2 s the second sample. */
static void test_FLT_13_SAF_12_critical_needs_two_samples_and_a_second(void **state)
{
	static const int32_t poll_ms[] = {100, 250, 500, 1000, 1300};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(poll_ms); i++) {
		setup(NULL);
		b.config.poll_ms = poll_ms[i];
		run_samples(&b, 1);
		b.battery.cell_mv[4] = 3650;
		run_samples(&b, 2);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		b.battery.cell_mv[4] = 3700;
		run_samples(&b, 1); /* the first critical one */
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		const int64_t ms = ms_until(&b, is_latched, 5000);
		const int64_t samples = (1000 + poll_ms[i] - 1) / poll_ms[i];

		assert_between(ms, 1000 - PERIOD_MS, samples * poll_ms[i] + PERIOD_MS);
	}
}

static void test_one_critical_sample_does_not_latch(void **state)
{
	(void)state;
	b.battery.cell_mv[4] = 3600;
	run_samples(&b, 2);
	for (int i = 0; i < 20; i++) {
		b.battery.cell_mv[4] = 3710;
		run_samples(&b, 1);
		b.battery.cell_mv[4] = 3650;
		run_samples(&b, 1);
	}
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

/* Six samples within 900 ms are no second. */
static void test_a_burst_below_a_second_does_not_latch(void **state)
{
	(void)state;
	b.battery.cell_mv[4] = 3650;
	run_samples(&b, 2);
	b.battery.cell_mv[4] = 3710;
	run_samples(&b, 4); /* 750 ms */
	b.battery.cell_mv[4] = 3650;
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

/* A pack that merely lies in the cold or in the sun must not latch. */
static void test_idle_pack_out_of_the_charge_window_does_not_latch(void **state)
{
	static const struct {
		uint16_t raw;
		int32_t ma;
		bool latches;
	} idle[] = {
		{110, 0, false}, {110, 2000, false},  {110, -20000, false}, {110, 2010, true},
		{60, 0, false},	 {62, -20000, false}, {62, 2000, false},    {62, 2010, true},
		{130, 0, false}, {130, -2000, false}, {130, -2010, true},   {64, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		setup(NULL);
		set(&b, PROBES, idle[i].raw);
		b.battery.pack_ma = idle[i].ma;
		bench_run_ms(&b, 8000);
		assert_true(is_latched(&b) == idle[i].latches);
	}
	/* for a night */
	setup(NULL);
	set(&b, PROBES, 110);
	bench_run_ms(&b, 3600 * 1000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	assert_int_equal(bench_ccl_ma(&b), 0);
	assert_true(bench_dcl_ma(&b) > 0);
}

static void send(uint32_t kind, int32_t value, uint32_t local)
{
	b.command = (struct command){.kind = kind, .value = value, .ttl_ms = 1, .local = local};
	b.have_command = true;
	bench_step(&b);
}

static void latch_high(void)
{
	b.battery.cell_mv[4] = 3700;
	bench_run_ms(&b, 10000);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_false(b.out.permit);
}

static void test_SAF_12_latch_stays_until_acknowledged(void **state)
{
	(void)state;
	latch_high();
	b.battery.cell_mv[4] = 3300;
	bench_run_ms(&b, 600 * 1000);
	assert_int_equal(bench_tele(&b)->step, STEP_TRIP);
	assert_false(b.out.permit);
	assert_safe_set(&b);
	assert_int_equal(b.out.held.kept.latched, REASON_CRITICAL);
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	assert_int_equal(b.events[EVENT_ACKNOWLEDGED], 1);
	assert_int_equal(b.out.held.kept.latched, REASON_NONE);
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	assert_true(b.out.permit);
}

static void test_SAF_12_ack_is_refused_while_critical(void **state)
{
	(void)state;
	latch_high();
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_int_equal(b.events[EVENT_ACK_REFUSED], 1);
	send(COMMAND_ACK, 1, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	/* unknown is not harmless: a cell list that cannot be judged leaves the level as it was */
	b.battery.cell_mv[4] = 5000;
	run_samples(&b, 1);
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	/* one step below critical it is accepted */
	b.battery.cell_mv[4] = 3699;
	bench_run_ms(&b, 2000);
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

static void test_SAF_12_ack_of_a_contradiction(void **state)
{
	(void)state;
	b.cycle.contradiction = true; /* cannot be brought about from outside */
	bench_step(&b);
	assert_int_equal(bench_tele(&b)->latched, REASON_CONTRADICTION);
	bench_run_ms(&b, 60000);
	assert_false(b.out.permit);
	assert_safe_set(&b);
	send(COMMAND_ACK, 0, 1);
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	assert_true(b.out.permit);
}

static void test_the_first_cause_stays(void **state)
{
	(void)state;
	latch_high();
	b.battery.cell_mv[9] = 2400;
	b.silent = true;
	bench_run_ms(&b, 60000);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_int_equal(bench_tele(&b)->critical_level, LEVEL_CELL_HIGH);
	assert_int_equal(b.events[EVENT_LATCHED], 1);
}

static void empty_pack(uint16_t mv)
{
	bench_battery_all(&b.battery, mv);
	b.battery.soc_pct = 52; /* no step */
	bench_run_ms(&b, 10000);
}

static void test_recovery_after_under_voltage(void **state)
{
	(void)state;
	empty_pack(2450);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_int_equal(bench_tele(&b)->critical_level, LEVEL_CELL_LOW);
	/* without --recover: refused */
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	/* from the network: never */
	send(COMMAND_ACK, 1, 0);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	bench_run_ms(&b, 30000);
	send(COMMAND_ACK, 1, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	bench_run_ms(&b, 5000);
	/* 0.05 C of 200 Ah, nothing out, for 30 min; the level does not latch meanwhile */
	assert_true(b.out.permit);
	assert_int_equal(bench_ccl_ma(&b), 10000);
	assert_int_equal(bench_dcl_ma(&b), 0);
	assert_int_equal(bench_enables(&b), ENABLE_CHARGE_BIT);
	bench_run_ms(&b, 29 * 60 * 1000);
	assert_int_equal(bench_ccl_ma(&b), 10000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	bench_run_ms(&b, 90 * 1000);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_int_equal(bench_ccl_ma(&b), 0);
	assert_false(b.out.permit);
}

static void test_recovery_that_succeeds_ends_by_itself(void **state)
{
	(void)state;
	empty_pack(2450);
	bench_run_ms(&b, 30000);
	send(COMMAND_ACK, 1, 1);
	bench_run_ms(&b, 60000);
	bench_battery_all(&b.battery, 2640);
	run_samples(&b, 2);
	bench_battery_all(&b.battery, 2830);
	run_samples(&b, 2);
	bench_battery_all(&b.battery, 3020);
	bench_run_ms(&b, 60000);
	assert_int_equal(bench_ccl_ma(&b), 10000);
	bench_run_ms(&b, 30 * 60 * 1000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	assert_int_equal(bench_ccl_ma(&b), 60000);
}

/* --recover by mistake: no under-voltage, no recovery, and the level keeps its latch. */
static void test_SAF_12_recovery_needs_an_under_voltage(void **state)
{
	(void)state;
	send(COMMAND_ACK, 1, 1);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_ccl_ma(&b), 60000);
	empty_pack(2450);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	/* also behind another latch */
	setup(NULL);
	b.cycle.contradiction = true; /* cannot be brought about from outside */
	bench_step(&b);
	send(COMMAND_ACK, 1, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	empty_pack(2450);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
}

/* A new worker knows the latch, not yet the battery behind it. */
static void restart_latched(void)
{
	const struct held held = b.out.held;

	assert_int_equal(held.kept.latched, REASON_CRITICAL);
	bench_boot(&b, &held);
}

static void test_SAF_12_ack_is_refused_before_the_first_sample(void **state)
{
	(void)state;
	latch_high();
	restart_latched();
	for (int i = 0; i < 400; i++) {
		b.command = (struct command){.kind = COMMAND_ACK, .local = 1};
		b.have_command = true;
		bench_step(&b);
		assert_false(b.out.permit);
		assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	}
	assert_int_equal(b.events[EVENT_ACKNOWLEDGED], 0);
	/* nor when the BMS has fallen silent since */
	b.battery.cell_mv[4] = 3300;
	bench_run_ms(&b, 2000);
	b.silent = true;
	bench_run_ms(&b, 4000);
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	b.silent = false;
	bench_run_ms(&b, 2000);
	send(COMMAND_ACK, 0, 1);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
}

static void test_recovery_after_a_restart(void **state)
{
	(void)state;
	empty_pack(2100);
	restart_latched();
	bench_run_ms(&b, 35000);
	send(COMMAND_ACK, 1, 1);
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
	assert_int_equal(bench_ccl_ma(&b), 10000);
	assert_int_equal(bench_dcl_ma(&b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_warn_and_limit_of_every_level, setup),
		cmocka_unit_test_setup(
			test_critical_of_every_level_latches_one_step_before_does_not, setup),
		cmocka_unit_test_setup(test_critical_mosfet_temperature, setup),
		cmocka_unit_test_setup(test_FLT_13_SAF_12_critical_needs_two_samples_and_a_second,
				       setup),
		cmocka_unit_test_setup(test_one_critical_sample_does_not_latch, setup),
		cmocka_unit_test_setup(test_a_burst_below_a_second_does_not_latch, setup),
		cmocka_unit_test_setup(test_idle_pack_out_of_the_charge_window_does_not_latch,
				       setup),
		cmocka_unit_test_setup(test_SAF_12_latch_stays_until_acknowledged, setup),
		cmocka_unit_test_setup(test_SAF_12_ack_is_refused_while_critical, setup),
		cmocka_unit_test_setup(test_SAF_12_ack_of_a_contradiction, setup),
		cmocka_unit_test_setup(test_the_first_cause_stays, setup),
		cmocka_unit_test_setup(test_recovery_after_under_voltage, setup),
		cmocka_unit_test_setup(test_recovery_that_succeeds_ends_by_itself, setup),
		cmocka_unit_test_setup(test_SAF_12_recovery_needs_an_under_voltage, setup),
		cmocka_unit_test_setup(test_SAF_12_ack_is_refused_before_the_first_sample, setup),
		cmocka_unit_test_setup(test_recovery_after_a_restart, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
