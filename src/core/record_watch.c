/* SPDX-License-Identifier: Apache-2.0 */
/* Which moments are worth to be kept. */
#include "core/record.h"

static const char *const names[RECORD_TRIGGERS] = {
	[RECORD_TRIGGER_NONE] = "none",
	[RECORD_TRIGGER_STOP] = "stop",
	[RECORD_TRIGGER_TRIP] = "trip",
	[RECORD_TRIGGER_RELAY] = "relay",
	[RECORD_TRIGGER_CONTRADICTION] = "contradiction",
	[RECORD_TRIGGER_LATCH] = "latch",
	[RECORD_TRIGGER_WORKER] = "worker",
};

const char *record_trigger_name(uint32_t trigger)
{
	return trigger < RECORD_TRIGGERS ? names[trigger] : "?";
}

static uint32_t judge(const struct record_watch *w, const struct cycle_in *in,
		      const struct telemetry *t)
{
	if (t->latched != REASON_NONE && w->latched == REASON_NONE) {
		return t->latched == REASON_CONTRADICTION ? RECORD_TRIGGER_CONTRADICTION
							  : RECORD_TRIGGER_LATCH;
	}
	if (in->stop) {
		return RECORD_TRIGGER_NONE;
	}
	if (w->relay == RELAY_CLOSED && in->relay == RELAY_OPEN) {
		return RECORD_TRIGGER_RELAY;
	}
	if (t->step == w->step || w->step == STEP_INIT) {
		return RECORD_TRIGGER_NONE;
	}
	if (t->step == STEP_TRIP) {
		return RECORD_TRIGGER_TRIP;
	}
	return (t->step == STEP_STOP || t->step == STEP_HOLD) && w->step < STEP_STOP
		       ? RECORD_TRIGGER_STOP
		       : RECORD_TRIGGER_NONE;
}

uint32_t record_watch_step(struct record_watch *w, const struct cycle_in *in,
			   const struct telemetry *t)
{
	const uint32_t trigger = judge(w, in, t);

	w->step = t->step;
	w->latched = t->latched;
	w->relay = in->relay;
	return trigger;
}
