/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One whole day in simulated time: 24 hours in periods of 20 ms (the longest that rt.period accepts;
 * slots are 20 ms too), 4.3 million steps, each of them judged by the safety rules (lib/oracle.h).
 *
 * What is to be seen in day.golden:
 *   00:00  first sample, ladder init -> stop -> run, ramps from 0 at 1 A/s
 *   02:00  BMS silent for 1 s: nothing;  03:00 for 4 s: caution, stop, back;
 *   04:00  for 12 s: stop, trip, permit withdrawn, back after at least 30 s
 *   05:00  two seconds of noise on the line: caution, back
 *   07:00  sun, but a probe below 5 degC until 10:00: charge limit by temp-cold
 *   11:30  one reply with a cell 500 mV too high: charge limit 0 in that reply, slow rise after it
 *   11:45  one identical frame for a minute and a half: a warning after a minute, no rise
 *   noon   the battery gets full: cell-high, ratchet, absorption, float; the SoC 100 only then
 *   18:00  evening load: SoC below 80, phase bulk again (rebulk)
 *
 *   scenario_day_test            compares with tests/scenario/day.golden
 *   scenario_day_test --write F  writes the log to F (to renew the golden file: look at the
 *                                difference first)
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "day_house.h"
#include "lib/oracle.h"

#define GOLDEN	    JKP_SOURCE_DIR "/tests/scenario/day.golden"
#define DAY_S	    86400
#define LOG_MAX	    (256U * 1024U)
#define LINE_MAX_   256U
#define PERIOD_US   20000
#define SOC_START   60
#define TEN_MIN_S   600
#define SAID_NS	    (10 * NS_PER_S)
#define HOUR_S	    3600
#define AT(h, m, s) (((h)*60 + (m)) * 60 + (s))

static const char *write_to;

/* Faults of the BMS, by second of the day. */
enum hiccup {
	SILENT,
	NOISE,
	GLITCH,
	FROZEN
};

static const struct {
	enum hiccup kind;
	int32_t from_s;
	int32_t for_s;
} hiccups[] = {
	{SILENT, AT(2, 0, 0), 1}, {SILENT, AT(3, 0, 0), 4},   {SILENT, AT(4, 0, 0), 12},
	{NOISE, AT(5, 0, 0), 2},  {GLITCH, AT(11, 30, 0), 1}, {FROZEN, AT(11, 45, 0), 90},
};

static struct day {
	struct bench bench;
	struct house house;
	struct oracle oracle;
	struct telemetry last;
	uint32_t rule_shown[DIRS];
	uint32_t noise;
	uint32_t trips;
	int64_t said_ns[EVENTS];
	bool floated;
	bool rebulked;
	bool broken;
	char log[LOG_MAX];
	size_t len;
} day;

static int32_t day_ms(void)
{
	return (int32_t)((day.bench.now_ns - BENCH_START_NS) / NS_PER_MS);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	const int32_t ms = day_ms();
	const size_t room = sizeof(day.log) - day.len;
	va_list args;
	int n = snprintf(day.log + day.len, room,
			 "%02" PRId32 ":%02" PRId32 ":%02" PRId32 ".%03" PRId32 " ", ms / 3600000,
			 ms / 60000 % 60, ms / 1000 % 60, ms % 1000);

	assert_true(n > 0 && (size_t)n < room);
	day.len += (size_t)n;
	va_start(args, format);
	n = vsnprintf(day.log + day.len, sizeof(day.log) - day.len, format, args);
	va_end(args);
	assert_true(n > 0 && (size_t)n + 1 < sizeof(day.log) - day.len);
	day.len += (size_t)n;
	day.log[day.len++] = '\n';
	day.log[day.len] = '\0';
}

static bool now(enum hiccup kind)
{
	const int32_t s = day_ms() / 1000;
	bool on = false;

	for (uint32_t i = 0; i < ARRAY_SIZE(hiccups); i++) {
		on = on || (hiccups[i].kind == kind && s >= hiccups[i].from_s &&
			    s < hiccups[i].from_s + hiccups[i].for_s);
	}
	return on;
}

/* States that changed in this period. */
static void log_changes(const struct telemetry *t)
{
	const struct telemetry *l = &day.last;

	if (t->step != l->step) {
		say("step %s (%s)", step_name((int32_t)t->step), reason_name((int32_t)t->reason));
		day.trips += t->step == STEP_TRIP ? 1U : 0U;
	}
	if (t->permit != l->permit) {
		say("permit %s", t->permit != 0 ? "given" : "withdrawn");
	}
	if (t->phase != l->phase) {
		say("phase %s", phase_name((int32_t)t->phase));
		day.rebulked = day.rebulked || (day.floated && t->phase == PHASE_BULK);
		day.floated = day.floated || t->phase == PHASE_FLOAT;
	}
	if (t->latched != l->latched) {
		say("latched %s", reason_name((int32_t)t->latched));
	}
	if (t->full != l->full) {
		say("full %s", t->full != 0 ? "yes" : "no");
	}
	if (t->warnings != l->warnings || t->protections != l->protections) {
		say("warnings %02" PRIX32 " protections %02" PRIX32, t->warnings, t->protections);
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		/* A limit that became 0 or left it is news at once. */
		if ((t->limit_ma[d] == 0) != (l->limit_ma[d] == 0)) {
			say("%s limit %" PRId32 " mA by %s", dir_name((int32_t)d), t->limit_ma[d],
			    rule_name(t->limited_by[d]));
			day.rule_shown[d] = t->limited_by[d];
		}
	}
	day.last = *t;
}

/* Once a minute: who sets the limits; every ten: how much; every hour: energy. */
static void log_times(const struct telemetry *t, int32_t second)
{
	const struct house_energy *e = &day.house.energy;

	for (uint32_t d = 0; d < DIRS && second % 60 == 0; d++) {
		if (t->limited_by[d] != day.rule_shown[d]) {
			say("%s limit %" PRId32 " mA by %s", dir_name((int32_t)d), t->limit_ma[d],
			    rule_name(t->limited_by[d]));
			day.rule_shown[d] = t->limited_by[d];
		}
	}
	if (second % TEN_MIN_S == 0) {
		say("CCL %" PRId32 " DCL %" PRId32 " CVL %" PRId32 " SoC %" PRId32
		    " cells %u..%u mV flow %" PRId32 " mA probe %" PRId32 " dC",
		    bench_ccl_ma(&day.bench), bench_dcl_ma(&day.bench), bench_cvl_mv(&day.bench),
		    bench_soc(&day.bench), (unsigned int)t->sample.cell_min_mv,
		    (unsigned int)t->sample.cell_max_mv, t->sample.pack_ma, t->sample.probe_dc[1]);
	}
	if (second % HOUR_S == 0 && second > 0) {
		say("Wh: sun %" PRId64 " load %" PRId64 " charged %" PRId64 " discharged %" PRId64
		    " grid %" PRId64 " curtailed %" PRId64,
		    e->sun / HOUR_S, e->load / HOUR_S, e->charged / HOUR_S, e->discharged / HOUR_S,
		    e->grid / HOUR_S, e->curtailed / HOUR_S);
	}
}

/* What the logger would print of the BMS: the same text at most once in ten seconds. */
static void log_events(const struct bench *b)
{
	static const enum event_id shown[] = {
		EVENT_BMS_FIRST,  EVENT_BMS_NO_REPLY, EVENT_BMS_NOISE,	 EVENT_CELL_JUMP,
		EVENT_SOC_JUMP,	  EVENT_FROZEN_WARN,  EVENT_FROZEN_STOP, EVENT_SUM_MISMATCH,
		EVENT_LEVEL_WARN, EVENT_TEMP_WARN,    EVENT_DISOBEYED,	 EVENT_FULL,
	};
	char text[LINE_MAX_ / 2U];

	for (uint32_t i = 0; i < b->out.event_len; i++) {
		const struct event *e = &b->out.event[i];
		bool wanted = false;

		for (uint32_t k = 0; k < ARRAY_SIZE(shown); k++) {
			wanted = wanted || e->id == (uint32_t)shown[k];
		}
		if (wanted &&
		    (day.said_ns[e->id] == 0 || b->now_ns - day.said_ns[e->id] >= SAID_NS)) {
			(void)event_format(e, core_event_name, text, sizeof(text));
			say("event: %s", text);
			day.said_ns[e->id] = b->now_ns;
		}
	}
}

static void watch(struct bench *b, void *arg)
{
	const struct telemetry *t = bench_tele(b);

	(void)arg;
	if (!oracle_step(&day.oracle, &b->in, &b->out, t) && !day.broken) {
		day.broken = true;
		say("BROKEN %s: %s: got %" PRId64 ", bound %" PRId64, day.oracle.broken,
		    day.oracle.text, day.oracle.got, day.oracle.want);
	}
	log_events(b);
	log_changes(t);
}

static void make_noise(struct bench *b)
{
	b->inject_len = 200;
	for (uint32_t i = 0; i < b->inject_len; i++) {
		day.noise = day.noise * 1103515245U + 12345U;
		b->inject[i] = (uint8_t)(day.noise >> 16);
	}
}

static void run_second(int32_t second)
{
	struct bench *b = &day.bench;
	struct bench_battery real = b->battery;
	const struct house_order order = {
		.ccl_ma = max_i32(bench_ccl_ma(b), 0),
		.dcl_ma = max_i32(bench_dcl_ma(b), 0),
		.cvl_mv = bench_cvl_mv(b),
		.enables = bench_enables(b),
	};

	house_second(&day.house, second, &order, b->out.permit, &real);
	if (!now(FROZEN)) {
		b->battery = real;
	}
	log_times(bench_tele(b), second);
	b->silent = now(SILENT);
	for (int32_t i = 0; i < 1000000 / PERIOD_US; i++) {
		/* One reply of this second: the first. */
		b->battery.cell_mv[4] = sat_u16(real.cell_mv[4] +
						(now(GLITCH) && i < 10 ? 500 : 0));
		if (now(FROZEN)) {
			b->battery.cell_mv[4] = day.last.sample.cell_mv[4];
		}
		if (now(NOISE)) {
			make_noise(b);
		}
		bench_step(b);
	}
}

static void compare_with_golden(void)
{
	FILE *f = fopen(GOLDEN, "r");
	char mine[LINE_MAX_];
	char line[LINE_MAX_];
	const char *at = day.log;
	int number = 0;

	if (f == NULL) {
		fail_msg("%s cannot be read", GOLDEN);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		const size_t len = strcspn(at, "\n");

		number++;
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(mine, sizeof(mine), "%.*s", (int)len, at);
		if (strcmp(mine, line) != 0) {
			(void)fclose(f);
			fail_msg("first difference, %s:%d\nexpected: %s\n     got: %s", GOLDEN,
				 number, line, mine);
		}
		at += len + (at[len] == '\n' ? 1U : 0U);
	}
	(void)fclose(f);
	if (*at != '\0') {
		fail_msg("%s ends after %d lines, the day goes on: %.*s", GOLDEN, number,
			 (int)strcspn(at, "\n"), at);
	}
}

static void test_SAF_02_a_day_in_the_house_is_as_recorded(void **state)
{
	struct bench *b = &day.bench;

	(void)state;
	bench_init(b);
	b->config.period_us = PERIOD_US;
	b->config.slot_ms = PERIOD_US / 1000;
	b->watch = watch;
	house_init(&day.house, SOC_START);
	bench_boot(b, NULL);
	oracle_init(&day.oracle, &b->config, b->now_ns, b->now_ns, NULL);
	day.last = *bench_tele(b);
	for (int32_t s = 0; s < DAY_S && !day.broken; s++) {
		run_second(s);
	}
	log_times(bench_tele(b), DAY_S);
	if (write_to != NULL) {
		FILE *f = fopen(write_to, "w");

		assert_non_null(f);
		assert_true(fputs(day.log, f) >= 0);
		assert_int_equal(fclose(f), 0);
		printf("%zu bytes written to %s\n", day.len, write_to);
	} else {
		compare_with_golden();
	}
	assert_false(day.broken);
	assert_true(day.floated);
	assert_true(day.rebulked);
	assert_int_equal(day.trips, 1);
	assert_int_equal(day.last.latched, REASON_NONE);
	assert_int_equal(day.last.step, STEP_RUN);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_SAF_02_a_day_in_the_house_is_as_recorded),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		write_to = argv[2];
	} else if (argc != 1) {
		(void)fprintf(stderr, "usage: scenario_day_test [--write FILE]\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
