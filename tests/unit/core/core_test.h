/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the core share: cmocka with its includes, a bench in a known state, and a
 * recorder of everything that went to the bus. Expected numbers in the tests come from the safety
 * rules, not from the code.
 */
#ifndef JKP_TESTS_CORE_TEST_H
#define JKP_TESTS_CORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bench.h"

#define PERIOD_MS  5 /* of the default configuration */
#define POLL_MS	   250
#define RECORD_MAX 4096U

#define ENABLE_CHARGE_BIT    0x80U
#define ENABLE_DISCHARGE_BIT 0x40U
#define REQUEST_BITS	     0x38U /* bits 3, 4, 5 of 0x35C */

struct record {
	int64_t t_ns;
	struct can_msg msg;
};

struct recorder {
	uint32_t len;
	struct record at[RECORD_MAX];
};

static inline void record_frames(struct bench *b, void *arg)
{
	struct recorder *r = arg;

	for (uint32_t i = 0; i < b->out.can_tx_len && r->len < RECORD_MAX; i++) {
		r->at[r->len++] = (struct record){b->now_ns, b->out.can_tx[i]};
	}
}

static inline void record_on(struct bench *b, struct recorder *r)
{
	r->len = 0;
	b->watch = record_frames;
	b->watch_arg = r;
}

/* The core keeps a pointer to its settings: a copy must point to its own. */
static inline void bench_fork(struct bench *to, const struct bench *from)
{
	memcpy(to, from, sizeof(*to));
	to->cycle.config = &to->config;
}

/* A bench that runs, with settings that let limits rise at once. */
static inline void start_fast(struct bench *b)
{
	bench_fast_ramps(&b->config);
	bench_boot(b, NULL);
	bench_run_ms(b, 4000);
	assert_int_equal(bench_tele(b)->step, STEP_RUN);
}

/* Runs until the request after next_ns has been answered: a sample taken after a change. */
static inline void run_samples(struct bench *b, uint32_t n)
{
	const uint32_t goal = bench_tele(b)->count_samples + n;

	for (int i = 0; i < 100000 && bench_tele(b)->count_samples != goal; i++) {
		bench_step(b);
	}
	assert_int_equal(bench_tele(b)->count_samples, goal);
}

/* A reply that is on its way says what the battery was before: let it pass. */
static inline void drain_reply(struct bench *b)
{
	while (b->reply_len > 0) {
		bench_step(b);
	}
}

typedef bool condition(const struct bench *b);

/* Return: milliseconds until the condition held after a step, -1 if it never did. */
static inline int64_t ms_until(struct bench *b, condition *holds, int64_t max_ms)
{
	const int64_t start_ns = b->now_ns;

	while (b->now_ns - start_ns <= max_ms * NS_PER_MS) {
		const int64_t t_ns = b->now_ns;

		bench_step(b);
		if (holds(b)) {
			return (t_ns - start_ns) / NS_PER_MS;
		}
	}
	return -1;
}

static inline bool permit_gone(const struct bench *b)
{
	return !b->out.permit;
}

static inline bool permitted(const struct bench *b)
{
	return b->out.permit;
}

static inline bool zero_on_bus(const struct bench *b)
{
	return bench_ccl_ma(b) == 0 && bench_dcl_ma(b) == 0;
}

static inline void assert_between(int64_t value, int64_t lo, int64_t hi)
{
	if (value < lo || value > hi) {
		print_error("%lld is not within %lld .. %lld\n", (long long)value, (long long)lo,
			    (long long)hi);
		fail();
	}
}

/* The safe set: 0 A / 0 A, enables 0, communication fault. */
static inline void assert_safe_set(const struct bench *b)
{
	assert_int_equal(bench_ccl_ma(b), 0);
	assert_int_equal(bench_dcl_ma(b), 0);
	assert_int_equal(bench_enables(b), 0);
	assert_true((bench_warnings(b) & PYLON_COMM) != 0);
}

#endif
