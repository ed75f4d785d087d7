/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's beginning and end. Only here it may wait: no relay is closed yet, or any more. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#include "base/remedy.h"
#include "core/telemetry.h"
#include "guard_private.h"
#include "rt/shared_log.h"

#define ERROR_MAX 384

/* A descriptor with close-on-exec and a number above those that the worker gets. */
static int raise_fd(int fd)
{
	const int high = fcntl(fd, F_DUPFD_CLOEXEC, GUARD_FD_FLOOR);
	/* The floor itself is above the limit: that is another error number. */
	const int error = errno == EINVAL ? EMFILE : errno;

	close(fd);
	errno = error;
	return high;
}

/* @ret_what: what failed */
static int open_all(struct guard *g, const char **ret_what)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	*ret_what = "signals cannot be read";
	g->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (g->signal_fd < 0) {
		return -errno;
	}
	*ret_what = "no page to share with the worker";
	g->page = shared_create(&g->page_fd);
	if (g->page == NULL) {
		return -errno;
	}
	g->page_fd = raise_fd(g->page_fd);
	if (g->page_fd < 0) {
		return -errno;
	}
	*ret_what = "no descriptor by which the worker sees this end (pidfd_open)";
	g->self_fd = pidfd_open(getpid(), 0);
	if (g->self_fd >= 0) {
		g->self_fd = raise_fd(g->self_fd);
	}
	return g->self_fd >= 0 ? 0 : -errno;
}

int guard_open(struct guard *g, const char *worker, const char *config_path)
{
	const char *what = NULL;
	const int r = open_all(g, &what);

	if (r != 0) {
		shared_log(LOG_ERR, "guard cannot start: %s: %s: %s", what, strerror(-r),
			   remedy_of(-r));
		return EXIT_INTERNAL;
	}
	guard_notify_init(&g->notify);
	g->worker.path = worker;
	g->worker.config_path = config_path;
	g->worker.page_fd = g->page_fd;
	g->worker.self_fd = g->self_fd;
	return EXIT_OK;
}

/* The guard must run before what it guards: above the priority of the worker's cycle. */
static bool enter_realtime(const struct shared_failsafe *s)
{
	const int wanted = s->priority + GUARD_PRIORITY_ADD;
	const struct sched_param param = {
		.sched_priority = wanted < GUARD_PRIORITY_MAX ? wanted : GUARD_PRIORITY_MAX};
	const char *text = NULL;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
		text = "guard: cannot lock memory: raise RLIMIT_MEMLOCK (LimitMEMLOCK=infinity)";
	}
	if (s->priority > 0 &&
	    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) != 0) {
		text = "guard: realtime priority refused: it needs 10 more than rt.priority: raise "
		       "RLIMIT_RTPRIO (LimitRTPRIO=), or the control group's cpu.rt_runtime_us";
	}
	if (text == NULL) {
		return true;
	}
	if (s->required == 0U) {
		shared_log(LOG_WARNING, "%s; running without", text);
		return true;
	}
	shared_log(LOG_ERR, "%s, or set rt.required=no", text);
	return false;
}

static void report_watchdog(const struct watchdog *w)
{
	if (w->fd < 0) {
		return;
	}
	shared_log(LOG_NOTICE, "hardware watchdog %s: timeout %d s%s", w->identity, w->timeout_s,
		   w->nowayout ? ", cannot be stopped" : "");
	if (!w->magic && !w->nowayout) {
		shared_log(LOG_WARNING,
			   "hardware watchdog %s may stop when the guard dies: it knows no magic "
			   "close; CONFIG_WATCHDOG_NOWAYOUT or the driver's nowayout=1 helps",
			   w->identity);
	}
	if (w->boot_status != 0U) {
		char text[WATCHDOG_TEXT_MAX];

		watchdog_boot_text(w->boot_status, text, sizeof(text));
		shared_log(LOG_WARNING, "last boot, says the watchdog: %s", text);
	}
}

/* Return: all is in the guard's hands; else it has said why not. */
static bool open_devices(struct guard *g, const struct shared_failsafe *s)
{
	char error[ERROR_MAX];
	int r = relay_open(&g->relay, s->relay, s->precharge, s->feedback, error, sizeof(error));

	if (r == 0) {
		r = guard_latch_open(&g->latch, g->page, s->state, s->relay, error, sizeof(error));
	}
	if (r == 0) {
		g->configured = true;
		state_lines(&g->latch.state, s->relay, s->precharge);
		r = watchdog_open(&g->watchdog, s->watchdog, s->watchdog_s, error, sizeof(error));
	}
	if (r != 0) {
		shared_log(LOG_ERR, "%s", error);
		return false;
	}
	report_watchdog(&g->watchdog);
	return enter_realtime(s);
}

/* What cannot be changed while the guard runs. */
static bool same_devices(const struct shared_failsafe *a, const struct shared_failsafe *b)
{
	return strcmp(a->relay, b->relay) == 0 && strcmp(a->precharge, b->precharge) == 0 &&
	       strcmp(a->feedback, b->feedback) == 0 && strcmp(a->watchdog, b->watchdog) == 0 &&
	       strcmp(a->state, b->state) == 0 && a->watchdog_s == b->watchdog_s &&
	       a->priority == b->priority && a->required == b->required;
}

static void end_with(struct guard *g, int code, int64_t now_ns)
{
	g->override = code;
	g->stopping = true;
	g->stop_ns = now_ns;
	atomic_store_explicit(&g->page->answer, SHARED_REFUSED, memory_order_release);
	guard_worker_signal(&g->worker, SIGTERM);
}

void guard_look_at_settings(struct guard *g, int64_t now_ns)
{
	static struct shared_failsafe s;

	if (g->worker.fd < 0 ||
	    atomic_load_explicit(&g->page->answer, memory_order_relaxed) != SHARED_WAIT) {
		return;
	}
	const int r = shared_failsafe_read(g->page, &s);

	if (r == -EAGAIN) {
		return;
	}
	if (r != 0) {
		shared_log(LOG_ERR,
			   "failsafe settings from the worker are damaged: internal fault");
		end_with(g, EXIT_INTERNAL, now_ns);
		return;
	}
	if (g->configured && !same_devices(&g->settings, &s)) {
		shared_log(LOG_ERR,
			   "relay, watchdog, state or rt of the configuration have changed "
			   "since the start: the daemon ends and has to be started again");
		end_with(g, EXIT_DEVICE, now_ns);
		return;
	}
	if (!g->configured && !open_devices(g, &s)) {
		end_with(g, EXIT_DEVICE, now_ns);
		return;
	}
	g->settings = s;
	atomic_store_explicit(&g->page->answer, SHARED_READY, memory_order_release);
}

void guard_close(struct guard *g, int64_t now_ns)
{
	if (g->configured) {
		relay_close(&g->relay);
		guard_latch_save(&g->latch, now_ns);
		state_orderly(&g->latch.state);
		state_close(&g->latch.state);
	}
	if (!watchdog_close(&g->watchdog, true)) {
		shared_log(LOG_WARNING,
			   "the hardware watchdog cannot be stopped: the machine is reset in %d s "
			   "unless the daemon is started again",
			   g->watchdog.timeout_s);
	}
}
