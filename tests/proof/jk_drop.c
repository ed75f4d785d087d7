/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framer_drop() of src/proto/jk_framer.c.
 *
 * Proven, for every fill and every number of bytes dropped: what memmove() of the C library is
 * asked for lies in the buffer and is the rest behind the dropped bytes, to the front; the fill
 * falls by what was dropped; done is left to framer_search().
 *
 * Bounds: none; there is no loop.
 *
 * Assumed: framer_ok() and n <= len, which jk_search.c and jk_feed.c prove; memmove() does what it
 * is asked for.
 *
 * cbmc: --unwind 4 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 */
#include "proto/jk_framer.c"
#include "proof.h"
#include "proof_jk.h"

static struct jk_framer f; /* main() gives it any content */
static size_t from;
static size_t size;
static uint32_t moves;

void *memmove(void *dest, const void *src, size_t n)
{
	PROVE(dest == f.buf, "to the front");
	PROVE((const uint8_t *)src >= f.buf && (const uint8_t *)src <= f.buf + JK_FRAME_MAX,
	      "from inside the buffer");
	from = (size_t)((const uint8_t *)src - f.buf);
	size = n;
	moves++;
	PROVE(size <= JK_FRAME_MAX - from, "not beyond the buffer");
	return dest;
}

int main(void)
{
	const uint16_t n = nondet_u16();

	f.len = nondet_u16();
	f.done = nondet_u16();
	ASSUME(framer_ok(&f) && n <= f.len);
	const uint16_t before = f.len;

	framer_drop(&f, n);
	PROVE(f.len == before - n, "fill falls by what was dropped");
	PROVE(moves == 1 && from == n && size == f.len, "the rest moves to the front");
	return 0;
}
