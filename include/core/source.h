/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the house says, in project units, whatever meter or inverter it came from. Each value
 * carries the time at which it arrived; how old it may get is decided where it is used (SAF-07).
 */
#ifndef JKP_CORE_SOURCE_H
#define JKP_CORE_SOURCE_H

#include <stdint.h>

#include "base/time.h"

#define SOURCE_NO_VALUE INT32_MIN

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

#endif
