/* SPDX-License-Identifier: Apache-2.0 */
/* JK BMS "4E 57" protocol: meaning of a complete frame. */
#include "proto/jk_uart.h"

#include <string.h>

#include "base/units.h"
#include "jk_frame.h"

#define TAG_CELLS 0x79U
#define TAG_FIRST TAG_CELLS
#define TAG_LAST  0xC0U

#define CELL_RECORD 3U /* number, mV high, mV low */

#define VERSION_SIGN_BIT 1U /* C0: bit 15 of register 84 says the direction */
#define CURRENT_CHARGE	 0x8000U
#define CURRENT_ZERO	 10000 /* C0 absent or 0: this raw value is 0 A */
#define CURRENT_UNIT_MA	 10
#define VOLTAGE_UNIT_MV	 10

#define TEMP_ZERO      100 /* raw values from here on count downwards from 0 degC */
#define TEMP_UNIT_DC   10
#define TEXT_NOT_SHOWN '.'

_Static_assert(JK_REGS <= 64, "jk_sample.have is a 64-bit set");

enum reg_kind {
	REG_UNKNOWN = 0, /* tag that the protocol does not have */
	REG_CELLS,	 /* the only one with a length byte; always first */
	REG_UINT,	 /* integer, size as in the sample; two's complement stays what it is */
	REG_VOLT,	 /* u16 in 10 mV, kept in mV as int32_t */
	REG_TEXT,
	REG_SKIP, /* not kept */
};

struct reg_row {
	uint8_t reg;  /* enum jk_reg */
	uint8_t kind; /* enum reg_kind */
	uint8_t size; /* bytes on the line, tag not counted */
	uint16_t offset;
};

#define KEEP(tag, name, kind, size, member) \
	[(tag)-TAG_FIRST] = {JK_REG_##name, kind, size, offsetof(struct jk_sample, member)}
#define SKIP(tag, name, size) [(tag)-TAG_FIRST] = {JK_REG_##name, REG_SKIP, size, 0}

/*
 * The register table: the values have no length byte, so this is what makes a frame readable.
 * Lengths and order are those actually received; the English table of the vendor's document is
 * shifted by one in places between 93 and A3. There is no 88 and no 8D.
 */
static const struct reg_row reg_table[TAG_LAST - TAG_FIRST + 1] = {
	KEEP(0x79, CELLS, REG_CELLS, 1, cell_mv),
	KEEP(0x80, MOS_TEMP, REG_UINT, 2, mos_temp_raw),
	KEEP(0x81, BOX_TEMP, REG_UINT, 2, box_temp_raw),
	KEEP(0x82, BATTERY_TEMP, REG_UINT, 2, battery_temp_raw),
	KEEP(0x83, VOLTAGE, REG_VOLT, 2, pack_mv),
	KEEP(0x84, CURRENT, REG_UINT, 2, current_raw),
	KEEP(0x85, SOC, REG_UINT, 1, soc_pct),
	KEEP(0x86, TEMP_SENSORS, REG_UINT, 1, temp_sensors),
	KEEP(0x87, CYCLES, REG_UINT, 2, cycles),
	KEEP(0x89, CYCLE_CAPACITY, REG_UINT, 4, cycle_capacity_ah),
	KEEP(0x8A, CELL_COUNT, REG_UINT, 2, cell_count),
	KEEP(0x8B, ALARMS, REG_UINT, 2, alarms),
	KEEP(0x8C, STATUS, REG_UINT, 2, status),
	KEEP(0x8E, PACK_OVP, REG_VOLT, 2, pack_ovp_mv),
	KEEP(0x8F, PACK_UVP, REG_VOLT, 2, pack_uvp_mv),
	KEEP(0x90, CELL_OVP, REG_UINT, 2, cell_ovp_mv),
	KEEP(0x91, CELL_OVPR, REG_UINT, 2, cell_ovpr_mv),
	KEEP(0x92, CELL_OVP_DELAY, REG_UINT, 2, cell_ovp_delay_s),
	KEEP(0x93, CELL_UVP, REG_UINT, 2, cell_uvp_mv),
	KEEP(0x94, CELL_UVPR, REG_UINT, 2, cell_uvpr_mv),
	KEEP(0x95, CELL_UVP_DELAY, REG_UINT, 2, cell_uvp_delay_s),
	KEEP(0x96, CELL_DIFF, REG_UINT, 2, cell_diff_mv),
	KEEP(0x97, DISCHARGE_OCP, REG_UINT, 2, discharge_ocp_a),
	KEEP(0x98, DISCHARGE_OCP_DELAY, REG_UINT, 2, discharge_ocp_delay_s),
	KEEP(0x99, CHARGE_OCP, REG_UINT, 2, charge_ocp_a),
	KEEP(0x9A, CHARGE_OCP_DELAY, REG_UINT, 2, charge_ocp_delay_s),
	KEEP(0x9B, BALANCE_START, REG_UINT, 2, balance_start_mv),
	KEEP(0x9C, BALANCE_DELTA, REG_UINT, 2, balance_delta_mv),
	KEEP(0x9D, BALANCE_SWITCH, REG_UINT, 1, balance_switch),
	KEEP(0x9E, MOS_OTP, REG_UINT, 2, mos_otp_c),
	KEEP(0x9F, MOS_OTPR, REG_UINT, 2, mos_otpr_c),
	KEEP(0xA0, BOX_OTP, REG_UINT, 2, box_otp_c),
	KEEP(0xA1, BOX_OTPR, REG_UINT, 2, box_otpr_c),
	KEEP(0xA2, TEMP_DIFF, REG_UINT, 2, temp_diff_c),
	KEEP(0xA3, CHARGE_OTP, REG_UINT, 2, charge_otp_c),
	KEEP(0xA4, DISCHARGE_OTP, REG_UINT, 2, discharge_otp_c),
	KEEP(0xA5, CHARGE_UTP, REG_UINT, 2, charge_utp_c),
	KEEP(0xA6, CHARGE_UTPR, REG_UINT, 2, charge_utpr_c),
	KEEP(0xA7, DISCHARGE_UTP, REG_UINT, 2, discharge_utp_c),
	KEEP(0xA8, DISCHARGE_UTPR, REG_UINT, 2, discharge_utpr_c),
	KEEP(0xA9, CELL_SETTING, REG_UINT, 1, cell_setting),
	KEEP(0xAA, CAPACITY, REG_UINT, 4, capacity_ah),
	KEEP(0xAB, CHARGE_SWITCH, REG_UINT, 1, charge_switch),
	KEEP(0xAC, DISCHARGE_SWITCH, REG_UINT, 1, discharge_switch),
	KEEP(0xAD, CURRENT_CALIB, REG_UINT, 2, current_calib_ma),
	KEEP(0xAE, ADDRESS, REG_UINT, 1, address),
	KEEP(0xAF, BATTERY_TYPE, REG_UINT, 1, battery_type),
	KEEP(0xB0, SLEEP_WAIT, REG_UINT, 2, sleep_wait_s),
	KEEP(0xB1, LOW_SOC, REG_UINT, 1, low_soc_pct),
	SKIP(0xB2, PASSWORD, 10),
	KEEP(0xB3, SPECIAL_CHARGER, REG_UINT, 1, special_charger),
	KEEP(0xB4, DEVICE_ID, REG_TEXT, 8, device_id),
	KEEP(0xB5, DATE, REG_TEXT, 4, date),
	KEEP(0xB6, RUNTIME, REG_UINT, 4, runtime_min),
	KEEP(0xB7, SW_VERSION, REG_TEXT, 15, sw_version),
	KEEP(0xB8, START_CALIB, REG_UINT, 1, start_calib),
	KEEP(0xB9, ACTUAL_CAPACITY, REG_UINT, 4, actual_capacity_ah),
	KEEP(0xBA, MANUFACTURER, REG_TEXT, 24, manufacturer),
	SKIP(0xBB, RESTART, 1),
	SKIP(0xBC, FACTORY_RESET, 1),
	SKIP(0xBD, UPGRADE, 1),
	KEEP(0xBE, GPS_OFF, REG_UINT, 2, gps_off_mv),
	KEEP(0xBF, GPS_RECOVERY, REG_UINT, 2, gps_recovery_mv),
	KEEP(0xC0, VERSION, REG_UINT, 1, version),
};

static bool temp_below_zero(uint16_t raw)
{
	return raw >= TEMP_ZERO;
}

bool jk_temp_valid(uint16_t raw)
{
	return raw <= JK_TEMP_RAW_MAX;
}

bool jk_temp_ambiguous(uint16_t raw)
{
	return jk_temp_valid(raw) && temp_below_zero(raw);
}

int16_t jk_temp_dc(uint16_t raw)
{
	if (!jk_temp_valid(raw)) {
		return 0;
	}
	return (int16_t)((temp_below_zero(raw) ? TEMP_ZERO - raw : raw) * TEMP_UNIT_DC);
}

int16_t jk_temp_floor_dc(uint16_t raw)
{
	if (!jk_temp_valid(raw)) {
		return 0;
	}
	/* 100 + n may have been cut towards zero: down to n + 1 degrees below it. */
	return (int16_t)((temp_below_zero(raw) ? TEMP_ZERO - 1 - raw : raw) * TEMP_UNIT_DC);
}

static bool is_reply(const uint8_t *frame)
{
	const uint8_t command = frame[JK_AT_COMMAND];
	const uint8_t type = frame[JK_AT_TYPE];

	return (type == JK_TYPE_REPLY || type == JK_TYPE_UPLOAD) &&
	       frame[JK_AT_SOURCE] == JK_SOURCE_BMS &&
	       (command == JK_COMMAND_READ_ALL || command == JK_COMMAND_READ_ONE) &&
	       frame[JK_AT_INFO] == TAG_CELLS;
}

static enum jk_verdict check_frame(const uint8_t *frame, size_t len)
{
	enum jk_verdict v = JK_OK;

	if (!jk_frame_judge(frame, len, &v)) {
		return JK_BAD_LENGTH;
	}
	if (v != JK_OK) {
		return v;
	}
	if (jk_frame_size(frame) != len) {
		return JK_BAD_LENGTH;
	}
	return is_reply(frame) ? JK_OK : JK_FOREIGN;
}

static bool has(const struct jk_sample *s, enum jk_reg reg)
{
	return (s->have & JK_HAVE(reg)) != 0;
}

/* Register 79 at the front of @info: tag, length, then number and voltage of each cell. */
static enum jk_verdict decode_cells(const uint8_t *info, size_t len, struct jk_sample *s,
				    size_t *ret_used)
{
	const size_t head = 2; /* tag and length */
	size_t size;
	size_t cells;

	if (len < head) {
		return JK_BAD_CELLS;
	}
	size = info[1];
	cells = size / CELL_RECORD;
	if (size % CELL_RECORD != 0 || cells < 1 || cells > JK_CELLS_MAX || size > len - head) {
		return JK_BAD_CELLS;
	}
	for (size_t i = 0; i < cells; i++) {
		const uint8_t *record = info + head + i * CELL_RECORD;

		if (record[0] != i + 1) {
			return JK_BAD_CELLS;
		}
		s->cell_mv[i] = jk_be16(record + 1);
	}
	s->cells = (uint8_t)cells;
	s->have |= JK_HAVE(JK_REG_CELLS);
	*ret_used = head + size;
	return JK_OK;
}

/* @to has @size + 1 bytes. NULs at the end are padding, one in the middle is shown like any other. */
static void store_text(char *to, const uint8_t *from, size_t size)
{
	size_t len = size;

	while (len > 0 && from[len - 1] == '\0') {
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		to[i] = (from[i] >= ' ' && from[i] <= '~') ? (char)from[i] : TEXT_NOT_SHOWN;
	}
	to[len] = '\0';
}

static void store_uint(uint8_t *to, const uint8_t *from, size_t size)
{
	if (size == sizeof(uint32_t)) {
		const uint32_t v = jk_be32(from);

		memcpy(to, &v, sizeof(v));
	} else if (size == sizeof(uint16_t)) {
		const uint16_t v = jk_be16(from);

		memcpy(to, &v, sizeof(v));
	} else {
		*to = *from;
	}
}

static void store(struct jk_sample *s, const struct reg_row *row, const uint8_t *value)
{
	uint8_t *to = (uint8_t *)s + row->offset;

	if (row->kind == REG_UINT) {
		store_uint(to, value, row->size);
	} else if (row->kind == REG_VOLT) {
		const int32_t mv = jk_be16(value) * VOLTAGE_UNIT_MV;

		memcpy(to, &mv, sizeof(mv));
	} else if (row->kind == REG_TEXT) {
		store_text((char *)to, value, row->size);
	}
	s->have |= JK_HAVE(row->reg);
}

static const struct reg_row *find_row(uint8_t tag)
{
	const struct reg_row *row;

	if (tag < TAG_FIRST || tag > TAG_LAST) {
		return NULL;
	}
	row = &reg_table[tag - TAG_FIRST];
	return row->kind == REG_UNKNOWN ? NULL : row;
}

/* The registers behind 79. Every turn takes at least two bytes. */
static enum jk_verdict decode_registers(const uint8_t *info, size_t len, struct jk_sample *s)
{
	size_t at = 0;

	while (at < len) {
		const struct reg_row *row = find_row(info[at]);

		if (row == NULL) {
			/* Its length is not known: the rest is lost. Behind the last known register
			 * that is no loss. */
			if (!has(s, JK_REG_VERSION)) {
				return JK_BAD_REGISTER;
			}
			s->unknown_tag = info[at];
			return JK_OK;
		}
		if (has(s, row->reg) || row->size > len - at - 1) {
			return JK_BAD_REGISTER;
		}
		store(s, row, info + at + 1);
		at += (size_t)row->size + 1;
	}
	return JK_OK;
}

/* C0 comes behind register 84: the raw value was kept until now. */
static int32_t current_ma(uint16_t raw, uint8_t version)
{
	if (version != VERSION_SIGN_BIT) {
		return (CURRENT_ZERO - raw) * CURRENT_UNIT_MA;
	}
	if ((raw & CURRENT_CHARGE) != 0) {
		return (int32_t)(raw - CURRENT_CHARGE) * CURRENT_UNIT_MA;
	}
	return -raw * CURRENT_UNIT_MA;
}

enum jk_verdict jk_decode(const uint8_t *frame, size_t len, struct jk_sample *ret_sample)
{
	struct jk_sample s = {0};
	enum jk_verdict v = check_frame(frame, len);
	size_t info_len;
	size_t used = 0;

	if (v != JK_OK) {
		return v;
	}
	info_len = len - JK_AT_INFO - JK_TAIL_SIZE;
	v = decode_cells(frame + JK_AT_INFO, info_len, &s, &used);
	if (v != JK_OK) {
		return v;
	}
	v = decode_registers(frame + JK_AT_INFO + used, info_len - used, &s);
	if (v != JK_OK) {
		return v;
	}
	if (s.version > VERSION_SIGN_BIT) {
		return JK_BAD_VERSION;
	}
	if (has(&s, JK_REG_CELL_COUNT) && s.cell_count != s.cells) {
		return JK_CELLS_DIFFER;
	}
	if (has(&s, JK_REG_CURRENT)) {
		s.current_ma = current_ma(s.current_raw, s.version);
	}
	*ret_sample = s;
	return JK_OK;
}
