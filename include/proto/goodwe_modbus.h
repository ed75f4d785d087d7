/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus of GoodWe hybrid inverters on UDP port 8899: families ET, EH, BT, BH and the second
 * generation of ES. The request is a Modbus RTU frame (address F7, function 3, CRC low byte first); the
 * reply is one behind AA 55, its CRC over everything behind AA 55.
 *
 * Sources of the protocol facts: framing and captures: marcelblijleven/goodwe (tests, samples
 * GW10K-ET, GW6000_EH, GW25K-ET), mletenay/home-assistant-goodwe-inverter, issue 249. Registers:
 *   35000 block (serial number, model, versions): goodwe/et.py of marcelblijleven/goodwe
 *   35180 battery voltage, unsigned, 0.1 V; 35181 battery current, signed, 0.1 A, + discharging;
 *   35184 battery mode: goodwe/et.py of marcelblijleven/goodwe (MIT)
 *   35182 battery power, signed 32 bit, W, + discharging; 37007 state of charge, %:
 *   templates/definition/meter/goodwe-hybrid.yaml of evcc-io/evcc (MIT); et.py has 37007 too
 *   35140 power at the grid connection, signed 16 bit, W, + export: goodwe/et.py. Register 35139
 *   before it is no reliable upper half: 0 beside a negative 35140 in the capture of GW6000_EH.
 * The capture of GW10K-ET agrees: mode 3 (charging), 254.2 V, -9.8 A, -2512 W.
 */
#ifndef JKP_PROTO_GOODWE_MODBUS_H
#define JKP_PROTO_GOODWE_MODBUS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/goodwe.h"

#define GOODWE_MODBUS_REQUEST_SIZE 8U
#define GOODWE_MODBUS_FRAME	   7U /* AA 55, address, function, count, CRC */
#define GOODWE_MODBUS_REPLY_MAX	   (GOODWE_MODBUS_FRAME + UINT8_MAX)

/* What can be read. The registers of a block are asked for at once, as in the captures. */
enum goodwe_block {
	GOODWE_BLOCK_DEVICE,  /* 35000, 33 registers */
	GOODWE_BLOCK_RUNTIME, /* 35100, 125 registers */
	GOODWE_BLOCK_BATTERY, /* 37000, 24 registers */
	GOODWE_BLOCKS
};

/**
 * goodwe_modbus_request_build - a request that reads a block
 * @block: which; a value outside the enum counts as GOODWE_BLOCK_DEVICE
 * @ret_frame: receives GOODWE_MODBUS_REQUEST_SIZE bytes
 *
 * Context: any thread. Pure.
 */
void goodwe_modbus_request_build(enum goodwe_block block,
				 uint8_t ret_frame[GOODWE_MODBUS_REQUEST_SIZE]);

/**
 * goodwe_modbus_registers - number of registers of a block
 *
 * Context: any thread. Pure.
 */
uint8_t goodwe_modbus_registers(enum goodwe_block block);

/**
 * goodwe_modbus_reply_judge - is this datagram the answer to a reading of so many registers?
 * @p: datagram
 * @n: its length; bytes behind the frame are allowed, some modules send them
 * @registers: how many were asked for, 1..127: a reply does not say which they are
 * @ret_data: set to the registers inside @p, 2 x @registers bytes; untouched unless GOODWE_OK
 * @ret_exception: set to the exception code if GOODWE_REFUSED, else untouched
 *
 * Return: GOODWE_OK or the reason for the rejection.
 * Context: any thread. Pure. Bound: 8 x GOODWE_MODBUS_REPLY_MAX shifts.
 */
enum goodwe_verdict goodwe_modbus_reply_judge(const uint8_t *p, size_t n, uint8_t registers,
					      const uint8_t **ret_data, int32_t *ret_exception);

/**
 * goodwe_modbus_device_decode - meaning of an answer to GOODWE_BLOCK_DEVICE
 * @p, @n: datagram from anywhere; everything is checked
 * @ret_device: untouched unless GOODWE_OK is returned
 * @ret_exception: see goodwe_modbus_reply_judge()
 *
 * Context: any thread. Pure. Bound: as goodwe_modbus_reply_judge().
 */
enum goodwe_verdict goodwe_modbus_device_decode(const uint8_t *p, size_t n,
						struct goodwe_device *ret_device,
						int32_t *ret_exception);

/**
 * struct goodwe_runtime - one reading
 * @battery: without a state of charge: that is in GOODWE_BLOCK_BATTERY
 * @grid_power_w: + import, - export, W
 *
 * GOODWE_NO_VALUE: 0xFFFF of an unsigned register, 0x7FFF of a signed one (0xFFFF is -0.1 A there).
 */
struct goodwe_runtime {
	struct goodwe_battery battery;
	int32_t grid_power_w;
};

/**
 * goodwe_modbus_runtime_decode - meaning of an answer to GOODWE_BLOCK_RUNTIME
 *
 * As goodwe_modbus_device_decode().
 */
enum goodwe_verdict goodwe_modbus_runtime_decode(const uint8_t *p, size_t n,
						 struct goodwe_runtime *ret_runtime,
						 int32_t *ret_exception);

/**
 * struct goodwe_pack - what the inverter's battery manager says
 */
struct goodwe_pack {
	int32_t temp_dc;
	int32_t charge_limit_ma;
	int32_t discharge_limit_ma;
	int32_t soc_pct;
	int32_t soh_pct;
};

/**
 * goodwe_modbus_pack_decode - meaning of an answer to GOODWE_BLOCK_BATTERY
 *
 * As goodwe_modbus_device_decode().
 */
enum goodwe_verdict goodwe_modbus_pack_decode(const uint8_t *p, size_t n,
					      struct goodwe_pack *ret_pack, int32_t *ret_exception);

#endif
