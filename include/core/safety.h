/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder of SAFETY.md 2: what happens when BMS data is lost, values are impossible, or the
 * battery is not obeyed; the three levels with their latches; and whether the relay may be closed.
 */
#ifndef JKP_CORE_SAFETY_H
#define JKP_CORE_SAFETY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/sample.h"
#include "core/sink.h"
#include "core/telemetry.h"

#define SAFETY_CAUTION_STEP_MS	  200
#define SAFETY_CAUTION_STEP_PM	  40 /* 20 % a second */
#define SAFETY_GOOD_SAMPLES	  5  /* to leave stop, hold or trip */
#define SAFETY_RELOAD_SAMPLES	  2  /* after an announced reload */
#define SAFETY_CRITICAL_SAMPLES	  2
#define SAFETY_CRITICAL_NS	  NS_PER_S
#define SAFETY_TRIP_DELAY_NS	  (2 * NS_PER_S) /* 0 A before the relay opens (SAF-20) */
#define SAFETY_CRITICAL_DELAY_NS  NS_PER_S
#define SAFETY_RECLOSE_MAX	  3 /* BMS-side, per SAFETY_RECLOSE_NS, then latched */
#define SAFETY_RECLOSE_NS	  (3600 * NS_PER_S)
#define SAFETY_HOLD_NS		  (5 * NS_PER_S) /* zero envelope not obeyed (SAF-21) */
#define SAFETY_DISOBEY_TRIP_NS	  (15 * NS_PER_S)
#define SAFETY_DISOBEY_LIMIT_NS	  (30 * NS_PER_S)   /* other envelope not obeyed: it becomes 0 */
#define SAFETY_OBEYED_NS	  (30 * NS_PER_S)   /* without excess: all is forgotten */
#define SAFETY_OBEY_MAX_NS	  (3600 * NS_PER_S) /* of a sum taken over from another worker */
#define SAFETY_CRITICAL_MARGIN_MA 2000
#define SAFETY_ALIVE_ZERO_MS	  6000
#define SAFETY_ALIVE_TRIP_MS	  60000
#define SAFETY_RECOVERY_NS	  (30 * 60 * NS_PER_S)
#define SAFETY_WELD_NS		  (5 * NS_PER_S) /* after opening: contactor, fuses, capacitors */
#define SAFETY_WELD_MA		  2000
#define SAFETY_WELD_SAMPLES	  2

/**
 * struct level_state - one quantity
 */
struct level_state {
	uint8_t count; /* consecutive samples beyond critical */
	bool warn;
	bool critical;	  /* newest sample is beyond critical */
	int64_t since_ns; /* first of them */
};

/**
 * struct obey - one direction of the obedience check
 *
 * Sums of the time between samples, not clocks: an inverter that pauses while it is held and goes
 * on when it is released, or whose envelope moves between 0 and a little, must not start anew each
 * time; and silence proves nothing.
 */
struct obey {
	int64_t over_ns; /* current beyond the envelope */
	int64_t zero_ns; /* the part of it against an envelope that the bus shows as 0 */
	int64_t calm_ns; /* no excess; SAFETY_OBEYED_NS of it clear all three */
	bool over;	 /* newest sample */
	bool closed;	 /* envelope set to 0 because of disobedience */
	bool hold;	 /* ladder step 3 on this side */
};

/**
 * struct safety - caller-owned
 */
struct safety {
	uint32_t step;		 /* enum step */
	uint32_t reason;	 /* enum reason */
	uint32_t latched;	 /* enum reason, 0 = none */
	uint32_t critical_level; /* enum level_id behind REASON_CRITICAL; LEVELS = not known */
	uint8_t good;		 /* consecutive good samples */
	uint8_t needed;		 /* good samples that lead back to run */
	bool permit;
	bool data_lost; /* show the communication fault */
	int64_t caution_since_ns;
	int32_t caution_ma[DIRS];
	int64_t zero_since_ns; /* both limits 0 since, TIME_NEVER if not */
	int64_t trip_ns;       /* when the trip was decided */
	int64_t open_ns;       /* when the permit was withdrawn */
	int64_t reclose_ns[SAFETY_RECLOSE_MAX];
	uint32_t kept_trip;	  /* trip of the last worker, to be gone on with */
	uint32_t relay;		  /* enum relay_state, as last seen */
	int64_t relay_open_ns;	  /* since when it is seen open, TIME_NEVER = it is not */
	int64_t heard_ns;	  /* the inverter, also by the last worker */
	uint8_t weld_count;	  /* consecutive samples with current while it is open */
	int64_t recover_until_ns; /* attended recovery, TIME_NEVER = off */
	int64_t judged_ns;	  /* newest sample whose current was judged */
	struct level_state level[LEVELS];
	struct obey obey[DIRS];
};

/**
 * struct safety_sample - what a new sample tells the ladder
 * @s: sample
 * @good: it is a good sample
 * @cells_valid, @probe_mask: what may be judged
 * @cold_dc, @hot_dc: extreme temperatures of the used probes (floor and nominal)
 * @envelope_ma: hard ceilings, before disobedience closes them
 * @maximum_ma: 100 % of each direction
 */
struct safety_sample {
	const struct sample *s;
	bool good;
	bool cells_valid;
	uint8_t probe_mask;
	int32_t cold_dc;
	int32_t hot_dc;
	int32_t envelope_ma[DIRS];
	int32_t maximum_ma[DIRS];
};

/**
 * struct safety_in - what the ladder sees in every period
 * @have_sample: a sample was accepted since start and not discarded
 * @age_ms: age of the newest trusted sample, INT32_MAX if none
 * @implausible, @frozen: verdict on the newest sample
 * @suspended: the system was suspended
 * @guard_ok: the guard's beat moves
 * @alive_ms: age of the last 0x305 (or of the start), INT32_MIN = not judged
 * @can_lost_ms: how long sets have been unconfirmed beyond the second, 0 = confirmed
 * @limits_zero: both limits on the bus are 0
 * @limit_ma: limits of the previous period
 * @contradiction: internal contradiction found
 * @heard_ns: when the inverter was heard, TIME_NEVER = never since the start
 * @can_confirmed: a set was confirmed since the start
 * @relay: enum relay_state
 * @latch: enum reason that the guard has latched just now, 0 = none
 */
struct safety_in {
	int64_t now_ns;
	bool have_sample;
	bool implausible;
	bool frozen;
	bool suspended;
	bool guard_ok;
	bool limits_zero;
	bool contradiction;
	bool can_confirmed;
	uint32_t relay;
	uint32_t latch;
	int64_t heard_ns;
	int32_t age_ms;
	int32_t alive_ms;
	int32_t can_lost_ms;
	int32_t limit_ma[DIRS];
};

/**
 * struct safety_kept - what a new worker takes over from the one before
 * @latched: enum reason, 0 = none
 * @level: enum level_id behind a REASON_CRITICAL, LEVELS = not known
 * @tripped: enum reason of the trip that it was in, 0 = none: the way back is the same
 * @closed: bit of each direction whose envelope is 0 because of disobedience
 * @over_ns, @zero_ns: sums of the obedience check
 * @heard_ns: CLOCK_MONOTONIC, when the inverter was heard, TIME_NEVER = never
 * @reclose_ns: CLOCK_MONOTONIC of the last re-closings, TIME_NEVER = none
 */
struct safety_kept {
	uint32_t latched;
	uint32_t level;
	uint32_t tripped;
	uint32_t closed;
	int64_t over_ns[DIRS];
	int64_t zero_ns[DIRS];
	int64_t heard_ns;
	int64_t reclose_ns[SAFETY_RECLOSE_MAX];
};

/**
 * safety_init - before the first sample
 * @sf: memory
 * @now_ns: CLOCK_MONOTONIC
 * @held: true: a safe set with held values is shown until samples come (step stop)
 * @needed: good samples that lead to run; SAFETY_GOOD_SAMPLES, fewer after an announced reload
 * @kept: from a previous worker, NULL = there was none
 */
void safety_init(struct safety *sf, int64_t now_ns, bool held, uint8_t needed,
		 const struct safety_kept *kept);

/**
 * safety_keep - what the next worker has to know
 */
void safety_keep(const struct safety *sf, struct safety_kept *ret_kept);

/**
 * safety_sample - levels and obedience on a new sample
 *
 * Context: the thread that runs the step. Pure. Bound: constant.
 */
void safety_sample(struct safety *sf, const struct core_config *c, const struct safety_sample *in,
		   struct sink *sink);

/**
 * safety_latch - latch a fault; a fault that is latched already stays the cause
 */
void safety_latch(struct safety *sf, enum reason reason, struct sink *sink);

/**
 * safety_step - move on the ladder
 *
 * Context: the thread that runs the step. Pure. Bound: constant.
 */
void safety_step(struct safety *sf, const struct core_config *c, const struct safety_in *in,
		 struct sink *sink);

/**
 * safety_caution_cap - ceiling of ladder step 1 for a direction
 *
 * Return: mA; INT32_MAX if the ladder is not at that step.
 */
int32_t safety_caution_cap(const struct safety *sf, int64_t now_ns, enum dir dir);

/**
 * safety_under_voltage - an under-voltage stands behind the latch, be it its first cause or not
 */
bool safety_under_voltage(const struct safety *sf);

/**
 * safety_ack - acknowledge a latched fault (local tools only)
 * @recover: attended recovery after under-voltage: charging is possible for 30 minutes. Without an
 *           under-voltage behind the latch it is an acknowledgement like any other
 *
 * Refused while the battery is not known (no fresh sample), and while a critical level is present,
 * unless @recover and it is the lowest cell.
 *
 * Return: true if nothing is latched any more.
 */
bool safety_ack(struct safety *sf, int64_t now_ns, bool recover, struct sink *sink);

#endif
