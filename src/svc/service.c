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
#include "thread.h"

#define STACK	      ((size_t)128 * 1024)
#define WAIT_MAX_MS   10000
#define NO_POLL_MS    100
#define HELD_MS	      10
#define NICE_MAX      19
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

bool service_hangs(const struct service_health *h, int64_t now_ns)
{
	return h->state != SERVICE_OFF && time_ms_since(now_ns, h->moved_ns) > SERVICE_SILENT_MS;
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
static uint32_t next_random(struct service *s)
{
	uint32_t x = s->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	s->random = x;
	return x;
}

/* Return: the pause after this failure, ms. */
static int32_t count_failure(struct service *s, int error)
{
	const int32_t least_ms = s->pause_ms;
	const int32_t room_ms = min_i32(least_ms / JITTER_DIVIDE,
					s->config.pause_max_ms - least_ms);

	s->now.failures++;
	s->now.error = -error;
	s->pause_ms = s->pause_ms > s->config.pause_max_ms / PAUSE_FACTOR
			      ? s->config.pause_max_ms
			      : s->pause_ms * PAUSE_FACTOR;
	return least_ms + (int32_t)(next_random(s) % ((uint32_t)room_ms + 1U));
}

static void pause_after(struct service *s, int error)
{
	const int64_t pause_ns = count_failure(s, error) * NS_PER_MS;

	s->due_ns = max_i64(service_now() + pause_ns, s->defer_ns);
	s->defer_ns = TIME_NEVER;
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

	const int wait_ms = min_i32(max_i32(ms, 0), WAIT_MAX_MS);
	const int n = poll(p, 2, wait_ms);

	if (n < 0 && errno != EINTR) {
		/* The kernel lacks memory: whoever waits in a loop must not spin. */
		const struct timespec t = {
			.tv_nsec = (long)(min_i32(wait_ms, NO_POLL_MS) * NS_PER_MS)};

		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
	publish(s);
	if (n > 0 && p[0].revents != 0) {
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

int32_t service_failed(struct service *s, int error)
{
	const int32_t pause_ms = count_failure(s, error);

	enter_state(s, SERVICE_OPEN);
	return pause_ms;
}

void service_defer(struct service *s, int32_t ms)
{
	s->defer_ns = max_i64(s->defer_ns, service_now() + max_i32(ms, 0) * NS_PER_MS);
}

bool service_is_short(int error)
{
	return error == -EMFILE || error == -ENFILE;
}

void service_say(struct service *s, enum event_id id, int32_t a0, int32_t a1, int32_t a2,
		 int32_t a3)
{
	const struct event e = {.t_ns = service_now(), .id = (uint32_t)id, .arg = {a0, a1, a2, a3}};

	if (!ring_push(&s->events, &e)) {
		s->now.lost++;
		publish(s);
	}
}

static void try_open(struct service *s)
{
	const int r = s->config.ops->open(s, s->config.self);

	if (r == 0) {
		s->opened = true;
		s->now.opens++;
		enter_state(s, SERVICE_OPEN);
	} else if (!service_stopping(s)) {
		pause_after(s, r);
	}
}

static void shut(struct service *s)
{
	if (s->opened) {
		s->config.ops->close(s, s->config.self);
		s->opened = false;
	}
}

static void rest(struct service *s)
{
	const struct service_ops *ops = s->config.ops;
	const int32_t left_ms = sat_i32((s->due_ns - service_now()) / NS_PER_MS + 1);

	if (ops->rest == NULL) {
		(void)service_wait(s, -1, 0, left_ms);
	} else if (service_wait(s, -1, 0, min_i32(left_ms, SERVICE_REST_MS)) == 0) {
		ops->rest(s, s->config.self);
	}
}

static void step(struct service *s)
{
	const int r = s->config.ops->step(s, s->config.self);

	publish(s);
	if (r != 0 && !service_stopping(s)) {
		shut(s);
		pause_after(s, r);
	}
}

static void *service_run(void *arg)
{
	struct service *s = arg;
	const struct service_ops *ops = s->config.ops;
	const uint64_t one = 1;

	(void)pthread_setname_np(pthread_self(), ops->name);
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), s->config.nice);
	enter_state(s, SERVICE_CLOSED);
	while (atomic_load_explicit(&s->held, memory_order_acquire) != 0U &&
	       service_wait(s, -1, 0, HELD_MS) == 0) {
		/* the end releases it too */
	}
	while (!service_stopping(s)) {
		if (s->opened) {
			step(s);
		} else if (service_now() < s->due_ns) {
			rest(s);
		} else {
			try_open(s);
		}
	}
	shut(s);
	if (ops->fini != NULL) {
		ops->fini(s, s->config.self);
	}
	enter_state(s, SERVICE_OFF);
	(void)!write(s->end_fd, &one, sizeof(one));
	return NULL;
}

static int start_thread(struct service *s)
{
	const struct thread_spec spec = {
		.run = service_run,
		.arg = s,
		.stack = s->config.stack_bytes != 0U ? s->config.stack_bytes : STACK,
	};

	return thread_start(&spec, &s->thread);
}

static bool config_ok(const struct service_config *c)
{
	const struct service_ops *ops = c->ops;

	return c->pause_min_ms > 0 && c->pause_max_ms >= c->pause_min_ms && c->nice >= 0 &&
	       c->nice <= NICE_MAX && ops->open != NULL && ops->step != NULL &&
	       ops->close != NULL && strlen(ops->name) < SERVICE_NAME_MAX;
}

static int open_events(struct service *s)
{
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd < 0) {
		return -errno;
	}
	s->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->end_fd < 0) {
		const int r = -errno;

		(void)close(s->stop_fd);
		return r;
	}
	return 0;
}

static void close_events(struct service *s)
{
	(void)close(s->stop_fd);
	(void)close(s->end_fd);
}

int service_start(struct service *s, const struct service_config *config)
{
	if (!config_ok(config)) {
		return -EINVAL;
	}
	if (s->running || s->abandoned) {
		return -EBUSY;
	}
	int r = ring_init(&s->events, s->event_storage, SERVICE_EVENTS, sizeof(struct event));

	if (r != 0) {
		return r;
	}
	s->config = *config;
	s->opened = false;
	s->pause_ms = config->pause_min_ms;
	s->due_ns = service_now();
	s->defer_ns = TIME_NEVER;
	s->asked_ns = TIME_NEVER;
	s->random = (uint32_t)s->due_ns | 1U;
	s->now = (struct service_health){.moved_ns = TIME_NEVER, .good_ns = TIME_NEVER};
	snapshot_init(&s->health.head, sizeof(struct service_health));
	r = open_events(s);
	if (r != 0) {
		return r;
	}
	r = start_thread(s);
	if (r != 0) {
		close_events(s);
		return r;
	}
	s->running = true;
	return 0;
}

void service_hold(struct service *s)
{
	atomic_store_explicit(&s->held, 1U, memory_order_release);
}

void service_release(struct service *s)
{
	atomic_store_explicit(&s->held, 0U, memory_order_release);
}

void service_ask_to_end(struct service *s)
{
	const uint64_t one = 1;

	if (s->running && s->asked_ns == TIME_NEVER) {
		s->asked_ns = service_now();
		/* An eventfd of count 0 takes this. */
		(void)!write(s->stop_fd, &one, sizeof(one));
	}
}

int service_stop(struct service *s)
{
	return service_stop_within(s, SERVICE_STOP_MAX_MS);
}

int service_stop_within(struct service *s, int32_t max_ms)
{
	struct pollfd p = {.events = POLLIN};

	if (!s->running) {
		return 0;
	}
	service_ask_to_end(s);
	const int64_t end_ns = s->asked_ns + max_ms * NS_PER_MS;
	int64_t left_ns = max_i64(end_ns - service_now(), 0);

	s->running = false;
	p.fd = s->end_fd;
	/* Once at least: it may have ended long ago. */
	while (poll(&p, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS)) <= 0 && left_ns > 0) {
		left_ns = max_i64(end_ns - service_now(), 0);
	}
	if (p.revents == 0) {
		pthread_detach(s->thread);
		s->abandoned = true;
		return -ETIMEDOUT;
	}
	pthread_join(s->thread, NULL);
	close_events(s);
	return 0;
}
