/* SPDX-License-Identifier: Apache-2.0 */
/* GPIO lines on chips of the test (fake_gpio.h), for the version of libgpiod that is installed. */
#include "rt/line.h"

#include "base/units.h"
#include "fake_gpio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define ERROR_MAX 256
#define PATH_LEN  64
#define STEPS_MAX 32

/* What stands in /dev: chips, a second name of the first one, and other things. */
static const char *const device_names[] = {"gpiochip0", "gpiochip1", "gpiochip2", "gpiochip3",
					   "gpiochipx", "gpiochip",  "null"};
static char device_dir[] = "/tmp/jkp-gpio-XXXXXX";
static int opendir_error;

static const struct fake_chip chips[FAKE_CHIPS] = {
	{.path = "/dev/gpiochip0", .label = "pinctrl-bcm2835", .lines = 54},
	{.path = "/dev/gpiochip1", .label = "raspberrypi-exp-gpio", .lines = 8},
	{.path = "/dev/gpiochip2", .label = "mcp23017", .lines = 16},
	{.path = "/dev/gpiochip3", .label = "mcp23017", .lines = 16},
	{.path = "/dev/gpiochip4", .label = "pinctrl-bcm2835", .lines = 54}, /* a link */
};

DIR *__real_opendir(const char *name);
DIR *__wrap_opendir(const char *name);

DIR *__wrap_opendir(const char *name)
{
	if (opendir_error != 0) {
		errno = opendir_error;
		return NULL;
	}
	return __real_opendir(strcmp(name, "/dev/") == 0 ? device_dir : name);
}

static void device_path(char *ret_path, const char *name)
{
	(void)snprintf(ret_path, PATH_LEN, "%s/%s", device_dir, name);
}

static int group_setup(void **state)
{
	char path[PATH_LEN];

	(void)state;
	if (mkdtemp(device_dir) == NULL) {
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(device_names); i++) {
		int fd;

		device_path(path, device_names[i]);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 || close(fd) < 0) {
			return -1;
		}
	}
	device_path(path, "gpiochip4");
	return symlink("gpiochip0", path);
}

static int group_teardown(void **state)
{
	char path[PATH_LEN];

	(void)state;
	device_path(path, "gpiochip4");
	(void)unlink(path);
	for (size_t i = 0; i < ARRAY_SIZE(device_names); i++) {
		device_path(path, device_names[i]);
		(void)unlink(path);
	}
	return rmdir(device_dir);
}

static void reset(void)
{
	memset(&fake, 0, sizeof(fake));
	memcpy(fake.chips, chips, sizeof(chips));
	fake.fail_at = FAKE_NEVER;
	fake.level = 1;
	opendir_error = 0;
}

static int setup(void **state)
{
	struct line *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		return -1;
	}
	reset();
	*state = l;
	return 0;
}

static void assert_nothing_is_left(void)
{
	assert_false(fake.held);
	assert_int_equal(fake.chips_open, 0);
	assert_int_equal(fake.objects, 0);
}

static int teardown(void **state)
{
	line_close(*state);
	free(*state);
	assert_nothing_is_left();
	return 0;
}

static void assert_opens(struct line *l, const char *spec, enum line_direction direction)
{
	char error[ERROR_MAX] = "";

	if (line_open(l, spec, direction, error, sizeof(error)) != 0) {
		fail_msg("%s", error);
	}
	assert_true(line_is_open(l));
	assert_int_equal(l->kind, LINE_GPIO);
	assert_true(fake.held);
}

/* Refused with this result, a message that begins with the specification and says the remedy. */
static void assert_refused(struct line *l, const char *spec, int expected, const char *remedy)
{
	char error[ERROR_MAX] = "";

	memset(l, 0x5A, sizeof(*l));
	assert_int_equal(line_open(l, spec, LINE_OUTPUT, error, sizeof(error)), expected);
	assert_false(line_is_open(l));
	assert_memory_equal(error, spec, strlen(spec));
	if (strstr(error, remedy) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", error, remedy);
	}
	assert_string_equal(fake.trace, "");
	assert_nothing_is_left();
}

static void test_output_starts_inactive_at_the_request(void **state)
{
	struct line *l = *state;

	/* It was high: closed by somebody before. One level from the request on. */
	assert_opens(l, "gpiochip0:17", LINE_OUTPUT);
	assert_string_equal(fake.trace, "0");
	assert_true(fake.output);
	assert_false(fake.active_low);
	assert_int_equal(fake.offset, 17);
	assert_ptr_equal(fake.chip, &fake.chips[0]);
	assert_string_equal(fake.consumer, "jkpylon");
	assert_int_equal(fake.calls, 0);
}

static void test_active_low_output_starts_inactive_at_the_request(void **state)
{
	struct line *l = *state;

	fake.level = 0;
	assert_opens(l, "gpiochip0:17:active-low", LINE_OUTPUT);
	assert_string_equal(fake.trace, "1");
	assert_true(fake.active_low);
}

static void test_output_follows(void **state)
{
	struct line *l = *state;

	assert_opens(l, "gpiochip0:17", LINE_OUTPUT);
	assert_int_equal(line_set(l, true), 0);
	assert_int_equal(line_get(l), 1);
	assert_int_equal(line_set(l, false), 0);
	assert_int_equal(line_get(l), 0);
	assert_string_equal(fake.trace, "010");
	assert_int_equal(fake.calls, 4);
}

static void test_active_low_output_follows(void **state)
{
	struct line *l = *state;

	assert_opens(l, "gpiochip0:17:active-low", LINE_OUTPUT);
	assert_int_equal(line_set(l, true), 0);
	assert_int_equal(line_get(l), 1);
	assert_int_equal(line_set(l, false), 0);
	assert_int_equal(line_get(l), 0);
	assert_string_equal(fake.trace, "101");
}

static void test_closing_releases_and_sets_nothing(void **state)
{
	struct line *l = *state;

	assert_opens(l, "gpiochip0:17", LINE_OUTPUT);
	assert_int_equal(line_set(l, true), 0);
	line_close(l);
	assert_nothing_is_left();
	assert_string_equal(fake.trace, "01");
	assert_false(line_is_open(l));
	assert_int_equal(line_set(l, false), -EBADF);
	assert_int_equal(line_get(l), -EBADF);
	line_close(l);
	assert_string_equal(fake.trace, "01");
}

static void test_input(void **state)
{
	struct line *l = *state;

	assert_opens(l, "gpiochip0:4", LINE_INPUT);
	assert_false(fake.output);
	assert_string_equal(fake.trace, "");
	assert_int_equal(line_get(l), 1);
	fake.level = 0;
	assert_int_equal(line_get(l), 0);
	assert_int_equal(line_set(l, true), -EPERM);
	assert_int_equal(fake.calls, 2); /* of reading */
	line_close(l);

	assert_opens(l, "gpiochip0:4:active-low", LINE_INPUT);
	assert_int_equal(line_get(l), 1);
	fake.level = 1;
	assert_int_equal(line_get(l), 0);
}

static void test_chip_by_name_path_and_label(void **state)
{
	static const struct {
		const char *spec;
		size_t chip;
		unsigned int offset;
	} rows[] = {
		{"gpiochip1:0", 1, 0},		{"/dev/gpiochip3:15", 3, 15},
		{"gpiochip4:53", 4, 53},	{"raspberrypi-exp-gpio:7", 1, 7},
		{"pinctrl-bcm2835:017", 0, 17}, /* the link is no second one; decimal */
	};
	struct line *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_opens(l, rows[i].spec, LINE_OUTPUT);
		assert_ptr_equal(fake.chip, &fake.chips[rows[i].chip]);
		assert_int_equal(fake.offset, rows[i].offset);
		line_close(l);
		assert_nothing_is_left();
	}
}

static void test_missing_chips(void **state)
{
	struct line *l = *state;

	assert_refused(l, "gpiochip9:17", -ENOENT, "gpiodetect lists them");
	assert_refused(l, "/dev/gpiochip9:17", -ENOENT, "\"/dev/gpiochip9\"");
	assert_refused(l, "pinctrl:17", -ENOENT, "no GPIO chip \"pinctrl\"");
	assert_refused(l, "gpiochip:17", -ENOENT, "gpiodetect lists them");
	fake.chips[0].open_error = ENOTTY;
	assert_refused(l, "/dev/gpiochip0:17", -ENOENT, "gpiodetect lists them");
	opendir_error = EMFILE;
	assert_refused(l, "pinctrl-bcm2835:17", -EMFILE, strerror(EMFILE));
}

static void test_label_of_two_chips_is_refused(void **state)
{
	assert_refused(*state, "mcp23017:3", -ENOTUNIQ, "several chips");
}

static void test_chip_without_permission(void **state)
{
	struct line *l = *state;

	fake.chips[0].open_error = EACCES;
	assert_refused(l, "gpiochip0:17", -EACCES, "udev rule");
	fake.chips[0].open_error = EPERM;
	assert_refused(l, "gpiochip0:17", -EACCES, "gpio");
	/* the one with this label may be among those that may not be opened */
	assert_refused(l, "pinctrl-bcm2835:17", -EACCES, "permission denied");
	/* but a chip that is found does not depend on the others */
	assert_opens(l, "raspberrypi-exp-gpio:0", LINE_OUTPUT);
}

static void test_line_out_of_range(void **state)
{
	struct line *l = *state;

	assert_refused(l, "gpiochip0:54", -ERANGE, "54 lines");
	assert_refused(l, "gpiochip1:9999", -ERANGE, "8 lines");
	assert_opens(l, "gpiochip0:53", LINE_OUTPUT);
}

static void test_busy_line_names_its_holder(void **state)
{
	struct line *l = *state;

	fake.holder = "gpioset";
	assert_refused(l, "gpiochip0:17", -EBUSY, "in use by \"gpioset\"");
	fake.holder = "";
	assert_refused(l, "gpiochip0:17", -EBUSY, "the kernel or another program");
	fake.holder = NULL;
	assert_opens(l, "gpiochip0:17", LINE_OUTPUT);
}

static void test_request_that_the_kernel_refuses(void **state)
{
	struct line *l = *state;

	fake.request_error = EPERM;
	assert_refused(l, "gpiochip0:17", -EACCES, "does not permit");
	fake.request_error = EIO;
	assert_refused(l, "gpiochip0:17", -EIO, strerror(EIO));
}

static void test_chip_that_disappears_is_an_error(void **state)
{
	struct line *l = *state;

	assert_opens(l, "gpiochip0:17", LINE_OUTPUT);
	fake.set_error = ENODEV;
	fake.get_error = ENODEV;
	assert_int_equal(line_set(l, true), -ENODEV);
	assert_int_equal(line_get(l), -ENODEV);
	fake.set_error = 0;
	fake.get_error = 0;
	assert_int_equal(line_set(l, true), 0);
	assert_int_equal(line_get(l), 1);
}

/* Each call of the library that can fail does so once. */
static void every_step_fails(struct line *l, const char *spec, int error, int expected)
{
	char text[ERROR_MAX];
	int step;

	for (step = 0; step < STEPS_MAX; step++) {
		int result;

		reset();
		fake.fail_at = step;
		fake.fail_errno = error;
		result = line_open(l, spec, LINE_OUTPUT, text, sizeof(text));
		if (result == 0) {
			break;
		}
		assert_int_equal(result, expected);
		assert_false(line_is_open(l));
		assert_string_equal(fake.trace, "");
		assert_nothing_is_left();
	}
	/* chip, line, request at least; and the end is success */
	assert_in_range(step, 3, STEPS_MAX - 1);
	assert_true(fake.held);
	line_close(l);
	assert_nothing_is_left();
}

static void test_every_failure_cleans_up(void **state)
{
	every_step_fails(*state, "gpiochip0:17", ENOMEM, -ENOMEM);
	/* a library that fails without saying why has failed as well */
	every_step_fails(*state, "gpiochip0:17:active-low", 0, -EIO);
}

static void test_emergency(void **state)
{
	struct line *l = *state;
	char error[ERROR_MAX] = "";

	/* the guard lives: nothing happens */
	assert_opens(l, "gpiochip0:17:active-low", LINE_OUTPUT);
	assert_int_equal(line_set(l, true), 0);
	assert_int_equal(line_open_once("gpiochip0:17:active-low", error, sizeof(error)), -EBUSY);
	assert_non_null(strstr(error, "in use"));
	assert_int_equal(fake.level, 0);
	assert_true(fake.held);
	/* it is dead: the kernel has released its line, at whatever level */
	line_close(l);
	assert_int_equal(line_open_once("gpiochip0:17:active-low", error, sizeof(error)), 0);
	assert_string_equal(fake.trace, "101");
	assert_nothing_is_left();
	assert_int_equal(line_open_once("gpiochip0:99", error, sizeof(error)), -ERANGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_output_starts_inactive_at_the_request),
		TEST(test_active_low_output_starts_inactive_at_the_request),
		TEST(test_output_follows),
		TEST(test_active_low_output_follows),
		TEST(test_closing_releases_and_sets_nothing),
		TEST(test_input),
		TEST(test_chip_by_name_path_and_label),
		TEST(test_missing_chips),
		TEST(test_label_of_two_chips_is_refused),
		TEST(test_chip_without_permission),
		TEST(test_line_out_of_range),
		TEST(test_busy_line_names_its_holder),
		TEST(test_request_that_the_kernel_refuses),
		TEST(test_chip_that_disappears_is_an_error),
		TEST(test_every_failure_cleans_up),
		TEST(test_emergency),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
