/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/guard_worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/remedy.h"
#include "base/units.h"
#include "rt/guard.h"
#include "rt/shared_log.h"

/* When the next one is due: at once, or after a pause that grows while they fail. */
static void plan_next(struct guard_worker *w, int64_t now_ns, bool expected)
{
	if (expected) {
		w->next_ns = now_ns;
		return;
	}
	if (w->pause_ns == 0 || now_ns - w->started_ns >= GUARD_WORKER_WELL_NS) {
		w->pause_ns = GUARD_WORKER_PAUSE_NS;
	} else {
		w->pause_ns = min_i64(2 * w->pause_ns, GUARD_WORKER_PAUSE_MAX_NS);
	}
	w->next_ns = now_ns + w->pause_ns;
}

int guard_worker_start(struct guard_worker *w, int64_t now_ns)
{
	int r = guard_spawn(w->path, w->config_path, w->page_fd, w->self_fd, &w->pid);

	w->started_ns = now_ns;
	w->killed = false;
	if (r != 0) {
		shared_log(LOG_ERR, "cannot start %s: %s: %s", w->path, strerror(-r),
			   remedy_of(-r));
		plan_next(w, now_ns, false);
		return r;
	}
	w->fd = pidfd_open(w->pid, 0);
	if (w->fd < 0) {
		r = -errno;
		shared_log(LOG_ERR, "cannot watch the worker (pidfd_open): %s: %s", strerror(-r),
			   remedy_of(-r));
		kill(w->pid, SIGKILL);
		(void)waitpid(w->pid, NULL, 0);
		plan_next(w, now_ns, false);
		return r;
	}
	return 0;
}

void guard_worker_signal(const struct guard_worker *w, int signal_number)
{
	if (w->fd >= 0) {
		(void)pidfd_send_signal(w->fd, signal_number, NULL, 0);
	}
}

void guard_worker_kill(struct guard_worker *w)
{
	if (!w->killed) {
		w->killed = true;
		guard_worker_signal(w, SIGKILL);
	}
}

int guard_worker_reap(struct guard_worker *w, int64_t now_ns, bool expected, bool stopping)
{
	siginfo_t info;
	int code = EXIT_INTERNAL;

	info.si_pid = 0;
	if (w->fd < 0 || waitid(P_PIDFD, (id_t)w->fd, &info, WEXITED | WNOHANG) != 0 ||
	    info.si_pid == 0) {
		return GUARD_WORKER_ALIVE;
	}
	close(w->fd);
	w->fd = -1;
	w->crashed = info.si_code != CLD_EXITED;
	if (!w->crashed) {
		code = info.si_status <= EXIT_INTERNAL ? info.si_status : EXIT_INTERNAL;
	} else if (stopping && info.si_status == SIGTERM) {
		code = EXIT_OK;
	} else {
		shared_log(LOG_ERR, "worker ended by signal %d (%s)%s", info.si_status,
			   strsignal(info.si_status),
			   info.si_status == SIGXCPU ? ": its realtime thread ran without a pause"
						     : "");
	}
	plan_next(w, now_ns, expected && code == EXIT_OK);
	return code;
}
