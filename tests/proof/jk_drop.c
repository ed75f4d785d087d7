/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_drop() of src/proto/jk_framer.c.
 *
 * Proven, for every fill and every number of bytes dropped: nothing outside the buffer is read or
 * written, the fill falls by that number, and what was behind the dropped bytes stands first, in
 * order (shown for a byte at any place).
 *
 * Assumed: framer_ok() and n <= len, which jk_search.c and jk_feed.c prove.
 *
 * cbmc: --unwind 404 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 */
#include "proto/jk_framer.c"
#include "proof.h"
#include "proof_jk.h"

int main(void)
{
	struct jk_framer f; /* any content */
	const uint16_t n = nondet_u16();
	const uint16_t at = nondet_u16();

	ASSUME(framer_ok(&f) && n <= f.len);
	ASSUME(at < f.len - n);
	const uint16_t before = f.len;
	const uint8_t byte = f.buf[n + at];

	framer_drop(&f, n);
	PROVE(f.len == before - n, "fill falls by what was dropped");
	PROVE(f.buf[at] == byte, "the rest moves to the front");
	return 0;
}
