/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale() of src/core/envelope.c: a share of a current.
 *
 * Proven, for every current (all of int32_t), every part >= 0 and every whole > 0: no overflow, and
 * the value is C's quotient of the exact product, saturated. What that amounts to:
 * envelope_share.smt2.
 *
 * Bounds: none; there is no loop.
 *
 * Assumed: part >= 0, whole > 0; envelope.c and envelope_curve.c prove that they are.
 *
 * takes: 22
 * cbmc: --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --z3
 */
#include "core/envelope.c"
#include "proof.h"

int main(void)
{
	const int32_t of = nondet_i32();
	const int32_t part = nondet_i32();
	const int32_t whole = nondet_i32();

	ASSUME(part >= 0 && whole > 0);
	const int32_t a = scale(of, part, whole);

	PROVE(a == sat_i32((int64_t)of * part / whole), "the quotient, saturated");
	return 0;
}
