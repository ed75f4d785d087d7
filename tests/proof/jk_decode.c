/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jk_decode() of src/proto/jk_decode.c, for bytes from anywhere.
 *
 * Proven, for every length 0..JK_FRAME_MAX and every content:
 *   - not a byte behind the given ones is read (they lie at the end of an object);
 *   - the walk over the registers is given what lies between cells and tail, no more;
 *   - the sample is left alone unless JK_OK is returned;
 *   - the cells stay inside their array (one is stored for each voltage read, in order; CBMC by
 *     itself sees only the end of the structure);
 *   - a decoded sample has 1..JK_CELLS_MAX cells, a known version, a cell count that agrees, and a
 *     current within the range of register 84.
 *
 * Bounds: none; the loop runs over JK_CELLS_MAX cells.
 *
 * Assumed: jk_frame_judge() and decode_registers() are replaced by their contracts (jk_judge.c,
 * jk_walk.c).
 *
 * takes: 25
 * cbmc: --unwind 34 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check --undefined-shift-check
 * replace: jk_frame_judge judge_contract
 * replace: decode_registers walk_contract
 * replace: jk_be16 be16_counted
 */
#include "proto/jk_decode.c"
#include "proof.h"
#include "proof_jk.h"

static uint8_t room[JK_FRAME_MAX];

static const uint8_t *frame;
static uint32_t voltages;

/* The same, and counts what decode_cells() reads by it: behind the header nobody else does. */
uint16_t be16_counted(const uint8_t *p)
{
	if (p - frame >= (ptrdiff_t)JK_AT_INFO) {
		voltages++;
		PROVE(voltages <= JK_CELLS_MAX, "room for every cell");
	}
	return (uint16_t)(p[0] * 256 + p[1]);
}

bool judge_contract(const uint8_t *p, size_t n, enum jk_verdict *ret_verdict)
{
	const bool said = nondet_bool();
	const enum jk_verdict v = said ? (enum jk_verdict)nondet_u8() : JK_VERDICTS;

	PROVE(p + n == room + JK_FRAME_MAX, "judged as a whole");
	ASSUME(judge_result_ok(p, n, said, v));
	if (said) {
		*ret_verdict = v;
	}
	return said;
}

/* Any registers; the cells stay as they are. */
enum jk_verdict walk_contract(const uint8_t *info, size_t len, struct jk_sample *s)
{
	const enum jk_verdict v = nondet_bool() ? JK_OK : JK_BAD_REGISTER;

	PROVE(info >= room && len <= JK_FRAME_MAX &&
		      info + len == room + JK_FRAME_MAX - JK_TAIL_SIZE,
	      "the registers are what is left");
	s->have |= nondet_u32();
	s->current_raw = nondet_u16();
	s->version = nondet_u8();
	s->cell_count = nondet_u16();
	return v;
}

int main(void)
{
	uint8_t any[JK_FRAME_MAX]; /* any content */
	struct jk_sample s = {.cells = JK_CELLS_MAX + 1};
	const size_t n = nondet_size();

	__CPROVER_array_copy(room, any);
	ASSUME(n <= JK_FRAME_MAX);
	frame = room + (JK_FRAME_MAX - n);
	const enum jk_verdict v = jk_decode(frame, n, &s);

	PROVE(v < JK_VERDICTS, "a verdict of the list");
	if (v != JK_OK) {
		PROVE(s.cells == JK_CELLS_MAX + 1, "untouched on failure");
		return 0;
	}
	PROVE(s.cells >= 1 && s.cells <= JK_CELLS_MAX, "number of cells");
	PROVE(s.version <= VERSION_SIGN_BIT, "known version");
	PROVE_IF((s.have & JK_HAVE(JK_REG_CELL_COUNT)) != 0, s.cell_count == s.cells,
		 "cell counts agree");
	PROVE(s.current_ma >= -555350 && s.current_ma <= 327670, "current in range");
	return 0;
}
