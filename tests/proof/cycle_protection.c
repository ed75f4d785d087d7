/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep_protection() of src/core/cycle_sample.c (SAF-15): the BMS's over-current protection once it
 * is known.
 *
 * Proven, for every sample, from every state: the sample that the envelope gets has the value that
 * the BMS reports; if it reports none, the last one known, so that the ceiling of envelope.c does not
 * open; cells, alarms and missing fields are those of the sample.
 *
 * Bounds: one sample, from any state: so any number of them.
 *
 * Assumed: nothing.
 *
 * cbmc: --max-field-sensitivity-array-size 0
 * cbmc: --unwind 4 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 */
#include "core/cycle_sample.c"
#include "proof.h"

static struct cycle c; /* main() gives it any content */

int main(void)
{
	struct cycle any; /* any content */
	struct sample s;  /* any content */
	const bool scratch = nondet_bool();

	c = any;
	if (scratch) {
		c.decoded = s; /* as cycle_step() calls it */
	}
	const int32_t known_ma[DIRS] = {c.known_ocp_ma[DIR_CHARGE], c.known_ocp_ma[DIR_DISCHARGE]};
	const struct sample *kept = keep_protection(&c, scratch ? &c.decoded : &s);

	for (uint32_t d = 0; d < DIRS; d++) {
		const int32_t reported_ma = s.bms.ocp_ma[d];

		PROVE_IF(reported_ma != SAMPLE_NO_VALUE, kept->bms.ocp_ma[d] == reported_ma,
			 "as reported");
		PROVE_IF(reported_ma == SAMPLE_NO_VALUE, kept->bms.ocp_ma[d] == known_ma[d],
			 "the last one known");
		PROVE(c.known_ocp_ma[d] == kept->bms.ocp_ma[d], "remembered");
	}
	PROVE(kept->cell_min_mv == s.cell_min_mv && kept->cell_max_mv == s.cell_max_mv &&
		      kept->missing == s.missing && kept->alarms == s.alarms &&
		      kept->bms.capacity_mah == s.bms.capacity_mah,
	      "all else of the sample");
	return 0;
}
