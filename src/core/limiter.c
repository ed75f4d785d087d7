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

void limiter_forget(struct limiter *l)
{
	l->previous_good = false;
	l->confirmed_ma = 0;
	l->ramp_ma = 0;
	l->ramp_rest = 0;
}

static void lower(struct proposal *p, struct proposal by)
{
	const int32_t cap = max_i32(by.cap_ma, 0);

	if (cap < p->cap_ma) {
		p->cap_ma = cap;
		p->rule = by.rule;
	}
}

static void rise(struct limiter *l, const struct core_config *c, int64_t dt_ns, int32_t target_ma)
{
	const int64_t dt = min_i64(dt_ns, RAMP_STEP_MAX_NS);
	const int64_t gain = l->ramp_rest + (int64_t)c->rise_ma_s * dt;

	l->ramp_ma = min_i32(sat_i32(l->ramp_ma + gain / NS_PER_S), target_ma);
	l->ramp_rest = gain % NS_PER_S;
}

int32_t limiter_step(struct limiter *l, const struct core_config *c, int64_t now_ns,
		     struct proposal envelope, const struct proposal *extra, uint32_t extras,
		     bool may_rise, uint32_t *ret_rule)
{
	const int64_t dt_ns = max_i64(now_ns - l->last_ns, 0);
	const int32_t measured_ma = min_i32(envelope.cap_ma, l->confirmed_ma);
	struct proposal p = {.cap_ma = max_i32(envelope.cap_ma, 0), .rule = envelope.rule};

	l->last_ns = now_ns;
	lower(&p, (struct proposal){l->confirmed_ma, RULE_CONFIRM});
	lower(&p, (struct proposal){l->ratchet_ma, RULE_RATCHET});
	for (uint32_t i = 0; i < extras; i++) {
		lower(&p, extra[i]);
	}
	if (measured_ma < l->ramp_ma) {
		l->last_fall_ns = now_ns;
	}
	if (p.cap_ma < l->ramp_ma) {
		l->ramp_ma = p.cap_ma;
		l->ramp_rest = 0;
	} else if (may_rise && time_ms_since(now_ns, l->last_fall_ns) >= c->calm_ms) {
		rise(l, c, dt_ns, p.cap_ma);
	}
	lower(&p, (struct proposal){l->ramp_ma, RULE_RAMP});
	*ret_rule = p.rule;
	return p.cap_ma - p.cap_ma % LIMITER_GRID_MA;
}

void limiter_cap(struct limiter *l, int32_t ma)
{
	if (ma < l->ramp_ma) {
		l->ramp_ma = max_i32(ma, 0);
		l->ramp_rest = 0;
	}
}
