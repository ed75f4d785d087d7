/* SPDX-License-Identifier: Apache-2.0 */
#include "core/curve.h"

#include "base/units.h"

/* Part of @rise at @offset of @width, rounded down: never above the line. @width > 0. */
static int64_t part_of(int64_t rise, int64_t offset, int64_t width)
{
	const int64_t n = rise * offset;
	const int64_t q = n / width;

	return (n % width) < 0 ? q - 1 : q;
}

int32_t curve_eval(const struct curve *c, int32_t x)
{
	const uint32_t count = c->count;
	uint32_t i = 1; /* first point above x */

	/* No usable table means no current. */
	if (count == 0 || count > CURVE_POINTS_MAX) {
		return 0;
	}
	if (x <= c->x[0]) {
		return c->y[0];
	}
	if (x >= c->x[count - 1]) {
		return c->y[count - 1];
	}
	while (i < count - 1 && x >= c->x[i]) {
		i++;
	}
	if (c->step) {
		return c->y[i - 1];
	}

	const int64_t width = (int64_t)c->x[i] - c->x[i - 1];
	const int64_t rise = (int64_t)c->y[i] - c->y[i - 1];
	const int64_t offset = (int64_t)x - c->x[i - 1];

	if (width <= 0) {
		return 0; /* not a table that curve_check() accepts */
	}
	return (int32_t)(c->y[i - 1] + part_of(rise, offset, width));
}

static bool shape_ok(enum curve_shape shape, int32_t before, int32_t y, bool *falling)
{
	if (y < before) {
		*falling = true;
	}
	switch (shape) {
	case CURVE_RISING:
		return y >= before;
	case CURVE_FALLING:
		return y <= before;
	case CURVE_HUMP:
		return y <= before || !*falling;
	case CURVE_ANY:
	default:
		return true;
	}
}

int curve_check(const struct curve *c, enum curve_shape shape)
{
	bool falling = false;

	if (c->count == 0 || c->count > CURVE_POINTS_MAX || c->unit > CURVE_C_RATE) {
		return 0;
	}
	for (uint32_t i = 0; i < c->count && i < CURVE_POINTS_MAX; i++) {
		const int32_t x = c->x[i];
		const int32_t y = c->y[i];

		if (abs_i32(x) > CURVE_X_ABS_MAX || y < 0 || y > CURVE_Y_MAX) {
			return (int)i;
		}
		if (i > 0 && (x <= c->x[i - 1] || !shape_ok(shape, c->y[i - 1], y, &falling))) {
			return (int)i;
		}
	}
	return -1;
}
