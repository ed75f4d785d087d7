/* SPDX-License-Identifier: Apache-2.0 */
/* The thread: what is said, what is read, when to try again. */
#include "svc/solis.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "solis_line.h"

#define STACK	     ((size_t)128 * 1024)
#define TICK_MS	     200 /* small falls of a limit leave 200 ms apart */
#define NICE	     10
#define BACKOFF_STEP 2

_Static_assert(sizeof(struct solis_status) % 8U == 0U, "no padding travels in the snapshot");

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* A full ring counts what it refuses, and the logger tells. */
static void say(struct solis *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2, int32_t a3)
{
	const struct event e = {.t_ns = clock_now(), .id = (uint32_t)id, .arg = {a0, a1, a2, a3}};

	(void)ring_push(&s->events, &e);
}

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

static void later(struct solis *s, int32_t ms)
{
	s->due_ns = clock_now() + ms * NS_PER_MS;
}

static void back_off(struct solis *s)
{
	s->answering = false;
	later(s, s->backoff_ms);
	s->backoff_ms = min_i32(s->backoff_ms * BACKOFF_STEP, SOLIS_BACKOFF_MAX_MS);
}

static void open_line(struct solis *s, struct solis_line *line)
{
	const int r = solis_line_open(&s->config, line);

	if (r == 0) {
		s->now.count.opens++;
		say(s, EVENT_SOLIS_OPEN, 0, 0, 0, 0);
	} else if (r == -ENOTUNIQ) {
		say(s, EVENT_SOLIS_IS_BMS, 0, 0, 0, 0);
		back_off(s);
	} else {
		say(s, EVENT_SOLIS_NO_DEVICE, -r, 0, 0, 0);
		back_off(s);
	}
}

static void take_answer(struct solis *s, const uint16_t reg[ECHO_REGISTERS])
{
	s->now.count.answers++;
	echo_decode(reg, clock_now(), &s->now.reading);
	if (!s->answering) {
		s->answering = true;
		say(s, EVENT_SOLIS_ANSWERS, 0, 0, 0, 0);
	}
	s->backoff_ms = SOLIS_BACKOFF_MIN_MS;
	later(s, s->config.poll_ms);
}

static void read_line(struct solis *s, struct solis_line *line)
{
	struct solis_count *count = &s->now.count;
	uint16_t reg[ECHO_REGISTERS] = {0};
	int32_t exception = 0;

	switch (solis_line_read(line, reg, &exception)) {
	case SOLIS_READ:
		take_answer(s, reg);
		return;
	case SOLIS_SILENT:
		say(s, EVENT_SOLIS_SILENT, shown(++count->silent), 0, 0, 0);
		break;
	case SOLIS_DAMAGED:
		say(s, EVENT_SOLIS_DAMAGED, shown(++count->damaged), 0, 0, 0);
		break;
	case SOLIS_REFUSED:
		count->refused++;
		say(s, EVENT_SOLIS_REFUSED, exception, 0, 0, 0);
		break;
	case SOLIS_LOST:
	default:
		count->losses++;
		say(s, EVENT_SOLIS_LOST, 0, 0, 0, 0);
		solis_line_close(line);
		break;
	}
	back_off(s);
}

/* The writer was at work: what was said 200 ms ago is as good. */
static void look_at_bus(struct solis *s)
{
	if (s->config.telemetry != NULL &&
	    snapshot_try_read(s->config.telemetry, &s->scratch, sizeof(s->scratch))) {
		echo_said_of(&s->scratch, &s->said);
	}
}

static void compare(struct solis *s)
{
	struct echo_out out = {0};

	echo_step(&s->echo, clock_now(), &s->said, &s->now.reading, &out);
	for (uint32_t i = 0; i < out.event_len; i++) {
		(void)ring_push(&s->events, &out.event[i]);
	}
	s->now.verdict = out.verdict;
	s->now.differs = out.differs;
	snapshot_write(&s->status.head, &s->now, sizeof(s->now));
}

static bool stop_wanted(const struct solis *s)
{
	struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};

	return poll(&p, 1, TICK_MS) > 0;
}

static void *solis_run(void *arg)
{
	struct solis *s = arg;
	struct solis_line line = {.lock_fd = -1};

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	do {
		look_at_bus(s);
		if (clock_now() >= s->due_ns) {
			if (line.modbus == NULL) {
				open_line(s, &line);
			}
			if (line.modbus != NULL) {
				read_line(s, &line);
				look_at_bus(s);
			}
		}
		compare(s);
	} while (!stop_wanted(s));
	solis_line_close(&line);
	say(s, EVENT_SOLIS_TOTAL, shown(s->now.count.answers), shown(s->now.count.silent),
	    shown(s->now.count.damaged), shown(s->now.count.refused));
	return NULL;
}

static int start_thread(struct solis *s)
{
	const struct sched_param param = {.sched_priority = 0};
	pthread_attr_t attr;
	int error = pthread_attr_init(&attr);

	if (error != 0) {
		return -error;
	}
	error = pthread_attr_setstacksize(&attr, STACK);
	if (error == 0) {
		error = pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	}
	if (error == 0) {
		error = pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	}
	if (error == 0) {
		error = pthread_attr_setschedparam(&attr, &param);
	}
	if (error == 0) {
		error = pthread_create(&s->thread, &attr, solis_run, s);
	}
	pthread_attr_destroy(&attr);
	return -error;
}

static int32_t max_age_ms(const struct solis_config *c)
{
	const int64_t ms = (int64_t)c->poll_ms * SOLIS_STALE_POLLS + SOLIS_ANSWER_MS;

	return max_i32(sat_i32(ms), SOLIS_STALE_MIN_MS);
}

int solis_start(struct solis *s, const struct solis_config *config)
{
	const struct echo_config echo = {
		.window_ms = config->window_ms,
		.max_age_ms = max_age_ms(config),
	};
	int r = ring_init(&s->events, s->event_storage, SOLIS_EVENTS, sizeof(struct event));

	if (r != 0) {
		return r;
	}
	s->config = *config;
	s->backoff_ms = SOLIS_BACKOFF_MIN_MS;
	s->due_ns = clock_now();
	s->now.reading.t_ns = TIME_NEVER;
	echo_init(&s->echo, &echo);
	snapshot_init(&s->status.head, sizeof(struct solis_status));
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd < 0) {
		return -errno;
	}
	r = start_thread(s);
	if (r != 0) {
		(void)close(s->stop_fd);
		return r;
	}
	(void)pthread_setname_np(s->thread, "solis");
	s->running = true;
	return 0;
}

void solis_stop(struct solis *s)
{
	const uint64_t one = 1;

	if (!s->running) {
		return;
	}
	/* An eventfd of count 0 takes this; the thread sees it at its next wake-up. */
	(void)!write(s->stop_fd, &one, sizeof(one));
	pthread_join(s->thread, NULL);
	(void)close(s->stop_fd);
	s->running = false;
}
