/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of a service: open, step, close, and the pauses between. */
#include "svc/service.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"

#define STACK	      ((size_t)128 * 1024)
#define WAIT_MAX_MS   10000
#define PAUSE_FACTOR  2
#define JITTER_DIVIDE 4

_Static_assert(sizeof(struct service_health) % 8U == 0U, "no padding travels in the snapshot");

const char *service_state_name(int32_t state)
{
	static const char *const name[SERVICE_STATES] = {
		[SERVICE_OFF] = "off",
		[SERVICE_CLOSED] = "closed",
		[SERVICE_OPEN] = "open",
		[SERVICE_GOOD] = "good",
	};

	return state >= 0 && state < SERVICE_STATES ? name[state] : "unknown";
}

int64_t service_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void publish(struct service *s)
{
	s->now.moved_ns = service_now();
	snapshot_write(&s->health.head, &s->now, sizeof(s->now));
}

static void enter_state(struct service *s, enum service_state state)
{
	s->now.state = state;
	publish(s);
}

/* xorshift; only so that many of us do not come back at the same moment */
static int32_t jitter(struct service *s, int32_t ms)
{
	uint32_t x = s->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	s->random = x;
	return (int32_t)(x % (uint32_t)(ms / JITTER_DIVIDE + 1));
}

static void pause_after(struct service *s, int error)
{
	const int64_t due_ns = service_now() + (s->pause_ms + jitter(s, s->pause_ms)) * NS_PER_MS;

	s->now.failures++;
	s->now.error = -error;
	s->due_ns = due_ns > s->due_ns ? due_ns : s->due_ns;
	s->pause_ms = s->pause_ms > s->config.pause_max_ms / PAUSE_FACTOR
			      ? s->config.pause_max_ms
			      : s->pause_ms * PAUSE_FACTOR;
	enter_state(s, SERVICE_CLOSED);
}

bool service_stopping(const struct service *s)
{
	struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

int service_stop_fd(const struct service *s)
{
	return s->stop_fd;
}

int service_wait(struct service *s, int fd, short events, int32_t ms)
{
	struct pollfd p[] = {
		{.fd = s->stop_fd, .events = POLLIN},
		{.fd = fd, .events = events},
	};

	/* No signal reaches this thread; poll() fails for lack of memory only, and then it is late. */
	const int n = poll(p, 2, min_i32(max_i32(ms, 0), WAIT_MAX_MS));

	publish(s);
	if (p[0].revents != 0) {
		return -ECANCELED;
	}
	return n > 0 ? p[1].revents : 0;
}

void service_good(struct service *s)
{
	s->pause_ms = s->config.pause_min_ms;
	s->now.goods++;
	s->now.good_ns = service_now();
	enter_state(s, SERVICE_GOOD);
}

void service_defer(struct service *s, int32_t ms)
{
	const int64_t due_ns = service_now() + ms * NS_PER_MS;

	s->due_ns = due_ns > s->due_ns ? due_ns : s->due_ns;
}

void service_say(struct service *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2,
		 int32_t a3)
{
	const struct event e = {.t_ns = service_now(), .id = (uint32_t)id, .arg = {a0, a1, a2, a3}};

	if (!ring_push(&s->events, &e)) {
		s->now.lost++;
	}
}

static void try_open(struct service *s)
{
	const int r = s->config.ops->open(s, s->config.self);

	if (r != 0) {
		pause_after(s, r);
		return;
	}
	s->opened = true;
	s->now.opens++;
	s->due_ns = service_now();
	enter_state(s, SERVICE_OPEN);
}

static void shut(struct service *s)
{
	if (s->opened) {
		s->config.ops->close(s, s->config.self);
		s->opened = false;
	}
}

static void wait_until_due(struct service *s)
{
	const int64_t left_ns = s->due_ns - service_now();

	if (left_ns > 0) {
		(void)service_wait(s, -1, 0, sat_i32(left_ns / NS_PER_MS + 1));
	}
}

static void *service_run(void *arg)
{
	struct service *s = arg;
	const struct service_ops *ops = s->config.ops;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), s->config.nice);
	enter_state(s, SERVICE_CLOSED);
	while (!service_stopping(s)) {
		if (!s->opened && service_now() < s->due_ns) {
			wait_until_due(s);
		} else if (!s->opened) {
			try_open(s);
		} else {
			const int r = ops->step(s, s->config.self);

			publish(s);
			if (r != 0 && r != -ECANCELED) {
				shut(s);
				pause_after(s, r);
			}
		}
	}
	shut(s);
	if (ops->fini != NULL) {
		ops->fini(s, s->config.self);
	}
	enter_state(s, SERVICE_OFF);
	return NULL;
}

static int start_thread(struct service *s)
{
	const struct sched_param param = {.sched_priority = 0};
	const size_t stack = s->config.stack_bytes != 0U ? s->config.stack_bytes : STACK;
	pthread_attr_t attr;
	int error = pthread_attr_init(&attr);

	if (error != 0) {
		return -error;
	}
	error = pthread_attr_setstacksize(&attr, stack);
	if (error == 0) {
		error = pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	}
	if (error == 0) {
		error = pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	}
	if (error == 0) {
		error = pthread_attr_setschedparam(&attr, &param);
	}
	if (error == 0) {
		error = pthread_create(&s->thread, &attr, service_run, s);
	}
	pthread_attr_destroy(&attr);
	return -error;
}

int service_start(struct service *s, const struct service_config *config)
{
	if (config->pause_min_ms <= 0 || config->pause_max_ms < config->pause_min_ms ||
	    strlen(config->ops->name) >= SERVICE_NAME_MAX) {
		return -EINVAL;
	}
	int r = ring_init(&s->events, s->event_storage, SERVICE_EVENTS, sizeof(struct event));

	if (r != 0) {
		return r;
	}
	s->config = *config;
	s->pause_ms = config->pause_min_ms;
	s->due_ns = service_now();
	s->random = (uint32_t)s->due_ns | 1U;
	s->now.moved_ns = TIME_NEVER;
	s->now.good_ns = TIME_NEVER;
	snapshot_init(&s->health.head, sizeof(struct service_health));
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd < 0) {
		return -errno;
	}
	r = start_thread(s);
	if (r != 0) {
		(void)close(s->stop_fd);
		return r;
	}
	(void)pthread_setname_np(s->thread, config->ops->name);
	s->running = true;
	return 0;
}

void service_stop(struct service *s)
{
	const uint64_t one = 1;

	if (!s->running) {
		return;
	}
	/* An eventfd of count 0 takes this. */
	(void)!write(s->stop_fd, &one, sizeof(one));
	pthread_join(s->thread, NULL);
	(void)close(s->stop_fd);
	s->running = false;
}
