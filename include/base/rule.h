/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit on the bus names the rule that set it (limited_by). One list: id, short name as shown
 * in telemetry and tools, explanation for people. New rules go to the end of their block; the
 * numbers are not stable across versions, the names are.
 */
#ifndef JKP_BASE_RULE_H
#define JKP_BASE_RULE_H

#include <stdint.h>

/* clang-format off */
#define RULE_LIST(X)                                                                                \
	X(NONE,            "none",            "not limited")                                        \
	/* envelope: hard ceilings */                                                               \
	X(MAXIMUM,         "maximum",         "configured maximum current")                         \
	X(C_RATE,          "c-rate",          "maximum share of the battery's nominal capacity")    \
	X(BMS_OCP,         "bms-ocp",         "0.9 x over-current protection of the BMS")           \
	X(CELL_HIGH,       "cell-high",       "charge curve of the highest cell")                   \
	X(CELL_LOW,        "cell-low",        "charge curve of the lowest cell")                    \
	X(CELL_LOW_DIS,    "cell-low-dis",    "discharge curve of the lowest cell")                 \
	X(CELL_OVER,       "cell-over",       "highest cell at its limit")                          \
	X(CELL_UNDER,      "cell-under",      "lowest cell at its limit")                           \
	X(BMS_OVP,         "bms-ovp",         "highest cell within 20 mV of the BMS's OVP")         \
	X(BMS_UVP,         "bms-uvp",         "lowest cell within 20 mV of the BMS's UVP")          \
	X(TEMP_COLD,       "temp-cold",       "charge curve of the coldest probe")                  \
	X(TEMP_HOT,        "temp-hot",        "charge curve of the hottest probe")                  \
	X(TEMP_DIS,        "temp-dis",        "discharge curve of the probes")                      \
	X(MOS_TEMP,        "mos-temp",        "curve of the MOSFET temperature")                    \
	X(BMS_TEMP,        "bms-temp",        "temperature at a protection value of the BMS")       \
	X(PROBE_INVALID,   "probe-invalid",   "no valid temperature for this direction")            \
	X(MOSFET_OFF,      "mosfet-off",      "the BMS has switched its MOSFET off")                \
	X(BMS_ALARM,       "bms-alarm",       "alarm of the BMS forbids this direction")            \
	X(FIELD_INVALID,   "field-invalid",   "a value this direction needs is missing")            \
	X(DISOBEYED,       "disobeyed",       "limit was not obeyed")                               \
	X(RECOVERY,        "recovery",        "attended recovery after under-voltage")              \
	/* ladder */                                                                                \
	X(NO_SAMPLE,       "no-sample",       "no fresh sample of the BMS")                         \
	X(CAUTION,         "caution",         "samples are getting old: scheduled fall")            \
	X(STOP,            "stop",            "data lost or implausible: safe set")                 \
	X(HOLD,            "hold",            "zero limit not obeyed: voltage and SoC are held")    \
	X(TRIP,            "trip",            "tripped: relay open")                                \
	X(GUARD_LOST,      "guard-lost",      "guard process stands still")                         \
	X(INVERTER_LOST,   "inverter-lost",   "inverter required but silent")                       \
	X(CAN_LOST,        "can-lost",        "nobody confirms our frames")                         \
	X(SHUTDOWN,        "shutdown",        "orderly stop")                                       \
	/* proposals: can only lower */                                                             \
	X(CONFIRM,         "confirm",         "a rise waits for a second consistent sample")        \
	X(RAMP,            "ramp",            "slow rise")                                          \
	X(RATCHET,         "ratchet",         "no rise until the cell is back in the full zone")    \
	X(PHASE,           "phase",           "charge phase")                                       \
	X(COMMAND,         "command",         "leased command")                                     \
	X(SOC_MAX,         "soc-max",         "SoC at which a leased command ends charging")        \
	X(SOC_MIN,         "soc-min",         "SoC at which a leased command ends discharging")     \
	X(INTERLOCK,       "interlock",       "the other battery does the opposite")                \
	X(CROSS_CHARGE,    "cross-charge",    "one battery would charge the other")                 \
	X(SOURCE_SILENT,   "source-silent",   "fallback of a source that is silent")                \
	X(DAMPING,         "damping",         "the grid power oscillates")
/* clang-format on */

enum rule {
#define X(id, name, text) RULE_##id,
	RULE_LIST(X)
#undef X
	RULES
};

/**
 * rule_name - short name of a rule, for telemetry and tools
 * @rule: enum rule, as transported
 *
 * Return: static string, "?" outside the list. Context: any thread. Pure.
 */
const char *rule_name(uint32_t rule);

/**
 * rule_text - one-line explanation of a rule
 *
 * Return: static string, "?" outside the list. Context: any thread. Pure.
 */
const char *rule_text(uint32_t rule);

#endif
