/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses of the limiter share: its invariant, its ranges, the contract of follow(). */
#ifndef JKP_TESTS_PROOF_LIMITER_H
#define JKP_TESTS_PROOF_LIMITER_H

#include "base/time.h"
#include "core/limiter.h"
#include "proof_time.h"

#define RISE_MIN_MA_S 100
#define RISE_MAX_MA_S 100000

/* Holds after limiter_init() and is kept by every other function. */
static inline bool limiter_ok(const struct limiter *l)
{
	return l->ramp_ma >= 0 && l->free_ma >= 0 && l->ratchet_ma >= 0 && l->ramp_rest >= 0 &&
	       l->ramp_rest < NS_PER_S && l->free_rest >= 0 && l->free_rest < NS_PER_S &&
	       time_ok(l->last_ns) && (l->last_fall_ns == TIME_NEVER || time_ok(l->last_fall_ns));
}

static inline bool config_ok(const struct core_config *c)
{
	return c->rise_ma_s >= RISE_MIN_MA_S && c->rise_ma_s <= RISE_MAX_MA_S && c->calm_ms >= 0;
}

/* What follow() may be called with. */
static inline bool follow_arguments_ok(int32_t ma, int64_t rest, int32_t target_ma,
				       int64_t gain_mans)
{
	return ma >= 0 && rest >= 0 && rest < NS_PER_S && target_ma >= 0 && gain_mans >= 0 &&
	       gain_mans <= RISE_MAX_MA_S * NS_PER_S;
}

/*
 * And what it does: falls at once, rises by no more than @worth_ma and no further than the target.
 * @worth_ma: (@before_rest + @gain_mans) / NS_PER_S
 */
static inline bool follow_result_ok(int32_t before_ma, int64_t before_rest, int32_t ma,
				    int64_t rest, int32_t target_ma, int64_t gain_mans,
				    int64_t worth_ma)
{
	if (target_ma <= before_ma || target_ma - before_ma <= worth_ma) {
		return ma == target_ma && rest == 0;
	}
	return ma == before_ma + worth_ma && rest >= 0 && rest < NS_PER_S;
}

/* on_grid(), but for the grid itself. */
static inline bool on_grid_ok(int32_t ma, int32_t result_ma)
{
	return result_ma >= 0 && result_ma <= ma && ma - result_ma < LIMITER_GRID_MA;
}

#endif
