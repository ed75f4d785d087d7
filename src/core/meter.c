/* SPDX-License-Identifier: Apache-2.0 */
#include "core/meter.h"

#include <string.h>

#include "base/units.h"

#define DW_PER_W    10
#define CLOCK_ERROR 64 /* a meter's clock is at most 1/64 too fast */

const char *meter_verdict_name(enum meter_verdict v)
{
	static const char *const name[METER_VERDICTS] = {
		[METER_TAKEN] = "taken",
		[METER_NOT_NAMED] = "no meter named",
		[METER_OTHER_SERIAL] = "other meter",
		[METER_OTHER_SOURCE] = "other address",
		[METER_REPEATED] = "repeated",
		[METER_BACKWARDS] = "ticker backwards",
		[METER_AHEAD] = "ticker ahead",
		[METER_TOO_MUCH] = "too much",
		[METER_STEP] = "step",
	};

	return (unsigned int)v < METER_VERDICTS ? name[v] : "?";
}

void meter_init(struct meter *m, const struct meter_config *config)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->heard_ns = TIME_NEVER;
	m->power_ns = TIME_NEVER;
}

static void follow(struct meter *m, const struct meter_reading *r)
{
	m->follows = true;
	m->serial = r->serial;
	m->source = r->source;
	m->other_count = 0U;
	m->step_pending = false;
	m->power_ns = TIME_NEVER;
}

static bool silent(const struct meter *m, int64_t now_ns)
{
	return time_ms_since(now_ns, m->heard_ns) >= m->config.stale_ms;
}

/* Return: METER_TAKEN: it is the followed one, perhaps from now on. */
static enum meter_verdict judge_sender(struct meter *m, const struct meter_reading *r,
				       bool *ret_new)
{
	if (m->config.who == METER_NOBODY) {
		return METER_NOT_NAMED;
	}
	if (m->config.who == METER_SERIAL && r->serial != m->config.serial) {
		return METER_OTHER_SERIAL;
	}
	if (m->follows && r->serial == m->serial && r->source == m->source) {
		return METER_TAKEN;
	}
	if (m->follows && !silent(m, r->t_ns)) {
		return r->serial != m->serial ? METER_OTHER_SERIAL : METER_OTHER_SOURCE;
	}
	follow(m, r);
	*ret_new = true;
	return METER_TAKEN;
}

/* How a ticker goes on from another one. */
static enum meter_verdict compare_tickers(uint32_t before_ms, int64_t before_ns, uint32_t now_ms,
					  int64_t now_ns)
{
	const int32_t passed_ms = time_ms_since(now_ns, before_ns);
	const uint32_t forward_ms = now_ms - before_ms;
	const int64_t most_ms = (int64_t)passed_ms + passed_ms / CLOCK_ERROR + METER_AHEAD_MS;

	if (forward_ms == 0U) {
		return METER_REPEATED;
	}
	if (forward_ms <= most_ms) {
		return METER_TAKEN;
	}
	return forward_ms > INT32_MAX ? METER_BACKWARDS : METER_AHEAD;
}

static void accept_ticker(struct meter *m, const struct meter_reading *r)
{
	m->ticker_ms = r->ticker_ms;
	m->heard_ns = r->t_ns;
	m->other_count = 0U;
}

/*
 * A meter that was switched off begins anew. What goes on in a sequence of its own while nothing
 * goes on in the old one is such a meter; a datagram that is sent again is not.
 */
static bool confirms_restart(struct meter *m, const struct meter_reading *r)
{
	const bool goes_on = m->other_count > 0U &&
			     compare_tickers(m->other_ticker_ms, m->other_ns, r->ticker_ms,
					     r->t_ns) == METER_TAKEN;

	m->other_count = goes_on ? m->other_count + 1U : 1U;
	m->other_since_ns = goes_on ? m->other_since_ns : r->t_ns;
	m->other_ticker_ms = r->ticker_ms;
	m->other_ns = r->t_ns;
	return m->other_count >= METER_RESTART_NEEDS &&
	       time_ms_since(r->t_ns, m->other_since_ns) >= METER_RESTART_MS;
}

static enum meter_verdict judge_ticker(struct meter *m, const struct meter_reading *r)
{
	const enum meter_verdict v = compare_tickers(m->ticker_ms, m->heard_ns, r->ticker_ms,
						     r->t_ns);

	if (v == METER_TAKEN) {
		accept_ticker(m, r);
		return v;
	}
	if (v == METER_REPEATED || !confirms_restart(m, r)) {
		return v;
	}
	accept_ticker(m, r);
	m->restarts++;
	return METER_TAKEN;
}

static bool near_enough(const struct meter *m, int32_t a_w, int32_t b_w)
{
	const int64_t step_w = (int64_t)a_w - b_w;

	return step_w <= m->config.max_power_w && step_w >= -(int64_t)m->config.max_power_w;
}

static enum meter_verdict judge_power(struct meter *m, int64_t t_ns, int32_t power_w)
{
	const bool has_before = time_ms_since(t_ns, m->power_ns) < m->config.stale_ms;
	const bool confirmed = m->step_pending && near_enough(m, power_w, m->step_w);

	if (!near_enough(m, power_w, 0)) {
		return METER_TOO_MUCH;
	}
	if (has_before && !confirmed && !near_enough(m, power_w, m->power_w)) {
		m->step_pending = true;
		m->step_w = power_w;
		return METER_STEP;
	}
	m->step_pending = false;
	m->power_w = power_w;
	m->power_ns = t_ns;
	return METER_TAKEN;
}

enum meter_verdict meter_step(struct meter *m, const struct meter_reading *r, int32_t *ret_power_w)
{
	const int32_t power_w = round_div(r->power_dw, DW_PER_W);
	bool fresh = false;
	enum meter_verdict v = judge_sender(m, r, &fresh);

	if (v == METER_TAKEN && fresh) {
		accept_ticker(m, r);
	} else if (v == METER_TAKEN) {
		v = judge_ticker(m, r);
	}
	if (v == METER_TAKEN) {
		v = judge_power(m, r->t_ns, power_w);
	}
	if (v == METER_TAKEN) {
		*ret_power_w = power_w;
	}
	return v;
}
