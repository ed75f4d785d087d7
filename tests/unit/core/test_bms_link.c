/* SPDX-License-Identifier: Apache-2.0 */
/* The serial side: what counts as an answer, and how old it is. */
#include "bms_test.h"

/* Runs the clock without any reply, so that only what the test injects comes. */
static void wait_ms(int64_t ms)
{
	const int64_t end_ns = b.now_ns + ms * NS_PER_MS;

	while (b.now_ns < end_ns) {
		bench_step(&b);
	}
}

static void test_SAF_02_age_runs_from_the_request(void **state)
{
	static const int32_t delay_ms[] = {5, 30, 100, 250, 400, 495, 500};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(delay_ms); i++) {
		bench_fork(&b, &from);
		wait_ms(delay_ms[i] - PERIOD_MS);
		const uint32_t before = samples();

		inject(reply, reply_len);
		bench_step(&b);
		assert_int_equal(samples(), before + 1);
		assert_int_equal(bench_tele(&b)->age_ms, delay_ms[i]);
		assert_int_equal(bench_tele(&b)->reply_ms, delay_ms[i]);
	}
}

static void test_SAF_02_reply_after_500_ms_is_discarded(void **state)
{
	static const int32_t delay_ms[] = {505, 510, 600, 740};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(delay_ms); i++) {
		bench_fork(&b, &from);
		b.silent = true;
		wait_ms(delay_ms[i] - PERIOD_MS);
		const uint32_t before = samples();
		const uint32_t late = bench_tele(&b)->count_late;

		inject(reply, reply_len);
		bench_step(&b);
		assert_int_equal(samples(), before);
		assert_int_equal(bench_tele(&b)->count_late, late + 1);
	}
}

/* Bytes of the reply on both sides of the 500 ms: not complete in time. */
static void test_SAF_02_reply_must_be_complete_in_time(void **state)
{
	(void)state;
	wait_ms(480);
	const uint32_t before = samples();

	inject(reply, reply_len / 2);
	bench_step(&b);
	wait_ms(20);
	inject(reply + reply_len / 2, reply_len - reply_len / 2);
	bench_step(&b);
	assert_int_equal(samples(), before);
}

/*
 * A BMS that always answers after the same delay, longer than 500 ms. Every reply answers the
 * request that was made that long ago: none may be taken for the answer of a newer one.
 */
static void test_SAF_02_bms_that_is_always_late_is_never_believed(void **state)
{
	static const int32_t delay_ms[] = {520, 600, 700, 750, 800, 900, 980, 1100, 1300, 1490};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(delay_ms); i++) {
		int64_t due_ns[16] = {0};
		uint32_t in = 0;
		uint32_t out = 0;
		uint32_t wrong = 0;

		bench_fork(&b, &from);
		b.silent = true;
		due_ns[in++ % 16] = b.now_ns - PERIOD_MS * NS_PER_MS + delay_ms[i] * NS_PER_MS;
		const uint32_t before = samples();

		for (int n = 0; n < 60000; n += PERIOD_MS) {
			const uint32_t requests = b.requests;
			const uint32_t had = samples();

			if (out < in && b.now_ns >= due_ns[out % 16]) {
				out++;
				inject(reply, reply_len);
			}
			bench_step(&b);
			if (b.requests != requests) {
				due_ns[in++ % 16] = b.now_ns - PERIOD_MS * NS_PER_MS +
						    delay_ms[i] * NS_PER_MS;
			}
			if (samples() != had && bench_tele(&b)->age_ms < delay_ms[i]) {
				wrong++;
			}
		}
		if (wrong != 0) {
			print_error("delay %d ms: %u replies taken for younger than they are\n",
				    (int)delay_ms[i], (unsigned int)wrong);
		}
		assert_int_equal(wrong, 0);
		assert_int_equal(samples(), before);
		assert_int_equal(bench_tele(&b)->step, STEP_TRIP);
	}
}

/* One reply got lost, or came late once: the next good one is at most two polls away. */
static void test_FLT_09_one_late_reply_does_not_poison_the_next(void **state)
{
	static const int32_t delay_ms[] = {505, 530, 600, 700};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(delay_ms); i++) {
		bench_fork(&b, &from);
		const int64_t t_ns = b.now_ns;
		const uint32_t before = samples();
		bool injected = false;

		while (samples() == before && b.now_ns - t_ns < 5000 * NS_PER_MS) {
			if (!injected && b.now_ns - t_ns >= (delay_ms[i] - 5) * NS_PER_MS) {
				injected = true;
				inject(reply, reply_len);
			}
			bench_step(&b);
		}
		assert_true(b.now_ns - t_ns < 2000 * NS_PER_MS);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	}
}

static void test_FLT_09_glued_and_replayed_replies(void **state)
{
	uint8_t older[JK_FRAME_MAX];
	struct bench_battery bat = b.battery;
	uint32_t older_len;

	(void)state;
	bat.soc_pct = 53;
	bat.cells = 8;
	older_len = bench_reply_build(&bat, older);
	bat.soc_pct = 54;
	b.battery.soc_pct = 54;
	reply_len = bench_reply_build(&bat, reply);
	/* two replies in one period: the newest one, counted once */
	uint32_t before = samples();

	wait_ms(25);
	inject(older, older_len);
	inject(reply, reply_len);
	bench_step(&b);
	assert_int_equal(samples(), before + 1);
	assert_int_equal(bench_tele(&b)->sample.soc_pct, 54);
	/* a second reply without a request is nobody's answer */
	before = samples();
	inject(older, older_len);
	bench_step(&b);
	assert_int_equal(samples(), before);
	assert_int_equal(bench_tele(&b)->sample.soc_pct, 54);
	assert_true(bench_tele(&b)->count_late > 0);
}

static void test_FLT_17_current_by_tag(void **state)
{
	static const struct {
		uint8_t version;
		int32_t ma;
	} rows[] = {
		{0, 5000}, {0, -5000}, {1, 5000}, {1, -5000}, {0, 0}, {1, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		b.battery.version = rows[i].version;
		b.battery.pack_ma = rows[i].ma;
		bench_run_ms(&b, 3000);
		assert_int_equal(bench_tele(&b)->sample.pack_ma, rows[i].ma);
		assert_int_equal((int16_t)(b.last[PYLON_FRAME_MEASURED].data[2] |
					   b.last[PYLON_FRAME_MEASURED].data[3] << 8),
				 rows[i].ma / 100);
	}
	/* an unknown version: the sign is unknown, the frame is dropped */
	for (int version = 2; version < 256; version += 11) {
		bench_fork(&b, &from);
		b.battery.version = (uint8_t)version;
		const uint32_t before = samples();

		bench_run_ms(&b, 4000);
		assert_int_equal(samples(), before);
		assert_true(bench_tele(&b)->count_verdict[JK_BAD_VERSION] > 5);
		assert_safe_set(&b);
	}
}

/* Our own request heard back on a half-duplex line is no answer, and no harm. */
static void test_echo_of_the_request(void **state)
{
	uint8_t request[JK_REQUEST_SIZE];

	(void)state;
	jk_request_build(JK_SOURCE_PC, request);
	const uint32_t before = samples();

	inject(request, sizeof(request));
	bench_step(&b);
	assert_int_equal(samples(), before);
	wait_ms(20);
	inject(reply, reply_len);
	bench_step(&b);
	assert_int_equal(samples(), before + 1);
	assert_int_equal(bench_tele(&b)->count_verdict[JK_FOREIGN], 1);
	/* the echo alone is a BMS that is silent */
	for (int i = 0; i < 3; i++) {
		to_request(&b);
		inject(request, sizeof(request));
		bench_step(&b);
	}
	assert_true(b.events[EVENT_BMS_NO_REPLY] >= 2);
}

static void test_FLT_71_device_comes_and_goes(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		b.unplugged = true;
		bench_run_ms(&b, 1000);
		b.unplugged = false;
		bench_run_ms(&b, 1000);
	}
	assert_int_equal(b.events[EVENT_BMS_TTY_LOST], 10);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	/* nothing is asked of a closed device, half a reply does not survive */
	to_request(&b);
	inject(reply, 100);
	bench_step(&b);
	b.unplugged = true;
	const uint32_t requests = b.requests;

	bench_run_ms(&b, 5000);
	assert_int_equal(b.requests, requests);
	assert_safe_set(&b);
	b.unplugged = false;
	bench_run_ms(&b, 3000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
}

/* A request that could not be written is repeated at the next poll, without waiting 500 ms. */
static void test_request_that_was_not_written(void **state)
{
	(void)state;
	memset(&b.in, 0, sizeof(b.in));
	b.in.now_ns = b.now_ns;
	b.in.boot_ns = b.now_ns;
	b.in.tty_open = true;
	b.in.guard_ok = true;
	b.in.request_failed = true;
	cycle_step(&b.cycle, &b.in, &b.out);
	b.now_ns += PERIOD_MS * NS_PER_MS;
	const uint32_t requests = b.requests;

	bench_run_ms(&b, 260);
	assert_int_equal(b.requests, requests + 1);
	assert_int_equal(b.events[EVENT_BMS_NO_REPLY], 0);
}

static void test_poll_grid_and_skipped_polls(void **state)
{
	static const int32_t poll_ms[] = {100, 250, 1000, 2000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(poll_ms); i++) {
		bench_init(&b);
		b.config.poll_ms = poll_ms[i];
		b.config.stale_ms = 10000;
		b.config.trip_ms = 12000;
		bench_boot(&b, NULL);
		bench_run_ms(&b, 60000);
		assert_between(b.requests, 60000 / poll_ms[i], 60000 / poll_ms[i] + 1);
		/* replies that take longer than the poll: one request outstanding at a time */
		b.reply_ms = 450;
		const uint32_t requests = b.requests;

		bench_run_ms(&b, 60000);
		const int32_t turn_ms = max_i32(poll_ms[i], 450);

		assert_between(b.requests - requests, 60000 / turn_ms - 2, 60000 / turn_ms + 2);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_02_age_runs_from_the_request, setup),
		cmocka_unit_test_setup(test_SAF_02_reply_after_500_ms_is_discarded, setup),
		cmocka_unit_test_setup(test_SAF_02_reply_must_be_complete_in_time, setup),
		cmocka_unit_test_setup(test_SAF_02_bms_that_is_always_late_is_never_believed,
				       setup),
		cmocka_unit_test_setup(test_FLT_09_one_late_reply_does_not_poison_the_next, setup),
		cmocka_unit_test_setup(test_FLT_09_glued_and_replayed_replies, setup),
		cmocka_unit_test_setup(test_FLT_17_current_by_tag, setup),
		cmocka_unit_test_setup(test_echo_of_the_request, setup),
		cmocka_unit_test_setup(test_FLT_71_device_comes_and_goes, setup),
		cmocka_unit_test_setup(test_request_that_was_not_written, setup),
		cmocka_unit_test_setup(test_poll_grid_and_skipped_polls, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
