/* SPDX-License-Identifier: Apache-2.0 */
/* What one new sample does. */
#include "base/units.h"
#include "cycle_private.h"

/* Without a usable OCP of the BMS a maximum must have been written down (SAF-15). */
static bool maxima_known(const struct cycle *c, const struct sample *s, struct sink *sink)
{
	for (uint32_t d = 0; d < DIRS; d++) {
		if (s->bms.ocp_ma[d] == SAMPLE_NO_VALUE && !c->config->max_explicit[d]) {
			sink_emit(sink, EVENT_NO_MAXIMUM, 0, 0, 0, 0);
			return false;
		}
	}
	return true;
}

static void report_changes(struct cycle *c, const struct sample *s, struct sink *sink)
{
	const uint8_t mosfets = (uint8_t)((s->mosfet[DIR_CHARGE] ? 1U : 0U) |
					  (s->mosfet[DIR_DISCHARGE] ? 2U : 0U));

	if (s->alarms != c->alarms_reported) {
		sink_emit(sink, EVENT_BMS_ALARM, s->alarms, c->alarms_reported, 0, 0);
		c->alarms_reported = s->alarms;
	}
	if (mosfets != c->mosfets_reported) {
		sink_emit(sink, EVENT_BMS_MOSFETS, s->mosfet[DIR_CHARGE] ? 1 : 0,
			  s->mosfet[DIR_DISCHARGE] ? 1 : 0, 0, 0);
		c->mosfets_reported = mosfets;
	}
}

/* Values that are shown until better ones come: never 0 because something is missing (SAF-09). */
static void hold_values(struct cycle *c, const struct sample *s)
{
	int32_t sum_dc = 0;
	int32_t probes = 0;

	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		if ((c->verdict.probe_mask & (1U << i)) != 0) {
			sum_dc += s->probe_dc[i];
			probes++;
		}
	}
	if (probes > 0) {
		c->held.temp_dc = sum_dc / probes;
	}
	if (c->verdict.pack_valid) {
		c->held.pack_mv = s->pack_mv;
	}
	if ((s->missing & SAMPLE_NO_CURRENT) == 0) {
		c->held.pack_ma = s->pack_ma;
	}
	if (c->verdict.soc_valid) {
		c->held.soc_pct = s->soc_pct;
	}
	c->held.cells = c->plausible.cells;
	c->held.t_ns = c->trusted_ns;
}

/* The BMS's OVP bounds the CVL: it may lower it at once, and raise it when two samples agree. */
static void confirm_ovp(struct cycle *c, const struct sample *s)
{
	const int32_t cell_mv = s->bms.cell_ovp_mv == SAMPLE_NO_VALUE ? INT32_MAX
								      : s->bms.cell_ovp_mv;
	const int32_t pack_mv = s->bms.pack_ovp_mv == SAMPLE_NO_VALUE ? INT32_MAX
								      : s->bms.pack_ovp_mv;
	const int32_t ovp_mv = min_i32(cell_mv, pack_mv);

	if (c->verdict.good && c->ovp_last_good) {
		c->ovp_mv = min_i32(ovp_mv, c->ovp_last_mv);
	} else {
		c->ovp_mv = min_i32(c->ovp_mv, ovp_mv);
	}
	c->ovp_last_mv = ovp_mv;
	c->ovp_last_good = c->verdict.good;
}

/* Share of the ceiling for the ratchet: -1 if the cells of this sample must not move it. */
static int32_t ratchet_share(const struct cycle *c, enum dir dir)
{
	return c->verdict.good ? envelope_cells(c->config, &c->envelope, dir) : -1;
}

static void evaluate(struct cycle *c, const struct sample *s, struct sink *sink)
{
	struct safety_sample ss = {
		.s = s,
		.good = c->verdict.good,
		.cells_valid = c->verdict.cells_valid,
		.probe_mask = c->verdict.probe_mask,
	};

	envelope_input(s, c->verdict.probe_mask, c->verdict.probes_ok, &c->envelope);
	c->envelope.recovery = c->safety.recover_until_ns != TIME_NEVER &&
			       sink->now_ns < c->safety.recover_until_ns;
	ss.cold_dc = c->envelope.cold_dc;
	ss.hot_dc = c->envelope.hot_dc;
	for (uint32_t d = 0; d < DIRS; d++) {
		uint32_t rule = RULE_NONE;

		ss.envelope_ma[d] = envelope_eval(c->config, &c->envelope, (enum dir)d, &rule,
						  NULL);
		ss.maximum_ma[d] = envelope_maximum(c->config, &s->bms, (enum dir)d);
		c->maximum_ma[d] = ss.maximum_ma[d];
	}
	safety_sample(&c->safety, c->config, &ss, sink);
	for (uint32_t d = 0; d < DIRS; d++) {
		c->envelope.disobeyed[d] = c->safety.obey[d].closed;
		c->envelope_ma[d] = envelope_eval(c->config, &c->envelope, (enum dir)d,
						  &c->envelope_by[d], NULL);
		limiter_sample(&c->limiter[d], c->envelope_ma[d], ratchet_share(c, (enum dir)d),
			       envelope_cells_full(c->config, &s->bms, (enum dir)d),
			       !c->verdict.no_rise, c->config->ratchet);
	}
}

/* A limit that a proposal lowered is not obeyed: worth knowing, no more (SAF-21). */
static void report_over_proposal(const struct cycle *c, const struct sample *s, struct sink *sink)
{
	const enum dir dir = s->pack_ma >= 0 ? DIR_CHARGE : DIR_DISCHARGE;
	const int32_t flow_ma = abs_i32(s->pack_ma);

	if (c->safety.step == STEP_RUN && c->limit_ma[dir] < c->envelope_ma[dir] &&
	    (int64_t)flow_ma > (int64_t)c->limit_ma[dir] + c->config->obey_margin_ma) {
		sink_emit(sink, EVENT_OVER_PROPOSAL, (int32_t)dir, flow_ma, c->limit_ma[dir], 0);
	}
}

static void keep(int32_t *known, int32_t *now)
{
	if (*now == SAMPLE_NO_VALUE) {
		*now = *known;
	} else {
		*known = *now;
	}
}

/*
 * A protection value that was seen once keeps limiting for as long as the process runs: one that is
 * missing or absurd now must not open a ceiling (SAF-15).
 */
static void keep_protection(struct bms_limits *known, struct bms_limits *now)
{
	keep(&known->pack_ovp_mv, &now->pack_ovp_mv);
	keep(&known->pack_uvp_mv, &now->pack_uvp_mv);
	keep(&known->box_otp_dc, &now->box_otp_dc);
	keep(&known->cell_ovp_mv, &now->cell_ovp_mv);
	keep(&known->cell_uvp_mv, &now->cell_uvp_mv);
	keep(&known->mos_otp_dc, &now->mos_otp_dc);
	keep(&known->capacity_mah, &now->capacity_mah);
	for (uint32_t d = 0; d < DIRS; d++) {
		keep(&known->ocp_ma[d], &now->ocp_ma[d]);
		keep(&known->otp_dc[d], &now->otp_dc[d]);
		keep(&known->utp_dc[d], &now->utp_dc[d]);
	}
}

void cycle_take_sample(struct cycle *c, struct sample *s, bool identical, struct sink *sink)
{
	keep_protection(&c->known, &s->bms);
	temperature_resolve(&c->temperature, s);
	plausible_step(&c->plausible, c->config, s, identical, sink, &c->verdict);
	if (!c->have_sample) {
		/* SAF-01: the first one must be complete, plausible and know its SoC. */
		if (!c->verdict.good || !c->verdict.soc_valid || !maxima_known(c, s, sink)) {
			return;
		}
		c->have_sample = true;
		sink_emit(sink, EVENT_BMS_FIRST, s->cells, s->pack_mv, s->soc_pct,
			  s->bms.capacity_mah == SAMPLE_NO_VALUE ? 0 : s->bms.capacity_mah / 1000);
	}
	c->sample = *s;
	s = &c->sample;
	if (!c->verdict.safe_set) {
		c->trusted_ns = s->t_ns;
		c->suspended = false;
	}
	hold_values(c, s);
	confirm_ovp(c, s);
	evaluate(c, s, sink);
	cycle_report_settings(c, s, sink);
	report_changes(c, s, sink);
	report_over_proposal(c, s, sink);
	if (c->verdict.good) {
		const bool want_full = cycle_lease(c, COMMAND_FULL_CHARGE) != INT32_MAX;

		charge_sample(&c->charge, c->config, s, want_full, sink);
	}
	if (!c->verdict.good) {
		c->implausible_count++;
	}
}
