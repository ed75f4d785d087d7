/* SPDX-License-Identifier: Apache-2.0 */
/* The logger: rate limit for each event id, text, thread. */
#include "svc/logger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "core/telemetry.h"
#include "thread.h"

#define LOGGER_PERIOD_NS (100 * NS_PER_MS)
#define LOGGER_STACK	 ((size_t)128 * 1024)

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void logger_init(struct logger *l, struct ring *ring, int level, logger_sink *sink, void *context)
{
	memset(l, 0, sizeof(*l));
	l->ring[0] = ring;
	atomic_init(&l->rings, 1U);
	l->sink = sink;
	l->context = context;
	l->level = level;
	atomic_init(&l->quit, 0U);
	for (size_t i = 0; i < EVENTS; i++) {
		l->line[i].tokens = LOGGER_TOKENS;
	}
}

int logger_add(struct logger *l, struct ring *ring)
{
	const uint32_t n = atomic_load_explicit(&l->rings, memory_order_relaxed);

	if (n >= LOGGER_RINGS) {
		return -ENOSPC;
	}
	l->ring[n] = ring;
	atomic_store_explicit(&l->rings, n + 1U, memory_order_release);
	return 0;
}

static void print(struct logger *l, struct logger_line *line, const struct event *e, int64_t now_ns)
{
	char text[LOGGER_LINE_MAX];
	const size_t len = event_format(e, core_event_name, text, sizeof(text));

	if (line->suppressed > 0U && len < sizeof(text)) {
		snprintf(text + len, sizeof(text) - len, " (%u similar suppressed)",
			 line->suppressed);
	}
	if (line->tokens == LOGGER_TOKENS) {
		line->refill_ns = now_ns + LOGGER_REFILL_NS;
	}
	line->tokens--;
	line->suppressed = 0U;
	line->said = true;
	line->said_ns = now_ns;
	l->sink((int)event_level(e->id), text, l->context);
}

static bool may_speak(struct logger_line *line, uint32_t id, int64_t now_ns)
{
	/* At most LOGGER_TOKENS rounds: more time than that fills them all. */
	while (line->tokens < LOGGER_TOKENS && now_ns >= line->refill_ns) {
		line->tokens++;
		line->refill_ns += LOGGER_REFILL_NS;
	}
	return line->tokens > 0U &&
	       (!line->said || now_ns - line->said_ns >= event_interval_s(id) * NS_PER_S);
}

void logger_event(struct logger *l, const struct event *e, int64_t now_ns)
{
	if (e->id == EVENT_NONE || e->id >= EVENTS || (int)event_level(e->id) > l->level) {
		return;
	}
	struct logger_line *line = &l->line[e->id];

	if (may_speak(line, e->id, now_ns)) {
		print(l, line, e, now_ns);
		return;
	}
	line->last = *e;
	line->suppressed++;
}

void logger_flush(struct logger *l, int64_t now_ns, bool all)
{
	for (uint32_t id = 0; id < EVENTS; id++) {
		struct logger_line *line = &l->line[id];

		if (line->suppressed == 0U || (!may_speak(line, id, now_ns) && !all)) {
			continue;
		}
		if (line->tokens == 0U) {
			line->tokens = 1U;
		}
		line->suppressed--; /* the newest one is not suppressed any more */
		print(l, line, &line->last, now_ns);
	}
}

uint32_t logger_drain(struct logger *l, int64_t now_ns)
{
	const uint32_t rings = atomic_load_explicit(&l->rings, memory_order_acquire);
	struct event e;
	uint32_t n = 0U;
	uint32_t dropped = 0U;

	for (uint32_t i = 0; i < rings; i++) {
		uint32_t burst = 0U;

		while (burst < LOGGER_BURST && ring_pop(l->ring[i], &e)) {
			logger_event(l, &e, now_ns);
			burst++;
		}
		n += burst;
		dropped += ring_dropped(l->ring[i]);
	}
	const uint32_t lost = dropped - l->ring_lost;

	if (lost != 0U) {
		const struct event gap = {
			.t_ns = now_ns,
			.id = EVENT_EVENTS_LOST,
			.arg = {lost > INT32_MAX ? INT32_MAX : (int32_t)lost},
		};

		l->ring_lost += lost;
		logger_event(l, &gap, now_ns);
	}
	return n;
}

static void *logger_run(void *arg)
{
	struct logger *l = arg;
	const struct timespec period = {.tv_nsec = (long)LOGGER_PERIOD_NS};

	while (atomic_load_explicit(&l->quit, memory_order_relaxed) == 0U) {
		const int64_t now_ns = now();

		(void)logger_drain(l, now_ns);
		logger_flush(l, now_ns, false);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
	}
	while (logger_drain(l, now()) > 0U) {
		/* producers have ended: the ring only gets emptier */
	}
	logger_flush(l, now(), true);
	return NULL;
}

int logger_start(struct logger *l)
{
	const struct thread_spec spec = {.run = logger_run, .arg = l, .stack = LOGGER_STACK};
	const int r = thread_start(&spec, &l->thread);

	if (r != 0) {
		return r;
	}
	(void)pthread_setname_np(l->thread, "logger");
	l->running = true;
	return 0;
}

void logger_stop(struct logger *l)
{
	if (!l->running) {
		return;
	}
	atomic_store_explicit(&l->quit, 1U, memory_order_relaxed);
	pthread_join(l->thread, NULL);
	l->running = false;
}
