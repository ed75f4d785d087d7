/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curve_eval() of src/core/curve.c (SAF-05): the values at x and x + 1.
 *
 * Proven, for every table of 1..POINTS points, linear between them, that curve_check()
 * accepts, and for every 32-bit x:
 *   - a rising table gives a rising function, a falling one a falling function (so for any two x:
 *     from one to the other in steps of 1; a hump is a rising table up to its top and a falling one
 *     behind it);
 *   - no gap: a linear curve changes by the slope of the segment there, rounded down or up, and
 *     nothing else; outside the table not at all.
 *
 * Bound: POINTS is 3, not CURVE_POINTS_MAX, and nothing is lost by it: curve_table.c proves for
 * tables of every size that a value depends on the two points around x alone. x and x + 1 have at
 * most three such points; these, taken alone, are a table that curve_check() accepts with the same
 * values. A stepped table needs no proof here: by curve_table.c its values are those of its points.
 *
 * Assumed: the contract of part_of() in proof_curve.h.
 *
 * takes: 40
 * cbmc: --unwind 5 --signed-overflow-check --conversion-check
 * replace: part_of part_of_contract
 */
#include "core/curve.c"
#include "proof.h"
#include "proof_curve.h"

#define POINTS 3

static void prove_pair(const struct curve *c, enum curve_shape shape, uint32_t place, int32_t y0,
		       int32_t y1)
{
	const int32_t change = y1 - y0;

	if (shape == CURVE_RISING) {
		PROVE(change >= 0, "a rising table rises");
	} else if (shape == CURVE_FALLING) {
		PROVE(change <= 0, "a falling table falls");
	} else if (place == 0 || place == c->count) {
		PROVE(change == 0, "no change outside the table");
	} else {
		PROVE(change == slope || change == slope + 1, "no gap");
	}
}

static void prove_table(uint8_t count, enum curve_shape shape)
{
	struct curve c; /* any content */
	const int32_t x = nondet_i32();

	ASSUME(x < INT32_MAX); /* there is an x + 1 */

	c.count = count;
	c.step = false;
	if (curve_check(&c, shape) != -1) {
		return;
	}

	const uint32_t place = place_of(&c, x);

	call_count = 0;
	slope = nondet_i64();
	ASSUME(slope >= -CURVE_Y_MAX && slope <= CURVE_Y_MAX); /* |rise / width| <= |rise| */
	slope_width = 0;				       /* no segment */
	if (place > 0 && place < count) {
		slope_rise = (int64_t)c.y[place] - c.y[place - 1];
		slope_width = (int64_t)c.x[place] - c.x[place - 1];
		/* L3 and L5 with the one step there is. */
		ASSUME(IMPLIES(slope_width == 1, slope == slope_rise));
	}
	const int32_t y0 = curve_eval(&c, x);
	const int32_t y1 = curve_eval(&c, x + 1);

	prove_pair(&c, shape, place, y0, y1);
}

int main(void)
{
	for (uint8_t count = 1; count <= POINTS; count++) {
		prove_table(count, CURVE_ANY);
		prove_table(count, CURVE_RISING);
		prove_table(count, CURVE_FALLING);
	}
	return 0;
}
