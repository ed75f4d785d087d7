/* SPDX-License-Identifier: Apache-2.0 */
/*
 * take_cells() of src/core/sample.c: the lowest and the highest cell.
 *
 * Proven, for every reply with 1..CELLS_FEW cells of any voltage: no cell lies below the lowest or
 * above the highest, and each of these two is one of the cells; the cells are taken over as they
 * are. So the two rise and fall with the cells, which is what envelope.c builds on.
 *
 * Bound: CELLS_FEW, not JK_CELLS_MAX. A turn of the loop is the same for every cell, and solvers
 * find long rows of comparisons hard.
 *
 * Assumed: there is a cell (jk_decode.c proves it); the sample is all 0 before, as
 * sample_from_jk() makes it.
 *
 * cbmc: --max-field-sensitivity-array-size 0
 * cbmc: --unwind 8 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --undefined-shift-check
 */
#include "core/sample.c"
#include "proof.h"

#define CELLS_FEW 6

int main(void)
{
	struct jk_sample jk; /* any content */
	struct sample s = {0};
	bool lowest = false;
	bool highest = false;

	ASSUME(jk.cells >= 1 && jk.cells <= CELLS_FEW);
	take_cells(&jk, &s);
	for (uint32_t i = 0; i < CELLS_FEW; i++) {
		PROVE_IF(i < jk.cells,
			 s.cell_min_mv <= jk.cell_mv[i] && s.cell_max_mv >= jk.cell_mv[i],
			 "no cell outside");
		PROVE_IF(i < jk.cells, s.cell_mv[i] == jk.cell_mv[i], "cells as decoded");
		lowest = lowest || (i < jk.cells && jk.cell_mv[i] == s.cell_min_mv);
		highest = highest || (i < jk.cells && jk.cell_mv[i] == s.cell_max_mv);
	}
	PROVE(lowest, "the lowest is one of them");
	PROVE(highest, "the highest is one of them");
	return 0;
}
