/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_ms_since() of include/base/time.h: the age of data.
 *
 * Proven, for every time: C's quotient of the difference by 1 ms, saturated; 0 if the second time
 * lies in the future, INT32_MAX if it was never. The contract of proof_time.h says the same in
 * products: C11 6.5.5, q * d <= n < (q + 1) * d for n >= 0, d > 0.
 *
 * Bounds: none.
 *
 * Assumed: times are those of CLOCK_MONOTONIC, 0..2^62 ns (146 years), or TIME_NEVER.
 *
 * cbmc: --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --z3
 */
#include "base/time.h"
#include "base/units.h"
#include "proof.h"
#include "proof_time.h"

int main(void)
{
	const int64_t now_ns = nondet_i64();
	const int64_t then_ns = nondet_i64();

	ASSUME(time_arguments_ok(now_ns, then_ns));
	const int32_t ms = time_ms_since(now_ns, then_ns);

	PROVE_IF(then_ns == TIME_NEVER, ms == INT32_MAX, "never");
	PROVE_IF(then_ns >= now_ns, ms == 0, "in the future");
	PROVE_IF(then_ns != TIME_NEVER && then_ns < now_ns,
		 ms == min_i64((now_ns - then_ns) / NS_PER_MS, INT32_MAX), "whole milliseconds");
	return 0;
}
