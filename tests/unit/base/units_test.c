/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"
#include "seed.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

/* The corners of all the types, and their neighbours. */
static const int64_t corner[] = {
	INT64_MIN,
	INT64_MIN + 1,
	(int64_t)INT32_MIN - 1,
	INT32_MIN,
	INT32_MIN + 1,
	-65537,
	-65536,
	-32769,
	-32768,
	-32767,
	-257,
	-256,
	-255,
	-2,
	-1,
	0,
	1,
	2,
	254,
	255,
	256,
	32766,
	32767,
	32768,
	65534,
	65535,
	65536,
	INT32_MAX - 1,
	INT32_MAX,
	(int64_t)INT32_MAX + 1,
	UINT32_MAX,
	INT64_MAX - 1,
	INT64_MAX,
};

static int64_t pinned(int64_t v, int64_t lo, int64_t hi)
{
	if (v < lo) {
		return lo;
	}
	return v > hi ? hi : v;
}

static bool is_i32(int64_t v)
{
	return v >= INT32_MIN && v <= INT32_MAX;
}

static void test_SAF_10_conversions_saturate_at_the_end_of_the_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(corner); i++) {
		const int64_t v = corner[i];

		assert_true(sat_i32(v) == pinned(v, INT32_MIN, INT32_MAX));
		if (!is_i32(v)) {
			continue;
		}
		assert_true(sat_u8((int32_t)v) == pinned(v, 0, UINT8_MAX));
		assert_true(sat_u16((int32_t)v) == pinned(v, 0, UINT16_MAX));
		assert_true(sat_i16((int32_t)v) == pinned(v, INT16_MIN, INT16_MAX));
	}
}

static void test_SAF_10_magnitude_exists_for_the_smallest_number(void **state)
{
	(void)state;
	assert_int_equal(abs_i32(INT32_MIN), INT32_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(corner); i++) {
		const int64_t v = corner[i];

		if (is_i32(v) && v != INT32_MIN) {
			assert_true(abs_i32((int32_t)v) == (v < 0 ? -v : v));
		}
	}
}

static void test_min_max_and_clamp_in_all_corners(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(corner); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(corner); k++) {
			const int64_t a = corner[i];
			const int64_t b = corner[k];
			const int64_t lo = i < k ? a : b;
			const int64_t hi = i < k ? b : a;

			assert_true(min_i64(a, b) == lo);
			assert_true(max_i64(a, b) == hi);
			if (!is_i32(a) || !is_i32(b)) {
				continue;
			}
			assert_true(min_i32((int32_t)a, (int32_t)b) == lo);
			assert_true(max_i32((int32_t)a, (int32_t)b) == hi);
			for (int32_t v = -70000; v <= 70000; v += 977) {
				assert_true(clamp_i32(v, (int32_t)lo, (int32_t)hi) ==
					    pinned(v, lo, hi));
			}
		}
	}
}

static void test_division_table(void **state)
{
	static const struct {
		int32_t n;
		int32_t d;
		int32_t floor;
		int32_t round;
	} row[] = {
		{0, 1, 0, 0},
		{7, 2, 3, 4},
		{-7, 2, -4, -4},
		{5, 10, 0, 1},
		{-5, 10, -1, -1},
		{4, 10, 0, 0},
		{-4, 10, -1, 0},
		{14, 10, 1, 1},
		{15, 10, 1, 2},
		{-15, 10, -2, -2},
		{-16, 10, -2, -2},
		{-10, 10, -1, -1},
		{1, 3, 0, 0},
		{2, 3, 0, 1},
		{-2, 3, -1, -1},
		{INT32_MAX, 1, INT32_MAX, INT32_MAX},
		{INT32_MIN, 1, INT32_MIN, INT32_MIN},
		{INT32_MAX, INT32_MAX, 1, 1},
		{INT32_MIN, INT32_MAX, -2, -1},
		{INT32_MAX, 2, 1073741823, 1073741824},
		{INT32_MIN, 2, -1073741824, -1073741824},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (floor_div(row[i].n, row[i].d) != row[i].floor ||
		    round_div(row[i].n, row[i].d) != row[i].round) {
			fail_msg("row %zu: %" PRId32 " / %" PRId32, i, row[i].n, row[i].d);
		}
	}
}

static void test_division_property_for_random_numbers(void **state)
{
	uint32_t rng = seed_get("division");

	(void)state;
	for (int i = 0; i < 200000; i++) {
		const int32_t n = (int32_t)seed_next(&rng);
		const int32_t d = (int32_t)(seed_next(&rng) >> (1U + seed_next(&rng) % 30U)) | 1;
		const int64_t f = floor_div(n, d);
		const int64_t r = round_div(n, d);
		const int64_t off = n - r * d;

		if (f * d > n || (f + 1) * d <= n) {
			fail_msg("floor of %" PRId32 " / %" PRId32, n, d);
		}
		if (2 * (off < 0 ? -off : off) > d) {
			fail_msg("rounding %" PRId32 " / %" PRId32, n, d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_SAF_10_conversions_saturate_at_the_end_of_the_type),
		cmocka_unit_test(test_SAF_10_magnitude_exists_for_the_smallest_number),
		cmocka_unit_test(test_min_max_and_clamp_in_all_corners),
		cmocka_unit_test(test_division_table),
		cmocka_unit_test(test_division_property_for_random_numbers),
	};

	return cmocka_run_group_tests_name("base/units", tests, NULL, NULL);
}
