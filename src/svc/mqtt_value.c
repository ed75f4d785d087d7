/* SPDX-License-Identifier: Apache-2.0 */
/* From telemetry to what is published: what is not known is unknown, never 0. */
#include "svc/mqtt_value.h"

#include "base/rule.h"
#include "base/units.h"
#include "core/source.h"

#define MILLI	  1000
#define MICRO	  1000000
#define CHARGE	  0x80U /* byte 0 of 0x35C */
#define DISCHARGE 0x40U
#define FULL	  0x08U

static const struct mqtt_quantity quantities[MQTT_VALUES] = {
#define X(id, group, key, form, decimals, name, unit, device_class, state_class, icon) \
	[MQTT_V_##id] = {MQTT_##group, MQTT_##form,  decimals,	  key, name,           \
			 unit,	       device_class, state_class, icon},
	MQTT_VALUE_LIST(X)
#undef X
};

static const char *const groups[MQTT_GROUPS] = {
	[MQTT_BATTERY] = "battery",   [MQTT_CELLS] = "cells",	[MQTT_LIMITS] = "limits",
	[MQTT_SAFETY] = "safety",     [MQTT_BMS] = "bms",	[MQTT_CAN] = "can",
	[MQTT_REALTIME] = "realtime", [MQTT_ORDERS] = "orders", [MQTT_HOUSE] = "house",
	[MQTT_SERVICE] = "service",
};

const char *mqtt_group_name(enum mqtt_group group)
{
	return groups[group];
}

const struct mqtt_quantity *mqtt_quantity(enum mqtt_value value)
{
	return &quantities[value];
}

static const char *name_of_rule(int32_t rule)
{
	return rule_name((uint32_t)rule);
}

/* One word each; the sources of the core have names for sentences. */
static const char *peer_word(int32_t source)
{
	return source == SOURCE_LOCAL ? "inverter" : source == SOURCE_PORTAL ? "portal" : "none";
}

enum doing {
	DOING_IDLE,
	DOING_CHARGING,
	DOING_DISCHARGING,
	DOINGS
};

static const char *doing_word(int32_t doing)
{
	static const char *const words[DOINGS] = {"idle", "charging", "discharging"};

	return words[doing];
}

const char *mqtt_word(enum mqtt_form form, int64_t value)
{
	static const struct {
		const char *(*name)(int32_t value);
		int32_t count;
	} words[MQTT_FORMS] = {
		[MQTT_STEP] = {step_name, STEPS},
		[MQTT_REASON] = {reason_name, REASONS},
		[MQTT_RULE] = {name_of_rule, RULES},
		[MQTT_LEVEL] = {level_name, LEVELS},
		[MQTT_PHASE] = {phase_name, PHASES},
		[MQTT_LINK] = {can_link_name, CAN_LINKS},
		[MQTT_RELAY] = {relay_state_name, RELAY_STATES},
		[MQTT_PEER] = {peer_word, SOURCES + 1},
		[MQTT_DOING] = {doing_word, DOINGS},
	};

	if (form == MQTT_LEVEL && value == LEVELS) {
		return "none";
	}
	return value >= 0 && value < words[form].count ? words[form].name((int32_t)value) : NULL;
}

static int64_t known(bool is_known, int64_t value)
{
	return is_known ? value : MQTT_UNKNOWN;
}

static void fill_battery(const struct telemetry *t, struct mqtt_values *v)
{
	const struct sample *s = &t->sample;
	const bool mv = (s->missing & SAMPLE_NO_PACK_MV) == 0U;
	const bool ma = (s->missing & SAMPLE_NO_CURRENT) == 0U;
	const bool status = (s->missing & SAMPLE_NO_STATUS) == 0U;
	int64_t *x = v->value;

	x[MQTT_V_SOC] = known(t->soc_valid != 0U, s->soc_pct);
	x[MQTT_V_VOLTAGE] = known(mv, s->pack_mv);
	x[MQTT_V_CURRENT] = known(ma, s->pack_ma);
	x[MQTT_V_POWER] = known(mv && ma, (int64_t)s->pack_mv * s->pack_ma / MICRO);
	x[MQTT_V_TEMPERATURE_1] = known(s->probe_valid[0], s->probe_dc[0]);
	x[MQTT_V_TEMPERATURE_2] = known(s->probe_valid[1], s->probe_dc[1]);
	x[MQTT_V_TEMPERATURE_MOS] = known(s->mos_valid, s->mos_dc);
	x[MQTT_V_CAPACITY] = known(s->bms.capacity_mah != SAMPLE_NO_VALUE, s->bms.capacity_mah);
	x[MQTT_V_CYCLES] = s->cycles;
	x[MQTT_V_CHARGE_MOSFET] = known(status, s->mosfet[DIR_CHARGE]);
	x[MQTT_V_DISCHARGE_MOSFET] = known(status, s->mosfet[DIR_DISCHARGE]);
	x[MQTT_V_BALANCING] = known(status, s->balancing);
	x[MQTT_V_FULL] = t->full != 0U;
	x[MQTT_V_ALARM] = known((s->missing & SAMPLE_NO_ALARMS) == 0U, s->alarms != 0U);
	x[MQTT_V_ALARMS] = known((s->missing & SAMPLE_NO_ALARMS) == 0U, s->alarms);
}

static void fill_cells(const struct sample *s, struct mqtt_values *v)
{
	int64_t *x = v->value;

	v->cells = s->cells <= SAMPLE_CELLS_MAX ? s->cells : SAMPLE_CELLS_MAX;
	for (uint32_t i = 0; i < v->cells; i++) {
		v->cell_mv[i] = s->cell_mv[i];
	}
	x[MQTT_V_CELL_COUNT] = known(v->cells > 0U, v->cells);
	x[MQTT_V_CELL_LOWEST] = known(v->cells > 0U, s->cell_min_mv);
	x[MQTT_V_CELL_HIGHEST] = known(v->cells > 0U, s->cell_max_mv);
	x[MQTT_V_CELL_SPREAD] = known(v->cells > 0U, s->cell_max_mv - s->cell_min_mv);
	x[MQTT_V_CELL_LOWEST_NO] = known(v->cells > 0U, s->cell_min_no);
	x[MQTT_V_CELL_HIGHEST_NO] = known(v->cells > 0U, s->cell_max_no);
}

static void fill_limits(const struct telemetry *t, struct mqtt_values *v)
{
	const bool sending = t->step != STEP_INIT; /* before, nothing is on the bus */
	int64_t *x = v->value;

	x[MQTT_V_CHARGE_LIMIT] = t->limit_ma[DIR_CHARGE];
	x[MQTT_V_CHARGE_BY] = t->limited_by[DIR_CHARGE];
	x[MQTT_V_CHARGE_CEILING] = t->envelope_ma[DIR_CHARGE];
	x[MQTT_V_CHARGE_CEILING_BY] = t->envelope_by[DIR_CHARGE];
	x[MQTT_V_DISCHARGE_LIMIT] = t->limit_ma[DIR_DISCHARGE];
	x[MQTT_V_DISCHARGE_BY] = t->limited_by[DIR_DISCHARGE];
	x[MQTT_V_DISCHARGE_CEILING] = t->envelope_ma[DIR_DISCHARGE];
	x[MQTT_V_DISCHARGE_CEILING_BY] = t->envelope_by[DIR_DISCHARGE];
	x[MQTT_V_CHARGE_VOLTAGE] = known(sending, t->cvl_mv);
	x[MQTT_V_DISCHARGE_VOLTAGE] = known(sending, t->dvl_mv);
	x[MQTT_V_SOC_SHOWN] = known(sending, t->soc_shown_pct);
	x[MQTT_V_PHASE] = t->phase;
	x[MQTT_V_CHARGE_ENABLED] = (t->enables & CHARGE) != 0U;
	x[MQTT_V_DISCHARGE_ENABLED] = (t->enables & DISCHARGE) != 0U;
	x[MQTT_V_FULL_CHARGE] = (t->enables & FULL) != 0U;
}

static void fill_safety(const struct telemetry *t, struct mqtt_values *v)
{
	int64_t *x = v->value;

	x[MQTT_V_STEP] = t->step;
	x[MQTT_V_REASON] = t->reason;
	x[MQTT_V_LATCHED] = t->latched;
	x[MQTT_V_PROBLEM] = t->latched != REASON_NONE || t->step >= STEP_STOP;
	x[MQTT_V_CRITICAL_LEVEL] = t->critical_level;
	x[MQTT_V_RELAY] = t->relay;
	x[MQTT_V_PERMIT] = t->permit != 0U;
	x[MQTT_V_PROTECTIONS] = t->protections;
	x[MQTT_V_WARNINGS] = t->warnings;
}

static void fill_links(const struct telemetry *t, struct mqtt_values *v)
{
	int64_t dropped = 0;
	int64_t *x = v->value;

	for (uint32_t i = 0; i < JK_VERDICTS; i++) {
		dropped += i == JK_OK ? 0U : t->count_verdict[i];
	}
	x[MQTT_V_AGE] = known(t->age_ms != INT32_MAX, t->age_ms);
	x[MQTT_V_BMS_REPLY] = known(t->count_samples != 0U, t->reply_ms);
	x[MQTT_V_BMS_REQUESTS] = t->count_requests;
	x[MQTT_V_BMS_SAMPLES] = t->count_samples;
	x[MQTT_V_BMS_DROPPED] = dropped;
	x[MQTT_V_BMS_LATE] = t->count_late;
	x[MQTT_V_BMS_IMPLAUSIBLE] = t->count_implausible;
	x[MQTT_V_CAN_LINK] = t->can_link;
	x[MQTT_V_CAN_CONFIRMED] = t->can_confirmed != 0U;
	x[MQTT_V_INVERTER] = t->inverter_alive != 0U;
	x[MQTT_V_INVERTER_AGE] = known(t->alive_age_ms != INT32_MAX, t->alive_age_ms);
	x[MQTT_V_CAN_SETS] = t->count_sets;
	x[MQTT_V_CAN_FRAMES] = t->count_frames;
	x[MQTT_V_CAN_OWN] = t->count_confirmed;
	x[MQTT_V_CAN_ALIVE] = t->count_alive;
}

static void fill_orders(const struct telemetry *t, struct mqtt_values *v)
{
	static const struct {
		enum command_kind kind;
		enum mqtt_value value;
		enum mqtt_value left;
		bool flag;
	} row[] = {
		{COMMAND_LIMIT_CHARGE, MQTT_V_O_CHARGE, MQTT_V_O_CHARGE_LEFT, false},
		{COMMAND_LIMIT_DISCHARGE, MQTT_V_O_DISCHARGE, MQTT_V_O_DISCHARGE_LEFT, false},
		{COMMAND_PAUSE_CHARGE, MQTT_V_O_PAUSE_CHARGE, MQTT_V_O_PAUSE_CHARGE_LEFT, true},
		{COMMAND_PAUSE_DISCHARGE, MQTT_V_O_PAUSE_DISCHARGE, MQTT_V_O_PAUSE_DISCHARGE_LEFT,
		 true},
		{COMMAND_SOC_MAX, MQTT_V_O_SOC_MAX, MQTT_V_O_SOC_MAX_LEFT, false},
		{COMMAND_SOC_MIN, MQTT_V_O_SOC_MIN, MQTT_V_O_SOC_MIN_LEFT, false},
		{COMMAND_FULL_CHARGE, MQTT_V_O_FULL, MQTT_V_O_FULL_LEFT, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const int32_t left_ms = t->lease_left_ms[row[i].kind];
		const bool runs = left_ms > 0;

		v->value[row[i].value] = row[i].flag ? runs
						     : known(runs, t->lease_value[row[i].kind]);
		v->value[row[i].left] = known(runs, (left_ms + MILLI - 1) / MILLI);
	}
}

/* A cap that is none is unknown: there is nothing to show in ampere. */
static void fill_house(const struct telemetry *t, struct mqtt_values *v)
{
	const bool sized = t->peer_w != SOURCE_NO_VALUE && abs_i32(t->peer_w) != INT32_MAX;
	int64_t *x = v->value;

	x[MQTT_V_GRID_POWER] = known(t->grid_w != SOURCE_NO_VALUE, t->grid_w);
	x[MQTT_V_GRID_AGE] = known(t->source_age_ms[SOURCE_GRID] != INT32_MAX,
				   t->source_age_ms[SOURCE_GRID]);
	x[MQTT_V_PEER_POWER] = known(sized, t->peer_w);
	x[MQTT_V_PEER_DOES] = known(t->peer_w != SOURCE_NO_VALUE, t->peer_w > 0 ? DOING_CHARGING
								  : t->peer_w < 0
									  ? DOING_DISCHARGING
									  : DOING_IDLE);
	x[MQTT_V_PEER_SOC] = known(t->peer_soc_pct != SOURCE_NO_VALUE, t->peer_soc_pct);
	x[MQTT_V_PEER_FROM] = t->peer_from;
	x[MQTT_V_PEER_AGE] = known(t->source_age_ms[SOURCE_LOCAL] != INT32_MAX,
				   t->source_age_ms[SOURCE_LOCAL]);
	x[MQTT_V_PORTAL_AGE] = known(t->source_age_ms[SOURCE_PORTAL] != INT32_MAX,
				     t->source_age_ms[SOURCE_PORTAL]);
	x[MQTT_V_ARBITER_CHARGE] = known(t->arbiter_ma[DIR_CHARGE] != INT32_MAX,
					 t->arbiter_ma[DIR_CHARGE]);
	x[MQTT_V_ARBITER_CHARGE_BY] = t->arbiter_by[DIR_CHARGE];
	x[MQTT_V_ARBITER_DISCHARGE] = known(t->arbiter_ma[DIR_DISCHARGE] != INT32_MAX,
					    t->arbiter_ma[DIR_DISCHARGE]);
	x[MQTT_V_ARBITER_DISCHARGE_BY] = t->arbiter_by[DIR_DISCHARGE];
	x[MQTT_V_OSCILLATING] = t->oscillating != 0U;
	x[MQTT_V_DAMPING_CHARGE] = known(t->damping_ma[DIR_CHARGE] != INT32_MAX,
					 t->damping_ma[DIR_CHARGE]);
	x[MQTT_V_DAMPING_DISCHARGE] = known(t->damping_ma[DIR_DISCHARGE] != INT32_MAX,
					    t->damping_ma[DIR_DISCHARGE]);
}

static void fill_realtime(const struct mqtt_realtime *rt, struct mqtt_values *v)
{
	int64_t *x = v->value;

	x[MQTT_V_RT_CYCLES] = (int64_t)rt->cycles;
	x[MQTT_V_RT_OVERRUNS] = (int64_t)rt->overruns;
	x[MQTT_V_RT_MISSED] = (int64_t)rt->missed;
	x[MQTT_V_RT_WAKEUP_MEAN] = known(rt->wakeup.count != 0U, rt->wakeup.mean_us);
	x[MQTT_V_RT_WAKEUP_MAX] = known(rt->wakeup.count != 0U, rt->wakeup.max_us);
	x[MQTT_V_RT_RUN_MEAN] = known(rt->run.count != 0U, rt->run.mean_us);
	x[MQTT_V_RT_RUN_MAX] = known(rt->run.count != 0U, rt->run.max_us);
	x[MQTT_V_RT_RESPONSE_MEAN] = known(rt->response.count != 0U, rt->response.mean_us);
	x[MQTT_V_RT_RESPONSE_MAX] = known(rt->response.count != 0U, rt->response.max_us);
	x[MQTT_V_RT_FAULTS] = rt->page_faults;
	x[MQTT_V_RT_EVENTS_LOST] = rt->events_lost;
	x[MQTT_V_RT_REFUSED] = rt->refused;
}

static void fill_count(const struct mqtt_count *count, struct mqtt_values *v)
{
	v->value[MQTT_V_PUBLISHED] = count->published;
	v->value[MQTT_V_WITHHELD] = count->withheld;
	v->value[MQTT_V_TAKEN] = count->taken;
	v->value[MQTT_V_REFUSED] = count->refused;
	v->value[MQTT_V_IGNORED] = count->ignored;
}

void mqtt_values_of(const struct telemetry *t, int32_t stale_ms, const struct mqtt_realtime *rt,
		    const struct mqtt_count *count, struct mqtt_values *ret_values)
{
	struct mqtt_values *v = ret_values;

	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		v->value[i] = MQTT_UNKNOWN;
	}
	for (uint32_t i = 0; i < SAMPLE_CELLS_MAX; i++) {
		v->cell_mv[i] = MQTT_UNKNOWN;
	}
	v->cells = 0;
	if (t != NULL) {
		if (t->age_ms <= stale_ms) {
			fill_battery(t, v);
			fill_cells(&t->sample, v);
		}
		fill_limits(t, v);
		fill_safety(t, v);
		fill_links(t, v);
		fill_orders(t, v);
		fill_house(t, v);
	}
	if (rt != NULL) {
		fill_realtime(rt, v);
	}
	if (count != NULL) {
		fill_count(count, v);
	}
}
