/* SPDX-License-Identifier: Apache-2.0 */
/* Values of SEMS+: power flow of a plant, telemetry of a device, batteries of an inverter. */
#include <stdlib.h>
#include <string.h>

#include "sems_shape.h"

#define PERCENT	       100
#define DECIMAL	       10
#define TIME_TEXT      19U /* YYYY-MM-DDThh:mm:ss */
#define STATUS_CHARGE  6
#define STATUS_DISCHAR 7

uint32_t sems_mode_of(int32_t power_w)
{
	if (power_w >= SEMS_REST_W) {
		return PEER_CHARGING;
	}
	return power_w <= -SEMS_REST_W ? PEER_DISCHARGING : PEER_IDLE;
}

bool sems_take_kw(const cJSON *item, int32_t *ret_w)
{
	int64_t milli = 0;

	if (item == NULL || cJSON_IsNull(item)) {
		return true;
	}
	/* Thousandths of a kW are W; the third decimal is rounded. */
	if (!sems_json_milli(item, &milli) || llabs(milli) > SEMS_POWER_MAX_W) {
		return false;
	}
	*ret_w = (int32_t)milli;
	return true;
}

bool sems_take_soc(const cJSON *item, int32_t *ret_pct)
{
	int64_t milli = 0;

	if (item == NULL || cJSON_IsNull(item)) {
		return true;
	}
	if (!sems_json_milli(item, &milli) || milli < 0 || milli > PERCENT * MILLI) {
		return false;
	}
	*ret_pct = (int32_t)sems_json_round(milli);
	return true;
}

bool sems_take_local_time(const char *text, int64_t *ret_stamp)
{
	static const char form[TIME_TEXT + 1U] = "0000-00-00?00:00:00";
	int64_t stamp = 0;

	/* A fraction or a zone behind it says nothing more about the order. */
	for (size_t i = 0; i < TIME_TEXT; i++) {
		const char c = text[i];

		if (form[i] == '0') {
			if (c < '0' || c > '9') {
				return false;
			}
			stamp = stamp * DECIMAL + (c - '0');
		} else if (form[i] == '?' ? c != 'T' && c != ' ' : c != form[i]) {
			return false;
		}
	}
	*ret_stamp = stamp;
	return true;
}

void sems_mark_values(struct sems_values *v)
{
	const int32_t all[] = {v->current_ma,	v->power_w,    v->voltage_mv,  v->soc_pct,
			       v->grid_power_w, v->pv_power_w, v->load_power_w};

	v->stamp_kind = SEMS_STAMP_MARK;
	v->stamp = sems_json_hash(SEMS_JSON_HASH, all, sizeof(all));
}

static void take_stamp(const cJSON *data, struct sems_values *v)
{
	const char *text = sems_json_text(data, "refreshTime");

	text = text != NULL ? text : sems_json_text(data, "time");
	sems_mark_values(v);
	if (text == NULL) {
		return;
	}
	if (sems_take_local_time(text, &v->stamp)) {
		v->stamp_kind = SEMS_STAMP_LOCAL;
	} else {
		v->stamp = sems_json_hash(SEMS_JSON_HASH, text, strlen(text));
	}
}

/* Where energy comes from and goes to: {"pBat": ["pConsum"]}. */
static bool is_source(const cJSON *flows, const char *name)
{
	const cJSON *sinks = sems_json_get(flows, name);

	return cJSON_IsArray(sinks) && cJSON_GetArraySize(sinks) > 0;
}

static bool is_sink(const cJSON *flows, const char *name)
{
	const cJSON *source = NULL;

	cJSON_ArrayForEach(source, flows)
	{
		const cJSON *sink = NULL;

		cJSON_ArrayForEach(sink, source)
		{
			if (cJSON_IsString(sink) && strcmp(sink->valuestring, name) == 0) {
				return true;
			}
		}
	}
	return false;
}

/*
 * All captures show signed powers, + out of the battery and + into the grid; one description says that
 * they have no sign, and that only the arrows tell the direction. So the arrows decide where there
 * are any, and a sign that no reading of it can bring together with them is a contradiction: a
 * minus, which an unsigned power never has, against the arrow of plus.
 *
 * @plus, @minus: whether there is an arrow for that direction.
 * Return: false if it is contradictory.
 */
static bool direct(bool arrows, bool plus, bool minus, int32_t *w)
{
	if (*w == SOURCE_NO_VALUE || abs(*w) < SEMS_REST_W || !arrows) {
		return true;
	}
	if (plus == minus) {
		return false;
	}
	if (plus && *w < 0) {
		return false;
	}
	*w = plus ? abs(*w) : -abs(*w);
	return true;
}

static void turn(int32_t *w)
{
	if (*w != SOURCE_NO_VALUE) {
		*w = -*w;
	}
}

enum sems_verdict sems_take_flow(const cJSON *data, struct sems_values *v)
{
	const cJSON *flows = sems_json_get(data, "flows");
	const cJSON *battery = sems_json_get(data, "pBat");
	const cJSON *soc = sems_json_get(data, "soc");
	const bool arrows = cJSON_IsObject(flows) && cJSON_GetArraySize(flows) > 0;

	v->shape = SEMS_SHAPE_FLOW;
	if (!sems_take_kw(battery, &v->power_w) || !sems_take_soc(soc, &v->soc_pct) ||
	    !sems_take_kw(sems_json_get(data, "pGrid"), &v->grid_power_w) ||
	    !sems_take_kw(sems_json_get(data, "pSystem"), &v->pv_power_w) ||
	    !sems_take_kw(sems_json_get(data, "pConsum"), &v->load_power_w)) {
		return SEMS_IMPLAUSIBLE;
	}
	if (v->power_w == SOURCE_NO_VALUE && v->grid_power_w == SOURCE_NO_VALUE &&
	    v->pv_power_w == SOURCE_NO_VALUE && v->load_power_w == SOURCE_NO_VALUE) {
		return SEMS_NO_VALUE;
	}
	if (!direct(arrows, is_source(flows, "pBat"), is_sink(flows, "pBat"), &v->power_w)) {
		return SEMS_CONTRADICTION;
	}
	/* Nothing is decided by this one: it is shown, or not. */
	if (!direct(arrows, is_sink(flows, "pGrid"), is_source(flows, "pGrid"), &v->grid_power_w)) {
		v->grid_power_w = SOURCE_NO_VALUE;
	}
	turn(&v->power_w);
	turn(&v->grid_power_w);
	if (v->power_w != SOURCE_NO_VALUE) {
		v->mode = sems_mode_of(v->power_w);
	} else if (v->soc_pct == SOURCE_NO_VALUE) {
		v->mode = PEER_NO_BATTERY;
	}
	take_stamp(data, v);
	return SEMS_OK;
}

/* A factor of any group: {"code": "soc", "data": "99", "unit": "%"}. NULL: none, or no value. */
static const cJSON *factor(const cJSON *groups, const char *code)
{
	const cJSON *group = NULL;

	cJSON_ArrayForEach(group, groups)
	{
		const cJSON *item = NULL;

		cJSON_ArrayForEach(item, sems_json_get(group, "factors"))
		{
			const char *name = sems_json_text(item, "code");

			if (name != NULL && strcmp(name, code) == 0) {
				return sems_json_get(item, "data");
			}
		}
	}
	return NULL;
}

/* V and A in thousandths. Return: false if it is out of range. */
static bool take_milli(const cJSON *item, int64_t lo, int64_t hi, int32_t *ret)
{
	int64_t milli = 0;

	if (item == NULL || cJSON_IsNull(item)) {
		return true;
	}
	if (!sems_json_milli(item, &milli) || milli < lo || milli > hi) {
		return false;
	}
	*ret = (int32_t)milli;
	return true;
}

enum sems_verdict sems_take_telemetry(const cJSON *groups, struct sems_values *v)
{
	v->shape = SEMS_SHAPE_TELEMETRY;
	if (!sems_take_kw(factor(groups, "pBat"), &v->power_w) ||
	    !sems_take_soc(factor(groups, "soc"), &v->soc_pct) ||
	    !sems_take_kw(factor(groups, "totalPac"), &v->grid_power_w) ||
	    !take_milli(factor(groups, "voltage"), 0, SEMS_VOLTAGE_MAX_MV, &v->voltage_mv) ||
	    !take_milli(factor(groups, "a"), -SEMS_CURRENT_MAX_MA, SEMS_CURRENT_MAX_MA,
			&v->current_ma)) {
		return SEMS_IMPLAUSIBLE;
	}
	if (v->power_w == SOURCE_NO_VALUE && v->grid_power_w == SOURCE_NO_VALUE) {
		return SEMS_NO_VALUE;
	}
	if (v->power_w != SOURCE_NO_VALUE) {
		/* The power is the product of both; a current without a sign takes that of the power. */
		if (v->current_ma != SOURCE_NO_VALUE && v->current_ma < 0 &&
		    v->power_w > SEMS_REST_W) {
			return SEMS_CONTRADICTION;
		}
		if (v->current_ma != SOURCE_NO_VALUE) {
			v->current_ma = v->power_w < 0 ? -abs(v->current_ma) : abs(v->current_ma);
		}
		turn(&v->power_w);
		turn(&v->current_ma);
		v->mode = sems_mode_of(v->power_w);
	} else {
		/* Of something else than a battery: those were its own volts and amperes. */
		v->voltage_mv = SOURCE_NO_VALUE;
		v->current_ma = SOURCE_NO_VALUE;
	}
	turn(&v->grid_power_w); /* of a meter: negative is import */
	sems_mark_values(v);
	return SEMS_OK;
}

/* One battery of the list. Return: false if sign and status contradict each other. */
static bool add_battery(const cJSON *item, int32_t power_w, struct sems_values *v)
{
	const cJSON *status = sems_json_get(item, "status");
	const int known = cJSON_IsNumber(status) ? status->valueint : 0;
	const bool directed = known == STATUS_CHARGE || known == STATUS_DISCHAR;

	if (!direct(directed, known == STATUS_DISCHAR, known == STATUS_CHARGE, &power_w)) {
		return false;
	}
	v->power_w = (v->power_w == SOURCE_NO_VALUE ? 0 : v->power_w) - power_w;
	return true;
}

enum sems_verdict sems_take_related(const cJSON *list, struct sems_values *v)
{
	const cJSON *item = NULL;
	int32_t batteries = 0;
	int64_t soc_sum = 0;
	int32_t socs = 0;

	v->shape = SEMS_SHAPE_RELATED;
	cJSON_ArrayForEach(item, list)
	{
		int32_t power_w = SOURCE_NO_VALUE;
		int32_t soc_pct = SOURCE_NO_VALUE;

		if (!sems_take_kw(sems_json_get(item, "pbat"), &power_w) ||
		    !sems_take_soc(sems_json_get(item, "soc"), &soc_pct)) {
			return SEMS_IMPLAUSIBLE;
		}
		if (power_w == SOURCE_NO_VALUE) {
			continue;
		}
		if (!add_battery(item, power_w, v)) {
			return SEMS_CONTRADICTION;
		}
		batteries++;
		soc_sum += soc_pct != SOURCE_NO_VALUE ? soc_pct : 0;
		socs += soc_pct != SOURCE_NO_VALUE ? 1 : 0;
		if (abs(v->power_w) > SEMS_POWER_MAX_W) {
			return SEMS_IMPLAUSIBLE;
		}
	}
	if (batteries == 0) {
		return SEMS_NO_VALUE;
	}
	v->soc_pct = socs == batteries ? (int32_t)(soc_sum / socs) : SOURCE_NO_VALUE;
	v->mode = sems_mode_of(v->power_w);
	sems_mark_values(v);
	return SEMS_OK;
}
