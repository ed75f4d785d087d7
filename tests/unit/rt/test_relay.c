/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's line as the guard drives it, on a chip of the test (fake_gpio.h). */
#include "rt/relay.h"

#include "fake_gpio.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define ERROR_MAX 256
#define AGAIN	  5 /* calls, of include/rt/relay.h */

static int setup(void **state)
{
	static struct relay relay;
	char error[ERROR_MAX] = "";

	memset(&fake, 0, sizeof(fake));
	fake.chips[0] = (struct fake_chip){.path = "/dev/gpiochip0", .label = "lab", .lines = 54};
	fake.fail_at = FAKE_NEVER;
	*state = &relay;
	return relay_open(&relay, "gpiochip0:17", "none", "none", error, sizeof(error));
}

static int teardown(void **state)
{
	relay_close(*state);
	assert_false(fake.held);
	return 0;
}

static void drive(struct relay *r, bool level, int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(relay_drive(r, level, false), 0);
	}
}

static void test_open_relay_is_written_once(void **state)
{
	struct relay *r = *state;

	drive(r, false, 10 * AGAIN);
	assert_string_equal(fake.trace, "0"); /* the request */
	drive(r, true, 1);
	drive(r, false, 10 * AGAIN);
	assert_string_equal(fake.trace, "010");
}

static void test_closed_relay_is_written_again(void **state)
{
	struct relay *r = *state;

	drive(r, true, AGAIN);
	assert_string_equal(fake.trace, "01");
	drive(r, true, 1);
	assert_string_equal(fake.trace, "011");
	drive(r, true, AGAIN);
	assert_string_equal(fake.trace, "0111");
	drive(r, false, 1);
	assert_string_equal(fake.trace, "01110");
}

static void test_FLT_59_chip_that_goes_away_shows_within_100_ms(void **state)
{
	struct relay *r = *state;
	int calls = 0;

	drive(r, true, 3);
	fake.set_error = ENODEV;
	while (relay_drive(r, true, false) == 0) {
		calls++;
		assert_true(calls < AGAIN);
	}
	/* It is tried until it works, and each time says so. */
	assert_int_equal(relay_drive(r, false, false), -ENODEV);
	assert_int_equal(relay_drive(r, false, false), -ENODEV);
	fake.set_error = 0;
	assert_int_equal(relay_drive(r, false, false), 0);
	assert_string_equal(fake.trace, "010");
}

static void test_pulses_need_no_second_writing(void **state)
{
	struct relay *r = *state;

	for (int i = 0; i < 4; i++) {
		drive(r, i % 2 == 0, AGAIN);
	}
	assert_string_equal(fake.trace, "01010");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_relay_is_written_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_relay_is_written_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_FLT_59_chip_that_goes_away_shows_within_100_ms,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_pulses_need_no_second_writing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
