/* SPDX-License-Identifier: Apache-2.0 */
#include "helper.h"

#include "base/time.h"
#include "rt/enter.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int helper_start(struct helper *h, const char *name, int32_t priority, void *(*run)(void *),
		 void *arg)
{
	struct enter_thread spec = {
		.name = name,
		.stack = ENTER_STACK_SERVICE,
		.priority = priority,
		.cpu = ENTER_CPU_ANY,
	};
	int result;

	h->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->stop_fd < 0) {
		return -errno;
	}
	/* Its system calls are never interrupted: signals belong to the main thread. */
	result = enter_start_thread(&spec, run, arg, &h->thread);
	if (result == -EPERM && priority > 0) {
		spec.priority = 0;
		result = enter_start_thread(&spec, run, arg, &h->thread);
	}
	if (result < 0) {
		(void)close(h->stop_fd);
		h->stop_fd = -1;
	}
	return result;
}

bool helper_wait(const struct helper *h, int fd, int32_t timeout_ms)
{
	/* poll() skips a negative descriptor. */
	struct pollfd watch[] = {
		{.fd = h->stop_fd, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	(void)poll(watch, sizeof(watch) / sizeof(watch[0]), timeout_ms);
	return watch[0].revents == 0;
}

void helper_stop(struct helper *h)
{
	const uint64_t one = 1;

	if (h->stop_fd < 0) {
		return;
	}
	/* The counter cannot overflow by one write, so this cannot fail. */
	if (write(h->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		(void)pthread_join(h->thread, NULL);
	}
	(void)close(h->stop_fd);
	h->stop_fd = -1;
}

int64_t helper_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}
