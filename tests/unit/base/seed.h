/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers that can be repeated: the seed is JKP_SEED of the environment or the time of day,
 * and is printed.
 */
#ifndef JKP_TEST_BASE_SEED_H
#define JKP_TEST_BASE_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEED_GOLDEN UINT32_C(0x9E3779B9)

static inline uint32_t seed_get(const char *what)
{
	const char *text = getenv("JKP_SEED");
	struct timespec now = {0};
	unsigned long seed;

	if (text) {
		seed = strtoul(text, NULL, 0);
	} else {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		seed = (unsigned long)now.tv_sec ^ (unsigned long)now.tv_nsec;
	}
	printf("%s: seed, repeat with JKP_SEED=%lu\n", what, seed & UINT32_MAX);
	(void)fflush(stdout);
	return (uint32_t)(seed & UINT32_MAX);
}

/* xorshift32; the state must not be 0. */
static inline uint32_t seed_next(uint32_t *state)
{
	uint32_t x = *state ? *state : SEED_GOLDEN;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

/* A value that belongs to @number under @seed: nobody gets it right by accident. */
static inline uint32_t seed_mix(uint32_t seed, uint32_t number)
{
	uint32_t x = (number ^ seed) * SEED_GOLDEN;

	x ^= x >> 15;
	return x * UINT32_C(0x85EBCA6B);
}

#endif
