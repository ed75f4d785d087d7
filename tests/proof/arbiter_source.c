/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arbiter_step() of src/core/arbiter.c: what a silent source leaves behind (SAF-07, SAF-14).
 *
 * Proven, for every state of the arbiter, every word of the sources and every settings:
 *   - no cap is negative;
 *   - of a source whose word does not count (source_fresh.c) both caps are at most what its fallback
 *     says; of an inverter or its portal as long as neither of them is heard;
 *   - of a silent inverter nothing stays: no cause is active, and with fallbacks that release no cap
 *     is left;
 *   - without the meter the cross-charge guard does not act;
 *   - a direction that is not limited names no rule.
 *
 * Bounds: none; one step from any state, the loops run over the directions.
 *
 * Assumed: times are 0..2^62 ns or never; the settings are in the range of the configuration table.
 * Powers, need and slopes are arithmetic that the unit tests and the fuzz target run: look(),
 * need_ma(), push_w(), slow_step(), read_peer() are replaced by functions with any result.
 *
 * cbmc: --unwind 4 --signed-overflow-check --div-by-zero-check --bounds-check --pointer-check
 * replace: time_ms_since time_any
 * replace: source_fresh fresh_any
 * replace: look look_any
 * replace: need_ma need_any
 * replace: push_w push_any
 * replace: slow_step slow_any
 * replace: read_peer read_any
 * replace: to_ma to_any
 */
#include "core/arbiter.c"
#include "proof.h"
#include "proof_time.h"

#define STALE_MAX_MS 3600000

static bool readable[2]; /* whether the word of local and portal has a usable value */
static bool fresh[SOURCES];
static uint32_t asked; /* about so many sources: always in the same order */
static struct arbiter_in in;
static struct core_config c; /* main() gives both any content */
static int64_t from_ns;

int32_t time_any(int64_t now_ns, int64_t then_ns)
{
	(void)now_ns;
	(void)then_ns;
	return nondet_i32();
}

bool fresh_any(int64_t now_ns, int64_t forget_ns, int64_t t_ns, int32_t stale_ms)
{
	const int64_t heard_ns[SOURCES] = {in.grid.t_ns, in.local.t_ns, in.portal.t_ns};

	PROVE(asked < SOURCES, "each source once");
	PROVE(now_ns == in.now_ns && forget_ns == from_ns, "as of now, and of the last suspend");
	PROVE(t_ns == heard_ns[asked] && stale_ms == c.source[asked].stale_ms,
	      "time and age limit of one source");
	return fresh[asked++];
}

bool read_any(struct arbiter *a, const struct peer_sample *p, int32_t own_mv)
{
	(void)own_mv;
	a->peer_w = nondet_i32();
	a->peer_ma = nondet_i32();
	return p == &in.local ? readable[0] : readable[1];
}

struct view look_any(const struct arbiter *a, const struct arbiter_config *ac,
		     const struct arbiter_in *ai, enum dir dir)
{
	struct view v;

	(void)a;
	(void)ac;
	(void)ai;
	(void)dir;
	return v;
}

int64_t push_any(const struct view *v)
{
	(void)v;
	return nondet_i32();
}

int32_t need_any(const struct view *v, int64_t less_w, int32_t mv)
{
	(void)v;
	(void)less_w;
	(void)mv;
	return nondet_i32();
}

int32_t to_any(int32_t w, int32_t mv)
{
	(void)w;
	(void)mv;
	return nondet_i32();
}

void slow_any(struct arbiter_dir *d, int32_t target_ma, const struct slope *s)
{
	(void)target_ma;
	(void)s;
	d->slow_ma = nondet_i32();
}

void sink_emit(struct sink *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2, int32_t a3)
{
	(void)s;
	(void)id;
	(void)a0;
	(void)a1;
	(void)a2;
	(void)a3;
}

static bool stamp_ok(int64_t t_ns)
{
	return t_ns == TIME_NEVER || time_ok(t_ns);
}

static bool settings_ok(void)
{
	const struct arbiter_config *a = &c.arbiter;
	return a->grace_ms >= 0 && a->grace_ms <= STALE_MAX_MS && a->hold_ms >= 0 &&
	       a->hold_ms <= STALE_MAX_MS && a->cross_ms >= 0 && a->cross_ms <= STALE_MAX_MS &&
	       a->cross_hold_ms >= 0 && a->cross_hold_ms <= 24 * STALE_MAX_MS && a->ahead_w >= 0 &&
	       a->import_w >= 0 && a->export_w >= 0;
}

static void prove_fallback(const struct source_config *s, const struct arbiter *a, enum dir dir,
			   bool is_silent)
{
	PROVE_IF(is_silent && s->fallback == FALLBACK_ZERO, a->cap_ma[dir] == 0,
		 "fallback to 0 of a silent source");
	PROVE_IF(is_silent && s->fallback == FALLBACK_CAP, a->cap_ma[dir] <= max_i32(s->cap_ma, 0),
		 "fallback to a cap of a silent source");
}

static void any_state(struct arbiter *a)
{
	a->grid_told = nondet_bool();
	a->peer_told = nondet_bool();
	ASSUME(stamp_ok(a->from_ns) && time_ok(a->last_ns) && time_ok(a->busy_ns));
	ASSUME(stamp_ok(a->told_ns));
	for (uint32_t d = 0; d < DIRS; d++) {
		a->dir[d].open = nondet_bool();
		a->dir[d].interlock.active = nondet_bool();
		a->dir[d].cross.active = nondet_bool();
		ASSUME(stamp_ok(a->dir[d].ahead_ns) && stamp_ok(a->dir[d].wrong_ns));
		ASSUME(stamp_ok(a->dir[d].interlock.since_ns));
		ASSUME(stamp_ok(a->dir[d].cross.since_ns));
		/* An active cause was seen. */
		ASSUME(time_ok(a->dir[d].interlock.seen_ns) || !a->dir[d].interlock.active);
		ASSUME(time_ok(a->dir[d].cross.seen_ns) || !a->dir[d].cross.active);
	}
}

int main(void)
{
	struct core_config any_config;
	struct arbiter a; /* any content */
	struct arbiter_in any;
	struct sink sink = {0};

	in = any;
	c = any_config;
	c.arbiter.interlock = nondet_bool();
	c.arbiter.cross = nondet_bool();
	readable[0] = nondet_bool();
	readable[1] = nondet_bool();
	for (uint32_t s = 0; s < SOURCES; s++) {
		fresh[s] = nondet_bool();
	}
	any_state(&a);
	from_ns = a.from_ns;
	ASSUME(settings_ok() && time_ok(in.now_ns));

	const bool grid = !fresh[SOURCE_GRID];
	const bool peer = !(fresh[SOURCE_LOCAL] && readable[0]) &&
			  !(fresh[SOURCE_PORTAL] && readable[1]);
	const bool release = c.source[SOURCE_GRID].fallback == FALLBACK_RELEASE &&
			     c.source[SOURCE_LOCAL].fallback == FALLBACK_RELEASE &&
			     c.source[SOURCE_PORTAL].fallback == FALLBACK_RELEASE;

	arbiter_step(&a, &c, &in, &sink);
	for (uint32_t d = 0; d < DIRS; d++) {
		PROVE(a.cap_ma[d] >= 0, "no cap is negative");
		PROVE_IF(a.cap_ma[d] == INT32_MAX, a.rule[d] == RULE_NONE, "no rule without a cap");
		prove_fallback(&c.source[SOURCE_GRID], &a, (enum dir)d, grid);
		prove_fallback(&c.source[SOURCE_LOCAL], &a, (enum dir)d, peer);
		prove_fallback(&c.source[SOURCE_PORTAL], &a, (enum dir)d, peer);
		PROVE_IF(peer,
			 !a.dir[d].interlock.active && !a.dir[d].cross.active &&
				 a.dir[d].ahead_ns == TIME_NEVER && a.dir[d].slow_ma == INT32_MAX,
			 "nothing stays of a silent inverter");
		PROVE_IF(grid, !a.dir[d].cross.active && a.dir[d].ahead_ns == TIME_NEVER,
			 "no guard without the meter");
		PROVE_IF(peer && release, a.cap_ma[d] == INT32_MAX, "released");
	}
	return 0;
}
