/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pylon.h"
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#define VECTORS	     JKP_SOURCE_DIR "/tests/vectors/"
#define ROUNDS	     20000
#define CSV_LINE_MAX 2048
#define GENUINE_SET  "pylontech_"

static uint64_t seed;

/* splitmix64: any seed, 0 included, gives a good sequence. */
static uint32_t random_u32(void)
{
	uint64_t z;

	seed += UINT64_C(0x9E3779B97F4A7C15);
	z = seed;
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)((z ^ (z >> 31)) >> 16);
}

/* Half of them small, a quarter medium, a quarter from the whole range or its two ends. */
static int32_t random_value(void)
{
	const uint32_t r = random_u32();
	const int32_t any = (int32_t)(random_u32() >> 1) * ((r & 0x100U) != 0 ? -1 : 1);

	switch (r % 8U) {
	case 0:
		return INT32_MIN;
	case 1:
		return any;
	case 2:
	case 3:
		return any % 10000000;
	default:
		return any % 100000;
	}
}

static const struct pylon_profile *profile(const char *name)
{
	const struct pylon_profile *p = pylon_profile_find(name);

	assert_non_null(p);
	return p;
}

static struct can_msg parse_frame(const char *id, const char *hex)
{
	struct can_msg m = {.id = (uint16_t)strtoul(id, NULL, 16)};
	char *end = NULL;

	for (hex += strspn(hex, " "); *hex != '\0'; hex += strspn(hex, " ")) {
		const char pair[] = {hex[0], hex[1], '\0'};

		assert_true(m.len < CAN_MSG_DATA_MAX);
		m.data[m.len++] = (uint8_t)strtoul(pair, &end, 16);
		assert_ptr_equal(end, pair + 2);
		hex += 2;
	}
	return m;
}

static void assert_frame(const char *where, const struct can_msg *got, const struct can_msg *want)
{
	char text[2][3 * CAN_MSG_DATA_MAX + 1] = {{0}};
	const struct can_msg *m[2] = {got, want};

	if (got->id == want->id && got->len == want->len &&
	    memcmp(got->data, want->data, CAN_MSG_DATA_MAX) == 0) {
		return;
	}
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
			(void)snprintf(&text[k][3 * i], 4, "%02X ", m[k]->data[i]);
		}
	}
	fail_msg("%s: got %03X [%u] %s, expected %03X [%u] %s", where, got->id, got->len, text[0],
		 want->id, want->len, text[1]);
}

/* Adds what one frame says to what the frames before it said. */
static void merge(struct pylon_state *s, const struct pylon_report *r)
{
	switch (r->kind) {
	case PYLON_FRAME_ALARMS:
		s->modules = r->state.modules;
		s->protections = r->state.protections;
		s->warnings = r->state.warnings;
		break;
	case PYLON_FRAME_ALARMS_V13:
		s->protections = r->state.protections;
		s->warnings = r->state.warnings;
		break;
	case PYLON_FRAME_LIMITS:
		s->cvl_mv = r->state.cvl_mv;
		s->ccl_ma = r->state.ccl_ma;
		s->dcl_ma = r->state.dcl_ma;
		s->dvl_mv = r->state.dvl_mv;
		break;
	case PYLON_FRAME_SOC:
		s->soc_pct = r->state.soc_pct;
		s->soh_pct = r->state.soh_pct;
		break;
	case PYLON_FRAME_MEASURED:
		s->pack_mv = r->state.pack_mv;
		s->pack_ma = r->state.pack_ma;
		s->temp_dc = r->state.temp_dc;
		break;
	case PYLON_FRAME_REQUEST:
		s->charge_enable = r->state.charge_enable;
		s->discharge_enable = r->state.discharge_enable;
		s->force_charge_1 = r->state.force_charge_1;
		s->force_charge_2 = r->state.force_charge_2;
		s->full_charge = r->state.full_charge;
		break;
	case PYLON_FRAME_INFO_V13:
		s->capacity_ah = r->state.capacity_ah;
		break;
	case PYLON_FRAME_ALIVE:
		s->alive = r->state.alive;
		break;
	case PYLON_FRAME_NAME:
	case PYLON_FRAMES:
	default:
		break;
	}
}

static cJSON *load_vectors(void)
{
	FILE *f = fopen(VECTORS "C-pylontech-can.json", "rb");
	char *text;
	long size;
	cJSON *root;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, f), size);
	(void)fclose(f);
	root = cJSON_Parse(text);
	free(text);
	assert_true(cJSON_IsArray(root));
	return root;
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	assert_non_null(s);
	return s;
}

static struct can_msg vector_frame(const cJSON *frame)
{
	const struct can_msg m = parse_frame(text_of(frame, "id"), text_of(frame, "hex"));

	assert_int_equal(m.len, cJSON_GetObjectItemCaseSensitive(frame, "dlc")->valueint);
	return m;
}

/* One number of `expect`: its key, the field of the state, and that field's unit in the key's. */
static const struct {
	const char *key;
	size_t offset;
	int scale;
} numbers[] = {
	{"charge_voltage_dV", offsetof(struct pylon_state, cvl_mv), 100},
	{"charge_limit_dA", offsetof(struct pylon_state, ccl_ma), 100},
	{"discharge_limit_dA", offsetof(struct pylon_state, dcl_ma), 100},
	{"discharge_voltage_dV", offsetof(struct pylon_state, dvl_mv), 100},
	{"soc", offsetof(struct pylon_state, soc_pct), 1},
	{"soh", offsetof(struct pylon_state, soh_pct), 1},
	{"voltage_cV", offsetof(struct pylon_state, pack_mv), 10},
	{"current_dA", offsetof(struct pylon_state, pack_ma), 100},
	{"temp_dC", offsetof(struct pylon_state, temp_dc), 1},
	{"capacity_Ah", offsetof(struct pylon_state, capacity_ah), 1},
};

static int32_t field_at(const struct pylon_state *s, size_t offset)
{
	int32_t v;

	memcpy(&v, (const char *)s + offset, sizeof(v));
	return v;
}

static void set_field_at(struct pylon_state *s, size_t offset, int32_t v)
{
	memcpy((char *)s + offset, &v, sizeof(v));
}

static bool check_text(const cJSON *e, const struct can_msg *m, const struct pylon_report *r)
{
	const char *want = e->valuestring;
	char got[2 * CAN_MSG_DATA_MAX + 1] = "";

	if (strcmp(e->string, "name") == 0) {
		/* cJSON ends the text at a NUL; the JSON has 8 characters, some of them UTF-8. */
		for (size_t i = 0; want[i] != '\0' && isprint((unsigned char)want[i]); i++) {
			assert_int_equal(r->name[i], want[i]);
		}
		assert_int_equal(strlen(r->name), m->len);
	} else if (strcmp(e->string, "PN") == 0) {
		assert_int_equal(r->pn, strcmp(want, "PN") == 0);
	} else if (strcmp(e->string, "raw") == 0 || strcmp(e->string, "heartbeat") == 0) {
		for (size_t i = 0; i < m->len; i++) {
			(void)snprintf(&got[2 * i], 3, "%02x", r->raw[i]);
		}
		assert_string_equal(got, want);
	} else if (strcmp(e->string, "type") == 0) {
		(void)snprintf(got, sizeof(got), "%02x%02x", r->raw[0], r->raw[1]);
		assert_string_equal(got, want);
	} else if (strcmp(e->string, "version") == 0) {
		(void)snprintf(got, sizeof(got), "%u.%u", r->raw[2], r->raw[3]);
		assert_string_equal(got, want);
	} else {
		return false;
	}
	return true;
}

static bool check_number(const cJSON *e, const struct pylon_report *r)
{
	const struct {
		const char *key;
		int value;
	} flags[] = {
		{"charge_enable", r->state.charge_enable},
		{"discharge_enable", r->state.discharge_enable},
		{"force_charge_I_bit5", r->state.force_charge_1},
		{"force_charge_II_bit4", r->state.force_charge_2},
		{"full_charge_bit3", r->state.full_charge},
		{"modules", r->state.modules},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(e->string, numbers[i].key) == 0) {
			assert_int_equal(field_at(&r->state, numbers[i].offset),
					 e->valueint * numbers[i].scale);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (strcmp(e->string, flags[i].key) == 0) {
			assert_int_equal(flags[i].value, e->valueint);
			return true;
		}
	}
	return false;
}

static void check_expect(const cJSON *frame, const struct can_msg *m, const struct pylon_report *r)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(frame, "expect"))
	{
		bool known = false;

		if (cJSON_IsArray(e)) { /* "protection", "alarm": empty in every capture */
			assert_int_equal(cJSON_GetArraySize(e), 0);
			assert_int_equal(
				e->string[0] == 'p' ? r->state.protections : r->state.warnings, 0);
			known = true;
		} else if (cJSON_IsString(e)) {
			known = check_text(e, m, r);
		} else if (strcmp(e->string, "soc_hires_or_zero") == 0) {
			known = true; /* bytes 4 and 5 of 0x355 are not decoded */
		} else {
			known = check_number(e, r);
		}
		if (!known) {
			fail_msg("no check for \"%s\" of %03X", e->string, m->id);
		}
	}
	if (m->id == PYLON_ID_LIMITS) {
		assert_int_equal(r->has_dvl, m->len == CAN_MSG_DATA_MAX);
	}
}

static void test_published_frames_decode_to_their_published_values(void **state)
{
	cJSON *root = load_vectors();
	const cJSON *set;
	int genuine = 0;
	int other = 0;

	(void)state;
	cJSON_ArrayForEach(set, root)
	{
		const bool is_genuine = strncmp(text_of(set, "name"), GENUINE_SET,
						strlen(GENUINE_SET)) == 0;
		const cJSON *frame;

		cJSON_ArrayForEach(frame, cJSON_GetObjectItemCaseSensitive(set, "frames"))
		{
			const struct can_msg m = vector_frame(frame);
			struct pylon_report r;

			if (!is_genuine && m.id != PYLON_ID_LIMITS && m.id != PYLON_ID_SOC &&
			    m.id != PYLON_ID_MEASURED) {
				continue;
			}
			assert_int_equal(pylon_decode(&m, &r), 0);
			assert_int_equal(pylon_frame_id(r.kind), m.id);
			assert_int_equal(r.undefined_bits, 0);
			check_expect(frame, &m, &r);
			*(is_genuine ? &genuine : &other) += 1;
		}
	}
	assert_int_equal(genuine, 24);
	assert_int_equal(other, 18);
	cJSON_Delete(root);
}

static void test_genuine_batteries_are_reproduced_bit_by_bit(void **state)
{
	cJSON *root = load_vectors();
	const cJSON *set;
	int count = 0;

	(void)state;
	cJSON_ArrayForEach(set, root)
	{
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(set, "frames");
		struct pylon_profile p = *profile("pylontech-1.2");
		struct pylon_state s = {0};
		struct pylon_report r;
		const cJSON *frame;

		if (strncmp(text_of(set, "name"), GENUINE_SET, strlen(GENUINE_SET)) != 0) {
			continue;
		}
		cJSON_ArrayForEach(frame, list)
		{
			const struct can_msg m = vector_frame(frame);

			assert_int_equal(pylon_decode(&m, &r), 0);
			merge(&s, &r);
			if (m.id == PYLON_ID_ALARMS_V13) {
				p = *profile("pylontech-1.3");
			}
		}
		cJSON_ArrayForEach(frame, list)
		{
			const struct can_msg m = vector_frame(frame);
			struct can_msg again;

			assert_int_equal(pylon_decode(&m, &r), 0);
			if (r.kind == PYLON_FRAME_LIMITS) {
				p.len[r.kind] = m.len; /* one of the captures has 6 bytes */
			}
			again = pylon_encode(&p, r.kind, &s);
			assert_frame(text_of(set, "name"), &again, &m);
			count++;
		}
	}
	assert_int_equal(count, 24);
	cJSON_Delete(root);
}

/* The cells of one CSV line, in place; a cell may stand in quotes. */
static size_t split_csv(char *line, char **cell, size_t max)
{
	size_t n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (size_t i = 0; i < max; i++) {
		cell[i] = NULL;
	}
	while (n < max) {
		const bool quoted = *line == '"';
		char *end;

		line += quoted ? 1 : 0;
		end = line + strcspn(line, quoted ? "\"" : ",");
		cell[n++] = line;
		if (*end == '\0') {
			break;
		}
		*end = '\0';
		line = end + 1;
		if (quoted) {
			if (*line == '\0') {
				break;
			}
			line++;
		}
	}
	return n;
}

static void test_frames_quoted_on_public_pages_are_reproduced(void **state)
{
	FILE *f = fopen(VECTORS "pylontech_real_frames.csv", "r");
	static char line[CSV_LINE_MAX];
	char *cell[4] = {NULL};
	int count = 0;

	(void)state;
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f) != NULL) {
		struct pylon_report r;
		struct can_msg m;
		struct can_msg again;

		assert_int_equal(split_csv(line, cell, ARRAY_SIZE(cell)), 4);
		m = parse_frame(cell[1], cell[2]);
		assert_int_equal(pylon_decode(&m, &r), 0);
		/* "... v1.3 ..." names the dialect in the first cell. */
		again = pylon_encode(profile(strstr(cell[0], "v1.3") != NULL ? "pylontech-1.3"
									     : "pylontech-1.2"),
				     r.kind, &r.state);
		if (r.kind == PYLON_FRAME_NAME) {
			assert_string_equal(r.name, "PYLON   ");
		}
		assert_frame(cell[0], &again, &m);
		count++;
	}
	assert_int_equal(count, 13);
	(void)fclose(f);
}

/* A signal of the DBC: a number (offset, units of the state for 1), a flag, or an alarm. */
static const struct {
	const char *name;
	enum {
		NUMBER,
		FLAG,
		PROTECTION,
		WARNING,
		BYTE,
		COUNTER,
		TEXT
	} type;
	size_t offset;
	uint32_t value;
} signals[] = {
	{"Battery_charge_voltage", NUMBER, offsetof(struct pylon_state, cvl_mv), 1000},
	{"Battery_charge_current_limit", NUMBER, offsetof(struct pylon_state, ccl_ma), 1000},
	{"Battery_discharge_current_limit", NUMBER, offsetof(struct pylon_state, dcl_ma), 1000},
	{"Battery_discharge_voltage", NUMBER, offsetof(struct pylon_state, dvl_mv), 1000},
	{"SoC", NUMBER, offsetof(struct pylon_state, soc_pct), 1},
	{"SoH", NUMBER, offsetof(struct pylon_state, soh_pct), 1},
	{"Battery_voltage", NUMBER, offsetof(struct pylon_state, pack_mv), 1000},
	{"Battery_current", NUMBER, offsetof(struct pylon_state, pack_ma), 1000},
	{"Battery_temperature", NUMBER, offsetof(struct pylon_state, temp_dc), 10},
	{"Module_numbers", BYTE, 0, 0},
	{"Alive_packet", COUNTER, 0, 0},
	{"Manufaturer_string", TEXT, 0, 0},
	{"Charge_enable", FLAG, offsetof(struct pylon_state, charge_enable), 0},
	{"Discharge_enable", FLAG, offsetof(struct pylon_state, discharge_enable), 0},
	{"Force_charge_req_I", FLAG, offsetof(struct pylon_state, force_charge_1), 0},
	{"Force_charge_req_II", FLAG, offsetof(struct pylon_state, force_charge_2), 0},
	{"Full_charge_req", FLAG, offsetof(struct pylon_state, full_charge), 0},
	{"Overvoltage_ERR", PROTECTION, 0, PYLON_CELL_HIGH},
	{"Undervoltage_ERR", PROTECTION, 0, PYLON_CELL_LOW},
	{"Overtemperature_ERR", PROTECTION, 0, PYLON_TEMP_HIGH},
	{"Undertemperature_ERR", PROTECTION, 0, PYLON_TEMP_LOW},
	{"Overcurrent_discharge_ERR", PROTECTION, 0, PYLON_DISCHARGE_OC},
	{"Charge_overcurrent_ERR", PROTECTION, 0, PYLON_CHARGE_OC},
	{"System_Error", PROTECTION, 0, PYLON_SYSTEM},
	{"voltage_high_WARN", WARNING, 0, PYLON_CELL_HIGH},
	{"voltage_low_WARN", WARNING, 0, PYLON_CELL_LOW},
	{"Temperature_high_WARN", WARNING, 0, PYLON_TEMP_HIGH},
	{"Temperature_low_WARN", WARNING, 0, PYLON_TEMP_LOW},
	{"Discharge_current_high_WARN", WARNING, 0, PYLON_DISCHARGE_OC},
	{"Charge_current_high_WARN", WARNING, 0, PYLON_CHARGE_OC},
	{"Internal_Error_WARN", WARNING, 0, PYLON_COMM},
};

static void apply_signal(struct pylon_state *s, const char *name, double value)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (strcmp(name, signals[i].name) != 0) {
			continue;
		}
		switch (signals[i].type) {
		case NUMBER:
			set_field_at(s, signals[i].offset,
				     (int32_t)lround(value * signals[i].value));
			break;
		case FLAG:
			*((bool *)((char *)s + signals[i].offset)) = value > 0;
			break;
		case PROTECTION:
			s->protections |= value > 0 ? signals[i].value : 0;
			break;
		case WARNING:
			s->warnings |= value > 0 ? signals[i].value : 0;
			break;
		case BYTE:
			s->modules = (uint8_t)value;
			break;
		case COUNTER:
			s->alive = (uint32_t)value;
			break;
		case TEXT:
		default:
			break;
		}
		return;
	}
	fail_msg("no signal named \"%s\"", name);
}

static void test_every_signal_of_the_dbc_stands_at_its_place(void **state)
{
	FILE *f = fopen(VECTORS "golden_can_frames.csv", "r");
	static char line[CSV_LINE_MAX];
	char *cell[5] = {NULL};
	int count = 0;

	(void)state;
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f) != NULL) {
		struct pylon_state s = {0};
		struct pylon_report r;
		struct can_msg want;
		struct can_msg got;

		assert_int_equal(split_csv(line, cell, ARRAY_SIZE(cell)), 5);
		want = parse_frame(cell[1], cell[3]);
		assert_int_equal(want.len, cell[2][0] - '0');
		assert_int_equal(pylon_decode(&want, &r), 0);
		assert_int_equal(r.undefined_bits, 0);
		for (char *p = strtok(cell[4], ";"); p != NULL; p = strtok(NULL, ";")) {
			char *value = strchr(p, '=');

			assert_non_null(value);
			*value++ = '\0';
			apply_signal(&s, p + strspn(p, " "), strtod(value, NULL));
		}
		got = pylon_encode(profile("pylontech-1.2"), r.kind, &s);
		if (r.kind == PYLON_FRAME_NAME) { /* there padded with zeros */
			assert_memory_equal(&want.data[5], "\0\0\0", 3);
			memcpy(&want.data[5], "   ", 3);
		} else if (r.kind == PYLON_FRAME_ALARMS) { /* there without "PN" */
			assert_false(r.pn);
			memcpy(&want.data[5], "PN", 2);
		}
		assert_frame(cell[0], &got, &want);
		count++;
	}
	assert_int_equal(count, 36);
	(void)fclose(f);
}

static void test_each_alarm_alone_sets_one_bit(void **state)
{
	/* From the document (0x359) and from the Victron/BYD layout (0x35A), not from the code. */
	static const struct {
		uint32_t protection;
		uint32_t warning;
		const char *v12;
		const char *v13;
	} row[] = {
		{PYLON_CELL_HIGH, 0, "02 00 00 00 07 50 4E", "04 00 00 00 00 00 00 00"},
		{PYLON_CELL_LOW, 0, "04 00 00 00 07 50 4E", "10 00 00 00 00 00 00 00"},
		{PYLON_TEMP_HIGH, 0, "08 00 00 00 07 50 4E", "40 00 00 00 00 00 00 00"},
		{PYLON_TEMP_LOW, 0, "10 00 00 00 07 50 4E", "00 01 00 00 00 00 00 00"},
		{PYLON_DISCHARGE_OC, 0, "80 00 00 00 07 50 4E", "00 40 00 00 00 00 00 00"},
		{PYLON_CHARGE_OC, 0, "00 01 00 00 07 50 4E", "00 00 01 00 00 00 00 00"},
		{PYLON_SYSTEM, 0, "00 08 00 00 07 50 4E", "00 00 40 00 00 00 00 00"},
		{0, PYLON_CELL_HIGH, "00 00 02 00 07 50 4E", "00 00 00 00 04 00 00 00"},
		{0, PYLON_CELL_LOW, "00 00 04 00 07 50 4E", "00 00 00 00 10 00 00 00"},
		{0, PYLON_TEMP_HIGH, "00 00 08 00 07 50 4E", "00 00 00 00 40 00 00 00"},
		{0, PYLON_TEMP_LOW, "00 00 10 00 07 50 4E", "00 00 00 00 00 01 00 00"},
		{0, PYLON_DISCHARGE_OC, "00 00 80 00 07 50 4E", "00 00 00 00 00 40 00 00"},
		{0, PYLON_CHARGE_OC, "00 00 00 01 07 50 4E", "00 00 00 00 00 00 01 00"},
		{0, PYLON_COMM, "00 00 00 08 07 50 4E", "00 00 00 00 00 00 40 00"},
		{0, 0, "00 00 00 00 07 50 4E", "00 00 00 00 00 00 00 00"},
		/* These two exist on one side only; the other side and unknown bits send nothing. */
		{PYLON_COMM, PYLON_SYSTEM, "00 00 00 00 07 50 4E", "00 00 00 00 00 00 00 00"},
		{0xFFFFFF00U, 0xFFFFFF00U, "00 00 00 00 07 50 4E", "00 00 00 00 00 00 00 00"},
		{UINT32_MAX, UINT32_MAX, "9E 09 9E 09 07 50 4E", "54 41 41 00 54 41 41 00"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct pylon_state s = {
			.protections = row[i].protection, .warnings = row[i].warning, .modules = 7};
		const struct can_msg want12 = parse_frame("359", row[i].v12);
		const struct can_msg want13 = parse_frame("35A", row[i].v13);
		const struct can_msg got12 = pylon_encode(profile("pylontech-1.2"),
							  PYLON_FRAME_ALARMS, &s);
		const struct can_msg got13 = pylon_encode(profile("pylontech-1.3"),
							  PYLON_FRAME_ALARMS_V13, &s);
		struct pylon_report r;

		assert_frame("0x359", &got12, &want12);
		assert_frame("0x35A", &got13, &want13);
		for (int v13 = 0; v13 < 2; v13++) {
			assert_int_equal(pylon_decode(v13 == 0 ? &got12 : &got13, &r), 0);
			assert_int_equal(r.state.protections,
					 row[i].protection & 0xFFU & ~PYLON_COMM);
			assert_int_equal(r.state.warnings, row[i].warning & 0xFFU & ~PYLON_SYSTEM);
			assert_int_equal(r.undefined_bits, 0);
		}
	}
}

static void test_each_request_alone_sets_one_bit(void **state)
{
	static const struct {
		struct pylon_state s;
		uint8_t byte;
	} row[] = {
		{{.charge_enable = true}, 0x80},  {{.discharge_enable = true}, 0x40},
		{{.force_charge_1 = true}, 0x20}, {{.force_charge_2 = true}, 0x10},
		{{.full_charge = true}, 0x08},	  {{0}, 0x00},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct can_msg m = pylon_encode(profile("pylontech-1.2"), PYLON_FRAME_REQUEST,
						      &row[i].s);
		struct pylon_report r;

		assert_int_equal(m.len, 2);
		assert_int_equal(m.data[0], row[i].byte);
		assert_int_equal(m.data[1], 0);
		assert_int_equal(pylon_decode(&m, &r), 0);
		assert_int_equal(r.state.charge_enable, row[i].s.charge_enable);
		assert_int_equal(r.state.discharge_enable, row[i].s.discharge_enable);
		assert_int_equal(r.state.force_charge_1, row[i].s.force_charge_1);
		assert_int_equal(r.state.force_charge_2, row[i].s.force_charge_2);
		assert_int_equal(r.state.full_charge, row[i].s.full_charge);
		assert_int_equal(r.undefined_bits, 0);
	}
}

#define AT(field) offsetof(struct pylon_state, field)

/* Every field at its edges and far beyond: the bytes that must leave. */
static const struct {
	enum pylon_frame kind;
	size_t offset;
	size_t byte;
	int32_t value;
	uint16_t wire;
} edges[] = {
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, INT32_MIN, 0},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, -1, 0},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, 99, 0},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, 55199, 551},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, 6553499, 65534},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, 6553500, 65535},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, 6553600, 65535},
	{PYLON_FRAME_LIMITS, AT(cvl_mv), 0, INT32_MAX, 65535},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, INT32_MIN, 0},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, -100, 0},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, 99, 0},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, 199, 1},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, 3276699, 32766},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, 3276700, 32767},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, 3276800, 32767},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, 6553600, 32767},
	{PYLON_FRAME_LIMITS, AT(ccl_ma), 2, INT32_MAX, 32767},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, INT32_MIN, 0},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, -60000, 0},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, 99, 0},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, 60000, 600},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, 3276700, 32767},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, 3276800, 32767},
	{PYLON_FRAME_LIMITS, AT(dcl_ma), 4, INT32_MAX, 32767},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, INT32_MIN, 0},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, -99, 0},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, 1, 1},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, 46000, 460},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, 46001, 461},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, 6553400, 65534},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, 6553401, 65535},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, 6553501, 65535},
	{PYLON_FRAME_LIMITS, AT(dvl_mv), 6, INT32_MAX, 65535},
	{PYLON_FRAME_SOC, AT(soc_pct), 0, INT32_MIN, 0},
	{PYLON_FRAME_SOC, AT(soc_pct), 0, -1, 0},
	{PYLON_FRAME_SOC, AT(soc_pct), 0, 99, 99},
	{PYLON_FRAME_SOC, AT(soc_pct), 0, 101, 100},
	{PYLON_FRAME_SOC, AT(soc_pct), 0, 65536 + 50, 100},
	{PYLON_FRAME_SOC, AT(soc_pct), 0, INT32_MAX, 100},
	{PYLON_FRAME_SOC, AT(soh_pct), 2, INT32_MIN, 0},
	{PYLON_FRAME_SOC, AT(soh_pct), 2, 101, 100},
	{PYLON_FRAME_SOC, AT(soh_pct), 2, INT32_MAX, 100},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, INT32_MIN, 0x8000},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, -327680, 0x8000},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, -5, 0xFFFF},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, 4, 0},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, 5, 1},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, 327670, 32767},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, 327680, 32767},
	{PYLON_FRAME_MEASURED, AT(pack_mv), 0, INT32_MAX, 32767},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, INT32_MIN, 0x8000},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, -3276900, 0x8000},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, -3276700, 0x8001},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, -50, 0xFFFF},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, 49, 0},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, 50, 1},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, 3276800, 32767},
	{PYLON_FRAME_MEASURED, AT(pack_ma), 2, INT32_MAX, 32767},
	{PYLON_FRAME_MEASURED, AT(temp_dc), 4, INT32_MIN, 0x8000},
	{PYLON_FRAME_MEASURED, AT(temp_dc), 4, -32769, 0x8000},
	{PYLON_FRAME_MEASURED, AT(temp_dc), 4, -75, 0xFFB5},
	{PYLON_FRAME_MEASURED, AT(temp_dc), 4, 32768, 32767},
	{PYLON_FRAME_MEASURED, AT(temp_dc), 4, INT32_MAX, 32767},
	{PYLON_FRAME_INFO_V13, AT(capacity_ah), 4, INT32_MIN, 0},
	{PYLON_FRAME_INFO_V13, AT(capacity_ah), 4, -1, 0},
	{PYLON_FRAME_INFO_V13, AT(capacity_ah), 4, 572, 0x023C},
	{PYLON_FRAME_INFO_V13, AT(capacity_ah), 4, 65536, 65535},
	{PYLON_FRAME_INFO_V13, AT(capacity_ah), 4, INT32_MAX, 65535},
};

static void test_SAF_10_every_signal_saturates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		struct pylon_state s = {0};
		struct can_msg m;
		struct can_msg zero;

		zero = pylon_encode(profile("pylontech-1.3"), edges[i].kind, &s);
		set_field_at(&s, edges[i].offset, edges[i].value);
		m = pylon_encode(profile("pylontech-1.3"), edges[i].kind, &s);
		if (m.data[edges[i].byte] != (edges[i].wire & 0xFFU) ||
		    m.data[edges[i].byte + 1] != edges[i].wire >> 8) {
			fail_msg("%03X byte %zu value %" PRId32 ": got %02X %02X, expected %04X",
				 m.id, edges[i].byte, edges[i].value, m.data[edges[i].byte],
				 m.data[edges[i].byte + 1], edges[i].wire);
		}
		/* And nothing spills into the neighbours. */
		m.data[edges[i].byte] = zero.data[edges[i].byte];
		m.data[edges[i].byte + 1] = zero.data[edges[i].byte + 1];
		assert_frame("neighbours", &m, &zero);
	}
}

static struct pylon_state random_state(void)
{
	const uint32_t bits = random_u32();

	return (struct pylon_state){
		.cvl_mv = random_value(),
		.dvl_mv = random_value(),
		.ccl_ma = random_value(),
		.dcl_ma = random_value(),
		.pack_mv = random_value(),
		.pack_ma = random_value(),
		.temp_dc = random_value(),
		.soc_pct = random_value() % 200,
		.soh_pct = random_value() % 200,
		.protections = random_u32(),
		.warnings = random_u32(),
		.charge_enable = (bits & 1U) != 0,
		.discharge_enable = (bits & 2U) != 0,
		.force_charge_1 = (bits & 4U) != 0,
		.force_charge_2 = (bits & 8U) != 0,
		.full_charge = (bits & 16U) != 0,
		.modules = (uint8_t)(bits >> 8),
		.capacity_ah = random_value(),
		.alive = random_u32(),
	};
}

/* @got is @want held to [@lo, @hi], @below under it or @above over it at most. */
static void assert_near(const char *what, int64_t got, int64_t want, int64_t lo, int64_t hi,
			int64_t below, int64_t above)
{
	const int64_t held = want < lo ? lo : (want > hi ? hi : want);

	if (got < lo || got > hi || got < held - below || got > held + above) {
		fail_msg("%s: asked %" PRId64 ", got %" PRId64 " (range %" PRId64 " .. %" PRId64
			 ")",
			 what, want, got, lo, hi);
	}
}

static void check_limits(const struct pylon_state *d, const struct pylon_state *s)
{
	assert_near("CVL", d->cvl_mv, s->cvl_mv, 0, 6553500, 99, 0);
	assert_near("CCL", d->ccl_ma, s->ccl_ma, 0, 3276700, 99, 0);
	assert_near("DCL", d->dcl_ma, s->dcl_ma, 0, 3276700, 99, 0);
	assert_near("DVL", d->dvl_mv, s->dvl_mv, 0, 6553500, 0, 99);
}

static void check_set(const struct pylon_profile *p, const struct pylon_state *s)
{
	struct pylon_state d = {0};

	for (unsigned int i = 0; i < p->count; i++) {
		const struct can_msg m = pylon_encode(p, (enum pylon_frame)p->order[i], s);
		struct pylon_report r;

		assert_int_equal(m.len, p->len[p->order[i]]);
		for (size_t k = m.len; k < CAN_MSG_DATA_MAX; k++) {
			assert_int_equal(m.data[k], 0);
		}
		assert_int_equal(pylon_decode(&m, &r), 0);
		assert_int_equal(r.kind, p->order[i]);
		assert_int_equal(r.undefined_bits, 0);
		assert_int_equal(r.pn, r.kind == PYLON_FRAME_ALARMS);
		merge(&d, &r);
	}
	check_limits(&d, s);
	assert_near("SoC", d.soc_pct, s->soc_pct, 0, 100, 0, 0);
	assert_near("SoH", d.soh_pct, s->soh_pct, 0, 100, 0, 0);
	assert_near("voltage", d.pack_mv, s->pack_mv, -327680, 327670, 5, 5);
	assert_near("current", d.pack_ma, s->pack_ma, -3276800, 3276700, 50, 50);
	assert_near("temperature", d.temp_dc, s->temp_dc, INT16_MIN, INT16_MAX, 0, 0);
	assert_int_equal(d.protections, s->protections & 0xFFU & ~PYLON_COMM);
	assert_int_equal(d.warnings, s->warnings & 0xFFU & ~PYLON_SYSTEM);
	if (p->len[PYLON_FRAME_ALARMS] != 0) {
		assert_int_equal(d.modules, s->modules);
	}
	if (p->len[PYLON_FRAME_REQUEST] != 0) {
		assert_int_equal(d.charge_enable, s->charge_enable);
		assert_int_equal(d.discharge_enable, s->discharge_enable);
		assert_int_equal(d.force_charge_1, s->force_charge_1);
		assert_int_equal(d.force_charge_2, s->force_charge_2);
		assert_int_equal(d.full_charge, s->full_charge);
	}
	if (p->len[PYLON_FRAME_INFO_V13] != 0) {
		assert_near("capacity", d.capacity_ah, s->capacity_ah, 0, UINT16_MAX, 0, 0);
	}
}

static void test_SAF_10_no_random_state_escapes_its_rounding(void **state)
{
	const struct pylon_profile *p;

	(void)state;
	for (int n = 0; n < ROUNDS; n++) {
		const struct pylon_state s = random_state();

		for (size_t i = 0; (p = pylon_profile_at(i)) != NULL; i++) {
			check_set(p, &s);
		}
	}
}

static void test_profiles_are_sound(void **state)
{
	const struct pylon_state s = {.alive = 0x01020304U};
	const struct can_msg alive = parse_frame("305", "04 03 02 01 00 00 00 00");
	const struct pylon_profile *p;
	size_t count = 0;

	(void)state;
	for (; (p = pylon_profile_at(count)) != NULL; count++) {
		uint32_t kinds = 0;
		struct can_msg m;
		struct pylon_report r;

		assert_ptr_equal(pylon_profile_find(p->name), p);
		assert_in_range(p->count, 1, PYLON_SET_MAX);
		for (unsigned int i = 0; i < p->count; i++) {
			assert_true(p->order[i] < PYLON_FRAMES);
			assert_in_range(p->len[p->order[i]], 1, CAN_MSG_DATA_MAX);
			for (unsigned int k = 0; k < i; k++) {
				assert_int_not_equal(pylon_frame_id((enum pylon_frame)p->order[i]),
						     pylon_frame_id((enum pylon_frame)p->order[k]));
			}
			kinds |= 1U << p->order[i];
		}
		/* Everything with a length is sent, but 0x305: that is the inverter's identifier. */
		for (unsigned int k = 0; k < PYLON_FRAMES; k++) {
			assert_int_equal(p->len[k] != 0 && k != PYLON_FRAME_ALIVE,
					 (kinds & (1U << k)) != 0);
		}
		m = pylon_encode(p, PYLON_FRAME_ALIVE, &s);
		assert_frame(p->name, &m, &alive);
		assert_int_equal(pylon_decode(&m, &r), 0);
		assert_int_equal(r.state.alive, s.alive);
		assert_memory_equal(r.raw, alive.data, sizeof(r.raw));
	}
	assert_int_equal(count, 3);
	assert_null(pylon_profile_find("pylontech"));
	assert_null(pylon_profile_find(""));
	assert_null(pylon_profile_at(SIZE_MAX));
}

static void test_a_set_is_sent_in_the_genuine_order_and_lengths(void **state)
{
	static const struct {
		const char *name;
		uint16_t id[6];
		uint8_t len[6];
	} row[] = {
		{"pylontech-1.2", {0x359, 0x351, 0x355, 0x356, 0x35C, 0x35E}, {7, 8, 4, 6, 2, 8}},
		{"pylontech-1.3", {0x351, 0x355, 0x356, 0x35A, 0x35E, 0x35F}, {8, 6, 6, 8, 8, 8}},
		{"padded", {0x359, 0x351, 0x355, 0x356, 0x35C, 0x35E}, {8, 8, 8, 8, 8, 8}},
	};
	const struct pylon_state s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct pylon_profile *p = profile(row[i].name);

		assert_int_equal(p->count, 6);
		for (unsigned int k = 0; k < p->count; k++) {
			const struct can_msg m = pylon_encode(p, (enum pylon_frame)p->order[k], &s);

			assert_int_equal(m.id, row[i].id[k]);
			assert_int_equal(m.len, row[i].len[k]);
		}
	}
}

static void test_a_frame_that_the_dialect_lacks_is_empty(void **state)
{
	const struct pylon_state s = {.capacity_ah = 200, .charge_enable = true};
	static const struct can_msg empty;
	const struct {
		const char *name;
		enum pylon_frame kind;
	} row[] = {
		{"pylontech-1.2", PYLON_FRAME_ALARMS_V13}, {"pylontech-1.2", PYLON_FRAME_INFO_V13},
		{"pylontech-1.3", PYLON_FRAME_ALARMS},	   {"pylontech-1.3", PYLON_FRAME_REQUEST},
		{"padded", PYLON_FRAME_INFO_V13},	   {"padded", PYLON_FRAMES},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct can_msg m = pylon_encode(profile(row[i].name), row[i].kind, &s);

		assert_frame(row[i].name, &m, &empty);
	}
	assert_int_equal(pylon_frame_id(PYLON_FRAMES), 0);
}

static void test_decoder_takes_every_length_seen_and_refuses_stumps(void **state)
{
	static const struct {
		const char *id;
		const char *hex;
		int result;
	} row[] = {
		{"351", "14 02 50 02 C8 05", 0},
		{"351", "14 02 50 02 C8 05 C2", 0},
		{"351", "14 02 50 02 C8", -EMSGSIZE},
		{"355", "1A 00 64 00", 0},
		{"355", "1A 00 64 00 28 0A", 0},
		{"355", "1A 00 64 00 28 0A 00 00", 0},
		{"355", "1A 00 64", -EMSGSIZE},
		{"356", "02 13 00 00 4A 01", 0},
		{"356", "02 13 00 00 4A 01 00 00", 0},
		{"356", "02 13 00 00 4A", -EMSGSIZE},
		{"359", "00 00 00 00 0A", 0},
		{"359", "00 00 00 00 0A 50 4E 00", 0},
		{"359", "00 00 00 00", -EMSGSIZE},
		{"35C", "C0", 0},
		{"35C", "C0 00 00 00 00 00 00 00", 0},
		{"35C", "", -EMSGSIZE},
		{"35E", "50", 0},
		{"35E", "", -EMSGSIZE},
		{"35A", "AB AA FE AF AA FA FF", 0},
		{"35A", "AB AA FE AF AA FA", -EMSGSIZE},
		{"35F", "4C 49 01 03 3C 02", 0},
		{"35F", "4C 49 01 03 3C", -EMSGSIZE},
		{"305", "", 0},
		{"305", "00 00 00 00 00 00 00 00", 0},
		{"350", "14 02 50 02 C8 05 C2 01", -ENOENT},
		{"000", "", -ENOENT},
		{"7FF", "00 00 00 00 00 00 00 00", -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct can_msg m = parse_frame(row[i].id, row[i].hex);
		struct pylon_report r;
		struct pylon_report untouched;

		memset(&r, 0xA5, sizeof(r));
		memset(&untouched, 0xA5, sizeof(untouched));
		if (pylon_decode(&m, &r) != row[i].result) {
			fail_msg("%s#%s: expected %d", row[i].id, row[i].hex, row[i].result);
		}
		if (row[i].result != 0) {
			assert_memory_equal(&r, &untouched, sizeof(r));
		}
	}
}

static void test_decoder_shows_what_the_document_does_not_define(void **state)
{
	static const struct {
		const char *id;
		const char *hex;
		uint32_t undefined;
		uint32_t protections;
		bool pn;
		const char *name;
	} row[] = {
		{"359", "61 F6 61 F6 01 00 00", 0xF661F661U, 0, false, ""},
		{"359", "FF FF FF FF 01 50 4E", 0xF661F661U, 0x7F, true, ""},
		{"35C", "07 01", 0x00000107U, 0, false, ""},
		{"35A", "05 00 00 00 00 00 00 01", 0x10000001U, PYLON_CELL_HIGH, false, ""},
		{"35A", "AA AA AA AA AA AA AA AA", 0, 0, false, ""},
		{"35A", "FF FF FF FF FF FF FF FF", 0, 0, false, ""},
		{"35E", "42 59 44 00 00 7F E8 22", 0, 0, false, "BYD....\""},
		{"35E", "50 59 4C 4F 4E", 0, 0, false, "PYLON"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct can_msg m = parse_frame(row[i].id, row[i].hex);
		struct pylon_report r;

		assert_int_equal(pylon_decode(&m, &r), 0);
		assert_int_equal(r.undefined_bits, row[i].undefined);
		assert_int_equal(r.state.protections, row[i].protections);
		assert_int_equal(r.pn, row[i].pn);
		assert_string_equal(r.name, row[i].name);
	}
}

/* A length beyond the type's promise and garbage behind the length change nothing. */
static void test_decoder_never_reads_behind_the_payload(void **state)
{
	const struct can_msg long_len = {.id = 0x35E, .len = 255, .data = "PYLON  "};
	const struct can_msg garbage = {
		.id = 0x351, .len = 6, .data = {0x14, 0x02, 0x50, 0x02, 0xC8, 0x05, 0xFF, 0xFF}};
	struct pylon_report r;

	(void)state;
	assert_int_equal(pylon_decode(&long_len, &r), 0);
	assert_string_equal(r.name, "PYLON  .");
	assert_int_equal(pylon_decode(&garbage, &r), 0);
	assert_false(r.has_dvl);
	assert_int_equal(r.state.dvl_mv, 0);
	assert_int_equal(r.state.dcl_ma, 148000);
}

/* A battery that sends its discharge limit negative is shown as it is, not hidden. */
static void test_decoder_keeps_the_sign_of_a_limit(void **state)
{
	const struct can_msg m = parse_frame("351", "30 02 B0 04 50 FB EA 01");
	struct pylon_report r;

	(void)state;
	assert_int_equal(pylon_decode(&m, &r), 0);
	assert_int_equal(r.state.ccl_ma, 120000);
	assert_int_equal(r.state.dcl_ma, -120000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_frames_decode_to_their_published_values),
		cmocka_unit_test(test_genuine_batteries_are_reproduced_bit_by_bit),
		cmocka_unit_test(test_frames_quoted_on_public_pages_are_reproduced),
		cmocka_unit_test(test_every_signal_of_the_dbc_stands_at_its_place),
		cmocka_unit_test(test_each_alarm_alone_sets_one_bit),
		cmocka_unit_test(test_each_request_alone_sets_one_bit),
		cmocka_unit_test(test_SAF_10_every_signal_saturates),
		cmocka_unit_test(test_SAF_10_no_random_state_escapes_its_rounding),
		cmocka_unit_test(test_profiles_are_sound),
		cmocka_unit_test(test_a_set_is_sent_in_the_genuine_order_and_lengths),
		cmocka_unit_test(test_a_frame_that_the_dialect_lacks_is_empty),
		cmocka_unit_test(test_decoder_takes_every_length_seen_and_refuses_stumps),
		cmocka_unit_test(test_decoder_shows_what_the_document_does_not_define),
		cmocka_unit_test(test_decoder_never_reads_behind_the_payload),
		cmocka_unit_test(test_decoder_keeps_the_sign_of_a_limit),
	};
	const char *given = argc > 1 ? argv[1] : getenv("JKP_SEED");

	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 " (repeat with JKP_SEED=%" PRIu64 ")\n", seed, seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
