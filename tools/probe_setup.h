/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of "setup": questions, answers, and the file that comes of them. */
#ifndef JKP_TOOLS_PROBE_SETUP_H
#define JKP_TOOLS_PROBE_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "probe_found.h"

#define SETUP_TRIES 20

/**
 * struct setup - one run
 * @found: the machine
 * @yes: every question is answered with its default
 * @bms: index of the device whose BMS answered and was chosen, FOUND_UNKNOWN = there is none
 * The texts are values of the configuration; empty = not set.
 */
struct setup {
	struct found *found;
	bool yes;
	int32_t bms;
	char device[FOUND_PATH];
	char can[FOUND_NAME];
	bool manage;
	char relay[FOUND_PATH];
	bool pulse;
	char watchdog[FOUND_NAME];
	char mqtt_host[FOUND_PATH];
	char mqtt_port[FOUND_NAME];
	bool mqtt_tls;
	char mqtt_user[FOUND_NAME];
	char mqtt_password_file[FOUND_PATH];
};

/**
 * setup_check_t - is an answer good?
 * Return: NULL, or what is wrong with it. It may replace @answer by what is meant.
 */
typedef const char *setup_check_t(const struct setup *s, char *answer, size_t size);

/**
 * setup_ask - a question, until the answer is good
 * @question: without an end
 * @usual: default; NULL = there is none
 * @ret: answer, at most @size - 1 characters, all printable
 *
 * Return: 0; -ENODATA the input ended, was wrong too often, or there is no default to take.
 */
int setup_ask(const struct setup *s, const char *question, const char *usual, setup_check_t *good,
	      char *ret, size_t size);

/* A question of yes or no. Return: as setup_ask(). */
int setup_ask_yes(const struct setup *s, const char *question, bool usual, bool *ret);

/* A number from 1 to @n as an answer. Return: 0: it is none. */
uint32_t setup_choice(const char *answer, uint32_t n);

/* Can it stand in the configuration without being taken for a comment or a quotation? */
bool setup_is_plain(const char *answer);

/**
 * setup_daemon_runs - does our daemon hold what the questions are about?
 * @ret: receives how one knows
 */
bool setup_daemon_runs(const struct found *f, char *ret, size_t size);

/* Say what of the file at @path would be lost with @text in its place. */
void setup_say_lost(const struct found *f, const char *path, const char *text);

/* All questions of one part. Return: as setup_ask(); -ECANCELED nothing is to be written. */
int setup_ask_bms(struct setup *s, bool consent);
int setup_ask_can(struct setup *s);
int setup_ask_relay(struct setup *s);
int setup_ask_watchdog(struct setup *s);
int setup_ask_mqtt(struct setup *s);

/* The configuration as text. Return: memory of the caller to be freed, NULL: none left. */
char *setup_text(const struct setup *s);

/* Can a file be made at @path? Return: 0, or -errno after a message. */
int setup_may_write(const char *path);

/**
 * setup_write - check the text as the daemon does, and put it in place whole or not at all
 * @path: file
 * @replace: what is there becomes PATH.old-N
 * @backup: receives that name; empty = there was nothing
 * Return: exit status, after a message if it is not 0; that says whether the file is in place.
 */
int setup_write(const char *path, const char *text, bool replace, char *backup, size_t size);

#endif
