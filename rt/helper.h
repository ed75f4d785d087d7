/* SPDX-License-Identifier: Apache-2.0 */
/* Helper thread of a device: does everything that can sleep. */
#ifndef JKP_RT_HELPER_H
#define JKP_RT_HELPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define HELPER_NO_FD (-1)

/**
 * struct helper - the thread and the way to end it
 * @thread: valid while @stop_fd >= 0
 * @stop_fd: eventfd, readable once the thread is to end; -1 = not running
 */
struct helper {
	pthread_t thread;
	int stop_fd;
};

/**
 * helper_start - start the thread: small stack, signals blocked
 * @h: receives the thread
 * @name: at most 15 characters
 * @priority: SCHED_FIFO priority; 0, or refused: SCHED_OTHER. Whether realtime scheduling is
 *            required is judged where the cycle thread starts
 * @run: function of the thread; ends when helper_wait() says so
 * @arg: its argument
 *
 * Return: 0 or -errno (then @h->stop_fd is -1).
 * Context: init.
 */
int helper_start(struct helper *h, const char *name, int32_t priority, void *(*run)(void *),
		 void *arg);

/**
 * helper_wait - sleep until a descriptor is readable, the time is over, or the end has come
 * @h: the calling thread's own helper
 * @fd: descriptor to watch, or HELPER_NO_FD
 * @timeout_ms: longest sleep
 *
 * Return: false if the thread is to end.
 * Context: the helper thread.
 */
bool helper_wait(const struct helper *h, int fd, int32_t timeout_ms);

/**
 * helper_stop - end the thread and wait for it; harmless if it does not run
 *
 * Context: fini.
 */
void helper_stop(struct helper *h);

/**
 * helper_now_ns - CLOCK_MONOTONIC
 *
 * Context: any thread.
 */
int64_t helper_now_ns(void);

#endif
