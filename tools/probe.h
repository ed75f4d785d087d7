/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of jkpylon-probe. */
#ifndef JKP_TOOLS_PROBE_H
#define JKP_TOOLS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proto/jk_uart.h"

#define PROBE_GOOD   0
#define PROBE_USAGE  1
#define PROBE_DEVICE 2
#define PROBE_BROKEN 3 /* the leg does not work */

/**
 * struct probe_options - from the command line
 * @hex: show the raw bytes
 * @json: for programs
 * @seconds: how long to listen on the bus or the network
 * @serial: of the meter that must be heard, 0 = any
 * @group, @port: of the meters
 * @ask_bms: consent to write to serial devices
 * @yes: take the default of every question
 * @replace: an existing file may be replaced
 * @root: folder that stands for /, NULL = this machine
 * @interface: the only network interface, none, or NULL = all
 * @output: where setup writes
 */
struct probe_options {
	bool hex;
	bool json;
	bool ask_bms;
	bool yes;
	bool replace;
	const char *root;
	const char *interface;
	const char *output;
	double seconds;
	uint32_t serial;
	const char *group;
	int32_t port;
};

/* Each prints its findings on standard output and returns the exit status. */
int probe_bms(const char *device, const struct probe_options *o);
int probe_can(const char *interface, const struct probe_options *o);
int probe_sma(const char *interface, const struct probe_options *o);
int probe_sems(const char *file, const struct probe_options *o);
int probe_mqtt(const char *file, const struct probe_options *o);
int probe_decode(const char *file);
int probe_goodwe(const char *host, const struct probe_options *o);
int probe_goodwe_find(const char *broadcast);
int probe_all(const struct probe_options *o);
int probe_setup(const struct probe_options *o);

/**
 * struct probe_bms_found - what came of asking
 * @sample, @reply_ns: of the good reply, if there was one
 * @words, @next: verdict and what to try
 */
struct probe_bms_found {
	struct jk_sample sample;
	int64_t reply_ns;
	char words[160];
	char next[512];
};

/* Ask the BMS on @device up to three times. Return: exit status; @ret is set in any case. */
int probe_bms_ask(const char *device, struct probe_bms_found *ret);

/* What is wrong with the daemon's configuration, FILE:LINE where there is one line. */
void probe_config_error(const char *file, const struct conf_error *error);

/* Print everything a reply says, for a person. */
void probe_show(const struct jk_sample *s);

/* The same as members of a JSON object, without the braces. */
void probe_show_json(const struct jk_sample *s);

/* What in a good reply stands in the way of good service. Return: number of remarks printed. */
int probe_remarks(const struct jk_sample *s);

/* A text as a JSON string with its quotation marks. */
void probe_json_text(const char *text);

void probe_hex(const uint8_t *data, size_t len);

#endif
