/* SPDX-License-Identifier: Apache-2.0 */
/* Every sentence of the plausibility rules: what lowers, what confirms, what stops. */
#include "core/plausible.h"
#include "core_test.h"

static struct plausible p;
static struct plausible_result r;
static struct core_config config;
static struct sample s;
static struct event events[CYCLE_EVENT_MAX];
static struct sink sink;

static void fill(struct sample *to, uint8_t cells, uint16_t mv)
{
	memset(to, 0, sizeof(*to));
	to->t_ns = BENCH_START_NS;
	to->cells = cells;
	for (uint32_t i = 0; i < cells; i++) {
		to->cell_mv[i] = mv;
	}
	to->cell_sum_mv = cells * mv;
	to->pack_mv = to->cell_sum_mv;
	to->soc_pct = 50;
	to->cycles = 3;
	to->mos_valid = true;
	to->probe_valid[0] = true;
	to->probe_valid[1] = true;
	to->bms.ocp_ma[DIR_CHARGE] = 100000;
	to->bms.ocp_ma[DIR_DISCHARGE] = 80000;
}

static int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	plausible_init(&p);
	fill(&s, 16, 3300);
	return 0;
}

static void judge(bool identical)
{
	sink = (struct sink){.now_ns = s.t_ns, .event = events, .max = CYCLE_EVENT_MAX};
	plausible_step(&p, &config, &s, identical, &sink, &r);
	s.t_ns += POLL_MS * NS_PER_MS;
}

static bool has_event(uint32_t id)
{
	for (uint32_t i = 0; i < sink.len; i++) {
		if (events[i].id == id) {
			return true;
		}
	}
	return false;
}

static void expect_good(void)
{
	judge(false);
	assert_true(r.good && !r.safe_set && !r.no_rise && r.cells_valid && r.soc_valid);
}

/* Moves one cell; the pack voltage goes with it. */
static void set_cell(uint32_t i, uint16_t mv)
{
	s.cell_sum_mv += mv - s.cell_mv[i];
	s.cell_mv[i] = mv;
	s.pack_mv = s.cell_sum_mv;
}

static void test_cell_range_in_two_samples(void **state)
{
	static const struct {
		uint16_t mv;
		bool in;
	} rows[] = {
		{0, false},   {999, false},  {1000, true},	  {3300, true},
		{4500, true}, {4501, false}, {UINT16_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		expect_good();
		set_cell(7, rows[i].mv);
		judge(false);
		assert_false(r.safe_set);
		assert_true(has_event(EVENT_CELL_RANGE) == !rows[i].in);
		assert_true(r.cells_valid == (rows[i].mv == 3300));
		judge(false);
		assert_true(r.safe_set == !rows[i].in);
		assert_true(r.good == rows[i].in);
		assert_true(r.no_rise == !rows[i].in);
		judge(false);
		assert_true(r.safe_set == !rows[i].in);
		/* one sample in range ends it */
		set_cell(7, 3300);
		judge(false);
		assert_false(r.safe_set);
	}
}

static void test_FLT_15_cell_count_changes(void **state)
{
	(void)state;
	expect_good();
	fill(&s, 15, 3300);
	judge(false);
	assert_true(!r.good && !r.safe_set && r.no_rise && !r.cells_valid);
	assert_true(has_event(EVENT_CELL_COUNT));
	judge(false);
	assert_true(r.safe_set);
	/* it stays so for as long as the count differs: a changed pack needs a restart */
	for (int i = 0; i < 1000; i++) {
		judge(false);
		assert_true(r.safe_set && !r.good);
	}
	fill(&s, 16, 3300);
	expect_good();
	/* alternating counts are never good twice in a row, nor a fact */
	for (int i = 0; i < 10; i++) {
		fill(&s, i % 2 == 0 ? 17 : 16, 3300);
		judge(false);
		assert_true(r.good == (i % 2 == 1));
		assert_false(r.safe_set);
	}
}

static void test_cell_count_is_learnt_from_a_sample_that_holds_together(void **state)
{
	(void)state;
	fill(&s, 15, 3300);
	set_cell(2, 0);
	judge(false);
	assert_false(r.good);
	fill(&s, 16, 3300);
	s.pack_mv += 2000;
	judge(false);
	assert_false(r.good);
	fill(&s, 8, 3300);
	judge(false);
	assert_true(r.cells_valid && r.good);
	fill(&s, 0, 0);
	judge(false);
	assert_false(r.good);
	assert_false(r.cells_valid);
}

static void test_FLT_14_cell_jump_is_lower_only_until_confirmed(void **state)
{
	static const struct {
		uint16_t mv;
		bool jump;
	} rows[] = {
		{3500, false}, {3501, true}, {3800, true}, {3100, false}, {3099, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		expect_good();
		set_cell(15, rows[i].mv);
		judge(false);
		assert_true(r.good == !rows[i].jump);
		assert_true(r.no_rise == rows[i].jump);
		assert_true(r.cells_valid == !rows[i].jump);
		assert_false(r.safe_set);
		assert_true(has_event(EVENT_CELL_JUMP) == rows[i].jump);
		expect_good(); /* the next sample confirms it */
		/* back again is a jump again */
		set_cell(15, 3300);
		judge(false);
		assert_true(r.good == !rows[i].jump);
	}
}

static void test_SAF_09_soc_validity(void **state)
{
	static const struct {
		uint8_t soc;
		uint16_t cycles;
		uint32_t missing;
		bool valid;
		bool good;
	} rows[] = {
		{50, 3, 0, true, true},
		{55, 3, 0, true, true},	  /* 5 % is no step */
		{56, 3, 0, false, false}, /* a step */
		{44, 3, 0, false, false},
		{0, 0, 0, false, false}, /* what the BMS says after power-up */
		{0, 3, 0, false, false}, /* 50 to 0 is a step */
		{50, 0, 0, true, true},
		{100, 3, 0, false, false},
		{101, 3, 0, false, false},
		{255, 3, 0, false, false},
		{50, 3, SAMPLE_NO_SOC, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		expect_good();
		s.soc_pct = rows[i].soc;
		s.cycles = rows[i].cycles;
		s.missing = rows[i].missing;
		judge(false);
		if (r.soc_valid != rows[i].valid || r.good != rows[i].good) {
			print_error("row %zu: SoC %u\n", i, rows[i].soc);
		}
		assert_true(r.soc_valid == rows[i].valid);
		assert_true(r.good == rows[i].good);
		assert_true(r.no_rise == !rows[i].good);
		assert_false(r.safe_set);
	}
}

static void test_SAF_09_soc_step_is_confirmed_by_the_next_sample(void **state)
{
	(void)state;
	expect_good();
	s.soc_pct = 90;
	judge(false);
	assert_true(!r.soc_valid && !r.good && has_event(EVENT_SOC_JUMP));
	expect_good();
	/* ...by a sample that agrees, not by another step */
	for (uint8_t soc = 10; soc < 100; soc = (uint8_t)(soc + 30)) {
		s.soc_pct = soc;
		judge(false);
		assert_false(r.soc_valid);
	}
}

static void test_FLT_16_SAF_09_soc_out_of_range_lowers_only(void **state)
{
	(void)state;
	expect_good();
	s.soc_pct = 255;
	for (int i = 0; i < 5; i++) {
		judge(false);
		assert_false(r.good);
		assert_false(r.soc_valid);
		assert_true(r.no_rise);
		assert_true(has_event(EVENT_SOC_INVALID));
	}
}

static void test_sum_of_cells_against_the_pack(void **state)
{
	static const struct {
		uint8_t cells;
		int32_t off_mv;
		bool bad;
	} rows[] = {
		/* 16 x 3.3 V = 52.8 V: 1 % of the pack is 528 mV and more than 0.5 V */
		{16, 520, false},
		{16, -520, false},
		{16, 540, true},
		{16, -540, true},
		/* 8 x 3.3 V = 26.4 V: 0.5 V */
		{8, 500, false},
		{8, -500, false},
		{8, 510, true},
		{8, -510, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		fill(&s, rows[i].cells, 3300);
		expect_good();
		s.pack_mv += rows[i].off_mv;
		judge(false);
		assert_true(r.good == !rows[i].bad);
		assert_false(r.safe_set);
		judge(false);
		assert_true(r.safe_set == rows[i].bad);
	}
	/* a missing pack voltage is a missing field, no contradiction */
	setup(NULL);
	expect_good();
	s.pack_mv = 0;
	s.missing = SAMPLE_NO_PACK_MV;
	judge(false);
	judge(false);
	assert_true(!r.safe_set && !r.good);
}

static void test_current_beyond_the_protection_lowers_only(void **state)
{
	static const struct {
		int32_t ma;
		bool ok;
	} rows[] = {
		{150000, true},	  {150010, false},    {-120000, true},
		{-120010, false}, {INT32_MIN, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		expect_good();
		s.pack_ma = rows[i].ma;
		for (int n = 0; n < 3; n++) {
			judge(false);
			assert_true(r.good == rows[i].ok);
			assert_false(r.safe_set);
		}
		s.bms.ocp_ma[DIR_CHARGE] = SAMPLE_NO_VALUE;
		s.bms.ocp_ma[DIR_DISCHARGE] = SAMPLE_NO_VALUE;
		judge(false);
		assert_true(r.good);
	}
}

static void test_missing_fields_lower_only(void **state)
{
	static const uint32_t fields[] = {
		SAMPLE_NO_PACK_MV, SAMPLE_NO_CURRENT, SAMPLE_NO_SOC,
		SAMPLE_NO_ALARMS,  SAMPLE_NO_STATUS,  SAMPLE_NO_MOS,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		setup(NULL);
		expect_good();
		s.missing = fields[i];
		judge(false);
		assert_true(!r.good && r.no_rise && !r.safe_set && has_event(EVENT_FIELD_MISSING));
	}
}

static void test_FLT_16_probes(void **state)
{
	static const struct {
		enum probes probes;
		bool learnt[2]; /* in the first ten samples */
		bool now[2];
		bool ok;
		uint8_t mask;
	} rows[] = {
		{PROBES_AUTO, {true, true}, {true, true}, true, 3},
		{PROBES_AUTO, {true, true}, {false, true}, false, 2},
		{PROBES_AUTO, {true, true}, {true, false}, false, 1},
		{PROBES_AUTO, {true, true}, {false, false}, false, 0},
		{PROBES_AUTO, {true, false}, {true, false}, true, 1},
		{PROBES_AUTO, {true, false}, {false, false}, false, 0},
		{PROBES_AUTO, {true, false}, {true, true}, true, 3},
		{PROBES_AUTO, {false, true}, {false, true}, true, 2},
		{PROBES_AUTO, {false, false}, {false, false}, false, 0},
		{PROBES_1, {true, true}, {true, true}, true, 1},
		{PROBES_1, {true, true}, {true, false}, true, 1},
		{PROBES_1, {true, true}, {false, true}, false, 0},
		{PROBES_2, {true, true}, {true, true}, true, 3},
		{PROBES_2, {true, false}, {true, false}, false, 1},
		{PROBES_2, {false, true}, {false, true}, false, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		config.probes = rows[i].probes;
		s.probe_valid[0] = rows[i].learnt[0];
		s.probe_valid[1] = rows[i].learnt[1];
		for (int n = 0; n < 10; n++) {
			judge(false);
		}
		s.probe_valid[0] = rows[i].now[0];
		s.probe_valid[1] = rows[i].now[1];
		for (int n = 0; n < 20; n++) {
			judge(false);
			assert_true(r.probes_ok == rows[i].ok);
			assert_int_equal(r.probe_mask, rows[i].mask);
		}
	}
}

/* One plausible reading among the first ten is enough to be missed afterwards. */
static void test_probe_that_was_seen_once_is_missed(void **state)
{
	(void)state;
	s.probe_valid[1] = true;
	judge(false);
	s.probe_valid[1] = false;
	judge(false);
	assert_false(r.probes_ok);
	assert_true(has_event(EVENT_PROBE_LOST));
}

static void test_FLT_11_identical_frames(void **state)
{
	static const struct {
		int32_t ma;
		bool identical;
		bool frozen;
	} rows[] = {
		{1000, true, false}, {-1000, true, false},  {1010, true, true},
		{-1010, true, true}, {20000, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		s.pack_ma = rows[i].ma;
		expect_good();
		/* the first identical frame comes 250 ms later: 60 s are 240 frames */
		for (int n = 1; n <= 1300; n++) {
			judge(rows[i].identical);
			const bool warn = rows[i].frozen && n >= 240;
			const bool stop = rows[i].frozen && n >= 1200;

			assert_true(r.no_rise == warn);
			assert_true(r.frozen == stop);
			assert_true(has_event(EVENT_FROZEN_WARN) == (warn && !stop));
			assert_true(has_event(EVENT_FROZEN_STOP) == stop);
		}
		judge(false);
		assert_true(!r.frozen && !r.no_rise);
	}
}

/* What is not usable says nothing about the next value: the step is measured from before. */
static void test_SAF_09_a_soc_that_is_invalid_hides_no_step(void **state)
{
	static const struct {
		uint8_t soc[4];
		bool valid[4];
	} rows[] = {
		{{55, 255, 8, 8}, {true, false, false, true}},
		{{55, 0, 8, 8}, {true, false, false, true}}, /* 0 with cycle count 0 */
		{{55, 255, 60, 60}, {true, false, true, true}},
		{{55, 255, 61, 61}, {true, false, false, true}},
		{{55, 8, 255, 8}, {true, false, false, true}},
		{{55, 8, 255, 55}, {true, false, false, false}},
		{{255, 8, 8, 8}, {false, true, true, true}}, /* nothing to compare with */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].soc); k++) {
			s.soc_pct = rows[i].soc[k];
			s.cycles = rows[i].soc[k] == 0 ? 0 : 3;
			judge(false);
			if (r.soc_valid != rows[i].valid[k]) {
				print_error("row %zu, sample %zu\n", i, k);
			}
			assert_true(r.soc_valid == rows[i].valid[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_cell_range_in_two_samples, setup),
		cmocka_unit_test_setup(test_FLT_15_cell_count_changes, setup),
		cmocka_unit_test_setup(test_cell_count_is_learnt_from_a_sample_that_holds_together,
				       setup),
		cmocka_unit_test_setup(test_FLT_14_cell_jump_is_lower_only_until_confirmed, setup),
		cmocka_unit_test_setup(test_SAF_09_soc_validity, setup),
		cmocka_unit_test_setup(test_SAF_09_soc_step_is_confirmed_by_the_next_sample, setup),
		cmocka_unit_test_setup(test_FLT_16_SAF_09_soc_out_of_range_lowers_only, setup),
		cmocka_unit_test_setup(test_sum_of_cells_against_the_pack, setup),
		cmocka_unit_test_setup(test_current_beyond_the_protection_lowers_only, setup),
		cmocka_unit_test_setup(test_missing_fields_lower_only, setup),
		cmocka_unit_test_setup(test_FLT_16_probes, setup),
		cmocka_unit_test_setup(test_probe_that_was_seen_once_is_missed, setup),
		cmocka_unit_test_setup(test_FLT_11_identical_frames, setup),
		cmocka_unit_test_setup(test_SAF_09_a_soc_that_is_invalid_hides_no_step, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
