/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find_row(), store() and the register table of src/proto/jk_decode.c.
 *
 * Proven, for every tag, every value and every previous content of the sample:
 *   - a row is found for the tags of the table only and has a size of 1 byte at least;
 *   - store() reads the bytes of the value and none behind them (they end the object they lie in),
 *     and writes inside the sample;
 *   - no two registers share a byte of the sample or a bit of "have";
 *   - it sets the register's bit in the set "have" and clears none; no other field changes but
 *     the register's own (shown for a byte at any place).
 *
 * Bounds: none; the loops run over the table and the longest text.
 *
 * Assumed: nothing. Each row in turn instead of any row: constants are quick.
 *
 * takes: 16
 * cbmc: --object-bits 16
 * cbmc: --unwind 80 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check --undefined-shift-check
 */
#include "proto/jk_decode.c"
#include "proof.h"

#define VALUE_MAX 24U

/* Bytes of the sample that belong to a row. */
static size_t room_of(const struct reg_row *row)
{
	switch (row->kind) {
	case REG_UINT:
		return row->size;
	case REG_VOLT:
		return sizeof(int32_t);
	case REG_TEXT:
		return (size_t)row->size + 1;
	default:
		return 0;
	}
}

static void prove_store(const struct reg_row *row)
{
	/* Bytes, not a struct: CBMC is far quicker with them. */
	_Alignas(struct jk_sample) uint8_t bytes[sizeof(struct jk_sample)]; /* any content */
	_Alignas(struct jk_sample) uint8_t before[sizeof(struct jk_sample)];
	struct jk_sample *s = (struct jk_sample *)bytes;
	const struct jk_sample *old = (const struct jk_sample *)before;
	uint8_t value[VALUE_MAX]; /* any content */
	const size_t room = room_of(row);
	const size_t at = nondet_size();

	__CPROVER_array_copy(before, bytes);

	PROVE(row->size >= 1 && row->size <= VALUE_MAX && row->reg < JK_REGS, "row of the table");
	PROVE(row->offset + room <= sizeof(*s), "field inside the sample");
	store(s, row, value + (VALUE_MAX - row->size));
	PROVE(s->have == (old->have | JK_HAVE(row->reg)), "register is marked");
	ASSUME(at >= sizeof(s->have) && at < sizeof(*s));
	ASSUME(at < row->offset || at >= row->offset + room);
	PROVE(bytes[at] == before[at], "no other field changes");
}

/* Two registers share no byte of the sample. */
static void prove_apart(const struct reg_row *a, const struct reg_row *b)
{
	if (a == NULL || b == NULL || a == b) {
		return;
	}
	PROVE(a->reg != b->reg, "a bit of its own");
	PROVE(room_of(a) == 0 || room_of(b) == 0 || a->offset + room_of(a) <= b->offset ||
		      b->offset + room_of(b) <= a->offset,
	      "fields do not overlap");
}

int main(void)
{
	const uint8_t tag = nondet_u8();
	const struct reg_row *found = find_row(tag);

	PROVE_IF(found != NULL,
		 tag >= TAG_FIRST && tag <= TAG_LAST && found == &reg_table[tag - TAG_FIRST] &&
			 found->kind != REG_UNKNOWN,
		 "a row of the table or none");
	prove_apart(found, find_row(nondet_u8()));
	for (uint8_t t = TAG_CELLS + 1; t <= TAG_LAST; t++) {
		const struct reg_row *row = find_row(t);

		if (row != NULL) {
			prove_store(row);
		}
	}
	return 0;
}
