/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The house with two inverters, two hours of it: the plant is sound, it fights when nobody
 * coordinates, and the core ends that. Bounds, not exact numbers; whole days and other parameters:
 * jkpylon-sim house.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim_house.h"

#define HOUR_S 3600.0
#define FROM_S (17.75 * HOUR_S) /* sunset, kettle and hob */
#define TO_S   (19.75 * HOUR_S)

static const struct house_set usual = {"usual", 3.0, 2.0, 15.0, -15.0, 0.9, false};
static struct house h;
static struct core_config config;
static struct house_sum sum[HOUSE_VARIANTS];
static double worst_w; /* by which the powers do not add up */

static void check_point(void *arg, const struct house_point *p)
{
	(void)arg;
	assert_true(isfinite(p->grid_w) && fabs(p->solis_w) <= 3000.5 &&
		    fabs(p->goodwe_w) <= 2300.5);
	assert_true(p->rule[DIR_CHARGE] < RULES && p->rule[DIR_DISCHARGE] < RULES);
	/* Shown after the batteries have moved on for a tenth of a second. */
	worst_w = fmax(worst_w, fabs(p->load_w - p->sun_w - p->solis_w - p->goodwe_w - p->grid_w));
}

static int run_all(void **state)
{
	(void)state;
	const struct house_day day = {
		.set = &usual,
		.config = &config,
		.seed = 1,
		.from_s = FROM_S,
		.to_s = TO_S,
		.tap = check_point,
	};

	core_config_default(&config);
	for (int v = 0; v < HOUSE_VARIANTS; v++) {
		house_run(&h, (enum house_variant)v, &day);
		sum[v] = h.sum;
		assert_int_equal(h.core.events[EVENT_STEP] <= 2, 1);
		assert_int_equal(h.core.events[EVENT_FROZEN_WARN], 0);
	}
	return 0;
}

/* What goes into the house comes out of it; nothing is made of nothing. */
static void test_energy_adds_up(void **state)
{
	(void)state;
	assert_true(worst_w < 170.0); /* both ramps for a tenth of a second */
	for (int v = 0; v < HOUSE_VARIANTS; v++) {
		assert_true(fabs(sum[v].load_kwh - sum[0].load_kwh) < 1e-9);
		assert_true(sum[v].cross_kwh >= 0.0 && sum[v].import_kwh >= 0.0);
		assert_true(sum[v].soc_end_pct > 10.0 && sum[v].soc_end_pct < 90.0);
	}
}

/* Each loop is stable alone: it is not the plant that swings. */
static void test_the_other_inverter_alone_is_calm(void **state)
{
	(void)state;
	assert_true(sum[HOUSE_ALONE].turns == 0);
	assert_true(sum[HOUSE_ALONE].cross_kwh < 1e-6);
	assert_true(sum[HOUSE_ALONE].import_kwh < 0.35);
}

static void test_two_uncoordinated_ones_fight(void **state)
{
	(void)state;
	assert_true(sum[HOUSE_FREE].turns > 300);
	assert_true(sum[HOUSE_FREE].cross_kwh > 0.1);
	assert_true(sum[HOUSE_FREE].import_kwh > 4.0 * sum[HOUSE_ALONE].import_kwh);
}

/* Its gate opens once a minute for a single pass: it comes upon next to nothing. */
static void test_the_original_hardly_acts(void **state)
{
	(void)state;
	assert_true(sum[HOUSE_SEED].turns > sum[HOUSE_FREE].turns / 2U);
}

static void test_FLT_70_the_core_ends_the_fight(void **state)
{
	(void)state;
	print_message("cross %.4f of %.4f kWh, turns %u of %u, import %.3f of %.3f kWh\n",
		      sum[HOUSE_OURS].cross_kwh, sum[HOUSE_FREE].cross_kwh, sum[HOUSE_OURS].turns,
		      sum[HOUSE_FREE].turns, sum[HOUSE_OURS].import_kwh,
		      sum[HOUSE_FREE].import_kwh);
	assert_true(sum[HOUSE_OURS].cross_kwh < 0.02 * sum[HOUSE_FREE].cross_kwh);
	/* Half an hour of it is a hob, whose thermostat turns anybody round. */
	assert_true(sum[HOUSE_OURS].turns * 20U < sum[HOUSE_FREE].turns);
	assert_true(sum[HOUSE_OURS].import_kwh < 0.3 * sum[HOUSE_FREE].import_kwh);
	assert_true(sum[HOUSE_OURS].import_kwh < 1.5 * sum[HOUSE_ALONE].import_kwh);
}

static void test_the_same_seed_gives_the_same_day(void **state)
{
	static struct house again;
	struct house_day day = {
		.set = &usual,
		.config = &config,
		.seed = 5,
		.from_s = FROM_S,
		.to_s = FROM_S + 600.0,
	};

	(void)state;
	house_run(&h, HOUSE_OURS, &day);
	house_run(&again, HOUSE_OURS, &day);
	assert_memory_equal(&h.sum, &again.sum, sizeof(h.sum));
	day.seed = 6;
	house_run(&again, HOUSE_OURS, &day);
	assert_memory_not_equal(&h.sum, &again.sum, sizeof(h.sum));
}

#define WORDS_MAX 12
#define WORD_SIZE 32

static int run_words(const char *const *words, int count)
{
	static char copy[WORDS_MAX][WORD_SIZE];
	char *argv[WORDS_MAX + 1] = {NULL};

	for (int i = 0; i < count && i < WORDS_MAX; i++) {
		(void)snprintf(copy[i], WORD_SIZE, "%s", words[i]);
		argv[i] = copy[i];
	}
	return house_main(count, argv);
}

static void test_wrong_options_are_refused(void **state)
{
	static const char *const bad[][3] = {
		{"house", "--set", "none"},  {"house", "--hours", "25"}, {"house", "--seeds", "0"},
		{"house", "--damping", "x"}, {"house", "--from", "abc"}, {"house", "rest", "more"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(run_words(bad[i], 3), 1);
	}
}

static void test_table_plot_and_csv(void **state)
{
	char svg[] = "/tmp/jkp-house-XXXXXX";
	char csv[] = "/tmp/jkp-house-XXXXXX";
	char line[512];
	int rows = 0;
	const int a = mkstemp(svg);
	const int c = mkstemp(csv);
	const char *args[] = {"house", "--set", "fast", "--from", "18", "--hours",
			      "0.05",  "--svg", svg,	"--csv",  csv};
	const int count = sizeof(args) / sizeof(args[0]);

	(void)state;
	assert_true(a >= 0 && c >= 0);
	assert_int_equal(run_words(args, count), 0);
	FILE *f = fopen(csv, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		rows++;
	}
	fclose(f);
	assert_int_equal(rows, 1 + 3 * 180);
	f = fopen(svg, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(strncmp(line, "<svg ", 5), 0);
	fclose(f);
	close(a);
	close(c);
	unlink(svg);
	unlink(csv);
	args[8] = "/nonexistent/x.svg";
	assert_int_equal(run_words(args, count), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_energy_adds_up),
		cmocka_unit_test(test_the_other_inverter_alone_is_calm),
		cmocka_unit_test(test_two_uncoordinated_ones_fight),
		cmocka_unit_test(test_the_original_hardly_acts),
		cmocka_unit_test(test_FLT_70_the_core_ends_the_fight),
		cmocka_unit_test(test_the_same_seed_gives_the_same_day),
		cmocka_unit_test(test_wrong_options_are_refused),
		cmocka_unit_test(test_table_plot_and_csv),
	};

	return cmocka_run_group_tests(tests, run_all, NULL);
}
