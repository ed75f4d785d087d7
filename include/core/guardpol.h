/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's policy: from the worker's signs of life to the relay, the watchdogs and the worker's
 * end. Pure, so that every combination can be tried and the rules of SAF-11 be proven. The relay is
 * closed while each of these holds, and opens in the step in which one of them ends: the worker
 * lives, its beat advances as a cycle of its period would, it permits, nothing is latched, the line
 * can be driven, the contact follows. Two exceptions, each for a short time: an announced reload, and
 * a latch of the worker's core, which first says 0 A and then withdraws its permit (SAF-20).
 */
#ifndef JKP_CORE_GUARDPOL_H
#define JKP_CORE_GUARDPOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define GUARDPOL_BEAT_SLACK  2 /* beats more than time has passed for: where the two clocks look */
#define GUARDPOL_KILL_NS     (2 * NS_PER_S)  /* a worker that stands still is replaced */
#define GUARDPOL_START_NS    (15 * NS_PER_S) /* devices may take seconds to open */
#define GUARDPOL_STOP_NS     (5 * NS_PER_S)  /* the worker needs at most 1 s for its last words */
#define GUARDPOL_LAST_NS     (2500 * NS_PER_MS) /* relay closed while it says them (SAF-20) */
#define GUARDPOL_TRIP_NS     (2200 * NS_PER_MS) /* and while a planned trip sends 0 A, at most 2 s */
#define GUARDPOL_REPLACE_NS  (30 * NS_PER_S)	/* without a worker for longer: not healthy */
#define GUARDPOL_RECLOSE_MAX 3
#define GUARDPOL_RECLOSE_NS  (3600 * NS_PER_S)

/* The worker: what it says of itself in the shared page, and that there is none. */
enum guardpol_worker {
	GUARDPOL_STARTING, /* before its first cycle */
	GUARDPOL_RUNNING,
	GUARDPOL_STOPPING,  /* announced: its end is no fault */
	GUARDPOL_RELOADING, /* the same, and a new one is wanted at once */
	GUARDPOL_NONE,	    /* has ended, or was never started; no word of a worker */
};

/**
 * struct guardpol_config - settings, ms unless the name says otherwise
 * @period_us: the worker's cycle, > 0
 * @beat_ms: a beat that has not advanced for this long is missing
 * @reload_ms: longest time an announced reload keeps the relay closed
 * @open_ms: the relay stays open for at least this long
 * @pulse_ms: between two edges of the line, 0 = the line is held (level mode)
 * @precharge_ms: 0 = no precharge line
 * @feedback_ms: the contact may differ from the command for this long, 0 = no feedback line
 */
struct guardpol_config {
	int32_t period_us;
	int32_t beat_ms;
	int32_t reload_ms;
	int32_t open_ms;
	int32_t pulse_ms;
	int32_t precharge_ms;
	int32_t feedback_ms;
};

/**
 * struct guardpol_in - what the guard sees in one period
 * @now_ns: CLOCK_MONOTONIC, never goes back
 * @worker: enum guardpol_worker; any other value counts as one that has no cycle
 * @beat_valid: beat and complement matched
 * @beat: if @beat_valid
 * @permit: the permit word was the one that permits
 * @reason: enum reason beside it
 * @latched: enum reason of the latched fault, 0 = none
 * @line_failed: the relay's line could not be driven
 * @feedback: contact 1 closed, 0 open, anything else: not readable
 */
struct guardpol_in {
	int64_t now_ns;
	uint32_t worker;
	uint32_t beat;
	uint32_t reason;
	uint32_t latched;
	int32_t feedback;
	bool beat_valid;
	bool permit;
	bool line_failed;
};

/**
 * struct guardpol_out - what the guard has to do
 * @relay: enum relay_state (core/telemetry.h), as commanded
 * @line: level of the relay's line (logical: active = energised), pulses included
 * @precharge: level of the precharge line
 * @healthy: both watchdogs may be fed
 * @fresh: the beat is on time
 * @kill: the worker is beyond hope: kill it
 * @opened: the relay opens in this step, because of @opened_by (enum reason)
 * @closed: it closes in this step
 * @latch: enum reason to latch from now on, 0 = nothing new
 */
struct guardpol_out {
	uint32_t relay;
	uint32_t opened_by;
	uint32_t latch;
	bool line;
	bool precharge;
	bool healthy;
	bool fresh;
	bool kill;
	bool opened;
	bool closed;
};

/**
 * struct guardpol - caller-owned state
 */
struct guardpol {
	uint32_t worker; /* enum guardpol_worker */
	uint32_t beat;
	uint32_t relay; /* enum relay_state */
	bool seen;	/* the beat of this worker has been seen */
	bool advanced;	/* and has advanced since */
	bool holding;	/* an announced reload keeps the relay closed */
	bool announced; /* the last thing the worker said is that it ends */
	bool counts;	/* the next closing is one of the counted */
	bool line;
	int64_t since_ns;   /* of the worker's state */
	int64_t moved_ns;   /* when the beat last advanced */
	int64_t lost_ns;    /* since when it is missing, TIME_NEVER = it is not */
	int64_t alive_ns;   /* when a worker was last seen well */
	int64_t opened_ns;  /* when the relay was opened */
	int64_t phase_ns;   /* when the precharge began, the line last changed */
	int64_t hold_ns;    /* when the reload was announced */
	int64_t latched_ns; /* since when something is latched, TIME_NEVER = nothing is */
	int64_t differs_ns; /* since when the contact differs, TIME_NEVER = it does not */
	int64_t reclose_ns[GUARDPOL_RECLOSE_MAX];
};

/**
 * guardpol_init - start: relay open, no worker
 * @now_ns: CLOCK_MONOTONIC; the relay counts as opened now
 */
void guardpol_init(struct guardpol *g, int64_t now_ns);

/**
 * guardpol_step - one period of the guard
 * @out: written completely
 *
 * Context: guard. Pure. Bound: constant.
 */
void guardpol_step(struct guardpol *g, const struct guardpol_config *c,
		   const struct guardpol_in *in, struct guardpol_out *out);

/**
 * guardpol_acked - the latched fault was acknowledged: re-closings are counted anew
 */
void guardpol_acked(struct guardpol *g);

#endif
