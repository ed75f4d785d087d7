/* SPDX-License-Identifier: Apache-2.0 */
/* The logger: rates, what is said about suppressed lines, the thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "svc/logger.h"

#define RING_N	1024U
#define LINES_N 64U

static struct ring ring;
static struct event storage[RING_N];
static struct logger logger;
static char lines[LINES_N][LOGGER_LINE_MAX];
static int levels[LINES_N];
static _Atomic uint32_t count;

static void keep(int level, const char *text, void *context)
{
	const uint32_t n = atomic_load(&count);

	(void)context;
	if (n < LINES_N) {
		levels[n] = level;
		snprintf(lines[n], sizeof(lines[n]), "%s", text);
	}
	atomic_store(&count, n + 1U);
}

static int set_up(void **state)
{
	(void)state;
	atomic_store(&count, 0U);
	memset(lines, 0, sizeof(lines));
	logger_init(&logger, &ring, EVENT_INFO, keep, NULL);
	return ring_init(&ring, storage, RING_N, sizeof(struct event));
}

static void say(uint32_t id, int32_t arg, int64_t t_ns)
{
	const struct event e = {.id = id, .arg = {arg}};

	logger_event(&logger, &e, t_ns);
}

static void test_event_becomes_text_with_its_priority(void **state)
{
	(void)state;
	say(EVENT_CAN_RESTART, 3, NS_PER_S);
	assert_int_equal(count, 1);
	assert_int_equal(levels[0], EVENT_NOTICE);
	assert_string_equal(lines[0], "CAN: restart after bus-off, attempt 3");
}

static void test_interval_of_the_id_suppresses_and_counts(void **state)
{
	const int64_t interval_ns = event_interval_s(EVENT_CAN_TX_FULL) * NS_PER_S;
	int64_t t = 5 * NS_PER_S;

	(void)state;
	assert_true(interval_ns > 0);
	say(EVENT_CAN_TX_FULL, 1, t);
	say(EVENT_CAN_TX_FULL, 2, t + 1);
	say(EVENT_CAN_TX_FULL, 3, t + interval_ns - 1);
	assert_int_equal(count, 1);
	say(EVENT_CAN_TX_FULL, 4, t + interval_ns);
	assert_int_equal(count, 2);
	assert_non_null(strstr(lines[1], "4 frames"));
	assert_non_null(strstr(lines[1], "(2 similar suppressed)"));
}

static void test_newest_suppressed_event_is_told_when_the_interval_ends(void **state)
{
	const int64_t interval_ns = event_interval_s(EVENT_CAN_TX_FULL) * NS_PER_S;

	(void)state;
	say(EVENT_CAN_TX_FULL, 1, NS_PER_S);
	say(EVENT_CAN_TX_FULL, 2, 2 * NS_PER_S);
	say(EVENT_CAN_TX_FULL, 7, 3 * NS_PER_S);
	logger_flush(&logger, 4 * NS_PER_S, false);
	assert_int_equal(count, 1);
	logger_flush(&logger, NS_PER_S + interval_ns, false);
	assert_int_equal(count, 2);
	assert_non_null(strstr(lines[1], "7 frames"));
	assert_non_null(strstr(lines[1], "(1 similar suppressed)"));
	/* nothing is left to tell */
	logger_flush(&logger, 9 * interval_ns, false);
	assert_int_equal(count, 2);
}

static void test_FLT_55_flapping_fault_says_five_lines_and_one_a_minute(void **state)
{
	int64_t t = NS_PER_S;

	(void)state;
	/* 10 Hz for 10 minutes; this id has no interval of its own */
	assert_int_equal(event_interval_s(EVENT_BMS_MOSFETS), 0);
	for (int i = 0; i < 6000; i++) {
		say(EVENT_BMS_MOSFETS, i & 1, t);
		logger_flush(&logger, t, false);
		t += 100 * NS_PER_MS;
	}
	assert_int_equal(count, 5 + 9);
	/* a quiet hour makes it talkative again */
	t += 3600 * NS_PER_S;
	atomic_store(&count, 0U);
	for (int i = 0; i < 20; i++) {
		say(EVENT_BMS_MOSFETS, 1, t);
	}
	assert_int_equal(count, 5);
}

static void test_ids_are_limited_apart(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		say(EVENT_BMS_MOSFETS, 0, NS_PER_S);
	}
	say(EVENT_PHASE, 0, NS_PER_S);
	assert_int_equal(count, 6);
}

static void test_less_urgent_than_the_level_is_silent_and_nonsense_too(void **state)
{
	(void)state;
	logger.level = EVENT_WARNING;
	say(EVENT_PHASE, 0, NS_PER_S);
	say(EVENTS, 0, NS_PER_S);
	say(UINT32_MAX, 0, NS_PER_S);
	say(EVENT_NONE, 0, NS_PER_S);
	assert_int_equal(count, 0);
}

static void test_FLT_68_lost_events_are_told_with_their_number(void **state)
{
	const struct event e = {.id = EVENT_NONE};

	(void)state;
	for (uint32_t i = 0; i < RING_N + 13U; i++) {
		(void)ring_push(&ring, &e);
	}
	assert_int_equal(logger_drain(&logger, NS_PER_S), LOGGER_BURST);
	assert_int_equal(count, 1);
	assert_non_null(strstr(lines[0], "13 events lost"));
	assert_int_equal(logger_drain(&logger, NS_PER_S), LOGGER_BURST);
	assert_int_equal(logger_drain(&logger, NS_PER_S), 0);
	assert_int_equal(count, 1);
}

static void test_every_producer_has_a_ring_of_its_own(void **state)
{
	static struct ring more[LOGGER_RINGS];
	static struct event more_storage[LOGGER_RINGS][2];
	const struct event e = {.id = EVENT_CAN_RESTART, .arg = {1}};
	const struct event f = {.id = EVENT_SOLIS_OPEN};

	(void)state;
	for (uint32_t i = 0; i < LOGGER_RINGS; i++) {
		assert_int_equal(ring_init(&more[i], more_storage[i], 2, sizeof(struct event)), 0);
		assert_int_equal(logger_add(&logger, &more[i]),
				 i + 1U < LOGGER_RINGS ? 0 : -ENOSPC);
	}
	assert_true(ring_push(&ring, &e));
	assert_true(ring_push(&more[1], &f));
	assert_int_equal(logger_drain(&logger, NS_PER_S), 2);
	assert_int_equal(count, 2);
	assert_string_equal(lines[0], "CAN: restart after bus-off, attempt 1");
	assert_string_equal(lines[1], "Solis: RS485 device open");
	/* lost ones of all rings together */
	for (uint32_t i = 0; i < RING_N + 3U; i++) {
		(void)ring_push(&ring, &(struct event){.id = EVENT_NONE});
	}
	for (uint32_t i = 0; i < 4U; i++) {
		(void)ring_push(&more[0], &(struct event){.id = EVENT_NONE});
	}
	assert_int_equal(logger_drain(&logger, NS_PER_S), LOGGER_BURST + 2U);
	assert_int_equal(count, 3);
	assert_non_null(strstr(lines[2], "5 events lost"));
}

static void test_thread_takes_the_ring_that_comes_later(void **state)
{
	static struct ring late;
	static struct event late_storage[2];
	const struct event e = {.id = EVENT_SOLIS_OPEN};

	(void)state;
	assert_int_equal(ring_init(&late, late_storage, 2, sizeof(struct event)), 0);
	assert_int_equal(logger_start(&logger), 0);
	assert_true(ring_push(&late, &e));
	assert_int_equal(logger_add(&logger, &late), 0);
	for (int i = 0; i < 500 && atomic_load(&count) == 0U; i++) {
		poll(NULL, 0, 10);
	}
	assert_int_equal(count, 1);
	/* and what it brings last is not lost */
	assert_true(ring_push(&late, &e));
	logger_stop(&logger);
	assert_int_equal(count, 2);
}

static void test_thread_takes_events_and_says_the_last_ones_at_the_end(void **state)
{
	const struct event e = {.id = EVENT_CAN_RESTART, .arg = {8}};

	(void)state;
	assert_int_equal(logger_start(&logger), 0);
	assert_true(ring_push(&ring, &e));
	for (int i = 0; i < 500 && atomic_load(&count) == 0U; i++) {
		poll(NULL, 0, 10);
	}
	assert_int_equal(count, 1);
	assert_true(ring_push(&ring, &e));
	assert_true(ring_push(&ring, &e));
	logger_stop(&logger);
	assert_int_equal(count, 2);
	assert_non_null(strstr(lines[1], "(1 similar suppressed)"));
	logger_stop(&logger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_event_becomes_text_with_its_priority, set_up),
		cmocka_unit_test_setup(test_interval_of_the_id_suppresses_and_counts, set_up),
		cmocka_unit_test_setup(test_newest_suppressed_event_is_told_when_the_interval_ends,
				       set_up),
		cmocka_unit_test_setup(test_FLT_55_flapping_fault_says_five_lines_and_one_a_minute,
				       set_up),
		cmocka_unit_test_setup(test_ids_are_limited_apart, set_up),
		cmocka_unit_test_setup(test_less_urgent_than_the_level_is_silent_and_nonsense_too,
				       set_up),
		cmocka_unit_test_setup(test_FLT_68_lost_events_are_told_with_their_number, set_up),
		cmocka_unit_test_setup(test_every_producer_has_a_ring_of_its_own, set_up),
		cmocka_unit_test_setup(test_thread_takes_the_ring_that_comes_later, set_up),
		cmocka_unit_test_setup(test_thread_takes_events_and_says_the_last_ones_at_the_end,
				       set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
