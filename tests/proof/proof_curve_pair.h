/* SPDX-License-Identifier: Apache-2.0 */
/* What curve_pair.c and curve_gap.c share: any table of a shape, and its values at x and x + 1. */
#ifndef JKP_TESTS_PROOF_CURVE_PAIR_H
#define JKP_TESTS_PROOF_CURVE_PAIR_H

#include "proof_curve.h"

/* @place: where x lies, as place_of() has it. */
static void prove_pair(const struct curve *c, enum curve_shape shape, uint32_t place, int32_t y0,
		       int32_t y1);

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
	slope = nondet_i32();
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

#endif
