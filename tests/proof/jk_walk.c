/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode_registers() of src/proto/jk_decode.c: the walk over the registers.
 *
 * Proven, for every number of bytes and every content, from every sample: only bytes that are there
 * are read and handed to store(); a register is stored once; a turn takes two bytes at least, so
 * the walk ends; the verdict is JK_OK or JK_BAD_REGISTER; an unknown register is let pass behind
 * the version only and remembered.
 *
 * Bound: the first two turns of a call. A turn depends on the rest of the bytes and on the sample
 * alone, and every such rest and sample is also one with which a call begins: so these are all
 * turns of all walks.
 *
 * Assumed: store() does what jk_store.c proves of it.
 *
 * takes: 5
 * cbmc: --unwind 4 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check --undefined-shift-check
 * replace: store store_contract
 */
#include "proto/jk_decode.c"
#include "proof.h"

#define TURNS 2

static uint8_t room[JK_FRAME_MAX];
static const uint8_t *next; /* behind what the last turn took */
static uint32_t turns;

void store_contract(struct jk_sample *s, const struct reg_row *row, const uint8_t *value)
{
	PROVE(value == next + 1, "the value follows its tag");
	PROVE(row >= reg_table && row <= &reg_table[TAG_LAST - TAG_FIRST], "row of the table");
	PROVE(row->size >= 1, "a turn takes two bytes at least");
	PROVE(value + row->size <= room + JK_FRAME_MAX, "the value lies in the bytes given");
	PROVE((s->have & JK_HAVE(row->reg)) == 0, "a register is stored once");
	s->have |= JK_HAVE(row->reg);
	next = value + row->size;
	turns++;
	ASSUME(turns < TURNS || next == room + JK_FRAME_MAX);
}

int main(void)
{
	uint8_t any[JK_FRAME_MAX]; /* any content */
	struct jk_sample s;	   /* any content */
	const size_t len = nondet_size();

	__CPROVER_array_copy(room, any);
	ASSUME(len <= JK_FRAME_MAX);
	s.unknown_tag = 0;
	next = room + (JK_FRAME_MAX - len);
	const enum jk_verdict v = decode_registers(next, len, &s);

	PROVE(v == JK_OK || v == JK_BAD_REGISTER, "one of two verdicts");
	PROVE_IF(v == JK_OK, next == room + JK_FRAME_MAX || s.unknown_tag == *next,
		 "to the end or to an unknown register");
	PROVE_IF(s.unknown_tag != 0, (s.have & JK_HAVE(JK_REG_VERSION)) != 0,
		 "an unknown register behind the version only");
	return 0;
}
