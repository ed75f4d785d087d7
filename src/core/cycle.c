/* SPDX-License-Identifier: Apache-2.0 */
/* The order of one period; every decision is made in a module of its own. */
#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "core/alarm.h"
#include "cycle_private.h"

void cycle_init(struct cycle *c, const struct core_config *config, int64_t now_ns, int64_t boot_ns,
		const struct held *held)
{
	const bool use_held = held != NULL && held->t_ns >= 0 && held->t_ns <= now_ns &&
			      now_ns - held->t_ns <= HELD_MAX_NS && held->cells > 0 &&
			      held->cells <= (int32_t)SAMPLE_CELLS_MAX;

	memset(c, 0, sizeof(*c));
	c->config = config;
	c->start_ns = now_ns;
	c->trusted_ns = TIME_NEVER;
	c->stop_ns = TIME_NEVER;
	c->boot_offset_ns = boot_ns - now_ns;
	bms_link_init(&c->bms, now_ns);
	temperature_init(&c->temperature);
	plausible_init(&c->plausible);
	charge_init(&c->charge, now_ns);
	link_init(&c->link);
	arbiter_init(&c->arbiter, now_ns);
	damping_init(&c->damping);
	safety_init(&c->safety, now_ns, use_held,
		    held != NULL && held->reload != 0U ? SAFETY_RELOAD_SAMPLES
						       : SAFETY_GOOD_SAMPLES,
		    held != NULL ? &held->kept : NULL);
	for (uint32_t d = 0; d < DIRS; d++) {
		limiter_init(&c->limiter[d], now_ns);
		c->limited_by[d] = RULE_NO_SAMPLE;
		c->envelope_by[d] = RULE_NO_SAMPLE;
	}
	c->ovp_mv = INT32_MAX;
	bms_limits_none(&c->known);
	for (uint32_t i = 0; i < BMS_SETTINGS; i++) {
		c->told_value[i] = SAMPLE_NO_VALUE;
		c->told_ns[i] = TIME_NEVER;
	}
	c->held.t_ns = TIME_NEVER;
	if (use_held) {
		c->held = *held;
		c->sample.cells = (uint8_t)held->cells;
		bms_limits_none(&c->sample.bms);
	}
	c->held.reload = 0U;
	safety_keep(&c->safety, &c->held.kept);
}

/* SAF-14: time that CLOCK_BOOTTIME counted and CLOCK_MONOTONIC did not was spent suspended. */
static bool watch_suspend(struct cycle *c, const struct cycle_in *in, struct cycle_out *out,
			  struct sink *sink)
{
	const int64_t offset_ns = in->boot_ns - in->now_ns;
	const int64_t slept_ns = offset_ns - c->boot_offset_ns;

	c->boot_offset_ns = offset_ns;
	if (slept_ns <= SUSPEND_NS) {
		/* Slow drift between readings must not add up to a suspend. */
		return false;
	}
	sink_emit(sink, EVENT_SUSPENDED, sat_i32(slept_ns / NS_PER_MS), 0, 0, 0);
	c->suspended = true;
	bms_link_forget(&c->bms, in->now_ns);
	cycle_end_leases(c, out, sink);
	arbiter_forget(&c->arbiter, in->now_ns);
	damping_init(&c->damping);
	if (c->trusted_ns != TIME_NEVER) {
		const int64_t stale_ns = (int64_t)(c->config->stale_ms + 1) * NS_PER_MS;

		c->trusted_ns = min_i64(c->trusted_ns, in->now_ns - stale_ns);
	}
	return true;
}

static int32_t age_ms(const struct cycle *c, int64_t now_ns)
{
	return time_ms_since(now_ns, c->have_sample ? c->trusted_ns : c->start_ns);
}

/* 0 A was decided and is what the last 0x351 said: a bus that nobody writes to still says more. */
static bool zero_said(const struct cycle *c)
{
	bool zero = !link_limits_lost(&c->link);

	for (uint32_t d = 0; d < DIRS; d++) {
		zero = zero && c->limit_ma[d] == 0 && c->link.sent_ma[d] == 0;
	}
	return zero;
}

static void step_safety(struct cycle *c, const struct cycle_in *in, struct sink *sink)
{
	const bool sending = c->link.set_ns != TIME_NEVER;
	const int64_t alive_ns = max_i64(c->link.alive_ns, c->link.alive_start_ns);
	const struct safety_in si = {
		.now_ns = in->now_ns,
		.have_sample = c->have_sample,
		.implausible = c->verdict.safe_set,
		.frozen = c->verdict.frozen,
		.suspended = c->suspended,
		.guard_ok = in->guard_ok,
		.limits_zero = zero_said(c),
		.contradiction = c->contradiction,
		.heard_ns = c->link.alive_ns,
		.can_confirmed = c->link.confirmed != 0U,
		.relay = in->relay,
		.latch = in->latch,
		.age_ms = age_ms(c, in->now_ns),
		.alive_ms = sending && alive_ns != TIME_NEVER ? time_ms_since(in->now_ns, alive_ns)
							      : INT32_MIN,
		.can_lost_ms = link_lost_ms(&c->link, in->now_ns),
		.limit_ma = {c->limit_ma[DIR_CHARGE], c->limit_ma[DIR_DISCHARGE]},
	};

	safety_step(&c->safety, c->config, &si, sink);
}

/* What the house says, judged: two caps that cycle_limit() takes into account. */
static void step_house(struct cycle *c, const struct cycle_in *in, struct sink *sink)
{
	const bool known = c->have_sample && !c->safety.data_lost;
	const struct arbiter_in ai = {
		.now_ns = in->now_ns,
		.grid = in->grid,
		.local = in->peer_local,
		.portal = in->peer_portal,
		.own_ma = known ? c->held.pack_ma : 0,
		.own_mv = c->held.pack_mv > 0 ? c->held.pack_mv : ARBITER_NOMINAL_MV,
		.own_soc_pct = known && c->verdict.soc_valid ? c->held.soc_pct : SOURCE_NO_VALUE,
	};

	arbiter_step(&c->arbiter, c->config, &ai, sink);

	const struct damping_in di = {
		.now_ns = in->now_ns,
		.grid_ns = in->grid.t_ns,
		.grid_w = c->arbiter.grid_w,
		.own_ma = ai.own_ma,
		.limit_ma = {c->limit_ma[DIR_CHARGE], c->limit_ma[DIR_DISCHARGE]},
	};

	damping_step(&c->damping, c->config, &di, sink);
}

static void send_frames(struct cycle *c, const struct cycle_in *in, struct cycle_out *out,
			struct sink *sink)
{
	/* Whether the bus and the inverter are back shows only if frames are sent. */
	const bool asks = c->safety.reason == REASON_CAN_LOST ||
			  c->safety.reason == REASON_INVERTER_SILENT;
	const bool silent = c->safety.step == STEP_TRIP && !c->safety.permit && !asks &&
			    c->config->on_trip == ON_TRIP_SILENCE;

	if (c->safety.step == STEP_INIT) {
		return;
	}
	if (silent) {
		link_pause(&c->link);
		return;
	}
	link_send(&c->link, c->config, in->now_ns, &c->say, out, sink);
}

/* The relay opens when this is over: it should not have to break the current (SAF-20). */
static bool may_open(const struct cycle *c, const struct cycle_in *in)
{
	return in->reload || !in->guard_ok || in->relay != RELAY_CLOSED ||
	       abs_i32(c->held.pack_ma) <= STOP_REST_MA || in->now_ns - c->stop_ns >= STOP_REST_NS;
}

/* Orderly stop: one more set, all of it saying 0 A, confirmed if anybody listens. */
static void step_stop(struct cycle *c, const struct cycle_in *in, struct cycle_out *out,
		      struct sink *sink)
{
	if (!in->stop) {
		return;
	}
	if (c->stop_ns == TIME_NEVER) {
		c->stop_ns = in->now_ns;
		sink_emit(sink, EVENT_STOPPING, 0, 0, 0, 0);
		if (c->link.set_ns != TIME_NEVER) {
			link_restart_set(&c->link, in->now_ns);
		}
		return;
	}
	const bool never_sent = c->link.set_ns == TIME_NEVER;
	const bool late = in->now_ns - c->stop_ns >= STOP_MAX_NS;

	out->stopped = (never_sent || late || link_set_confirmed(&c->link, c->config)) &&
		       may_open(c, in);
}

static void fill_effects(struct cycle *c, struct cycle_out *out, const struct sink *sink)
{
	safety_keep(&c->safety, &c->held.kept);
	out->held = c->held;
	out->permit = c->safety.permit;
	out->permit_reason = c->safety.reason;
	if (out->permit) {
		out->permit_reason = REASON_NONE;
	} else if (c->safety.step == STEP_RUN) {
		out->permit_reason = REASON_COLD_START; /* waits for the inverter */
	}
	out->event_len = (uint8_t)sink->len;
	c->events_lost += sink->lost;
}

void cycle_step(struct cycle *c, const struct cycle_in *in, struct cycle_out *out)
{
	struct sink sink = {.now_ns = in->now_ns, .event = out->event, .max = CYCLE_EVENT_MAX};
	const uint32_t rx_len = in->rx_len < CYCLE_RX_MAX ? in->rx_len : CYCLE_RX_MAX;

	memset(out, 0, sizeof(*out));
	if (!c->greeted) {
		c->greeted = true;
		if (c->held.t_ns != TIME_NEVER) {
			sink_emit(&sink, EVENT_HELD_VALUES, time_ms_since(in->now_ns, c->held.t_ns),
				  c->held.soc_pct, 0, 0);
		}
	}
	const bool slept = watch_suspend(c, in, out, &sink);

	cycle_take_commands(c, in, slept, out, &sink);
	if (bms_link_receive(&c->bms, in->now_ns, in->tty_open, in->request_failed, in->rx, rx_len,
			     &sink, &c->answer)) {
		sample_from_jk(&c->answer.jk, c->answer.t_ns, &c->decoded);
		cycle_take_sample(c, &c->decoded, c->answer.identical, &sink);
	}
	link_receive(&c->link, c->config, in, &sink);
	step_safety(c, in, &sink);
	step_house(c, in, &sink);
	cycle_limit(c, in, &sink);
	cycle_say(c, in);
	send_frames(c, in, out, &sink);
	step_stop(c, in, out, &sink);
	if (bms_link_poll(&c->bms, c->config, in->now_ns, out->bms_tx)) {
		out->bms_tx_len = JK_REQUEST_SIZE;
	}
	cycle_report(c, in, age_ms(c, in->now_ns));
	fill_effects(c, out, &sink);
}

bool cycle_may_reload(const struct cycle *c)
{
	return c->safety.step != STEP_CAUTION && c->safety.step != STEP_STOP &&
	       c->safety.step != STEP_HOLD;
}

const struct telemetry *cycle_telemetry(const struct cycle *c)
{
	return &c->telemetry;
}

bool cycle_explain(const struct cycle *c, enum dir dir, int32_t ret_ma[RULES])
{
	uint32_t rule = RULE_NONE;

	if (!c->have_sample) {
		return false;
	}
	(void)envelope_eval(c->config, &c->envelope, dir, &rule, ret_ma);
	if (c->arbiter.rule[dir] != RULE_NONE) {
		ret_ma[c->arbiter.rule[dir]] = c->arbiter.cap_ma[dir];
	}
	ret_ma[RULE_DAMPING] = c->damping.cap_ma[dir];
	return true;
}
