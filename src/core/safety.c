/* SPDX-License-Identifier: Apache-2.0 */
#include "core/safety.h"

#include <string.h>

#include "base/units.h"

static bool is_bms_side(uint32_t reason)
{
	return reason == REASON_BMS_SILENT || reason == REASON_IMPLAUSIBLE ||
	       reason == REASON_FROZEN || reason == REASON_SUSPEND;
}

static void take_over(struct safety *sf, int64_t now_ns, const struct safety_kept *kept)
{
	sf->latched = kept->latched < REASONS ? kept->latched : REASON_CONTRADICTION;
	if (sf->latched == REASON_CRITICAL && kept->level < LEVELS) {
		sf->critical_level = kept->level;
	}
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		const int64_t t_ns = kept->reclose_ns[i];

		sf->reclose_ns[i] = t_ns > 0 && t_ns <= now_ns ? t_ns : TIME_NEVER;
	}
	sf->kept_trip = kept->tripped < REASONS ? kept->tripped : (uint32_t)REASON_NONE;
	sf->heard_ns = kept->heard_ns > 0 && kept->heard_ns <= now_ns ? kept->heard_ns : TIME_NEVER;
	for (uint32_t d = 0; d < DIRS; d++) {
		sf->obey[d].over_ns = clamp_i64(kept->over_ns[d], 0, SAFETY_OBEY_MAX_NS);
		sf->obey[d].zero_ns = clamp_i64(kept->zero_ns[d], 0, SAFETY_OBEY_MAX_NS);
		sf->obey[d].closed = (kept->closed & (1U << d)) != 0U;
	}
}

void safety_init(struct safety *sf, int64_t now_ns, bool held, uint8_t needed,
		 const struct safety_kept *kept)
{
	memset(sf, 0, sizeof(*sf));
	sf->step = held ? STEP_STOP : STEP_INIT;
	sf->reason = REASON_COLD_START;
	sf->needed = needed;
	sf->critical_level = LEVELS;
	sf->data_lost = true;
	sf->caution_since_ns = TIME_NEVER;
	sf->zero_since_ns = TIME_NEVER;
	sf->trip_ns = TIME_NEVER;
	sf->open_ns = TIME_NEVER;
	sf->recover_until_ns = TIME_NEVER;
	sf->judged_ns = TIME_NEVER;
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		sf->reclose_ns[i] = TIME_NEVER;
	}
	sf->relay_open_ns = TIME_NEVER;
	sf->heard_ns = TIME_NEVER;
	for (uint32_t i = 0; i < LEVELS; i++) {
		sf->level[i].since_ns = TIME_NEVER;
	}
	if (kept != NULL) {
		take_over(sf, now_ns, kept);
	}
}

void safety_keep(const struct safety *sf, struct safety_kept *ret_kept)
{
	ret_kept->latched = sf->latched;
	ret_kept->level = sf->critical_level;
	ret_kept->closed = 0U;
	for (uint32_t d = 0; d < DIRS; d++) {
		ret_kept->over_ns[d] = sf->obey[d].over_ns;
		ret_kept->zero_ns[d] = sf->obey[d].zero_ns;
		ret_kept->closed |= sf->obey[d].closed ? 1U << d : 0U;
	}
	ret_kept->heard_ns = sf->heard_ns;
	ret_kept->tripped = sf->step == STEP_TRIP ? sf->reason : sf->kept_trip;
	memcpy(ret_kept->reclose_ns, sf->reclose_ns, sizeof(ret_kept->reclose_ns));
}

void safety_latch(struct safety *sf, enum reason reason, struct sink *sink)
{
	if (sf->latched != REASON_NONE) {
		return; /* the first cause is the one to find */
	}
	sf->latched = (uint32_t)reason;
	sink_emit(sink, EVENT_LATCHED, (int32_t)reason, 0, 0, 0);
}

/* Whether @ns has passed since @since. */
static bool passed(int64_t now_ns, int64_t since_ns, int64_t ns)
{
	return since_ns != TIME_NEVER && now_ns - since_ns >= ns;
}

/* The oldest re-closing is forgotten when there are more: three within the hour are too many. */
static void note_reclosing(struct safety *sf, int64_t now_ns)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < SAFETY_RECLOSE_MAX; i++) {
		oldest = sf->reclose_ns[i] < sf->reclose_ns[oldest] ? i : oldest;
	}
	sf->reclose_ns[oldest] = now_ns;
}

static bool reclosings_used_up(const struct safety *sf, int64_t now_ns)
{
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		if (sf->reclose_ns[i] == TIME_NEVER ||
		    now_ns - sf->reclose_ns[i] >= SAFETY_RECLOSE_NS) {
			return false;
		}
	}
	return true;
}

/* Where the conditions of this period want the ladder to be, and why. */
static enum step wanted(const struct safety *sf, const struct core_config *c,
			const struct safety_in *in, bool forced, enum reason *ret_reason)
{
	const bool alive_judged = c->expect_alive == EXPECT_ALIVE_REQUIRED &&
				  in->alive_ms != INT32_MIN;
	const struct {
		bool condition;
		enum step step;
		enum reason reason;
	} row[] = {
		/* worst first: the first row that holds wins */
		{sf->latched != REASON_NONE, STEP_TRIP, (enum reason)sf->latched},
		{forced, STEP_TRIP, REASON_FORCED},
		{in->age_ms > c->trip_ms, STEP_TRIP,
		 in->implausible ? REASON_IMPLAUSIBLE : REASON_BMS_SILENT},
		{in->can_lost_ms > c->trip_ms, STEP_TRIP, REASON_CAN_LOST},
		{alive_judged && in->alive_ms >= SAFETY_ALIVE_TRIP_MS, STEP_TRIP,
		 REASON_INVERTER_SILENT},
		{sf->obey[DIR_CHARGE].hold, STEP_HOLD, REASON_DISOBEYED_CHARGE},
		{sf->obey[DIR_DISCHARGE].hold, STEP_HOLD, REASON_DISOBEYED_DISCHARGE},
		{in->suspended, STEP_STOP, REASON_SUSPEND},
		{in->implausible, STEP_STOP, REASON_IMPLAUSIBLE},
		{in->age_ms > c->stale_ms, STEP_STOP, REASON_BMS_SILENT},
		{in->frozen, STEP_STOP, REASON_FROZEN},
		{!in->guard_ok, STEP_STOP, REASON_GUARD},
		{alive_judged && in->alive_ms >= SAFETY_ALIVE_ZERO_MS, STEP_STOP,
		 REASON_INVERTER_SILENT},
		{in->age_ms > c->stale_ms * 2 / 3, STEP_CAUTION, REASON_BMS_SILENT},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].condition) {
			*ret_reason = row[i].reason;
			return row[i].step;
		}
	}
	*ret_reason = REASON_NONE;
	return STEP_RUN;
}

static void enter(struct safety *sf, enum step step, enum reason reason, const struct safety_in *in,
		  struct sink *sink)
{
	sink_emit(sink, EVENT_STEP, (int32_t)step, (int32_t)sf->step, (int32_t)reason, 0);
	if (step == STEP_CAUTION) {
		sf->caution_since_ns = in->now_ns;
		sf->caution_ma[DIR_CHARGE] = in->limit_ma[DIR_CHARGE];
		sf->caution_ma[DIR_DISCHARGE] = in->limit_ma[DIR_DISCHARGE];
	}
	if (step == STEP_TRIP) {
		sf->trip_ns = in->now_ns;
	}
	if (step > STEP_STOP) {
		sf->needed = SAFETY_GOOD_SAMPLES;
	}
	if (step == STEP_RUN && sf->step == STEP_TRIP) {
		if (is_bms_side(sf->reason)) {
			note_reclosing(sf, in->now_ns);
		}
		sf->open_ns = TIME_NEVER;
		sf->trip_ns = TIME_NEVER;
	}
	if (step == STEP_RUN) {
		sf->needed = SAFETY_GOOD_SAMPLES;
	}
	/* From caution a fresh sample leads straight back; everything worse counts anew. */
	if (step > STEP_CAUTION && (sf->step == STEP_RUN || sf->step == STEP_CAUTION)) {
		sf->good = 0;
	}
	sf->step = (uint32_t)step;
	sf->reason = (uint32_t)reason;
}

static bool is_heard(const struct safety *sf, const struct safety_in *in)
{
	return sf->heard_ns != TIME_NEVER &&
	       in->now_ns - sf->heard_ns <= SAFETY_ALIVE_ZERO_MS * NS_PER_MS;
}

/* The way back: enough good samples, and after a trip the relay has been open long enough. */
static bool may_return(const struct safety *sf, const struct core_config *c,
		       const struct safety_in *in)
{
	if (sf->step == STEP_CAUTION) {
		return true; /* one fresh sample leads back */
	}
	if (sf->good < sf->needed) {
		return false;
	}
	if (sf->step != STEP_TRIP) {
		return true;
	}
	/* That nothing speaks against it is not enough: after a restart nobody has asked yet. */
	if ((sf->reason == REASON_CAN_LOST && !in->can_confirmed) ||
	    (sf->reason == REASON_INVERTER_SILENT && !is_heard(sf, in))) {
		return false;
	}
	return passed(in->now_ns, sf->open_ns, c->open_ms * NS_PER_MS);
}

/*
 * Planned trip: 0 A first, the relay opens when 0 A has stood for 2 s, at the latest 2 s after the
 * decision (1 s for a critical level), confirmed or not (SAF-20).
 */
static void withdraw_permit(struct safety *sf, const struct safety_in *in)
{
	const int64_t delay = sf->latched == REASON_CRITICAL ? SAFETY_CRITICAL_DELAY_NS
							     : SAFETY_TRIP_DELAY_NS;

	if (sf->step != STEP_TRIP || sf->open_ns != TIME_NEVER) {
		return;
	}
	if (!sf->permit || passed(in->now_ns, sf->trip_ns, delay) ||
	    passed(in->now_ns, sf->zero_since_ns, SAFETY_TRIP_DELAY_NS)) {
		sf->permit = false;
		sf->open_ns = in->now_ns;
	}
}

/* Return: the relay has just been opened although it may be closed: the guard had a reason. */
static bool watch_relay(struct safety *sf, const struct safety_in *in)
{
	const bool opened = sf->relay == RELAY_CLOSED && in->relay == RELAY_OPEN;

	sf->relay = in->relay;
	if (in->relay != RELAY_OPEN) {
		sf->relay_open_ns = TIME_NEVER;
		sf->weld_count = 0;
	} else if (sf->relay_open_ns == TIME_NEVER) {
		sf->relay_open_ns = in->now_ns;
	}
	return opened && sf->permit;
}

void safety_step(struct safety *sf, const struct core_config *c, const struct safety_in *in,
		 struct sink *sink)
{
	enum reason reason = REASON_NONE;

	if (in->contradiction) {
		safety_latch(sf, REASON_CONTRADICTION, sink);
	}
	if (in->latch != REASON_NONE) {
		safety_latch(sf,
			     in->latch < REASONS ? (enum reason)in->latch : REASON_CONTRADICTION,
			     sink);
	}
	if (!in->limits_zero) {
		sf->zero_since_ns = TIME_NEVER;
	} else if (sf->zero_since_ns == TIME_NEVER) {
		sf->zero_since_ns = in->now_ns;
	}
	const bool forced = watch_relay(sf, in);

	if (in->heard_ns != TIME_NEVER) {
		sf->heard_ns = in->heard_ns;
	}

	if (sf->step == STEP_INIT && !in->have_sample) {
		return;
	}
	const enum step want = wanted(sf, c, in, forced, &reason);

	sf->data_lost = !in->have_sample || in->age_ms > c->stale_ms || in->implausible ||
			in->frozen || in->suspended;
	if (want >= STEP_STOP) {
		sf->good = 0; /* while the condition stands nothing leads back */
	}
	if (sf->step == STEP_INIT) {
		/* First sample: frames begin, with 0 A, until enough good samples were seen. */
		enter(sf, want > STEP_STOP ? want : STEP_STOP,
		      want >= STEP_STOP ? reason : REASON_COLD_START, in, sink);
	} else if ((uint32_t)want > sf->step) {
		enter(sf, want, reason, in, sink);
		if (want == STEP_TRIP && is_bms_side(reason) &&
		    reclosings_used_up(sf, in->now_ns)) {
			safety_latch(sf, reason, sink);
		}
	} else if (want == STEP_STOP && sf->step == STEP_STOP && (uint32_t)reason != sf->reason) {
		enter(sf, STEP_STOP, reason, in, sink);
	} else if (want == STEP_RUN && sf->step != STEP_RUN && may_return(sf, c, in)) {
		enter(sf, STEP_RUN, REASON_RECOVERED, in, sink);
	}
	if (sf->kept_trip != REASON_NONE) {
		if (sf->step < STEP_TRIP) {
			enter(sf, STEP_TRIP, (enum reason)sf->kept_trip, in, sink);
		}
		sf->kept_trip = REASON_NONE;
	}
	if (sf->step == STEP_RUN &&
	    (c->expect_alive != EXPECT_ALIVE_REQUIRED || is_heard(sf, in))) {
		sf->permit = true;
	}
	if (forced) {
		sf->permit = false; /* what is open already needs no 0 A first */
	}
	withdraw_permit(sf, in);
}

int32_t safety_caution_cap(const struct safety *sf, int64_t now_ns, enum dir dir)
{
	if (sf->step != STEP_CAUTION) {
		return INT32_MAX;
	}
	const int32_t steps = time_ms_since(now_ns, sf->caution_since_ns) / SAFETY_CAUTION_STEP_MS;
	const int32_t left_pm = max_i32(1000 - min_i32(steps, 1000) * SAFETY_CAUTION_STEP_PM, 0);

	return (int32_t)((int64_t)sf->caution_ma[dir] * left_pm / 1000);
}

bool safety_under_voltage(const struct safety *sf)
{
	return (sf->latched == REASON_CRITICAL && sf->critical_level == LEVEL_CELL_LOW) ||
	       (sf->latched != REASON_NONE && sf->level[LEVEL_CELL_LOW].critical);
}

bool safety_ack(struct safety *sf, int64_t now_ns, bool recover, struct sink *sink)
{
	recover = recover && safety_under_voltage(sf);
	if (sf->data_lost) {
		/* What was latched may still be there: levels are known by a sample only. */
		sink_emit(sink, EVENT_ACK_REFUSED, REASON_BMS_SILENT, 0, 0, 0);
		return false;
	}
	for (uint32_t i = 0; i < LEVELS; i++) {
		if (sf->level[i].critical && !(recover && i == LEVEL_CELL_LOW)) {
			sink_emit(sink, EVENT_ACK_REFUSED, REASON_CRITICAL, (int32_t)i, 0, 0);
			return false;
		}
	}
	if (sf->latched != REASON_NONE) {
		sink_emit(sink, EVENT_ACKNOWLEDGED, (int32_t)sf->latched, 0, 0, 0);
	}
	sf->latched = REASON_NONE;
	sf->good = 0;
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		sf->reclose_ns[i] = TIME_NEVER;
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		sf->obey[d] = (struct obey){0};
	}
	sf->recover_until_ns = recover ? now_ns + SAFETY_RECOVERY_NS : TIME_NEVER;
	return true;
}
