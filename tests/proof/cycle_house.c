/* SPDX-License-Identifier: Apache-2.0 */
/*
 * house_proposal() of src/core/cycle_limit.c: arbiter and damping as one proposal (SAF-07).
 *
 * Proven: it is never above either of them, it is one of them, and the rule is that of the one it is.
 *
 * Bounds: none.
 *
 * Assumed: nothing; any caps, any rules.
 *
 * cbmc: --max-field-sensitivity-array-size 0
 * cbmc: --unwind 3 --signed-overflow-check --bounds-check --pointer-check
 */
#include "core/cycle_limit.c"
#include "proof.h"

int main(void)
{
	struct cycle c; /* any content */

	for (uint32_t d = 0; d < DIRS; d++) {
		const int32_t arbiter_ma = c.arbiter.cap_ma[d];
		const int32_t damping_ma = c.damping.cap_ma[d];
		const struct proposal p = house_proposal(&c, (enum dir)d);

		PROVE(p.cap_ma <= arbiter_ma, "never above the arbiter");
		PROVE(p.cap_ma <= damping_ma, "never above the damping");
		PROVE(p.cap_ma == arbiter_ma || p.cap_ma == damping_ma, "one of them");
		PROVE_IF(p.cap_ma < arbiter_ma, p.rule == RULE_DAMPING, "rule of the damping");
		PROVE_IF(p.cap_ma < damping_ma, p.rule == c.arbiter.rule[d], "rule of the arbiter");
	}
	return 0;
}
