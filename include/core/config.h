/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the pure core. Filled by src/conf from the configuration file, or by
 * core_config_default(); constant while the worker runs.
 */
#ifndef JKP_CORE_CONFIG_H
#define JKP_CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/curve.h"
#include "proto/pylon.h"

enum dir {
	DIR_CHARGE,
	DIR_DISCHARGE,
	DIRS
};

/* Which temperature probes must be valid. */
enum probes {
	PROBES_AUTO, /* those that are plausible in the first 10 samples */
	PROBES_1,    /* register 81 only */
	PROBES_2,    /* registers 81 and 82 */
};

enum expect_alive {
	EXPECT_ALIVE_NEVER,    /* 0x305 is not looked at */
	EXPECT_ALIVE_OPTIONAL, /* missing: an event */
	EXPECT_ALIVE_REQUIRED, /* missing 6 s: 0 A, 60 s: trip */
};

enum on_trip {
	ON_TRIP_HOLD_STOP, /* go on sending the safe set */
	ON_TRIP_SILENCE,   /* fall silent once the relay is open */
};

/* When the battery counts as full and SoC 100 may be shown. */
enum full_rule {
	FULL_BY_PHASE, /* absorption was completed: hold 99 % until then */
	FULL_BY_BMS,   /* the BMS says 100 % */
};

/* Where the core learns what the house does (core/source.h). */
enum source_id {
	SOURCE_GRID,   /* meter at the connection to the grid */
	SOURCE_LOCAL,  /* the other inverter, asked in the local network */
	SOURCE_PORTAL, /* the same by its vendor's portal */
	SOURCES
};

/* What applies when a source is silent (SAF-07). */
enum fallback {
	FALLBACK_RELEASE, /* as if there were no such source */
	FALLBACK_CAP,	  /* both directions at most so much */
	FALLBACK_ZERO,
};

/**
 * struct source_config - how long the word of a source counts, and what then
 * @stale_ms: 1000..3600000
 * @fallback: applies while there is no newer sample, also before the first
 * @cap_ma: of FALLBACK_CAP, >= 0
 */
struct source_config {
	int32_t stale_ms;
	enum fallback fallback;
	int32_t cap_ma;
};

/**
 * struct arbiter_config - two inverters with a battery each on one connection to the grid
 * @interlock: while the other battery is charged ours is not discharged, and the other way round
 * @peer_charge_ma, @peer_discharge_ma: currents of the other battery above which that counts
 * @import_w: discharging stays allowed for what the house needs beyond the other battery's charge,
 *            if that is more than this
 * @export_w: charging, in the same way, from what is left beyond the other battery's discharge
 * @grace_ms: the cause must last this long
 * @hold_ms: and stays in force for this long after it has gone
 * @cross: guard against one battery charging the other below those currents
 * @cross_w: power of each above which it counts
 * @cross_ms: how long it may last; twice that if the other battery is the fuller one
 * @cross_hold_ms: how long the guard stays after that
 * @ahead_w: import while ours takes, or export while ours gives, at which the guard does not wait
 *           for the word of the other inverter; 0 = it always waits
 * @rise_ma_s: how fast the guard lets a limit rise: the other inverter is left the fast part. At
 *             once when the other battery has rested for @hold_ms (no more than @peer_discharge_ma):
 *             it may be full or empty
 * @fall_ma_s: how fast the arbiter lowers a limit below the current that flows
 */
struct arbiter_config {
	bool interlock;
	bool cross;
	int32_t peer_charge_ma;
	int32_t peer_discharge_ma;
	int32_t import_w;
	int32_t export_w;
	int32_t grace_ms;
	int32_t hold_ms;
	int32_t cross_w;
	int32_t cross_ms;
	int32_t cross_hold_ms;
	int32_t ahead_w;
	int32_t rise_ma_s;
	int32_t fall_ma_s;
};

/* Named sets of the damping's settings. */
enum damping_preset {
	DAMPING_OFF,
	DAMPING_SMOOTH, /* found in the simulated house: jkpylon-sim house */
	DAMPING_SEED,	/* numbers of the original script */
};

/**
 * struct damping_config - what counts as an oscillation of the grid power, and the answer
 * @preset: DAMPING_OFF: none of it
 * @samples: so many of the newest grid samples are looked at, 4..DAMPING_RING
 * @window_ms: older ones do not count
 * @band_w: a swing must go beyond this on each side
 * @each: so many samples beyond it on each side
 * @swings: so many changes from one side to the other
 * @of_flow: a step takes its share of the largest current of the window; otherwise of the limits
 * @keep_pm: what a step leaves, per mille
 * @step_ms: time between two steps
 * @least_ma: no step goes below
 * @hold_ms: no rise before the oscillation has been over for this long
 * @double_ms: then the limits double in this time
 */
struct damping_config {
	enum damping_preset preset;
	bool of_flow;
	int32_t samples;
	int32_t window_ms;
	int32_t band_w;
	int32_t each;
	int32_t swings;
	int32_t keep_pm;
	int32_t step_ms;
	int32_t least_ma;
	int32_t hold_ms;
	int32_t double_ms;
};

/* Quantities with three levels (SAFETY table): warn, limit, critical. */
enum level_id {
	LEVEL_CELL_HIGH,      /* mV */
	LEVEL_CELL_LOW,	      /* mV */
	LEVEL_CHARGE_COLD,    /* 0.1 degC */
	LEVEL_CHARGE_HOT,     /* 0.1 degC */
	LEVEL_DISCHARGE_COLD, /* 0.1 degC */
	LEVEL_DISCHARGE_HOT,  /* 0.1 degC */
	LEVEL_MOS_HOT,	      /* 0.1 degC */
	LEVELS
};

struct level {
	int32_t warn;
	int32_t limit;
	int32_t critical;
};

enum curve_id {
	CURVE_CHARGE_CELL_HIGH,	  /* mV of the highest cell, falling */
	CURVE_CHARGE_CELL_LOW,	  /* mV of the lowest cell, rising */
	CURVE_DISCHARGE_CELL_LOW, /* mV of the lowest cell, rising */
	CURVE_CHARGE_COLD,	  /* 0.1 degC of the coldest probe, rising */
	CURVE_CHARGE_HOT,	  /* 0.1 degC of the hottest probe, falling */
	CURVE_DISCHARGE_TEMP,	  /* 0.1 degC of either probe, hump */
	CURVE_MOS,		  /* 0.1 degC of the MOSFETs, falling, both directions */
	CURVES
};

/**
 * struct core_config - all settings of the control core
 *
 * Durations in ms, currents in mA, voltages per cell in mV, temperatures in 0.1 degC.
 */
struct core_config {
	/* [bms] */
	int32_t poll_ms;  /* 100..2000 */
	int32_t stale_ms; /* 1000..10000 */
	int32_t trip_ms;  /* >= stale + 2000 */
	enum probes probes;
	/* [can] */
	const struct pylon_profile *profile;
	enum expect_alive expect_alive;
	int32_t set_ms;		   /* full set period, 1000 */
	int32_t slot_ms;	   /* frame spacing, 10 */
	int32_t force_charge_soc;  /* the inverter's force-charge SoC, % */
	int32_t overdischarge_soc; /* the inverter's over-discharge SoC, %, >= force_charge + 2 */
	bool send_305;		   /* transmit 0x305 like the original script */
	bool force_charge;	   /* allow bit 5 of 0x35C at low SoC */
	uint8_t modules;
	enum full_rule full_rule;
	/* [limits] */
	int32_t max_ma[DIRS];	 /* configured maxima */
	bool max_explicit[DIRS]; /* the user wrote them down */
	int32_t max_c_rate_pm;	 /* 500 = 0.5 C */
	struct curve curve[CURVES];
	struct level level[LEVELS];
	bool ratchet;
	int32_t rise_ma_s;	/* ramp of rises, mA per s */
	int32_t calm_ms;	/* after a fall, before the next rise */
	int32_t obey_margin_ma; /* least margin, 8 A */
	int32_t obey_margin_pm; /* and share of the maximum, 200 */
	int32_t dvl_mv;		/* discharge voltage limit per cell shown on the bus */
	/* [charge] */
	int32_t bulk_mv;
	int32_t float_mv;
	int32_t cvl_max_mv;	   /* no CVL above this times cells */
	int32_t cvl_slew_mv_s;	   /* transition, mV per cell and s */
	int32_t absorption_ms;	   /* steady time at bulk before float */
	int32_t absorption_max_ms; /* float after this in any case */
	int32_t spread_full_mv;	   /* cells must be this close */
	int32_t spread_steady_mv;  /* and move less than this */
	int32_t rebulk_soc;
	int32_t rebulk_spread_mv;
	int32_t rebulk_days; /* 0 = off */
	/* [failsafe] */
	enum on_trip on_trip;
	int32_t open_ms; /* the relay stays open for at least this long, 1000..600000 */
	bool weld_check; /* current while the relay is open is a fault */
	/* two inverters */
	struct source_config source[SOURCES];
	struct arbiter_config arbiter;
	struct damping_config damping;
	/* commands */
	bool allow_full_charge;
	/* [rt] */
	int32_t period_us;
};

/**
 * core_config_default - the defaults of SAFETY.md
 * @ret_config: receives them
 *
 * Context: init. Pure.
 */
void core_config_default(struct core_config *ret_config);

/* Named sets of curves. */
enum preset {
	PRESET_LFP,  /* default envelope */
	PRESET_SEED, /* step tables of the original script's README */
};

/**
 * core_config_preset - set the curves (only those) to a named set
 */
void core_config_preset(struct core_config *config, enum preset preset);

/**
 * core_config_damping - set the damping to a named set
 */
void core_config_damping(struct core_config *config, enum damping_preset preset);

/**
 * struct config_fault - first contradiction found
 * @key_a: configuration key, "section.key"
 * @key_b: the other key of a pair, or NULL
 * @text: what is wrong and what would be right; static
 */
struct config_fault {
	const char *key_a;
	const char *key_b;
	const char *text;
};

/**
 * core_config_check - cross rules between settings
 * @c: settings, each within its own range
 * @ret_fault: receives the first fault; untouched if none
 *
 * Checks pairs (order of the levels, overdischarge >= force_charge + 2, trip >= stale + 2 s, float
 * <= bulk <= maximum ...) and the shape of every curve, and that a curve is 0 at the limit level.
 *
 * Return: 0, or -EINVAL.
 * Context: init. Pure.
 */
int core_config_check(const struct core_config *c, struct config_fault *ret_fault);

#endif
