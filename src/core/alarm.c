/* SPDX-License-Identifier: Apache-2.0 */
#include "core/alarm.h"

#include "base/units.h"
#include "proto/jk_uart.h"
#include "proto/pylon.h"

struct map {
	uint32_t from;
	uint32_t to;
};

/* Low capacity and cell difference are events only: no bit of 0x359 means them. */
static const struct map protection_map[] = {
	{JK_ALARM_MOS_OT, PYLON_TEMP_HIGH},
	{JK_ALARM_BATTERY_OT, PYLON_TEMP_HIGH},
	{JK_ALARM_DISCHARGE_UV, PYLON_CELL_LOW},
	{JK_ALARM_CELL_UV, PYLON_CELL_LOW},
	{JK_ALARM_CELL_OV, PYLON_CELL_HIGH},
	{JK_ALARM_CHARGE_OC, PYLON_CHARGE_OC},
	{JK_ALARM_DISCHARGE_OC, PYLON_DISCHARGE_OC},
	{JK_ALARM_BATTERY_UT, PYLON_TEMP_LOW},
	{JK_ALARM_309_A, PYLON_SYSTEM},
	{JK_ALARM_309_B, PYLON_SYSTEM},
};

/* Charge over-voltage appears regularly near full charge: a warning. */
static const struct map warning_map[] = {
	{JK_ALARM_CHARGE_OV, PYLON_CELL_HIGH},
	{JK_ALARM_BOX_OT, PYLON_TEMP_HIGH},
};

static const uint32_t level_map[LEVELS] = {
	[LEVEL_CELL_HIGH] = PYLON_CELL_HIGH,	 [LEVEL_CELL_LOW] = PYLON_CELL_LOW,
	[LEVEL_CHARGE_COLD] = PYLON_TEMP_LOW,	 [LEVEL_CHARGE_HOT] = PYLON_TEMP_HIGH,
	[LEVEL_DISCHARGE_COLD] = PYLON_TEMP_LOW, [LEVEL_DISCHARGE_HOT] = PYLON_TEMP_HIGH,
	[LEVEL_MOS_HOT] = PYLON_TEMP_HIGH,
};

uint32_t alarm_protections(uint16_t jk_alarms)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(protection_map); i++) {
		if ((jk_alarms & protection_map[i].from) != 0) {
			bits |= protection_map[i].to;
		}
	}
	return bits;
}

uint32_t alarm_warnings(uint16_t jk_alarms, const bool level_warn[LEVELS], const bool over[DIRS],
			bool data_lost)
{
	uint32_t bits = data_lost ? PYLON_COMM : 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(warning_map); i++) {
		if ((jk_alarms & warning_map[i].from) != 0) {
			bits |= warning_map[i].to;
		}
	}
	for (uint32_t i = 0; i < LEVELS; i++) {
		bits |= level_warn[i] ? level_map[i] : 0;
	}
	bits |= over[DIR_CHARGE] ? PYLON_CHARGE_OC : 0;
	bits |= over[DIR_DISCHARGE] ? PYLON_DISCHARGE_OC : 0;
	return bits;
}
