/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter_step() and limiter_cap() of src/core/limiter.c (SAF-02, SAF-06, SAF-07): min(envelope,
 * proposals).
 *
 * Proven, from every state that satisfies the invariant limiter_ok() (proof_limiter.h), for every
 * envelope, with 0, 1 and 5 proposals (cycle_limit.c makes 5) and every time:
 *   - the result is never negative, on the 0.1 A grid, never above the envelope, any proposal, what
 *     two samples agree on, or the ratchet;
 *   - it is the minimum of these and the ramp, rounded down to the grid, and nothing less;
 *   - the rule named belongs to one of them;
 *   - the ramp never rises unless it may, never within calm_ms of a fall, and by no more than
 *     rise_ma_s a call;
 *   - a fall passes in the same call;
 *   - the invariant holds again. With limiter_sample.c: it always holds.
 *
 * Bounds: none but the number of proposals; one call from any state, so any number of them.
 *
 * Assumed: times are those of CLOCK_MONOTONIC, 0..2^62 ns (146 years); rise_ma_s and calm_ms are in
 * the range of the configuration table (100..100000 mA/s, >= 0). follow(),
 * ramp_gain() and on_grid() are replaced by their contracts (proof_follow.h).
 *
 * takes: 16
 * cbmc: --unwind 7 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --bounds-check --pointer-check --unsigned-overflow-check
 * replace: follow follow_contract
 * replace: time_ms_since time_ms_since_any
 * replace: on_grid on_grid_contract
 * replace: ramp_gain ramp_gain_contract
 */
#include "core/limiter.c"
#include "proof.h"
#include "proof_follow.h"
#include "proof_limiter.h"

#define EXTRAS_MAX 5U /* PROPOSALS_MAX of cycle_limit.c */

/* Any answer, kept: what matters is what was asked and that the answer is heeded. */
static int64_t since_asked;
static int32_t since_ms;

int32_t time_ms_since_any(int64_t now_ns, int64_t then_ns)
{
	(void)now_ns;
	since_asked = then_ns;
	since_ms = nondet_i32();
	return since_ms;
}

static void prove_step(uint32_t extras)
{
	struct core_config c; /* any content */
	struct limiter l;     /* any content */
	struct proposal extra[EXTRAS_MAX];
	const struct proposal envelope = {nondet_i32(), nondet_u32()};
	const int64_t now_ns = nondet_i64();
	const bool may_rise = nondet_bool();
	uint32_t rule = RULES;

	c.rise_ma_s = nondet_i32();
	c.calm_ms = nondet_i32();
	l.previous_good = nondet_bool();
	ASSUME(limiter_ok(&l) && config_ok(&c) && time_ok(now_ns));

	const struct limiter old = l;
	const int32_t ma = limiter_step(&l, &c, now_ns, envelope, extra, extras, may_rise, &rule);
	int32_t least = max_i32(envelope.cap_ma, 0);
	bool named = rule == envelope.rule;

	least = min_i32(least, max_i32(old.confirmed_ma, 0));
	least = min_i32(least, old.ratchet_ma);
	named = named || rule == RULE_CONFIRM || rule == RULE_RATCHET || rule == RULE_RAMP;
	for (uint32_t i = 0; i < extras; i++) {
		PROVE(ma <= max_i32(extra[i].cap_ma, 0), "never above a proposal");
		least = min_i32(least, max_i32(extra[i].cap_ma, 0));
		named = named || rule == extra[i].rule;
	}
	PROVE(ma >= 0, "never negative");
	PROVE(ma == grid_result_ma, "on the grid");
	PROVE(ma <= max_i32(envelope.cap_ma, 0), "never above the envelope");
	PROVE(ma <= max_i32(old.confirmed_ma, 0), "never above what two samples agree on");
	PROVE(ma <= old.ratchet_ma, "never above the ratchet");
	least = min_i32(least, l.ramp_ma);
	PROVE(ma <= least && least - ma < LIMITER_GRID_MA, "the minimum, rounded down");
	PROVE(named, "rule of one of them");

	PROVE_IF(!may_rise, l.ramp_ma <= old.ramp_ma, "no rise unless it may");
	PROVE((int64_t)l.ramp_ma <= (int64_t)old.ramp_ma + c.rise_ma_s, "rise is slow");
	PROVE_IF(l.ramp_ma > old.ramp_ma, since_asked == l.last_fall_ns && since_ms >= c.calm_ms,
		 "no rise before calm");
	PROVE(l.ramp_ma <= max_i32(envelope.cap_ma, 0), "a fall passes at once");
	PROVE_IF(min_i32(envelope.cap_ma, old.confirmed_ma) < old.free_ma, l.last_fall_ns == now_ns,
		 "a fall is remembered");
	PROVE(limiter_ok(&l), "invariant");

	const int32_t cap_ma = nondet_i32();
	const int32_t ramp_ma = l.ramp_ma;

	limiter_cap(&l, cap_ma);
	PROVE(l.ramp_ma <= ramp_ma && l.ramp_ma <= max_i32(cap_ma, 0), "cap only lowers");
	PROVE(limiter_ok(&l), "invariant after cap");
}

int main(void)
{
	/* One number at a time: constants are what makes it quick. */
	switch (nondet_u8()) {
	case 0:
		prove_step(0);
		break;
	case 1:
		prove_step(1);
		break;
	default:
		prove_step(EXTRAS_MAX);
		break;
	}
	return 0;
}
