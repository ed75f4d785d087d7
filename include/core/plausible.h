/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a sample believable? The sum of the JK protocol lets 6 % of random two-bit errors pass, so a
 * sample may lower limits by itself, but only consistent ones may raise them (SAFETY.md 3).
 */
#ifndef JKP_CORE_PLAUSIBLE_H
#define JKP_CORE_PLAUSIBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/sample.h"
#include "core/sink.h"

#define PLAUSIBLE_CELL_MIN_MV	 1000
#define PLAUSIBLE_CELL_MAX_MV	 4500
#define PLAUSIBLE_CELL_JUMP_MV	 200
#define PLAUSIBLE_SOC_JUMP_PCT	 5
#define PLAUSIBLE_SUM_MV	 500
#define PLAUSIBLE_SUM_PM	 10   /* 1 % of the pack voltage */
#define PLAUSIBLE_OCP_PM	 1500 /* 1.5 x OCP */
#define PLAUSIBLE_CONFIRM	 2    /* samples until an implausible value is a fact */
#define PLAUSIBLE_PROBE_SAMPLES	 10
#define PLAUSIBLE_FROZEN_MA	 1000
#define PLAUSIBLE_FROZEN_WARN_MS 60000
#define PLAUSIBLE_FROZEN_STOP_MS 300000

/**
 * struct plausible - what is remembered between samples; caller-owned
 */
struct plausible {
	bool have_last;
	bool have_soc;
	uint8_t cells;	       /* agreed cell count, 0 = none yet */
	uint8_t last_soc;      /* last usable one, from @have_soc on */
	uint8_t probe_samples; /* samples seen while looking for probes, up to 10 */
	uint8_t probe_fitted;  /* mask */
	uint8_t bad_cells;     /* consecutive samples with a cell out of range or another count */
	uint8_t bad_sum;
	uint8_t last_cells;
	uint16_t last_cell_mv[SAMPLE_CELLS_MAX];
	int64_t frozen_since_ns;
};

/**
 * struct plausible_result - what the sample may be used for
 * @good: counts as a good sample: may confirm a rise
 * @safe_set: confirmed nonsense: ladder step 2, and the sample does not refresh the age
 * @frozen: identical frames for too long: ladder step 2
 * @no_rise: no limit may rise on this sample
 * @soc_valid: the SoC may be shown
 * @pack_valid: the pack voltage may be shown: it is the sum of the cells
 * @cells_valid: cell voltages may be judged against levels and feed the ratchet
 * @probes_ok: every probe that is needed is valid, and there is at least one
 * @probe_mask: probes to be used for the temperature rules
 */
struct plausible_result {
	bool good;
	bool safe_set;
	bool frozen;
	bool no_rise;
	bool soc_valid;
	bool pack_valid;
	bool cells_valid;
	bool probes_ok;
	uint8_t probe_mask;
};

void plausible_init(struct plausible *p);

/**
 * plausible_step - judge one sample
 * @p: memory
 * @c: settings
 * @s: the sample
 * @identical: the whole frame is byte for byte the one before
 * @sink: events
 * @ret: receives the verdict
 *
 * Context: the thread that runs the step. Pure. Bound: cells.
 */
void plausible_step(struct plausible *p, const struct core_config *c, const struct sample *s,
		    bool identical, struct sink *sink, struct plausible_result *ret);

#endif
