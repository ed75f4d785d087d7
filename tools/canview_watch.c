/* SPDX-License-Identifier: Apache-2.0 */
/* From the bus to the lines or the table, until an end is reached. */
#include "canview.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"

#define REDRAW_MS	250
#define WAIT_MS		1000
#define BAD_LINES_SHOWN 10U
#define NS_PER_US	1000

#define TERM_CLEAR "\033[2J"

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int64_t now_us(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

/* A log has its own time: there -t means seconds of the log. */
static bool beyond_limit(const struct view *v, const struct canbus_frame *f)
{
	return v->opt.limit_us > 0 && v->timed && f->has_time &&
	       f->time_us - v->start_us > v->opt.limit_us;
}

/* Never for ever: a signal just before the wait would be seen with the next frame only. */
static int wait_ms(const struct view *v, int64_t begin_us)
{
	const int64_t ms = v->opt.live ? REDRAW_MS : WAIT_MS;
	const int64_t left = (v->opt.limit_us - (now_us() - begin_us) + US_PER_MS - 1) / US_PER_MS;

	return (int)(v->opt.limit_us > 0 ? min_i64(ms, max_i64(left, 0)) : ms);
}

static void complain(struct view *v, const struct canbus *bus)
{
	v->bad++;
	if (v->bad <= BAD_LINES_SHOWN) {
		(void)fprintf(stderr, "jkpylon-canview: %s\n", bus->why);
	} else if (v->bad == BAD_LINES_SHOWN + 1) {
		(void)fprintf(stderr, "jkpylon-canview: more such lines are not shown\n");
	}
}

/* Reads until an end is reached; 0 or the exit code of a bus that failed. */
static int watch(struct view *v, struct canbus *bus)
{
	const int64_t begin_us = now_us();
	int64_t drawn_us = begin_us - US_PER_S;
	struct canbus_frame f;

	while (stopped == 0 && (v->opt.count == 0 || v->frames < v->opt.count)) {
		const int wait = wait_ms(v, begin_us);
		const int err = canbus_read(bus, wait, &f);

		switch (-err) {
		case 0:
			if (bus->kind == CANBUS_LOG && beyond_limit(v, &f)) {
				return 0;
			}
			canview_count(v, &f);
			canview_print(v, &f);
			break;
		case EAGAIN:
		case EINTR:
			break;
		case EBADMSG:
		case ENETDOWN:
			complain(v, bus);
			break;
		case ENODATA:
			return 0;
		default:
			(void)fprintf(stderr, "jkpylon-canview: %s\n", bus->why);
			return EXIT_DEVICE;
		}
		if (v->opt.live && now_us() - drawn_us >= REDRAW_MS * US_PER_MS) {
			canview_redraw(v);
			drawn_us = now_us();
		}
		if (v->opt.limit_us > 0 && now_us() - begin_us >= v->opt.limit_us &&
		    (bus->kind != CANBUS_LOG || err == -EAGAIN)) {
			return 0;
		}
	}
	return 0;
}

static int judge(const struct view *v, const struct canbus *bus)
{
	if (v->frames == 0 && bus->kind == CANBUS_LOG) {
		(void)fprintf(stderr,
			      "jkpylon-canview: %s: no CAN frame in it; give a log that candump "
			      "wrote\n",
			      v->source);
		return EXIT_USAGE;
	}
	if (v->frames == 0 && stopped == 0) {
		(void)fprintf(stderr,
			      "jkpylon-canview: %s: no frame; does the daemon run, is the bit rate "
			      "500000, are CAN-H and CAN-L right and terminated?\n",
			      v->source);
		return EXIT_DEVICE;
	}
	return bus->kind == CANBUS_LOG && v->bad > 0 ? EXIT_USAGE : 0;
}

int canview_watch(struct view *v)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	static struct canbus bus;
	int code;

	/* With SA_RESTART no output is cut; the wait, a poll(2), ends on a signal all the same. */
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	if (canbus_open(&bus, v->source) != 0) {
		(void)fprintf(stderr, "jkpylon-canview: %s\n", bus.why);
		return EXIT_DEVICE;
	}
	v->source = bus.spec;
	if (v->opt.live) {
		(void)printf(TERM_CLEAR);
	} else {
		(void)setvbuf(stdout, NULL, _IOLBF, 0);
	}
	code = watch(v, &bus);
	if (v->opt.live) {
		canview_redraw(v);
	}
	if (v->opt.summary) {
		canview_print_summary(v);
	}
	if (code == 0) {
		code = judge(v, &bus);
	}
	canbus_close(&bus);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		(void)fprintf(stderr, "jkpylon-canview: cannot write the output: %s\n",
			      strerror(errno));
		code = EXIT_DEVICE;
	}
	return code;
}
