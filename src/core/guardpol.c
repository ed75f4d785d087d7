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
	g->worker = GUARDPOL_NONE;
	g->relay = RELAY_OPEN;
	g->since_ns = now_ns;
	g->alive_ns = now_ns;
	g->opened_ns = now_ns;
	g->lost_ns = TIME_NEVER;
	g->latched_ns = TIME_NEVER;
	guardpol_acked(g);
}

/* Return: since when it holds; TIME_NEVER if it does not. */
static int64_t since_when(bool holds, int64_t since_ns, int64_t now_ns)
{
	const int64_t begin_ns = since_ns == TIME_NEVER ? now_ns : since_ns;

	return holds ? begin_ns : TIME_NEVER;
}

/* It has come as far as its cycle. */
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
	if (in->worker != GUARDPOL_NONE) {
		g->announced = in->worker == GUARDPOL_STOPPING;
	} else if (g->worker != GUARDPOL_RELOADING) {
		g->holding = false; /* not the one whose end was announced */
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
	if (!has_cycle(in->worker)) {
		g->seen = false;
		g->advanced = false;
		g->lost_ns = TIME_NEVER;
		return false;
	}
	if (in->beat_valid && (!g->seen || in->beat != g->beat)) {
		/* The first value is where to count from, and so is one out of sequence. */
		if (!g->seen || in_sequence(g, c, in)) {
			g->moved_ns = in->now_ns;
			g->advanced = g->seen;
		}
		g->seen = true;
		g->beat = in->beat;
	}
	const bool fresh = g->advanced && in->now_ns - g->moved_ns < c->beat_ms * NS_PER_MS;

	g->lost_ns = since_when(!fresh, g->lost_ns, in->now_ns);
	return fresh;
}

/* Why the relay may not be closed: enum reason, REASON_NONE = it may. */
static uint32_t objection(const struct guardpol *g, const struct guardpol_in *in,
			  const struct guardpol_out *out)
{
	if (in->latched != REASON_NONE &&
	    (g->relay != RELAY_CLOSED || in->now_ns - g->latched_ns > GUARDPOL_TRIP_NS)) {
		return in->latched;
	}
	if (in->line_failed || out->latch != REASON_NONE) {
		return REASON_RELAY;
	}
	if (!has_cycle(in->worker)) {
		return g->announced ? REASON_STOPPING : REASON_WORKER;
	}
	if (!out->fresh) {
		return REASON_BEAT;
	}
	if (!in->permit) {
		const uint32_t why = in->latched != REASON_NONE ? in->latched : in->reason;

		return why != REASON_NONE ? why : REASON_COLD_START;
	}
	/* Its last frames say 0 A; then it ends, and if it does not the relay opens all the same. */
	if (in->worker != GUARDPOL_RUNNING &&
	    (g->relay != RELAY_CLOSED || in->now_ns - g->since_ns > GUARDPOL_LAST_NS)) {
		return REASON_STOPPING;
	}
	return REASON_NONE;
}

/*
 * An announced reload keeps a closed relay closed for a short time: while the old worker leaves, none
 * is there, the new one starts and waits for its samples. Anything worse ends it.
 */
static bool hold(struct guardpol *g, const struct guardpol_config *c, const struct guardpol_in *in,
		 uint32_t reason)
{
	if (in->worker == GUARDPOL_RELOADING && !g->holding && reason == REASON_NONE &&
	    g->since_ns == in->now_ns) {
		g->holding = true;
		g->hold_ns = in->now_ns;
	}
	if (in->latched != REASON_NONE || reason == REASON_RELAY ||
	    in->worker == GUARDPOL_STOPPING || in->now_ns - g->hold_ns > c->reload_ms * NS_PER_MS ||
	    (in->worker == GUARDPOL_RELOADING && !in->permit) ||
	    (in->worker == GUARDPOL_RUNNING &&
	     (reason == REASON_NONE || (reason == REASON_BEAT && g->advanced) ||
	      (in->reason != REASON_NONE && in->reason != REASON_COLD_START)))) {
		g->holding = false; /* complete, or worse than a reload */
	}
	return g->holding;
}

static void open_relay(struct guardpol *g, int64_t now_ns, uint32_t reason,
		       struct guardpol_out *out)
{
	out->opened = g->relay == RELAY_CLOSED;
	out->opened_by = reason;
	g->counts = g->counts || (out->opened && (reason == REASON_WORKER ||
						  reason == REASON_BEAT || reason == REASON_RELAY));
	g->relay = RELAY_OPEN;
	g->opened_ns = now_ns;
}

/* A worker that fails again and again must not make the relay chatter. */
static bool too_many(struct guardpol *g, int64_t now_ns)
{
	for (uint32_t i = 0; i < GUARDPOL_RECLOSE_MAX; i++) {
		if (g->reclose_ns[i] == TIME_NEVER ||
		    now_ns - g->reclose_ns[i] >= GUARDPOL_RECLOSE_NS) {
			g->reclose_ns[i] = now_ns;
			g->counts = false;
			return false;
		}
	}
	return true;
}

static void close_relay(struct guardpol *g, const struct guardpol_config *c, int64_t now_ns,
			struct guardpol_out *out)
{
	if (g->relay == RELAY_OPEN) {
		/* A contact that does not show open has welded, or is not known. */
		if (now_ns - g->opened_ns < c->open_ms * NS_PER_MS || g->differs_ns != TIME_NEVER) {
			return;
		}
		if (g->counts && too_many(g, now_ns)) {
			out->latch = REASON_WORKER;
			return;
		}
		g->relay = RELAY_PRECHARGE;
		g->phase_ns = now_ns;
	}
	if (g->relay == RELAY_PRECHARGE && now_ns - g->phase_ns >= c->precharge_ms * NS_PER_MS) {
		g->relay = RELAY_CLOSED;
		g->phase_ns = now_ns;
		g->line = true;
		out->closed = true;
	}
}

static void drive_line(struct guardpol *g, const struct guardpol_config *c, int64_t now_ns)
{
	if (g->relay != RELAY_CLOSED) {
		g->line = false;
	} else if (c->pulse_ms > 0 && now_ns - g->phase_ns >= c->pulse_ms * NS_PER_MS) {
		g->line = !g->line;
		g->phase_ns = now_ns;
	}
}

/* Return: the contact has differed from what was commanded for too long. */
static bool contact_differs(struct guardpol *g, const struct guardpol_config *c,
			    const struct guardpol_in *in)
{
	const int32_t expected = g->relay == RELAY_CLOSED ? 1 : 0;
	const bool differs = c->feedback_ms > 0 && in->feedback != expected;

	g->differs_ns = since_when(differs, g->differs_ns, in->now_ns);
	return differs && in->now_ns - g->differs_ns > c->feedback_ms * NS_PER_MS;
}

static bool beyond_hope(const struct guardpol *g, const struct guardpol_in *in)
{
	const int64_t age_ns = in->now_ns - g->since_ns;
	const bool lost = g->lost_ns != TIME_NEVER && in->now_ns - g->lost_ns > GUARDPOL_KILL_NS;
	const bool leaving = in->worker == GUARDPOL_STOPPING || in->worker == GUARDPOL_RELOADING;

	return (in->worker == GUARDPOL_STARTING && age_ns > GUARDPOL_START_NS) ||
	       (in->worker == GUARDPOL_RUNNING && lost) || (leaving && age_ns > GUARDPOL_STOP_NS);
}

void guardpol_step(struct guardpol *g, const struct guardpol_config *c,
		   const struct guardpol_in *in, struct guardpol_out *out)
{
	memset(out, 0, sizeof(*out));
	watch_worker(g, in);
	g->latched_ns = since_when(in->latched != REASON_NONE, g->latched_ns, in->now_ns);
	out->fresh = watch_beat(g, c, in);
	if (out->fresh) {
		g->alive_ns = in->now_ns;
	}
	/* What the contact shows is judged by the command that stood until now. */
	if (contact_differs(g, c, in) && in->latched == REASON_NONE) {
		out->latch = REASON_RELAY;
	}
	const uint32_t reason = objection(g, in, out);
	const bool held = hold(g, c, in, reason);

	if (reason == REASON_NONE) {
		close_relay(g, c, in->now_ns, out);
	} else if (!held && g->relay != RELAY_OPEN) {
		open_relay(g, in->now_ns, reason, out);
	}
	drive_line(g, c, in->now_ns);
	out->relay = g->relay;
	out->line = g->line;
	out->precharge = g->relay == RELAY_PRECHARGE;
	out->kill = beyond_hope(g, in);
	out->healthy = !in->line_failed && in->now_ns - g->alive_ns < GUARDPOL_REPLACE_NS;
}
