/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator as a whole: battery, BMS line, inverter. */
#ifndef JKP_TOOLS_SIM_H
#define JKP_TOOLS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_bms.h"
#include "sim_control.h"
#include "sim_image.h"
#include "sim_inverter.h"

/**
 * struct sim - everything
 * @current_forced: the battery current is @current_a, whatever the inverter wants
 * @speed: model seconds per second
 */
struct sim {
	struct sim_battery battery;
	struct sim_image image;
	struct sim_override override;
	struct sim_bms bms;
	struct sim_inverter inverter;
	struct sim_control control;
	bool current_forced;
	double current_a;
	double speed;
	int64_t start_ns;
	int64_t model_ns;
	bool quit;
};

/**
 * sim_command - carry out one command line; sim_run
 * @owner: struct sim
 * @client: who gave it; NULL = a script
 * @line: the line; is cut into words
 * @ret_reply: "ok", "ok ...", one JSON line, or "error: ..."
 */
void sim_command(void *owner, struct sim_client *client, char *line, char ret_reply[SIM_REPLY_MAX]);

/* One line for each command, for --help. */
void sim_command_help(void);

/* End all faults that commands have made. */
void sim_heal(struct sim *s);

/* State as one JSON object on one line. */
void sim_status(const struct sim *s, char ret_reply[SIM_REPLY_MAX]);

/* Tell those who asked when a reply of the BMS was complete. */
void sim_control_mark(struct sim *s);

/* Text of a mark. */
void sim_mark_text(const struct sim_mark *m, char *buf, size_t len);

#endif
