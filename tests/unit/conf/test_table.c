/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys: every row is sound, and every key judges its range and unit. */
#include "conf_help.h"

#define TEXT_MAX 1024

static void number_text(char *buf, const struct conf_quantity *q, int32_t v)
{
	struct conf_text t = {buf, CONF_VALUE_MAX, 0};

	conf_number_format(&t, q, v);
}

/* Puts "key = value" behind the two required keys, on the last line. */
static int file_text(char buf[TEXT_MAX], const struct conf_key *k, const char *value)
{
	const bool device = strcmp(k->section, "bms") == 0 && strcmp(k->name, "device") == 0;
	const bool interface = strcmp(k->name, "interface") == 0;
	const int n = snprintf(buf, TEXT_MAX, "[bms]\n%s\n[can]\n%s\n[%s]\n%s = %s\n",
			       device ? "" : "device = /dev/ttyUSB0",
			       interface ? "" : "interface = can0", k->section, k->name, value);

	assert_true(n > 0 && n < TEXT_MAX);
	return 6;
}

static void expect_key_refused(const struct conf_key *k, const char *value, const char *part)
{
	char text[TEXT_MAX];
	char whole[TEXT_MAX];
	const int line = file_text(text, k, value);

	(void)snprintf(whole, sizeof(whole), "%s.%s = %.60s: ", k->section, k->name, value);
	expect_refused(text, strlen(text), line, whole);
	expect_refused(text, strlen(text), line, part);
}

static bool is_number(const struct conf_key *k)
{
	return k->type == CONF_NUMBER || k->type == CONF_SMALL;
}

static void test_every_row_is_sound(void **state)
{
	struct config c;

	(void)state;
	base_config(&c);
	assert_true(conf_key_count > 50);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char buf[CONF_VALUE_MAX] = "";
		struct conf_text t = {buf, sizeof(buf), 0};

		assert_true(strlen(k->name) < CONF_KEY_NAME_MAX);
		assert_true(strlen(k->help) > 20);
		assert_null(strchr(k->help, '\n'));
		assert_true(k->offset < sizeof(struct config));
		assert_ptr_equal(conf_key_find(k->section, k->name), k);
		for (size_t j = 0; j < i; j++) {
			if (conf_keys[j].offset == k->offset) {
				fail_msg("%s and %s share a field", conf_keys[j].name, k->name);
			}
		}
		if (k->quantity) {
			assert_true(k->min < k->max);
		}
		if (k->required) {
			assert_non_null(k->example);
		}
		conf_value_format(&t, k, &c);
		assert_true(buf[0] != '\0');
		t.used = 0;
		conf_range_format(&t, k);
		assert_true(buf[0] != '\0');
	}
}

static void test_every_default_lies_in_its_range(void **state)
{
	struct config standard;

	(void)state;
	base_config(&standard);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char value[CONF_VALUE_MAX] = "";
		char why[CONF_REASON_MAX] = "";
		struct conf_text t = {value, sizeof(value), 0};
		struct conf_text reason = {why, sizeof(why), 0};
		struct config c = standard;

		conf_value_format(&t, k, &standard);
		if (conf_value_parse(k, value, &c, &reason) != 0) {
			fail_msg("%s.%s = %s: %s", k->section, k->name, value, why);
		}
		if (k->has_explicit) {
			assert_memory_not_equal(&c, &standard, sizeof(c));
		} else {
			assert_memory_equal(&c, &standard, sizeof(c));
		}
	}
}

static void test_FLT_57_every_number_is_refused_outside_its_range(void **state)
{
	size_t numbers = 0;

	(void)state;
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char value[CONF_VALUE_MAX];

		if (!is_number(k)) {
			continue;
		}
		numbers++;
		number_text(value, k->quantity, k->min - 1);
		expect_key_refused(k, value, "out of range (range ");
		number_text(value, k->quantity, k->max + 1);
		expect_key_refused(k, value, "out of range (range ");
	}
	assert_true(numbers > 25);
}

static void test_every_number_accepts_both_ends_of_its_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		const int32_t end[] = {k->min, k->max};

		for (size_t e = 0; is_number(k) && e < ARRAY_SIZE(end); e++) {
			char value[CONF_VALUE_MAX];
			char why[CONF_REASON_MAX] = "";
			struct conf_text reason = {why, sizeof(why), 0};
			struct config c;
			int32_t got = 0;

			base_config(&c);
			number_text(value, k->quantity, end[e]);
			assert_int_equal(conf_value_parse(k, value, &c, &reason), 0);
			if (k->type == CONF_SMALL) {
				got = *((unsigned char *)&c + k->offset);
			} else {
				memcpy(&got, (unsigned char *)&c + k->offset, sizeof(got));
			}
			assert_int_equal(got, end[e]);
		}
	}
}

static void test_FLT_57_every_number_is_refused_without_its_unit_and_with_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];

		if (!is_number(k)) {
			continue;
		}
		expect_key_refused(k, "1kg",
				   k->quantity == &conf_count ? "has no unit" : "is no unit");
		expect_key_refused(k, "1mA h",
				   k->quantity == &conf_count ? "has no unit" : "is no unit");
		expect_key_refused(k, "many", "is needed, for example");
		expect_key_refused(k, "", "the value is missing; write ");
		if (k->quantity->unit[0].name[0] != '\0' && !k->quantity->bare) {
			expect_key_refused(k, "1", "a unit is missing; write for example 1");
		}
	}
}

static void test_FLT_57_every_word_list_and_text_is_refused_when_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];

		if (is_number(k)) {
			continue;
		}
		expect_key_refused(k, "", "the value is missing; write ");
		if (k->type != CONF_TEXT || !k->required) {
			expect_key_refused(k, "%nonsense", "");
		}
		if (k->type == CONF_BOOL || k->type == CONF_ENUM || k->type == CONF_PROFILE) {
			expect_key_refused(k, "nonsense", "not known here; write ");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_sound),
		cmocka_unit_test(test_every_default_lies_in_its_range),
		cmocka_unit_test(test_FLT_57_every_number_is_refused_outside_its_range),
		cmocka_unit_test(test_every_number_accepts_both_ends_of_its_range),
		cmocka_unit_test(
			test_FLT_57_every_number_is_refused_without_its_unit_and_with_another),
		cmocka_unit_test(test_FLT_57_every_word_list_and_text_is_refused_when_wrong),
	};

	return cmocka_run_group_tests_name("conf/table", tests, NULL, NULL);
}
