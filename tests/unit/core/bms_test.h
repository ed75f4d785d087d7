/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two test programs of the serial side share: a bench whose request has just been written,
 * and whose reply the test holds in its hands.
 */
#ifndef JKP_TESTS_BMS_TEST_H
#define JKP_TESTS_BMS_TEST_H

#include "core_test.h"

static struct bench b;
static struct bench from;
static uint8_t reply[JK_FRAME_MAX];
static uint32_t reply_len;

/* Runs until a request has just been written; the bench then owes its reply, which is taken away. */
static inline void to_request(struct bench *x)
{
	const uint32_t requests = x->requests;

	while (x->requests == requests) {
		bench_step(x);
	}
	reply_len = x->reply_len;
	memcpy(reply, x->reply, reply_len);
	x->reply_len = 0;
}

static inline int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	drain_reply(&from);
	to_request(&from);
	assert_true(reply_len > 100);
	bench_fork(&b, &from);
	return 0;
}

static inline void inject(const uint8_t *data, uint32_t len)
{
	memcpy(b.inject + b.inject_len, data, len);
	b.inject_len += len;
}

static inline uint32_t samples(void)
{
	return bench_tele(&b)->count_samples;
}

#endif
