/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jkpylon-replay: gives a recorded stream of inputs to cycle_step() again and prints what comes
 * out. The core is integer arithmetic on its inputs only, so the output is the same on every
 * machine: a field incident becomes a test.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "core/cycle_state.h"
#include "replay.h"
#include "sim_capture.h"

#define EXIT_USAGE   1
#define EXIT_FILE    2
#define EXIT_DIFFERS 3
#define LINE_SHOWN   160
#define EVERY_MS     1000
#define EVERY_MAX    3600000

/* What is to be done with the file. */
enum mode {
	MODE_PRINT,
	MODE_VERIFY,
	MODE_WHY,
	MODE_CANDUMP,
	MODE_CSV,
	MODE_SVG,
	MODE_TRACE,
	MODE_LIST,
};

struct counts {
	unsigned long steps;
	unsigned long frames;
	unsigned long events;
	unsigned long lost;
};

/**
 * struct replay - one run
 * @out: where the output goes
 * @cold: a record begins as after a start
 * @ran: the file was read to its end
 */
struct replay {
	struct replay_source source;
	struct replay_print print;
	struct counts count;
	FILE *out;
	bool cold;
	bool ran;
	bool quiet; /* another file will be asked */
	enum mode mode;
	const char *expect;
	const char *when;
	const char *svg;
	int32_t every_ms;
};

void replay_print_seconds(const struct replay_source *s, FILE *f)
{
	const int64_t us = (s->in->now_ns - s->start_ns) / NS_PER_US;

	fprintf(f, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

const char *replay_wall(const struct replay_source *s, int64_t t_ns, char text[REPLAY_WALL_MAX])
{
	const int64_t wall_ns = t_ns + s->wall_offset_ns;
	const time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	text[0] = '\0';
	if (s->has_wall && localtime_r(&seconds, &tm) != NULL) {
		const size_t n = strftime(text, REPLAY_WALL_MAX, "%Y-%m-%d %H:%M:%S", &tm);

		snprintf(text + n, REPLAY_WALL_MAX - n, ".%03d",
			 (int)(wall_ns % NS_PER_S / NS_PER_MS));
	}
	return text;
}

static bool verify_step(struct replay_source *s, void *self)
{
	(void)self;
	return !s->differs;
}

static const struct replay_view verify_view = {.step = verify_step};

static void do_nothing(struct replay_source *s, void *self)
{
	(void)s;
	(void)self;
}

/* Return: 0, -ECANCELED the view has ended it, -EINVAL. */
static int run(struct replay *r, const struct replay_view *view, void *self)
{
	struct replay_source *s = &r->source;
	enum source_event e = SOURCE_BEGIN;

	while (e != SOURCE_END) {
		if (source_next(s, &e) != 0) {
			return -EINVAL;
		}
		if (e == SOURCE_BEGIN) {
			(view->begin != NULL ? view->begin : do_nothing)(s, self);
		} else if (e == SOURCE_LOST) {
			r->count.lost += s->lost > 0U ? s->lost : 1U;
			(view->lost != NULL ? view->lost : do_nothing)(s, self);
		} else if (e == SOURCE_STEP) {
			r->count.steps++;
			r->count.frames += s->out->can_tx_len;
			r->count.events += s->out->event_len;
			if (!view->step(s, self)) {
				return -ECANCELED;
			}
		}
	}
	(view->end != NULL ? view->end : do_nothing)(s, self);
	r->ran = true;
	return 0;
}

static void summary(const struct replay *r)
{
	fprintf(stderr, "jkpylon-replay: %lu steps, %lu frames, %lu events\n", r->count.steps,
		r->count.frames, r->count.events);
	if (r->count.lost > 0) {
		fprintf(stderr,
			"jkpylon-replay: %lu steps are missing in the recording: what follows a "
			"gap in a text trace is not exact\n",
			r->count.lost);
	}
	if (!r->source.complete) {
		fprintf(stderr, "jkpylon-replay: the trace has no end mark: its recording was cut "
				"off\n");
	}
}

/* Return: 0 if equal; else a message about the first difference. */
static int compare(const char *path, const char *want, size_t want_len, const char *got,
		   size_t got_len)
{
	size_t at = 0;
	size_t start = 0;
	unsigned long line = 1;

	while (at < want_len && at < got_len && want[at] == got[at]) {
		if (want[at] == '\n') {
			line++;
			start = at + 1U;
		}
		at++;
	}
	if (at == want_len && at == got_len) {
		return 0;
	}
	const int want_n = start < want_len ? (int)strcspn(want + start, "\n") : 0;
	const int got_n = start < got_len ? (int)strcspn(got + start, "\n") : 0;

	fprintf(stderr,
		"jkpylon-replay: %s:%lu: first difference\n  expected: %.*s\n  got:      %.*s\n",
		path, line, want_n < LINE_SHOWN ? want_n : LINE_SHOWN,
		start < want_len ? want + start : "", got_n < LINE_SHOWN ? got_n : LINE_SHOWN,
		start < got_len ? got + start : "");
	return EXIT_DIFFERS;
}

/* Lines in front that begin with '#' say where a recording is from and what it shows. */
static size_t behind_comments(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len && text[at] == '#') {
		const char *end = memchr(text + at, '\n', len - at);

		at = end != NULL ? (size_t)(end - text) + 1U : len;
	}
	return at;
}

static int run_and_compare(struct replay *r)
{
	const char *expect = r->expect;
	char err[CAPTURE_ERROR_MAX];
	char *want = NULL;
	char *got = NULL;
	size_t want_len = 0;
	size_t got_len = 0;

	if (capture_read_file(expect, &want, &want_len, err) != 0) {
		fprintf(stderr, "jkpylon-replay: %s\n", err);
		return EXIT_FILE;
	}
	r->out = open_memstream(&got, &got_len);
	if (!r->out) {
		fprintf(stderr, "jkpylon-replay: out of memory\n");
		free(want);
		return EXIT_FILE;
	}
	r->print.f = r->out;

	const int rc = run(r, &replay_print_view, &r->print);
	const size_t from = behind_comments(want, want_len);
	int status = EXIT_USAGE;

	fclose(r->out);
	if (rc == 0) {
		status = compare(expect, want + from, want_len - from, got, got_len);
	}
	free(want);
	free(got);
	return status;
}

/* Does the core still do what it did? */
static int verify(struct replay *r)
{
	struct replay_source *s = &r->source;
	char wall[REPLAY_WALL_MAX];

	if (!s->is_record || r->cold) {
		fprintf(stderr, "jkpylon-replay: %s\n",
			r->cold ? "--cold begins with another state: there is nothing to verify"
				: "a text trace has no outputs to compare with: use --expect");
		return EXIT_USAGE;
	}
	if (s->other) {
		fprintf(stderr,
			"jkpylon-replay: recorded by jkpylon %s, this is %s: differences may be "
			"meant\n",
			s->head.version, JKP_VERSION);
	}
	const int rc = run(r, &verify_view, r);

	if (rc == 0) {
		fprintf(r->out, "%lu steps, every output as recorded\n", r->count.steps);
		return EXIT_SUCCESS;
	}
	if (rc != -ECANCELED) {
		return EXIT_USAGE;
	}
	fprintf(r->out, "first difference: step %lu, %s %s", r->count.steps,
		replay_wall(s, s->in->now_ns, wall), s->has_wall ? "(" : "");
	replay_print_seconds(s, r->out);
	fprintf(r->out, " s after the start%s\n", s->has_wall ? ")" : "");
	if (s->record.item.quiet) {
		fprintf(r->out, "recorded: no output; now:\n");
	} else {
		fprintf(r->out,
			"recorded: outputs with digest %08" PRIx32 "; now %s%08" PRIx32 ":\n",
			s->record.item.digest, s->record.quiet ? "none, " : "", s->record.digest);
	}
	r->print = (struct replay_print){.f = r->out, .requests = r->print.requests, .first = true};
	replay_print_step(&r->print, s);
	return EXIT_DIFFERS;
}

static int table(struct replay *r, const struct replay_view *view)
{
	struct replay_table t = {.f = r->out, .every_ms = r->every_ms};

	return run(r, view, &t) == 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

static int text_trace(struct replay *r)
{
	if (!r->source.is_record) {
		fprintf(stderr, "jkpylon-replay: this is a text trace already\n");
		return EXIT_USAGE;
	}
	fprintf(r->out, "# jkpylon-trace 2\n# from a record of jkpylon %s: %s, %s\n",
		r->source.head.version, record_trigger_name(r->source.head.trigger),
		reason_name((int32_t)r->source.head.reason));
	return table(r, &replay_text_trace);
}

static int svg(struct replay *r)
{
	FILE *f = strcmp(r->svg, "-") == 0 ? stdout : fopen(r->svg, "we");
	struct replay_svg *v = f != NULL ? replay_svg_new(f) : NULL;

	if (v == NULL) {
		fprintf(stderr, "jkpylon-replay: %s: %s\n", r->svg, strerror(errno));
		if (f != NULL && f != stdout) {
			fclose(f);
		}
		return EXIT_FILE;
	}
	const int rc = run(r, &replay_svg_view, v);

	replay_svg_free(v);
	if (f != stdout && fclose(f) != 0) {
		fprintf(stderr, "jkpylon-replay: %s: %s\n", r->svg, strerror(errno));
		return EXIT_FILE;
	}
	return rc == 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

static int work(struct replay *r)
{
	switch (r->mode) {
	case MODE_VERIFY:
		return verify(r);
	case MODE_WHY:
		return replay_why(&r->source, r->when, r->quiet, r->out);
	case MODE_CANDUMP:
		return table(r, &replay_candump);
	case MODE_CSV:
		return table(r, &replay_csv);
	case MODE_TRACE:
		return text_trace(r);
	case MODE_SVG:
		return svg(r);
	case MODE_PRINT:
	case MODE_LIST:
	default:
		break;
	}
	if (r->expect != NULL) {
		return run_and_compare(r);
	}
	r->print.f = r->out;
	return run(r, &replay_print_view, &r->print) == 0 ? EXIT_SUCCESS : EXIT_USAGE;
}

static void usage(FILE *f)
{
	fprintf(f,
		"usage: jkpylon-replay [--requests] [--cold] [--expect FILE] FILE|-\n"
		"       jkpylon-replay --verify FILE\n"
		"       jkpylon-replay --why TIME [FILE]\n"
		"       jkpylon-replay --candump | --csv [--every MS] | --svg OUT | --trace FILE\n"
		"       jkpylon-replay --list [FOLDER]\n"
		"       jkpylon-replay --help | --version\n"
		"FILE: a ring or an incident of the recorder, or a text trace. Without one --why "
		"asks\n" REPLAY_RING ". TIME: hh:mm, hh:mm:ss, or seconds since the start.\n"
		"Exit status: 0 done or equal, 1 wrong command line or file, 2 a file cannot be "
		"read or\nthe output not be written, 3 the output differs from --expect or from "
		"what was recorded.\n");
}

static bool parse_every(const char *text, int32_t *ret_ms)
{
	char *end = NULL;
	const long long v = strtoll(text, &end, 10);

	if (end == text || *end != '\0' || v < 1 || v > EVERY_MAX) {
		fprintf(stderr, "jkpylon-replay: --every: expected milliseconds, 1 to %d\n",
			EVERY_MAX);
		return false;
	}
	*ret_ms = (int32_t)v;
	return true;
}

/* Return: -1 go on, else exit status. */
static int take_option(struct replay *r, int c)
{
	switch (c) {
	case 'e':
		r->expect = optarg;
		return -1;
	case 'r':
		r->print.requests = true;
		return -1;
	case 'o':
		r->cold = true;
		return -1;
	case 'v':
		r->mode = MODE_VERIFY;
		return -1;
	case 'w':
		r->mode = MODE_WHY;
		r->when = optarg;
		return -1;
	case 'd':
		r->mode = MODE_CANDUMP;
		return -1;
	case 'c':
		r->mode = MODE_CSV;
		return -1;
	case 's':
		r->mode = MODE_SVG;
		r->svg = optarg;
		return -1;
	case 't':
		r->mode = MODE_TRACE;
		return -1;
	case 'l':
		r->mode = MODE_LIST;
		return -1;
	case 'y':
		return parse_every(optarg, &r->every_ms) ? -1 : EXIT_USAGE;
	case 'h':
		usage(stdout);
		return EXIT_SUCCESS;
	case 'V':
		printf("jkpylon-replay %s\n", JKP_VERSION);
		return EXIT_SUCCESS;
	default:
		usage(stderr);
		return EXIT_USAGE;
	}
}

/* Return: the file, NULL: wrong command line. */
static const char *file_of(const struct replay *r, int argc, char **argv)
{
	if (argc - optind == 1) {
		return argv[optind];
	}
	if (argc == optind && (r->mode == MODE_WHY || r->mode == MODE_LIST)) {
		return r->mode == MODE_WHY ? REPLAY_RING : REPLAY_INCIDENTS;
	}
	usage(stderr);
	return NULL;
}

static int run_file(struct replay *r, const char *path)
{
	/* The inputs alone need no state. */
	const bool inputs = r->mode == MODE_TRACE || r->mode == MODE_CANDUMP;
	const int rc = source_open(&r->source, path, r->cold || inputs);
	int status = rc == -EINVAL || rc == -EPROTO ? EXIT_USAGE : EXIT_FILE;

	r->out = stdout;
	if (rc == 0) {
		status = work(r);
	}
	if (r->source.error[0] != '\0') {
		fprintf(stderr, "jkpylon-replay: %s\n", r->source.error);
	} else if (r->ran && r->mode == MODE_PRINT) {
		summary(r);
	}
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		fprintf(stderr, "jkpylon-replay: cannot write the output: %s\n", strerror(errno));
		status = EXIT_FILE;
	}
	source_close(&r->source);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"expect", required_argument, NULL, 'e'}, {"requests", no_argument, NULL, 'r'},
		{"cold", no_argument, NULL, 'o'},	  {"verify", no_argument, NULL, 'v'},
		{"why", required_argument, NULL, 'w'},	  {"candump", no_argument, NULL, 'd'},
		{"csv", no_argument, NULL, 'c'},	  {"every", required_argument, NULL, 'y'},
		{"svg", required_argument, NULL, 's'},	  {"trace", no_argument, NULL, 't'},
		{"list", no_argument, NULL, 'l'},	  {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},	  {NULL, 0, NULL, 0},
	};
	static struct replay r = {.every_ms = EVERY_MS};
	int c = 0;

	while ((c = getopt_long(argc, argv, "e:rhV", long_options, NULL)) != -1) {
		const int status = take_option(&r, c);

		if (status >= 0) {
			return status;
		}
	}
	const char *path = file_of(&r, argc, argv);

	if (path == NULL) {
		return EXIT_USAGE;
	}
	if (r.mode == MODE_LIST) {
		return replay_list(path, stdout);
	}
	/* Nobody has named a file: what the ring does not reach back to, the one before may have. */
	if (r.mode == MODE_WHY && argc == optind && access(REPLAY_OLD, R_OK) == 0) {
		r.quiet = true;
		const int status = run_file(&r, path);

		if (status != REPLAY_BEFORE) {
			return status;
		}
		r.quiet = false;
		path = REPLAY_OLD;
	}
	return run_file(&r, path);
}
