/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step_safety() of src/core/cycle.c and safety_step() of src/core/safety.c: stale or invalid data
 * on the ladder (SAF-01, SAF-03, SAF-14).
 *
 * Proven, from every state that satisfies ladder_ok(), for every configuration and every time:
 *   - after a step in which there is no sample, the newest trusted one is older than bms.stale, or
 *     it is implausible, frozen, or from before a suspend, the ladder is at a step at which
 *     cycle_limit.c proves both limits to be 0; the data count as lost;
 *   - ladder_ok() holds again, and holds after safety_init().
 *
 * Bounds: none; the loops run over the rows of the ladder and the re-closings.
 *
 * Assumed: times are those of CLOCK_MONOTONIC, 0..2^62 ns (146 years), and the age is the whole
 * milliseconds from then to now (time_since.c); bms.stale and bms.trip are in the range of the
 * configuration table. Events and the state of the CAN bus are any.
 *
 * takes: 8
 * cbmc: --unwind 16 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check
 * replace: time_ms_since time_ms_since_contract
 */
#include "core/cycle.c"
#include "core/safety.c"
#include "proof.h"
#include "proof_ladder.h"
#include "proof_time.h"

static struct cycle c; /* main() gives both any content */
static struct cycle_in in;

void sink_emit(struct sink *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2, int32_t a3)
{
	(void)s;
	(void)id;
	(void)a0;
	(void)a1;
	(void)a2;
	(void)a3;
}

int32_t link_lost_ms(const struct link *l, int64_t now_ns)
{
	(void)l;
	(void)now_ns;
	return nondet_i32();
}

bool link_limits_lost(const struct link *l)
{
	(void)l;
	return nondet_bool();
}

static void any_state(void)
{
	struct cycle any;
	struct cycle_in any_in;

	c = any;
	in = any_in;
	c.have_sample = nondet_bool();
	c.suspended = nondet_bool();
	c.contradiction = nondet_bool();
	c.verdict.safe_set = nondet_bool();
	c.verdict.frozen = nondet_bool();
	c.safety.permit = nondet_bool();
	c.safety.data_lost = nondet_bool();
	for (uint32_t d = 0; d < DIRS; d++) {
		c.safety.obey[d].hold = nondet_bool();
	}
	in.guard_ok = nondet_bool();
	ASSUME(time_ok(in.now_ns) && time_ok(c.start_ns));
	ASSUME(c.trusted_ns == TIME_NEVER || time_ok(c.trusted_ns));
	ASSUME(c.safety.open_ns == TIME_NEVER || time_ok(c.safety.open_ns));
	ASSUME(c.safety.trip_ns == TIME_NEVER || time_ok(c.safety.trip_ns));
	ASSUME(c.safety.zero_since_ns == TIME_NEVER || time_ok(c.safety.zero_since_ns));
	ASSUME(c.safety.heard_ns == TIME_NEVER || time_ok(c.safety.heard_ns));
	ASSUME(c.link.alive_ns == TIME_NEVER || time_ok(c.link.alive_ns));
	ASSUME(c.link.alive_start_ns == TIME_NEVER || time_ok(c.link.alive_start_ns));
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		ASSUME(c.safety.reclose_ns[i] == TIME_NEVER || time_ok(c.safety.reclose_ns[i]));
	}
}

static void prove_init(void)
{
	struct safety sf;
	struct safety_kept kept; /* any content */

	safety_init(&sf, 0, nondet_bool(),
		    nondet_bool() ? SAFETY_GOOD_SAMPLES : SAFETY_RELOAD_SAMPLES,
		    nondet_bool() ? &kept : NULL);
	PROVE(ladder_ok(&sf, false), "ladder from the start");
	PROVE(!sf.permit && sf.data_lost, "starts without a permit");
}

int main(void)
{
	struct core_config config; /* any content */
	struct sink sink = {0};

	prove_init();
	any_state();
	ASSUME(config.stale_ms >= 1000 && config.stale_ms <= 10000);
	ASSUME(config.trip_ms >= config.stale_ms + 2000 && config.trip_ms <= 600000);
	ASSUME(ladder_ok(&c.safety, c.have_sample));
	c.config = &config;

	const int64_t stale_ns = (config.stale_ms + INT64_C(1)) * NS_PER_MS;
	const bool stale = c.trusted_ns == TIME_NEVER || in.now_ns - c.trusted_ns >= stale_ns;
	const bool invalid = c.verdict.safe_set || c.verdict.frozen || c.suspended;
	const bool was_init = c.safety.step == STEP_INIT;

	step_safety(&c, &in, &sink);
	PROVE_IF(!c.have_sample, ladder_zero(&c.safety), "0 without a sample");
	PROVE_IF(c.have_sample && stale, ladder_zero(&c.safety), "0 when stale");
	PROVE_IF(invalid, ladder_zero(&c.safety), "0 when invalid");
	PROVE_IF(c.have_sample && (stale || invalid), c.safety.data_lost, "data lost");
	PROVE_IF(!was_init && !c.have_sample, c.safety.data_lost, "no data yet");
	PROVE_IF(!ladder_zero(&c.safety), c.have_sample && !stale && !invalid,
		 "a limit only with fresh data");
	PROVE(ladder_ok(&c.safety, c.have_sample), "ladder kept");
	return 0;
}
