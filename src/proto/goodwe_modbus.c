/* SPDX-License-Identifier: Apache-2.0 */
/* GoodWe Modbus on UDP: requests, replies, and what they say. */
#include "proto/goodwe_modbus.h"

#include <string.h>

#include "base/units.h"
#include "goodwe_bytes.h"

#define FUNCTION_READ 0x03U
#define EXCEPTION     0x80U
#define AT_SLAVE      2U /* of a reply */
#define AT_FUNCTION   3U
#define AT_COUNT      4U
#define AT_DATA	      5U
#define CRC_SIZE      2U
#define CRC_BEGIN     0xFFFFU
#define CRC_POLYNOM   0xA001U /* Modbus over Serial Line V1.02, 6.2.2 */
#define BYTE_BITS     8U
#define REGISTER_SIZE 2U
#define PERCENT	      100
#define TENTH	      100
#define WHOLE	      1000
#define UNIT	      1

static const struct {
	uint16_t first;
	uint8_t registers;
} blocks[GOODWE_BLOCKS] = {
	[GOODWE_BLOCK_DEVICE] = {35000, 33},
	[GOODWE_BLOCK_RUNTIME] = {35100, 125},
	[GOODWE_BLOCK_BATTERY] = {37000, 24},
};

/* Registers, by block. */
enum device_register {
	DEVICE_SERIAL = 35003,
	DEVICE_MODEL = 35011,
	DEVICE_FIRMWARE = 35021,
	DEVICE_ARM = 35027,
};

enum runtime_register {
	RUNTIME_GRID_POWER = 35140,
	RUNTIME_BATTERY_VOLTAGE = 35180,
	RUNTIME_BATTERY_CURRENT = 35181,
	RUNTIME_BATTERY_POWER = 35182,
	RUNTIME_BATTERY_MODE = 35184,
};

enum battery_register {
	BATTERY_TEMP = 37003,
	BATTERY_CHARGE_LIMIT = 37004,
	BATTERY_DISCHARGE_LIMIT = 37005,
	BATTERY_SOC = 37007,
	BATTERY_SOH = 37008,
};

#define SERIAL_SIZE   16U
#define MODEL_SIZE    10U
#define FIRMWARE_SIZE 12U
#define NO_VALUE_S32  INT32_MAX

static uint16_t crc_of(const uint8_t *p, size_t n)
{
	uint16_t crc = CRC_BEGIN;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (uint32_t bit = 0; bit < BYTE_BITS; bit++) {
			crc = (uint16_t)((crc >> 1) ^ ((crc & 1U) != 0 ? CRC_POLYNOM : 0U));
		}
	}
	return crc;
}

static enum goodwe_block known(enum goodwe_block block)
{
	return (uint32_t)block < GOODWE_BLOCKS ? block : GOODWE_BLOCK_DEVICE;
}

uint8_t goodwe_modbus_registers(enum goodwe_block block)
{
	return blocks[known(block)].registers;
}

void goodwe_modbus_request_build(enum goodwe_block block,
				 uint8_t ret_frame[GOODWE_MODBUS_REQUEST_SIZE])
{
	const uint16_t first = blocks[known(block)].first;
	const uint8_t frame[GOODWE_MODBUS_REQUEST_SIZE - CRC_SIZE] = {
		GOODWE_SLAVE,
		FUNCTION_READ,
		(uint8_t)(first >> 8),
		(uint8_t)first,
		0,
		goodwe_modbus_registers(block),
	};
	const uint16_t crc = crc_of(frame, sizeof(frame));

	memcpy(ret_frame, frame, sizeof(frame));
	ret_frame[sizeof(frame)] = (uint8_t)crc;
	ret_frame[sizeof(frame) + 1] = (uint8_t)(crc >> 8);
}

/* As far as the bytes are there. A request begins with the address, without AA 55. */
static enum goodwe_verdict judge_header(const uint8_t *p, size_t n)
{
	if (n > 1 && p[0] == GOODWE_SLAVE && p[1] == FUNCTION_READ) {
		return GOODWE_ECHO;
	}
	if ((n > 0 && p[0] != GOODWE_HEAD_0) || (n > 1 && p[1] != GOODWE_HEAD_1)) {
		return GOODWE_BAD_HEADER;
	}
	if (n <= AT_FUNCTION) {
		return GOODWE_SHORT;
	}
	if (p[AT_SLAVE] == GOODWE_SLAVE) {
		return GOODWE_OK;
	}
	if (p[AT_SLAVE] == GOODWE_HOST && p[AT_SLAVE + 1] == GOODWE_INVERTER) {
		return GOODWE_ECHO;
	}
	return p[AT_SLAVE] == GOODWE_INVERTER && p[AT_SLAVE + 1] == GOODWE_HOST
		       ? GOODWE_OTHER_PROTOCOL
		       : GOODWE_BAD_HEADER;
}

/* @size bytes from the address on, and the CRC behind them. */
static enum goodwe_verdict judge_crc(const uint8_t *p, size_t n, size_t size)
{
	if (n < AT_SLAVE + size + CRC_SIZE) {
		return GOODWE_SHORT;
	}
	const uint8_t *crc = p + AT_SLAVE + size;

	return crc_of(p + AT_SLAVE, size) == (crc[0] | crc[1] << 8) ? GOODWE_OK : GOODWE_BAD_SUM;
}

enum goodwe_verdict goodwe_modbus_reply_judge(const uint8_t *p, size_t n, uint8_t registers,
					      const uint8_t **ret_data, int32_t *ret_exception)
{
	const size_t head = AT_DATA - AT_SLAVE;
	enum goodwe_verdict v = judge_header(p, n);

	if (v != GOODWE_OK) {
		return v;
	}
	if (n <= AT_COUNT) {
		return GOODWE_SHORT;
	}
	if (p[AT_FUNCTION] == (FUNCTION_READ | EXCEPTION)) {
		v = judge_crc(p, n, head);
		if (v == GOODWE_OK) {
			*ret_exception = p[AT_COUNT];
			return GOODWE_REFUSED;
		}
		return v;
	}
	if (p[AT_FUNCTION] != FUNCTION_READ) {
		return GOODWE_FOREIGN;
	}
	v = judge_crc(p, n, head + p[AT_COUNT]);
	if (v != GOODWE_OK) {
		return v;
	}
	if (p[AT_COUNT] != (size_t)registers * REGISTER_SIZE) {
		return GOODWE_FOREIGN;
	}
	*ret_data = p + AT_DATA;
	return GOODWE_OK;
}

/* Registers of a block that was judged good. */
struct view {
	const uint8_t *data;
	uint16_t first;
};

static enum goodwe_verdict open_view(enum goodwe_block block, const uint8_t *p, size_t n,
				     struct view *ret_view, int32_t *ret_exception)
{
	ret_view->first = blocks[block].first;
	return goodwe_modbus_reply_judge(p, n, blocks[block].registers, &ret_view->data,
					 ret_exception);
}

static const uint8_t *at(const struct view *v, uint32_t reg)
{
	return v->data + (size_t)(reg - v->first) * REGISTER_SIZE;
}

static int32_t unsigned_of(const struct view *v, uint32_t reg, int32_t scale)
{
	const uint16_t raw = goodwe_be16(at(v, reg));

	return raw == UINT16_MAX ? GOODWE_NO_VALUE : raw * scale;
}

static int32_t signed_of(const struct view *v, uint32_t reg, int32_t scale)
{
	const int32_t raw = goodwe_s16(at(v, reg));

	return raw == INT16_MAX ? GOODWE_NO_VALUE : raw * scale;
}

static int32_t signed_32_of(const struct view *v, uint32_t reg)
{
	const uint32_t raw = goodwe_be32(at(v, reg));
	const int32_t value = raw > INT32_MAX ? -(int32_t)(UINT32_MAX - raw) - 1 : (int32_t)raw;

	/* The lowest one is our word for none. */
	return value == NO_VALUE_S32 ? GOODWE_NO_VALUE : value;
}

static int32_t percent(int32_t v)
{
	return v >= 0 && v <= PERCENT ? v : GOODWE_NO_VALUE;
}

/* Theirs is + discharging, + export. */
static int32_t turned(int32_t v)
{
	return v == GOODWE_NO_VALUE ? v : -v;
}

enum goodwe_verdict goodwe_modbus_device_decode(const uint8_t *p, size_t n,
						struct goodwe_device *ret_device,
						int32_t *ret_exception)
{
	struct goodwe_device d = {0};
	struct view view = {0};
	const enum goodwe_verdict v = open_view(GOODWE_BLOCK_DEVICE, p, n, &view, ret_exception);

	if (v != GOODWE_OK) {
		return v;
	}
	goodwe_text(d.serial, at(&view, DEVICE_SERIAL), SERIAL_SIZE);
	goodwe_text(d.model, at(&view, DEVICE_MODEL), MODEL_SIZE);
	goodwe_text(d.firmware, at(&view, DEVICE_FIRMWARE), FIRMWARE_SIZE);
	goodwe_text(d.arm, at(&view, DEVICE_ARM), FIRMWARE_SIZE);
	*ret_device = d;
	return GOODWE_OK;
}

enum goodwe_verdict goodwe_modbus_runtime_decode(const uint8_t *p, size_t n,
						 struct goodwe_runtime *ret_runtime,
						 int32_t *ret_exception)
{
	struct goodwe_runtime r = {.battery.soc_pct = GOODWE_NO_VALUE};
	struct goodwe_battery *b = &r.battery;
	struct view view = {0};
	const enum goodwe_verdict v = open_view(GOODWE_BLOCK_RUNTIME, p, n, &view, ret_exception);

	if (v != GOODWE_OK) {
		return v;
	}
	b->mode = goodwe_be16(at(&view, RUNTIME_BATTERY_MODE));
	b->voltage_mv = unsigned_of(&view, RUNTIME_BATTERY_VOLTAGE, TENTH);
	b->current_ma = turned(signed_of(&view, RUNTIME_BATTERY_CURRENT, TENTH));
	b->power_w = turned(signed_32_of(&view, RUNTIME_BATTERY_POWER));
	if (b->power_w == GOODWE_NO_VALUE) {
		b->power_w = goodwe_power_w(b->voltage_mv, b->current_ma);
	}
	r.grid_power_w = turned(signed_of(&view, RUNTIME_GRID_POWER, UNIT));
	*ret_runtime = r;
	return GOODWE_OK;
}

enum goodwe_verdict goodwe_modbus_pack_decode(const uint8_t *p, size_t n,
					      struct goodwe_pack *ret_pack, int32_t *ret_exception)
{
	struct view view = {0};
	const enum goodwe_verdict v = open_view(GOODWE_BLOCK_BATTERY, p, n, &view, ret_exception);

	if (v != GOODWE_OK) {
		return v;
	}
	*ret_pack = (struct goodwe_pack){
		.temp_dc = signed_of(&view, BATTERY_TEMP, UNIT),
		.charge_limit_ma = unsigned_of(&view, BATTERY_CHARGE_LIMIT, WHOLE),
		.discharge_limit_ma = unsigned_of(&view, BATTERY_DISCHARGE_LIMIT, WHOLE),
		.soc_pct = percent(unsigned_of(&view, BATTERY_SOC, UNIT)),
		.soh_pct = percent(unsigned_of(&view, BATTERY_SOH, UNIT)),
	};
	return GOODWE_OK;
}
