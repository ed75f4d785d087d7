/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses of the JK protocol share: the framer's invariant and contracts. */
#ifndef JKP_TESTS_PROOF_JK_H
#define JKP_TESTS_PROOF_JK_H

#include "jk_frame.h"
#include "proof.h"

/* The framer's invariant: holds after jk_framer_init(), kept by every function. */
static inline bool framer_ok(const struct jk_framer *f)
{
	return f->len <= JK_FRAME_MAX && f->done <= f->len;
}

/* The announced size is JK_REQUEST_SIZE..JK_FRAME_MAX. */
static inline bool length_ok(const uint8_t *p)
{
	return jk_be16(p + JK_AT_LEN) >= JK_LEN_MIN && jk_be16(p + JK_AT_LEN) <= JK_LEN_MAX;
}

/* No frame is complete: what is announced is still to come, or nothing is announced yet. */
static inline bool framer_waits(const struct jk_framer *f)
{
	return f->len < JK_HEAD_SIZE || (length_ok(f->buf) && f->len < jk_frame_size(f->buf));
}

/* jk_frame_judge(@p, @n) returned @said and left @v; JK_VERDICTS: untouched. */
static inline bool judge_result_ok(const uint8_t *p, size_t n, bool said, enum jk_verdict v)
{
	if (!said) {
		return v == JK_VERDICTS && n < JK_FRAME_MAX &&
		       (n < JK_AT_TERMINAL || (length_ok(p) && n < jk_frame_size(p))) &&
		       (n < 1 || p[0] == JK_START_0) && (n < 2 || p[1] == JK_START_1);
	}
	if (v == JK_OK) {
		return n >= JK_REQUEST_SIZE && p[0] == JK_START_0 && p[1] == JK_START_1 &&
		       length_ok(p) && jk_frame_size(p) <= n;
	}
	return n > 0 && v > JK_OK && v < JK_TRUNCATED;
}

#endif
