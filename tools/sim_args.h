/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line and their checked reading; the first complaint wins. */
#ifndef JKP_TOOLS_SIM_ARGS_H
#define JKP_TOOLS_SIM_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define ARGS_MAX       8
#define ARGS_ERROR_MAX 512

struct sim_client;

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

/* Cut @line into words. Return: the command; the words behind it are in @a. NULL: an empty line. */
const char *args_split(struct args *a, char *line);

/* What is said to the one who gave the command, if the command itself has not. */
void args_answer(const struct args *a, const char *name, const char *usage, char *ret_reply,
		 size_t size);

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

#endif
