/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of an incident is the same on every machine: record.jkr was written on amd64, and its
 * replay has to have the very outputs wherever this test runs, on 32 bit ARM too. The story: a
 * battery that gets full, then a BMS that falls silent, stop, trip.
 *
 *   scenario_record_test            replays tests/scenario/record.jkr
 *   scenario_record_test --write F  writes it anew: needed when the state of the core, its decisions
 *                                   or the format have changed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/record_replay.h"
#include "lib/bench.h"
#include "lib/recording.h"

#define GOLDEN	  JKP_SOURCE_DIR "/tests/scenario/record.jkr"
#define RENEW	  "renew it: scenario_record_test --write tests/scenario/record.jkr"
#define PARTS	  16U
#define PERIOD_MS 20
#define KEY_NS	  (30 * NS_PER_S)
#define RUN_MS	  12000
#define FULL_MS	  6000
#define SILENT_MS 14000
#define BACK_MS	  4000

static struct bench bench;
static struct recording rec;
static struct record_part part[PARTS];
static struct record_replay replay;
static uint8_t file[RECORDING_SIZE];
static const char *write_to;

static void watch(struct bench *b, void *arg)
{
	recording_step(arg, &b->in, &b->out, &b->cycle);
}

static void set_up_bench(struct bench *b)
{
	bench_init(b);
	b->config.period_us = PERIOD_MS * 1000;
	b->config.slot_ms = PERIOD_MS;
	b->config.rise_ma_s = 20000;
	b->config.calm_ms = 0;
	b->alive = true;
}

static uint32_t tell_story(struct bench *b)
{
	set_up_bench(b);
	bench_boot(b, NULL);
	recording_begin(&rec, &b->cycle, b->now_ns, b->now_ns, PERIOD_MS * NS_PER_MS, KEY_NS,
			RECORDING_CONFIG);
	b->watch = watch;
	b->watch_arg = &rec;
	b->relay = RELAY_CLOSED;
	bench_run_ms(b, RUN_MS);
	b->battery.cell_mv[6] = 3452;
	b->battery.pack_ma = 15000;
	bench_run_ms(b, FULL_MS);
	b->silent = true;
	bench_run_ms(b, SILENT_MS);
	b->relay = RELAY_OPEN;
	b->battery.pack_ma = 0;
	b->silent = false;
	bench_run_ms(b, BACK_MS);
	recording_end(&rec);
	return bench_tele(b)->step;
}

static void replay_of(const uint8_t *bytes, size_t len)
{
	enum record_event e = RECORD_EVENT_BEGIN;
	struct record_head head;
	uint32_t parts = 0;
	uint32_t steps = 0;

	if (record_file_parse(bytes, len, &head, part, PARTS, &parts) != 0 ||
	    head.layout != record_layout()) {
		fail_msg("the state of the core has another layout (%08x here): " RENEW,
			 (unsigned int)record_layout());
	}
	set_up_bench(&bench);
	record_replay_init(&replay, &bench.config, part, parts, false);
	while (e != RECORD_EVENT_END) {
		assert_int_equal(record_replay_next(&replay, &e), 0);
		steps += e == RECORD_EVENT_STEP ? 1U : 0U;
		if (e == RECORD_EVENT_STEP && replay.differs) {
			fail_msg("step %u has other outputs: if that is meant, " RENEW,
				 (unsigned int)steps);
		}
	}
	assert_int_equal(steps, (RUN_MS + FULL_MS + SILENT_MS + BACK_MS) / PERIOD_MS);
}

static void test_FLT_01_recorded_incident_is_the_same_on_every_machine(void **state)
{
	(void)state;
	assert_int_equal(tell_story(&bench), STEP_TRIP);
	if (write_to != NULL) {
		FILE *f = fopen(write_to, "wb");

		assert_non_null(f);
		assert_int_equal(fwrite(rec.file, 1, rec.len, f), rec.len);
		assert_int_equal(fclose(f), 0);
		printf("%zu bytes written to %s\n", rec.len, write_to);
		return;
	}
	replay_of(rec.file, rec.len);

	FILE *f = fopen(GOLDEN, "rb");

	assert_non_null(f);
	const size_t len = fread(file, 1, sizeof(file), f);

	(void)fclose(f);
	replay_of(file, len);
	/* What is made here is what was made there, but for what lies between the members. */
	assert_int_equal(len, rec.len);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_FLT_01_recorded_incident_is_the_same_on_every_machine),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		write_to = argv[2];
	} else if (argc != 1) {
		(void)fprintf(stderr, "usage: scenario_record_test [--write FILE]\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
