/* SPDX-License-Identifier: Apache-2.0 */
/* States over MQTT: every value where it belongs, in its unit; unknown is null and never 0. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <cjson/cJSON.h>

#include "base/rule.h"
#include "base/units.h"
#include "core/source.h"
#include "svc/mqtt_value.h"

#define STALE_MS 3000
#define WALL_S	 INT64_C(1800000000)

static char text[MQTT_STATE_MAX];
static struct mqtt_values values;

/* A battery that charges, with everything known. */
static struct telemetry usual(void)
{
	struct telemetry t = {.age_ms = 120, .step = STEP_RUN, .relay = RELAY_CLOSED, .permit = 1};
	struct sample *s = &t.sample;

	s->cells = 16;
	for (uint32_t i = 0; i < 16U; i++) {
		s->cell_mv[i] = (uint16_t)(3300U + i);
	}
	s->cell_min_mv = 3300;
	s->cell_max_mv = 3315;
	s->cell_min_no = 1;
	s->cell_max_no = 16;
	s->soc_pct = 57;
	s->cycles = 123;
	s->pack_mv = 52920;
	s->pack_ma = -12340;
	s->probe_valid[0] = true;
	s->probe_dc[0] = -55;
	s->mos_valid = true;
	s->mos_dc = 312;
	s->mosfet[DIR_DISCHARGE] = true;
	s->bms.capacity_mah = 280000;
	t.soc_valid = 1;
	t.limit_ma[DIR_CHARGE] = 25000;
	t.limited_by[DIR_CHARGE] = RULE_COMMAND;
	t.envelope_ma[DIR_CHARGE] = 60000;
	t.envelope_by[DIR_CHARGE] = RULE_CELL_HIGH;
	t.cvl_mv = 55200;
	t.dvl_mv = 48000;
	t.soc_shown_pct = 57;
	t.enables = 0xC8;
	t.critical_level = LEVELS;
	t.can_link = CAN_LINK_UP;
	t.can_confirmed = 1;
	t.inverter_alive = 1;
	t.alive_age_ms = 333;
	t.count_samples = UINT32_MAX;
	t.count_verdict[JK_OK] = 1000;
	t.count_verdict[JK_BAD_SUM] = 3;
	t.reply_ms = 61;
	t.lease_left_ms[COMMAND_LIMIT_CHARGE] = 40001;
	t.lease_value[COMMAND_LIMIT_CHARGE] = 25000;
	t.lease_left_ms[COMMAND_PAUSE_DISCHARGE] = 1;
	t.grid_w = -1234;
	t.peer_w = 980;
	t.peer_soc_pct = 61;
	t.peer_from = SOURCE_LOCAL;
	t.source_age_ms[SOURCE_GRID] = 456;
	t.source_age_ms[SOURCE_LOCAL] = 7890;
	t.source_age_ms[SOURCE_PORTAL] = INT32_MAX;
	t.arbiter_ma[DIR_CHARGE] = INT32_MAX;
	t.arbiter_ma[DIR_DISCHARGE] = 0;
	t.arbiter_by[DIR_DISCHARGE] = RULE_INTERLOCK;
	t.damping_ma[DIR_CHARGE] = 12500;
	t.damping_ma[DIR_DISCHARGE] = INT32_MAX;
	t.oscillating = 1;
	return t;
}

static void expect(enum mqtt_group group, const char *member)
{
	assert_true(mqtt_state_write(&values, group, WALL_S, text, sizeof(text)) > 0U);
	if (strstr(text, member) == NULL) {
		fail_msg("%s is not in %s", member, text);
	}
}

static void test_values_in_their_units(void **state)
{
	const struct telemetry t = usual();

	(void)state;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	expect(MQTT_BATTERY,
	       "{\"time\":1800000000,\"soc\":57,\"voltage\":52.920,\"current\":-12.340,"
	       "\"power\":-653,\"temperature_1\":-5.5,\"temperature_2\":null,"
	       "\"temperature_mosfet\":31.2,\"capacity\":280.000,\"cycles\":123,"
	       "\"charge_mosfet\":false,\"discharge_mosfet\":true");
	expect(MQTT_BATTERY, "\"age\":0.120}");
	expect(MQTT_CELLS, "\"lowest\":3.300,\"highest\":3.315,\"spread\":0.015");
	expect(MQTT_CELLS, "\"cell_1\":3.300,\"cell_2\":3.301,");
	expect(MQTT_CELLS, "\"cell_16\":3.315}");
	expect(MQTT_LIMITS, "\"charge_limit\":25.000,\"charge_limited_by\":\"command\"");
	expect(MQTT_LIMITS, "\"charge_ceiling\":60.000,\"charge_ceiling_by\":\"cell-high\"");
	expect(MQTT_LIMITS, "\"charge_enabled\":true,\"discharge_enabled\":true,"
			    "\"full_charge_requested\":true");
	expect(MQTT_SAFETY,
	       "\"step\":\"run\",\"reason\":\"none\",\"problem\":false,"
	       "\"latched\":\"none\",\"critical_level\":\"none\",\"relay\":\"closed\"");
	expect(MQTT_BMS, "\"samples\":4294967295,\"dropped\":3,");
	expect(MQTT_CAN, "\"link\":\"up\",\"confirmed\":true,\"inverter\":true,"
			 "\"inverter_age\":0.333");
	expect(MQTT_ORDERS, "\"charge_limit\":25.000,\"charge_limit_left\":41,"
			    "\"discharge_limit\":null,\"discharge_limit_left\":null,"
			    "\"pause_charge\":false,\"pause_charge_left\":null,"
			    "\"pause_discharge\":true,\"pause_discharge_left\":1,");
	expect(MQTT_HOUSE, "\"grid_power\":-1234,\"grid_age\":0.456,\"peer_power\":980,"
			   "\"peer_direction\":\"charging\",\"peer_soc\":61,"
			   "\"peer_source\":\"inverter\",\"peer_age\":7.890,\"portal_age\":null,");
	expect(MQTT_HOUSE, "\"arbiter_charge\":null,\"arbiter_charge_by\":\"none\","
			   "\"arbiter_discharge\":0.000,\"arbiter_discharge_by\":\"interlock\","
			   "\"oscillating\":true,\"damping_charge\":12.500,"
			   "\"damping_discharge\":null}");
}

/* Who is silent has no value; a direction without a size has no power. */
static void test_SAF_07_silent_sources_have_no_value(void **state)
{
	static const struct {
		int32_t peer_w;
		const char *member;
	} rows[] = {
		{INT32_MAX, "\"peer_power\":null,\"peer_direction\":\"charging\""},
		{-INT32_MAX, "\"peer_power\":null,\"peer_direction\":\"discharging\""},
		{0, "\"peer_power\":0,\"peer_direction\":\"idle\""},
		{-1, "\"peer_power\":-1,\"peer_direction\":\"discharging\""},
		{SOURCE_NO_VALUE, "\"peer_power\":null,\"peer_direction\":null"},
	};
	struct telemetry t = usual();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		t.peer_w = rows[i].peer_w;
		mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
		expect(MQTT_HOUSE, rows[i].member);
	}
	t.peer_from = SOURCE_PORTAL;
	t.source_age_ms[SOURCE_PORTAL] = 60000;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	expect(MQTT_HOUSE, "\"peer_source\":\"portal\"");
	expect(MQTT_HOUSE, "\"portal_age\":60.000");
	t.grid_w = SOURCE_NO_VALUE;
	t.peer_soc_pct = SOURCE_NO_VALUE;
	t.peer_from = SOURCES;
	t.source_age_ms[SOURCE_GRID] = 15001;
	t.source_age_ms[SOURCE_LOCAL] = INT32_MAX;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	expect(MQTT_HOUSE, "\"grid_power\":null,\"grid_age\":15.001,");
	expect(MQTT_HOUSE, "\"peer_soc\":null,\"peer_source\":\"none\",\"peer_age\":null");
	t.peer_from = SOURCES + 1;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	expect(MQTT_HOUSE, "\"peer_source\":null");
}

static void test_realtime_and_services(void **state)
{
	const struct mqtt_realtime rt = {.cycles = UINT64_C(5000000000),
					 .wakeup = {12, 2345, 10},
					 .run = {40, 90, 10},
					 .page_faults = 2};
	const struct mqtt_count count = {.published = 7, .withheld = 1};

	(void)state;
	mqtt_values_of(NULL, STALE_MS, &rt, &count, &values);
	values.services = (struct mqtt_services){
		.count = 2,
		.at = {{"mqtt", {.state = SERVICE_GOOD, .opens = 3}, false},
		       {"solis", {.state = 99, .failures = 4}, true}}};
	expect(MQTT_REALTIME, "\"cycles\":5000000000,");
	expect(MQTT_REALTIME, "\"wakeup_mean\":0.012,\"wakeup_max\":2.345,\"run_mean\":0.040,"
			      "\"run_max\":0.090,\"response_mean\":null,\"response_max\":null");
	expect(MQTT_SERVICE, "\"published\":7,\"withheld\":1,");
	expect(MQTT_SERVICE,
	       "\"services\":{\"mqtt\":{\"state\":\"good\",\"hangs\":false,\"opens\":3,\"failures\":0,"
	       "\"lost\":0},\"solis\":{\"state\":\"unknown\",\"hangs\":true,\"opens\":0,\"failures\":4,"
	       "\"lost\":0}}}");
	values.services.count = 0;
}

static void test_FLT_44_time_after_2038(void **state)
{
	static const struct {
		int64_t wall_s;
		const char *member;
	} row[] = {
		{INT64_C(2147483647), "{\"time\":2147483647,"},
		{INT64_C(2147483648), "{\"time\":2147483648,"},
		{INT64_C(2208988800), "{\"time\":2208988800,"},
		/* what 32 bits of time_t make of it: not known, no date of 1901 */
		{INT32_MIN, "{\"time\":null,"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		assert_true(mqtt_state_write(&values, MQTT_LIMITS, row[i].wall_s, text,
					     sizeof(text)) > 0U);
		assert_memory_equal(text, row[i].member, strlen(row[i].member));
	}
}

/* Each member but the time, the version and the services is null. */
static void all_null(enum mqtt_group group, const char *const *but)
{
	assert_true(mqtt_state_write(&values, group, -1, text, sizeof(text)) > 0U);
	cJSON *json = cJSON_Parse(text);
	const cJSON *member = NULL;

	assert_non_null(json);
	cJSON_ArrayForEach(member, json)
	{
		bool excepted = strcmp(member->string, "version") == 0 ||
				strcmp(member->string, "services") == 0;

		for (uint32_t i = 0; but != NULL && but[i] != NULL; i++) {
			excepted = excepted || strcmp(member->string, but[i]) == 0;
		}
		if (!excepted && !cJSON_IsNull(member)) {
			fail_msg("%s is known in %s", member->string, text);
		}
	}
	cJSON_Delete(json);
}

static void test_unknown_is_null_never_0(void **state)
{
	static const char *const age[] = {"age", NULL};
	struct telemetry t = usual();

	(void)state;
	mqtt_values_of(NULL, STALE_MS, NULL, NULL, &values);
	for (uint32_t g = 0; g < MQTT_GROUPS; g++) {
		all_null((enum mqtt_group)g, NULL);
	}
	/* Old values are no values; that there was one is known. */
	t.age_ms = STALE_MS + 1;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	all_null(MQTT_BATTERY, age);
	all_null(MQTT_CELLS, NULL);
	t.age_ms = INT32_MAX;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	all_null(MQTT_BATTERY, NULL);
	/* Field by field. */
	t = usual();
	t.soc_valid = 0;
	t.sample.missing = SAMPLE_NO_PACK_MV | SAMPLE_NO_CURRENT | SAMPLE_NO_ALARMS |
			   SAMPLE_NO_STATUS;
	t.sample.mos_valid = false;
	t.sample.bms.capacity_mah = SAMPLE_NO_VALUE;
	t.alive_age_ms = INT32_MAX;
	t.count_samples = 0;
	t.step = STEP_INIT;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	expect(MQTT_BATTERY, "\"soc\":null,\"voltage\":null,\"current\":null,\"power\":null");
	expect(MQTT_BATTERY, "\"temperature_mosfet\":null,\"capacity\":null,");
	expect(MQTT_BATTERY, "\"charge_mosfet\":null,\"discharge_mosfet\":null,\"balancing\":null");
	expect(MQTT_SAFETY, "\"alarm\":null,\"alarms\":null");
	expect(MQTT_CAN, "\"inverter_age\":null");
	expect(MQTT_BMS, "\"reply\":null");
	expect(MQTT_LIMITS,
	       "\"charge_voltage\":null,\"discharge_voltage\":null,\"soc_shown\":null");
}

static void test_what_is_wrong_is_a_problem(void **state)
{
	struct telemetry t = usual();

	(void)state;
	for (uint32_t step = 0; step < STEPS; step++) {
		t.step = step;
		mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
		expect(MQTT_SAFETY, step >= STEP_STOP ? "\"problem\":true" : "\"problem\":false");
	}
	t.step = STEP_RUN;
	t.latched = REASON_CRITICAL;
	t.critical_level = LEVEL_CELL_HIGH;
	mqtt_values_of(&t, STALE_MS, NULL, NULL, &values);
	expect(MQTT_SAFETY,
	       "\"problem\":true,\"latched\":\"critical\",\"critical_level\":\"cell-high\"");
}

/* Whatever the memory that others can write holds: right JSON, within the bound. */
static void test_any_content_stays_within_the_bound(void **state)
{
	static struct telemetry t;
	static const struct mqtt_realtime rt = {
		.cycles = UINT64_MAX,
		.overruns = UINT64_MAX,
		.missed = UINT64_MAX,
		.wakeup = {INT64_MIN + 1, INT64_MAX, 1},
		.run = {INT64_MIN + 1, INT64_MIN + 1, 1},
		.response = {INT64_MIN + 1, INT64_MIN + 1, 1},
		.page_faults = INT64_MIN + 1,
		.events_lost = UINT32_MAX,
	};
	const struct mqtt_count count = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
					 UINT32_MAX};

	(void)state;
	for (int fill = 0; fill < 256; fill += 85) {
		memset(&t, fill, sizeof(t));
		memset(t.sample.probe_valid, 1, sizeof(t.sample.probe_valid));
		memset(t.sample.mosfet, 1, sizeof(t.sample.mosfet));
		t.sample.mos_valid = true;
		t.sample.balancing = true;
		t.age_ms = 0;
		mqtt_values_of(&t, STALE_MS, &rt, &count, &values);
		values.services.count = MQTT_SERVICES_MAX;
		for (uint32_t i = 0; i < MQTT_SERVICES_MAX; i++) {
			values.services.at[i].name = "fifteen-letters";
			memset(&values.services.at[i].health, fill,
			       sizeof(values.services.at[i].health));
		}
		for (uint32_t g = 0; g < MQTT_GROUPS; g++) {
			const size_t len = mqtt_state_write(&values, (enum mqtt_group)g, INT64_MAX,
							    text, sizeof(text));
			cJSON *json = cJSON_Parse(text);

			assert_true(len > 0U && len == strlen(text));
			assert_non_null(json);
			cJSON_Delete(json);
			assert_int_equal(
				mqtt_state_write(&values, (enum mqtt_group)g, INT64_MAX, text, len),
				0);
			assert_string_equal(text, "");
			assert_int_equal(mqtt_state_write(&values, (enum mqtt_group)g, INT64_MAX,
							  text, len + 1U),
					 len);
		}
	}
	values.services.count = 0;
}

static void test_the_list_is_consistent(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < MQTT_VALUES; i++) {
		const struct mqtt_quantity *q = mqtt_quantity((enum mqtt_value)i);

		assert_true(q->name[0] != '\0' && q->decimals <= 3U);
		assert_int_equal(strspn(q->key, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(q->key));
		for (uint32_t k = 0; k < i; k++) {
			const struct mqtt_quantity *other = mqtt_quantity((enum mqtt_value)k);

			assert_true(other->group != q->group || strcmp(other->key, q->key) != 0);
		}
	}
	for (uint32_t g = 0; g < MQTT_GROUPS; g++) {
		assert_non_null(mqtt_group_name((enum mqtt_group)g));
	}
	assert_null(mqtt_word(MQTT_STEP, STEPS));
	assert_null(mqtt_word(MQTT_STEP, -1));
	assert_null(mqtt_word(MQTT_NUMBER, 0));
	assert_string_equal(mqtt_word(MQTT_RULE, RULE_SOC_MAX), "soc-max");
	assert_string_equal(mqtt_word(MQTT_LEVEL, LEVELS), "none");
	assert_null(mqtt_word(MQTT_LEVEL, LEVELS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_FLT_44_time_after_2038),
		cmocka_unit_test(test_values_in_their_units),
		cmocka_unit_test(test_SAF_07_silent_sources_have_no_value),
		cmocka_unit_test(test_realtime_and_services),
		cmocka_unit_test(test_unknown_is_null_never_0),
		cmocka_unit_test(test_what_is_wrong_is_a_problem),
		cmocka_unit_test(test_any_content_stays_within_the_bound),
		cmocka_unit_test(test_the_list_is_consistent),
	};

	return cmocka_run_group_tests_name("svc/mqtt_state", tests, NULL, NULL);
}
