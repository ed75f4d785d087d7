/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time is CLOCK_MONOTONIC as int64_t nanoseconds everywhere. Wall clock time exists in text only.
 * No function of base, proto or core reads a clock: the time is an argument.
 */
#ifndef JKP_BASE_TIME_H
#define JKP_BASE_TIME_H

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define MS_PER_S  1000
#define NS_PER_S  INT64_C(1000000000)

/* A time that was never set. Compare with ==, never calculate with it. */
#define TIME_NEVER INT64_MIN

/**
 * time_ms_since - age in whole milliseconds, saturated to the range of int32_t
 * @now_ns: CLOCK_MONOTONIC, ns
 * @then_ns: an earlier time, ns, or TIME_NEVER
 *
 * Return: @now_ns - @then_ns in ms, rounded down; 0 if @then_ns lies in the future; INT32_MAX if
 * @then_ns is TIME_NEVER or more than 24 days ago.
 * Context: any thread. Pure.
 */
static inline int32_t time_ms_since(int64_t now_ns, int64_t then_ns)
{
	if (then_ns == TIME_NEVER) {
		return INT32_MAX;
	}
	if (then_ns >= now_ns) {
		return 0;
	}
	const int64_t ms = (now_ns - then_ns) / NS_PER_MS;

	return ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

#endif
