/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in tables of src/core/config.c in the real curve_eval(), arithmetic included: nothing
 * replaced, nothing assumed.
 *
 * Proven, for every curve of both presets and every 32-bit x (and x + 1): curve_check() accepts the
 * table in its shape; the value is within 0 and the largest y; the function rises, falls or is a
 * hump as the table; a linear one never changes by more than one step of its steepest segment,
 * rounded up, from one x to the next.
 *
 * cbmc: --unwind 14 --signed-overflow-check --div-by-zero-check --conversion-check --bounds-check
 */
#include "core/config.c"
#include "core/curve.c"
#include "proof.h"

static const enum curve_shape shape_of[CURVES] = {
	[CURVE_CHARGE_CELL_HIGH] = CURVE_FALLING,
	[CURVE_CHARGE_CELL_LOW] = CURVE_RISING,
	[CURVE_DISCHARGE_CELL_LOW] = CURVE_RISING,
	[CURVE_CHARGE_COLD] = CURVE_RISING,
	[CURVE_CHARGE_HOT] = CURVE_FALLING,
	[CURVE_DISCHARGE_TEMP] = CURVE_HUMP,
	[CURVE_MOS] = CURVE_FALLING,
};

/* Not of interest here. */
const struct pylon_profile *pylon_profile_at(size_t index)
{
	(void)index;
	return NULL;
}

static void prove_curve(const struct curve *c, enum curve_shape shape, int32_t x)
{
	int32_t steepest = 0;
	int32_t top = 0;
	int32_t top_x = 0;

	PROVE(curve_check(c, shape) == -1, "accepted");
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->y[i] > top) {
			top = c->y[i];
			top_x = c->x[i];
		}
		if (i > 0) {
			const int32_t width = c->x[i] - c->x[i - 1];
			const int32_t rise = abs_i32(c->y[i] - c->y[i - 1]);

			steepest = max_i32(steepest, (rise + width - 1) / width);
		}
	}

	const int32_t a = curve_eval(c, x);
	const int32_t b = curve_eval(c, x + 1);

	PROVE(a >= 0 && a <= top, "value in range");
	PROVE(IMPLIES(shape == CURVE_RISING, a <= b), "rises");
	PROVE(IMPLIES(shape == CURVE_FALLING, a >= b), "falls");
	PROVE(IMPLIES(shape == CURVE_HUMP, x < top_x ? a <= b : a >= b), "hump");
	PROVE(IMPLIES(!c->step, abs_i32(a - b) <= steepest), "no gap");
}

int main(void)
{
	struct core_config c;
	const int32_t x = nondet_i32();

	ASSUME(x < INT32_MAX); /* x + 1 is looked at too */
	core_config_preset(&c, PRESET_LFP);
	for (uint32_t i = 0; i < CURVES; i++) {
		prove_curve(&c.curve[i], shape_of[i], x);
	}
	core_config_preset(&c, PRESET_SEED);
	for (uint32_t i = 0; i <= CURVE_DISCHARGE_CELL_LOW; i++) {
		prove_curve(&c.curve[i], shape_of[i], x);
	}
	return 0;
}
