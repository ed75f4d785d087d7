/* SPDX-License-Identifier: Apache-2.0 */
/* min(envelope, proposals), then the ladder; and what the frames say. */
#include "base/units.h"
#include "core/alarm.h"
#include "cycle_private.h"

#define SOC_FULL_PCT  100
#define SOC_NOT_FULL  99
#define CVL_GRID_MV   100
#define SOH_PCT	      100
#define PROPOSALS_MAX 5

/* The ladder's own rule for a step at which both limits are 0. */
static enum rule ladder_rule(const struct safety *sf)
{
	switch ((enum step)sf->step) {
	case STEP_INIT:
		return RULE_NO_SAMPLE;
	case STEP_HOLD:
		return RULE_HOLD;
	case STEP_TRIP:
		return RULE_TRIP;
	case STEP_STOP:
		return sf->reason == REASON_GUARD	      ? RULE_GUARD_LOST
		       : sf->reason == REASON_INVERTER_SILENT ? RULE_INVERTER_LOST
		       : sf->reason == REASON_COLD_START      ? RULE_CONFIRM
							      : RULE_STOP;
	case STEP_RUN:
	case STEP_CAUTION:
	case STEPS:
	default:
		return RULE_NONE;
	}
}

/* The stronger of what arbiter and damping want. */
static struct proposal house_proposal(const struct cycle *c, enum dir dir)
{
	const struct proposal arbiter = {c->arbiter.cap_ma[dir], c->arbiter.rule[dir]};
	const struct proposal damping = {c->damping.cap_ma[dir], RULE_DAMPING};

	return damping.cap_ma < arbiter.cap_ma ? damping : arbiter;
}

/* The lowest of what orders ask for. */
static struct proposal command_proposal(const struct cycle *c, enum dir dir)
{
	const bool charge = dir == DIR_CHARGE;

	if (cycle_lease(c, charge ? COMMAND_PAUSE_CHARGE : COMMAND_PAUSE_DISCHARGE) != INT32_MAX) {
		return (struct proposal){0, RULE_COMMAND};
	}
	if (c->soc_reached[dir]) {
		return (struct proposal){0, charge ? RULE_SOC_MAX : RULE_SOC_MIN};
	}
	return (struct proposal){
		cycle_lease(c, charge ? COMMAND_LIMIT_CHARGE : COMMAND_LIMIT_DISCHARGE),
		RULE_COMMAND};
}

static int32_t limit_dir(struct cycle *c, const struct cycle_in *in, enum dir dir,
			 uint32_t *ret_rule)
{
	const struct proposal extra[PROPOSALS_MAX] = {
		{safety_caution_cap(&c->safety, in->now_ns, dir), RULE_CAUTION},
		command_proposal(c, dir),
		house_proposal(c, dir),
		{in->stop ? 0 : INT32_MAX, RULE_SHUTDOWN},
		/* While nobody confirms, the bus is offered 0 A; the way back is a ramp. */
		{c->link.stuck ? 0 : INT32_MAX, RULE_CAN_LOST},
	};
	const struct proposal envelope = {c->envelope_ma[dir], c->envelope_by[dir]};
	const bool may_rise = c->safety.step == STEP_RUN && !c->verdict.no_rise;
	int32_t ma = limiter_step(&c->limiter[dir], c->config, in->now_ns, envelope, extra,
				  PROPOSALS_MAX, may_rise, ret_rule);

	if (c->safety.step == STEP_INIT || c->safety.step >= STEP_STOP) {
		ma = 0;
		*ret_rule = (uint32_t)(in->stop ? RULE_SHUTDOWN : ladder_rule(&c->safety));
		limiter_cap(&c->limiter[dir], 0);
		if (c->safety.data_lost) {
			limiter_forget(&c->limiter[dir]);
		}
	}
	return ma;
}

static void report_limit(struct cycle *c, enum dir dir, struct sink *sink)
{
	if (c->limited_by[dir] == c->reported_by[dir]) {
		return;
	}
	c->reported_by[dir] = c->limited_by[dir];
	sink_emit(sink, dir == DIR_CHARGE ? EVENT_LIMIT_CHARGE : EVENT_LIMIT_DISCHARGE,
		  c->limit_ma[dir], (int32_t)c->limited_by[dir], 0, 0);
}

/* CVL: phases, or while an order to stop charging is not obeyed the pack voltage, only falling. */
static void limit_voltage(struct cycle *c, int64_t now_ns)
{
	const int32_t floor_mv = CHARGE_CVL_FLOOR_MV * c->held.cells;

	c->cvl_mv = charge_cvl_mv(&c->charge, c->config, now_ns, c->held.cells, c->ovp_mv);
	/* Once held, until the ladder is back: not only until the current is. */
	if (!c->safety.obey[DIR_CHARGE].hold &&
	    (c->hold_cvl_mv == 0 || c->safety.step < STEP_HOLD)) {
		c->hold_cvl_mv = 0;
		return;
	}
	const int32_t pack_mv = c->held.pack_mv - c->held.pack_mv % CVL_GRID_MV;

	c->hold_cvl_mv = c->hold_cvl_mv == 0 ? pack_mv : min_i32(c->hold_cvl_mv, pack_mv);
	c->hold_cvl_mv = min_i32(c->hold_cvl_mv, c->cvl_mv);
	c->cvl_mv = max_i32(c->hold_cvl_mv, floor_mv);
}

/* SoC: the lever of the discharge side, held as long as that of the charge side. */
static void limit_soc(struct cycle *c)
{
	c->hold_soc = c->safety.obey[DIR_DISCHARGE].hold ||
		      (c->hold_soc && c->safety.step >= STEP_HOLD);
}

void cycle_limit(struct cycle *c, const struct cycle_in *in, struct sink *sink)
{
	c->contradiction = false;
	cycle_watch_soc(c);
	for (uint32_t d = 0; d < DIRS; d++) {
		c->limit_ma[d] = limit_dir(c, in, (enum dir)d, &c->limited_by[d]);
		if (c->limit_ma[d] > 0 && c->limit_ma[d] > c->envelope_ma[d]) {
			/* Cannot happen; if it does, the plan is wrong and nothing may flow. */
			c->limit_ma[d] = 0;
			c->contradiction = true;
		}
		report_limit(c, (enum dir)d, sink);
	}
	limit_voltage(c, in->now_ns);
	limit_soc(c);
}

/*
 * SoC on the bus (SAF-09). Never a default because data is missing: at its force-charge SoC a Solis
 * charges from the grid, also a battery that must not be charged.
 */
static int32_t soc_shown(const struct cycle *c, bool missing)
{
	const struct core_config *cfg = c->config;
	const int32_t floor_pct = cfg->force_charge_soc + 1;
	const bool full = cfg->full_rule == FULL_BY_BMS || c->charge.full;
	int32_t soc = min_i32(c->held.soc_pct, full && !missing ? SOC_FULL_PCT : SOC_NOT_FULL);

	if (c->hold_soc) {
		soc = max_i32(min_i32(soc, cfg->overdischarge_soc), floor_pct);
	}
	if (missing || c->envelope_ma[DIR_CHARGE] < LIMITER_GRID_MA ||
	    c->safety.step >= STEP_STOP) {
		soc = max_i32(soc, floor_pct);
	}
	return soc;
}

static uint32_t warnings(const struct cycle *c)
{
	bool level_warn[LEVELS];
	const bool over[DIRS] = {
		c->have_sample && c->held.pack_ma > c->maximum_ma[DIR_CHARGE],
		c->have_sample && c->held.pack_ma < -c->maximum_ma[DIR_DISCHARGE],
	};

	for (uint32_t i = 0; i < LEVELS; i++) {
		level_warn[i] = c->safety.level[i].warn;
	}
	/* The safe set shows the fault; the first seconds after a start are none. */
	const bool fault = c->safety.data_lost ||
			   (c->safety.step >= STEP_STOP && c->safety.reason != REASON_COLD_START);

	return alarm_warnings(c->sample.alarms, level_warn, over, fault);
}

void cycle_say(struct cycle *c, const struct cycle_in *in)
{
	const struct core_config *cfg = c->config;
	const bool fresh = c->have_sample && !c->safety.data_lost;
	const bool charge = fresh && c->limit_ma[DIR_CHARGE] > 0;
	const bool soc_known = fresh && c->verdict.soc_valid;

	(void)in;
	c->say = (struct pylon_state){
		.cvl_mv = c->cvl_mv,
		.dvl_mv = cfg->dvl_mv * c->held.cells,
		.ccl_ma = c->limit_ma[DIR_CHARGE],
		.dcl_ma = c->limit_ma[DIR_DISCHARGE],
		.pack_mv = c->held.pack_mv,
		.pack_ma = c->held.pack_ma,
		.temp_dc = c->held.temp_dc,
		.soc_pct = soc_shown(c, !soc_known),
		.soh_pct = SOH_PCT,
		.protections = alarm_protections(c->sample.alarms),
		.warnings = warnings(c),
		.charge_enable = charge,
		.discharge_enable = fresh && c->limit_ma[DIR_DISCHARGE] > 0,
		.force_charge_1 = cfg->force_charge && charge && soc_known &&
				  c->held.soc_pct <= cfg->force_charge_soc,
		.full_charge = charge && cycle_lease(c, COMMAND_FULL_CHARGE) != INT32_MAX,
		.modules = cfg->modules,
		.capacity_ah = c->sample.bms.capacity_mah == SAMPLE_NO_VALUE
				       ? 0
				       : c->sample.bms.capacity_mah / 1000,
	};
}
