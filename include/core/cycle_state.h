/* SPDX-License-Identifier: Apache-2.0 */
/* Complete type of struct cycle, for those who place it. Fields are the core's own. */
#ifndef JKP_CORE_CYCLE_STATE_H
#define JKP_CORE_CYCLE_STATE_H

#include "core/arbiter.h"
#include "core/bms_link.h"
#include "core/charge.h"
#include "core/cycle.h"
#include "core/damping.h"
#include "core/envelope.h"
#include "core/limiter.h"
#include "core/link.h"
#include "core/plausible.h"
#include "core/safety.h"
#include "core/temperature.h"

#define HELD_MAX_NS (60 * NS_PER_S)
#define SUSPEND_NS  (100 * NS_PER_MS)
#define STOP_MAX_NS NS_PER_S /* until a set of 0 A is confirmed */
#define STOP_REST_NS \
	(2 * NS_PER_S) /* until the current has fallen: the relay opens then (SAF-20) */
#define STOP_REST_MA 2000

/* SoC must be this far back before a bound of SoC that was reached lets current flow again. */
#define SOC_BOUND_BACK_PCT 2

struct lease {
	int64_t until_ns;
	int32_t value;
	uint32_t seq;
	bool active;
};

struct cycle {
	const struct core_config *config;
	struct bms_link bms;
	struct temperature temperature;
	struct plausible plausible;
	struct plausible_result verdict;
	struct limiter limiter[DIRS];
	struct charge charge;
	struct safety safety;
	struct link link;
	struct lease lease[COMMANDS];
	struct arbiter arbiter;
	struct damping damping;
	bool soc_reached[DIRS];	  /* the bound of COMMAND_SOC_MAX, COMMAND_SOC_MIN */
	struct bms_limits known;  /* last usable protection values of the BMS */
	struct sample sample;	  /* newest accepted */
	struct sample decoded;	  /* scratch */
	struct bms_answer answer; /* scratch */
	struct envelope_in envelope;
	int64_t start_ns;
	int64_t trusted_ns; /* request time of the newest sample that refreshes the age */
	int64_t boot_offset_ns;
	int64_t stop_ns;
	bool have_sample;   /* a complete one was seen since start */
	bool suspended;	    /* since the newest sample */
	bool greeted;	    /* the first step has been made */
	bool contradiction; /* a limit above its envelope was computed */
	uint16_t alarms_reported;
	uint8_t mosfets_reported;
	uint16_t odd_reported;		  /* bits of sample.odd, once each */
	int32_t told_value[BMS_SETTINGS]; /* tighter than ours and reported so */
	int64_t told_ns[BMS_SETTINGS];
	int32_t maximum_ma[DIRS];
	int32_t envelope_ma[DIRS];
	uint32_t envelope_by[DIRS];
	int32_t limit_ma[DIRS];
	uint32_t limited_by[DIRS];
	uint32_t reported_by[DIRS];
	int32_t hold_cvl_mv; /* ladder step 3, 0 = not holding */
	bool hold_soc;	     /* ladder step 3 of the discharge side */
	int32_t cvl_mv;
	int32_t ovp_mv; /* OVP that two samples agree on, or a lower one; INT32_MAX = none */
	int32_t ovp_last_mv;
	bool ovp_last_good;
	uint32_t events_lost;
	uint32_t implausible_count;
	struct held held;
	struct pylon_state say;
	struct telemetry telemetry;
};

#endif
