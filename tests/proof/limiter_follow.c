/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow() and ramp_gain() of src/core/limiter.c: the ramp (SAF-06).
 *
 * Proven, for every value, remainder, target and gain within follow_arguments_ok(): no overflow;
 * a fall passes at once; a rise is the quotient of remainder plus gain by 1 s and the remainder is
 * C's, or it ends at the target. ramp_gain() is the product of rate and
 * time, without overflow. What quotient and product amount to: limiter_ramp.smt2.
 *
 * Bounds: none; there is no loop.
 *
 * Assumed: the ranges of follow_arguments_ok(), 0..1 s, and the range of rise_ma_s in the
 * configuration table; limiter_step.c proves that the first two are kept.
 *
 * cbmc: --signed-overflow-check --div-by-zero-check --conversion-check --pointer-check
 * cbmc: --z3
 */
#include "core/limiter.c"
#include "proof.h"
#include "proof_limiter.h"

int main(void)
{
	const struct core_config c = {.rise_ma_s = nondet_i32()};
	const int64_t dt_ns = nondet_i64();
	const int32_t before_ma = nondet_i32();
	const int64_t before_rest = nondet_i64();
	const int32_t target_ma = nondet_i32();
	const int64_t gain_mans = nondet_i64();
	int32_t ma = before_ma;
	int64_t rest = before_rest;

	ASSUME(c.rise_ma_s >= RISE_MIN_MA_S && c.rise_ma_s <= RISE_MAX_MA_S);
	ASSUME(dt_ns >= 0 && dt_ns <= NS_PER_S);
	PROVE(ramp_gain(&c, dt_ns) == (int64_t)c.rise_ma_s * dt_ns, "gain is rate times time");

	ASSUME(follow_arguments_ok(ma, rest, target_ma, gain_mans));
	const int64_t total = before_rest + gain_mans;
	const int64_t worth_ma = total / NS_PER_S;

	follow(&ma, &rest, target_ma, gain_mans);
	if (target_ma <= before_ma) {
		PROVE(ma == target_ma && rest == 0, "falls at once");
	} else if (target_ma - before_ma <= worth_ma) {
		PROVE(ma == target_ma && rest == 0, "not beyond the target");
	} else {
		PROVE(ma == before_ma + worth_ma, "rises by what it is worth");
		PROVE(rest == total % NS_PER_S, "remainder kept");
	}
	return 0;
}
