/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jk_framer_feed(), jk_framer_gap(), jk_framer_reset() and jk_framer_init() of
 * src/proto/jk_framer.c.
 *
 * Proven, from every state that satisfies framer_ok(), for every content:
 *   - every byte is stored inside the buffer ("fill within the buffer": a search follows each
 *     store; CBMC by itself sees only the end of the structure), no byte behind the given ones is
 *     read;
 *   - the return value is at most the number of bytes, less only if a frame is complete;
 *   - the gap ends, with a frame or with an empty framer;
 *   - the invariant holds afterwards, and holds after init and reset.
 *
 * Bounds: 0..BYTES_MAX bytes fed in a call; for the gap, 0..BYTES_MAX bytes in the framer. More
 * would be more of the same turn: a turn of either loop begins in a state with framer_ok() and no
 * frame, and every such state is also one in which the first turn begins; each turn of the gap
 * takes a byte away, each turn of the feed uses one.
 *
 * Assumed: counters below 2^31 (they may wrap). framer_search() and framer_drop() are replaced by
 * their contracts; jk_search.c proves them. The buffer is not the subject here.
 *
 * cbmc: --unwind 10 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 * replace: framer_search search_contract
 * replace: framer_drop drop_contract
 */
#include "proto/jk_framer.c"
#include "proof.h"
#include "proof_jk.h"

#define BYTES_MAX 4U

void drop_contract(struct jk_framer *f, uint16_t n)
{
	PROVE(n <= f->len, "no more is dropped than is there");
	f->len = (uint16_t)(f->len - n);
}

uint16_t search_contract(struct jk_framer *f)
{
	const uint16_t before = f->len;

	PROVE(f->len <= JK_FRAME_MAX, "fill within the buffer");
	f->len = nondet_u16();
	f->done = nondet_u16();
	f->buf[JK_AT_LEN] = nondet_u8();
	f->buf[JK_AT_LEN + 1] = nondet_u8();
	ASSUME(f->len <= before && f->done <= f->len); /* it only drops */
	ASSUME(f->done > 0 || (f->len < JK_FRAME_MAX && framer_waits(f)));
	ASSUME(f->done == 0 || f->done >= JK_REQUEST_SIZE);
	return f->done;
}

static struct jk_framer any_framer(void)
{
	struct jk_framer f; /* any content */

	ASSUME(framer_ok(&f));
	ASSUME(f.count[JK_NOISE] < UINT32_MAX / 2 && f.count[JK_TRUNCATED] < UINT32_MAX / 2);
	return f;
}

static void prove_feed(void)
{
	struct jk_framer f = any_framer();
	uint8_t room[BYTES_MAX]; /* any content */
	const size_t n = nondet_size();
	uint16_t frame;

	ASSUME(n <= BYTES_MAX);
	const size_t used = jk_framer_feed(&f, room, n, &frame);

	PROVE(used <= n, "no byte is used twice");
	PROVE_IF(used<n, frame> 0, "stops only at a frame");
	PROVE(frame == f.done && framer_ok(&f), "invariant after feed");
}

static void prove_gap(void)
{
	struct jk_framer f = any_framer();
	uint16_t frame;

	ASSUME(f.len <= BYTES_MAX);
	jk_framer_gap(&f, &frame);
	PROVE_IF(frame == 0, f.len == 0, "a gap leaves a frame or nothing");
	PROVE(frame == f.done && framer_ok(&f), "invariant after a gap");
}

int main(void)
{
	struct jk_framer f; /* any content */

	jk_framer_init(&f);
	PROVE(framer_ok(&f) && f.len == 0, "invariant from the start");
	f = any_framer();
	jk_framer_reset(&f);
	PROVE(framer_ok(&f) && f.len == 0, "invariant after reset");
	prove_feed();
	prove_gap();
	return 0;
}
