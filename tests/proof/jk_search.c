/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_search() of src/proto/jk_framer.c, from every state of the framer.
 *
 * Proven, for every fill 0..JK_FRAME_MAX and every content:
 *   - only bytes that are there are looked at, moved or dropped;
 *   - it ends: a byte is dropped in every turn;
 *   - afterwards either a judged frame stands first, done is its size and it is complete, or done
 *     is 0 and there is room for what is still missing (what jk_framer_feed() relies on);
 *   - what is left is not more than before, and the invariant framer_ok() holds.
 *
 * Bound: an answer comes after at most TURNS bytes dropped. A turn depends on the bytes from its
 * place on and their number alone, and every such rest is also one in which the first turn begins.
 *
 * Assumed: counters below 2^31, to keep the check of unsigned overflow (they may wrap, which hurts
 * nobody). jk_frame_judge() and framer_drop() are replaced by their contracts; jk_judge.c and
 * jk_drop.c prove them.
 *
 * cbmc: --unwind 16 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 * replace: jk_frame_judge judge_contract
 * replace: framer_drop drop_contract
 */
#include "proto/jk_framer.c"
#include "proof.h"
#include "proof_jk.h"

#define TURNS 3

static struct jk_framer f; /* main() gives it any content */

bool judge_contract(const uint8_t *p, size_t n, enum jk_verdict *ret_verdict)
{
	const bool said = nondet_bool();
	const enum jk_verdict v = said ? (enum jk_verdict)nondet_u8() : JK_VERDICTS;

	PROVE(p >= f.buf && n <= JK_FRAME_MAX && p + n <= f.buf + JK_FRAME_MAX,
	      "inside the buffer");
	ASSUME(judge_result_ok(p, n, said, v));
	ASSUME(IMPLIES(p >= f.buf + TURNS, !said || v == JK_OK));
	if (said) {
		*ret_verdict = v;
	}
	return said;
}

/* Only the first bytes are of interest behind it: those that say how long the frame is. */
void drop_contract(struct jk_framer *framer, uint16_t n)
{
	PROVE(framer == &f && n <= f.len, "no more is dropped than is there");
	for (uint16_t i = 0; i < JK_AT_TERMINAL; i++) {
		f.buf[i] = n + i < f.len ? f.buf[n + i] : nondet_u8();
	}
	f.len = (uint16_t)(f.len - n);
}

int main(void)
{
	struct jk_framer any; /* any content */

	f = any;
	ASSUME(framer_ok(&f));
	for (uint32_t i = 0; i < JK_VERDICTS; i++) {
		ASSUME(f.count[i] < UINT32_MAX / 2);
	}
	const uint16_t before = f.len;
	const uint16_t frame = framer_search(&f);

	PROVE(frame == f.done && framer_ok(&f), "invariant");
	PROVE(f.len <= before, "nothing comes from nowhere");
	PROVE_IF(frame == 0, f.len < JK_FRAME_MAX, "room for one more byte");
	PROVE_IF(frame == 0, framer_waits(&f), "more is announced than is there");
	PROVE_IF(frame > 0,
		 f.buf[0] == JK_START_0 && f.buf[1] == JK_START_1 && frame >= JK_REQUEST_SIZE &&
			 frame == jk_frame_size(f.buf),
		 "a whole frame stands first");
	return 0;
}
