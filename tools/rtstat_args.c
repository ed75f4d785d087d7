/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of rtstat. See rtstat.h. */
#include "rtstat.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVERY_MIN_NS (50 * NS_PER_MS)

static const char usage[] =
	"usage: jkpylon-rtstat [-p PAGE] [--live | --table | --json | --prometheus]\n"
	"                      [-o FILE] [--every TIME]\n"
	"       jkpylon-rtstat [-p PAGE] --histogram NAME [--svg FILE]\n"
	"       jkpylon-rtstat [-p PAGE] --watch CONDITION... [--for TIME]\n"
	"       jkpylon-rtstat [-p PAGE] --reset\n"
	"       jkpylon-rtstat --list | --version | --help\n"
	"\n"
	"Shows what the realtime part of jkpylond measures of itself. On a terminal: live.\n"
	"\n"
	"  -p, --page FILE       statistics page (rt.stats), default " STATS_DEFAULT_PATH "\n"
	"  -l, --live            live screen; h shows the keys\n"
	"  -t, --table           all values once\n"
	"  -H, --histogram NAME  one time as bars\n"
	"  -s, --svg FILE        as a picture; without --histogram: wakeup\n"
	"  -j, --json            for programs\n"
	"  -m, --prometheus      for node_exporter's textfile collector\n"
	"  -o, --output FILE     write there, complete or not at all\n"
	"  -e, --every TIME      again and again: 500ms, 15s\n"
	"  -w, --watch CONDITION such as wakeup.p99.9<200us or overruns==0; exit status 2 if one\n"
	"                        does not hold\n"
	"  -f, --for TIME        judge what happens in that time only\n"
	"  -r, --reset           have the daemon measure times anew (its user and root only)\n"
	"  -d, --dead            show a page whose daemon has ended\n"
	"  -L, --list            names of all values\n"
	"  -V, --version  -h, --help\n";

__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...)
{
	va_list ap;

	fputs("jkpylon-rtstat: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("; see jkpylon-rtstat --help\n", stderr);
	return false;
}

static bool choose(struct rtstat_options *o, enum rtstat_form form)
{
	/* --svg goes with --histogram */
	const bool both = (o->form == RTSTAT_FORM_BARS && form == RTSTAT_FORM_SVG) ||
			  (o->form == RTSTAT_FORM_SVG && form == RTSTAT_FORM_BARS);

	if (o->chosen && o->form != form && !both) {
		return wrong("one kind of output at a time");
	}
	o->form = both ? RTSTAT_FORM_SVG : form;
	o->chosen = true;
	return true;
}

static bool take_time(const char *text, int64_t least_ns, int64_t *ret_ns)
{
	*ret_ns = rtstat_parse_time(text);
	if (*ret_ns < least_ns) {
		return wrong("\"%s\" is no time, or too short: a number with ms, s, min or h",
			     text);
	}
	return true;
}

static bool take_watch(struct rtstat_options *o, const char *text)
{
	char error[RTSTAT_TEXT];

	if (o->watches == RTSTAT_WATCH_MAX) {
		return wrong("at most %d conditions", RTSTAT_WATCH_MAX);
	}
	if (!rtstat_watch_parse(text, &o->watch[o->watches], error)) {
		return wrong("%s", error);
	}
	o->watches++;
	return choose(o, RTSTAT_FORM_WATCH);
}

static bool take_histogram(struct rtstat_options *o, const char *name)
{
	o->time = rtstat_find_time(name, strlen(name));
	if (o->time == STATS_TIMES) {
		return wrong("there is no time \"%s\": see jkpylon-rtstat --list", name);
	}
	return choose(o, RTSTAT_FORM_BARS);
}

static bool take_option(struct rtstat_options *o, int c)
{
	switch (c) {
	case 'p':
		o->path = optarg;
		return true;
	case 'o':
		o->output = optarg;
		return true;
	case 's':
		o->output = optarg;
		return choose(o, RTSTAT_FORM_SVG);
	case 'l':
		return choose(o, RTSTAT_FORM_LIVE);
	case 't':
		return choose(o, RTSTAT_FORM_TABLE);
	case 'j':
		return choose(o, RTSTAT_FORM_JSON);
	case 'm':
		return choose(o, RTSTAT_FORM_PROMETHEUS);
	case 'r':
		return choose(o, RTSTAT_FORM_RESET);
	case 'L':
		return choose(o, RTSTAT_FORM_LIST);
	case 'H':
		return take_histogram(o, optarg);
	case 'w':
		return take_watch(o, optarg);
	case 'e':
		return take_time(optarg, EVERY_MIN_NS, &o->every_ns);
	case 'f':
		return take_time(optarg, EVERY_MIN_NS, &o->for_ns);
	case 'd':
		o->dead = true;
		return true;
	default:
		return wrong("not understood");
	}
}

static bool fits_together(const struct rtstat_options *o)
{
	const bool prints = o->form != RTSTAT_FORM_LIVE && o->form != RTSTAT_FORM_WATCH &&
			    o->form != RTSTAT_FORM_RESET && o->form != RTSTAT_FORM_LIST;

	if (o->output != NULL && !prints) {
		return wrong("-o does not go with this kind of output");
	}
	if (o->for_ns > 0 && o->form != RTSTAT_FORM_WATCH) {
		return wrong("--for belongs to --watch");
	}
	if (o->every_ns > 0 && !prints && o->form != RTSTAT_FORM_LIVE) {
		return wrong("--every does not go with this kind of output");
	}
	if (o->dead && !prints) {
		return wrong("--dead does not go with this kind of output");
	}
	return true;
}

bool rtstat_parse(int argc, char **argv, struct rtstat_options *o)
{
	static const struct option long_options[] = {
		{"page", required_argument, NULL, 'p'},
		{"live", no_argument, NULL, 'l'},
		{"table", no_argument, NULL, 't'},
		{"histogram", required_argument, NULL, 'H'},
		{"svg", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"prometheus", no_argument, NULL, 'm'},
		{"output", required_argument, NULL, 'o'},
		{"every", required_argument, NULL, 'e'},
		{"watch", required_argument, NULL, 'w'},
		{"for", required_argument, NULL, 'f'},
		{"reset", no_argument, NULL, 'r'},
		{"dead", no_argument, NULL, 'd'},
		{"list", no_argument, NULL, 'L'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c = 0;

	while ((c = getopt_long(argc, argv, "p:ltH:s:jmo:e:w:f:rdLVh", long_options, NULL)) != -1) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "jkpylon-rtstat (jkpylon) " JKP_VERSION "\n",
			      stdout);
			exit(RTSTAT_OK);
		}
		if (!take_option(o, c)) {
			return false;
		}
	}
	if (optind < argc) {
		return wrong("\"%s\" is too much", argv[optind]);
	}
	if (!o->chosen && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && o->output == NULL &&
	    !o->dead) {
		o->form = RTSTAT_FORM_LIVE;
	}
	return fits_together(o);
}
