/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep_protection() of src/core/cycle_sample.c (SAF-15): the protection values of the BMS once they
 * are known.
 *
 * Proven, for every sample, from every state, for every member of struct bms_limits: the envelope
 * gets the value that the BMS reports; if it reports none, the last one known, so that no ceiling
 * opens because a register is missing or absurd.
 *
 * Bounds: one sample, from any state: so any number of them. The structure is taken word by word;
 * that it consists of such words is claimed too, so that no member is left out.
 *
 * Assumed: nothing.
 *
 * cbmc: --unwind 20 --signed-overflow-check --conversion-check
 */
#include "core/cycle_sample.c"
#include "proof.h"

#define WORDS (sizeof(struct bms_limits) / sizeof(int32_t))

int main(void)
{
	struct bms_limits known;    /* any content */
	struct bms_limits reported; /* any content */
	const struct bms_limits before = known;
	struct bms_limits now = reported;
	const int32_t *const k = &known.pack_ovp_mv;
	const int32_t *const r = &reported.pack_ovp_mv;
	const int32_t *const b = &before.pack_ovp_mv;
	const int32_t *const n = &now.pack_ovp_mv;

	PROVE(sizeof(struct bms_limits) % sizeof(int32_t) == 0, "nothing but words");
	keep_protection(&known, &now);
	for (uint32_t i = 0; i < WORDS; i++) {
		PROVE_IF(r[i] != SAMPLE_NO_VALUE, n[i] == r[i], "as reported");
		PROVE_IF(r[i] == SAMPLE_NO_VALUE, n[i] == b[i], "the last one known");
		PROVE(k[i] == n[i], "remembered");
	}
	return 0;
}
