/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the reasons, apart from the other names: the guard needs only these. */
#include "core/telemetry.h"

static const char *const reasons[REASONS] = {
	[REASON_NONE] = "none",
	[REASON_COLD_START] = "cold-start",
	[REASON_BMS_SILENT] = "bms-silent",
	[REASON_IMPLAUSIBLE] = "implausible",
	[REASON_FROZEN] = "frozen",
	[REASON_SUSPEND] = "suspend",
	[REASON_GUARD] = "guard",
	[REASON_INVERTER_SILENT] = "inverter-silent",
	[REASON_CAN_LOST] = "can-lost",
	[REASON_DISOBEYED_CHARGE] = "disobeyed-charge",
	[REASON_DISOBEYED_DISCHARGE] = "disobeyed-discharge",
	[REASON_CRITICAL] = "critical",
	[REASON_CONTRADICTION] = "contradiction",
	[REASON_NO_MAXIMUM] = "no-maximum",
	[REASON_STOPPING] = "stopping",
	[REASON_RECOVERED] = "recovered",
	[REASON_WORKER] = "worker-failed",
	[REASON_BEAT] = "beat-lost",
	[REASON_RELAY] = "relay-feedback",
	[REASON_WELDED] = "relay-welded",
	[REASON_STATE] = "state-lost",
	[REASON_FORCED] = "guard-opened",
};

const char *reason_name(int32_t reason)
{
	return reason >= 0 && reason < REASONS && reasons[reason] ? reasons[reason] : "?";
}
