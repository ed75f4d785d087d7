/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jkpylon-probe: tries one leg of the installation alone, or looks at the whole machine, and says
 * what to do next. It needs no daemon, and for all but mqtt and sems no configuration.
 */
#include "probe.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/speedwire.h"

#define SECONDS_DEFAULT 5.0
#define SECONDS_MAX	86400.0

static void usage(FILE *f)
{
	fprintf(f,
		"usage: jkpylon-probe bms DEVICE [--hex] [--json]\n"
		"       jkpylon-probe can INTERFACE|unix:PATH [-t SECONDS] [--json]\n"
		"       jkpylon-probe sma INTERFACE [--serial N] [--group ADDRESS] [--port N]\n"
		"                         [-t SECONDS] [--json]\n"
		"       jkpylon-probe mqtt CONFIGURATION [--json]\n"
		"       jkpylon-probe sems CONFIGURATION [--json]\n"
		"       jkpylon-probe decode FILE|-\n"
		"       jkpylon-probe goodwe HOST[:PORT] [--hex] [--json]\n"
		"       jkpylon-probe goodwe-find BROADCAST[:PORT]\n"
		"       jkpylon-probe all [--ask-bms] [--interface NAME|none] [--json]\n"
		"       jkpylon-probe setup [--output FILE] [--ask-bms] [--interface NAME|none]\n"
		"                           [--yes] [--replace]\n"
		"       jkpylon-probe --help | --version\n"
		"-t, --time SECONDS: how long to listen.\n"
		"Exit status: 0 good, 1 wrong command line or file content, 2 device or file\n"
		"cannot be used, 3 the leg does not work.\n");
}

static bool take_seconds(const char *text, double *ret_seconds)
{
	char *end = NULL;
	const double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v > 0 && v <= SECONDS_MAX)) {
		fprintf(stderr,
			"jkpylon-probe: -t %s: expected seconds, more than 0 and at most %.0f\n",
			text, SECONDS_MAX);
		return false;
	}
	*ret_seconds = v;
	return true;
}

/* A whole number from 1 to @max. */
static bool take_number(const char *text, const char *name, double max, double *ret_value)
{
	char *end = NULL;
	const double v = strtod(text, &end);

	if (end == text || *end != '\0' || !(v >= 1 && v <= max) || v != (double)(uint64_t)v) {
		fprintf(stderr, "jkpylon-probe: --%s %s: expected a whole number from 1 to %.0f\n",
			name, text, max);
		return false;
	}
	*ret_value = v;
	return true;
}

enum {
	OPT_HEX = 256,
	OPT_JSON,
	OPT_SERIAL,
	OPT_GROUP,
	OPT_PORT,
	OPT_ASK_BMS,
	OPT_YES,
	OPT_REPLACE,
	OPT_SYSROOT,
	OPT_INTERFACE,
	OPT_OUTPUT
};

/* Options of all and setup. Return: whether it was one. */
static bool take_option_of_all(int c, struct probe_options *o)
{
	switch (c) {
	case OPT_ASK_BMS:
		o->ask_bms = true;
		return true;
	case OPT_YES:
		o->yes = true;
		return true;
	case OPT_REPLACE:
		o->replace = true;
		return true;
	case OPT_SYSROOT:
		o->root = optarg;
		return true;
	case OPT_INTERFACE:
		o->interface = optarg;
		return true;
	case OPT_OUTPUT:
		o->output = optarg;
		return true;
	default:
		return false;
	}
}

/* Return: false after a message. */
static bool take_option(int c, struct probe_options *o)
{
	double v = 0;

	switch (c) {
	case OPT_HEX:
		o->hex = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_GROUP:
		o->group = optarg;
		return true;
	case OPT_SERIAL:
		if (!take_number(optarg, "serial", UINT32_MAX, &v)) {
			return false;
		}
		o->serial = (uint32_t)v;
		return true;
	case OPT_PORT:
		if (!take_number(optarg, "port", UINT16_MAX, &v)) {
			return false;
		}
		o->port = (int32_t)v;
		return true;
	case 't':
		return take_seconds(optarg, &o->seconds);
	case 'h':
		usage(stdout);
		exit(EXIT_SUCCESS);
	case 'V':
		printf("jkpylon-probe %s\n", JKP_VERSION);
		exit(EXIT_SUCCESS);
	default:
		return take_option_of_all(c, o);
	}
}

static bool needs_no_name(int argc, char **argv)
{
	return argc - optind == 1 &&
	       (strcmp(argv[optind], "all") == 0 || strcmp(argv[optind], "setup") == 0);
}

/* Return: false after a message. */
static bool parse(int argc, char **argv, struct probe_options *o)
{
	static const struct option long_options[] = {
		{"hex", no_argument, NULL, OPT_HEX},
		{"json", no_argument, NULL, OPT_JSON},
		{"serial", required_argument, NULL, OPT_SERIAL},
		{"group", required_argument, NULL, OPT_GROUP},
		{"port", required_argument, NULL, OPT_PORT},
		{"ask-bms", no_argument, NULL, OPT_ASK_BMS},
		{"yes", no_argument, NULL, OPT_YES},
		{"replace", no_argument, NULL, OPT_REPLACE},
		{"sysroot", required_argument, NULL, OPT_SYSROOT},
		{"interface", required_argument, NULL, OPT_INTERFACE},
		{"output", required_argument, NULL, OPT_OUTPUT},
		{"time", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c = 0;

	while ((c = getopt_long(argc, argv, "t:hV", long_options, NULL)) != -1) {
		if (!take_option(c, o)) {
			return false;
		}
	}
	if (argc - optind != 2 && !needs_no_name(argc, argv)) {
		fprintf(stderr,
			"jkpylon-probe: expected bms, can, sma, mqtt, sems, decode, goodwe or goodwe-find "
			"and one name, or all or setup and none\n");
		return false;
	}
	return true;
}

/* What could not be written was not said. Return: exit status. */
static int close_output(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		fprintf(stderr, "jkpylon-probe: cannot write the output: %s\n", strerror(errno));
		return PROBE_DEVICE;
	}
	return status;
}

void probe_config_error(const char *file, const struct conf_error *error)
{
	if (error->line > 0) {
		fprintf(stderr, "jkpylon-probe: %s:%d: %s\n", file, error->line, error->text);
	} else {
		fprintf(stderr, "jkpylon-probe: %s: %s\n", file, error->text);
	}
}

int main(int argc, char **argv)
{
	struct probe_options o = {
		.seconds = SECONDS_DEFAULT, .group = SPEEDWIRE_GROUP, .port = SPEEDWIRE_PORT};

	if (!parse(argc, argv, &o)) {
		usage(stderr);
		return PROBE_USAGE;
	}
	const char *what = argv[optind];
	const char *name = argv[optind + 1];

	if (name == NULL) {
		return close_output(strcmp(what, "all") == 0 ? probe_all(&o) : probe_setup(&o));
	}

	if (strcmp(what, "bms") == 0) {
		return close_output(probe_bms(name, &o));
	}
	if (strcmp(what, "can") == 0) {
		return close_output(probe_can(name, &o));
	}
	if (strcmp(what, "sma") == 0) {
		return close_output(probe_sma(name, &o));
	}
	if (strcmp(what, "sems") == 0) {
		return close_output(probe_sems(name, &o));
	}
	if (strcmp(what, "mqtt") == 0) {
		return close_output(probe_mqtt(name, &o));
	}
	if (strcmp(what, "decode") == 0) {
		return close_output(probe_decode(name));
	}
	if (strcmp(what, "goodwe") == 0) {
		return close_output(probe_goodwe(name, &o));
	}
	if (strcmp(what, "goodwe-find") == 0) {
		return close_output(probe_goodwe_find(name));
	}
	fprintf(stderr,
		"jkpylon-probe: '%s' is none of bms, can, sma, mqtt, sems, decode, goodwe, goodwe-find, all, "
		"setup\n",
		what);
	usage(stderr);
	return PROBE_USAGE;
}
