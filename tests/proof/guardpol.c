/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardpol_step() of src/core/guardpol.c (SAF-11, SAF-12): what the guard does with relay and
 * watchdogs.
 *
 * Proven, from every state that satisfies guardpol_ok(), for every input and every configuration in
 * range:
 *   - the relay never closes while something is latched, and then stays closed only for the time of
 *     a planned trip;
 *   - the relay is closed after the step only if its line works, and either the
 *     worker lives, permits, and its beat is fresh, or a reload that it announced while all this was
 *     so is not older than reload_ms;
 *   - a beat is fresh only if it has advanced, in sequence, within beat_ms;
 *   - the line is active only while the relay is closed, the precharge line only while it is not;
 *   - it closes only after open_ms, never for the fourth time in an hour after failures;
 *   - it opens with a reason, and each opening is told;
 *   - the watchdogs are fed only while the line works and a worker was well within 30 s;
 *   - the state satisfies guardpol_ok() again, so this holds for any number of steps.
 *
 * Bounds: none; one step from any state, so any number of them.
 *
 * Assumed: times are those of CLOCK_MONOTONIC, 0..2^62 ns, and do not go back; the configuration is in
 * the range that shared_failsafe_read() lets through. in_sequence() may answer anything: guardpol_beat.c.
 *
 * takes: 20
 * cbmc: --unwind 4 --signed-overflow-check --conversion-check --div-by-zero-check
 * cbmc: --bounds-check --pointer-check
 * replace: in_sequence in_sequence_any
 */
#include "core/guardpol.c"
#include "core/telemetry.h"
#include "proof.h"
#include "proof_time.h"

#define MS_MAX	      600000
#define PERIOD_US_MAX 1000000

/* Any answer, kept: what matters is that it is heeded. */
static bool sequence_good;

bool in_sequence_any(const struct guardpol *g, const struct guardpol_config *c,
		     const struct guardpol_in *in)
{
	(void)g;
	(void)c;
	(void)in;
	sequence_good = nondet_bool();
	return sequence_good;
}

static bool ms_ok(int32_t ms)
{
	return ms >= 0 && ms <= MS_MAX;
}

/* Not later than @now_ns. */
static bool past(int64_t t_ns, int64_t now_ns)
{
	return t_ns >= 0 && t_ns <= now_ns;
}

static bool past_or_never(int64_t t_ns, int64_t now_ns)
{
	return t_ns == TIME_NEVER || past(t_ns, now_ns);
}

static bool relay_ok(uint32_t relay)
{
	return relay == RELAY_OPEN || relay == RELAY_PRECHARGE || relay == RELAY_CLOSED;
}

/* Holds after guardpol_init() and is kept by guardpol_step(). */
static bool guardpol_ok(const struct guardpol *g, const struct guardpol_config *c, int64_t now_ns)
{
	bool times = past(g->since_ns, now_ns) && past(g->moved_ns, now_ns) &&
		     past_or_never(g->lost_ns, now_ns) && past_or_never(g->latched_ns, now_ns) &&
		     past(g->alive_ns, now_ns) && past(g->opened_ns, now_ns) &&
		     past(g->phase_ns, now_ns) && past(g->hold_ns, now_ns) &&
		     past_or_never(g->differs_ns, now_ns);

	for (uint32_t i = 0; i < GUARDPOL_RECLOSE_MAX; i++) {
		times = times && past_or_never(g->reclose_ns[i], now_ns);
	}
	return times && relay_ok(g->relay) && (!g->line || g->relay == RELAY_CLOSED) &&
	       (!g->holding || g->relay == RELAY_CLOSED) && (!g->advanced || g->seen) &&
	       (g->relay != RELAY_PRECHARGE ||
		g->phase_ns - g->opened_ns >= c->open_ms * NS_PER_MS);
}

static bool used_up(const struct guardpol *g, int64_t now_ns)
{
	for (uint32_t i = 0; i < GUARDPOL_RECLOSE_MAX; i++) {
		if (g->reclose_ns[i] == TIME_NEVER ||
		    now_ns - g->reclose_ns[i] >= GUARDPOL_RECLOSE_NS) {
			return false;
		}
	}
	return true;
}

int main(void)
{
	struct guardpol_config c; /* any content */
	struct guardpol_in in;	  /* any content */
	struct guardpol g;	  /* any content */
	struct guardpol_out out;
	const int64_t before_ns = nondet_i64();

	ASSUME(time_ok(before_ns) && time_ok(in.now_ns) && in.now_ns >= before_ns);
	ASSUME(c.period_us > 0 && c.period_us <= PERIOD_US_MAX);
	ASSUME(ms_ok(c.beat_ms) && ms_ok(c.reload_ms) && ms_ok(c.open_ms) && ms_ok(c.pulse_ms) &&
	       ms_ok(c.precharge_ms) && ms_ok(c.feedback_ms));
	in.beat_valid = nondet_bool();
	in.permit = nondet_bool();
	in.line_failed = nondet_bool();
	g.seen = nondet_bool();
	g.advanced = nondet_bool();
	g.holding = nondet_bool();
	g.announced = nondet_bool();
	g.counts = nondet_bool();
	g.line = nondet_bool();

	struct guardpol first;

	guardpol_init(&first, before_ns);
	PROVE(guardpol_ok(&first, &c, before_ns), "invariant from the start");
	PROVE(first.relay == RELAY_OPEN, "starts open");

	ASSUME(guardpol_ok(&g, &c, before_ns));

	const struct guardpol old = g;

	guardpol_step(&g, &c, &in, &out);

	const bool closed = out.relay == RELAY_CLOSED;
	const bool was_closed = old.relay == RELAY_CLOSED;
	const bool worker = in.worker == GUARDPOL_RUNNING || in.worker == GUARDPOL_STOPPING ||
			    in.worker == GUARDPOL_RELOADING;
	const bool well = worker && in.permit && out.fresh;
	const bool announced = in.worker == GUARDPOL_RELOADING && well &&
			       (old.worker != GUARDPOL_RELOADING || old.since_ns == in.now_ns);
	const bool moved = g.moved_ns != old.moved_ns;

	PROVE_IF(in.latched != REASON_NONE && !was_closed, !closed && out.relay != RELAY_PRECHARGE,
		 "never closes while latched");
	PROVE_IF(closed && in.latched != REASON_NONE,
		 in.now_ns - g.latched_ns <= GUARDPOL_TRIP_NS && g.latched_ns != TIME_NEVER &&
			 (old.latched_ns == TIME_NEVER || old.latched_ns == g.latched_ns),
		 "closed while latched only for a planned trip");
	PROVE_IF(closed && g.holding && in.worker == GUARDPOL_RELOADING, in.permit,
		 "a reload holds only with a permit");
	PROVE_IF(closed && g.holding && in.worker == GUARDPOL_RUNNING && g.advanced, out.fresh,
		 "a reload holds no beat that was lost");
	PROVE_IF(old.relay == RELAY_OPEN && out.relay != RELAY_OPEN && c.feedback_ms > 0,
		 in.feedback == 0, "closes only a contact that shows open");
	PROVE_IF(closed && g.holding, in.latched == REASON_NONE, "a reload holds no latch");
	PROVE_IF(closed, !in.line_failed, "never closed with a line that fails");
	PROVE_IF(closed && !g.holding, well, "closed only with worker, permit and beat");
	PROVE_IF(closed && g.holding, was_closed, "a reload closes nothing");
	PROVE_IF(closed && g.holding, in.now_ns - g.hold_ns <= c.reload_ms * NS_PER_MS,
		 "a reload holds only for its time");
	PROVE_IF(g.hold_ns != old.hold_ns || (g.holding && !old.holding), announced,
		 "a reload holds only what was well");
	PROVE_IF(out.fresh, worker && g.advanced && in.now_ns - g.moved_ns < c.beat_ms * NS_PER_MS,
		 "fresh only within the time of the beat");
	PROVE_IF(moved, in.beat_valid && (!old.seen || in.beat != old.beat),
		 "a beat that stands still is no beat");
	PROVE_IF(g.advanced && !old.advanced, moved || in.now_ns == old.moved_ns,
		 "fresh only after an advance");
	PROVE_IF(moved && old.seen && old.worker == in.worker, sequence_good,
		 "a beat out of sequence is no beat");
	PROVE_IF(out.line, closed, "line active only while closed");
	PROVE_IF(out.precharge, !closed && !out.line, "precharge only while not closed");
	PROVE_IF(closed && !was_closed, out.closed && well, "closes only when all is well");
	PROVE_IF(closed && !was_closed, in.now_ns - old.opened_ns >= c.open_ms * NS_PER_MS,
		 "closes only after the open time");
	PROVE_IF(old.relay == RELAY_OPEN && out.relay != RELAY_OPEN && old.counts,
		 !used_up(&old, in.now_ns), "no fourth closing in an hour");
	PROVE_IF(was_closed && !closed, out.opened && out.opened_by != REASON_NONE,
		 "opens with a reason");
	PROVE_IF(out.opened, was_closed && !closed, "tells what it did");
	PROVE_IF(out.latch != REASON_NONE, out.relay == RELAY_OPEN, "what latches opens");
	PROVE_IF(out.healthy, !in.line_failed, "no feed with a line that fails");
	PROVE_IF(out.healthy, out.fresh || in.now_ns - old.alive_ns < GUARDPOL_REPLACE_NS,
		 "no feed without a worker");
	PROVE(guardpol_ok(&g, &c, in.now_ns), "invariant");
	return 0;
}
