/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope: hard ceilings for charge and discharge, from one sample and nothing else. No
 * memory, no time, no filter: the same input always gives the same ceiling, a worse cell never a
 * higher one (SAF-04, SAF-05, SAF-15).
 */
#ifndef JKP_CORE_ENVELOPE_H
#define JKP_CORE_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rule.h"
#include "core/config.h"
#include "core/sample.h"

#define ENVELOPE_OCP_PM	       900 /* share of the BMS's over-current protection that may flow */
#define ENVELOPE_CELL_GUARD_MV 20  /* distance to the BMS's OVP and UVP */

/* JK alarm bits that forbid a direction. */
#define ENVELOPE_ALARMS_BOTH \
	(JK_ALARM_MOS_OT | JK_ALARM_BATTERY_OT | JK_ALARM_BOX_OT | JK_ALARM_309_A | JK_ALARM_309_B)
#define ENVELOPE_ALARMS_CHARGE                                                                  \
	(ENVELOPE_ALARMS_BOTH | JK_ALARM_CHARGE_OV | JK_ALARM_CHARGE_OC | JK_ALARM_BATTERY_UT | \
	 JK_ALARM_CELL_OV)
#define ENVELOPE_ALARMS_DISCHARGE \
	(ENVELOPE_ALARMS_BOTH | JK_ALARM_DISCHARGE_UV | JK_ALARM_DISCHARGE_OC | JK_ALARM_CELL_UV)

/**
 * struct envelope_in - what the envelope looks at
 * @cell_min_mv, @cell_max_mv: extreme cells
 * @cold_dc: lowest temperature any used probe may stand for
 * @hot_dc: highest temperature of the used probes
 * @mos_dc: MOSFET temperature
 * @alarms: JK_ALARM_* bits
 * @mosfet: MOSFET of the direction is on
 * @disobeyed: the direction was closed because its limit was not obeyed (SAF-21)
 * @recovery: attended recovery after under-voltage: charging at <= 0.05 C whatever the lowest cell
 * @valid: all fields that control needs are present
 * @probes_ok: needed temperature probes are valid
 * @bms: the BMS's own protection settings
 */
struct envelope_in {
	int32_t cell_min_mv;
	int32_t cell_max_mv;
	int32_t cold_dc;
	int32_t hot_dc;
	int32_t mos_dc;
	uint16_t alarms;
	bool mosfet[DIRS];
	bool disobeyed[DIRS];
	bool recovery;
	bool valid;
	bool probes_ok;
	struct bms_limits bms;
};

/**
 * envelope_input - collect what the envelope looks at from a sample
 * @s: sample
 * @probe_mask: probes to use
 * @probes_ok: verdict of the plausibility check
 * @ret: receives the input; disobeyed and recovery are false
 */
void envelope_input(const struct sample *s, uint8_t probe_mask, bool probes_ok,
		    struct envelope_in *ret);

/**
 * envelope_maximum - 100 % of the curves
 * @c: settings
 * @bms: the BMS's settings
 * @dir: direction
 *
 * Return: min(configured maximum, C-rate x capacity, 0.9 x OCP), mA, >= 0.
 */
int32_t envelope_maximum(const struct core_config *c, const struct bms_limits *bms, enum dir dir);

/**
 * envelope_eval - the hard ceiling of one direction
 * @c: settings that core_config_check() accepted
 * @in: input
 * @dir: direction
 * @ret_rule: receives the rule that set it (the first in list order if several agree)
 * @ret_each: receives every rule's own value, INT32_MAX where a rule does not apply; may be NULL
 *
 * Return: ceiling in mA, 0..configured maximum.
 * Context: any thread. Pure. Bound: number of rules.
 */
int32_t envelope_eval(const struct core_config *c, const struct envelope_in *in, enum dir dir,
		      uint32_t *ret_rule, int32_t ret_each[RULES]);

/**
 * envelope_cells - the share of the ceiling that the cell rules alone allow, for the ratchet
 *
 * Return: mA; equal to envelope_cells_full() when every cell is in the 100 % zone.
 */
int32_t envelope_cells(const struct core_config *c, const struct envelope_in *in, enum dir dir);

/**
 * envelope_cells_full - what the cell rules allow at best
 *
 * A table may end below the maximum current: its full zone is where it ends.
 *
 * Return: mA, at most envelope_maximum().
 */
int32_t envelope_cells_full(const struct core_config *c, const struct bms_limits *bms,
			    enum dir dir);

#endif
