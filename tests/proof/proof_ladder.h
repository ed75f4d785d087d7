/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses of the ladder share. */
#ifndef JKP_TESTS_PROOF_LADDER_H
#define JKP_TESTS_PROOF_LADDER_H

#include "core/safety.h"

/* At these steps both limits are 0. */
static inline bool ladder_zero(const struct safety *sf)
{
	return sf->step == STEP_INIT || sf->step >= STEP_STOP;
}

/*
 * Holds after safety_init() and is kept by safety_step(). Good samples are counted only once a
 * first one was accepted (evaluate() in cycle_sample.c).
 */
static inline bool ladder_ok(const struct safety *sf, bool have_sample)
{
	return sf->step < STEPS && sf->latched < REASONS && sf->kept_trip < REASONS &&
	       (sf->needed == SAFETY_GOOD_SAMPLES || sf->needed == SAFETY_RELOAD_SAMPLES) &&
	       (have_sample || (ladder_zero(sf) && sf->good == 0));
}

#endif
