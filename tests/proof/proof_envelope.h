/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses of the envelope share: ranges of the settings, contract of scale(). */
#ifndef JKP_TESTS_PROOF_ENVELOPE_H
#define JKP_TESTS_PROOF_ENVELOPE_H

#include "core/envelope.h"
#include "proof.h"

#define C_RATE_MAX_PM  2000    /* limits.c_rate_max */
#define PROTECTION_MAX 1000000 /* |mV| and |0.1 degC| of a protection setting, far beyond any */

int32_t __CPROVER_uninterpreted_scale(int32_t of, int32_t part, int32_t whole);

/* A function: the same arguments give the same value (S5). */
int32_t scale_contract(int32_t of, int32_t part, int32_t whole)
{
	const int32_t a = __CPROVER_uninterpreted_scale(of, part, whole);

	PROVE(whole > 0 && part >= 0, "scale() within its range");
	/* S1, S2 of envelope_share.smt2 */
	ASSUME(of >= 0 ? a >= 0 : a <= 0);
	ASSUME(IMPLIES(of >= 0 && part <= whole, a <= of));
	return a;
}

static inline bool protection_ok(int32_t value)
{
	return value == SAMPLE_NO_VALUE || (value >= -PROTECTION_MAX && value <= PROTECTION_MAX);
}

#endif
