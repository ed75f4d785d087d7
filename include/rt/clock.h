/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clocks as int64_t nanoseconds: time_t is 32 bit on some of our machines. */
#ifndef JKP_RT_CLOCK_H
#define JKP_RT_CLOCK_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "base/time.h"

#define CLOCK_SLEEP_ATTEMPTS 16 /* interruptions that a sleep outlasts */

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

/**
 * clock_sleep_until - sleep until a point of CLOCK_MONOTONIC; not at all if it has passed
 *
 * A signal that has a handler interrupts it; after CLOCK_SLEEP_ATTEMPTS of them it returns early.
 * Context: a thread with a grid of its own.
 */
static inline void clock_sleep_until(int64_t t_ns)
{
	const struct timespec t = {.tv_sec = (time_t)(t_ns / NS_PER_S),
				   .tv_nsec = (long)(t_ns % NS_PER_S)};

	for (int i = 0; i < CLOCK_SLEEP_ATTEMPTS; i++) {
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != EINTR) {
			return;
		}
	}
}

#endif
