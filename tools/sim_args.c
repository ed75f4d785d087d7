/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a simulator: see sim_args.h. */
#include "sim_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cut @line into words. Return: the command; the words behind it are in @a. NULL: an empty line. */
static const char *args_split(struct args *a, char *line)
{
	const char *name = NULL;

	for (char *w = NULL; (w = strsep(&line, " \t\r"));) {
		if (*w == '\0') {
			continue;
		}
		if (!name) {
			name = w;
		} else if (a->count < ARGS_MAX) {
			a->word[a->count++] = w;
		}
	}
	return name;
}

/* What is said to the one who gave the command, if the command itself has not. */
static void answer(const struct args *a, const struct sim_command *c)
{
	if (args_failed(a)) {
		snprintf(a->reply, SIM_REPLY_MAX, "error: %s: %s; usage: %s", c->name, a->error,
			 c->usage);
	} else if (a->reply[0] == '\0') {
		snprintf(a->reply, SIM_REPLY_MAX, "ok");
	}
}

void sim_commands_run(const struct sim_command *table, size_t count, void *owner,
		      struct sim_client *client, char *line, char ret_reply[SIM_REPLY_MAX])
{
	struct args a = {.client = client, .reply = ret_reply};
	const char *name = args_split(&a, line);

	ret_reply[0] = '\0';
	if (!name) {
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct sim_command *c = &table[i];

		if (strcmp(name, c->name) != 0) {
			continue;
		}
		if (a.count < c->min || a.count > c->max) {
			args_complain(&a, "wrong number of words");
		} else {
			c->run(owner, &a);
		}
		answer(&a, c);
		return;
	}
	snprintf(ret_reply, SIM_REPLY_MAX, "error: unknown command '%.60s'; see --help", name);
}

void sim_commands_help(const struct sim_command *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("  %-36s %s\n", table[i].usage, table[i].help);
	}
}

bool args_failed(const struct args *a)
{
	return a->error[0] != '\0';
}

void args_complain(struct args *a, const char *text)
{
	if (!args_failed(a)) {
		snprintf(a->error, sizeof(a->error), "%s", text);
	}
}

double args_number(struct args *a, int i, double lo, double hi)
{
	char *end = NULL;
	const char *w = a->word[i];
	const double v = strtod(w, &end);

	if (end == w || *end != '\0' || !(v >= lo && v <= hi)) {
		char text[ARGS_ERROR_MAX];

		snprintf(text, sizeof(text), "'%.60s' is no number from %g to %g", w, lo, hi);
		args_complain(a, text);
		return lo;
	}
	return v;
}

/* Whole number, decimal or 0x. */
int args_integer(struct args *a, int i, int lo, int hi)
{
	char *end = NULL;
	const char *w = a->word[i];

	errno = 0;
	const long long v = strtoll(w, &end, 0);

	if (end == w || *end != '\0' || errno != 0 || v < lo || v > hi) {
		char text[ARGS_ERROR_MAX];

		snprintf(text, sizeof(text), "'%.60s' is no whole number from %d to %d", w, lo, hi);
		args_complain(a, text);
		return lo;
	}
	return (int)v;
}

bool args_is(const struct args *a, int i, const char *word)
{
	return i < a->count && strcmp(a->word[i], word) == 0;
}

bool args_on_off(struct args *a, int i)
{
	if (!args_is(a, i, "on") && !args_is(a, i, "off")) {
		args_complain(a, "expected on or off");
	}
	return args_is(a, i, "on");
}

void args_set_bool(struct args *a, int i, bool *dst)
{
	const bool on = args_on_off(a, i);

	*dst = args_failed(a) ? *dst : on;
}

/* A whole number, or a word that stands for @other; @dst stays as it is after an error. */
void args_set_int(struct args *a, int i, const char *word, int other, int lo, int hi, int *dst)
{
	const int v = args_is(a, i, word) ? other : args_integer(a, i, lo, hi);

	*dst = args_failed(a) ? *dst : v;
}

void args_set_number(struct args *a, int i, double hi, double *dst)
{
	const double v = args_number(a, i, 0, hi);

	*dst = args_failed(a) ? *dst : v;
}
