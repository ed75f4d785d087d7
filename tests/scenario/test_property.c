/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The safety rules for random and hostile inputs: a world (tests/lib/world.h) decides by a seed
 * what the battery, the BMS, the bus and the services do, an observer (tests/lib/oracle.h) judges
 * every single step. Each episode has settings of its own, and ends with all faults gone: then the
 * ladder must come back by itself, or after an acknowledgement if something latched.
 *
 *   scenario_property_test [--seed N] [--steps N] [--episode N] [--trace]
 *
 * Without --seed: JKP_SEED, or the time of day; without --steps: JKP_STEPS, or a million. On a
 * violation it prints the rule, the last steps and the command that repeats them.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/envelope.h"
#include "lib/world.h"
#include "world_print.h"
#include "unit/base/seed.h"

#define STEPS_DEFAULT	 1000000U
#define STEPS_FOR_ALL	 500000U /* then every ladder step must have been seen */
#define STORIES		 5U
#define OUTAGES		 5U /* one more than may close again within an hour */
#define TIGHT_MS	 8000
#define DISOBEY_MS	 40000
#define FREEZE_MS	 320000
#define ABSORB_MS	 3000
#define FREEZE_PERIOD_NS (50 * NS_PER_MS)
#define EPISODE_MIN	 4000U
#define EPISODE_MAX	 40000U
#define ACT_EVERY	 240U
#define HEAL_NS		 (75 * NS_PER_S)
#define HEAL_PERIOD_NS	 (20 * NS_PER_MS)
#define PAIRS		 300000U

static struct options {
	uint32_t seed;
	uint64_t steps;
	uint32_t episode; /* UINT32_MAX: all of them */
	bool trace;
} options = {.episode = UINT32_MAX};

/* What the episodes went through: a test that never left the start would show nothing. */
static struct {
	uint64_t at[STEPS];
	uint64_t with_limit;
} seen;

static uint32_t next(void *arg)
{
	return seed_next(arg);
}

static void report(const struct world *w, uint32_t episode)
{
	const struct core_config *c = &w->config;

	world_print(w);
	printf("settings: poll %" PRId32 " stale %" PRId32 " trip %" PRId32 " period %" PRId32
	       " us, slot %" PRId32 " set %" PRId32 " rise %" PRId32 " calm %" PRId32
	       " max %" PRId32 " %" PRId32 " profile %s on_trip %d alive %d\n",
	       c->poll_ms, c->stale_ms, c->trip_ms, c->period_us, c->slot_ms, c->set_ms,
	       c->rise_ma_s, c->calm_ms, c->max_ma[0], c->max_ma[1], c->profile->name,
	       (int)c->on_trip, (int)c->expect_alive);
	printf("VIOLATION of %s in step %" PRIu64 ": %s: got %" PRId64 ", bound %" PRId64 "\n",
	       w->broken, w->steps, w->text, w->got, w->want);
	printf("repeat: scenario_property_test --seed %" PRIu32 " --episode %" PRIu32 " --trace\n",
	       options.seed, episode);
}

/* All faults are gone: is the battery in service again? */
static bool comes_back(struct world *w)
{
	const int64_t end_ns = w->now_ns + HEAL_NS + 3 * NS_PER_S;
	int64_t ack_ns = w->now_ns + 2 * NS_PER_S;

	world_heal(w);
	w->base_mv = w->target_mv;
	if (w->stop_ns != TIME_NEVER) {
		world_restart(w, NS_PER_S);
	}
	w->dt_ns = min_i64(HEAL_PERIOD_NS, w->config.slot_ms * NS_PER_MS);
	w->battery.soc_pct = 55;
	while (w->now_ns < end_ns) {
		if (w->now_ns >= ack_ns && cycle_telemetry(&w->core)->latched != REASON_NONE) {
			w->command[0] = (struct command){.kind = COMMAND_ACK, .local = 1};
			w->command_len = 1;
			ack_ns = w->now_ns + NS_PER_S;
		}
		if (w->oracle.memory.cells != 0) {
			/* What the first good reply said: no other count ever becomes the truth. */
			w->battery.cells = w->oracle.memory.cells;
		}
		if (!world_step(w)) {
			return false;
		}
	}
	const struct telemetry *t = cycle_telemetry(&w->core);

	if (t->step != STEP_RUN || t->permit == 0) {
		w->broken = "LIVE";
		w->text = "all faults are gone for 75 s, but the ladder is at step";
		w->got = t->step;
		w->want = STEP_RUN;
	}
	return w->broken == NULL;
}

static bool run_steps(struct world *w, uint64_t n)
{
	bool ok = true;

	for (; ok && n > 0; n--) {
		ok = world_step(w);
	}
	return ok;
}

static uint64_t steps_in(const struct world *w, int64_t ms)
{
	return (uint64_t)(ms * NS_PER_MS / w->dt_ns);
}

/*
 * The BMS falls silent until the relay opens. The bus may die as well, often just so that writing
 * has stopped when the limits become 0.
 */
static bool lose_bms(struct world *w)
{
	const int32_t all_ms = w->config.trip_ms + 3000;
	const int32_t stale_ms = w->config.stale_ms;
	const int32_t first_ms = max_i32(stale_ms - world_range(w, 0, 4000), 0);

	w->silent_until_ns = INT64_MAX;
	if (!run_steps(w, steps_in(w, first_ms))) {
		return false;
	}
	w->bus_dead = world_pick(w, 2) == 0;
	return run_steps(w, steps_in(w, all_ms - first_ms));
}

/* Settings of the BMS that bind before ours, and an inverter that falls silent. */
static bool tighten(struct world *w)
{
	w->battery.cell_ovp_mv = (uint16_t)world_range(w, 3350, 3450);
	w->battery.cell_uvp_mv = 3000;
	w->battery.pack_ovp_mv = w->battery.cells * 4000; /* one bound at a time */
	w->battery.pack_uvp_mv = w->battery.cells * 1500;
	w->target_mv = w->battery.cell_ovp_mv - world_range(w, 0, 25);
	w->alive = false;
	if (!run_steps(w, steps_in(w, TIGHT_MS))) {
		return false;
	}
	w->battery.cell_uvp_mv = (uint16_t)world_range(w, 3250, 3300);
	w->target_mv = w->battery.cell_uvp_mv + world_range(w, 0, 25);
	if (!run_steps(w, steps_in(w, TIGHT_MS))) {
		return false;
	}
	/* Almost full by voltage, almost empty by count: less than the bus can say. */
	world_heal(w);
	w->flow = WORLD_REST;
	w->battery.soc_pct = (uint8_t)world_range(w, 0, w->config.force_charge_soc);
	w->target_mv = w->config.level[LEVEL_CELL_HIGH].limit - world_range(w, 1, 3);
	return run_steps(w, steps_in(w, TIGHT_MS));
}

/* The inverter takes what it likes: from an envelope above 0 for 40 s, or from one that is 0. */
static bool disobey(struct world *w, bool zero)
{
	const int32_t sign = world_pick(w, 2) == 0 ? 1 : -1;

	w->target_mv = zero ? (sign > 0 ? 3600 : 2850) : 3300;
	w->flow = WORLD_EXCEED;
	w->flow_ma = sign * world_range(w, 20000, zero ? 60000 : 140000);
	return run_steps(w, steps_in(w, DISOBEY_MS));
}

/* One frame for ever while a current flows: no rise after a minute, stop after five. */
static bool freeze(struct world *w)
{
	world_restart(w, NS_PER_S);
	w->flow = WORLD_EXCEED;
	w->flow_ma = world_range(w, 1200, 3000);
	if (!run_steps(w, steps_in(w, 5000))) {
		return false;
	}
	w->frozen = true;
	w->dirty_until_ns = INT64_MAX;
	w->dt_ns = FREEZE_PERIOD_NS;
	const bool ok = run_steps(w, steps_in(w, FREEZE_MS));

	w->dirty_until_ns = w->now_ns + 5 * NS_PER_S;
	return ok;
}

/* Full cells, then silence for longer than any absorption, then cells that are not full any more. */
static bool interrupt_absorption(struct world *w)
{
	w->flow = WORLD_REST;
	w->base_mv = w->config.bulk_mv;
	w->target_mv = w->config.bulk_mv;
	w->battery.mos_raw = 60;
	if (!run_steps(w, steps_in(w, ABSORB_MS))) {
		return false;
	}
	w->silent_until_ns = w->now_ns + (w->config.absorption_max_ms + 1000) * NS_PER_MS;
	w->dt_ns = FREEZE_PERIOD_NS;
	if (!run_steps(w, steps_in(w, w->config.absorption_max_ms + 1000))) {
		return false;
	}
	w->battery.mos_raw = 101; /* -1 degC: nothing is known from before */
	w->base_mv = w->config.bulk_mv - (world_pick(w, 2) == 0 ? 0 : 120);
	w->target_mv = w->base_mv;
	return run_steps(w, steps_in(w, ABSORB_MS));
}

/* Stories that chance would hardly tell, each episode one of them. */
static bool tell_story(struct world *w, uint32_t episode)
{
	bool ok = comes_back(w);

	switch (episode % STORIES) {
	case 0:
		for (uint32_t i = 0; ok && i < OUTAGES; i++) {
			ok = lose_bms(w) && comes_back(w);
		}
		break;
	case 1:
		ok = ok && disobey(w, true) && comes_back(w) && disobey(w, false);
		break;
	case 2:
		ok = ok && freeze(w);
		break;
	case 3:
		ok = ok && interrupt_absorption(w);
		break;
	default:
		ok = ok && tighten(w);
		break;
	}
	return ok && comes_back(w);
}

static bool run_world(struct world *w, uint32_t episode)
{
	uint32_t random = seed_mix(seed_mix(options.seed, 1), episode);
	const struct world_source source = {.next = next, .arg = &random};
	bool ok = true;

	world_init(w, source, episode % 5U == 0);
	w->traced = options.trace;
	memset(w->trace, 0, sizeof(w->trace));
	const uint64_t end = EPISODE_MIN + world_pick(w, EPISODE_MAX - EPISODE_MIN);
	/* Some stories are hasty, in others a fault has time to be noticed. */
	const uint32_t pace = 1U + 20U * (episode % 3U);

	if (world_pick(w, 6) == 0) {
		w->battery.charge_ocp_a = 0; /* the first reply decides whether anything starts */
	}
	for (uint32_t n = world_pick(w, 3); n > 0; n--) {
		world_act(w);
	}
	while (ok && w->steps < end) {
		ok = run_steps(w, (world_pick(w, ACT_EVERY) + 1U) * pace);
		world_act(w);
	}
	return ok && tell_story(w, episode);
}

static bool run_episode(uint32_t episode, uint64_t *steps)
{
	static struct world w;
	bool ok = run_world(&w, episode);

	if (!ok && !options.trace) {
		options.trace = true; /* the same once more, with a record */
		ok = run_world(&w, episode);
	}
	if (!ok) {
		report(&w, episode);
	}
	*steps += w.steps;
	for (uint32_t i = 0; i < STEPS; i++) {
		seen.at[i] += w.steps_at[i];
	}
	seen.with_limit += w.steps_with_limit;
	return ok;
}

static void test_SAF_01_to_21_hold_for_random_inputs(void **state)
{
	uint64_t steps = 0;
	uint32_t episode = 0;

	(void)state;
	if (options.episode != UINT32_MAX) {
		assert_true(run_episode(options.episode, &steps));
		return;
	}
	while (steps < options.steps) {
		if (!run_episode(episode, &steps)) {
			fail();
		}
		episode++;
	}
	printf("%" PRIu64 " steps in %" PRIu32 " episodes, no violation; %" PRIu64
	       " steps with a limit above 0;",
	       steps, episode, seen.with_limit);
	for (uint32_t i = 0; i < STEPS; i++) {
		printf(" %s %" PRIu64, step_name((int32_t)i), seen.at[i]);
		assert_true(seen.at[i] > 0 || options.steps < STEPS_FOR_ALL);
	}
	printf("\n");
	assert_true(seen.with_limit > steps / 20U || options.steps < STEPS_FOR_ALL);
}

static struct envelope_in random_input(struct world *w)
{
	struct envelope_in in = {
		.cell_min_mv = world_range(w, 0, 5000),
		.cold_dc = world_range(w, -500, 1000),
		.hot_dc = 200,
		.mos_dc = world_range(w, -400, 1000),
		.mosfet = {true, true},
		.valid = true,
		.probes_ok = true,
	};

	in.cell_max_mv = world_range(w, in.cell_min_mv, 5000);
	in.recovery = world_pick(w, 8) == 0;
	in.bms.cell_ovp_mv = world_pick(w, 4) == 0 ? SAMPLE_NO_VALUE : world_range(w, 2500, 4500);
	in.bms.cell_uvp_mv = world_pick(w, 4) == 0 ? SAMPLE_NO_VALUE : world_range(w, 1000, 3600);
	in.bms.capacity_mah = world_pick(w, 4) == 0 ? SAMPLE_NO_VALUE
						    : 1000 * world_range(w, 1, 1000);
	in.bms.pack_ovp_mv = world_pick(w, 4) == 0 ? world_range(w, 2500, 4500) : SAMPLE_NO_VALUE;
	in.bms.pack_uvp_mv = world_pick(w, 4) == 0 ? world_range(w, 1000, 3600) : SAMPLE_NO_VALUE;
	in.bms.box_otp_dc = SAMPLE_NO_VALUE;
	in.bms.mos_otp_dc = SAMPLE_NO_VALUE;
	for (uint32_t d = 0; d < DIRS; d++) {
		in.bms.ocp_ma[d] = world_pick(w, 4) == 0 ? SAMPLE_NO_VALUE
							 : 1000 * world_range(w, 1, 300);
		in.bms.otp_dc[d] = SAMPLE_NO_VALUE;
		in.bms.utp_dc[d] = SAMPLE_NO_VALUE;
	}
	return in;
}

static int32_t eval(const struct world *w, const struct envelope_in *in, enum dir dir)
{
	uint32_t rule = RULE_NONE;

	return envelope_eval(&w->config, in, dir, &rule, NULL);
}

static void test_SAF_05_a_worse_cell_never_gives_more(void **state)
{
	static struct world w;
	uint32_t random = seed_mix(options.seed, UINT32_MAX);
	const struct world_source source = {.next = next, .arg = &random};

	(void)state;
	for (uint32_t i = 0; i < PAIRS; i++) {
		if (i % 1000U == 0) {
			world_init(&w, source, false);
		}
		const struct envelope_in a = random_input(&w);
		struct envelope_in b = a;

		b.cell_max_mv += world_range(&w, 0, 300);
		assert_true(eval(&w, &b, DIR_CHARGE) <= eval(&w, &a, DIR_CHARGE));
		b = a;
		b.cell_min_mv -= world_range(&w, 0, 300);
		if (!a.recovery) {
			assert_true(eval(&w, &b, DIR_CHARGE) <= eval(&w, &a, DIR_CHARGE));
		}
		assert_true(eval(&w, &b, DIR_DISCHARGE) <= eval(&w, &a, DIR_DISCHARGE));
		b = a;
		b.mos_dc += world_range(&w, 0, 300);
		b.alarms = (uint16_t)world_pick(&w, 65536);
		assert_true(eval(&w, &b, DIR_CHARGE) <= eval(&w, &a, DIR_CHARGE));
		assert_true(eval(&w, &b, DIR_DISCHARGE) <= eval(&w, &a, DIR_DISCHARGE));
	}
}

static uint64_t number(const char *text, const char *what)
{
	char *end = NULL;
	const unsigned long long v = strtoull(text, &end, 0);

	if (end == text || *end != '\0') {
		(void)fprintf(stderr, "scenario_property_test: %s: \"%s\" is no number\n", what,
			      text);
		exit(2);
	}
	return v;
}

static void take_options(int argc, char **argv)
{
	const char *steps = getenv("JKP_STEPS");
	const char *seed = NULL;

	options.steps = steps != NULL ? number(steps, "JKP_STEPS") : STEPS_DEFAULT;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			options.trace = true;
		} else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
			seed = argv[++i];
		} else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc) {
			options.steps = number(argv[++i], "--steps");
		} else if (strcmp(argv[i], "--episode") == 0 && i + 1 < argc) {
			options.episode = (uint32_t)number(argv[++i], "--episode");
		} else {
			(void)fprintf(stderr, "usage: scenario_property_test [--seed N] "
					      "[--steps N] [--episode N] [--trace]\n");
			exit(2);
		}
	}
	options.seed = seed != NULL ? (uint32_t)number(seed, "--seed") : seed_get("property");
	if (seed != NULL) {
		printf("property: seed %" PRIu32 "\n", options.seed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_SAF_01_to_21_hold_for_random_inputs),
		cmocka_unit_test(test_SAF_05_a_worse_cell_never_gives_more),
	};

	take_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
