/* SPDX-License-Identifier: Apache-2.0 */
/* Who may give a simulator commands: standard input, a socket, a script. */
#ifndef JKP_TOOLS_SIM_CONTROL_H
#define JKP_TOOLS_SIM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_pty.h"

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

/* Carries out one command line. */
typedef void sim_run(void *owner, struct sim_client *client, char *line,
		     char ret_reply[SIM_REPLY_MAX]);

/**
 * struct sim_control - command sources
 * @run: what carries out a line, with @owner; see sim_command()
 */
struct sim_control {
	sim_run *run;
	void *owner;
	int listener;
	char path[SIM_PATH_MAX];
	struct sim_client client[SIM_CLIENTS_MAX];
	struct sim_script_line *script;
	size_t script_len;
	size_t script_at;
};

/**
 * sim_control_open - standard input, and a socket if @spec is "unix:PATH"
 *
 * Return: 0, or -errno with a message in @err.
 */
int sim_control_open(struct sim_control *c, sim_run *run, void *owner, const char *spec, char *err,
		     size_t err_len);

/**
 * sim_control_script - read a script: lines "SECONDS COMMAND", '#' begins a comment
 */
int sim_control_script(struct sim_control *c, const char *path, char *err, size_t err_len);

void sim_control_close(struct sim_control *c);

struct pollfd;

/* File descriptors to wait for. Return: how many of the SIM_CLIENTS_MAX + 1 were filled. */
int sim_control_poll(const struct sim_control *c, struct pollfd *fds);

/* Take what has arrived, carry out what is due so long after the start. */
void sim_control_step(struct sim_control *c, double elapsed_s);

/* A line to a client; one that does not read loses its connection. */
void sim_control_say(struct sim_client *k, const char *text);

#endif
