/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of ordinary scheduling, with a stack of a known size: all memory of the process is locked. */
#ifndef JKP_SVC_THREAD_H
#define JKP_SVC_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct thread_spec - what to start
 * @stack: bytes, a multiple of the page size
 * @detached: nobody waits for its end
 */
struct thread_spec {
	void *(*run)(void *arg);
	void *arg;
	size_t stack;
	bool detached;
};

/**
 * thread_start - start it: SCHED_OTHER, whatever the caller is
 * @ret_thread: of no use if it is detached; untouched on failure
 *
 * Return: 0 or -errno.
 * Context: any thread. Does not wait.
 */
int thread_start(const struct thread_spec *spec, pthread_t *ret_thread);

#endif
