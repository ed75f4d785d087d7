/* SPDX-License-Identifier: Apache-2.0 */
/* Leased orders: they lower, they end, they raise nothing. */
#include "core_test.h"

static struct bench b;

static int setup(void **state)
{
	(void)state;
	bench_init(&b);
	start_fast(&b);
	bench_run_ms(&b, 1000);
	return 0;
}

static void send(uint32_t kind, int32_t value_ma, int32_t ttl_ms, uint32_t local)
{
	b.command = (struct command){kind, value_ma, ttl_ms, local};
	b.have_command = true;
	bench_step(&b);
}

static int32_t charge_ma(void)
{
	return bench_tele(&b)->limit_ma[DIR_CHARGE];
}

static int32_t discharge_ma(void)
{
	return bench_tele(&b)->limit_ma[DIR_DISCHARGE];
}

static void test_SAF_19_FLT_37_leases_lower_and_end(void **state)
{
	static const struct {
		uint32_t kind;
		int32_t value_ma;
		int32_t ttl_ms;
		int32_t charge;
		int32_t discharge;
	} rows[] = {
		{COMMAND_LIMIT_CHARGE, 20000, 60000, 20000, 60000},
		{COMMAND_LIMIT_CHARGE, 0, 60000, 0, 60000},
		{COMMAND_LIMIT_CHARGE, 20055, 1000, 20000, 60000},
		{COMMAND_LIMIT_CHARGE, INT32_MAX, 60000, 60000, 60000},
		{COMMAND_LIMIT_DISCHARGE, 5000, 30000, 60000, 5000},
		{COMMAND_LIMIT_DISCHARGE, 500000, 60000, 60000, 60000},
		{COMMAND_PAUSE_CHARGE, 0, 60000, 0, 60000},
		{COMMAND_PAUSE_DISCHARGE, 99999, 60000, 60000, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		send(rows[i].kind, rows[i].value_ma, rows[i].ttl_ms, 0);
		assert_int_equal(charge_ma(), rows[i].charge);
		assert_int_equal(discharge_ma(), rows[i].discharge);
		assert_int_equal(b.events[EVENT_COMMAND_ACCEPTED], 1);
		bench_run_ms(&b, rows[i].ttl_ms - 2 * PERIOD_MS);
		assert_int_equal(charge_ma(), rows[i].charge);
		assert_int_equal(discharge_ma(), rows[i].discharge);
		bench_run_ms(&b, 2 * PERIOD_MS);
		assert_int_equal(b.events[EVENT_COMMAND_EXPIRED], 1);
		bench_run_ms(&b, 2000);
		assert_int_equal(bench_ccl_ma(&b), 60000);
		assert_int_equal(bench_dcl_ma(&b), 60000);
	}
}

static void test_SAF_19_FLT_36_orders_out_of_range_are_refused(void **state)
{
	static const struct command bad[] = {
		{COMMAND_LIMIT_CHARGE, -1, 1000, 0},
		{COMMAND_LIMIT_CHARGE, INT32_MIN, 1000, 0},
		{COMMAND_LIMIT_CHARGE, 0, 0, 0},
		{COMMAND_LIMIT_CHARGE, 0, -1, 0},
		{COMMAND_LIMIT_CHARGE, 0, 60001, 0},
		{COMMAND_LIMIT_CHARGE, 0, INT32_MAX, 1},
		{COMMAND_PAUSE_DISCHARGE, 0, 60001, 0},
		{COMMAND_NONE, 0, 1000, 1},
		{COMMANDS, 0, 1000, 1},
		{UINT32_MAX, 0, 1000, 1},
		{COMMAND_FULL_CHARGE, 0, 1000, 0}, /* not allowed by default */
		{COMMAND_FULL_CHARGE, 0, 1000, 1},
		{COMMAND_ACK, 0, 1000, 0}, /* local tools only */
		{COMMAND_ACK, 1, 1000, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		send(bad[i].kind, bad[i].value_ma, bad[i].ttl_ms, bad[i].local);
		assert_int_equal(b.events[EVENT_COMMAND_REFUSED], i + 1);
		bench_run_ms(&b, 1200);
		assert_int_equal(bench_ccl_ma(&b), 60000);
		assert_int_equal(bench_dcl_ma(&b), 60000);
		assert_int_equal(bench_enables(&b), ENABLE_CHARGE_BIT | ENABLE_DISCHARGE_BIT);
	}
	assert_int_equal(b.events[EVENT_COMMAND_ACCEPTED], 0);
}

static void test_SAF_19_release_and_renewal(void **state)
{
	(void)state;
	send(COMMAND_LIMIT_CHARGE, 10000, 60000, 0);
	send(COMMAND_PAUSE_DISCHARGE, 0, 60000, 0);
	bench_run_ms(&b, 50000);
	send(COMMAND_LIMIT_CHARGE, 12000, 60000, 0); /* renewed, another value */
	bench_run_ms(&b, 15000);
	assert_int_equal(charge_ma(), 12000);
	assert_int_equal(discharge_ma(), 60000);
	send(COMMAND_PAUSE_DISCHARGE, 0, 60000, 0);
	assert_int_equal(discharge_ma(), 0);
	send(COMMAND_RELEASE, 0, 0, 0);
	bench_run_ms(&b, 1000);
	assert_int_equal(charge_ma(), 60000);
	assert_int_equal(discharge_ma(), 60000);
	assert_int_equal(b.events[EVENT_COMMAND_EXPIRED], 1);
}

/* Four in one period, all heard, in order. */
static void test_several_orders_in_one_period(void **state)
{
	(void)state;
	struct cycle_in *in = &b.in;

	memset(in, 0, sizeof(*in));
	in->now_ns = b.now_ns;
	in->boot_ns = b.now_ns;
	in->tty_open = true;
	in->guard_ok = true;
	in->grid = GRID_NONE;
	in->peer_local = PEER_NONE_HEARD;
	in->peer_portal = PEER_NONE_HEARD;
	in->command[0] = (struct command){COMMAND_LIMIT_CHARGE, 30000, 1000, 0};
	in->command[1] = (struct command){COMMAND_LIMIT_DISCHARGE, 20000, 1000, 0};
	in->command[2] = (struct command){COMMAND_LIMIT_CHARGE, 10000, 1000, 0};
	in->command[3] = (struct command){COMMAND_LIMIT_CHARGE, -5, 1000, 0};
	in->command_len = UINT8_MAX;
	cycle_step(&b.cycle, in, &b.out);
	assert_int_equal(charge_ma(), 10000);
	assert_int_equal(discharge_ma(), 20000);
}

static void test_SAF_19_network_cannot_clear_a_latch(void **state)
{
	(void)state;
	b.battery.cell_mv[0] = 3720;
	bench_run_ms(&b, 10000);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	b.battery.cell_mv[0] = 3300;
	bench_run_ms(&b, 40000);
	for (uint32_t kind = 0; kind < COMMANDS + 2U; kind++) {
		send(kind, 1, 60000, 0);
		bench_run_ms(&b, 3000);
		assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
		assert_false(b.out.permit);
		assert_safe_set(&b);
	}
}

static void test_SAF_19_full_charge_request(void **state)
{
	(void)state;
	b.config.allow_full_charge = true;
	send(COMMAND_FULL_CHARGE, 0, 30000, 0);
	bench_run_ms(&b, 1500);
	assert_int_equal(bench_enables(&b), ENABLE_CHARGE_BIT | ENABLE_DISCHARGE_BIT | 0x08);
	assert_int_equal(bench_ccl_ma(&b), 60000); /* raises nothing */
	/* the charge envelope falls to 0: the request goes with it */
	b.battery.cell_mv[0] = 3500;
	run_samples(&b, 2);
	b.battery.cell_mv[0] = 3560;
	run_samples(&b, 2);
	assert_int_equal(bench_enables(&b), ENABLE_DISCHARGE_BIT);
	/* and a new one is refused */
	const uint32_t refused = b.events[EVENT_COMMAND_REFUSED];

	send(COMMAND_FULL_CHARGE, 0, 30000, 0);
	assert_int_equal(b.events[EVENT_COMMAND_REFUSED], refused + 1);
	setup(NULL);
	b.config.allow_full_charge = true;
	send(COMMAND_FULL_CHARGE, 0, 5000, 0);
	bench_run_ms(&b, 7000);
	assert_int_equal(bench_enables(&b) & REQUEST_BITS, 0);
	/* before there is a sample: refused */
	bench_init(&b);
	b.config.allow_full_charge = true;
	b.silent = true;
	bench_boot(&b, NULL);
	send(COMMAND_FULL_CHARGE, 0, 30000, 0);
	assert_int_equal(b.events[EVENT_COMMAND_REFUSED], 1);
}

/* Orders while the ladder stands at 0 change nothing, and outlive nothing. */
static void test_SAF_19_orders_do_not_lift_the_ladder(void **state)
{
	(void)state;
	b.silent = true;
	bench_run_ms(&b, 4000);
	send(COMMAND_LIMIT_CHARGE, 60000, 60000, 1);
	send(COMMAND_RELEASE, 0, 0, 1);
	bench_run_ms(&b, 2000);
	assert_safe_set(&b);
}

/* The lowest of all wins, whoever says it. */
static void test_SAF_07_the_lowest_proposal_wins(void **state)
{
	(void)state;
	b.config.source[SOURCE_GRID].fallback = FALLBACK_CAP;
	b.config.source[SOURCE_GRID].cap_ma = 10000;
	send(COMMAND_LIMIT_CHARGE, 20000, 60000, 0);
	send(COMMAND_LIMIT_DISCHARGE, 5000, 60000, 0);
	bench_run_ms(&b, 1000);
	assert_int_equal(charge_ma(), 10000);
	assert_int_equal(discharge_ma(), 5000);
	assert_int_equal(bench_tele(&b)->limited_by[DIR_CHARGE], RULE_SOURCE_SILENT);
	assert_int_equal(bench_tele(&b)->limited_by[DIR_DISCHARGE], RULE_COMMAND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_19_FLT_37_leases_lower_and_end, setup),
		cmocka_unit_test_setup(test_SAF_19_FLT_36_orders_out_of_range_are_refused, setup),
		cmocka_unit_test_setup(test_SAF_19_release_and_renewal, setup),
		cmocka_unit_test_setup(test_several_orders_in_one_period, setup),
		cmocka_unit_test_setup(test_SAF_19_network_cannot_clear_a_latch, setup),
		cmocka_unit_test_setup(test_SAF_19_full_charge_request, setup),
		cmocka_unit_test_setup(test_SAF_19_orders_do_not_lift_the_ladder, setup),
		cmocka_unit_test_setup(test_SAF_07_the_lowest_proposal_wins, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
