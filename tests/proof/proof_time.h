/* SPDX-License-Identifier: Apache-2.0 */
/* Contract of time_ms_since() for times of CLOCK_MONOTONIC, proven by time_since.c. */
#ifndef JKP_TESTS_PROOF_TIME_H
#define JKP_TESTS_PROOF_TIME_H

#include "base/time.h"
#include "proof.h"

#define TIME_MAX_NS (INT64_C(1) << 62)

static inline bool time_ok(int64_t t_ns)
{
	return t_ns >= 0 && t_ns <= TIME_MAX_NS;
}

static inline bool time_arguments_ok(int64_t now_ns, int64_t then_ns)
{
	return time_ok(now_ns) && (then_ns == TIME_NEVER || time_ok(then_ns));
}

/* Whole milliseconds, rounded down, saturated; 0 for the future; INT32_MAX for never. */
static inline bool time_result_ok(int64_t now_ns, int64_t then_ns, int32_t ms)
{
	if (then_ns == TIME_NEVER) {
		return ms == INT32_MAX;
	}
	if (then_ns >= now_ns) {
		return ms == 0;
	}
	return ms >= 0 && ms * NS_PER_MS <= now_ns - then_ns &&
	       (ms == INT32_MAX || (ms + INT64_C(1)) * NS_PER_MS > now_ns - then_ns);
}

int32_t time_ms_since_contract(int64_t now_ns, int64_t then_ns)
{
	const int32_t ms = nondet_i32();

	PROVE(time_arguments_ok(now_ns, then_ns), "time_ms_since() within its range");
	ASSUME(time_result_ok(now_ns, then_ns, ms));
	return ms;
}

#endif
