/* SPDX-License-Identifier: Apache-2.0 */
/* What the core shows of itself: fixed layout, part of the statistics page. */
#ifndef JKP_CORE_TELEMETRY_H
#define JKP_CORE_TELEMETRY_H

#include <stdint.h>

#include "core/command.h"
#include "core/config.h"
#include "core/sample.h"

/* Ladder of SAFETY.md 2. STEP_INIT: nothing may be sent yet. */
enum step {
	STEP_INIT,
	STEP_RUN,
	STEP_CAUTION,
	STEP_STOP,
	STEP_HOLD,
	STEP_TRIP,
	STEPS
};

/* Why the ladder is where it is; also the reason of a latch. */
enum reason {
	REASON_NONE,
	REASON_COLD_START,
	REASON_BMS_SILENT,
	REASON_IMPLAUSIBLE,
	REASON_FROZEN,
	REASON_SUSPEND,
	REASON_GUARD,
	REASON_INVERTER_SILENT,
	REASON_CAN_LOST,
	REASON_DISOBEYED_CHARGE,
	REASON_DISOBEYED_DISCHARGE,
	REASON_CRITICAL, /* + level in telemetry.critical_level */
	REASON_CONTRADICTION,
	REASON_NO_MAXIMUM,
	REASON_STOPPING,
	REASON_RECOVERED,
	REASON_WORKER, /* ended unannounced, or failed too often */
	REASON_BEAT,   /* the cycle stood still */
	REASON_RELAY,  /* line not to be driven, or the contact does not follow */
	REASON_WELDED, /* current flows while the relay is open */
	REASON_STATE,  /* what was latched is not known: the record of it is gone or broken */
	REASON_FORCED, /* the guard opened the relay on its own */
	REASONS
};

enum phase {
	PHASE_BULK,
	PHASE_ABSORPTION,
	PHASE_FLOAT,
	PHASES
};

/* The battery's relay as the guard commands it. */
enum relay_state {
	RELAY_NOT_FITTED, /* or nobody knows */
	RELAY_OPEN,
	RELAY_CLOSED,
	RELAY_PRECHARGE, /* open, but the inverter's capacitors are being charged */
	RELAY_STATES
};

/* CAN link as the shell sees it. */
enum can_link {
	CAN_LINK_ABSENT, /* no such interface */
	CAN_LINK_DOWN,
	CAN_LINK_UP, /* error-active */
	CAN_LINK_WARNING,
	CAN_LINK_PASSIVE,
	CAN_LINK_BUS_OFF,
	CAN_LINKS
};

/* Names of the enums above, for logs and tools: static strings, "?" out of range. */
const char *step_name(int32_t step);
const char *reason_name(int32_t reason);
const char *phase_name(int32_t phase);
const char *can_link_name(int32_t link);
const char *relay_state_name(int32_t relay);
const char *dir_name(int32_t dir);
const char *level_name(int32_t level);
const char *source_name(int32_t source); /* enum source_id */

/* event_namer over all of these; see base/event.h. */
#include "base/event.h"
const char *core_event_name(enum event_name kind, int32_t value);

/**
 * struct telemetry - state after one cycle
 * @t_ns: time of the cycle
 * @age_ms: age of the newest sample, INT32_MAX if none
 * @limit_ma: limits on the bus
 * @envelope_ma: hard ceilings of the newest sample
 * @limited_by: enum rule that set @limit_ma
 * @envelope_by: enum rule that set @envelope_ma
 * @arbiter_ma: what the arbiter allows, INT32_MAX = anything; @arbiter_by the rule
 * @damping_ma: what the damping allows, INT32_MAX = anything
 * @oscillating: the grid power oscillates, or has lately
 * @source_age_ms: by enum source_id: age of the newest sample that could be read, INT32_MAX if none
 * @peer_from: enum source_id that the word of the other battery came from, SOURCES = nobody's
 * @grid_w, @peer_w: as the arbiter used them, SOURCE_NO_VALUE = not known; of @peer_w INT32_MAX and
 *                  -INT32_MAX are a direction without a size
 * @peer_soc_pct: state of charge of the other battery, SOURCE_NO_VALUE = not known
 * @lease_left_ms: by enum command_kind, what is left of the lease, 0 = none runs
 * @lease_value: its value, see enum command_kind
 * @count_*: since start, modulo 2^32
 *
 * Size is a multiple of 8; no pointers; @sample is the newest accepted one.
 */
struct telemetry {
	int64_t t_ns;
	struct sample sample;
	int32_t age_ms;
	uint32_t step;
	uint32_t reason;
	uint32_t phase;
	int32_t limit_ma[DIRS];
	int32_t envelope_ma[DIRS];
	uint32_t limited_by[DIRS];
	uint32_t envelope_by[DIRS];
	int32_t cvl_mv;
	int32_t dvl_mv;
	int32_t soc_shown_pct;
	uint32_t soc_valid;
	uint32_t full;
	uint32_t permit;
	uint32_t latched;	 /* enum reason, 0 = none */
	uint32_t critical_level; /* enum level_id of a critical latch, LEVELS = none or not known */
	uint32_t protections;	 /* PYLON_* bits */
	uint32_t warnings;
	uint32_t enables;  /* byte 0 of 0x35C as sent */
	uint32_t can_link; /* enum can_link */
	uint32_t can_confirmed;
	uint32_t inverter_alive;
	int32_t alive_age_ms; /* since the last 0x305, INT32_MAX if never */
	int32_t alive_min_ms; /* shortest, longest and mean interval of 0x305 */
	int32_t alive_max_ms;
	int32_t alive_mean_ms;
	int32_t reply_ms; /* request to last byte of the newest reply */
	uint32_t count_requests;
	uint32_t count_samples;
	uint32_t count_verdict[JK_VERDICTS];
	uint32_t count_late;
	uint32_t count_implausible;
	uint32_t count_sets;
	uint32_t count_frames;
	uint32_t count_confirmed;
	uint32_t count_alive;
	uint32_t count_events_lost;
	uint32_t relay;	       /* enum relay_state */
	int32_t pack_shown_mv; /* pack voltage on the bus */
	uint32_t oscillating;
	int32_t arbiter_ma[DIRS];
	uint32_t arbiter_by[DIRS];
	int32_t damping_ma[DIRS];
	int32_t source_age_ms[SOURCES];
	uint32_t peer_from;
	int32_t grid_w;
	int32_t peer_w;
	int32_t peer_soc_pct;
	int32_t lease_left_ms[COMMANDS];
	int32_t lease_value[COMMANDS];
	uint32_t pad;
};

_Static_assert(sizeof(struct telemetry) % 8U == 0U, "what the page is made of");

#endif
