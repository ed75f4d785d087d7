/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the legacy portal. The text "49.9V/0.8A/40W" of a battery is positive while it is
 * discharged. An inverter without battery fills its fields with all ones and nonsense: 65535 V, 6553.5
 * A, 400 %, "DischargingOfBattery"; one that is switched off with zeros.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "sems_shape.h"

#define PERCENT	       100
#define ALL_ONES_MV    6553000 /* 0xFFFF in tenths of a volt, and what is beyond */
#define OFFLINE	       (-1)
#define EPOCH_MIN_MS   1.4e12 /* 2014 */
#define EPOCH_MAX_MS   4.2e12 /* 2103 */
#define KILO	       1000
#define CONSISTENT_W   200
#define CONSISTENT_PCT 20
/* "dd/mm/yyyy hh:mm:ss" */
#define TIME_TEXT  19
#define SECOND_AT  3
#define YEAR_AT	   6
#define CLOCK_AT   10
#define MONTH_UNIT INT64_C(100000000) /* of YYYYMMDDhhmmss */
#define MONTHS	   12

/* What one inverter says of its battery. */
enum battery {
	BATTERY_NOT_SAID,
	BATTERY_NONE,
	BATTERY_THERE,
	BATTERY_IMPLAUSIBLE,
	BATTERY_CONTRADICTORY,
	BATTERY_KINDS
};

/**
 * struct pack - one battery, + discharging as the portal counts
 */
struct pack {
	int64_t mv;
	int64_t ma;
	int64_t w;
	int32_t soc_pct;
};

/* A number, its unit and the character behind. Return: false if it is not like that. */
static bool part(const char **s, char unit, char end, int64_t *ret_milli)
{
	if (!sems_json_decimal(s, ret_milli) || **s != unit) {
		return false;
	}
	(*s)++;
	if (**s != end) {
		return false;
	}
	*s += end != '\0' ? 1 : 0;
	return true;
}

/* "49.9V/0.8A/40W" */
static bool parse_pack(const char *s, struct pack *p)
{
	int64_t w_milli = 0;

	if (!part(&s, 'V', '/', &p->mv) || !part(&s, 'A', '/', &p->ma) ||
	    !part(&s, 'W', '\0', &w_milli)) {
		return false;
	}
	p->w = sems_json_round(w_milli);
	return true;
}

static enum battery judge(const struct pack *p)
{
	if (p->mv < SEMS_VOLTAGE_MIN_MV || p->mv >= ALL_ONES_MV) {
		return p->mv < 0 ? BATTERY_IMPLAUSIBLE : BATTERY_NONE;
	}
	if (p->mv > SEMS_VOLTAGE_MAX_MV || llabs(p->ma) > SEMS_CURRENT_MAX_MA ||
	    llabs(p->w) > SEMS_POWER_MAX_W) {
		return BATTERY_IMPLAUSIBLE;
	}
	/* Not before: of two numbers that nobody has looked at the product may not fit. */
	const int64_t product_w = p->mv * p->ma / (KILO * KILO);
	const int64_t room_w = CONSISTENT_W + llabs(product_w) * CONSISTENT_PCT / PERCENT;

	return llabs(product_w - p->w) > room_w ? BATTERY_CONTRADICTORY : BATTERY_THERE;
}

/* "56%"; what is beyond 100 is what an inverter without battery says. */
static int32_t soc_of(const cJSON *inverter)
{
	const char *s = sems_json_text(inverter, "soc");
	int64_t milli = 0;

	s = s != NULL ? s : sems_json_text(sems_json_get(inverter, "d"), "soc");
	if (s == NULL || !sems_json_decimal(&s, &milli) || (*s != '%' && *s != '\0') || milli < 0 ||
	    milli > PERCENT * MILLI) {
		return SOURCE_NO_VALUE;
	}
	return (int32_t)sems_json_round(milli);
}

static bool is_offline(const cJSON *inverter)
{
	const cJSON *status = sems_json_get(inverter, "status");

	return cJSON_IsNumber(status) && status->valueint == OFFLINE;
}

static enum battery look_at_inverter(const cJSON *inverter, struct pack *p)
{
	const char *text = sems_json_text(inverter, "battery");
	enum battery b = BATTERY_NOT_SAID;

	text = text != NULL ? text : sems_json_text(sems_json_get(inverter, "d"), "battery");
	if (text == NULL) {
		return BATTERY_NOT_SAID;
	}
	if (!parse_pack(text, p)) {
		return BATTERY_IMPLAUSIBLE;
	}
	b = judge(p);
	p->soc_pct = soc_of(inverter);
	/* What it said before it went: not what its battery does. */
	return b == BATTERY_THERE && is_offline(inverter) ? BATTERY_NOT_SAID : b;
}

/**
 * struct stamp - when something was said
 * @ms: of the epoch, 0 = not said
 * @text: 01/10 or 10/01, as the account has it; NULL: none
 */
struct stamp {
	int64_t ms;
	const char *text;
};

static struct stamp stamp_of(const cJSON *inverter)
{
	const cJSON *epoch = sems_json_get(sems_json_get(inverter, "invert_full"), "last_time");
	struct stamp s = {.text = sems_json_text(inverter, "last_refresh_time")};

	if (cJSON_IsNumber(epoch) && epoch->valuedouble > EPOCH_MIN_MS &&
	    epoch->valuedouble < EPOCH_MAX_MS) {
		s.ms = sems_json_nearest(epoch->valuedouble);
	}
	s.text = s.text != NULL ? s.text
				: sems_json_text(sems_json_get(inverter, "d"), "last_refresh_time");
	return s;
}

/* Of several the newest. */
static void take_stamp(const struct stamp *s, struct sems_values *v)
{
	if (s->ms != 0) {
		v->stamp = v->stamp_kind == SEMS_STAMP_EPOCH ? max_i64(v->stamp, s->ms) : s->ms;
		v->stamp_kind = SEMS_STAMP_EPOCH;
	} else if (s->text != NULL && v->stamp_kind != SEMS_STAMP_EPOCH) {
		/* It changes, more is not known of it. */
		v->stamp = sems_json_hash(v->stamp, s->text, strlen(s->text));
	}
}

/* "dd/mm/yyyy hh:mm:ss", day and month perhaps exchanged, as a number. Return: false if it is none. */
static bool read_time(const char *text, bool month_first, int64_t *ret_time)
{
	char iso[TIME_TEXT + 1];
	int64_t t = 0;

	if (sems_take_local_time(text, ret_time)) {
		return true;
	}
	if (strnlen(text, TIME_TEXT) < TIME_TEXT) {
		return false;
	}
	(void)snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2s%.9s", text + YEAR_AT,
		       month_first ? text : text + SECOND_AT, month_first ? text + SECOND_AT : text,
		       text + CLOCK_AT);
	if (!sems_take_local_time(iso, &t) || t / MONTH_UNIT % PERCENT > MONTHS) {
		return false;
	}
	*ret_time = t;
	return true;
}

/*
 * < 0: @a is older, 0: equal, > 0: younger. Only if that is certain: two texts of the same minutes can
 * be compared whichever way they are read. Return: false if it is not.
 */
static bool compare_stamps(const struct stamp *a, const struct stamp *b, int64_t *ret_order)
{
	bool known = false;
	int64_t order = 0;

	if (a->ms != 0 && b->ms != 0) {
		*ret_order = a->ms - b->ms;
		return true;
	}
	if (a->ms != 0 || b->ms != 0 || a->text == NULL || b->text == NULL) {
		return false;
	}
	for (int month_first = 0; month_first <= 1; month_first++) {
		int64_t at = 0;
		int64_t bt = 0;

		if (!read_time(a->text, month_first != 0, &at) ||
		    !read_time(b->text, month_first != 0, &bt)) {
			continue;
		}
		if (known && (order < 0) != (at < bt)) {
			return false;
		}
		known = true;
		order = at - bt;
	}
	*ret_order = order;
	return known;
}

/**
 * struct battery_stamps - of the inverters that have a battery
 * @oldest: valid if @count is not 0
 * @unclear: there are some that cannot be compared
 */
struct battery_stamps {
	uint32_t count;
	bool unclear;
	struct stamp oldest;
};

static void take_battery_stamp(const struct stamp *s, struct battery_stamps *all)
{
	int64_t order = 0;

	if (all->count++ == 0U) {
		all->oldest = *s;
		return;
	}
	/* None of them says when: then the values are their own mark. */
	if (s->ms == 0 && s->text == NULL && all->oldest.ms == 0 && all->oldest.text == NULL) {
		return;
	}
	if (!compare_stamps(s, &all->oldest, &order)) {
		all->unclear = true;
	} else if (order < 0) {
		all->oldest = *s;
	}
}

/* Another inverter that is alive makes nothing new of a battery that is not heard. */
static void use_battery_stamps(const struct battery_stamps *all, struct sems_values *v)
{
	if (all->count != 0U) {
		v->stamp_kind = SEMS_STAMP_MARK;
		v->stamp = SEMS_JSON_HASH;
		take_stamp(&all->oldest, v);
	}
}

static void add_pack(const struct pack *p, int32_t batteries, struct sems_values *v)
{
	if (batteries == 1) {
		v->voltage_mv = (int32_t)p->mv;
		v->current_ma = (int32_t)-p->ma;
		v->power_w = (int32_t)-p->w;
		v->soc_pct = p->soc_pct;
		return;
	}
	/* Of several only the sum of the powers says something. */
	v->voltage_mv = SOURCE_NO_VALUE;
	v->current_ma = SOURCE_NO_VALUE;
	v->soc_pct = SOURCE_NO_VALUE;
	v->power_w = sat_i32(v->power_w - p->w);
}

/* "100(W)", "3.2(kW)"; with or without brackets. */
static bool parse_power(const char *s, int32_t *ret_w)
{
	int64_t milli = 0;

	if (s == NULL || !sems_json_decimal(&s, &milli)) {
		return false;
	}
	s += *s == '(' ? 1 : 0;
	const bool kilo = *s == 'k';

	s += kilo ? 1 : 0;
	milli = kilo ? milli : sems_json_round(milli);
	if (*s != 'W' || llabs(milli) > SEMS_POWER_MAX_W) {
		return false;
	}
	*ret_w = (int32_t)milli;
	return true;
}

/* Empty texts are no values. What it says of the battery has no sure sign, and is left aside. */
static void take_powerflow(const cJSON *data, struct sems_values *v)
{
	const cJSON *flow = sems_json_get(data, "powerflow");
	const cJSON *status = sems_json_get(flow, "gridStatus");
	int32_t grid_w = 0;

	(void)parse_power(sems_json_text(flow, "pv"), &v->pv_power_w);
	(void)parse_power(sems_json_text(flow, "load"), &v->load_power_w);
	if (parse_power(sems_json_text(flow, "grid"), &grid_w) && cJSON_IsNumber(status)) {
		v->grid_power_w = status->valueint == -1  ? abs(grid_w)
				  : status->valueint == 1 ? -abs(grid_w)
							  : SOURCE_NO_VALUE;
	}
}

/* What comes of all inverters; a battery that is there outweighs one that is not. */
static enum sems_verdict conclude(const bool seen[BATTERY_KINDS], struct sems_values *v)
{
	if (seen[BATTERY_IMPLAUSIBLE]) {
		return SEMS_IMPLAUSIBLE;
	}
	if (seen[BATTERY_CONTRADICTORY]) {
		return SEMS_CONTRADICTION;
	}
	if (seen[BATTERY_THERE]) {
		v->mode = sems_mode_of(v->power_w);
	} else if (seen[BATTERY_NONE] && !seen[BATTERY_NOT_SAID]) {
		v->mode = PEER_NO_BATTERY;
	}
	return SEMS_OK;
}

/* One inverter of "inverterPoints": numbers instead of the text. Return: what it says. */
static enum battery look_at_point(const cJSON *point, struct pack *p)
{
	if (sems_json_get(point, "vbattery1") == NULL ||
	    sems_json_get(point, "ibattery1") == NULL) {
		return BATTERY_NOT_SAID;
	}
	if (!sems_json_milli(sems_json_get(point, "vbattery1"), &p->mv) ||
	    !sems_json_milli(sems_json_get(point, "ibattery1"), &p->ma)) {
		return BATTERY_IMPLAUSIBLE;
	}
	if (llabs(p->ma) > SEMS_CURRENT_MAX_MA && p->mv < ALL_ONES_MV) {
		return BATTERY_IMPLAUSIBLE;
	}
	p->w = p->mv >= ALL_ONES_MV ? 0 : p->mv * p->ma / (KILO * KILO);
	const enum battery b = judge(p);

	p->soc_pct = soc_of(point);
	return b == BATTERY_THERE && is_offline(point) ? BATTERY_NOT_SAID : b;
}

/* What one inverter says of its battery, in either shape. */
typedef enum battery look_at(const cJSON *inverter, struct pack *p);

static enum sems_verdict take_inverters(const cJSON *list, look_at *look_at_one,
					struct sems_values *v)
{
	bool seen[BATTERY_KINDS] = {false};
	const cJSON *inverter = NULL;
	int32_t inverters = 0;
	int32_t batteries = 0;
	struct battery_stamps own = {0};

	v->stamp_kind = SEMS_STAMP_MARK;
	v->stamp = SEMS_JSON_HASH;
	cJSON_ArrayForEach(inverter, list)
	{
		struct pack p = {0};
		const enum battery b = look_at_one(inverter, &p);
		const struct stamp stamp = stamp_of(inverter);

		inverters++;
		seen[b] = true;
		if (b == BATTERY_THERE) {
			batteries++;
			add_pack(&p, batteries, v);
			take_battery_stamp(&stamp, &own);
		}
		take_stamp(&stamp, v);
	}
	if (inverters == 0) {
		return SEMS_NO_VALUE;
	}
	use_battery_stamps(&own, v);
	if (v->stamp == SEMS_JSON_HASH) {
		sems_mark_values(v);
	}
	const enum sems_verdict verdict = conclude(seen, v);

	/* Which of several is the oldest cannot be told: any mark could look new. */
	return verdict == SEMS_OK && own.unclear ? SEMS_NO_VALUE : verdict;
}

enum sems_verdict sems_take_monitor(const cJSON *data, struct sems_values *v)
{
	v->shape = SEMS_SHAPE_MONITOR;
	take_powerflow(data, v);
	return take_inverters(sems_json_get(data, "inverter"), look_at_inverter, v);
}

enum sems_verdict sems_take_points(const cJSON *points, struct sems_values *v)
{
	v->shape = SEMS_SHAPE_POINTS;
	return take_inverters(points, look_at_point, v);
}
