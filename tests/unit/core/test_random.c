/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants whatever happens, in random order; and the way back from everything. */
#include "core_test.h"

static struct bench b;
static struct bench from;

static int setup(void **state)
{
	(void)state;
	bench_init(&from);
	start_fast(&from);
	drain_reply(&from);
	bench_fork(&b, &from);
	return 0;
}

/*
 * Whatever happens: a limit above zero or an enable bit goes out only while a plausible sample is
 * fresh, never above its envelope; SoC, CVL stay within their bounds; the relay is only permitted
 * after good samples. The seed is printed.
 */
static int64_t fresh_ns;
static int32_t agreed_cells; /* of the first sample that was accepted */

static void check_invariants(struct bench *x, void *arg)
{
	const struct telemetry *t = bench_tele(x);

	(void)arg;
	if (agreed_cells == 0 && x->cycle.have_sample) {
		agreed_cells = t->sample.cells;
	}
	if (!x->cycle.verdict.safe_set && x->cycle.have_sample) {
		fresh_ns = x->cycle.trusted_ns;
	}
	for (uint32_t i = 0; i < x->out.can_tx_len; i++) {
		struct pylon_report r;

		assert_int_equal(pylon_decode(&x->out.can_tx[i], &r), 0);
		const bool stale = x->now_ns - fresh_ns > (x->config.stale_ms + 1) * NS_PER_MS + 1;

		if (r.kind == PYLON_FRAME_LIMITS) {
			assert_true(r.state.ccl_ma >= 0 && r.state.dcl_ma >= 0);
			assert_true(r.state.ccl_ma <= t->envelope_ma[DIR_CHARGE]);
			assert_true(r.state.dcl_ma <= t->envelope_ma[DIR_DISCHARGE]);
			assert_true(!stale || (r.state.ccl_ma == 0 && r.state.dcl_ma == 0));
			assert_between(r.state.cvl_mv, 3000 * agreed_cells, 3500 * agreed_cells);
		} else if (r.kind == PYLON_FRAME_REQUEST) {
			assert_true(!stale || x->out.can_tx[i].data[0] == 0);
			assert_true(t->limit_ma[DIR_CHARGE] > 0 ||
				    (x->out.can_tx[i].data[0] & 0xB8) == 0);
			assert_true(t->limit_ma[DIR_DISCHARGE] > 0 ||
				    (x->out.can_tx[i].data[0] & 0x40) == 0);
		} else if (r.kind == PYLON_FRAME_SOC) {
			assert_true(r.state.soc_pct <= 100);
			assert_true(t->envelope_ma[DIR_CHARGE] > 0 || r.state.soc_pct >= 11);
			assert_true(!stale || r.state.soc_pct >= 11);
		}
	}
	assert_true(x->out.permit == (t->permit != 0));
	assert_true(t->latched == REASON_NONE || t->step == STEP_TRIP);
}

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525U + 1013904223U;
	return (random_state >> 8) % n;
}

static void disturb(struct bench *x)
{
	struct bench_battery *bat = &x->battery;

	switch (random_below(20)) {
	case 0:
		x->silent = !x->silent;
		break;
	case 1:
		x->bus_dead = !x->bus_dead;
		break;
	case 2:
		x->unplugged = !x->unplugged;
		break;
	case 3:
		x->guard_dead = !x->guard_dead;
		break;
	case 4:
		bat->cell_mv[random_below(16)] = (uint16_t)random_below(5000);
		break;
	case 5:
	case 6:
		bat->cell_mv[random_below(16)] = (uint16_t)(2800 + random_below(900));
		break;
	case 7:
		bat->soc_pct = (uint8_t)random_below(256);
		break;
	case 8:
		bat->box_raw = (uint16_t)random_below(160);
		break;
	case 9:
		bat->alarms = (uint16_t)(1U << random_below(16));
		break;
	case 10:
		bat->status = (uint16_t)random_below(8);
		break;
	case 11:
		bat->omit = random_below(4) == 0 ? UINT64_C(1) << (1 + random_below(10)) : 0;
		break;
	case 12:
		bat->pack_ma = (int32_t)random_below(160000) - 80000;
		break;
	case 13:
		x->boot_offset_ns += (int64_t)random_below(300) * NS_PER_MS;
		break;
	case 14:
		x->now_ns += (int64_t)random_below(4000) * NS_PER_MS;
		break;
	case 15:
		x->command = (struct command){
			.kind = random_below(COMMANDS + 1U),
			.value = (int32_t)(random_below(4) == 0 ? random_below(101)
								: random_below(90000)) -
				 (random_below(20) == 0 ? 1000 : 0),
			.ttl_ms = (int32_t)random_below(70000),
			.local = random_below(2),
		};
		x->have_command = true;
		break;
	case 16:
		x->grid.t_ns = random_below(3) == 0 ? TIME_NEVER : x->now_ns;
		x->grid.power_w = (int32_t)random_below(12000) - 6000;
		x->local.t_ns = random_below(3) == 0 ? TIME_NEVER : x->now_ns;
		x->local.current_ma = (int32_t)random_below(100000) - 50000;
		x->portal = x->local;
		break;
	case 17:
		x->alive = !x->alive;
		break;
	case 18:
		bat->cells = (uint8_t)(random_below(3) == 0 ? 3 + random_below(30) : 16);
		break;
	default: /* mend everything */
		bench_battery_default(bat);
		bat->soc_pct = (uint8_t)(1 + random_below(100));
		x->silent = false;
		x->unplugged = false;
		x->bus_dead = false;
		x->guard_dead = false;
		x->alive = true;
		break;
	}
}

static void test_SAF_01_SAF_02_SAF_03_SAF_08_SAF_09_at_random(void **state)
{
	const char *env = getenv("JKP_SEED");
	const uint32_t seed = env != NULL ? (uint32_t)strtoul(env, NULL, 0) : 20240101U;

	(void)state;
	print_message("JKP_SEED=%u\n", seed);
	for (uint32_t run = 0; run < 20; run++) {
		random_state = seed + run;
		bench_init(&b);
		b.config.expect_alive = (enum expect_alive)random_below(3);
		b.config.on_trip = (enum on_trip)random_below(2);
		if (run % 2 == 0) {
			bench_fast_ramps(&b.config);
		}
		b.watch = check_invariants;
		fresh_ns = b.now_ns;
		agreed_cells = 0;
		bench_boot(&b, NULL);
		for (int i = 0; i < 500; i++) {
			disturb(&b);
			bench_run_ms(&b, random_below(1500));
		}
	}
}

/* Everything healthy again after whatever: the way back exists (a latch needs its --ack). */
static void test_every_disturbance_has_a_way_back(void **state)
{
	const char *env = getenv("JKP_SEED");
	const uint32_t seed = env != NULL ? (uint32_t)strtoul(env, NULL, 0) : 4711U;

	(void)state;
	print_message("JKP_SEED=%u\n", seed);
	for (uint32_t run = 0; run < 20; run++) {
		random_state = seed + run;
		bench_fork(&b, &from);
		for (int i = 0; i < 200; i++) {
			disturb(&b);
			bench_run_ms(&b, random_below(1500));
		}
		bench_battery_default(&b.battery);
		b.silent = false;
		b.unplugged = false;
		b.bus_dead = false;
		b.guard_dead = false;
		b.alive = true;
		b.grid = GRID_NONE;
		b.local = PEER_NONE_HEARD;
		b.portal = PEER_NONE_HEARD;
		bench_run_ms(&b, 70000);
		b.command = (struct command){.kind = COMMAND_ACK, .local = 1};
		b.have_command = true;
		bench_run_ms(&b, 70000);
		assert_int_equal(bench_tele(&b)->step, STEP_RUN);
		assert_true(b.out.permit);
		assert_int_equal(bench_ccl_ma(&b), 60000);
		assert_int_equal(bench_dcl_ma(&b), 60000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_SAF_01_SAF_02_SAF_03_SAF_08_SAF_09_at_random, setup),
		cmocka_unit_test_setup(test_every_disturbance_has_a_way_back, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
