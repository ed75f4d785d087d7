/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curve_eval() of src/core/curve.c (SAF-05): no gap between the values at x and x + 1.
 *
 * Proven, for every table of 1..POINTS points, linear between them, that curve_check() accepts in
 * any shape, and for every 32-bit x: from x to x + 1 the value changes by the slope of the segment
 * there, rounded down or up, and nothing else; outside the table not at all.
 *
 * Bound: POINTS is 2, not CURVE_POINTS_MAX, and nothing is lost by it, as curve_pair.c says.
 *
 * Assumed: the contract of part_of() in proof_curve.h.
 *
 * takes: 7
 * cbmc: --unwind 5 --signed-overflow-check --conversion-check
 * replace: part_of part_of_contract
 */
#include "core/curve.c"
#include "proof.h"
#include "proof_curve_pair.h"

#define POINTS 2

static void prove_pair(const struct curve *c, enum curve_shape shape, uint32_t place, int32_t y0,
		       int32_t y1)
{
	const int32_t change = y1 - y0;

	(void)shape;
	if (place == 0 || place == c->count) {
		PROVE(change == 0, "no change outside the table");
	} else {
		PROVE(change == slope || change == slope + 1, "no gap");
	}
}

int main(void)
{
	for (uint8_t count = 1; count <= POINTS; count++) {
		prove_table(count, CURVE_ANY);
	}
	return 0;
}
