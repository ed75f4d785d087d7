/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: the process a user starts (jkpylond). It starts jkpylon-worker, watches it on a clock
 * of its own and ends with its exit code. One thread, no network, no parser of outside bytes.
 */
#ifndef JKP_RT_GUARD_H
#define JKP_RT_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/time.h"
#include "rt/shared.h"

#define GUARD_PERIOD_NS	   (20 * NS_PER_MS)
#define GUARD_PHASE_NS	   (700 * NS_PER_US) /* off the whole ms, and off the cycle's 300 us */
#define GUARD_PRIORITY_ADD 10		     /* above the worker's cycle */
#define GUARD_PRIORITY_MAX 98

/* Exit codes of both programs. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_CONFIG = 1,   /* configuration, or wrong use */
	EXIT_DEVICE = 2,   /* device or permission at start */
	EXIT_TRIPPED = 3,  /* stopped while tripped or latched, or because the guard is gone */
	EXIT_INTERNAL = 4, /* internal fault */
};

/* What changed in the worker's beat. */
enum guard_change {
	GUARD_SAME,
	GUARD_FIRST, /* first cycle */
	GUARD_LOST,  /* stands still for longer than allowed */
	GUARD_BACK,  /* moves again */
};

/**
 * struct guard_watch - judgement of the worker's beat
 * @seen: it has moved at least once
 * @lost: it stands still
 * @beat: newest value
 * @moved_ns: when it last moved
 */
struct guard_watch {
	bool seen;
	bool lost;
	uint32_t beat;
	int64_t moved_ns;
};

/**
 * guard_watch_step - look at the beat once
 * @w: zero-initialised for each new worker
 * @now_ns: CLOCK_MONOTONIC
 * @valid: beat and complement matched
 * @beat: the beat, if @valid
 * @limit_ns: longest time without a new value
 *
 * Before the first beat nothing is lost: the worker is starting.
 * Context: guard. Pure.
 */
enum guard_change guard_watch_step(struct guard_watch *w, int64_t now_ns, bool valid, uint32_t beat,
				   int64_t limit_ns);

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
 * guard_spawn - start the worker by posix_spawn(): no copy of this process is made
 * @page_fd, @pidfd: become SHARED_WORKER_PAGE_FD and SHARED_WORKER_PIDFD_FD in the worker, which
 *	inherits nothing else beside stdin, stdout and stderr; both above these numbers
 * @ret_worker: its process id; untouched on failure
 *
 * Return: 0 or -errno.
 * Context: guard.
 */
int guard_spawn(const char *worker, const char *config_path, int page_fd, int pidfd,
		pid_t *ret_worker);

/**
 * guard_run - start the worker and watch it until it ends
 * @worker: path of the worker
 * @config_path: configuration file, handed on
 *
 * Return: exit code of the process.
 * Context: main of jkpylond, once.
 */
int guard_run(const char *worker, const char *config_path);

#endif
