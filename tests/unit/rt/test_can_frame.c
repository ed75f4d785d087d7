/* SPDX-License-Identifier: Apache-2.0 */
/* Pure part of the CAN port: conversion, filters, error frames, view of the link. */
#include "can_frame.h"

#include "base/units.h"
#include "core/telemetry.h"

#include <errno.h>
#include <linux/can/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const uint16_t ids[] = {0x305, 0x351, 0x355};

static void test_frame_keeps_identifier_length_and_data(void **state)
{
	const struct can_msg m = {.id = 0x351, .len = 6, .data = {1, 2, 3, 4, 5, 6}};
	struct can_frame f;
	struct can_msg back;

	(void)state;
	memset(&f, 0xEE, sizeof(f));
	assert_int_equal(can_frame_encode(&m, &f), 0);
	assert_int_equal(f.can_id, 0x351);
	assert_int_equal(f.can_dlc, 6);
	assert_memory_equal(f.data, ((const uint8_t[]){1, 2, 3, 4, 5, 6, 0, 0}), 8);
	assert_true(can_frame_decode(&f, ids, ARRAY_SIZE(ids), &back));
	assert_int_equal(back.id, m.id);
	assert_int_equal(back.len, m.len);
	assert_memory_equal(back.data, m.data, sizeof(m.data));
}

static void test_frame_out_of_range_is_not_encoded(void **state)
{
	const struct can_msg bad[] = {{.id = 0x800}, {.id = 0xFFFF}, {.id = 1, .len = 9}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct can_frame f = {.can_id = 77};

		assert_int_equal(can_frame_encode(&bad[i], &f), -EINVAL);
		assert_int_equal(f.can_id, 77);
	}
}

static void test_only_wanted_standard_data_frames_are_decoded(void **state)
{
	static const struct {
		canid_t id;
		uint8_t dlc;
		bool taken;
	} row[] = {
		{0x305, 8, true},
		{0x351, 0, true},
		{0x355, 4, true},
		{0x306, 8, false},
		{0x000, 8, false},
		{0x305 | CAN_EFF_FLAG, 8, false},
		{0x305 | CAN_RTR_FLAG, 8, false},
		{0x305 | CAN_ERR_FLAG, 8, false},
		{0x10305, 8, false},
		{0x305, 9, false},
		{0x305, 255, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct can_frame f = {.can_id = row[i].id, .can_dlc = row[i].dlc};
		struct can_msg m;

		if (can_frame_decode(&f, ids, ARRAY_SIZE(ids), &m) != row[i].taken) {
			fail_msg("row %zu: id %x", i, row[i].id);
		}
	}
}

static void test_bytes_behind_the_length_are_zero(void **state)
{
	const struct can_frame f = {
		.can_id = 0x305, .can_dlc = 2, .data = {1, 2, 3, 4, 5, 6, 7, 8}};
	struct can_msg m;

	(void)state;
	assert_true(can_frame_decode(&f, ids, ARRAY_SIZE(ids), &m));
	assert_memory_equal(m.data, ((const uint8_t[]){1, 2, 0, 0, 0, 0, 0, 0}), 8);
}

/* The kernel's rule: received id & mask == filter id & mask. */
static bool passes(const struct can_filter *f, canid_t id)
{
	return (id & f->can_mask) == (f->can_id & f->can_mask);
}

static void test_filters_pass_their_identifier_and_nothing_else(void **state)
{
	struct can_filter filter[ARRAY_SIZE(ids)];

	(void)state;
	can_frame_filters(ids, ARRAY_SIZE(ids), filter);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		for (canid_t id = 0; id <= CAN_SFF_MASK; id++) {
			assert_int_equal(passes(&filter[i], id), id == ids[i]);
			assert_false(passes(&filter[i], id | CAN_EFF_FLAG));
			assert_false(passes(&filter[i], id | CAN_RTR_FLAG));
		}
	}
}

static void test_FLT_24_error_frames_that_flood_are_filtered_by_the_kernel(void **state)
{
	const uint32_t mask = can_frame_error_mask();
	static const uint32_t wanted[] = {CAN_ERR_TX_TIMEOUT, CAN_ERR_CRTL, CAN_ERR_ACK,
					  CAN_ERR_BUSOFF, CAN_ERR_RESTARTED};
	/* 0x200: error counters present, set in nearly all frames of newer kernels. */
	static const uint32_t unwanted[] = {CAN_ERR_LOSTARB, CAN_ERR_PROT, CAN_ERR_TRX,
					    CAN_ERR_BUSERROR, 0x200U};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		assert_int_equal(mask & wanted[i], wanted[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unwanted); i++) {
		assert_int_equal(mask & unwanted[i], 0);
	}
}

#define ANY UINT32_MAX /* the frame says nothing about the link */

static void test_FLT_23_error_frames_are_read(void **state)
{
	static const struct {
		canid_t id;
		uint8_t dlc;
		uint8_t data[8];
		uint32_t error_class;
		uint32_t ctrl;
		uint32_t link;
		bool counters;
	} row[] = {
		{0x20000040, 8, {0}, CAN_ERR_BUSOFF, 0, CAN_LINK_BUS_OFF, false},
		{0x20000100, 8, {0}, CAN_ERR_RESTARTED, 0, CAN_LINK_UP, false},
		{0x20000004, 8, {0, 0x04}, CAN_ERR_CRTL, 0x04, CAN_LINK_WARNING, false},
		{0x20000004, 8, {0, 0x08}, CAN_ERR_CRTL, 0x08, CAN_LINK_WARNING, false},
		{0x20000004, 8, {0, 0x10}, CAN_ERR_CRTL, 0x10, CAN_LINK_PASSIVE, false},
		{0x20000004, 8, {0, 0x20}, CAN_ERR_CRTL, 0x20, CAN_LINK_PASSIVE, false},
		{0x20000004, 8, {0, 0x28}, CAN_ERR_CRTL, 0x28, CAN_LINK_PASSIVE, false},
		{0x20000004, 8, {0, 0x40}, CAN_ERR_CRTL, 0x40, CAN_LINK_UP, false},
		{0x20000004, 8, {0, 0x01}, CAN_ERR_CRTL, 0x01, ANY, false},
		{0x20000020, 8, {0}, CAN_ERR_ACK, 0, ANY, false},
		{0x20000001, 8, {0}, CAN_ERR_TX_TIMEOUT, 0, ANY, false},
		{0x20000204, 8, {0, 8, 0, 0, 0, 0, 96, 3}, CAN_ERR_CRTL, 8, CAN_LINK_WARNING, true},
		{0x20000240,
		 8,
		 {0, 0x20, 0, 0, 0, 0, 255, 0},
		 CAN_ERR_BUSOFF,
		 0,
		 CAN_LINK_BUS_OFF,
		 true},
		/* Bus-off wins over everything else in the frame. */
		{0x20000144, 8, {0, 0x40}, 0x144, 0x40, CAN_LINK_BUS_OFF, false},
		/* Shorter than an error frame is: no details. */
		{0x20000204, 2, {0, 0x20, 0, 0, 0, 0, 9, 9}, CAN_ERR_CRTL, 0, ANY, false},
		/* Details of another class are not the controller's. */
		{0x20000020, 8, {0, 0x20}, CAN_ERR_ACK, 0, ANY, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct can_frame f = {.can_id = row[i].id, .can_dlc = row[i].dlc};
		struct can_fault fault;

		memcpy(f.data, row[i].data, sizeof(f.data));
		can_frame_fault(&f, &fault);
		if (fault.error_class != row[i].error_class || fault.ctrl != row[i].ctrl ||
		    fault.link_known != (row[i].link != ANY) ||
		    (fault.link_known && fault.link != row[i].link) ||
		    fault.counters != row[i].counters ||
		    (fault.counters &&
		     (fault.tx_err != row[i].data[6] || fault.rx_err != row[i].data[7]))) {
			fail_msg("row %zu: class %x ctrl %x link %u", i, fault.error_class,
				 fault.ctrl, fault.link);
		}
	}
}

static void hit(struct can_view *v, canid_t id, uint8_t ctrl, uint32_t word)
{
	const struct can_frame f = {.can_id = id | CAN_ERR_FLAG, .can_dlc = 8, .data = {0, ctrl}};
	struct can_fault fault;

	can_frame_fault(&f, &fault);
	can_view_fault(v, &fault, word);
}

static void test_link_is_what_the_helper_saw_until_an_error_frame_comes(void **state)
{
	struct can_view v;

	(void)state;
	can_view_init(&v);
	for (uint32_t link = 0; link < CAN_LINKS; link++) {
		assert_int_equal(can_view_link(&v, can_view_word(link, true, 1 + link, 0)), link);
	}
}

static void test_error_frame_wins_over_an_older_look_and_loses_against_a_newer_one(void **state)
{
	struct can_view v;

	(void)state;
	can_view_init(&v);
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, true, 10, 0)), CAN_LINK_UP);
	hit(&v, CAN_ERR_BUSOFF, 0, can_view_word(CAN_LINK_UP, true, 10, 0));
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, true, 10, 0)),
			 CAN_LINK_BUS_OFF);
	/* This look may have begun before the frame came. */
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, true, 11, 0)),
			 CAN_LINK_BUS_OFF);
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_PASSIVE, true, 12, 0)),
			 CAN_LINK_PASSIVE);
}

static void test_without_controller_state_error_frames_decide_alone(void **state)
{
	struct can_view v;
	uint32_t seq = 1;

	(void)state;
	can_view_init(&v);
	hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_TX_PASSIVE, can_view_word(CAN_LINK_UP, false, seq, 0));
	/* Longer than the sequence needs to come round. */
	for (; seq < 200000; seq++) {
		assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, false, seq, 0)),
				 CAN_LINK_PASSIVE);
	}
	hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_ACTIVE, can_view_word(CAN_LINK_UP, false, seq, 0));
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, false, seq, 0)), CAN_LINK_UP);
}

static void test_restart_by_the_helper_makes_older_errors_history(void **state)
{
	struct can_view v;

	(void)state;
	can_view_init(&v);
	hit(&v, CAN_ERR_BUSOFF, 0, can_view_word(CAN_LINK_UP, false, 5, 1));
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, false, 6, 2)), CAN_LINK_UP);
	hit(&v, CAN_ERR_BUSOFF, 0, can_view_word(CAN_LINK_UP, true, 6, 2));
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_WARNING, true, 7, 3)),
			 CAN_LINK_WARNING);
}

static void
test_FLT_18_interface_that_is_down_or_gone_is_so_whatever_error_frames_said(void **state)
{
	struct can_view v;

	(void)state;
	can_view_init(&v);
	hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_TX_PASSIVE, can_view_word(CAN_LINK_UP, false, 5, 0));
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_DOWN, false, 6, 0)),
			 CAN_LINK_DOWN);
	/* Up again, by somebody else: the controller's state is what it was. */
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_UP, false, 7, 0)),
			 CAN_LINK_PASSIVE);
	assert_int_equal(can_view_link(&v, can_view_word(CAN_LINK_ABSENT, false, 8, 0)),
			 CAN_LINK_ABSENT);
}

static void test_link_is_right_after_the_sequence_has_come_round(void **state)
{
	struct can_view v;

	(void)state;
	can_view_init(&v);
	for (uint32_t seq = 1; seq < 3U * 65536U; seq++) {
		const uint32_t link = (seq / 7U) % CAN_LINKS;

		assert_int_equal(can_view_link(&v, can_view_word(link, true, seq, seq / 1000U)),
				 link);
	}
}

static void test_each_kind_of_error_is_told_once_until_the_controller_recovers(void **state)
{
	const uint32_t word = can_view_word(CAN_LINK_UP, true, 1, 0);
	struct can_view v;
	struct can_error e = {.error_class = 77};

	(void)state;
	can_view_init(&v);
	assert_false(can_view_error(&v, 0, &e));
	assert_int_equal(e.error_class, 77);
	hit(&v, CAN_ERR_ACK, 0, word);
	hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_TX_WARNING, word);
	assert_true(can_view_error(&v, 0, &e));
	assert_int_equal(e.error_class, CAN_ERR_ACK | CAN_ERR_CRTL);
	assert_int_equal(e.ctrl, CAN_ERR_CRTL_TX_WARNING);
	for (int i = 0; i < 1000; i++) {
		hit(&v, CAN_ERR_ACK, 0, word);
		hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_TX_WARNING, word);
		assert_false(can_view_error(&v, 0, &e));
	}
	/* A known class with new details is new. */
	hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_TX_PASSIVE, word);
	assert_true(can_view_error(&v, 0, &e));
	assert_int_equal(e.error_class, CAN_ERR_CRTL);
	assert_int_equal(e.ctrl, CAN_ERR_CRTL_TX_PASSIVE);
	hit(&v, CAN_ERR_CRTL, CAN_ERR_CRTL_ACTIVE, word);
	assert_true(can_view_error(&v, 0, &e));
	assert_int_equal(e.ctrl, CAN_ERR_CRTL_ACTIVE);
	/* After recovery everything is new again. */
	hit(&v, CAN_ERR_ACK, 0, word);
	assert_true(can_view_error(&v, 0, &e));
	assert_int_equal(e.error_class, CAN_ERR_ACK);
}

static void test_each_restart_attempt_is_told_once_with_the_newest_counters(void **state)
{
	const uint32_t word = can_view_word(CAN_LINK_UP, true, 1, 0);
	const struct can_fault counters = {
		.error_class = CAN_ERR_BUSOFF, .counters = true, .tx_err = 248, .rx_err = 7};
	struct can_view v;
	struct can_error e;

	(void)state;
	can_view_init(&v);
	can_view_fault(&v, &counters, word);
	assert_true(can_view_error(&v, 1, &e));
	assert_int_equal(e.restart, 1);
	assert_int_equal(e.tx_err, 248);
	assert_int_equal(e.rx_err, 7);
	assert_false(can_view_error(&v, 1, &e));
	assert_true(can_view_error(&v, 2, &e));
	assert_int_equal(e.restart, 2);
	assert_int_equal(e.error_class, 0);
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test(test_frame_keeps_identifier_length_and_data),
		cmocka_unit_test(test_frame_out_of_range_is_not_encoded),
		cmocka_unit_test(test_only_wanted_standard_data_frames_are_decoded),
		cmocka_unit_test(test_bytes_behind_the_length_are_zero),
		cmocka_unit_test(test_filters_pass_their_identifier_and_nothing_else),
		cmocka_unit_test(test_FLT_24_error_frames_that_flood_are_filtered_by_the_kernel),
		cmocka_unit_test(test_FLT_23_error_frames_are_read),
		cmocka_unit_test(test_link_is_what_the_helper_saw_until_an_error_frame_comes),
		cmocka_unit_test(
			test_error_frame_wins_over_an_older_look_and_loses_against_a_newer_one),
		cmocka_unit_test(test_without_controller_state_error_frames_decide_alone),
		cmocka_unit_test(test_restart_by_the_helper_makes_older_errors_history),
		cmocka_unit_test(
			test_FLT_18_interface_that_is_down_or_gone_is_so_whatever_error_frames_said),
		cmocka_unit_test(test_link_is_right_after_the_sequence_has_come_round),
		cmocka_unit_test(
			test_each_kind_of_error_is_told_once_until_the_controller_recovers),
		cmocka_unit_test(test_each_restart_attempt_is_told_once_with_the_newest_counters),
	};

	return cmocka_run_group_tests(test, NULL, NULL);
}
