/* SPDX-License-Identifier: Apache-2.0 */
/* Curves: points, steps, flat ends, rounding down, shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/units.h"
#include "core/curve.h"
#include "unit/base/seed.h"

#define RANDOM_CURVES 20000
#define RANDOM_X      60

static const struct curve falling = {
	.count = 5, .x = {3375, 3400, 3450, 3500, 3550}, .y = {1000, 500, 250, 30, 0}};
static const struct curve steps = {.count = 3,
				   .step = true,
				   .unit = CURVE_MA,
				   .x = {2700, 3000, 3300},
				   .y = {0, 30000, 60000}};
static const struct curve one = {.count = 1, .x = {100}, .y = {77}};
static const struct curve below_zero = {.count = 3, .x = {-200, -100, 0}, .y = {0, 250, 500}};
static const struct curve widest = {
	.count = 2, .x = {-CURVE_X_ABS_MAX, CURVE_X_ABS_MAX}, .y = {CURVE_Y_MAX, 0}};
static const struct curve down_by_one = {.count = 2, .x = {0, 3}, .y = {1, 0}};

static void test_values(void **state)
{
	static const struct {
		const struct curve *c;
		int32_t x;
		int32_t y;
	} row[] = {
		/* Flat outside. */
		{&falling, INT32_MIN, 1000},
		{&falling, 0, 1000},
		{&falling, 3374, 1000},
		{&falling, 3551, 0},
		{&falling, INT32_MAX, 0},
		/* Exactly on the points. */
		{&falling, 3375, 1000},
		{&falling, 3400, 500},
		{&falling, 3450, 250},
		{&falling, 3500, 30},
		{&falling, 3550, 0},
		/* Between them. */
		{&falling, 3376, 980},
		{&falling, 3425, 375},
		{&falling, 3475, 140},
		/* 30 - 30/50 = 29.4, 30 * 49/50 = 0.6: down. */
		{&falling, 3501, 29},
		{&falling, 3549, 0},
		{&steps, INT32_MIN, 0},
		{&steps, 2699, 0},
		{&steps, 2700, 0},
		{&steps, 2999, 0},
		{&steps, 3000, 30000},
		{&steps, 3299, 30000},
		{&steps, 3300, 60000},
		{&steps, INT32_MAX, 60000},
		{&one, INT32_MIN, 77},
		{&one, 99, 77},
		{&one, 100, 77},
		{&one, 101, 77},
		{&one, INT32_MAX, 77},
		{&below_zero, -201, 0},
		{&below_zero, -150, 125},
		{&below_zero, -1, 497},
		{&widest, INT32_MIN, CURVE_Y_MAX},
		{&widest, -CURVE_X_ABS_MAX, CURVE_Y_MAX},
		{&widest, -CURVE_X_ABS_MAX + 1, CURVE_Y_MAX - 5},
		{&widest, 0, CURVE_Y_MAX / 2},
		{&widest, CURVE_X_ABS_MAX - 1, 5},
		{&widest, INT32_MAX, 0},
		/* Rounding goes down on the way down too: never above the line. */
		{&down_by_one, 0, 1},
		{&down_by_one, 1, 0},
		{&down_by_one, 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const int32_t y = curve_eval(row[i].c, row[i].x);

		if (y != row[i].y) {
			fail_msg("row %zu: f(%d) = %d instead of %d", i, row[i].x, y, row[i].y);
		}
	}
}

static void test_an_unusable_table_gives_no_current(void **state)
{
	const struct curve empty = {.count = 0, .y = {500}};
	const struct curve huge = {.count = CURVE_POINTS_MAX + 1, .y = {500}};

	(void)state;
	assert_int_equal(curve_eval(&empty, 0), 0);
	assert_int_equal(curve_eval(&huge, 0), 0);
}

/* A table with the shape wanted; x over the whole accepted range. */
static struct curve random_curve(uint32_t *seed, enum curve_shape shape)
{
	struct curve c = {.count = (uint8_t)(1 + seed_next(seed) % CURVE_POINTS_MAX),
			  .step = seed_next(seed) % 4 == 0};
	const int32_t room = 2 * CURVE_X_ABS_MAX / c.count;
	const bool narrow = seed_next(seed) % 2 == 0;
	int32_t x = -CURVE_X_ABS_MAX;

	for (uint32_t i = 0; i < c.count; i++) {
		x += 1 + (int32_t)(seed_next(seed) % (uint32_t)(narrow ? 20 : room));
		c.x[i] = min_i32(x, CURVE_X_ABS_MAX - (int32_t)(c.count - 1 - i));
		c.y[i] = (int32_t)(seed_next(seed) % (CURVE_Y_MAX + 1));
		x = c.x[i];
	}
	for (uint32_t i = 1; i < c.count && shape != CURVE_ANY; i++) {
		c.y[i] = shape == CURVE_RISING ? max_i32(c.y[i], c.y[i - 1])
					       : min_i32(c.y[i], c.y[i - 1]);
	}
	return c;
}

static int32_t random_x(uint32_t *seed, const struct curve *c)
{
	const int32_t near = c->x[seed_next(seed) % c->count];

	switch (seed_next(seed) % 8) {
	case 0:
		return INT32_MIN;
	case 1:
		return INT32_MAX;
	case 2:
		return (int32_t)seed_next(seed);
	case 3:
	case 4:
		return near;
	default:
		return near + (int32_t)(seed_next(seed) % 41) - 20;
	}
}

/* SAF-05: no gap and no jump against the direction, over the whole input range. */
static void test_SAF_05_a_monotone_table_gives_a_monotone_function(void **state)
{
	uint32_t seed = seed_get("curve, monotone");

	(void)state;
	for (int n = 0; n < RANDOM_CURVES; n++) {
		const enum curve_shape shape = n % 2 ? CURVE_RISING : CURVE_FALLING;
		const struct curve c = random_curve(&seed, shape);

		assert_int_equal(curve_check(&c, shape), -1);
		for (int i = 0; i < RANDOM_X; i++) {
			const int32_t a = random_x(&seed, &c);
			const int32_t b = random_x(&seed, &c);
			const int32_t low = curve_eval(&c, min_i32(a, b));
			const int32_t high = curve_eval(&c, max_i32(a, b));

			if (shape == CURVE_RISING ? low > high : low < high) {
				fail_msg("curve %d: f(%d) = %d, f(%d) = %d", n, min_i32(a, b), low,
					 max_i32(a, b), high);
			}
		}
	}
}

static void test_the_result_lies_below_the_line_and_within_the_table(void **state)
{
	uint32_t seed = seed_get("curve, bounds");

	(void)state;
	for (int n = 0; n < RANDOM_CURVES; n++) {
		const struct curve c = random_curve(&seed, CURVE_ANY);

		assert_int_equal(curve_check(&c, CURVE_ANY), -1);
		for (uint32_t i = 0; i < c.count; i++) {
			assert_int_equal(curve_eval(&c, c.x[i]), c.y[i]);
		}
		for (uint32_t i = 1; i < c.count && !c.step; i++) {
			const int32_t x = c.x[i - 1] + (int32_t)(seed_next(&seed) %
								 (uint32_t)(c.x[i] - c.x[i - 1]));
			const int64_t y = curve_eval(&c, x);
			const int64_t width = (int64_t)c.x[i] - c.x[i - 1];
			/* width times the exact value */
			const int64_t exact = (int64_t)c.y[i - 1] * (c.x[i] - x) +
					      (int64_t)c.y[i] * (x - c.x[i - 1]);

			assert_true(y * width <= exact && exact < (y + 1) * width);
		}
	}
}

static void test_tables_are_judged(void **state)
{
	static const struct {
		struct curve c;
		enum curve_shape shape;
		int bad;
	} row[] = {
		{{.count = 0}, CURVE_ANY, 0},
		{{.count = CURVE_POINTS_MAX + 1}, CURVE_ANY, 0},
		{{.count = 255}, CURVE_ANY, 0},
		{{.count = 1, .unit = CURVE_C_RATE + 1}, CURVE_ANY, 0},
		{{.count = 1}, CURVE_ANY, -1},
		{{.count = 1, .y = {-1}}, CURVE_ANY, 0},
		{{.count = 1, .y = {CURVE_Y_MAX}}, CURVE_ANY, -1},
		{{.count = 1, .y = {CURVE_Y_MAX + 1}}, CURVE_ANY, 0},
		{{.count = 1, .x = {CURVE_X_ABS_MAX}}, CURVE_ANY, -1},
		{{.count = 1, .x = {CURVE_X_ABS_MAX + 1}}, CURVE_ANY, 0},
		{{.count = 1, .x = {-CURVE_X_ABS_MAX - 1}}, CURVE_ANY, 0},
		{{.count = 1, .x = {INT32_MIN}}, CURVE_ANY, 0},
		/* Points behind count are not looked at. */
		{{.count = 1, .x = {0, INT32_MIN}, .y = {0, INT32_MIN}}, CURVE_ANY, -1},
		{{.count = 2, .x = {5, 5}}, CURVE_ANY, 1},
		{{.count = 3, .x = {5, 6, 4}}, CURVE_ANY, 2},
		{{.count = 3, .x = {4, 5, 6}, .y = {1, 2, 1}}, CURVE_ANY, -1},
		{{.count = 3, .x = {4, 5, 6}, .y = {1, 1, 2}}, CURVE_RISING, -1},
		{{.count = 3, .x = {4, 5, 6}, .y = {1, 2, 1}}, CURVE_RISING, 2},
		{{.count = 3, .x = {4, 5, 6}, .y = {2, 1, 1}}, CURVE_FALLING, -1},
		{{.count = 3, .x = {4, 5, 6}, .y = {1, 2, 1}}, CURVE_FALLING, 1},
		{{.count = 4, .x = {4, 5, 6, 7}, .y = {0, 2, 2, 1}}, CURVE_HUMP, -1},
		{{.count = 4, .x = {4, 5, 6, 7}, .y = {0, 1, 2, 3}}, CURVE_HUMP, -1},
		{{.count = 4, .x = {4, 5, 6, 7}, .y = {3, 2, 1, 0}}, CURVE_HUMP, -1},
		{{.count = 4, .x = {4, 5, 6, 7}, .y = {2, 1, 1, 2}}, CURVE_HUMP, 3},
		{{.count = 12, .x = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10}}, CURVE_ANY, 11},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const int bad = curve_check(&row[i].c, row[i].shape);

		if (bad != row[i].bad) {
			fail_msg("row %zu: %d instead of %d", i, bad, row[i].bad);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_an_unusable_table_gives_no_current),
		cmocka_unit_test(test_SAF_05_a_monotone_table_gives_a_monotone_function),
		cmocka_unit_test(test_the_result_lies_below_the_line_and_within_the_table),
		cmocka_unit_test(test_tables_are_judged),
	};

	return cmocka_run_group_tests_name("core/curve", tests, NULL, NULL);
}
