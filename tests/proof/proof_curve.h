/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What curve_table.c and curve_pair.c share: the contract of part_of(). Each clause is a lemma of
 * curve_line.smt2; what the lemmas demand of the arguments is proven, not assumed.
 */
#ifndef JKP_TESTS_PROOF_CURVE_H
#define JKP_TESTS_PROOF_CURVE_H

#include "base/units.h"
#include "core/curve.h"

#define CALLS_MAX 2U

static struct call {
	int64_t rise;
	int64_t offset;
	int64_t width;
	int64_t part;
} calls[CALLS_MAX];
static uint32_t call_count;
/* The segment of the first x and its slope, rounded down. */
static int64_t slope_rise;
static int64_t slope_width;
static int64_t slope;

/* A step of the offset by 1 adds this. */
static bool is_slope(const struct call *c, int64_t change)
{
	return c->rise != slope_rise || c->width != slope_width ||
	       (change >= slope && change <= slope + 1);
}

static void assume_pair(const struct call *a, const struct call *b)
{
	if (a->rise != b->rise || a->width != b->width) {
		return;
	}
	const struct call *lo = a->offset <= b->offset ? a : b;
	const struct call *hi = a->offset <= b->offset ? b : a;

	/* L6, L4, L5 */
	ASSUME(IMPLIES(lo->offset == hi->offset, lo->part == hi->part));
	ASSUME(lo->rise >= 0 ? hi->part >= lo->part : hi->part <= lo->part);
	ASSUME(IMPLIES(hi->offset == lo->offset + 1, is_slope(hi, hi->part - lo->part)));
}

int64_t part_of_contract(int64_t rise, int64_t offset, int64_t width)
{
	const struct call c = {rise, offset, width, nondet_i32()}; /* it fits: L1 */

	PROVE(width >= 1 && width <= INT64_C(2) * CURVE_X_ABS_MAX, "width of the segment");
	PROVE(offset >= 0 && offset < width, "offset in the segment");
	PROVE(rise >= -CURVE_Y_MAX && rise <= CURVE_Y_MAX, "rise of the segment");
	/* L1, L2 */
	ASSUME(rise >= 0 ? c.part >= 0 && c.part <= rise : c.part <= 0 && c.part >= rise);
	ASSUME(IMPLIES(offset == 0, c.part == 0));
	/* L2 and L5: the first step leads away from 0. L3 and L5: the last one to the whole rise. */
	ASSUME(IMPLIES(offset == 1, is_slope(&c, c.part)));
	ASSUME(IMPLIES(offset == width - 1, is_slope(&c, rise - c.part)));
	for (uint32_t i = 0; i < call_count; i++) {
		assume_pair(&calls[i], &c);
	}
	PROVE(call_count < CALLS_MAX, "one interpolation a call");
	calls[call_count++] = c;
	return c.part;
}

/* Where x lies: 0 below the table, n in [x[n-1], x[n]), count from the last point on. */
static uint32_t place_of(const struct curve *c, int32_t x)
{
	uint32_t place = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		if (c->x[i] <= x) {
			place = i + 1;
		}
	}
	return place;
}

#endif
