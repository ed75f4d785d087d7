/* SPDX-License-Identifier: Apache-2.0 */
/* Orders over MQTT: what is understood, what is refused and why, how many are heard. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/time.h"
#include "base/units.h"
#include "svc/mqtt_command.h"

/* A copy of the exact size: a sanitizer sees what reads beyond. */
static enum mqtt_refusal parse_bytes(const char *name, const char *payload, size_t len,
				     struct mqtt_order *order)
{
	char *copy = malloc(len > 0U ? len : 1U);

	assert_non_null(copy);
	memcpy(copy, payload, len);
	const enum mqtt_refusal r = mqtt_command_parse(name, copy, len, order);

	free(copy);
	return r;
}

static enum mqtt_refusal parse(const char *name, const char *payload, struct mqtt_order *order)
{
	return parse_bytes(name, payload, strlen(payload), order);
}

static void test_understood(void **state)
{
	static const struct {
		const char *name;
		const char *payload;
		uint32_t kind;
		int32_t value;
		int32_t ttl_ms;
		const char *id;
	} rows[] = {
		{"charge_limit", "20", COMMAND_LIMIT_CHARGE, 20000, 60000, ""},
		{"charge_limit", "20.5", COMMAND_LIMIT_CHARGE, 20500, 60000, ""},
		{"charge_limit", "0", COMMAND_LIMIT_CHARGE, 0, 60000, ""},
		{"charge_limit", "0.001", COMMAND_LIMIT_CHARGE, 1, 60000, ""},
		{"charge_limit", "400", COMMAND_LIMIT_CHARGE, 400000, 60000, ""},
		{"charge_limit", " 7 \r\n", COMMAND_LIMIT_CHARGE, 7000, 60000, ""},
		{"discharge_limit", "{\"value\":20}", COMMAND_LIMIT_DISCHARGE, 20000, 60000, ""},
		{"discharge_limit", " { \"ttl\" : 5 , \"value\" : 1.25 , \"id\" : \"a.B_9:-\" } ",
		 COMMAND_LIMIT_DISCHARGE, 1250, 5000, "a.B_9:-"},
		{"charge_limit", "{\"value\":1,\"ttl\":60}", COMMAND_LIMIT_CHARGE, 1000, 60000, ""},
		{"charge_limit", "{\"value\":1,\"ttl\":1}", COMMAND_LIMIT_CHARGE, 1000, 1000, ""},
		{"charge_limit", "{\"value\":1,\"ttl\":30.0}", COMMAND_LIMIT_CHARGE, 1000, 30000,
		 ""},
		{"charge_limit", "OFF", COMMAND_RELEASE, COMMAND_LIMIT_CHARGE, 60000, ""},
		{"charge_limit", "null", COMMAND_RELEASE, COMMAND_LIMIT_CHARGE, 60000, ""},
		{"soc_max", "{\"value\":null,\"id\":\"x\"}", COMMAND_RELEASE, COMMAND_SOC_MAX,
		 60000, "x"},
		{"soc_max", "80", COMMAND_SOC_MAX, 80, 60000, ""},
		{"soc_max", "80.0", COMMAND_SOC_MAX, 80, 60000, ""},
		{"soc_min", "0", COMMAND_SOC_MIN, 0, 60000, ""},
		{"soc_min", "100", COMMAND_SOC_MIN, 100, 60000, ""},
		{"pause_charge", "ON", COMMAND_PAUSE_CHARGE, 0, 60000, ""},
		{"pause_charge", "true", COMMAND_PAUSE_CHARGE, 0, 60000, ""},
		{"pause_charge", "{\"value\":\"ON\",\"ttl\":9}", COMMAND_PAUSE_CHARGE, 0, 9000, ""},
		{"pause_discharge", "{\"value\":true}", COMMAND_PAUSE_DISCHARGE, 0, 60000, ""},
		{"pause_discharge", "false", COMMAND_RELEASE, COMMAND_PAUSE_DISCHARGE, 60000, ""},
		{"pause_charge", "OFF", COMMAND_RELEASE, COMMAND_PAUSE_CHARGE, 60000, ""},
		{"full_charge", "ON", COMMAND_FULL_CHARGE, 0, 60000, ""},
		{"full_charge", "OFF", COMMAND_RELEASE, COMMAND_FULL_CHARGE, 60000, ""},
		{"release", "PRESS", COMMAND_RELEASE, COMMAND_NONE, 60000, ""},
		{"release", "all", COMMAND_RELEASE, COMMAND_NONE, 60000, ""},
		{"release", "{\"value\":\"soc_min\"}", COMMAND_RELEASE, COMMAND_SOC_MIN, 60000, ""},
		{"release", "charge_limit", COMMAND_RELEASE, COMMAND_LIMIT_CHARGE, 60000, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mqtt_order order;
		const enum mqtt_refusal r = parse(rows[i].name, rows[i].payload, &order);

		if (r != MQTT_UNDERSTOOD) {
			fail_msg("%s %s: %s", rows[i].name, rows[i].payload,
				 mqtt_refusal_text((int32_t)r));
		}
		assert_string_equal(order.name, rows[i].name);
		assert_string_equal(order.id, rows[i].id);
		assert_int_equal(order.command.kind, rows[i].kind);
		assert_int_equal(order.command.value, rows[i].value);
		assert_int_equal(order.command.ttl_ms, rows[i].ttl_ms);
		assert_int_equal(order.command.local, 0);
	}
}

static const struct {
	const char *name;
	const char *payload;
	enum mqtt_refusal why;
	const char *id;
} bad[] = {
	{"ack", "ON", MQTT_BAD_NAME, ""},
	{"", "1", MQTT_BAD_NAME, ""},
	{"charge_limit2", "1", MQTT_BAD_NAME, ""},
	{"charge_limit", "", MQTT_BAD_SIZE, ""},
	{"charge_limit", "\x01", MQTT_BAD_BYTES, ""},
	{"charge_limit", "2\xC3\xA9", MQTT_BAD_BYTES, ""}, /* right UTF-8 */
	{"charge_limit", "\xC0\x80", MQTT_BAD_BYTES, ""},  /* wrong UTF-8 */
	{"charge_limit", "2\x7F", MQTT_BAD_BYTES, ""},
	{"charge_limit", " ", MQTT_BAD_FORM, ""},
	{"charge_limit", "1 2", MQTT_BAD_FORM, ""},
	{"charge_limit", "{", MQTT_BAD_FORM, ""},
	{"charge_limit", "{}", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\":1", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\":1}}", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\":1},", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\":1,}", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\":{}}", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\":[1]}", MQTT_BAD_FORM, ""},
	{"charge_limit", "{value:1}", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"value\" 1}", MQTT_BAD_FORM, ""},
	{"charge_limit", "\"2", MQTT_BAD_FORM, ""},
	{"charge_limit", "\"\\u0032\"", MQTT_BAD_FORM, ""},
	{"charge_limit", "[20]", MQTT_BAD_FORM, ""},
	{"charge_limit", "{\"ttl\":5}", MQTT_BAD_KEY, ""},
	{"charge_limit", "{\"value\":1,\"value\":2}", MQTT_BAD_KEY, ""},
	{"charge_limit", "{\"value\":1,\"unit\":\"A\"}", MQTT_BAD_KEY, ""},
	{"charge_limit", "20A", MQTT_BAD_VALUE, ""},
	{"charge_limit", "1e3", MQTT_BAD_VALUE, ""},
	{"charge_limit", "+1", MQTT_BAD_VALUE, ""},
	{"charge_limit", "01", MQTT_BAD_VALUE, ""},
	{"charge_limit", "1.", MQTT_BAD_VALUE, ""},
	{"charge_limit", ".5", MQTT_BAD_VALUE, ""},
	{"charge_limit", "1.2345", MQTT_BAD_VALUE, ""},
	{"charge_limit", "1.2.3", MQTT_BAD_VALUE, ""},
	{"charge_limit", "0x10", MQTT_BAD_VALUE, ""},
	{"charge_limit", "NaN", MQTT_BAD_VALUE, ""},
	{"charge_limit", "Infinity", MQTT_BAD_VALUE, ""},
	{"charge_limit", "\"20\"", MQTT_BAD_VALUE, ""},
	{"charge_limit", "ON", MQTT_BAD_VALUE, ""},
	{"charge_limit", "99999999999999999999", MQTT_BAD_VALUE, ""},
	{"charge_limit", "400.001", MQTT_BAD_RANGE, ""},
	{"charge_limit", "-1", MQTT_BAD_RANGE, ""},
	{"charge_limit", "-0.001", MQTT_BAD_RANGE, ""},
	{"charge_limit", "999999999", MQTT_BAD_RANGE, ""},
	{"soc_max", "101", MQTT_BAD_RANGE, ""},
	{"soc_min", "-1", MQTT_BAD_RANGE, ""},
	{"soc_max", "80.5", MQTT_BAD_VALUE, ""},
	{"pause_charge", "1", MQTT_BAD_VALUE, ""},
	{"pause_charge", "on", MQTT_BAD_VALUE, ""},
	{"pause_charge", "\"true\"", MQTT_BAD_VALUE, ""},
	{"full_charge", "PRESS", MQTT_BAD_VALUE, ""},
	{"release", "1", MQTT_BAD_VALUE, ""},
	{"release", "ack", MQTT_BAD_VALUE, ""},
	{"release", "release", MQTT_BAD_VALUE, ""},
	{"release", "OFF", MQTT_BAD_VALUE, ""},
	{"charge_limit", "{\"value\":1,\"ttl\":0}", MQTT_BAD_TTL, ""},
	{"charge_limit", "{\"value\":1,\"ttl\":61}", MQTT_BAD_TTL, ""},
	{"charge_limit", "{\"value\":1,\"ttl\":-1}", MQTT_BAD_TTL, ""},
	{"charge_limit", "{\"value\":1,\"ttl\":0.5}", MQTT_BAD_TTL, ""},
	{"charge_limit", "{\"value\":1,\"ttl\":\"5\"}", MQTT_BAD_TTL, ""},
	{"charge_limit", "{\"value\":1,\"ttl\":null}", MQTT_BAD_TTL, ""},
	{"charge_limit", "{\"value\":1,\"id\":5}", MQTT_BAD_ID, ""},
	{"charge_limit", "{\"value\":1,\"id\":\"\"}", MQTT_BAD_ID, ""},
	{"charge_limit", "{\"value\":1,\"id\":\"a b\"}", MQTT_BAD_ID, ""},
	{"charge_limit", "{\"value\":1,\"id\":\"1234567890123456789012345678901234567\"}",
	 MQTT_BAD_ID, ""},
	/* the sender is told, whatever else is wrong */
	{"charge_limit", "{\"value\":-1,\"id\":\"me\"}", MQTT_BAD_RANGE, "me"},
	{"charge_limit", "{\"ttl\":99,\"value\":1,\"id\":\"me\"}", MQTT_BAD_TTL, "me"},
	{"charge_limit", "{\"id\":\"me\"}", MQTT_BAD_KEY, "me"},
};

static void test_FLT_36_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mqtt_order order;
		const enum mqtt_refusal r = parse(bad[i].name, bad[i].payload, &order);

		if (r != bad[i].why || strcmp(order.id, bad[i].id) != 0) {
			fail_msg("%s %s: %s (id %s)", bad[i].name, bad[i].payload,
				 mqtt_refusal_text((int32_t)r), order.id);
		}
	}
}

static void test_FLT_36_long_payloads_are_not_read(void **state)
{
	static char big[1 << 20];
	struct mqtt_order order;

	(void)state;
	memset(big, '1', sizeof(big));
	assert_int_equal(mqtt_command_parse("charge_limit", big, sizeof(big), &order),
			 MQTT_BAD_SIZE);
	assert_int_equal(mqtt_command_parse("charge_limit", big, MQTT_PAYLOAD_MAX + 1U, &order),
			 MQTT_BAD_SIZE);
	assert_int_equal(mqtt_command_parse("charge_limit", big, MQTT_PAYLOAD_MAX, &order),
			 MQTT_BAD_VALUE);
	assert_int_equal(mqtt_command_parse("charge_limit", NULL, 0, &order), MQTT_BAD_SIZE);
	memset(big, ' ', sizeof(big));
	big[MQTT_PAYLOAD_MAX - 1U] = '5';
	assert_int_equal(mqtt_command_parse("charge_limit", big, MQTT_PAYLOAD_MAX, &order),
			 MQTT_UNDERSTOOD);
	/* A NUL within is a byte like any other one: refused. */
	assert_int_equal(mqtt_command_parse("charge_limit", "5\0", 2, &order), MQTT_BAD_BYTES);
}

/* Every beginning of a good payload is refused, or means the same order with less. */
static void test_FLT_36_cut_at_every_byte(void **state)
{
	static const char whole[] = "{\"value\":20.5,\"ttl\":30,\"id\":\"evening\"}";
	struct mqtt_order order;

	(void)state;
	for (size_t n = 1; n < strlen(whole); n++) {
		char cut[sizeof(whole)] = "";

		memcpy(cut, whole, n);
		assert_int_not_equal(parse("charge_limit", cut, &order), MQTT_UNDERSTOOD);
	}
	assert_int_equal(parse("charge_limit", whole, &order), MQTT_UNDERSTOOD);
}

/* SAF-19: no name reaches what only a local tool may order. */
static void test_SAF_19_no_payload_acknowledges(void **state)
{
	static const char *const payloads[] = {"ON", "true", "PRESS", "all",
					       "1",  "ack",  "0",     "OFF"};
	const char *name = NULL;

	(void)state;
	for (uint32_t n = 0; (name = mqtt_order_name(n)) != NULL; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
			struct mqtt_order order;

			if (parse(name, payloads[i], &order) == MQTT_UNDERSTOOD) {
				assert_int_not_equal(order.command.kind, COMMAND_ACK);
				assert_int_equal(order.command.local, 0);
				assert_true(order.command.kind != COMMAND_RELEASE ||
					    order.command.value != COMMAND_ACK);
			}
		}
	}
	assert_null(mqtt_order_of(COMMAND_ACK));
	assert_null(mqtt_order_of(COMMAND_NONE));
	assert_string_equal(mqtt_order_of(COMMAND_SOC_MIN), "soc_min");
}

static void test_FLT_36_rate_is_bounded(void **state)
{
	struct mqtt_rate r;
	int64_t now_ns = 1000 * NS_PER_S;
	int taken = 0;

	(void)state;
	mqtt_rate_init(&r, now_ns);
	for (int i = 0; i < 1000; i++) {
		taken += mqtt_rate_take(&r, now_ns) ? 1 : 0;
	}
	assert_int_equal(taken, MQTT_RATE_BURST);
	/* 1000 a second for 100 s: 2 a second are heard */
	taken = 0;
	for (int i = 0; i < 100000; i++) {
		now_ns += NS_PER_MS;
		taken += mqtt_rate_take(&r, now_ns) ? 1 : 0;
	}
	assert_in_range(taken, 199, 201);
	now_ns += 3600 * NS_PER_S;
	taken = 0;
	for (int i = 0; i < 100; i++) {
		taken += mqtt_rate_take(&r, now_ns) ? 1 : 0;
	}
	assert_int_equal(taken, MQTT_RATE_BURST);
	/* a time that stands still or goes back gives nothing */
	assert_false(mqtt_rate_take(&r, now_ns - NS_PER_S));
	assert_false(mqtt_rate_take(&r, INT64_MIN / 2));
}

static void test_replies_are_json(void **state)
{
	char buf[MQTT_REPLY_MAX];

	(void)state;
	for (int32_t i = 0; i < MQTT_REFUSALS; i++) {
		const size_t len = mqtt_reply_write(
			"discharge_limit", "123456789012345678901234567890123456", "refused",
			mqtt_refusal_text(i), buf, sizeof(buf));

		assert_true(len > 0U && len == strlen(buf));
		cJSON *json = cJSON_Parse(buf);

		assert_non_null(json);
		assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "reason")),
				    mqtt_refusal_text(i));
		assert_string_not_equal(mqtt_refusal_text(i), "?");
		cJSON_Delete(json);
	}
	for (int32_t i = 0; i < COMMAND_VERDICTS; i++) {
		assert_true(mqtt_reply_write("discharge_limit",
					     "123456789012345678901234567890123456",
					     mqtt_verdict_word((uint32_t)i),
					     command_verdict_text(i), buf, sizeof(buf)) > 0U);
		assert_string_not_equal(command_verdict_text(i), "?");
	}
	assert_true(mqtt_reply_write("x", "", "accepted", NULL, buf, sizeof(buf)) > 0U);
	assert_string_equal(
		buf, "{\"order\":\"x\",\"id\":null,\"verdict\":\"accepted\",\"reason\":null}");
	assert_int_equal(mqtt_reply_write("x", "", "accepted", NULL, buf, 20), 0);
	assert_string_equal(mqtt_refusal_text(-1), "?");
	assert_string_equal(mqtt_refusal_text(MQTT_REFUSALS), "?");
	assert_string_equal(command_verdict_text(-1), "?");
	assert_string_equal(mqtt_verdict_word(COMMAND_NOT_ALLOWED), "refused");
	assert_string_equal(mqtt_verdict_word(UINT32_MAX), "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood),
		cmocka_unit_test(test_FLT_36_refused_with_a_reason),
		cmocka_unit_test(test_FLT_36_long_payloads_are_not_read),
		cmocka_unit_test(test_FLT_36_cut_at_every_byte),
		cmocka_unit_test(test_SAF_19_no_payload_acknowledges),
		cmocka_unit_test(test_FLT_36_rate_is_bounded),
		cmocka_unit_test(test_replies_are_json),
	};

	return cmocka_run_group_tests_name("svc/mqtt_command", tests, NULL, NULL);
}
