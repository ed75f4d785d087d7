/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line: see sim_args.h. */
#include "sim_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *args_split(struct args *a, char *line)
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

void args_answer(const struct args *a, const char *name, const char *usage, char *ret_reply,
		 size_t size)
{
	if (args_failed(a)) {
		snprintf(ret_reply, size, "error: %s: %s; usage: %s", name, a->error, usage);
	} else if (ret_reply[0] == '\0') {
		snprintf(ret_reply, size, "ok");
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
