/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hybrid inverter on the bus: hears the battery's limits, answers 0x305, charges with the surplus
 * of the sun and discharges for the load. It obeys late, like a real one, or not at all on command.
 */
#ifndef JKP_TOOLS_SIM_INVERTER_H
#define JKP_TOOLS_SIM_INVERTER_H

#include <stdbool.h>
#include <stdint.h>

#include "canbus.h"
#include "sim_battery.h"

#define INVERTER_HISTORY 64 /* limits heard within the delay */

/**
 * struct inverter_limits - what the battery told
 * @t_ns: when, CLOCK_MONOTONIC; 0 = nothing yet
 */
struct inverter_limits {
	int64_t t_ns;
	double cvl_v;
	double ccl_a;
	double dcl_a;
	bool charge_enable;
	bool discharge_enable;
};

/**
 * struct sim_inverter - the inverter
 * @spec: interface or unix:PATH; NULL = no inverter: load and sun act on the battery directly
 * @open_err: why the bus could not be opened at the last attempt, as told; 0 = nothing to tell
 * @delay_s: from a limit on the bus to its effect
 * @max_a: what its battery side can do, each way
 * @timeout_s: silence of the battery after which it stops; 0 = never, it keeps the last limits
 * @silent: cut off: hears nothing, sends nothing
 * @alive: sends 0x305
 * @disobey: goes on with @charge_a, @discharge_a whatever the limits are
 * @heard: newest limits; @history: those on their way to having an effect
 * @obeyed: limits in effect
 */
struct sim_inverter {
	const char *spec;
	struct canbus bus;
	bool connected;
	int open_err;
	int64_t retry_ns;
	double load_w;
	double sun_w;
	double delay_s;
	double max_a;
	double timeout_s;
	bool silent;
	bool alive;
	bool disobey;
	double charge_a;
	double discharge_a;
	int64_t alive_ns;
	struct inverter_limits heard;
	struct inverter_limits history[INVERTER_HISTORY];
	int history_len;
	struct inverter_limits obeyed;
	double soc_pct;
	uint32_t protections;
	uint32_t warnings;
	uint32_t count_rx;
	uint32_t count_tx;
	uint32_t count_connects;
};

void sim_inverter_init(struct sim_inverter *v, const char *spec);
void sim_inverter_close(struct sim_inverter *v);

/**
 * sim_inverter_step - read the bus, send what is due, decide
 *
 * Return: battery current it drives, A, + = charging.
 */
double sim_inverter_step(struct sim_inverter *v, const struct sim_battery *b, int64_t now_ns);

#endif
