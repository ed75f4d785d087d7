/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cycle_limit() and cycle_say() of src/core/cycle_limit.c: the min() composition and what the
 * frames say (SAF-01, SAF-02, SAF-03, SAF-07, SAF-08).
 *
 * Proven, for every state of the ladder and the link, every envelope, every order, every verdict of
 * arbiter and damping, in both directions:
 *   - a limit is never negative and never above the envelope of its direction;
 *   - it is 0 at every step of the ladder but run and caution, during an orderly stop, while nobody
 *     confirms, and during a pause;
 *   - it is 0 while a bound of SoC that an order gives is reached, and never above an order, the
 *     arbiter or the damping, nor above the falling ceiling of ladder step 1;
 *   - a rise is allowed at ladder step 1 only, with a sample that allows it;
 *   - the frames carry these limits, an enable bit only with a limit above 0 and fresh data, and
 *     with a charge limit of 0 none of the request bits 3, 4 and 5.
 *
 * Bounds: none; the loops run over the directions and levels. The proposals are PROPOSALS_MAX, the
 * number limiter_step.c proves.
 *
 * Assumed: limiter_step() does what limiter_step.c proves of it, the limiters are in a state that
 * limiter_sample.c and limiter_step.c prove to be kept, times are 0..2^62 ns. The charge voltage,
 * the leases, the ceiling of step 1 and the alarm bits are any.
 *
 * cbmc: --max-field-sensitivity-array-size 0 --slice-formula --external-sat-solver cadical
 * cbmc: --unwind 12 --signed-overflow-check --div-by-zero-check --bounds-check --pointer-check
 * replace: limiter_step step_contract
 * replace: house_proposal house_any
 */
#include "core/cycle_limit.c"
#include "core/limiter.c"
#include "proof.h"
#include "proof_ladder.h"
#include "proof_limiter.h"
#include "proof_time.h"

#define CELLS_MAX 32
#define VOLT_MAX  100000 /* mV of a cell and of the pack, far beyond any */

_Static_assert(PROPOSALS_MAX == 5, "limiter_step.c proves this number");

static struct cycle c; /* main() gives both any content */
static struct cycle_in in;
static int32_t lease_ma[COMMANDS];
static int32_t caution_ma[DIRS];
static int32_t house_ma[DIRS];

/* Of arbiter and damping; which of them, cycle_house.c proves. */
struct proposal house_any(const struct cycle *cycle, enum dir dir)
{
	(void)cycle;
	return (struct proposal){house_ma[dir], nondet_u32()};
}

int32_t step_contract(struct limiter *l, const struct core_config *config, int64_t now_ns,
		      struct proposal envelope, const struct proposal *extra, uint32_t extras,
		      bool may_rise, uint32_t *ret_rule)
{
	const enum dir dir = l == &c.limiter[DIR_CHARGE] ? DIR_CHARGE : DIR_DISCHARGE;
	const int32_t ma = nondet_i32();

	PROVE(l == &c.limiter[dir] && limiter_ok(l), "limiter of a direction, in order");
	PROVE(config == c.config && now_ns == in.now_ns, "settings and time of this period");
	PROVE(envelope.cap_ma == c.envelope_ma[dir] && envelope.rule == c.envelope_by[dir],
	      "envelope of the direction");
	PROVE(extras == PROPOSALS_MAX, "all proposals");
	PROVE_IF(may_rise, c.safety.step == STEP_RUN && !c.verdict.no_rise,
		 "no rise unless it may");
	ASSUME(ma >= 0 && ma <= max_i32(envelope.cap_ma, 0));
	for (uint32_t i = 0; i < PROPOSALS_MAX; i++) {
		ASSUME(ma <= max_i32(extra[i].cap_ma, 0));
	}
	*ret_rule = nondet_u32();
	return ma;
}

/* Whether a bound of SoC is reached: any. */
void cycle_watch_soc(struct cycle *cycle)
{
	for (uint32_t d = 0; d < DIRS; d++) {
		cycle->soc_reached[d] = nondet_bool();
	}
}

int32_t cycle_lease(const struct cycle *cycle, enum command_kind kind)
{
	(void)cycle;
	return lease_ma[kind];
}

int32_t safety_caution_cap(const struct safety *sf, int64_t now_ns, enum dir dir)
{
	(void)sf;
	(void)now_ns;
	return caution_ma[dir];
}

int32_t charge_cvl_mv(struct charge *ch, const struct core_config *config, int64_t now_ns,
		      int32_t cells, int32_t ovp_mv)
{
	(void)ch;
	(void)config;
	(void)now_ns;
	(void)cells;
	(void)ovp_mv;
	return nondet_i32();
}

uint32_t alarm_protections(uint16_t alarms)
{
	(void)alarms;
	return nondet_u32();
}

uint32_t alarm_warnings(uint16_t alarms, const bool level_warn[LEVELS], const bool over[DIRS],
			bool data_lost)
{
	(void)alarms;
	(void)level_warn;
	(void)over;
	(void)data_lost;
	return nondet_u32();
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

static void any_state(void)
{
	struct cycle any;
	struct cycle_in any_in;

	c = any;
	in = any_in;
	c.have_sample = nondet_bool();
	c.safety.data_lost = nondet_bool();
	c.verdict.no_rise = nondet_bool();
	c.verdict.soc_valid = nondet_bool();
	c.link.stuck = nondet_bool();
	c.charge.full = nondet_bool();
	c.hold_soc = nondet_bool();
	in.stop = nondet_bool();
	ASSUME(time_ok(in.now_ns) && c.safety.step < STEPS);
	ASSUME(c.held.cells >= 0 && c.held.cells <= CELLS_MAX);
	ASSUME(c.held.pack_mv >= 0 && c.held.pack_mv <= VOLT_MAX);
	ASSUME(c.maximum_ma[DIR_CHARGE] >= 0 && c.maximum_ma[DIR_DISCHARGE] >= 0);
	ASSUME(c.sample.bms.capacity_mah == SAMPLE_NO_VALUE || c.sample.bms.capacity_mah >= 0);
	for (uint32_t d = 0; d < DIRS; d++) {
		c.safety.obey[d].hold = nondet_bool();
		c.limiter[d].previous_good = nondet_bool();
		ASSUME(limiter_ok(&c.limiter[d]));
		caution_ma[d] = nondet_i32();
		house_ma[d] = nondet_i32();
	}
	for (uint32_t i = 0; i < COMMANDS; i++) {
		lease_ma[i] = nondet_i32();
	}
	for (uint32_t i = 0; i < LEVELS; i++) {
		c.safety.level[i].warn = nondet_bool();
	}
}

static void prove_limit(enum dir dir)
{
	const bool charge = dir == DIR_CHARGE;
	const int32_t ma = c.limit_ma[dir];

	PROVE(ma >= 0, "never negative");
	PROVE(ma <= max_i32(c.envelope_ma[dir], 0), "never above the envelope");
	PROVE_IF(ladder_zero(&c.safety), ma == 0, "0 by the ladder");
	PROVE_IF(in.stop, ma == 0, "0 during a stop");
	PROVE_IF(c.link.stuck, ma == 0, "0 while nobody confirms");
	PROVE_IF(lease_ma[charge ? COMMAND_PAUSE_CHARGE : COMMAND_PAUSE_DISCHARGE] != INT32_MAX,
		 ma == 0, "0 during a pause");
	PROVE_IF(c.soc_reached[dir], ma == 0, "0 at a bound of SoC");
	PROVE(ma <= max_i32(lease_ma[charge ? COMMAND_LIMIT_CHARGE : COMMAND_LIMIT_DISCHARGE], 0),
	      "never above an order");
	PROVE(ma <= max_i32(caution_ma[dir], 0), "never above the falling ceiling");
	PROVE(ma <= max_i32(house_ma[dir], 0), "never above arbiter and damping");
}

static void prove_say(void)
{
	const struct pylon_state *s = &c.say;
	const bool lost = !c.have_sample || c.safety.data_lost;

	PROVE(s->ccl_ma == c.limit_ma[DIR_CHARGE] && s->dcl_ma == c.limit_ma[DIR_DISCHARGE],
	      "the frames carry the limits");
	PROVE_IF(s->charge_enable, s->ccl_ma > 0 && !lost, "charge enable only with a limit");
	PROVE_IF(s->discharge_enable, s->dcl_ma > 0 && !lost, "discharge enable only with a limit");
	PROVE_IF(s->ccl_ma == 0, !s->force_charge_1 && !s->force_charge_2 && !s->full_charge,
		 "no request without a charge limit");
}

int main(void)
{
	struct core_config config; /* any content */
	struct sink sink = {0};

	any_state();
	config.force_charge = nondet_bool();
	ASSUME(config.dvl_mv >= 0 && config.dvl_mv <= VOLT_MAX);
	ASSUME(config.force_charge_soc >= 0 && config.force_charge_soc <= 100);
	c.config = &config;
	cycle_limit(&c, &in, &sink);
	prove_limit(DIR_CHARGE);
	prove_limit(DIR_DISCHARGE);
	PROVE(!c.contradiction, "no contradiction");
	cycle_say(&c, &in);
	prove_say();
	return 0;
}
