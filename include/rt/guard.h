/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: the process a user starts (jkpylond). It starts jkpylon-worker, watches it on a clock
 * of its own, and holds what may pull the plug: relay, hardware watchdog, the record of what is
 * latched. One thread, no network, no parser of outside bytes. Decisions: core/guardpol.h.
 */
#ifndef JKP_RT_GUARD_H
#define JKP_RT_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/time.h"
#include "core/guardpol.h"
#include "rt/shared.h"

#define GUARD_PERIOD_NS	   (20 * NS_PER_MS)
#define GUARD_PHASE_NS	   (700 * NS_PER_US) /* off the whole ms, and off the cycle's 300 us */
#define GUARD_PRIORITY_ADD 10		     /* above the worker's cycle */
#define GUARD_PRIORITY_MAX 98
#define GUARD_FD_FLOOR	   10 /* own descriptors stay clear of those given to the worker */

/* Exit codes of both programs. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_CONFIG = 1,   /* configuration, or wrong use */
	EXIT_DEVICE = 2,   /* device or permission at start */
	EXIT_TRIPPED = 3,  /* stopped while tripped or latched, or because the guard is gone */
	EXIT_INTERNAL = 4, /* internal fault */
};

/**
 * guard_worker_path - find jkpylon-worker
 * @ret_path: receives the path, PATH_MAX bytes
 *
 * JKPYLON_WORKER in the environment (ignored when the program runs with raised privileges), beside
 * the running program, in ../libexec/jkpylon.
 *
 * Return: 0, or -ENOENT.
 * Context: init.
 */
int guard_worker_path(char *ret_path);

/**
 * guard_spawn - start the worker
 * @page_fd, @pidfd: become SHARED_WORKER_PAGE_FD and SHARED_WORKER_PIDFD_FD in the worker, which
 *	inherits nothing else beside stdin, stdout and stderr, and the signals that are blocked; both
 *	above these numbers
 * @ret_worker: its process id; untouched on failure
 *
 * By fork() and not by posix_spawn(): that one returns only when the new process, which has no
 * priority, has loaded its program, perhaps from a disk. A program that cannot be loaded is seen as a
 * worker that ends with EXIT_DEVICE; it has said why.
 *
 * Return: 0 or -errno.
 * Context: guard.
 */
int guard_spawn(const char *worker, const char *config_path, int page_fd, int pidfd,
		pid_t *ret_worker);

/**
 * guard_run - start the worker and watch over it until a signal ends both
 * @worker: path of the worker
 * @config_path: configuration file, handed on
 *
 * A worker that fails is replaced. If the first one refuses to start, the guard ends with its code.
 *
 * Return: exit code of the process.
 * Context: main of jkpylond, once.
 */
int guard_run(const char *worker, const char *config_path);

#endif
