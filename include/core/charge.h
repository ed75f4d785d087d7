/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charge phases: bulk, absorption, float, and back. They move the charge voltage limit (CVL) and
 * decide when the battery counts as full; currents are the business of the envelope.
 */
#ifndef JKP_CORE_CHARGE_H
#define JKP_CORE_CHARGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/sample.h"
#include "core/sink.h"
#include "core/telemetry.h"

#define CHARGE_CVL_FLOOR_MV 3000 /* per cell: no CVL below this (SAF-09) */
#define CHARGE_AT_BULK_MV   10	 /* mean cell this close to bulk: absorption begins */
#define CHARGE_LEFT_BULK_MV 50	 /* highest cell this far below bulk: back to bulk */
#define CHARGE_OVP_GUARD_MV 20	 /* CVL per cell stays this far below the BMS's OVP */

/**
 * struct charge - phase logic; caller-owned
 * @sample_ns: newest good sample
 * @cell_target_uv: CVL per cell, microvolt, so that a slow transition is exact
 */
struct charge {
	uint32_t phase; /* enum phase */
	bool full;
	bool started;
	int32_t spread_ref_mv;
	int64_t cell_target_uv;
	int64_t last_ns;
	int64_t phase_since_ns;
	int64_t steady_since_ns;
	int64_t sample_ns;
	int64_t full_since_ns;
};

void charge_init(struct charge *ch, int64_t now_ns);

/**
 * charge_sample - move through the phases
 * @ch: memory
 * @c: settings
 * @s: a good sample
 * @want_full: a full charge was asked for: leave float
 * @sink: events
 */
void charge_sample(struct charge *ch, const struct core_config *c, const struct sample *s,
		   bool want_full, struct sink *sink);

/**
 * charge_cvl_mv - charge voltage limit of the pack now
 * @ch: memory
 * @c: settings
 * @now_ns: time
 * @cells: number of cells
 * @ovp_mv: the BMS's over-voltage protection, INT32_MAX if unknown
 *
 * Return: mV, within 3.0 V and the configured maximum times the number of cells, and at least 20 mV
 * per cell below the BMS's over-voltage protection where that leaves 3.0 V.
 */
int32_t charge_cvl_mv(struct charge *ch, const struct core_config *c, int64_t now_ns, int32_t cells,
		      int32_t ovp_mv);

#endif
