/* SPDX-License-Identifier: Apache-2.0 */
/*
 * If the guard dies, nobody holds the relay any more, and what its line does then depends on the
 * chip. A thread of the worker, at the guard's priority, sleeps until that happens and opens the
 * relay (SAF-11).
 */
#ifndef JKP_RT_ORPHAN_H
#define JKP_RT_ORPHAN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct orphan - caller-owned, outlives the thread
 * @pidfd: of the guard
 * @quit_fd: made by orphan_start()
 * @relay, @precharge: as configured; texts outlive the thread
 */
struct orphan {
	int pidfd;
	int quit_fd;
	const char *relay;
	const char *precharge;
	pthread_t thread;
	bool running;
};

/**
 * orphan_start - begin to watch; @pidfd, @relay and @precharge are set
 * @priority: SCHED_FIFO, 0 = none; does without it if it is refused
 *
 * Return: 0 or -errno.
 * Context: init.
 */
int orphan_start(struct orphan *g, int32_t priority);

/**
 * orphan_stop - end the thread; waits while it is opening the relay (at most 0.5 s)
 */
void orphan_stop(struct orphan *g);

#endif
