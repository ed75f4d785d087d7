/* SPDX-License-Identifier: Apache-2.0 */
/* rtstat: options, and what becomes of one copy of the page. See rtstat.h. */
#include "rtstat.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"

#define EVERY_MIN_NS	(50 * NS_PER_MS)
#define EVERY_SCREEN_NS (500 * NS_PER_MS)
#define BARS_ROWS	40
#define BARS_COLUMNS	100
#define RESET_WAIT_NS	(3 * NS_PER_S)
#define RESET_LOOK_NS	(50 * NS_PER_MS)
#define NAME_SIZE	4096
#define OUTPUT_MODE	0644

enum form {
	FORM_TABLE,
	FORM_LIVE,
	FORM_BARS,
	FORM_SVG,
	FORM_JSON,
	FORM_PROMETHEUS,
	FORM_WATCH,
	FORM_RESET,
	FORM_LIST,
};

/**
 * struct options - what was asked for
 * @output: file, or NULL: standard output
 * @every_ns: repeat, 0 = once
 * @for_ns: of --watch: what happens in that time, 0 = since the measurement began
 */
struct options {
	enum form form;
	bool chosen;
	bool dead;
	const char *path;
	const char *output;
	uint32_t time;
	int64_t every_ns;
	int64_t for_ns;
	struct rtstat_watch watch[RTSTAT_WATCH_MAX];
	size_t watches;
};

static const char usage[] =
	"usage: rtstat [-p PAGE] [--live | --table | --json | --prometheus] [-o FILE] [--every TIME]\n"
	"       rtstat [-p PAGE] --histogram NAME [--svg FILE]\n"
	"       rtstat [-p PAGE] --watch CONDITION... [--for TIME]\n"
	"       rtstat [-p PAGE] --reset\n"
	"       rtstat --list | --version | --help\n"
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

/* ---- output ---- */

static void print(FILE *f, const struct options *o, const struct rtstat_page *page)
{
	switch (o->form) {
	case FORM_BARS:
		rtstat_heading(f, page);
		fputc('\n', f);
		rtstat_bars(f, page, o->time, BARS_ROWS, BARS_COLUMNS);
		break;
	case FORM_SVG:
		rtstat_svg(f, page, o->time);
		break;
	case FORM_JSON:
		rtstat_json(f, page);
		break;
	case FORM_PROMETHEUS:
		rtstat_prometheus(f, page);
		break;
	case FORM_TABLE:
	case FORM_LIVE:
	case FORM_WATCH:
	case FORM_RESET:
	case FORM_LIST:
	default:
		rtstat_table(f, page);
		break;
	}
}

static enum rtstat_exit cannot_write(const char *name)
{
	fprintf(stderr, "rtstat: cannot write %s: %s\n", name, strerror(errno));
	return RTSTAT_OUTPUT;
}

/* Under another name, then renamed: whoever reads FILE never sees half of it. */
static enum rtstat_exit write_file(const struct options *o, const struct rtstat_page *page)
{
	char name[NAME_SIZE];
	FILE *f = NULL;

	if (snprintf(name, sizeof(name), "%s.%ld.tmp", o->output, (long)getpid()) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return cannot_write(o->output);
	}
	/* A name with our number is one that somebody left behind. */
	(void)unlink(name);

	const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    OUTPUT_MODE);

	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL) {
		if (fd >= 0) {
			close(fd);
			unlink(name);
		}
		return cannot_write(o->output);
	}
	print(f, o, page);

	const bool failed = ferror(f) != 0;

	if (fclose(f) != 0 || failed || rename(name, o->output) != 0) {
		const enum rtstat_exit r = cannot_write(o->output);

		unlink(name);
		return r;
	}
	return RTSTAT_OK;
}

static enum rtstat_exit write_out(const struct options *o, const struct rtstat_page *page)
{
	if (o->output != NULL) {
		return write_file(o, page);
	}
	print(stdout, o, page);
	return fflush(stdout) != 0 || ferror(stdout) != 0 ? cannot_write("the output") : RTSTAT_OK;
}

/* ---- what is asked for ---- */

static enum rtstat_exit show(const struct options *o)
{
	static struct rtstat_page page;
	char error[RTSTAT_TEXT];
	enum rtstat_exit r = rtstat_take(o->path, &page, error);

	if (r == RTSTAT_DEAD && o->dead) {
		r = RTSTAT_OK;
	}
	if (r == RTSTAT_OK) {
		return write_out(o, &page);
	}
	fprintf(stderr, "rtstat: %s%s\n", error,
		r == RTSTAT_DEAD ? "; --dead shows it nevertheless" : "");
	if (o->form == FORM_PROMETHEUS) {
		/* Old values must not look like those of now. */
		memset(&page, 0, sizeof(page));

		const enum rtstat_exit w = write_out(o, &page);

		return w != RTSTAT_OK ? w : r;
	}
	return r;
}

static enum rtstat_exit show_again(const struct options *o)
{
	enum rtstat_exit r = show(o);

	/* A daemon that is not there may come back; an output that cannot be written does not. */
	while (o->every_ns > 0 && r != RTSTAT_OUTPUT) {
		rtstat_pause(o->every_ns);
		r = show(o);
	}
	return r;
}

static enum rtstat_exit take_or_say(const struct options *o, struct rtstat_page *page)
{
	char error[RTSTAT_TEXT];
	const enum rtstat_exit r = rtstat_take(o->path, page, error);

	if (r != RTSTAT_OK) {
		fprintf(stderr, "rtstat: %s\n", error);
	}
	return r;
}

static enum rtstat_exit watch(const struct options *o)
{
	static struct rtstat_page page;
	static struct rtstat_page base;
	bool good = true;
	enum rtstat_exit r = take_or_say(o, &base);

	page = base;
	if (r == RTSTAT_OK && o->for_ns > 0) {
		rtstat_pause(o->for_ns);
		r = take_or_say(o, &page);
		if (r == RTSTAT_OK &&
		    (page.inode != base.inode || page.header.pid != base.header.pid ||
		     page.loop.resets != base.loop.resets)) {
			fprintf(stderr, "rtstat: the daemon has begun anew meanwhile: nothing to "
					"be judged\n");
			r = RTSTAT_DEAD;
		}
		rtstat_subtract(&page, &base);
	}
	if (r != RTSTAT_OK) {
		return r;
	}
	for (size_t i = 0; i < o->watches; i++) {
		good = rtstat_watch_judge(stdout, &page, &o->watch[i]) && good;
	}
	if (fflush(stdout) != 0) {
		return cannot_write("the output");
	}
	return good ? RTSTAT_OK : RTSTAT_UNMET;
}

static enum rtstat_exit reset(const struct options *o)
{
	static struct rtstat_page page;
	char answer[CONTROL_TEXT_MAX];
	enum rtstat_exit r = take_or_say(o, &page);
	const uint32_t before = page.loop.resets;
	const int64_t end_ns = rtstat_now() + RESET_WAIT_NS;

	if (r != RTSTAT_OK) {
		return r;
	}
	if (control_ask(o->path, CONTROL_RESET, answer) != 0) {
		fprintf(stderr, "rtstat: %s\n", answer);
		return RTSTAT_REFUSED;
	}
	while (r == RTSTAT_OK && page.loop.resets == before && rtstat_now() < end_ns) {
		rtstat_pause(RESET_LOOK_NS);
		r = take_or_say(o, &page);
	}
	if (r == RTSTAT_OK && page.loop.resets == before) {
		fprintf(stderr,
			"rtstat: the daemon has taken the order but does not carry it out\n");
		return RTSTAT_REFUSED;
	}
	if (r == RTSTAT_OK) {
		puts(answer);
	}
	return r;
}

/* ---- options ---- */

__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...)
{
	va_list ap;

	fputs("rtstat: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("; see rtstat --help\n", stderr);
	return false;
}

static bool choose(struct options *o, enum form form)
{
	/* --svg goes with --histogram */
	const bool both = (o->form == FORM_BARS && form == FORM_SVG) ||
			  (o->form == FORM_SVG && form == FORM_BARS);

	if (o->chosen && o->form != form && !both) {
		return wrong("one kind of output at a time");
	}
	o->form = both ? FORM_SVG : form;
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

static bool take_watch(struct options *o, const char *text)
{
	char error[RTSTAT_TEXT];

	if (o->watches == RTSTAT_WATCH_MAX) {
		return wrong("at most %d conditions", RTSTAT_WATCH_MAX);
	}
	if (!rtstat_watch_parse(text, &o->watch[o->watches], error)) {
		return wrong("%s", error);
	}
	o->watches++;
	return choose(o, FORM_WATCH);
}

static bool take_histogram(struct options *o, const char *name)
{
	o->time = rtstat_find_time(name, strlen(name));
	if (o->time == STATS_TIMES) {
		return wrong("there is no time \"%s\": see rtstat --list", name);
	}
	return choose(o, FORM_BARS);
}

static bool take_option(struct options *o, int c)
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
		return choose(o, FORM_SVG);
	case 'l':
		return choose(o, FORM_LIVE);
	case 't':
		return choose(o, FORM_TABLE);
	case 'j':
		return choose(o, FORM_JSON);
	case 'm':
		return choose(o, FORM_PROMETHEUS);
	case 'r':
		return choose(o, FORM_RESET);
	case 'L':
		return choose(o, FORM_LIST);
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

static bool fits_together(const struct options *o)
{
	const bool prints = o->form != FORM_LIVE && o->form != FORM_WATCH &&
			    o->form != FORM_RESET && o->form != FORM_LIST;

	if (o->output != NULL && !prints) {
		return wrong("-o does not go with this kind of output");
	}
	if (o->for_ns > 0 && o->form != FORM_WATCH) {
		return wrong("--for belongs to --watch");
	}
	if (o->every_ns > 0 && !prints && o->form != FORM_LIVE) {
		return wrong("--every does not go with this kind of output");
	}
	if (o->dead && !prints) {
		return wrong("--dead does not go with this kind of output");
	}
	return true;
}

static bool parse(int argc, char **argv, struct options *o)
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
			fputs(c == 'h' ? usage : "rtstat (jkpylon) " JKP_VERSION "\n", stdout);
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
		o->form = FORM_LIVE;
	}
	return fits_together(o);
}

int main(int argc, char **argv)
{
	static struct options o = {.path = STATS_DEFAULT_PATH, .time = STATS_WAKEUP};

	if (!parse(argc, argv, &o)) {
		return RTSTAT_USAGE;
	}
	switch (o.form) {
	case FORM_LIST:
		rtstat_list(stdout);
		return fflush(stdout) != 0 ? RTSTAT_OUTPUT : RTSTAT_OK;
	case FORM_LIVE:
		return (int)rtstat_screen(o.path, o.every_ns > 0 ? o.every_ns : EVERY_SCREEN_NS);
	case FORM_WATCH:
		return (int)watch(&o);
	case FORM_RESET:
		return (int)reset(&o);
	case FORM_TABLE:
	case FORM_BARS:
	case FORM_SVG:
	case FORM_JSON:
	case FORM_PROMETHEUS:
	default:
		return (int)show_again(&o);
	}
}
