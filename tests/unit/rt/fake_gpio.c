/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's side of the GPIO chips of the test. */
#include "fake_gpio.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct fake_gpio fake;

static int refuse(int error)
{
	errno = error;
	return -1;
}

bool fake_fails(void)
{
	if (fake.fail_at-- != 0) {
		return false;
	}
	errno = fake.fail_errno;
	return true;
}

const struct fake_chip *fake_find(const char *path)
{
	for (size_t i = 0; i < FAKE_CHIPS && fake.chips[i].path != NULL; i++) {
		if (strcmp(fake.chips[i].path, path) == 0) {
			errno = fake.chips[i].open_error;
			return errno != 0 ? NULL : &fake.chips[i];
		}
	}
	errno = ENOENT;
	return NULL;
}

static void see(int level)
{
	const size_t n = strlen(fake.trace);

	assert_true(n + 1 < sizeof(fake.trace));
	fake.trace[n] = level != 0 ? '1' : '0';
	fake.level = level;
}

int fake_request(const struct fake_chip *chip, unsigned int offset, bool output, bool active_low,
		 bool value, const char *consumer)
{
	assert_true(offset < chip->lines);
	if (fake.request_error != 0) {
		return refuse(fake.request_error);
	}
	if (fake.held || fake.holder != NULL) {
		return refuse(EBUSY);
	}
	fake.held = true;
	fake.output = output;
	fake.active_low = active_low;
	fake.offset = offset;
	fake.chip = chip;
	(void)snprintf(fake.consumer, sizeof(fake.consumer), "%s", consumer);
	if (output) {
		see(value != active_low);
	}
	return 0;
}

void fake_release(void)
{
	assert_true(fake.held);
	fake.held = false;
}

int fake_set(bool active)
{
	fake.calls++;
	assert_true(fake.held);
	if (fake.set_error != 0) {
		return refuse(fake.set_error);
	}
	if (!fake.output) {
		return refuse(EPERM);
	}
	see(active != fake.active_low);
	return 0;
}

int fake_get(void)
{
	fake.calls++;
	assert_true(fake.held);
	if (fake.get_error != 0) {
		return refuse(fake.get_error);
	}
	return (fake.level != 0) != fake.active_low ? 1 : 0;
}
