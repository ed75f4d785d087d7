/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of what the portal answers: the input is an answer, given to every decoder; then it is the
 * data of a good one. Whatever is said must decode within the ranges of the fields, what is refused must
 * leave the output alone, and what goes into a header must be one line of printable ASCII.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "svc/sems_answer.h"

#define FILL 0x5A /* shows whether an output was touched */
#define WRAP 32U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sems_codes codes = {
	.good = "0 00000",
	.expired = "100001 100002 C0602",
	.password = "100005 A02*",
	.busy = "GY0429",
	.forbidden = "100025",
};

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_untouched(const void *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		check(((const uint8_t *)out)[i] == FILL);
	}
}

static void check_range(int32_t v, int32_t max)
{
	check(v == SOURCE_NO_VALUE || (v >= -max && v <= max));
}

static void check_values(const struct sems_values *v)
{
	check(v->shape < SEMS_SHAPES && v->mode < PEER_MODES && v->stamp_kind <= SEMS_STAMP_EPOCH);
	check_range(v->power_w, 200000);
	check_range(v->current_ma, 500000);
	check_range(v->voltage_mv, 1000000);
	check_range(v->grid_power_w, 100000);
	check_range(v->pv_power_w, 100000);
	check_range(v->load_power_w, 100000);
	check(v->soc_pct == SOURCE_NO_VALUE || (v->soc_pct >= 0 && v->soc_pct <= 100));
	check(v->mode != PEER_CHARGING || v->power_w > 0);
	check(v->mode != PEER_DISCHARGING || v->power_w < 0);
	check(v->mode != PEER_NO_BATTERY || v->power_w == SOURCE_NO_VALUE);
	check(v->current_ma == SOURCE_NO_VALUE || v->power_w == SOURCE_NO_VALUE ||
	      v->shape != SEMS_SHAPE_TELEMETRY || (v->current_ma > 0) == (v->power_w > 0) ||
	      v->current_ma == 0 || v->power_w == 0);
	check(v->stamp >= 0);
}

static void check_session(const struct sems_session *s)
{
	check(s->uid[0] != '\0' && memchr(s->uid, '\0', sizeof(s->uid)) != NULL);
	check(s->token[0] != '\0' && memchr(s->token, '\0', sizeof(s->token)) != NULL);
	check(memchr(s->api, '\0', sizeof(s->api)) != NULL);
	check(memchr(s->header, '\0', sizeof(s->header)) != NULL);
	for (const char *c = s->header; *c != '\0'; c++) {
		check(*c >= ' ' && *c <= '~');
	}
}

static void check_code(const char code[SEMS_CODE_MAX])
{
	check(memchr(code, '\0', SEMS_CODE_MAX) != NULL);
	for (const char *c = code; *c != '\0'; c++) {
		check((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= 'a' && *c <= 'z') || *c == '?');
	}
}

static void decode(const char *text, size_t len)
{
	static struct sems_values v;
	static struct sems_session s;
	static struct sems_stations t;
	char code[SEMS_CODE_MAX] = "";

	memset(&v, FILL, sizeof(v));
	memset(&s, FILL, sizeof(s));
	memset(&t, FILL, sizeof(t));
	if (sems_values_decode(text, len, &codes, code, &v) == SEMS_OK) {
		check_values(&v);
	} else {
		check_untouched(&v, sizeof(v));
	}
	check_code(code);
	if (sems_login_decode(text, len, &codes, code, &s) == SEMS_OK) {
		check_session(&s);
	} else {
		check_untouched(&s, sizeof(s));
	}
	if (sems_stations_decode(text, len, &codes, code, &t) == SEMS_OK) {
		check(t.count > 0);
		for (uint32_t i = 0; i < t.count && i < SEMS_STATIONS_MAX; i++) {
			check(sems_station_ok(t.id[i]));
		}
	} else {
		check_untouched(&t, sizeof(t));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "{\"code\":\"0\",\"data\":";
	/* Of exact size on the heap: a read behind the end is seen. */
	char *copy = malloc(size + WRAP);
	const size_t head_len = sizeof(head) - 1U;

	check(copy != NULL);
	memcpy(copy, data, size);
	char *exact = malloc(size != 0 ? size : 1);

	check(exact != NULL);
	memcpy(exact, data, size);
	decode(exact, size);
	free(exact);
	memcpy(copy, head, head_len);
	memcpy(copy + head_len, data, size);
	copy[head_len + size] = '}';
	decode(copy, head_len + size + 1U);
	free(copy);
	return 0;
}
