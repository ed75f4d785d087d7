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

#include "base/time.h"
#include "core/cycle_state.h"
#include "replay_trace.h"
#include "sim_capture.h"

#define EXIT_USAGE   1
#define EXIT_FILE    2
#define EXIT_DIFFERS 3
#define EVENT_TEXT   512
#define LINE_SHOWN   160

/**
 * struct shown - what was printed last, to print changes only
 * @first: nothing yet
 */
struct shown {
	bool first;
	uint32_t step;
	uint32_t reason;
	int32_t limit_ma[DIRS];
	uint32_t limited_by[DIRS];
	bool permit;
	uint32_t permit_reason;
	bool stopped;
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
 * @requests: print the requests to the BMS too
 * @ran: the trace was read to its end
 */
struct replay {
	struct replay_trace trace;
	struct cycle cycle;
	struct cycle_in in;
	struct cycle_out effects;
	struct shown shown;
	struct counts count;
	FILE *out;
	bool requests;
	bool ran;
};

static void print_time(const struct replay *r)
{
	const int64_t us = (r->in.now_ns - r->trace.now_ns) / NS_PER_US;

	fprintf(r->out, "%" PRId64 ".%06" PRId64 " ", us / 1000000, us % 1000000);
}

static void print_frames(const struct replay *r)
{
	for (unsigned int i = 0; i < r->effects.can_tx_len; i++) {
		const struct can_msg *m = &r->effects.can_tx[i];

		print_time(r);
		fprintf(r->out, "%03X#", m->id);
		for (unsigned int b = 0; b < m->len; b++) {
			fprintf(r->out, "%02X", m->data[b]);
		}
		fputc('\n', r->out);
	}
}

static void print_events(const struct replay *r)
{
	char text[EVENT_TEXT];

	for (unsigned int i = 0; i < r->effects.event_len; i++) {
		const struct event *e = &r->effects.event[i];

		(void)event_format(e, core_event_name, text, sizeof(text));
		print_time(r);
		fprintf(r->out, "event %s: %s\n", event_key(e->id), text);
	}
}

static void print_state(struct replay *r)
{
	const struct telemetry *t = cycle_telemetry(&r->cycle);
	struct shown *s = &r->shown;

	if (s->first || s->step != t->step || s->reason != t->reason) {
		print_time(r);
		fprintf(r->out, "step %s, reason %s\n", step_name((int32_t)t->step),
			reason_name((int32_t)t->reason));
		s->step = t->step;
		s->reason = t->reason;
	}
	for (int d = 0; d < DIRS; d++) {
		if (s->first || s->limit_ma[d] != t->limit_ma[d] ||
		    s->limited_by[d] != t->limited_by[d]) {
			print_time(r);
			fprintf(r->out, "%s limit %" PRId32 " mA by %s\n", dir_name(d),
				t->limit_ma[d], rule_name(t->limited_by[d]));
			s->limit_ma[d] = t->limit_ma[d];
			s->limited_by[d] = t->limited_by[d];
		}
	}
	if (s->first || s->permit != r->effects.permit ||
	    s->permit_reason != r->effects.permit_reason) {
		print_time(r);
		fprintf(r->out, "permit %s, reason %s\n", r->effects.permit ? "yes" : "no",
			reason_name((int32_t)r->effects.permit_reason));
		s->permit = r->effects.permit;
		s->permit_reason = r->effects.permit_reason;
	}
	if (s->stopped != r->effects.stopped) {
		print_time(r);
		fprintf(r->out, "stopped\n");
		s->stopped = r->effects.stopped;
	}
	s->first = false;
}

static void one_step(struct replay *r)
{
	cycle_step(&r->cycle, &r->in, &r->effects);
	r->count.steps++;
	r->count.frames += r->effects.can_tx_len;
	r->count.events += r->effects.event_len;
	print_events(r);
	print_state(r);
	if (r->requests && r->effects.bms_tx_len > 0) {
		print_time(r);
		fprintf(r->out, "request\n");
	}
	if (r->effects.can_flush) {
		print_time(r);
		fprintf(r->out, "flush\n");
	}
	print_frames(r);
}

static int run(struct replay *r)
{
	struct replay_trace *t = &r->trace;
	enum replay_kind kind = REPLAY_STEP;
	int64_t last_ns = t->now_ns;

	r->shown.first = true;
	cycle_init(&r->cycle, &t->config.core, t->now_ns, t->boot_ns,
		   t->has_held ? &t->held : NULL);
	while (kind != REPLAY_END) {
		if (replay_trace_next(t, &r->in, &kind) != 0) {
			return -EINVAL;
		}
		if (kind == REPLAY_LOST) {
			r->count.lost += t->lost;
			fprintf(r->out, "lost %" PRIu32 " steps\n", t->lost);
		} else if (kind == REPLAY_STEP) {
			if (r->in.now_ns < last_ns) {
				snprintf(t->error, sizeof(t->error), "%s:%lu: time goes back",
					 t->path, t->line_no);
				return -EINVAL;
			}
			last_ns = r->in.now_ns;
			one_step(r);
		}
	}
	fprintf(r->out, "end\n");
	r->ran = true;
	return 0;
}

static void summary(const struct replay *r)
{
	fprintf(stderr, "jkpylon-replay: %lu steps, %lu frames, %lu events\n", r->count.steps,
		r->count.frames, r->count.events);
	if (r->count.lost > 0) {
		fprintf(stderr,
			"jkpylon-replay: %lu steps are missing in the trace: what follows a gap "
			"is not exact\n",
			r->count.lost);
	}
	if (!r->trace.complete) {
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

static int run_and_compare(struct replay *r, const char *expect)
{
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
	const int rc = run(r);
	int status = EXIT_USAGE;

	fclose(r->out);
	if (rc == 0) {
		status = compare(expect, want, want_len, got, got_len);
	}
	free(want);
	free(got);
	return status;
}

static void usage(FILE *f)
{
	fprintf(f,
		"usage: jkpylon-replay [--requests] [--expect FILE] TRACE|-\n"
		"Exit status: 0 done or equal, 1 wrong command line or trace, 2 a file cannot be "
		"read or\nthe output not be written, 3 the output differs from --expect.\n");
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"expect", required_argument, NULL, 'e'},
		{"requests", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	static struct replay r;
	const char *expect = NULL;
	int c = 0;

	while ((c = getopt_long(argc, argv, "e:rhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'e':
			expect = optarg;
			break;
		case 'r':
			r.requests = true;
			break;
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
	if (argc - optind != 1) {
		usage(stderr);
		return EXIT_USAGE;
	}
	const int rc = replay_trace_open(&r.trace, argv[optind]);
	int status = rc == -EINVAL ? EXIT_USAGE : EXIT_FILE;

	if (rc == 0) {
		r.out = stdout;
		status = expect ? run_and_compare(&r, expect) : (run(&r) == 0 ? 0 : EXIT_USAGE);
	}
	if (r.trace.error[0] != '\0') {
		fprintf(stderr, "jkpylon-replay: %s\n", r.trace.error);
	} else if (r.ran) {
		summary(&r);
	}
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		fprintf(stderr, "jkpylon-replay: cannot write the output: %s\n", strerror(errno));
		status = EXIT_FILE;
	}
	replay_trace_close(&r.trace);
	return status;
}
