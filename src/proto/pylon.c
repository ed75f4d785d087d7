/* SPDX-License-Identifier: Apache-2.0 */
/* Pylontech frames on CAN: dialects and alarm bits as tables, one encoder, one decoder. */
#include "proto/pylon.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"

/* Steps of the wire in project units. */
#define LIMIT_MV_STEP	100 /* CVL, DVL: 0.1 V */
#define CURRENT_MA_STEP 100 /* every current: 0.1 A */
#define PACK_MV_STEP	10  /* pack voltage: 0.01 V */
#define PERCENT_MAX	100

/* Bits of 0x35C byte 0. */
#define REQUEST_CHARGE_ENABLE	 (1U << 7)
#define REQUEST_DISCHARGE_ENABLE (1U << 6)
#define REQUEST_FORCE_CHARGE_1	 (1U << 5)
#define REQUEST_FORCE_CHARGE_2	 (1U << 4)
#define REQUEST_FULL_CHARGE	 (1U << 3)
#define REQUEST_DEFINED                                                              \
	(REQUEST_CHARGE_ENABLE | REQUEST_DISCHARGE_ENABLE | REQUEST_FORCE_CHARGE_1 | \
	 REQUEST_FORCE_CHARGE_2 | REQUEST_FULL_CHARGE)

/* 0x359: four flag bytes, module count, "PN". */
#define ALARMS_FLAG_BYTES 4U
#define ALARMS_MODULES	  4U
#define ALARMS_PN	  5U
#define ALARMS_PN_END	  7U

/* 0x35A: 32 fields of two bits; 0 not supported, 1 active, 2 inactive, 3 not available. */
#define V13_FIELDS	  32U
#define V13_FIELD_BITS	  2U
#define V13_FIELDS_A_BYTE 4U
#define V13_FIELD_MASK	  3U
#define V13_ACTIVE	  1U

#define INFO_CAPACITY 4U /* 0x35F: byte of the capacity, u16 Ah */

static const char name_text[CAN_MSG_DATA_MAX] = {'P', 'Y', 'L', 'O', 'N', ' ', ' ', ' '};
static const uint8_t pn_text[2] = {'P', 'N'};
/* Type 4C49, version 1.3, capacity (filled in), and the two bytes a genuine US5000 ends with. */
static const uint8_t info_v13[CAN_MSG_DATA_MAX] = {0x4C, 0x49, 0x01, 0x03, 0, 0, 0xAA, 0x00};

/*
 * One alarm: our bit, its place in 0x359 (document V1.2) and its field in 0x35A. The fields of
 * 0x35A are those that Victron and BYD batteries use (alarms in bytes 0-3, warnings in bytes 4-7).
 * That Pylontech's V1.3 means the same by them is inferred: every public capture of a genuine
 * V1.3 battery shows eight zero bytes, so no alarm bit of it has been seen.
 */
struct alarm_row {
	uint32_t alarm;
	bool warning;
	uint8_t byte;
	uint8_t bit;
	uint8_t v13_field;
};

static const struct alarm_row alarm_rows[] = {
	{PYLON_CELL_HIGH, false, 0, 1, 1},    {PYLON_CELL_LOW, false, 0, 2, 2},
	{PYLON_TEMP_HIGH, false, 0, 3, 3},    {PYLON_TEMP_LOW, false, 0, 4, 4},
	{PYLON_DISCHARGE_OC, false, 0, 7, 7}, {PYLON_CHARGE_OC, false, 1, 0, 8},
	{PYLON_SYSTEM, false, 1, 3, 11},      {PYLON_CELL_HIGH, true, 2, 1, 17},
	{PYLON_CELL_LOW, true, 2, 2, 18},     {PYLON_TEMP_HIGH, true, 2, 3, 19},
	{PYLON_TEMP_LOW, true, 2, 4, 20},     {PYLON_DISCHARGE_OC, true, 2, 7, 23},
	{PYLON_CHARGE_OC, true, 3, 0, 24},    {PYLON_COMM, true, 3, 3, 27},
};

/* Identifier, and the shortest payload that carries what every dialect has. */
static const struct {
	uint16_t id;
	uint8_t min_len;
} frames[PYLON_FRAMES] = {
	[PYLON_FRAME_ALARMS] = {PYLON_ID_ALARMS, 5}, /* flags and module count */
	[PYLON_FRAME_LIMITS] = {PYLON_ID_LIMITS, 6}, /* some send no discharge voltage */
	[PYLON_FRAME_SOC] = {PYLON_ID_SOC, 4},	     /* some add SoC in 0.01 % */
	[PYLON_FRAME_MEASURED] = {PYLON_ID_MEASURED, 6},
	[PYLON_FRAME_REQUEST] = {PYLON_ID_REQUEST, 1}, /* one byte is used */
	[PYLON_FRAME_NAME] = {PYLON_ID_NAME, 1},
	[PYLON_FRAME_ALARMS_V13] = {PYLON_ID_ALARMS_V13, 7}, /* the last named field: byte 6 */
	[PYLON_FRAME_INFO_V13] = {PYLON_ID_INFO_V13, 6},     /* up to the capacity */
	[PYLON_FRAME_ALIVE] = {PYLON_ID_ALIVE, 0},	     /* the identifier says it all */
};

/* The order of a genuine battery; 0x305 is in no order, the caller decides whether to send it. */
static const struct pylon_profile profiles[] = {
	{.name = "pylontech-1.2",
	 .count = 6,
	 .order = {PYLON_FRAME_ALARMS, PYLON_FRAME_LIMITS, PYLON_FRAME_SOC, PYLON_FRAME_MEASURED,
		   PYLON_FRAME_REQUEST, PYLON_FRAME_NAME},
	 .len = {[PYLON_FRAME_ALARMS] = 7,
		 [PYLON_FRAME_LIMITS] = 8,
		 [PYLON_FRAME_SOC] = 4,
		 [PYLON_FRAME_MEASURED] = 6,
		 [PYLON_FRAME_REQUEST] = 2,
		 [PYLON_FRAME_NAME] = 8,
		 [PYLON_FRAME_ALIVE] = 8}},
	{.name = "pylontech-1.3",
	 .count = 6,
	 .order = {PYLON_FRAME_LIMITS, PYLON_FRAME_SOC, PYLON_FRAME_MEASURED,
		   PYLON_FRAME_ALARMS_V13, PYLON_FRAME_NAME, PYLON_FRAME_INFO_V13},
	 .len = {[PYLON_FRAME_LIMITS] = 8,
		 [PYLON_FRAME_SOC] = 6,
		 [PYLON_FRAME_MEASURED] = 6,
		 [PYLON_FRAME_NAME] = 8,
		 [PYLON_FRAME_ALARMS_V13] = 8,
		 [PYLON_FRAME_INFO_V13] = 8,
		 [PYLON_FRAME_ALIVE] = 8}},
	{.name = "padded",
	 .count = 6,
	 .order = {PYLON_FRAME_ALARMS, PYLON_FRAME_LIMITS, PYLON_FRAME_SOC, PYLON_FRAME_MEASURED,
		   PYLON_FRAME_REQUEST, PYLON_FRAME_NAME},
	 .len = {[PYLON_FRAME_ALARMS] = 8,
		 [PYLON_FRAME_LIMITS] = 8,
		 [PYLON_FRAME_SOC] = 8,
		 [PYLON_FRAME_MEASURED] = 8,
		 [PYLON_FRAME_REQUEST] = 8,
		 [PYLON_FRAME_NAME] = 8,
		 [PYLON_FRAME_ALIVE] = 8}},
};

const struct pylon_profile *pylon_profile_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (strcmp(profiles[i].name, name) == 0) {
			return &profiles[i];
		}
	}
	return NULL;
}

const struct pylon_profile *pylon_profile_at(size_t index)
{
	return index < ARRAY_SIZE(profiles) ? &profiles[index] : NULL;
}

uint16_t pylon_frame_id(enum pylon_frame kind)
{
	return (unsigned int)kind < PYLON_FRAMES ? frames[kind].id : 0;
}

static void put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v & 0xFFU);
	p[1] = (uint8_t)(v >> 8);
}

/* The bits of a negative number are its two's complement: C11 6.3.1.3. */
static void put_s16(uint8_t *p, int16_t v)
{
	put_u16(p, (uint16_t)v);
}

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | (uint16_t)(p[1] << 8));
}

static int32_t get_s16(const uint8_t *p)
{
	const int32_t v = get_u16(p);

	return v > INT16_MAX ? v - (UINT16_MAX + 1) : v;
}

static uint32_t get_u32(const uint8_t *p)
{
	return get_u16(p) | ((uint32_t)get_u16(p + 2) << 16);
}

/* A current limit: never negative, never rounded up. */
static int16_t limit_current(int32_t ma)
{
	return sat_i16(max_i32(ma, 0) / CURRENT_MA_STEP);
}

/* The discharge voltage is a floor: rounded up, so that no dialect discharges below it. */
static uint16_t limit_voltage_up(int32_t mv)
{
	const int32_t down = floor_div(mv, LIMIT_MV_STEP);

	return sat_u16(mv % LIMIT_MV_STEP != 0 ? down + 1 : down);
}

static uint16_t percent(int32_t pct)
{
	return (uint16_t)clamp_i32(pct, 0, PERCENT_MAX);
}

static uint32_t alarms_of(const struct alarm_row *row, const struct pylon_state *s)
{
	return (row->warning ? s->warnings : s->protections) & row->alarm;
}

static void set_alarm(const struct alarm_row *row, struct pylon_state *s)
{
	if (row->warning) {
		s->warnings |= row->alarm;
	} else {
		s->protections |= row->alarm;
	}
}

static void encode_alarms(uint8_t *d, const struct pylon_state *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(alarm_rows); i++) {
		if (alarms_of(&alarm_rows[i], s) != 0) {
			d[alarm_rows[i].byte] |= (uint8_t)(1U << alarm_rows[i].bit);
		}
	}
	d[ALARMS_MODULES] = s->modules;
	memcpy(&d[ALARMS_PN], pn_text, sizeof(pn_text));
}

/* A field that is not active stays 0 as in the captures, not 2 (inactive) as BYD has it. */
static void encode_alarms_v13(uint8_t *d, const struct pylon_state *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(alarm_rows); i++) {
		const unsigned int field = alarm_rows[i].v13_field;

		if (alarms_of(&alarm_rows[i], s) != 0) {
			d[field / V13_FIELDS_A_BYTE] |= (uint8_t)(V13_ACTIVE
								  << (V13_FIELD_BITS *
								      (field % V13_FIELDS_A_BYTE)));
		}
	}
}

static uint8_t encode_request(const struct pylon_state *s)
{
	return (uint8_t)((s->charge_enable ? REQUEST_CHARGE_ENABLE : 0U) |
			 (s->discharge_enable ? REQUEST_DISCHARGE_ENABLE : 0U) |
			 (s->force_charge_1 ? REQUEST_FORCE_CHARGE_1 : 0U) |
			 (s->force_charge_2 ? REQUEST_FORCE_CHARGE_2 : 0U) |
			 (s->full_charge ? REQUEST_FULL_CHARGE : 0U));
}

static void encode_payload(uint8_t *d, enum pylon_frame kind, const struct pylon_state *s)
{
	switch (kind) {
	case PYLON_FRAME_ALARMS:
		encode_alarms(d, s);
		break;
	case PYLON_FRAME_LIMITS:
		put_u16(&d[0], sat_u16(floor_div(s->cvl_mv, LIMIT_MV_STEP)));
		put_s16(&d[2], limit_current(s->ccl_ma));
		put_s16(&d[4], limit_current(s->dcl_ma));
		put_u16(&d[6], limit_voltage_up(s->dvl_mv));
		break;
	case PYLON_FRAME_SOC:
		put_u16(&d[0], percent(s->soc_pct));
		put_u16(&d[2], percent(s->soh_pct));
		break;
	case PYLON_FRAME_MEASURED:
		put_s16(&d[0], sat_i16(round_div(s->pack_mv, PACK_MV_STEP)));
		put_s16(&d[2], sat_i16(round_div(s->pack_ma, CURRENT_MA_STEP)));
		put_s16(&d[4], sat_i16(s->temp_dc));
		break;
	case PYLON_FRAME_REQUEST:
		d[0] = encode_request(s);
		break;
	case PYLON_FRAME_NAME:
		memcpy(d, name_text, sizeof(name_text));
		break;
	case PYLON_FRAME_ALARMS_V13:
		encode_alarms_v13(d, s);
		break;
	case PYLON_FRAME_INFO_V13:
		memcpy(d, info_v13, sizeof(info_v13));
		put_u16(&d[INFO_CAPACITY], sat_u16(s->capacity_ah));
		break;
	case PYLON_FRAME_ALIVE:
		put_u16(&d[0], (uint16_t)(s->alive & 0xFFFFU));
		put_u16(&d[2], (uint16_t)(s->alive >> 16));
		break;
	case PYLON_FRAMES:
	default:
		break;
	}
}

struct can_msg pylon_encode(const struct pylon_profile *p, enum pylon_frame kind,
			    const struct pylon_state *s)
{
	struct can_msg m = {0};

	if ((unsigned int)kind >= PYLON_FRAMES || p->len[kind] == 0) {
		return m;
	}
	m.id = frames[kind].id;
	m.len = p->len[kind] > CAN_MSG_DATA_MAX ? (uint8_t)CAN_MSG_DATA_MAX : p->len[kind];
	encode_payload(m.data, kind, s);
	memset(&m.data[m.len], 0, CAN_MSG_DATA_MAX - m.len);
	return m;
}

static void decode_alarms(const uint8_t *d, uint8_t len, struct pylon_report *r)
{
	uint32_t known = 0;

	for (size_t i = 0; i < ARRAY_SIZE(alarm_rows); i++) {
		const struct alarm_row *row = &alarm_rows[i];

		known |= 1U << (8U * row->byte + row->bit);
		if ((d[row->byte] & (1U << row->bit)) != 0) {
			set_alarm(row, &r->state);
		}
	}
	r->undefined_bits = get_u32(d) & ~known;
	r->state.modules = d[ALARMS_MODULES];
	r->pn = len >= ALARMS_PN_END && memcmp(&d[ALARMS_PN], pn_text, sizeof(pn_text)) == 0;
}

static bool v13_active(const uint8_t *d, unsigned int field)
{
	const unsigned int shift = V13_FIELD_BITS * (field % V13_FIELDS_A_BYTE);

	return ((d[field / V13_FIELDS_A_BYTE] >> shift) & V13_FIELD_MASK) == V13_ACTIVE;
}

static void decode_alarms_v13(const uint8_t *d, struct pylon_report *r)
{
	uint32_t known = 0;

	for (size_t i = 0; i < ARRAY_SIZE(alarm_rows); i++) {
		known |= 1U << alarm_rows[i].v13_field;
		if (v13_active(d, alarm_rows[i].v13_field)) {
			set_alarm(&alarm_rows[i], &r->state);
		}
	}
	for (unsigned int field = 0; field < V13_FIELDS; field++) {
		if (v13_active(d, field) && (known & (1U << field)) == 0) {
			r->undefined_bits |= 1U << field;
		}
	}
}

static void decode_request(const uint8_t *d, struct pylon_report *r)
{
	r->state.charge_enable = (d[0] & REQUEST_CHARGE_ENABLE) != 0;
	r->state.discharge_enable = (d[0] & REQUEST_DISCHARGE_ENABLE) != 0;
	r->state.force_charge_1 = (d[0] & REQUEST_FORCE_CHARGE_1) != 0;
	r->state.force_charge_2 = (d[0] & REQUEST_FORCE_CHARGE_2) != 0;
	r->state.full_charge = (d[0] & REQUEST_FULL_CHARGE) != 0;
	r->undefined_bits = get_u32(d) & ~(uint32_t)REQUEST_DEFINED;
}

static void decode_name(const uint8_t *d, uint8_t len, char *name)
{
	for (uint8_t i = 0; i < len; i++) {
		name[i] = d[i] >= ' ' && d[i] <= '~' ? (char)d[i] : '.';
	}
	name[len] = '\0';
}

/* @d: eight bytes, those behind @len are 0. */
static void decode_payload(const uint8_t *d, uint8_t len, struct pylon_report *r)
{
	switch (r->kind) {
	case PYLON_FRAME_ALARMS:
		decode_alarms(d, len, r);
		break;
	case PYLON_FRAME_LIMITS:
		r->state.cvl_mv = get_u16(&d[0]) * LIMIT_MV_STEP;
		r->state.ccl_ma = get_s16(&d[2]) * CURRENT_MA_STEP;
		r->state.dcl_ma = get_s16(&d[4]) * CURRENT_MA_STEP;
		r->state.dvl_mv = get_u16(&d[6]) * LIMIT_MV_STEP;
		r->has_dvl = len >= CAN_MSG_DATA_MAX;
		break;
	case PYLON_FRAME_SOC:
		r->state.soc_pct = get_u16(&d[0]);
		r->state.soh_pct = get_u16(&d[2]);
		break;
	case PYLON_FRAME_MEASURED:
		r->state.pack_mv = get_s16(&d[0]) * PACK_MV_STEP;
		r->state.pack_ma = get_s16(&d[2]) * CURRENT_MA_STEP;
		r->state.temp_dc = get_s16(&d[4]);
		break;
	case PYLON_FRAME_REQUEST:
		decode_request(d, r);
		break;
	case PYLON_FRAME_NAME:
		decode_name(d, len, r->name);
		break;
	case PYLON_FRAME_ALARMS_V13:
		decode_alarms_v13(d, r);
		memcpy(r->raw, d, sizeof(r->raw));
		break;
	case PYLON_FRAME_INFO_V13:
		r->state.capacity_ah = get_u16(&d[INFO_CAPACITY]);
		memcpy(r->raw, d, sizeof(r->raw));
		break;
	case PYLON_FRAME_ALIVE:
		r->state.alive = get_u32(d);
		memcpy(r->raw, d, sizeof(r->raw));
		break;
	case PYLON_FRAMES:
	default:
		break;
	}
}

int pylon_decode(const struct can_msg *m, struct pylon_report *ret_report)
{
	struct pylon_report r = {0};
	uint8_t data[CAN_MSG_DATA_MAX] = {0};
	const uint8_t len = m->len > CAN_MSG_DATA_MAX ? (uint8_t)CAN_MSG_DATA_MAX : m->len;
	unsigned int kind = 0;

	while (kind < PYLON_FRAMES && frames[kind].id != m->id) {
		kind++;
	}
	if (kind == PYLON_FRAMES) {
		return -ENOENT;
	}
	if (len < frames[kind].min_len) {
		return -EMSGSIZE;
	}
	r.kind = (enum pylon_frame)kind;
	memcpy(data, m->data, len);
	decode_payload(data, len, &r);
	*ret_report = r;
	return 0;
}
