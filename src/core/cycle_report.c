/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry of one period. */
#include "base/units.h"
#include "cycle_private.h"

#define ENABLE_CHARGE	 0x80U
#define ENABLE_DISCHARGE 0x40U
#define ENABLE_FORCE_1	 0x20U
#define ENABLE_FULL	 0x08U

static void report_link(const struct link *l, int64_t now_ns, struct telemetry *t)
{
	t->can_link = l->state;
	t->can_confirmed = l->stuck ? 0U : 1U;
	t->alive_age_ms = time_ms_since(now_ns, l->alive_ns);
	t->inverter_alive = t->alive_age_ms < LINK_ALIVE_EVENT_MS ? 1U : 0U;
	t->alive_min_ms = l->alive_min_ms;
	t->alive_max_ms = l->alive_max_ms;
	t->alive_mean_ms = l->alive_intervals == 0
				   ? 0
				   : sat_i32(l->alive_sum_ms / (int64_t)l->alive_intervals);
	t->count_sets = l->sets;
	t->count_frames = l->frames;
	t->count_confirmed = l->confirmed;
	t->count_alive = l->alive_count;
}

static void report_bms(const struct bms_link *b, struct telemetry *t)
{
	t->reply_ms = b->reply_ms;
	t->count_requests = b->requests;
	t->count_samples = b->samples;
	t->count_late = b->late;
	for (uint32_t v = 0; v < JK_VERDICTS; v++) {
		/* The framer counts what never became a frame, the decoder what was no sample. */
		t->count_verdict[v] = v == JK_OK ? b->verdict[v]
						 : b->framer.count[v] + b->verdict[v];
	}
}

static void report_house(const struct cycle *c, const struct cycle_in *in, struct telemetry *t)
{
	const struct arbiter *a = &c->arbiter;

	for (uint32_t d = 0; d < DIRS; d++) {
		t->arbiter_ma[d] = a->cap_ma[d];
		t->arbiter_by[d] = a->rule[d];
		t->damping_ma[d] = c->damping.cap_ma[d];
	}
	t->oscillating = c->damping.active ? 1U : 0U;
	t->source_age_ms[SOURCE_GRID] = time_ms_since(in->now_ns, in->grid.t_ns);
	t->source_age_ms[SOURCE_LOCAL] = time_ms_since(in->now_ns, in->peer_local.t_ns);
	t->source_age_ms[SOURCE_PORTAL] = time_ms_since(in->now_ns, in->peer_portal.t_ns);
	t->peer_from = a->peer_from;
	t->grid_w = a->grid_w;
	t->peer_w = a->peer_w;
	t->peer_soc_pct = a->peer_soc_pct;
}

static void report_leases(const struct cycle *c, int64_t now_ns, struct telemetry *t)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		const struct lease *l = &c->lease[i];

		/* Of one that runs something is left, be it less than 1 ms. */
		t->lease_left_ms[i] = l->active ? time_ms_since(l->until_ns - 1, now_ns) + 1 : 0;
		t->lease_value[i] = l->active ? l->value : 0;
	}
}

void cycle_report(struct cycle *c, const struct cycle_in *in, int32_t age_ms)
{
	struct telemetry *t = &c->telemetry;
	const struct safety *sf = &c->safety;

	t->t_ns = in->now_ns;
	t->sample = c->sample;
	t->age_ms = c->have_sample ? age_ms : INT32_MAX;
	t->step = sf->step;
	t->reason = sf->reason;
	t->phase = c->charge.phase;
	for (uint32_t d = 0; d < DIRS; d++) {
		t->limit_ma[d] = c->limit_ma[d];
		t->envelope_ma[d] = c->envelope_ma[d];
		t->limited_by[d] = c->limited_by[d];
		t->envelope_by[d] = c->envelope_by[d];
	}
	t->cvl_mv = c->say.cvl_mv;
	t->dvl_mv = c->say.dvl_mv;
	t->soc_shown_pct = c->say.soc_pct;
	t->pack_shown_mv = c->say.pack_mv;
	t->soc_valid = c->verdict.soc_valid ? 1U : 0U;
	t->full = c->charge.full ? 1U : 0U;
	t->permit = sf->permit ? 1U : 0U;
	t->relay = sf->relay;
	t->latched = sf->latched;
	t->critical_level = sf->critical_level;
	t->protections = c->say.protections;
	t->warnings = c->say.warnings;
	t->enables = (c->say.charge_enable ? ENABLE_CHARGE : 0U) |
		     (c->say.discharge_enable ? ENABLE_DISCHARGE : 0U) |
		     (c->say.force_charge_1 ? ENABLE_FORCE_1 : 0U) |
		     (c->say.full_charge ? ENABLE_FULL : 0U);
	report_leases(c, in->now_ns, t);
	report_link(&c->link, in->now_ns, t);
	report_bms(&c->bms, t);
	report_house(c, in, t);
	t->count_implausible = c->implausible_count;
	t->count_events_lost = c->events_lost;
}
