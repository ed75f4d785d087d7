/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of events and rules. */
#include "base/event.h"
#include "base/rule.h"
#include "base/units.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define TEXT_LONGEST 200U
#define BUF	     256U

/* The lists once more, as the header gives them. */
static const struct {
	const char *key;
	int level;
	uint32_t interval_s;
	const char *text;
} list[] = {
#define X(id, level, interval, text) {#id, EVENT_##level, interval, text},
	EVENT_LIST(X)
#undef X
};

/* Names that say what was asked for: "3/7" = kind 3, value 7. */
static const char *spy(enum event_name kind, int32_t value)
{
	static char name[EVENT_NAMES + 1][16];

	(void)snprintf(name[kind], sizeof(name[kind]), "<%d/%d>", (int)kind, (int)value);
	return name[kind];
}

static const char *longest_name(enum event_name kind, int32_t value)
{
	(void)kind;
	(void)value;
	return "a-name-of-25-characters--";
}

static size_t format(uint32_t id, int32_t a, int32_t b, int32_t c, int32_t d, event_namer *namer,
		     char buf[BUF])
{
	const struct event e = {.id = id, .arg = {a, b, c, d}};

	memset(buf, 'x', BUF);
	return event_format(&e, namer, buf, BUF);
}

static void test_every_event_is_complete(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_SIZE(list), EVENTS);
	for (uint32_t id = 0; id < EVENTS; id++) {
		assert_string_equal(event_key(id), list[id].key);
		assert_int_equal(event_level(id), list[id].level);
		assert_int_equal(event_interval_s(id), list[id].interval_s);
		assert_in_range(event_level(id), EVENT_ERR, EVENT_DEBUG);
		assert_true(list[id].text[0] != '\0');
	}
	assert_int_equal(event_level(EVENTS), EVENT_ERR);
	assert_int_equal(event_level(UINT32_MAX), EVENT_ERR);
	assert_int_equal(event_interval_s(EVENTS), 0);
	assert_string_equal(event_key(EVENTS), "?");
	assert_string_equal(event_key(UINT32_MAX), "?");
}

/* What a placeholder asks for, found in the text of the header independently of event.c. */
static void test_every_placeholder_is_one_the_header_names(void **state)
{
	static const char *const known[] = {
		"",	   "mV",      "mA",   "dC",	"pm",	  "ms",	   "hex",  "id",
		"rule",	   "verdict", "step", "reason", "level",  "phase", "link", "dir",
		"command", "order",   "u",    "ip",	"source", "chars"};

	(void)state;
	for (uint32_t id = 0; id < EVENTS; id++) {
		const char *s = list[id].text;

		while ((s = strchr(s, '{')) != NULL) {
			const char *end = strchr(s, '}');
			char word[16] = "";
			bool found = false;

			assert_non_null(end);
			assert_in_range(s[1], '0', '0' + EVENT_ARGS - 1);
			assert_true(end == s + 2 || s[2] == ':');
			if (end > s + 3) {
				assert_true((size_t)(end - s - 3) < sizeof(word));
				memcpy(word, s + 3, (size_t)(end - s - 3));
			}
			for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
				found = found || strcmp(word, known[i]) == 0;
			}
			if (!found) {
				fail_msg("%s: {..:%s}", list[id].key, word);
			}
			s = end;
		}
	}
}

static void test_no_text_keeps_a_brace_or_grows_too_long(void **state)
{
	static const int32_t arg[] = {0, 1, -1, 1234, INT32_MIN, INT32_MAX};

	(void)state;
	for (uint32_t id = 0; id < EVENTS; id++) {
		for (size_t i = 0; i < ARRAY_SIZE(arg); i++) {
			char buf[BUF];
			const size_t len = format(id, arg[i], arg[i], arg[i], arg[i], longest_name,
						  buf);

			assert_int_equal(strlen(buf), len);
			if (strpbrk(buf, "{}") || len > TEXT_LONGEST || len == 0) {
				fail_msg("%s: %zu bytes: %s", list[id].key, len, buf);
			}
			for (size_t k = 0; k < len; k++) {
				assert_true(isprint((unsigned char)buf[k]));
			}
		}
	}
}

static void test_texts(void **state)
{
	static const struct {
		uint32_t id;
		int32_t arg[EVENT_ARGS];
		const char *text;
	} row[] = {
		{EVENT_BMS_FIRST,
		 {16, 53123, 80, 200},
		 "BMS answers: 16 cells, 53.123 V, SoC 80 %, capacity 200 Ah"},
		{EVENT_BMS_NO_REPLY,
		 {2500, 0, 0, 0},
		 "BMS does not answer within 2.5 s: check power, RX/TX and the port protocol in "
		 "the JK app (000: 4G-GPS)"},
		{EVENT_CELL_RANGE,
		 {3, 900, 0, 0},
		 "cell 3 reads 0.900 V, outside 1.0 to 4.5 V: check the sense wire"},
		{EVENT_CURRENT_RANGE,
		 {-60000, 12345, 0, 0},
		 "current -60 A is beyond 1.5 x the BMS's over-current protection (12.345 A): "
		 "limits only fall"},
		{EVENT_BMS_ALARM, {0x10, 0, 0, 0}, "BMS alarm bits 0x10, before 0x0"},
		{EVENT_BMS_ALARM,
		 {-1, INT32_MIN, 0, 0},
		 "BMS alarm bits 0xFFFFFFFF, before 0x80000000"},
		{EVENT_CAN_DUPLICATE,
		 {0x351, 0, 0, 0},
		 "CAN: another node sends 0x351: duplicate battery on the bus"},
		{EVENT_CAN_DUPLICATE,
		 {5, 0, 0, 0},
		 "CAN: another node sends 0x005: duplicate battery on the bus"},
		{EVENT_STEP, {1, 2, 3, 0}, "ladder: <2/1> (before: <2/2>), reason: <3/3>"},
		{EVENT_LIMIT_CHARGE, {100, 4, 0, 0}, "charge limit 0.1 A by <0/4>"},
		{EVENT_LIMIT_CHARGE, {-1, 4, 0, 0}, "charge limit -0.001 A by <0/4>"},
		{EVENT_LIMIT_CHARGE, {0, 4, 0, 0}, "charge limit 0 A by <0/4>"},
		{EVENT_LIMIT_CHARGE, {INT32_MIN, 4, 0, 0}, "charge limit -2147483.648 A by <0/4>"},
		{EVENT_BMS_BAD_FRAME, {6, 12, 0, 0}, "BMS frame dropped: <1/6> (12 so far)"},
		{EVENT_DISOBEYED,
		 {1, 20000, 5500, 0},
		 "<7/1>: inverter takes 20 A against a limit of 5.5 A"},
		{EVENT_PHASE, {2, 1, 0, 0}, "charge phase: <5/2> (before: <5/1>)"},
		{EVENT_CAN_LINK, {5, 2, 0, 0}, "CAN: <6/5> (before: <6/2>)"},
		{EVENT_COMMAND_EXPIRED, {3, 0, 0, 0}, "command expired: <8/3>"},
		{EVENT_SMA_FOLLOWS,
		 {-1286150145, -1062731515, -6995, 0},
		 "SMA: meter 3008817151 at 192.168.1.5 gives the power at the grid, -6995 W"},
		{EVENT_SMA_FOLLOWS,
		 {0, -1, 0, 0},
		 "SMA: meter 0 at 255.255.255.255 gives the power at the grid, 0 W"},
		{EVENT_GUARD_SILENT, {0, 0, 0, 0}, "guard process stands still: safe set"},
		{EVENTS, {1, -2, 3, INT32_MIN}, NULL},
		{UINT32_MAX, {0, 0, 0, 7}, "unknown event 0xFFFFFFFF 0 0 0 7"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char buf[BUF];
		const int32_t *a = row[i].arg;

		(void)format(row[i].id, a[0], a[1], a[2], a[3], spy, buf);
		if (!row[i].text) {
			assert_non_null(strstr(buf, "unknown event 0x"));
			assert_non_null(strstr(buf, " 1 -2 3 -2147483648"));
		} else {
			assert_string_equal(buf, row[i].text);
		}
	}
}

static void test_the_buffer_is_never_overrun(void **state)
{
	char whole[BUF];
	const struct event e = {.id = EVENT_BMS_FIRST, .arg = {16, 53123, 80, 200}};
	const size_t len = format(EVENT_BMS_FIRST, 16, 53123, 80, 200, spy, whole);

	(void)state;
	for (size_t size = 0; size <= len + 2; size++) {
		char buf[BUF];
		const size_t room = size == 0 ? 0 : size - 1;
		const size_t want = len < room ? len : room;

		memset(buf, 'x', sizeof(buf));
		assert_int_equal(event_format(&e, spy, buf, size), want);
		assert_memory_equal(buf, whole, want);
		if (size > 0) {
			assert_int_equal(buf[want], '\0');
		}
		for (size_t i = size; i < sizeof(buf); i++) {
			assert_int_equal(buf[i], 'x');
		}
	}
}

static void test_every_rule_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RULES; i++) {
		assert_string_not_equal(rule_name(i), "?");
		assert_true(strlen(rule_text(i)) > 5);
		assert_true(strcspn(rule_name(i), " _") == strlen(rule_name(i)));
		for (uint32_t j = 0; j < i; j++) {
			assert_string_not_equal(rule_name(i), rule_name(j));
		}
	}
	assert_string_equal(rule_name(RULE_CELL_HIGH), "cell-high");
	assert_string_equal(rule_text(RULE_NONE), "not limited");
	assert_string_equal(rule_name(RULES), "?");
	assert_string_equal(rule_text(RULES), "?");
	assert_string_equal(rule_name(UINT32_MAX), "?");
	assert_string_equal(rule_text(UINT32_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_event_is_complete),
		cmocka_unit_test(test_every_placeholder_is_one_the_header_names),
		cmocka_unit_test(test_no_text_keeps_a_brace_or_grows_too_long),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_the_buffer_is_never_overrun),
		cmocka_unit_test(test_every_rule_has_a_name_and_a_text),
	};

	return cmocka_run_group_tests_name("base/event", tests, NULL, NULL);
}
