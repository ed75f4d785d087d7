/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jk_frame_judge() of src/proto/jk_framer.c.
 *
 * Proven, for every number of bytes 0..JK_FRAME_MAX and every content:
 *   - not a byte behind the given ones is read (they lie at the end of an object of their own);
 *   - "not yet" is said only below the announced size and below JK_FRAME_MAX, leaves the verdict
 *     alone, and only if what is there may begin a frame;
 *   - "good" means: announced size within JK_REQUEST_SIZE..JK_FRAME_MAX, all of it there;
 *   - the verdict is one that the framer counts.
 *
 * Bounds: none; there is no loop but that of the sum.
 *
 * Assumed: nothing. jk_frame_sum() is replaced by "any sum", having shown that what it is to add
 * lies in the buffer; jk_sum.c has the real one.
 *
 * cbmc: --unwind 3 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 * replace: jk_frame_sum any_sum
 */
#include "proto/jk_framer.c"
#include "proof.h"
#include "proof_jk.h"

static size_t given;
static const uint8_t *given_at;

uint16_t any_sum(const uint8_t *p, size_t n)
{
	PROVE(p == given_at && n <= given && n <= JK_FRAME_MAX, "sum of given bytes only");
	return nondet_u16();
}

int main(void)
{
	uint8_t room[JK_FRAME_MAX]; /* any content */
	const size_t n = nondet_size();
	enum jk_verdict v = JK_VERDICTS;

	ASSUME(n <= JK_FRAME_MAX);
	given = n;
	given_at = room + (JK_FRAME_MAX - n);
	const bool said = jk_frame_judge(given_at, n, &v);

	PROVE(judge_result_ok(given_at, n, said, v), "contract of jk_frame_judge()");
	return 0;
}
