/* SPDX-License-Identifier: Apache-2.0 */
/* Speedwire datagrams of SMA energy meters, decoding. */
#include "proto/speedwire.h"

#include <string.h>

#include "base/units.h"
#include "speedwire_frame.h"

#define PROTOCOL_DISCOVERY 0x0001U
#define PROTOCOL_INVERTER  0x6065U

#define OBIS(quantity) (1U << (quantity))
/* What is kept. */
#define ENERGIES                                                                          \
	(OBIS(SPEEDWIRE_P_IMPORT) | OBIS(SPEEDWIRE_P_EXPORT) | OBIS(SPEEDWIRE_Q_IMPORT) | \
	 OBIS(SPEEDWIRE_Q_EXPORT) | OBIS(SPEEDWIRE_S_IMPORT) | OBIS(SPEEDWIRE_S_EXPORT))
#define NO_ENERGIES                                                                         \
	(OBIS(SPEEDWIRE_CURRENT) | OBIS(SPEEDWIRE_VOLTAGE) | OBIS(SPEEDWIRE_POWER_FACTOR) | \
	 OBIS(SPEEDWIRE_FREQUENCY))
#define POWER (OBIS(SPEEDWIRE_P_IMPORT) | OBIS(SPEEDWIRE_P_EXPORT))

/* The payload of a meter, once it is found. */
struct payload {
	const uint8_t *data;
	size_t len;
};

struct record {
	uint8_t channel;
	uint8_t index;
	uint8_t type;
	uint8_t tariff;
	const uint8_t *value;
};

/* Values met so far. */
struct seen {
	uint16_t actual[SPEEDWIRE_LINES];
	uint16_t counter[SPEEDWIRE_LINES];
	bool version;
};

const char *speedwire_verdict_name(enum speedwire_verdict v)
{
	static const char *const name[SPEEDWIRE_VERDICTS] = {
		[SPEEDWIRE_OK] = "good",
		[SPEEDWIRE_NOT_SMA] = "not Speedwire",
		[SPEEDWIRE_DISCOVERY] = "discovery",
		[SPEEDWIRE_INVERTER] = "inverter",
		[SPEEDWIRE_OTHER] = "other protocol",
		[SPEEDWIRE_TRUNCATED] = "truncated",
		[SPEEDWIRE_BAD_TAG] = "bad tag",
		[SPEEDWIRE_BAD_RECORD] = "bad record",
		[SPEEDWIRE_REPEATED] = "value twice",
		[SPEEDWIRE_NO_POWER] = "no power",
	};

	return (unsigned int)v < SPEEDWIRE_VERDICTS ? name[v] : "?";
}

const char *speedwire_device_name(uint16_t susy)
{
	switch (susy) {
	case SPEEDWIRE_SUSY_EM_1:
		return "Energy Meter 1.0";
	case SPEEDWIRE_SUSY_EM_2:
	case SPEEDWIRE_SUSY_EM_2_B:
		return "Energy Meter 2.0";
	case SPEEDWIRE_SUSY_HM_2:
	case SPEEDWIRE_SUSY_HM_2_B:
		return "Sunny Home Manager 2.0";
	default:
		return "unknown device";
	}
}

/* What the protocol id at the begin of the data of tag 0010 says. */
static enum speedwire_verdict judge_protocol(uint16_t protocol)
{
	switch (protocol) {
	case SPEEDWIRE_METER:
	case SPEEDWIRE_METER_2:
		return SPEEDWIRE_OK;
	case PROTOCOL_DISCOVERY:
		return SPEEDWIRE_DISCOVERY;
	case PROTOCOL_INVERTER:
		return SPEEDWIRE_INVERTER;
	default:
		return SPEEDWIRE_OTHER;
	}
}

/* One tag: @data begins with its data, of @len bytes, all there. */
static enum speedwire_verdict judge_tag(uint16_t tag, const uint8_t *data, size_t len,
					struct payload *payload)
{
	if (tag == TAG_GROUP) {
		return len == GROUP_SIZE ? SPEEDWIRE_OK : SPEEDWIRE_BAD_TAG;
	}
	if (tag != TAG_DATA) {
		return SPEEDWIRE_OK;
	}
	if (len < PROTOCOL_SIZE || payload->data != NULL) {
		return SPEEDWIRE_BAD_TAG;
	}
	*payload = (struct payload){data, len};
	return judge_protocol(get_be16(data));
}

/* Walk over the tags. Return: SPEEDWIRE_OK with the meter's payload, if there is one. */
static enum speedwire_verdict find_payload(const uint8_t *data, size_t len, struct payload *payload)
{
	size_t at = START_SIZE;

	for (;;) {
		if (len - at < TAG_SIZE) {
			return SPEEDWIRE_TRUNCATED;
		}
		const size_t size = get_be16(data + at);
		const uint16_t tag = get_be16(data + at + AT_TAG);

		at += TAG_SIZE;
		/* Discovery has a tag 0000 with data. */
		if (tag == TAG_END && size == 0U) {
			return at == len ? SPEEDWIRE_OK : SPEEDWIRE_BAD_TAG;
		}
		if (size > len - at) {
			return SPEEDWIRE_TRUNCATED;
		}
		const enum speedwire_verdict v = judge_tag(tag, data + at, size, payload);

		if (v != SPEEDWIRE_OK) {
			return v;
		}
		at += size;
	}
}

/* Bytes of a value, 0: unknown. */
static size_t value_size(uint8_t channel, uint8_t type)
{
	if (channel >= CHANNEL_DEVICE || type == TYPE_ACTUAL) {
		return ACTUAL_SIZE;
	}
	return type == TYPE_COUNTER ? COUNTER_SIZE : 0U;
}

/* The record at @at, and behind it. Return: false if there is none that is whole. */
static bool next_record(const uint8_t *data, size_t len, size_t *at, struct record *ret_record)
{
	const uint8_t *p = data + *at;

	if (len - *at < RECORD_SIZE) {
		return false;
	}
	const size_t size = value_size(p[0], p[2]);

	if (size == 0U || size > len - *at - RECORD_SIZE) {
		return false;
	}
	*ret_record = (struct record){p[0], p[1], p[2], p[3], p + RECORD_SIZE};
	*at += RECORD_SIZE + size;
	return true;
}

static bool is_version(const struct record *r)
{
	return r->channel == CHANNEL_VERSION && r->index == 0U && r->type == 0U;
}

/* Place of a value that is kept. */
static bool place_of(const struct record *r, uint32_t *ret_line, uint32_t *ret_quantity)
{
	const uint32_t index = r->index;
	const uint32_t line = index / LINE_STEP;
	const uint32_t quantity = index % LINE_STEP;
	const uint32_t kept = r->type == TYPE_COUNTER ? ENERGIES : ENERGIES | NO_ENERGIES;

	if (r->channel != 0U || r->tariff != 0U || line >= SPEEDWIRE_LINES ||
	    quantity >= SPEEDWIRE_QUANTITIES || (kept & OBIS(quantity)) == 0U) {
		return false;
	}
	*ret_line = line;
	*ret_quantity = quantity;
	return true;
}

/* Return: false if the value has come before. */
static bool mark(struct seen *seen, const struct record *r)
{
	uint32_t line = 0;
	uint32_t quantity = 0;

	if (is_version(r)) {
		const bool first = !seen->version;

		seen->version = true;
		return first;
	}
	if (!place_of(r, &line, &quantity)) {
		return true;
	}
	uint16_t *set = r->type == TYPE_COUNTER ? &seen->counter[line] : &seen->actual[line];
	const bool first = (*set & OBIS(quantity)) == 0U;

	*set = (uint16_t)(*set | OBIS(quantity));
	return first;
}

static enum speedwire_verdict judge_records(const uint8_t *data, size_t len)
{
	struct seen seen = {0};
	struct record r;
	size_t at = 0;

	while (at < len) {
		if (!next_record(data, len, &at, &r)) {
			return SPEEDWIRE_BAD_RECORD;
		}
		if (!mark(&seen, &r)) {
			return SPEEDWIRE_REPEATED;
		}
	}
	return (seen.actual[SPEEDWIRE_SUM] & POWER) == POWER ? SPEEDWIRE_OK : SPEEDWIRE_NO_POWER;
}

static void store(struct speedwire_meter *m, const struct record *r)
{
	uint32_t line = 0;
	uint32_t quantity = 0;

	if (is_version(r)) {
		m->has_version = true;
		memcpy(m->version, r->value, sizeof(m->version));
	} else if (!place_of(r, &line, &quantity)) {
		return;
	} else if (r->type == TYPE_COUNTER) {
		m->has_counter[line] = (uint16_t)(m->has_counter[line] | OBIS(quantity));
		m->counter[line][quantity] = get_be64(r->value);
	} else {
		m->has_actual[line] = (uint16_t)(m->has_actual[line] | OBIS(quantity));
		m->actual[line][quantity] = get_be32(r->value);
	}
}

enum speedwire_verdict speedwire_decode(const uint8_t *data, size_t len,
					struct speedwire_meter *ret_meter)
{
	struct payload payload = {0};
	struct record r;
	size_t at = 0;

	if (len < START_SIZE || memcmp(data, speedwire_start, START_SIZE) != 0) {
		return SPEEDWIRE_NOT_SMA;
	}
	enum speedwire_verdict v = find_payload(data, len, &payload);

	if (v != SPEEDWIRE_OK) {
		return v;
	}
	if (payload.data == NULL) {
		return SPEEDWIRE_DISCOVERY;
	}
	const uint16_t protocol = get_be16(payload.data);
	const size_t extra = protocol == SPEEDWIRE_METER_2 ? EXTRA_SIZE : 0U;

	if (payload.len < extra + HEAD_SIZE) {
		return SPEEDWIRE_BAD_TAG;
	}
	const uint8_t *head = payload.data + extra;
	const uint8_t *records = head + HEAD_SIZE;
	const size_t records_len = payload.len - extra - HEAD_SIZE;

	v = judge_records(records, records_len);
	if (v != SPEEDWIRE_OK) {
		return v;
	}
	memset(ret_meter, 0, sizeof(*ret_meter));
	ret_meter->protocol = protocol;
	ret_meter->extra = extra != 0U ? get_be16(payload.data + PROTOCOL_SIZE) : 0U;
	ret_meter->susy = get_be16(head + AT_SUSY);
	ret_meter->serial = get_be32(head + AT_SERIAL);
	ret_meter->ticker_ms = get_be32(head + AT_TICKER);
	while (at < records_len && next_record(records, records_len, &at, &r)) {
		store(ret_meter, &r);
	}
	return SPEEDWIRE_OK;
}

static int64_t net_dw(const struct speedwire_meter *m, enum speedwire_line line)
{
	return (int64_t)m->actual[line][SPEEDWIRE_P_IMPORT] -
	       (int64_t)m->actual[line][SPEEDWIRE_P_EXPORT];
}

int32_t speedwire_power_dw(const struct speedwire_meter *m)
{
	return sat_i32(net_dw(m, SPEEDWIRE_SUM));
}

int32_t speedwire_line_power_dw(const struct speedwire_meter *m, enum speedwire_line line)
{
	return sat_i32(net_dw(m, line));
}

bool speedwire_lines_differ_dw(const struct speedwire_meter *m, int32_t *ret_dw)
{
	int64_t sum_dw = 0;

	for (uint32_t line = SPEEDWIRE_L1; line < SPEEDWIRE_LINES; line++) {
		if ((m->has_actual[line] & POWER) != POWER) {
			return false;
		}
		sum_dw += net_dw(m, (enum speedwire_line)line);
	}
	*ret_dw = sat_i32(sum_dw - net_dw(m, SPEEDWIRE_SUM));
	return true;
}
