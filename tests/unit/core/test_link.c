/* SPDX-License-Identifier: Apache-2.0 */
/* The bus: slots, grid, falls, rises, the inverter's answer. */
#include "core_test.h"

static struct bench b;
static struct bench from;
static struct recorder rec;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	bench_fork(&b, &from);
	return 0;
}

static int32_t word(const struct can_msg *m, uint32_t at)
{
	return (int16_t)(uint16_t)(m->data[at] | m->data[at + 1] << 8);
}

static void test_full_set_in_slots_of_10_ms_once_a_second(void **state)
{
	static const uint16_t order[] = {0x359, 0x351, 0x355, 0x356, 0x35C, 0x35E};
	int64_t first_ns = 0;

	(void)state;
	while (b.last_ns[PYLON_FRAME_ALARMS] != b.now_ns - PERIOD_MS * NS_PER_MS) {
		bench_step(&b);
	}
	first_ns = b.now_ns + 995 * NS_PER_MS;
	bench_run_ms(&b, 100);
	record_on(&b, &rec);
	bench_run_ms(&b, 600 * 1000 - 110);
	assert_int_equal(rec.len, 599 * ARRAY_SIZE(order));
	for (uint32_t i = 0; i < rec.len; i++) {
		const uint32_t set = i / ARRAY_SIZE(order);
		const uint32_t slot = i % ARRAY_SIZE(order);

		/* on the grid, to the nanosecond, after ten minutes too */
		assert_true(rec.at[i].t_ns == first_ns + set * NS_PER_S + slot * 10 * NS_PER_MS);
		assert_int_equal(rec.at[i].msg.id, order[slot]);
	}
}

/* Wake-ups that are late now and then do not move the grid. */
static void test_set_grid_does_not_drift_with_late_periods(void **state)
{
	uint32_t x = 7;
	int64_t worst_ns = 0;

	(void)state;
	const int64_t grid_ns = b.cycle.link.set_ns;

	for (int i = 0; i < 100000; i++) {
		x = x * 1664525U + 1013904223U;
		b.now_ns += (int64_t)(x >> 12) % 700000; /* up to 0.7 ms late, each time */
		bench_step(&b);
		const int64_t off_ns = (b.cycle.link.set_ns - grid_ns) % NS_PER_S;

		assert_true(off_ns == 0);
		if (b.out.can_tx_len > 0 && b.out.can_tx[0].id == PYLON_ID_ALARMS) {
			worst_ns = max_i64(worst_ns,
					   b.now_ns - 5 * NS_PER_MS - b.cycle.link.set_ns);
		}
	}
	assert_true(worst_ns < 6 * NS_PER_MS);
}

static void test_one_set_frame_a_period_after_a_stall(void **state)
{
	(void)state;
	record_on(&b, &rec);
	b.now_ns += 400 * NS_PER_MS;
	bench_run_ms(&b, 3000);
	for (uint32_t i = 1; i < rec.len; i++) {
		if (rec.at[i].msg.id != PYLON_ID_LIMITS) {
			assert_true(rec.at[i].t_ns > rec.at[i - 1].t_ns);
		}
	}
}

static void test_send_305_and_other_profiles(void **state)
{
	(void)state;
	for (size_t i = 0; pylon_profile_at(i) != NULL; i++) {
		bench_init(&b);
		b.config.profile = pylon_profile_at(i);
		b.config.send_305 = true;
		start_fast(&b);
		const uint32_t alive = b.count[PYLON_FRAME_ALIVE];

		bench_run_ms(&b, 10000);
		assert_int_equal(b.count[PYLON_FRAME_ALIVE], alive + 10);
		assert_int_equal(bench_ccl_ma(&b), 60000);
		b.silent = true;
		bench_run_ms(&b, 3300);
		assert_true(zero_on_bus(&b));
		if (b.config.profile->len[PYLON_FRAME_ALARMS_V13] > 0) {
			/* field 27: byte 6, bits 7..6 */
			assert_int_equal(b.last[PYLON_FRAME_ALARMS_V13].data[6] & 0xC0, 0x40);
		} else {
			assert_safe_set(&b);
		}
	}
}

/* Return: a frame with this identifier left in the last period. */
static bool sent_in_step(uint16_t id, struct can_msg *ret)
{
	for (uint32_t i = 0; i < b.out.can_tx_len && i < CYCLE_CAN_TX_MAX; i++) {
		if (b.out.can_tx[i].id == id) {
			*ret = b.out.can_tx[i];
			return true;
		}
	}
	return false;
}

/* From 60.0 A: what a fall of the highest cell's curve does to the frame of the same period. */
static void test_SAF_06_large_falls_leave_with_the_sample(void **state)
{
	static const struct {
		uint16_t mv;
		int32_t ccl; /* 0.1 A */
		bool at_once;
	} rows[] = {
		/* 2 % per mV between 3.375 and 3.400 V */
		{3376, 588, false}, {3378, 564, false}, {3379, 552, false},
		{3380, 540, true},  {3381, 528, true},	{3390, 420, true},
		{3400, 300, true},  {3450, 150, true},	{3500, 18, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		/* a small fall just before takes the slot of small ones */
		b.cycle.link.small_fall_ns = INT64_MAX / 2;
		drain_reply(&b);
		b.battery.cell_mv[0] = rows[i].mv;
		run_samples(&b, 1);
		struct can_msg m = {0};

		assert_true(sent_in_step(PYLON_ID_LIMITS, &m) == rows[i].at_once);
		if (rows[i].at_once) {
			assert_int_equal(word(&m, 2), rows[i].ccl);
			assert_int_equal(word(&m, 4), 600);
		}
	}
}

static void test_FLT_12_SAF_06_fall_to_zero_leaves_with_the_sample(void **state)
{
	static const struct {
		enum dir dir;
		uint16_t mv;
		uint16_t status;
		uint8_t enables;
	} rows[] = {
		{DIR_CHARGE, 3600, 3, ENABLE_DISCHARGE_BIT},
		{DIR_DISCHARGE, 2890, 3, ENABLE_CHARGE_BIT},
		{DIR_CHARGE, 3300, JK_STATUS_DISCHARGE_MOS, ENABLE_DISCHARGE_BIT},
		{DIR_DISCHARGE, 3300, JK_STATUS_CHARGE_MOS, ENABLE_CHARGE_BIT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int phase = 0; phase < 200; phase += 7) {
			bench_fork(&b, &from);
			bench_run_ms(&b, phase * PERIOD_MS);
			drain_reply(&b);
			b.battery.cell_mv[0] = rows[i].mv;
			b.battery.status = rows[i].status;
			run_samples(&b, 1);
			struct can_msg limits = {0};
			struct can_msg request = {0};

			assert_true(sent_in_step(PYLON_ID_LIMITS, &limits));
			assert_true(sent_in_step(PYLON_ID_REQUEST, &request));
			assert_int_equal(word(&limits, rows[i].dir == DIR_CHARGE ? 2 : 4), 0);
			assert_int_equal(request.data[0], rows[i].enables);
		}
	}
}

static void propose(int32_t ma)
{
	b.cap_ma[DIR_CHARGE] = ma;
	b.cap_ma[DIR_DISCHARGE] = ma;
}

/* Small falls: five frames a second, and the value that is sent is the newest one. */
static void test_SAF_06_small_falls_at_most_five_a_second(void **state)
{
	int64_t last_ns = 0;
	int32_t ma = 60000;

	(void)state;
	propose(ma);
	bench_run_ms(&b, 1500);
	record_on(&b, &rec);
	for (int i = 0; i < 180; i++) { /* 0.1 A a period, less than 10 % within 200 ms */
		ma -= 100;
		b.cap_ma[DIR_CHARGE] = ma;
		bench_step(&b);
		assert_int_equal(bench_tele(&b)->limit_ma[DIR_CHARGE], ma);
		/* the bus is never more than 200 ms behind */
		assert_true(bench_ccl_ma(&b) - ma <= 4100);
	}
	for (uint32_t i = 0; i < rec.len; i++) {
		const int64_t in_set_ns = (rec.at[i].t_ns - b.cycle.link.set_ns + 10 * NS_PER_S) %
					  NS_PER_S;

		/* those of the sets leave in their slot anyway */
		if (rec.at[i].msg.id == PYLON_ID_LIMITS && in_set_ns != 10 * NS_PER_MS) {
			assert_true(rec.at[i].t_ns - last_ns >= 200 * NS_PER_MS);
			last_ns = rec.at[i].t_ns;
		}
	}
	assert_true(last_ns != 0);
}

static void test_SAF_06_rises_wait_for_their_slot(void **state)
{
	(void)state;
	propose(10000);
	bench_run_ms(&b, 2000);
	record_on(&b, &rec);
	propose(INT32_MAX);
	bench_run_ms(&b, 5000);
	for (uint32_t i = 1; i < rec.len; i++) {
		assert_true(rec.at[i].t_ns - rec.at[i - 1].t_ns >= 10 * NS_PER_MS);
	}
	assert_int_equal(bench_ccl_ma(&b), 60000);
}

static void test_inverter_alive_statistics(void **state)
{
	(void)state;
	bench_run_ms(&b, 20000);
	const struct telemetry *t = bench_tele(&b);

	assert_int_equal(t->inverter_alive, 1);
	assert_int_equal(t->alive_min_ms, 1000);
	assert_int_equal(t->alive_max_ms, 1000);
	assert_int_equal(t->alive_mean_ms, 1000);
	assert_int_equal(b.events[EVENT_INVERTER_ALIVE], 1);
	b.alive = false;
	bench_run_ms(&b, 7000);
	assert_int_equal(t->inverter_alive, 0);
	b.alive = true;
	bench_run_ms(&b, 2000);
	assert_int_equal(t->inverter_alive, 1);
	assert_int_equal(b.events[EVENT_INVERTER_ALIVE], 2);
	assert_true(t->alive_max_ms >= 7000);
}

/* A fall that a regular set tells is one of the five: at the shortest set period there is no other. */
static void test_SAF_06_falls_in_the_sets_count_as_well(void **state)
{
	static const struct {
		int32_t set_ms;
		uint32_t falls_in_10_s;
	} rows[] = {
		{200, 51},
		{400, 51},
		{1000, 51},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int32_t ma = 60000;
		int32_t before_ma = 0;
		uint32_t falls = 0;

		bench_init(&b);
		b.config.set_ms = rows[i].set_ms;
		start_fast(&b);
		propose(ma);
		bench_run_ms(&b, 1500);
		before_ma = bench_ccl_ma(&b);
		for (int step = 0; step < 2000; step++) { /* 0.1 A every 20 ms, for 10 s */
			ma -= step % 4 == 0 ? 100 : 0;
			b.cap_ma[DIR_CHARGE] = ma;
			bench_step(&b);
			falls += bench_ccl_ma(&b) < before_ma ? 1U : 0U;
			before_ma = bench_ccl_ma(&b);
			/* and none waits longer for it than 200 ms */
			assert_true(before_ma - ma <= 1100);
		}
		if (falls > rows[i].falls_in_10_s) {
			print_error("set %d ms: %u falls\n", rows[i].set_ms, falls);
		}
		assert_true(falls <= rows[i].falls_in_10_s);
		assert_true(falls >= 45);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_full_set_in_slots_of_10_ms_once_a_second, setup),
		cmocka_unit_test_setup(test_set_grid_does_not_drift_with_late_periods, setup),
		cmocka_unit_test_setup(test_one_set_frame_a_period_after_a_stall, setup),
		cmocka_unit_test_setup(test_send_305_and_other_profiles, setup),
		cmocka_unit_test_setup(test_SAF_06_large_falls_leave_with_the_sample, setup),
		cmocka_unit_test_setup(test_FLT_12_SAF_06_fall_to_zero_leaves_with_the_sample,
				       setup),
		cmocka_unit_test_setup(test_SAF_06_small_falls_at_most_five_a_second, setup),
		cmocka_unit_test_setup(test_SAF_06_rises_wait_for_their_slot, setup),
		cmocka_unit_test_setup(test_inverter_alive_statistics, setup),
		cmocka_unit_test_setup(test_SAF_06_falls_in_the_sets_count_as_well, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
