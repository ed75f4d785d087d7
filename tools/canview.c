/* SPDX-License-Identifier: Apache-2.0 */
/* jkpylon-canview: the frames between battery and inverter in words. */
#include "canview.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT_MAX   1000000000UL
#define SECONDS_MAX 1e9

static const char usage_text[] =
	"usage: jkpylon-canview [options] can0|unix:PATH|FILE.log|-\n"
	"Shows the frames between battery and inverter in words.\n"
	"  -n, --count COUNT    stop after COUNT frames\n"
	"  -t, --time SECONDS   stop after SECONDS (of a log: of its own time)\n"
	"  -x, --raw            print the log format of candump, nothing else\n"
	"  -j, --json           one JSON object a line\n"
	"  -a, --absolute       date and time of day instead of seconds since the first frame\n"
	"  -s, --summary        at the end: identifiers, counts, intervals\n"
	"  -l, --live           a table that redraws (default on a terminal without options)\n"
	"  -L, --lines          one line a frame, on a terminal too\n"
	"  -h, --help           this text\n"
	"  -V, --version        version\n"
	"SocketCAN interface, bench bus of a daemon, log of candump, or - for the standard input.\n"
	"Exit: 0 good, 1 usage or unreadable lines, 2 bus or file not there, or nothing received.\n";

static int __attribute__((format(printf, 1, 2))) usage_error(const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "jkpylon-canview: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "; try jkpylon-canview --help\n");
	return EXIT_USAGE;
}

static int parse_count(const char *s, unsigned long *ret_count)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || n < 1 || n > COUNT_MAX) {
		return usage_error("-n %s: give a number of frames from 1 to %lu", s, COUNT_MAX);
	}
	*ret_count = n;
	return 0;
}

static int parse_seconds(const char *s, int64_t *ret_us)
{
	char *end;
	double d;

	errno = 0;
	d = strtod(s, &end);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || !(d >= 0.001) ||
	    !(d <= SECONDS_MAX)) {
		return usage_error("-t %s: give seconds from 0.001 to %.0f", s, SECONDS_MAX);
	}
	*ret_us = (int64_t)(d * US_PER_S);
	return 0;
}

/* 0: go on; -1: done, all is said; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"count", required_argument, NULL, 'n'},
		{"time", required_argument, NULL, 't'},
		{"raw", no_argument, NULL, 'x'},
		{"json", no_argument, NULL, 'j'},
		{"absolute", no_argument, NULL, 'a'},
		{"summary", no_argument, NULL, 's'},
		{"live", no_argument, NULL, 'l'},
		{"lines", no_argument, NULL, 'L'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int err = 0;
	int c;

	while (err == 0 && (c = getopt_long(argc, argv, "n:t:xjaslLhV", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			err = parse_count(optarg, &o->count);
			break;
		case 't':
			err = parse_seconds(optarg, &o->limit_us);
			break;
		case 'x':
			o->raw = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'a':
			o->absolute = true;
			break;
		case 's':
			o->summary = true;
			break;
		case 'l':
			o->live = true;
			break;
		case 'L':
			o->lines = true;
			break;
		case 'h':
			(void)fputs(usage_text, stdout);
			return -1;
		case 'V':
			(void)puts("jkpylon-canview " JKP_VERSION);
			return -1;
		default: /* getopt named the option */
			(void)fprintf(stderr, "try jkpylon-canview --help\n");
			return EXIT_USAGE;
		}
	}
	if (err == 0 && o->raw + o->json + o->live + o->lines > 1) {
		return usage_error("--raw, --json, --live and --lines exclude each other");
	}
	if (err == 0 && o->raw && o->summary) {
		return usage_error("--raw prints a log and nothing else, --summary would spoil it");
	}
	return err;
}

int main(int argc, char **argv)
{
	static struct view view;
	const int err = parse_options(argc, argv, &view.opt);

	if (err != 0) {
		return err < 0 ? 0 : err;
	}
	if (optind != argc - 1) {
		return usage_error(optind == argc ? "which bus? give can0, unix:PATH or a log"
						  : "give one bus, not %d",
				   argc - optind);
	}
	view.source = argv[optind];
	if (isatty(STDOUT_FILENO) == 0) {
		if (view.opt.live) {
			return usage_error("--live needs a terminal; use --lines");
		}
	} else if (argc == 2) { /* a log would only leave its last frames: lines for it */
		view.opt.live = canbus_is_live(view.source);
	}
	return canview_watch(&view);
}
