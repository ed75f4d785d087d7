/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guardpol.h"

#include <string.h>

#include "core/telemetry.h"

void guardpol_acked(struct guardpol *g)
{
	for (uint32_t i = 0; i < GUARDPOL_RECLOSE_MAX; i++) {
		g->reclose_ns[i] = TIME_NEVER;
	}
	g->differs_ns = TIME_NEVER;
}

void guardpol_init(struct guardpol *g, int64_t now_ns)
{
	memset(g, 0, sizeof(*g));
	g->since_ns = now_ns;
	g->alive_ns = now_ns;
	g->opened_ns = now_ns;
	g->lost_ns = TIME_NEVER;
	g->latched_ns = TIME_NEVER;
	guardpol_acked(g);
}

/* It has come as far as its cycle; the page may also hold words that no worker says. */
static bool has_cycle(uint32_t worker)
{
	return worker == GUARDPOL_RUNNING || worker == GUARDPOL_STOPPING ||
	       worker == GUARDPOL_RELOADING;
}

static void watch_worker(struct guardpol *g, const struct guardpol_in *in)
{
	if (in->worker == g->worker) {
		return;
	}
	if (in->worker == GUARDPOL_NONE && g->worker != GUARDPOL_RELOADING) {
		g->holding = false; /* not the one whose end was announced */
	}
	if (in->worker != GUARDPOL_NONE) {
		g->announced = in->worker == GUARDPOL_STOPPING;
	}
	if (!has_cycle(in->worker)) {
		g->seen = false;
		g->advanced = false;
		g->lost_ns = TIME_NEVER;
	}
	g->worker = in->worker;
	g->since_ns = in->now_ns;
}

/* More beats than the time that passed has room for are not those of a cycle. */
static bool in_sequence(const struct guardpol *g, const struct guardpol_config *c,
			const struct guardpol_in *in)
{
	const uint32_t beats = in->beat - g->beat;

	return beats <= GUARDPOL_BEAT_SLACK ||
	       (int64_t)(beats - GUARDPOL_BEAT_SLACK) * c->period_us * NS_PER_US <=
		       in->now_ns - g->moved_ns;
}

/* Return: the beat of this worker is on time. */
static bool watch_beat(struct guardpol *g, const struct guardpol_config *c,
		       const struct guardpol_in *in)
{
	const bool moved = in->beat_valid && (!g->seen || in->beat != g->beat);

	if (!has_cycle(in->worker)) {
		return false;
	}
	if (moved) {
		/* The first value is where to count from, and so is one out of sequence. */
		const bool good = g->seen && in_sequence(g, c, in);

		if (good || !g->seen) {
			g->moved_ns = in->now_ns;
		}
		g->advanced = g->advanced || good;
		g->seen = true;
		g->beat = in->beat;
	}
	if (g->advanced && in->now_ns - g->moved_ns < c->beat_ms * NS_PER_MS) {
		g->lost_ns = TIME_NEVER;
		return true;
	}
	if (g->lost_ns == TIME_NEVER) {
		g->lost_ns = in->now_ns;
	}
	return false;
}

/* Why the relay may not be closed: enum reason, REASON_NONE = it may. */
static uint32_t objection(const struct guardpol *g, const struct guardpol_in *in, bool fresh)
{
	const bool leaving = in->worker != GUARDPOL_RUNNING;

	if (in->latched != REASON_NONE &&
	    (g->relay != GUARDPOL_CLOSED || in->now_ns - g->latched_ns > GUARDPOL_TRIP_NS)) {
		return in->latched;
	}
	if (in->line_failed) {
		return REASON_RELAY;
	}
	if (!has_cycle(in->worker)) {
		return g->announced ? REASON_STOPPING : REASON_WORKER;
	}
	if (!fresh) {
		return REASON_BEAT;
	}
	if (!in->permit) {
		if (in->latched != REASON_NONE) {
			return in->latched;
		}
		return in->reason != REASON_NONE ? in->reason : REASON_COLD_START;
	}
	/* Its last frames say 0 A; then it ends, and if it does not the relay opens all the same. */
	if (leaving &&
	    (g->relay != GUARDPOL_CLOSED || in->now_ns - g->since_ns > GUARDPOL_LAST_NS)) {
		return REASON_STOPPING;
	}
	return REASON_NONE;
}

/*
 * An announced reload keeps a closed relay closed for a short time: while the old worker leaves, none
 * is there, the new one starts and waits for its samples. Anything worse ends it.
 */
static bool hold(struct guardpol *g, const struct guardpol_config *c, const struct guardpol_in *in,
		 bool fresh, uint32_t reason)
{
	if (in->worker == GUARDPOL_RELOADING && !g->holding && reason == REASON_NONE &&
	    g->since_ns == in->now_ns) {
		g->holding = true;
		g->hold_ns = in->now_ns;
	}
	if (in->worker == GUARDPOL_RUNNING && reason == REASON_NONE) {
		g->holding = false; /* complete */
	}
	if (g->relay != GUARDPOL_CLOSED || in->latched != REASON_NONE || in->line_failed ||
	    in->worker == GUARDPOL_STOPPING || in->now_ns - g->hold_ns > c->reload_ms * NS_PER_MS ||
	    (in->worker == GUARDPOL_RELOADING && !in->permit) ||
	    (in->worker == GUARDPOL_RUNNING &&
	     ((g->advanced && !fresh) ||
	      (in->reason != REASON_NONE && in->reason != REASON_COLD_START)))) {
		g->holding = false;
	}
	return g->holding;
}

static void open_relay(struct guardpol *g, const struct guardpol_in *in, uint32_t reason,
		       struct guardpol_out *out)
{
	out->opened = g->relay == GUARDPOL_CLOSED;
	out->opened_by = reason;
	g->counts = g->counts || (out->opened && (reason == REASON_WORKER ||
						  reason == REASON_BEAT || reason == REASON_RELAY));
	g->relay = GUARDPOL_OPEN;
	g->holding = false;
	g->opened_ns = in->now_ns;
}

/* A worker that fails again and again must not make the relay chatter. */
static bool too_many(struct guardpol *g, const struct guardpol_in *in)
{
	if (!g->counts) {
		return false;
	}
	for (uint32_t i = 0; i < GUARDPOL_RECLOSE_MAX; i++) {
		if (g->reclose_ns[i] == TIME_NEVER ||
		    in->now_ns - g->reclose_ns[i] >= GUARDPOL_RECLOSE_NS) {
			g->reclose_ns[i] = in->now_ns;
			g->counts = false;
			return false;
		}
	}
	return true;
}

static void close_relay(struct guardpol *g, const struct guardpol_config *c,
			const struct guardpol_in *in, struct guardpol_out *out)
{
	if (g->relay == GUARDPOL_OPEN) {
		/* A contact that does not show open has welded, or is not known. */
		if (in->now_ns - g->opened_ns < c->open_ms * NS_PER_MS ||
		    (c->feedback_ms > 0 && in->feedback != 0)) {
			return;
		}
		if (too_many(g, in)) {
			out->latch = REASON_WORKER;
			return;
		}
		g->relay = GUARDPOL_PRECHARGE;
		g->phase_ns = in->now_ns;
	}
	if (g->relay == GUARDPOL_PRECHARGE &&
	    in->now_ns - g->phase_ns >= c->precharge_ms * NS_PER_MS) {
		g->relay = GUARDPOL_CLOSED;
		g->phase_ns = in->now_ns;
		g->line = true;
		out->closed = true;
	}
}

static void drive_line(struct guardpol *g, const struct guardpol_config *c,
		       const struct guardpol_in *in)
{
	if (g->relay != GUARDPOL_CLOSED) {
		g->line = false;
	} else if (c->pulse_ms > 0 && in->now_ns - g->phase_ns >= c->pulse_ms * NS_PER_MS) {
		g->line = !g->line;
		g->phase_ns = in->now_ns;
	}
}

/* Return: the contact has differed from what was commanded for too long. */
static bool contact_differs(struct guardpol *g, const struct guardpol_config *c,
			    const struct guardpol_in *in)
{
	if (c->feedback_ms == 0 || in->feedback == (g->relay == GUARDPOL_CLOSED ? 1 : 0)) {
		g->differs_ns = TIME_NEVER;
		return false;
	}
	if (g->differs_ns == TIME_NEVER) {
		g->differs_ns = in->now_ns;
	}
	return in->now_ns - g->differs_ns > c->feedback_ms * NS_PER_MS;
}

static bool beyond_hope(const struct guardpol *g, const struct guardpol_in *in)
{
	const int64_t age_ns = in->now_ns - g->since_ns;

	switch (in->worker) {
	case GUARDPOL_STARTING:
		return age_ns > GUARDPOL_START_NS;
	case GUARDPOL_RUNNING:
		return g->lost_ns != TIME_NEVER && in->now_ns - g->lost_ns > GUARDPOL_KILL_NS;
	case GUARDPOL_STOPPING:
	case GUARDPOL_RELOADING:
		return age_ns > GUARDPOL_STOP_NS;
	default:
		return false;
	}
}

void guardpol_step(struct guardpol *g, const struct guardpol_config *c,
		   const struct guardpol_in *in, struct guardpol_out *out)
{
	memset(out, 0, sizeof(*out));
	watch_worker(g, in);
	if (in->latched == REASON_NONE) {
		g->latched_ns = TIME_NEVER;
	} else if (g->latched_ns == TIME_NEVER) {
		g->latched_ns = in->now_ns;
	}
	out->fresh = watch_beat(g, c, in);
	if (out->fresh) {
		g->alive_ns = in->now_ns;
	}

	/* What the contact shows is judged by the command that stood until now. */
	const bool differs = contact_differs(g, c, in);

	if (differs && in->latched == REASON_NONE) {
		out->latch = REASON_RELAY;
	}
	const uint32_t reason = out->latch != REASON_NONE ? out->latch
							  : objection(g, in, out->fresh);
	const bool held = hold(g, c, in, out->fresh, reason);

	if (reason != REASON_NONE && (!held || out->latch != REASON_NONE)) {
		if (g->relay != GUARDPOL_OPEN) {
			open_relay(g, in, reason, out);
		}
	} else if (reason == REASON_NONE) {
		close_relay(g, c, in, out);
	}
	drive_line(g, c, in);
	out->relay = g->relay;
	out->line = g->line;
	out->precharge = g->relay == GUARDPOL_PRECHARGE;
	out->kill = beyond_hope(g, in);
	out->healthy = !in->line_failed && in->now_ns - g->alive_ns < GUARDPOL_REPLACE_NS;
}
