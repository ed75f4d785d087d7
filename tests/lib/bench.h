/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core on a bench in simulated time: a scripted JK BMS behind the serial bytes, a bus that
 * confirms what is sent, a clock that only the test moves. Pure, so it runs on every target.
 */
#ifndef JKP_TESTS_BENCH_H
#define JKP_TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "base/units.h"
#include "core/cycle.h"
#include "core/cycle_state.h"
#include "proto/jk_uart.h"
#include "proto/pylon.h"

#define BENCH_START_NS (1000 * NS_PER_S)
#define BENCH_ALWAYS   INT64_MAX /* t_ns of a source: heard in this very period */
#define BENCH_REPLY_MS 30	 /* request to last byte, like 291 bytes at 115200 baud */

/**
 * struct bench_battery - what the simulated BMS reports; every field goes to the wire as it is
 * @omit: JK_HAVE() bits of registers to leave out
 */
struct bench_battery {
	uint8_t cells;
	uint16_t cell_mv[JK_CELLS_MAX];
	int32_t pack_mv; /* -1: sum of the cells */
	int32_t pack_ma;
	uint16_t box_raw;
	uint16_t battery_raw;
	uint16_t mos_raw;
	uint8_t soc_pct;
	uint16_t cycles;
	uint16_t alarms;
	uint16_t status;
	int32_t pack_ovp_mv; /* -1: cells x 90, as a BMS reports it */
	int32_t pack_uvp_mv; /* -1: cells x 93 */
	uint16_t cell_ovp_mv;
	uint16_t cell_uvp_mv;
	uint16_t charge_ocp_a;
	uint16_t discharge_ocp_a;
	uint16_t charge_otp_c;
	uint16_t discharge_otp_c;
	int16_t charge_utp_c;
	int16_t discharge_utp_c;
	uint16_t mos_otp_c;
	uint16_t box_otp_c;
	uint32_t capacity_ah;
	uint32_t runtime_min;
	uint8_t version;
	uint64_t omit;
};

/**
 * struct bench - bench with one core
 * @silent: the BMS does not answer
 * @unplugged: the serial device is gone
 * @refused: cycle_can_bit() of frames that the transmit queue does not take
 * @bus_dead: nobody confirms frames
 * @alive: an inverter answers 0x305 every second
 * @reply_ms: request to last byte
 * @last: newest frame by kind, decoded; len 0 = never seen
 * @frames: frames sent since start
 */
struct bench {
	struct core_config config;
	struct cycle cycle;
	struct cycle_in in;
	struct cycle_out out;
	struct bench_battery battery;
	int64_t now_ns;
	int64_t boot_offset_ns;
	bool silent;
	bool unplugged;
	bool bus_dead;
	uint32_t refused;
	uint32_t lost; /* and those to be reported in the next step */
	bool alive;
	bool guard_dead;
	bool stop;
	bool reload;	/* the stop is that of a reload */
	uint32_t relay; /* enum relay_state */
	uint32_t can_link;
	int32_t reply_ms;
	struct grid_sample grid;
	struct peer_sample local;
	struct peer_sample portal;
	int32_t cap_ma
		[DIRS]; /* a proposal, handed over as an order in every step; INT32_MAX: none */
	/* command to hand over in the next step */
	struct command command;
	bool have_command;
	/* reply on its way */
	uint8_t reply[JK_FRAME_MAX];
	uint32_t reply_len;
	int64_t reply_at_ns;
	/* raw bytes to hand over in the next step instead of a reply */
	uint8_t inject[CYCLE_RX_MAX];
	uint32_t inject_len;
	/* confirmations on their way */
	struct can_rx echo[CYCLE_CAN_TX_MAX];
	uint8_t echo_len;
	int64_t next_alive_ns;
	/* what was seen */
	struct can_msg last[PYLON_FRAMES];
	int64_t last_ns[PYLON_FRAMES];
	uint32_t count[PYLON_FRAMES];
	uint32_t frames;
	uint32_t requests;
	uint32_t events[EVENTS];
	/* called after every step, may be NULL */
	void (*watch)(struct bench *b, void *arg);
	void *watch_arg;
};

/* A healthy 16-cell LFP pack at 3.300 V, 20 degC, SoC 55, 200 Ah; OVP 3.65, UVP 2.5, OCP 100 A. */
void bench_battery_default(struct bench_battery *bat);
void bench_battery_all(struct bench_battery *bat, uint16_t mv);

/* Builds the complete reply of the battery. Return: length. */
uint32_t bench_reply_build(const struct bench_battery *bat, uint8_t *ret_frame);

/* Default settings, default battery, nothing run yet. Change b->config before bench_boot(). */
void bench_init(struct bench *b);
/* cycle_init() with the bench's settings; @held may be NULL. */
void bench_boot(struct bench *b, const struct held *held);
/* One period. */
void bench_step(struct bench *b);
/* Periods until @ms have passed. */
void bench_run_ms(struct bench *b, int64_t ms);
/* Boot, run until the ladder is at STEP_RUN and the ramps have reached the ceiling (90 s). */
void bench_warm_up(struct bench *b);
/* One period with settings that make ramps immediate: for tests of other things. */
void bench_fast_ramps(struct core_config *c);

/* Limits in the last 0x351, mA; -1 if none was sent. */
int32_t bench_ccl_ma(const struct bench *b);
int32_t bench_dcl_ma(const struct bench *b);
int32_t bench_cvl_mv(const struct bench *b);
int32_t bench_soc(const struct bench *b);
/* Byte 0 of the last 0x35C. */
uint8_t bench_enables(const struct bench *b);
/* PYLON_* bits in the last 0x359. */
uint32_t bench_protections(const struct bench *b);
uint32_t bench_warnings(const struct bench *b);
const struct telemetry *bench_tele(const struct bench *b);

#endif
