/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speedwire datagrams: every vector gives its values or its rejection; each key under "expect" is
 * compared, an unknown one fails. Then damage of every kind, noise, and the way there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/units.h"
#include "proto/speedwire.h"
#include "vectors.h"

#define VECTORS	    "D-sma-speedwire.json"
#define VECTORS_N   14
#define GOOD_N	    8
#define ROOM	    1500U
#define NOISE_N	    200000
#define HEAD	    28U /* first record of a datagram without extra bytes */
#define DATA_LEN_AT 12U
#define FILL	    0xA5

static struct jkv_bytes bytes;
static struct speedwire_meter meter;
static cJSON *root;

static const struct {
	const char *name;
	enum speedwire_verdict verdict;
} rejected[] = {
	{"em10_truncated_openhab", SPEEDWIRE_TRUNCATED},
	{"em10_handtyped_openhab", SPEEDWIRE_BAD_TAG},
	{"tripowerx_6065", SPEEDWIRE_INVERTER},
	{"discovery_request", SPEEDWIRE_DISCOVERY},
	{"discovery_response_a", SPEEDWIRE_DISCOVERY},
	{"official_doc_example", SPEEDWIRE_NO_POWER}, /* channel 1 is not the meter's own */
};

static const struct {
	const char *key;
	uint32_t quantity;
	double scale;
} quantities[] = {
	{"p+", SPEEDWIRE_P_IMPORT, 10},		  {"p-", SPEEDWIRE_P_EXPORT, 10},
	{"q+", SPEEDWIRE_Q_IMPORT, 10},		  {"q-", SPEEDWIRE_Q_EXPORT, 10},
	{"s+", SPEEDWIRE_S_IMPORT, 10},		  {"s-", SPEEDWIRE_S_EXPORT, 10},
	{"i", SPEEDWIRE_CURRENT, 1000},		  {"u", SPEEDWIRE_VOLTAGE, 1000},
	{"cosphi", SPEEDWIRE_POWER_FACTOR, 1000}, {"freq", SPEEDWIRE_FREQUENCY, 1000},
};

static int load(void **state)
{
	char *text = jkv_read_file(VECTORS);

	(void)state;
	root = cJSON_Parse(text);
	free(text);
	assert_int_equal(cJSON_GetArraySize(root), VECTORS_N);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	cJSON_Delete(root);
	return 0;
}

static const char *string(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	assert_non_null(s);
	return s;
}

static void take(const cJSON *vector)
{
	jkv_from_hex(string(vector, "hex"), &bytes);
}

static const cJSON *find(const char *name)
{
	const cJSON *vector = NULL;

	cJSON_ArrayForEach(vector, root)
	{
		if (strcmp(string(vector, "name"), name) == 0) {
			return vector;
		}
	}
	fail_msg("no vector %s", name);
	return NULL;
}

static bool is_good(const cJSON *vector)
{
	const cJSON *expect = cJSON_GetObjectItemCaseSensitive(vector, "expect");

	return cJSON_HasObjectItem(expect, "grid_power_W") != 0;
}

/* From memory of exactly this size, so that a sanitizer sees a byte too many. */
static enum speedwire_verdict decode_exact(const uint8_t *b, size_t len, struct speedwire_meter *m)
{
	uint8_t *copy = malloc(len != 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, b, len);
	const enum speedwire_verdict v = speedwire_decode(copy, len, m);

	free(copy);
	return v;
}

/* The decoder's word, and that it leaves alone what it does not fill. */
static enum speedwire_verdict decode(const uint8_t *b, size_t len)
{
	memset(&meter, FILL, sizeof(meter));
	const enum speedwire_verdict v = decode_exact(b, len, &meter);

	assert_true((uint32_t)v < SPEEDWIRE_VERDICTS);
	for (size_t i = 0; v != SPEEDWIRE_OK && i < sizeof(meter); i++) {
		assert_int_equal(((const uint8_t *)&meter)[i], FILL);
	}
	return v;
}

/* "L2.p+" -> line and rest */
static uint32_t line_of(const char **key)
{
	if ((*key)[0] == 'L' && (*key)[2] == '.') {
		const uint32_t line = (uint32_t)((*key)[1] - '0');

		*key += 3;
		return line;
	}
	return SPEEDWIRE_SUM;
}

static size_t row_of(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(quantities); i++) {
		if (strcmp(quantities[i].key, key) == 0) {
			return i;
		}
	}
	fail_msg("no quantity %s", key);
	return 0;
}

static uint32_t bits(const uint16_t set[SPEEDWIRE_LINES])
{
	uint32_t n = 0;

	for (uint32_t line = 0; line < SPEEDWIRE_LINES; line++) {
		n += (uint32_t)__builtin_popcount(set[line]);
	}
	return n;
}

static void check_actual(const cJSON *object)
{
	const cJSON *item = NULL;

	cJSON_ArrayForEach(item, object)
	{
		const char *key = item->string;
		const uint32_t line = line_of(&key);
		const size_t row = row_of(key);
		const uint32_t quantity = quantities[row].quantity;
		const long long wanted = llround(item->valuedouble * quantities[row].scale);

		assert_true((meter.has_actual[line] >> quantity & 1U) != 0U);
		assert_int_equal(meter.actual[line][quantity], (uint32_t)wanted);
		if (wanted < 0) {
			assert_int_equal((int32_t)meter.actual[line][quantity], wanted);
		}
	}
	/* and nothing besides */
	assert_int_equal(bits(meter.has_actual), cJSON_GetArraySize(object));
}

static void check_counters(const cJSON *object)
{
	const cJSON *item = NULL;

	cJSON_ArrayForEach(item, object)
	{
		const char *key = item->string;
		const uint32_t line = line_of(&key);
		const uint32_t quantity = quantities[row_of(key)].quantity;

		assert_true((meter.has_counter[line] >> quantity & 1U) != 0U);
		assert_true(meter.counter[line][quantity] == (uint64_t)item->valuedouble);
	}
	assert_int_equal(bits(meter.has_counter), cJSON_GetArraySize(object));
}

static void check_key(const cJSON *item, size_t len)
{
	const char *key = item->string;
	char text[32];
	int32_t differ_dw = 0;

	if (strcmp(key, "protocol") == 0) {
		(void)snprintf(text, sizeof(text), "0x%04x", meter.protocol);
		assert_string_equal(text, item->valuestring);
	} else if (strcmp(key, "datagram_len") == 0) {
		assert_int_equal(len, item->valueint);
	} else if (strcmp(key, "extra") == 0) {
		(void)snprintf(text, sizeof(text), "%04x", meter.extra);
		assert_string_equal(text, item->valuestring);
	} else if (strcmp(key, "susy") == 0) {
		assert_int_equal(meter.susy, item->valueint);
		assert_string_not_equal(speedwire_device_name(meter.susy), "unknown device");
	} else if (strcmp(key, "serial") == 0) {
		assert_true(meter.serial == (uint32_t)item->valuedouble);
	} else if (strcmp(key, "ticker_ms") == 0) {
		assert_true(meter.ticker_ms == (uint32_t)item->valuedouble);
	} else if (strcmp(key, "sw") == 0) {
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%c", meter.version[0],
			       meter.version[1], meter.version[2], meter.version[3]);
		assert_true(meter.has_version);
		assert_string_equal(text, item->valuestring);
	} else if (strcmp(key, "sw_raw") == 0) {
		(void)snprintf(text, sizeof(text), "%02x%02x%02x%02x", meter.version[0],
			       meter.version[1], meter.version[2], meter.version[3]);
		assert_string_equal(text, item->valuestring);
	} else if (strcmp(key, "actual") == 0) {
		check_actual(item);
	} else if (strcmp(key, "counter_Ws") == 0) {
		check_counters(item);
	} else if (strcmp(key, "grid_power_W") == 0) {
		assert_int_equal(speedwire_power_dw(&meter), lround(item->valuedouble * 10));
	} else if (strcmp(key, "phase_sum_W") == 0) {
		assert_true(speedwire_lines_differ_dw(&meter, &differ_dw));
		assert_in_range(differ_dw + 2, 0, 4);
		assert_int_equal(speedwire_power_dw(&meter) + differ_dw,
				 lround(item->valuedouble * 10));
		assert_int_equal(speedwire_line_power_dw(&meter, SPEEDWIRE_L1) +
					 speedwire_line_power_dw(&meter, SPEEDWIRE_L2) +
					 speedwire_line_power_dw(&meter, SPEEDWIRE_L3),
				 lround(item->valuedouble * 10));
	} else {
		fail_msg("nothing compares %s", key);
	}
}

static void test_vectors(void **state)
{
	const cJSON *vector = NULL;
	uint32_t good = 0;

	(void)state;
	cJSON_ArrayForEach(vector, root)
	{
		const cJSON *item = NULL;

		if (!is_good(vector)) {
			continue;
		}
		take(vector);
		assert_int_equal(decode(bytes.b, bytes.len), SPEEDWIRE_OK);
		cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(vector, "expect"))
		{
			check_key(item, bytes.len);
		}
		good++;
	}
	assert_int_equal(good, GOOD_N);
	assert_int_equal(good + ARRAY_SIZE(rejected), VECTORS_N);
}

static void test_vectors_that_are_rejected(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rejected); i++) {
		const cJSON *vector = find(rejected[i].name);

		assert_false(is_good(vector));
		take(vector);
		assert_int_equal(decode(bytes.b, bytes.len), rejected[i].verdict);
	}
	jkv_load("sma_0x6065_58byte.hex", &bytes);
	assert_int_equal(bytes.len, 58);
	assert_int_equal(decode(bytes.b, bytes.len), SPEEDWIRE_INVERTER);
}

static void test_truncated_at_every_byte(void **state)
{
	const cJSON *vector = NULL;

	(void)state;
	cJSON_ArrayForEach(vector, root)
	{
		if (!is_good(vector)) {
			continue;
		}
		take(vector);
		for (size_t len = 0; len < bytes.len; len++) {
			assert_int_equal(decode(bytes.b, len),
					 len < 4 ? SPEEDWIRE_NOT_SMA : SPEEDWIRE_TRUNCATED);
		}
		bytes.b[bytes.len] = 0;
		assert_int_equal(decode(bytes.b, bytes.len + 1), SPEEDWIRE_BAD_TAG);
	}
}

/* Data that end early by their own length: the last record is cut. */
static void test_data_cut_at_every_byte(void **state)
{
	uint32_t cut = 0;

	(void)state;
	take(find("em20_go_fw2.0.16"));
	for (size_t len = HEAD; len < bytes.len - 4U; len++) {
		uint8_t b[ROOM];
		const size_t data_len = len - 16U;

		memcpy(b, bytes.b, len);
		memset(b + len, 0, 4);
		b[DATA_LEN_AT] = (uint8_t)(data_len >> 8);
		b[DATA_LEN_AT + 1] = (uint8_t)data_len;
		const enum speedwire_verdict v = decode(b, len + 4U);

		/* P import and export are the first records */
		assert_true(v == SPEEDWIRE_BAD_RECORD ||
			    (v == SPEEDWIRE_NO_POWER && len < HEAD + 28U) ||
			    (v == SPEEDWIRE_OK && len >= HEAD + 28U));
		cut += v == SPEEDWIRE_BAD_RECORD;
	}
	assert_true(cut > bytes.len / 2);
}

static void test_encoder_gives_the_bytes_of_genuine_meters(void **state)
{
	const cJSON *vector = NULL;
	uint32_t same = 0;

	(void)state;
	cJSON_ArrayForEach(vector, root)
	{
		uint8_t b[SPEEDWIRE_DATAGRAM_MAX];

		if (!is_good(vector)) {
			continue;
		}
		take(vector);
		assert_int_equal(decode(bytes.b, bytes.len), SPEEDWIRE_OK);
		assert_int_equal(speedwire_encode(&meter, b, sizeof(b)), bytes.len);
		if (strcmp(string(vector, "kind"), "real") == 0) {
			assert_memory_equal(b, bytes.b, bytes.len);
			same++;
		}
		/* no room for the last byte */
		assert_int_equal(speedwire_encode(&meter, b, bytes.len - 1), 0);
	}
	assert_int_equal(same, GOOD_N - 1);
}

/* A datagram of records: P import 100.0 W, P export 0 are added unless told otherwise. */
static size_t make(uint8_t b[ROOM], uint16_t protocol, const char *records, bool power)
{
	static const char *const both = "00010400000003e8"
					"0002040000000000";
	static struct jkv_bytes more;
	struct speedwire_meter m = {.protocol = protocol, .susy = 349, .serial = 7, .ticker_ms = 9};
	size_t len = speedwire_encode(&m, b, ROOM) - 4U;

	jkv_from_hex(records, &more);
	memcpy(b + len, more.b, more.len);
	len += more.len;
	if (power) {
		jkv_from_hex(both, &more);
		memcpy(b + len, more.b, more.len);
		len += more.len;
	}
	b[DATA_LEN_AT] = (uint8_t)((len - 16U) >> 8);
	b[DATA_LEN_AT + 1] = (uint8_t)(len - 16U);
	memset(b + len, 0, 4);
	return len + 4U;
}

static void test_records(void **state)
{
	static const struct {
		const char *records;
		bool power;
		enum speedwire_verdict verdict;
		uint32_t actuals;
		uint32_t counters;
	} row[] = {
		{"", true, SPEEDWIRE_OK, 2, 0}, /* no line at all */
		{"", false, SPEEDWIRE_NO_POWER, 0, 0},
		{"00010400000003e8", false, SPEEDWIRE_NO_POWER, 0, 0},
		{"00020400000003e8", false, SPEEDWIRE_NO_POWER, 0, 0},
		{"0001080000000000000003e800020800000000000000000000", false, SPEEDWIRE_BAD_RECORD,
		 0, 0},
		{"0001080000000000000003e80002080000000000000000", false, SPEEDWIRE_BAD_RECORD, 0,
		 0},
		{"0001080000000000000003e8000208000000000000000000", false, SPEEDWIRE_NO_POWER, 0,
		 0},
		{"00150400000003e8", true, SPEEDWIRE_OK, 3, 0},
		{"000e04000000c350", true, SPEEDWIRE_OK, 3, 0},
		/* counters of what has none, unknown indexes, tariffs, other channels: passed over */
		{"000b08000000000000000001", true, SPEEDWIRE_OK, 2, 0},
		{"0000040000000001", true, SPEEDWIRE_OK, 2, 0},
		{"0005040000000001", true, SPEEDWIRE_OK, 2, 0},
		{"0014040000000001", true, SPEEDWIRE_OK, 2, 0},
		{"0051040000000001", true, SPEEDWIRE_OK, 2, 0},
		{"00ff040000000001", true, SPEEDWIRE_OK, 2, 0},
		{"0001040100000001", true, SPEEDWIRE_OK, 2, 0},
		{"0101040000000001", true, SPEEDWIRE_OK, 2, 0},
		{"000108010000000000000001", true, SPEEDWIRE_OK, 2, 0},
		{"000108000000000000000001", true, SPEEDWIRE_OK, 2, 1},
		/* channels from 128 on have four bytes, whatever the type */
		{"8001080000000001", true, SPEEDWIRE_OK, 2, 0},
		{"9000000002001052", true, SPEEDWIRE_OK, 2, 0},
		{"ff01630000000001", true, SPEEDWIRE_OK, 2, 0},
		/* the same value twice */
		{"0001040000000001", true, SPEEDWIRE_REPEATED, 0, 0},
		{"00010800000000000000000100010800000000000000000100", true, SPEEDWIRE_REPEATED, 0,
		 0},
		{"90000000020010529000000002001052", true, SPEEDWIRE_REPEATED, 0, 0},
		/* unknown type: its length is unknown too */
		{"0001000000000001", true, SPEEDWIRE_BAD_RECORD, 0, 0},
		{"0001070000000001", true, SPEEDWIRE_BAD_RECORD, 0, 0},
		{"7f01630000000001", true, SPEEDWIRE_BAD_RECORD, 0, 0},
	};
	uint8_t b[ROOM];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const size_t len = make(b, SPEEDWIRE_METER, row[i].records, row[i].power);

		assert_int_equal(decode(b, len), row[i].verdict);
		if (row[i].verdict == SPEEDWIRE_OK) {
			assert_int_equal(speedwire_power_dw(&meter), 1000);
			assert_int_equal(bits(meter.has_actual), row[i].actuals);
			assert_int_equal(bits(meter.has_counter), row[i].counters);
			assert_int_equal(meter.has_version, row[i].records[0] == '9');
		}
	}
}

static void test_tags(void **state)
{
	static const char *const power = "00010400000003e80002040000000000";
	static const struct {
		const char *hex; /* behind "SMA\0"; * = the two powers */
		enum speedwire_verdict verdict;
	} row[] = {
		{"0004 02a0 00000001 001c 0010 6069 015d 00000007 00000009 * 0000 0000",
		 SPEEDWIRE_OK},
		/* without, and with another group; with unknown tags around */
		{"001c 0010 6069 015d 00000007 00000009 * 0000 0000", SPEEDWIRE_OK},
		{"0004 02a0 ffffffff 001c 0010 6069 015d 00000007 00000009 * 0000 0000",
		 SPEEDWIRE_OK},
		{"0004 02a0 00000001 0001 0077 ab 001c 0010 6069 015d 00000007 00000009 * 0000 0050 "
		 "0000 0000",
		 SPEEDWIRE_OK},
		{"001e 0010 6081 abcd 015d 00000007 00000009 * 0000 0000", SPEEDWIRE_OK},
		{"001c 0010 6081 015d 00000007 00000009 * 0000 0000", SPEEDWIRE_BAD_RECORD},
		{"001e 0010 6069 abcd 015d 00000007 00000009 * 0000 0000", SPEEDWIRE_BAD_RECORD},
		{"000f 02a0 00000001 001c 0010 6069 015d 00000007 00000009 * 0000 0000",
		 SPEEDWIRE_BAD_TAG},
		{"0003 02a0 000001 001c 0010 6069 015d 00000007 00000009 * 0000 0000",
		 SPEEDWIRE_BAD_TAG},
		{"000b 0010 6069 015d 00000007 000000 0000 0000", SPEEDWIRE_BAD_TAG},
		{"000d 0010 6081 0001 015d 00000007 000000 0000 0000", SPEEDWIRE_BAD_TAG},
		{"0001 0010 60 0000 0000", SPEEDWIRE_BAD_TAG},
		{"0000 0010 0000 0000", SPEEDWIRE_BAD_TAG},
		{"000c 0010 6069 015d 00000007 00000009 0000 0000", SPEEDWIRE_NO_POWER},
		{"001c 0010 6069 015d 00000007 00000009 * 001c 0010 6069 015d 00000007 00000009 * 0000 "
		 "0000",
		 SPEEDWIRE_BAD_TAG},
		{"001c 0010 6069 015d 00000007 00000009 * 0001 0000 00", SPEEDWIRE_TRUNCATED},
		{"001c 0010 6069 015d 00000007 00000009 * 0001 0000 00 0000 0000", SPEEDWIRE_OK},
		{"001c 0010 6069 015d 00000007 00000009 * 0000 0000 00", SPEEDWIRE_BAD_TAG},
		{"001c 0010 6069 015d 00000007 00000009 *", SPEEDWIRE_TRUNCATED},
		{"001c 0010 6069 015d 00000007 00000009 * 0000 00", SPEEDWIRE_TRUNCATED},
		{"ffff 0010 6069 015d 00000007 00000009 * 0000 0000", SPEEDWIRE_TRUNCATED},
		{"0002 0010 6065 0000 0000", SPEEDWIRE_INVERTER},
		{"0002 0010 6073 0000 0000", SPEEDWIRE_OTHER},
		{"0002 0010 0001 0000 0000", SPEEDWIRE_DISCOVERY},
		{"0000 0000", SPEEDWIRE_DISCOVERY},
		{"", SPEEDWIRE_TRUNCATED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[512] = "534d4100";
		size_t used = strlen(text);

		for (const char *c = row[i].hex; *c != '\0'; c++) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s",
						 *c == '*' ? 32 : 1, *c == '*' ? power : c);
		}
		jkv_from_hex(text, &bytes);
		if (decode(bytes.b, bytes.len) != row[i].verdict) {
			fail_msg("%s: %s, expected %s", row[i].hex,
				 speedwire_verdict_name(decode(bytes.b, bytes.len)),
				 speedwire_verdict_name(row[i].verdict));
		}
		if (row[i].verdict == SPEEDWIRE_OK) {
			assert_int_equal(meter.serial, 7);
			assert_int_equal(meter.susy, 349);
			assert_int_equal(meter.ticker_ms, 9);
			assert_int_equal(speedwire_power_dw(&meter), 1000);
			assert_int_equal(meter.extra, meter.protocol == 0x6081 ? 0xABCD : 0);
		}
	}
	jkv_from_hex("534d4101 0000 0000", &bytes);
	assert_int_equal(decode(bytes.b, bytes.len), SPEEDWIRE_NOT_SMA);
}

/* Firmware has moved records before: any order says the same. */
static void test_order_of_records_does_not_matter(void **state)
{
	struct speedwire_meter first;
	uint8_t b[ROOM];
	size_t at[128];
	size_t len[128];

	(void)state;
	take(find("shm20_fw2.18.14"));
	assert_int_equal(decode(bytes.b, bytes.len), SPEEDWIRE_OK);
	first = meter;
	for (uint32_t round = 0; round < 200; round++) {
		size_t n = 0;
		size_t to = HEAD;

		for (size_t from = HEAD; from < bytes.len - 4U; from += len[n++]) {
			at[n] = from;
			len[n] = bytes.b[from + 2] == 8 ? 12 : 8;
		}
		memcpy(b, bytes.b, HEAD);
		for (; n > 0; n--) {
			const size_t pick = jkv_random((uint32_t)n);

			memcpy(b + to, bytes.b + at[pick], len[pick]);
			to += len[pick];
			at[pick] = at[n - 1];
			len[pick] = len[n - 1];
		}
		memset(b + to, 0, 4);
		assert_int_equal(decode(b, to + 4), SPEEDWIRE_OK);
		assert_memory_equal(&meter, &first, sizeof(meter));
	}
}

static void test_power_saturates(void **state)
{
	static const struct {
		uint32_t import;
		uint32_t export;
		int32_t dw;
	} row[] = {
		{0, 0, 0},
		{UINT32_MAX, 0, INT32_MAX},
		{0, UINT32_MAX, INT32_MIN},
		{UINT32_MAX, UINT32_MAX, 0},
		{INT32_MAX, 0, INT32_MAX},
		{655350, 0, 655350},
		{5, 7, -2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct speedwire_meter m = {.protocol = SPEEDWIRE_METER};
		int32_t dw = 17;

		for (uint32_t line = 0; line < SPEEDWIRE_LINES; line++) {
			m.actual[line][SPEEDWIRE_P_IMPORT] = row[i].import;
			m.actual[line][SPEEDWIRE_P_EXPORT] = row[i].export;
			assert_int_equal(speedwire_line_power_dw(&m, (enum speedwire_line)line),
					 row[i].dw);
		}
		assert_int_equal(speedwire_power_dw(&m), row[i].dw);
		assert_false(speedwire_lines_differ_dw(&m, &dw));
		assert_int_equal(dw, 17);
		for (uint32_t line = 0; line < SPEEDWIRE_LINES; line++) {
			m.has_actual[line] = 1U << SPEEDWIRE_P_IMPORT | 1U << SPEEDWIRE_P_EXPORT;
		}
		assert_true(speedwire_lines_differ_dw(&m, &dw));
		assert_int_equal(dw, sat_i32(2 * ((int64_t)row[i].import - row[i].export)));
	}
}

/* Whatever is accepted says the same when it is written and read again. */
static void check_there_and_back(void)
{
	struct speedwire_meter again;
	uint8_t b[SPEEDWIRE_DATAGRAM_MAX];
	const size_t len = speedwire_encode(&meter, b, sizeof(b));

	assert_true(len > 0);
	memset(&again, FILL, sizeof(again));
	assert_int_equal(speedwire_decode(b, len, &again), SPEEDWIRE_OK);
	assert_memory_equal(&again, &meter, sizeof(meter));
}

static void test_noise(void **state)
{
	uint32_t count[SPEEDWIRE_VERDICTS] = {0};
	uint8_t b[ROOM];

	(void)state;
	take(find("shm20_unicast_6081_0"));
	for (uint32_t i = 0; i < NOISE_N; i++) {
		size_t len = bytes.len;

		memcpy(b, bytes.b, len);
		if (i % 4U == 0U) { /* nothing of it is right, or only the begin */
			len = jkv_random(ROOM);
			for (size_t k = i % 8U == 0U ? 0 : 4; k < len; k++) {
				b[k] = (uint8_t)jkv_random(256);
			}
		} else {
			for (uint32_t k = 0; k <= i % 3U; k++) {
				b[jkv_random((uint32_t)len)] ^= (uint8_t)(1U << jkv_random(8));
			}
			len = i % 5U == 0U ? jkv_random((uint32_t)len) : len;
		}
		memset(&meter, 0, sizeof(meter));
		const enum speedwire_verdict v = speedwire_decode(b, len, &meter);

		count[v]++;
		if (v == SPEEDWIRE_OK) {
			check_there_and_back();
		}
	}
	for (uint32_t v = 0; v < SPEEDWIRE_VERDICTS; v++) {
		assert_true(count[v] > 0 || v == SPEEDWIRE_INVERTER || v == SPEEDWIRE_DISCOVERY);
	}
}

static void test_names(void **state)
{
	static const uint16_t known[] = {270, 349, 372, 501, 502};

	(void)state;
	for (int v = 0; v < SPEEDWIRE_VERDICTS; v++) {
		assert_true(strlen(speedwire_verdict_name((enum speedwire_verdict)v)) > 1);
	}
	assert_string_equal(speedwire_verdict_name(SPEEDWIRE_VERDICTS), "?");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		assert_string_not_equal(speedwire_device_name(known[i]), "unknown device");
	}
	assert_string_equal(speedwire_device_name(1), "unknown device");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_vectors_that_are_rejected),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_data_cut_at_every_byte),
		cmocka_unit_test(test_encoder_gives_the_bytes_of_genuine_meters),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_order_of_records_does_not_matter),
		cmocka_unit_test(test_power_saturates),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_names),
	};

	jkv_seed(argc, argv);
	return cmocka_run_group_tests_name("proto/speedwire", tests, load, unload);
}
