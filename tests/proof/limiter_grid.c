/* SPDX-License-Identifier: Apache-2.0 */
/*
 * on_grid() of src/core/limiter.c.
 *
 * Proven, for every current from 0 to INT32_MAX: the result is a multiple of 0.1 A, not negative,
 * not above the current and less than 0.1 A below it.
 *
 * Bounds: none; there is no loop.
 *
 * Assumed: it is not negative; limiter_step.c proves that.
 *
 * cbmc: --signed-overflow-check --div-by-zero-check
 */
#include "core/limiter.c"
#include "proof.h"
#include "proof_limiter.h"

int main(void)
{
	const int32_t ma = nondet_i32();

	ASSUME(ma >= 0);
	const int32_t result_ma = on_grid(ma);

	PROVE(on_grid_ok(ma, result_ma), "contract of on_grid()");
	PROVE(result_ma % LIMITER_GRID_MA == 0, "multiple of the step");
	return 0;
}
