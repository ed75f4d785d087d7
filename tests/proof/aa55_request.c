/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What src/proto/aa55.c and src/proto/goodwe_modbus.c can ask of a GoodWe inverter.
 *
 * Proven, for every number given as the question: the request is one of the three that read, by
 * AA55 or by Modbus. Nothing else can be built: a writing request works without a password.
 *
 * Bounds: none.
 *
 * Assumed: nothing.
 *
 * takes: 3
 * cbmc: --unwind 20 --signed-overflow-check --bounds-check --pointer-check
 * cbmc: --pointer-overflow-check --undefined-shift-check
 */
#include <stdbool.h>

/* Two files, one unit: the same names of static functions. */
#define judge_header judge_header_aa55
#define percent	     percent_aa55
#include "proto/aa55.c"
#undef judge_header
#undef percent
#undef AT_FUNCTION
#undef AT_DATA
#undef PERCENT
#undef TENTH
#undef WHOLE
#undef UNIT
#include "proto/goodwe.c"
#include "proto/goodwe_modbus.c"
#include "proof.h"

int main(void)
{
	uint8_t a[AA55_REQUEST_SIZE];
	uint8_t m[GOODWE_MODBUS_REQUEST_SIZE];

	aa55_request_build((enum aa55_query)nondet_u32(), a);
	PROVE(a[0] == 0xAA && a[1] == 0x55 && a[2] == 0xC0 && a[3] == 0x7F, "to the inverter");
	PROVE(a[4] == 1 && (a[5] == 2 || a[5] == 6 || a[5] == 9) && a[6] == 0, "AA55 reads");
	PROVE(a[7] * 256 + a[8] == 0x23F + a[5], "AA55 sum");
	goodwe_modbus_request_build((enum goodwe_block)nondet_u32(), m);
	PROVE(m[0] == 0xF7 && m[1] == 3, "Modbus reads");
	PROVE(m[4] == 0 && (m[5] == 33 || m[5] == 125 || m[5] == 24), "a block of the list");
	return 0;
}
