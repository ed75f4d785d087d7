/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How old are values whose time is in a zone that is not known, or that have none? They are as old as
 * the last change of their time stamp, as seen here: a portal that repeats yesterday's values for ever
 * is not believed for longer than sems.stale (SAF-07, FLT-39).
 */
#ifndef JKP_SVC_SEMS_FRESH_H
#define JKP_SVC_SEMS_FRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "svc/sems_answer.h"

/* A time stamp of the portal may be so far ahead of our clock. */
#define SEMS_AHEAD_MS INT64_C(300000)

/**
 * struct sems_fresh - what was seen of the stamps; zeroed storage
 * @known: @kind, @newest and @last are set
 * @proven: it has moved, or is a time that can be compared with ours
 * @rises: how often in a row it rose while it was below @newest
 * @newest: highest one
 * @last: of the reading before
 * @since_ns: CLOCK_MONOTONIC when @newest was seen first
 */
struct sems_fresh {
	bool known;
	bool proven;
	uint32_t kind;
	uint32_t rises;
	int64_t newest;
	int64_t last;
	int64_t since_ns;
};

/**
 * sems_fresh_take - a stamp was read
 * @kind: enum sems_stamp
 * @stamp: see there
 * @now_ns: CLOCK_MONOTONIC
 * @wall_ms: CLOCK_REALTIME in ms; used for SEMS_STAMP_EPOCH alone, and only to make values older
 *
 * The first stamp without a zone proves nothing: values count from the second, different one on.
 * Copies of different age, in turns, do not look new: a time must pass the highest one seen. One that
 * was set back (summer time) is believed after it has risen twice in a row.
 *
 * Return: the time at which the values may be said to have arrived, TIME_NEVER = not to be believed.
 * Context: a service's thread. Pure.
 */
int64_t sems_fresh_take(struct sems_fresh *f, uint32_t kind, int64_t stamp, int64_t now_ns,
			int64_t wall_ms);

/**
 * sems_clock_good - whether CLOCK_REALTIME may be shown to the portal
 * @wall_ms: CLOCK_REALTIME in ms
 * @boot_ms: time since the machine was started
 * @set: what the kernel or its time service says: 1 the clock is set, 0 it is not, -1 nothing
 * @wait_ms: so long after the start a clock is believed although nobody says that it is set: who sets
 *           it had the time to
 *
 * Return: never true before 2026-09-01: a machine without a clock of its own starts in the past.
 * Context: any thread. Pure.
 */
bool sems_clock_good(int64_t wall_ms, int64_t boot_ms, int set, int32_t wait_ms);

/* The same of this machine, now. Context: a service's thread. */
bool sems_clock_is_set(int32_t wait_ms);

#endif
