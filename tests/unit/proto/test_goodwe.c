/* SPDX-License-Identifier: Apache-2.0 */
/* GoodWe codecs: what a datagram can be, beside the published ones. */
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

#define VECTORS	   "F-goodwe-local.json"
#define UNTOUCHED  0x5A
#define NOISE_RUNS 20000
#define BITS	   8U
#define DATA	   7U

static struct jkv_bytes bytes;

static void load(const char *name, struct jkv_bytes *ret)
{
	char *text = jkv_read_file(VECTORS);
	cJSON *list = cJSON_Parse(text);
	const cJSON *vector = NULL;
	bool found = false;

	cJSON_ArrayForEach(vector, list)
	{
		const cJSON *key = cJSON_GetObjectItemCaseSensitive(vector, "name");
		const cJSON *hex = cJSON_GetObjectItemCaseSensitive(vector, "hex");

		if (strcmp(key->valuestring, name) == 0) {
			jkv_from_hex(hex->valuestring, ret);
			found = true;
		}
	}
	cJSON_Delete(list);
	free(text);
	assert_true(found);
}

static void fix_sum(struct jkv_bytes *f)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < f->len - 2; i++) {
		sum += f->b[i];
	}
	f->b[f->len - 2] = (uint8_t)(sum >> 8);
	f->b[f->len - 1] = (uint8_t)sum;
}

static uint16_t crc16(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xFFFF;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc & 1U) != 0 ? crc >> 1 ^ 0xA001U : crc >> 1;
		}
	}
	return (uint16_t)crc;
}

static void fix_crc(struct jkv_bytes *f)
{
	const uint16_t crc = crc16(f->b + 2, f->len - 4);

	f->b[f->len - 2] = (uint8_t)crc;
	f->b[f->len - 1] = (uint8_t)(crc >> 8);
}

/* A runtime answer with @len bytes of data, the first ones of a real one. */
static void runtime_of(size_t len, struct jkv_bytes *ret)
{
	load("EM5048_discharge", ret);
	while (ret->len < len + AA55_FRAME) {
		ret->b[ret->len++] = 0;
	}
	ret->len = len + AA55_FRAME;
	ret->b[6] = (uint8_t)len;
	fix_sum(ret);
}

static void test_requests_read_and_nothing_else(void **state)
{
	(void)state;
	/* Values outside the enums included. */
	for (int what = -3; what < 300; what++) {
		uint8_t a[AA55_REQUEST_SIZE];
		uint8_t m[GOODWE_MODBUS_REQUEST_SIZE];

		aa55_request_build((enum aa55_query)what, a);
		assert_memory_equal(a, "\xAA\x55\xC0\x7F\x01", 5);
		assert_true(a[5] == 2 || a[5] == 6 || a[5] == 9);
		assert_int_equal(a[6], 0);
		goodwe_modbus_request_build((enum goodwe_block)what, m);
		assert_memory_equal(m, "\xF7\x03", 2);
		assert_int_equal(m[5], goodwe_modbus_registers((enum goodwe_block)what));
		assert_int_equal(crc16(m, 6), m[6] | m[7] << 8);
	}
}

/* Modbus answers may have bytes behind the frame, so a cut one is none and a longer one is. */
static void test_FLT_04_cut_at_every_byte(void **state)
{
	struct jkv_bytes a;
	struct jkv_bytes m;
	struct aa55_runtime r;
	struct goodwe_runtime g;
	int32_t exception = 0;

	(void)state;
	load("EM5048_discharge", &a);
	load("et_GW10K-ET_running_data", &m);
	for (size_t n = 0; n < a.len; n++) {
		assert_int_equal(aa55_runtime_decode(a.b, n, &r), GOODWE_SHORT);
	}
	assert_int_equal(aa55_runtime_decode(a.b, a.len, &r), GOODWE_OK);
	assert_int_equal(aa55_runtime_decode(a.b, a.len + 1, &r), GOODWE_BAD_LENGTH);
	for (size_t n = 0; n < m.len; n++) {
		assert_int_equal(goodwe_modbus_runtime_decode(m.b, n, &g, &exception),
				 GOODWE_SHORT);
	}
	for (size_t n = m.len; n < m.len + 9; n++) {
		assert_int_equal(goodwe_modbus_runtime_decode(m.b, n, &g, &exception), GOODWE_OK);
	}
}

/* A datagram is whole or none: two halves are two refusals, wherever the cut is. */
static void test_split_at_every_byte(void **state)
{
	struct jkv_bytes a;
	struct aa55_runtime r;

	(void)state;
	load("ES5048D_discharge_short", &a);
	for (size_t cut = 1; cut < a.len; cut++) {
		assert_int_not_equal(aa55_runtime_decode(a.b, cut, &r), GOODWE_OK);
		assert_int_not_equal(aa55_runtime_decode(a.b + cut, a.len - cut, &r), GOODWE_OK);
	}
	load("et_GW10K-ET_running_data", &a);
	for (size_t cut = 1; cut < a.len; cut++) {
		struct goodwe_runtime g;
		int32_t exception = 0;

		assert_int_not_equal(goodwe_modbus_runtime_decode(a.b, cut, &g, &exception),
				     GOODWE_OK);
		assert_int_not_equal(
			goodwe_modbus_runtime_decode(a.b + cut, a.len - cut, &g, &exception),
			GOODWE_OK);
	}
}

static void flip_all(const char *name, bool modbus)
{
	load(name, &bytes);
	for (size_t bit = 0; bit < bytes.len * BITS; bit++) {
		struct aa55_runtime r;
		struct goodwe_runtime g;
		int32_t exception = 0;
		enum goodwe_verdict v;

		memset(&r, UNTOUCHED, sizeof(r));
		bytes.b[bit / BITS] ^= (uint8_t)(1U << bit % BITS);
		v = modbus ? goodwe_modbus_runtime_decode(bytes.b, bytes.len, &g, &exception)
			   : aa55_runtime_decode(bytes.b, bytes.len, &r);
		assert_true(v != GOODWE_OK && v != GOODWE_REFUSED);
		assert_int_equal(*(const uint8_t *)&r, UNTOUCHED);
		bytes.b[bit / BITS] ^= (uint8_t)(1U << bit % BITS);
	}
}

static void test_FLT_06_every_single_bit(void **state)
{
	(void)state;
	flip_all("EM5048_discharge", false);
	flip_all("ES5048D_discharge_short", false);
	flip_all("et_GW10K-ET_running_data", true);
	flip_all("et_GW25K-ET_running_data", true);
}

/* Noise, bare and behind a good header. */
static void test_FLT_42_noise(void **state)
{
	(void)state;
	for (int run = 0; run < NOISE_RUNS; run++) {
		struct aa55_runtime r;
		struct aa55_settings s;
		struct goodwe_device d;
		struct goodwe_runtime g;
		struct goodwe_pack p;
		int32_t exception = 0;
		static const uint8_t heads[][4] = {{0xAA, 0x55, 0x7F, 0xC0},
						   {0xAA, 0x55, 0xF7, 0x03}};

		bytes.len = jkv_random(GOODWE_DATAGRAM_MAX + 1);
		for (size_t i = 0; i < bytes.len; i++) {
			bytes.b[i] = (uint8_t)jkv_random(UINT8_MAX + 1);
		}
		if (run % 3 != 0 && bytes.len >= sizeof(heads[0])) {
			memcpy(bytes.b, heads[run % 3 - 1], sizeof(heads[0]));
		}
		assert_int_not_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
		assert_int_not_equal(aa55_settings_decode(bytes.b, bytes.len, &s), GOODWE_OK);
		assert_int_not_equal(aa55_device_decode(bytes.b, bytes.len, &d), GOODWE_OK);
		assert_int_not_equal(
			goodwe_modbus_runtime_decode(bytes.b, bytes.len, &g, &exception),
			GOODWE_OK);
		assert_int_not_equal(goodwe_modbus_pack_decode(bytes.b, bytes.len, &p, &exception),
				     GOODWE_OK);
	}
}

/* Each offset is bounded by itself: what a length has is what is there, the rest has no value. */
static void test_lengths_by_firmware(void **state)
{
	static const size_t known[] = {AA55_RUNTIME_95, AA55_RUNTIME_133, AA55_RUNTIME_140};
	struct aa55_runtime whole;
	struct aa55_runtime r;

	(void)state;
	runtime_of(AA55_RUNTIME_140, &bytes);
	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &whole), GOODWE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		runtime_of(known[i], &bytes);
		assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
		assert_int_equal(r.len, known[i]);
		r.len = whole.len;
		assert_memory_equal(&r, &whole, sizeof(r));
	}
	for (size_t len = 0; len <= UINT8_MAX; len++) {
		runtime_of(len, &bytes);
		if (len < 31) {
			assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r),
					 GOODWE_TOO_LITTLE);
			continue;
		}
		assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
		assert_int_equal(r.battery.current_ma, -18500);
		assert_int_equal(r.grid_direction, len > 80 ? 0 : GOODWE_NO_VALUE);
		assert_int_equal(r.grid_power_w, len > 80 ? -2 : GOODWE_NO_VALUE);
		assert_int_equal(r.backup_power_w, len > 82 ? 847 : GOODWE_NO_VALUE);
		assert_int_equal(r.diagnose, len > 92 ? 64 : 0);
		assert_int_equal(r.battery_warning, len > 32 ? 0 : GOODWE_NO_VALUE);
	}
}

static void put16(size_t at, uint32_t v)
{
	bytes.b[DATA + at] = (uint8_t)(v >> 8);
	bytes.b[DATA + at + 1] = (uint8_t)v;
}

static void test_signs_come_from_bytes_30_and_80(void **state)
{
	struct aa55_runtime r;

	(void)state;
	for (uint32_t mode = 0; mode <= UINT8_MAX; mode++) {
		const int32_t sign = mode == GOODWE_MODE_CHARGE ? 1 : -1;

		runtime_of(AA55_RUNTIME_140, &bytes);
		put16(18, 0xFFFE); /* a magnitude, however large */
		put16(38, 700);
		bytes.b[DATA + 30] = (uint8_t)mode;
		bytes.b[DATA + 80] = (uint8_t)mode;
		fix_sum(&bytes);
		assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
		assert_int_equal(r.battery.mode, mode);
		assert_int_equal(r.battery.current_ma, sign * 6553400);
		assert_int_equal(r.battery.power_w, sign * 346675);
		assert_int_equal(r.grid_power_w, mode > 2    ? GOODWE_NO_VALUE
						 : mode == 2 ? 700
							     : -700);
	}
}

static void test_no_value(void **state)
{
	struct aa55_runtime r;

	(void)state;
	runtime_of(AA55_RUNTIME_140, &bytes);
	memset(bytes.b + DATA, 0xFF, AA55_RUNTIME_140);
	fix_sum(&bytes);
	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
	assert_int_equal(r.battery.voltage_mv, GOODWE_NO_VALUE);
	assert_int_equal(r.battery.current_ma, GOODWE_NO_VALUE);
	assert_int_equal(r.battery.power_w, GOODWE_NO_VALUE);
	assert_int_equal(r.battery.soc_pct, GOODWE_NO_VALUE);
	assert_int_equal(r.battery_temp_dc, GOODWE_NO_VALUE);
	assert_int_equal(r.grid_power_w, GOODWE_NO_VALUE);
	assert_int_equal(r.total_wh, GOODWE_NO_VALUE);
	assert_int_equal(r.errors, UINT32_MAX);
	assert_string_equal(goodwe_mode_name(r.battery.mode), "?");
	/* Saturates, and a temperature below zero is one. */
	put16(59, 0xFFFF);
	put16(61, 0);
	put16(16, 0x10000 - 55);
	fix_sum(&bytes);
	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_OK);
	assert_int_equal(r.total_wh, INT32_MAX);
	assert_int_equal(r.battery_temp_dc, -55);
}

static void test_battery_or_none(void **state)
{
	static const struct {
		int32_t mode;
		int32_t soc_pct;
		bool has;
	} rows[] = {
		{GOODWE_MODE_NONE, 0, false},
		{GOODWE_MODE_NONE, GOODWE_NO_VALUE, false},
		{GOODWE_MODE_NONE, 55, true}, /* contradiction */
		{GOODWE_MODE_STANDBY, 0, true},
		{GOODWE_MODE_DISCHARGE, GOODWE_NO_VALUE, true},
		{200, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct goodwe_battery b = {.mode = rows[i].mode, .soc_pct = rows[i].soc_pct};

		assert_int_equal(goodwe_has_battery(&b), rows[i].has);
	}
}

static void test_device_of_any_length(void **state)
{
	struct goodwe_device d;

	(void)state;
	load("EM5048_devinfo", &bytes);
	for (size_t len = 77; len > 0; len--) {
		bytes.len = len + AA55_FRAME;
		bytes.b[6] = (uint8_t)len;
		fix_sum(&bytes);
		if (len < 47) {
			assert_int_equal(aa55_device_decode(bytes.b, bytes.len, &d),
					 GOODWE_TOO_LITTLE);
			continue;
		}
		assert_int_equal(aa55_device_decode(bytes.b, bytes.len, &d), GOODWE_OK);
		assert_string_equal(d.model, "GW5048-EM");
		assert_string_equal(d.serial, "00000EMU00AW0000");
		assert_string_equal(d.arm, len >= 63 ? "410-04000-10" : "");
	}
	/* Only printable characters leave. */
	load("EM5048_devinfo", &bytes);
	memcpy(bytes.b + DATA + 5, "\x1B[2J\xFF GW  ", 10);
	fix_sum(&bytes);
	assert_int_equal(aa55_device_decode(bytes.b, bytes.len, &d), GOODWE_OK);
	assert_string_equal(d.model, ".[2J. GW");
}

static void test_answers_to_other_questions(void **state)
{
	struct aa55_runtime r;
	struct aa55_settings s;
	struct goodwe_device d;

	(void)state;
	load("EM5048_devinfo", &bytes);
	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_FOREIGN);
	load("ES5048D_settings", &bytes);
	assert_int_equal(aa55_device_decode(bytes.b, bytes.len, &d), GOODWE_FOREIGN);
	load("EM5048_discharge", &bytes);
	assert_int_equal(aa55_settings_decode(bytes.b, bytes.len, &s), GOODWE_FOREIGN);
	/* The same function under another control is another question. */
	bytes.b[4] = 3;
	fix_sum(&bytes);
	assert_int_equal(aa55_runtime_decode(bytes.b, bytes.len, &r), GOODWE_FOREIGN);
}

static void modbus_block(enum goodwe_block block, struct jkv_bytes *ret)
{
	const uint8_t count = (uint8_t)(goodwe_modbus_registers(block) * 2);
	const uint8_t head[] = {0xAA, 0x55, 0xF7, 0x03, count};

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->b, head, sizeof(head));
	ret->len = sizeof(head) + count + 2U;
}

static void test_modbus_device(void **state)
{
	struct goodwe_device d;
	int32_t exception = 0;

	(void)state;
	modbus_block(GOODWE_BLOCK_DEVICE, &bytes);
	memcpy(bytes.b + 5 + 6, "9010KETU21BW0000", 16);
	memcpy(bytes.b + 5 + 22, "GW10K-ET\0\0", 10);
	memcpy(bytes.b + 5 + 42, "04029-07-S11", 12);
	memcpy(bytes.b + 5 + 54, "02041-19-S00", 12);
	fix_crc(&bytes);
	assert_int_equal(goodwe_modbus_device_decode(bytes.b, bytes.len, &d, &exception),
			 GOODWE_OK);
	assert_string_equal(d.serial, "9010KETU21BW0000");
	assert_string_equal(d.model, "GW10K-ET");
	assert_string_equal(d.firmware, "04029-07-S11");
	assert_string_equal(d.arm, "02041-19-S00");
}

static void put_register(uint32_t first, uint32_t reg, uint32_t v)
{
	const size_t at = 5 + (size_t)(reg - first) * 2;

	bytes.b[at] = (uint8_t)(v >> 8);
	bytes.b[at + 1] = (uint8_t)v;
}

static void test_modbus_runtime(void **state)
{
	static const struct {
		uint32_t mode, volt, ampere, power_high, power_low, grid;
		struct goodwe_runtime want;
	} rows[] = {
		{2, 500, 123, 0, 615, 400, {{2, 50000, -12300, -615, GOODWE_NO_VALUE}, -400}},
		{3,
		 500,
		 0xFF85,
		 0xFFFF,
		 0xFD99,
		 0xFE70,
		 {{3, 50000, 12300, 615, GOODWE_NO_VALUE}, 400}},
		/* 0xFFFF of a signed register is -0.1 A; 0x7FFF is none */
		{1,
		 0xFFFF,
		 0xFFFF,
		 0,
		 0,
		 0x7FFF,
		 {{1, GOODWE_NO_VALUE, 100, 0, GOODWE_NO_VALUE}, GOODWE_NO_VALUE}},
		{3, 500, 0xFF85, 0x7FFF, 0xFFFF, 0, {{3, 50000, 12300, 615, GOODWE_NO_VALUE}, 0}},
		{2,
		 500,
		 0x7FFF,
		 0x8000,
		 0,
		 0x8000,
		 {{2, 50000, GOODWE_NO_VALUE, GOODWE_NO_VALUE, GOODWE_NO_VALUE}, 32768}},
		{0xFFFF, 0, 0, 0x8000, 1, 0, {{0xFFFF, 0, 0, INT32_MAX, GOODWE_NO_VALUE}, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct goodwe_runtime g;
		int32_t exception = 0;

		modbus_block(GOODWE_BLOCK_RUNTIME, &bytes);
		put_register(35100, 35140, rows[i].grid);
		put_register(35100, 35180, rows[i].volt);
		put_register(35100, 35181, rows[i].ampere);
		put_register(35100, 35182, rows[i].power_high);
		put_register(35100, 35183, rows[i].power_low);
		put_register(35100, 35184, rows[i].mode);
		fix_crc(&bytes);
		assert_int_equal(goodwe_modbus_runtime_decode(bytes.b, bytes.len, &g, &exception),
				 GOODWE_OK);
		assert_int_equal(g.battery.mode, rows[i].want.battery.mode);
		assert_int_equal(g.battery.voltage_mv, rows[i].want.battery.voltage_mv);
		assert_int_equal(g.battery.current_ma, rows[i].want.battery.current_ma);
		assert_int_equal(g.battery.power_w, rows[i].want.battery.power_w);
		assert_int_equal(g.grid_power_w, rows[i].want.grid_power_w);
	}
}

static void test_modbus_refusal(void **state)
{
	struct goodwe_pack p;
	int32_t exception = -1;

	(void)state;
	bytes.len = 7;
	memcpy(bytes.b, "\xAA\x55\xF7\x83\x02", 5);
	fix_crc(&bytes);
	assert_int_equal(goodwe_modbus_pack_decode(bytes.b, bytes.len, &p, &exception),
			 GOODWE_REFUSED);
	assert_int_equal(exception, 2);
	exception = -1;
	bytes.b[6] ^= 1U;
	assert_int_equal(goodwe_modbus_pack_decode(bytes.b, bytes.len, &p, &exception),
			 GOODWE_BAD_SUM);
	assert_int_equal(exception, -1);
	/* A percentage that is none. */
	modbus_block(GOODWE_BLOCK_BATTERY, &bytes);
	put_register(37000, 37007, 101);
	put_register(37000, 37008, 0xFFFF);
	fix_crc(&bytes);
	assert_int_equal(goodwe_modbus_pack_decode(bytes.b, bytes.len, &p, &exception), GOODWE_OK);
	assert_int_equal(p.soc_pct, GOODWE_NO_VALUE);
	assert_int_equal(p.soh_pct, GOODWE_NO_VALUE);
}

static void test_names(void **state)
{
	(void)state;
	for (int32_t v = 0; v < GOODWE_VERDICTS; v++) {
		assert_string_not_equal(goodwe_verdict_name(v), "?");
	}
	assert_string_equal(goodwe_verdict_name(GOODWE_VERDICTS), "?");
	assert_string_equal(goodwe_verdict_name(-1), "?");
	assert_string_equal(goodwe_family_name(GOODWE_FAMILY_AUTO), "auto");
	assert_string_equal(goodwe_family_name(GOODWE_FAMILY_MODBUS), "modbus");
	assert_string_equal(goodwe_family_name(GOODWE_FAMILIES), "?");
	assert_string_equal(goodwe_family_name(-1), "?");
	assert_string_equal(goodwe_mode_name(3), "charging");
	assert_string_equal(goodwe_mode_name(-1), "?");
	assert_string_equal(goodwe_mode_name(6), "?");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_read_and_nothing_else),
		cmocka_unit_test(test_FLT_04_cut_at_every_byte),
		cmocka_unit_test(test_split_at_every_byte),
		cmocka_unit_test(test_FLT_06_every_single_bit),
		cmocka_unit_test(test_FLT_42_noise),
		cmocka_unit_test(test_lengths_by_firmware),
		cmocka_unit_test(test_signs_come_from_bytes_30_and_80),
		cmocka_unit_test(test_no_value),
		cmocka_unit_test(test_battery_or_none),
		cmocka_unit_test(test_device_of_any_length),
		cmocka_unit_test(test_answers_to_other_questions),
		cmocka_unit_test(test_modbus_device),
		cmocka_unit_test(test_modbus_runtime),
		cmocka_unit_test(test_modbus_refusal),
		cmocka_unit_test(test_names),
	};

	jkv_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
