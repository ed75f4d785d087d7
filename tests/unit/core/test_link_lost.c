/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that the transmit queue refuses, and enable bits that wait for their limit. */
#include "core_test.h"

static struct bench b;
static struct bench from;
static struct recorder rec;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	drain_reply(&from);
	bench_fork(&b, &from);
	return 0;
}

static bool attempted(uint16_t id)
{
	for (uint32_t i = 0; i < b.out.can_tx_len; i++) {
		if (b.out.can_tx[i].id == id) {
			return true;
		}
	}
	return false;
}

/* A fall that did not leave leaves again in the next period, not with the next set. */
static void test_SAF_06_FLT_12_a_refused_fall_leaves_in_the_next_period(void **state)
{
	static const struct {
		uint16_t cell_mv; /* 3600: to 0, 3400: to a half, 3378: a small fall */
		uint32_t refused;
		int32_t periods;
		int32_t ccl_ma;
		uint8_t enables;
	} rows[] = {
		{3600, UINT32_MAX, 1, 0, 0x40},	    {3600, UINT32_MAX, 40, 0, 0x40},
		{3600, 1U << 1, 1, 0, 0x40},	    {3600, 1U << 1, 7, 0, 0x40},
		{3600, 1U << 0xC, 3, 0, 0x40},	    {3400, UINT32_MAX, 5, 30000, 0xC0},
		{3378, UINT32_MAX, 5, 56400, 0xC0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* at every phase of the set */
		for (int phase = 0; phase < 200; phase += 3) {
			bench_fork(&b, &from);
			bench_run_ms(&b, phase * PERIOD_MS);
			drain_reply(&b);
			b.battery.cell_mv[3] = rows[i].cell_mv;
			while (bench_tele(&b)->limit_ma[DIR_CHARGE] == 60000) {
				b.refused = rows[i].refused;
				bench_step(&b);
			}
			for (int32_t k = 1; k < rows[i].periods; k++) {
				bench_step(&b);
			}
			b.refused = 0;
			bench_step(&b);
			if (bench_ccl_ma(&b) != rows[i].ccl_ma ||
			    bench_enables(&b) != rows[i].enables) {
				print_error("row %zu, phase %d\n", i, phase);
			}
			assert_int_equal(bench_ccl_ma(&b), rows[i].ccl_ma);
			assert_int_equal(bench_enables(&b), rows[i].enables);
		}
	}
}

/* One attempt a period at most, none on a bus that is down, and none for other frames. */
static void test_FLT_20_no_storm_of_repetitions(void **state)
{
	static const struct {
		uint32_t link;
		bool repeats;
	} rows[] = {
		{CAN_LINK_UP, true},	   {CAN_LINK_WARNING, true}, {CAN_LINK_PASSIVE, true},
		{CAN_LINK_BUS_OFF, false}, {CAN_LINK_DOWN, false},   {CAN_LINK_ABSENT, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t limits = 0;
		uint32_t others = 0;

		bench_fork(&b, &from);
		bench_run_ms(&b, 500);
		b.can_link = rows[i].link;
		b.refused = UINT32_MAX;
		b.battery.cell_mv[3] = 3600;
		for (int k = 0; k < 100; k++) { /* half a second, no set in between */
			bench_step(&b);
			assert_true(b.out.can_tx_len <= 3);
			limits += attempted(PYLON_ID_LIMITS) ? 1U : 0U;
			others += attempted(PYLON_ID_SOC) || attempted(PYLON_ID_MEASURED) ? 1U : 0U;
		}
		assert_true(rows[i].repeats ? limits > 30 && limits <= 100 : limits < 3);
		assert_true(others <= 2);
		/* nothing more once it has left, and it leaves at once when the bus is back */
		b.refused = 0;
		b.can_link = CAN_LINK_UP;
		bench_step(&b);
		assert_int_equal(bench_ccl_ma(&b), 0);
		const uint32_t count = b.count[PYLON_FRAME_LIMITS];

		bench_run_ms(&b, 300);
		assert_true(b.count[PYLON_FRAME_LIMITS] <= count + 1);
	}
}

/* 0 A that was not heard is no 0 A: the relay waits for the bus or for its time. */
static void test_SAF_20_refused_zero_is_not_taken_for_said(void **state)
{
	(void)state;
	b.silent = true;
	bench_run_ms(&b, 2000);
	b.refused = 1U << 1;
	bench_run_ms(&b, 7900);
	assert_true(b.out.permit);
	assert_int_equal(b.cycle.safety.zero_since_ns, TIME_NEVER);
	b.refused = 0;
	bench_run_ms(&b, 20);
	assert_true(b.cycle.safety.zero_since_ns != TIME_NEVER);
}

/* A report about something that was never sent, or about every frame at once, is harmless. */
static void test_FLT_20_reports_that_make_no_sense(void **state)
{
	(void)state;
	bench_init(&b);
	bench_boot(&b, NULL);
	for (int i = 0; i < 2000; i++) {
		b.lost = UINT32_MAX;
		bench_step(&b);
		assert_true(b.out.can_tx_len <= 3);
	}
	bench_run_ms(&b, 5000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
}

/* What 0x35C may say is bounded by the limits of the last 0x351, not by the wish. */
static void test_SAF_08_enables_wait_for_their_limit(void **state)
{
	static const struct {
		int32_t sent_ma[DIRS];
		bool lost;
		uint8_t bits;
	} rows[] = {
		{{10000, 10000}, false, 0xF8}, {{0, 10000}, false, 0x40},
		{{10000, 0}, false, 0xB8},     {{0, 0}, false, 0},
		{{100, 100}, false, 0xF8},     {{100, 100}, true, 0},
	};
	const struct pylon_state wish = {
		.cvl_mv = 55000,
		.ccl_ma = 20000,
		.dcl_ma = 20000,
		.charge_enable = true,
		.discharge_enable = true,
		.force_charge_1 = true,
		.force_charge_2 = true,
		.full_charge = true,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct link l;
		struct cycle_out out = {0};
		struct event events[CYCLE_EVENT_MAX];
		struct sink sink = {.event = events, .max = CYCLE_EVENT_MAX};
		const int64_t slot_ns = b.config.slot_ms * NS_PER_MS;

		link_init(&l);
		l.set_ns = BENCH_START_NS;
		l.slot = 4; /* 0x35C of the default dialect */
		l.sent_ma[DIR_CHARGE] = rows[i].sent_ma[DIR_CHARGE];
		l.sent_ma[DIR_DISCHARGE] = rows[i].sent_ma[DIR_DISCHARGE];
		l.sent[PYLON_FRAME_LIMITS].len = 8;
		l.lost = rows[i].lost ? 1U << PYLON_FRAME_LIMITS : 0U;
		l.state = CAN_LINK_DOWN; /* no repetition */
		sink.now_ns = l.set_ns + 4 * slot_ns;
		link_send(&l, &b.config, sink.now_ns, &wish, &out, &sink);
		assert_true(out.can_tx_len > 0);
		const struct can_msg *m = &out.can_tx[out.can_tx_len - 1U];

		assert_int_equal(m->id, PYLON_ID_REQUEST);
		assert_int_equal(m->data[0], rows[i].bits);
	}
}

/* And on the whole core: no enable bit before the limit above 0 has left. */
static void test_SAF_08_no_enable_before_its_limit_on_the_bus(void **state)
{
	bool charge = false;
	bool discharge = false;

	(void)state;
	bench_init(&b);
	bench_fast_ramps(&b.config);
	record_on(&b, &rec);
	bench_boot(&b, NULL);
	b.config.allow_full_charge = true;
	bench_run_ms(&b, 4000);
	for (uint32_t i = 0; i < rec.len; i++) {
		const struct can_msg *m = &rec.at[i].msg;

		if (m->id == PYLON_ID_LIMITS) {
			charge = (m->data[2] | m->data[3]) != 0;
			discharge = (m->data[4] | m->data[5]) != 0;
		} else if (m->id == PYLON_ID_REQUEST) {
			assert_true(charge ||
				    (m->data[0] & (ENABLE_CHARGE_BIT | REQUEST_BITS)) == 0);
			assert_true(discharge || (m->data[0] & ENABLE_DISCHARGE_BIT) == 0);
		}
	}
	assert_true(charge && discharge);
}

/* A queue that stays full: the sets go on and are judged, and then writing stops as it must. */
static void test_FLT_20_SAF_17_repetitions_do_not_hold_up_the_set(void **state)
{
	static const struct {
		int32_t slot_ms;
		int32_t set_ms;
		int32_t stuck_ms;
	} rows[] = {{10, 1000, 2200}, {5, 200, 600}, {10, 200, 600}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t frames = 0;

		bench_init(&b);
		b.config.slot_ms = rows[i].slot_ms;
		b.config.set_ms = rows[i].set_ms;
		start_fast(&b);
		b.refused = UINT32_MAX;
		b.alive = false;
		b.battery.cell_mv[3] = 3600;
		b.battery.alarms = JK_ALARM_CELL_OV;
		for (int32_t ms = 0; ms < rows[i].stuck_ms; ms += PERIOD_MS) {
			bench_step(&b);
			assert_true(b.out.can_tx_len <= 3);
		}
		assert_int_equal(bench_tele(&b)->can_confirmed, 0);
		for (int k = 0; k < 1000; k++) {
			bench_step(&b);
			frames += b.out.can_tx_len;
		}
		assert_true(frames <= 3 * 6); /* probes, every 2 s */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_06_FLT_12_a_refused_fall_leaves_in_the_next_period,
				       setup),
		cmocka_unit_test_setup(test_FLT_20_no_storm_of_repetitions, setup),
		cmocka_unit_test_setup(test_SAF_20_refused_zero_is_not_taken_for_said, setup),
		cmocka_unit_test_setup(test_FLT_20_reports_that_make_no_sense, setup),
		cmocka_unit_test_setup(test_SAF_08_enables_wait_for_their_limit, setup),
		cmocka_unit_test_setup(test_SAF_08_no_enable_before_its_limit_on_the_bus, setup),
		cmocka_unit_test_setup(test_FLT_20_SAF_17_repetitions_do_not_hold_up_the_set,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
