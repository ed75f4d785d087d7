/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jk_request_build() of src/proto/jk_framer.c: the other encoder.
 *
 * Proven, for every source byte the protocol has: all JK_REQUEST_SIZE bytes and none behind them
 * are written (they are an object of their own), and jk_frame_judge() finds a good frame of this
 * size with the source in it.
 *
 * Bounds: none; a request has one size.
 *
 * Assumed: the source is one of enum jk_source.
 *
 * cbmc: --unwind 24 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check
 */
#include "proto/jk_framer.c"
#include "proof.h"

int main(void)
{
	uint8_t frame[JK_REQUEST_SIZE]; /* any content */
	const unsigned int source = nondet_u8();
	enum jk_verdict v = JK_VERDICTS;

	ASSUME(source <= JK_SOURCE_PC);
	jk_request_build((enum jk_source)source, frame);
	PROVE(jk_frame_judge(frame, sizeof(frame), &v) && v == JK_OK, "a good frame");
	PROVE(jk_frame_size(frame) == sizeof(frame), "all of it");
	PROVE(frame[JK_AT_SOURCE] == source, "source as wanted");
	return 0;
}
