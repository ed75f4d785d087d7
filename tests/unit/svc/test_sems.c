/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the portal may say, beyond what was published: every code, garbage of every kind, signs and
 * directions, how old values are, whether the clock is set, where requests may go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "base/units.h"
#include "sems_fresh.h"
#include "sems_url.h"
#include "svc/sems.h"
#include "svc/sems_answer.h"

#define ANSWER_MAX (SEMS_ANSWER_MAX + 1024U)
#define NONE	   SOURCE_NO_VALUE

static const struct sems_codes codes = {
	.good = "0 00000",
	.expired = "100001 100002 C0602",
	.password = "100005 A02*",
	.busy = "GY0429",
	.forbidden = "100025",
};

/* Characters alone, without an end. */
static void put(char *to, const char *text)
{
	for (; *text != '\0'; text++) {
		*to++ = *text;
	}
}

static enum sems_verdict values_of(const char *answer, struct sems_values *v)
{
	return sems_values_decode(answer, strlen(answer), &codes, NULL, v);
}

static void test_every_code(void **state)
{
	static const struct {
		const char *code; /* as JSON */
		enum sems_verdict verdict;
		const char *shown;
	} row[] = {
		{"0", SEMS_NO_VALUE, "0"},
		{"\"0\"", SEMS_NO_VALUE, "0"},
		{"\"00000\"", SEMS_NO_VALUE, "00000"},
		{"100000", SEMS_REFUSED, "100000"},
		{"\"100001\"", SEMS_EXPIRED, "100001"},
		{"100001", SEMS_EXPIRED, "100001"},
		{"\"100002\"", SEMS_EXPIRED, "100002"},
		{"\"100004\"", SEMS_REFUSED, "100004"},
		{"\"100005\"", SEMS_PASSWORD, "100005"},
		{"100005", SEMS_PASSWORD, "100005"},
		{"\"100025\"", SEMS_FORBIDDEN, "100025"},
		{"\"C0602\"", SEMS_EXPIRED, "C0602"},
		{"\"GY0429\"", SEMS_BUSY, "GY0429"},
		{"\"R0305\"", SEMS_REFUSED, "R0305"},
		{"\"A0201\"", SEMS_PASSWORD, "A0201"},
		{"\"A02\"", SEMS_PASSWORD, "A02"},
		{"\"A03\"", SEMS_REFUSED, "A03"},
		{"\"S0327\"", SEMS_REFUSED, "S0327"},
		{"\"innerexception\"", SEMS_REFUSED, "innerexc"},
		{"\"000000\"", SEMS_REFUSED, "000000"},
		{"\"a\\nb\\\"c\"", SEMS_REFUSED, "a?b?c"},
		{"\"\"", SEMS_NO_CODE, ""},
		{"null", SEMS_NO_CODE, ""},
		{"true", SEMS_NO_CODE, ""},
		{"{}", SEMS_NO_CODE, ""},
		{"1e300", SEMS_NO_CODE, ""},
		{"-1", SEMS_REFUSED, "?1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[128];
		char shown[SEMS_CODE_MAX] = "before";
		struct sems_values v;
		struct sems_session s;
		struct sems_stations stations;

		(void)snprintf(text, sizeof(text), "{\"code\":%s,\"data\":{}}", row[i].code);
		assert_int_equal(sems_values_decode(text, strlen(text), &codes, shown, &v),
				 row[i].verdict);
		assert_string_equal(shown, row[i].shown);
		assert_int_equal(sems_login_decode(text, strlen(text), &codes, shown, &s),
				 row[i].verdict);
		assert_int_equal(sems_stations_decode(text, strlen(text), &codes, shown, &stations),
				 row[i].verdict);
	}
	assert_int_equal(values_of("{\"data\":{}}", &(struct sems_values){0}), SEMS_NO_CODE);
}

static void test_lists_of_codes(void **state)
{
	(void)state;
	assert_true(sems_code_is("1 22 333", "22"));
	assert_true(sems_code_is("  1   22 ", "22"));
	assert_false(sems_code_is("1 22 333", "2"));
	assert_false(sems_code_is("1 22 333", "2222"));
	assert_false(sems_code_is("", "2"));
	assert_false(sems_code_is("*", "2")); /* a star alone is a star */
	assert_true(sems_code_is("A*", "A"));
	assert_false(sems_code_is("A*", "B"));
}

static void test_flow_signs_and_arrows(void **state)
{
	static const struct {
		const char *data;
		enum sems_verdict verdict;
		uint32_t mode;
		int32_t power_w;
	} row[] = {
		{"{\"pBat\":0.5}", SEMS_OK, PEER_DISCHARGING, -500},
		{"{\"pBat\":-0.5}", SEMS_OK, PEER_CHARGING, 500},
		{"{\"pBat\":\"-0.5\",\"flows\":{\"pSystem\":[\"pBat\"]}}", SEMS_OK, PEER_CHARGING,
		 500},
		/* without a sign: the arrow decides */
		{"{\"pBat\":0.5,\"flows\":{\"pSystem\":[\"pBat\"]}}", SEMS_OK, PEER_CHARGING, 500},
		{"{\"pBat\":0.5,\"flows\":{\"pBat\":[\"pGrid\"]}}", SEMS_OK, PEER_DISCHARGING,
		 -500},
		{"{\"pBat\":-0.5,\"flows\":{\"pBat\":[\"pConsum\"]}}", SEMS_CONTRADICTION, 0, 0},
		{"{\"pBat\":0.5,\"flows\":{\"pGrid\":[\"pConsum\"]}}", SEMS_CONTRADICTION, 0, 0},
		{"{\"pBat\":0.5,\"flows\":{\"pBat\":[\"pConsum\"],\"pGrid\":[\"pBat\"]}}",
		 SEMS_CONTRADICTION, 0, 0},
		{"{\"pBat\":0.009,\"flows\":{\"pGrid\":[\"pConsum\"]}}", SEMS_OK, PEER_IDLE, -9},
		{"{\"pBat\":0,\"soc\":0}", SEMS_OK, PEER_IDLE, 0},
		{"{\"pBat\":\"0.0\",\"soc\":\"99.6\"}", SEMS_OK, PEER_IDLE, 0},
		{"{\"pBat\":null,\"pConsum\":1}", SEMS_OK, PEER_NO_BATTERY, NONE},
		{"{\"pConsum\":1,\"soc\":50}", SEMS_OK, PEER_UNKNOWN, NONE},
		{"{\"soc\":50}", SEMS_NO_VALUE, 0, 0},
		{"{\"pBat\":100.001}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":-100.001}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":100,\"soc\":100}", SEMS_OK, PEER_DISCHARGING, -100000},
		{"{\"pBat\":1e999}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":\"1e3\"}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":\"\"}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":\"12345678901234567890\"}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":[]}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":true}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":1,\"soc\":100.1}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":1,\"soc\":-1}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"pBat\":1,\"pGrid\":\"x\"}", SEMS_IMPLAUSIBLE, 0, 0},
		{"[]", SEMS_NO_VALUE, 0, 0},
		{"\"\"", SEMS_NO_VALUE, 0, 0},
		{"null", SEMS_NO_VALUE, 0, 0},
		{"7", SEMS_NO_VALUE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[256];
		struct sems_values v = {0};

		(void)snprintf(text, sizeof(text), "{\"code\":\"0\",\"data\":%s}", row[i].data);
		const enum sems_verdict verdict = values_of(text, &v);

		if (verdict != row[i].verdict || v.mode != row[i].mode ||
		    v.power_w != row[i].power_w) {
			fail_msg("%s: %s, mode %u, %d W", row[i].data,
				 sems_verdict_name((int32_t)verdict), v.mode, v.power_w);
		}
	}
}

static void test_legacy_battery(void **state)
{
	static const struct {
		const char *inverters;
		enum sems_verdict verdict;
		uint32_t mode;
		int32_t current_ma;
		int32_t power_w;
		int32_t soc_pct;
	} row[] = {
		{"{\"battery\":\"49.9V/0.8A/40W\",\"soc\":\"56%\"}", SEMS_OK, PEER_DISCHARGING,
		 -800, -40, 56},
		{"{\"battery\":\"52.1V/-9.6A/-500W\",\"soc\":\"100%\"}", SEMS_OK, PEER_CHARGING,
		 9600, 500, 100},
		{"{\"battery\":\"52V/0A/0W\",\"soc\":\"101%\"}", SEMS_OK, PEER_IDLE, 0, 0, NONE},
		{"{\"battery\":\"65535V/6553.5A/429483622W\",\"soc\":\"400%\"}", SEMS_OK,
		 PEER_NO_BATTERY, NONE, NONE, NONE},
		{"{\"battery\":\"6553.5V/0A/0W\"}", SEMS_OK, PEER_NO_BATTERY, NONE, NONE, NONE},
		{"{\"battery\":\"0V/0A/0W\"}", SEMS_OK, PEER_NO_BATTERY, NONE, NONE, NONE},
		{"{\"battery\":\"0V/0A/0W\",\"status\":-1}", SEMS_OK, PEER_NO_BATTERY, NONE, NONE,
		 NONE},
		/* what it said before it went */
		{"{\"battery\":\"52V/9.6A/500W\",\"status\":-1}", SEMS_OK, PEER_UNKNOWN, NONE, NONE,
		 NONE},
		{"{\"status\":1}", SEMS_OK, PEER_UNKNOWN, NONE, NONE, NONE},
		{"{\"battery\":\"\"}", SEMS_OK, PEER_UNKNOWN, NONE, NONE, NONE},
		{"{\"battery\":\"52V/9.6A/5000W\"}", SEMS_CONTRADICTION, 0, 0, 0, 0},
		{"{\"battery\":\"52V/9.6A/-500W\"}", SEMS_CONTRADICTION, 0, 0, 0, 0},
		{"{\"battery\":\"1001V/1A/1001W\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		{"{\"battery\":\"52V/6553.5A/340782W\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		{"{\"battery\":\"52V/9.6A\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		{"{\"battery\":\"52V/9.6A/500W \"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		{"{\"battery\":\"52 V/9.6A/500W\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		{"{\"battery\":\".V/A/W\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		{"{\"battery\":\"99999999999V/1A/1W\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		/* products beyond 64 bits: not computed before the range is known */
		{"{\"battery\":\"999999999V/999999999A/1W\"}", SEMS_OK, PEER_NO_BATTERY, NONE, NONE,
		 NONE},
		{"{\"battery\":\"-999999999V/999999999A/1W\"}", SEMS_IMPLAUSIBLE, 0, 0, 0, 0},
		/* two: their powers together; one without a battery does not count */
		{"{\"battery\":\"50V/10A/500W\"},{\"battery\":\"50V/20A/1000W\"}", SEMS_OK,
		 PEER_DISCHARGING, NONE, -1500, NONE},
		{"{\"battery\":\"50V/10A/500W\"},{\"battery\":\"0V/0A/0W\"}", SEMS_OK,
		 PEER_DISCHARGING, -10000, -500, NONE},
		{"{\"d\":{\"battery\":\"50V/10A/500W\",\"soc\":\"7%\"}}", SEMS_OK, PEER_DISCHARGING,
		 -10000, -500, 7},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[384];
		struct sems_values v = {0};

		(void)snprintf(text, sizeof(text), "{\"code\":0,\"data\":{\"inverter\":[%s]}}",
			       row[i].inverters);
		const enum sems_verdict verdict = values_of(text, &v);

		if (verdict != row[i].verdict || v.mode != row[i].mode ||
		    v.current_ma != row[i].current_ma || v.power_w != row[i].power_w ||
		    v.soc_pct != row[i].soc_pct) {
			fail_msg("%s: %s, mode %u, %d mA, %d W, %d %%", row[i].inverters,
				 sems_verdict_name((int32_t)verdict), v.mode, v.current_ma,
				 v.power_w, v.soc_pct);
		}
	}
	assert_int_equal(
		values_of("{\"code\":0,\"data\":{\"inverter\":[]}}", &(struct sems_values){0}),
		SEMS_NO_VALUE);
}

static void test_legacy_points(void **state)
{
	static const char good[] =
		"{\"code\":\"0\",\"data\":{\"inverterPoints\":[{\"out_pac\":200,"
		"\"soc\":\"56%\",\"vbattery1\":49.9,\"ibattery1\":-10.0,\"status\":1,"
		"\"last_refresh_time\":\"10/01/2026 15:52:38\"}]}}";
	static const char none[] =
		"{\"code\":\"0\",\"data\":{\"inverterPoints\":[{\"soc\":\"400%\","
		"\"vbattery1\":65535.0,\"ibattery1\":6553.5}]}}";
	/* beyond 64 bits */
	static const char huge[] =
		"{\"code\":\"0\",\"data\":{\"inverterPoints\":[{\"vbattery1\":999999999,"
		"\"ibattery1\":\"-999999999\"}]}}";
	struct sems_values v = {0};

	(void)state;
	assert_int_equal(values_of(huge, &v), SEMS_OK);
	assert_int_equal(v.mode, PEER_NO_BATTERY);
	assert_int_equal(values_of(good, &v), SEMS_OK);
	assert_int_equal(v.shape, SEMS_SHAPE_POINTS);
	assert_int_equal(v.mode, PEER_CHARGING);
	assert_int_equal(v.current_ma, 10000);
	assert_int_equal(v.power_w, 499);
	assert_int_equal(v.soc_pct, 56);
	assert_int_equal(v.stamp_kind, SEMS_STAMP_MARK);
	assert_int_equal(values_of(none, &v), SEMS_OK);
	assert_int_equal(v.mode, PEER_NO_BATTERY);
}

static void test_batteries_of_an_inverter(void **state)
{
	static const struct {
		const char *list;
		enum sems_verdict verdict;
		int32_t power_w;
		int32_t soc_pct;
	} row[] = {
		{"{\"pbat\":0.5,\"status\":7,\"soc\":50}", SEMS_OK, -500, 50},
		{"{\"pbat\":0.5,\"status\":6,\"soc\":50}", SEMS_OK, 500, 50},
		{"{\"pbat\":-0.5,\"status\":6}", SEMS_OK, 500, NONE},
		{"{\"pbat\":-0.5,\"status\":7}", SEMS_CONTRADICTION, 0, 0},
		{"{\"pbat\":0.5,\"status\":7,\"soc\":40},{\"pbat\":0.25,\"status\":7,\"soc\":60}",
		 SEMS_OK, -750, 50},
		{"{\"pbat\":null},{\"pbat\":0.25}", SEMS_OK, -250, NONE},
		{"{\"pbat\":90},{\"pbat\":90}", SEMS_IMPLAUSIBLE, 0, 0},
		{"{\"name\":\"x\"}", SEMS_NO_VALUE, 0, 0},
		{"7,null", SEMS_NO_VALUE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[256];
		struct sems_values v = {0};

		(void)snprintf(text, sizeof(text), "{\"code\":\"00000\",\"data\":[%s]}",
			       row[i].list);
		assert_int_equal(values_of(text, &v), row[i].verdict);
		assert_int_equal(v.power_w, row[i].power_w);
		assert_int_equal(v.soc_pct, row[i].soc_pct);
	}
}

/* Session: what is shown with each request is one line of printable ASCII. */
static void test_session(void **state)
{
	static const char good[] =
		"{\"code\":\"00000\",\"data\":{\"uid\":\"u\",\"timestamp\":1790147202675,\"token\":\"t\","
		"\"name\":\"\xE6\x88\x90\xF0\x9F\x94\x8B\\n\\u0007\x7F\",\"api\":\"https://x.goodwe.com\"}}";
	static const char *const bad[] = {
		"{\"code\":0,\"data\":{\"uid\":\"u\"}}",
		"{\"code\":0,\"data\":{\"token\":\"t\"}}",
		"{\"code\":0,\"data\":{\"uid\":\"\",\"token\":\"t\"}}",
		"{\"code\":0,\"data\":{\"uid\":7,\"token\":\"t\"}}",
		"{\"code\":0,\"data\":{\"uid\":\"u\",\"token\":\"t\",\"x\":\"\xFF\"}}",
		"{\"code\":0,\"data\":{\"uid\":\"u\",\"token\":\"t\",\"x\":\"\xC0\xAF\"}}",
		"{\"code\":0,\"data\":{\"uid\":\"u\",\"token\":\"t\",\"x\":\"\xED\xA0\x80\"}}",
	};
	struct sems_session s = {0};

	(void)state;
	assert_int_equal(sems_login_decode(good, strlen(good), &codes, NULL, &s), SEMS_OK);
	assert_string_equal(s.api, "https://x.goodwe.com");
	for (const char *c = s.header; *c != '\0'; c++) {
		assert_true(*c >= ' ' && *c <= '~');
	}
	assert_non_null(strstr(s.header, "\"timestamp\":1790147202675"));
	assert_non_null(strstr(s.header, "\\u6210\\ud83d\\udd0b\\n"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&s, 0x5A, sizeof(s));
		assert_int_equal(sems_login_decode(bad[i], strlen(bad[i]), &codes, NULL, &s),
				 SEMS_NO_VALUE);
		assert_int_equal(s.uid[0], 0x5A);
	}
}

static void test_session_too_long(void **state)
{
	static const char *const field[] = {"uid", "token", "api", "more"};
	char *text = calloc(1, ANSWER_MAX);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		struct sems_session s;
		const int n = snprintf(
			text, ANSWER_MAX,
			"{\"code\":0,\"data\":{\"uid\":\"u\",\"token\":\"t\",\"%s\":\"",
			i < 2U ? "x" : field[i]);

		/* The first of two members of a name counts, so these two come alone. */
		const int m = i < 2U ? snprintf(text, ANSWER_MAX,
						"{\"code\":0,\"data\":{\"%s\":\"t\",\"%s\":\"",
						field[1U - i], field[i])
				     : n;

		memset(text + m, 'a', 3000);
		(void)snprintf(text + m + 3000, 8, "\"}}");
		assert_int_equal(sems_login_decode(text, strlen(text), &codes, NULL, &s),
				 SEMS_NO_VALUE);
	}
	free(text);
}

static void test_stations(void **state)
{
	struct sems_stations s = {0};
	static const char two[] =
		"{\"code\":\"00000\",\"data\":{\"dataList\":[{\"id\":\"a-1\"},{\"id\":\"b_2\"},"
		"{\"id\":\"../x\"},{\"id\":\"\"},{\"id\":7},{}]}}";
	char *text = calloc(1, ANSWER_MAX);
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	assert_int_equal(sems_stations_decode(two, strlen(two), &codes, NULL, &s), SEMS_OK);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.id[1], "b_2");
	n = (size_t)snprintf(text, ANSWER_MAX, "{\"code\":0,\"data\":{\"dataList\":[");
	for (uint32_t i = 0; i < 100U; i++) {
		n += (size_t)snprintf(text + n, ANSWER_MAX - n, "%s{\"id\":\"%u\"}", i ? "," : "",
				      i);
	}
	(void)snprintf(text + n, ANSWER_MAX - n, "]}}");
	assert_int_equal(sems_stations_decode(text, strlen(text), &codes, NULL, &s), SEMS_OK);
	assert_int_equal(s.count, 100);
	assert_string_equal(s.id[SEMS_STATIONS_MAX - 1U], "7");
	free(text);
	static const char none[] = "{\"code\":0,\"data\":{\"dataList\":[]}}";

	assert_int_equal(sems_stations_decode(none, strlen(none), &codes, NULL, &s),
			 SEMS_NO_STATION);
	assert_false(sems_station_ok("a b"));
	assert_false(sems_station_ok(""));
}

/* FLT-38: memory and stack are not for a stranger to decide about. */
static void test_FLT_38_bounds(void **state)
{
	char *text = malloc(ANSWER_MAX);
	struct sems_values v;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', ANSWER_MAX);
	put(text, "{\"code\":0}");
	assert_int_equal(sems_values_decode(text, SEMS_ANSWER_MAX, &codes, NULL, &v),
			 SEMS_NO_VALUE);
	assert_int_equal(sems_values_decode(text, SEMS_ANSWER_MAX + 1U, &codes, NULL, &v),
			 SEMS_TOO_MUCH);
	memset(text, '[', ANSWER_MAX);
	assert_int_equal(sems_values_decode(text, 100000, &codes, NULL, &v), SEMS_TOO_MUCH);
	assert_int_equal(sems_values_decode(text, SEMS_DEPTH_MAX, &codes, NULL, &v), SEMS_NOT_JSON);
	memset(text, ',', ANSWER_MAX);
	assert_int_equal(sems_values_decode(text, SEMS_VALUES_MAX, &codes, NULL, &v),
			 SEMS_TOO_MUCH);
	/* In a text they are only characters; an escaped quotation mark does not end it. */
	memset(text, '[', ANSWER_MAX);
	put(text, "{\"code\":0,\"x\":\"\\\"");
	put(text + 50000, "\"}");
	assert_int_equal(sems_values_decode(text, 50002, &codes, NULL, &v), SEMS_NO_VALUE);
	assert_int_equal(values_of("{\"code\":0} x", &v), SEMS_NOT_JSON);
	assert_int_equal(values_of("[{\"code\":0}]", &v), SEMS_NOT_JSON);
	assert_int_equal(values_of("", &v), SEMS_NOT_JSON);
	assert_int_equal(values_of("{\"code\":0}\r\n", &v), SEMS_NO_VALUE);
	assert_int_equal(sems_values_decode("{\"code\":0}\0\0", 12, &codes, NULL, &v),
			 SEMS_NOT_JSON);
	free(text);
}

#define S NS_PER_S

/* FLT-39 */
static void test_FLT_39_time_without_a_zone(void **state)
{
	static const struct {
		int64_t stamp;
		int64_t now_s;
		int64_t want_s; /* -1: not to be believed */
	} row[] = {
		{100, 1, -1},
		{100, 61, -1},
		{101, 121, 121},
		{101, 181, 121},
		{101, 900, 121},
		/* copies of different age in turns */
		{100, 960, 121},
		{101, 1020, 121},
		{100, 1080, 121},
		{101, 1140, 121},
		{102, 1200, 1200},
		/* set back by an hour: believed after it has risen twice in a row */
		{50, 1260, 1200},
		{51, 1320, 1200},
		{51, 1330, 1200},
		{52, 1380, 1380},
		{53, 1440, 1440},
	};
	struct sems_fresh f = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const int64_t t_ns = sems_fresh_take(&f, SEMS_STAMP_LOCAL, row[i].stamp,
						     row[i].now_s * S, 0);

		if (t_ns != (row[i].want_s < 0 ? TIME_NEVER : row[i].want_s * S)) {
			fail_msg("row %zu: %lld", i, (long long)t_ns);
		}
	}
	/* Another kind of time: from the beginning. */
	assert_true(sems_fresh_take(&f, SEMS_STAMP_MARK, 7, 1500 * S, 0) == TIME_NEVER);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_MARK, 3, 1560 * S, 0) == 1560 * S);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_MARK, 3, 1620 * S, 0) == 1560 * S);
}

/* FLT-39: our clock can make them older, never younger. */
static void test_FLT_39_time_of_the_epoch(void **state)
{
	const int64_t wall = 1800000000000;
	struct sems_fresh f = {0};

	(void)state;
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall - 60000, 1000 * S, wall) == 940 * S);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall - 60000, 1060 * S, wall + 60000) ==
		    940 * S);
	/* SAF-14: the clock is set back by an hour: what is repeated stays old */
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall - 60000, 1120 * S, wall - 59000) ==
		    1000 * S);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall, 1180 * S, wall) == 1180 * S);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall + 299000, 1240 * S, wall) ==
		    1240 * S);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall + 301000, 1300 * S, wall) ==
		    TIME_NEVER);
	assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, INT64_C(1400000000000), 1360 * S, wall) ==
		    TIME_NEVER);
}

/* 2040, and the second in which 32 bits end; also where time_t has no more than these. */
static void test_FLT_44_time_after_2038(void **state)
{
	static const int64_t wall_s[] = {INT64_C(2208988800), INT64_C(2147483648)};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wall_s); i++) {
		const int64_t wall = wall_s[i] * 1000;
		struct sems_fresh f = {0};

		assert_true(sems_clock_good(wall, 0, 1, 0));
		assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall - 60000, 1000 * S, wall) ==
			    940 * S);
		assert_true(sems_fresh_take(&f, SEMS_STAMP_EPOCH, wall, 1060 * S, wall + 60000) ==
			    1000 * S);
	}
	/* what such a clock shows later, 1901: not good, the portal is not asked */
	assert_false(sems_clock_good(INT64_C(-2147483648) * 1000, INT64_MAX, 1, 0));
}

/* Each %s of @form is replaced by one of @at. */
static void put_stamps(char *text, size_t size, const char *form, const char *const *at)
{
	size_t used = 0;

	for (const char *p = form; *p != '\0'; p++) {
		const char *part = p;
		size_t len = 1;

		if (p[0] == '%' && p[1] == 's' && *at != NULL) {
			part = *at++;
			len = strlen(part);
			p++;
		}
		used += (size_t)snprintf(text + used, size - used, "%.*s", (int)len, part);
		assert_true(used < size);
	}
}

/* Two inverters, %s: when they were heard. */
#define EPOCH(battery) "{\"battery\":\"" battery "\",\"invert_full\":{\"last_time\":%s}}"
#define TEXT(battery)  "{\"battery\":\"" battery "\",\"last_refresh_time\":\"%s\"}"
#define HAS	       "50V/10A/500W"
#define HAS_NOT	       "0V/0A/0W"

/* SAF-07, FLT-39: one inverter that is alive makes nothing new of the battery of another. */
static void test_FLT_39_stamp_of_the_battery(void **state)
{
	static const struct {
		const char *inverters;
		const char *first[2];
		const char *second[2];
		enum {
			STILL,
			MOVES,
			UNCLEAR
		} want;
	} row[] = {
		/* the hybrid stands still, the string inverter does not, and the reverse */
		{EPOCH(HAS) "," EPOCH(HAS_NOT),
		 {"1800000000000", "1800000000000"},
		 {"1800000000000", "1800000600000"},
		 STILL},
		{EPOCH(HAS_NOT) "," EPOCH(HAS),
		 {"1800000000000", "1800000000000"},
		 {"1800000600000", "1800000000000"},
		 STILL},
		{EPOCH(HAS) "," EPOCH(HAS_NOT),
		 {"1800000000000", "1800000000000"},
		 {"1800000600000", "1800000000000"},
		 MOVES},
		/* of several batteries the oldest */
		{EPOCH(HAS) "," EPOCH(HAS),
		 {"1800000000000", "1800000300000"},
		 {"1800000000000", "1800000600000"},
		 STILL},
		{EPOCH(HAS) "," EPOCH(HAS),
		 {"1800000300000", "1800000000000"},
		 {"1800000600000", "1800000000000"},
		 STILL},
		{EPOCH(HAS) "," EPOCH(HAS),
		 {"1800000000000", "1800000300000"},
		 {"1800000600000", "1800000600000"},
		 MOVES},
		/* without any battery the newest of all */
		{EPOCH(HAS_NOT) "," EPOCH(HAS_NOT),
		 {"1800000000000", "1800000000000"},
		 {"1800000000000", "1800000600000"},
		 MOVES},
		/* the same by texts */
		{TEXT(HAS) "," TEXT(HAS_NOT),
		 {"10/01/2026 15:52:38", "10/01/2026 15:52:38"},
		 {"10/01/2026 15:52:38", "10/01/2026 15:53:38"},
		 STILL},
		{TEXT(HAS) "," TEXT(HAS_NOT),
		 {"10/01/2026 15:52:38", "10/01/2026 15:52:38"},
		 {"10/01/2026 15:53:38", "10/01/2026 15:52:38"},
		 MOVES},
		{TEXT(HAS) "," TEXT(HAS),
		 {"10/01/2026 15:52:38", "10/01/2026 15:52:39"},
		 {"10/01/2026 15:52:38", "10/01/2026 15:53:39"},
		 STILL},
		{TEXT(HAS) "," TEXT(HAS),
		 {"09.05.2026 18:49:40", "09.05.2026 18:49:41"},
		 {"09.05.2026 18:50:40", "09.05.2026 18:50:41"},
		 MOVES},
		{TEXT(HAS) "," TEXT(HAS),
		 {"2026-05-09 18:49:40", "2026-05-09 18:49:41"},
		 {"2026-05-09 18:49:40", "2026-05-09 18:50:41"},
		 STILL},
		/* over midnight, the month and the year */
		{TEXT(HAS) "," TEXT(HAS),
		 {"31/12/2026 23:59:58", "31/12/2026 23:59:59"},
		 {"01/01/2027 00:00:58", "31/12/2026 23:59:59"},
		 MOVES},
		{TEXT(HAS) "," TEXT(HAS),
		 {"12/31/2026 23:59:59", "12/31/2026 23:59:59"},
		 {"01/01/2027 00:00:58", "12/31/2026 23:59:59"},
		 STILL},
		/* which of them is older cannot be told, nor with a text that is no time */
		{TEXT(HAS) "," TEXT(HAS),
		 {"10/11/2026 15:52:38", "01/12/2026 15:52:38"},
		 {"10/11/2026 15:52:38", "01/12/2026 15:53:38"},
		 UNCLEAR},
		{TEXT(HAS) "," TEXT(HAS),
		 {"yesterday", "today"},
		 {"yesterday", "tomorrow"},
		 UNCLEAR},
		{TEXT(HAS) "," EPOCH(HAS),
		 {"10/01/2026 15:52:38", "1800000000000"},
		 {"10/01/2026 15:52:38", "1800000600000"},
		 UNCLEAR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct sems_fresh f = {0};
		int64_t t_ns = 0;

		for (int64_t round = 0; round < 2; round++) {
			const char *const *at = round == 0 ? row[i].first : row[i].second;
			char form[512];
			char text[512];
			struct sems_values v = {0};

			(void)snprintf(form, sizeof(form),
				       "{\"code\":0,\"data\":{\"inverter\":[%s]}}",
				       row[i].inverters);
			put_stamps(text, sizeof(text), form, at);
			assert_int_equal(values_of(text, &v),
					 row[i].want == UNCLEAR ? SEMS_NO_VALUE : SEMS_OK);
			t_ns = sems_fresh_take(&f, v.stamp_kind, v.stamp, (1000 + round * 600) * S,
					       INT64_C(1800000000000) + round * 600000);
		}
		/* What stands still is 600 s old now, or was never believed. */
		if (row[i].want != UNCLEAR && (t_ns > 1000 * S) != (row[i].want == MOVES)) {
			fail_msg("row %zu: %lld", i, (long long)t_ns);
		}
	}
}

static void test_clock(void **state)
{
	const int64_t good = 1800000000000;

	(void)state;
	assert_true(sems_clock_good(good, 0, 1, 300000));
	assert_false(sems_clock_good(good, 0, 0, 300000));
	assert_false(sems_clock_good(good, 299999, -1, 300000));
	assert_true(sems_clock_good(good, 300000, -1, 300000));
	assert_true(sems_clock_good(good, 300000, 0, 300000));
	/* 1970, and the day on which the machine was built */
	assert_false(sems_clock_good(0, 1000000, 1, 0));
	assert_false(sems_clock_good(INT64_C(1700000000000), 1000000, 1, 0));
}

static void test_addresses(void **state)
{
	static const struct {
		const char *url;
		const char *host; /* NULL: refused */
		uint16_t port;
	} row[] = {
		{"https://eu.semsportal.com/api/", "eu.semsportal.com", 443},
		{"https://EU.semsPortal.com", "eu.semsportal.com", 443},
		{"HTTPS://a.b:8443/x?y=z#w", "a.b", 8443},
		{"https://a.b?x", "a.b", 443},
		{"http://a.b/", NULL, 0},
		{"https:/a.b/", NULL, 0},
		{"https://", NULL, 0},
		{"https:///x", NULL, 0},
		{"https://user@a.b/", NULL, 0},
		{"https://a.b:443@evil.com/", NULL, 0},
		{"https://semsportal.com\\@evil.com/", NULL, 0},
		{"https://a.b\t/", NULL, 0},
		{"https://a.b/\r\nHost: x", NULL, 0},
		{"https://a.b/\xC3\xA4", NULL, 0},
		{"https://a.b:/", NULL, 0},
		{"https://a.b:0/", NULL, 0},
		{"https://a.b:65536/", NULL, 0},
		{"https://a.b:99999999/", NULL, 0},
		{"https://.a.b/", NULL, 0},
		{"https://[::1]/", NULL, 0},
		{"file:///etc/passwd", NULL, 0},
		{"", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct sems_url u = {0};
		const bool good = sems_url_split(row[i].url, &u);

		if (good != (row[i].host != NULL) ||
		    (good && (strcmp(u.host, row[i].host) != 0 || u.port != row[i].port))) {
			fail_msg("%s: %s:%u", row[i].url, u.host, u.port);
		}
	}
}

static void test_hosts(void **state)
{
	static const char hosts[] = "semsportal.com GoodWe.com";
	char url[SEMS_URL_MAX];

	(void)state;
	assert_true(sems_url_allowed(hosts, "semsportal.com"));
	assert_true(sems_url_allowed(hosts, "eu-gateway.semsportal.com"));
	assert_true(sems_url_allowed(hosts, "semsplus.goodwe.com"));
	assert_false(sems_url_allowed(hosts, "notsemsportal.com"));
	assert_false(sems_url_allowed(hosts, "semsportal.com.evil.com"));
	assert_false(sems_url_allowed(hosts, "com"));
	assert_false(sems_url_allowed(hosts, ""));
	assert_false(sems_url_allowed("", "semsportal.com"));
	assert_true(sems_url_join("https://a/", "/b?c={station}&d", "7", url));
	assert_string_equal(url, "https://a/b?c=7&d");
	assert_true(sems_url_join("https://a", "b", "7", url));
	assert_string_equal(url, "https://a/b");
}

/* A sample is what was said, and its time is when it was new. */
static void test_sample(void **state)
{
	const struct sems_values v = {.mode = PEER_CHARGING,
				      .current_ma = 1,
				      .power_w = 2,
				      .voltage_mv = 3,
				      .soc_pct = 4};
	const struct peer_sample p = sems_sample_of(&v, 77);

	(void)state;
	assert_int_equal(p.source, PEER_SEMS);
	assert_int_equal(p.t_ns, 77);
	assert_int_equal(p.mode, PEER_CHARGING);
	assert_int_equal(p.current_ma, 1);
	assert_int_equal(p.power_w, 2);
	assert_int_equal(p.voltage_mv, 3);
	assert_int_equal(p.soc_pct, 4);
}

static void test_names(void **state)
{
	(void)state;
	for (int32_t i = 0; i < SEMS_VERDICTS; i++) {
		assert_true(sems_verdict_name(i)[0] != '?');
	}
	assert_string_equal(sems_verdict_name(-1), "?");
	assert_string_equal(sems_verdict_name(SEMS_VERDICTS), "?");
	assert_string_equal(sems_shape_name(SEMS_SHAPES), "?");
	assert_int_equal(sems_start(&(struct sems){0}, &(struct sems_config){0}), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code),
		cmocka_unit_test(test_lists_of_codes),
		cmocka_unit_test(test_flow_signs_and_arrows),
		cmocka_unit_test(test_legacy_battery),
		cmocka_unit_test(test_legacy_points),
		cmocka_unit_test(test_batteries_of_an_inverter),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_session_too_long),
		cmocka_unit_test(test_stations),
		cmocka_unit_test(test_FLT_38_bounds),
		cmocka_unit_test(test_FLT_39_time_without_a_zone),
		cmocka_unit_test(test_FLT_39_time_of_the_epoch),
		cmocka_unit_test(test_FLT_44_time_after_2038),
		cmocka_unit_test(test_FLT_39_stamp_of_the_battery),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
