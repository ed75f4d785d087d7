/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part_of() of src/core/curve.c once more, without the way over C's quotient in curve_part.c.
 *
 * Proven: q * width <= rise * offset < (q + 1) * width, for every rise that a table can have, every
 * width up to WIDTH_MAX and every offset in it. Solvers do not get far with products and quotients
 * of unknowns; here rise is the only unknown.
 *
 * Bounds: widths 1..WIDTH_MAX and the offsets in them; curve_part.c has all widths.
 *
 * Assumed: |rise| up to CURVE_Y_MAX, which curve_table.c proves.
 *
 * cbmc: --unwind 6 --signed-overflow-check --div-by-zero-check --conversion-check
 */
#include "core/curve.c"
#include "proof.h"

#define WIDTH_MAX 4

static void prove_floor(int64_t offset, int64_t width)
{
	const int32_t rise = nondet_i32();

	ASSUME(rise >= -CURVE_Y_MAX && rise <= CURVE_Y_MAX);

	const int64_t n = rise * offset;
	const int64_t part = part_of(rise, offset, width);

	PROVE(part * width <= n, "not above the line");
	PROVE(n < (part + 1) * width, "less than 1 below the line");
}

int main(void)
{
	for (int64_t width = 1; width <= WIDTH_MAX; width++) {
		for (int64_t offset = 0; offset < width; offset++) {
			prove_floor(offset, width);
		}
	}
	return 0;
}
