/* SPDX-License-Identifier: Apache-2.0 */
/* Readings that have two meanings: 100 degC and more, or zero and below. */
#include "core/temperature.h"
#include "core_test.h"

#define STEPS 7U
#define END   0xFFFFU

static struct bench b;
static struct temperature memory;
static struct sample s;

static int setup(void **state)
{
	(void)state;
	temperature_init(&memory);
	memset(&s, 0, sizeof(s));
	s.t_ns = BENCH_START_NS;
	bench_init(&b);
	return 0;
}

/* The same raw value on all sensors, @ms after the one before. */
static void read_all(uint16_t raw, int64_t ms)
{
	const bool valid = jk_temp_valid(raw);

	s.t_ns += ms * NS_PER_MS;
	for (uint32_t i = 0; i < SAMPLE_PROBES; i++) {
		s.probe_raw[i] = raw;
		s.probe_valid[i] = valid;
		s.probe_dc[i] = jk_temp_dc(raw);
		s.probe_floor_dc[i] = jk_temp_floor_dc(raw);
	}
	s.mos_raw = raw;
	s.mos_valid = valid;
	s.mos_dc = jk_temp_dc(raw);
	temperature_resolve(&memory, &s);
}

static void test_SAF_04_sign_by_continuity(void **state)
{
	static const struct {
		uint16_t raw[STEPS];
		int32_t c[STEPS]; /* nominal, degC */
		int64_t ms;	  /* between the readings */
	} rows[] = {
		/* hotter and hotter, and back */
		{{98, 99, 100, 101, 140, 100, 99}, {98, 99, 100, 101, 140, 100, 99}, 250},
		{{50, 100, 101, END}, {50, 100, 101}, 250},
		{{49, 100, 101, END}, {49, 0, -1}, 250},
		{{20, 60, 100, 101, END}, {20, 60, 100, 101}, 5000},
		{{45, 99, 100, 101, END}, {45, 99, 100, 101}, 250},
		/* colder and colder */
		{{2, 1, 0, 100, 101, 105, 104}, {2, 1, 0, 0, -1, -5, -4}, 250},
		{{100, 101, 140, 100, 99, END}, {0, -1, -40, 0, 99}, 250}, /* the first ones */
		{{2, 105, 102, 100, 2, END}, {2, -5, -2, 0, 2}, 250},
		/* single readings of about 50 at the zero crossing */
		{{1, 50, 100, 50, 101, 0, 100}, {1, 50, 0, 50, -1, 0, 0}, 250},
		{{101, 50, 101, 52, 102, END}, {-1, 50, -1, 52, -2}, 250},
		{{2, 50, 50, 50, 101, 101, END}, {2, 50, 50, 50, -1, -1}, 1000}, /* seen often */
		/* what stays up there is heat */
		{{2, 50, 60, 75, 95, 105, END}, {2, 50, 60, 75, 95, 105}, 1000},
		{{2, 90, 100, 101, END}, {2, 90, 100, 101}, 250},
		/* nothing in between that could be compared with */
		{{99, 255, 100, 141, 101, END}, {99, 0, 100, 0, 101}, 250},
		{{99, 100, 101, END}, {99, 100, 101}, 60000},
		{{99, 100, 101, END}, {99, 0, -1}, 60001},
		{{99, 255, 255, 100, END}, {99, 0, 0, 0}, 20001},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		for (size_t k = 0; k < STEPS && rows[i].raw[k] != END; k++) {
			const int32_t dc = rows[i].c[k] * 10;

			read_all(rows[i].raw[k], rows[i].ms);
			if (s.mos_dc != dc) {
				print_error("row %zu, reading %zu: %d\n", i, k, s.mos_dc);
			}
			assert_int_equal(s.mos_dc, dc);
			for (uint32_t p = 0; p < SAMPLE_PROBES; p++) {
				assert_int_equal(s.probe_dc[p], dc);
				/* a cold limit looks at the lower end */
				assert_int_equal(s.probe_floor_dc[p],
						 rows[i].raw[k] < 100 || dc > 990
							 ? dc
							 : jk_temp_floor_dc(rows[i].raw[k]));
			}
		}
	}
}

/* Each sensor has a memory of its own. */
static void test_SAF_04_sensors_do_not_answer_for_each_other(void **state)
{
	(void)state;
	read_all(99, 250);
	s.probe_valid[1] = false;
	read_all(100, 250);
	assert_int_equal(s.probe_dc[1], 1000);
	setup(NULL);
	read_all(20, 250);
	s.t_ns += 250 * NS_PER_MS;
	s.mos_raw = 99;
	s.mos_dc = 990;
	temperature_resolve(&memory, &s);
	read_all(100, 250);
	assert_int_equal(s.mos_dc, 1000);
	assert_int_equal(s.probe_dc[0], 0);
	assert_int_equal(s.probe_dc[1], 0);
}

enum sensor {
	SENSOR_BOX,
	SENSOR_BATTERY,
	SENSOR_MOS,
	SENSORS
};

static void set(enum sensor which, uint16_t raw)
{
	uint16_t *at[SENSORS] = {&b.battery.box_raw, &b.battery.battery_raw, &b.battery.mos_raw};

	*at[which] = raw;
}

static void warm(enum sensor which, uint16_t raw)
{
	for (uint16_t r = 20; r < raw; r = (uint16_t)(r + 20)) {
		set(which, r);
		run_samples(&b, 1);
	}
	set(which, raw);
	run_samples(&b, 1);
}

/* 99, 100, 101 degC: nothing may flow, and the critical level latches. */
static void test_SAF_04_SAF_12_hotter_than_99_degrees(void **state)
{
	(void)state;
	for (uint32_t which = 0; which < SENSORS; which++) {
		setup(NULL);
		/* the level below 99 would latch before */
		b.config.level[LEVEL_DISCHARGE_HOT].critical = 1000;
		start_fast(&b);
		drain_reply(&b);
		warm((enum sensor)which, 99);
		assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
		assert_int_equal(bench_tele(&b)->envelope_ma[DIR_DISCHARGE], 0);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		set((enum sensor)which, 100);
		run_samples(&b, 1);
		const int64_t t_ns = b.now_ns;

		assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
		assert_int_equal(bench_tele(&b)->envelope_ma[DIR_DISCHARGE], 0);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		set((enum sensor)which, 101);
		while (bench_tele(&b)->latched == REASON_NONE && b.now_ns - t_ns < 5 * NS_PER_S) {
			bench_step(&b);
			assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
			assert_int_equal(bench_tele(&b)->envelope_ma[DIR_DISCHARGE], 0);
		}
		assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
		assert_int_equal(bench_tele(&b)->critical_level,
				 which == SENSOR_MOS ? LEVEL_MOS_HOT : LEVEL_DISCHARGE_HOT);
		assert_between((b.now_ns - t_ns) / NS_PER_MS, 950, 1300);
		/* for as long as it says so */
		bench_run_ms(&b, 120000);
		assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
		assert_int_equal(bench_tele(&b)->envelope_ma[DIR_DISCHARGE], 0);
	}
}

/* A pack in the frost: no charge, no latch, and it may be discharged. */
static void test_SAF_04_a_cold_pack_stays_cold(void **state)
{
	static const uint16_t raw[] = {2, 1, 0, 100, 50, 101, 103, 105, 104, 50, 101, 100};

	(void)state;
	start_fast(&b);
	drain_reply(&b);
	for (size_t i = 0; i < ARRAY_SIZE(raw); i++) {
		for (uint32_t which = 0; which < SENSORS; which++) {
			set((enum sensor)which, raw[i]);
		}
		run_samples(&b, raw[i] == 50 ? 1 : 8);
		assert_int_equal(bench_tele(&b)->latched, REASON_NONE);
		if (raw[i] >= 100) {
			assert_int_equal(bench_tele(&b)->envelope_ma[DIR_CHARGE], 0);
			assert_true(bench_tele(&b)->envelope_ma[DIR_DISCHARGE] > 0);
		}
	}
}

/* Without a reading for more than 60 s the document applies again. */
static void test_SAF_04_after_a_gap_the_plain_rule(void **state)
{
	static const struct {
		int32_t silent_ms;
		int32_t mos_dc;
	} rows[] = {{55000, 1000}, {65000, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		start_fast(&b);
		drain_reply(&b);
		warm(SENSOR_MOS, 80);
		b.silent = true;
		bench_run_ms(&b, rows[i].silent_ms);
		b.silent = false;
		set(SENSOR_MOS, 100);
		run_samples(&b, 1);
		assert_int_equal(bench_tele(&b)->sample.mos_dc, rows[i].mos_dc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_04_sign_by_continuity, setup),
		cmocka_unit_test_setup(test_SAF_04_sensors_do_not_answer_for_each_other, setup),
		cmocka_unit_test_setup(test_SAF_04_SAF_12_hotter_than_99_degrees, setup),
		cmocka_unit_test_setup(test_SAF_04_a_cold_pack_stays_cold, setup),
		cmocka_unit_test_setup(test_SAF_04_after_a_gap_the_plain_rule, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
