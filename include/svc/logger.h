/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logger: takes events from rings, limits their rate, makes them text. Two parts: the rate
 * limit (pure, given the time) and the thread around it. Each producer has a ring of its own.
 */
#ifndef JKP_SVC_LOGGER_H
#define JKP_SVC_LOGGER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/event.h"
#include "base/ring.h"

#define LOGGER_BURST	512U /* events per wake-up */
#define LOGGER_LINE_MAX 400U
#define LOGGER_RINGS	8U
/* Each id may speak LOGGER_TOKENS times in a row and once per LOGGER_REFILL_NS after that. */
#define LOGGER_TOKENS	 5U
#define LOGGER_REFILL_NS INT64_C(60000000000)

/**
 * struct logger_line - rate limit of one event id
 * @said_ns: when it was last printed; meaningless while @said is false
 * @refill_ns: when the next token is due
 * @suppressed: events not printed since then
 * @last: newest suppressed one
 */
struct logger_line {
	bool said;
	uint8_t tokens;
	uint32_t suppressed;
	int64_t said_ns;
	int64_t refill_ns;
	struct event last;
};

/* Where lines go: @level 3..7, @text without newline. Must not block. */
typedef void logger_sink(int level, const char *text, void *context);

/**
 * struct logger - rate limits and thread
 * @ring: sources of struct event, @rings of them; the logger is their only consumer
 * @sink: where to
 * @level: least urgent level that is printed
 */
struct logger {
	struct ring *ring[LOGGER_RINGS];
	_Atomic uint32_t rings;
	logger_sink *sink;
	void *context;
	int level;
	bool running;
	_Atomic uint32_t quit;
	pthread_t thread;
	uint32_t ring_lost;
	struct logger_line line[EVENTS];
};

/**
 * logger_init - prepare, without a thread
 */
void logger_init(struct logger *l, struct ring *ring, int level, logger_sink *sink, void *context);

/**
 * logger_add - take events from one more ring
 * @ring: ring of struct event of another producer; outlives logger_stop()
 *
 * Return: 0, or -ENOSPC if LOGGER_RINGS are in use.
 * Context: the thread that called logger_init(), before or after logger_start().
 */
int logger_add(struct logger *l, struct ring *ring);

/**
 * logger_event - one event: print it or suppress it
 * @now_ns: CLOCK_MONOTONIC
 *
 * An event is printed when the interval of its id (event_interval_s()) has passed and a token is
 * left. "(N similar suppressed)" follows on the next line of that id.
 * Context: the logger thread or a test.
 */
void logger_event(struct logger *l, const struct event *e, int64_t now_ns);

/**
 * logger_flush - print the newest suppressed event of every id that may speak again
 * @all: do not wait for it: the end is near
 */
void logger_flush(struct logger *l, int64_t now_ns, bool all);

/**
 * logger_drain - pop at most LOGGER_BURST events of each ring and handle them; report lost ones
 *
 * Return: number popped.
 */
uint32_t logger_drain(struct logger *l, int64_t now_ns);

/**
 * logger_start - start the thread: SCHED_OTHER, small stack, signals blocked
 *
 * Return: 0 or -errno.
 * Context: init, before anything is realtime.
 */
int logger_start(struct logger *l);

/**
 * logger_stop - drain once more, flush, join; nothing if it does not run
 */
void logger_stop(struct logger *l);

#endif
