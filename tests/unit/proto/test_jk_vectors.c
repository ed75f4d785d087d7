/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every vector of tests/vectors gives its expected values or its rejection of the right kind. Each
 * key under "expect" is compared or named here as one without a counterpart; an unknown one fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/units.h"
#include "vectors.h"

#define PUBLISHED	  "A-jk-4e57.json"
#define PUBLISHED_VECTORS 29
#define PUBLISHED_SAMPLES 9
#define SYNTHETIC	  "A-jk-4e57-synthetic.json"
#define SYNTHETIC_VECTORS 59
#define SYNTHETIC_SAMPLES 49

enum kind {
	U8,
	U16,
	I16,
	U32,
	I32,
	TEN_MV, /* expected in 10 mV, kept in mV */
	TEXT,
};

#define FIELD(key, kind, member, reg)                                                \
	{                                                                            \
		key, kind, offsetof(struct jk_sample, member), JK_HAVE(JK_REG_##reg) \
	}

static const struct {
	const char *key;
	enum kind kind;
	size_t offset;
	uint64_t have;
} fields[] = {
	FIELD("mos_temp_raw", U16, mos_temp_raw, MOS_TEMP),
	FIELD("box_temp_raw", U16, box_temp_raw, BOX_TEMP),
	FIELD("bat_temp_raw", U16, battery_temp_raw, BATTERY_TEMP),
	FIELD("voltage_10mV", TEN_MV, pack_mv, VOLTAGE),
	FIELD("current_raw", U16, current_raw, CURRENT),
	FIELD("current_mA_pos_charge", I32, current_ma, CURRENT),
	FIELD("soc", U8, soc_pct, SOC),
	FIELD("temp_sensors", U8, temp_sensors, TEMP_SENSORS),
	FIELD("cycles", U16, cycles, CYCLES),
	FIELD("cycle_capacity_Ah", U32, cycle_capacity_ah, CYCLE_CAPACITY),
	FIELD("strings", U16, cell_count, CELL_COUNT),
	FIELD("warnings", U16, alarms, ALARMS),
	FIELD("status", U16, status, STATUS),
	FIELD("pack_ovp_10mV", TEN_MV, pack_ovp_mv, PACK_OVP),
	FIELD("pack_uvp_10mV", TEN_MV, pack_uvp_mv, PACK_UVP),
	FIELD("cell_ovp_mV", U16, cell_ovp_mv, CELL_OVP),
	FIELD("cell_ovpr_mV", U16, cell_ovpr_mv, CELL_OVPR),
	FIELD("cell_ovp_delay_s", U16, cell_ovp_delay_s, CELL_OVP_DELAY),
	FIELD("cell_uvp_mV", U16, cell_uvp_mv, CELL_UVP),
	FIELD("cell_uvpr_mV", U16, cell_uvpr_mv, CELL_UVPR),
	FIELD("cell_uvp_delay_s", U16, cell_uvp_delay_s, CELL_UVP_DELAY),
	FIELD("cell_diff_mV", U16, cell_diff_mv, CELL_DIFF),
	FIELD("dis_ocp_A", U16, discharge_ocp_a, DISCHARGE_OCP),
	FIELD("dis_ocp_delay_s", U16, discharge_ocp_delay_s, DISCHARGE_OCP_DELAY),
	FIELD("chg_ocp_A", U16, charge_ocp_a, CHARGE_OCP),
	FIELD("chg_ocp_delay_s", U16, charge_ocp_delay_s, CHARGE_OCP_DELAY),
	FIELD("bal_start_mV", U16, balance_start_mv, BALANCE_START),
	FIELD("bal_delta_mV", U16, balance_delta_mv, BALANCE_DELTA),
	FIELD("bal_switch", U8, balance_switch, BALANCE_SWITCH),
	FIELD("mos_otp_C", U16, mos_otp_c, MOS_OTP),
	FIELD("mos_otpr_C", U16, mos_otpr_c, MOS_OTPR),
	FIELD("box_otp_C", U16, box_otp_c, BOX_OTP),
	FIELD("box_otpr_C", U16, box_otpr_c, BOX_OTPR),
	FIELD("temp_diff_C", U16, temp_diff_c, TEMP_DIFF),
	FIELD("chg_otp_C", U16, charge_otp_c, CHARGE_OTP),
	FIELD("dis_otp_C", U16, discharge_otp_c, DISCHARGE_OTP),
	FIELD("chg_utp_C", I16, charge_utp_c, CHARGE_UTP),
	FIELD("chg_utpr_C", I16, charge_utpr_c, CHARGE_UTPR),
	FIELD("dis_utp_C", I16, discharge_utp_c, DISCHARGE_UTP),
	FIELD("dis_utpr_C", I16, discharge_utpr_c, DISCHARGE_UTPR),
	FIELD("strings_setting", U8, cell_setting, CELL_SETTING),
	FIELD("capacity_Ah", U32, capacity_ah, CAPACITY),
	FIELD("chg_switch", U8, charge_switch, CHARGE_SWITCH),
	FIELD("dis_switch", U8, discharge_switch, DISCHARGE_SWITCH),
	FIELD("cur_calib_mA", U16, current_calib_ma, CURRENT_CALIB),
	FIELD("address", U8, address, ADDRESS),
	FIELD("battery_type", U8, battery_type, BATTERY_TYPE),
	FIELD("sleep_s", U16, sleep_wait_s, SLEEP_WAIT),
	FIELD("low_soc_pct", U8, low_soc_pct, LOW_SOC),
	FIELD("special_charger", U8, special_charger, SPECIAL_CHARGER),
	FIELD("device_id", TEXT, device_id, DEVICE_ID),
	FIELD("mfg_date", TEXT, date, DATE),
	FIELD("runtime_min", U32, runtime_min, RUNTIME),
	FIELD("sw_version", TEXT, sw_version, SW_VERSION),
	FIELD("start_calib", U8, start_calib, START_CALIB),
	FIELD("actual_capacity_Ah", U32, actual_capacity_ah, ACTUAL_CAPACITY),
	FIELD("manufacturer_id", TEXT, manufacturer, MANUFACTURER),
	FIELD("protocol_version", U8, version, VERSION),
};

static const struct {
	const char *key;
	size_t offset;
} temperatures[] = {
	{"mos_temp_C", offsetof(struct jk_sample, mos_temp_raw)},
	{"box_temp_C", offsetof(struct jk_sample, box_temp_raw)},
	{"bat_temp_C", offsetof(struct jk_sample, battery_temp_raw)},
};

/* Handled by name elsewhere in this file, or remarks of the vector's author. */
static const char *const other_keys[] = {
	"frame_ok",
	"accept",
	"reject_reason",
	"cells_mV",
	"cell_numbers",
	"password",
	"_header",
	"note",
	"plausible",
	"undetectable",
	"temp_if_100_minus_v",
	"temp_if_99_minus_v",
	"in_documented_range",
	"unknown_at",
	"unknown_id",
};

static struct jkv_bytes bytes;
static struct jkv_rx rx;
static struct jk_sample sample;

static long long number(const cJSON *item)
{
	assert_true(cJSON_IsNumber(item));
	return (long long)item->valuedouble;
}

static const char *string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* Absent counts as @absent. */
static bool flag(const cJSON *object, const char *key, bool absent)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return item == NULL ? absent : cJSON_IsTrue(item) != 0;
}

static long long kept_value(enum kind kind, const uint8_t *at)
{
	uint16_t u16 = 0;
	uint32_t u32 = 0;

	memcpy(&u16, at, sizeof(u16));
	memcpy(&u32, at, sizeof(u32));
	switch (kind) {
	case U8:
		return *at;
	case U16:
		return u16;
	case I16:
		return (int16_t)u16;
	case U32:
		return u32;
	case I32:
	case TEN_MV:
		return (int32_t)u32;
	case TEXT:
	default:
		return -1;
	}
}

static void compare_field(size_t i, const cJSON *item)
{
	const uint8_t *at = (const uint8_t *)&sample + fields[i].offset;
	const long long scale = fields[i].kind == TEN_MV ? 10 : 1;

	assert_true((sample.have & fields[i].have) != 0);
	if (fields[i].kind == TEXT) {
		assert_true(cJSON_IsString(item));
		assert_string_equal((const char *)at, item->valuestring);
	} else if (kept_value(fields[i].kind, at) != number(item) * scale) {
		fail_msg("%s: %lld, expected %lld", fields[i].key, kept_value(fields[i].kind, at),
			 number(item) * scale);
	}
}

static void compare_temperature(size_t i, const cJSON *item)
{
	const uint8_t *at = (const uint8_t *)&sample + temperatures[i].offset;
	const uint16_t raw = (uint16_t)kept_value(U16, at);

	if (raw <= JK_TEMP_RAW_MAX) {
		assert_true(jk_temp_valid(raw));
		assert_int_equal(jk_temp_dc(raw), number(item) * 10);
	} else {
		/* The vectors go on counting down; outside the document there is no value. */
		assert_false(jk_temp_valid(raw));
		assert_int_equal(jk_temp_dc(raw), 0);
	}
}

static void compare_cells(const cJSON *expect)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(expect, "cells_mV");
	const cJSON *item = NULL;
	size_t cells = 0;

	assert_true(cJSON_IsArray(list));
	cJSON_ArrayForEach(item, list)
	{
		assert_true(cells < JK_CELLS_MAX);
		assert_int_equal(sample.cell_mv[cells], number(item));
		cells++;
	}
	assert_int_equal(sample.cells, cells);
}

/* The vectors of the temperature register carry both readings. */
static void compare_readings(const cJSON *expect)
{
	const cJSON *nominal = cJSON_GetObjectItemCaseSensitive(expect, "temp_if_100_minus_v");
	const cJSON *lower = cJSON_GetObjectItemCaseSensitive(expect, "temp_if_99_minus_v");
	const uint16_t raw = sample.battery_temp_raw;

	if (nominal == NULL) {
		return;
	}
	assert_int_equal(jk_temp_valid(raw), flag(expect, "in_documented_range", false));
	if (jk_temp_valid(raw)) {
		assert_int_equal(jk_temp_dc(raw), number(nominal) * 10);
		assert_int_equal(jk_temp_floor_dc(raw), number(lower) * 10);
	}
}

static void compare_password(const cJSON *expect)
{
	const char *password = string(expect, "password");
	const size_t len = strlen(password);

	for (size_t i = 0; len > 0 && i + len <= sizeof(sample); i++) {
		assert_memory_not_equal((const uint8_t *)&sample + i, password, len);
	}
}

static bool compare_by_key(const cJSON *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].key, item->string) == 0) {
			compare_field(i, item);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(temperatures); i++) {
		if (strcmp(temperatures[i].key, item->string) == 0) {
			compare_temperature(i, item);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(other_keys); i++) {
		if (strcmp(other_keys[i], item->string) == 0) {
			return true;
		}
	}
	return false;
}

static void compare_sample(const cJSON *vector)
{
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");
	const char *unknown = string(expect, "unknown_id");
	const cJSON *item = NULL;

	assert_int_equal(jk_decode(bytes.b, bytes.len, &sample), JK_OK);
	cJSON_ArrayForEach(item, expect)
	{
		if (!compare_by_key(item)) {
			fail_msg("key %s: not compared", item->string);
		}
	}
	compare_cells(expect);
	compare_readings(expect);
	compare_password(expect);
	assert_int_equal(sample.unknown_tag, unknown[0] == '\0' ? 0 : strtoul(unknown, NULL, 16));
	/* A register that the vector does not name is not had. */
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (cJSON_GetObjectItemCaseSensitive(expect, fields[i].key) == NULL) {
			assert_true((sample.have & fields[i].have) == 0);
		}
	}
}

/* Complete frames that are no sample. All other requests and echoes: JK_FOREIGN. */
static enum jk_verdict refusal(const char *name)
{
	static const struct {
		const char *name;
		enum jk_verdict verdict;
	} rows[] = {
		{"syn_current_c0_2", JK_BAD_VERSION},	 {"syn_cell_len_47", JK_BAD_CELLS},
		{"syn_cell_len_255", JK_BAD_CELLS},	 {"syn_cell_len_0", JK_BAD_CELLS},
		{"syn_duplicate_cell_no", JK_BAD_CELLS}, {"syn_unknown_reg_mid", JK_BAD_REGISTER},
	};

	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		if (strcmp(rows[r].name, name) == 0) {
			return rows[r].verdict;
		}
	}
	return JK_FOREIGN;
}

/* What the framer makes of a vector whose "frame_ok" is false. */
static enum jk_verdict framing_fault(const cJSON *vector)
{
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");
	const cJSON *checksum = cJSON_GetObjectItemCaseSensitive(vector, "checksum");
	const char *reason = string(expect, "reject_reason");

	if (reason[0] == '\0') {
		reason = string(checksum, "why");
	}
	if (strncmp(reason, "truncated", 9) == 0) {
		return JK_TRUNCATED;
	}
	if (strcmp(reason, "no start marker") == 0) {
		return JK_NOISE;
	}
	assert_string_equal(reason, "checksum");
	return strcmp(string(vector, "name"), "syn_checksum_hi_nonzero") == 0 ? JK_BAD_SUM_HIGH
									      : JK_BAD_SUM;
}

static void check_fault(const cJSON *vector)
{
	const enum jk_verdict verdict = framing_fault(vector);

	jkv_rx_init(&rx);
	jkv_rx_feed(&rx, bytes.b, bytes.len);
	assert_int_equal(rx.frames, 0);
	assert_int_equal(rx.f.count[JK_TRUNCATED], 0);
	jkv_rx_gap(&rx);
	assert_int_equal(rx.frames, 0);
	if (verdict == JK_NOISE) {
		assert_int_equal(rx.f.count[JK_NOISE], bytes.len);
	} else {
		assert_int_equal(rx.f.count[verdict], 1);
	}
	/* The decoder alone refuses it as well. */
	assert_int_equal(jk_decode(bytes.b, bytes.len, &sample),
			 verdict == JK_TRUNCATED ? JK_BAD_LENGTH : verdict);
}

/* Whole, cut in two at every byte, byte by byte, between noise, twice. */
static void check_framing(void)
{
	uint8_t noise[40];

	for (size_t cut = 0; cut <= bytes.len; cut++) {
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, bytes.b, cut);
		jkv_rx_feed(&rx, bytes.b + cut, bytes.len - cut);
		jkv_rx_expect(&rx, 1, &bytes);
		assert_int_equal(rx.f.count[JK_NOISE], 0);
	}
	for (size_t i = 0; i < bytes.len; i++) {
		jkv_rx_feed(&rx, bytes.b + i, 1);
	}
	jkv_rx_expect(&rx, 2, &bytes);
	for (int turn = 0; turn < 50; turn++) {
		for (size_t i = 0; i < sizeof(noise); i++) {
			/* One in three is a start marker or half of one. */
			const uint32_t r = jkv_random(6);

			noise[i] = r == 0 ? 0x4E : (r == 1 ? 0x57 : (uint8_t)jkv_random(256));
		}
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, noise, jkv_random(sizeof(noise) + 1));
		jkv_rx_feed(&rx, bytes.b, bytes.len);
		jkv_rx_feed(&rx, bytes.b, bytes.len);
		jkv_rx_feed(&rx, noise, jkv_random(sizeof(noise) + 1));
		jkv_rx_gap(&rx);
		jkv_rx_expect(&rx, 2, &bytes);
	}
}

static bool check_vector(const cJSON *vector)
{
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");
	const char *kind = string(vector, "kind");
	bool is_sample;

	print_message("           %s\n", string(vector, "name"));
	jkv_from_hex(string(vector, "hex"), &bytes);
	assert_int_equal(bytes.len, number(cJSON_GetObjectItemCaseSensitive(vector, "bytes")));
	if (!flag(expect, "frame_ok", false)) {
		check_fault(vector);
		return false;
	}
	check_framing();
	is_sample = flag(expect, "accept", true) &&
		    (strcmp(kind, "reply") == 0 || strcmp(kind, "synthetic") == 0);
	if (is_sample) {
		compare_sample(vector);
	} else {
		assert_int_equal(jk_decode(bytes.b, bytes.len, &sample),
				 refusal(string(vector, "name")));
	}
	return is_sample;
}

/* JSON file of tests/vectors. A NUL inside a text is shown as '.', and cJSON's strings end at it. */
static cJSON *load_json(const char *name)
{
	static const char nul[] = "\\u0000";
	char *text = jkv_read_file(name);
	char *at = text;
	cJSON *root;

	while ((at = strstr(at, nul)) != NULL) {
		at[0] = '.';
		memmove(at + 1, at + sizeof(nul) - 1, strlen(at + sizeof(nul) - 1) + 1);
	}
	root = cJSON_Parse(text);
	free(text);
	assert_true(cJSON_IsArray(root));
	return root;
}

static void check_file(const char *name, int vectors, int samples)
{
	cJSON *root = load_json(name);
	const cJSON *vector = NULL;

	assert_int_equal(cJSON_GetArraySize(root), vectors);
	cJSON_ArrayForEach(vector, root)
	{
		samples -= check_vector(vector) ? 1 : 0;
	}
	assert_int_equal(samples, 0);
	cJSON_Delete(root);
}

static void test_published_vectors(void **state)
{
	(void)state;
	check_file(PUBLISHED, PUBLISHED_VECTORS, PUBLISHED_SAMPLES);
}

static void test_synthetic_vectors(void **state)
{
	(void)state;
	check_file(SYNTHETIC, SYNTHETIC_VECTORS, SYNTHETIC_SAMPLES);
}

static void test_request_is_the_published_one(void **state)
{
	static const struct {
		const char *name;
		enum jk_source source;
	} rows[] = {
		{"req_read_all_pc", JK_SOURCE_PC},
		{"req_read_all_gps", JK_SOURCE_GPS},
	};
	cJSON *root = load_json(PUBLISHED);
	const cJSON *vector = NULL;
	size_t seen = 0;

	(void)state;
	cJSON_ArrayForEach(vector, root)
	{
		for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
			uint8_t request[JK_REQUEST_SIZE];

			if (strcmp(rows[r].name, string(vector, "name")) != 0) {
				continue;
			}
			jkv_from_hex(string(vector, "hex"), &bytes);
			assert_int_equal(bytes.len, sizeof(request));
			memset(request, 0xFF, sizeof(request));
			jk_request_build(rows[r].source, request);
			assert_memory_equal(request, bytes.b, sizeof(request));
			seen++;
		}
	}
	assert_int_equal(seen, ARRAY_SIZE(rows));
	cJSON_Delete(root);
}

static void test_hex_files(void **state)
{
	static const struct {
		const char *name;
		bool good;
		uint8_t cells;
		int32_t ma;
		uint8_t soc;
	} rows[] = {
		{JKV_13S, true, 13, 0, 94},
		{JKV_14S, true, 14, 2080, 15},
		{JKV_16S, true, 16, -690, 15},
		{"jk_uart_issue120_14s_idle.hex", false, 0, 0, 0},
		{"jk_uart_issue247_turn12_220820.hex", false, 0, 0, 0},
		{"jk_uart_issue247_turn12_220845.hex", false, 0, 0, 0},
		{"jk_uart_issue247_turn13_first.hex", false, 0, 0, 0},
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		jkv_load(rows[r].name, &bytes);
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, bytes.b, bytes.len);
		jkv_rx_gap(&rx);
		assert_int_equal(rx.frames, rows[r].good ? 1 : 0);
		if (rows[r].good) {
			jkv_rx_expect(&rx, 1, &bytes);
			assert_int_equal(jk_decode(bytes.b, bytes.len, &sample), JK_OK);
			assert_int_equal(sample.cells, rows[r].cells);
			assert_int_equal(sample.current_ma, rows[r].ma);
			assert_int_equal(sample.soc_pct, rows[r].soc);
		} else {
			assert_int_equal(rx.f.count[JK_BAD_SUM] + rx.f.count[JK_TRUNCATED], 1);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_synthetic_vectors),
		cmocka_unit_test(test_request_is_the_published_one),
		cmocka_unit_test(test_hex_files),
	};

	jkv_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
