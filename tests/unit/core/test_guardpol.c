/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's policy: truth table over all combinations, times, and random runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../base/seed.h"
#include "base/units.h"
#include "core/guardpol.h"
#include "core/telemetry.h"

#define PERIOD_MS 20
#define BEATS	  4U /* of the worker's 5 ms in one period of the guard */
#define OPEN_MS	  30000

static struct guardpol g;
static struct guardpol_config c;
static struct guardpol_in in;
static struct guardpol_out out;

static int setup(void **state)
{
	(void)state;
	c = (struct guardpol_config){
		.period_us = 5000, .beat_ms = 100, .reload_ms = 2500, .open_ms = OPEN_MS};
	in = (struct guardpol_in){.now_ns = 1000 * NS_PER_S,
				  .worker = GUARDPOL_RUNNING,
				  .beat_valid = true,
				  .beat = 77,
				  .permit = true};
	guardpol_init(&g, in.now_ns);
	return 0;
}

/* One period in which the worker's cycle runs. */
static void step(void)
{
	in.now_ns += PERIOD_MS * NS_PER_MS;
	in.beat += BEATS;
	guardpol_step(&g, &c, &in, &out);
}

/* One in which it stands still. */
static void still(void)
{
	in.now_ns += PERIOD_MS * NS_PER_MS;
	guardpol_step(&g, &c, &in, &out);
}

static void run_ms(int64_t ms)
{
	for (int64_t t = 0; t < ms; t += PERIOD_MS) {
		step();
	}
}

static void close_it(void)
{
	run_ms(c.open_ms + c.precharge_ms + 3 * PERIOD_MS);
	assert_int_equal(out.relay, RELAY_CLOSED);
	assert_true(out.line);
}

static void assert_open(uint32_t reason)
{
	assert_int_equal(out.relay, RELAY_OPEN);
	assert_false(out.line);
	assert_true(out.opened);
	assert_int_equal(out.opened_by, reason);
}

static void test_starts_open_and_closes_after_the_open_time(void **state)
{
	int64_t ms = 0;

	(void)state;
	do {
		step();
		ms += PERIOD_MS;
		assert_true(ms <= OPEN_MS + PERIOD_MS);
	} while (!out.closed);
	assert_true(ms >= OPEN_MS);
	assert_true(out.line && out.relay == RELAY_CLOSED && !out.opened && out.healthy);
	step();
	assert_false(out.closed); /* told once */
}

/*
 * All combinations of what there is to see, in each phase of the relay: it is closed after the step
 * exactly if nothing speaks against it.
 */
static void test_SAF_11_truth_table(void **state)
{
	uint32_t seen = 0;

	(void)state;
	for (uint32_t bits = 0; bits < 1U << 8; bits++) {
		const bool was_closed = (bits & 1U) != 0U;
		const bool moves = (bits & 2U) != 0U;
		const bool permit = (bits & 4U) != 0U;
		const bool latched = (bits & 8U) != 0U;
		const bool line_failed = (bits & 16U) != 0U;
		const bool contact_ok = (bits & 32U) != 0U;
		const bool feedback = (bits & 64U) != 0U;
		const bool waited = (bits & 128U) != 0U;

		for (uint32_t worker = GUARDPOL_STARTING; worker <= GUARDPOL_NONE + 1U; worker++) {
			setup(NULL);
			c.feedback_ms = feedback ? 300 : 0;
			if (was_closed) {
				while (!out.closed || g.relay != RELAY_CLOSED) {
					in.feedback = g.relay == RELAY_CLOSED ? 1 : 0;
					step();
				}
			} else {
				in.permit = false;
				in.feedback = 0;
				run_ms(waited ? OPEN_MS : OPEN_MS - 1000);
			}
			in.worker = worker;
			in.permit = permit;
			in.latched = latched ? REASON_CRITICAL : REASON_NONE;
			in.line_failed = line_failed;
			in.feedback = (was_closed ? 1 : 0) ^ (contact_ok ? 0 : 1);
			if (!moves) {
				/* 120 ms in one step: longer than the beat may be away */
				in.now_ns += 100 * NS_PER_MS;
				in.beat -= BEATS;
			}
			if (!contact_ok) {
				g.differs_ns = in.now_ns - NS_PER_S;
			}
			step();
			seen++;

			const bool leaving = worker == GUARDPOL_STOPPING ||
					     worker == GUARDPOL_RELOADING;
			const bool lives = worker == GUARDPOL_RUNNING || (leaving && was_closed);
			/* a latch of the core withdraws the permit itself, after 0 A */
			const bool well = lives && moves && permit && (!latched || was_closed) &&
					  !line_failed && (contact_ok || !feedback || latched);
			const bool want = well && (was_closed || waited);

			assert_int_equal(out.relay == RELAY_CLOSED, want);
			assert_int_equal(out.line, want);
			assert_int_equal(out.opened, was_closed && !want);
			assert_int_equal(out.healthy, !line_failed);
		}
	}
	assert_int_equal(seen, 256 * 6);
}

static void test_SAF_11_opens_within_one_period_of_what_it_sees(void **state)
{
	static const struct {
		uint32_t worker;
		bool permit;
		uint32_t reason;
		uint32_t latched;
		uint32_t want;
	} rows[] = {
		{GUARDPOL_NONE, true, 0, 0, REASON_WORKER},
		{GUARDPOL_STARTING, true, 0, 0, REASON_WORKER},
		{GUARDPOL_RUNNING, false, REASON_BMS_SILENT, 0, REASON_BMS_SILENT},
		{GUARDPOL_RUNNING, false, 0, 0, REASON_COLD_START},
		{GUARDPOL_RUNNING, false, REASON_CRITICAL, REASON_CRITICAL, REASON_CRITICAL},
		{GUARDPOL_RUNNING, false, REASON_BMS_SILENT, REASON_WELDED, REASON_WELDED},
		{99, true, 0, 0, REASON_WORKER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(NULL);
		close_it();
		in.worker = rows[i].worker;
		in.permit = rows[i].permit;
		in.reason = rows[i].reason;
		in.latched = rows[i].latched;
		step();
		assert_open(rows[i].want);
		still();
		assert_false(out.opened); /* told once */
	}
}

static void test_SAF_11_beat_missing_opens_after_the_limit_and_not_before(void **state)
{
	(void)state;
	for (c.beat_ms = 40; c.beat_ms <= 1000; c.beat_ms += 20) {
		const int32_t beat_ms = c.beat_ms;

		setup(NULL);
		c.beat_ms = beat_ms;
		close_it();
		for (int32_t ms = PERIOD_MS; ms < beat_ms; ms += PERIOD_MS) {
			still();
			assert_int_equal(out.relay, RELAY_CLOSED);
			assert_true(out.fresh);
		}
		still();
		assert_open(REASON_BEAT);
		c.beat_ms = beat_ms;
	}
}

static void test_SAF_11_beat_out_of_sequence_is_no_beat(void **state)
{
	static const uint32_t jumps[] = {1000, 0x80000000U, UINT32_MAX, UINT32_MAX - 3U};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
		setup(NULL);
		close_it();
		for (int n = 0; n < 4; n++) {
			in.beat += jumps[i];
			still();
			assert_int_equal(out.relay, RELAY_CLOSED);
		}
		in.beat += jumps[i];
		still();
		assert_open(REASON_BEAT);
	}
	/* damaged: complement wrong */
	setup(NULL);
	close_it();
	in.beat_valid = false;
	for (int n = 0; n < 4; n++) {
		step();
		assert_int_equal(out.relay, RELAY_CLOSED);
	}
	step();
	assert_open(REASON_BEAT);
}

static void test_one_odd_value_does_not_open(void **state)
{
	(void)state;
	close_it();
	in.beat += 100000;
	step();
	assert_true(out.fresh);
	run_ms(1000);
	assert_int_equal(out.relay, RELAY_CLOSED);
	in.beat = UINT32_MAX - 1U; /* and the counter wraps */
	step();
	run_ms(1000);
	assert_int_equal(out.relay, RELAY_CLOSED);
}

static void test_beat_of_a_new_worker_must_advance_first(void **state)
{
	(void)state;
	in.worker = GUARDPOL_STARTING;
	still();
	in.worker = GUARDPOL_RUNNING;
	still();
	assert_false(out.fresh); /* a value is no advance */
	step();
	assert_true(out.fresh);
}

static void test_worker_that_fails_is_killed_in_time(void **state)
{
	static const struct {
		uint32_t worker;
		int64_t limit_ns;
	} rows[] = {
		{GUARDPOL_STARTING, GUARDPOL_START_NS},
		{GUARDPOL_STOPPING, GUARDPOL_STOP_NS},
		{GUARDPOL_RELOADING, GUARDPOL_STOP_NS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t start_ns;

		setup(NULL);
		close_it();
		in.worker = rows[i].worker;
		step();
		start_ns = in.now_ns;
		while (!out.kill) {
			assert_true(in.now_ns - start_ns <= rows[i].limit_ns);
			step();
		}
		assert_true(in.now_ns - start_ns > rows[i].limit_ns);
	}
	setup(NULL);
	close_it();
	for (int64_t t = 0; t < 100 + 2000; t += PERIOD_MS) {
		assert_false(out.kill);
		still();
	}
	assert_false(out.kill);
	still();
	assert_true(out.kill);
	in.worker = GUARDPOL_NONE;
	still();
	assert_false(out.kill); /* nothing is there to be killed */
}

static void test_guard_that_overslept_gives_the_worker_its_time(void **state)
{
	(void)state;
	close_it();
	in.now_ns += 5 * NS_PER_S; /* both were stopped: the guard wakes first */
	still();
	assert_open(REASON_BEAT);
	assert_false(out.kill);
	step();
	assert_true(out.fresh);
	assert_false(out.kill);
}

static void test_SAF_12_no_closing_while_latched(void **state)
{
	(void)state;
	in.latched = REASON_DISOBEYED_CHARGE;
	run_ms(10 * OPEN_MS);
	assert_int_equal(out.relay, RELAY_OPEN);
	assert_true(out.healthy); /* a latch is healthy: no reboot loop */
	in.latched = REASON_NONE;
	guardpol_acked(&g);
	step();
	assert_true(out.closed);
}

static void test_SAF_20_latch_of_the_core_has_its_time_and_no_more(void **state)
{
	int64_t start_ns;

	(void)state;
	close_it();
	in.latched = REASON_CRITICAL;
	step();
	start_ns = in.now_ns;
	while (out.relay == RELAY_CLOSED) {
		assert_true(in.now_ns - start_ns <= GUARDPOL_TRIP_NS);
		step();
	}
	assert_open(REASON_CRITICAL); /* although it still permits */
	assert_true(in.now_ns - start_ns > 2 * NS_PER_S);
	/* the permit ends it earlier */
	setup(NULL);
	close_it();
	in.latched = REASON_CRITICAL;
	run_ms(1000);
	assert_int_equal(out.relay, RELAY_CLOSED);
	in.permit = false;
	step();
	assert_open(REASON_CRITICAL);
}

static void test_FLT_65_worker_that_fails_again_and_again_latches(void **state)
{
	int closings = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		for (int64_t t = 0; t < OPEN_MS + 200 && out.latch == REASON_NONE; t += PERIOD_MS) {
			step();
			closings += out.closed ? 1 : 0;
		}
		if (out.latch != REASON_NONE) {
			break;
		}
		in.worker = GUARDPOL_NONE;
		step();
		assert_open(REASON_WORKER);
		in.worker = GUARDPOL_STARTING;
		step();
		in.worker = GUARDPOL_RUNNING;
	}
	assert_int_equal(out.latch, REASON_WORKER);
	assert_int_equal(closings, 1 + GUARDPOL_RECLOSE_MAX);
	in.latched = out.latch;
	step();
	assert_int_equal(out.latch, REASON_NONE);
	in.latched = REASON_NONE;
	guardpol_acked(&g);
	step();
	assert_true(out.closed);
}

static void test_reclosings_of_the_last_hour_count(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		run_ms(OPEN_MS + 200);
		assert_int_equal(out.relay, RELAY_CLOSED);
		in.worker = GUARDPOL_NONE;
		step();
		in.worker = GUARDPOL_RUNNING;
		in.now_ns += 21 * 60 * NS_PER_S; /* three an hour */
		still();
		assert_int_equal(out.latch, REASON_NONE);
	}
}

static void test_permit_withdrawn_is_not_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) { /* the ladder counts these itself */
		run_ms(OPEN_MS + 200);
		assert_int_equal(out.relay, RELAY_CLOSED);
		in.permit = false;
		in.reason = REASON_CAN_LOST;
		step();
		assert_open(REASON_CAN_LOST);
		in.permit = true;
		in.reason = REASON_NONE;
	}
}

static void test_orderly_stop_keeps_it_closed_for_the_last_words(void **state)
{
	int64_t start_ns;

	(void)state;
	close_it();
	in.worker = GUARDPOL_STOPPING;
	step();
	start_ns = in.now_ns;
	while (out.relay == RELAY_CLOSED) {
		assert_true(in.now_ns - start_ns <= GUARDPOL_LAST_NS);
		step();
	}
	assert_open(REASON_STOPPING);
	/* the end of the worker ends it earlier */
	setup(NULL);
	close_it();
	in.worker = GUARDPOL_STOPPING;
	run_ms(500);
	assert_int_equal(out.relay, RELAY_CLOSED);
	in.worker = GUARDPOL_NONE;
	step();
	assert_open(REASON_STOPPING);
}

/* Announce a reload, let the old worker end, start the new one: at @ms after the announcement. */
static void reload_until_running(int64_t ms)
{
	in.worker = GUARDPOL_RELOADING;
	run_ms(200);
	in.worker = GUARDPOL_NONE;
	still();
	in.worker = GUARDPOL_STARTING;
	in.permit = false;
	in.beat = 0;
	for (int64_t t = 220; t < ms; t += PERIOD_MS) {
		still();
	}
	in.worker = GUARDPOL_RUNNING;
	in.reason = REASON_COLD_START;
	step();
	step();
}

static void test_announced_reload_keeps_it_closed(void **state)
{
	(void)state;
	close_it();
	for (int i = 0; i < 50; i++) {
		reload_until_running(600);
		run_ms(1000);
		assert_int_equal(out.relay, RELAY_CLOSED);
		in.permit = true;
		in.reason = REASON_NONE;
		run_ms(5000);
		assert_int_equal(out.relay, RELAY_CLOSED);
		assert_int_equal(out.latch, REASON_NONE);
	}
}

static void test_reload_that_takes_too_long_opens(void **state)
{
	int64_t start_ns;

	(void)state;
	close_it();
	start_ns = in.now_ns + PERIOD_MS * NS_PER_MS;
	reload_until_running(600);
	while (out.relay == RELAY_CLOSED) {
		assert_true(in.now_ns - start_ns <= 2500 * NS_PER_MS);
		step();
	}
	assert_open(REASON_COLD_START);
}

static void test_reload_holds_nothing_worse(void **state)
{
	(void)state;
	/* the new worker dies */
	close_it();
	reload_until_running(400);
	assert_int_equal(out.relay, RELAY_CLOSED);
	in.worker = GUARDPOL_NONE;
	step();
	assert_open(REASON_WORKER);
	/* it has something against it */
	setup(NULL);
	close_it();
	reload_until_running(400);
	in.reason = REASON_CRITICAL;
	step();
	assert_open(REASON_CRITICAL);
	/* something is latched, the line fails */
	setup(NULL);
	close_it();
	reload_until_running(400);
	in.latched = REASON_WELDED;
	step();
	assert_int_equal(out.relay, RELAY_OPEN);
	setup(NULL);
	close_it();
	reload_until_running(400);
	in.line_failed = true;
	step();
	assert_open(REASON_RELAY);
	/* an open relay is not closed by it */
	setup(NULL);
	step();
	reload_until_running(400);
	assert_int_equal(out.relay, RELAY_OPEN);
}

static void test_pulse_mode_toggles_and_stops(void **state)
{
	int edges = 0;
	bool last;

	(void)state;
	c.pulse_ms = 100;
	close_it();
	last = out.line;
	for (int ms = 0; ms < 10000; ms += PERIOD_MS) {
		step();
		edges += out.line != last ? 1 : 0;
		last = out.line;
	}
	assert_int_equal(edges, 100);
	in.permit = false;
	for (int ms = 0; ms < 1000; ms += PERIOD_MS) {
		step();
		assert_false(out.line);
	}
}

static void test_precharge_comes_before(void **state)
{
	int64_t ms = 0;

	(void)state;
	c.precharge_ms = 2000;
	run_ms(OPEN_MS - PERIOD_MS);
	assert_false(out.precharge);
	while (!out.precharge) {
		step();
	}
	while (out.precharge) {
		assert_false(out.line);
		step();
		ms += PERIOD_MS;
	}
	assert_int_equal(ms, 2000);
	assert_true(out.closed && out.line);
	/* interrupted: from the beginning, and only after the open time */
	setup(NULL);
	c.precharge_ms = 2000;
	while (!out.precharge) {
		step();
	}
	in.permit = false;
	step();
	assert_false(out.precharge || out.line);
	in.permit = true;
	run_ms(OPEN_MS - PERIOD_MS);
	assert_false(out.precharge || out.line);
}

static void test_FLT_60_contact_that_does_not_follow_latches(void **state)
{
	(void)state;
	for (int closed = 0; closed <= 1; closed++) {
		for (int bad = -5; bad <= 1; bad++) {
			int64_t start_ns;

			if (bad == closed) {
				continue;
			}
			setup(NULL);
			c.feedback_ms = 300;
			in.permit = closed != 0;
			for (int ms = 0; ms < OPEN_MS + 200; ms += PERIOD_MS) {
				in.feedback = out.relay == RELAY_CLOSED ? 1 : 0;
				step();
				assert_int_equal(out.latch, REASON_NONE);
			}
			in.feedback = bad;
			step();
			start_ns = in.now_ns;
			while (out.latch == REASON_NONE) {
				assert_true(in.now_ns - start_ns <= 300 * NS_PER_MS);
				step();
			}
			assert_int_equal(out.latch, REASON_RELAY);
			assert_int_equal(out.relay, RELAY_OPEN);
			assert_true(out.healthy);
		}
	}
}

static void test_contact_may_take_its_time(void **state)
{
	(void)state;
	c.feedback_ms = 300;
	for (int i = 0; i < 5; i++) {
		for (int ms = 0; ms < OPEN_MS; ms += PERIOD_MS) {
			step();
		}
		while (!out.closed) {
			step();
		}
		for (int ms = 0; ms < 200; ms += PERIOD_MS) {
			step();
			assert_int_equal(out.latch, REASON_NONE);
		}
		in.feedback = 1;
		run_ms(1000);
		in.permit = false;
		for (int ms = 0; ms < 200; ms += PERIOD_MS) {
			step();
			assert_int_equal(out.latch, REASON_NONE);
		}
		in.feedback = 0;
		in.permit = true;
	}
}

static void test_health(void **state)
{
	(void)state;
	close_it();
	in.worker = GUARDPOL_NONE;
	for (int64_t ms = PERIOD_MS; ms < 30000; ms += PERIOD_MS) {
		still();
		assert_true(out.healthy); /* is being replaced */
	}
	still();
	assert_false(out.healthy);
	in.worker = GUARDPOL_RUNNING;
	step();
	step();
	assert_true(out.healthy);
	in.permit = false; /* a trip is healthy, for ever */
	run_ms(120000);
	assert_true(out.healthy);
	in.line_failed = true;
	step();
	assert_false(out.healthy);
}

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

static void draw_inputs(void)
{
	in.now_ns += draw(20) == 0U ? (int64_t)draw(5000) * NS_PER_MS : PERIOD_MS * NS_PER_MS;
	if (draw(40) == 0U) {
		in.worker = draw(7);
	}
	if (draw(10) != 0U) {
		in.beat += draw(30) == 0U ? draw(UINT32_MAX) : BEATS;
	}
	in.beat_valid = draw(50) != 0U;
	if (draw(60) == 0U) {
		in.permit = draw(3) != 0U;
	}
	in.reason = in.permit ? REASON_NONE : draw(REASONS + 2U);
	if (draw(200) == 0U) {
		in.latched = draw(2) != 0U ? draw(REASONS) : REASON_NONE;
	}
	in.line_failed = draw(300) == 0U;
	in.feedback = draw(100) == 0U ? (int32_t)draw(4) - 1 : (g.relay == RELAY_CLOSED ? 1 : 0);
}

/* Whatever happens: closed only with a permit and a beat, or in a reload that was announced. */
static void test_SAF_11_property(void **state)
{
	uint32_t closed_steps = 0;
	uint32_t openings = 0;

	(void)state;
	random_state = seed_get("guardpol") | 1U;
	for (int run = 0; run < 40; run++) {
		int64_t opened_ns;
		int64_t announced_ns = TIME_NEVER;
		int64_t latched_ns = TIME_NEVER;
		uint32_t worker = GUARDPOL_NONE;

		setup(NULL);
		c.open_ms = (int32_t)(1000 + draw(3000));
		c.pulse_ms = draw(2) == 0U ? 0 : 100;
		c.feedback_ms = draw(2) == 0U ? 0 : 300;
		c.precharge_ms = draw(2) == 0U ? 0 : 500;
		opened_ns = in.now_ns;
		for (int n = 0; n < 50000; n++) {
			const bool was_closed = g.relay == RELAY_CLOSED;

			draw_inputs();
			guardpol_step(&g, &c, &in, &out);
			if (in.worker == GUARDPOL_RELOADING && worker != GUARDPOL_RELOADING) {
				announced_ns = in.now_ns;
			}
			worker = in.worker;
			if (out.relay == RELAY_CLOSED) {
				const bool held = was_closed && announced_ns != TIME_NEVER &&
						  in.now_ns - announced_ns <= 2500 * NS_PER_MS;

				closed_steps++;
				latched_ns = in.latched == REASON_NONE	? TIME_NEVER
					     : latched_ns == TIME_NEVER ? in.now_ns
									: latched_ns;
				assert_true(!in.line_failed);
				assert_true(
					latched_ns == TIME_NEVER ||
					(was_closed && in.now_ns - latched_ns <= GUARDPOL_TRIP_NS));
				assert_true(held || (in.permit && out.fresh &&
						     in.worker >= GUARDPOL_RUNNING &&
						     in.worker <= GUARDPOL_RELOADING));
				assert_int_equal(out.latch, REASON_NONE);
			} else {
				assert_false(out.line);
				latched_ns = TIME_NEVER;
			}
			if (out.closed) {
				assert_true(in.now_ns - opened_ns >= c.open_ms * NS_PER_MS);
				assert_true(in.permit && out.fresh);
			}
			if (out.relay == RELAY_OPEN && was_closed) {
				assert_true(out.opened && out.opened_by != REASON_NONE);
				opened_ns = in.now_ns;
				openings++;
			}
			assert_true(!out.precharge || !out.line);
			assert_true(!in.line_failed || !out.healthy);
			if (out.latch != REASON_NONE) {
				in.latched = draw(2) == 0U ? out.latch : in.latched;
				guardpol_acked(&g);
			}
		}
	}
	assert_true(closed_steps > 1000 && openings > 100); /* it was not vacuous */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_starts_open_and_closes_after_the_open_time, setup),
		cmocka_unit_test_setup(test_SAF_11_truth_table, setup),
		cmocka_unit_test_setup(test_SAF_11_opens_within_one_period_of_what_it_sees, setup),
		cmocka_unit_test_setup(
			test_SAF_11_beat_missing_opens_after_the_limit_and_not_before, setup),
		cmocka_unit_test_setup(test_SAF_11_beat_out_of_sequence_is_no_beat, setup),
		cmocka_unit_test_setup(test_one_odd_value_does_not_open, setup),
		cmocka_unit_test_setup(test_beat_of_a_new_worker_must_advance_first, setup),
		cmocka_unit_test_setup(test_worker_that_fails_is_killed_in_time, setup),
		cmocka_unit_test_setup(test_guard_that_overslept_gives_the_worker_its_time, setup),
		cmocka_unit_test_setup(test_SAF_12_no_closing_while_latched, setup),
		cmocka_unit_test_setup(test_SAF_20_latch_of_the_core_has_its_time_and_no_more,
				       setup),
		cmocka_unit_test_setup(test_FLT_65_worker_that_fails_again_and_again_latches,
				       setup),
		cmocka_unit_test_setup(test_reclosings_of_the_last_hour_count, setup),
		cmocka_unit_test_setup(test_permit_withdrawn_is_not_counted, setup),
		cmocka_unit_test_setup(test_orderly_stop_keeps_it_closed_for_the_last_words, setup),
		cmocka_unit_test_setup(test_announced_reload_keeps_it_closed, setup),
		cmocka_unit_test_setup(test_reload_that_takes_too_long_opens, setup),
		cmocka_unit_test_setup(test_reload_holds_nothing_worse, setup),
		cmocka_unit_test_setup(test_pulse_mode_toggles_and_stops, setup),
		cmocka_unit_test_setup(test_precharge_comes_before, setup),
		cmocka_unit_test_setup(test_FLT_60_contact_that_does_not_follow_latches, setup),
		cmocka_unit_test_setup(test_contact_may_take_its_time, setup),
		cmocka_unit_test_setup(test_health, setup),
		cmocka_unit_test_setup(test_SAF_11_property, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
