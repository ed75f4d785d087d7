/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the core's enums, for logs, telemetry and tools: stable words without blanks. */
#include "base/rule.h"
#include "base/units.h"
#include "core/cycle.h"
#include "core/telemetry.h"

static const char unknown[] = "?";

static const char *const steps[STEPS] = {
	[STEP_INIT] = "init", [STEP_RUN] = "run",   [STEP_CAUTION] = "caution",
	[STEP_STOP] = "stop", [STEP_HOLD] = "hold", [STEP_TRIP] = "trip",
};

static const char *const phases[PHASES] = {
	[PHASE_BULK] = "bulk",
	[PHASE_ABSORPTION] = "absorption",
	[PHASE_FLOAT] = "float",
};

static const char *const can_links[CAN_LINKS] = {
	[CAN_LINK_ABSENT] = "absent",	[CAN_LINK_DOWN] = "down",
	[CAN_LINK_UP] = "up",		[CAN_LINK_WARNING] = "warning",
	[CAN_LINK_PASSIVE] = "passive", [CAN_LINK_BUS_OFF] = "bus-off",
};

static const char *const relays[RELAY_STATES] = {
	[RELAY_NOT_FITTED] = "none",
	[RELAY_OPEN] = "open",
	[RELAY_CLOSED] = "closed",
	[RELAY_PRECHARGE] = "precharging",
};

static const char *const dirs[DIRS] = {
	[DIR_CHARGE] = "charge",
	[DIR_DISCHARGE] = "discharge",
};

static const char *const levels[LEVELS] = {
	[LEVEL_CELL_HIGH] = "cell-high",
	[LEVEL_CELL_LOW] = "cell-low",
	[LEVEL_CHARGE_COLD] = "charge-cold",
	[LEVEL_CHARGE_HOT] = "charge-hot",
	[LEVEL_DISCHARGE_COLD] = "discharge-cold",
	[LEVEL_DISCHARGE_HOT] = "discharge-hot",
	[LEVEL_MOS_HOT] = "mosfet-hot",
};

static const char *const sources[SOURCES] = {
	[SOURCE_GRID] = "grid meter",
	[SOURCE_LOCAL] = "the inverter itself",
	[SOURCE_PORTAL] = "the portal",
};

static const char *const commands[COMMANDS] = {
	[COMMAND_NONE] = "none",
	[COMMAND_LIMIT_CHARGE] = "limit-charge",
	[COMMAND_LIMIT_DISCHARGE] = "limit-discharge",
	[COMMAND_PAUSE_CHARGE] = "pause-charge",
	[COMMAND_PAUSE_DISCHARGE] = "pause-discharge",
	[COMMAND_FULL_CHARGE] = "full-charge",
	[COMMAND_RELEASE] = "release",
	[COMMAND_ACK] = "ack",
	[COMMAND_SOC_MAX] = "soc-max",
	[COMMAND_SOC_MIN] = "soc-min",
};

static const char *const verdicts[COMMAND_VERDICTS] = {
	[COMMAND_ACCEPTED] = "accepted",
	[COMMAND_EXPIRED] = "not renewed in time",
	[COMMAND_REPLACED] = "replaced by a later order",
	[COMMAND_RELEASED] = "released",
	[COMMAND_BAD_KIND] = "no such order",
	[COMMAND_BAD_TIME] = "a lease lasts at most 60 s",
	[COMMAND_BAD_VALUE] = "value out of range",
	[COMMAND_NOT_LOCAL] = "only a local tool may order this",
	[COMMAND_NOT_ALLOWED] = "the configuration does not allow it",
	[COMMAND_NO_ENVELOPE] = "the battery must not be charged now",
};

static const char *name_of(const char *const *list, int32_t count, int32_t value)
{
	if (value < 0 || value >= count || !list[value]) {
		return unknown;
	}
	return list[value];
}

const char *step_name(int32_t step)
{
	return name_of(steps, STEPS, step);
}

const char *phase_name(int32_t phase)
{
	return name_of(phases, PHASES, phase);
}

const char *can_link_name(int32_t link)
{
	return name_of(can_links, CAN_LINKS, link);
}

const char *relay_state_name(int32_t relay)
{
	return name_of(relays, RELAY_STATES, relay);
}

const char *dir_name(int32_t dir)
{
	return name_of(dirs, DIRS, dir);
}

const char *level_name(int32_t level)
{
	return name_of(levels, LEVELS, level);
}

const char *command_name(int32_t kind)
{
	return name_of(commands, COMMANDS, kind);
}

const char *source_name(int32_t source)
{
	return name_of(sources, SOURCES, source);
}

const char *command_verdict_text(int32_t verdict)
{
	return name_of(verdicts, COMMAND_VERDICTS, verdict);
}

static const char *verdict_name(int32_t value)
{
	if (value < 0 || value >= (int32_t)JK_VERDICTS) {
		return unknown;
	}
	return jk_verdict_name((enum jk_verdict)value);
}

const char *core_event_name(enum event_name kind, int32_t value)
{
	switch (kind) {
	case EVENT_NAME_RULE:
		return value < 0 ? unknown : rule_name((uint32_t)value);
	case EVENT_NAME_VERDICT:
		return verdict_name(value);
	case EVENT_NAME_STEP:
		return step_name(value);
	case EVENT_NAME_REASON:
		return reason_name(value);
	case EVENT_NAME_LEVEL:
		return level_name(value);
	case EVENT_NAME_PHASE:
		return phase_name(value);
	case EVENT_NAME_LINK:
		return can_link_name(value);
	case EVENT_NAME_DIR:
		return dir_name(value);
	case EVENT_NAME_COMMAND:
		return command_name(value);
	case EVENT_NAME_SOURCE:
		return source_name(value);
	case EVENT_NAME_ORDER:
		return command_verdict_text(value);
	case EVENT_NAMES:
	default:
		return unknown;
	}
}
