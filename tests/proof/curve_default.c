/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in tables of src/core/config.c in the real curve_check() and curve_eval(), arithmetic
 * included: nothing replaced.
 *
 * Proven, for every curve of both presets and every x (and x + 1): curve_check() accepts the
 * table in its shape; the value is within 0 and the largest y; the function rises, falls or is a
 * hump as the table; a linear one never changes by more than one step of its steepest segment,
 * rounded up, from one x to the next.
 *
 * Bound: x from 1 below the first point to 1 above the last, each in turn (constants are quick), at
 * most 1300 of them. Nothing is lost: beyond its ends every table that curve_check() accepts is
 * flat (curve_table.c). That one also has the accesses to memory.
 *
 * Assumed: nothing.
 *
 * takes: 27
 * cbmc: --unwind 14 --unwindset prove_each_x.0:1310
 * cbmc: --no-pointer-check --signed-overflow-check --div-by-zero-check --conversion-check
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

/* What a table promises. */
struct promise {
	enum curve_shape shape;
	bool step;
	int32_t top;	  /* largest y */
	int32_t top_x;	  /* of the first such point */
	int32_t steepest; /* change of the steepest segment, rounded up */
};

static struct promise promise_of(const struct curve *c, enum curve_shape shape)
{
	struct promise p = {.shape = shape, .step = c->step};

	for (uint32_t i = 0; i < c->count; i++) {
		if (c->y[i] > p.top) {
			p.top = c->y[i];
			p.top_x = c->x[i];
		}
		if (i > 0) {
			const int32_t width = c->x[i] - c->x[i - 1];
			const int32_t rise = abs_i32(c->y[i] - c->y[i - 1]);

			p.steepest = max_i32(p.steepest, (rise + width - 1) / width);
		}
	}
	return p;
}

/* The values at x and x + 1. */
static void prove_pair(const struct promise *p, int32_t x, int32_t a, int32_t b)
{
	PROVE(a >= 0 && a <= p->top && b >= 0 && b <= p->top, "value in range");
	PROVE_IF(p->shape == CURVE_RISING, a <= b, "rises");
	PROVE_IF(p->shape == CURVE_FALLING, a >= b, "falls");
	PROVE_IF(p->shape == CURVE_HUMP, x < p->top_x ? a <= b : a >= b, "hump");
	PROVE_IF(!p->step, abs_i32(a - b) <= p->steepest, "no gap");
}

static void prove_each_x(const struct curve *c, const struct promise *p)
{
	int32_t a = curve_eval(c, c->x[0] - 1);

	for (int32_t x = c->x[0] - 1; x <= c->x[c->count - 1]; x++) {
		const int32_t b = curve_eval(c, x + 1);

		prove_pair(p, x, a, b);
		a = b;
	}
}

static void prove_curve(const struct curve *curve, enum curve_shape shape)
{
	const struct curve c = *curve; /* a small object of its own: CBMC is ten times as fast */
	const struct promise p = promise_of(&c, shape);

	PROVE(curve_check(&c, shape) == -1, "accepted");
	prove_each_x(&c, &p);
}

int main(void)
{
	struct core_config c;

	core_config_preset(&c, PRESET_LFP);
	for (uint32_t i = 0; i < CURVES; i++) {
		prove_curve(&c.curve[i], shape_of[i]);
	}
	core_config_preset(&c, PRESET_SEED);
	for (uint32_t i = 0; i <= CURVE_DISCHARGE_CELL_LOW; i++) {
		prove_curve(&c.curve[i], shape_of[i]);
	}
	return 0;
}
