/* SPDX-License-Identifier: Apache-2.0 */
/* A decoded reply in words and as JSON: one table of registers for both. */
#include "probe.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define HEX_PER_LINE   16
#define CELLS_PER_LINE 4
#define MV_PER_V       1000.0
#define DC_PER_C       10.0
#define CELL_LOW_MV    1000
#define CELL_HIGH_MV   4500
#define SUM_TOLERANCE  500 /* mV, or 1 % of the pack voltage if that is more */

enum kind {
	KIND_U8,
	KIND_U16,
	KIND_I16,
	KIND_U32,
	KIND_I32,
	KIND_TEXT,
};

enum unit {
	UNIT_NONE,
	UNIT_MV,
	UNIT_MA,
	UNIT_A,
	UNIT_S,
	UNIT_C,
	UNIT_AH,
	UNIT_PCT,
	UNIT_MIN,
	UNIT_HEX,
	UNIT_ON,
};

struct field {
	enum jk_reg reg;
	enum kind kind;
	enum unit unit;
	size_t offset;
	const char *key;
	const char *label;
};

#define FIELD(r, k, u, member, text)                                                \
	{                                                                           \
		JK_REG_##r, k, u, offsetof(struct jk_sample, member), #member, text \
	}

/* clang-format off */
static const struct field fields[] = {
	FIELD(VOLTAGE, KIND_I32, UNIT_MV, pack_mv, "pack voltage"),
	FIELD(CURRENT, KIND_I32, UNIT_MA, current_ma, "current, + = charging"),
	FIELD(SOC, KIND_U8, UNIT_PCT, soc_pct, "state of charge"),
	FIELD(CYCLES, KIND_U16, UNIT_NONE, cycles, "cycles"),
	FIELD(CYCLE_CAPACITY, KIND_U32, UNIT_AH, cycle_capacity_ah, "total cycle capacity"),
	FIELD(CAPACITY, KIND_U32, UNIT_AH, capacity_ah, "nominal capacity"),
	FIELD(ACTUAL_CAPACITY, KIND_U32, UNIT_AH, actual_capacity_ah, "actual capacity"),
	FIELD(CELL_COUNT, KIND_U16, UNIT_NONE, cell_count, "number of cells"),
	FIELD(CELL_SETTING, KIND_U8, UNIT_NONE, cell_setting, "number of cells, setting"),
	FIELD(ALARMS, KIND_U16, UNIT_HEX, alarms, "alarm bits"),
	FIELD(STATUS, KIND_U16, UNIT_HEX, status, "status bits"),
	FIELD(CHARGE_SWITCH, KIND_U8, UNIT_ON, charge_switch, "charge switch"),
	FIELD(DISCHARGE_SWITCH, KIND_U8, UNIT_ON, discharge_switch, "discharge switch"),
	FIELD(BALANCE_SWITCH, KIND_U8, UNIT_ON, balance_switch, "balancer switch"),
	FIELD(CELL_OVP, KIND_U16, UNIT_MV, cell_ovp_mv, "cell over-voltage protection"),
	FIELD(CELL_OVPR, KIND_U16, UNIT_MV, cell_ovpr_mv, "recovery"),
	FIELD(CELL_OVP_DELAY, KIND_U16, UNIT_S, cell_ovp_delay_s, "delay"),
	FIELD(CELL_UVP, KIND_U16, UNIT_MV, cell_uvp_mv, "cell under-voltage protection"),
	FIELD(CELL_UVPR, KIND_U16, UNIT_MV, cell_uvpr_mv, "recovery"),
	FIELD(CELL_UVP_DELAY, KIND_U16, UNIT_S, cell_uvp_delay_s, "delay"),
	FIELD(PACK_OVP, KIND_I32, UNIT_MV, pack_ovp_mv, "pack over-voltage protection"),
	FIELD(PACK_UVP, KIND_I32, UNIT_MV, pack_uvp_mv, "pack under-voltage protection"),
	FIELD(CELL_DIFF, KIND_U16, UNIT_MV, cell_diff_mv, "cell difference protection"),
	FIELD(CHARGE_OCP, KIND_U16, UNIT_A, charge_ocp_a, "charge over-current protection"),
	FIELD(CHARGE_OCP_DELAY, KIND_U16, UNIT_S, charge_ocp_delay_s, "delay"),
	FIELD(DISCHARGE_OCP, KIND_U16, UNIT_A, discharge_ocp_a, "discharge over-current protection"),
	FIELD(DISCHARGE_OCP_DELAY, KIND_U16, UNIT_S, discharge_ocp_delay_s, "delay"),
	FIELD(CHARGE_OTP, KIND_U16, UNIT_C, charge_otp_c, "charge over-temperature protection"),
	FIELD(CHARGE_UTP, KIND_I16, UNIT_C, charge_utp_c, "charge under-temperature protection"),
	FIELD(CHARGE_UTPR, KIND_I16, UNIT_C, charge_utpr_c, "recovery"),
	FIELD(DISCHARGE_OTP, KIND_U16, UNIT_C, discharge_otp_c, "discharge over-temperature protection"),
	FIELD(DISCHARGE_UTP, KIND_I16, UNIT_C, discharge_utp_c, "discharge under-temperature protection"),
	FIELD(DISCHARGE_UTPR, KIND_I16, UNIT_C, discharge_utpr_c, "recovery"),
	FIELD(MOS_OTP, KIND_U16, UNIT_C, mos_otp_c, "MOSFET over-temperature protection"),
	FIELD(MOS_OTPR, KIND_U16, UNIT_C, mos_otpr_c, "recovery"),
	FIELD(BOX_OTP, KIND_U16, UNIT_C, box_otp_c, "box over-temperature protection"),
	FIELD(BOX_OTPR, KIND_U16, UNIT_C, box_otpr_c, "recovery"),
	FIELD(TEMP_DIFF, KIND_U16, UNIT_C, temp_diff_c, "temperature difference protection"),
	FIELD(BALANCE_START, KIND_U16, UNIT_MV, balance_start_mv, "balancing begins at"),
	FIELD(BALANCE_DELTA, KIND_U16, UNIT_MV, balance_delta_mv, "balancing begins at a difference of"),
	FIELD(LOW_SOC, KIND_U8, UNIT_PCT, low_soc_pct, "low capacity alarm"),
	FIELD(TEMP_SENSORS, KIND_U8, UNIT_NONE, temp_sensors, "temperature sensors"),
	FIELD(CURRENT_CALIB, KIND_U16, UNIT_MA, current_calib_ma, "current calibration"),
	FIELD(START_CALIB, KIND_U8, UNIT_NONE, start_calib, "calibration running"),
	FIELD(ADDRESS, KIND_U8, UNIT_NONE, address, "board address"),
	FIELD(BATTERY_TYPE, KIND_U8, UNIT_NONE, battery_type, "battery type (0 LFP, 1 NMC, 2 LTO)"),
	FIELD(SLEEP_WAIT, KIND_U16, UNIT_S, sleep_wait_s, "time until sleep"),
	FIELD(SPECIAL_CHARGER, KIND_U8, UNIT_NONE, special_charger, "dedicated charger"),
	FIELD(GPS_OFF, KIND_U16, UNIT_MV, gps_off_mv, "GPS off voltage"),
	FIELD(GPS_RECOVERY, KIND_U16, UNIT_MV, gps_recovery_mv, "GPS recovery voltage"),
	FIELD(RUNTIME, KIND_U32, UNIT_MIN, runtime_min, "running time"),
	FIELD(DATE, KIND_TEXT, UNIT_NONE, date, "date of manufacture, YYMM"),
	FIELD(DEVICE_ID, KIND_TEXT, UNIT_NONE, device_id, "device name"),
	FIELD(MANUFACTURER, KIND_TEXT, UNIT_NONE, manufacturer, "manufacturer's name"),
	FIELD(SW_VERSION, KIND_TEXT, UNIT_NONE, sw_version, "software"),
	FIELD(VERSION, KIND_U8, UNIT_NONE, version, "protocol version"),
};

static const char *const alarm_text[] = {
	"low capacity", "MOSFETs too hot", "charge over-voltage", "discharge under-voltage",
	"battery too hot", "charge over-current", "discharge over-current", "cells differ",
	"box too hot", "battery too cold", "cell over-voltage", "cell under-voltage",
	"309_A", "309_B", "reserved 14", "reserved 15",
};
/* clang-format on */

struct probe_temp {
	enum jk_reg reg;
	size_t offset;
	const char *key;
	const char *label;
};

static const struct probe_temp temps[] = {
	{JK_REG_MOS_TEMP, offsetof(struct jk_sample, mos_temp_raw), "mos", "MOSFETs"},
	{JK_REG_BOX_TEMP, offsetof(struct jk_sample, box_temp_raw), "probe1", "probe 1"},
	{JK_REG_BATTERY_TEMP, offsetof(struct jk_sample, battery_temp_raw), "probe2", "probe 2"},
};

static int64_t value(const struct jk_sample *s, const struct field *f)
{
	const char *p = (const char *)s + f->offset;
	uint32_t u32 = 0;
	uint16_t u16 = 0;

	switch (f->kind) {
	case KIND_U8:
		return (uint8_t)*p;
	case KIND_U16:
		memcpy(&u16, p, sizeof(u16));
		return u16;
	case KIND_I16:
		memcpy(&u16, p, sizeof(u16));
		return (int16_t)u16;
	case KIND_U32:
		memcpy(&u32, p, sizeof(u32));
		return u32;
	case KIND_I32:
		memcpy(&u32, p, sizeof(u32));
		return (int32_t)u32;
	case KIND_TEXT:
	default:
		return 0;
	}
}

static uint16_t temp_raw(const struct jk_sample *s, const struct probe_temp *t)
{
	uint16_t raw = 0;

	memcpy(&raw, (const char *)s + t->offset, sizeof(raw));
	return raw;
}

static bool have(const struct jk_sample *s, enum jk_reg reg)
{
	return (s->have & JK_HAVE(reg)) != 0;
}

static void show_field(const struct jk_sample *s, const struct field *f)
{
	static const char *const plain[] = {
		[UNIT_NONE] = "",  [UNIT_A] = " A",   [UNIT_S] = " s",	   [UNIT_C] = " C",
		[UNIT_AH] = " Ah", [UNIT_PCT] = " %", [UNIT_MIN] = " min", [UNIT_ON] = "",
	};
	const int64_t v = value(s, f);

	printf("  %-38s ", f->label);
	if (f->kind == KIND_TEXT) {
		printf("%s\n", (const char *)s + f->offset);
	} else if (f->unit == UNIT_MV) {
		printf("%.3f V\n", (double)v / MV_PER_V);
	} else if (f->unit == UNIT_MA) {
		printf("%.3f A\n", (double)v / MV_PER_V);
	} else if (f->unit == UNIT_HEX) {
		printf("0x%04" PRIX64 "\n", (uint64_t)v);
	} else if (f->unit == UNIT_ON) {
		printf("%s\n", v != 0 ? "on" : "off");
	} else {
		printf("%" PRId64 "%s\n", v, plain[f->unit]);
	}
}

static void show_cells(const struct jk_sample *s)
{
	int lo = 0;
	int hi = 0;

	for (int i = 1; i < s->cells; i++) {
		lo = s->cell_mv[i] < s->cell_mv[lo] ? i : lo;
		hi = s->cell_mv[i] > s->cell_mv[hi] ? i : hi;
	}
	printf("  %d cells: lowest %.3f V (cell %d), highest %.3f V (cell %d), difference %d mV\n",
	       s->cells, s->cell_mv[lo] / MV_PER_V, lo + 1, s->cell_mv[hi] / MV_PER_V, hi + 1,
	       s->cell_mv[hi] - s->cell_mv[lo]);
	for (int i = 0; i < s->cells; i++) {
		printf("  %4d: %.3f V%s", i + 1, s->cell_mv[i] / MV_PER_V,
		       i % CELLS_PER_LINE == CELLS_PER_LINE - 1 || i == s->cells - 1 ? "\n" : "");
	}
}

static void show_bits(const struct jk_sample *s)
{
	if (have(s, JK_REG_STATUS)) {
		printf("  %-38s charge %s, discharge %s, balancer %s\n", "MOSFETs",
		       s->status & JK_STATUS_CHARGE_MOS ? "on" : "off",
		       s->status & JK_STATUS_DISCHARGE_MOS ? "on" : "off",
		       s->status & JK_STATUS_BALANCING ? "works" : "rests");
	}
	for (size_t i = 0; i < ARRAY_SIZE(alarm_text); i++) {
		if (s->alarms & 1U << i) {
			printf("  %-38s %s\n", "alarm", alarm_text[i]);
		}
	}
}

void probe_show(const struct jk_sample *s)
{
	show_cells(s);
	for (size_t i = 0; i < ARRAY_SIZE(temps); i++) {
		const uint16_t raw = temp_raw(s, &temps[i]);

		if (!have(s, temps[i].reg)) {
			continue;
		}
		if (jk_temp_valid(raw)) {
			printf("  temperature %-26s %.0f C\n", temps[i].label,
			       jk_temp_dc(raw) / DC_PER_C);
		} else {
			printf("  temperature %-26s none (raw %u)\n", temps[i].label, raw);
		}
	}
	show_bits(s);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (have(s, fields[i].reg)) {
			show_field(s, &fields[i]);
		}
	}
	if (s->unknown_tag != 0) {
		printf("  %-38s 0x%02X and what follows it\n", "unknown register", s->unknown_tag);
	}
}

void probe_json_text(const char *text)
{
	putchar('"');
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\') {
			printf("\\%c", *p);
		} else if (isprint((unsigned char)*p)) {
			putchar(*p);
		} else {
			printf("\\u%04x", (unsigned int)(unsigned char)*p);
		}
	}
	putchar('"');
}

void probe_show_json(const struct jk_sample *s)
{
	printf("\"cells_mv\":[");
	for (int i = 0; i < s->cells; i++) {
		printf("%s%u", i > 0 ? "," : "", s->cell_mv[i]);
	}
	printf("]");
	for (size_t i = 0; i < ARRAY_SIZE(temps); i++) {
		const uint16_t raw = temp_raw(s, &temps[i]);

		if (!have(s, temps[i].reg)) {
			continue;
		}
		printf(",\"%s_temp_raw\":%u,\"%s_temp_dc\":", temps[i].key, raw, temps[i].key);
		if (jk_temp_valid(raw)) {
			printf("%d", jk_temp_dc(raw));
		} else {
			printf("null");
		}
	}
	if (have(s, JK_REG_CURRENT)) {
		printf(",\"current_raw\":%u", s->current_raw);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];

		if (!have(s, f->reg)) {
			continue;
		}
		printf(",\"%s\":", f->key);
		if (f->kind == KIND_TEXT) {
			probe_json_text((const char *)s + f->offset);
		} else {
			printf("%" PRId64, value(s, f));
		}
	}
	if (s->unknown_tag != 0) {
		printf(",\"unknown_tag\":%u", s->unknown_tag);
	}
}

static int remark(bool condition, const char *text)
{
	if (condition) {
		printf("note: %s\n", text);
	}
	return condition ? 1 : 0;
}

static int remarks_on_missing(const struct jk_sample *s)
{
	static const struct {
		enum jk_reg reg;
		const char *text;
	} needed[] = {
		{JK_REG_VOLTAGE, "no pack voltage (register 83)"},
		{JK_REG_CURRENT, "no current (register 84)"},
		{JK_REG_SOC, "no state of charge (register 85)"},
		{JK_REG_ALARMS, "no alarm bits (register 8B)"},
		{JK_REG_STATUS, "no MOSFET states (register 8C)"},
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!have(s, needed[i].reg)) {
			printf("note: the reply has %s, which the daemon needs\n", needed[i].text);
			n++;
		}
	}
	return n;
}

static int remarks_on_cells(const struct jk_sample *s)
{
	int32_t sum = 0;
	int n = 0;

	for (int i = 0; i < s->cells; i++) {
		sum += s->cell_mv[i];
		if (s->cell_mv[i] < CELL_LOW_MV || s->cell_mv[i] > CELL_HIGH_MV) {
			printf("note: cell %d reads %.3f V, outside 1.0 to 4.5 V: check its sense "
			       "wire\n",
			       i + 1, s->cell_mv[i] / MV_PER_V);
			n++;
		}
	}
	n += remark(have(s, JK_REG_VOLTAGE) &&
			    abs_i32(sum - s->pack_mv) > max_i32(SUM_TOLERANCE, s->pack_mv / 100),
		    "the cells do not add up to the pack voltage: check the sense wires");
	return n;
}

int probe_remarks(const struct jk_sample *s)
{
	const bool mosfets = have(s, JK_REG_STATUS);
	const bool probe_1 = have(s, JK_REG_BOX_TEMP) && jk_temp_valid(s->box_temp_raw);
	const bool probe_2 = have(s, JK_REG_BATTERY_TEMP) && jk_temp_valid(s->battery_temp_raw);
	int n = remarks_on_missing(s) + remarks_on_cells(s);

	n += remark(have(s, JK_REG_SOC) && have(s, JK_REG_CYCLES) && s->soc_pct == 0 &&
			    s->cycles == 0,
		    "SoC 0 with 0 cycles: the BMS has just been switched on; ask again in 20 s");
	n += remark(s->soc_pct > 100, "SoC above 100 %: not usable");
	n += remark(!probe_1 && !probe_2,
		    "no valid temperature probe: the daemon would keep the limits at 0 A");
	n += remark(mosfets && !(s->status & JK_STATUS_CHARGE_MOS),
		    "the charge MOSFET is off: no charging; see alarms and the switch in the app");
	n += remark(mosfets && !(s->status & JK_STATUS_DISCHARGE_MOS),
		    "the discharge MOSFET is off: no discharging; see alarms and the switch in the "
		    "app");
	n += remark(s->alarms != 0, "the BMS reports alarms");
	n += remark(have(s, JK_REG_BATTERY_TYPE) && s->battery_type != 0,
		    "the battery type is not LFP: the default limits do not fit");
	return n;
}

void probe_hex(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		printf("%s%02x%s", i % HEX_PER_LINE == 0 ? "  " : " ", data[i],
		       i % HEX_PER_LINE == HEX_PER_LINE - 1 || i == len - 1 ? "\n" : "");
	}
}
