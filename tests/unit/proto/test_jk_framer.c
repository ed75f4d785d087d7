/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of the JK protocol: what is on the line does not matter, every good frame is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "vectors.h"

static struct jkv_bytes good;  /* 16 cells */
static struct jkv_bytes other; /* 14 cells */
static struct jkv_bytes line;
static struct jkv_rx rx;

static int setup(void **state)
{
	(void)state;
	jkv_load(JKV_16S, &good);
	jkv_load(JKV_14S, &other);
	assert_int_equal(good.len, JKV_16S_SIZE);
	jkv_rx_init(&rx);
	line.len = 0;
	return 0;
}

static void put(const struct jkv_bytes *b)
{
	jkv_append(&line, b->b, b->len);
}

static void put_byte(uint8_t b)
{
	jkv_append(&line, &b, 1);
}

static void feed_line(void)
{
	jkv_rx_feed(&rx, line.b, line.len);
}

static uint32_t errors(void)
{
	uint32_t n = 0;

	for (int v = JK_NOISE; v < JK_VERDICTS; v++) {
		n += rx.f.count[v];
	}
	return n;
}

static void test_frame_in_one_piece(void **state)
{
	(void)state;
	jkv_rx_feed(&rx, good.b, good.len);
	jkv_rx_expect(&rx, 1, &good);
	assert_int_equal(errors(), 0);
	assert_int_equal(rx.f.len, 0);
}

static void test_frame_split_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= good.len; cut++) {
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, good.b, cut);
		assert_int_equal(rx.frames, cut == good.len ? 1 : 0);
		jkv_rx_feed(&rx, good.b + cut, good.len - cut);
		jkv_rx_expect(&rx, 1, &good);
		assert_int_equal(errors(), 0);
	}
}

static void test_frame_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < good.len; i++) {
		assert_int_equal(rx.frames, 0);
		jkv_rx_feed(&rx, good.b + i, 1);
	}
	jkv_rx_expect(&rx, 1, &good);
}

static void test_frame_stays_in_buffer_until_the_next_call(void **state)
{
	struct jk_framer *f = &rx.f;
	uint16_t frame_len = 0;

	(void)state;
	put(&good);
	put(&other);
	assert_int_equal(jk_framer_feed(f, line.b, line.len, &frame_len), good.len);
	assert_int_equal(frame_len, good.len);
	assert_memory_equal(f->buf, good.b, good.len);
	/* No byte: removes the frame and finds no other. */
	assert_int_equal(jk_framer_feed(f, NULL, 0, &frame_len), 0);
	assert_int_equal(frame_len, 0);
	assert_int_equal(f->len, 0);
	assert_int_equal(jk_framer_feed(f, line.b + good.len, other.len, &frame_len), other.len);
	assert_int_equal(frame_len, other.len);
	/* The gap that comes after it finds nothing to complain about. */
	jk_framer_gap(f, &frame_len);
	assert_int_equal(frame_len, 0);
	assert_int_equal(f->len, 0);
	assert_int_equal(errors(), 0);
	assert_int_equal(f->count[JK_OK], 2);
}

static void test_reset_drops_bytes_and_keeps_counters(void **state)
{
	(void)state;
	put_byte(0x00);
	jkv_append(&line, good.b, 100);
	feed_line();
	assert_int_equal(rx.f.len, 100);
	jk_framer_reset(&rx.f);
	assert_int_equal(rx.f.len, 0);
	assert_int_equal(rx.f.count[JK_NOISE], 1);
	rx.fed -= 100; /* forgotten bytes are in no account */
	jkv_rx_feed(&rx, good.b, good.len);
	jkv_rx_expect(&rx, 1, &good);
}

static void test_reset_drops_a_delivered_frame(void **state)
{
	uint16_t frame_len = 0;

	(void)state;
	(void)jk_framer_feed(&rx.f, good.b, good.len, &frame_len);
	assert_int_equal(frame_len, good.len);
	jk_framer_reset(&rx.f);
	(void)jk_framer_feed(&rx.f, other.b, other.len, &frame_len);
	assert_int_equal(frame_len, other.len);
	assert_memory_equal(rx.f.buf, other.b, other.len);
	assert_int_equal(rx.f.count[JK_OK], 2);
	assert_int_equal(errors(), 0);
}

static void test_header_is_judged_as_soon_as_it_is_there(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum jk_verdict verdict;
		size_t decided_after; /* bytes */
	} rows[] = {
		{1, 0x58, JK_NOISE, 2},	       {2, 0x02, JK_BAD_LENGTH, 4},
		{8, 0x00, JK_BAD_HEADER, 9},   {8, 0x04, JK_BAD_HEADER, 9},
		{8, 0x07, JK_BAD_HEADER, 9},   {8, 0xFF, JK_BAD_HEADER, 9},
		{9, 0x04, JK_BAD_HEADER, 10},  {9, 0x80, JK_BAD_HEADER, 10},
		{10, 0x03, JK_BAD_HEADER, 11}, {10, 0xFF, JK_BAD_HEADER, 11},
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		jkv_rx_init(&rx);
		line = good;
		line.b[rows[r].at] = rows[r].value;
		jkv_rx_feed(&rx, line.b, rows[r].decided_after - 1);
		assert_int_equal(errors(), 0);
		jkv_rx_feed(&rx, line.b + rows[r].decided_after - 1, 1);
		assert_true(rx.f.count[rows[r].verdict] > 0);
		assert_int_equal(rx.f.len, 0);
	}
}

static void test_commands_sources_and_types_of_the_protocol_pass(void **state)
{
	static const uint8_t commands[] = {1, 2, 3, 5, 6};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
		for (uint8_t source = 0; source <= 3; source++) {
			for (uint8_t type = 0; type <= 2; type++) {
				jkv_rx_init(&rx);
				line = good;
				line.b[8] = commands[c];
				line.b[9] = source;
				line.b[10] = type;
				jkv_fix_sum(&line);
				feed_line();
				jkv_rx_expect(&rx, 1, &line);
			}
		}
	}
}

/* Register B7 of the vendor's own example begins with 4E 57. */
static void test_start_marker_inside_a_frame_is_data(void **state)
{
	static const uint8_t text[15] = {0x4E, 0x57, '_', '1', '_', '0', '_', '0', '_'};
	static const uint8_t tag = 0xB7;
	/* Looks like a whole header, even. */
	static const uint8_t header[15] = {0x4E, 0x57, 0x01, 0x21, 0,	 0,
					   0,	 0,    0x06, 0x00, 0x01, 0x79};

	(void)state;
	for (int i = 0; i < 2; i++) {
		jkv_rx_init(&rx);
		jkv_begin(&line);
		jkv_cells(&line, 20, 3000);
		jkv_append(&line, &tag, 1);
		jkv_append(&line, i == 0 ? text : header, sizeof(text));
		jkv_end(&line);
		for (size_t cut = 0; cut < line.len; cut++) {
			jkv_rx_init(&rx);
			jkv_rx_feed(&rx, line.b, cut);
			jkv_rx_feed(&rx, line.b + cut, line.len - cut);
			jkv_rx_expect(&rx, 1, &line);
			assert_int_equal(errors(), 0);
		}
	}
}

static void test_FLT_04_reply_cut_at_every_byte_then_silence(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < good.len; cut++) {
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, good.b, cut);
		assert_int_equal(rx.frames, 0);
		jkv_rx_gap(&rx);
		assert_int_equal(rx.frames, 0);
		assert_int_equal(rx.f.count[JK_TRUNCATED], cut >= 2 ? 1 : 0);
		assert_int_equal(errors(), cut); /* one event, all others noise */
		jkv_rx_feed(&rx, other.b, other.len);
		jkv_rx_expect(&rx, 1, &other);
	}
}

static void test_FLT_04_reply_cut_at_every_byte_and_the_next_one_glued_to_it(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < good.len; cut++) {
		jkv_rx_init(&rx);
		line.len = 0;
		jkv_append(&line, good.b, cut);
		put(&good);
		feed_line();
		jkv_rx_gap(&rx);
		jkv_rx_expect(&rx, 1, &good);
	}
}

static void test_FLT_05_one_noise_byte_before_the_header(void **state)
{
	(void)state;
	for (unsigned int b = 0; b <= UINT8_MAX; b++) {
		jkv_rx_init(&rx);
		line.len = 0;
		put_byte((uint8_t)b);
		put(&good);
		feed_line();
		jkv_rx_expect(&rx, 1, &good);
		assert_int_equal(rx.f.count[JK_NOISE], 1);
		assert_int_equal(errors(), 1);
	}
}

static void test_false_starts_before_the_header(void **state)
{
	static const struct {
		const char *hex;
		bool at_once; /* the frame is found without silence */
	} rows[] = {
		{"4E", true},
		{"4E 4E 4E", true},
		{"4E 57", true},
		{"4E 57 4E", true},
		{"4E 57 4E 57", true},
		{"4E 57 00", true},
		{"4E 57 00 12", true},
		{"4E 57 01 91", true},
		{"4E 57 FF FF", true},
		{"14 00 00 80 00 46 90 F7 FF FF FF 7D B1 00 4E 40 80 80", true},
		/* A header up to LEN that fits: command 57 or so gives it away. */
		{"4E 57 00 13", true},
		{"4E 57 01 90 00 00 00 00 07", true},
		{"4E 57 01 1B 00 00 00 00 06 00 03", true},
		/* A whole false header that announces less than what follows. */
		{"4E 57 00 13 00 00 00 00 06 00 01", true},
		/* More than what follows: only silence shows the truth. */
		{"4E 57 01 90 00 00 00 00 06 00 01", false},
		{"4E 57 01 90 00 00 00 00 06 00 01 4E 57 01 85 00 00 00 00 03 03 00", false},
	};
	static struct jkv_bytes head;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		jkv_rx_init(&rx);
		jkv_from_hex(rows[r].hex, &head);
		jkv_rx_feed(&rx, head.b, head.len);
		jkv_rx_feed(&rx, good.b, good.len);
		assert_int_equal(rx.frames, rows[r].at_once ? 1 : 0);
		jkv_rx_gap(&rx);
		jkv_rx_expect(&rx, 1, &good);
		assert_int_equal(errors(), head.len);
		/* Or the next replies, if the line never falls silent. */
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, head.b, head.len);
		jkv_rx_feed(&rx, good.b, good.len);
		jkv_rx_feed(&rx, other.b, other.len);
		assert_int_equal(rx.frames, 2);
		assert_int_equal(errors(), head.len);
	}
}

/* Which verdict a flip of this bit of the 16-cell reply may give. */
static bool flip_verdict_fits(size_t at, const uint32_t *count)
{
	switch (at) {
	case 0:
	case 1:
		return count[JK_NOISE] > 0;
	case 2:
	case 3: /* too long: silence; too short: no 68 at that place; or out of range */
		return count[JK_BAD_LENGTH] + count[JK_TRUNCATED] + count[JK_BAD_END] > 0;
	case 8:
	case 9:
	case 10: /* some flips give another command, source or type of the protocol */
		return count[JK_BAD_HEADER] + count[JK_BAD_SUM] > 0;
	case JKV_16S_SIZE - 5:
		return count[JK_BAD_END] > 0;
	case JKV_16S_SIZE - 4:
	case JKV_16S_SIZE - 3:
		return count[JK_BAD_SUM_HIGH] > 0;
	default:
		return count[JK_BAD_SUM] > 0;
	}
}

static void test_FLT_06_every_single_bit_flip_is_rejected_and_counted(void **state)
{
	static struct jk_sample sample;

	(void)state;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		jkv_rx_init(&rx);
		line = good;
		line.b[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		feed_line();
		assert_int_equal(rx.frames, 0);
		jkv_rx_gap(&rx); /* a larger LEN waits for bytes that never come */
		assert_int_equal(rx.frames, 0);
		if (!flip_verdict_fits(bit / 8, rx.f.count)) {
			fail_msg("bit %zu of byte %zu: counted under the wrong kind", bit % 8,
				 bit / 8);
		}
		/* The decoder does not trust its caller. */
		assert_int_not_equal(jk_decode(line.b, line.len, &sample), JK_OK);
		/* And nothing is left over that could hurt the next reply. */
		jkv_rx_feed(&rx, good.b, good.len);
		jkv_rx_expect(&rx, 1, &good);
	}
}

/* The same without silence before the next reply: that one may be needed to find the error. */
static void test_FLT_06_bit_flip_costs_at_most_one_more_reply_without_silence(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		jkv_rx_init(&rx);
		line = good;
		line.b[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		put(&good);
		put(&other);
		feed_line();
		jkv_rx_gap(&rx);
		jkv_rx_expect(&rx, 2, &other);
	}
}

static void test_FLT_08_length_field(void **state)
{
	static const struct {
		uint16_t length;
		enum jk_verdict verdict;
	} rows[] = {
		{0, JK_BAD_LENGTH},	 {1, JK_BAD_LENGTH},	  {18, JK_BAD_LENGTH},
		{19, JK_BAD_END},	 {100, JK_BAD_END},	  {288, JK_BAD_END},
		{290, JK_TRUNCATED},	 {301, JK_TRUNCATED},	  {400, JK_TRUNCATED},
		{401, JK_BAD_LENGTH},	 {0x2101, JK_BAD_LENGTH}, {0x8121, JK_BAD_LENGTH},
		{0xFFFF, JK_BAD_LENGTH},
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		jkv_rx_init(&rx);
		line = good;
		line.b[2] = (uint8_t)(rows[r].length >> 8);
		line.b[3] = (uint8_t)rows[r].length;
		feed_line();
		jkv_rx_gap(&rx);
		assert_int_equal(rx.frames, 0);
		assert_int_equal(rx.f.count[rows[r].verdict], 1);
		assert_int_equal(errors(), good.len); /* that one, and noise */
		jkv_rx_feed(&rx, other.b, other.len);
		jkv_rx_expect(&rx, 1, &other);
	}
}

static void test_FLT_08_largest_and_smallest_frame(void **state)
{
	static const uint8_t zeros[JK_FRAME_MAX] = {0};

	(void)state;
	jkv_begin(&line);
	jkv_append(&line, zeros, JK_FRAME_MAX - 20);
	jkv_end(&line);
	assert_int_equal(line.len, JK_FRAME_MAX);
	feed_line();
	jkv_rx_expect(&rx, 1, &line);
	jkv_begin(&line);
	jkv_append(&line, zeros, 1);
	jkv_end(&line);
	assert_int_equal(line.len, JK_LEN_MIN + 2);
	feed_line();
	jkv_rx_expect(&rx, 2, &line);
	assert_int_equal(errors(), 0);
}

static void test_FLT_09_glued_replies(void **state)
{
	(void)state;
	put(&good);
	put(&other);
	/* Two in one read: both, in order. */
	feed_line();
	jkv_rx_expect(&rx, 2, &other);
	/* Every cut through both. */
	for (size_t cut = 0; cut <= line.len; cut++) {
		jkv_rx_init(&rx);
		jkv_rx_feed(&rx, line.b, cut);
		if (rx.frames == 1) {
			jkv_rx_expect(&rx, 1, &good);
		}
		jkv_rx_feed(&rx, line.b + cut, line.len - cut);
		jkv_rx_expect(&rx, 2, &other);
		assert_int_equal(errors(), 0);
	}
}

/* Bytes that could begin a header more often than chance would have it. */
static uint8_t noise_byte(void)
{
	static const uint8_t bait[] = {0x4E, 0x57, 0x00, 0x01, 0x13, 0x21, 0x06, 0x68};

	return jkv_random(2) == 0 ? bait[jkv_random(ARRAY_SIZE(bait))] : (uint8_t)jkv_random(256);
}

static void test_frames_in_random_noise(void **state)
{
	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		const size_t before = jkv_random(120);
		const size_t after = jkv_random(120);

		jkv_rx_init(&rx);
		line.len = 0;
		for (size_t i = 0; i < before; i++) {
			put_byte(noise_byte());
		}
		put(&good);
		put(&other);
		for (size_t i = 0; i < after; i++) {
			put_byte(noise_byte());
		}
		feed_line();
		jkv_rx_gap(&rx);
		/* Noise that is a frame by itself: 1 in 2^50. */
		jkv_rx_expect(&rx, 2, &other);
		assert_int_equal(errors(), before + after);
	}
}

/* How the bytes are cut into reads has no influence on what is found or counted. */
static void test_chunks_make_no_difference(void **state)
{
	static struct jkv_rx pieces;

	(void)state;
	for (int turn = 0; turn < 3000; turn++) {
		size_t at = 0;

		line.len = 0;
		while (line.len < JKV_MAX - JK_FRAME_MAX) {
			const size_t keep = jkv_random(3) == 0 ? jkv_random(290) : good.len;

			jkv_append(&line, good.b, keep);
			for (uint32_t i = jkv_random(30); i > 0; i--) {
				put_byte(noise_byte());
			}
		}
		jkv_rx_init(&rx);
		feed_line();
		jkv_rx_init(&pieces);
		while (at < line.len) {
			const size_t want = jkv_random(64);
			const size_t n = want < line.len - at ? want : line.len - at;

			jkv_rx_feed(&pieces, line.b + at, n);
			at += n;
		}
		assert_int_equal(pieces.frames, rx.frames);
		assert_int_equal(pieces.f.len, rx.f.len);
		assert_memory_equal(pieces.f.buf, rx.f.buf, rx.f.len);
		assert_memory_equal(pieces.f.count, rx.f.count, sizeof(rx.f.count));
	}
}

/* The densest false starts: three headers interleaved in 17 bytes, all of them plausible. */
static void test_dense_false_starts_are_survived(void **state)
{
	static const uint8_t dense[17] = {0x4E, 0x57, 0x00, 0x4E, 0x57, 0x01, 0x4E, 0x57, 0x01,
					  0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01};

	(void)state;
	for (int i = 0; i < 200; i++) {
		jkv_rx_feed(&rx, dense, sizeof(dense));
	}
	assert_true(errors() > 200 * sizeof(dense) - JK_FRAME_MAX);
	jkv_rx_feed(&rx, good.b, good.len);
	jkv_rx_gap(&rx);
	jkv_rx_expect(&rx, 1, &good);
}

static void test_counters_wrap(void **state)
{
	uint16_t frame_len = 0;
	const uint8_t zero = 0;

	(void)state;
	rx.f.count[JK_NOISE] = UINT32_MAX;
	assert_int_equal(jk_framer_feed(&rx.f, &zero, 1, &frame_len), 1);
	assert_int_equal(rx.f.count[JK_NOISE], 0);
}

static void test_verdicts_have_names(void **state)
{
	(void)state;
	for (int v = 0; v < JK_VERDICTS; v++) {
		assert_non_null(jk_verdict_name((enum jk_verdict)v));
		assert_string_not_equal(jk_verdict_name((enum jk_verdict)v), "?");
		for (int w = 0; w < v; w++) {
			assert_string_not_equal(jk_verdict_name((enum jk_verdict)v),
						jk_verdict_name((enum jk_verdict)w));
		}
	}
	assert_string_equal(jk_verdict_name(JK_VERDICTS), "?");
	assert_string_equal(jk_verdict_name((enum jk_verdict)1000), "?");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_frame_in_one_piece, setup),
		cmocka_unit_test_setup(test_frame_split_at_every_byte, setup),
		cmocka_unit_test_setup(test_frame_byte_by_byte, setup),
		cmocka_unit_test_setup(test_frame_stays_in_buffer_until_the_next_call, setup),
		cmocka_unit_test_setup(test_reset_drops_bytes_and_keeps_counters, setup),
		cmocka_unit_test_setup(test_reset_drops_a_delivered_frame, setup),
		cmocka_unit_test_setup(test_header_is_judged_as_soon_as_it_is_there, setup),
		cmocka_unit_test_setup(test_commands_sources_and_types_of_the_protocol_pass, setup),
		cmocka_unit_test_setup(test_start_marker_inside_a_frame_is_data, setup),
		cmocka_unit_test_setup(test_FLT_04_reply_cut_at_every_byte_then_silence, setup),
		cmocka_unit_test_setup(
			test_FLT_04_reply_cut_at_every_byte_and_the_next_one_glued_to_it, setup),
		cmocka_unit_test_setup(test_FLT_05_one_noise_byte_before_the_header, setup),
		cmocka_unit_test_setup(test_false_starts_before_the_header, setup),
		cmocka_unit_test_setup(test_FLT_06_every_single_bit_flip_is_rejected_and_counted,
				       setup),
		cmocka_unit_test_setup(
			test_FLT_06_bit_flip_costs_at_most_one_more_reply_without_silence, setup),
		cmocka_unit_test_setup(test_FLT_08_length_field, setup),
		cmocka_unit_test_setup(test_FLT_08_largest_and_smallest_frame, setup),
		cmocka_unit_test_setup(test_FLT_09_glued_replies, setup),
		cmocka_unit_test_setup(test_frames_in_random_noise, setup),
		cmocka_unit_test_setup(test_chunks_make_no_difference, setup),
		cmocka_unit_test_setup(test_dense_false_starts_are_survived, setup),
		cmocka_unit_test_setup(test_counters_wrap, setup),
		cmocka_unit_test_setup(test_verdicts_have_names, setup),
	};

	jkv_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
