/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pylon_decode() of src/proto/pylon.c, which reads what anybody on the bus may have sent.
 *
 * Proven, for every struct can_msg, a wrong length included: no undefined behaviour, no access
 * outside the payload; what is not accepted leaves the report as it was; what is accepted is one
 * of the known kinds, its text is terminated and printable.
 *
 * Bounds: none; the loops run over the bytes and the alarm bits.
 *
 * Assumed: nothing.
 *
 * cbmc: --unwind 34 --signed-overflow-check --div-by-zero-check --conversion-check
 * cbmc: --bounds-check --pointer-check --undefined-shift-check --unsigned-overflow-check
 */
#include <errno.h>

#include "proto/pylon.c"
#include "proof.h"

int main(void)
{
	struct can_msg m; /* any content */
	struct pylon_report r = {.kind = PYLON_FRAMES};
	const int status = pylon_decode(&m, &r);

	if (status != 0) {
		PROVE(status == -ENOENT || status == -EMSGSIZE, "one of two refusals");
		PROVE(r.kind == PYLON_FRAMES, "untouched on failure");
		return 0;
	}
	PROVE(r.kind < PYLON_FRAMES && pylon_frame_id(r.kind) == m.id, "kind of the identifier");
	PROVE(r.name[CAN_MSG_DATA_MAX] == '\0', "text ends");
	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		PROVE(r.name[i] == '\0' || (r.name[i] >= ' ' && r.name[i] <= '~'),
		      "text printable");
	}
	for (uint32_t i = 0; i < sizeof(r.raw); i++) {
		PROVE_IF(r.kind == PYLON_FRAME_NAME, r.raw[i] == 0, "nothing behind the text");
	}
	if (r.kind == PYLON_FRAME_LIMITS) {
		PROVE(r.state.ccl_ma % CURRENT_MA_STEP == 0 && r.state.ccl_ma <= 3276700 &&
			      r.state.ccl_ma >= -3276800,
		      "current in the range of the field");
	}
	return 0;
}
