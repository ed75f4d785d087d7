/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is published over MQTT: one list of quantities with their topic, key, unit and what Home
 * Assistant wants to know of them. States, discovery and the table in the guide come from it.
 */
#ifndef JKP_SVC_MQTT_VALUE_H
#define JKP_SVC_MQTT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/telemetry.h"
#include "svc/service.h"

#define MQTT_UNKNOWN	  INT64_MIN /* published as null, never as 0 */
#define MQTT_SERVICES_MAX 8U

/* A topic each: PREFIX/battery, PREFIX/cells ... */
enum mqtt_group {
	MQTT_BATTERY,
	MQTT_CELLS,
	MQTT_LIMITS,
	MQTT_SAFETY,
	MQTT_BMS,
	MQTT_CAN,
	MQTT_REALTIME,
	MQTT_ORDERS,
	MQTT_HOUSE,
	MQTT_SERVICE,
	MQTT_GROUPS
};

const char *mqtt_group_name(enum mqtt_group group);

/* How a value is written. */
enum mqtt_form {
	MQTT_NUMBER, /* with decimals */
	MQTT_FLAG,   /* true, false */
	MQTT_STEP,   /* names of the core's enums */
	MQTT_REASON,
	MQTT_RULE,
	MQTT_LEVEL,
	MQTT_PHASE,
	MQTT_LINK,
	MQTT_RELAY,
	MQTT_PEER, /* who speaks for the other battery */
	MQTT_DOING,
	MQTT_FORMS
};

/* clang-format off */
/* id, group, key, form, decimals, name, unit, device class, state class, icon */
#define MQTT_VALUE_LIST(X) \
	X(SOC,              BATTERY,  "soc",                  NUMBER, 0, "State of charge",               "%",  "battery",     "measurement", "") \
	X(VOLTAGE,          BATTERY,  "voltage",              NUMBER, 3, "Voltage",                       "V",  "voltage",     "measurement", "") \
	X(CURRENT,          BATTERY,  "current",              NUMBER, 3, "Current",                       "A",  "current",     "measurement", "") \
	X(POWER,            BATTERY,  "power",                NUMBER, 0, "Power",                         "W",  "power",       "measurement", "") \
	X(TEMPERATURE_1,    BATTERY,  "temperature_1",        NUMBER, 1, "Temperature 1",                 "°C", "temperature", "measurement", "") \
	X(TEMPERATURE_2,    BATTERY,  "temperature_2",        NUMBER, 1, "Temperature 2",                 "°C", "temperature", "measurement", "") \
	X(TEMPERATURE_MOS,  BATTERY,  "temperature_mosfet",   NUMBER, 1, "MOSFET temperature",            "°C", "temperature", "measurement", "") \
	X(CAPACITY,         BATTERY,  "capacity",             NUMBER, 3, "Nominal capacity",              "Ah", "",            "measurement", "mdi:battery-high") \
	X(CYCLES,           BATTERY,  "cycles",               NUMBER, 0, "Charge cycles",                 "",   "",            "total_increasing", "mdi:battery-sync") \
	X(CHARGE_MOSFET,    BATTERY,  "charge_mosfet",        FLAG,   0, "Charge MOSFET",                 "",   "",            "", "mdi:electric-switch") \
	X(DISCHARGE_MOSFET, BATTERY,  "discharge_mosfet",     FLAG,   0, "Discharge MOSFET",              "",   "",            "", "mdi:electric-switch") \
	X(BALANCING,        BATTERY,  "balancing",            FLAG,   0, "Balancing",                     "",   "running",     "", "") \
	X(FULL,             BATTERY,  "full",                 FLAG,   0, "Full",                          "",   "",            "", "mdi:battery-check") \
	X(AGE,              BATTERY,  "age",                  NUMBER, 3, "Age of the values",             "s",  "duration",    "measurement", "") \
	X(CELL_LOWEST,      CELLS,    "lowest",               NUMBER, 3, "Lowest cell",                   "V",  "voltage",     "measurement", "") \
	X(CELL_HIGHEST,     CELLS,    "highest",              NUMBER, 3, "Highest cell",                  "V",  "voltage",     "measurement", "") \
	X(CELL_SPREAD,      CELLS,    "spread",               NUMBER, 3, "Spread of the cells",           "V",  "voltage",     "measurement", "") \
	X(CELL_LOWEST_NO,   CELLS,    "lowest_number",        NUMBER, 0, "Number of the lowest cell",     "",   "",            "", "mdi:numeric") \
	X(CELL_HIGHEST_NO,  CELLS,    "highest_number",       NUMBER, 0, "Number of the highest cell",    "",   "",            "", "mdi:numeric") \
	X(CELL_COUNT,       CELLS,    "count",                NUMBER, 0, "Cells",                         "",   "",            "", "mdi:numeric") \
	X(CHARGE_LIMIT,     LIMITS,   "charge_limit",         NUMBER, 3, "Charge limit",                  "A",  "current",     "measurement", "") \
	X(CHARGE_BY,        LIMITS,   "charge_limited_by",    RULE,   0, "Charge limited by",             "",   "",            "", "mdi:gavel") \
	X(CHARGE_CEILING,   LIMITS,   "charge_ceiling",       NUMBER, 3, "Charge ceiling",                "A",  "current",     "measurement", "") \
	X(CHARGE_CEILING_BY, LIMITS,  "charge_ceiling_by",    RULE,   0, "Charge ceiling by",             "",   "",            "", "mdi:gavel") \
	X(DISCHARGE_LIMIT,  LIMITS,   "discharge_limit",      NUMBER, 3, "Discharge limit",               "A",  "current",     "measurement", "") \
	X(DISCHARGE_BY,     LIMITS,   "discharge_limited_by", RULE,   0, "Discharge limited by",          "",   "",            "", "mdi:gavel") \
	X(DISCHARGE_CEILING, LIMITS,  "discharge_ceiling",    NUMBER, 3, "Discharge ceiling",             "A",  "current",     "measurement", "") \
	X(DISCHARGE_CEILING_BY, LIMITS, "discharge_ceiling_by", RULE, 0, "Discharge ceiling by",          "",   "",            "", "mdi:gavel") \
	X(CHARGE_VOLTAGE,   LIMITS,   "charge_voltage",       NUMBER, 3, "Charge voltage limit",          "V",  "voltage",     "measurement", "") \
	X(DISCHARGE_VOLTAGE, LIMITS,  "discharge_voltage",    NUMBER, 3, "Discharge voltage limit",       "V",  "voltage",     "measurement", "") \
	X(SOC_SHOWN,        LIMITS,   "soc_shown",            NUMBER, 0, "State of charge on the bus",    "%",  "battery",     "measurement", "") \
	X(PHASE,            LIMITS,   "phase",                PHASE,  0, "Charge phase",                  "",   "enum",        "", "") \
	X(CHARGE_ENABLED,   LIMITS,   "charge_enabled",       FLAG,   0, "Charging enabled",              "",   "",            "", "mdi:battery-arrow-up") \
	X(DISCHARGE_ENABLED, LIMITS,  "discharge_enabled",    FLAG,   0, "Discharging enabled",           "",   "",            "", "mdi:battery-arrow-down") \
	X(FULL_CHARGE,      LIMITS,   "full_charge_requested", FLAG,  0, "Full charge requested",         "",   "",            "", "mdi:battery-charging-100") \
	X(STEP,             SAFETY,   "step",                 STEP,   0, "Step of the ladder",            "",   "enum",        "", "") \
	X(REASON,           SAFETY,   "reason",               REASON, 0, "Reason of the step",            "",   "enum",        "", "") \
	X(PROBLEM,          SAFETY,   "problem",              FLAG,   0, "Problem",                       "",   "problem",     "", "") \
	X(LATCHED,          SAFETY,   "latched",              REASON, 0, "Latched fault",                 "",   "enum",        "", "") \
	X(CRITICAL_LEVEL,   SAFETY,   "critical_level",       LEVEL,  0, "Critical level",                "",   "enum",        "", "") \
	X(RELAY,            SAFETY,   "relay",                RELAY,  0, "Relay",                         "",   "enum",        "", "") \
	X(PERMIT,           SAFETY,   "permit",               FLAG,   0, "Relay permitted",               "",   "",            "", "mdi:electric-switch-closed") \
	X(ALARM,            SAFETY,   "alarm",                FLAG,   0, "Alarm of the BMS",              "",   "problem",     "", "") \
	X(ALARMS,           SAFETY,   "alarms",               NUMBER, 0, "Alarm bits of the BMS",         "",   "",            "", "mdi:alert") \
	X(PROTECTIONS,      SAFETY,   "protections",          NUMBER, 0, "Protection bits on the bus",    "",   "",            "", "mdi:alert") \
	X(WARNINGS,         SAFETY,   "warnings",             NUMBER, 0, "Warning bits on the bus",       "",   "",            "", "mdi:alert-outline") \
	X(BMS_REPLY,        BMS,      "reply",                NUMBER, 0, "Reply time of the BMS",         "ms", "duration",    "measurement", "") \
	X(BMS_REQUESTS,     BMS,      "requests",             NUMBER, 0, "Requests to the BMS",           "",   "",            "total_increasing", "mdi:counter") \
	X(BMS_SAMPLES,      BMS,      "samples",              NUMBER, 0, "Samples of the BMS",            "",   "",            "total_increasing", "mdi:counter") \
	X(BMS_DROPPED,      BMS,      "dropped",              NUMBER, 0, "Frames of the BMS dropped",     "",   "",            "total_increasing", "mdi:counter") \
	X(BMS_LATE,         BMS,      "late",                 NUMBER, 0, "Replies of the BMS too late",   "",   "",            "total_increasing", "mdi:counter") \
	X(BMS_IMPLAUSIBLE,  BMS,      "implausible",          NUMBER, 0, "Samples not plausible",         "",   "",            "total_increasing", "mdi:counter") \
	X(CAN_LINK,         CAN,      "link",                 LINK,   0, "CAN link",                      "",   "enum",        "", "") \
	X(CAN_CONFIRMED,    CAN,      "confirmed",            FLAG,   0, "CAN frames confirmed",          "",   "connectivity", "", "") \
	X(INVERTER,         CAN,      "inverter",             FLAG,   0, "Inverter",                      "",   "connectivity", "", "") \
	X(INVERTER_AGE,     CAN,      "inverter_age",         NUMBER, 3, "Last word of the inverter",     "s",  "duration",    "measurement", "") \
	X(CAN_SETS,         CAN,      "sets",                 NUMBER, 0, "Sets of CAN frames",            "",   "",            "total_increasing", "mdi:counter") \
	X(CAN_FRAMES,       CAN,      "frames",               NUMBER, 0, "CAN frames sent",               "",   "",            "total_increasing", "mdi:counter") \
	X(CAN_OWN,          CAN,      "frames_confirmed",     NUMBER, 0, "CAN frames seen on the bus",    "",   "",            "total_increasing", "mdi:counter") \
	X(CAN_ALIVE,        CAN,      "inverter_frames",      NUMBER, 0, "CAN frames of the inverter",    "",   "",            "total_increasing", "mdi:counter") \
	X(RT_CYCLES,        REALTIME, "cycles",               NUMBER, 0, "Periods of the cycle",          "",   "",            "total_increasing", "mdi:counter") \
	X(RT_OVERRUNS,      REALTIME, "overruns",             NUMBER, 0, "Overruns",                      "",   "",            "total_increasing", "mdi:counter") \
	X(RT_MISSED,        REALTIME, "missed",               NUMBER, 0, "Periods missed",                "",   "",            "total_increasing", "mdi:counter") \
	X(RT_WAKEUP_MEAN,   REALTIME, "wakeup_mean",          NUMBER, 3, "Wake-up latency, mean",         "ms", "duration",    "measurement", "") \
	X(RT_WAKEUP_MAX,    REALTIME, "wakeup_max",           NUMBER, 3, "Wake-up latency, maximum",      "ms", "duration",    "measurement", "") \
	X(RT_RUN_MEAN,      REALTIME, "run_mean",             NUMBER, 3, "Run time of a period, mean",    "ms", "duration",    "measurement", "") \
	X(RT_RUN_MAX,       REALTIME, "run_max",              NUMBER, 3, "Run time of a period, maximum", "ms", "duration",    "measurement", "") \
	X(RT_RESPONSE_MEAN, REALTIME, "response_mean",        NUMBER, 3, "BMS to CAN, mean",              "ms", "duration",    "measurement", "") \
	X(RT_RESPONSE_MAX,  REALTIME, "response_max",         NUMBER, 3, "BMS to CAN, maximum",           "ms", "duration",    "measurement", "") \
	X(RT_FAULTS,        REALTIME, "page_faults",          NUMBER, 0, "Page faults of the cycle",      "",   "",            "total_increasing", "mdi:counter") \
	X(RT_EVENTS_LOST,   REALTIME, "events_lost",          NUMBER, 0, "Events lost",                   "",   "",            "total_increasing", "mdi:counter") \
	X(RT_REFUSED,       REALTIME, "refused",              FLAG,   0, "Realtime refused",              "",   "problem",     "", "") \
	X(O_CHARGE,         ORDERS,   "charge_limit",         NUMBER, 3, "Ordered charge limit",          "A",  "current",     "", "") \
	X(O_CHARGE_LEFT,    ORDERS,   "charge_limit_left",    NUMBER, 0, "Ordered charge limit, time left", "s", "duration",   "", "") \
	X(O_DISCHARGE,      ORDERS,   "discharge_limit",      NUMBER, 3, "Ordered discharge limit",       "A",  "current",     "", "") \
	X(O_DISCHARGE_LEFT, ORDERS,   "discharge_limit_left", NUMBER, 0, "Ordered discharge limit, time left", "s", "duration", "", "") \
	X(O_PAUSE_CHARGE,   ORDERS,   "pause_charge",         FLAG,   0, "Charging paused by order",      "",   "",            "", "mdi:pause") \
	X(O_PAUSE_CHARGE_LEFT, ORDERS, "pause_charge_left",   NUMBER, 0, "Pause of charging, time left",  "s",  "duration",    "", "") \
	X(O_PAUSE_DISCHARGE, ORDERS,  "pause_discharge",      FLAG,   0, "Discharging paused by order",   "",   "",            "", "mdi:pause") \
	X(O_PAUSE_DISCHARGE_LEFT, ORDERS, "pause_discharge_left", NUMBER, 0, "Pause of discharging, time left", "s", "duration", "", "") \
	X(O_SOC_MAX,        ORDERS,   "soc_max",              NUMBER, 0, "Ordered highest state of charge", "%", "battery",    "", "") \
	X(O_SOC_MAX_LEFT,   ORDERS,   "soc_max_left",         NUMBER, 0, "Ordered highest state of charge, time left", "s", "duration", "", "") \
	X(O_SOC_MIN,        ORDERS,   "soc_min",              NUMBER, 0, "Ordered lowest state of charge", "%", "battery",     "", "") \
	X(O_SOC_MIN_LEFT,   ORDERS,   "soc_min_left",         NUMBER, 0, "Ordered lowest state of charge, time left", "s", "duration", "", "") \
	X(O_FULL,           ORDERS,   "full_charge",          FLAG,   0, "Full charge ordered",           "",   "",            "", "mdi:battery-charging-100") \
	X(O_FULL_LEFT,      ORDERS,   "full_charge_left",     NUMBER, 0, "Full charge, time left",        "s",  "duration",    "", "") \
	X(GRID_POWER,       HOUSE,    "grid_power",           NUMBER, 0, "Grid power (+ import)",         "W",  "power",       "measurement", "") \
	X(GRID_AGE,         HOUSE,    "grid_age",             NUMBER, 3, "Last word of the meter",        "s",  "duration",    "measurement", "") \
	X(PEER_POWER,       HOUSE,    "peer_power",           NUMBER, 0, "Other battery, power (+ charging)", "W", "power",    "measurement", "") \
	X(PEER_DOES,        HOUSE,    "peer_direction",       DOING,  0, "Other battery, direction",      "",   "enum",        "", "") \
	X(PEER_SOC,         HOUSE,    "peer_soc",             NUMBER, 0, "Other battery, state of charge", "%", "battery",     "measurement", "") \
	X(PEER_FROM,        HOUSE,    "peer_source",          PEER,   0, "Other battery, source",         "",   "enum",        "", "") \
	X(PEER_AGE,         HOUSE,    "peer_age",             NUMBER, 3, "Last word of the other inverter", "s", "duration",   "measurement", "") \
	X(PORTAL_AGE,       HOUSE,    "portal_age",           NUMBER, 3, "Last word of its portal",       "s",  "duration",    "measurement", "") \
	X(ARBITER_CHARGE,   HOUSE,    "arbiter_charge",       NUMBER, 3, "Arbiter, charge at most",       "A",  "current",     "measurement", "") \
	X(ARBITER_CHARGE_BY, HOUSE,   "arbiter_charge_by",    RULE,   0, "Arbiter, charge limited by",    "",   "",            "", "mdi:gavel") \
	X(ARBITER_DISCHARGE, HOUSE,   "arbiter_discharge",    NUMBER, 3, "Arbiter, discharge at most",    "A",  "current",     "measurement", "") \
	X(ARBITER_DISCHARGE_BY, HOUSE, "arbiter_discharge_by", RULE,  0, "Arbiter, discharge limited by", "",   "",            "", "mdi:gavel") \
	X(OSCILLATING,      HOUSE,    "oscillating",          FLAG,   0, "Grid power oscillates",         "",   "",            "", "mdi:sine-wave") \
	X(DAMPING_CHARGE,   HOUSE,    "damping_charge",       NUMBER, 3, "Damping, charge at most",       "A",  "current",     "measurement", "") \
	X(DAMPING_DISCHARGE, HOUSE,   "damping_discharge",    NUMBER, 3, "Damping, discharge at most",    "A",  "current",     "measurement", "") \
	X(PUBLISHED,        SERVICE,  "published",            NUMBER, 0, "Messages published",            "",   "",            "total_increasing", "mdi:counter") \
	X(WITHHELD,         SERVICE,  "withheld",             NUMBER, 0, "Messages the broker was too slow for", "", "",         "total_increasing", "mdi:counter") \
	X(TAKEN,            SERVICE,  "orders_taken",         NUMBER, 0, "Orders taken",                  "",   "",            "total_increasing", "mdi:counter") \
	X(REFUSED,          SERVICE,  "orders_refused",       NUMBER, 0, "Orders refused",                "",   "",            "total_increasing", "mdi:counter") \
	X(IGNORED,          SERVICE,  "orders_ignored",       NUMBER, 0, "Orders ignored",                "",   "",            "total_increasing", "mdi:counter")
/* clang-format on */

enum mqtt_value {
#define X(id, ...) MQTT_V_##id,
	MQTT_VALUE_LIST(X)
#undef X
	MQTT_VALUES
};

/**
 * struct mqtt_quantity - one row of the list; empty texts where Home Assistant needs none
 */
struct mqtt_quantity {
	enum mqtt_group group;
	enum mqtt_form form;
	uint32_t decimals;
	const char *key;
	const char *name;
	const char *unit;
	const char *device_class;
	const char *state_class;
	const char *icon;
};

/* Row of a value, 0 <= @value < MQTT_VALUES. */
const struct mqtt_quantity *mqtt_quantity(enum mqtt_value value);

/* Name of @value in the form @form, one of the names; NULL outside its list or for another form. */
const char *mqtt_word(enum mqtt_form form, int64_t value);

/**
 * struct mqtt_realtime - what the statistics page has of the cycle, us; @count 0 = never measured
 */
struct mqtt_realtime {
	uint64_t cycles;
	uint64_t overruns;
	uint64_t missed;
	struct {
		int64_t mean_us;
		int64_t max_us;
		uint64_t count;
	} wakeup, run, response;
	int64_t page_faults;
	uint32_t events_lost;
	bool refused;
};

/* Counters of the MQTT service itself, since start, modulo 2^32. */
struct mqtt_count {
	uint32_t published;
	uint32_t withheld;
	uint32_t taken;
	uint32_t refused;
	uint32_t ignored;
};

/**
 * struct mqtt_services - health of the services
 * @silent: it has not moved for SERVICE_SILENT_MS
 */
struct mqtt_services {
	uint32_t count;
	struct {
		const char *name;
		struct service_health health;
		bool silent;
	} at[MQTT_SERVICES_MAX];
};

/**
 * struct mqtt_values - everything that is published at one time
 * @value: by enum mqtt_value, in its least decimal, or MQTT_UNKNOWN
 * @cells: number of cells, 0 = unknown
 * @cell_mv: theirs, or MQTT_UNKNOWN
 */
struct mqtt_values {
	int64_t value[MQTT_VALUES];
	uint32_t cells;
	int64_t cell_mv[SAMPLE_CELLS_MAX];
	struct mqtt_services services;
};

/**
 * mqtt_values_of - collect what is published
 * @t: telemetry, or NULL: nothing is known of the battery
 * @stale_ms: older samples are unknown, not old values
 * @rt: or NULL
 * @count: or NULL
 * @ret_values: all but @services
 *
 * Context: any thread. Pure.
 */
void mqtt_values_of(const struct telemetry *t, int32_t stale_ms, const struct mqtt_realtime *rt,
		    const struct mqtt_count *count, struct mqtt_values *ret_values);

/**
 * mqtt_state_write - text of one topic, a JSON object
 * @wall_s: wall clock, for people; unknown if < 0
 * @buf, @size: receives it
 *
 * Return: its length; 0 if it does not fit.
 * Context: any thread. Pure.
 */
size_t mqtt_state_write(const struct mqtt_values *v, enum mqtt_group group, int64_t wall_s,
			char *buf, size_t size);

#define MQTT_STATE_MAX 2048U /* every state fits */

#endif
