/* SPDX-License-Identifier: Apache-2.0 */
/* What a grid meter says: whose, new, possible. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/units.h"
#include "core/meter.h"

#define SERIAL	  1901401956U
#define OTHER	  3008817151U
#define HOME	  0xC0A80105U
#define FOREIGN	  0xC0A80106U
#define MAX_W	  45000
#define STALE_MS  10000
#define UNTOUCHED INT32_MIN
#define DAY_MS	  (24U * 3600U * 1000U)

static struct meter meter;
static struct meter_reading reading;
static int32_t power_w;

static void begin(enum meter_who who)
{
	const struct meter_config config = {
		.who = who, .serial = SERIAL, .max_power_w = MAX_W, .stale_ms = STALE_MS};

	memset(&meter, 0xA5, sizeof(meter));
	meter_init(&meter, &config);
	reading = (struct meter_reading){.t_ns = 1000 * NS_PER_S,
					 .serial = SERIAL,
					 .source = HOME,
					 .ticker_ms = 5000,
					 .power_dw = 3063};
}

/* The datagram now; power_w is touched only if it is taken. */
static enum meter_verdict step(void)
{
	power_w = UNTOUCHED;
	const enum meter_verdict v = meter_step(&meter, &reading, &power_w);

	assert_true((power_w != UNTOUCHED) == (v == METER_TAKEN));
	return v;
}

/* Time and ticker go on together. */
static enum meter_verdict after_ms(int32_t ms)
{
	reading.t_ns += ms * NS_PER_MS;
	reading.ticker_ms += (uint32_t)ms;
	return step();
}

static void test_takes_what_is_named_and_new(void **state)
{
	(void)state;
	begin(METER_SERIAL);
	assert_int_equal(step(), METER_TAKEN);
	assert_int_equal(power_w, 306);
	reading.power_dw = -119675;
	assert_int_equal(after_ms(1000), METER_TAKEN);
	assert_int_equal(power_w, -11968);
	assert_int_equal(after_ms(200), METER_TAKEN);
	assert_int_equal(meter.serial, SERIAL);
	assert_int_equal(meter.source, HOME);
	assert_int_equal(meter.restarts, 0);
}

static void test_nothing_is_taken_while_no_meter_is_named(void **state)
{
	(void)state;
	begin(METER_NOBODY);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(after_ms(1000), METER_NOT_NAMED);
	}
	assert_false(meter.follows);
}

static void test_FLT_41_other_serial_is_dropped_at_any_time(void **state)
{
	(void)state;
	begin(METER_SERIAL);
	reading.serial = OTHER;
	assert_int_equal(step(), METER_OTHER_SERIAL);
	reading.serial = SERIAL;
	assert_int_equal(after_ms(1000), METER_TAKEN);
	reading.serial = OTHER;
	assert_int_equal(after_ms(1000), METER_OTHER_SERIAL);
	assert_int_equal(after_ms(100 * STALE_MS), METER_OTHER_SERIAL);
}

static void test_any_follows_the_first_until_it_is_silent(void **state)
{
	(void)state;
	begin(METER_ANY);
	assert_int_equal(step(), METER_TAKEN);
	reading.serial = OTHER;
	assert_int_equal(after_ms(1000), METER_OTHER_SERIAL);
	assert_int_equal(after_ms(STALE_MS - 1001), METER_OTHER_SERIAL);
	assert_int_equal(after_ms(1), METER_TAKEN);
	reading.serial = SERIAL;
	assert_int_equal(after_ms(1), METER_OTHER_SERIAL);
}

static void test_FLT_41_other_source_is_dropped_until_the_old_one_is_silent(void **state)
{
	struct meter_reading own;

	(void)state;
	begin(METER_SERIAL);
	assert_int_equal(step(), METER_TAKEN);
	for (int i = 0; i < 100; i++) { /* both speak */
		own = reading;
		reading.source = FOREIGN;
		reading.power_dw = -400000;
		assert_int_equal(after_ms(500), METER_OTHER_SOURCE);
		reading = own;
		assert_int_equal(after_ms(1000), METER_TAKEN);
		assert_int_equal(power_w, 306);
	}
	reading.source = FOREIGN;
	assert_int_equal(after_ms(STALE_MS - 1), METER_OTHER_SOURCE);
	assert_int_equal(after_ms(1), METER_TAKEN);
	assert_int_equal(meter.source, FOREIGN);
	reading.source = HOME;
	assert_int_equal(after_ms(1000), METER_OTHER_SOURCE);
}

static void test_FLT_41_replay_is_dropped(void **state)
{
	struct meter_reading old[20];

	(void)state;
	begin(METER_SERIAL);
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		assert_int_equal(after_ms(1000), METER_TAKEN);
		old[i] = reading;
	}
	assert_int_equal(step(), METER_REPEATED);
	/* a recording, played while the meter goes on, is never believed */
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		const struct meter_reading own = reading;

		reading.ticker_ms = old[i].ticker_ms;
		reading.t_ns += 500 * NS_PER_MS;
		assert_int_equal(step(),
				 i == ARRAY_SIZE(old) - 1U && own.ticker_ms == old[i].ticker_ms
					 ? METER_REPEATED
					 : METER_BACKWARDS);
		reading.ticker_ms = own.ticker_ms;
		assert_int_equal(after_ms(1000), METER_TAKEN);
	}
	/* nor fast, between two of its datagrams */
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		const uint32_t own_ms = reading.ticker_ms;

		reading.ticker_ms = old[i].ticker_ms;
		reading.t_ns += 40 * NS_PER_MS;
		assert_int_equal(step(), METER_BACKWARDS);
		reading.ticker_ms = own_ms;
	}
	/* nor the same datagram again and again when it is silent */
	reading.ticker_ms = old[0].ticker_ms;
	for (int i = 0; i < 100; i++) {
		reading.t_ns += NS_PER_S;
		assert_int_equal(step(), METER_BACKWARDS);
	}
	assert_int_equal(meter.restarts, 0);
}

static void test_restart_is_believed_after_a_sequence(void **state)
{
	(void)state;
	for (int ahead = 0; ahead < 2; ahead++) {
		const enum meter_verdict v = ahead == 1 ? METER_AHEAD : METER_BACKWARDS;

		begin(METER_SERIAL);
		reading.ticker_ms = 20U * DAY_MS;
		assert_int_equal(step(), METER_TAKEN);
		reading.ticker_ms = ahead == 1 ? 30U * DAY_MS : 100U;
		assert_int_equal(after_ms(1000), v);
		for (int i = 0; i < 29; i++) {
			assert_int_equal(after_ms(100), v);
		}
		assert_int_equal(after_ms(100), METER_TAKEN);
		assert_int_equal(meter.restarts, 1);
		assert_int_equal(after_ms(1000), METER_TAKEN);
		assert_int_equal(meter.restarts, 1);
		/* and one that comes after a long silence is none of it */
		assert_int_equal(after_ms(3600 * 1000), METER_TAKEN);
	}
}

static void test_ticker_wraps(void **state)
{
	(void)state;
	begin(METER_SERIAL);
	reading.ticker_ms = UINT32_MAX - 2500U;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(after_ms(1000), METER_TAKEN);
	}
	/* a wrap that nobody saw: 30 days of silence, 60 days, 100 days */
	for (int64_t days = 30; days < 100; days += 35) {
		reading.t_ns += days * DAY_MS * NS_PER_MS;
		reading.ticker_ms += (uint32_t)(days * DAY_MS);
		for (int i = 0; i < 4; i++) {
			(void)after_ms(1000);
		}
		assert_int_equal(after_ms(1000), METER_TAKEN);
	}
}

static void test_ticker_may_be_late_and_a_little_ahead(void **state)
{
	(void)state;
	begin(METER_SERIAL);
	assert_int_equal(step(), METER_TAKEN);
	/* a burst after a pause of the network */
	reading.t_ns += 4 * NS_PER_S;
	for (int i = 0; i < 4; i++) {
		reading.ticker_ms += 1000;
		assert_int_equal(step(), METER_TAKEN);
	}
	reading.ticker_ms += METER_AHEAD_MS;
	assert_int_equal(step(), METER_TAKEN);
	reading.ticker_ms += METER_AHEAD_MS + 1;
	assert_int_equal(step(), METER_AHEAD);
}

static void test_FLT_41_power_that_cannot_be_is_dropped(void **state)
{
	static const struct {
		int32_t dw;
		enum meter_verdict verdict;
	} row[] = {
		{MAX_W * 10, METER_TAKEN},
		{MAX_W * 10 + 5, METER_TOO_MUCH},
		{INT32_MAX, METER_TOO_MUCH},
		{INT32_MIN, METER_TOO_MUCH},
		{655350, METER_TOO_MUCH},
		{0, METER_TAKEN},
		{-MAX_W * 10 - 5, METER_TOO_MUCH},
		{-MAX_W * 10, METER_TAKEN},
		{-4, METER_TAKEN},
	};

	(void)state;
	begin(METER_SERIAL);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		reading.power_dw = row[i].dw;
		assert_int_equal(after_ms(1000), row[i].verdict);
	}
}

static void test_FLT_41_single_step_is_dropped(void **state)
{
	(void)state;
	begin(METER_SERIAL);
	reading.power_dw = -300000;
	assert_int_equal(step(), METER_TAKEN);
	reading.power_dw = 300000;
	assert_int_equal(after_ms(1000), METER_STEP);
	reading.power_dw = -300000;
	assert_int_equal(after_ms(1000), METER_TAKEN);
	/* one that stays is true */
	reading.power_dw = 300000;
	assert_int_equal(after_ms(1000), METER_STEP);
	reading.power_dw = 299990;
	assert_int_equal(after_ms(1000), METER_TAKEN);
	/* two that contradict each other confirm nothing */
	reading.power_dw = -200000;
	assert_int_equal(after_ms(1000), METER_STEP);
	reading.power_dw = 300000;
	assert_int_equal(after_ms(1000), METER_TAKEN);
	/* with what is too old nothing is compared */
	reading.power_dw = -300000;
	assert_int_equal(after_ms(STALE_MS), METER_TAKEN);
}

/* xorshift; the seed is fixed, the sequences are long */
static uint32_t any(uint32_t below)
{
	static uint32_t x = 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

/* Whatever comes: what is taken is of the one named, in its range, from one place, and new. */
static void test_FLT_41_property(void **state)
{
	static const uint32_t serial[] = {SERIAL, SERIAL, SERIAL, OTHER};
	static const uint32_t source[] = {HOME, HOME, HOME, FOREIGN};
	uint32_t taken = 0;
	uint32_t ticker_ms = 0;
	uint32_t from = 0;
	int64_t taken_ns = 0;

	(void)state;
	begin(METER_SERIAL);
	for (uint32_t i = 0; i < 500000U; i++) {
		const uint32_t age_ms = any(100) == 0U ? any(20000) : any(1500);

		reading.t_ns += age_ms * NS_PER_MS;
		reading.serial = serial[any(ARRAY_SIZE(serial))];
		reading.source = source[any(ARRAY_SIZE(source))];
		reading.ticker_ms = any(50) == 0U ? any(UINT32_MAX) : reading.ticker_ms + age_ms;
		reading.power_dw = any(10) == 0U ? (int32_t)any(UINT32_MAX)
						 : (int32_t)any(2U * 10U * MAX_W) - 10 * MAX_W;
		if (step() != METER_TAKEN) {
			continue;
		}
		assert_int_equal(reading.serial, SERIAL);
		assert_in_range(power_w + MAX_W, 0, 2 * MAX_W);
		assert_true(taken == 0U || reading.ticker_ms != ticker_ms ||
			    reading.source != from);
		assert_true(taken == 0U || reading.source == from ||
			    reading.t_ns - taken_ns >= STALE_MS * NS_PER_MS);
		taken++;
		ticker_ms = reading.ticker_ms;
		from = reading.source;
		taken_ns = reading.t_ns;
	}
	assert_true(taken > 50000U);
}

static void test_names(void **state)
{
	(void)state;
	for (int v = 0; v < METER_VERDICTS; v++) {
		assert_true(strlen(meter_verdict_name((enum meter_verdict)v)) > 2);
	}
	assert_string_equal(meter_verdict_name(METER_VERDICTS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_what_is_named_and_new),
		cmocka_unit_test(test_nothing_is_taken_while_no_meter_is_named),
		cmocka_unit_test(test_FLT_41_other_serial_is_dropped_at_any_time),
		cmocka_unit_test(test_any_follows_the_first_until_it_is_silent),
		cmocka_unit_test(test_FLT_41_other_source_is_dropped_until_the_old_one_is_silent),
		cmocka_unit_test(test_FLT_41_replay_is_dropped),
		cmocka_unit_test(test_restart_is_believed_after_a_sequence),
		cmocka_unit_test(test_ticker_wraps),
		cmocka_unit_test(test_ticker_may_be_late_and_a_little_ahead),
		cmocka_unit_test(test_FLT_41_power_that_cannot_be_is_dropped),
		cmocka_unit_test(test_FLT_41_single_step_is_dropped),
		cmocka_unit_test(test_FLT_41_property),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("core/meter", tests, NULL, NULL);
}
