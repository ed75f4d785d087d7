/* SPDX-License-Identifier: Apache-2.0 */
/* What a frame says: tables for words and JSON alike. */
#include "canview_meaning.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "canbus.h"
#include "proto/pylon.h"

#define PN_END 7U /* 0x359 with "PN" has this many bytes */

static const struct number {
	enum pylon_frame kind;
	const char *label;
	const char *key;
	size_t offset;
	double per_unit;
	int decimals;
	const char *unit;
} numbers[] = {
	{PYLON_FRAME_LIMITS, "CVL", "cvl_mv", offsetof(struct pylon_state, cvl_mv), 1000, 1, "V"},
	{PYLON_FRAME_LIMITS, "CCL", "ccl_ma", offsetof(struct pylon_state, ccl_ma), 1000, 1, "A"},
	{PYLON_FRAME_LIMITS, "DCL", "dcl_ma", offsetof(struct pylon_state, dcl_ma), 1000, 1, "A"},
	{PYLON_FRAME_LIMITS, "DVL", "dvl_mv", offsetof(struct pylon_state, dvl_mv), 1000, 1, "V"},
	{PYLON_FRAME_SOC, "SoC", "soc_pct", offsetof(struct pylon_state, soc_pct), 1, 0, "%"},
	{PYLON_FRAME_SOC, "SoH", "soh_pct", offsetof(struct pylon_state, soh_pct), 1, 0, "%"},
	{PYLON_FRAME_MEASURED, "voltage", "pack_mv", offsetof(struct pylon_state, pack_mv), 1000, 2,
	 "V"},
	{PYLON_FRAME_MEASURED, "current", "pack_ma", offsetof(struct pylon_state, pack_ma), 1000, 1,
	 "A"},
	{PYLON_FRAME_MEASURED, "temperature", "temp_dc", offsetof(struct pylon_state, temp_dc), 10,
	 1, "C"},
	{PYLON_FRAME_INFO_V13, "capacity", "capacity_ah", offsetof(struct pylon_state, capacity_ah),
	 1, 0, "Ah"},
};

static const struct {
	uint32_t bit;
	const char *words;
	const char *key;
} alarms[] = {
	{PYLON_CELL_HIGH, "high voltage", "high_voltage"},
	{PYLON_CELL_LOW, "low voltage", "low_voltage"},
	{PYLON_TEMP_HIGH, "high temperature", "high_temperature"},
	{PYLON_TEMP_LOW, "low temperature", "low_temperature"},
	{PYLON_DISCHARGE_OC, "discharge over-current", "discharge_overcurrent"},
	{PYLON_CHARGE_OC, "charge over-current", "charge_overcurrent"},
	{PYLON_SYSTEM, "system error", "system_error"},
	{PYLON_COMM, "communication failure", "communication_failure"},
};

static const struct request {
	size_t offset;
	const char *on;
	const char *off; /* NULL: said only when on */
	const char *key;
} requests[] = {
	{offsetof(struct pylon_state, charge_enable), "charge on", "charge OFF", "charge_enable"},
	{offsetof(struct pylon_state, discharge_enable), "discharge on", "discharge OFF",
	 "discharge_enable"},
	{offsetof(struct pylon_state, force_charge_1), "force charge 1", NULL, "force_charge_1"},
	{offsetof(struct pylon_state, force_charge_2), "force charge 2", NULL, "force_charge_2"},
	{offsetof(struct pylon_state, full_charge), "full charge wanted", NULL, "full_charge"},
};

static int32_t number_of(const struct number *n, const struct pylon_report *r)
{
	int32_t v;

	memcpy(&v, (const char *)&r->state + n->offset, sizeof(v));
	return v;
}

/* The discharge voltage is the one field that a frame may lack. */
static bool has_number(const struct number *n, const struct pylon_report *r)
{
	return n->kind == r->kind &&
	       (n->offset != offsetof(struct pylon_state, dvl_mv) || r->has_dvl);
}

static bool request_of(const struct request *q, const struct pylon_report *r)
{
	bool v;

	memcpy(&v, (const char *)&r->state + q->offset, sizeof(v));
	return v;
}

static void add_alarm_words(struct text *t, const char *what, uint32_t bits)
{
	const char *separator = what;

	for (size_t i = 0; i < ARRAY_SIZE(alarms); i++) {
		if ((bits & alarms[i].bit) != 0) {
			text_add(t, "%s%s", separator, alarms[i].words);
			separator = ", ";
		}
	}
	if (bits != 0) {
		text_add(t, "; ");
	}
}

static void describe_alarms(struct text *t, const struct pylon_report *r, uint8_t len)
{
	add_alarm_words(t, "PROTECTION ", r->state.protections);
	add_alarm_words(t, "warning ", r->state.warnings);
	if (r->undefined_bits != 0) {
		text_add(t, "undefined bits 0x%" PRIX32 "; ", r->undefined_bits);
	}
	if ((r->state.protections | r->state.warnings | r->undefined_bits) == 0) {
		text_add(t, "no alarm; ");
	}
	if (r->kind == PYLON_FRAME_ALARMS) {
		text_add(t, "%u module%s%s", r->state.modules, r->state.modules == 1 ? "" : "s",
			 r->pn || len < PN_END ? "" : "; not \"PN\" at the end");
	} else {
		t->n -= strlen("; ");
		t->s[t->n] = '\0';
	}
}

static void describe_report(struct text *t, const struct pylon_report *r, uint8_t len)
{
	const size_t start = t->n;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (has_number(&numbers[i], r)) {
			text_add(t, "%s%s %.*f %s", t->n > start ? "  " : "", numbers[i].label,
				 numbers[i].decimals,
				 number_of(&numbers[i], r) / numbers[i].per_unit, numbers[i].unit);
		}
	}
	switch (r->kind) {
	case PYLON_FRAME_ALARMS:
	case PYLON_FRAME_ALARMS_V13:
		describe_alarms(t, r, len);
		break;
	case PYLON_FRAME_REQUEST:
		for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
			const char *w = request_of(&requests[i], r) ? requests[i].on
								    : requests[i].off;

			text_add(t, "%s%s", w != NULL && t->n > start ? ", " : "",
				 w != NULL ? w : "");
		}
		if (r->undefined_bits != 0) {
			text_add(t, ", undefined bits 0x%" PRIX32, r->undefined_bits);
		}
		break;
	case PYLON_FRAME_NAME:
		text_add(t, "name \"%s\"", r->name);
		break;
	case PYLON_FRAME_INFO_V13:
		text_add(t, "  type %02X%02X  version %u.%u", r->raw[0], r->raw[1], r->raw[2],
			 r->raw[3]);
		break;
	case PYLON_FRAME_ALIVE:
		text_add(t, "alive");
		if (r->state.alive != 0) { /* an inverter sends zeros */
			text_add(t, ", counter %" PRIu32, r->state.alive);
		}
		break;
	case PYLON_FRAME_LIMITS:
	case PYLON_FRAME_SOC:
	case PYLON_FRAME_MEASURED:
	case PYLON_FRAMES:
	default:
		break;
	}
}

/* 0, or why there is no report: -ENOENT not ours, -EMSGSIZE too short. */
static int decode(const struct can_frame *f, struct pylon_report *ret_report)
{
	struct can_msg m = {.id = (uint16_t)(f->can_id & CAN_SFF_MASK), .len = f->len};

	if ((f->can_id & (CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_ERR_FLAG)) != 0) {
		return -ENOENT;
	}
	memcpy(m.data, f->data, f->len);
	return pylon_decode(&m, ret_report);
}

static void add_error_words(struct text *t, const struct can_frame *f)
{
	canbus_error_text(f, t->s + t->n, sizeof(t->s) - t->n);
	t->n = strlen(t->s);
}

void meaning_add_words(struct text *t, const struct can_frame *f)
{
	struct pylon_report r;

	if ((f->can_id & CAN_ERR_FLAG) != 0) {
		text_add(t, "ERROR FRAME ");
		add_error_words(t, f);
		return;
	}
	if ((f->can_id & CAN_RTR_FLAG) != 0) {
		text_add(t, "remote request");
		return;
	}
	switch (decode(f, &r)) {
	case 0:
		describe_report(t, &r, f->len);
		break;
	case -EMSGSIZE:
		text_add(t, "too short: %u bytes", f->len);
		break;
	default:
		text_add(t, "unknown");
		break;
	}
}

static void add_json_alarms(struct text *t, const char *key, uint32_t bits)
{
	const char *separator = "";

	text_add(t, ",\"%s\":[", key);
	for (size_t i = 0; i < ARRAY_SIZE(alarms); i++) {
		if ((bits & alarms[i].bit) != 0) {
			text_add(t, "%s\"%s\"", separator, alarms[i].key);
			separator = ",";
		}
	}
	text_add(t, "]");
}

static void add_json_report(struct text *t, const struct pylon_report *r)
{
	static const char *const kinds[PYLON_FRAMES] = {
		"alarms", "limits",	"soc",	    "measured", "request",
		"name",	  "alarms_v13", "info_v13", "alive",
	};

	text_add(t, ",\"kind\":\"%s\"", kinds[r->kind]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (has_number(&numbers[i], r)) {
			text_add(t, ",\"%s\":%" PRId32, numbers[i].key, number_of(&numbers[i], r));
		}
	}
	if (r->kind == PYLON_FRAME_ALARMS || r->kind == PYLON_FRAME_ALARMS_V13) {
		add_json_alarms(t, "protections", r->state.protections);
		add_json_alarms(t, "warnings", r->state.warnings);
	}
	if (r->kind == PYLON_FRAME_ALARMS) {
		text_add(t, ",\"modules\":%u,\"pn\":%s", r->state.modules,
			 r->pn ? "true" : "false");
	}
	for (size_t i = 0; r->kind == PYLON_FRAME_REQUEST && i < ARRAY_SIZE(requests); i++) {
		text_add(t, ",\"%s\":%s", requests[i].key,
			 request_of(&requests[i], r) ? "true" : "false");
	}
	if (r->kind == PYLON_FRAME_NAME) {
		text_add(t, ",\"name\":");
		text_add_json(t, r->name);
	}
	if (r->kind == PYLON_FRAME_INFO_V13) {
		text_add(t, ",\"type\":\"%02X%02X\",\"version\":\"%u.%u\"", r->raw[0], r->raw[1],
			 r->raw[2], r->raw[3]);
	}
	if (r->kind == PYLON_FRAME_ALIVE) {
		text_add(t, ",\"alive\":%" PRIu32, r->state.alive);
	}
	if (r->undefined_bits != 0) {
		text_add(t, ",\"undefined_bits\":%" PRIu32, r->undefined_bits);
	}
}

void meaning_add_json(struct text *t, const struct can_frame *f)
{
	const uint32_t id = f->can_id;
	struct pylon_report r;
	const int err = decode(f, &r);

	if ((id & CAN_ERR_FLAG) != 0) {
		text_add(t, ",\"kind\":\"error\",\"error\":\"");
		add_error_words(t, f); /* our own words: nothing to escape */
		text_add(t, "\"");
	} else if ((id & CAN_RTR_FLAG) != 0) {
		text_add(t, ",\"kind\":\"remote\"");
	} else if (err == 0) {
		add_json_report(t, &r);
	} else {
		text_add(t, ",\"kind\":\"%s\"", err == -EMSGSIZE ? "too_short" : "unknown");
	}
}
