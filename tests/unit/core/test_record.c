/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record: what was written comes back, a replay has the very outputs, and whatever the bytes are
 * nothing else happens than a refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "core/record_replay.h"
#include "lib/bench.h"
#include "lib/recording.h"

#define PARTS	  64U
#define STREAM	  16384U
#define RANDOMS	  3000U
#define KEY_NS	  (10 * NS_PER_S)
#define STORY_MS  40000
#define PERIOD_NS (5 * NS_PER_MS)

static struct bench bench;
static struct recording rec;
static struct record_part part[PARTS];
static struct record_replay replay;
static struct record_head head;
static uint32_t parts;
static uint32_t seed = 1;

static uint32_t number(void)
{
	seed = seed * 1664525U + 1013904223U;
	return seed >> 8;
}

static uint32_t wide(void)
{
	return number() << 16 ^ number();
}

static void watch(struct bench *b, void *arg)
{
	recording_step(arg, &b->in, &b->out, &b->cycle);
}

/* Run, silence, stop, trip, a cell that gets full, orders: all that changes the record. */
static void tell_story(void)
{
	struct bench *b = &bench;

	bench_init(b);
	b->alive = true;
	bench_boot(b, NULL);
	recording_begin(&rec, &b->cycle, b->now_ns, b->now_ns, PERIOD_NS, KEY_NS, RECORDING_CONFIG);
	b->watch = watch;
	b->watch_arg = &rec;
	bench_run_ms(b, STORY_MS / 4);
	b->relay = RELAY_CLOSED;
	b->battery.cell_mv[3] = 3460;
	b->battery.pack_ma = 12000;
	b->command = (struct command){
		.kind = COMMAND_LIMIT_DISCHARGE, .value = 5000, .ttl_ms = 5000, .seq = 9};
	b->have_command = true;
	b->grid = (struct grid_sample){.t_ns = BENCH_ALWAYS, .power_w = -700, .serial = 12};
	bench_run_ms(b, STORY_MS / 4);
	b->silent = true;
	bench_run_ms(b, STORY_MS / 4);
	b->silent = false;
	b->relay = RELAY_OPEN;
	bench_run_ms(b, STORY_MS / 4);
	recording_end(&rec);
}

static int set_up(void **state)
{
	(void)state;
	tell_story();
	assert_int_equal(record_file_parse(rec.file, rec.len, &head, part, PARTS, &parts), 0);
	return 0;
}

/* Return: steps; fails at the first that differs, unless @want_difference. */
static uint32_t run(const struct record_part *p, uint32_t n, const struct core_config *config,
		    bool cold, uint32_t *ret_differ, uint32_t *ret_lost)
{
	enum record_event e = RECORD_EVENT_BEGIN;
	uint32_t steps = 0;

	*ret_differ = 0;
	*ret_lost = 0;
	record_replay_init(&replay, config, p, n, cold);
	while (e != RECORD_EVENT_END) {
		assert_int_equal(record_replay_next(&replay, &e), 0);
		steps += e == RECORD_EVENT_STEP ? 1U : 0U;
		*ret_differ += e == RECORD_EVENT_STEP && replay.differs ? 1U : 0U;
		*ret_lost += e == RECORD_EVENT_LOST ? replay.item.lost : 0U;
	}
	return steps;
}

static void test_replay_has_the_very_outputs(void **state)
{
	uint32_t differ = 0;
	uint32_t lost = 0;

	(void)state;
	assert_true(parts >= 4);
	assert_int_equal(run(part, parts, &bench.config, false, &differ, &lost),
			 STORY_MS * NS_PER_MS / PERIOD_NS);
	assert_int_equal(differ, 0);
	assert_int_equal(lost, 0);
	assert_memory_equal(cycle_telemetry(&replay.core), bench_tele(&bench),
			    offsetof(struct telemetry, pad));
	assert_int_equal(head.trigger, RECORD_TRIGGER_LATCH); /* current through an open relay */
}

static void test_replay_begins_at_every_block(void **state)
{
	uint32_t differ = 0;
	uint32_t lost = 0;

	(void)state;
	for (uint32_t i = 0; i < parts; i++) {
		assert_true(run(part + i, parts - i, &bench.config, false, &differ, &lost) > 0);
		assert_int_equal(differ, 0);
	}
}

static void test_blocks_that_are_missing_are_told(void **state)
{
	struct record_part some[2] = {part[0], part[parts - 1U]};
	enum record_event e = RECORD_EVENT_BEGIN;
	uint32_t gaps = 0;
	uint32_t begins = 0;

	(void)state;
	record_replay_init(&replay, &bench.config, some, 2, false);
	while (e != RECORD_EVENT_END) {
		assert_int_equal(record_replay_next(&replay, &e), 0);
		gaps += e == RECORD_EVENT_GAP ? 1U : 0U;
		begins += e == RECORD_EVENT_BEGIN ? 1U : 0U;
		assert_false(replay.differs);
	}
	assert_int_equal(gaps, 1);
	assert_int_equal(begins, 2);
}

static void test_other_settings_differ(void **state)
{
	struct core_config other = bench.config;
	uint32_t differ = 0;
	uint32_t lost = 0;

	(void)state;
	other.max_ma[DIR_CHARGE] /= 2;
	(void)run(part, parts, &other, false, &differ, &lost);
	assert_true(differ > 0);
}

static void test_cold_run_comes_to_the_same_limits(void **state)
{
	uint32_t differ = 0;
	uint32_t lost = 0;

	(void)state;
	(void)run(part, parts, &bench.config, true, &differ, &lost);
	assert_int_equal(differ, 0); /* nothing is compared */
	assert_int_equal(cycle_telemetry(&replay.core)->step, bench_tele(&bench)->step);
}

static void test_lost_steps_are_told_and_the_state_taken_anew(void **state)
{
	struct bench *b = &bench;
	uint32_t differ = 0;
	uint32_t lost = 0;

	(void)state;
	bench_init(b);
	bench_boot(b, NULL);
	recording_begin(&rec, &b->cycle, b->now_ns, b->now_ns, PERIOD_NS, KEY_NS, RECORDING_CONFIG);
	b->watch = watch;
	b->watch_arg = &rec;
	bench_run_ms(b, 3000);
	b->watch = NULL;
	bench_run_ms(b, 1000);
	recording_lose(&rec, &b->in, &b->cycle, 200);
	b->watch = watch;
	bench_run_ms(b, 3000);
	recording_end(&rec);
	assert_int_equal(record_file_parse(rec.file, rec.len, &head, part, PARTS, &parts), 0);
	assert_int_equal(run(part, parts, &b->config, false, &differ, &lost), 1200);
	assert_int_equal(differ, 0);
	assert_int_equal(lost, 200);
	(void)set_up(NULL);
}

static void test_empty_step_is_short(void **state)
{
	struct record_codec codec = {.alone = false};
	static uint8_t bytes[RECORD_KEY_MAX];
	struct cycle_in in = {
		.grid = GRID_NONE, .peer_local = PEER_NONE_HEARD, .peer_portal = PEER_NONE_HEARD};
	static struct cycle_out out;

	(void)state;
	assert_true(record_put_key(&codec, &bench.cycle, 0, 0, PERIOD_NS, 0, bytes) <=
		    RECORD_KEY_MAX);
	for (int64_t i = 1; i < 4; i++) {
		in.now_ns = i * PERIOD_NS + (i % 2 == 0 ? 40000 : -20000);
		in.boot_ns = in.now_ns + 70 * i;
		const uint32_t n = record_put_step(&codec, &in, &out, bytes);

		assert_true(n <= (i == 1 ? 128U : 6U));
	}
}

static void random_peer(struct peer_sample *p)
{
	p->t_ns = number() % 4U == 0 ? TIME_NEVER : (int64_t)((uint64_t)wide() << 20);
	p->source = wide();
	p->mode = wide();
	p->current_ma = (int32_t)wide();
	p->power_w = (int32_t)wide();
	p->voltage_mv = SOURCE_NO_VALUE;
	p->soc_pct = (int32_t)wide();
}

static void random_in(struct cycle_in *in, int64_t now_ns)
{
	memset(in, 0, sizeof(*in));
	in->now_ns = now_ns;
	in->boot_ns = now_ns + (int64_t)(number() % 3U) * 1000000000;
	in->tty_open = number() % 2U != 0;
	in->request_failed = number() % 2U != 0;
	in->guard_ok = number() % 2U != 0;
	in->stop = number() % 2U != 0;
	in->reload = number() % 2U != 0;
	in->can_link = wide();
	in->can_lost = number() % 3U == 0 ? wide() : 0U;
	in->relay = wide();
	in->latch = number() % 3U == 0 ? wide() : 0U;
	in->grid.t_ns = (int64_t)((uint64_t)wide() << 31);
	in->grid.power_w = (int32_t)wide();
	in->grid.serial = wide();
	random_peer(&in->peer_local);
	random_peer(&in->peer_portal);
	in->command_len = (uint8_t)(number() % (CYCLE_COMMAND_MAX + 1U));
	for (uint32_t i = 0; i < in->command_len; i++) {
		/* When an order was put into the ring is for statistics alone: not recorded. */
		in->command[i] = (struct command){.kind = wide(),
						  .value = (int32_t)wide(),
						  .ttl_ms = (int32_t)wide(),
						  .local = wide(),
						  .seq = wide()};
	}
	in->can_rx_len = (uint8_t)(number() % (CYCLE_CAN_RX_MAX + 1U));
	for (uint32_t i = 0; i < in->can_rx_len; i++) {
		struct can_rx *rx = &in->can_rx[i];

		rx->msg.id = (uint16_t)(number() & CAN_MSG_ID_MAX);
		rx->msg.len = (uint8_t)(number() % (CAN_MSG_DATA_MAX + 1U));
		rx->origin = (uint8_t)(number() % 2U);
		for (uint32_t k = 0; k < rx->msg.len; k++) {
			rx->msg.data[k] = (uint8_t)number();
		}
	}
	in->rx_len = (uint16_t)(number() % 3U == 0 ? number() % (CYCLE_RX_MAX + 1U) : 0U);
	for (uint32_t i = 0; i < in->rx_len; i++) {
		in->rx[i] = (uint8_t)(number() % 5U == 0 ? number() : i);
	}
}

static void test_any_input_comes_back(void **state)
{
	static uint8_t bytes[RECORD_KEY_MAX + RECORD_STEP_MAX];
	static struct cycle_in in;
	static struct cycle_out out;
	static struct record_item item;
	struct record_codec codec = {.alone = false};
	struct record_reader reader;
	int64_t now_ns = 5;
	uint32_t longest = 0;

	(void)state;
	uint32_t n = record_put_key(&codec, &bench.cycle, now_ns, now_ns, PERIOD_NS, 7, bytes);

	record_reader_init(&reader, bytes, n);
	assert_int_equal(record_read(&reader, &item), 0);
	assert_int_equal(item.lost, 7);
	assert_int_equal(item.state_len, sizeof(struct cycle));
	for (uint32_t i = 0; i < RANDOMS; i++) {
		now_ns += number() % 3U == 0 ? (int64_t)wide() : PERIOD_NS;
		random_in(&in, now_ns);
		out.bms_tx_len = number() % 4U == 0 ? JK_REQUEST_SIZE : 0U;
		n = record_put_step(&codec, &in, &out, bytes);
		longest = n > longest ? n : longest;
		reader.at = bytes;
		reader.end = bytes + n;
		assert_int_equal(record_read(&reader, &item), 0);
		assert_ptr_equal(reader.at, reader.end);
		assert_memory_equal(&item.in, &in, sizeof(in));
		assert_true(item.quiet || item.digest == record_digest(&out));
	}
	assert_true(longest <= RECORD_STEP_MAX);
}

static void test_every_truncation_of_the_stream(void **state)
{
	static struct record_item item;
	struct record_reader reader;
	const uint8_t *bytes = part[1].bytes;
	const uint32_t len = part[1].block.len < STREAM ? part[1].block.len : STREAM;

	(void)state;
	for (uint32_t cut = 0; cut < len; cut += cut < 7000U ? 1U : 97U) {
		int rc = 0;

		record_reader_init(&reader, bytes, cut);
		while (rc == 0) {
			rc = record_read(&reader, &item);
		}
		assert_true(rc == -ENODATA || rc == -EBADMSG);
		assert_true(rc == -ENODATA || record_read(&reader, &item) == -EBADMSG);
	}
}

static void test_noise_is_no_stream(void **state)
{
	static struct record_item item;
	static uint8_t noise[2048];
	struct record_reader reader;

	(void)state;
	for (uint32_t turn = 0; turn < 3000; turn++) {
		int rc = 0;

		for (uint32_t i = 0; i < sizeof(noise); i++) {
			noise[i] = (uint8_t)(number() % 3U == 0 ? number() : 0U);
		}
		noise[0] = turn % 2U == 0 ? RECORD_KEY : noise[0];
		record_reader_init(&reader, noise, sizeof(noise));
		while (rc == 0) {
			rc = record_read(&reader, &item);
			assert_true(rc != 0 || item.kind != RECORD_ITEM_STEP ||
				    (item.in.rx_len <= CYCLE_RX_MAX &&
				     item.in.can_rx_len <= CYCLE_CAN_RX_MAX &&
				     item.in.command_len <= CYCLE_COMMAND_MAX));
		}
	}
}

static int parse(const uint8_t *bytes, size_t len)
{
	static struct record_part some[PARTS];
	struct record_head h;
	uint32_t n = 0;
	const int rc = record_file_parse(bytes, len, &h, some, PARTS, &n);

	assert_true(rc == 0 || rc == -EBADMSG || rc == -EPROTO || rc == -ENODATA);
	assert_true(rc != 0 || n > 0);
	return rc == 0 ? (int)n : rc;
}

static void test_every_truncation_of_a_file(void **state)
{
	int before = -EBADMSG;

	(void)state;
	for (size_t cut = 0; cut < rec.len; cut += cut < 600 ? 1 : 211) {
		const int n = parse(rec.file, cut);

		/* More of it never means less. */
		assert_true(n >= before || n == -ENODATA);
		before = n > before ? n : before;
	}
	assert_int_equal(parse(rec.file, rec.len), (int)parts);
}

static void test_every_broken_byte_of_a_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < rec.len; i += i < 400 ? 1 : 37) {
		rec.file[i] ^= 0x40U;
		const int n = parse(rec.file, rec.len);

		/* Nothing that is broken is among what is whole; between blocks there are gaps. */
		assert_true(n < 0 || n <= (int)parts);
		assert_true(i >= sizeof(struct record_head) || n < 0);
		rec.file[i] ^= 0x40U;
	}
	assert_int_equal(parse(rec.file, rec.len), (int)parts);
}

static void test_other_versions_are_refused(void **state)
{
	(void)state;
	rec.file[6] = '9';
	assert_int_equal(parse(rec.file, rec.len), -EPROTO);
	rec.file[6] = '1';
	rec.file[0] = 'X';
	assert_int_equal(parse(rec.file, rec.len), -EBADMSG);
	rec.file[0] = 'J';
	assert_int_equal(parse(rec.file, rec.len), (int)parts);
}

static void test_version_of_a_head_is_printable_text(void **state)
{
	static const struct {
		char text[RECORD_VERSION_SIZE];
		bool good;
	} version[] = {
		{"", true},
		{"1.2.3-rc ~", true},
		{"1\033[2J", false},
		{"1\n", false},
		{"1\x7F", false},
		{"1\x80", false},
		{"1\xFF", false},
		{"1\0\033", true},
		{"0123456789012345678901234567890", true},
		{"01234567890123456789012345678901", false},
	};
	struct record_head h;

	(void)state;
	memcpy(&h, rec.file, sizeof(h));
	for (size_t i = 0; i < sizeof(version) / sizeof(version[0]); i++) {
		struct record_head other = h;

		memcpy(other.version, version[i].text, sizeof(other.version));
		record_head_seal(&other);
		assert_int_equal(record_head_is_good(&other, rec.len), version[i].good);
	}
}

static void test_state_of_another_size_is_not_loaded(void **state)
{
	static struct cycle core;
	struct record_item item = {.kind = RECORD_ITEM_KEY, .state = rec.file, .state_len = 100};

	(void)state;
	assert_int_equal(record_load(&core, &bench.config, &item), -EPROTO);
}

static void test_sum_is_that_of_the_standard(void **state)
{
	(void)state;
	assert_int_equal(record_sum(0, "123456789", 9), 0xCBF43926U);
	assert_int_equal(record_sum(record_sum(0, "1234", 4), "56789", 5), 0xCBF43926U);
}

static uint32_t seen(struct record_watch *w, uint32_t step, uint32_t latched, uint32_t relay,
		     bool stop)
{
	static struct telemetry t;
	static struct cycle_in in;

	t.step = step;
	t.latched = latched;
	in.relay = relay;
	in.stop = stop;
	return record_watch_step(w, &in, &t);
}

static void test_moments_that_are_kept(void **state)
{
	struct record_watch w = {.step = STEP_INIT};

	(void)state;
	assert_int_equal(seen(&w, STEP_STOP, 0, RELAY_OPEN, false), RECORD_TRIGGER_NONE);
	assert_int_equal(seen(&w, STEP_RUN, 0, RELAY_CLOSED, false), RECORD_TRIGGER_NONE);
	assert_int_equal(seen(&w, STEP_CAUTION, 0, RELAY_CLOSED, false), RECORD_TRIGGER_NONE);
	assert_int_equal(seen(&w, STEP_STOP, 0, RELAY_CLOSED, false), RECORD_TRIGGER_STOP);
	assert_int_equal(seen(&w, STEP_STOP, 0, RELAY_CLOSED, false), RECORD_TRIGGER_NONE);
	assert_int_equal(seen(&w, STEP_TRIP, 0, RELAY_CLOSED, false), RECORD_TRIGGER_TRIP);
	assert_int_equal(seen(&w, STEP_TRIP, 0, RELAY_OPEN, false), RECORD_TRIGGER_RELAY);
	assert_true(RECORD_TRIGGER_RELAY < RECORD_TRIGGER_TRIP); /* the name of both is trip */
	assert_int_equal(seen(&w, STEP_TRIP, REASON_CRITICAL, RELAY_OPEN, false),
			 RECORD_TRIGGER_LATCH);
	assert_int_equal(seen(&w, STEP_RUN, 0, RELAY_CLOSED, false), RECORD_TRIGGER_NONE);
	assert_int_equal(seen(&w, STEP_TRIP, REASON_CONTRADICTION, RELAY_CLOSED, false),
			 RECORD_TRIGGER_CONTRADICTION);
	w = (struct record_watch){.step = STEP_RUN, .relay = RELAY_CLOSED};
	assert_int_equal(seen(&w, STEP_STOP, 0, RELAY_CLOSED, true), RECORD_TRIGGER_NONE);
	assert_int_equal(seen(&w, STEP_STOP, 0, RELAY_OPEN, true), RECORD_TRIGGER_NONE);
	assert_string_equal(record_trigger_name(RECORD_TRIGGER_WORKER), "worker");
	assert_string_equal(record_trigger_name(99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay_has_the_very_outputs),
		cmocka_unit_test(test_replay_begins_at_every_block),
		cmocka_unit_test(test_blocks_that_are_missing_are_told),
		cmocka_unit_test(test_other_settings_differ),
		cmocka_unit_test(test_cold_run_comes_to_the_same_limits),
		cmocka_unit_test(test_lost_steps_are_told_and_the_state_taken_anew),
		cmocka_unit_test(test_empty_step_is_short),
		cmocka_unit_test(test_any_input_comes_back),
		cmocka_unit_test(test_every_truncation_of_the_stream),
		cmocka_unit_test(test_noise_is_no_stream),
		cmocka_unit_test(test_every_truncation_of_a_file),
		cmocka_unit_test(test_every_broken_byte_of_a_file),
		cmocka_unit_test(test_other_versions_are_refused),
		cmocka_unit_test(test_version_of_a_head_is_printable_text),
		cmocka_unit_test(test_state_of_another_size_is_not_loaded),
		cmocka_unit_test(test_sum_is_that_of_the_standard),
		cmocka_unit_test(test_moments_that_are_kept),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
