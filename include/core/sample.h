/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The battery in project units, whatever BMS it came from. A sample carries the time of the last
 * byte of the request that it answers: its age is judged from there (SAF-02).
 */
#ifndef JKP_CORE_SAMPLE_H
#define JKP_CORE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/config.h"
#include "proto/jk_uart.h"

#define SAMPLE_CELLS_MAX JK_CELLS_MAX
#define SAMPLE_PROBES	 2U

/* Fields that control cannot do without; struct sample.missing. */
#define SAMPLE_NO_PACK_MV (1U << 0)
#define SAMPLE_NO_CURRENT (1U << 1)
#define SAMPLE_NO_SOC	  (1U << 2)
#define SAMPLE_NO_ALARMS  (1U << 3)
#define SAMPLE_NO_STATUS  (1U << 4)
#define SAMPLE_NO_MOS	  (1U << 5)

/* "The BMS has no usable value here." */
#define SAMPLE_NO_VALUE INT32_MIN

/* Settings that are looked at: bits of sample.odd, and places of its values. */
enum bms_setting {
	BMS_SET_PACK_OVP,
	BMS_SET_PACK_UVP,
	BMS_SET_CELL_OVP,
	BMS_SET_CELL_UVP,
	BMS_SET_DISCHARGE_OCP,
	BMS_SET_CHARGE_OCP,
	BMS_SET_MOS_OTP,
	BMS_SET_BOX_OTP,
	BMS_SET_CHARGE_OTP,
	BMS_SET_DISCHARGE_OTP,
	BMS_SET_CHARGE_UTP,
	BMS_SET_DISCHARGE_UTP,
	BMS_SET_CAPACITY,
	BMS_SETTINGS
};

/* Register of a setting, for messages. */
uint8_t bms_setting_register(enum bms_setting which);

/**
 * struct bms_limits - the BMS's own protection settings, SAMPLE_NO_VALUE where absent or absurd
 * @pack_ovp_mv, @pack_uvp_mv: those of the whole pack, for one cell: an outer bound of the others
 * @box_otp_dc: for both directions
 */
struct bms_limits {
	int32_t pack_ovp_mv;
	int32_t pack_uvp_mv;
	int32_t cell_ovp_mv;
	int32_t cell_uvp_mv;
	int32_t ocp_ma[DIRS];
	int32_t otp_dc[DIRS];
	int32_t utp_dc[DIRS];
	int32_t mos_otp_dc;
	int32_t box_otp_dc;
	int32_t capacity_mah;
};

/* Every member "no value". */
void bms_limits_none(struct bms_limits *ret_limits);

/**
 * struct sample - one reading of the battery
 * @t_ns: last byte of the request, CLOCK_MONOTONIC
 * @missing: SAMPLE_NO_* bits
 * @probe_dc: nominal probe temperatures
 * @probe_floor_dc: lowest temperature the reading may stand for: used for every cold limit
 * @alarms: JK_ALARM_* bits
 * @mosfet: charge and discharge MOSFET really on
 * @odd: bits by enum bms_setting: the register is absent (@odd_value -1) or absurd
 */
struct sample {
	int64_t t_ns;
	uint8_t cells;
	uint8_t soc_pct;
	uint16_t odd;
	uint16_t cell_mv[SAMPLE_CELLS_MAX];
	uint16_t cell_min_mv;
	uint16_t cell_max_mv;
	uint8_t cell_min_no; /* 1..cells */
	uint8_t cell_max_no;
	uint16_t cycles;
	int32_t pack_mv;
	int32_t pack_ma;
	int32_t cell_sum_mv;
	uint32_t missing;
	int32_t odd_value[BMS_SETTINGS];
	uint16_t probe_raw[SAMPLE_PROBES];
	uint16_t mos_raw;
	bool probe_valid[SAMPLE_PROBES];
	bool mos_valid;
	bool balancing;
	bool mosfet[DIRS];
	uint16_t alarms;
	int32_t probe_dc[SAMPLE_PROBES];
	int32_t probe_floor_dc[SAMPLE_PROBES];
	int32_t mos_dc;
	struct bms_limits bms;
};

/**
 * sample_from_jk - normalise a decoded JK reply
 * @jk: decoded reply
 * @t_ns: time of the last byte of the request
 * @ret_sample: receives the sample
 *
 * Context: any thread. Pure. Bound: cells.
 */
void sample_from_jk(const struct jk_sample *jk, int64_t t_ns, struct sample *ret_sample);

#endif
