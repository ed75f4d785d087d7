/* SPDX-License-Identifier: Apache-2.0 */
/* Falls pass at once, rises are confirmed, held, and slow. */
#include "core/limiter.h"
#include "core_test.h"

#define STEP_NS (5 * NS_PER_MS)

static struct core_config config;
static struct limiter lim;
static int64_t now_ns;
static int32_t envelope_ma;
static uint32_t rule;

static int setup(void **state)
{
	(void)state;
	core_config_default(&config);
	now_ns = BENCH_START_NS;
	limiter_init(&lim, now_ns);
	return 0;
}

static void sample(int32_t ma, bool good)
{
	envelope_ma = ma;
	limiter_sample(&lim, ma, ma, 60000, good, false);
}

static int32_t step_with(const struct proposal *extra, uint32_t extras, bool may_rise)
{
	const struct proposal envelope = {envelope_ma, RULE_MAXIMUM};

	now_ns += STEP_NS;
	return limiter_step(&lim, &config, now_ns, envelope, extra, extras, may_rise, &rule);
}

static int32_t step(void)
{
	return step_with(NULL, 0, true);
}

static int32_t run_ms(int64_t ms)
{
	int32_t ma = 0;

	for (int64_t t = 0; t < ms; t += 5) {
		ma = step();
	}
	return ma;
}

static void test_SAF_16_a_rise_needs_two_good_samples(void **state)
{
	(void)state;
	bench_fast_ramps(&config);
	sample(60000, true);
	assert_int_equal(step(), 0);
	assert_int_equal(rule, RULE_CONFIRM);
	sample(60000, true);
	assert_int_equal(step(), 60000);
	assert_int_equal(rule, RULE_MAXIMUM);
	/* a fall needs one */
	sample(20000, true);
	assert_int_equal(step(), 20000);
	/* up again: the lower of two */
	sample(50000, true);
	assert_int_equal(step(), 20000);
	sample(40000, true);
	assert_int_equal(step(), 40000);
	/* a sample that is not good lowers and breaks the chain */
	sample(10000, false);
	assert_int_equal(step(), 10000);
	sample(60000, false);
	assert_int_equal(step(), 10000);
	sample(60000, true);
	assert_int_equal(step(), 10000);
	sample(60000, true);
	assert_int_equal(step(), 60000);
}

static void test_SAF_06_a_fall_passes_in_the_same_step(void **state)
{
	(void)state;
	bench_fast_ramps(&config);
	for (int32_t to = 0; to <= 60000; to += 700) {
		setup(NULL);
		bench_fast_ramps(&config);
		sample(60000, true);
		sample(60000, true);
		assert_int_equal(step(), 60000);
		sample(to, true);
		assert_int_equal(step(), to - to % 100);
	}
}

static void test_SAF_06_rise_one_ampere_a_second(void **state)
{
	(void)state;
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(run_ms(1000), 1000);
	assert_int_equal(rule, RULE_RAMP);
	assert_int_equal(run_ms(9000), 10000);
	assert_int_equal(run_ms(49900), 59900);
	assert_int_equal(run_ms(100), 60000);
	assert_int_equal(rule, RULE_MAXIMUM);
	assert_int_equal(run_ms(5000), 60000);
}

static void test_SAF_06_rise_waits_for_30_s_of_calm(void **state)
{
	(void)state;
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(run_ms(60000), 60000);
	sample(20000, true);
	assert_int_equal(step(), 20000);
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(run_ms(29900), 20000);
	assert_int_equal(run_ms(1100), 21000);
	/* another fall: 30 s again */
	sample(15000, true);
	assert_int_equal(step(), 15000);
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(run_ms(29900), 15000);
	assert_int_equal(run_ms(45100), 60000);
}

static void test_SAF_06_a_late_step_does_not_jump(void **state)
{
	(void)state;
	sample(60000, true);
	sample(60000, true);
	step();
	now_ns += 3600 * NS_PER_S;
	assert_true(step() <= 1000 + 5);
	now_ns -= 10 * NS_PER_S; /* cannot happen; must not count backwards */
	assert_true(step() <= 1000 + 10);
}

static void test_SAF_06_no_rise_while_it_is_forbidden(void **state)
{
	(void)state;
	bench_fast_ramps(&config);
	sample(30000, true);
	sample(30000, true);
	assert_int_equal(step(), 30000);
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(step_with(NULL, 0, false), 30000);
	sample(10000, true);
	assert_int_equal(step_with(NULL, 0, false), 10000);
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(step_with(NULL, 0, false), 10000);
	assert_int_equal(step(), 60000);
}

static void ratchet_sample(int32_t cells_ma)
{
	envelope_ma = cells_ma < 0 ? 60000 : cells_ma;
	limiter_sample(&lim, envelope_ma, cells_ma, 60000, cells_ma >= 0, true);
}

static void test_SAF_06_ratchet_until_the_full_zone(void **state)
{
	(void)state;
	bench_fast_ramps(&config);
	ratchet_sample(60000);
	ratchet_sample(60000);
	assert_int_equal(step(), 60000);
	ratchet_sample(30000);
	assert_int_equal(step(), 30000);
	ratchet_sample(59999);
	ratchet_sample(59999);
	assert_int_equal(step(), 30000);
	assert_int_equal(rule, RULE_RATCHET);
	ratchet_sample(12000);
	ratchet_sample(40000);
	ratchet_sample(40000);
	assert_int_equal(step(), 12000);
	/* cells that are not to be trusted neither pull nor release */
	ratchet_sample(-1);
	assert_int_equal(step(), 12000);
	ratchet_sample(60000);
	ratchet_sample(60000);
	assert_int_equal(step(), 60000);
	ratchet_sample(0);
	assert_int_equal(step(), 0);
	ratchet_sample(60000);
	assert_int_equal(step(), 0);
	ratchet_sample(60000);
	assert_int_equal(step(), 60000);
	/* without ratchet the curve is followed */
	ratchet_sample(30000);
	assert_int_equal(step(), 30000);
	sample(40000, true);
	sample(40000, true);
	assert_int_equal(step(), 40000);
}

static void test_SAF_07_proposals_only_lower(void **state)
{
	static const struct {
		int32_t caps[3];
		int32_t ma;
		uint32_t rule;
	} rows[] = {
		{{INT32_MAX, INT32_MAX, INT32_MAX}, 40000, RULE_MAXIMUM},
		{{40000, 50000, 60000}, 40000, RULE_MAXIMUM},
		{{39999, INT32_MAX, INT32_MAX}, 39900, RULE_CAUTION},
		{{30000, 20000, 10000}, 10000, RULE_INTERLOCK},
		{{30000, 10000, 10000}, 10000, RULE_COMMAND},
		{{99, INT32_MAX, INT32_MAX}, 0, RULE_CAUTION},
		{{INT32_MAX, INT32_MIN, INT32_MAX}, 0, RULE_COMMAND},
		{{INT32_MAX, -1, 50}, 0, RULE_COMMAND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct proposal extra[] = {
			{rows[i].caps[0], RULE_CAUTION},
			{rows[i].caps[1], RULE_COMMAND},
			{rows[i].caps[2], RULE_INTERLOCK},
		};

		setup(NULL);
		bench_fast_ramps(&config);
		sample(40000, true);
		sample(40000, true);
		assert_int_equal(step(), 40000);
		assert_int_equal(step_with(extra, 3, true), rows[i].ma);
		assert_int_equal(rule, rows[i].rule);
	}
}

/* A proposal that goes away: up the ramp from where it held the limit. */
static void test_SAF_07_withdrawn_proposal_ramps_up(void **state)
{
	const struct proposal cap = {10000, RULE_COMMAND};

	(void)state;
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(run_ms(60000), 60000);
	assert_int_equal(step_with(&cap, 1, true), 10000);
	assert_int_equal(run_ms(1000), 11000);
	assert_int_equal(run_ms(49000), 60000);
}

static void test_forget_and_cap_start_the_ramp_lower(void **state)
{
	(void)state;
	sample(60000, true);
	sample(60000, true);
	assert_int_equal(run_ms(60000), 60000);
	limiter_cap(&lim, 70000);
	assert_int_equal(step(), 60000);
	limiter_cap(&lim, -5);
	assert_int_equal(run_ms(1000), 1000);
	limiter_forget(&lim);
	assert_int_equal(step(), 0);
	sample(60000, true);
	assert_int_equal(step(), 0);
	assert_int_equal(rule, RULE_CONFIRM);
	sample(60000, true);
	assert_int_equal(run_ms(2000), 2000);
}

/* Whatever comes: never above the envelope, never negative, always on the grid. */
static void test_SAF_02_never_above_the_newest_envelope(void **state)
{
	const char *env = getenv("JKP_SEED");
	uint32_t x = env != NULL ? (uint32_t)strtoul(env, NULL, 0) : 12345U;

	(void)state;
	print_message("JKP_SEED=%u\n", x);
	for (int i = 0; i < 200000; i++) {
		x = x * 1664525U + 1013904223U;
		const uint32_t r = x >> 8;
		const struct proposal extra = {(int32_t)(r % 90000U) - 10000, RULE_COMMAND};

		if (r % 7U == 0) {
			envelope_ma = (int32_t)((r >> 3) % 70000U);
			limiter_sample(&lim, envelope_ma, (r & 64U) ? envelope_ma : -1, 60000,
				       (r & 16U) != 0, (r & 32U) != 0);
		} else if (r % 1001U == 0) {
			limiter_forget(&lim);
		}
		config.rise_ma_s = (r & 1U) ? 100000000 : 1000;
		config.calm_ms = (r & 2U) ? 0 : 30000;
		const int32_t ma = step_with(&extra, (r & 4U) ? 1 : 0, (r & 8U) != 0);

		assert_true(ma >= 0 && ma <= envelope_ma && ma % LIMITER_GRID_MA == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_16_a_rise_needs_two_good_samples, setup),
		cmocka_unit_test_setup(test_SAF_06_a_fall_passes_in_the_same_step, setup),
		cmocka_unit_test_setup(test_SAF_06_rise_one_ampere_a_second, setup),
		cmocka_unit_test_setup(test_SAF_06_rise_waits_for_30_s_of_calm, setup),
		cmocka_unit_test_setup(test_SAF_06_a_late_step_does_not_jump, setup),
		cmocka_unit_test_setup(test_SAF_06_no_rise_while_it_is_forbidden, setup),
		cmocka_unit_test_setup(test_SAF_06_ratchet_until_the_full_zone, setup),
		cmocka_unit_test_setup(test_SAF_07_proposals_only_lower, setup),
		cmocka_unit_test_setup(test_SAF_07_withdrawn_proposal_ramps_up, setup),
		cmocka_unit_test_setup(test_forget_and_cap_start_the_ramp_lower, setup),
		cmocka_unit_test_setup(test_SAF_02_never_above_the_newest_envelope, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
