/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything around the core, plausible or hostile: a battery that drifts, a BMS that lies, a bus
 * that fails, services that order. What happens next is decided by a source of numbers: a random
 * generator (property test) or the bytes of a fuzzer. Beside the core runs a twin that gets no
 * orders and no word of grid or other inverter: proposals must never give more than it has (SAF-07).
 */
#ifndef JKP_TESTS_WORLD_H
#define JKP_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/bench.h"
#include "lib/oracle.h"

#define WORLD_TRACE 50U
#define WORLD_LINE  768U /* bytes on their way */

/**
 * struct world_source - where decisions come from
 * @next: any 32 bits
 * @arg: for @next
 */
struct world_source {
	uint32_t (*next)(void *arg);
	void *arg;
};

enum world_flow {
	WORLD_OBEY,
	WORLD_EXCEED, /* a fixed current, whatever the limits say */
	WORLD_REST,
	WORLD_FLOWS
};

/* One step, kept for the report of a violation. */
struct world_trace {
	uint64_t step;
	int64_t now_ns;
	uint32_t action;
	struct cycle_in in;
	struct cycle_out out;
	struct telemetry tele;
};

/**
 * struct world - caller-owned
 * @broken: NULL, or which rule was broken, with @text, @got and @want
 */
struct world {
	struct world_source source;
	struct core_config config;
	struct core_config twin_config; /* no fallback either */
	struct cycle core;
	struct cycle twin;
	struct oracle oracle;
	struct cycle_in in;
	struct cycle_in twin_in;
	struct cycle_out out;
	struct cycle_out twin_out;
	const char *broken;
	const char *text;
	int64_t got;
	int64_t want;
	uint64_t steps;
	uint64_t forks;
	uint64_t steps_at[STEPS]; /* by ladder step */
	uint64_t steps_with_limit;
	uint32_t action;
	/* time */
	int64_t now_ns;
	int64_t boot_offset_ns;
	int64_t dt_ns;
	int64_t gap_ns; /* before the next step only */
	/* battery */
	struct bench_battery battery;
	enum world_flow flow;
	int32_t flow_ma;
	int32_t base_mv;
	int32_t target_mv;
	uint16_t *heated; /* a raw temperature that moves towards heat_to, or NULL */
	uint16_t heat_to;
	int32_t heat_step;  /* a reply */
	int32_t charge_mas; /* since the last per cent of SoC, mA s */
	int64_t battery_ns;
	int16_t offset_mv[JK_CELLS_MAX];
	/* faults of the next replies */
	uint32_t glitch_replies;
	int32_t glitch_mv;
	uint32_t glitch_cell;
	uint32_t count_replies;
	uint8_t count_cells;
	uint32_t omit_replies;
	uint64_t omit;
	uint32_t sum_replies;
	uint32_t soc_replies; /* without a usable SoC */
	uint32_t cut_at;      /* 0 = whole */
	uint32_t flip_bits;
	uint32_t glue; /* copies behind the reply */
	bool frozen;
	/* serial line */
	uint8_t line[WORLD_LINE];
	uint32_t line_len;
	uint32_t line_at;
	uint32_t chunk;
	bool line_odd; /* not stamped, or on a line that is not clean */
	int64_t line_ns;
	int64_t line_request_ns; /* what is on the line answers the request of then */
	int64_t latency_ns;
	int64_t silent_until_ns;
	int64_t closed_until_ns;
	int64_t dirty_until_ns;
	uint32_t noise_steps;
	int64_t noise_from_ns;
	uint32_t noise_len;
	bool request_failed;
	/* bus */
	bool bus_dead;
	bool alive;
	uint32_t confirm_every;
	uint32_t link;
	uint32_t foreign;
	uint32_t refused; /* cycle_can_bit() of frames that do not leave */
	uint32_t lost;	  /* of the last step */
	int64_t refused_until_ns;
	int64_t alive_ns;
	struct can_rx echo[CYCLE_CAN_TX_MAX];
	uint8_t echo_len;
	/* relay, as a guard would command it */
	bool fitted;
	bool forced; /* the guard opens it in the next step */
	bool welded;
	uint32_t relay;
	uint32_t latch; /* the guard latches this in the next step */
	int64_t relay_ns;
	/* orders */
	struct command command[CYCLE_COMMAND_MAX];
	uint8_t command_len;
	struct grid_sample grid;
	struct peer_sample peer_local;
	struct peer_sample peer_portal;
	bool swings; /* the meter says one thing and then another, once a second */
	int32_t swing_w;
	int64_t swing_ns;
	int64_t slide_until_ns; /* orders fall slowly */
	int32_t slide_ma[DIRS];
	int64_t guard_lost_until_ns;
	int64_t stop_ns;
	bool stop_seen; /* by the core */
	bool stop_reload;
	/* report */
	bool traced;
	uint32_t trace_at;
	struct world_trace trace[WORLD_TRACE];
};

/* A number below @n, @n > 0. */
uint32_t world_pick(struct world *w, uint32_t n);
/* A number from @lo to @hi. */
int32_t world_range(struct world *w, int32_t lo, int32_t hi);

/**
 * world_init - a world with settings that core_config_check() accepts
 * @plain: default settings instead of chosen ones
 */
void world_init(struct world *w, struct world_source source, bool plain);

/* world_config.c: settings that core_config_check() accepts. */
void world_config(struct world *w);

/* world_act.c: change one thing. */
void world_act(struct world *w);
/* End all faults; the battery is well again. */
void world_heal(struct world *w);
/* The worker dies and another one starts with the held values. */
void world_restart(struct world *w, int64_t pause_ns);

/* One period. Return: true while no rule was broken. */
bool world_step(struct world *w);
/* Twin := core without its orders. */
void world_fork(struct world *w);

#endif
