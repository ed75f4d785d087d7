/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in_sequence() of src/core/guardpol.c (SAF-11): how many beats fit into the time that has passed.
 *
 * Proven for all beats, times and periods in range: without overflow; as many beats as periods have
 * passed and GUARDPOL_BEAT_SLACK more are in sequence, whatever the counter's value; more than that are
 * not, so a counter that was overwritten with any other value of its 2^32 is noticed but for the few
 * values behind the old one.
 *
 * Bounds: periods of 1, 5 and 20 ms (the table's ends and the default), up to 1000 periods of time: a
 * product of two unknowns is more than the solver can do.
 *
 * Assumed: times are those of CLOCK_MONOTONIC, 0..2^62 ns, and do not go back.
 *
 * takes: 5
 * cbmc: --external-sat-solver cadical
 * cbmc: --signed-overflow-check --conversion-check
 */
#include "core/guardpol.c"
#include "proof.h"
#include "proof_time.h"

#define PERIODS_MAX 1000U

static void prove_period(int32_t period_us)
{
	struct guardpol_config c = {.period_us = period_us};
	struct guardpol_in in; /* any content */
	struct guardpol g;     /* any content */
	const int64_t period_ns = period_us * NS_PER_US;
	const uint32_t beats = in.beat - g.beat;
	const uint32_t periods = nondet_u32();

	ASSUME(periods <= PERIODS_MAX);
	ASSUME(time_ok(g.moved_ns) && time_ok(in.now_ns));
	ASSUME(in.now_ns - g.moved_ns >= periods * period_ns);
	ASSUME(in.now_ns - g.moved_ns < (periods + INT64_C(1)) * period_ns);
	PROVE_IF(beats <= periods + GUARDPOL_BEAT_SLACK, in_sequence(&g, &c, &in),
		 "what fits is in sequence");
	PROVE_IF(beats > periods + GUARDPOL_BEAT_SLACK, !in_sequence(&g, &c, &in),
		 "what does not fit is not");
}

int main(void)
{
	switch (nondet_u8()) {
	case 0:
		prove_period(1000);
		break;
	case 1:
		prove_period(5000);
		break;
	default:
		prove_period(20000);
		break;
	}
	return 0;
}
