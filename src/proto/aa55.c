/* SPDX-License-Identifier: Apache-2.0 */
/* GoodWe AA55: requests, replies, and what they say. */
#include "proto/aa55.h"

#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "goodwe_bytes.h"

#define CONTROL_READ 0x01U
#define REPLY	     0x80U
#define AT_ADDRESS   2U
#define AT_CONTROL   4U
#define AT_FUNCTION  5U
#define AT_LENGTH    6U
#define AT_DATA	     7U
#define SUM_SIZE     2U
#define PERCENT	     100
#define NO_VALUE_16  UINT16_MAX
#define NO_VALUE_32  UINT32_MAX
#define TENTH	     100 /* 0.1 V in mV, 0.1 A in mA, 0.1 kWh in Wh */
#define WHOLE	     1000
#define UNIT	     1
#define AS_BITS	     0

/* What an answer must have to be of use: the byte at this offset. */
#define NEEDS_BATTERY_MODE 30U
#define NEEDS_SERIAL	   46U
#define NEEDS_DOD	   33U

static const uint8_t functions[AA55_QUERIES] = {
	[AA55_DEVICE] = 0x02,
	[AA55_RUNTIME] = 0x06,
	[AA55_SETTINGS] = 0x09,
};

static uint16_t sum_of(const uint8_t *p, size_t n)
{
	uint16_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum = (uint16_t)(sum + p[i]);
	}
	return sum;
}

static uint8_t function_of(enum aa55_query query)
{
	return functions[(uint32_t)query < AA55_QUERIES ? query : AA55_DEVICE];
}

void aa55_request_build(enum aa55_query query, uint8_t ret_frame[AA55_REQUEST_SIZE])
{
	const uint8_t frame[AA55_REQUEST_SIZE - SUM_SIZE] = {
		GOODWE_HEAD_0, GOODWE_HEAD_1,	   GOODWE_HOST, GOODWE_INVERTER,
		CONTROL_READ,  function_of(query), 0,
	};
	const uint16_t sum = sum_of(frame, sizeof(frame));

	memcpy(ret_frame, frame, sizeof(frame));
	ret_frame[sizeof(frame)] = (uint8_t)(sum >> 8);
	ret_frame[sizeof(frame) + 1] = (uint8_t)sum;
}

/* As far as the bytes are there. */
static enum goodwe_verdict judge_header(const uint8_t *p, size_t n)
{
	if ((n > 0 && p[0] != GOODWE_HEAD_0) || (n > 1 && p[1] != GOODWE_HEAD_1)) {
		return GOODWE_BAD_HEADER;
	}
	if (n < AT_CONTROL) {
		return GOODWE_SHORT;
	}
	if (p[AT_ADDRESS] == GOODWE_INVERTER && p[AT_ADDRESS + 1] == GOODWE_HOST) {
		return GOODWE_OK;
	}
	if (p[AT_ADDRESS] == GOODWE_HOST && p[AT_ADDRESS + 1] == GOODWE_INVERTER) {
		return GOODWE_ECHO;
	}
	return p[AT_ADDRESS] == GOODWE_SLAVE ? GOODWE_OTHER_PROTOCOL : GOODWE_BAD_HEADER;
}

enum goodwe_verdict aa55_reply_judge(const uint8_t *p, size_t n, enum aa55_query query,
				     const uint8_t **ret_data, size_t *ret_len)
{
	const enum goodwe_verdict v = judge_header(p, n);

	if (v != GOODWE_OK) {
		return v;
	}
	if (n < AA55_FRAME || n < (size_t)p[AT_LENGTH] + AA55_FRAME) {
		return GOODWE_SHORT;
	}
	if (n > (size_t)p[AT_LENGTH] + AA55_FRAME) {
		return GOODWE_BAD_LENGTH;
	}
	if (sum_of(p, n - SUM_SIZE) != goodwe_be16(p + n - SUM_SIZE)) {
		return GOODWE_BAD_SUM;
	}
	if (p[AT_CONTROL] != CONTROL_READ || p[AT_FUNCTION] != (function_of(query) | REPLY)) {
		return GOODWE_FOREIGN;
	}
	*ret_data = p + AT_DATA;
	*ret_len = p[AT_LENGTH];
	return GOODWE_OK;
}

enum kind {
	U8,
	U16,
	S16,
	U32,
};

/**
 * struct row - one value: where it is and where it goes
 * @at: offset in the data
 * @scale: our units in one of theirs; AS_BITS: uint32_t as received, 0 if absent
 * @offset: of the int32_t that takes it
 */
struct row {
	uint8_t at;
	uint8_t kind;
	uint16_t scale;
	uint16_t offset;
};

#define ROW(at, kind, scale, member)                                   \
	{                                                              \
		at, kind, scale, offsetof(struct aa55_runtime, member) \
	}

static const struct row runtime_rows[] = {
	ROW(0, U16, TENTH, pv1_mv),
	ROW(2, U16, TENTH, pv1_ma),
	ROW(4, U8, UNIT, pv1_mode),
	ROW(5, U16, TENTH, pv2_mv),
	ROW(7, U16, TENTH, pv2_ma),
	ROW(9, U8, UNIT, pv2_mode),
	ROW(10, U16, TENTH, battery.voltage_mv),
	ROW(14, U16, UNIT, battery_status),
	ROW(16, S16, UNIT, battery_temp_dc),
	ROW(18, U16, TENTH, battery.current_ma),
	ROW(20, U16, WHOLE, charge_limit_ma),
	ROW(22, U16, WHOLE, discharge_limit_ma),
	ROW(24, U16, UNIT, battery_error),
	ROW(26, U8, UNIT, battery.soc_pct),
	ROW(29, U8, UNIT, battery_soh_pct),
	ROW(31, U16, UNIT, battery_warning),
	ROW(33, U8, UNIT, meter_status),
	ROW(34, U16, TENTH, grid_mv),
	ROW(36, U16, TENTH, grid_ma),
	ROW(38, U16, UNIT, grid_power_w),
	ROW(40, U16, UNIT, grid_chz),
	ROW(42, U8, UNIT, grid_mode),
	ROW(43, U16, TENTH, load_mv),
	ROW(45, U16, TENTH, load_ma),
	ROW(47, U16, UNIT, load_power_w),
	ROW(49, U16, UNIT, load_chz),
	ROW(51, U8, UNIT, load_mode),
	ROW(52, U8, UNIT, energy_mode),
	ROW(53, S16, UNIT, temp_dc),
	ROW(55, U32, AS_BITS, errors),
	ROW(59, U32, TENTH, total_wh),
	ROW(63, U32, UNIT, hours),
	ROW(67, U16, TENTH, day_wh),
	ROW(69, U16, TENTH, load_day_wh),
	ROW(71, U32, TENTH, load_total_wh),
	ROW(75, S16, UNIT, total_power_w),
	ROW(77, U8, UNIT, effective_mode),
	ROW(78, U16, UNIT, relays),
	ROW(80, U8, UNIT, grid_direction),
	ROW(81, U16, UNIT, backup_power_w),
	ROW(83, U16, UNIT, power_factor_pm),
	ROW(89, U32, AS_BITS, diagnose),
};

#define SET(at, scale, member)                                         \
	{                                                              \
		at, U16, scale, offsetof(struct aa55_settings, member) \
	}

static const struct row settings_rows[] = {
	SET(22, UNIT, capacity_ah),	  SET(24, TENTH, charge_mv),	 SET(26, WHOLE, charge_ma),
	SET(28, WHOLE, discharge_ma),	  SET(30, TENTH, discharge_mv),	 SET(32, UNIT, dod_pct),
	SET(34, UNIT, battery_activated), SET(52, UNIT, export_limit_w), SET(66, UNIT, work_mode),
};

static size_t size_of(const struct row *row)
{
	return row->kind == U8 ? sizeof(uint8_t)
			       : (row->kind == U32 ? sizeof(uint32_t) : sizeof(uint16_t));
}

/* One value in our units; @p has size_of(@row) bytes. */
static int32_t value_of(const struct row *row, const uint8_t *p)
{
	switch (row->kind) {
	case U8:
		return *p;
	case S16:
		return goodwe_be16(p) == NO_VALUE_16 ? GOODWE_NO_VALUE : goodwe_s16(p) * row->scale;
	case U32:
		return goodwe_be32(p) == NO_VALUE_32
			       ? GOODWE_NO_VALUE
			       : sat_i32((int64_t)goodwe_be32(p) * row->scale);
	case U16:
	default:
		return goodwe_be16(p) == NO_VALUE_16 ? GOODWE_NO_VALUE
						     : goodwe_be16(p) * row->scale;
	}
}

static void store(const struct row *row, const uint8_t *data, size_t len, uint8_t *to)
{
	const bool there = row->at + size_of(row) <= len;

	if (row->scale == AS_BITS) {
		const uint32_t bits = there ? goodwe_be32(data + row->at) : 0U;

		memcpy(to + row->offset, &bits, sizeof(bits));
	} else {
		const int32_t v = there ? value_of(row, data + row->at) : GOODWE_NO_VALUE;

		memcpy(to + row->offset, &v, sizeof(v));
	}
}

static int32_t percent(int32_t v)
{
	return v >= 0 && v <= PERCENT ? v : GOODWE_NO_VALUE;
}

/* The values are magnitudes: what they mean is told elsewhere. */
static int32_t signed_by(int32_t magnitude, bool negative)
{
	return magnitude == GOODWE_NO_VALUE || !negative ? magnitude : -magnitude;
}

enum goodwe_verdict aa55_runtime_decode(const uint8_t *p, size_t n,
					struct aa55_runtime *ret_runtime)
{
	enum direction {
		GRID_IDLE,
		GRID_EXPORTING,
		GRID_IMPORTING,
	};
	struct aa55_runtime r = {0};
	const uint8_t *data = NULL;
	const enum goodwe_verdict v = aa55_reply_judge(p, n, AA55_RUNTIME, &data, &r.len);

	if (v != GOODWE_OK) {
		return v;
	}
	if (r.len <= NEEDS_BATTERY_MODE) {
		return GOODWE_TOO_LITTLE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(runtime_rows); i++) {
		store(&runtime_rows[i], data, r.len, (uint8_t *)&r);
	}
	r.battery.mode = data[NEEDS_BATTERY_MODE];
	r.battery.soc_pct = percent(r.battery.soc_pct);
	r.battery_soh_pct = percent(r.battery_soh_pct);
	r.battery.current_ma = signed_by(r.battery.current_ma,
					 r.battery.mode != GOODWE_MODE_CHARGE);
	r.battery.power_w = goodwe_power_w(r.battery.voltage_mv, r.battery.current_ma);
	/* Idle is a few watts; without a direction there is no sign. */
	if (r.grid_direction < GRID_IDLE || r.grid_direction > GRID_IMPORTING) {
		r.grid_power_w = GOODWE_NO_VALUE;
	}
	r.grid_power_w = signed_by(r.grid_power_w, r.grid_direction != GRID_IMPORTING);
	*ret_runtime = r;
	return GOODWE_OK;
}

enum goodwe_verdict aa55_device_decode(const uint8_t *p, size_t n, struct goodwe_device *ret_device)
{
	enum place {
		AT_FIRMWARE = 0,
		FIRMWARE_SIZE = 5,
		AT_MODEL = 5,
		MODEL_SIZE = 10,
		AT_SERIAL = 31,
		SERIAL_SIZE = 16,
		AT_ARM = 51,
		ARM_SIZE = 12,
	};
	struct goodwe_device d = {0};
	const uint8_t *data = NULL;
	size_t len = 0;
	const enum goodwe_verdict v = aa55_reply_judge(p, n, AA55_DEVICE, &data, &len);

	if (v != GOODWE_OK) {
		return v;
	}
	if (len <= NEEDS_SERIAL) {
		return GOODWE_TOO_LITTLE;
	}
	goodwe_text(d.firmware, data + AT_FIRMWARE, FIRMWARE_SIZE);
	goodwe_text(d.model, data + AT_MODEL, MODEL_SIZE);
	goodwe_text(d.serial, data + AT_SERIAL, SERIAL_SIZE);
	if (len >= AT_ARM + ARM_SIZE) {
		goodwe_text(d.arm, data + AT_ARM, ARM_SIZE);
	}
	*ret_device = d;
	return GOODWE_OK;
}

enum goodwe_verdict aa55_settings_decode(const uint8_t *p, size_t n,
					 struct aa55_settings *ret_settings)
{
	struct aa55_settings s = {0};
	const uint8_t *data = NULL;
	size_t len = 0;
	const enum goodwe_verdict v = aa55_reply_judge(p, n, AA55_SETTINGS, &data, &len);

	if (v != GOODWE_OK) {
		return v;
	}
	if (len <= NEEDS_DOD) {
		return GOODWE_TOO_LITTLE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings_rows); i++) {
		store(&settings_rows[i], data, len, (uint8_t *)&s);
	}
	/* Sent is what must stay in the battery. */
	s.dod_pct = percent(s.dod_pct);
	s.dod_pct = s.dod_pct == GOODWE_NO_VALUE ? s.dod_pct : PERCENT - s.dod_pct;
	*ret_settings = s;
	return GOODWE_OK;
}
