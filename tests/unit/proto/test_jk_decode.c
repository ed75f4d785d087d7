/* SPDX-License-Identifier: Apache-2.0 */
/* Meaning of a complete JK frame: what is taken, and what is refused although its sum is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "vectors.h"

/* Tags and lengths as the protocol pages list them; 79 has its own length byte. */
static const struct {
	uint8_t tag;
	uint8_t size;
} registers[] = {
	{0x80, 2},  {0x81, 2}, {0x82, 2}, {0x83, 2}, {0x84, 2}, {0x85, 1},  {0x86, 1}, {0x87, 2},
	{0x89, 4},  {0x8A, 2}, {0x8B, 2}, {0x8C, 2}, {0x8E, 2}, {0x8F, 2},  {0x90, 2}, {0x91, 2},
	{0x92, 2},  {0x93, 2}, {0x94, 2}, {0x95, 2}, {0x96, 2}, {0x97, 2},  {0x98, 2}, {0x99, 2},
	{0x9A, 2},  {0x9B, 2}, {0x9C, 2}, {0x9D, 1}, {0x9E, 2}, {0x9F, 2},  {0xA0, 2}, {0xA1, 2},
	{0xA2, 2},  {0xA3, 2}, {0xA4, 2}, {0xA5, 2}, {0xA6, 2}, {0xA7, 2},  {0xA8, 2}, {0xA9, 1},
	{0xAA, 4},  {0xAB, 1}, {0xAC, 1}, {0xAD, 2}, {0xAE, 1}, {0xAF, 1},  {0xB0, 2}, {0xB1, 1},
	{0xB2, 10}, {0xB3, 1}, {0xB4, 8}, {0xB5, 4}, {0xB6, 4}, {0xB7, 15}, {0xB8, 1}, {0xB9, 4},
	{0xBA, 24}, {0xBB, 1}, {0xBC, 1}, {0xBD, 1}, {0xBE, 2}, {0xBF, 2},  {0xC0, 1},
};

#define TEST_CELLS 16U

static struct jkv_bytes frame;
static struct jk_sample sample;

static enum jk_verdict decode(void)
{
	return jk_decode(frame.b, frame.len, &sample);
}

/* Refused, and the output still holds what it held. */
static void expect_refused(enum jk_verdict verdict)
{
	static struct jk_sample before;

	memset(&sample, 0x5A, sizeof(sample));
	memcpy(&before, &sample, sizeof(before));
	assert_int_equal(decode(), verdict);
	assert_memory_equal(&sample, &before, sizeof(sample));
}

static void begin(unsigned int cells)
{
	jkv_begin(&frame);
	jkv_cells(&frame, cells, 3300);
}

static void test_cells_every_number_that_is_used(void **state)
{
	static const unsigned int counts[] = {1, 3, 4, 7, 8, 13, 14, 16, 20, 24, 32};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
		begin(counts[c]);
		jkv_reg(&frame, 0x8A, counts[c], 2);
		jkv_end(&frame);
		assert_int_equal(decode(), JK_OK);
		assert_int_equal(sample.cells, counts[c]);
		assert_int_equal(sample.cell_count, counts[c]);
		for (unsigned int i = 0; i < JK_CELLS_MAX; i++) {
			assert_int_equal(sample.cell_mv[i], i < counts[c] ? 3300 + i : 0);
		}
		assert_int_equal(sample.have, JK_HAVE(JK_REG_CELLS) | JK_HAVE(JK_REG_CELL_COUNT));
	}
}

static void test_cells_whole_range_of_a_voltage(void **state)
{
	static const unsigned int mv[] = {0, 1, 255, 256, 0x4E57, 0xFFFF};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mv); i++) {
		jkv_begin(&frame);
		jkv_cells(&frame, 1, mv[i]);
		jkv_end(&frame);
		assert_int_equal(decode(), JK_OK);
		assert_int_equal(sample.cell_mv[0], mv[i]);
	}
}

static void test_cells_none_or_too_many_are_refused(void **state)
{
	static const unsigned int counts[] = {0, 33, 40, 85};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
		begin(counts[c]);
		jkv_end(&frame);
		expect_refused(JK_BAD_CELLS);
	}
}

static void test_cells_every_wrong_length_byte_is_refused(void **state)
{
	(void)state;
	for (unsigned int length = 0; length <= UINT8_MAX; length++) {
		begin(TEST_CELLS);
		frame.b[12] = (uint8_t)length;
		jkv_end(&frame);
		if (length == 3 * TEST_CELLS) {
			assert_int_equal(decode(), JK_OK);
		} else if (length % 3 == 0 && length > 0 && length < 3 * TEST_CELLS) {
			/* Fewer cells: the next cell number stands where a tag should. */
			expect_refused(JK_BAD_REGISTER);
		} else {
			expect_refused(JK_BAD_CELLS);
		}
	}
	/* Nothing behind tag 79, not even the length. */
	jkv_begin(&frame);
	jkv_append(&frame, (const uint8_t[]){0x79}, 1);
	jkv_end(&frame);
	expect_refused(JK_BAD_CELLS);
}

/* The record number behind the registers continues the list, as if it belonged to it. */
static void test_cells_do_not_reach_into_the_tail(void **state)
{
	static const uint8_t seventeen[] = {TEST_CELLS + 1, 0x0C, 0xE4};
	static const uint8_t length_and_cell[] = {3, 1, 0x0C, 0xE4};

	(void)state;
	begin(TEST_CELLS);
	frame.b[12] = 3 * (TEST_CELLS + 1);
	jkv_end(&frame);
	memcpy(frame.b + frame.len - 9, seventeen, sizeof(seventeen));
	jkv_fix_sum(&frame);
	expect_refused(JK_BAD_CELLS);

	jkv_begin(&frame);
	jkv_append(&frame, (const uint8_t[]){0x79}, 1);
	jkv_end(&frame);
	memcpy(frame.b + frame.len - 9, length_and_cell, sizeof(length_and_cell));
	jkv_fix_sum(&frame);
	expect_refused(JK_BAD_CELLS);
}

static void test_cells_wrong_numbers_are_refused(void **state)
{
	(void)state;
	for (unsigned int cell = 0; cell < TEST_CELLS; cell++) {
		for (unsigned int number = 0; number <= UINT8_MAX; number++) {
			begin(TEST_CELLS);
			frame.b[13 + 3 * cell] = (uint8_t)number;
			jkv_end(&frame);
			if (number == cell + 1) {
				assert_int_equal(decode(), JK_OK);
			} else {
				expect_refused(JK_BAD_CELLS);
			}
		}
	}
}

static void test_cells_must_agree_with_register_8A(void **state)
{
	(void)state;
	for (unsigned int count = 0; count <= 40; count++) {
		begin(TEST_CELLS);
		jkv_reg(&frame, 0x8A, count, 2);
		jkv_end(&frame);
		if (count == TEST_CELLS) {
			assert_int_equal(decode(), JK_OK);
		} else {
			expect_refused(JK_CELLS_DIFFER);
		}
	}
	begin(TEST_CELLS);
	jkv_reg(&frame, 0x8A, 0x1000 + TEST_CELLS, 2);
	jkv_end(&frame);
	expect_refused(JK_CELLS_DIFFER);
}

static void test_FLT_17_current_by_version_tag(void **state)
{
	static const struct {
		int version; /* -1: register C0 absent */
		uint16_t raw;
		int32_t ma;
	} rows[] = {
		{1, 0x0000, 0},	      {1, 0x8000, 0},	     {1, 0x87D0, 20000},
		{1, 0x07D0, -20000},  {1, 0x8001, 10},	     {1, 0x0001, -10},
		{1, 0x7FFF, -327670}, {1, 0xFFFF, 327670},   {1, 10000, -100000},
		{0, 10000, 0},	      {0, 9500, 5000},	     {0, 11000, -10000},
		{0, 0, 100000},	      {0, 20000, -100000},   {0, 0x8000, -227680},
		{0, 0xFFFF, -555350}, {-1, 10000, 0},	     {-1, 9500, 5000},
		{-1, 11000, -10000},  {-1, 0x87D0, -247680}, {-1, 0, 100000},
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		/* C0 comes last, but nothing depends on that. */
		for (int first = 0; first < 2; first++) {
			begin(TEST_CELLS);
			if (first == 1 && rows[r].version >= 0) {
				jkv_reg(&frame, 0xC0, (uint64_t)rows[r].version, 1);
			}
			jkv_reg(&frame, 0x84, rows[r].raw, 2);
			jkv_reg(&frame, 0x85, 60, 1);
			if (first == 0 && rows[r].version >= 0) {
				jkv_reg(&frame, 0xC0, (uint64_t)rows[r].version, 1);
			}
			jkv_end(&frame);
			assert_int_equal(decode(), JK_OK);
			assert_int_equal(sample.current_ma, rows[r].ma);
			assert_int_equal(sample.current_raw, rows[r].raw);
			assert_int_equal(sample.version, max_i32(rows[r].version, 0));
		}
	}
}

static void test_FLT_17_current_does_not_depend_on_length_or_history(void **state)
{
	(void)state;
	for (unsigned int cells = 1; cells <= JK_CELLS_MAX; cells++) {
		for (int version = 0; version <= 1; version++) {
			begin(cells);
			jkv_reg(&frame, 0x84, 0x07D0, 2);
			jkv_reg(&frame, 0xC0, (uint64_t)version, 1);
			jkv_end(&frame);
			assert_int_equal(decode(), JK_OK);
			assert_int_equal(sample.current_ma, version == 1 ? -20000 : 80000);
		}
	}
}

static void test_FLT_17_unknown_version_is_refused(void **state)
{
	(void)state;
	for (unsigned int version = 2; version <= UINT8_MAX; version++) {
		begin(TEST_CELLS);
		jkv_reg(&frame, 0x84, 0x07D0, 2);
		jkv_reg(&frame, 0xC0, version, 1);
		jkv_end(&frame);
		expect_refused(JK_BAD_VERSION);
	}
}

/* Raw 0 is +100 A in the old encoding: an absent register must not become that. */
static void test_current_absent_is_zero_and_not_had(void **state)
{
	(void)state;
	begin(TEST_CELLS);
	jkv_end(&frame);
	assert_int_equal(decode(), JK_OK);
	assert_int_equal(sample.current_ma, 0);
	assert_int_equal(sample.have, JK_HAVE(JK_REG_CELLS));
}

static void test_registers_alone_set_their_own_bit_and_no_other_field(void **state)
{
	static struct jk_sample empty;
	uint64_t seen = JK_HAVE(JK_REG_CELLS);

	(void)state;
	begin(TEST_CELLS);
	jkv_end(&frame);
	assert_int_equal(decode(), JK_OK);
	empty = sample;
	for (size_t r = 0; r < ARRAY_SIZE(registers); r++) {
		const uint8_t tag = registers[r].tag;
		/* Fits 8A and C0 too. */
		const uint64_t value = tag == 0x8A ? TEST_CELLS : 1;
		uint64_t bit;

		begin(TEST_CELLS);
		jkv_reg(&frame, tag, value, registers[r].size);
		jkv_end(&frame);
		assert_int_equal(decode(), JK_OK);
		bit = sample.have & ~JK_HAVE(JK_REG_CELLS);
		assert_int_equal(bit & (bit - 1), 0);
		assert_int_equal(seen & bit, 0);
		seen |= bit;
		/* Listed in the order of enum jk_reg. */
		assert_int_equal(bit, JK_HAVE(r + 1));
		assert_int_equal(sample.cells, empty.cells);
		assert_memory_equal(sample.cell_mv, empty.cell_mv, sizeof(empty.cell_mv));
	}
	assert_int_equal(seen, UINT64_MAX); /* 64 registers, all of them */
	assert_int_equal(JK_REGS, ARRAY_SIZE(registers) + 1);
}

static void test_registers_never_captured(void **state)
{
	(void)state;
	begin(TEST_CELLS);
	jkv_reg(&frame, 0xBB, 1, 1);
	jkv_reg(&frame, 0xBC, 1, 1);
	jkv_reg(&frame, 0xBD, 1, 1);
	jkv_reg(&frame, 0xBE, 0x8001, 2);
	jkv_reg(&frame, 0xBF, 0x4E57, 2);
	jkv_end(&frame);
	assert_int_equal(decode(), JK_OK);
	assert_int_equal(sample.gps_off_mv, 0x8001);
	assert_int_equal(sample.gps_recovery_mv, 0x4E57);
}

static void test_registers_extreme_values(void **state)
{
	(void)state;
	begin(TEST_CELLS);
	jkv_reg(&frame, 0x83, 0xFFFF, 2);
	jkv_reg(&frame, 0x89, 0xFFFFFFFF, 4);
	jkv_reg(&frame, 0x8E, 0x8000, 2);
	jkv_reg(&frame, 0xA5, 0x8000, 2);
	jkv_reg(&frame, 0xA6, 0x7FFF, 2);
	jkv_reg(&frame, 0xA7, 0xFFFF, 2);
	jkv_reg(&frame, 0xA8, 0xFFEC, 2);
	jkv_reg(&frame, 0xB6, 0x80000001, 4);
	jkv_end(&frame);
	assert_int_equal(decode(), JK_OK);
	assert_int_equal(sample.pack_mv, 655350);
	assert_int_equal(sample.cycle_capacity_ah, UINT32_MAX);
	assert_int_equal(sample.pack_ovp_mv, 327680);
	assert_int_equal(sample.charge_utp_c, INT16_MIN);
	assert_int_equal(sample.charge_utpr_c, INT16_MAX);
	assert_int_equal(sample.discharge_utp_c, -1);
	assert_int_equal(sample.discharge_utpr_c, -20);
	assert_int_equal(sample.runtime_min, 0x80000001U);
}

static void test_registers_repeated_are_refused(void **state)
{
	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(registers); r++) {
		const uint64_t value = registers[r].tag == 0x8A ? TEST_CELLS : 0;

		begin(TEST_CELLS);
		jkv_reg(&frame, registers[r].tag, value, registers[r].size);
		jkv_reg(&frame, registers[r].tag, value, registers[r].size);
		jkv_end(&frame);
		expect_refused(JK_BAD_REGISTER);
	}
	begin(TEST_CELLS);
	jkv_cells(&frame, TEST_CELLS, 3300);
	jkv_end(&frame);
	expect_refused(JK_BAD_REGISTER);
}

static void test_registers_cut_short_are_refused(void **state)
{
	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(registers); r++) {
		for (size_t size = 0; size < registers[r].size; size++) {
			begin(TEST_CELLS);
			jkv_reg(&frame, registers[r].tag, 0, size);
			jkv_end(&frame);
			expect_refused(JK_BAD_REGISTER);
		}
	}
}

static bool known(unsigned int tag)
{
	for (size_t r = 0; r < ARRAY_SIZE(registers); r++) {
		if (registers[r].tag == tag) {
			return true;
		}
	}
	return tag == 0x79;
}

static void test_registers_unknown_are_refused_before_C0_and_noted_behind_it(void **state)
{
	unsigned int unknown = 0;

	(void)state;
	for (unsigned int tag = 0; tag <= UINT8_MAX; tag++) {
		if (known(tag)) {
			continue;
		}
		unknown++;
		begin(TEST_CELLS);
		jkv_reg(&frame, (uint8_t)tag, 0, 2);
		jkv_reg(&frame, 0xC0, 1, 1);
		jkv_end(&frame);
		expect_refused(JK_BAD_REGISTER);

		begin(TEST_CELLS);
		jkv_reg(&frame, 0x85, 60, 1);
		jkv_reg(&frame, 0xC0, 1, 1);
		jkv_reg(&frame, (uint8_t)tag, 0x85, 1); /* what follows is not looked at */
		jkv_end(&frame);
		assert_int_equal(decode(), JK_OK);
		assert_int_equal(sample.unknown_tag, tag);
		assert_int_equal(sample.soc_pct, 60);
	}
	assert_int_equal(unknown, 256 - 64);
}

static void test_password_is_never_kept(void **state)
{
	static const char secret[] = "S3CRET-pw!";
	const uint8_t tag = 0xB2;

	(void)state;
	begin(TEST_CELLS);
	jkv_append(&frame, &tag, 1);
	jkv_append(&frame, (const uint8_t *)secret, 10);
	jkv_reg(&frame, 0xB3, 1, 1);
	jkv_end(&frame);
	assert_int_equal(decode(), JK_OK);
	assert_true((sample.have & JK_HAVE(JK_REG_PASSWORD)) != 0);
	assert_int_equal(sample.special_charger, 1);
	for (size_t i = 0; i + 3 <= sizeof(sample); i++) {
		for (size_t j = 0; j + 3 <= 10; j++) {
			assert_memory_not_equal((const uint8_t *)&sample + i, secret + j, 3);
		}
	}
}

static void test_texts_are_printable_and_end(void **state)
{
	static const struct {
		const char *bytes; /* 8 */
		const char *text;
	} rows[] = {
		{"Armins__", "Armins__"},	 {"beki\0\0\0\0", "beki"},
		{"\0\0\0\0\0\0\0\0", ""},	 {"a\0b\0\0\0\0\0", "a.b"},
		{"\0\0\0\0\0\0\0x", ".......x"}, {"\x1F \x7E\x7F\x80\xFF\n\r", ". ~....."},
		{"%s%n%d \\", "%s%n%d \\"},
	};
	const uint8_t tag = 0xB4;

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		begin(TEST_CELLS);
		jkv_append(&frame, &tag, 1);
		jkv_append(&frame, (const uint8_t *)rows[r].bytes, 8);
		jkv_end(&frame);
		assert_int_equal(decode(), JK_OK);
		assert_string_equal(sample.device_id, rows[r].text);
	}
}

static void test_header_only_replies_of_a_bms_with_cells_are_taken(void **state)
{
	static const uint8_t commands[] = {1, 2, 3, 5, 6};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
		for (uint8_t source = 0; source <= 3; source++) {
			for (uint8_t type = 0; type <= 2; type++) {
				begin(TEST_CELLS);
				frame.b[8] = commands[c];
				frame.b[9] = source;
				frame.b[10] = type;
				jkv_end(&frame);
				if ((commands[c] == 3 || commands[c] == 6) && source == 0 &&
				    type != 0) {
					assert_int_equal(decode(), JK_OK);
				} else {
					expect_refused(JK_FOREIGN);
				}
			}
		}
	}
	/* The reply to a request for one register. */
	jkv_begin(&frame);
	jkv_reg(&frame, 0x83, 5228, 2);
	jkv_end(&frame);
	expect_refused(JK_FOREIGN);
}

static void test_terminal_and_record_number_may_be_anything(void **state)
{
	(void)state;
	begin(TEST_CELLS);
	jkv_end(&frame);
	memset(frame.b + 4, 0xFF, 4);
	memset(frame.b + frame.len - 9, 0xEE, 4);
	jkv_fix_sum(&frame);
	assert_int_equal(decode(), JK_OK);
	assert_int_equal(sample.cells, TEST_CELLS);
}

static void test_frame_is_checked_again(void **state)
{
	static const struct {
		size_t at; /* from the end if @behind */
		bool behind;
		uint8_t value;
		enum jk_verdict verdict;
	} rows[] = {
		{0, false, 0x4F, JK_NOISE},	  {1, false, 0x58, JK_NOISE},
		{2, false, 0x02, JK_BAD_LENGTH},  {3, false, 0x12, JK_BAD_LENGTH},
		{8, false, 0x04, JK_BAD_HEADER},  {9, false, 0x04, JK_BAD_HEADER},
		{10, false, 0x03, JK_BAD_HEADER}, {20, false, 0xFF, JK_BAD_SUM},
		{5, true, 0x69, JK_BAD_END},	  {4, true, 0x01, JK_BAD_SUM_HIGH},
		{3, true, 0x01, JK_BAD_SUM_HIGH}, {2, true, 0xEE, JK_BAD_SUM},
		{1, true, 0xEE, JK_BAD_SUM},
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		size_t at;

		begin(4);
		jkv_end(&frame);
		at = rows[r].behind ? frame.len - rows[r].at : rows[r].at;
		assert_int_not_equal(frame.b[at], rows[r].value);
		frame.b[at] = rows[r].value;
		expect_refused(rows[r].verdict);
	}
}

static void test_frame_of_every_other_length_is_refused_without_overread(void **state)
{
	static struct jkv_bytes whole;

	(void)state;
	jkv_load(JKV_16S, &whole);
	for (size_t len = 0; len < whole.len; len++) {
		/* Exactly that many bytes on the heap: a sanitizer sees one too far. */
		uint8_t *exact = malloc(len + (len == 0));

		assert_non_null(exact);
		memcpy(exact, whole.b, len);
		assert_int_equal(jk_decode(exact, len, &sample), JK_BAD_LENGTH);
		free(exact);
	}
	assert_int_equal(jk_decode(whole.b, whole.len, &sample), JK_OK);
	memset(whole.b + whole.len, 0, 100);
	assert_int_equal(jk_decode(whole.b, whole.len + 1, &sample), JK_BAD_LENGTH);
	assert_int_equal(jk_decode(whole.b, whole.len + 100, &sample), JK_BAD_LENGTH);
}

static void test_temperatures(void **state)
{
	static const struct {
		uint16_t raw;
		bool valid;
		int16_t dc;
		int16_t floor_dc;
	} rows[] = {
		{0, true, 0, 0},	 {1, true, 10, 10},	{25, true, 250, 250},
		{50, true, 500, 500},	 {99, true, 990, 990},	{100, true, 0, -10},
		{101, true, -10, -20},	 {102, true, -20, -30}, {139, true, -390, -400},
		{140, true, -400, -410}, {141, false, 0, 0},	{255, false, 0, 0},
		{256, false, 0, 0},	 {0x8000, false, 0, 0}, {0xFFFF, false, 0, 0},
	};

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		assert_int_equal(jk_temp_valid(rows[r].raw), rows[r].valid);
		assert_int_equal(jk_temp_dc(rows[r].raw), rows[r].dc);
		assert_int_equal(jk_temp_floor_dc(rows[r].raw), rows[r].floor_dc);
	}
	for (uint32_t raw = 0; raw <= UINT16_MAX; raw++) {
		const int gap = jk_temp_dc((uint16_t)raw) - jk_temp_floor_dc((uint16_t)raw);

		assert_int_equal(gap, raw >= 100 && raw <= JK_TEMP_RAW_MAX ? 10 : 0);
		assert_in_range(jk_temp_dc((uint16_t)raw) + 400, 0, 1390);
	}
}

/* Random registers in a good frame: any verdict, but a taken sample is within its bounds. */
static void test_random_registers_never_leave_the_bounds(void **state)
{
	unsigned int taken = 0;

	(void)state;
	for (int turn = 0; turn < 100000; turn++) {
		begin(1 + jkv_random(JK_CELLS_MAX));
		for (uint32_t n = jkv_random(12); n > 0; n--) {
			const size_t r = jkv_random(ARRAY_SIZE(registers));
			const size_t odd = jkv_random(20) == 0 ? 1 : 0;

			jkv_reg(&frame, registers[r].tag, jkv_random(UINT32_MAX),
				registers[r].size + odd);
		}
		jkv_end(&frame);
		if (decode() != JK_OK) {
			continue;
		}
		taken++;
		assert_in_range(sample.cells, 1, JK_CELLS_MAX);
		assert_in_range(sample.current_ma + 555350, 0, 555350 + 327670);
		assert_in_range(sample.version, 0, 1);
		assert_in_range(sample.pack_mv, 0, 655350);
		assert_true(strlen(sample.manufacturer) <= 24);
		assert_true(strlen(sample.sw_version) <= 15);
	}
	assert_true(taken > 1000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells_every_number_that_is_used),
		cmocka_unit_test(test_cells_whole_range_of_a_voltage),
		cmocka_unit_test(test_cells_none_or_too_many_are_refused),
		cmocka_unit_test(test_cells_every_wrong_length_byte_is_refused),
		cmocka_unit_test(test_cells_do_not_reach_into_the_tail),
		cmocka_unit_test(test_cells_wrong_numbers_are_refused),
		cmocka_unit_test(test_cells_must_agree_with_register_8A),
		cmocka_unit_test(test_FLT_17_current_by_version_tag),
		cmocka_unit_test(test_FLT_17_current_does_not_depend_on_length_or_history),
		cmocka_unit_test(test_FLT_17_unknown_version_is_refused),
		cmocka_unit_test(test_current_absent_is_zero_and_not_had),
		cmocka_unit_test(test_registers_alone_set_their_own_bit_and_no_other_field),
		cmocka_unit_test(test_registers_never_captured),
		cmocka_unit_test(test_registers_extreme_values),
		cmocka_unit_test(test_registers_repeated_are_refused),
		cmocka_unit_test(test_registers_cut_short_are_refused),
		cmocka_unit_test(test_registers_unknown_are_refused_before_C0_and_noted_behind_it),
		cmocka_unit_test(test_password_is_never_kept),
		cmocka_unit_test(test_texts_are_printable_and_end),
		cmocka_unit_test(test_header_only_replies_of_a_bms_with_cells_are_taken),
		cmocka_unit_test(test_terminal_and_record_number_may_be_anything),
		cmocka_unit_test(test_frame_is_checked_again),
		cmocka_unit_test(test_frame_of_every_other_length_is_refused_without_overread),
		cmocka_unit_test(test_temperatures),
		cmocka_unit_test(test_random_registers_never_leave_the_bounds),
	};

	jkv_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
