/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every vector of tests/vectors/F-goodwe-local.json gives its expected values or its rejection of the
 * right kind. Each key under "expect" is compared or named here as one without a counterpart.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/units.h"
#include "proto/aa55.h"
#include "proto/goodwe_modbus.h"
#include "vectors.h"

#define VECTORS	    "F-goodwe-local.json"
#define COUNT	    60
#define GOOD_AA55   12 /* runtime, device info, settings */
#define GOOD_MODBUS 7
#define UNTOUCHED   0x5A

#define V  1000
#define A  1000
#define C  10
#define WH 1000 /* in a kWh */
#define HZ 100
#define PF 1000

#define FIELD(key, scale, member)                                 \
	{                                                         \
		key, scale, offsetof(struct aa55_runtime, member) \
	}

/* Minus: the sources count discharging and export as positive. */
static const struct {
	const char *key;
	int32_t scale;
	size_t offset;
} runtime_fields[] = {
	FIELD("vpv1", V, pv1_mv),
	FIELD("ipv1", A, pv1_ma),
	FIELD("pv1_mode", 1, pv1_mode),
	FIELD("vpv2", V, pv2_mv),
	FIELD("ipv2", A, pv2_ma),
	FIELD("pv2_mode", 1, pv2_mode),
	FIELD("vbattery1", V, battery.voltage_mv),
	FIELD("battery_status", 1, battery_status),
	FIELD("battery_temperature", C, battery_temp_dc),
	FIELD("ibattery1", -A, battery.current_ma),
	FIELD("pbattery1", -1, battery.power_w),
	FIELD("battery_charge_limit", A, charge_limit_ma),
	FIELD("battery_discharge_limit", A, discharge_limit_ma),
	FIELD("battery_error", 1, battery_error),
	FIELD("battery_soc", 1, battery.soc_pct),
	FIELD("battery_soh", 1, battery_soh_pct),
	FIELD("battery_mode", 1, battery.mode),
	FIELD("battery_warning", 1, battery_warning),
	FIELD("meter_status", 1, meter_status),
	FIELD("vgrid", V, grid_mv),
	FIELD("igrid", A, grid_ma),
	FIELD("pgrid", -1, grid_power_w),
	FIELD("fgrid", HZ, grid_chz),
	FIELD("grid_mode", 1, grid_mode),
	FIELD("vload", V, load_mv),
	FIELD("iload", A, load_ma),
	FIELD("pload", 1, load_power_w),
	FIELD("fload", HZ, load_chz),
	FIELD("load_mode", 1, load_mode),
	FIELD("work_mode", 1, energy_mode),
	FIELD("temperature", C, temp_dc),
	FIELD("error_codes", 1, errors),
	FIELD("e_total", WH, total_wh),
	FIELD("h_total", 1, hours),
	FIELD("e_day", WH, day_wh),
	FIELD("e_load_day", WH, load_day_wh),
	FIELD("e_load_total", WH, load_total_wh),
	FIELD("total_power", 1, total_power_w),
	FIELD("effective_work_mode", 1, effective_mode),
	FIELD("effective_relay_control", 1, relays),
	FIELD("grid_in_out", 1, grid_direction),
	FIELD("pback_up", 1, backup_power_w),
	FIELD("meter_power_factor", PF, power_factor_pm),
	FIELD("diagnose_result", 1, diagnose),
};

/* Sums and products of the fields above, made by the source. */
static const char *const derived[] = {"ppv1", "ppv2", "ppv", "plant_power", "house_consumption"};

#define SETTING(key, scale, member)                                \
	{                                                          \
		key, scale, offsetof(struct aa55_settings, member) \
	}

static const struct {
	const char *key;
	int32_t scale;
	size_t offset;
} settings_fields[] = {
	SETTING("capacity_Ah", 1, capacity_ah),
	SETTING("charge_V", V, charge_mv),
	SETTING("charge_A", A, charge_ma),
	SETTING("discharge_A", A, discharge_ma),
	SETTING("discharge_V", V, discharge_mv),
	SETTING("dod", 1, dod_pct),
	SETTING("battery_activated", 1, battery_activated),
	SETTING("grid_export_limit_W", 1, export_limit_w),
	SETTING("work_mode", 1, work_mode),
};

static struct jkv_bytes bytes;
static size_t good_aa55;
static size_t good_modbus;

static const char *string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static void compare(const char *key, const cJSON *item, int32_t scale, const void *at)
{
	int32_t value = 0;

	memcpy(&value, at, sizeof(value));
	assert_true(cJSON_IsNumber(item));
	if (value != lround(item->valuedouble * scale)) {
		fail_msg("%s: %d, expected %ld", key, value, lround(item->valuedouble * scale));
	}
}

static bool is_derived(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(derived); i++) {
		if (strcmp(derived[i], key) == 0) {
			return true;
		}
	}
	return false;
}

static void compare_runtime(const cJSON *values, const struct aa55_runtime *r)
{
	const cJSON *item = NULL;
	size_t compared = 0;

	cJSON_ArrayForEach(item, values)
	{
		size_t i = 0;

		while (i < ARRAY_SIZE(runtime_fields) &&
		       strcmp(runtime_fields[i].key, item->string) != 0) {
			i++;
		}
		if (i < ARRAY_SIZE(runtime_fields)) {
			compare(item->string, item, runtime_fields[i].scale,
				(const uint8_t *)r + runtime_fields[i].offset);
			compared++;
		} else if (!is_derived(item->string) && strstr(item->string, "_label") == NULL) {
			fail_msg("key %s: not compared", item->string);
		}
	}
	assert_int_equal(compared, ARRAY_SIZE(runtime_fields));
}

static void check_runtime(const cJSON *vector)
{
	struct aa55_runtime r;

	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
	assert_int_equal(r.len, bytes.len - AA55_FRAME);
	compare_runtime(cJSON_GetObjectItemCaseSensitive(vector, "expect"), &r);
	compare_runtime(cJSON_GetObjectItemCaseSensitive(vector, "published"), &r);
	assert_true(goodwe_has_battery(&r.battery));
	good_aa55++;
}

static void check_device(const cJSON *vector)
{
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");
	struct goodwe_device d;

	assert_int_equal(aa55_device_decode(bytes.b, bytes.len, &d), GOODWE_OK);
	assert_string_equal(d.model, string(expect, "model"));
	assert_string_equal(d.serial, string(expect, "serial"));
	assert_string_equal(d.firmware, string(expect, "firmware"));
	assert_string_equal(d.arm, string(expect, "arm"));
	good_aa55++;
}

static void check_settings(const cJSON *vector)
{
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");
	struct aa55_settings s;

	assert_int_equal(aa55_settings_decode(bytes.b, bytes.len, &s), GOODWE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(settings_fields); i++) {
		compare(settings_fields[i].key,
			cJSON_GetObjectItemCaseSensitive(expect, settings_fields[i].key),
			settings_fields[i].scale, (const uint8_t *)&s + settings_fields[i].offset);
	}
	assert_int_equal(cJSON_GetArraySize(expect), ARRAY_SIZE(settings_fields));
	good_aa55++;
}

/* Refused by every decoder, for the same reason, and nothing is written. */
static void check_refused(enum goodwe_verdict aa55, enum goodwe_verdict modbus)
{
	union {
		struct aa55_runtime runtime;
		struct aa55_settings settings;
		struct goodwe_device device;
		struct goodwe_runtime modbus;
		struct goodwe_pack pack;
		uint8_t raw[sizeof(struct aa55_runtime)];
	} out;
	int32_t exception = 0;

	memset(&out, UNTOUCHED, sizeof(out));
	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &out.runtime), aa55);
	assert_int_equal(aa55_settings_decode(bytes.b, bytes.len, &out.settings), aa55);
	assert_int_equal(aa55_device_decode(bytes.b, bytes.len, &out.device), aa55);
	assert_int_equal(goodwe_modbus_device_decode(bytes.b, bytes.len, &out.device, &exception),
			 modbus);
	assert_int_equal(goodwe_modbus_runtime_decode(bytes.b, bytes.len, &out.modbus, &exception),
			 modbus);
	assert_int_equal(goodwe_modbus_pack_decode(bytes.b, bytes.len, &out.pack, &exception),
			 modbus);
	for (size_t i = 0; i < sizeof(out); i++) {
		assert_int_equal(out.raw[i], UNTOUCHED);
	}
}

static bool is(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Modbus replies: framing by the number of registers that they have. */
static void check_modbus(const char *name, bool library_accepts)
{
	const uint8_t *data = NULL;
	int32_t exception = 0;
	const uint8_t registers = bytes.len > 4 ? bytes.b[4] / 2 : 0;
	const enum goodwe_verdict v = goodwe_modbus_reply_judge(bytes.b, bytes.len, registers,
								&data, &exception);

	if (is(name, "rtu_rep_short")) {
		assert_int_equal(v, GOODWE_SHORT);
	} else if (is(name, "rtu_rep_badcrc") || is(name, "rtu_rep_exception")) {
		assert_int_equal(v, GOODWE_BAD_SUM);
	} else if (bytes.b[3] != 3) {
		assert_int_equal(v, GOODWE_FOREIGN); /* answers a writing request */
		check_refused(GOODWE_OTHER_PROTOCOL, GOODWE_FOREIGN);
	} else {
		assert_int_equal(v, GOODWE_OK);
		assert_true(library_accepts);
		assert_ptr_equal(data, bytes.b + 5);
		data = NULL;
		assert_int_equal(goodwe_modbus_reply_judge(bytes.b, bytes.len,
							   (uint8_t)(registers + 1), &data,
							   &exception),
				 GOODWE_FOREIGN);
		assert_null(data);
		good_modbus++;
	}
}

static void check_values_et(const char *name)
{
	struct goodwe_runtime r;
	struct goodwe_pack pack;
	int32_t exception = 0;

	if (strcmp(name, "et_GW10K-ET_battery_info") == 0) {
		assert_int_equal(goodwe_modbus_pack_decode(bytes.b, bytes.len, &pack, &exception),
				 GOODWE_OK);
		assert_int_equal(pack.soc_pct, 68);
		assert_int_equal(pack.soh_pct, 99);
		assert_int_equal(pack.temp_dc, 350);
		assert_int_equal(pack.charge_limit_ma, 25000);
		assert_int_equal(pack.discharge_limit_ma, 25000);
		return;
	}
	if (strstr(name, "running_data") == NULL) {
		return;
	}
	assert_int_equal(goodwe_modbus_runtime_decode(bytes.b, bytes.len, &r, &exception),
			 GOODWE_OK);
	assert_int_equal(r.battery.soc_pct, GOODWE_NO_VALUE);
	if (strcmp(name, "et_GW10K-ET_running_data") == 0) {
		assert_int_equal(r.battery.mode, GOODWE_MODE_CHARGE);
		assert_int_equal(r.battery.voltage_mv, 254200);
		assert_int_equal(r.battery.current_ma, 9800);
		assert_int_equal(r.battery.power_w, 2512);
		assert_int_equal(r.grid_power_w, 3);
	} else if (strcmp(name, "et_GW6000_EH_running_data") == 0) {
		assert_false(goodwe_has_battery(&r.battery));
		assert_int_equal(r.battery.voltage_mv, 0);
		assert_int_equal(r.battery.current_ma, -100);
		assert_int_equal(r.grid_power_w, 164);
	} else {
		assert_string_equal(name, "et_GW25K-ET_running_data");
		assert_int_equal(r.battery.mode, GOODWE_MODE_DISCHARGE);
		assert_int_equal(r.battery.voltage_mv, 215200);
		assert_int_equal(r.battery.current_ma, 0);
		assert_int_equal(r.grid_power_w, -1511);
	}
}

/* What this project sends is among the published requests, byte for byte. */
static void check_own_requests(const char *name)
{
	static const struct {
		const char *name;
		bool modbus;
		uint32_t what;
	} own[] = {
		{"req_devinfo", false, AA55_DEVICE},
		{"req_runtime", false, AA55_RUNTIME},
		{"req_settings", false, AA55_SETTINGS},
		{"rtu_req_devinfo", true, GOODWE_BLOCK_DEVICE},
		{"rtu_req_running", true, GOODWE_BLOCK_RUNTIME},
		{"rtu_req_batt", true, GOODWE_BLOCK_BATTERY},
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		uint8_t frame[AA55_REQUEST_SIZE + 1] = {0};

		if (strcmp(own[i].name, name) != 0) {
			continue;
		}
		if (own[i].modbus) {
			goodwe_modbus_request_build((enum goodwe_block)own[i].what, frame);
			assert_int_equal(bytes.len, GOODWE_MODBUS_REQUEST_SIZE);
		} else {
			aa55_request_build((enum aa55_query)own[i].what, frame);
			assert_int_equal(bytes.len, AA55_REQUEST_SIZE);
		}
		assert_memory_equal(frame, bytes.b, bytes.len);
	}
}

static void check_negative(const char *name)
{
	if (is(name, "neg_truncated")) {
		check_refused(GOODWE_SHORT, GOODWE_OTHER_PROTOCOL);
	} else if (is(name, "neg_bad_sum")) {
		check_refused(GOODWE_BAD_SUM, GOODWE_OTHER_PROTOCOL);
	} else if (is(name, "neg_request_echo")) {
		check_refused(GOODWE_ECHO, GOODWE_ECHO);
	} else {
		assert_string_equal(name, "neg_garbage_00000000");
		check_refused(GOODWE_BAD_HEADER, GOODWE_BAD_HEADER);
	}
}

static void check_vector(const cJSON *vector)
{
	const char *name = string(vector, "name");
	const char *kind = string(vector, "kind");
	const char *protocol = string(vector, "protocol");
	const cJSON *checksum = cJSON_GetObjectItemCaseSensitive(vector, "checksum");
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");
	const bool sum_ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(checksum, "ok")) != 0;

	jkv_from_hex(string(vector, "hex"), &bytes);
	check_own_requests(name);
	if (strcmp(protocol, "rtu_rep") == 0) {
		const cJSON *library = cJSON_GetObjectItemCaseSensitive(expect, "library_accepts");

		check_modbus(name, library == NULL || cJSON_IsTrue(library) != 0);
		if (is(name, "et_")) {
			check_values_et(name);
		}
	} else if (strcmp(protocol, "rtu_req") == 0) {
		const bool reads = bytes.b[0] == 0xF7 && bytes.b[1] == 3;

		check_refused(GOODWE_BAD_HEADER, reads ? GOODWE_ECHO : GOODWE_BAD_HEADER);
	} else if (strcmp(kind, "negative") == 0) {
		check_negative(name);
	} else if (strcmp(kind, "request") == 0) {
		check_refused(GOODWE_ECHO, GOODWE_ECHO);
	} else if (strcmp(kind, "reply") == 0) {
		check_refused(GOODWE_FOREIGN, GOODWE_OTHER_PROTOCOL);
	} else if (!sum_ok) {
		check_refused(GOODWE_BAD_SUM, GOODWE_OTHER_PROTOCOL);
	} else if (strcmp(kind, "runtime") == 0) {
		check_runtime(vector);
	} else if (strcmp(kind, "device_info") == 0) {
		check_device(vector);
	} else {
		assert_string_equal(kind, "settings");
		check_settings(vector);
	}
}

static void test_every_vector(void **state)
{
	char *text = jkv_read_file(VECTORS);
	cJSON *list = cJSON_Parse(text);
	const cJSON *vector = NULL;

	(void)state;
	assert_true(cJSON_IsArray(list));
	assert_int_equal(cJSON_GetArraySize(list), COUNT);
	good_aa55 = 0;
	good_modbus = 0;
	cJSON_ArrayForEach(vector, list)
	{
		check_vector(vector);
	}
	assert_int_equal(good_aa55, GOOD_AA55);
	assert_int_equal(good_modbus, GOOD_MODBUS);
	cJSON_Delete(list);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
