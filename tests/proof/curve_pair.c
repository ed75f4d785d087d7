/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curve_eval() of src/core/curve.c (SAF-05): the values at x and x + 1.
 *
 * Proven, for every table of 1..POINTS points, linear between them, that curve_check() accepts as
 * rising or falling, and for every 32-bit x: the function rises or falls with it. So it does for
 * any two x, from one to the other in steps of 1; a hump is a rising table up to its top and a
 * falling one behind it.
 *
 * Bound: POINTS is 3, not CURVE_POINTS_MAX, and nothing is lost by it: curve_table.c proves for
 * tables of every size that a value depends on the two points around x alone, and is that of the
 * point on one. So x and x + 1 have two such points, and these, taken alone, are a table that
 * curve_check() accepts with the same values: 2 would do. A stepped table needs no proof here: by
 * curve_table.c its values are those of its points.
 *
 * Assumed: the contract of part_of() in proof_curve.h.
 *
 * takes: 9
 * cbmc: --unwind 5 --signed-overflow-check --conversion-check
 * replace: part_of part_of_contract
 */
#include "core/curve.c"
#include "proof.h"
#include "proof_curve_pair.h"

#define POINTS 3

static void prove_pair(const struct curve *c, enum curve_shape shape, uint32_t place, int32_t y0,
		       int32_t y1)
{
	(void)c;
	(void)place;
	PROVE_IF(shape == CURVE_RISING, y1 >= y0, "a rising table rises");
	PROVE_IF(shape == CURVE_FALLING, y1 <= y0, "a falling table falls");
}

int main(void)
{
	for (uint8_t count = 1; count <= POINTS; count++) {
		prove_table(count, CURVE_RISING);
		prove_table(count, CURVE_FALLING);
	}
	return 0;
}
