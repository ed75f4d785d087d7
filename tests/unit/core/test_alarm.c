/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JK alarm bits and our levels in 0x359: every bit alone. Protection bits come only from the BMS's
 * own bits, our levels only set warnings.
 */
#include "core/alarm.h"
#include "core_test.h"

static struct bench b;

/* Bytes 0..3 of 0x359 for each bit of register 8B alone, from the table of the safety rules. */
static const uint8_t expected[16][4] = {
	[0] = {0, 0, 0, 0},	/* low capacity: event only */
	[1] = {0x08, 0, 0, 0},	/* MOS over-temperature: byte 0 bit 3 */
	[2] = {0, 0, 0x02, 0},	/* charge over-voltage: warning byte 2 bit 1 */
	[3] = {0x04, 0, 0, 0},	/* under-voltage: byte 0 bit 2 */
	[4] = {0x08, 0, 0, 0},	/* battery over-temperature: byte 0 bit 3 */
	[5] = {0, 0x01, 0, 0},	/* charge over-current: byte 1 bit 0 */
	[6] = {0x80, 0, 0, 0},	/* discharge over-current: byte 0 bit 7 */
	[7] = {0, 0, 0, 0},	/* cell difference: event only */
	[8] = {0, 0, 0x08, 0},	/* box over-temperature: warning byte 2 bit 3 */
	[9] = {0x10, 0, 0, 0},	/* low temperature: byte 0 bit 4 */
	[10] = {0x02, 0, 0, 0}, /* cell over-voltage: byte 0 bit 1 */
	[11] = {0x04, 0, 0, 0}, /* cell under-voltage: byte 0 bit 2 */
	[12] = {0, 0x08, 0, 0}, /* byte 1 bit 3 */
	[13] = {0, 0x08, 0, 0}, /* byte 1 bit 3 */
	[14] = {0, 0, 0, 0},	[15] = {0, 0, 0, 0},
};

static void test_each_bms_alarm_bit_alone_on_the_bus(void **state)
{
	(void)state;
	bench_init(&b);
	start_fast(&b);
	for (uint32_t bit = 0; bit < ARRAY_SIZE(expected); bit++) {
		drain_reply(&b);
		const uint32_t events = b.events[EVENT_BMS_ALARM];

		b.battery.alarms = (uint16_t)(1U << bit);
		bench_run_ms(&b, 1600);
		assert_memory_equal(b.last[PYLON_FRAME_ALARMS].data, expected[bit], 4);
		assert_int_equal(b.last[PYLON_FRAME_ALARMS].data[4], 1);
		assert_memory_equal(&b.last[PYLON_FRAME_ALARMS].data[5], "PN", 2);
		assert_int_equal(b.events[EVENT_BMS_ALARM], events + 1);
		b.battery.alarms = 0;
		bench_run_ms(&b, 1600);
		assert_memory_equal(b.last[PYLON_FRAME_ALARMS].data, "\0\0\0\0", 4);
	}
}

static void test_all_alarm_bits_together(void **state)
{
	(void)state;
	static const uint8_t all[4] = {0x9E, 0x09, 0x0A, 0};

	bench_init(&b);
	start_fast(&b);
	b.battery.alarms = UINT16_MAX;
	bench_run_ms(&b, 1600);
	assert_memory_equal(b.last[PYLON_FRAME_ALARMS].data, all, 4);
}

static void test_levels_set_warnings_and_never_protections(void **state)
{
	static const uint32_t bit[LEVELS] = {
		[LEVEL_CELL_HIGH] = PYLON_CELL_HIGH,	 [LEVEL_CELL_LOW] = PYLON_CELL_LOW,
		[LEVEL_CHARGE_COLD] = PYLON_TEMP_LOW,	 [LEVEL_CHARGE_HOT] = PYLON_TEMP_HIGH,
		[LEVEL_DISCHARGE_COLD] = PYLON_TEMP_LOW, [LEVEL_DISCHARGE_HOT] = PYLON_TEMP_HIGH,
		[LEVEL_MOS_HOT] = PYLON_TEMP_HIGH,
	};
	const bool none[DIRS] = {false, false};
	bool warn[LEVELS] = {false};

	(void)state;
	for (uint32_t i = 0; i < LEVELS; i++) {
		warn[i] = true;
		assert_int_equal(alarm_warnings(0, warn, none, false), bit[i]);
		warn[i] = false;
	}
	const bool in[DIRS] = {true, false};
	const bool out[DIRS] = {false, true};

	assert_int_equal(alarm_warnings(0, warn, in, false), PYLON_CHARGE_OC);
	assert_int_equal(alarm_warnings(0, warn, out, false), PYLON_DISCHARGE_OC);
	assert_int_equal(alarm_warnings(0, warn, none, true), PYLON_COMM);
	assert_int_equal(alarm_warnings(0, warn, none, false), 0);
	assert_int_equal(alarm_protections(0), 0);
}

/* On the bus: bytes 2 and 3 when a value crosses its warning level; bytes 0 and 1 stay 0. */
static void test_warn_levels_on_the_bus(void **state)
{
	static const struct {
		uint16_t min_mv;
		uint16_t max_mv;
		uint16_t probe;
		uint16_t mos;
		int32_t ma;
		uint8_t byte2;
		uint8_t byte3;
	} rows[] = {
		{3300, 3499, 20, 25, 0, 0x00, 0},      {3300, 3500, 20, 25, 0, 0x02, 0},
		{3001, 3300, 20, 25, 0, 0x00, 0},      {3000, 3300, 20, 25, 0, 0x04, 0},
		{3300, 3300, 6, 25, 0, 0x00, 0},       {3300, 3300, 5, 25, 0, 0x10, 0},
		{3300, 3300, 44, 25, 0, 0x00, 0},      {3300, 3300, 45, 25, 0, 0x08, 0},
		{3300, 3300, 20, 74, 0, 0x00, 0},      {3300, 3300, 20, 75, 0, 0x08, 0},
		{3300, 3300, 20, 25, 60000, 0x00, 0},  {3300, 3300, 20, 25, 60010, 0x00, 1},
		{3300, 3300, 20, 25, -60000, 0x00, 0}, {3300, 3300, 20, 25, -60010, 0x80, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint8_t want[4] = {0, 0, rows[i].byte2, rows[i].byte3};

		bench_init(&b);
		start_fast(&b);
		b.battery.cell_mv[3] = rows[i].min_mv;
		b.battery.cell_mv[5] = rows[i].max_mv;
		b.battery.box_raw = rows[i].probe;
		b.battery.battery_raw = rows[i].probe;
		b.battery.mos_raw = rows[i].mos;
		b.battery.pack_ma = rows[i].ma;
		bench_run_ms(&b, 2000);
		if (memcmp(b.last[PYLON_FRAME_ALARMS].data, want, 4) != 0) {
			print_error("row %zu\n", i);
		}
		assert_memory_equal(b.last[PYLON_FRAME_ALARMS].data, want, 4);
	}
}

/* Even at critical levels no protection bit is invented: it would trip a real inverter. */
static void test_critical_levels_set_no_protection_bit(void **state)
{
	(void)state;
	bench_init(&b);
	start_fast(&b);
	b.battery.cell_mv[5] = 3700;
	b.battery.mos_raw = 100;
	bench_run_ms(&b, 20000);
	assert_int_equal(bench_tele(&b)->latched, REASON_CRITICAL);
	assert_int_equal(bench_protections(&b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_bms_alarm_bit_alone_on_the_bus),
		cmocka_unit_test(test_all_alarm_bits_together),
		cmocka_unit_test(test_levels_set_warnings_and_never_protections),
		cmocka_unit_test(test_warn_levels_on_the_bus),
		cmocka_unit_test(test_critical_levels_set_no_protection_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
