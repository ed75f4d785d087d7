/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cycle thread measures and counts; part of rt/loop.c in two files of their own. All of it is
 * for the cycle thread, wait-free, without a loop but over the few things of one period.
 */
#ifndef JKP_RT_LOOP_COUNT_H
#define JKP_RT_LOOP_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/loop.h"

/* ---- loop_time.c: times ---- */

/**
 * loop_record_time - one more value of a kind of time: summary and histogram
 */
void loop_record_time(struct loop *l, enum stats_time kind, int64_t ns);

/**
 * loop_time_inputs - bytes, orders and frames that this period has read
 */
void loop_time_inputs(struct loop *l);

/**
 * loop_time_guard - the guard's beat has moved; called before guard_moved_ns is set
 */
void loop_time_guard(struct loop *l, int64_t now_ns);

/**
 * loop_time_sample - a reply was complete in this period
 * @t: telemetry after the step
 */
void loop_time_sample(struct loop *l, const struct telemetry *t);

/**
 * loop_time_request - a request was given to the driver
 * @taken: it was taken
 */
void loop_time_request(struct loop *l, bool taken);

/**
 * loop_time_given - a frame was taken by the driver
 * @id: of the frame
 * @given_ns: CLOCK_MONOTONIC before it was given
 */
void loop_time_given(struct loop *l, uint16_t id, int64_t given_ns);

/**
 * loop_time_response - after the frames: the time since the sample, if any left
 */
void loop_time_response(struct loop *l);

/**
 * loop_time_forget - no confirmation is waited for any more
 */
void loop_time_forget(struct loop *l);

/* ---- loop_count.c: counters, publishing ---- */

/**
 * loop_count_init - nothing was counted yet
 */
void loop_count_init(struct loop *l, int64_t now_ns);

/**
 * loop_count_step - rules and states of this period, and a part of a reset that was asked for
 * @t: telemetry after the step
 */
void loop_count_step(struct loop *l, const struct telemetry *t);

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
 * Telemetry when something happened in this period, and every LOOP_SNAPSHOT_NS; counters every
 * LOOP_COUNTERS_NS.
 */
void loop_publish(struct loop *l, const struct telemetry *t);

/**
 * loop_count_end - the last word, when the thread has ended
 */
void loop_count_end(struct loop *l);

#endif
