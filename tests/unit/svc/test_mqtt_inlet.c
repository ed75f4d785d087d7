/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First bytes of the packets that a broker may send: MQTT 3.1.1 (OASIS), 2.2 fixed header, 3.2 CONNACK,
 * 3.3 PUBLISH, 3.4 PUBACK, 3.9 SUBACK, 3.13 PINGRESP. How connections end by it is tested against real
 * sockets, tests/system/test_mqtt.py.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "mqtt_inlet.h"

#define UNTOUCHED 77U

/* Return: what is said of @len bytes; *@ret_size is UNTOUCHED where it has to be. */
static int judge(const char *bytes, size_t len, uint32_t *ret_size)
{
	*ret_size = UNTOUCHED;
	return mqtt_header_check((const uint8_t *)bytes, len, ret_size);
}

static void test_table(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int verdict;
		uint32_t size;
	} rows[] = {
		{"\x20\x02\x00\x00", 4, 0, 4},		  /* CONNACK */
		{"\x20\x03\x00\x00", 4, -EBADMSG, 0},	  /* as MQTT 5 has it */
		{"\x20\xff\xff\xff\x7f", 5, -EBADMSG, 0}, /* no matter how large */
		{"\x21\x02", 2, -EBADMSG, 0},		  /* reserved bit */
		{"\x40\x02\x00\x01", 4, 0, 4},		  /* PUBACK */
		{"\x40\x04\x00\x01", 4, -EBADMSG, 0},
		{"\x90\x03\x00\x01\x01", 5, 0, 5}, /* SUBACK of one topic */
		{"\x90\x04\x00\x01\x01", 5, -EBADMSG, 0},
		{"\xd0\x00", 2, 0, 2}, /* PINGRESP */
		{"\xd0\x01", 2, -EBADMSG, 0},
		{"\x30\x0a\x00\x03", 4, 0, 12}, /* PUBLISH, quality 0 */
		{"\x31\x0a", 2, 0, 12},		/* retained */
		{"\x32\x0a", 2, 0, 12},		/* quality 1 */
		{"\x3b\x0a", 2, 0, 12},		/* a duplicate of it, retained */
		{"\x34\x0a", 2, -EBADMSG, 0},	/* quality 2 */
		{"\x36\x0a", 2, -EBADMSG, 0},	/* no quality */
		{"\x3d\x0a", 2, -EBADMSG, 0},
		{"\x30\x00", 2, 0, 2},			 /* too short: the library says so */
		{"\x30\xfd\x7f", 3, 0, MQTT_PACKET_MAX}, /* the largest */
		{"\x30\xfe\x7f", 3, -EMSGSIZE, MQTT_PACKET_MAX + 1U},
		{"\x32\xff\xff\xff\x7f", 5, -EMSGSIZE, 268435460U},
		{"\x30\xff\xff\xff\xff", 5, -EBADMSG, 0}, /* a length has four bytes at most */
		{"\x30\x80\x80\x80\x80", 5, -EBADMSG, 0},
		{"\x30\x8a\x00", 3, 0, 13},   /* longer than it need be: 10 */
		{"\x50\x02", 2, -EBADMSG, 0}, /* PUBREC, PUBREL, PUBCOMP: no quality 2 */
		{"\x62\x02", 2, -EBADMSG, 0},
		{"\x70\x02", 2, -EBADMSG, 0},
		{"\xb0\x02", 2, -EBADMSG, 0}, /* UNSUBACK: nobody asked */
		{"\x10\x02", 2, -EBADMSG, 0}, /* what clients send */
		{"\x82\x02", 2, -EBADMSG, 0},
		{"\xc0\x00", 2, -EBADMSG, 0},
		{"\xe0\x00", 2, -EBADMSG, 0},
		{"\x00\x00", 2, -EBADMSG, 0}, /* reserved */
		{"\xf0\x00", 2, -EBADMSG, 0},
	};
	uint32_t size;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int r = judge(rows[i].bytes, rows[i].len, &size);

		if (r != rows[i].verdict ||
		    size != (rows[i].size != 0U ? rows[i].size : UNTOUCHED)) {
			fail_msg("row %zu: %d, %u bytes", i, r, size);
		}
	}
}

static void test_every_part_wants_more(void **state)
{
	static const char head[] = "\x30\xff\xff\xff\x7f";
	uint32_t size;

	(void)state;
	for (size_t len = 1; len < sizeof(head) - 1U; len++) {
		assert_int_equal(judge(head, len, &size), -EAGAIN);
		assert_int_equal(size, UNTOUCHED);
	}
	assert_int_equal(judge(head, sizeof(head) - 1U, &size), -EMSGSIZE);
	/* One that is not for us is waited for as well: nothing of it is read meanwhile. */
	assert_int_equal(judge("\xf0", 1, &size), -EAGAIN);
	assert_int_equal(judge("\xf0\x80", 2, &size), -EAGAIN);
}

/* Every kind with every length of two bytes: what passes is small and of a kind that is wanted. */
static void test_whatever_passes_is_bounded(void **state)
{
	uint32_t passed = 0;

	(void)state;
	for (uint32_t kind = 0; kind <= UINT8_MAX; kind++) {
		for (uint32_t low = 0; low <= UINT8_MAX; low++) {
			for (uint32_t high = 0; high <= UINT8_MAX; high++) {
				const uint8_t head[] = {(uint8_t)kind, (uint8_t)low, (uint8_t)high};
				uint32_t size = UNTOUCHED;
				const int r = mqtt_header_check(head, sizeof(head), &size);
				const bool publish = kind >> 4U == 3U && (kind & 4U) == 0U;
				const uint32_t length = low < 0x80U ? low
								    : (low & 0x7FU) | (high & 0x7FU)
											      << 7U;

				if (r == 0) {
					passed++;
					assert_true(size <= MQTT_PACKET_MAX);
					assert_int_equal(size, length + (low < 0x80U ? 2U : 3U));
					assert_true(publish || kind == 0x20U || kind == 0x40U ||
						    kind == 0x90U || kind == 0xD0U);
				}
			}
		}
	}
	/* 8 kinds of PUBLISH: 128 short lengths, each with any byte behind, and 128 x 128 less two. */
	assert_true(passed >= 8U * (128U * 256U + 128U * 128U - 2U));
}

/* 2.0 alone reads and tells packet by packet. */
static void test_only_the_library_that_can_be_watched(void **state)
{
	(void)state;
	assert_true(mqtt_inlet_fits(2, 0));
	assert_false(mqtt_inlet_fits(2, 1));
	assert_false(mqtt_inlet_fits(2, 2));
	assert_false(mqtt_inlet_fits(3, 0));
	assert_false(mqtt_inlet_fits(1, 6));
	assert_false(mqtt_inlet_fits(0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_every_part_wants_more),
		cmocka_unit_test(test_whatever_passes_is_bounded),
		cmocka_unit_test(test_only_the_library_that_can_be_watched),
	};

	return cmocka_run_group_tests_name("svc/mqtt_inlet", tests, NULL, NULL);
}
