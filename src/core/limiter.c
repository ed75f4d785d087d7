/* SPDX-License-Identifier: Apache-2.0 */
#include "core/limiter.h"

#include <string.h>

#include "base/time.h"
#include "base/units.h"

/* Longest time one step may add to a ramp: a late wake-up must not make a jump. */
#define RAMP_STEP_MAX_NS NS_PER_S

void limiter_init(struct limiter *l, int64_t now_ns)
{
	memset(l, 0, sizeof(*l));
	l->ratchet_ma = INT32_MAX;
	l->last_ns = now_ns;
	l->last_fall_ns = TIME_NEVER;
}

void limiter_sample(struct limiter *l, int32_t envelope_ma, int32_t cells_ma, int32_t maximum_ma,
		    bool good, bool ratchet)
{
	if (good && l->previous_good) {
		l->confirmed_ma = min_i32(envelope_ma, l->previous_ma);
	} else {
		l->confirmed_ma = min_i32(l->confirmed_ma, envelope_ma);
	}
	l->previous_good = good;
	l->previous_ma = envelope_ma;

	if (!ratchet) {
		l->ratchet_ma = INT32_MAX;
	} else if (cells_ma >= 0) {
		l->ratchet_ma = cells_ma >= maximum_ma ? INT32_MAX
						       : min_i32(l->ratchet_ma, cells_ma);
	}
}

void limiter_release(struct limiter *l)
{
	l->ratchet_ma = INT32_MAX;
}

void limiter_forget(struct limiter *l)
{
	l->previous_good = false;
	l->confirmed_ma = 0;
	l->ramp_ma = 0;
	l->ramp_rest = 0;
	l->free_ma = 0;
	l->free_rest = 0;
}

static void lower(struct proposal *p, struct proposal by)
{
	const int32_t cap = max_i32(by.cap_ma, 0);

	if (cap < p->cap_ma) {
		p->cap_ma = cap;
		p->rule = by.rule;
	}
}

/* What a rise of @dt_ns is worth, mA x ns; @dt_ns <= RAMP_STEP_MAX_NS. */
static int64_t ramp_gain(const struct core_config *c, int64_t dt_ns)
{
	return (int64_t)c->rise_ma_s * dt_ns;
}

/* Falls at once, rises slowly by what @gain_mans (mA x ns) allows. */
static void follow(int32_t *ma, int64_t *rest, int32_t target_ma, int64_t gain_mans)
{
	const int64_t gain = *rest + gain_mans;

	if (target_ma <= *ma || target_ma - *ma <= gain / NS_PER_S) {
		*ma = target_ma;
		*rest = 0; /* a remainder at the target would be a head start */
	} else {
		*ma += (int32_t)(gain / NS_PER_S);
		*rest = gain % NS_PER_S;
	}
}

/* Down to the grid of the bus; @ma >= 0. */
static int32_t on_grid(int32_t ma)
{
	return ma - ma % LIMITER_GRID_MA;
}

int32_t limiter_step(struct limiter *l, const struct core_config *c, int64_t now_ns,
		     struct proposal envelope, const struct proposal *extra, uint32_t extras,
		     bool may_rise, uint32_t *ret_rule)
{
	const int64_t dt_ns = min_i64(max_i64(now_ns - l->last_ns, 0), RAMP_STEP_MAX_NS);
	const int32_t measured_ma = min_i32(envelope.cap_ma, l->confirmed_ma);
	struct proposal p = {.cap_ma = max_i32(envelope.cap_ma, 0), .rule = envelope.rule};

	l->last_ns = now_ns;
	lower(&p, (struct proposal){l->confirmed_ma, RULE_CONFIRM});
	lower(&p, (struct proposal){l->ratchet_ma, RULE_RATCHET});
	if (measured_ma < l->free_ma) {
		l->last_fall_ns = now_ns;
	}
	const bool calm = time_ms_since(now_ns, l->last_fall_ns) >= c->calm_ms;
	const int64_t gain = may_rise && calm ? ramp_gain(c, dt_ns) : 0;

	follow(&l->free_ma, &l->free_rest, p.cap_ma, gain);
	for (uint32_t i = 0; i < extras; i++) {
		lower(&p, extra[i]);
	}
	follow(&l->ramp_ma, &l->ramp_rest, p.cap_ma, gain);
	lower(&p, (struct proposal){l->ramp_ma, RULE_RAMP});
	*ret_rule = p.rule;
	return on_grid(p.cap_ma);
}

void limiter_cap(struct limiter *l, int32_t ma)
{
	if (ma < l->ramp_ma) {
		l->ramp_ma = max_i32(ma, 0);
		l->ramp_rest = 0;
	}
	if (ma < l->free_ma) {
		l->free_ma = max_i32(ma, 0);
		l->free_rest = 0;
	}
}
