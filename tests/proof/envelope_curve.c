/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curve_ma() of src/core/envelope.c: the value of a curve as a current (SAF-05).
 *
 * Proven, for every curve, unit, maximum >= 0 and nominal capacity and for two values of the curve,
 * y0 <= y1: the current is not negative, not above the maximum, and not smaller for y1 than for y0;
 * for the same y it is the same. So it rises and falls where the curve does.
 *
 * Bounds: none; there is no loop.
 *
 * Assumed: curve_eval() gives 0..CURVE_Y_MAX, which curve_table.c proves; capacity and maximum are
 * not negative (sample.c believes 1 Ah and more, envelope.c proves it of the maximum). scale() is
 * replaced by its contract (proof_envelope.h) and lemma S3.
 *
 * cbmc: --unwind 3 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --bounds-check --pointer-check
 * replace: scale scale_twice
 * replace: curve_eval curve_eval_any
 */
#include "core/envelope.c"
#include "proof.h"
#include "proof_envelope.h"

static int32_t curve_y;

int32_t curve_eval_any(const struct curve *c, int32_t x)
{
	(void)c;
	(void)x;
	return curve_y;
}

static struct call {
	int32_t of;
	int32_t part;
	int32_t whole;
	int32_t a;
} first;
static uint32_t calls;

/* S3 between the two calls. */
int32_t scale_twice(int32_t of, int32_t part, int32_t whole)
{
	const int32_t a = scale_contract(of, part, whole);

	if (calls == 0) {
		first = (struct call){of, part, whole, a};
	} else if (first.of == of && first.whole == whole && of >= 0 && first.part <= part) {
		ASSUME(first.a <= a);
	}
	calls++;
	return a;
}

int main(void)
{
	struct core_config c;  /* any content */
	struct bms_limits bms; /* any content */
	const enum curve_id id = (enum curve_id)(nondet_u8() % CURVES);
	const int32_t maximum_ma = nondet_i32();
	const int32_t y[2] = {nondet_i32(), nondet_i32()};

	ASSUME(y[0] >= 0 && y[0] <= y[1] && y[1] <= CURVE_Y_MAX);
	ASSUME(maximum_ma >= 0);
	ASSUME(bms.capacity_mah == SAMPLE_NO_VALUE || bms.capacity_mah >= 0);
	curve_y = y[0];
	const int32_t a = curve_ma(&c, &bms, id, nondet_i32(), maximum_ma);

	curve_y = y[1];
	const int32_t b = curve_ma(&c, &bms, id, nondet_i32(), maximum_ma);

	PROVE(a >= 0 && b <= maximum_ma, "current in range");
	PROVE(a <= b, "more of the curve, not less current");
	PROVE_IF(y[0] == y[1], a == b, "same value, same current");
	return 0;
}
