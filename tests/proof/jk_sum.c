/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jk_frame_sum() of src/proto/jk_framer.c.
 *
 * Proven, for every number of bytes 0..JK_FRAME_MAX and every content: nothing behind the largest
 * frame is read, the sum does not overflow, the loop ends; for 0..2 bytes the value is their sum.
 *
 * Bounds: none; the loop runs over JK_FRAME_MAX bytes.
 *
 * Assumed: nothing.
 *
 * cbmc: --unwind 404 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 */
#include "proto/jk_framer.c"
#include "proof.h"

int main(void)
{
	uint8_t room[JK_FRAME_MAX]; /* any content */
	const size_t n = nondet_size();

	ASSUME(n <= JK_FRAME_MAX);
	const uint8_t *p = room;
	const uint16_t sum = jk_frame_sum(p, n);

	PROVE_IF(n == 0, sum == 0, "nothing adds up to 0");
	PROVE_IF(n == 1, sum == p[0], "one byte");
	PROVE_IF(n == 2, sum == p[0] + p[1], "two bytes");
	return 0;
}
