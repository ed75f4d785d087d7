/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator as a whole: battery, BMS line, inverter, and who may give it commands. */
#ifndef JKP_TOOLS_SIM_H
#define JKP_TOOLS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_bms.h"
#include "sim_image.h"
#include "sim_inverter.h"

#define SIM_CLIENTS_MAX 8
#define SIM_LINE_MAX	512
#define SIM_REPLY_MAX	4096

/**
 * struct sim_client - somebody who gives commands
 * @in: where from, -1 = free
 * @out: where the answers go
 * @marks: wants a line for every reply of the BMS
 */
struct sim_client {
	int in;
	int out;
	bool marks;
	bool overlong;
	char line[SIM_LINE_MAX];
	size_t len;
};

/* One line of a script. */
struct sim_script_line {
	double at_s;
	char *text;
};

/**
 * struct sim_control - command sources
 */
struct sim_control {
	int listener;
	char path[SIM_PATH_MAX];
	struct sim_client client[SIM_CLIENTS_MAX];
	struct sim_script_line *script;
	size_t script_len;
	size_t script_at;
};

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
 * sim_command - carry out one command line
 * @s: simulator
 * @client: who gave it; NULL = a script
 * @line: the line; is cut into words
 * @ret_reply: "ok", "ok ...", one JSON line, or "error: ..."
 */
void sim_command(struct sim *s, struct sim_client *client, char *line,
		 char ret_reply[SIM_REPLY_MAX]);

/* One line for each command, for --help. */
void sim_command_help(void);

/* End all faults that commands have made. */
void sim_heal(struct sim *s);

/* State as one JSON object on one line. */
void sim_status(const struct sim *s, char ret_reply[SIM_REPLY_MAX]);

/**
 * sim_control_open - standard input, and a socket if @spec is "unix:PATH"
 *
 * Return: 0, or -errno with a message in @err.
 */
int sim_control_open(struct sim_control *c, const char *spec, char *err, size_t err_len);

/**
 * sim_control_script - read a script: lines "SECONDS COMMAND", '#' begins a comment
 */
int sim_control_script(struct sim_control *c, const char *path, char *err, size_t err_len);

void sim_control_close(struct sim_control *c);

struct pollfd;

/* File descriptors to wait for. Return: how many of the SIM_CLIENTS_MAX + 1 were filled. */
int sim_control_poll(const struct sim_control *c, struct pollfd *fds);

/* Take what has arrived, carry out what is due. */
void sim_control_step(struct sim *s, int64_t now_ns);

/* Tell those who asked when a reply of the BMS was complete. */
void sim_control_mark(struct sim *s);

/* Text of a mark. */
void sim_mark_text(const struct sim_mark *m, char *buf, size_t len);

#endif
