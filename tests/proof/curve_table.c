/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curve_eval() and curve_check() of src/core/curve.c (SAF-05): the value at one x.
 *
 * Proven, for every table of 1..CURVE_POINTS_MAX points that curve_check() accepts in any of its
 * shapes, linear and stepped, and for every 32-bit x:
 *   - nothing outside the structure is read, nothing overflows, curve_check() itself is safe for
 *     any nonsense in the structure;
 *   - outside the table the value is that of the end point;
 *   - between two points it is not outside their values, on a point it is the point's, and it
 *     depends on these two points and x alone;
 *   - of a stepped table it is the value of the last point at or below x.
 *
 * Bounds: none; the loops run over the points.
 *
 * Assumed: the contract of part_of() in proof_curve.h.
 *
 * takes: 8
 * cbmc: --unwind 14 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --unsigned-overflow-check --bounds-check --pointer-check
 * replace: part_of part_of_contract
 */
#include "core/curve.c"
#include "proof.h"
#include "proof_curve.h"

static void prove_value(const struct curve *c, int32_t x, int32_t y)
{
	const uint32_t place = place_of(c, x);

	if (place == 0) {
		PROVE(y == c->y[0], "flat below the table");
	} else if (place == c->count) {
		PROVE(y == c->y[c->count - 1], "flat above the table");
	} else if (c->step) {
		PROVE(y == c->y[place - 1], "step: last point at or below");
	} else {
		const int32_t a = c->y[place - 1];
		const int32_t b = c->y[place];

		PROVE(y >= min_i32(a, b) && y <= max_i32(a, b), "between the neighbours");
		PROVE_IF(x == c->x[place - 1], y == a, "the point itself");
		if (x != c->x[0]) {
			PROVE(call_count == 1 && calls[0].rise == (int64_t)b - a &&
				      calls[0].width == (int64_t)c->x[place] - c->x[place - 1] &&
				      calls[0].offset == (int64_t)x - c->x[place - 1],
			      "on the line between the two points around x");
			PROVE(y == a + calls[0].part, "the first point and its part of the rise");
		}
	}
	PROVE(y >= 0 && y <= CURVE_Y_MAX, "value in range");
}

int main(void)
{
	struct curve c; /* any content */
	const enum curve_shape shape = (enum curve_shape)(nondet_u8() % 4U);
	const int32_t x = nondet_i32();

	c.step = nondet_bool();
	if (curve_check(&c, shape) != -1) {
		return 0;
	}
	PROVE(c.count >= 1 && c.count <= CURVE_POINTS_MAX, "accepted: number of points");
	PROVE(c.unit <= CURVE_C_RATE, "accepted: unit");
	prove_value(&c, x, curve_eval(&c, x));
	return 0;
}
