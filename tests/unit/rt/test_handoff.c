/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/handoff.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ROUNDS 20000

static void test_descriptor_goes_to_the_user_and_back(void **state)
{
	struct handoff h;

	(void)state;
	handoff_init(&h);
	assert_true(handoff_is_empty(&h));
	assert_int_equal(handoff_get(&h), -1);
	assert_int_equal(handoff_reclaim(&h), -1);
	assert_true(handoff_put(&h, 0));
	assert_true(handoff_is_held(&h));
	assert_int_equal(handoff_get(&h), 0);
	assert_int_equal(handoff_reclaim(&h), -1);
	handoff_give_up(&h);
	assert_false(handoff_is_held(&h));
	assert_false(handoff_is_empty(&h));
	assert_int_equal(handoff_get(&h), -1);
	assert_int_equal(handoff_reclaim(&h), 0);
	assert_true(handoff_is_empty(&h));
}

static void test_place_takes_one_descriptor_only(void **state)
{
	struct handoff h;

	(void)state;
	handoff_init(&h);
	assert_true(handoff_put(&h, 7));
	assert_false(handoff_put(&h, 8));
	handoff_give_up(&h);
	assert_false(handoff_put(&h, 8));
	assert_int_equal(handoff_reclaim(&h), 7);
	assert_true(handoff_put(&h, 8));
	assert_int_equal(handoff_get(&h), 8);
}

static void test_recall_takes_effect_at_the_next_use_and_never_on_the_next_descriptor(void **state)
{
	struct handoff h;

	(void)state;
	handoff_init(&h);
	assert_true(handoff_put(&h, 7));
	handoff_recall(&h);
	assert_int_equal(handoff_reclaim(&h), -1);
	assert_int_equal(handoff_get(&h), -1);
	assert_int_equal(handoff_reclaim(&h), 7);
	/* A recall that came too late. */
	handoff_recall(&h);
	assert_true(handoff_put(&h, 8));
	assert_int_equal(handoff_get(&h), 8);
}

static void test_give_up_twice_gives_up_once(void **state)
{
	struct handoff h;

	(void)state;
	handoff_init(&h);
	handoff_give_up(&h);
	assert_true(handoff_is_empty(&h));
	assert_true(handoff_put(&h, 7));
	handoff_give_up(&h);
	handoff_give_up(&h);
	assert_int_equal(handoff_reclaim(&h), 7);
	assert_int_equal(handoff_reclaim(&h), -1);
}

static void test_fini_returns_the_descriptor_in_every_state(void **state)
{
	struct handoff h;

	(void)state;
	handoff_init(&h);
	assert_int_equal(handoff_fini(&h), -1);
	assert_true(handoff_put(&h, 7));
	assert_int_equal(handoff_fini(&h), 7);
	assert_true(handoff_put(&h, 8));
	handoff_give_up(&h);
	assert_int_equal(handoff_fini(&h), 8);
	assert_int_equal(handoff_fini(&h), -1);
}

/* Two threads; memory that belongs to the number in the place shows any wrong order to TSan. */
static int payload[ROUNDS];

static void *helper(void *arg)
{
	struct handoff *h = arg;

	for (int i = 0; i < ROUNDS; i++) {
		payload[i] = i;
		while (!handoff_put(h, i)) {
			(void)sched_yield();
		}
		if (i % 3 == 0) {
			handoff_recall(h);
		}
		while (!handoff_is_empty(h)) {
			const int fd = handoff_reclaim(h);

			if (fd >= 0) {
				payload[fd]++;
			} else {
				(void)sched_yield();
			}
		}
	}
	return NULL;
}

static void test_two_threads_never_own_a_descriptor_together(void **state)
{
	struct handoff h;
	pthread_t thread;
	int got = 0;
	int last = -1;

	(void)state;
	handoff_init(&h);
	assert_int_equal(pthread_create(&thread, NULL, helper, &h), 0);
	/* A recalled descriptor may never be seen here; the last one (not recalled) is. */
	while (last != ROUNDS - 1) {
		const int fd = handoff_get(&h);

		if (fd < 0) {
			(void)sched_yield();
			continue;
		}
		if (fd <= last || payload[fd] != fd) {
			fail_msg("descriptor %d after %d, payload %d", fd, last, payload[fd]);
		}
		last = fd;
		got++;
		payload[fd] += ROUNDS;
		handoff_give_up(&h);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(got >= ROUNDS / 2);
	assert_int_equal(payload[ROUNDS - 1], 2 * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test(test_descriptor_goes_to_the_user_and_back),
		cmocka_unit_test(test_place_takes_one_descriptor_only),
		cmocka_unit_test(
			test_recall_takes_effect_at_the_next_use_and_never_on_the_next_descriptor),
		cmocka_unit_test(test_give_up_twice_gives_up_once),
		cmocka_unit_test(test_fini_returns_the_descriptor_in_every_state),
		cmocka_unit_test(test_two_threads_never_own_a_descriptor_together),
	};

	_Static_assert((ROUNDS - 1) % 3 != 0, "the last descriptor must not be recalled");
	return cmocka_run_group_tests(test, NULL, NULL);
}
