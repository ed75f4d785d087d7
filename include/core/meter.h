/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a grid meter says may be believed: whose it is, whether it is new, whether it can be.
 * Datagrams of a meter carry no signature: anybody in the network can send one. What is taken here
 * may still be a lie; it can only lower a limit (SAF-07).
 */
#ifndef JKP_CORE_METER_H
#define JKP_CORE_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

/* Before another ticker is believed: datagrams in a row, over this time, and none of the old one. */
#define METER_RESTART_NEEDS 3U
#define METER_RESTART_MS    3000
#define METER_AHEAD_MS	    5000 /* how much further a ticker may be than the time that passed */

enum meter_who {
	METER_NOBODY, /* no meter is named: nothing is taken */
	METER_ANY,    /* the first one heard, until it is silent */
	METER_SERIAL, /* this one */
};

/**
 * struct meter_config - settings
 * @serial: used with METER_SERIAL
 * @max_power_w: greatest power either way, and greatest step between two samples, > 0
 * @stale_ms: so long without a datagram of the followed one, and another may take its place
 */
struct meter_config {
	enum meter_who who;
	uint32_t serial;
	int32_t max_power_w;
	int32_t stale_ms;
};

/**
 * struct meter_reading - one datagram
 * @t_ns: CLOCK_MONOTONIC of its arrival, not before the one before
 * @serial: of the meter
 * @source: where from: IPv4 address, as a number
 * @ticker_ms: the meter's own time, wraps
 * @power_dw: + import, - export, 0.1 W
 */
struct meter_reading {
	int64_t t_ns;
	uint32_t serial;
	uint32_t source;
	uint32_t ticker_ms;
	int32_t power_dw;
};

enum meter_verdict {
	METER_TAKEN,
	METER_NOT_NAMED,    /* METER_NOBODY */
	METER_OTHER_SERIAL, /* not the one named, or not the one followed */
	METER_OTHER_SOURCE, /* right serial number from another address, FLT-41 */
	METER_REPEATED,	    /* the same ticker */
	METER_BACKWARDS,    /* ticker of before: a replay, or a restart that is not confirmed yet */
	METER_AHEAD,	    /* ticker further than time has passed, not confirmed yet */
	METER_TOO_MUCH,	    /* beyond max_power_w */
	METER_STEP,	    /* a single step beyond max_power_w */
	METER_VERDICTS
};

/**
 * struct meter - state; meter_init() first
 * @follows: @serial and @source are the followed one
 * @heard_ns: newest datagram of it in its sequence
 * @ticker_ms: its newest ticker
 * @restarts: other tickers that were believed, modulo 2^32
 *
 * The rest is its own.
 */
struct meter {
	struct meter_config config;
	bool follows;
	uint32_t serial;
	uint32_t source;
	int64_t heard_ns;
	uint32_t ticker_ms;
	uint32_t restarts;
	/* ---- */
	uint32_t other_count; /* datagrams of another sequence so far */
	uint32_t other_ticker_ms;
	int64_t other_ns;
	int64_t other_since_ns;
	int64_t power_ns; /* of @power_w, TIME_NEVER = none */
	int32_t power_w;
	bool step_pending;
	int32_t step_w;
};

void meter_init(struct meter *m, const struct meter_config *config);

/**
 * meter_step - judge one datagram
 * @m: state
 * @r: the datagram
 * @ret_power_w: with METER_TAKEN: its power, W, rounded; else untouched
 *
 * Context: any thread. Pure. Constant time.
 */
enum meter_verdict meter_step(struct meter *m, const struct meter_reading *r, int32_t *ret_power_w);

/* Short English name; "?" for a value outside the enum. */
const char *meter_verdict_name(enum meter_verdict v);

#endif
