/* SPDX-License-Identifier: Apache-2.0 */
#include "base/snapshot.h"
#include "base/units.h"
#include "seed.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define WORDS 48U

struct payload {
	uint32_t word[WORDS];
};

struct cell {
	SNAPSHOT_OF(struct payload) snap;
};

static void fill(struct payload *p, uint32_t seed, uint32_t number)
{
	p->word[0] = number;
	for (uint32_t i = 1; i < WORDS; i++) {
		p->word[i] = seed_mix(seed + i, number);
	}
}

static bool whole(const struct payload *p, uint32_t seed)
{
	for (uint32_t i = 1; i < WORDS; i++) {
		if (p->word[i] != seed_mix(seed + i, p->word[0])) {
			return false;
		}
	}
	return true;
}

static void test_never_written_is_not_readable(void **state)
{
	struct cell c;
	struct payload out;

	(void)state;
	memset(&c, 0xFF, sizeof(c));
	snapshot_init(&c.snap.head, sizeof(struct payload));
	assert_false(snapshot_try_read(&c.snap.head, &out, sizeof(out)));
}

static void test_newest_value_comes_back_any_number_of_times(void **state)
{
	struct cell c;
	struct payload in;
	struct payload out;

	(void)state;
	snapshot_init(&c.snap.head, sizeof(struct payload));
	for (uint32_t n = 1; n < 100; n++) {
		fill(&in, 7, n);
		snapshot_write(&c.snap.head, &in, sizeof(in));
		for (int again = 0; again < 3; again++) {
			memset(&out, 0, sizeof(out));
			assert_true(snapshot_try_read(&c.snap.head, &out, sizeof(out)));
			assert_memory_equal(&out, &in, sizeof(out));
		}
	}
}

static void test_payload_sizes_touch_nothing_beyond_themselves(void **state)
{
	static const uint32_t words[] = {1, 2, 3, WORDS - 1U, WORDS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct cell c;
		struct payload in;
		struct payload out;

		fill(&in, 3, 9);
		memset(&c, 0x55, sizeof(c));
		memset(&out, 0x66, sizeof(out));
		const size_t bytes = words[i] * sizeof(uint32_t);

		snapshot_init(&c.snap.head, bytes);
		snapshot_write(&c.snap.head, &in, bytes);
		assert_true(snapshot_try_read(&c.snap.head, &out, bytes));
		/* a size that somebody else wrote is not believed */
		assert_false(snapshot_try_read(&c.snap.head, &out, bytes + sizeof(uint32_t)));
		for (uint32_t w = 0; w < WORDS; w++) {
			const bool inside = w < words[i];

			assert_int_equal(atomic_load(&c.snap.word[w]),
					 inside ? in.word[w] : 0x55555555);
			assert_int_equal(out.word[w], inside ? in.word[w] : 0x66666666);
		}
	}
}

static void test_writer_at_work_is_refused_in_one_attempt(void **state)
{
	struct cell c;
	struct payload in;
	struct payload out;

	(void)state;
	snapshot_init(&c.snap.head, sizeof(struct payload));
	fill(&in, 1, 1);
	snapshot_write(&c.snap.head, &in, sizeof(in));
	/* A writer that lost its processor in the middle. A reader that waits never returns. */
	atomic_fetch_add(&c.snap.head.seq, 1U);
	for (int i = 0; i < 1000; i++) {
		assert_false(snapshot_try_read(&c.snap.head, &out, sizeof(out)));
	}
}

static void test_successor_of_a_writer_that_died_at_work_is_readable(void **state)
{
	struct cell c;
	struct payload in;
	struct payload out;

	(void)state;
	snapshot_init(&c.snap.head, sizeof(struct payload));
	for (uint32_t n = 1; n < 5; n++) {
		fill(&in, 1, n);
		atomic_store(&c.snap.head.seq, 2U * n + 1U);
		atomic_store(&c.snap.word[5], ~n);
		snapshot_write(&c.snap.head, &in, sizeof(in));
		assert_int_equal(atomic_load(&c.snap.head.seq) % 2U, 0);
		assert_int_not_equal(atomic_load(&c.snap.head.seq), 2U * n);
		assert_true(snapshot_try_read(&c.snap.head, &out, sizeof(out)));
		assert_memory_equal(&out, &in, sizeof(out));
	}
}

static void test_sequence_wrap_never_looks_like_never_written(void **state)
{
	struct cell c;
	struct payload in;
	struct payload out;

	(void)state;
	snapshot_init(&c.snap.head, sizeof(struct payload));
	atomic_store(&c.snap.head.seq, UINT32_MAX - 7U);
	for (uint32_t n = 0; n < 8; n++) {
		const uint32_t before = atomic_load(&c.snap.head.seq);

		fill(&in, 2, n);
		snapshot_write(&c.snap.head, &in, sizeof(in));
		assert_int_not_equal(atomic_load(&c.snap.head.seq), before);
		assert_true(snapshot_try_read(&c.snap.head, &out, sizeof(out)));
		assert_memory_equal(&out, &in, sizeof(out));
	}
}

/*
 * A tear at a known place: the reader's destination lies across a page border, the second page is
 * shut, and the handler of the fault writes a new value while the reader is half way through.
 */
static struct {
	struct snapshot *head;
	const struct payload *fresh;
	void *shut;
	size_t page;
	volatile sig_atomic_t faults;
} tear;

static void write_in_the_middle(int sig)
{
	(void)sig;
	if (tear.faults++ != 0 || mprotect(tear.shut, tear.page, PROT_READ | PROT_WRITE) != 0) {
		_exit(99);
	}
	if (tear.fresh) {
		snapshot_write(tear.head, tear.fresh, tear.head->bytes);
	}
}

static bool read_with_fault(struct cell *c, const struct payload *fresh, struct payload *ret_out)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sigaction act = {.sa_handler = write_in_the_middle};
	struct sigaction old;
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	uint8_t *dst = map + page - (WORDS / 2U) * sizeof(uint32_t);
	bool result;

	assert_ptr_not_equal(map, MAP_FAILED);
	tear.head = &c->snap.head;
	tear.fresh = fresh;
	tear.shut = map + page;
	tear.page = page;
	tear.faults = 0;
	assert_int_equal(mprotect(tear.shut, page, PROT_NONE), 0);
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	result = snapshot_try_read(&c->snap.head, dst, c->snap.head.bytes);
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	assert_int_equal(tear.faults, 1);
	memcpy(ret_out, dst, sizeof(*ret_out));
	assert_int_equal(munmap(map, 2 * page), 0);
	return result;
}

static void test_write_during_the_copy_is_detected(void **state)
{
	struct cell c;
	struct payload old;
	struct payload fresh;
	struct payload out;

	(void)state;
	fill(&old, 1, 1);
	fill(&fresh, 1, 2);
	snapshot_init(&c.snap.head, sizeof(struct payload));
	snapshot_write(&c.snap.head, &old, sizeof(old));

	/* The same interruption without a write harms nothing. */
	assert_true(read_with_fault(&c, NULL, &out));
	assert_memory_equal(&out, &old, sizeof(out));

	assert_false(read_with_fault(&c, &fresh, &out));
	/* It was a real tear: old in front, new behind; the word at the border was in flight. */
	assert_memory_equal(&out.word[0], &old.word[0], sizeof(out) / 2U);
	assert_memory_equal(&out.word[WORDS / 2U + 1U], &fresh.word[WORDS / 2U + 1U],
			    sizeof(out) / 2U - sizeof(uint32_t));

	assert_true(snapshot_try_read(&c.snap.head, &out, sizeof(out)));
	assert_memory_equal(&out, &fresh, sizeof(out));
}

#define STRESS_READERS 2
#define STRESS_WRITES  200000U

struct stress {
	struct cell c;
	_Atomic bool finished;
	uint32_t seed;
};

struct reader {
	struct stress *s;
	uint32_t good;
	uint32_t refused;
	uint32_t torn;
	uint32_t backwards;
	uint32_t last;
};

static void *stress_read(void *arg)
{
	struct reader *r = arg;
	struct payload out;

	for (;;) {
		const bool last = atomic_load(&r->s->finished);

		if (!snapshot_try_read(&r->s->c.snap.head, &out, sizeof(out))) {
			r->refused++;
			(void)sched_yield();
		} else {
			r->good++;
			r->torn += whole(&out, r->s->seed) ? 0U : 1U;
			r->backwards += out.word[0] < r->last ? 1U : 0U;
			r->last = out.word[0];
		}
		if (last) {
			return NULL;
		}
	}
}

static void test_writer_and_two_readers_never_see_a_mixture(void **state)
{
	static struct stress s;
	pthread_t thread[STRESS_READERS];
	struct reader reader[STRESS_READERS];
	struct payload in;
	uint32_t rng;

	(void)state;
	memset(reader, 0, sizeof(reader));
	s.seed = seed_get("readers");
	rng = s.seed;
	snapshot_init(&s.c.snap.head, sizeof(struct payload));
	for (size_t i = 0; i < STRESS_READERS; i++) {
		reader[i].s = &s;
		assert_int_equal(pthread_create(&thread[i], NULL, stress_read, &reader[i]), 0);
	}
	for (uint32_t n = 1; n <= STRESS_WRITES; n++) {
		fill(&in, s.seed, n);
		snapshot_write(&s.c.snap.head, &in, sizeof(in));
		if (seed_next(&rng) % 256U == 0U) {
			(void)sched_yield();
		}
	}
	atomic_store(&s.finished, true);
	for (size_t i = 0; i < STRESS_READERS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		printf("reader %zu: %u good, %u refused\n", i, (unsigned int)reader[i].good,
		       (unsigned int)reader[i].refused);
		assert_int_equal(reader[i].torn, 0);
		assert_int_equal(reader[i].backwards, 0);
		/* After the last write the value at rest is read by everyone. */
		assert_int_equal(reader[i].last, STRESS_WRITES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_written_is_not_readable),
		cmocka_unit_test(test_newest_value_comes_back_any_number_of_times),
		cmocka_unit_test(test_payload_sizes_touch_nothing_beyond_themselves),
		cmocka_unit_test(test_writer_at_work_is_refused_in_one_attempt),
		cmocka_unit_test(test_successor_of_a_writer_that_died_at_work_is_readable),
		cmocka_unit_test(test_sequence_wrap_never_looks_like_never_written),
		cmocka_unit_test(test_write_during_the_copy_is_detected),
		cmocka_unit_test(test_writer_and_two_readers_never_see_a_mixture),
	};

	return cmocka_run_group_tests_name("base/snapshot", tests, NULL, NULL);
}
