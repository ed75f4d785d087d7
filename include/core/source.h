/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the house says, in project units, whatever meter or inverter it came from. Each value
 * carries the time at which it arrived; how old it may get is decided where it is used (SAF-07).
 */
#ifndef JKP_CORE_SOURCE_H
#define JKP_CORE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define SOURCE_NO_VALUE INT32_MIN

/* A time stamp may be this much younger than the time of the period: it is read after that. */
#define SOURCE_AHEAD_NS (100 * NS_PER_MS)

/**
 * struct grid_sample - power at the house's connection to the grid
 * @t_ns: CLOCK_MONOTONIC of its arrival, TIME_NEVER = none
 * @power_w: + import from the grid, - export, W
 * @serial: of the meter
 */
struct grid_sample {
	int64_t t_ns;
	int32_t power_w;
	uint32_t serial;
};

enum peer_source {
	PEER_NONE,
	PEER_LOCAL, /* the inverter itself, in the local network */
	PEER_SEMS,  /* its vendor's portal */
	PEER_SOURCES
};

enum peer_mode {
	PEER_UNKNOWN,
	PEER_NO_BATTERY,
	PEER_IDLE,
	PEER_DISCHARGING,
	PEER_CHARGING,
	PEER_MODES
};

/**
 * struct peer_sample - battery of the other inverter
 * @t_ns: CLOCK_MONOTONIC of its arrival, TIME_NEVER = none
 * @source: enum peer_source
 * @mode: enum peer_mode, as the inverter itself says: an idle battery too may be "discharging", with
 *        less than 1 A. Whoever uses it applies the dead band, by @current_ma
 * @current_ma: + charging, - discharging, mA; SOURCE_NO_VALUE = unknown
 * @power_w: + charging, - discharging, W; SOURCE_NO_VALUE = unknown
 * @voltage_mv: of the battery, mV; SOURCE_NO_VALUE = unknown
 * @soc_pct: 0..100; SOURCE_NO_VALUE = unknown
 */
struct peer_sample {
	int64_t t_ns;
	uint32_t source;
	uint32_t mode;
	int32_t current_ma;
	int32_t power_w;
	int32_t voltage_mv;
	int32_t soc_pct;
};

/* Nothing was heard. */
#define GRID_NONE ((struct grid_sample){.t_ns = TIME_NEVER, .power_w = SOURCE_NO_VALUE})
#define PEER_NONE_HEARD                        \
	((struct peer_sample){                 \
		.t_ns = TIME_NEVER,            \
		.current_ma = SOURCE_NO_VALUE, \
		.power_w = SOURCE_NO_VALUE,    \
		.voltage_mv = SOURCE_NO_VALUE, \
		.soc_pct = SOURCE_NO_VALUE,    \
	})

/**
 * source_fresh - whether what was heard then still counts
 * @now_ns: CLOCK_MONOTONIC
 * @from_ns: what was heard before does not count (suspend), TIME_NEVER = no such time
 * @t_ns: when it was heard, TIME_NEVER = never
 * @stale_ms: age limit
 *
 * Return: false too for a time that lies ahead: it could not grow old (SAF-07, SAF-14).
 * Context: any thread. Pure.
 */
static inline bool source_fresh(int64_t now_ns, int64_t from_ns, int64_t t_ns, int32_t stale_ms)
{
	const bool ahead = t_ns > now_ns && t_ns - now_ns > SOURCE_AHEAD_NS;

	return t_ns != TIME_NEVER && !ahead && t_ns >= from_ns &&
	       time_ms_since(now_ns, t_ns) <= stale_ms;
}

#endif
