/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the arbiter share: one arbiter, its inputs, and a clock of whole seconds. */
#ifndef JKP_TESTS_ARBITER_TEST_H
#define JKP_TESTS_ARBITER_TEST_H

#include "core/arbiter.h"
#include "core_test.h"

#define OWN_MV	51200
#define PEER_MV 50000

static struct core_config config;
static struct arbiter a;
static struct arbiter_in in;
static struct event events[CYCLE_EVENT_MAX];

static inline int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	config.arbiter.fall_ma_s = 1000000; /* slopes have tests of their own */
	config.arbiter.rise_ma_s = 1000000;
	config.arbiter.grace_ms = 5000;
	config.arbiter.hold_ms = 60000;
	config.arbiter.cross_w = 25;
	config.arbiter.cross_ms = 10000;
	config.arbiter.ahead_w = 0; /* a test of its own */
	config.arbiter.cross_hold_ms = 120000;
	in = (struct arbiter_in){
		.now_ns = BENCH_START_NS,
		.grid = GRID_NONE,
		.local = PEER_NONE_HEARD,
		.portal = PEER_NONE_HEARD,
		.own_mv = OWN_MV,
		.own_soc_pct = 50,
	};
	arbiter_init(&a, in.now_ns);
	return 0;
}

static inline struct sink step(void)
{
	struct sink sink = {.now_ns = in.now_ns, .event = events, .max = CYCLE_EVENT_MAX};

	arbiter_step(&a, &config, &in, &sink);
	return sink;
}

/* What is heard is heard again every second. */
static inline void run_s(int32_t seconds)
{
	for (int32_t i = 0; i < seconds; i++) {
		in.now_ns += NS_PER_S;
		in.grid.t_ns = in.grid.t_ns == TIME_NEVER ? TIME_NEVER : in.now_ns;
		in.local.t_ns = in.local.t_ns == TIME_NEVER ? TIME_NEVER : in.now_ns;
		in.portal.t_ns = in.portal.t_ns == TIME_NEVER ? TIME_NEVER : in.now_ns;
		(void)step();
	}
}

static inline void peer(int32_t ma)
{
	in.local.t_ns = in.now_ns;
	in.local.current_ma = ma;
	in.local.voltage_mv = PEER_MV;
}

static inline void meter(int32_t w)
{
	in.grid.t_ns = in.now_ns;
	in.grid.power_w = w;
}

#endif
