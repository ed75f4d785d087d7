/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A house with two inverters, each with a battery and a controller of its own, on one connection to
 * the grid: what `jkpylon-sim house` simulates. The Solis obeys limits; they come from the real core
 * with its coordination, from the same core without it, or from the original script's rule. The
 * GoodWe is free in all of them. Doubles: this is a simulator; the core inside works on integers.
 *
 * Where the numbers come from is said beside each one; "assumed" means that nobody has measured it.
 */
#ifndef JKP_TOOLS_SIM_HOUSE_H
#define JKP_TOOLS_SIM_HOUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/cycle.h"
#include "core/cycle_state.h"
#include "sim_battery.h"
#include "sim_image.h"
#include "sim_random.h"

#define HOUSE_DT_S    0.1 /* step of everything but the core */
#define HOUSE_CORE_MS 20  /* period of the core: the longest that rt.period allows */
#define HOUSE_HISTORY 256 /* grid power of the last 25.6 s: the longest dead time, and room */
#define HOUSE_DAY_S   86400

/* Who tells the Solis its limits. */
enum house_variant {
	HOUSE_FREE,  /* the core, its coordination switched off */
	HOUSE_SEED,  /* the original script's rule */
	HOUSE_OURS,  /* the core as it is */
	HOUSE_ALONE, /* the Solis has no battery: is the other loop stable by itself? */
	HOUSE_VARIANTS
};

/**
 * struct house_set - parameters of the plant that are varied
 * @solis_dead_s, @goodwe_dead_s: from a change of the grid power to the reaction of the inverter
 * @solis_bias_w, @goodwe_bias_w: error of its own current transformer
 * @loop: gain of each loop x its dead time; one loop alone is stable below pi/2, so two of the same
 *        dead time are not from half of that on
 * @portal: the other battery is known from the portal only
 */
struct house_set {
	const char *name;
	double solis_dead_s;
	double goodwe_dead_s;
	double solis_bias_w;
	double goodwe_bias_w;
	double loop;
	bool portal;
};

/* sim_house_load.c: what the house uses and what the roof gives, from a seed. */
struct house_load {
	struct sim_random random;
	double load_w;
	double sun_w;
	/* the module's own */
	double base_w;
	double cloud;
	double cloud_to;
	double cloud_until_s;
	double hob_until_s;
	double drum_until_s;
	bool hob_on;
	bool drum_on;
	double kettle_s[6];
	double hob_s[2];
	double wash_s;
	double fridge_s;
};

void house_load_init(struct house_load *l, uint32_t seed);
void house_load_step(struct house_load *l, double t_s);

/**
 * struct house_inverter - controller that wants the grid power at 0, and what it drives
 * @out_w: battery power, + = out of the battery, at the AC side
 * @most_in_w, @most_out_w: what it may do now
 */
struct house_inverter {
	double dead_s;
	double gain_per_s;
	double bias_w;
	double ramp_w_s;
	double max_w;
	double set_w;
	double out_w;
	double next_s;
	double most_in_w;
	double most_out_w;
	struct sim_random random;
};

/* sim_house_core.c: the core with a BMS and a bus around it, in steps of HOUSE_CORE_MS. */
struct house_core {
	struct core_config config;
	struct cycle cycle;
	struct cycle_in in;
	struct cycle_out out;
	struct sim_image image;
	int64_t now_ns;
	int64_t reply_ns;
	int64_t alive_ns;
	uint8_t reply[SIM_FRAME_MAX];
	uint32_t reply_len;
	struct can_rx echo[CYCLE_CAN_TX_MAX];
	uint8_t echo_len;
	double ccl_a;
	double dcl_a;
	double cvl_v;
	uint32_t events[EVENTS];
};

void house_core_init(struct house_core *c, const struct core_config *config);
/* Until @t_s; @grid and the peers are the newest words. */
void house_core_run(struct house_core *c, double t_s, const struct sim_battery *battery);

/* sim_house_seed.c: the rule of the original script, in its own units (A, W, + = charging, export). */
struct house_seed {
	double next_s;
	double tick_s;
	double gate_s;
	double lowered_s;
	double charge_cap_a;
	double discharge_cap_a;
	double ccl_a;
	double dcl_a;
	double h_a[6];
	double m_w[10];
	int h_count;
	int m_count;
	uint32_t seen;	  /* oscillations found */
	uint32_t reduced; /* and acted on */
};

void house_seed_init(struct house_seed *s);
void house_seed_step(struct house_seed *s, double t_s, double goodwe_a, double grid_w,
		     const struct sim_battery *battery, double soc_pct);

/**
 * struct house_sum - what a run has shown
 * @cross_kwh: out of one battery into the other, at the AC side
 * @turns, @goodwe_turns: changes between charging and discharging with more than HOUSE_TURN_W
 */
struct house_sum {
	double cross_kwh;
	double import_kwh;
	double export_kwh;
	double load_kwh;
	double solis_in_kwh;
	double solis_out_kwh;
	double goodwe_in_kwh;
	double goodwe_out_kwh;
	double soc_end_pct;
	double goodwe_soc_end_pct;
	uint32_t turns;
	uint32_t goodwe_turns;
	uint32_t oscillations;
};

#define HOUSE_TURN_W 50.0

/* One moment, for CSV and plot. */
struct house_point {
	double t_s;
	double load_w;
	double sun_w;
	double grid_w;
	double solis_w;
	double goodwe_w;
	double ccl_a;
	double dcl_a;
	uint32_t rule[DIRS];
};

typedef void house_tap(void *arg, const struct house_point *p);

struct house {
	enum house_variant variant;
	struct house_set set;
	struct house_load load;
	struct house_inverter solis;
	struct house_inverter goodwe;
	struct sim_battery battery; /* of the Solis */
	double goodwe_as;	    /* charge of the other one */
	struct house_core core;
	struct house_seed seed;
	double t_s;
	double grid_w;
	double history[HOUSE_HISTORY];
	double limit_in[HOUSE_HISTORY]; /* limits of the last 25.6 s: the Solis reacts later */
	double limit_out[HOUSE_HISTORY];
	uint32_t at;
	double meter_s;
	double peer_s;
	double portal_w[32]; /* once a minute: what the portal will say later */
	uint32_t portal_at;
	int side;
	int goodwe_side;
	struct house_sum sum;
};

/**
 * struct house_day - what is simulated
 * @config: settings of the core; the coordination is switched off but for HOUSE_OURS
 * @from_s, @to_s: of the day; the batteries begin half full
 * @tap: sees every second, or NULL
 */
struct house_day {
	const struct house_set *set;
	const struct core_config *config;
	uint32_t seed;
	double from_s;
	double to_s;
	house_tap *tap;
	void *arg;
};

/* Simulate; the result is in @h->sum. */
void house_run(struct house *h, enum house_variant variant, const struct house_day *day);

const char *house_variant_name(enum house_variant v);

/* sim_house_plot.c */
struct house_record {
	struct house_point *point; /* a second each */
	uint32_t count;
	uint32_t room;
};

/* Three panels, one a variant: grid and both batteries. Return: 0 or -errno. */
int house_plot(const char *path, const struct house_record record[HOUSE_ALONE], double from_s,
	       double to_s, const char *title);
int house_csv(const char *path, const struct house_record record[HOUSE_ALONE]);

/* Entry of `jkpylon-sim house`. */
int house_main(int argc, char **argv);

#endif
