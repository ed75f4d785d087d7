/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter_sample(), limiter_forget(), limiter_release() and limiter_init() of src/core/limiter.c
 * (SAF-16).
 *
 * Proven, from every state that satisfies limiter_ok(), for every sequence of two samples:
 *   - what is confirmed is never above the envelope of the newest sample;
 *   - one sample never raises it: not the first good one, not a bad one, not one behind a bad one
 *     or behind limiter_forget();
 *   - two good ones in a row raise it to the lower of their envelopes, no further;
 *   - with limiter_step(): after such a single sample the limit is not above what was confirmed
 *     before;
 *   - the ratchet only falls unless the cells are back in the 100 % zone or it is switched off;
 *   - limiter_init() establishes the invariant with a limit of 0, and every function keeps it.
 *
 * Bounds: two samples, from any state: so any number of them.
 *
 * Assumed: the contracts of proof_follow.h; cells_ma is -1 or >= 0 and maximum_ma >= 0 (envelope.c
 * proves that envelope_cells() and envelope_maximum() are not negative).
 *
 * cbmc: --unwind 3 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --bounds-check --pointer-check --unsigned-overflow-check
 * replace: follow follow_contract
 * replace: on_grid on_grid_contract
 * replace: ramp_gain ramp_gain_contract
 */
#include "core/limiter.c"
#include "proof.h"
#include "proof_follow.h"
#include "proof_limiter.h"

struct input {
	int32_t envelope_ma;
	int32_t cells_ma;
	int32_t maximum_ma;
	bool good;
	bool ratchet;
};

static struct input any_input(void)
{
	const struct input i = {nondet_i32(), nondet_i32(), nondet_i32(), nondet_bool(),
				nondet_bool()};

	ASSUME(i.cells_ma >= -1 && i.maximum_ma >= 0);
	return i;
}

static void take(struct limiter *l, const struct input *i)
{
	const struct limiter old = *l;

	limiter_sample(l, i->envelope_ma, i->cells_ma, i->maximum_ma, i->good, i->ratchet);
	PROVE(l->confirmed_ma <= i->envelope_ma, "never above the newest envelope");
	if (i->good && old.previous_good) {
		PROVE(l->confirmed_ma == min_i32(old.previous_ma, i->envelope_ma),
		      "two samples agree");
	} else {
		PROVE(l->confirmed_ma <= old.confirmed_ma, "one sample never raises");
	}
	PROVE_IF(i->ratchet && i->cells_ma < i->maximum_ma, l->ratchet_ma <= old.ratchet_ma,
		 "ratchet only falls");
	PROVE_IF(i->ratchet && i->cells_ma >= 0 && i->cells_ma < i->maximum_ma,
		 l->ratchet_ma <= i->cells_ma, "ratchet follows the cells");
	PROVE(limiter_ok(l), "invariant");
}

static void prove_init(void)
{
	struct limiter l;
	const int64_t now_ns = nondet_i64();

	ASSUME(time_ok(now_ns));
	limiter_init(&l, now_ns);
	PROVE(limiter_ok(&l), "invariant from the start");
	PROVE(l.ramp_ma == 0 && l.free_ma == 0 && l.confirmed_ma == 0 && !l.previous_good,
	      "starts from 0");
}

static void prove_limit(struct limiter *l, int32_t before_ma, int32_t envelope_ma)
{
	struct core_config c = {.rise_ma_s = RISE_MAX_MA_S, .calm_ms = nondet_i32()};
	const int64_t now_ns = nondet_i64();
	uint32_t rule;

	ASSUME(time_ok(now_ns) && c.calm_ms >= 0);
	const int32_t ma = limiter_step(l, &c, now_ns, (struct proposal){envelope_ma, RULE_MAXIMUM},
					NULL, 0, true, &rule);

	PROVE(ma <= max_i32(before_ma, 0), "the limit does not rise by one sample");
}

int main(void)
{
	struct limiter l; /* any content */
	const struct input a = any_input();
	const struct input b = any_input();

	prove_init();
	l.previous_good = nondet_bool();
	ASSUME(limiter_ok(&l));
	if (nondet_bool()) {
		limiter_forget(&l);
		PROVE(l.confirmed_ma == 0 && l.ramp_ma == 0, "forgotten: from 0");
		PROVE(limiter_ok(&l), "invariant after forget");
	}
	if (nondet_bool()) {
		limiter_release(&l);
		PROVE(limiter_ok(&l), "invariant after release");
	}
	const bool single = !a.good || !l.previous_good;
	const int32_t before_ma = l.confirmed_ma;

	take(&l, &a);
	if (single) {
		struct limiter copy = l;

		prove_limit(&copy, before_ma, a.envelope_ma);
	}
	take(&l, &b);
	return 0;
}
