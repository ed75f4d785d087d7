/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "base/units.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DAY_NS (INT64_C(86400) * NS_PER_S)

static void test_age_in_milliseconds(void **state)
{
	static const struct {
		int64_t now_ns;
		int64_t then_ns;
		int32_t ms;
	} row[] = {
		{0, 0, 0},
		{NS_PER_MS, 0, 1},
		/* Rounded down. */
		{NS_PER_MS - 1, 0, 0},
		{2 * NS_PER_MS - 1, 0, 1},
		{3 * NS_PER_S, 0, 3000},
		{3 * NS_PER_S + 7, 7, 3000},
		/* A time of the future has no negative age. */
		{0, 1, 0},
		{5, DAY_NS, 0},
		{0, INT64_MAX, 0},
		/* Saturated at 2^31 - 1 ms, a little less than 24.9 days. */
		{INT64_C(2147483647) * NS_PER_MS, 0, INT32_MAX},
		{INT64_C(2147483646) * NS_PER_MS, 0, INT32_MAX - 1},
		{INT64_C(2147483648) * NS_PER_MS, 0, INT32_MAX},
		{365 * DAY_NS, 0, INT32_MAX},
		{INT64_MAX, 0, INT32_MAX},
		/* The zero of the clock is no border. */
		{DAY_NS, -DAY_NS, 2 * 86400000},
		/* Never. */
		{0, TIME_NEVER, INT32_MAX},
		{INT64_MAX, TIME_NEVER, INT32_MAX},
		{-1, TIME_NEVER, INT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const int32_t ms = time_ms_since(row[i].now_ns, row[i].then_ns);

		if (ms != row[i].ms) {
			fail_msg("row %zu: %" PRId32 " instead of %" PRId32, i, ms, row[i].ms);
		}
	}
}

static void test_units_of_time_agree(void **state)
{
	(void)state;
	assert_true(NS_PER_MS == 1000 * NS_PER_US);
	assert_true(NS_PER_S == 1000 * NS_PER_MS);
	assert_true(TIME_NEVER < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_age_in_milliseconds),
		cmocka_unit_test(test_units_of_time_agree),
	};

	return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}
