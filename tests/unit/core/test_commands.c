/* SPDX-License-Identifier: Apache-2.0 */
/* Leased orders: they lower, they end, they raise nothing. */
#include "core_test.h"

static struct bench b;
static uint32_t next_seq; /* 0: no answer wanted */

static int setup(void **state)
{
	(void)state;
	next_seq = 0;
	bench_init(&b);
	start_fast(&b);
	bench_run_ms(&b, 1000);
	return 0;
}

static void send(uint32_t kind, int32_t value_ma, int32_t ttl_ms, uint32_t local)
{
	b.command = (struct command){
		.kind = kind, .value = value_ma, .ttl_ms = ttl_ms, .local = local, .seq = next_seq};
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
	static const struct {
		uint32_t kind;
		int32_t value;
		int32_t ttl_ms;
		uint32_t local;
		uint32_t why;
	} bad[] = {
		{COMMAND_LIMIT_CHARGE, -1, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_LIMIT_CHARGE, INT32_MIN, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_LIMIT_CHARGE, 0, 0, 0, COMMAND_BAD_TIME},
		{COMMAND_LIMIT_CHARGE, 0, -1, 0, COMMAND_BAD_TIME},
		{COMMAND_LIMIT_CHARGE, 0, 60001, 0, COMMAND_BAD_TIME},
		{COMMAND_LIMIT_CHARGE, 0, INT32_MAX, 1, COMMAND_BAD_TIME},
		{COMMAND_PAUSE_DISCHARGE, 0, 60001, 0, COMMAND_BAD_TIME},
		{COMMAND_SOC_MAX, 101, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_SOC_MAX, -1, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_SOC_MIN, 101, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_SOC_MIN, INT32_MAX, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_SOC_MIN, 50, 60001, 0, COMMAND_BAD_TIME},
		{COMMAND_NONE, 0, 1000, 1, COMMAND_BAD_KIND},
		{COMMANDS, 0, 1000, 1, COMMAND_BAD_KIND},
		{UINT32_MAX, 0, 1000, 1, COMMAND_BAD_KIND},
		/* not allowed by default */
		{COMMAND_FULL_CHARGE, 0, 1000, 0, COMMAND_NOT_ALLOWED},
		{COMMAND_FULL_CHARGE, 0, 1000, 1, COMMAND_NOT_ALLOWED},
		/* local tools only */
		{COMMAND_ACK, 0, 1000, 0, COMMAND_NOT_LOCAL},
		{COMMAND_ACK, 1, 1000, 0, COMMAND_NOT_LOCAL},
		{COMMAND_RELEASE, -1, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_RELEASE, COMMAND_ACK, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_RELEASE, COMMAND_RELEASE, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_RELEASE, COMMANDS, 1000, 0, COMMAND_BAD_VALUE},
		{COMMAND_RELEASE, INT32_MIN, 1000, 0, COMMAND_BAD_VALUE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		next_seq = (uint32_t)i + 1U;
		send(bad[i].kind, bad[i].value, bad[i].ttl_ms, bad[i].local);
		assert_int_equal(b.out.answer_len, 1);
		assert_int_equal(b.out.answer[0].seq, next_seq);
		assert_int_equal(b.out.answer[0].kind, bad[i].kind);
		assert_int_equal(b.out.answer[0].verdict, bad[i].why);
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
	in->command[0] = (struct command){
		.kind = COMMAND_LIMIT_CHARGE, .value = 30000, .ttl_ms = 1000};
	in->command[1] = (struct command){
		.kind = COMMAND_LIMIT_DISCHARGE, .value = 20000, .ttl_ms = 1000};
	in->command[2] = (struct command){
		.kind = COMMAND_LIMIT_CHARGE, .value = 10000, .ttl_ms = 1000};
	in->command[3] = (struct command){
		.kind = COMMAND_LIMIT_CHARGE, .value = -5, .ttl_ms = 1000};
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

/* What became of each order reaches its sender, once, by its number. */
static void expect_answer(uint32_t at, uint32_t seq, uint32_t verdict)
{
	assert_true(at < b.out.answer_len);
	assert_int_equal(b.out.answer[at].seq, seq);
	assert_int_equal(b.out.answer[at].verdict, verdict);
}

static void test_SAF_19_every_order_is_answered(void **state)
{
	(void)state;
	next_seq = 7;
	send(COMMAND_LIMIT_CHARGE, 10000, 1000, 0);
	assert_int_equal(b.out.answer_len, 1);
	expect_answer(0, 7, COMMAND_ACCEPTED);
	bench_step(&b);
	assert_int_equal(b.out.answer_len, 0);
	next_seq = 8;
	send(COMMAND_LIMIT_CHARGE, 12000, 1000, 0);
	assert_int_equal(b.out.answer_len, 2);
	expect_answer(0, 8, COMMAND_ACCEPTED);
	expect_answer(1, 7, COMMAND_REPLACED);
	assert_int_equal(bench_tele(&b)->lease_value[COMMAND_LIMIT_CHARGE], 12000);
	assert_int_equal(bench_tele(&b)->lease_left_ms[COMMAND_LIMIT_CHARGE], 1000);
	bench_run_ms(&b, 990);
	assert_between(bench_tele(&b)->lease_left_ms[COMMAND_LIMIT_CHARGE], 1, 20);
	for (int i = 0; i < 10 && b.out.answer_len == 0; i++) {
		bench_step(&b);
	}
	assert_int_equal(b.out.answer_len, 1);
	expect_answer(0, 8, COMMAND_EXPIRED);
	assert_int_equal(bench_tele(&b)->lease_left_ms[COMMAND_LIMIT_CHARGE], 0);
	next_seq = 0;
	send(COMMAND_LIMIT_CHARGE, 9000, 1000, 0);
	assert_int_equal(b.out.answer_len, 0);
	bench_run_ms(&b, 1010);
}

/* One of them, all of them; what does not run is no fault. */
static void test_SAF_19_release_of_one(void **state)
{
	(void)state;
	next_seq = 1;
	send(COMMAND_PAUSE_CHARGE, 0, 60000, 0);
	next_seq = 2;
	send(COMMAND_LIMIT_DISCHARGE, 5000, 60000, 0);
	next_seq = 3;
	send(COMMAND_RELEASE, COMMAND_PAUSE_CHARGE, 0, 0);
	assert_int_equal(b.out.answer_len, 2);
	expect_answer(0, 3, COMMAND_ACCEPTED);
	expect_answer(1, 1, COMMAND_RELEASED);
	bench_run_ms(&b, 1000);
	assert_int_equal(charge_ma(), 60000);
	assert_int_equal(discharge_ma(), 5000);
	next_seq = 4;
	send(COMMAND_RELEASE, COMMAND_PAUSE_CHARGE, 0, 0);
	assert_int_equal(b.out.answer_len, 1);
	expect_answer(0, 4, COMMAND_ACCEPTED);
	next_seq = 5;
	send(COMMAND_RELEASE, COMMAND_NONE, 0, 0);
	assert_int_equal(b.out.answer_len, 2);
	expect_answer(1, 2, COMMAND_RELEASED);
}

/* The most answers that one period can give. */
static void test_SAF_19_answers_of_one_period_have_room(void **state)
{
	static const uint32_t leases[] = {COMMAND_LIMIT_CHARGE, COMMAND_LIMIT_DISCHARGE,
					  COMMAND_PAUSE_CHARGE, COMMAND_PAUSE_DISCHARGE,
					  COMMAND_FULL_CHARGE,	COMMAND_SOC_MAX,
					  COMMAND_SOC_MIN};
	struct cycle_in *in = &b.in;

	(void)state;
	b.config.allow_full_charge = true;
	for (size_t i = 0; i < ARRAY_SIZE(leases); i++) {
		next_seq = (uint32_t)i + 1U;
		send(leases[i], 50, 60000, 0);
		expect_answer(0, next_seq, COMMAND_ACCEPTED);
	}
	memset(in, 0, sizeof(*in));
	in->now_ns = b.now_ns;
	in->boot_ns = b.now_ns;
	in->tty_open = true;
	in->guard_ok = true;
	in->grid = GRID_NONE;
	in->peer_local = PEER_NONE_HEARD;
	in->peer_portal = PEER_NONE_HEARD;
	for (uint32_t i = 0; i < CYCLE_COMMAND_MAX; i++) {
		in->command[i] = (struct command){.kind = i % 2U == 0U ? COMMAND_RELEASE
								       : COMMAND_PAUSE_CHARGE,
						  .ttl_ms = 1000,
						  .seq = 100U + i};
	}
	in->command_len = CYCLE_COMMAND_MAX;
	cycle_step(&b.cycle, in, &b.out);
	assert_int_equal(b.out.answer_len, CYCLE_COMMAND_MAX + ARRAY_SIZE(leases) + 1U);
	for (uint32_t i = 1; i <= ARRAY_SIZE(leases); i++) {
		expect_answer(i, i, COMMAND_RELEASED);
	}
}

static void test_SAF_19_bounds_of_soc(void **state)
{
	static const struct {
		uint32_t kind;
		int32_t bound;
		int32_t soc[6];
		bool flows[6];
	} rows[] = {
		{COMMAND_SOC_MAX, 80, {78, 79, 80, 79, 78, 79}, {1, 1, 0, 0, 1, 1}},
		{COMMAND_SOC_MAX, 100, {98, 99, 100, 100, 99, 98}, {1, 1, 1, 1, 1, 1}},
		{COMMAND_SOC_MAX, 0, {50, 50, 49, 48, 47, 46}, {0, 0, 0, 0, 0, 0}},
		{COMMAND_SOC_MIN, 30, {32, 31, 30, 31, 32, 31}, {1, 1, 0, 0, 1, 1}},
		{COMMAND_SOC_MIN, 0, {3, 2, 1, 1, 1, 2}, {1, 1, 1, 1, 1, 1}},
		{COMMAND_SOC_MIN, 100, {95, 96, 97, 98, 99, 100}, {0, 0, 0, 0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const enum dir dir = rows[i].kind == COMMAND_SOC_MAX ? DIR_CHARGE : DIR_DISCHARGE;
		const enum dir other = dir == DIR_CHARGE ? DIR_DISCHARGE : DIR_CHARGE;

		bench_init(&b);
		b.battery.soc_pct = (uint8_t)rows[i].soc[0];
		start_fast(&b);
		bench_run_ms(&b, 1000);
		send(rows[i].kind, rows[i].bound, 60000, 0);
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].soc); k++) {
			b.battery.soc_pct = (uint8_t)rows[i].soc[k];
			drain_reply(&b);
			run_samples(&b, 3);
			bench_run_ms(&b, 1000);
			assert_int_equal(bench_tele(&b)->limit_ma[dir],
					 rows[i].flows[k] ? 60000 : 0);
			assert_int_equal(bench_tele(&b)->limit_ma[other], 60000);
			if (!rows[i].flows[k]) {
				assert_int_equal(bench_tele(&b)->limited_by[dir],
						 dir == DIR_CHARGE ? RULE_SOC_MAX : RULE_SOC_MIN);
			}
		}
		assert_int_equal(b.events[EVENT_COMMAND_SOC], 1);
		send(COMMAND_RELEASE, (int32_t)rows[i].kind, 0, 0);
		bench_run_ms(&b, 2000);
		assert_int_equal(bench_tele(&b)->limit_ma[dir], 60000);
	}
}

/* A lease of a bound ends like every other one, and no SoC is not "below the bound". */
static void test_SAF_19_FLT_37_bound_of_soc_ends_and_unknown_soc_stops(void **state)
{
	(void)state;
	b.battery.soc_pct = 50;
	drain_reply(&b);
	run_samples(&b, 3);
	send(COMMAND_SOC_MAX, 40, 5000, 0);
	bench_run_ms(&b, 4900);
	assert_int_equal(charge_ma(), 0);
	bench_run_ms(&b, 1000);
	assert_int_equal(charge_ma(), 60000);
	send(COMMAND_SOC_MAX, 90, 60000, 0);
	send(COMMAND_SOC_MIN, 10, 60000, 0);
	bench_run_ms(&b, 1000);
	assert_int_equal(charge_ma(), 60000);
	assert_int_equal(discharge_ma(), 60000);
	b.battery.soc_pct = 0; /* with 0 cycles: what a JK says before it knows */
	b.battery.cycles = 0;
	drain_reply(&b);
	run_samples(&b, 2);
	assert_int_equal(bench_tele(&b)->soc_valid, 0);
	assert_int_equal(charge_ma(), 0);
	assert_int_equal(discharge_ma(), 0);
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
		cmocka_unit_test_setup(test_SAF_19_every_order_is_answered, setup),
		cmocka_unit_test_setup(test_SAF_19_release_of_one, setup),
		cmocka_unit_test_setup(test_SAF_19_answers_of_one_period_have_room, setup),
		cmocka_unit_test_setup(test_SAF_19_bounds_of_soc, setup),
		cmocka_unit_test_setup(test_SAF_19_FLT_37_bound_of_soc_ends_and_unknown_soc_stops,
				       setup),
		cmocka_unit_test_setup(test_SAF_19_orders_do_not_lift_the_ladder, setup),
		cmocka_unit_test_setup(test_SAF_07_the_lowest_proposal_wins, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
