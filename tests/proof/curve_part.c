/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part_of() of src/core/curve.c, the arithmetic of an interpolation.
 *
 * Proven, for every rise, offset and width that a table accepted by curve_check() can have (|y| up
 * to CURVE_Y_MAX, |x| up to CURVE_X_ABS_MAX, any point of the segment):
 *   1. no overflow, no division by 0;
 *   2. the value is C's quotient, less 1 where C's remainder is negative. That this is the quotient
 *      rounded down is lemma L0 of curve_line.smt2.
 * Proven once more without that lemma: curve_floor.c.
 *
 * Bounds: none.
 *
 * Assumed: the bounds named above; curve_table.c proves that curve_eval() keeps them.
 *
 * cbmc: --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --z3
 */
#include "core/curve.c"
#include "proof.h"

static void any_size(void)
{
	const int64_t rise = nondet_i64();
	const int64_t width = nondet_i64();
	const int64_t offset = nondet_i64();

	ASSUME(rise >= -CURVE_Y_MAX && rise <= CURVE_Y_MAX);
	ASSUME(width >= 1 && width <= INT64_C(2) * CURVE_X_ABS_MAX);
	ASSUME(offset >= 0 && offset <= width);

	const int64_t part = part_of(rise, offset, width);
	const int64_t n = rise * offset;
	const int64_t less = n % width < 0 ? 1 : 0;

	PROVE(part == n / width - less, "quotient, less 1 for a negative remainder");
}

int main(void)
{
	any_size();
	return 0;
}
