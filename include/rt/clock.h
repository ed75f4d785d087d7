/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clocks as int64_t nanoseconds: time_t is 32 bit on some of our machines. */
#ifndef JKP_RT_CLOCK_H
#define JKP_RT_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/time.h"

/**
 * clock_now_ns - read a clock
 * @id: CLOCK_MONOTONIC for everything that decides; CLOCK_BOOTTIME to notice a suspend;
 *	CLOCK_REALTIME for people only
 *
 * Context: any thread. No system call but on machines without a vDSO for it.
 */
static inline int64_t clock_now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

#endif
