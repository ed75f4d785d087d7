/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of a service, with a service that does what a test wants. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "svc/service.h"

#define WAIT_MS	 10000
#define LONG_MS	 60000
#define LATE_MS	 250 /* a machine that has other things to do */
#define TIMES	 16U
#define NICE	 7
#define PAUSES	 64
#define CYCLES	 200U
#define HANG_MS	 1300
#define SAY_MORE 36U
#define NAME	 "a-name-of-fifte"

/* What one call of open or step does. */
enum act {
	ACT_RETURN,  /* at once */
	ACT_WAIT,    /* until the service stops */
	ACT_GOOD,    /* service_good(), then wait until the service stops */
	ACT_BURST,   /* fill the ring, then wait */
	ACT_PAUSES,  /* ask for PAUSES pauses, then wait */
	ACT_DEFER,   /* service_defer(), then return */
	ACT_TURN,    /* service_good(), then return */
	ACT_READ,    /* wait for the pipe */
	ACT_HANG,    /* deaf for HANG_MS */
	ACT_STARVED, /* wait again and again, without memory */
};

static struct {
	_Atomic uint32_t open_act;
	_Atomic int open_result;
	_Atomic uint32_t step_act;
	_Atomic int step_result;
	_Atomic uint32_t opens;
	_Atomic uint32_t steps;
	_Atomic uint32_t closes;
	_Atomic uint32_t rests;
	_Atomic uint32_t rests_while_open;
	_Atomic uint32_t finis;
	_Atomic uint32_t is_open;
	_Atomic uint32_t disorder; /* opened twice, closed what was closed */
	_Atomic int64_t open_ns[TIMES];
	_Atomic int32_t pause_ms[PAUSES];
	_Atomic uint32_t done;
	_Atomic int wait_result;
	_Atomic int policy;
	_Atomic int nice;
	_Atomic uint32_t name_right;
	int fd;
	int pipe[2];
} dummy;

static struct service service;
static struct service hanging; /* left behind by its test */
static struct service hurried; /* likewise */
static struct service_health seen;

static _Atomic uint32_t no_memory;
static _Atomic uint32_t polls;

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	/* service_stopping() does not wait */
	if (timeout != 0 && no_memory != 0U) {
		polls++;
		errno = ENOMEM;
		return -1;
	}
	return __real_poll(fds, n, timeout);
}

static void sleep_ms(long ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static int wait_for_end(struct service *s)
{
	while (service_wait(s, -1, 0, LONG_MS) == 0) {
		/* cut waits */
	}
	return 0;
}

static void ask_for_pauses(struct service *s)
{
	for (size_t i = 0; i < PAUSES; i++) {
		dummy.pause_ms[i] = service_failed(s, -EBUSY);
		if (i % 8U == 7U) {
			service_good(s);
		}
	}
	dummy.done = 1;
}

static void perform(struct service *s, enum act act)
{
	switch (act) {
	case ACT_WAIT:
		wait_for_end(s);
		break;
	case ACT_GOOD:
		service_good(s);
		wait_for_end(s);
		break;
	case ACT_BURST:
		for (int32_t i = 0; i < (int32_t)(SERVICE_EVENTS + SAY_MORE); i++) {
			service_say(s, EVENT_SOLIS_TOTAL, i, 2, 3, 4);
		}
		wait_for_end(s);
		break;
	case ACT_PAUSES:
		ask_for_pauses(s);
		wait_for_end(s);
		break;
	case ACT_DEFER:
		service_defer(s, 100);
		break;
	case ACT_TURN:
		service_good(s);
		break;
	case ACT_READ:
		dummy.wait_result = service_wait(s, dummy.pipe[0], POLLIN, LONG_MS);
		dummy.done = 1;
		wait_for_end(s);
		break;
	case ACT_HANG:
		sleep_ms(HANG_MS);
		break;
	case ACT_STARVED:
		(void)service_wait(s, -1, 0, LONG_MS);
		break;
	case ACT_RETURN:
	default:
		break;
	}
}

static int dummy_open(struct service *s, void *self)
{
	char name[SERVICE_NAME_MAX] = "";
	const uint32_t n = dummy.opens;

	dummy.disorder += self != &dummy;
	(void)pthread_getname_np(pthread_self(), name, sizeof(name));
	dummy.name_right = strcmp(name, NAME) == 0;
	dummy.policy = sched_getscheduler(0);
	dummy.nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	if (n < TIMES) {
		dummy.open_ns[n] = service_now();
	}
	dummy.opens = n + 1U;
	perform(s, (enum act)dummy.open_act);
	if (dummy.open_result == 0) {
		dummy.disorder += dummy.is_open;
		dummy.is_open = 1;
		dummy.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	return dummy.open_result;
}

static int dummy_step(struct service *s, void *self)
{
	(void)self;
	dummy.steps++;
	dummy.disorder += dummy.is_open == 0U;
	perform(s, (enum act)dummy.step_act);
	return dummy.step_result;
}

static void dummy_close(struct service *s, void *self)
{
	(void)s;
	(void)self;
	dummy.disorder += dummy.is_open == 0U;
	dummy.is_open = 0;
	dummy.closes++;
	(void)close(dummy.fd);
}

static void dummy_rest(struct service *s, void *self)
{
	(void)s;
	(void)self;
	dummy.rests++;
	dummy.rests_while_open += dummy.is_open;
}

static void dummy_fini(struct service *s, void *self)
{
	(void)self;
	dummy.finis++;
	dummy.disorder += dummy.is_open;
	service_say(s, EVENT_SOLIS_OPEN, 0, 0, 0, 0);
}

static const struct service_ops ops = {
	.name = NAME,
	.open = dummy_open,
	.step = dummy_step,
	.close = dummy_close,
	.rest = dummy_rest,
	.fini = dummy_fini,
};

static const struct service_ops ops_least = {
	.name = NAME,
	.open = dummy_open,
	.step = dummy_step,
	.close = dummy_close,
};

static int set_up(void **state)
{
	(void)state;
	memset(&dummy, 0, sizeof(dummy));
	memset(&service, 0, sizeof(service));
	memset(&seen, 0, sizeof(seen));
	return pipe(dummy.pipe);
}

static int tear_down(void **state)
{
	(void)state;
	no_memory = 0;
	assert_int_equal(service_stop(&service), 0);
	close(dummy.pipe[0]);
	close(dummy.pipe[1]);
	assert_int_equal(dummy.disorder, 0);
	assert_int_equal(dummy.is_open, 0);
	return 0;
}

static struct service_config config_of(int32_t pause_min_ms, int32_t pause_max_ms)
{
	return (struct service_config){
		.ops = &ops,
		.self = &dummy,
		.pause_min_ms = pause_min_ms,
		.pause_max_ms = pause_max_ms,
		.nice = NICE,
	};
}

static void start(int32_t pause_min_ms, int32_t pause_max_ms)
{
	const struct service_config config = config_of(pause_min_ms, pause_max_ms);

	assert_int_equal(service_start(&service, &config), 0);
}

static bool look(struct service *s)
{
	struct service_health scratch;

	if (snapshot_try_read(&s->health.head, &scratch, sizeof(scratch))) {
		seen = scratch;
	}
	return true;
}

#define WAIT_FOR(condition)                                                             \
	do {                                                                            \
		const int64_t end_ns = service_now() + WAIT_MS * NS_PER_MS;             \
		for (look(&service); !(condition); look(&service)) {                    \
			if (service_now() > end_ns) {                                   \
				fail_msg("line %d: never: %s", __LINE__, (#condition)); \
			}                                                               \
			sleep_ms(1);                                                    \
		}                                                                       \
	} while (0)

/* Pause between two attempts, ms. */
static int32_t gap_ms(size_t i)
{
	return (int32_t)((dummy.open_ns[i + 1] - dummy.open_ns[i]) / NS_PER_MS);
}

static void test_open_that_fails_is_tried_after_pauses_that_double(void **state)
{
	static const int32_t least_ms[] = {10, 20, 40, 80, 80, 80};
	int32_t longest_run_ms = INT32_MAX;

	(void)state;
	dummy.open_result = -ENODEV;
	start(10, 80);
	WAIT_FOR(dummy.opens > ARRAY_SIZE(least_ms));
	for (size_t i = 0; i < ARRAY_SIZE(least_ms); i++) {
		assert_in_range(gap_ms(i), least_ms[i], least_ms[i] * 5 / 4 + LATE_MS);
	}
	/* the pause of 80 ms is the longest: one of 160 would show in each of these */
	for (size_t i = 3; i < ARRAY_SIZE(least_ms); i++) {
		longest_run_ms = min_i32(longest_run_ms, gap_ms(i));
	}
	assert_true(longest_run_ms < 160);
	assert_int_equal(dummy.steps + dummy.closes, 0);
	look(&service);
	assert_int_equal(seen.error, ENODEV);
	assert_true(seen.failures >= ARRAY_SIZE(least_ms));
	assert_int_equal(seen.opens, 0);
}

static void test_pauses_have_a_jitter_and_begin_anew_after_good(void **state)
{
	static const int32_t least_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	uint32_t longer = 0;
	uint32_t different = 0;

	(void)state;
	dummy.step_act = ACT_PAUSES;
	start(1000, 60000);
	WAIT_FOR(dummy.done != 0U);
	for (size_t i = 0; i < PAUSES; i++) {
		const int32_t least = least_ms[i % ARRAY_SIZE(least_ms)];

		assert_in_range(dummy.pause_ms[i], least, min_i32(least * 5 / 4, 60000));
		longer += dummy.pause_ms[i] > least;
		different += i >= ARRAY_SIZE(least_ms) &&
			     dummy.pause_ms[i] != dummy.pause_ms[i - ARRAY_SIZE(least_ms)];
	}
	assert_true(longer > PAUSES / 2);
	assert_true(different > PAUSES / 2);
	look(&service);
	assert_int_equal(seen.failures, PAUSES);
	assert_int_equal(seen.goods, PAUSES / 8);
	assert_int_equal(dummy.closes, 0);
}

static void test_longest_pauses_do_not_overflow(void **state)
{
	(void)state;
	dummy.step_act = ACT_PAUSES;
	start(INT32_MAX / 2, INT32_MAX);
	WAIT_FOR(dummy.done != 0U);
	for (size_t i = 0; i < PAUSES; i++) {
		assert_true(dummy.pause_ms[i] >= INT32_MAX / 2);
	}
}

static void test_step_that_fails_closes_and_begins_anew(void **state)
{
	(void)state;
	dummy.step_result = -EPIPE;
	start(10, 40);
	WAIT_FOR(dummy.opens >= 5U);
	assert_true(dummy.closes >= 4U);
	assert_in_range(dummy.steps - dummy.closes, 0, 1);
	assert_in_range(gap_ms(0), 10, 10 + LATE_MS);
	assert_true(gap_ms(3) >= 40);
	look(&service);
	assert_int_equal(seen.error, EPIPE);
	assert_true(seen.opens >= 4U);
	/* good between two failures: the shortest pause each time */
	dummy.step_act = ACT_TURN;
	const uint32_t before = dummy.opens;

	WAIT_FOR(dummy.opens >= before + 6U);
	int32_t least_ms = INT32_MAX;

	for (size_t i = before + 1U; i < before + 5U; i++) {
		least_ms = min_i32(least_ms, gap_ms(i));
	}
	assert_in_range(least_ms, 10, 39);
}

static void test_defer_makes_the_next_pause_longer_once(void **state)
{
	(void)state;
	dummy.open_result = -EAGAIN;
	dummy.open_act = ACT_DEFER;
	start(1, 1);
	WAIT_FOR(dummy.opens == 1U);
	dummy.open_act = ACT_RETURN;
	WAIT_FOR(dummy.opens >= 6U);
	assert_true(gap_ms(0) >= 100);
	int32_t least_ms = INT32_MAX;

	for (size_t i = 1; i < 5U; i++) {
		least_ms = min_i32(least_ms, gap_ms(i));
	}
	assert_true(least_ms < 100);
}

static void test_defer_of_an_open_that_works_is_kept(void **state)
{
	(void)state;
	dummy.open_act = ACT_DEFER;
	dummy.step_result = -EIO;
	start(1, 1);
	WAIT_FOR(dummy.opens >= 2U);
	assert_true(gap_ms(0) >= 100);
}

static void test_SAF_13_stop_in_every_state(void **state)
{
	static const struct {
		enum act open_act;
		int open_result;
		enum act step_act;
		int step_result;
		uint32_t state;
		uint32_t opened;
	} row[] = {
		{ACT_RETURN, -EIO, ACT_RETURN, 0, SERVICE_CLOSED, 0}, /* in the pause */
		{ACT_WAIT, -ECANCELED, ACT_RETURN, 0, SERVICE_CLOSED, 0},
		{ACT_WAIT, 0, ACT_RETURN, 0, SERVICE_CLOSED, 1},
		{ACT_RETURN, 0, ACT_RETURN, 0, SERVICE_OPEN, 1}, /* spins */
		{ACT_RETURN, 0, ACT_WAIT, 0, SERVICE_OPEN, 1},
		{ACT_RETURN, 0, ACT_WAIT, -ECANCELED, SERVICE_OPEN, 1},
		{ACT_RETURN, 0, ACT_GOOD, -ECANCELED, SERVICE_GOOD, 1},
		{ACT_RETURN, 0, ACT_GOOD, -EIO, SERVICE_GOOD, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		dummy.opens = 0;
		dummy.closes = 0;
		dummy.finis = 0;
		dummy.open_act = row[i].open_act;
		dummy.open_result = row[i].open_result;
		dummy.step_act = row[i].step_act;
		dummy.step_result = row[i].step_result;
		start(LONG_MS, LONG_MS);
		WAIT_FOR(dummy.opens == 1U && seen.state == row[i].state);
		const uint32_t failures = seen.failures;
		const int64_t begin_ns = service_now();

		service_ask_to_end(&service);
		assert_int_equal(service_stop(&service), 0);
		assert_true(service_now() - begin_ns < SERVICE_STOP_MAX_MS * NS_PER_MS);
		assert_int_equal(service_stop(&service), 0);
		look(&service);
		assert_int_equal(seen.state, SERVICE_OFF);
		assert_int_equal(dummy.closes, row[i].opened);
		assert_int_equal(dummy.finis, 1);
		/* an end is no failure */
		assert_int_equal(seen.failures, failures);
		memset(&service, 0, sizeof(service));
	}
}

/* It moves, so nobody takes it for one that hangs; it opens nothing, and can be ended. */
static void test_SAF_13_held_until_it_is_released(void **state)
{
	(void)state;
	dummy.open_act = ACT_RETURN;
	dummy.step_act = ACT_WAIT;
	service_hold(&service);
	start(LONG_MS, LONG_MS);
	WAIT_FOR(seen.state == SERVICE_CLOSED);
	const int64_t moved_ns = seen.moved_ns;

	WAIT_FOR(seen.moved_ns > moved_ns + 50 * NS_PER_MS);
	assert_int_equal(dummy.opens, 0);
	service_release(&service);
	WAIT_FOR(dummy.opens == 1U);
	assert_int_equal(service_stop(&service), 0);
	memset(&service, 0, sizeof(service));
	dummy.opens = 0;
	dummy.finis = 0;
	service_hold(&service);
	start(LONG_MS, LONG_MS);
	WAIT_FOR(seen.state == SERVICE_CLOSED);
	assert_int_equal(service_stop(&service), 0);
	assert_int_equal(dummy.opens, 0);
	assert_int_equal(dummy.finis, 1);
}

static void test_SAF_13_FLT_33_thread_that_hangs_is_left_behind(void **state)
{
	const struct service_config config = config_of(1, 1);

	(void)state;
	dummy.step_act = ACT_HANG;
	assert_int_equal(service_start(&hanging, &config), 0);
	while (dummy.steps == 0U) {
		sleep_ms(1);
	}
	const int64_t begin_ns = service_now();

	/* the time runs from the asking: several that hang cost no more than one */
	service_ask_to_end(&hanging);
	sleep_ms(300);
	assert_int_equal(service_stop(&hanging), -ETIMEDOUT);
	assert_in_range((service_now() - begin_ns) / NS_PER_MS, SERVICE_STOP_MAX_MS,
			SERVICE_STOP_MAX_MS + LATE_MS);
	assert_int_equal(service_stop(&hanging), 0);
	assert_int_equal(service_start(&hanging, &config), -EBUSY);
	/* it ends by itself once it can */
	while (look(&hanging) && seen.state != SERVICE_OFF) {
		sleep_ms(5);
	}
	assert_int_equal(dummy.closes, 1);
}

/* A reload has less time: it does not even wait for one that would end in time. */
static void test_SAF_13_end_within_less_time(void **state)
{
	const struct service_config config = config_of(1, 1);

	(void)state;
	dummy.step_act = ACT_HANG;
	assert_int_equal(service_start(&hurried, &config), 0);
	while (dummy.steps == 0U) {
		sleep_ms(1);
	}
	const int64_t begin_ns = service_now();

	assert_int_equal(service_stop_within(&hurried, 200), -ETIMEDOUT);
	assert_in_range((service_now() - begin_ns) / NS_PER_MS, 200, 200 + LATE_MS);
	while (look(&hurried) && seen.state != SERVICE_OFF) {
		sleep_ms(5);
	}
	/* one that does not hang ends as always */
	dummy.step_act = ACT_WAIT;
	assert_int_equal(service_start(&service, &config), 0);
	assert_int_equal(service_stop_within(&service, 200), 0);
}

static void test_full_ring_is_counted(void **state)
{
	struct event e;
	int32_t n = 0;

	(void)state;
	dummy.step_act = ACT_BURST;
	start(1, 1);
	WAIT_FOR(seen.lost == SAY_MORE);
	for (; ring_pop(&service.events, &e); n++) {
		assert_int_equal(e.id, EVENT_SOLIS_TOTAL);
		assert_int_equal(e.arg[0], n);
		assert_int_equal(e.arg[3], 4);
		assert_true(e.t_ns > 0 && e.t_ns <= service_now());
	}
	assert_int_equal(n, SERVICE_EVENTS);
	/* the last words find room */
	assert_int_equal(service_stop(&service), 0);
	assert_true(ring_pop(&service.events, &e));
	assert_int_equal(e.id, EVENT_SOLIS_OPEN);
	look(&service);
	assert_int_equal(seen.lost, SAY_MORE);
}

static void test_health(void **state)
{
	(void)state;
	dummy.open_result = -ENOENT;
	start(210, 210);
	WAIT_FOR(seen.failures == 1U);
	assert_int_equal(seen.state, SERVICE_CLOSED);
	assert_true(seen.good_ns == TIME_NEVER);
	/* it moves while it waits */
	const int64_t moved_ns = seen.moved_ns;

	WAIT_FOR(seen.moved_ns > moved_ns);
	dummy.open_result = 0;
	dummy.step_act = ACT_GOOD;
	WAIT_FOR(seen.goods == 1U);
	assert_int_equal(seen.state, SERVICE_GOOD);
	assert_int_equal(seen.opens, 1);
	assert_int_equal(seen.error, ENOENT);
	assert_true(seen.good_ns > moved_ns && seen.good_ns <= service_now());
	assert_true(dummy.rests >= 1U);
	assert_int_equal(dummy.rests_while_open, 0);
	assert_string_equal(service_state_name((int32_t)seen.state), "good");
	assert_string_equal(service_state_name(SERVICE_OFF), "off");
	assert_string_equal(service_state_name(SERVICE_STATES), "unknown");
	assert_string_equal(service_state_name(-1), "unknown");
}

static void test_thread_is_an_ordinary_one_with_its_name(void **state)
{
	const struct sched_param param = {.sched_priority = 0};
	const int own_nice = getpriority(PRIO_PROCESS, 0);

	(void)state;
	/* it does not inherit what the starting thread has */
	assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &param), 0);
	dummy.step_act = ACT_WAIT;
	start(1, 1);
	WAIT_FOR(dummy.steps == 1U);
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &param), 0);
	assert_int_equal(dummy.policy, SCHED_OTHER);
	assert_int_equal(dummy.nice, NICE);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), own_nice);
	assert_int_equal(dummy.name_right, 1);
}

static void test_wait_tells_what_the_descriptor_says(void **state)
{
	(void)state;
	dummy.step_act = ACT_READ;
	start(1, 1);
	WAIT_FOR(dummy.steps == 1U);
	assert_int_equal(write(dummy.pipe[1], "x", 1), 1);
	WAIT_FOR(dummy.done != 0U);
	assert_int_equal(dummy.wait_result, POLLIN);
}

static void test_wait_without_memory_does_not_spin(void **state)
{
	(void)state;
	dummy.step_act = ACT_STARVED;
	no_memory = 1;
	polls = 0;
	start(1, 1);
	WAIT_FOR(polls >= 1U);
	sleep_ms(300);
	assert_in_range(polls, 2, 5);
	no_memory = 0;
}

static uint32_t descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint32_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL) {
		n++;
	}
	closedir(d);
	return n;
}

static void test_descriptors_are_constant(void **state)
{
	const uint32_t before = descriptors();

	(void)state;
	dummy.step_result = -ECONNRESET;
	start(1, 1);
	WAIT_FOR(dummy.opens >= CYCLES);
	assert_int_equal(service_stop(&service), 0);
	assert_int_equal(descriptors(), before);
	for (uint32_t i = 0; i < CYCLES / 4U; i++) {
		memset(&service, 0, sizeof(service));
		start(1, 1);
		assert_int_equal(service_stop(&service), 0);
	}
	assert_int_equal(descriptors(), before);
}

static void test_least_ops(void **state)
{
	struct service_config config = config_of(1, 1);

	(void)state;
	config.ops = &ops_least;
	dummy.step_result = -EIO;
	assert_int_equal(service_start(&service, &config), 0);
	WAIT_FOR(dummy.opens >= 3U);
	assert_int_equal(service_start(&service, &config), -EBUSY);
	assert_int_equal(service_stop(&service), 0);
	/* and once more with the same storage */
	assert_int_equal(service_start(&service, &config), 0);
	assert_int_equal(dummy.rests + dummy.finis, 0);
}

static void test_wrong_settings_are_refused(void **state)
{
	static const struct service_ops long_name = {
		.name = "sixteen letters.",
		.open = dummy_open,
		.step = dummy_step,
		.close = dummy_close,
	};
	const struct service_config good = config_of(1, 1);
	struct service_config row[] = {good, good, good, good, good, good};

	(void)state;
	row[0].pause_min_ms = 0;
	row[1].pause_max_ms = 0;
	row[2].nice = -1;
	row[3].nice = 20;
	row[4].ops = &long_name;
	row[5].stack_bytes = 1;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(service_start(&service, &row[i]), -EINVAL);
	}
	assert_int_equal(dummy.opens, 0);
	service_ask_to_end(&service);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_that_fails_is_tried_after_pauses_that_double),
		TEST(test_pauses_have_a_jitter_and_begin_anew_after_good),
		TEST(test_longest_pauses_do_not_overflow),
		TEST(test_step_that_fails_closes_and_begins_anew),
		TEST(test_defer_makes_the_next_pause_longer_once),
		TEST(test_defer_of_an_open_that_works_is_kept),
		TEST(test_SAF_13_stop_in_every_state),
		TEST(test_SAF_13_held_until_it_is_released),
		TEST(test_SAF_13_FLT_33_thread_that_hangs_is_left_behind),
		TEST(test_SAF_13_end_within_less_time),
		TEST(test_full_ring_is_counted),
		TEST(test_health),
		TEST(test_thread_is_an_ordinary_one_with_its_name),
		TEST(test_wait_tells_what_the_descriptor_says),
		TEST(test_wait_without_memory_does_not_spin),
		TEST(test_descriptors_are_constant),
		TEST(test_least_ops),
		TEST(test_wrong_settings_are_refused),
	};

	return cmocka_run_group_tests_name("svc/service", tests, NULL, NULL);
}
