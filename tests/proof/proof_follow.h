/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts of follow() and ramp_gain(), for the harnesses in which these do not run. */
#ifndef JKP_TESTS_PROOF_FOLLOW_H
#define JKP_TESTS_PROOF_FOLLOW_H

#include "proof.h"
#include "proof_limiter.h"

/* rise_ma_s of the last gain. */
static int32_t gain_rise_ma_s;

int64_t ramp_gain_contract(const struct core_config *c, int64_t dt_ns)
{
	const int64_t gain = nondet_i64();

	PROVE(config_ok(c) && dt_ns >= 0 && dt_ns <= NS_PER_S, "ramp_gain() within its range");
	/* R1 of limiter_ramp.smt2 */
	ASSUME(gain >= 0 && gain <= RISE_MAX_MA_S * NS_PER_S);
	gain_rise_ma_s = c->rise_ma_s;
	return gain;
}

void follow_contract(int32_t *ma, int64_t *rest, int32_t target_ma, int64_t gain_mans)
{
	const int32_t before_ma = *ma;
	const int64_t before_rest = *rest;
	const int64_t worth_ma = nondet_i64();

	PROVE(follow_arguments_ok(*ma, *rest, target_ma, gain_mans), "follow() within its range");
	*ma = nondet_i32();
	*rest = nondet_i64();
	/* R2 of limiter_ramp.smt2: every gain comes from ramp_gain() or is 0. */
	ASSUME(worth_ma >= 0 && worth_ma <= (gain_mans > 0 ? gain_rise_ma_s : 0));
	ASSUME(follow_result_ok(before_ma, before_rest, *ma, *rest, target_ma, gain_mans,
				worth_ma));
}

/* What on_grid() was given and gave back last. */
static int32_t grid_ma;
static int32_t grid_result_ma;

int32_t on_grid_contract(int32_t ma)
{
	PROVE(ma >= 0, "on_grid() within its range");
	grid_ma = ma;
	grid_result_ma = nondet_i32();
	ASSUME(on_grid_ok(ma, grid_result_ma));
	return grid_result_ma;
}

#endif
