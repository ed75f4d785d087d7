/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's worker process: started, watched, replaced. */
#ifndef JKP_RT_GUARD_WORKER_H
#define JKP_RT_GUARD_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rt/shared.h"

#define GUARD_WORKER_PAUSE_NS	  (100 * NS_PER_MS) /* before a failed worker is replaced */
#define GUARD_WORKER_PAUSE_MAX_NS (2 * NS_PER_S)    /* doubled each time, up to this */
#define GUARD_WORKER_WELL_NS	  (60 * NS_PER_S)   /* a run of this length: begin anew */
#define GUARD_WORKER_ALIVE	  (-1)

/**
 * struct guard_worker - caller-owned
 * @path, @config_path: what is started, and with what; outlive it
 * @fd: pidfd, -1 = none runs
 * @has_run: one of them came as far as its first cycle
 * @killed: the guard has killed it
 * @crashed: the last one was ended by a signal
 * @next_ns: when the next one is due, while none runs
 */
struct guard_worker {
	const char *path;
	const char *config_path;
	int page_fd;
	int self_fd;
	int fd;
	pid_t pid;
	bool has_run;
	bool killed;
	bool crashed;
	int64_t started_ns;
	int64_t next_ns;
	int64_t pause_ns;
};

/**
 * guard_worker_start - start one; the page must have been made ready by shared_restart()
 *
 * Return: 0 or -errno; has logged why. After a failure the next attempt is due after the pause.
 * Context: guard. Copies page tables, waits for nothing.
 */
int guard_worker_start(struct guard_worker *w, int64_t now_ns);

/**
 * guard_worker_signal - send a signal; nothing if none runs
 */
void guard_worker_signal(const struct guard_worker *w, int signal_number);

/**
 * guard_worker_kill - SIGKILL, once
 */
void guard_worker_kill(struct guard_worker *w);

/**
 * guard_worker_reap - see whether it has ended
 * @expected: its end is wanted, no pause before the next
 * @stopping: a SIGTERM that came before it could listen counts as a clean end
 *
 * Return: GUARD_WORKER_ALIVE, or its exit code (EXIT_INTERNAL after a signal). After that @fd is -1.
 * Context: guard. Never blocks.
 */
int guard_worker_reap(struct guard_worker *w, int64_t now_ns, bool expected, bool stopping);

#endif
