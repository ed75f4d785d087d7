/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"
#include "base/units.h"
#include "seed.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_init_accepts_only_the_stated_range(void **state)
{
	static const struct {
		uint32_t count;
		uint32_t record_size;
		int result;
	} row[] = {
		{2, 1, 0},
		{4, 4096, 0},
		{1U << 24, 1, 0},
		{64, 12, 0},
		{0, 4, -EINVAL},
		{1, 4, -EINVAL},
		{3, 4, -EINVAL},
		{6, 4, -EINVAL},
		{65, 4, -EINVAL},
		{1U << 25, 1, -EINVAL},
		{1U << 31, 1, -EINVAL},
		{UINT32_MAX, 1, -EINVAL},
		{8, 0, -EINVAL},
		{8, 4097, -EINVAL},
		{8, UINT32_MAX, -EINVAL},
	};
	static uint8_t storage[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct ring r;

		/* Nothing is pushed, so the storage need not be as large as we say. */
		if (ring_init(&r, storage, row[i].count, row[i].record_size) != row[i].result) {
			fail_msg("row %zu: count %u size %u", i, (unsigned int)row[i].count,
				 (unsigned int)row[i].record_size);
		}
	}
}

static void test_init_refuses_storage_beyond_the_address_space(void **state)
{
	struct ring r;
	uint8_t storage[8];
	const int expected = sizeof(size_t) == 4 ? -EINVAL : 0;

	(void)state;
	assert_int_equal(ring_init(&r, storage, 1U << 24, 4096), expected);
}

static void test_empty_ring_gives_nothing_and_leaves_the_output_alone(void **state)
{
	struct ring r;
	uint32_t storage[4];
	uint32_t out = 0xDEADBEEF;

	(void)state;
	assert_int_equal(ring_init(&r, storage, 4, sizeof(uint32_t)), 0);
	assert_false(ring_pop(&r, &out));
	assert_int_equal(out, 0xDEADBEEF);
	assert_int_equal(ring_dropped(&r), 0);
}

/* An empty ring whose counters stand where a long run would have brought them. */
static void start_at(struct ring *r, uint32_t position)
{
	atomic_store(&r->head, position);
	atomic_store(&r->tail, position);
	r->tail_seen = position;
	r->head_seen = position;
}

static void fill_and_drain(uint32_t count, uint32_t position)
{
	struct ring r;
	uint32_t storage[16];
	uint32_t out = 0;

	assert_true(count <= ARRAY_SIZE(storage));
	assert_int_equal(ring_init(&r, storage, count, sizeof(uint32_t)), 0);
	start_at(&r, position);
	for (uint32_t turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < count; i++) {
			const uint32_t in = turn * 1000U + i;

			assert_true(ring_push(&r, &in));
		}
		for (uint32_t i = 0; i < count; i++) {
			assert_true(ring_pop(&r, &out));
			assert_int_equal(out, turn * 1000U + i);
		}
		assert_false(ring_pop(&r, &out));
	}
	assert_int_equal(ring_dropped(&r), 0);
}

static void test_order_and_capacity_hold_across_the_counter_wrap(void **state)
{
	static const uint32_t position[] = {
		0,
		1,
		7,
		UINT32_MAX / 2U,
		UINT32_MAX - 33U,
		UINT32_MAX,
		UINT32_MAX - 1U,
		UINT32_MAX - 2U,
		UINT32_MAX - 15U,
		UINT32_MAX - 16U,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(position); i++) {
		fill_and_drain(2, position[i]);
		fill_and_drain(8, position[i]);
		fill_and_drain(16, position[i]);
	}
}

static void test_full_ring_refuses_counts_exactly_and_keeps_the_old_records(void **state)
{
	static const uint32_t position[] = {0, UINT32_MAX - 2U, UINT32_MAX};

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(position); p++) {
		struct ring r;
		uint32_t storage[4];
		uint32_t out = 0;

		assert_int_equal(ring_init(&r, storage, 4, sizeof(uint32_t)), 0);
		start_at(&r, position[p]);
		for (uint32_t i = 0; i < 11; i++) {
			assert_int_equal(ring_push(&r, &i), i < 4);
			assert_int_equal(ring_dropped(&r), i < 4 ? 0 : i - 3);
		}
		for (uint32_t i = 0; i < 4; i++) {
			assert_true(ring_pop(&r, &out));
			assert_int_equal(out, i);
		}
		assert_false(ring_pop(&r, &out));
		assert_true(ring_push(&r, &out));
		assert_int_equal(ring_dropped(&r), 7);
	}
}

static void test_dropped_counter_wraps(void **state)
{
	struct ring r;
	uint8_t storage[2];
	const uint8_t in = 1;

	(void)state;
	assert_int_equal(ring_init(&r, storage, 2, 1), 0);
	assert_true(ring_push(&r, &in));
	assert_true(ring_push(&r, &in));
	atomic_store(&r.dropped, UINT32_MAX);
	assert_false(ring_push(&r, &in));
	assert_int_equal(ring_dropped(&r), 0);
}

static void test_records_of_odd_size_do_not_touch_their_neighbours(void **state)
{
	static const uint32_t size[] = {1, 3, 7, 13, 100};
	struct ring r;
	uint8_t storage[4 * 100 + 1];
	uint8_t in[100];
	uint8_t out[101];

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(size); s++) {
		memset(storage, 0xEE, sizeof(storage));
		assert_int_equal(ring_init(&r, storage, 4, size[s]), 0);
		for (int turn = 0; turn < 9; turn++) {
			memset(out, 0xAA, sizeof(out));
			memset(in, turn + 1, sizeof(in));
			assert_true(ring_push(&r, in));
			assert_true(ring_pop(&r, out));
			assert_memory_equal(out, in, size[s]);
			assert_int_equal(out[size[s]], 0xAA);
		}
		assert_int_equal(storage[4 * size[s]], 0xEE);
	}
}

#define STRESS_RECORDS	1000000U
#define STRESS_CAPACITY 64U

struct stress_record {
	uint32_t number;
	uint32_t mix[3];
};

struct stress {
	struct ring ring;
	struct stress_record storage[STRESS_CAPACITY];
	_Atomic bool finished; /* the producer has pushed its last record */
	uint32_t seed;
	bool retry; /* push again what was refused */
	uint32_t refused;
	uint32_t received;
	uint32_t disorder;
	uint32_t damaged;
};

static void sometimes_yield(uint32_t *rng)
{
	if (seed_next(rng) % 1024U == 0U) {
		(void)sched_yield();
	}
}

static void *stress_produce(void *arg)
{
	struct stress *s = arg;
	uint32_t rng = s->seed;

	for (uint32_t n = 0; n < STRESS_RECORDS; n++) {
		struct stress_record rec = {.number = n};

		for (uint32_t i = 0; i < ARRAY_SIZE(rec.mix); i++) {
			rec.mix[i] = seed_mix(s->seed + i, n);
		}
		while (!ring_push(&s->ring, &rec)) {
			s->refused++;
			if (!s->retry) {
				break;
			}
			(void)sched_yield();
		}
		sometimes_yield(&rng);
	}
	atomic_store(&s->finished, true);
	return NULL;
}

static void stress_judge(struct stress *s, const struct stress_record *rec, uint32_t *expected)
{
	if (s->retry ? rec->number != *expected : rec->number < *expected) {
		s->disorder++;
	}
	*expected = rec->number + 1U;
	for (uint32_t i = 0; i < ARRAY_SIZE(rec->mix); i++) {
		if (rec->mix[i] != seed_mix(s->seed + i, rec->number)) {
			s->damaged++;
		}
	}
	s->received++;
}

static void *stress_consume(void *arg)
{
	struct stress *s = arg;
	struct stress_record rec;
	uint32_t rng = ~s->seed;
	uint32_t expected = 0;

	for (;;) {
		/* Asked before the last look: what was pushed before it is then visible. */
		const bool last = atomic_load(&s->finished);

		if (ring_pop(&s->ring, &rec)) {
			stress_judge(s, &rec, &expected);
			sometimes_yield(&rng);
		} else if (last) {
			return NULL;
		} else {
			(void)sched_yield();
		}
	}
}

static void stress(struct stress *s, bool retry, const char *what)
{
	pthread_t producer;
	pthread_t consumer;

	memset(s, 0, sizeof(*s));
	s->seed = seed_get(what);
	s->retry = retry;
	assert_int_equal(
		ring_init(&s->ring, s->storage, STRESS_CAPACITY, sizeof(struct stress_record)), 0);
	/* The run crosses the wrap of the counters. */
	start_at(&s->ring, UINT32_MAX - STRESS_RECORDS / 2U);
	assert_int_equal(pthread_create(&consumer, NULL, stress_consume, s), 0);
	assert_int_equal(pthread_create(&producer, NULL, stress_produce, s), 0);
	assert_int_equal(pthread_join(producer, NULL), 0);
	assert_int_equal(pthread_join(consumer, NULL), 0);
	printf("%s: %u received, %u refused\n", what, (unsigned int)s->received,
	       (unsigned int)s->refused);
	assert_int_equal(s->damaged, 0);
	assert_int_equal(s->disorder, 0);
	assert_int_equal(ring_dropped(&s->ring), s->refused);
}

static void test_two_threads_pass_a_million_records_in_order(void **state)
{
	static struct stress s;

	(void)state;
	stress(&s, true, "lossless");
	assert_int_equal(s.received, STRESS_RECORDS);
}

static void test_two_threads_lose_exactly_what_was_counted(void **state)
{
	static struct stress s;

	(void)state;
	stress(&s, false, "lossy");
	assert_int_equal(s.received + s.refused, STRESS_RECORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_accepts_only_the_stated_range),
		cmocka_unit_test(test_init_refuses_storage_beyond_the_address_space),
		cmocka_unit_test(test_empty_ring_gives_nothing_and_leaves_the_output_alone),
		cmocka_unit_test(test_order_and_capacity_hold_across_the_counter_wrap),
		cmocka_unit_test(test_full_ring_refuses_counts_exactly_and_keeps_the_old_records),
		cmocka_unit_test(test_dropped_counter_wraps),
		cmocka_unit_test(test_records_of_odd_size_do_not_touch_their_neighbours),
		cmocka_unit_test(test_two_threads_pass_a_million_records_in_order),
		cmocka_unit_test(test_two_threads_lose_exactly_what_was_counted),
	};

	return cmocka_run_group_tests_name("base/ring", tests, NULL, NULL);
}
