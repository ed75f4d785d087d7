/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder, the latches, the permit, obedience (SAFETY.md 2; SAF-01 to 03, 06, 14, 16, 20, 21). */
#include "lib/oracle_private.h"

#define WELD_MA	       2000
#define ALIVE_MS       6000
#define MARGIN_HARD_MA 2000
#define GRID_MA	       100
#define HOUR_NS	       (3600 * NS_PER_S)

static bool passed(int64_t now_ns, int64_t since_ns, int64_t ns)
{
	return since_ns != TIME_NEVER && now_ns - since_ns >= ns;
}

static int64_t run_clock(int64_t *since_ns, bool condition, int64_t now_ns)
{
	*since_ns = !condition ? TIME_NEVER : *since_ns == TIME_NEVER ? now_ns : *since_ns;
	return condition ? now_ns - *since_ns : -1;
}

static void judge_level(struct oracle *o, const struct telemetry *t, enum level_id id, bool valid,
			bool beyond)
{
	struct oracle_level *l = &o->level[id];
	const bool recovering = id == LEVEL_CELL_LOW && o->recover_until_ns != TIME_NEVER &&
				o->now_ns < o->recover_until_ns;

	if (!valid) {
		return;
	}
	const int64_t ns = run_clock(&l->since_ns, beyond, o->now_ns);

	l->critical = beyond;
	l->count = beyond ? (uint8_t)min_i32(l->count + 1, 2) : 0U;
	oracle_claim(o, l->count < 2 || ns < NS_PER_S || recovering || t->latched != REASON_NONE,
		     "SAF-12", "critical in 2 samples and 1 s, and not latched; level", id, 0);
}

static void judge_levels(struct oracle *o, const struct telemetry *t)
{
	const struct level *level = o->config->level;
	const struct oracle_sample *s = &o->s[0];
	const bool probes = s->probe_mask != 0;
	const bool in = s->jk.current_ma > MARGIN_HARD_MA;
	const bool out = s->jk.current_ma < -MARGIN_HARD_MA;

	judge_level(o, t, LEVEL_CELL_HIGH, s->cells_valid,
		    s->cell_max_mv >= level[LEVEL_CELL_HIGH].critical);
	judge_level(o, t, LEVEL_CELL_LOW, s->cells_valid,
		    s->cell_min_mv <= level[LEVEL_CELL_LOW].critical);
	judge_level(o, t, LEVEL_CHARGE_COLD, probes,
		    in && s->cold_dc <= level[LEVEL_CHARGE_COLD].critical);
	judge_level(o, t, LEVEL_CHARGE_HOT, probes,
		    in && s->hot_dc >= level[LEVEL_CHARGE_HOT].critical);
	judge_level(o, t, LEVEL_DISCHARGE_COLD, probes,
		    out && s->cold_dc <= level[LEVEL_DISCHARGE_COLD].critical);
	judge_level(o, t, LEVEL_DISCHARGE_HOT, probes,
		    s->hot_dc >= level[LEVEL_DISCHARGE_HOT].critical);
	judge_level(o, t, LEVEL_MOS_HOT, s->mos_valid, s->mos_dc >= level[LEVEL_MOS_HOT].critical);
}

/* Adds the time since the newest judged sample if that one was over. */
static void sum_excess(struct oracle *o, uint32_t d, bool over, bool zero, int64_t gap_ns)
{
	if (o->over[d]) {
		o->over_ns[d] += gap_ns;
		o->zero_over_ns[d] += zero ? gap_ns : 0;
	}
	o->calm_ns[d] = over ? 0 : o->calm_ns[d] + (o->over[d] ? 0 : gap_ns);
	o->over[d] = over;
	if (o->calm_ns[d] >= 30 * NS_PER_S) {
		o->over_ns[d] = 0;
		o->zero_over_ns[d] = 0;
	}
}

/* Only what must follow is claimed; where rounding could decide, the sum stays behind. */
void oracle_obedience(struct oracle *o, const struct telemetry *t)
{
	static const enum level_id hard[DIRS][3] = {
		{LEVEL_CELL_HIGH, LEVEL_CHARGE_COLD, LEVEL_CHARGE_HOT},
		{LEVEL_CELL_LOW, LEVEL_DISCHARGE_COLD, LEVEL_DISCHARGE_HOT},
	};
	const struct oracle_sample *s = &o->s[0];
	const struct core_config *c = o->config;

	judge_levels(o, t);
	const bool current = (s->jk.have & JK_HAVE(JK_REG_CURRENT)) != 0;
	const int64_t since_ns = o->judged_ns == TIME_NEVER ? 0 : o->now_ns - o->judged_ns;
	const int64_t gap_ns = since_ns <= c->stale_ms * NS_PER_MS ? since_ns : 0;

	o->judged_ns = current ? o->now_ns : o->judged_ns;
	for (uint32_t d = 0; d < DIRS && current; d++) {
		const int32_t flow = max_i32(d == DIR_CHARGE ? s->jk.current_ma : -s->jk.current_ma,
					     0);
		const int64_t envelope = o->closed[d] ? 0 : s->envelope_ma[d];
		int64_t margin = max_i64(c->obey_margin_ma,
					 (int64_t)s->maximum_ma[d] * c->obey_margin_pm / 1000 + 1);

		for (uint32_t i = 0; i < ARRAY_SIZE(hard[d]); i++) {
			margin = o->level[hard[d][i]].critical ? MARGIN_HARD_MA : margin;
		}
		const bool over = flow > envelope + margin;
		const bool zero = envelope < 100; /* mA: what 0x351 can say */

		sum_excess(o, d, over, zero, gap_ns);
		oracle_claim(o,
			     !over || !zero || o->zero_over_ns[d] < 5 * NS_PER_S ||
				     t->step >= STEP_HOLD,
			     "SAF-21", "zero envelope not obeyed for 5 s: no hold; step", t->step,
			     STEP_HOLD);
		oracle_claim(
			o, !over || o->zero_over_ns[d] < 15 * NS_PER_S || t->latched != REASON_NONE,
			"SAF-21", "zero envelope not obeyed for 15 s: no latch", 0, 0);
		oracle_claim(o, !over || o->over_ns[d] < 30 * NS_PER_S || t->envelope_ma[d] == 0,
			     "SAF-21", "envelope not obeyed for 30 s and still there",
			     t->envelope_ma[d], 0);
		o->closed[d] = t->envelope_by[d] == RULE_DISOBEYED;
	}
}

/* No fresh sample: neither a limit nor an enable bit, and a communication fault. */
static void check_lost(struct oracle *o, const struct telemetry *t)
{
	const struct core_config *c = o->config;
	const int64_t since = o->started ? o->trusted_ns : o->start_ns;
	const int64_t age_us = (o->now_ns - since) / NS_PER_US;
	const int64_t late_us = age_us - 1000; /* the core judges whole milliseconds */
	const bool lost = !o->started || late_us >= c->stale_ms * INT64_C(1000) ||
			  o->s[0].safe_set || o->s[0].frozen || o->suspended;
	const bool sends = o->started || o->held;

	if (lost) {
		const char *rule = !o->started ? "SAF-01" : o->suspended ? "SAF-14" : "SAF-03";

		oracle_claim(o, t->limit_ma[0] == 0 && t->limit_ma[1] == 0, rule,
			     "limit without a fresh sample; age in ms", age_us / 1000, c->stale_ms);
		oracle_claim(o, t->enables == 0, rule, "enable bits without a fresh sample",
			     t->enables, 0);
		oracle_claim(o, !sends || (t->warnings & PYLON_COMM) != 0, rule,
			     "no communication fault shown", t->warnings, PYLON_COMM);
		oracle_claim(o, !o->started || t->step >= STEP_STOP, rule,
			     "data lost, but the ladder is at step", t->step, STEP_STOP);
		o->lost_since_ns = o->lost_since_ns == TIME_NEVER ? o->now_ns : o->lost_since_ns;
		o->agreed_ma[0] = 0;
		o->agreed_ma[1] = 0;
	} else {
		o->lost_since_ns = TIME_NEVER;
	}
	oracle_claim(o,
		     !o->started || late_us < c->stale_ms * INT64_C(1000) * 2 / 3 ||
			     t->step >= STEP_CAUTION,
		     "SAF-03", "old data, but the ladder is at step", t->step, STEP_CAUTION);
	oracle_claim(o, !sends || late_us < c->trip_ms * INT64_C(1000) || t->step == STEP_TRIP,
		     "SAF-03", "data lost for bms.trip, but the ladder is at step", t->step,
		     STEP_TRIP);
	oracle_claim(o, o->started || t->age_ms == INT32_MAX, "SAF-01",
		     "a sample counts that must not be the first; SoC", t->sample.soc_pct, 0);
}

static void check_envelope(struct oracle *o, const struct telemetry *t)
{
	const struct oracle_sample *s = &o->s[0];

	for (uint32_t d = 0; d < DIRS && o->started; d++) {
		oracle_claim(o, t->limit_ma[d] <= s->envelope_ma[d], "SAF-02",
			     d == 0 ? "charge limit above my envelope"
				    : "discharge limit above my envelope",
			     t->limit_ma[d], s->envelope_ma[d]);
		oracle_claim(o, t->envelope_ma[d] <= s->envelope_ma[d], "SAF-04",
			     d == 0 ? "charge envelope above mine"
				    : "discharge envelope above mine",
			     t->envelope_ma[d], s->envelope_ma[d]);
		oracle_claim(
			o, o->closed[d] || t->envelope_ma[d] >= s->envelope_ma[d] - s->slack_ma[d],
			"SAF-05",
			d == 0 ? "charge envelope far below mine"
			       : "discharge envelope far below mine",
			t->envelope_ma[d], s->envelope_ma[d]);
		oracle_claim(o, t->limit_ma[d] <= o->ratchet_ma[d], "SAF-06",
			     "limit above the ratchet", t->limit_ma[d], o->ratchet_ma[d]);
		oracle_claim(o, t->limit_ma[d] >= 0 && t->limit_ma[d] % GRID_MA == 0, "SAF-10",
			     "limit off the grid of the bus", t->limit_ma[d], 0);
	}
}

static void check_rise(struct oracle *o, const struct telemetry *t, uint32_t d)
{
	const struct core_config *c = o->config;
	const int32_t limit = t->limit_ma[d];
	const int64_t dt = min_i64(o->dt_ns, NS_PER_S);
	const int64_t gain = c->rise_ma_s * dt / NS_PER_S + 1;

	if (t->envelope_ma[d] < o->limit_ma[d]) {
		o->fall_ns[d] = o->now_ns;
	}
	if (limit <= o->limit_ma[d]) {
		return;
	}
	oracle_claim(o, t->step == STEP_RUN, "SAF-06", "limit rises at ladder step", t->step,
		     STEP_RUN);
	oracle_claim(o, !o->s[0].no_rise, "SAF-16", "limit rises on a sample that may only lower",
		     limit, o->limit_ma[d]);
	oracle_claim(o, limit <= o->agreed_ma[d], "SAF-16",
		     "limit rises above what two samples in a row allowed", limit, o->agreed_ma[d]);
	oracle_claim(o, limit <= o->limit_ma[d] + gain + GRID_MA, "SAF-06",
		     "limit rises faster than limits.rise", limit, o->limit_ma[d] + gain + GRID_MA);
	oracle_claim(o,
		     o->fall_ns[d] == TIME_NEVER ||
			     o->now_ns - o->fall_ns[d] >= c->calm_ms * NS_PER_MS,
		     "SAF-06", "limit rises before limits.calm has passed; ms",
		     time_ms_since(o->now_ns, o->fall_ns[d]), c->calm_ms);
}

static void check_caution(struct oracle *o, const struct telemetry *t)
{
	if (t->step != STEP_CAUTION) {
		return;
	}
	if (o->step != STEP_CAUTION) {
		o->caution_ns = o->now_ns;
		o->caution_ma[0] = o->limit_ma[0];
		o->caution_ma[1] = o->limit_ma[1];
	}
	const int64_t steps = (o->now_ns - o->caution_ns) / (200 * NS_PER_MS);
	const int64_t left = max_i64(100 - 4 * steps, 0);

	for (uint32_t d = 0; d < DIRS; d++) {
		oracle_claim(o, t->limit_ma[d] <= o->caution_ma[d] * left / 100, "SAF-06",
			     "ladder step 1: limit above the scheduled fall", t->limit_ma[d],
			     o->caution_ma[d] * left / 100);
	}
}

static bool bms_side(uint32_t reason)
{
	return reason == REASON_BMS_SILENT || reason == REASON_IMPLAUSIBLE ||
	       reason == REASON_FROZEN || reason == REASON_SUSPEND;
}

static void check_return(struct oracle *o, const struct telemetry *t)
{
	if (o->step == STEP_CAUTION) {
		return; /* any fresh sample ends it */
	}
	oracle_claim(o, t->step == STEP_RUN, "LADDER", "back, but not to run: step", t->step,
		     o->step);
	oracle_claim(o, o->good_row >= o->needed, "LADDER", "back to run after good samples",
		     o->good_row, o->needed);
	o->needed = 5;
	if (o->step != STEP_TRIP) {
		return;
	}
	oracle_claim(o, passed(o->now_ns, o->open_ns, o->config->open_ms * NS_PER_MS), "LADDER",
		     "closed again before failsafe.open_time; ms open",
		     time_ms_since(o->now_ns, o->open_ns), o->config->open_ms);
	o->trip_ns = TIME_NEVER;
	o->open_ns = TIME_NEVER;
	if (bms_side(o->reason)) {
		const int64_t third = o->reclose_ns[2];

		oracle_claim(o, third == TIME_NEVER || o->now_ns - third >= HOUR_NS, "LADDER",
			     "closed again for the fourth time within an hour", 4, 3);
		o->reclose_ns[2] = o->reclose_ns[1];
		o->reclose_ns[1] = o->reclose_ns[0];
		o->reclose_ns[0] = o->now_ns;
	}
}

static void check_permit(struct oracle *o, const struct cycle_out *out, const struct telemetry *t)
{
	const int64_t delay = t->latched == REASON_CRITICAL ? NS_PER_S : 2 * NS_PER_S;
	const bool decided = passed(o->now_ns, o->trip_ns, delay);
	const bool zero = passed(o->now_ns, o->zero_ns, 2 * NS_PER_S);
	const bool waited = o->config->expect_alive == EXPECT_ALIVE_REQUIRED;
	const bool forced = o->forced;

	oracle_claim(o, !out->permit || t->step != STEP_INIT, "SAF-11", "permit before a sample", 0,
		     0);
	oracle_claim(o,
		     !out->permit || o->permit ||
			     (t->step == STEP_RUN && (waited || o->step > STEP_CAUTION)),
		     "SAF-11", "permit given at step", t->step, STEP_RUN);
	oracle_claim(o,
		     !out->permit || o->permit || !waited ||
			     time_ms_since(o->now_ns, o->heard_ns) <= ALIVE_MS,
		     "SAF-11", "permit given, but the inverter is required and silent; ms",
		     time_ms_since(o->now_ns, o->heard_ns), ALIVE_MS);
	oracle_claim(o, !forced || (!out->permit && t->step == STEP_TRIP), "SAF-11",
		     "the guard has opened the relay, but the ladder is at step", t->step,
		     STEP_TRIP);
	oracle_claim(o, out->permit || !o->permit || t->step == STEP_TRIP, "SAF-20",
		     "permit withdrawn at step", t->step, STEP_TRIP);
	oracle_claim(o, out->permit || !o->permit || decided || zero || forced, "SAF-20",
		     "permit withdrawn before 0 A could act; ms since the decision",
		     time_ms_since(o->now_ns, o->trip_ns), delay / NS_PER_MS);
	oracle_claim(o, !out->permit || !decided, "SAF-20",
		     "permit stands after a trip; ms since the decision",
		     time_ms_since(o->now_ns, o->trip_ns), delay / NS_PER_MS);
	if (!out->permit && t->step == STEP_TRIP && o->open_ns == TIME_NEVER) {
		o->open_ns = o->now_ns;
	}
}

static void check_alive(struct oracle *o, const struct cycle_in *in, const struct telemetry *t)
{
	for (uint32_t i = 0; i < in->can_rx_len && i < CYCLE_CAN_RX_MAX; i++) {
		if (in->can_rx[i].origin != CAN_OWN && in->can_rx[i].msg.id == PYLON_ID_ALIVE) {
			o->alive_ns = o->now_ns;
			o->heard_ns = o->now_ns;
		}
	}
	if (o->sent && !o->alive_armed) {
		o->alive_armed = true;
		o->alive_ns = o->now_ns;
	}
	if (o->config->expect_alive != EXPECT_ALIVE_REQUIRED || !o->alive_armed) {
		return;
	}
	const int64_t ms = time_ms_since(o->now_ns, o->alive_ns);

	oracle_claim(o, ms < 6000 || t->step >= STEP_STOP, "LADDER",
		     "inverter required and silent; ms", ms, 6000);
	oracle_claim(o, ms < 60000 || t->step == STEP_TRIP, "LADDER",
		     "inverter required and silent, no trip; ms", ms, 60000);
}

static void check_relay(struct oracle *o, const struct cycle_in *in, const struct telemetry *t)
{
	/* In INIT nothing has been permitted. */
	o->forced = o->permit && o->relay == RELAY_CLOSED && in->relay == RELAY_OPEN;
	if (in->relay != RELAY_OPEN) {
		o->relay_open_ns = TIME_NEVER;
		o->weld_row = 0;
	} else if (o->relay_open_ns == TIME_NEVER) {
		o->relay_open_ns = o->now_ns;
	}
	oracle_claim(o, in->latch == REASON_NONE || t->latched != REASON_NONE, "SAF-12",
		     "the guard has latched a fault, the core has not", t->latched, in->latch);
	oracle_claim(o, o->weld_row < 2 || t->latched != REASON_NONE, "SAF-12",
		     "current flows through an open relay and nothing is latched", o->weld_row, 2);
	o->weld_row = t->latched != REASON_NONE ? 0 : o->weld_row; /* after --ack: anew */
	oracle_claim(o,
		     o->kept_trip == REASON_NONE || !bms_side(o->kept_trip) || !o->started ||
			     t->step == STEP_TRIP || o->taken > 1U || o->step == STEP_TRIP,
		     "LADDER", "a trip ended with the process; step", t->step, STEP_TRIP);
}

/* With each sample, before the relay of this period is looked at. */
static void judge_weld(struct oracle *o)
{
	const struct oracle_sample *s = &o->s[0];
	const bool current = (s->jk.have & JK_HAVE(JK_REG_CURRENT)) != 0;

	if (!current) {
		return;
	}
	if (o->config->weld_check && o->started &&
	    passed(o->now_ns, o->relay_open_ns, 5 * NS_PER_S) &&
	    (s->jk.current_ma > WELD_MA || s->jk.current_ma < -WELD_MA)) {
		o->weld_row++;
	} else {
		o->weld_row = 0;
	}
}

void oracle_ladder(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		   const struct telemetry *t)
{
	if (o->taken_now) {
		judge_weld(o);
	}
	check_relay(o, in, t);
	check_lost(o, t);
	check_envelope(o, t);
	check_caution(o, t);
	check_alive(o, in, t);
	for (uint32_t d = 0; d < DIRS; d++) {
		check_rise(o, t, d);
		oracle_claim(o,
			     t->step == STEP_RUN || t->step == STEP_CAUTION || t->limit_ma[d] == 0,
			     "SAF-03", "limit at ladder step", t->step, t->limit_ma[d]);
	}
	oracle_claim(o, in->guard_ok || (o->frames == 0 && !o->started) || t->step >= STEP_STOP,
		     "SAF-11", "guard lost, but the ladder is at step", t->step, STEP_STOP);
	oracle_claim(o,
		     t->latched == REASON_NONE || t->step == STEP_TRIP || t->step == STEP_INIT ||
			     !o->started,
		     "SAF-12", "latched, but the ladder is at step", t->step, STEP_TRIP);
	if (t->step < o->step) {
		check_return(o, t);
	}
	oracle_claim(o, !(o->step == STEP_INIT && (t->step == STEP_RUN || t->step == STEP_CAUTION)),
		     "SAF-01", "from the start straight to step", t->step, STEP_STOP);
	if (t->step == STEP_TRIP && o->step != STEP_TRIP) {
		o->trip_ns = o->now_ns;
		o->open_ns = TIME_NEVER;
	}
	check_permit(o, out, t);
}
