/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aa55_device_decode() and aa55_settings_decode() of src/proto/aa55.c, for a datagram from anywhere.
 *
 * Proven, for every length 0..AA55_REPLY_MAX + 1 and every content:
 *   - not a byte behind the datagram is read (it lies at the end of an object), no overflow;
 *   - what is refused leaves the output alone;
 *   - device: every text ends within its field; settings: the depth of discharge is in range.
 *
 * Bounds: none; the loops run over the bytes and the rows.
 *
 * Assumed: sum_of() gives any number and reads the bytes it is given (their ends are looked at).
 *
 * takes: 15
 * cbmc: --unwind 20 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --pointer-overflow-check --undefined-shift-check --div-by-zero-check
 * replace: sum_of sum_contract
 */
#include "proof_aa55.h"

static void prove_device(const uint8_t *p, size_t n)
{
	struct goodwe_device d = {.serial = "?"};

	if (aa55_device_decode(p, n, &d) != GOODWE_OK) {
		PROVE(d.serial[0] == '?' && d.serial[1] == '\0', "device untouched on failure");
		return;
	}
	PROVE(d.model[10] == '\0' && d.serial[16] == '\0' && d.firmware[5] == '\0' &&
		      d.arm[12] == '\0',
	      "texts end");
}

static void prove_settings(const uint8_t *p, size_t n)
{
	struct aa55_settings s = {.dod_pct = -1};

	if (aa55_settings_decode(p, n, &s) != GOODWE_OK) {
		PROVE(s.dod_pct == -1, "settings untouched on failure");
		return;
	}
	PROVE(s.dod_pct == GOODWE_NO_VALUE || (s.dod_pct >= 0 && s.dod_pct <= 100),
	      "depth of discharge in range");
}

int main(void)
{
	size_t n = 0;
	const uint8_t *p = any_datagram(&n);

	if (nondet_bool()) {
		prove_device(p, n);
	} else {
		prove_settings(p, n);
	}
	return 0;
}
