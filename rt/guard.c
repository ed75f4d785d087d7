/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard. One thread on its own clock: every period it moves its beat, looks at signals, at the
 * worker's end, at the worker's beat. Nothing here waits for anybody.
 */
#include "rt/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "rt/guard_notify.h"
#include "rt/shared_log.h"

#define FD_FLOOR    10		    /* own descriptors stay clear of those given to the worker */
#define START_LIMIT (15 * NS_PER_S) /* devices may take seconds to open */
#define STOP_LIMIT  (5 * NS_PER_S)  /* the worker needs at most 1 s for its last words */
#define SIGNALS_MAX 8		    /* per period */

/**
 * struct guard - state of the one guard
 * @stop_ns: when the stop was asked for, TIME_NEVER = not yet
 * @override: exit code that counts instead of the worker's, -1 = none
 */
struct guard {
	struct shared_page *page;
	int page_fd;
	int self_fd;
	int signal_fd;
	int worker_fd;
	pid_t worker;
	int64_t started_ns;
	int64_t stop_ns;
	int override;
	bool configured;
	struct shared_failsafe failsafe;
	struct guard_watch watch;
	struct guard_notify notify;
};

enum guard_change guard_watch_step(struct guard_watch *w, int64_t now_ns, bool valid, uint32_t beat,
				   int64_t limit_ns)
{
	const bool moved = valid && beat != w->beat;

	if (moved) {
		const bool first = !w->seen;
		const bool back = w->lost;

		w->seen = true;
		w->lost = false;
		w->beat = beat;
		w->moved_ns = now_ns;
		return first ? GUARD_FIRST : (back ? GUARD_BACK : GUARD_SAME);
	}
	if (w->seen && !w->lost && now_ns - w->moved_ns > limit_ns) {
		w->lost = true;
		return GUARD_LOST;
	}
	return GUARD_SAME;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int start_worker(struct guard *g, const char *worker, const char *config_path)
{
	int r = guard_spawn(worker, config_path, g->page_fd, g->self_fd, &g->worker);

	if (r != 0) {
		shared_log(LOG_ERR, "cannot start %s: %s", worker, strerror(-r));
		return r;
	}
	g->worker_fd = pidfd_open(g->worker, 0);
	if (g->worker_fd < 0) {
		r = -errno;
		shared_log(LOG_ERR, "cannot watch the worker (pidfd_open: %s): Linux 5.3 is needed",
			   strerror(errno));
		kill(g->worker, SIGKILL);
		(void)waitpid(g->worker, NULL, 0);
		return r;
	}
	g->started_ns = now();
	return 0;
}

/* A descriptor with close-on-exec and a number above those that the worker gets. */
static int raise_fd(int fd)
{
	const int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	const int error = errno;

	close(fd);
	errno = error;
	return high;
}

static int open_all(struct guard *g)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	g->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (g->signal_fd < 0) {
		return -errno;
	}
	g->page = shared_create(&g->page_fd);
	if (g->page == NULL) {
		return -errno;
	}
	g->page_fd = raise_fd(g->page_fd);
	g->self_fd = pidfd_open(getpid(), 0);
	if (g->self_fd >= 0) {
		g->self_fd = raise_fd(g->self_fd);
	}
	return g->page_fd >= 0 && g->self_fd >= 0 ? 0 : -errno;
}

static void ask_to_stop(struct guard *g, int64_t now_ns)
{
	if (g->stop_ns == TIME_NEVER) {
		g->stop_ns = now_ns;
		guard_notify_send(&g->notify, "STOPPING=1\nSTATUS=stopping");
	}
}

static void forward(const struct guard *g, int signal_number)
{
	(void)pidfd_send_signal(g->worker_fd, signal_number, NULL, 0);
}

static void look_at_signals(struct guard *g, int64_t now_ns)
{
	struct signalfd_siginfo info;

	for (int i = 0; i < SIGNALS_MAX; i++) {
		if (read(g->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
			return;
		}
		forward(g, (int)info.ssi_signo);
		if (info.ssi_signo != SIGHUP) {
			ask_to_stop(g, now_ns);
		}
	}
}

/* The guard must run before what it guards: above the priority of the worker's cycle. */
static void enter_realtime(struct guard *g, int64_t now_ns)
{
	const int wanted = g->failsafe.priority + GUARD_PRIORITY_ADD;
	const struct sched_param param = {
		.sched_priority = wanted < GUARD_PRIORITY_MAX ? wanted : GUARD_PRIORITY_MAX};
	const char *text = NULL;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
		text = "guard: cannot lock memory: raise RLIMIT_MEMLOCK (LimitMEMLOCK=infinity)";
	}
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) != 0) {
		text = "guard: realtime priority refused: it needs 10 more than rt.priority: raise "
		       "RLIMIT_RTPRIO (LimitRTPRIO=), or the control group's cpu.rt_runtime_us";
	}
	if (text == NULL) {
		return;
	}
	if (g->failsafe.required == 0U) {
		shared_log(LOG_WARNING, "%s; running without", text);
		return;
	}
	shared_log(LOG_ERR, "%s, or set rt.required=no", text);
	g->override = EXIT_DEVICE;
	forward(g, SIGTERM);
	ask_to_stop(g, now_ns);
}

static void look_at_settings(struct guard *g, int64_t now_ns)
{
	if (g->configured) {
		return;
	}
	const int r = shared_failsafe_read(g->page, &g->failsafe);

	if (r == -EAGAIN) {
		return;
	}
	g->configured = true;
	if (r != 0) {
		shared_log(LOG_ERR,
			   "failsafe settings from the worker are damaged: internal fault");
		g->override = EXIT_INTERNAL;
		forward(g, SIGTERM);
		ask_to_stop(g, now_ns);
		return;
	}
	if (g->failsafe.priority > 0) {
		enter_realtime(g, now_ns);
	}
}

static void look_at_beat(struct guard *g, int64_t now_ns)
{
	uint32_t beat = 0;
	const bool valid = shared_beat_read(g->page, &beat);

	if (!g->configured) {
		return;
	}
	switch (guard_watch_step(&g->watch, now_ns, valid, beat, g->failsafe.beat_ms * NS_PER_MS)) {
	case GUARD_FIRST:
		guard_notify_send(&g->notify, "READY=1\nSTATUS=running");
		break;
	case GUARD_LOST:
		if (g->stop_ns == TIME_NEVER) {
			shared_log(LOG_ERR, "worker stands still for more than %d ms",
				   g->failsafe.beat_ms);
			guard_notify_send(&g->notify, "STATUS=worker stands still");
		}
		break;
	case GUARD_BACK:
		shared_log(LOG_NOTICE, "worker runs again");
		guard_notify_send(&g->notify, "STATUS=running");
		break;
	case GUARD_SAME:
	default:
		break;
	}
}

static void look_at_limits(struct guard *g, int64_t now_ns)
{
	const bool hung = g->stop_ns != TIME_NEVER && now_ns - g->stop_ns > STOP_LIMIT;
	const bool stuck = !g->watch.seen && g->stop_ns == TIME_NEVER &&
			   now_ns - g->started_ns > START_LIMIT;

	if ((hung || stuck) && g->override != EXIT_INTERNAL) {
		shared_log(LOG_ERR, "worker does not %s within %d s: killed",
			   hung ? "stop" : "start",
			   (int)((hung ? STOP_LIMIT : START_LIMIT) / NS_PER_S));
		g->override = EXIT_INTERNAL;
		forward(g, SIGKILL);
	}
}

/* Return: exit code once the worker has ended, -1 while it lives. */
static int look_at_worker(struct guard *g)
{
	siginfo_t info;

	info.si_pid = 0;
	if (waitid(P_PIDFD, (id_t)g->worker_fd, &info, WEXITED | WNOHANG) != 0 ||
	    info.si_pid == 0) {
		return -1;
	}
	if (g->override >= 0) {
		return g->override;
	}
	if (info.si_code == CLD_EXITED) {
		return info.si_status <= EXIT_INTERNAL ? info.si_status : EXIT_INTERNAL;
	}
	if (g->stop_ns != TIME_NEVER && info.si_status == SIGTERM) {
		return EXIT_OK; /* asked to stop before it could listen */
	}
	shared_log(LOG_ERR, "worker ended by signal %d (%s)%s", info.si_status,
		   strsignal(info.si_status),
		   info.si_status == SIGXCPU ? ": its realtime thread ran without a pause" : "");
	return EXIT_INTERNAL;
}

static int watch_worker(struct guard *g)
{
	int64_t next_ns = (now() / GUARD_PERIOD_NS + 1) * GUARD_PERIOD_NS + GUARD_PHASE_NS;

	for (;;) {
		const struct timespec t = {.tv_sec = (time_t)(next_ns / NS_PER_S),
					   .tv_nsec = (long)(next_ns % NS_PER_S)};

		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
			continue;
		}
		const int64_t now_ns = now();

		atomic_fetch_add_explicit(&g->page->guard_beat, 1U, memory_order_relaxed);
		look_at_signals(g, now_ns);

		const int code = look_at_worker(g);

		if (code >= 0) {
			return code;
		}
		look_at_settings(g, now_ns);
		look_at_beat(g, now_ns);
		look_at_limits(g, now_ns);
		if (g->watch.seen && !g->watch.lost) {
			guard_notify_feed(&g->notify, now_ns);
		}
		next_ns += GUARD_PERIOD_NS;
		if (next_ns <= now_ns) {
			next_ns += (now_ns - next_ns) / GUARD_PERIOD_NS * GUARD_PERIOD_NS +
				   GUARD_PERIOD_NS;
		}
	}
}

int guard_run(const char *worker, const char *config_path)
{
	static struct guard g = {.stop_ns = TIME_NEVER, .override = -1};
	int r = open_all(&g);

	if (r != 0) {
		shared_log(LOG_ERR, "guard cannot start: %s: Linux 5.10 or newer is needed",
			   strerror(-r));
		return EXIT_INTERNAL;
	}
	guard_notify_init(&g.notify);
	if (start_worker(&g, worker, config_path) != 0) {
		return EXIT_DEVICE;
	}
	return watch_worker(&g);
}
