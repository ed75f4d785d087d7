/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GoodWe AA55 protocol, UDP port 8899, inverters of the ES, EM and BP families (serial number with
 * ESU, ESA, ESC, EMU, EMJ, BPS, BPU). Big endian.
 *
 *   request  AA 55 C0 7F  control function length data  sum
 *   reply    AA 55 7F C0  control function|80 length data  sum
 *
 * Length counts the data, the sum of two bytes all bytes before it; a datagram is data + 9 bytes.
 *
 * Sources of the protocol facts: requests, captures and decoded values of marcelblijleven/goodwe
 * (tests, samples) and of mletenay/home-assistant-goodwe-inverter, issues 5, 138, 207, 249, 280;
 * home-assistant/core, issues 79866, 101817. The captures are in tests/vectors.
 */
#ifndef JKP_PROTO_AA55_H
#define JKP_PROTO_AA55_H

#include <stddef.h>
#include <stdint.h>

#include "proto/goodwe.h"

#define AA55_REQUEST_SIZE 9U
#define AA55_FRAME	  9U /* all but the data */
#define AA55_REPLY_MAX	  (AA55_FRAME + UINT8_MAX)
/* Lengths of the data of a runtime answer, by firmware. */
#define AA55_RUNTIME_95	 95U
#define AA55_RUNTIME_133 133U
#define AA55_RUNTIME_140 140U

/* What can be asked: reading, all of it. */
enum aa55_query {
	AA55_DEVICE,   /* 01 02 */
	AA55_RUNTIME,  /* 01 06 */
	AA55_SETTINGS, /* 01 09 */
	AA55_QUERIES
};

/**
 * aa55_request_build - a request that reads
 * @query: what; a value outside the enum counts as AA55_DEVICE, so that nothing else is ever built
 * @ret_frame: receives AA55_REQUEST_SIZE bytes
 *
 * Context: any thread. Pure.
 */
void aa55_request_build(enum aa55_query query, uint8_t ret_frame[AA55_REQUEST_SIZE]);

/**
 * aa55_reply_judge - is this datagram the answer to that question?
 * @p: datagram
 * @n: its length
 * @query: what was asked
 * @ret_data: set to the data inside @p; untouched unless GOODWE_OK is returned
 * @ret_len: their length, 0..255; likewise
 *
 * Header, direction, control and function, length, sum. A datagram is whole or it is none: nothing is
 * searched for in it.
 *
 * Return: GOODWE_OK or the reason for the rejection.
 * Context: any thread. Pure. Bound: AA55_REPLY_MAX additions.
 */
enum goodwe_verdict aa55_reply_judge(const uint8_t *p, size_t n, enum aa55_query query,
				     const uint8_t **ret_data, size_t *ret_len);

/**
 * struct aa55_runtime - one reading, units as named
 * @len: bytes of data that it had
 * @battery: signs by the mode, not by the values: those are magnitudes
 * @battery_status...: numbers of the inverter's own, as received
 * @grid_power_w: + import, - export and idle, W; sign by the direction at offset 80
 * @grid_direction: 0 idle, 1 exporting, 2 importing
 * @energy_mode: 2 on grid, 4 off grid, 16 fault
 * @errors, @diagnose: bits; 0 if absent
 *
 * GOODWE_NO_VALUE: 0xFFFF (0xFFFFFFFF) as received, a state of charge or health above 100, or an
 * offset behind the end of what this firmware sends.
 */
struct aa55_runtime {
	size_t len;
	struct goodwe_battery battery;
	int32_t pv1_mv;
	int32_t pv1_ma;
	int32_t pv1_mode;
	int32_t pv2_mv;
	int32_t pv2_ma;
	int32_t pv2_mode;
	int32_t battery_status;
	int32_t battery_temp_dc;
	int32_t charge_limit_ma;
	int32_t discharge_limit_ma;
	int32_t battery_error;
	int32_t battery_soh_pct;
	int32_t battery_warning;
	int32_t meter_status;
	int32_t grid_mv;
	int32_t grid_ma;
	int32_t grid_power_w;
	int32_t grid_chz; /* 0.01 Hz */
	int32_t grid_mode;
	int32_t load_mv;
	int32_t load_ma;
	int32_t load_power_w;
	int32_t load_chz;
	int32_t load_mode;
	int32_t energy_mode;
	int32_t temp_dc;
	int32_t total_wh; /* energies saturate: 100 Wh each, up to 2^32 of them */
	int32_t hours;
	int32_t day_wh;
	int32_t load_day_wh;
	int32_t load_total_wh;
	int32_t total_power_w;
	int32_t effective_mode;
	int32_t relays;
	int32_t grid_direction;
	int32_t backup_power_w;
	int32_t power_factor_pm;
	uint32_t errors;
	uint32_t diagnose;
};

/**
 * aa55_runtime_decode - meaning of a datagram that answers AA55_RUNTIME
 * @p, @n: datagram from anywhere; everything is checked
 * @ret_runtime: untouched unless GOODWE_OK is returned
 *
 * Any length of data that reaches to the battery's mode is taken; each value is bounded by itself.
 *
 * Return: GOODWE_OK or the reason for the rejection.
 * Context: any thread. Pure. Bound: constant.
 */
enum goodwe_verdict aa55_runtime_decode(const uint8_t *p, size_t n,
					struct aa55_runtime *ret_runtime);

/**
 * aa55_device_decode - meaning of a datagram that answers AA55_DEVICE
 *
 * As aa55_runtime_decode(). An answer without a model is good: that inverter speaks Modbus.
 */
enum goodwe_verdict aa55_device_decode(const uint8_t *p, size_t n,
				       struct goodwe_device *ret_device);

/**
 * struct aa55_settings - what the inverter is set to
 * @dod_pct: depth of discharge allowed, 0..100
 * @battery_activated, @work_mode: numbers of the inverter's own
 */
struct aa55_settings {
	int32_t capacity_ah;
	int32_t charge_mv;
	int32_t charge_ma;
	int32_t discharge_ma;
	int32_t discharge_mv;
	int32_t dod_pct;
	int32_t battery_activated;
	int32_t export_limit_w;
	int32_t work_mode;
};

/**
 * aa55_settings_decode - meaning of a datagram that answers AA55_SETTINGS
 *
 * As aa55_runtime_decode().
 */
enum goodwe_verdict aa55_settings_decode(const uint8_t *p, size_t n,
					 struct aa55_settings *ret_settings);

#endif
