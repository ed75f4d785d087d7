/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the cycle thread; part of rt/loop.c in a file of its own. */
#ifndef JKP_RT_LOOP_COUNT_H
#define JKP_RT_LOOP_COUNT_H

#include <stdint.h>

#include "rt/loop.h"

/**
 * loop_record_time - one more value of a kind of time: summary and histogram
 *
 * Context: the cycle thread. Wait-free.
 */
void loop_record_time(struct loop *l, enum stats_time kind, int64_t ns);

/**
 * loop_count_response - note a new sample, and the time until frames with it left
 * @t: telemetry after the step
 * @now_ns: CLOCK_MONOTONIC after the frames were handed to the driver
 *
 * Context: the cycle thread.
 */
void loop_count_response(struct loop *l, const struct telemetry *t, int64_t now_ns);

/**
 * loop_arm - page faults and context switches count from here on
 *
 * Context: the cycle thread, once, after its first period.
 */
void loop_arm(struct loop *l);

/**
 * loop_self_check - read them once a second
 *
 * Context: the cycle thread. One system call a second.
 */
void loop_self_check(struct loop *l);

/**
 * loop_publish - write the snapshots of the statistics page
 * @t: telemetry after the step
 *
 * When something happened in this period, and every LOOP_SNAPSHOT_NS.
 * Context: the cycle thread. Wait-free.
 */
void loop_publish(struct loop *l, const struct telemetry *t);

#endif
