/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service: one thread of ordinary scheduling that keeps something outside open, with a growing
 * pause between attempts, and publishes the newest value it has. It can delay nothing and raise
 * nothing (SAF-13): it shares with the cycle one snapshot, which is read without waiting, and one
 * ring, of which the surplus is lost and counted. What is specific is in a table of functions.
 */
#ifndef JKP_SVC_SERVICE_H
#define JKP_SVC_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/event.h"
#include "base/ring.h"
#include "base/snapshot.h"

#define SERVICE_EVENTS	    64U
#define SERVICE_NAME_MAX    16U	  /* of a thread, the end included */
#define SERVICE_STOP_MAX_MS 1000  /* service_stop() waits no longer */
#define SERVICE_REST_MS	    200	  /* between two calls of @rest */
#define SERVICE_SILENT_MS   30000 /* a thread that has not moved for so long hangs (FLT-33) */

/**
 * enum service_state - what the thread is about
 * @SERVICE_OFF: not started, or ended
 * @SERVICE_CLOSED: between two attempts to open
 * @SERVICE_OPEN: open; nothing good has come since
 * @SERVICE_GOOD: open and good
 */
enum service_state {
	SERVICE_OFF,
	SERVICE_CLOSED,
	SERVICE_OPEN,
	SERVICE_GOOD,
	SERVICE_STATES
};

const char *service_state_name(int32_t state);

/**
 * struct service_health - what is published about the thread
 * @moved_ns: CLOCK_MONOTONIC of its newest movement, TIME_NEVER before the first
 * @good_ns: of the newest service_good(), TIME_NEVER before the first
 * @state: enum service_state
 * @error: errno of the newest failure, 0 = none yet
 * @opens, @goods, @failures: since start, modulo 2^32
 * @lost: events that found the ring full
 */
struct service_health {
	int64_t moved_ns;
	int64_t good_ns;
	uint32_t state;
	int32_t error;
	uint32_t opens;
	uint32_t goods;
	uint32_t failures;
	uint32_t lost;
};

/**
 * service_hangs - whether its thread has not moved for SERVICE_SILENT_MS
 * @h: what it published
 * @now_ns: CLOCK_MONOTONIC
 *
 * A thread that waits moves several times a second.
 * Context: any. Pure.
 */
bool service_hangs(const struct service_health *h, int64_t now_ns);

struct service;

/**
 * struct service_ops - what one kind of service does; all run in its thread
 * @name: of the thread, at most SERVICE_NAME_MAX - 1 bytes
 * @open: try once; 0 or -errno. Cleans up after itself when it fails
 * @step: one bounded piece of work; waits by service_wait() and nowhere else. 0 to be called again
 *        at once; -errno ends in @close and a pause
 * @close: undo @open
 * @rest: NULL, or what goes on during a pause: called every SERVICE_REST_MS; short, waits for nothing
 * @fini: NULL, or last act of the thread
 *
 * @open and @step take at most SERVICE_STOP_MAX_MS - 100 after service_stopping() has become true;
 * what they return then is no failure. They log nothing: service_say().
 */
struct service_ops {
	const char *name;
	int (*open)(struct service *s, void *self);
	int (*step)(struct service *s, void *self);
	void (*close)(struct service *s, void *self);
	void (*rest)(struct service *s, void *self);
	void (*fini)(struct service *s, void *self);
};

/**
 * struct service_config - settings; @ops and @self outlive the service
 * @pause_min_ms: after the first failure, > 0; doubled by each, at random up to a quarter longer
 * @pause_max_ms: >= @pause_min_ms; no pause is longer but for service_defer()
 * @stack_bytes: 0 = 128 KiB
 * @nice: of the thread, 0..19
 */
struct service_config {
	const struct service_ops *ops;
	void *self;
	int32_t pause_min_ms;
	int32_t pause_max_ms;
	uint32_t stack_bytes;
	int32_t nice;
};

/**
 * struct service - one service; zeroed static storage
 * @events: ring of struct event; the service's thread is its only producer. For the logger.
 * @health: snapshot of struct service_health. For whoever wants to show it.
 *
 * The rest is the service's own.
 */
struct service {
	struct ring events;
	struct event event_storage[SERVICE_EVENTS];
	SNAPSHOT_OF(struct service_health) health;
	/* ---- */
	struct service_config config;
	struct service_health now;
	pthread_t thread;
	bool running;
	bool abandoned;
	bool opened;
	_Atomic uint32_t held;
	int stop_fd;
	int end_fd;
	int32_t pause_ms;
	uint32_t random;
	int64_t due_ns;
	int64_t defer_ns;
	int64_t asked_ns;
};

/**
 * service_start - start the thread: SCHED_OTHER, explicit stack
 * @s: zeroed, but for service_hold()
 * @config: copied
 *
 * Return: 0; -EINVAL; -EBUSY it runs; another -errno.
 * Context: init, signals blocked, before anything is realtime.
 */
int service_start(struct service *s, const struct service_config *config);

/**
 * service_hold - before service_start(): the thread opens nothing until service_release()
 *
 * For a start in which threads come first and what they meet comes last.
 * Context: init.
 */
void service_hold(struct service *s);

/* It may begin, within 10 ms. Nothing if it was not held. Context: init. */
void service_release(struct service *s);

/**
 * service_ask_to_end - begin what service_stop() waits for; nothing if it does not run
 *
 * So that several services end at the same time: the time of service_stop() runs from here.
 * Context: fini. Does not wait.
 */
void service_ask_to_end(struct service *s);

/**
 * service_stop - end the thread and wait for it; nothing if it does not run
 *
 * @events and @health stay readable.
 * Return: 0; -ETIMEDOUT: it hangs and is left behind (FLT-33): what it uses must live as long as
 * the process, and it cannot be started again.
 * Context: fini. Bound: SERVICE_STOP_MAX_MS.
 */
int service_stop(struct service *s);

/**
 * service_stop_within - the same with a bound of its own
 * @max_ms: 0..SERVICE_STOP_MAX_MS, from service_ask_to_end() on if that came before
 *
 * For an end that has less time: the thread need not hang to be left behind, so the process ends soon.
 */
int service_stop_within(struct service *s, int32_t max_ms);

/* The rest is called by the ops, in the service's thread. */

/* CLOCK_MONOTONIC. */
int64_t service_now(void);

/* Whether service_stop() waits. */
bool service_stopping(const struct service *s);

/* Readable once service_stopping(); for libraries that wait by themselves. */
int service_stop_fd(const struct service *s);

/**
 * service_wait - wait for a descriptor, the time or the end
 * @fd: -1 = none
 * @events: of poll()
 * @ms: >= 0; longer waits are cut to 10 s, so that the thread is seen to move
 *
 * Return: what poll() says of @fd, 0 = the time has passed; -ECANCELED: the service is stopping.
 */
int service_wait(struct service *s, int fd, short events, int32_t ms);

/* Something good came: the pause begins at its minimum again. */
void service_good(struct service *s);

/**
 * service_failed - something failed that needs no closing
 * @error: -errno
 *
 * For what stays open between two attempts: counts as a failure, and makes the next pause longer.
 * Return: the pause, ms, for the caller to keep.
 */
int32_t service_failed(struct service *s, int error);

/**
 * service_defer - the next pause ends no earlier than so long from now, once
 *
 * For peers that say when they want to be asked again.
 */
void service_defer(struct service *s, int32_t ms);

/**
 * service_is_short - whether an error says that descriptors have run out, not that the peer is wrong
 * @error: -errno
 *
 * Then EVENT_NO_DESCRIPTORS is what helps. Pure.
 */
bool service_is_short(int error);

/* Emit an event; a full ring counts it as lost. */
void service_say(struct service *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2,
		 int32_t a3);

#endif
