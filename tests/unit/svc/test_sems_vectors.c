/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every vector of tests/vectors/E-sems-portal.json gives its expected values or its rejection. Each key
 * under "expect" is compared, or named here as one without a counterpart.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/units.h"
#include "svc/sems_answer.h"

#define FILE_PATH     JKP_SOURCE_DIR "/tests/vectors/E-sems-portal.json"
#define REPLIES	      21
#define CRYPTO	      3
#define FILE_SIZE_MAX (1024U * 1024U)
#define UNTOUCHED     0x5A
#define LONG	      4096U

static const struct sems_codes codes = {
	.good = "0 00000",
	.expired = "100001 100002 C0602",
	.password = "100005 A02*",
	.busy = "GY0429",
	.forbidden = "100025",
};

static cJSON *all;

static int load(void **state)
{
	FILE *f = fopen(FILE_PATH, "re");
	char *text = calloc(1, FILE_SIZE_MAX);

	(void)state;
	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, FILE_SIZE_MAX - 1, f) > 0);
	assert_int_equal(fclose(f), 0);
	all = cJSON_Parse(text);
	free(text);
	assert_non_null(all);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	cJSON_Delete(all);
	return 0;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* The text of an answer; data that were published without their envelope get one. */
static char *answer_of(const cJSON *vector)
{
	const cJSON *json = cJSON_GetObjectItemCaseSensitive(vector, "json");
	cJSON *wrapped = NULL;
	char *text = NULL;

	assert_non_null(json);
	if (cJSON_GetObjectItemCaseSensitive(json, "code") != NULL) {
		return cJSON_PrintUnformatted(json);
	}
	wrapped = cJSON_CreateObject();
	assert_non_null(cJSON_AddStringToObject(wrapped, "code", "0"));
	assert_true(cJSON_AddItemToObject(wrapped, "data", cJSON_Duplicate(json, true)));
	text = cJSON_PrintUnformatted(wrapped);
	cJSON_Delete(wrapped);
	return text;
}

struct got {
	enum sems_verdict verdict;
	struct sems_values values;
	struct sems_session session;
	bool login;
};

static void close_to(const cJSON *want, int32_t got, double scale, const char *key)
{
	if (got == SOURCE_NO_VALUE || fabs(want->valuedouble * scale - got) > 0.5) {
		fail_msg("%s: %d instead of %g", key, got, want->valuedouble * scale);
	}
}

/* W of a battery and of the grid, with the portal's signs: the other way round. */
static void check_value(const cJSON *want, const struct got *g)
{
	const char *key = want->string;
	const struct sems_values *v = &g->values;

	if (strcmp(key, "battery_W_plus_discharge") == 0 || strcmp(key, "battery_W") == 0 ||
	    strcmp(key, "battery_W_portal") == 0) {
		close_to(want, v->power_w, -1, key);
	} else if (strcmp(key, "battery_A") == 0 || strcmp(key, "battery_A_portal") == 0) {
		close_to(want, v->current_ma, -1000, key);
	} else if (strcmp(key, "battery_V") == 0) {
		close_to(want, v->voltage_mv, 1000, key);
	} else if (strcmp(key, "grid_W_plus_export") == 0) {
		close_to(want, v->grid_power_w, -1, key);
	} else if (strcmp(key, "meter_kW") == 0) {
		close_to(want, v->grid_power_w, -1000, key);
	} else if (strcmp(key, "pv_W") == 0) {
		close_to(want, v->pv_power_w, 1, key);
	} else if (strcmp(key, "load_W") == 0) {
		close_to(want, v->load_power_w, 1, key);
	} else if (strcmp(key, "soc") == 0) {
		close_to(want, v->soc_pct, 1, key);
	} else if (strcmp(key, "import") == 0) {
		assert_true(cJSON_IsTrue(want) == (v->grid_power_w > 0));
	} else if (strcmp(key, "soc_pct") == 0) {
		assert_true(cJSON_IsNull(want));
		assert_int_equal(v->soc_pct, SOURCE_NO_VALUE);
	} else if (strcmp(key, "battery_present") == 0 || strcmp(key, "battery_power_W") == 0) {
		/* false, 0 */
		assert_int_equal(v->mode, PEER_NO_BATTERY);
		assert_int_equal(v->power_w, SOURCE_NO_VALUE);
	} else if (strcmp(key, "battery_parse_must_fail") == 0) {
		assert_int_equal(v->voltage_mv, SOURCE_NO_VALUE);
		assert_int_equal(v->current_ma, SOURCE_NO_VALUE);
	} else if (strcmp(key, "usable_powerflow") == 0) {
		assert_int_equal(v->pv_power_w, SOURCE_NO_VALUE);
		assert_int_equal(v->load_power_w, SOURCE_NO_VALUE);
		assert_int_equal(v->grid_power_w, SOURCE_NO_VALUE);
	} else {
		fail_msg("%s: nobody looks at it", key);
	}
}

static void check_expectation(const cJSON *want, const struct got *g)
{
	/* Texts of the portal that are not decoded, and a remark on the sign. */
	static const char *const without[] = {"status", "battery", "raw_soc", "time",
					      "portal_sign"};
	const char *key = want->string;

	for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
		if (strcmp(key, without[i]) == 0) {
			return;
		}
	}
	if (strcmp(key, "usable") == 0) {
		assert_int_equal(g->verdict == SEMS_OK, cJSON_IsTrue(want));
	} else if (strcmp(key, "api") == 0) {
		assert_string_equal(g->session.api, want->valuestring);
	} else if (strcmp(key, "relogin") == 0) {
		assert_int_equal(g->verdict == SEMS_EXPIRED, cJSON_IsTrue(want));
	} else if (strcmp(key, "backoff_s") == 0) {
		assert_int_equal(g->verdict, SEMS_BUSY);
	} else {
		assert_int_equal(g->verdict, SEMS_OK);
		check_value(want, g);
	}
}

static void decode(const cJSON *vector, struct got *g)
{
	char *text = answer_of(vector);
	char code[SEMS_CODE_MAX];

	g->login = strncmp(text_of(vector, "name"), "login", strlen("login")) == 0;
	if (g->login) {
		g->verdict = sems_login_decode(text, strlen(text), &codes, code, &g->session);
	} else {
		g->verdict = sems_values_decode(text, strlen(text), &codes, code, &g->values);
	}
	cJSON_free(text);
}

static void test_every_reply(void **state)
{
	const cJSON *replies = cJSON_GetObjectItemCaseSensitive(all, "responses");
	const cJSON *vector = NULL;
	int checked = 0;

	(void)state;
	cJSON_ArrayForEach(vector, replies)
	{
		const cJSON *want = NULL;
		struct got g = {0};

		print_message("%s\n", text_of(vector, "name"));
		decode(vector, &g);
		cJSON_ArrayForEach(want, cJSON_GetObjectItemCaseSensitive(vector, "expect"))
		{
			check_expectation(want, &g);
		}
		checked++;
	}
	assert_int_equal(checked, REPLIES);
}

static void test_crypto(void **state)
{
	const cJSON *vector = NULL;
	int checked = 0;

	(void)state;
	cJSON_ArrayForEach(vector, cJSON_GetObjectItemCaseSensitive(all, "crypto"))
	{
		checked++;
		if (strcmp(text_of(vector, "kind"), "password") == 0) {
			char pwd[SEMS_PASSWORD_SIZE];

			sems_password(text_of(vector, "password"), pwd);
			assert_string_equal(pwd, text_of(vector, "pwd"));
			continue;
		}
		assert_string_equal(text_of(vector, "kind"), "x-signature");
		char signature[SEMS_SIGNATURE_SIZE];

		sems_signature(strtoll(text_of(vector, "ts_ms"), NULL, 10), text_of(vector, "uid"),
			       text_of(vector, "token"), signature);
		assert_string_equal(signature, text_of(vector, "x_signature"));
	}
	assert_int_equal(checked, CRYPTO);
}

/* Cut anywhere, an answer is none; what is refused leaves the output alone. FLT-38 */
static void test_FLT_38_cut_at_every_byte(void **state)
{
	const cJSON *vector = NULL;

	(void)state;
	cJSON_ArrayForEach(vector, cJSON_GetObjectItemCaseSensitive(all, "responses"))
	{
		char *text = answer_of(vector);
		const size_t len = strlen(text);

		/* Every byte; of the one that is long, every 11th: each is read to its end. */
		for (size_t n = 0; n<len; n += len> LONG ? 11U : 1U) {
			/* Of exact size: a read behind the end is seen by a sanitizer. */
			char *cut = malloc(n != 0 ? n : 1U);
			struct sems_values values;
			struct sems_session session;

			assert_non_null(cut);
			memcpy(cut, text, n);
			memset(&values, UNTOUCHED, sizeof(values));
			memset(&session, UNTOUCHED, sizeof(session));
			assert_int_equal(sems_values_decode(cut, n, &codes, NULL, &values),
					 SEMS_NOT_JSON);
			assert_int_equal(sems_login_decode(cut, n, &codes, NULL, &session),
					 SEMS_NOT_JSON);
			for (size_t i = 0; i < sizeof(values); i++) {
				assert_int_equal(((unsigned char *)&values)[i], UNTOUCHED);
			}
			assert_int_equal(session.uid[0], UNTOUCHED);
			free(cut);
		}
		cJSON_free(text);
	}
}

/* Any byte replaced: it decodes within the ranges, or it does not. FLT-38 */
static void test_FLT_38_noise(void **state)
{
	const cJSON *vector = NULL;
	uint32_t x = 2463534242U;
	uint32_t good = 0;

	(void)state;
	cJSON_ArrayForEach(vector, cJSON_GetObjectItemCaseSensitive(all, "responses"))
	{
		char *text = answer_of(vector);
		const size_t len = strlen(text);

		for (uint32_t i = 0; i < 300U; i++) {
			struct sems_values v = {0};
			char *noisy = malloc(len);

			assert_non_null(noisy);
			/* Without an end: NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
			memcpy(noisy, text, len);
			for (uint32_t k = 0; k <= i % 3U; k++) {
				x ^= x << 13;
				x ^= x >> 17;
				x ^= x << 5;
				noisy[x % len] = (char)(x >> 24);
			}
			if (sems_values_decode(noisy, len, &codes, NULL, &v) == SEMS_OK) {
				good++;
				assert_true(v.soc_pct == SOURCE_NO_VALUE ||
					    (v.soc_pct >= 0 && v.soc_pct <= 100));
				assert_true(v.power_w == SOURCE_NO_VALUE ||
					    abs(v.power_w) <= 100000);
				assert_true(v.mode < PEER_MODES);
			}
			free(noisy);
		}
		cJSON_free(text);
	}
	assert_true(good > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reply),
		cmocka_unit_test(test_crypto),
		cmocka_unit_test(test_FLT_38_cut_at_every_byte),
		cmocka_unit_test(test_FLT_38_noise),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
