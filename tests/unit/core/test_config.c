/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults, presets, and the rules between settings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rule.h"
#include "base/units.h"
#include "core/config.h"
#include "core/cycle.h"

static void test_the_defaults_are_consistent(void **state)
{
	static const enum preset presets[] = {PRESET_LFP, PRESET_SEED};
	struct config_fault fault = {.text = "untouched"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		struct core_config c;

		core_config_default(&c);
		core_config_preset(&c, presets[i]);
		if (core_config_check(&c, &fault) != 0) {
			fail_msg("preset %zu: %s %s: %s", i, fault.key_a,
				 fault.key_b ? fault.key_b : "", fault.text);
		}
		assert_string_equal(fault.text, "untouched");
	}
}

static void test_default_numbers(void **state)
{
	struct core_config c;

	(void)state;
	core_config_default(&c);
	assert_non_null(c.profile);
	assert_string_equal(c.profile->name, "pylontech-1.2");
	assert_int_equal(c.poll_ms, 250);
	assert_int_equal(c.stale_ms, 3000);
	assert_int_equal(c.trip_ms, 10000);
	assert_int_equal(c.slot_ms, 10);
	assert_int_equal(c.set_ms, 1000);
	assert_int_equal(c.force_charge_soc, 10);
	assert_int_equal(c.overdischarge_soc, 20);
	assert_int_equal(c.max_ma[DIR_CHARGE], 60000);
	assert_int_equal(c.max_ma[DIR_DISCHARGE], 60000);
	assert_int_equal(c.max_c_rate_pm, 500);
	assert_int_equal(c.rise_ma_s, 1000);
	assert_int_equal(c.calm_ms, 30000);
	assert_int_equal(c.obey_margin_ma, 8000);
	assert_int_equal(c.obey_margin_pm, 200);
	assert_int_equal(c.bulk_mv, 3450);
	assert_int_equal(c.float_mv, 3375);
	assert_int_equal(c.cvl_max_mv, 3500);
	assert_int_equal(c.dvl_mv, 3000);
	assert_int_equal(c.absorption_ms, 900000);
	assert_int_equal(c.absorption_max_ms, 7200000);
	assert_int_equal(c.rebulk_days, 14);
	for (uint32_t i = 0; i < SOURCES; i++) {
		assert_int_equal(c.source[i].fallback, FALLBACK_RELEASE);
	}
	assert_int_equal(c.source[SOURCE_LOCAL].stale_ms, 60000);
	assert_int_equal(c.source[SOURCE_PORTAL].stale_ms, 900000);
	assert_int_equal(c.period_us, 5000);
	assert_int_equal(c.modules, 1);
	assert_int_equal(c.expect_alive, EXPECT_ALIVE_OPTIONAL);
	assert_false(c.force_charge);
	assert_false(c.send_305);
	assert_false(c.allow_full_charge);
	assert_true(c.ratchet);
	assert_memory_equal(&c.level[LEVEL_CELL_HIGH], (&(struct level){3500, 3550, 3700}),
			    sizeof(struct level));
	assert_memory_equal(&c.level[LEVEL_DISCHARGE_COLD], (&(struct level){0, -200, -250}),
			    sizeof(struct level));
	assert_memory_equal(&c.level[LEVEL_MOS_HOT], (&(struct level){750, 900, 1000}),
			    sizeof(struct level));
}

struct point {
	enum curve_id curve;
	int32_t x;
	int32_t y;
};

static void run_points(enum preset preset, const struct point *p, size_t count)
{
	struct core_config c;

	core_config_default(&c);
	core_config_preset(&c, preset);
	for (size_t i = 0; i < count; i++) {
		const int32_t y = curve_eval(&c.curve[p[i].curve], p[i].x);

		if (y != p[i].y) {
			fail_msg("curve %d at %d: %d instead of %d", (int)p[i].curve, p[i].x, y,
				 p[i].y);
		}
	}
}

static void test_default_envelope_curves(void **state)
{
	static const struct point row[] = {
		{CURVE_CHARGE_CELL_HIGH, 3300, 1000},
		{CURVE_CHARGE_CELL_HIGH, 3400, 500},
		{CURVE_CHARGE_CELL_HIGH, 3450, 250},
		{CURVE_CHARGE_CELL_HIGH, 3500, 30},
		{CURVE_CHARGE_CELL_HIGH, 3550, 0},
		{CURVE_CHARGE_CELL_HIGH, 3549, 0},
		{CURVE_CHARGE_CELL_LOW, 2000, 0},
		{CURVE_CHARGE_CELL_LOW, 2500, 50},
		{CURVE_CHARGE_CELL_LOW, 2800, 250},
		{CURVE_CHARGE_CELL_LOW, 3000, 1000},
		{CURVE_DISCHARGE_CELL_LOW, 2900, 0},
		{CURVE_DISCHARGE_CELL_LOW, 2950, 100},
		{CURVE_DISCHARGE_CELL_LOW, 3000, 400},
		{CURVE_DISCHARGE_CELL_LOW, 3100, 800},
		{CURVE_DISCHARGE_CELL_LOW, 3200, 1000},
		{CURVE_CHARGE_COLD, 0, 0},
		{CURVE_CHARGE_COLD, -10, 0},
		{CURVE_CHARGE_COLD, 50, 120},
		{CURVE_CHARGE_COLD, 100, 300},
		{CURVE_CHARGE_COLD, 200, 500},
		{CURVE_CHARGE_HOT, 400, 1000},
		{CURVE_CHARGE_HOT, 450, 500},
		{CURVE_CHARGE_HOT, 500, 250},
		{CURVE_CHARGE_HOT, 550, 0},
		{CURVE_DISCHARGE_TEMP, -200, 0},
		{CURVE_DISCHARGE_TEMP, -100, 250},
		{CURVE_DISCHARGE_TEMP, 0, 500},
		{CURVE_DISCHARGE_TEMP, 50, 1000},
		{CURVE_DISCHARGE_TEMP, 450, 1000},
		{CURVE_DISCHARGE_TEMP, 500, 500},
		{CURVE_DISCHARGE_TEMP, 550, 250},
		{CURVE_DISCHARGE_TEMP, 600, 0},
		{CURVE_MOS, 700, 1000},
		{CURVE_MOS, 800, 250},
		{CURVE_MOS, 900, 0},
	};

	(void)state;
	run_points(PRESET_LFP, row, ARRAY_SIZE(row));
}

static void test_seed_curves_are_the_step_tables_of_the_script(void **state)
{
	static const struct point row[] = {
		{CURVE_CHARGE_CELL_HIGH, 3551, 0},
		{CURVE_CHARGE_CELL_HIGH, 3550, 0},
		{CURVE_CHARGE_CELL_HIGH, 3549, 2000},
		{CURVE_CHARGE_CELL_HIGH, 3500, 2000},
		{CURVE_CHARGE_CELL_HIGH, 3499, 15000},
		{CURVE_CHARGE_CELL_HIGH, 3470, 15000},
		{CURVE_CHARGE_CELL_HIGH, 3469, 30000},
		{CURVE_CHARGE_CELL_HIGH, 3450, 30000},
		{CURVE_CHARGE_CELL_HIGH, 3449, 60000},
		{CURVE_CHARGE_CELL_HIGH, 3000, 60000},
		{CURVE_CHARGE_CELL_LOW, 3000, 60000},
		{CURVE_CHARGE_CELL_LOW, 2999, 30000},
		{CURVE_CHARGE_CELL_LOW, 2700, 30000},
		{CURVE_CHARGE_CELL_LOW, 2699, 0},
		{CURVE_CHARGE_CELL_LOW, 0, 0},
		{CURVE_DISCHARGE_CELL_LOW, 3300, 60000},
		{CURVE_DISCHARGE_CELL_LOW, 3299, 50000},
		{CURVE_DISCHARGE_CELL_LOW, 3100, 50000},
		{CURVE_DISCHARGE_CELL_LOW, 3099, 30000},
		{CURVE_DISCHARGE_CELL_LOW, 3000, 30000},
		{CURVE_DISCHARGE_CELL_LOW, 2999, 10000},
		{CURVE_DISCHARGE_CELL_LOW, 2901, 10000},
		/* The limit level of the lowest cell: 0 here, whatever the script did. */
		{CURVE_DISCHARGE_CELL_LOW, 2900, 0},
		{CURVE_DISCHARGE_CELL_LOW, 2899, 0},
		/* Not part of the preset: as by default. */
		{CURVE_CHARGE_HOT, 450, 500},
		{CURVE_MOS, 800, 250},
	};

	(void)state;
	run_points(PRESET_SEED, row, ARRAY_SIZE(row));
}

static void test_a_preset_changes_only_curves(void **state)
{
	struct core_config a;
	struct core_config b;

	(void)state;
	core_config_default(&a);
	a.max_ma[DIR_CHARGE] = 1;
	a.level[LEVEL_CELL_HIGH].warn = 2;
	b = a;
	core_config_preset(&b, PRESET_SEED);
	assert_memory_not_equal(a.curve, b.curve, sizeof(a.curve));
	core_config_preset(&b, PRESET_LFP);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* Each row breaks one rule of the defaults. */
static const struct {
	const char *key_a;
	const char *key_b;
	size_t offset;
	int32_t value;
	int32_t good; /* nearest value that is accepted */
} pair[] = {
#define FIELD(member) offsetof(struct core_config, member)
	{"bms.poll", "bms.stale", FIELD(poll_ms), 1501, 1500},
	{"bms.poll", "bms.stale", FIELD(stale_ms), 499, 500},
	{"bms.trip", "bms.stale", FIELD(trip_ms), 4999, 5000},
	{"bms.trip", "bms.stale", FIELD(stale_ms), 8001, 8000},
	{"rt.period", "can.slot", FIELD(period_us), 10001, 10000},
	{"rt.period", "can.slot", FIELD(slot_ms), 4, 5},
	{"can.slot", "can.set", FIELD(slot_ms), 167, 166},
	{"can.slot", "can.set", FIELD(set_ms), 59, 60},
	{"can.overdischarge_soc", "can.force_charge_soc", FIELD(overdischarge_soc), 11, 12},
	{"can.overdischarge_soc", "can.force_charge_soc", FIELD(force_charge_soc), 19, 18},
	{"charge.float", "charge.bulk", FIELD(float_mv), 3451, 3450},
	{"charge.bulk", "charge.cvl_max", FIELD(bulk_mv), 3501, 3500},
	{"charge.cvl_max", "limits.cell_high", FIELD(cvl_max_mv), 3550, 3549},
	{"limits.dvl", "limits.cell_low", FIELD(dvl_mv), 2899, 2900},
	{"limits.dvl", "charge.float", FIELD(dvl_mv), 3375, 3374},
	{"charge.absorption", "charge.absorption_max", FIELD(absorption_ms), 7200001, 7200000},
	{"charge.spread_steady", "charge.spread_full", FIELD(spread_steady_mv), 11, 10},
	{"charge.rebulk_spread", "charge.spread_full", FIELD(rebulk_spread_mv), 10, 11},
	{"limits.cell_high", NULL, FIELD(level[LEVEL_CELL_HIGH].warn), 3551, 3550},
	{"limits.cell_high", NULL, FIELD(level[LEVEL_CELL_HIGH].critical), 3550, 3551},
	{"limits.cell_low", NULL, FIELD(level[LEVEL_CELL_LOW].warn), 2899, 2900},
	{"limits.cell_low", NULL, FIELD(level[LEVEL_CELL_LOW].critical), 2900, 2899},
	{"limits.charge_cold", NULL, FIELD(level[LEVEL_CHARGE_COLD].warn), -1, 0},
	{"limits.charge_cold", NULL, FIELD(level[LEVEL_CHARGE_COLD].critical), 0, -1},
	{"limits.charge_hot", NULL, FIELD(level[LEVEL_CHARGE_HOT].critical), 550, 551},
	{"limits.discharge_cold", NULL, FIELD(level[LEVEL_DISCHARGE_COLD].critical), -200, -201},
	{"limits.discharge_hot", NULL, FIELD(level[LEVEL_DISCHARGE_HOT].critical), 600, 601},
	{"limits.mosfet", NULL, FIELD(level[LEVEL_MOS_HOT].critical), 900, 901},
	{"limits.cell_low", "limits.cell_high", FIELD(level[LEVEL_CELL_LOW].warn), 3500, 3499},
	{"limits.charge_cold", "limits.charge_hot", FIELD(level[LEVEL_CHARGE_COLD].warn), 450, 449},
	{"limits.discharge_cold", "limits.discharge_hot", FIELD(level[LEVEL_DISCHARGE_COLD].warn),
	 450, 449},
	/* A curve that is not 0 at its limit level. */
	{"limits.charge_by_cell_high", "limits.cell_high", FIELD(level[LEVEL_CELL_HIGH].limit),
	 3548, 3549},
	{"limits.charge_by_cell_high", "limits.cell_high",
	 FIELD(curve[CURVE_CHARGE_CELL_HIGH].y[4]), 1, 0},
	{"limits.discharge_by_cell_low", "limits.cell_low",
	 FIELD(curve[CURVE_DISCHARGE_CELL_LOW].y[0]), 1, 0},
	{"limits.charge_by_cold", "limits.charge_cold", FIELD(curve[CURVE_CHARGE_COLD].y[0]), 1, 0},
	{"limits.charge_by_hot", "limits.charge_hot", FIELD(curve[CURVE_CHARGE_HOT].y[3]), 1, 0},
	{"limits.discharge_by_temp", "limits.discharge_cold",
	 FIELD(curve[CURVE_DISCHARGE_TEMP].y[0]), 1, 0},
	{"limits.discharge_by_temp", "limits.discharge_hot",
	 FIELD(curve[CURVE_DISCHARGE_TEMP].y[7]), 1, 0},
	{"limits.by_mosfet", "limits.mosfet", FIELD(curve[CURVE_MOS].y[2]), 1, 0},
	/* A curve of the wrong shape. */
	{"limits.charge_by_cell_high", NULL, FIELD(curve[CURVE_CHARGE_CELL_HIGH].y[1]), 249, 250},
	{"limits.charge_by_cell_low", NULL, FIELD(curve[CURVE_CHARGE_CELL_LOW].y[1]), 251, 250},
	{"limits.discharge_by_cell_low", NULL, FIELD(curve[CURVE_DISCHARGE_CELL_LOW].x[0]), 2950,
	 2949},
	{"limits.discharge_by_temp", NULL, FIELD(curve[CURVE_DISCHARGE_TEMP].y[6]), 501, 500},
	{"limits.charge_by_cold", NULL, FIELD(curve[CURVE_CHARGE_COLD].y[2]), 501, 500},
	/* More than all. */
	{"limits.charge_by_cell_high", NULL, FIELD(curve[CURVE_CHARGE_CELL_HIGH].y[0]), 1001, 1000},
#undef FIELD
};

static int check_with(size_t i, int32_t value, struct config_fault *fault)
{
	struct core_config c;

	core_config_default(&c);
	memcpy((unsigned char *)&c + pair[i].offset, &value, sizeof(value));
	return core_config_check(&c, fault);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void test_FLT_57_contradictions_name_both_keys_and_the_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pair); i++) {
		struct config_fault fault = {0};
		const int r = check_with(i, pair[i].value, &fault);

		if (r != -EINVAL || !same(fault.key_a, pair[i].key_a) ||
		    !same(fault.key_b, pair[i].key_b) || !fault.text || strlen(fault.text) < 20) {
			fail_msg("row %zu (%s %s %d): %d %s %s: %s", i, pair[i].key_a,
				 pair[i].key_b ? pair[i].key_b : "-", pair[i].value, r,
				 fault.key_a ? fault.key_a : "-", fault.key_b ? fault.key_b : "-",
				 fault.text ? fault.text : "-");
		}
	}
}

static void test_the_value_beside_each_contradiction_is_not_refused_for_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pair); i++) {
		struct config_fault fault = {0};

		/* Another rule may still object to it. */
		if (check_with(i, pair[i].good, &fault) != 0 && same(fault.key_a, pair[i].key_a) &&
		    same(fault.key_b, pair[i].key_b)) {
			fail_msg("row %zu: %d: %s", i, pair[i].good, fault.text);
		}
	}
}

/* 0 at both limit levels, but only because all of its current lies beyond one of them. */
static void test_a_hump_outside_its_levels_is_a_fault(void **state)
{
	static const struct curve cold = {.count = 3, .x = {-500, -400, -300}, .y = {0, 1000, 0}};
	static const struct curve hot = {.count = 3, .x = {700, 800, 900}, .y = {0, 1000, 0}};
	struct core_config c;
	struct config_fault fault = {0};

	(void)state;
	core_config_default(&c);
	c.curve[CURVE_DISCHARGE_TEMP] = cold;
	assert_int_equal(core_config_check(&c, &fault), -EINVAL);
	assert_string_equal(fault.key_b, "limits.discharge_cold");
	c.curve[CURVE_DISCHARGE_TEMP] = hot;
	assert_int_equal(core_config_check(&c, &fault), -EINVAL);
	assert_string_equal(fault.key_b, "limits.discharge_hot");
}

static void test_a_missing_profile_is_a_fault(void **state)
{
	struct core_config c;
	struct config_fault fault = {0};

	(void)state;
	core_config_default(&c);
	c.profile = NULL;
	assert_int_equal(core_config_check(&c, &fault), -EINVAL);
	assert_string_equal(fault.key_a, "can.profile");
}

static void test_send_305_counts_as_a_frame(void **state)
{
	struct core_config c;
	struct config_fault fault = {0};

	(void)state;
	core_config_default(&c);
	c.set_ms = 60;
	assert_int_equal(core_config_check(&c, &fault), 0);
	c.send_305 = true;
	assert_int_equal(core_config_check(&c, &fault), -EINVAL);
	c.set_ms = 70;
	assert_int_equal(core_config_check(&c, &fault), 0);
}

/* SAF-05: between limit level and warn level of both presets there is no gap and no rise. */
static void test_SAF_05_preset_curves_are_monotone_in_every_millivolt(void **state)
{
	static const enum preset presets[] = {PRESET_LFP, PRESET_SEED};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(presets); n++) {
		struct core_config c;

		core_config_default(&c);
		core_config_preset(&c, presets[n]);
		for (int32_t mv = 0; mv < 6000; mv++) {
			assert_true(curve_eval(&c.curve[CURVE_CHARGE_CELL_HIGH], mv) >=
				    curve_eval(&c.curve[CURVE_CHARGE_CELL_HIGH], mv + 1));
			assert_true(curve_eval(&c.curve[CURVE_CHARGE_CELL_LOW], mv) <=
				    curve_eval(&c.curve[CURVE_CHARGE_CELL_LOW], mv + 1));
			assert_true(curve_eval(&c.curve[CURVE_DISCHARGE_CELL_LOW], mv) <=
				    curve_eval(&c.curve[CURVE_DISCHARGE_CELL_LOW], mv + 1));
		}
	}
}

/* Words for logs and tools: no blanks, no two the same, "?" outside. */
static void judge_names(const char *(*name)(int32_t), int32_t count)
{
	assert_string_equal(name(-1), "?");
	assert_string_equal(name(count), "?");
	assert_string_equal(name(INT32_MIN), "?");
	assert_string_equal(name(INT32_MAX), "?");
	for (int32_t i = 0; i < count; i++) {
		assert_string_not_equal(name(i), "?");
		assert_true(strlen(name(i)) > 0 && strcspn(name(i), " \t_") == strlen(name(i)));
		for (int32_t j = 0; j < i; j++) {
			assert_string_not_equal(name(i), name(j));
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	judge_names(step_name, STEPS);
	judge_names(reason_name, REASONS);
	judge_names(phase_name, PHASES);
	judge_names(can_link_name, CAN_LINKS);
	judge_names(dir_name, DIRS);
	judge_names(level_name, LEVELS);
	judge_names(command_name, COMMANDS);
	assert_string_equal(step_name(STEP_TRIP), "trip");
	assert_string_equal(reason_name(REASON_BMS_SILENT), "bms-silent");
	assert_string_equal(level_name(LEVEL_MOS_HOT), "mosfet-hot");
}

static void test_event_names_come_from_the_right_list(void **state)
{
	(void)state;
	assert_string_equal(core_event_name(EVENT_NAME_RULE, RULE_CELL_HIGH), "cell-high");
	assert_string_equal(core_event_name(EVENT_NAME_VERDICT, JK_BAD_SUM),
			    jk_verdict_name(JK_BAD_SUM));
	assert_string_equal(core_event_name(EVENT_NAME_STEP, STEP_HOLD), "hold");
	assert_string_equal(core_event_name(EVENT_NAME_REASON, REASON_FROZEN), "frozen");
	assert_string_equal(core_event_name(EVENT_NAME_LEVEL, LEVEL_CELL_LOW), "cell-low");
	assert_string_equal(core_event_name(EVENT_NAME_PHASE, PHASE_FLOAT), "float");
	assert_string_equal(core_event_name(EVENT_NAME_LINK, CAN_LINK_BUS_OFF), "bus-off");
	assert_string_equal(core_event_name(EVENT_NAME_DIR, DIR_DISCHARGE), "discharge");
	assert_string_equal(core_event_name(EVENT_NAME_COMMAND, COMMAND_ACK), "ack");
	assert_string_equal(core_event_name(EVENT_NAME_ORDER, COMMAND_NOT_LOCAL),
			    "only a local tool may order this");
	assert_string_equal(core_event_name(EVENT_NAME_ORDER, COMMAND_VERDICTS), "?");
	for (int kind = 0; kind <= EVENT_NAMES; kind++) {
		assert_string_equal(core_event_name((enum event_name)kind, -1), "?");
		assert_string_equal(core_event_name((enum event_name)kind, INT32_MAX), "?");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_defaults_are_consistent),
		cmocka_unit_test(test_default_numbers),
		cmocka_unit_test(test_default_envelope_curves),
		cmocka_unit_test(test_seed_curves_are_the_step_tables_of_the_script),
		cmocka_unit_test(test_a_preset_changes_only_curves),
		cmocka_unit_test(test_FLT_57_contradictions_name_both_keys_and_the_remedy),
		cmocka_unit_test(test_the_value_beside_each_contradiction_is_not_refused_for_it),
		cmocka_unit_test(test_a_hump_outside_its_levels_is_a_fault),
		cmocka_unit_test(test_a_missing_profile_is_a_fault),
		cmocka_unit_test(test_send_305_counts_as_a_frame),
		cmocka_unit_test(test_SAF_05_preset_curves_are_monotone_in_every_millivolt),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_event_names_come_from_the_right_list),
	};

	return cmocka_run_group_tests_name("core/config", tests, NULL, NULL);
}
