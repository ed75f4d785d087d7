/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/orphan.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "rt/enter.h"
#include "rt/relay.h"
#include "rt/shared_log.h"

#define RETRIES	  100
#define RETRY_NS  (5 * NS_PER_MS)
#define ERROR_MAX 384

/* The kernel may still be taking the dead process apart: then its lines are busy. */
static void open_relay(const struct orphan *g)
{
	const struct timespec pause = {.tv_nsec = (long)RETRY_NS};
	char error[ERROR_MAX] = "";
	int r = -EBUSY;

	for (int i = 0; i < RETRIES && r == -EBUSY; i++) {
		r = relay_open_anyhow(g->relay, g->precharge, error, sizeof(error));
		if (r == -EBUSY) {
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		}
	}
	if (r != 0) {
		shared_log(LOG_ERR, "the guard has ended and the relay cannot be opened: %s",
			   error);
	} else {
		shared_log(LOG_ERR, "the guard has ended: relay opened");
	}
}

static void *run(void *arg)
{
	struct orphan *g = arg;
	struct pollfd p[] = {
		{.fd = g->pidfd, .events = POLLIN},
		{.fd = g->quit_fd, .events = POLLIN},
	};

	while (poll(p, 2, -1) < 0 && errno == EINTR) {
	}
	if (p[0].revents != 0 && strcmp(g->relay, "none") != 0) {
		open_relay(g);
	}
	return NULL;
}

int orphan_start(struct orphan *g, int32_t priority)
{
	const struct enter_thread spec = {.name = "orphan",
					  .stack = ENTER_STACK_SERVICE,
					  .priority = priority,
					  .cpu = ENTER_CPU_ANY};
	struct enter_report report = {0};

	g->quit_fd = eventfd(0, EFD_CLOEXEC);
	if (g->quit_fd < 0) {
		return -errno;
	}
	const int r = enter_start_realtime(&spec, false, run, g, &g->thread, &report);

	if (r != 0) {
		close(g->quit_fd);
		return r;
	}
	g->running = true;
	return 0;
}

void orphan_stop(struct orphan *g)
{
	if (g->running) {
		(void)eventfd_write(g->quit_fd, 1);
		pthread_join(g->thread, NULL);
		close(g->quit_fd);
		g->running = false;
	}
}
