/* SPDX-License-Identifier: Apache-2.0 */
/* Charge phases and the charge voltage limit. */
#include "core/charge.h"
#include "core_test.h"

static struct bench b;
static struct core_config config;
static struct charge ch;
static struct sample s;
static struct event events[CYCLE_EVENT_MAX];
static int64_t now_ns;

static int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	now_ns = BENCH_START_NS;
	charge_init(&ch, now_ns);
	memset(&s, 0, sizeof(s));
	s.cells = 16;
	s.soc_pct = 90;
	s.bms.cell_ovp_mv = 3650;
	return 0;
}

/* One sample a second with these cells. */
static void cells(uint16_t min_mv, uint16_t max_mv, int32_t seconds)
{
	s.cell_min_mv = min_mv;
	s.cell_max_mv = max_mv;
	s.cell_sum_mv = min_mv * 15 + max_mv;
	for (int32_t i = 0; i < seconds; i++) {
		struct sink sink = {.now_ns = now_ns, .event = events, .max = CYCLE_EVENT_MAX};

		charge_sample(&ch, &config, &s, false, &sink);
		now_ns += NS_PER_S;
	}
}

static void test_phases_bulk_absorption_float(void **state)
{
	(void)state;
	cells(3390, 3430, 60);
	assert_int_equal(ch.phase, PHASE_BULK);
	cells(3390, 3450, 1); /* one cell at bulk */
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3390, 3450, 899); /* cells far apart: no clock */
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3442, 3450, 900); /* close together for 15 min */
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	assert_false(ch.full);
	cells(3442, 3450, 1);
	assert_int_equal(ch.phase, PHASE_FLOAT);
	assert_true(ch.full);
	cells(3380, 3385, 3600);
	assert_int_equal(ch.phase, PHASE_FLOAT);
	/* SoC below 80 %: bulk again, not full any more */
	s.soc_pct = 79;
	cells(3380, 3385, 1);
	assert_int_equal(ch.phase, PHASE_BULK);
	assert_false(ch.full);
}

static void test_absorption_clock_starts_anew_when_the_cells_move(void **state)
{
	(void)state;
	cells(3444, 3450, 2);
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3444, 3450, 600);
	cells(3440, 3450, 1); /* spread 10, moved by 4: the clock starts again */
	cells(3440, 3450, 899);
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3440, 3450, 2);
	assert_int_equal(ch.phase, PHASE_FLOAT);
}

static void test_absorption_ends_by_time_and_by_falling_back(void **state)
{
	(void)state;
	cells(3400, 3450, 1);
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3390, 3399, 1); /* 51 mV below bulk */
	assert_int_equal(ch.phase, PHASE_BULK);
	cells(3441, 3441, 1); /* mean within 10 mV of bulk */
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3400, 3450, 7199);
	assert_int_equal(ch.phase, PHASE_ABSORPTION);
	cells(3400, 3450, 2);
	assert_int_equal(ch.phase, PHASE_FLOAT);
}

static void reach_float(void)
{
	cells(3445, 3450, 902);
	assert_int_equal(ch.phase, PHASE_FLOAT);
}

static void test_float_is_left_by_spread_days_or_order(void **state)
{
	struct sink sink = {.event = events, .max = CYCLE_EVENT_MAX};

	(void)state;
	reach_float();
	cells(3300, 3379, 1);
	assert_int_equal(ch.phase, PHASE_FLOAT);
	cells(3300, 3380, 1);
	assert_int_equal(ch.phase, PHASE_BULK);
	setup(NULL);
	reach_float();
	cells(3370, 3375, 1);
	now_ns += INT64_C(14) * 86400 * NS_PER_S - 10 * NS_PER_S;
	cells(3370, 3375, 1);
	assert_int_equal(ch.phase, PHASE_FLOAT);
	now_ns += 10 * NS_PER_S;
	cells(3370, 3375, 1);
	assert_int_equal(ch.phase, PHASE_BULK);
	setup(NULL);
	config.rebulk_days = 0;
	reach_float();
	now_ns += INT64_C(400) * 86400 * NS_PER_S;
	cells(3370, 3375, 1);
	assert_int_equal(ch.phase, PHASE_FLOAT);
	sink.now_ns = now_ns;
	charge_sample(&ch, &config, &s, true, &sink);
	assert_int_equal(ch.phase, PHASE_BULK);
	assert_false(ch.full);
	ch.phase = PHASES; /* outside the enum: nothing happens */
	cells(3450, 3450, 2);
	assert_int_equal(ch.phase, PHASES);
	s.cells = 0;
	ch.phase = PHASE_BULK;
	cells(0, 0, 1);
	assert_int_equal(ch.phase, PHASE_BULK);
}

/* SAF-09 with every number of cells and odd protection values: [3.0 V, maximum] x cells. */
static void test_SAF_09_cvl_bounds(void **state)
{
	static const struct {
		uint16_t ovp_mv; /* as the BMS reports it */
		int32_t cell_mv; /* expected CVL per cell in bulk, 3.45 V by default */
	} rows[] = {
		{3650, 3450}, {3471, 3450}, {3470, 3450}, {3469, 3449},	 {3400, 3380},
		{3021, 3001}, {3020, 3000}, {3019, 3000}, {2500, 3000},	 {2499, 3450},
		{0, 3450},    {4500, 3450}, {4501, 3450}, {65535, 3450},
	};

	(void)state;
	for (uint8_t n = JK_CELLS_MIN; n <= JK_CELLS_MAX; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			bench_init(&b);
			b.battery.cells = n;
			b.battery.cell_ovp_mv = rows[i].ovp_mv;
			b.battery.pack_ovp_mv = 4400 * n;
			b.config.max_explicit[DIR_CHARGE] = true;
			bench_boot(&b, NULL);
			bench_run_ms(&b, 2500);
			assert_int_equal(bench_tele(&b)->cvl_mv, rows[i].cell_mv * n);
			const int32_t on_bus = bench_cvl_mv(&b);

			assert_true(on_bus <= rows[i].cell_mv * n);
			assert_true(on_bus > rows[i].cell_mv * n - 100);
			assert_between(on_bus, 3000 * n, 3500 * n);
		}
	}
}

static void test_SAF_09_cvl_never_above_the_configured_maximum(void **state)
{
	(void)state;
	bench_init(&b);
	b.config.cvl_max_mv = 3400; /* below bulk: the check refuses it, the core bounds it */
	start_fast(&b);
	assert_int_equal(bench_cvl_mv(&b), 3400 * 16);
}

static void test_cvl_moves_slowly_between_phases(void **state)
{
	(void)state;
	bench_init(&b);
	start_fast(&b);
	bench_run_ms(&b, 2000);
	assert_int_equal(bench_tele(&b)->cvl_mv, 55200);
	b.cycle.charge.phase = PHASE_FLOAT;
	b.battery.soc_pct = 59;
	b.config.rebulk_soc = 10;
	bench_run_ms(&b, 10000); /* 1 mV per cell and second, exact at 5 ms a period */
	assert_between(bench_tele(&b)->cvl_mv, 55200 - 16 * 11, 55200 - 16 * 9);
	bench_run_ms(&b, 70000);
	assert_int_equal(bench_tele(&b)->cvl_mv, 3375 * 16);
	b.cycle.charge.phase = PHASE_BULK;
	bench_run_ms(&b, 10000);
	assert_between(bench_tele(&b)->cvl_mv, 54000 + 16 * 9, 54000 + 16 * 11);
	bench_run_ms(&b, 70000);
	assert_int_equal(bench_tele(&b)->cvl_mv, 55200);
	/* a late wake-up is no jump */
	b.cycle.charge.phase = PHASE_FLOAT;
	b.now_ns += 60 * NS_PER_S;
	bench_step(&b);
	assert_true(bench_tele(&b)->cvl_mv >= 55200 - 16);
}

/* A field fault lowers only: the CVL too may not rise on one damaged sample. */
static void test_SAF_16_cvl_does_not_rise_on_one_sample(void **state)
{
	static const struct {
		uint8_t cells;
		uint16_t ovp_mv;
		uint64_t omit;
		int32_t cell_mv; /* after three of them */
	} rows[] = {
		{17, 3450, 0, 3430},
		{32, 3450, 0, 3430},
		{16, 3650, 0, 3450},  /* confirmed: a setting of the BMS was changed */
		{16, 65535, 0, 3430}, /* absurd or gone: the last known one goes on limiting */
		{16, 3450, JK_HAVE(JK_REG_CELL_OVP), 3430},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bench_init(&b);
		b.battery.cell_ovp_mv = 3450;
		start_fast(&b);
		drain_reply(&b);
		const int32_t dvl_mv = bench_tele(&b)->dvl_mv;

		assert_int_equal(bench_tele(&b)->cvl_mv, 3430 * 16);
		b.battery.cells = rows[i].cells;
		b.battery.cell_ovp_mv = rows[i].ovp_mv;
		b.battery.omit = rows[i].omit;
		run_samples(&b, 1);
		assert_int_equal(bench_tele(&b)->cvl_mv, 3430 * 16);
		assert_int_equal(bench_tele(&b)->dvl_mv, dvl_mv);
		run_samples(&b, 2);
		assert_int_equal(bench_tele(&b)->cvl_mv, rows[i].cell_mv * 16);
		if (rows[i].cells != 16) {
			/* another number of cells is never believed */
			bench_run_ms(&b, 20000);
			assert_int_equal(bench_tele(&b)->cvl_mv, 3430 * 16);
			assert_int_equal(b.out.held.cells, 16);
		}
		b.battery.cells = 16;
		b.battery.omit = 0;
		b.battery.cell_ovp_mv = 3400;
		run_samples(&b, 1); /* a fall needs one */
		assert_int_equal(bench_tele(&b)->cvl_mv, 3380 * 16);
	}
}

static void test_SAF_09_soc_100_only_when_full(void **state)
{
	(void)state;
	for (int by_bms = 0; by_bms <= 1; by_bms++) {
		bench_init(&b);
		b.battery.soc_pct = 100;
		b.config.full_rule = by_bms != 0 ? FULL_BY_BMS : FULL_BY_PHASE;
		start_fast(&b);
		bench_run_ms(&b, 2000);
		assert_int_equal(bench_soc(&b), by_bms != 0 ? 100 : 99);
		b.cycle.charge.phase = PHASE_FLOAT;
		b.cycle.charge.full = true;
		bench_run_ms(&b, 2000);
		assert_int_equal(bench_soc(&b), 100);
		b.silent = true; /* held: not full any more for all we know */
		bench_run_ms(&b, 5000);
		assert_int_equal(bench_soc(&b), 99);
	}
}

/* The battery is full by what was seen, not by what passed while nothing was seen. */
static void test_SAF_09_silence_is_no_absorption(void **state)
{
	static const struct {
		int32_t seen_s;
		int32_t silent_s;
		uint16_t cell_mv; /* first sample after it */
		uint32_t phase;
		bool full;
	} rows[] = {
		{1, 901, 3330, PHASE_BULK, false},	 /* it was discharged meanwhile */
		{1, 901, 3448, PHASE_ABSORPTION, false}, /* it may have been */
		{1, 7300, 3448, PHASE_ABSORPTION, false},
		{1, 7300, 3330, PHASE_BULK, false},
		{899, 4, 3448, PHASE_ABSORPTION, false},
		{899, 3, 3448, PHASE_FLOAT, true}, /* no gap: the data was fresh all the time */
		{900, 1, 3399, PHASE_BULK, false}, /* the voltage is judged first */
		{900, 1, 3400, PHASE_FLOAT, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		cells(3448, 3450, rows[i].seen_s + 1);
		assert_int_equal(ch.phase, PHASE_ABSORPTION);
		now_ns += (rows[i].silent_s - 1) * NS_PER_S;
		cells(rows[i].cell_mv, rows[i].cell_mv, 1);
		if (ch.phase != rows[i].phase) {
			print_error("row %zu\n", i);
		}
		assert_int_equal(ch.phase, rows[i].phase);
		assert_true(ch.full == rows[i].full);
		cells(3448, 3450, 890);
		assert_true(ch.full == rows[i].full);
		cells(3448, 3450, 20);
		assert_true(ch.full);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_phases_bulk_absorption_float, setup),
		cmocka_unit_test_setup(test_absorption_clock_starts_anew_when_the_cells_move,
				       setup),
		cmocka_unit_test_setup(test_absorption_ends_by_time_and_by_falling_back, setup),
		cmocka_unit_test_setup(test_float_is_left_by_spread_days_or_order, setup),
		cmocka_unit_test_setup(test_SAF_09_cvl_bounds, setup),
		cmocka_unit_test_setup(test_SAF_09_cvl_never_above_the_configured_maximum, setup),
		cmocka_unit_test_setup(test_cvl_moves_slowly_between_phases, setup),
		cmocka_unit_test_setup(test_SAF_16_cvl_does_not_rise_on_one_sample, setup),
		cmocka_unit_test_setup(test_SAF_09_soc_100_only_when_full, setup),
		cmocka_unit_test_setup(test_SAF_09_silence_is_no_absorption, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
