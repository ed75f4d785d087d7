/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo check: registers to units, what counts as a difference, for how long; and random lives in
 * which a whole history, kept here, says what the answer is.
 */
#include "core/echo.h"

#include "unit/base/seed.h"
#include "base/units.h"
#include "core_test.h"

#define START_NS  (1000 * NS_PER_S)
#define TICK_NS	  (200 * NS_PER_MS)
#define WINDOW_MS 30000
#define WINDOW_NS (WINDOW_MS * NS_PER_MS)
#define AGE_MS	  40000
#define READ_MS	  10000

static struct echo echo;
static struct echo_said said;
static struct echo_reading reading;
static struct echo_out out;
static int64_t now_ns;
static uint32_t events[EVENTS];
static struct event last[EVENTS];

static int setup(void **state)
{
	const struct echo_config config = {.window_ms = WINDOW_MS, .max_age_ms = AGE_MS};

	(void)state;
	echo_init(&echo, &config);
	now_ns = START_NS;
	said = (struct echo_said){.confirmed = true, .value = {60000, 55000, 52680, 88}};
	reading = (struct echo_reading){.t_ns = TIME_NEVER};
	memset(events, 0, sizeof(events));
	return 0;
}

static void tick(void)
{
	now_ns += TICK_NS;
	said.frames++;
	memset(&out, 0xA5, sizeof(out));
	echo_step(&echo, now_ns, &said, &reading, &out);
	assert_true(out.verdict < ECHO_VERDICTS);
	assert_true(out.event_len <= ECHO_EVENTS_MAX);
	assert_true((out.differs != 0) == (out.verdict == ECHO_DIFFERS));
	for (uint32_t i = 0; i < out.event_len; i++) {
		assert_true(out.event[i].id < EVENTS);
		assert_int_equal(out.event[i].t_ns, now_ns);
		events[out.event[i].id]++;
		last[out.event[i].id] = out.event[i];
	}
}

static void run_ms(int64_t ms)
{
	const int64_t end_ns = now_ns + ms * NS_PER_MS;

	while (now_ns < end_ns) {
		tick();
	}
}

/* A poll: the registers say what was said, with one item moved by @by; then time passes. */
static void poll_with(enum echo_item item, int32_t by)
{
	reading.t_ns = now_ns;
	memcpy(reading.value, said.value, sizeof(reading.value));
	reading.value[item] += by;
	run_ms(READ_MS);
}

static void test_registers_become_units(void **state)
{
	static const struct {
		uint16_t reg[ECHO_REGISTERS];
		struct echo_reading want;
	} row[] = {
		{{88, 100, 5268, 342, 450, 550, 0, 0},
		 {7, {45000, 55000, 52680, 88}, 100, 34200, {0, 0}}},
		{{0, 0, 0, 0, 0, 0, 0, 0}, {7, {0, 0, 0, 0}, 0, 0, {0, 0}}},
		{{100, 99, 5540, 0xFFFF, 1, 2, 0x0010, 0x8000},
		 {7, {100, 200, 55400, 100}, 99, -100, {0x10, 0x8000}}},
		/* all there can be: nothing is dropped, nothing overflows */
		{{65535, 65535, 65535, 0x8000, 65535, 65535, 65535, 65535},
		 {7, {6553500, 6553500, 655350, 65535}, 65535, -3276800, {65535, 65535}}},
		{{0, 0, 0, 0x7FFF, 0, 0, 0, 0}, {7, {0, 0, 0, 0}, 0, 3276700, {0, 0}}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct echo_reading got;

		memset(&got, 0xA5, sizeof(got));
		echo_decode(row[i].reg, 7, &got);
		assert_memory_equal(&got, &row[i].want, sizeof(got));
	}
}

static void test_telemetry_gives_what_the_bus_says(void **state)
{
	static struct bench b;
	struct echo_said got;

	(void)state;
	bench_init(&b);
	echo_said_of(bench_tele(&b), &got);
	assert_int_equal(got.frames, 0);
	start_fast(&b);
	echo_said_of(bench_tele(&b), &got);
	assert_true(got.confirmed);
	assert_true(got.frames > 0);
	assert_int_equal(got.value[ECHO_CHARGE], bench_ccl_ma(&b));
	assert_int_equal(got.value[ECHO_DISCHARGE], bench_dcl_ma(&b));
	assert_true(got.value[ECHO_DISCHARGE] > 0);
	/* 0x356 and 0x355 as they left */
	const struct can_msg *m = &b.cycle.link.sent[PYLON_FRAME_MEASURED];

	assert_int_equal(round_div(got.value[ECHO_VOLTAGE], 10), m->data[0] | m->data[1] << 8);
	m = &b.cycle.link.sent[PYLON_FRAME_SOC];
	assert_int_equal(got.value[ECHO_SOC], m->data[0] | m->data[1] << 8);
	/* a silent BMS: the voltage on the bus is held, and told as such */
	const int32_t held_mv = got.value[ECHO_VOLTAGE];

	b.silent = true;
	bench_run_ms(&b, 5000);
	echo_said_of(bench_tele(&b), &got);
	assert_int_equal(got.value[ECHO_CHARGE], 0);
	assert_int_equal(got.value[ECHO_VOLTAGE], held_mv);
}

static void test_agreement_at_the_first_reading(void **state)
{
	(void)state;
	run_ms(1000);
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
	poll_with(ECHO_SOC, 0);
	assert_int_equal(out.verdict, ECHO_AGREES);
	assert_int_equal(events[EVENT_ECHO_AGREES], 1);
	assert_int_equal(last[EVENT_ECHO_AGREES].arg[0], 60000);
	assert_int_equal(last[EVENT_ECHO_AGREES].arg[1], 55000);
	assert_int_equal(last[EVENT_ECHO_AGREES].arg[2], 52680);
	assert_int_equal(last[EVENT_ECHO_AGREES].arg[3], 88);
	for (int i = 0; i < 20; i++) {
		poll_with(ECHO_SOC, 0);
	}
	assert_int_equal(events[EVENT_ECHO_AGREES], 1);
}

static void test_grid_steps_are_no_difference_and_one_more_is(void **state)
{
	static const struct {
		enum echo_item item;
		int32_t by;
		bool differs;
		enum event_id event;
	} row[] = {
		{ECHO_CHARGE, 100, false, EVENT_NONE},
		{ECHO_CHARGE, -100, false, EVENT_NONE},
		{ECHO_CHARGE, 200, true, EVENT_ECHO_CHARGE},
		{ECHO_CHARGE, -200, true, EVENT_ECHO_CHARGE},
		{ECHO_CHARGE, -60000, true, EVENT_ECHO_CHARGE},
		{ECHO_DISCHARGE, -100, false, EVENT_NONE},
		{ECHO_DISCHARGE, 200, true, EVENT_ECHO_DISCHARGE},
		{ECHO_VOLTAGE, 100, false, EVENT_NONE},
		{ECHO_VOLTAGE, -100, false, EVENT_NONE},
		{ECHO_VOLTAGE, 110, true, EVENT_ECHO_VOLTAGE},
		{ECHO_VOLTAGE, -110, true, EVENT_ECHO_VOLTAGE},
		{ECHO_SOC, 1, false, EVENT_NONE},
		{ECHO_SOC, -1, false, EVENT_NONE},
		{ECHO_SOC, 2, true, EVENT_ECHO_SOC},
		{ECHO_SOC, -2, true, EVENT_ECHO_SOC},
		/* 88 with its bytes swapped */
		{ECHO_SOC, 22528 - 88, true, EVENT_ECHO_SOC},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		setup(NULL);
		run_ms(1000);
		for (int n = 0; n < 4; n++) {
			/* 30 s after the first reading that differs, not earlier */
			assert_int_not_equal(out.verdict, ECHO_DIFFERS);
			poll_with(row[i].item, row[i].by);
		}
		assert_int_equal(out.verdict, row[i].differs ? ECHO_DIFFERS : ECHO_AGREES);
		assert_int_equal(out.differs, row[i].differs ? 1U << row[i].item : 0U);
		if (row[i].differs) {
			assert_int_equal(events[row[i].event], 1);
			const struct event *e = &last[row[i].event];
			const int32_t v = said.value[row[i].item];

			assert_int_equal(e->arg[0], v + row[i].by);
			assert_int_equal(e->arg[1], v);
			assert_int_equal(e->arg[2], v);
			assert_int_equal(e->arg[3], WINDOW_MS);
		}
		for (int n = 0; n < 10; n++) {
			poll_with(row[i].item, row[i].by);
		}
		assert_int_equal(events[EVENT_ECHO_CHARGE] + events[EVENT_ECHO_DISCHARGE] +
					 events[EVENT_ECHO_VOLTAGE] + events[EVENT_ECHO_SOC],
				 row[i].differs ? 1 : 0);
	}
}

static void test_difference_ends_and_begins_anew(void **state)
{
	(void)state;
	run_ms(1000);
	for (int i = 0; i < 5; i++) {
		poll_with(ECHO_CHARGE, 5000);
	}
	assert_int_equal(out.verdict, ECHO_DIFFERS);
	poll_with(ECHO_CHARGE, 0);
	assert_int_equal(out.verdict, ECHO_AGREES);
	assert_int_equal(events[EVENT_ECHO_AGREES], 1);
	/* one reading that agrees in between: the time begins anew */
	for (int i = 0; i < 8; i++) {
		poll_with(ECHO_CHARGE, i % 3 == 2 ? 0 : 5000);
		assert_int_equal(out.verdict, ECHO_AGREES);
	}
	assert_int_equal(events[EVENT_ECHO_CHARGE], 1);
	for (int i = 0; i < 4; i++) {
		poll_with(ECHO_CHARGE, 5000);
	}
	assert_int_equal(out.verdict, ECHO_DIFFERS);
	assert_int_equal(events[EVENT_ECHO_CHARGE], 2);
	/* the one ends while another begins: neither agreement nor, yet, a difference */
	poll_with(ECHO_SOC, 9);
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
}

static void test_what_was_said_within_the_window_counts_as_understood(void **state)
{
	(void)state;
	run_ms(60000);
	said.value[ECHO_CHARGE] = 10000;
	/* the inverter is slow: the old limit, for one window */
	run_ms(29000);
	reading.t_ns = now_ns;
	memcpy(reading.value, said.value, sizeof(reading.value));
	reading.value[ECHO_CHARGE] = 60000;
	tick();
	assert_int_equal(out.verdict, ECHO_AGREES);
	/* all between old and new: a ramp is passed at any point */
	reading.t_ns = now_ns;
	reading.value[ECHO_CHARGE] = 34500;
	tick();
	assert_int_equal(out.verdict, ECHO_AGREES);
	/* too old: two windows later it is a difference that has begun */
	run_ms(31000);
	reading.t_ns = now_ns;
	reading.value[ECHO_CHARGE] = 60000;
	run_ms(10000);
	assert_int_equal(out.verdict, ECHO_AGREES);
	reading.t_ns = now_ns;
	run_ms(10000);
	reading.t_ns = now_ns;
	run_ms(10000);
	reading.t_ns = now_ns;
	tick();
	assert_int_equal(out.verdict, ECHO_DIFFERS);
	assert_int_equal(last[EVENT_ECHO_CHARGE].arg[1], 10000);
	assert_int_equal(last[EVENT_ECHO_CHARGE].arg[2], 10000);
}

static void test_old_future_or_no_reading_is_not_known(void **state)
{
	static const int64_t bad_ns[] = {TIME_NEVER, -1, INT64_MAX, INT64_MIN + 1};

	(void)state;
	run_ms(1000);
	poll_with(ECHO_SOC, 0);
	assert_int_equal(out.verdict, ECHO_AGREES);
	run_ms(AGE_MS - READ_MS);
	assert_int_equal(out.verdict, ECHO_AGREES);
	run_ms(400);
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
	poll_with(ECHO_SOC, 0);
	assert_int_equal(out.verdict, ECHO_AGREES);
	for (size_t i = 0; i < ARRAY_SIZE(bad_ns); i++) {
		reading.t_ns = bad_ns[i];
		reading.fault[0] = 7;
		tick();
		assert_int_equal(out.verdict, ECHO_UNKNOWN);
		assert_int_equal(out.event_len, 0);
	}
	/* a difference with a gap longer than a reading is good for is none that lasts */
	reading.fault[0] = 0;
	for (int i = 0; i < 4; i++) {
		poll_with(ECHO_SOC, 50);
		run_ms(AGE_MS);
		assert_int_equal(out.verdict, ECHO_UNKNOWN);
	}
	assert_int_equal(events[EVENT_ECHO_SOC], 0);
}

static void test_the_same_reading_is_judged_once(void **state)
{
	(void)state;
	run_ms(1000);
	reading.t_ns = now_ns;
	memcpy(reading.value, said.value, sizeof(reading.value));
	reading.value[ECHO_CHARGE] += 9000;
	run_ms(AGE_MS - 1000);
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
	assert_int_equal(events[EVENT_ECHO_CHARGE], 0);
}

static void test_without_frames_nothing_is_known(void **state)
{
	(void)state;
	run_ms(1000);
	for (int i = 0; i < 4; i++) {
		poll_with(ECHO_SOC, 50);
	}
	assert_int_equal(out.verdict, ECHO_DIFFERS);
	/* nobody acknowledges: at once */
	said.confirmed = false;
	tick();
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
	/* and what was said before is forgotten */
	said.confirmed = true;
	said.value[ECHO_SOC] = 20;
	tick();
	reading.t_ns = now_ns;
	memcpy(reading.value, said.value, sizeof(reading.value));
	reading.value[ECHO_SOC] = 88;
	tick();
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
	poll_with(ECHO_SOC, 0);
	assert_int_equal(out.verdict, ECHO_AGREES);
	/* none leave: after 5 s */
	for (int i = 0; i < 26; i++) {
		tick();
		said.frames--;
		assert_int_equal(out.verdict, ECHO_AGREES);
	}
	tick();
	said.frames--;
	assert_int_equal(out.verdict, ECHO_UNKNOWN);
	for (int i = 0; i < 600; i++) {
		reading.t_ns = now_ns;
		tick();
		said.frames--;
		assert_int_equal(out.verdict, ECHO_UNKNOWN);
	}
}

static void test_fault_words_are_told_when_they_change(void **state)
{
	(void)state;
	run_ms(1000);
	poll_with(ECHO_SOC, 0);
	assert_int_equal(events[EVENT_ECHO_FAULTS], 0);
	reading.fault[1] = 0x8000;
	poll_with(ECHO_SOC, 0);
	poll_with(ECHO_SOC, 0);
	assert_int_equal(events[EVENT_ECHO_FAULTS], 1);
	assert_int_equal(last[EVENT_ECHO_FAULTS].arg[1], 0x8000);
	assert_int_equal(last[EVENT_ECHO_FAULTS].arg[3], 0);
	/* also while nothing is said */
	said.confirmed = false;
	reading.fault[1] = 0;
	poll_with(ECHO_SOC, 0);
	assert_int_equal(events[EVENT_ECHO_FAULTS], 2);
	assert_int_equal(last[EVENT_ECHO_FAULTS].arg[3], 0x8000);
}

static void test_extremes_do_not_overflow(void **state)
{
	static const int32_t extreme[] = {INT32_MIN, -1, 0, 1, INT32_MAX};
	const struct echo_config none = {.window_ms = INT32_MIN, .max_age_ms = INT32_MIN};
	const struct echo_config most = {.window_ms = INT32_MAX, .max_age_ms = INT32_MAX};

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(extreme); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(extreme); b++) {
			setup(NULL);
			for (uint32_t i = 0; i < ECHO_ITEMS; i++) {
				said.value[i] = extreme[a];
				reading.value[i] = extreme[b];
			}
			for (int n = 0; n < 5; n++) {
				reading.t_ns = now_ns;
				run_ms(READ_MS);
			}
			const bool near = a == b || (extreme[a] >= -1 && extreme[a] <= 1 &&
						     extreme[b] >= -1 && extreme[b] <= 1);
			const bool two = extreme[a] - (int64_t)extreme[b] == 2 ||
					 extreme[b] - (int64_t)extreme[a] == 2;

			assert_int_equal(out.verdict, near && !two ? ECHO_AGREES : ECHO_DIFFERS);
		}
	}
	echo_init(&echo, &none);
	now_ns = 0;
	reading.t_ns = 0;
	tick();
	echo_init(&echo, &most);
	now_ns = INT64_MAX - NS_PER_S;
	reading.t_ns = now_ns;
	tick();
}

/* ---- random lives ---- */

#define HISTORY 4096U

static struct {
	int64_t t_ns;
	int32_t value[ECHO_ITEMS];
} history[HISTORY];
static uint32_t history_len;
static uint32_t seed;

static int32_t below(int32_t n)
{
	return (int32_t)(seed_next(&seed) % (uint32_t)n);
}

static const int32_t tolerance[ECHO_ITEMS] = {100, 100, 100, 1};
static const int32_t step_max[ECHO_ITEMS] = {9000, 9000, 300, 3};

static void move_said(void)
{
	for (uint32_t i = 0; i < ECHO_ITEMS; i++) {
		if (below(8) == 0) {
			said.value[i] += (below(3) - 1) * below(step_max[i] + 1);
			said.value[i] = clamp_i32(said.value[i], 0, 1000000);
		}
	}
}

static void live(void)
{
	move_said();
	history[history_len % HISTORY].t_ns = now_ns + TICK_NS;
	memcpy(history[history_len % HISTORY].value, said.value, sizeof(said.value));
	history_len++;
	tick();
}

/* Something said within @window_ns before @t_ns or since. */
static bool was_said(enum echo_item item, int32_t v, int64_t t_ns, int64_t window_ns)
{
	int32_t lo = INT32_MAX;
	int32_t hi = INT32_MIN;

	for (uint32_t i = 0; i < HISTORY && i < history_len; i++) {
		if (history[i].t_ns >= t_ns - window_ns) {
			lo = min_i32(lo, history[i].value[item]);
			hi = max_i32(hi, history[i].value[item]);
		}
	}
	return v >= lo - tolerance[item] && v <= hi + tolerance[item];
}

static void begin_life(void)
{
	setup(NULL);
	history_len = 0;
	for (int i = 0; i < 10; i++) {
		live();
	}
}

/* An inverter that understands all, as late as the window allows, never differs. */
static void test_SAF_13_random_inverter_that_understands_never_differs(void **state)
{
	(void)state;
	seed = seed_get("echo, understands");
	for (int life = 0; life < 40; life++) {
		begin_life();
		const int32_t poll = 1 + below(150); /* up to 30 s */

		for (int i = 0; i < 3000; i++) {
			live();
			if (i % poll != 0) {
				continue;
			}
			const uint32_t most = history_len < 145U ? history_len : 145U;

			reading.t_ns = now_ns;
			for (uint32_t k = 0; k < ECHO_ITEMS; k++) {
				/* each value as of a moment of its own */
				const uint32_t back = (uint32_t)below((int32_t)most);

				reading.value[k] = history[(history_len - 1U - back) % HISTORY]
							   .value[k] +
						   (below(3) - 1) * tolerance[k];
			}
			tick();
			history[history_len % HISTORY].t_ns = now_ns;
			memcpy(history[history_len % HISTORY].value, said.value,
			       sizeof(said.value));
			history_len++;
			assert_int_equal(out.verdict, ECHO_AGREES);
		}
		assert_int_equal(events[EVENT_ECHO_AGREES], 1);
	}
}

/* Against the whole history: a difference is told exactly when it has lasted a window. */
static void test_SAF_13_random_readings_against_the_whole_history(void **state)
{
	int told = 0;
	int quiet = 0;

	(void)state;
	seed = seed_get("echo, anything");
	for (int life = 0; life < 40; life++) {
		int64_t clear_ns[ECHO_ITEMS]; /* newest reading that surely agrees */
		int64_t wrong_ns[ECHO_ITEMS]; /* first of the readings that surely differ */
		const int32_t poll = 5 + below(60);
		int32_t wrong[ECHO_ITEMS] = {0};

		begin_life();
		for (uint32_t k = 0; k < ECHO_ITEMS; k++) {
			clear_ns[k] = now_ns;
			wrong_ns[k] = TIME_NEVER;
		}
		for (int i = 0; i < 3000; i++) {
			live();
			if (i % poll != 0) {
				continue;
			}
			reading.t_ns = now_ns;
			for (uint32_t k = 0; k < ECHO_ITEMS; k++) {
				if (below(12) == 0) {
					wrong[k] = (below(5) - 2) * tolerance[k] * below(20);
				}
				reading.value[k] = said.value[k] + wrong[k];
			}
			/* the span in which a moment lies may begin an eighth earlier */
			for (uint32_t k = 0; k < ECHO_ITEMS; k++) {
				const enum echo_item item = (enum echo_item)k;
				const int32_t v = reading.value[k];
				const int64_t t = reading.t_ns;

				if (was_said(item, v, t, WINDOW_NS)) {
					clear_ns[k] = t;
				}
				if (was_said(item, v, t, WINDOW_NS + WINDOW_NS / 8 + TICK_NS)) {
					wrong_ns[k] = TIME_NEVER;
				} else if (wrong_ns[k] == TIME_NEVER) {
					wrong_ns[k] = t;
				}
			}
			tick();
			history[history_len % HISTORY].t_ns = now_ns;
			memcpy(history[history_len % HISTORY].value, said.value,
			       sizeof(said.value));
			history_len++;
			for (uint32_t k = 0; k < ECHO_ITEMS; k++) {
				const bool differs = (out.differs & 1U << k) != 0;

				if (differs) {
					assert_true(reading.t_ns - clear_ns[k] > WINDOW_NS);
					told++;
				} else {
					quiet++;
				}
				if (wrong_ns[k] != TIME_NEVER &&
				    reading.t_ns - wrong_ns[k] >= WINDOW_NS) {
					assert_true(differs);
				}
			}
		}
	}
	/* both happened, or nothing was shown */
	assert_true(told > 100);
	assert_true(quiet > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers_become_units, setup),
		cmocka_unit_test_setup(test_telemetry_gives_what_the_bus_says, setup),
		cmocka_unit_test_setup(test_agreement_at_the_first_reading, setup),
		cmocka_unit_test_setup(test_grid_steps_are_no_difference_and_one_more_is, setup),
		cmocka_unit_test_setup(test_difference_ends_and_begins_anew, setup),
		cmocka_unit_test_setup(test_what_was_said_within_the_window_counts_as_understood,
				       setup),
		cmocka_unit_test_setup(test_old_future_or_no_reading_is_not_known, setup),
		cmocka_unit_test_setup(test_the_same_reading_is_judged_once, setup),
		cmocka_unit_test_setup(test_without_frames_nothing_is_known, setup),
		cmocka_unit_test_setup(test_fault_words_are_told_when_they_change, setup),
		cmocka_unit_test_setup(test_extremes_do_not_overflow, setup),
		cmocka_unit_test_setup(test_SAF_13_random_inverter_that_understands_never_differs,
				       setup),
		cmocka_unit_test_setup(test_SAF_13_random_readings_against_the_whole_history,
				       setup),
	};

	return cmocka_run_group_tests_name("core/echo", tests, NULL, NULL);
}
