/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aa55_runtime_decode() of src/proto/aa55.c, for a datagram from anywhere.
 *
 * Proven, for every length 0..AA55_REPLY_MAX + 1 and every content:
 *   - not a byte behind the datagram is read (it lies at the end of an object), no overflow;
 *   - what is refused leaves the output alone;
 *   - the sign of the current is that of the battery's mode, a current or a state of charge is in
 *     range or has no value, the grid's sign is that of its direction.
 *
 * Bounds: none; the loops run over the bytes and the rows.
 *
 * Assumed: sum_of() gives any number and reads the bytes it is given (their ends are looked at).
 *
 * takes: 25
 * cbmc: --unwind 46 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --pointer-overflow-check --undefined-shift-check --div-by-zero-check
 * replace: sum_of sum_contract
 */
#include "proof_aa55.h"

int main(void)
{
	size_t n = 0;
	const uint8_t *p = any_datagram(&n);
	struct aa55_runtime r = {.battery.mode = -1};

	if (aa55_runtime_decode(p, n, &r) != GOODWE_OK) {
		PROVE(r.battery.mode == -1, "runtime untouched on failure");
		return 0;
	}
	const struct goodwe_battery *b = &r.battery;

	PROVE(r.len + AA55_FRAME == n, "length of the data");
	PROVE_IF(b->current_ma > 0, b->mode == GOODWE_MODE_CHARGE, "charging by the mode alone");
	PROVE_IF(b->current_ma < 0 && b->current_ma != GOODWE_NO_VALUE,
		 b->mode != GOODWE_MODE_CHARGE, "discharging by the mode alone");
	PROVE(b->current_ma == GOODWE_NO_VALUE ||
		      (b->current_ma >= -6553400 && b->current_ma <= 6553400),
	      "current in range");
	PROVE(b->soc_pct == GOODWE_NO_VALUE || (b->soc_pct >= 0 && b->soc_pct <= 100),
	      "state of charge in range");
	PROVE_IF(r.grid_power_w > 0, r.grid_direction == 2, "import by the direction alone");
	return 0;
}
