/* SPDX-License-Identifier: Apache-2.0 */
#include "core/echo.h"

#include <string.h>

#include "base/units.h"
#include "core/sink.h"

#define SLICES_PER_WINDOW 8 /* the ring of spans reaches back nearly two windows */
#define REGISTER_MA	  100
#define REGISTER_MV	  10

/* Places of the registers. */
enum {
	AT_SOC,
	AT_SOH,
	AT_VOLTAGE,
	AT_CURRENT,
	AT_CHARGE,
	AT_DISCHARGE,
	AT_FAULT,
};

_Static_assert(AT_FAULT + ECHO_FAULT_WORDS == ECHO_REGISTERS, "all registers have a place");
_Static_assert(ECHO_SPANS > SLICES_PER_WINDOW + 1, "the ring holds a window");
_Static_assert(ECHO_EVENTS_MAX == ECHO_ITEMS + 2, "room for all events of a step");

static const struct {
	int32_t tolerance;
	enum event_id event;
} items[ECHO_ITEMS] = {
	[ECHO_CHARGE] = {ECHO_TOLERANCE_MA, EVENT_ECHO_CHARGE},
	[ECHO_DISCHARGE] = {ECHO_TOLERANCE_MA, EVENT_ECHO_DISCHARGE},
	[ECHO_VOLTAGE] = {ECHO_TOLERANCE_MV, EVENT_ECHO_VOLTAGE},
	[ECHO_SOC] = {ECHO_TOLERANCE_PCT, EVENT_ECHO_SOC},
};

void echo_decode(const uint16_t reg[ECHO_REGISTERS], int64_t t_ns, struct echo_reading *ret_reading)
{
	const int32_t raw = reg[AT_CURRENT];
	const int32_t current = raw > INT16_MAX ? raw - (UINT16_MAX + 1) : raw;

	*ret_reading = (struct echo_reading){
		.t_ns = t_ns,
		.value =
			{
				[ECHO_CHARGE] = reg[AT_CHARGE] * REGISTER_MA,
				[ECHO_DISCHARGE] = reg[AT_DISCHARGE] * REGISTER_MA,
				[ECHO_VOLTAGE] = reg[AT_VOLTAGE] * REGISTER_MV,
				[ECHO_SOC] = reg[AT_SOC],
			},
		.soh_pct = reg[AT_SOH],
		.current_ma = current * REGISTER_MA,
		.fault = {reg[AT_FAULT], reg[AT_FAULT + 1]},
	};
}

void echo_said_of(const struct telemetry *t, struct echo_said *ret_said)
{
	*ret_said = (struct echo_said){
		.confirmed = t->can_confirmed != 0U,
		.frames = t->count_frames,
		.value =
			{
				[ECHO_CHARGE] = t->limit_ma[DIR_CHARGE],
				[ECHO_DISCHARGE] = t->limit_ma[DIR_DISCHARGE],
				[ECHO_VOLTAGE] = t->pack_shown_mv,
				[ECHO_SOC] = t->soc_shown_pct,
			},
	};
}

static void forget_verdict(struct echo *e)
{
	for (uint32_t i = 0; i < ECHO_ITEMS; i++) {
		e->since_ns[i] = TIME_NEVER;
	}
	e->differs = 0U;
	e->verdict = ECHO_UNKNOWN;
}

void echo_init(struct echo *e, const struct echo_config *config)
{
	memset(e, 0, sizeof(*e));
	e->config.window_ms = max_i32(config->window_ms, ECHO_WINDOW_MIN_MS);
	e->config.max_age_ms = max_i32(config->max_age_ms, 1);
	e->frames_ns = TIME_NEVER;
	e->judged_ns = TIME_NEVER;
	forget_verdict(e);
}

static int64_t window_ns(const struct echo *e)
{
	return e->config.window_ms * NS_PER_MS;
}

static void remember(struct echo *e, int64_t now_ns, const struct echo_said *said)
{
	struct echo_span *s = &e->span[e->head];
	const bool fresh = e->spans == 0U ||
			   now_ns - s->first_ns >= window_ns(e) / SLICES_PER_WINDOW;

	if (fresh) {
		e->head = (e->head + 1U) % ECHO_SPANS;
		e->spans = e->spans < ECHO_SPANS ? e->spans + 1U : ECHO_SPANS;
		s = &e->span[e->head];
		s->first_ns = now_ns;
	}
	s->last_ns = now_ns;
	for (uint32_t i = 0; i < ECHO_ITEMS; i++) {
		const int32_t v = said->value[i];

		s->min[i] = fresh ? v : min_i32(s->min[i], v);
		s->max[i] = fresh ? v : max_i32(s->max[i], v);
	}
}

/* Return: true while frames leave and somebody acknowledges them. */
static bool is_said(struct echo *e, int64_t now_ns, const struct echo_said *said)
{
	if (said->frames != e->frames) {
		e->frames = said->frames;
		e->frames_ns = now_ns;
	}
	return said->confirmed && time_ms_since(now_ns, e->frames_ns) <= ECHO_SAID_MAX_MS;
}

/* Least and greatest of what was said within one window before @t_ns and later. */
static bool said_range(const struct echo *e, int64_t t_ns, enum echo_item item, int32_t *ret_min,
		       int32_t *ret_max)
{
	bool any = false;

	for (uint32_t n = 0; n < e->spans; n++) {
		const struct echo_span *s = &e->span[(e->head + ECHO_SPANS - n) % ECHO_SPANS];

		if (s->last_ns < t_ns - window_ns(e)) {
			break;
		}
		*ret_min = any ? min_i32(*ret_min, s->min[item]) : s->min[item];
		*ret_max = any ? max_i32(*ret_max, s->max[item]) : s->max[item];
		any = true;
	}
	return any;
}

/* Return: true if the item differs in this reading, for however long. */
static bool judge_item(struct echo *e, const struct echo_reading *r, enum echo_item item,
		       uint32_t *differs, struct sink *sink)
{
	const int32_t v = r->value[item];
	int32_t lo = v;
	int32_t hi = v;

	(void)said_range(e, r->t_ns, item, &lo, &hi);
	if (v >= (int64_t)lo - items[item].tolerance && v <= (int64_t)hi + items[item].tolerance) {
		e->since_ns[item] = TIME_NEVER;
		return false;
	}
	if (e->since_ns[item] == TIME_NEVER) {
		e->since_ns[item] = r->t_ns;
	}
	if (r->t_ns - e->since_ns[item] < window_ns(e)) {
		return true;
	}
	*differs |= 1U << item;
	if ((e->differs & (1U << item)) == 0U) {
		sink_emit(sink, items[item].event, v, lo, hi,
			  time_ms_since(r->t_ns, e->since_ns[item]));
	}
	return true;
}

static void judge(struct echo *e, const struct echo_reading *r, struct sink *sink)
{
	uint32_t differs = 0U;
	bool agree = true;

	for (uint32_t i = 0; i < ECHO_ITEMS; i++) {
		agree = !judge_item(e, r, (enum echo_item)i, &differs, sink) && agree;
	}
	if (agree && e->verdict != ECHO_AGREES) {
		sink_emit(sink, EVENT_ECHO_AGREES, r->value[ECHO_CHARGE], r->value[ECHO_DISCHARGE],
			  r->value[ECHO_VOLTAGE], r->value[ECHO_SOC]);
	}
	e->differs = differs;
	if (agree) {
		e->verdict = ECHO_AGREES;
	} else if (differs != 0U) {
		e->verdict = ECHO_DIFFERS;
	} else if (e->verdict == ECHO_DIFFERS) {
		e->verdict = ECHO_UNKNOWN; /* something else differs now, not for long enough */
	}
}

static void report_faults(struct echo *e, const struct echo_reading *r, struct sink *sink)
{
	if (memcmp(e->fault, r->fault, sizeof(e->fault)) == 0) {
		return;
	}
	sink_emit(sink, EVENT_ECHO_FAULTS, (int32_t)r->fault[0], (int32_t)r->fault[1],
		  (int32_t)e->fault[0], (int32_t)e->fault[1]);
	memcpy(e->fault, r->fault, sizeof(e->fault));
}

void echo_step(struct echo *e, int64_t now_ns, const struct echo_said *said,
	       const struct echo_reading *reading, struct echo_out *ret_out)
{
	struct sink sink = {.now_ns = now_ns, .event = ret_out->event, .max = ECHO_EVENTS_MAX};
	/* Times before the start of the clock or ahead of it are none. */
	const bool read = reading->t_ns >= 0 && reading->t_ns <= now_ns &&
			  time_ms_since(now_ns, reading->t_ns) <= e->config.max_age_ms;

	memset(ret_out, 0, sizeof(*ret_out));
	if (!is_said(e, now_ns, said)) {
		e->spans = 0U;
		forget_verdict(e);
	} else {
		remember(e, now_ns, said);
		if (!read) {
			forget_verdict(e);
		} else if (reading->t_ns != e->judged_ns) {
			judge(e, reading, &sink);
		}
	}
	if (read && reading->t_ns != e->judged_ns) {
		report_faults(e, reading, &sink);
		e->judged_ns = reading->t_ns;
	}
	ret_out->verdict = e->verdict;
	ret_out->differs = e->differs;
	ret_out->event_len = sink.len;
}
