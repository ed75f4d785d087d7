/* SPDX-License-Identifier: Apache-2.0 */
/* Small repeatable random numbers (xorshift32): the same seed gives the same faults everywhere. */
#ifndef JKP_TOOLS_SIM_RANDOM_H
#define JKP_TOOLS_SIM_RANDOM_H

#include <stdint.h>

struct sim_random {
	uint32_t state;
};

#define SIM_RANDOM_DEFAULT 0x9E3779B9U

static inline void sim_random_init(struct sim_random *r, uint32_t seed)
{
	r->state = seed != 0 ? seed : SIM_RANDOM_DEFAULT;
}

static inline uint32_t sim_random_next(struct sim_random *r)
{
	uint32_t x = r->state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	r->state = x;
	return x;
}

/* 0 <= x < 1 */
static inline double sim_random_unit(struct sim_random *r)
{
	return (double)sim_random_next(r) / ((double)UINT32_MAX + 1.0);
}

/* -1 <= x < 1 */
static inline double sim_random_pm(struct sim_random *r)
{
	return 2.0 * sim_random_unit(r) - 1.0;
}

#endif
