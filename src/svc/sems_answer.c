/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the portal: login, plants; which shape one with values has. */
#include "svc/sems_answer.h"

#include <stdio.h>
#include <string.h>

#include "sems_json.h"
#include "sems_shape.h"

const char *sems_verdict_name(int32_t verdict)
{
	static const char *const name[SEMS_VERDICTS] = {
		[SEMS_OK] = "good",
		[SEMS_NO_VALUE] = "empty",
		[SEMS_NOT_JSON] = "not JSON",
		[SEMS_TOO_MUCH] = "too much",
		[SEMS_NO_CODE] = "no code",
		[SEMS_REFUSED] = "refused",
		[SEMS_EXPIRED] = "session ended",
		[SEMS_PASSWORD] = "wrong password",
		[SEMS_BUSY] = "too many requests",
		[SEMS_FORBIDDEN] = "not allowed",
		[SEMS_IMPLAUSIBLE] = "implausible",
		[SEMS_CONTRADICTION] = "contradictory",
		[SEMS_NO_LIBRARY] = "no libcurl",
		[SEMS_NO_LOGIN] = "no login file",
		[SEMS_NO_NAME] = "unknown host",
		[SEMS_NAME_SLOW] = "name service silent",
		[SEMS_UNREACHABLE] = "unreachable",
		[SEMS_NOT_ALLOWED] = "no network allowed",
		[SEMS_CERTIFICATE] = "certificate",
		[SEMS_TLS] = "TLS",
		[SEMS_SLOW] = "too slow",
		[SEMS_FOREIGN] = "foreign host",
		[SEMS_STATUS] = "HTTP status",
		[SEMS_NO_ROUTE] = "HTTP 404",
		[SEMS_NO_STATION] = "no station",
		[SEMS_STATIONS] = "several stations",
		[SEMS_CANCELED] = "canceled",
	};

	return verdict >= 0 && verdict < SEMS_VERDICTS ? name[verdict] : "?";
}

const char *sems_shape_name(int32_t shape)
{
	static const char *const name[SEMS_SHAPES] = {
		[SEMS_SHAPE_FLOW] = "flow",	  [SEMS_SHAPE_TELEMETRY] = "telemetry",
		[SEMS_SHAPE_RELATED] = "related", [SEMS_SHAPE_MONITOR] = "monitor",
		[SEMS_SHAPE_POINTS] = "points",
	};

	return shape >= 0 && shape < SEMS_SHAPES ? name[shape] : "?";
}

static bool copy(char *to, size_t size, const char *text)
{
	const size_t len = strlen(text);

	if (len >= size) {
		return false;
	}
	memcpy(to, text, len + 1U);
	return true;
}

static bool take_session(const cJSON *root, struct sems_session *s)
{
	const cJSON *data = sems_json_get(root, "data");
	const char *uid = sems_json_text(data, "uid");
	const char *token = sems_json_text(data, "token");
	const char *api = sems_json_text(data, "api");

	/* SEMS+ says it in its data, the legacy portal beside it. */
	api = api != NULL ? api : sems_json_text(root, "api");
	return uid != NULL && token != NULL && copy(s->uid, sizeof(s->uid), uid) &&
	       copy(s->token, sizeof(s->token), token) &&
	       copy(s->api, sizeof(s->api), api != NULL ? api : "") &&
	       sems_json_ascii(data, s->header, sizeof(s->header));
}

enum sems_verdict sems_login_decode(const char *text, size_t len, const struct sems_codes *codes,
				    char ret_code[SEMS_CODE_MAX], struct sems_session *ret_session)
{
	struct sems_session s = {0};
	cJSON *root = NULL;
	enum sems_verdict v = sems_json_open(text, len, codes, ret_code, &root);

	if (v != SEMS_OK) {
		return v;
	}
	v = take_session(root, &s) ? SEMS_OK : SEMS_NO_VALUE;
	cJSON_Delete(root);
	if (v == SEMS_OK) {
		*ret_session = s;
	}
	explicit_bzero(&s, sizeof(s));
	return v;
}

bool sems_station_ok(const char *id)
{
	const size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_");

	return len > 0 && len < SEMS_STATION_MAX && id[len] == '\0';
}

static void take_stations(const cJSON *list, struct sems_stations *s)
{
	const cJSON *item = NULL;

	cJSON_ArrayForEach(item, list)
	{
		const char *id = sems_json_text(item, "id");

		if (id == NULL || !sems_station_ok(id)) {
			continue;
		}
		if (s->count < SEMS_STATIONS_MAX) {
			(void)copy(s->id[s->count], sizeof(s->id[0]), id);
		}
		s->count++;
	}
}

enum sems_verdict sems_stations_decode(const char *text, size_t len, const struct sems_codes *codes,
				       char ret_code[SEMS_CODE_MAX],
				       struct sems_stations *ret_stations)
{
	struct sems_stations s = {0};
	cJSON *root = NULL;
	const enum sems_verdict v = sems_json_open(text, len, codes, ret_code, &root);

	if (v != SEMS_OK) {
		return v;
	}
	const cJSON *list = sems_json_get(sems_json_get(root, "data"), "dataList");
	const bool listed = cJSON_IsArray(list);

	take_stations(list, &s);
	cJSON_Delete(root);
	if (s.count == 0) {
		return listed ? SEMS_NO_STATION : SEMS_NO_VALUE;
	}
	*ret_stations = s;
	return SEMS_OK;
}

static enum sems_verdict take_values(const cJSON *data, struct sems_values *v)
{
	if (cJSON_IsArray(data)) {
		const cJSON *first = cJSON_GetArrayItem(data, 0);

		return sems_json_get(first, "factors") != NULL ? sems_take_telemetry(data, v)
							       : sems_take_related(data, v);
	}
	if (cJSON_IsArray(sems_json_get(data, "inverterPoints"))) {
		return sems_take_points(sems_json_get(data, "inverterPoints"), v);
	}
	if (cJSON_IsArray(sems_json_get(data, "inverter"))) {
		return sems_take_monitor(data, v);
	}
	return sems_take_flow(data, v);
}

enum sems_verdict sems_values_decode(const char *text, size_t len, const struct sems_codes *codes,
				     char ret_code[SEMS_CODE_MAX], struct sems_values *ret_values)
{
	struct sems_values values = {
		.mode = PEER_UNKNOWN,
		.current_ma = SOURCE_NO_VALUE,
		.power_w = SOURCE_NO_VALUE,
		.voltage_mv = SOURCE_NO_VALUE,
		.soc_pct = SOURCE_NO_VALUE,
		.grid_power_w = SOURCE_NO_VALUE,
		.pv_power_w = SOURCE_NO_VALUE,
		.load_power_w = SOURCE_NO_VALUE,
	};
	cJSON *root = NULL;
	enum sems_verdict v = sems_json_open(text, len, codes, ret_code, &root);

	if (v != SEMS_OK) {
		return v;
	}
	v = take_values(sems_json_get(root, "data"), &values);
	cJSON_Delete(root);
	if (v == SEMS_OK) {
		*ret_values = values;
	}
	return v;
}
