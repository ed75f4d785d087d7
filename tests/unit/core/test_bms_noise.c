/* SPDX-License-Identifier: Apache-2.0 */
/* The serial side under noise: cut, flipped, swallowed, glued and babbling frames. */
#include "bms_test.h"

static uint32_t rejected(void)
{
	uint32_t n = 0;

	for (uint32_t v = JK_NOISE; v < JK_VERDICTS; v++) {
		n += bench_tele(&b)->count_verdict[v];
	}
	return n;
}

/* Runs the clock without any reply, so that only what the test injects comes. */
static void wait_ms(int64_t ms)
{
	const int64_t end_ns = b.now_ns + ms * NS_PER_MS;

	while (b.now_ns < end_ns) {
		bench_step(&b);
	}
}

static void test_FLT_04_reply_cut_at_every_position(void **state)
{
	(void)state;
	for (uint32_t cut = 0; cut < reply_len; cut++) {
		bench_fork(&b, &from);
		const uint32_t before = samples();
		const uint32_t truncated = bench_tele(&b)->count_verdict[JK_TRUNCATED];
		const uint32_t requests = b.requests;

		wait_ms(25);
		if (cut > 0) {
			inject(reply, cut);
		}
		while (samples() == before && b.requests < requests + 10) {
			bench_step(&b);
		}
		/* re-polled, and the next valid sample comes with the second request at the latest */
		assert_int_equal(samples(), before + 1);
		assert_true(b.requests <= requests + 2);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		if (cut > 1) {
			assert_int_equal(bench_tele(&b)->count_verdict[JK_TRUNCATED],
					 truncated + 1);
		}
	}
}

static void test_FLT_05_noise_before_the_header(void **state)
{
	(void)state;
	for (int byte = 0; byte <= 255; byte++) {
		const uint8_t noise = (uint8_t)byte;

		bench_fork(&b, &from);
		wait_ms(25);
		const uint32_t before = samples();

		inject(&noise, 1);
		inject(reply, reply_len);
		bench_step(&b);
		assert_int_equal(samples(), before + 1);
	}
	/* false starts too; the whole reply is behind them */
	static const uint8_t starts[][4] = {
		{0x4E, 0x4E, 0x57, 0x00},
		{0x4E, 0x57, 0x01, 0x22},
		{0x00, 0x4E, 0x57, 0xFF},
	};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		bench_fork(&b, &from);
		wait_ms(25);
		const uint32_t before = samples();

		inject(starts[i], sizeof(starts[i]));
		inject(reply, reply_len);
		wait_ms(150);
		assert_int_equal(samples(), before + 1);
	}
}

/* A false start with a believable header swallows the reply: found when the line falls silent. */
static void test_FLT_05_false_header_before_the_reply(void **state)
{
	static const uint8_t header[] = {0x4E, 0x57, 0x01, 0x90, 0, 0, 0, 0, 0x06, 0x00, 0x01};

	(void)state;
	wait_ms(25);
	const uint32_t before = samples();

	inject(header, sizeof(header));
	inject(reply, reply_len);
	bench_step(&b);
	assert_int_equal(samples(), before);
	wait_ms(105);
	assert_int_equal(samples(), before + 1);
	assert_true(bench_tele(&b)->count_verdict[JK_TRUNCATED] > 0);
}

static void test_FLT_06_every_single_bit_flip_is_rejected(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit < reply_len * 8U; bit++) {
		uint8_t broken[JK_FRAME_MAX];

		memcpy(broken, reply, reply_len);
		broken[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
		bench_fork(&b, &from);
		b.silent = true;
		const uint32_t before = samples();
		const uint32_t bad = rejected();

		inject(broken, reply_len);
		wait_ms(120);
		assert_int_equal(samples(), before);
		assert_true(rejected() > bad);
	}
}

/*
 * Two flips that leave the sum right (a bit that rises here, the same bit that falls there): at no
 * time within the next two readings may anything be higher than it was. The pack is at a point
 * where every limit could rise: 3.390 V, an OVP that bounds the CVL, SoC 55.
 */
static void test_FLT_07_SAF_16_two_flips_that_keep_the_sum_raise_nothing(void **state)
{
	struct bench base;
	uint32_t accepted = 0;

	(void)state;
	bench_init(&base);
	bench_battery_all(&base.battery, 3150);
	base.battery.cell_mv[0] = 3390;
	base.battery.cell_ovp_mv = 3460;
	base.battery.charge_ocp_a = 55;
	base.battery.discharge_ocp_a = 55;
	base.config.ratchet = false;
	start_fast(&base);
	drain_reply(&base);
	to_request(&base);
	const int32_t ccl = bench_ccl_ma(&base);
	const int32_t dcl = bench_dcl_ma(&base);
	const int32_t cvl = bench_tele(&base)->cvl_mv;

	assert_true(ccl > 0 && dcl > 0 && cvl == 3440 * 16);
	for (uint32_t i = 0; i < reply_len; i++) {
		/* a stride that is prime to everything, so that all distances occur */
		for (uint32_t j = (i * 7U) % 13U; j < reply_len; j += 13U) {
			for (uint32_t bit = 0; bit < 8U; bit++) {
				const uint8_t mask = (uint8_t)(1U << bit);
				uint8_t broken[JK_FRAME_MAX];

				if (i == j || (reply[i] & mask) == 0 || (reply[j] & mask) != 0) {
					continue;
				}
				memcpy(broken, reply, reply_len);
				broken[i] ^= mask;
				broken[j] ^= mask;
				bench_fork(&b, &base);
				const uint32_t before = samples();

				inject(broken, reply_len);
				bench_step(&b);
				if (samples() == before) {
					continue;
				}
				accepted++;
				for (int n = 0; n < 2; n++) {
					assert_true(bench_tele(&b)->limit_ma[DIR_CHARGE] <= ccl);
					assert_true(bench_tele(&b)->limit_ma[DIR_DISCHARGE] <= dcl);
					if (bench_tele(&b)->cvl_mv > cvl) {
						print_error("bytes %u and %u, bit %u: CVL %d\n", i,
							    j, bit, bench_tele(&b)->cvl_mv);
					}
					assert_true(bench_tele(&b)->cvl_mv <= cvl);
					inject(reply, reply_len);
					b.cycle.bms.awaiting = true; /* the next reading */
					bench_step(&b);
				}
			}
		}
	}
	print_message("%u damaged frames with a right sum were read\n", accepted);
	assert_true(accepted > 500);
}

static void test_FLT_08_length_field(void **state)
{
	static const uint16_t lengths[] = {0, 1, 18, 19, 100, 399, 400, 401, 0x4E57, 65535};

	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(lengths) + 2; i++) {
		uint16_t len = (uint16_t)(reply_len - 2U);
		uint8_t broken[JK_FRAME_MAX];

		if (i < ARRAY_SIZE(lengths)) {
			len = lengths[i];
		} else {
			len = (uint16_t)(len + (i == ARRAY_SIZE(lengths) ? 1 : -1));
		}
		memcpy(broken, reply, reply_len);
		broken[2] = (uint8_t)(len >> 8);
		broken[3] = (uint8_t)len;
		bench_fork(&b, &from);
		const uint32_t before = samples();
		const uint32_t bad = rejected();
		const uint32_t requests = b.requests;

		wait_ms(25);
		inject(broken, reply_len);
		wait_ms(150);
		assert_int_equal(samples(), before);
		assert_true(rejected() > bad);
		/* the next poll is answered and understood */
		while (samples() == before && b.requests < requests + 5) {
			bench_step(&b);
		}
		assert_true(b.requests <= requests + 1);
		assert_int_equal(samples(), before + 1);
	}
}

static void test_FLT_10_garbage_for_ever(void **state)
{
	uint32_t x = 99;

	(void)state;
	b.silent = true;
	int64_t zero_ms = -1;
	const int64_t t_ns = b.now_ns;

	while (b.now_ns - t_ns < 12000 * NS_PER_MS) {
		uint8_t noise[58]; /* 115200 baud */

		for (size_t i = 0; i < sizeof(noise); i++) {
			x = x * 1664525U + 1013904223U;
			noise[i] = (uint8_t)(x >> 24);
		}
		inject(noise, sizeof(noise));
		bench_step(&b);
		if (zero_ms < 0 && zero_on_bus(&b)) {
			zero_ms = (b.now_ns - t_ns) / NS_PER_MS;
		}
	}
	assert_between(zero_ms, 2000, 3100);
	assert_false(b.out.permit);
	assert_true(b.events[EVENT_BMS_NOISE] > 10);
	/* counted, not reported byte by byte */
	assert_true(b.events[EVENT_BMS_NOISE] < 1000);
	/* it is over: back to normal */
	b.silent = false;
	bench_run_ms(&b, 33000);
	assert_int_equal(bench_tele(&b)->step, STEP_RUN);
}

/* A shell that says more than the array holds: the rest is not read. */
static void test_FLT_10_length_beyond_the_buffer(void **state)
{
	(void)state;
	memset(&b.in, 0, sizeof(b.in));
	memset(b.in.rx, 0x4E, sizeof(b.in.rx));
	memset(b.in.can_rx, 0x4E, sizeof(b.in.can_rx));
	memset(b.in.command, 0x4E, sizeof(b.in.command));
	b.in.now_ns = b.now_ns;
	b.in.boot_ns = b.now_ns;
	b.in.tty_open = true;
	b.in.rx_len = UINT16_MAX;
	b.in.can_rx_len = UINT8_MAX;
	b.in.command_len = UINT8_MAX;
	cycle_step(&b.cycle, &b.in, &b.out);
	assert_true(b.out.can_tx_len <= CYCLE_CAN_TX_MAX);
	assert_true(b.out.event_len <= CYCLE_EVENT_MAX);
}

/*
 * Noise or an echo, then silence, then the answer, later than the next poll: it must count for the
 * request it answers, or not at all. Nothing tells the answer to one request from that to another.
 */
static void test_SAF_02_FLT_05_noise_is_no_answer(void **state)
{
	static const uint8_t marker[] = {0x4E, 0x57, 0x01, 0x21, 0, 0, 0, 0, 0x06, 0x00, 0x00};
	static const struct {
		uint32_t noise_len; /* behind 21 bytes of echo */
		bool echo;
		bool marker;	 /* the beginning of a request of somebody else */
		bool head;	 /* the beginning of the answer: then it was that one, broken */
		int32_t late_ms; /* of the answer */
	} rows[] = {
		{1, true, false, false, 260},	 {40, false, false, false, 260},
		{40, false, false, false, 350},	 {200, false, false, false, 450},
		{22, false, false, false, 499},	 {40, true, false, false, 700},
		{40, false, false, false, 1400}, {30, false, true, false, 260},
		{30, true, true, false, 300},	 {10, false, false, true, 260},
	};
	uint8_t echo[JK_REQUEST_SIZE];
	uint8_t noise[256];

	(void)state;
	jk_request_build(JK_SOURCE_PC, echo);
	for (size_t i = 0; i < sizeof(noise); i++) {
		noise[i] = (uint8_t)(i * 37U);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_fork(&b, &from);
		to_request(&b);
		const int64_t request_ns = b.cycle.bms.request_ns;
		const uint32_t requests = b.requests;
		const uint32_t before = samples();

		b.silent = true;
		if (rows[i].echo) {
			inject(echo, sizeof(echo));
		}
		inject(noise, rows[i].noise_len);
		if (rows[i].marker) {
			inject(marker, sizeof(marker));
		}
		if (rows[i].head) {
			inject(reply, JK_HEAD_SIZE);
		}
		wait_ms(rows[i].late_ms - PERIOD_MS);
		/* a new request leaves before only if an answer to this one has begun */
		assert_true((b.requests > requests) == rows[i].head);
		inject(reply, reply_len);
		wait_ms(2 * PERIOD_MS);
		if (!rows[i].head) {
			assert_int_equal(samples(), before + (rows[i].late_ms <= 500 ? 1U : 0U));
		}
		if (samples() != before && !rows[i].head) {
			assert_true(b.cycle.sample.t_ns == request_ns);
		}
		/* it is over, and the link goes on */
		b.silent = false;
		const uint32_t after = samples();

		bench_run_ms(&b, 2000);
		assert_true(samples() > after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_FLT_04_reply_cut_at_every_position, setup),
		cmocka_unit_test_setup(test_FLT_05_noise_before_the_header, setup),
		cmocka_unit_test_setup(test_FLT_05_false_header_before_the_reply, setup),
		cmocka_unit_test_setup(test_FLT_06_every_single_bit_flip_is_rejected, setup),
		cmocka_unit_test_setup(test_FLT_07_SAF_16_two_flips_that_keep_the_sum_raise_nothing,
				       setup),
		cmocka_unit_test_setup(test_FLT_08_length_field, setup),
		cmocka_unit_test_setup(test_FLT_10_garbage_for_ever, setup),
		cmocka_unit_test_setup(test_FLT_10_length_beyond_the_buffer, setup),
		cmocka_unit_test_setup(test_SAF_02_FLT_05_noise_is_no_answer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
