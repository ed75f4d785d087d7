/* SPDX-License-Identifier: Apache-2.0 */
/* Finding keys, and guessing which one was meant. */
#include <stdio.h>
#include <string.h>

#include "conf_private.h"

#define DISTANCE_FAR 100U
#define NEAR_LEAST   2U /* differences that are always near */
#define NEAR_SHARE   3U /* or one third of the word */

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions and exchanges that turn @a into @b. */
static size_t distance(const char *a, const char *b)
{
	const size_t len_a = strlen(a);
	const size_t len_b = strlen(b);
	size_t row[CONF_KEY_NAME_MAX + 1];

	if (len_a > CONF_KEY_NAME_MAX || len_b > CONF_KEY_NAME_MAX) {
		return DISTANCE_FAR;
	}
	for (size_t j = 0; j <= len_b; j++) {
		row[j] = j;
	}
	for (size_t i = 1; i <= len_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			const size_t exchange = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

			diagonal = row[j];
			row[j] = min_size(exchange, 1 + min_size(row[j], row[j - 1]));
		}
	}
	return row[len_b];
}

static bool near(const char *a, const char *b, size_t *best)
{
	const size_t d = distance(a, b);
	const size_t third = strlen(b) / NEAR_SHARE;

	if (d >= *best || d > (third > NEAR_LEAST ? third : NEAR_LEAST) || d >= strlen(b)) {
		return false;
	}
	*best = d;
	return true;
}

const struct conf_key *conf_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < conf_key_count; i++) {
		if (strcmp(conf_keys[i].section, section) == 0 &&
		    strcmp(conf_keys[i].name, name) == 0) {
			return &conf_keys[i];
		}
	}
	return NULL;
}

bool conf_section_known(const char *section)
{
	for (size_t i = 0; i < conf_key_count; i++) {
		if (strcmp(conf_keys[i].section, section) == 0) {
			return true;
		}
	}
	return false;
}

void conf_suggest_key(struct conf_text *t, const char *section, const char *name)
{
	const struct conf_key *found = NULL;
	size_t best = DISTANCE_FAR;

	/* The right name in the wrong section is the surest guess. */
	for (size_t i = 0; i < conf_key_count; i++) {
		if (strcmp(conf_keys[i].name, name) == 0) {
			conf_text_add(t, "; it belongs to [%s]", conf_keys[i].section);
			return;
		}
	}
	for (size_t i = 0; i < conf_key_count; i++) {
		if (strcmp(conf_keys[i].section, section) == 0 &&
		    near(name, conf_keys[i].name, &best)) {
			found = &conf_keys[i];
		}
	}
	for (size_t i = 0; i < conf_key_count && !found; i++) {
		if (near(name, conf_keys[i].name, &best)) {
			found = &conf_keys[i];
		}
	}
	if (found) {
		conf_text_add(t, "; did you mean %s.%s?", found->section, found->name);
	} else {
		conf_text_add(t, "; see jkpylon.conf(5) for the known keys");
	}
}

void conf_suggest_section(struct conf_text *t, const char *section)
{
	const char *found = NULL;
	size_t best = DISTANCE_FAR;

	for (size_t i = 0; i < conf_key_count; i++) {
		if (near(section, conf_keys[i].section, &best)) {
			found = conf_keys[i].section;
		}
	}
	if (found) {
		conf_text_add(t, "; did you mean [%s]?", found);
		return;
	}
	conf_text_add(t, "; known:");
	for (size_t i = 0; i < conf_key_count; i++) {
		if (i == 0 || strcmp(conf_keys[i].section, conf_keys[i - 1].section) != 0) {
			conf_text_add(t, " [%s]", conf_keys[i].section);
		}
	}
}
