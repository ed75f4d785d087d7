/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a simulator: a table, the words of a line and their checked reading. */
#ifndef JKP_TOOLS_SIM_ARGS_H
#define JKP_TOOLS_SIM_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim_control.h"

#define ARGS_MAX       8
#define ARGS_ERROR_MAX 512

/**
 * struct args - words of a command line
 * @count: words behind the command
 * @error: first complaint; empty = none
 */
struct args {
	int count;
	char *word[ARGS_MAX];
	struct sim_client *client;
	char *reply;
	char error[ARGS_ERROR_MAX];
};

bool args_failed(const struct args *a);
void args_complain(struct args *a, const char *text);

/* Number in word @i, @lo after a complaint. */
double args_number(struct args *a, int i, double lo, double hi);

/* Whole number, decimal or 0x, @lo after a complaint. */
int args_integer(struct args *a, int i, int lo, int hi);

/* Whether there is a word @i and it is this one. */
bool args_is(const struct args *a, int i, const char *word);

/* Readings into a setting, which stays as it is after a complaint. @word stands for @other. */
void args_set_bool(struct args *a, int i, bool *dst);
void args_set_int(struct args *a, int i, const char *word, int other, int lo, int hi, int *dst);
void args_set_number(struct args *a, int i, double hi, double *dst);

/* Return: true for "on", false for "off" and after a complaint. */
bool args_on_off(struct args *a, int i);

/**
 * struct sim_command - a row of a table of commands
 * @min, @max: words behind the name
 * @run: carries it out on what sim_commands_run() was given
 * @usage, @help: for people
 */
struct sim_command {
	const char *name;
	int min;
	int max;
	void (*run)(void *owner, struct args *a);
	const char *usage;
	const char *help;
};

/**
 * sim_commands_run - find the command of a line and carry it out
 * @table, @count: the commands there are
 * @owner: what they act on
 * @client: who gave the line, NULL for a script
 * @line: is cut into words
 * @ret_reply: receives "ok", an answer or "error: ..."; nothing for an empty line
 */
void sim_commands_run(const struct sim_command *table, size_t count, void *owner,
		      struct sim_client *client, char *line, char ret_reply[SIM_REPLY_MAX]);

/* A line each on the standard output. */
void sim_commands_help(const struct sim_command *table, size_t count);

#endif
