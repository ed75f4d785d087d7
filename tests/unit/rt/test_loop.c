/* SPDX-License-Identifier: Apache-2.0 */
/* The cycle loop: its grid, and one period at a time on a pty without a thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "rt/loop.h"

#define PERIOD_NS (5 * NS_PER_MS)
#define EVENTS_N  64U
#define FRAMES_N  64U
#define BUSY_NS	  (60 * NS_PER_S) /* a busy machine may take so long for what takes no time */

static void test_first_wakeup_lies_off_the_whole_millisecond(void **state)
{
	static const int64_t starts[] = {0, 1, PERIOD_NS - 1, PERIOD_NS, 123456789012345};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		const int64_t t = loop_first_wakeup(starts[i], PERIOD_NS);

		assert_int_equal(t % NS_PER_MS, LOOP_PHASE_NS);
		assert_int_equal((t - LOOP_PHASE_NS) % PERIOD_NS, 0);
		assert_true(t - starts[i] > PERIOD_NS && t - starts[i] < 3 * PERIOD_NS);
	}
}

static void test_overrun_skips_to_the_next_point_of_the_grid_and_is_counted(void **state)
{
	static const struct {
		int64_t done_ns;
		int64_t next_ns;
		uint64_t missed;
	} cases[] = {
		{0, PERIOD_NS, 0},
		{PERIOD_NS - 1, PERIOD_NS, 0},
		{PERIOD_NS, 2 * PERIOD_NS, 1},
		{2 * PERIOD_NS - 1, 2 * PERIOD_NS, 1},
		{2 * PERIOD_NS, 3 * PERIOD_NS, 2},
		/* stopped for 5 s (SIGSTOP) */
		{5 * NS_PER_S + 1, 5 * NS_PER_S + PERIOD_NS, 1000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const int64_t last_ns = 77 * NS_PER_S + LOOP_PHASE_NS;
		uint64_t missed = 99;
		const int64_t next_ns = loop_next_wakeup(last_ns, last_ns + cases[i].done_ns,
							 PERIOD_NS, &missed);

		assert_int_equal(next_ns - last_ns, cases[i].next_ns);
		assert_int_equal(missed, cases[i].missed);
		assert_true(next_ns > last_ns + cases[i].done_ns);
	}
}

struct rig {
	int master;
	int slave;
	struct serial *serial;
	struct core_config core;
	struct shared_page *page;
	struct stats_page stats;
	struct ring events;
	struct event event_storage[EVENTS_N];
	struct ring frames;
	struct can_msg frame_storage[FRAMES_N];
	struct ring commands;
	struct command command_storage[8];
	struct ring network;
	struct command network_storage[8];
	struct ring answers;
	struct command_answer answer_storage[8];
	struct loop loop;
	uint32_t taps;
	struct cycle_in tapped;
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static uint32_t tap(void *context, const struct cycle_in *in)
{
	struct rig *r = context;

	r->tapped = *in;
	return ++r->taps;
}

static int set_up(void **state)
{
	static const struct serial_pace pace = {.period_us = 5000};
	/* static: malloc() does not align rings as they ask for */
	static struct rig rig;
	struct rig *r = &rig;
	char name[64];
	char error[256];
	int fd = -1;

	memset(r, 0, sizeof(*r));
	if (openpty(&r->master, &r->slave, name, NULL, NULL) != 0 ||
	    serial_start(&r->serial, name, &pace, error, sizeof(error)) != 0) {
		return -1;
	}
	fcntl(r->master, F_SETFL, O_NONBLOCK);
	core_config_default(&r->core);
	r->page = shared_create(&fd);
	close(fd);
	snapshot_init(&r->stats.telemetry.head, sizeof(struct telemetry));
	snapshot_init(&r->stats.loop.head, sizeof(struct stats_loop));
	ring_init(&r->events, r->event_storage, EVENTS_N, sizeof(struct event));
	ring_init(&r->frames, r->frame_storage, FRAMES_N, sizeof(struct can_msg));
	ring_init(&r->commands, r->command_storage, 8, sizeof(struct command));
	ring_init(&r->network, r->network_storage, 8, sizeof(struct command));
	ring_init(&r->answers, r->answer_storage, 8, sizeof(struct command_answer));
	const struct loop_config config = {
		.core = &r->core,
		.serial = r->serial,
		.commands = &r->commands,
		.network = &r->network,
		.answers = &r->answers,
		.events = &r->events,
		.frames = &r->frames,
		.page = r->page,
		.stats = &r->stats,
		.tap = tap,
		.tap_context = r,
	};

	*state = r;
	return loop_init(&r->loop, &config, 0U, clock_ns(CLOCK_MONOTONIC),
			 clock_ns(CLOCK_BOOTTIME));
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	loop_stop(&r->loop);
	serial_stop(r->serial);
	shared_detach(r->page);
	close(r->master);
	close(r->slave);
	return 0;
}

static int64_t step(struct rig *r)
{
	atomic_fetch_add(&r->page->guard_beat, 1U);
	return loop_step(&r->loop, clock_ns(CLOCK_MONOTONIC));
}

static void test_period_polls_the_bms_and_beats(void **state)
{
	struct rig *r = *state;
	uint8_t request[64];
	uint32_t beat = 0;
	ssize_t n = -1;

	for (int i = 0; i < 400 && n <= 0; i++) {
		step(r);
		n = read(r->master, request, sizeof(request));
		poll(NULL, 0, 5);
	}
	assert_int_equal(n, JK_REQUEST_SIZE);
	assert_int_equal(request[0], 0x4E);
	assert_int_equal(r->loop.counters.serial_tx_bytes, JK_REQUEST_SIZE);
	assert_true(shared_beat_read(r->page, &beat));
	assert_int_equal(beat, r->loop.counters.cycles);
	/* SAF-01: no sample, no frame, no permit to anything */
	assert_int_equal(r->loop.out.can_tx_len, 0);
	assert_int_equal(loop_samples(&r->loop), 0);
}

static void test_every_step_goes_through_the_tap_unchanged(void **state)
{
	struct rig *r = *state;

	assert_int_equal(write(r->master, "hello", 5), 5);
	for (int i = 0; i < 400 && r->tapped.rx_len == 0U; i++) {
		step(r);
		poll(NULL, 0, 1);
	}
	assert_int_equal(r->tapped.rx_len, 5);
	assert_memory_equal(r->tapped.rx, "hello", 5);
	assert_int_equal(r->tapped.now_ns, r->loop.in.now_ns);
	assert_int_equal(r->taps, r->loop.counters.cycles);
	assert_int_equal(r->loop.counters.trace_lost, r->taps);
}

/* SAF-13: one try; while a service writes, or never again does, the old word stays, with its time. */
static void test_SAF_13_words_of_grid_and_other_inverter(void **state)
{
	struct rig *r = *state;
	static SNAPSHOT_OF(struct grid_sample) grid;
	static SNAPSHOT_OF(struct peer_sample) local;
	static SNAPSHOT_OF(struct peer_sample) portal;
	struct grid_sample g = {.t_ns = 7, .power_w = -1500, .serial = 42};
	struct peer_sample p = {.t_ns = 8, .source = PEER_LOCAL, .current_ma = 9000, .soc_pct = 55};

	step(r); /* no such source */
	assert_int_equal(r->tapped.grid.t_ns, TIME_NEVER);
	assert_int_equal(r->tapped.peer_local.t_ns, TIME_NEVER);
	assert_int_equal(r->tapped.peer_portal.t_ns, TIME_NEVER);
	snapshot_init(&grid.head, sizeof(g));
	snapshot_init(&local.head, sizeof(p));
	snapshot_init(&portal.head, sizeof(p));
	r->loop.config.grid = &grid.head;
	r->loop.config.peer_local = &local.head;
	r->loop.config.peer_portal = &portal.head;
	step(r); /* nothing written yet */
	assert_int_equal(r->tapped.grid.t_ns, TIME_NEVER);
	snapshot_write(&grid.head, &g, sizeof(g));
	snapshot_write(&local.head, &p, sizeof(p));
	step(r);
	assert_memory_equal(&r->tapped.grid, &g, sizeof(g));
	assert_memory_equal(&r->tapped.peer_local, &p, sizeof(p));
	assert_int_equal(r->tapped.peer_portal.t_ns, TIME_NEVER);
	p.source = PEER_SEMS;
	snapshot_write(&portal.head, &p, sizeof(p));
	atomic_fetch_add(&grid.head.seq, 1U); /* a writer that was stopped in the middle */
	step(r);
	assert_memory_equal(&r->tapped.grid, &g, sizeof(g));
	assert_memory_equal(&r->tapped.peer_portal, &p, sizeof(p));
	assert_int_equal(cycle_telemetry(&r->loop.cycle)->limit_ma[DIR_CHARGE], 0);
}

static void test_FLT_10_babbling_line_is_read_in_bounded_pieces(void **state)
{
	struct rig *r = *state;
	uint8_t noise[3000];

	memset(noise, 0xA5, sizeof(noise));
	const ssize_t n = write(r->master, noise, sizeof(noise));

	assert_true(n > (ssize_t)CYCLE_RX_MAX);
	poll(NULL, 0, 50);
	step(r);
	assert_int_equal(r->loop.in.rx_len, CYCLE_RX_MAX);
}

static void test_at_most_four_commands_are_taken_per_period(void **state)
{
	struct rig *r = *state;
	const struct command c = {.kind = COMMAND_LIMIT_CHARGE, .value = 1, .ttl_ms = 1000};

	for (int i = 0; i < 6; i++) {
		assert_true(ring_push(&r->commands, &c));
	}
	step(r);
	assert_int_equal(r->loop.in.command_len, CYCLE_COMMAND_MAX);
	step(r);
	assert_int_equal(r->loop.in.command_len, 2);
	step(r);
	assert_int_equal(r->loop.in.command_len, 0);
	assert_int_equal(r->loop.counters.commands, 6);
}

/* A flood of one producer delays neither the other's order nor itself without end. */
static void test_SAF_19_FLT_36_network_is_heard_after_local_tools_and_never_as_one(void **state)
{
	struct rig *r = *state;
	const struct command flood = {
		.kind = COMMAND_ACK, .value = 1, .ttl_ms = 1000, .local = 1U, .seq = 9};
	const struct command local = {.kind = COMMAND_LIMIT_CHARGE, .value = 7, .ttl_ms = 1000};
	struct command_answer answer;

	for (int i = 0; i < 8; i++) {
		assert_true(ring_push(&r->network, &flood));
	}
	assert_false(ring_push(&r->network, &flood));
	assert_true(ring_push(&r->commands, &local));
	step(r);
	assert_int_equal(r->loop.in.command_len, CYCLE_COMMAND_MAX);
	assert_int_equal(r->loop.in.command[0].kind, COMMAND_LIMIT_CHARGE);
	for (uint32_t i = 1; i < CYCLE_COMMAND_MAX; i++) {
		assert_int_equal(r->loop.in.command[i].kind, COMMAND_ACK);
		assert_int_equal(r->loop.in.command[i].local, 0);
	}
	/* Only the orders with a number are answered: those of the network. */
	for (uint32_t i = 1; i < CYCLE_COMMAND_MAX; i++) {
		assert_true(ring_pop(&r->answers, &answer));
		assert_int_equal(answer.seq, 9);
		assert_int_equal(answer.verdict, COMMAND_NOT_LOCAL);
	}
	assert_false(ring_pop(&r->answers, &answer));
	step(r);
	step(r);
	assert_int_equal(r->loop.in.command_len, 1);
	step(r);
	assert_int_equal(r->loop.in.command_len, 0);
}

/* Nobody takes the answers: they are lost, and the cycle goes on. */
static void test_FLT_68_answers_that_nobody_takes_are_lost(void **state)
{
	struct rig *r = *state;
	const struct command c = {
		.kind = COMMAND_LIMIT_CHARGE, .value = 7, .ttl_ms = 1000, .seq = 1};
	const uint64_t cycles = r->loop.counters.cycles;

	for (int i = 0; i < 20; i++) {
		assert_true(ring_push(&r->network, &c));
		step(r);
		assert_int_equal(r->loop.in.command_len, 1);
	}
	assert_int_equal(r->loop.counters.cycles, cycles + 20U);
	assert_true(ring_dropped(&r->answers) > 0U);
}

static void test_FLT_32_guard_that_stands_still_for_a_second_is_noticed(void **state)
{
	struct rig *r = *state;

	step(r);
	assert_true(r->loop.in.guard_ok);
	r->loop.guard_moved_ns -= LOOP_GUARD_NS - 100 * NS_PER_MS;
	loop_step(&r->loop, clock_ns(CLOCK_MONOTONIC));
	assert_true(r->loop.in.guard_ok);
	r->loop.guard_moved_ns -= 200 * NS_PER_MS;
	loop_step(&r->loop, clock_ns(CLOCK_MONOTONIC));
	assert_false(r->loop.in.guard_ok);
	step(r);
	assert_true(r->loop.in.guard_ok);
	loop_request_stop(&r->loop, LOOP_GUARD_GONE);
	step(r);
	assert_false(r->loop.in.guard_ok);
	assert_true(r->loop.in.stop);
}

static void test_FLT_68_full_event_ring_loses_and_counts_and_nothing_else(void **state)
{
	struct rig *r = *state;
	const struct event e = {.id = EVENT_PHASE};

	while (ring_push(&r->events, &e)) {
	}
	const uint32_t before = ring_dropped(&r->events);
	const uint64_t cycles = r->loop.counters.cycles;

	for (int i = 0; i < 10; i++) {
		step(r);
	}
	assert_int_equal(r->loop.counters.cycles, cycles + 10U);
	assert_true(ring_dropped(&r->events) >= before);
}

static uint32_t cells(const struct rig *r, enum stats_time kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < STATS_HIST_CELLS; i++) {
		n += atomic_load(&r->stats.hist[kind][i]);
	}
	return n;
}

static void test_telemetry_is_published_every_20_ms_and_counters_every_100_ms(void **state)
{
	struct rig *r = *state;
	struct telemetry t;
	struct stats_loop got;

	step(r);
	assert_true(snapshot_try_read(&r->stats.loop.head, &got, sizeof(got)));
	assert_int_equal(got.cycles, 1);
	for (int i = 0; i < 2; i++) {
		poll(NULL, 0, 21);
		step(r);
		assert_true(snapshot_try_read(&r->stats.telemetry.head, &t, sizeof(t)));
		assert_int_equal(t.t_ns, r->loop.in.now_ns);
	}
	poll(NULL, 0, 101);
	step(r);
	assert_true(snapshot_try_read(&r->stats.loop.head, &got, sizeof(got)));
	assert_int_equal(got.cycles, 4);
	assert_int_equal(got.t_ns, r->loop.in.now_ns);
	/* the run time of a period is known after it was published */
	assert_int_equal(got.time[STATS_WAKEUP].count, 4);
	assert_int_equal(got.time[STATS_RUN].count, 3);
	assert_int_equal(cells(r, STATS_WAKEUP), 4);
	assert_int_equal(cells(r, STATS_RUN), 4);
}

static void test_reset_begins_times_and_rules_anew_and_forgets_no_fault(void **state)
{
	struct rig *r = *state;
	struct stats_loop got;

	r->loop.counters.overruns = 7;
	for (int i = 0; i < 40; i++) {
		step(r);
	}
	assert_int_equal(cells(r, STATS_WAKEUP), 40);
	assert_int_equal(atomic_load(&r->stats.rules.came[DIR_CHARGE][RULE_NO_SAMPLE]), 1);
	const int64_t before_ns = r->loop.in.now_ns;

	loop_request_reset(&r->loop);
	r->loop.checked_ns -= LOOP_SELF_CHECK_NS;
	for (uint32_t i = 0; i < STATS_TIMES + 1U; i++) {
		step(r);
	}
	poll(NULL, 0, 101);
	step(r);
	assert_true(snapshot_try_read(&r->stats.loop.head, &got, sizeof(got)));
	assert_int_equal(got.resets, 1);
	assert_true(got.since_ns > before_ns);
	assert_int_equal(got.overruns, 7);
	assert_int_equal(got.cycles, 40U + STATS_TIMES + 2U);
	assert_true(cells(r, STATS_WAKEUP) > 0U && cells(r, STATS_WAKEUP) < 40U);
	assert_int_equal(cells(r, STATS_WAKEUP), got.time[STATS_WAKEUP].count);
	assert_true(got.time[STATS_WAKEUP].min_ns <= got.time[STATS_WAKEUP].max_ns);
	assert_int_equal(atomic_load(&r->stats.rules.came[DIR_CHARGE][RULE_NO_SAMPLE]), 0);
}

static void test_orders_are_timed_from_the_ring_to_the_cycle(void **state)
{
	struct rig *r = *state;
	struct command c = {.kind = COMMAND_PAUSE_CHARGE, .ttl_ms = 1000, .local = 1};
	const struct stats_range *time = &r->loop.counters.time[STATS_COMMAND];

	c.sent_us = command_stamp(clock_ns(CLOCK_MONOTONIC));
	assert_true(ring_push(&r->commands, &c));
	poll(NULL, 0, 30);
	step(r);
	assert_int_equal(time->count, 1);
	assert_true(time->min_ns >= 29 * NS_PER_MS && time->min_ns < BUSY_NS);
	/* one without a stamp, and one with a stamp of the future */
	c.sent_us = 0U;
	assert_true(ring_push(&r->commands, &c));
	step(r);
	assert_int_equal(time->count, 1);
	c.sent_us = command_stamp(clock_ns(CLOCK_MONOTONIC) + NS_PER_S);
	assert_true(ring_push(&r->commands, &c));
	step(r);
	assert_int_equal(time->count, 2);
	assert_int_equal(time->min_ns, 0);
}

static void test_guard_is_timed_by_its_beat_from_the_second_one_on(void **state)
{
	struct rig *r = *state;
	const struct stats_range *time = &r->loop.counters.time[STATS_GUARD];

	/* step() moves the beat */
	for (int i = 0; i < 4; i++) {
		step(r);
		poll(NULL, 0, 20);
	}
	assert_int_equal(time->count, 3);
	assert_true(time->min_ns >= 20 * NS_PER_MS && time->max_ns < BUSY_NS);
}

static void test_rules_are_counted_when_they_come_to_bind(void **state)
{
	struct rig *r = *state;
	struct stats_rules *rules = &r->stats.rules;

	step(r);
	assert_int_equal(atomic_load(&rules->came[DIR_DISCHARGE][RULE_NO_SAMPLE]), 1);
	r->loop.since.rule_ns[DIR_DISCHARGE] -= 11 * NS_PER_S / 10;
	r->loop.checked_ns -= LOOP_SELF_CHECK_NS;
	step(r);
	assert_int_equal(atomic_load(&rules->came[DIR_DISCHARGE][RULE_NO_SAMPLE]), 1);
	assert_in_range(atomic_load(&rules->lasted_ds[DIR_DISCHARGE][RULE_NO_SAMPLE]), 10, 600);
	loop_request_stop(&r->loop, LOOP_END);
	step(r);
	assert_int_equal(atomic_load(&rules->came[DIR_DISCHARGE][RULE_SHUTDOWN]), 1);
	assert_int_equal(atomic_load(&rules->came[DIR_CHARGE][RULE_SHUTDOWN]), 1);
}

static void test_FLT_66_page_overwritten_by_others_changes_nothing(void **state)
{
	struct rig *r = *state;
	struct stats_loop got;

	for (int i = 0; i < 3; i++) {
		step(r);
		memset(&r->stats.hist, 0xFF, sizeof(r->stats.hist));
	}
	poll(NULL, 0, 101);
	step(r);
	assert_true(snapshot_try_read(&r->stats.loop.head, &got, sizeof(got)));
	assert_int_equal(got.cycles, 4);
	/* each cell shows its own value again, as soon as it is counted */
	assert_int_equal(got.time[STATS_WAKEUP].count, 4);
}

static void test_thread_runs_on_its_grid_and_ends(void **state)
{
	struct rig *r = *state;
	const struct enter_thread spec = {
		.name = "cycle", .stack = ENTER_STACK_RT, .priority = 0, .cpu = ENTER_CPU_ANY};
	struct enter_report report = {0};
	uint32_t beat = 0;

	assert_int_equal(loop_start(&r->loop, &spec, false, &report), 0);
	for (int i = 0; i < 1000 && beat < 20U; i++) {
		poll(NULL, 0, 5);
		(void)shared_beat_read(r->page, &beat);
	}
	assert_true(beat >= 20U);
	loop_request_stop(&r->loop, LOOP_END);
	loop_stop(&r->loop);
	assert_true((atomic_load(&r->loop.flags) & (STATS_ARMED | STATS_STOPPED)) ==
		    (STATS_ARMED | STATS_STOPPED));
	assert_true(r->loop.in.stop);
}

static void test_period_out_of_range_is_refused(void **state)
{
	static struct loop l;
	struct core_config core;
	const struct loop_config config = {.core = &core};

	(void)state;
	core_config_default(&core);
	core.period_us = LOOP_PERIOD_MIN_US - 1;
	assert_int_equal(loop_init(&l, &config, 0U, 0, 0), -EINVAL);
	core.period_us = LOOP_PERIOD_MAX_US + 1;
	assert_int_equal(loop_init(&l, &config, 0U, 0, 0), -EINVAL);
}

#define ON_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_wakeup_lies_off_the_whole_millisecond),
		cmocka_unit_test(test_overrun_skips_to_the_next_point_of_the_grid_and_is_counted),
		cmocka_unit_test(test_period_out_of_range_is_refused),
		ON_RIG(test_period_polls_the_bms_and_beats),
		ON_RIG(test_every_step_goes_through_the_tap_unchanged),
		ON_RIG(test_SAF_13_words_of_grid_and_other_inverter),
		ON_RIG(test_FLT_10_babbling_line_is_read_in_bounded_pieces),
		ON_RIG(test_at_most_four_commands_are_taken_per_period),
		ON_RIG(test_SAF_19_FLT_36_network_is_heard_after_local_tools_and_never_as_one),
		ON_RIG(test_FLT_68_answers_that_nobody_takes_are_lost),
		ON_RIG(test_FLT_32_guard_that_stands_still_for_a_second_is_noticed),
		ON_RIG(test_FLT_68_full_event_ring_loses_and_counts_and_nothing_else),
		ON_RIG(test_telemetry_is_published_every_20_ms_and_counters_every_100_ms),
		ON_RIG(test_reset_begins_times_and_rules_anew_and_forgets_no_fault),
		ON_RIG(test_orders_are_timed_from_the_ring_to_the_cycle),
		ON_RIG(test_guard_is_timed_by_its_beat_from_the_second_one_on),
		ON_RIG(test_rules_are_counted_when_they_come_to_bind),
		ON_RIG(test_FLT_66_page_overwritten_by_others_changes_nothing),
		ON_RIG(test_thread_runs_on_its_grid_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
