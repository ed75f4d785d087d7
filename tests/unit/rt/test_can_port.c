/* SPDX-License-Identifier: Apache-2.0 */
/* Front of the CAN port on a backend whose queue the test controls. */
#include "can_backend.h"

#include "base/units.h"
#include "core/telemetry.h"

#include <errno.h>
#include <linux/can/error.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define SENT_MAX 64U
#define SLOT_NS	 (10 * NS_PER_MS)
#define NOW_NS	 (100 * NS_PER_S)

/* What the backend does and has seen. */
static struct {
	int room; /* frames it takes before it answers @refusal */
	int refusal;
	unsigned int calls;
	struct can_frame sent[SENT_MAX];
	unsigned int sent_len;
	struct can_frame next; /* given by every recv */
	unsigned int recvs;
} fake;

static enum can_recv fake_recv(struct can_port *p, struct can_frame *ret_frame,
			       enum can_origin *ret_origin)
{
	p->budget--;
	fake.recvs++;
	*ret_frame = fake.next;
	*ret_origin = CAN_FROM_BUS;
	return CAN_RECV_FRAME;
}

static int fake_send(struct can_port *p, const struct can_frame *f)
{
	(void)p;
	fake.calls++;
	if (fake.room == 0) {
		return fake.refusal;
	}
	fake.room--;
	assert_true(fake.sent_len < SENT_MAX);
	fake.sent[fake.sent_len++] = *f;
	return 0;
}

static const struct can_backend fake_backend = {.recv = fake_recv, .send = fake_send};

static struct can_port port;

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&port, 0, sizeof(port));
	fake.refusal = -EAGAIN;
	port.backend = &fake_backend;
	port.slot_ns = SLOT_NS;
	port.rx_ids[0] = 0x305;
	port.rx_ids_len = 1;
	can_view_init(&port.view);
	atomic_store(&port.word, can_view_word(CAN_LINK_UP, false, 1, 0));
	return 0;
}

static int put(uint16_t id, uint8_t value, int64_t now_ns)
{
	const struct can_msg m = {.id = id, .len = 1, .data = {value}};

	return can_port_write(&port, &m, now_ns);
}

static struct can_stats stats(void)
{
	struct can_stats s;

	can_port_get_stats(&port, &s);
	return s;
}

static void test_frame_leaves_at_once_while_there_is_room(void **state)
{
	(void)state;
	fake.room = 2;
	assert_int_equal(put(0x351, 1, NOW_NS), 0);
	assert_int_equal(put(0x355, 2, NOW_NS), 0);
	assert_int_equal(fake.sent_len, 2);
	assert_int_equal(fake.sent[0].can_id, 0x351);
	assert_int_equal(fake.sent[1].data[0], 2);
	assert_int_equal(stats().tx, 2);
}

static void test_FLT_20_refused_frame_is_kept_and_leaves_within_its_slot(void **state)
{
	(void)state;
	assert_int_equal(put(0x351, 1, NOW_NS), -EAGAIN);
	can_port_service(&port, NOW_NS + 5 * NS_PER_MS);
	assert_int_equal(fake.sent_len, 0);
	fake.room = 1;
	can_port_service(&port, NOW_NS + SLOT_NS - 1);
	assert_int_equal(fake.sent_len, 1);
	assert_int_equal(stats().tx_full, 2);
	assert_int_equal(stats().tx_dropped, 0);
}

static void test_SAF_17_frame_never_leaves_after_its_slot(void **state)
{
	(void)state;
	assert_int_equal(put(0x351, 1, NOW_NS), -EAGAIN);
	fake.room = 10;
	can_port_service(&port, NOW_NS + SLOT_NS);
	assert_int_equal(fake.sent_len, 0);
	assert_int_equal(stats().tx_dropped, 1);
	can_port_service(&port, NOW_NS + 2 * SLOT_NS);
	assert_int_equal(fake.sent_len, 0);
}

static void test_newer_frame_replaces_the_older_one_of_its_identifier(void **state)
{
	(void)state;
	assert_int_equal(put(0x351, 1, NOW_NS), -EAGAIN);
	assert_int_equal(put(0x355, 2, NOW_NS), -EAGAIN);
	assert_int_equal(put(0x351, 3, NOW_NS + 5 * NS_PER_MS), -EAGAIN);
	fake.room = 10;
	/* The newer one has a deadline of its own. */
	can_port_service(&port, NOW_NS + SLOT_NS + 1);
	assert_int_equal(fake.sent_len, 1);
	assert_int_equal(fake.sent[0].can_id, 0x351);
	assert_int_equal(fake.sent[0].data[0], 3);
	assert_int_equal(stats().tx_dropped, 2);
}

static void test_kept_frames_leave_in_order_and_before_newer_ones(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < 4; id++) {
		assert_int_equal(put((uint16_t)(0x100 + id), 0, NOW_NS), -EAGAIN);
	}
	fake.room = 10;
	assert_int_equal(put(0x200, 0, NOW_NS + 1), 0);
	assert_int_equal(fake.sent_len, 5);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(fake.sent[i].can_id, 0x100 + i);
	}
	assert_int_equal(fake.sent[4].can_id, 0x200);
}

static void test_FLT_20_at_most_eight_frames_are_kept(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < CAN_PORT_PENDING_MAX; id++) {
		assert_int_equal(put(id, 0, NOW_NS), -EAGAIN);
	}
	assert_int_equal(put(0x7FF, 0, NOW_NS), -ENOBUFS);
	assert_int_equal(put(0, 9, NOW_NS), -EAGAIN);
	assert_int_equal(stats().tx_dropped, 2);
	fake.room = 100;
	can_port_service(&port, NOW_NS);
	assert_int_equal(fake.sent_len, CAN_PORT_PENDING_MAX);
	assert_int_equal(fake.sent[0].data[0], 9);
}

static void test_FLT_20_full_queue_costs_one_attempt_per_period(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < CAN_PORT_PENDING_MAX; id++) {
		(void)put(id, 0, NOW_NS);
	}
	fake.calls = 0;
	can_port_service(&port, NOW_NS + NS_PER_MS);
	assert_int_equal(fake.calls, 1);
	can_port_service(&port, NOW_NS + SLOT_NS);
	can_port_service(&port, NOW_NS + SLOT_NS + NS_PER_MS);
	assert_int_equal(fake.calls, 1);
}

static void test_FLT_18_nothing_is_kept_while_there_is_no_bus(void **state)
{
	static const int error[] = {-ENETDOWN, -ENODEV};

	for (size_t i = 0; i < ARRAY_SIZE(error); i++) {
		assert_int_equal(setup(state), 0);
		assert_int_equal(put(0x351, 1, NOW_NS), -EAGAIN);
		fake.refusal = error[i];
		assert_int_equal(put(0x355, 2, NOW_NS), error[i]);
		assert_int_equal(stats().tx_dropped, 2);
		fake.room = 10;
		can_port_service(&port, NOW_NS + 1);
		assert_int_equal(fake.sent_len, 0);
	}
}

static void test_SAF_17_flush_forgets_kept_frames(void **state)
{
	(void)state;
	assert_int_equal(put(0x351, 1, NOW_NS), -EAGAIN);
	can_port_flush(&port);
	assert_int_equal(stats().tx_dropped, 1);
	assert_int_equal(stats().flush_refused, 1);
	assert_int_equal(atomic_load(&port.flushes), 0);
	port.manage = true;
	can_port_flush(&port);
	assert_int_equal(stats().flush_refused, 1);
	assert_int_equal(atomic_load(&port.flushes), 1);
	fake.room = 10;
	can_port_service(&port, NOW_NS + 1);
	assert_int_equal(fake.sent_len, 0);
}

/* The core is told which frames did not leave, once, and not those that a newer one replaced. */
static void test_SAF_06_FLT_20_frames_that_did_not_leave_are_reported(void **state)
{
	enum how {
		SLOT_OVER,
		NO_BUS,
		FLUSHED,
		NO_ROOM,
		LEFT_LATE,
		REPLACED,
		SENT_ANEW,
	};
	static const struct {
		enum how how;
		uint32_t lost;
	} rows[] = {
		{SLOT_OVER, 1U << 1 | 1U << 0xC},
		{NO_BUS, 1U << 1 | 1U << 0xC},
		{FLUSHED, 1U << 1 | 1U << 0xC},
		{NO_ROOM, 1U << 9},
		{LEFT_LATE, 0},
		{REPLACED, 1U << 0xC},
		{SENT_ANEW, 1U << 0xC},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		(void)put(0x351, 1, NOW_NS);
		(void)put(0x35C, 1, NOW_NS);
		(void)put(0x305, 1, NOW_NS); /* has no bit */
		assert_int_equal(can_port_lost(&port), 0);
		switch (rows[i].how) {
		case SLOT_OVER:
			can_port_service(&port, NOW_NS + SLOT_NS);
			break;
		case NO_BUS:
			fake.refusal = -ENETDOWN;
			can_port_service(&port, NOW_NS + 1);
			break;
		case FLUSHED:
			can_port_flush(&port);
			break;
		case NO_ROOM:
			for (uint16_t id = 3; id < CAN_PORT_PENDING_MAX; id++) {
				(void)put(id, 0, NOW_NS);
			}
			assert_int_equal(put(0x359, 0, NOW_NS), -ENOBUFS);
			break;
		case LEFT_LATE:
			fake.room = 10;
			can_port_service(&port, NOW_NS + SLOT_NS - 1);
			break;
		case REPLACED:
			(void)put(0x351, 2, NOW_NS + SLOT_NS - 1);
			can_port_service(&port, NOW_NS + SLOT_NS);
			break;
		case SENT_ANEW:
			can_port_service(&port, NOW_NS + SLOT_NS);
			fake.room = 10;
			assert_int_equal(put(0x351, 2, NOW_NS + SLOT_NS), 0);
			break;
		}
		assert_int_equal(can_port_lost(&port), rows[i].lost);
		assert_int_equal(can_port_lost(&port), 0);
	}
}

static void test_invalid_frame_is_refused_and_not_kept(void **state)
{
	const struct can_msg id = {.id = 0x800};
	const struct can_msg len = {.id = 1, .len = 9};

	(void)state;
	assert_int_equal(can_port_write(&port, &id, NOW_NS), -EINVAL);
	assert_int_equal(can_port_write(&port, &len, NOW_NS), -EINVAL);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(port.pending_len, 0);
}

static void test_FLT_24_storm_of_error_frames_takes_bounded_work(void **state)
{
	struct can_rx rx[4];
	struct can_error e;

	(void)state;
	fake.next = (struct can_frame){.can_id = CAN_ERR_FLAG | CAN_ERR_CRTL,
				       .can_dlc = CAN_ERR_DLC,
				       .data = {0, CAN_ERR_CRTL_TX_PASSIVE}};
	assert_int_equal(can_port_read(&port, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(fake.recvs, CAN_PORT_RECV_MAX);
	assert_int_equal(stats().error_frames, CAN_PORT_RECV_MAX);
	assert_int_equal(stats().last_error_class, CAN_ERR_CRTL);
	assert_int_equal(stats().last_error_ctrl, CAN_ERR_CRTL_TX_PASSIVE);
	assert_int_equal(can_port_link(&port), CAN_LINK_PASSIVE);
	assert_true(can_port_error(&port, &e));
	assert_false(can_port_error(&port, &e));
}

static void test_FLT_27_flood_of_foreign_frames_takes_bounded_work(void **state)
{
	struct can_rx rx[4];

	(void)state;
	fake.next = (struct can_frame){.can_id = 0};
	assert_int_equal(can_port_read(&port, rx, ARRAY_SIZE(rx)), 0);
	assert_int_equal(fake.recvs, CAN_PORT_RECV_MAX);
	assert_int_equal(stats().rx, 0);
}

static void test_reader_gets_no_more_than_it_has_room_for(void **state)
{
	struct can_rx rx[5];

	(void)state;
	memset(rx, 0xEE, sizeof(rx));
	fake.next = (struct can_frame){.can_id = 0x305, .can_dlc = 8};
	assert_int_equal(can_port_read(&port, rx, 4), 4);
	assert_int_equal(fake.recvs, 4);
	assert_int_equal(rx[3].msg.id, 0x305);
	assert_int_equal(rx[4].origin, 0xEE);
	assert_int_equal(can_port_read(&port, rx, 0), 0);
	assert_int_equal(fake.recvs, 4);
}

static void test_impossible_settings_are_refused(void **state)
{
	static const uint16_t good[] = {0x305};
	static const uint16_t bad[] = {0x305, 0x800};
	const struct {
		struct can_port_config config;
		int result;
	} row[] = {
		{{"can0", true, 500000, NULL, 1, 10}, -EINVAL},
		{{"can0", true, 500000, good, 0, 10}, -EINVAL},
		{{"can0", true, 500000, good, CAN_PORT_RX_IDS_MAX + 1, 10}, -EINVAL},
		{{"can0", true, 500000, bad, 2, 10}, -EINVAL},
		{{"can0", true, 500000, good, 1, 0}, -EINVAL},
		{{"can0", true, 500000, good, 1, 1001}, -EINVAL},
		{{"can0", true, 0, good, 1, 10}, -EINVAL},
		{{"can0", true, 9999, good, 1, 10}, -EINVAL},
		{{"can0", true, 1000001, good, 1, 10}, -EINVAL},
		{{"", true, 500000, good, 1, 10}, -EINVAL},
		{{"unix:", true, 500000, good, 1, 10}, -EINVAL},
		{{"sixteencharacter", true, 500000, good, 1, 10}, -ENAMETOOLONG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct can_port *p = &port;
		char err[256] = "";
		const int result = can_port_start(&p, &row[i].config, err, sizeof(err));

		if (result != row[i].result || p != &port || strlen(err) < 10) {
			fail_msg("row %zu: %d \"%s\"", i, result, err);
		}
	}
}

static void test_stop_of_nothing_is_harmless(void **state)
{
	(void)state;
	can_port_stop(NULL);
}

#define FAKE_TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest test[] = {
		FAKE_TEST(test_frame_leaves_at_once_while_there_is_room),
		FAKE_TEST(test_FLT_20_refused_frame_is_kept_and_leaves_within_its_slot),
		FAKE_TEST(test_SAF_17_frame_never_leaves_after_its_slot),
		FAKE_TEST(test_SAF_06_FLT_20_frames_that_did_not_leave_are_reported),
		FAKE_TEST(test_newer_frame_replaces_the_older_one_of_its_identifier),
		FAKE_TEST(test_kept_frames_leave_in_order_and_before_newer_ones),
		FAKE_TEST(test_FLT_20_at_most_eight_frames_are_kept),
		FAKE_TEST(test_FLT_20_full_queue_costs_one_attempt_per_period),
		FAKE_TEST(test_FLT_18_nothing_is_kept_while_there_is_no_bus),
		FAKE_TEST(test_SAF_17_flush_forgets_kept_frames),
		FAKE_TEST(test_invalid_frame_is_refused_and_not_kept),
		FAKE_TEST(test_FLT_24_storm_of_error_frames_takes_bounded_work),
		FAKE_TEST(test_FLT_27_flood_of_foreign_frames_takes_bounded_work),
		FAKE_TEST(test_reader_gets_no_more_than_it_has_room_for),
		FAKE_TEST(test_impossible_settings_are_refused),
		cmocka_unit_test(test_stop_of_nothing_is_harmless),
	};

	return cmocka_run_group_tests(test, NULL, NULL);
}
