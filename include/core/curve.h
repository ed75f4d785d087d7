/* SPDX-License-Identifier: Apache-2.0 */
/* Limit curves: points from the configuration, linear between them or steps, flat outside. */
#ifndef JKP_CORE_CURVE_H
#define JKP_CORE_CURVE_H

#include <stdbool.h>
#include <stdint.h>

#define CURVE_POINTS_MAX 12U
/* |x| and y bounds that the configuration accepts and the arithmetic is proven for. */
#define CURVE_X_ABS_MAX 100000
#define CURVE_Y_MAX	1000000

/* What y means. */
enum curve_unit {
	CURVE_PERMILLE, /* of the maximum current of this direction */
	CURVE_MA,	/* mA */
	CURVE_C_RATE,	/* permille of the nominal capacity per hour: 500 = 0.5 C */
};

/**
 * struct curve - a limit as a function of a cell voltage (mV) or temperature (0.1 degC)
 * @count: number of points, 1..CURVE_POINTS_MAX
 * @step: true: y of the last point at or below x (of the first point if x lies below all);
 *        false: linear between the points, flat outside
 * @unit: enum curve_unit
 * @x: strictly increasing
 * @y: 0..CURVE_Y_MAX
 */
struct curve {
	uint8_t count;
	bool step;
	uint8_t unit;
	uint8_t pad;
	int32_t x[CURVE_POINTS_MAX];
	int32_t y[CURVE_POINTS_MAX];
};

/**
 * curve_eval - value of the curve
 * @c: a curve that curve_check() accepted
 * @x: any value
 *
 * Interpolation rounds down, so the result never lies above the line through the points and a
 * monotone table gives a monotone function.
 *
 * Return: y, within the smallest and largest y of the table.
 * Context: any thread. Pure. Bound: @c->count.
 */
int32_t curve_eval(const struct curve *c, int32_t x);

enum curve_shape {
	CURVE_ANY,
	CURVE_RISING,  /* y never falls with x */
	CURVE_FALLING, /* y never rises with x */
	CURVE_HUMP,    /* y rises, then falls */
};

/**
 * curve_check - whether a table is usable
 * @c: table
 * @shape: required shape
 *
 * Return: -1 if it is right, otherwise the index of the first point that breaks a rule (0 for an
 * empty or oversized table).
 * Context: init. Pure.
 */
int curve_check(const struct curve *c, enum curve_shape shape);

#endif
