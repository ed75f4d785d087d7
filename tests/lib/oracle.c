/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/oracle.h"

#include <stdio.h>
#include <string.h>

#include "lib/oracle_private.h"

#define HELD_NS	   (60 * NS_PER_S)
#define SUSPEND	   (100 * NS_PER_MS)
#define RECOVER_NS (1800 * NS_PER_S)
#define TTL_MAX_MS 60000
#define AHEAD_NS   (100 * NS_PER_MS)

void oracle_fail(struct oracle *o, const char *rule, const char *text, int64_t got, int64_t want)
{
	if (o->broken != NULL) {
		return;
	}
	o->broken = rule;
	o->got = got;
	o->want = want;
	(void)snprintf(o->text, sizeof(o->text), "%s", text);
}

/* Newest first, however they are kept. */
static void take_reclosings(struct oracle *o, const struct safety_kept *kept)
{
	for (uint32_t i = 0; i < 3U; i++) {
		/* Whoever died before his first step has left zeros. */
		o->reclose_ns[i] = kept->reclose_ns[i] > 0 ? kept->reclose_ns[i] : TIME_NEVER;
	}
	for (uint32_t i = 0; i < 3U; i++) {
		for (uint32_t k = 0; k + 1U < 3U; k++) {
			if (o->reclose_ns[k] < o->reclose_ns[k + 1U]) {
				const int64_t t = o->reclose_ns[k];

				o->reclose_ns[k] = o->reclose_ns[k + 1U];
				o->reclose_ns[k + 1U] = t;
			}
		}
	}
}

void oracle_init(struct oracle *o, const struct core_config *config, int64_t now_ns,
		 int64_t boot_ns, const struct held *held)
{
	memset(o, 0, sizeof(*o));
	o->config = config;
	o->now_ns = now_ns;
	o->start_ns = now_ns;
	o->boot_offset_ns = boot_ns - now_ns;
	o->suspend_ns = TIME_NEVER;
	o->request_ns = TIME_NEVER;
	o->trusted_ns = TIME_NEVER;
	o->good_ns = TIME_NEVER;
	o->absorb_ns = TIME_NEVER;
	o->memory.frozen_since_ns = TIME_NEVER;
	o->recover_until_ns = TIME_NEVER;
	o->fine_since_ns = now_ns;
	o->unconfirmed_ns = TIME_NEVER;
	o->confirm_ns = TIME_NEVER;
	o->set_limits_ns = TIME_NEVER;
	o->lost_since_ns = TIME_NEVER;
	o->alive_ns = TIME_NEVER;
	o->trip_ns = TIME_NEVER;
	o->open_ns = TIME_NEVER;
	o->zero_ns = TIME_NEVER;
	o->caution_ns = TIME_NEVER;
	o->step = STEP_INIT;
	o->reason = REASON_COLD_START;
	for (uint32_t i = 0; i < ARRAY_SIZE(o->reclose_ns); i++) {
		o->reclose_ns[i] = TIME_NEVER;
	}
	for (uint32_t i = 0; i < LEVELS; i++) {
		o->level[i].since_ns = TIME_NEVER;
	}
	o->judged_ns = TIME_NEVER;
	for (uint32_t d = 0; d < DIRS; d++) {
		o->ratchet_ma[d] = INT32_MAX;
		o->pending_ns[d] = TIME_NEVER;
		o->fall_ns[d] = TIME_NEVER;
	}
	o->needed = 5;
	o->relay_open_ns = TIME_NEVER;
	o->heard_ns = TIME_NEVER;
	if (held != NULL) {
		o->latched = held->kept.latched;
		o->needed = held->reload != 0 ? 2 : 5;
		o->kept_trip = held->kept.tripped;
		take_reclosings(o, &held->kept);
		o->heard_ns = held->kept.heard_ns > 0 ? held->kept.heard_ns : TIME_NEVER;
		o->held = held->t_ns != TIME_NEVER && now_ns - held->t_ns <= HELD_NS &&
			  held->t_ns <= now_ns && held->cells > 0 &&
			  held->cells <= (int32_t)JK_CELLS_MAX;
		o->held_soc = held->soc_pct;
		o->held_cells = held->cells;
		o->held_mv = held->pack_mv;
		o->step = o->held ? STEP_STOP : STEP_INIT;
	}
}

static void follow_time(struct oracle *o, const struct cycle_in *in)
{
	const int64_t offset_ns = in->boot_ns - in->now_ns;

	o->dt_ns = in->now_ns - o->now_ns;
	o->now_ns = in->now_ns;
	if (o->dt_ns > (int64_t)o->config->slot_ms * NS_PER_MS) {
		o->fine_since_ns = o->now_ns;
	}
	if (offset_ns - o->boot_offset_ns > SUSPEND) {
		o->suspended = true;
		o->suspend_ns = o->now_ns;
		memset(o->lease, 0, sizeof(o->lease)); /* SAF-14: nothing survives it */
	}
	o->boot_offset_ns = offset_ns;
	if (in->stop) {
		o->stop = true;
	}
}

static bool refused(const struct cycle_out *out)
{
	bool found = false;

	for (uint32_t i = 0; i < out->event_len && i < CYCLE_EVENT_MAX; i++) {
		found = found || out->event[i].id == EVENT_ACK_REFUSED;
	}
	return found;
}

static void take_command(struct oracle *o, const struct command *cmd, const struct cycle_out *out)
{
	if (cmd->kind == COMMAND_RELEASE && cmd->value == COMMAND_NONE) {
		memset(o->lease, 0, sizeof(o->lease));
	} else if (cmd->kind == COMMAND_RELEASE) {
		if (cmd->value > 0 && cmd->value < COMMANDS) {
			o->lease[cmd->value].until_ns = 0;
		}
	} else if (cmd->kind == COMMAND_ACK) {
		if (cmd->local != 0 && !refused(out)) {
			/* Nothing to recover from without an under-voltage behind a latch. */
			const bool recover = cmd->value != 0 && o->latched != REASON_NONE &&
					     o->low_latched;

			o->recover_until_ns = recover ? o->now_ns + RECOVER_NS : TIME_NEVER;
			if (cmd->value != 0) {
				o->ratchet_ma[DIR_CHARGE] = INT32_MAX;
			}
			for (uint32_t i = 0; i < ARRAY_SIZE(o->reclose_ns); i++) {
				o->reclose_ns[i] = TIME_NEVER;
			}
			for (uint32_t d = 0; d < DIRS; d++) {
				o->zero_over_ns[d] = 0;
				o->over_ns[d] = 0;
				o->calm_ns[d] = 0;
				o->over[d] = false;
			}
		}
	} else if (((cmd->kind >= COMMAND_LIMIT_CHARGE && cmd->kind <= COMMAND_PAUSE_DISCHARGE) ||
		    ((cmd->kind == COMMAND_SOC_MAX || cmd->kind == COMMAND_SOC_MIN) &&
		     cmd->value <= 100)) &&
		   cmd->ttl_ms > 0 && cmd->ttl_ms <= TTL_MAX_MS && cmd->value >= 0) {
		o->lease[cmd->kind] = (struct oracle_lease){
			.until_ns = o->now_ns + cmd->ttl_ms * NS_PER_MS,
			.value_ma = cmd->value,
		};
	}
}

/* What is known of the other battery: 1 charges, -1 discharges, 0 neither, 2 nobody knows. */
static int peer_does(const struct core_config *c, const struct peer_sample *p)
{
	const int32_t ma = p->current_ma;

	if (ma != SOURCE_NO_VALUE) {
		return ma > c->arbiter.peer_charge_ma
			       ? 1
			       : (ma < -c->arbiter.peer_discharge_ma ? -1 : 0);
	}
	if (p->power_w != SOURCE_NO_VALUE) {
		return 2; /* its current depends on a voltage that may be anybody's */
	}
	return p->mode == PEER_CHARGING ? 1 : (p->mode == PEER_DISCHARGING ? -1 : 2);
}

static bool heard(const struct oracle *o, int64_t t_ns, enum source_id source)
{
	const bool ahead = t_ns > o->now_ns + AHEAD_NS;
	const bool slept = o->suspend_ns != TIME_NEVER && t_ns < o->suspend_ns;

	return t_ns != TIME_NEVER && !ahead && !slept &&
	       o->now_ns - t_ns <= o->config->source[source].stale_ms * NS_PER_MS;
}

static bool says_something(const struct peer_sample *p)
{
	return p->current_ma != SOURCE_NO_VALUE || p->power_w != SOURCE_NO_VALUE ||
	       (p->mode > PEER_UNKNOWN && p->mode < PEER_MODES);
}

static void check_fallback(struct oracle *o, const struct telemetry *t, enum source_id source)
{
	const struct source_config *s = &o->config->source[source];

	for (uint32_t d = 0; d < DIRS; d++) {
		oracle_claim(o, s->fallback != FALLBACK_ZERO || t->limit_ma[d] == 0, "SAF-07",
			     "fallback zero not applied", t->limit_ma[d], 0);
		oracle_claim(o, s->fallback != FALLBACK_CAP || t->limit_ma[d] <= s->cap_ma,
			     "SAF-07", "fallback cap not applied", t->limit_ma[d], s->cap_ma);
	}
}

/*
 * SAF-07: silent sources have their fallback and nothing else; with the meter silent and no grace
 * nothing speaks against the interlock.
 */
static void check_house(struct oracle *o, const struct cycle_in *in, const struct telemetry *t)
{
	const bool grid = heard(o, in->grid.t_ns, SOURCE_GRID) &&
			  in->grid.power_w != SOURCE_NO_VALUE;
	const bool local = heard(o, in->peer_local.t_ns, SOURCE_LOCAL) &&
			   says_something(&in->peer_local);
	const bool portal = heard(o, in->peer_portal.t_ns, SOURCE_PORTAL) &&
			    says_something(&in->peer_portal);
	const struct arbiter_config *a = &o->config->arbiter;

	if (!grid) {
		check_fallback(o, t, SOURCE_GRID);
	}
	if (!local && !portal) {
		check_fallback(o, t, SOURCE_LOCAL);
		check_fallback(o, t, SOURCE_PORTAL);
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		oracle_claim(o, t->arbiter_ma[d] >= 0 && t->damping_ma[d] >= 0, "SAF-07",
			     "a cap below 0", t->arbiter_ma[d], t->damping_ma[d]);
		oracle_claim(o, t->limit_ma[d] <= min_i32(t->arbiter_ma[d], t->damping_ma[d]),
			     "SAF-07", "limit above arbiter or damping", t->limit_ma[d],
			     min_i32(t->arbiter_ma[d], t->damping_ma[d]));
		oracle_claim(o, grid || t->damping_ma[d] == INT32_MAX, "SAF-07",
			     "damping without a meter", t->damping_ma[d], INT32_MAX);
		oracle_claim(o,
			     local || portal || t->arbiter_by[d] == RULE_NONE ||
				     t->arbiter_by[d] == RULE_SOURCE_SILENT,
			     "SAF-07", "interlock by a silent inverter", t->arbiter_by[d],
			     RULE_NONE);
	}
	if (grid || !a->interlock || a->grace_ms > 0 || (!local && !portal)) {
		return;
	}
	const int does = peer_does(o->config, local ? &in->peer_local : &in->peer_portal);
	const enum dir dir = does == 1 ? DIR_DISCHARGE : DIR_CHARGE;

	if (does == 1 || does == -1) {
		/* Down from what flows, as fast as it may: what flows less is at once. */
		oracle_claim(o, t->arbiter_ma[dir] <= max_i32(abs_i32(t->sample.pack_ma), 0),
			     "SAF-07", "interlock not applied", t->arbiter_ma[dir],
			     t->sample.pack_ma);
	}
}

/* SAF-19: at a bound of SoC nothing flows, nor while nobody knows the SoC. */
static void check_soc_bounds(struct oracle *o, const struct telemetry *t)
{
	const struct oracle_lease *max = &o->lease[COMMAND_SOC_MAX];
	const struct oracle_lease *min = &o->lease[COMMAND_SOC_MIN];
	const bool known = t->soc_valid != 0U;
	const int32_t soc = t->sample.soc_pct;

	if (o->now_ns < max->until_ns && max->value_ma < 100 && (!known || soc >= max->value_ma)) {
		oracle_claim(o, t->limit_ma[DIR_CHARGE] == 0, "SAF-19",
			     "charging at the highest SoC asked for", t->limit_ma[DIR_CHARGE], soc);
	}
	if (o->now_ns < min->until_ns && min->value_ma > 0 && (!known || soc <= min->value_ma)) {
		oracle_claim(o, t->limit_ma[DIR_DISCHARGE] == 0, "SAF-19",
			     "discharging at the lowest SoC asked for", t->limit_ma[DIR_DISCHARGE],
			     soc);
	}
}

/* SAF-07, SAF-19: what was asked for applies, and nothing clears a latch but a local order. */
static void check_orders(struct oracle *o, const struct cycle_in *in, const struct telemetry *t)
{
	static const enum command_kind cap[DIRS] = {COMMAND_LIMIT_CHARGE, COMMAND_LIMIT_DISCHARGE};
	static const enum command_kind no[DIRS] = {COMMAND_PAUSE_CHARGE, COMMAND_PAUSE_DISCHARGE};
	bool local_ack = false;

	for (uint32_t d = 0; d < DIRS; d++) {
		const struct oracle_lease *l = &o->lease[cap[d]];

		oracle_claim(o, o->now_ns >= l->until_ns || t->limit_ma[d] <= l->value_ma, "SAF-19",
			     "limit above a running command", t->limit_ma[d], l->value_ma);
		oracle_claim(o, o->now_ns >= o->lease[no[d]].until_ns || t->limit_ma[d] == 0,
			     "SAF-19", "limit in spite of a pause", t->limit_ma[d], 0);
		oracle_claim(o, !o->stop || t->limit_ma[d] == 0, "SAF-02",
			     "limit during an orderly stop", t->limit_ma[d], 0);
	}
	check_soc_bounds(o, t);
	for (uint32_t i = 0; i < in->command_len && i < CYCLE_COMMAND_MAX; i++) {
		local_ack = local_ack ||
			    (in->command[i].kind == COMMAND_ACK && in->command[i].local != 0);
	}
	oracle_claim(o, o->latched == REASON_NONE || t->latched != REASON_NONE || local_ack,
		     "SAF-19", "a latch was cleared without a local acknowledgement", o->latched,
		     t->latched);
	oracle_claim(o,
		     o->latched == REASON_NONE || t->latched != REASON_NONE ||
			     o->lost_since_ns == TIME_NEVER,
		     "SAF-12", "a latch was cleared without a fresh sample", o->latched,
		     t->latched);
}

static void check_shape(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
			const struct telemetry *t)
{
	oracle_claim(o, out->can_tx_len <= CYCLE_CAN_TX_MAX, "OUT", "frames", out->can_tx_len, 0);
	oracle_claim(o, out->event_len <= CYCLE_EVENT_MAX, "OUT", "events", out->event_len, 0);
	oracle_claim(o, out->bms_tx_len == 0 || out->bms_tx_len == JK_REQUEST_SIZE, "OUT",
		     "request length", out->bms_tx_len, JK_REQUEST_SIZE);
	oracle_claim(o, out->bms_tx_len == 0 || in->tty_open, "OUT", "request on a closed device",
		     0, 0);
	for (uint32_t i = 0; i < out->event_len && i < CYCLE_EVENT_MAX; i++) {
		oracle_claim(o, out->event[i].id > EVENT_NONE && out->event[i].id < EVENTS, "OUT",
			     "event id", out->event[i].id, EVENTS);
		oracle_claim(o, out->event[i].t_ns == o->now_ns, "OUT", "event time",
			     out->event[i].t_ns, o->now_ns);
	}
	oracle_claim(o,
		     t->step < STEPS && t->reason < REASONS && t->phase < PHASES &&
			     t->latched < REASONS && t->limited_by[0] < RULES &&
			     t->limited_by[1] < RULES,
		     "OUT", "telemetry out of range", t->step, STEPS);
	oracle_claim(o, out->permit == (t->permit != 0), "OUT", "permit differs", out->permit,
		     t->permit);
	oracle_claim(o, out->held.kept.latched == t->latched, "SAF-12", "held latch differs",
		     out->held.kept.latched, t->latched);
}

bool oracle_step(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		 const struct telemetry *tele)
{
	if (o->broken != NULL) {
		return false;
	}
	o->steps++;
	follow_time(o, in);
	for (uint32_t i = 0; i < in->command_len && i < CYCLE_COMMAND_MAX; i++) {
		take_command(o, &in->command[i], out);
	}
	check_shape(o, in, out, tele);
	oracle_line(o, in, out, tele);
	if (o->taken_now) {
		oracle_obedience(o, tele);
	}
	check_orders(o, in, tele);
	check_house(o, in, tele);
	oracle_ladder(o, in, out, tele);
	oracle_bus(o, in, out, tele);
	o->step = tele->step;
	o->reason = tele->reason;
	o->latched = tele->latched;
	o->low_latched = o->level[LEVEL_CELL_LOW].critical ||
			 (tele->latched == REASON_CRITICAL &&
			  tele->critical_level == LEVEL_CELL_LOW);
	o->permit = out->permit;
	o->relay = in->relay;
	for (uint32_t d = 0; d < DIRS; d++) {
		o->limit_ma[d] = tele->limit_ma[d];
	}
	return o->broken == NULL;
}
