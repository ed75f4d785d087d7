/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware watchdog on a device of the test: the linker puts the functions below in the place
 * of the system calls (--wrap). It starts when it is opened and behaves like watchdog_dev.c of the
 * kernel.
 */
#include "rt/watchdog.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define PATH	  "/dev/null" /* a device that every machine has: its place is taken */
#define TIMEOUT	  20
#define ERROR_MAX 256
#define USUAL	  (WDIOF_SETTIMEOUT | WDIOF_MAGICCLOSE | WDIOF_KEEPALIVEPING)

static struct {
	/* what it is */
	uint32_t options;
	const char *identity;
	int timeout;
	int timeout_max;
	int pretimeout;
	int boot_status;
	const char *nowayout; /* text of the file in sysfs; NULL = no such file */
	/* faults: errno values */
	int open_error;
	int support_error;
	int set_timeout_error;
	int get_timeout_error;
	int pretimeout_error;
	int boot_error;
	int feed_error;
	int write_error;
	/* what became of it */
	int fd;
	bool running;
	bool expects_close;
	uint32_t opens;
	uint32_t feeds;
	uint32_t calls; /* ioctl and write on the device */
	uint32_t letters;
} device;

static struct watchdog w;
static char error[ERROR_MAX];

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_ioctl(int fd, unsigned long request, ...);

static int answer(int value)
{
	errno = value;
	return value != 0 ? -1 : 0;
}

static int open_nowayout(void)
{
	int ends[2];

	if (device.nowayout == NULL) {
		return answer(ENOENT);
	}
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(__real_write(ends[1], device.nowayout, strlen(device.nowayout)),
			 strlen(device.nowayout));
	assert_int_equal(__real_close(ends[1]), 0);
	return ends[0];
}

int __wrap_open(const char *path, int flags, ...)
{
	if (strstr(path, "/nowayout") != NULL) {
		/* by the device's number, so a link may have any name */
		assert_string_equal(path, "/sys/dev/char/1:3/nowayout");
		return open_nowayout();
	}
	assert_string_equal(path, PATH);
	assert_int_equal(flags, O_WRONLY | O_CLOEXEC);
	if (device.open_error != 0) {
		return answer(device.open_error);
	}
	device.fd = __real_open(path, flags);
	device.opens++;
	device.running = true;
	return device.fd;
}

int __wrap_close(int fd)
{
	if (fd == device.fd) {
		if (device.expects_close || (device.options & WDIOF_MAGICCLOSE) == 0) {
			device.running = false;
		}
		device.fd = -1;
	}
	return __real_close(fd);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (fd != device.fd) {
		return __real_write(fd, data, len);
	}
	device.calls++;
	device.letters++;
	if (device.write_error != 0) {
		return answer(device.write_error);
	}
	device.expects_close = len == 1 && *(const char *)data == 'V' &&
			       (device.nowayout == NULL || device.nowayout[0] == '0');
	return (ssize_t)len;
}

static int get_support(struct watchdog_info *info)
{
	const size_t len = strlen(device.identity);

	memset(info, 0, sizeof(*info));
	info->options = device.options;
	/* the kernel's text need not end with a NUL */
	memcpy(info->identity, device.identity,
	       len < sizeof(info->identity) ? len : sizeof(info->identity));
	return answer(device.support_error);
}

static int set_timeout(int *value)
{
	if ((device.options & WDIOF_SETTIMEOUT) == 0) {
		return answer(EOPNOTSUPP);
	}
	if (device.set_timeout_error != 0) {
		return answer(device.set_timeout_error);
	}
	if (*value < 1 || *value > device.timeout_max) {
		return answer(EINVAL);
	}
	device.timeout = *value;
	return 0;
}

static int set_pretimeout(const int *value)
{
	assert_true((device.options & WDIOF_PRETIMEOUT) != 0);
	if (device.pretimeout_error != 0) {
		return answer(device.pretimeout_error);
	}
	assert_in_range(*value, 1, device.timeout - 1);
	device.pretimeout = *value;
	return 0;
}

static int get(int *ret_value, int value, int fault)
{
	if (fault == 0) {
		*ret_value = value;
	}
	return answer(fault);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	assert_int_equal(fd, device.fd);
	device.calls++;
	device.expects_close = false;
	if (request == WDIOC_KEEPALIVE) {
		device.feeds++;
		return answer(device.feed_error);
	}
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case WDIOC_GETSUPPORT:
		return get_support(arg);
	case WDIOC_SETTIMEOUT:
		return set_timeout(arg);
	case WDIOC_GETTIMEOUT:
		return get(arg, device.timeout, device.get_timeout_error);
	case WDIOC_SETPRETIMEOUT:
		return set_pretimeout(arg);
	case WDIOC_GETPRETIMEOUT:
		return get(arg, device.pretimeout, device.pretimeout_error);
	case WDIOC_GETBOOTSTATUS:
		return get(arg, device.boot_status, device.boot_error);
	default:
		fail_msg("unknown request %lx", request);
		return answer(ENOTTY);
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	device.options = USUAL;
	device.identity = "Test";
	device.timeout = 60;
	device.timeout_max = 60;
	device.nowayout = "0\n";
	device.fd = -1;
	memset(&w, 0x5A, sizeof(w));
	memset(error, 0, sizeof(error));
	return 0;
}

static int open_device(void)
{
	return watchdog_open(&w, PATH, TIMEOUT, error, sizeof(error));
}

static void assert_open(void)
{
	const int result = open_device();

	if (result != 0) {
		fail_msg("%s", error);
	}
	assert_true(w.fd >= 0);
	assert_true(device.running);
}

/* Refused, with the path and the remedy, and nothing open. */
static void assert_refused(int expected, const char *remedy)
{
	assert_int_equal(open_device(), expected);
	assert_memory_equal(error, PATH ": ", strlen(PATH ": "));
	if (strstr(error, remedy) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", error, remedy);
	}
	assert_int_equal(w.fd, -1);
	assert_int_equal(device.fd, -1);
	assert_int_equal(watchdog_feed(&w), 0);
	assert_true(watchdog_close(&w, true));
}

static void test_none_is_no_device(void **state)
{
	(void)state;
	assert_int_equal(watchdog_open(&w, "none", TIMEOUT, error, sizeof(error)), 0);
	assert_int_equal(w.fd, -1);
	assert_int_equal(w.timeout_s, 0);
	assert_int_equal(watchdog_feed(&w), 0);
	assert_true(watchdog_close(&w, true));
	assert_true(watchdog_close(&w, false));
	assert_int_equal(device.opens, 0);
	assert_int_equal(device.calls, 0);
}

static void test_opens_and_says_what_it_is(void **state)
{
	(void)state;
	device.boot_status = WDIOF_CARDRESET;
	assert_open();
	assert_int_equal(w.timeout_s, TIMEOUT);
	assert_int_equal(device.timeout, TIMEOUT);
	assert_int_equal(w.pretimeout_s, 0);
	assert_true(w.magic);
	assert_false(w.nowayout);
	assert_int_equal(w.boot_status, WDIOF_CARDRESET);
	assert_string_equal(w.identity, "Test");
	assert_int_equal(device.feeds, 1);
	assert_true(watchdog_close(&w, true));
	assert_false(device.running);
}

static void test_identity_of_full_length(void **state)
{
	(void)state;
	device.identity = "0123456789abcdef0123456789abcdefX";
	assert_open();
	assert_string_equal(w.identity, "0123456789abcdef0123456789abcdef");
	assert_true(watchdog_close(&w, true));
}

static void test_feeding_is_one_call(void **state)
{
	(void)state;
	assert_open();
	device.calls = 0;
	device.feeds = 0;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(watchdog_feed(&w), 0);
		assert_int_equal(device.feeds, i);
		assert_int_equal(device.calls, i);
	}
	device.feed_error = EIO;
	assert_int_equal(watchdog_feed(&w), -EIO);
	assert_int_equal(device.calls, 4);
	assert_true(watchdog_close(&w, true));
}

static void test_device_that_cannot_be_opened(void **state)
{
	static const struct {
		int error;
		int expected;
		const char *remedy;
	} rows[] = {
		{EBUSY, -EBUSY, "RuntimeWatchdogSec=0 or failsafe.watchdog=none"},
		{EACCES, -EACCES, "udev rule"},
		{EPERM, -EACCES, "udev rule"},
		{ENODEV, -ENOENT, "load its driver"},
		{EIO, -EIO, "Input/output error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		device.open_error = rows[i].error;
		assert_refused(rows[i].expected, rows[i].remedy);
		assert_false(device.running);
	}
}

static void test_what_is_no_device_is_not_opened(void **state)
{
	char path[] = "/tmp/jkp-watchdog-XXXXXX";
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(watchdog_open(&w, path, TIMEOUT, error, sizeof(error)), -ENOTTY);
	assert_non_null(strstr(error, "not a watchdog"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(watchdog_open(&w, path, TIMEOUT, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "wdctl"));
	assert_int_equal(watchdog_open(&w, PATH, 1, error, sizeof(error)), -EINVAL);
	assert_int_equal(device.opens, 0);
}

static void test_other_device_gets_no_letter(void **state)
{
	(void)state;
	device.support_error = ENOTTY;
	assert_refused(-ENOTTY, "not a watchdog");
	assert_int_equal(device.letters, 0);
}

static void test_device_that_offers_less(void **state)
{
	(void)state;
	/* that of a Raspberry Pi */
	device.timeout = 15;
	device.timeout_max = 15;
	assert_open();
	assert_int_equal(w.timeout_s, 15);
	assert_int_equal(device.timeout, 15);
	assert_true(watchdog_close(&w, true));
}

static void test_device_with_a_fixed_timeout(void **state)
{
	(void)state;
	device.options &= ~(uint32_t)WDIOF_SETTIMEOUT;
	device.timeout = 2;
	assert_open();
	assert_int_equal(w.timeout_s, 2);
	assert_true(watchdog_close(&w, true));
}

static void test_timeout_that_does_not_fit(void **state)
{
	static const int timeouts[] = {TIMEOUT + 1, 60, 1, 0, -5};
	char said[32];

	(void)state;
	device.set_timeout_error = EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		device.timeout = timeouts[i];
		(void)snprintf(said, sizeof(said), "a timeout of %d s and takes", timeouts[i]);
		assert_refused(-ERANGE, said);
		/* it was running since it was opened */
		assert_int_equal(device.opens, i + 1);
		assert_false(device.running);
	}
}

static void test_every_failure_after_opening_stops_the_device(void **state)
{
	(void)state;
	device.support_error = EIO;
	assert_refused(-EIO, "cannot be used");
	assert_false(device.running);
	device.support_error = 0;
	device.get_timeout_error = EOPNOTSUPP;
	assert_refused(-ERANGE, "does not tell its timeout");
	assert_false(device.running);
	device.get_timeout_error = 0;
	device.feed_error = EOPNOTSUPP;
	assert_refused(-EOPNOTSUPP, "cannot be fed");
	assert_false(device.running);
	device.feed_error = ENOTTY;
	assert_refused(-EOPNOTSUPP, "cannot be fed");
	assert_false(device.running);
	assert_int_equal(device.opens, 4);
}

static void test_pretimeout(void **state)
{
	(void)state;
	device.options |= WDIOF_PRETIMEOUT;
	assert_open();
	assert_int_equal(w.pretimeout_s, TIMEOUT / 4);
	assert_int_equal(device.pretimeout, TIMEOUT / 4);
	assert_true(watchdog_close(&w, true));
	/* the shortest timeout has room for one */
	device.timeout = 2;
	device.set_timeout_error = EINVAL;
	assert_open();
	assert_int_equal(w.pretimeout_s, 1);
	assert_true(watchdog_close(&w, true));
	/* refused: no error */
	device.pretimeout_error = EINVAL;
	assert_open();
	assert_int_equal(w.pretimeout_s, 0);
	assert_true(watchdog_close(&w, true));
}

static void test_unknown_boot_status(void **state)
{
	(void)state;
	device.boot_status = WDIOF_UNKNOWN;
	assert_open();
	assert_int_equal(w.boot_status, 0);
	assert_true(watchdog_close(&w, true));
	device.boot_status = WDIOF_OVERHEAT;
	device.boot_error = EOPNOTSUPP;
	assert_open();
	assert_int_equal(w.boot_status, 0);
	assert_true(watchdog_close(&w, true));
}

static void test_nowayout_does_not_stop(void **state)
{
	(void)state;
	device.nowayout = "1\n";
	assert_open();
	assert_true(w.nowayout);
	assert_false(watchdog_close(&w, true));
	assert_true(device.running);
	assert_int_equal(device.fd, -1);
}

static void test_unknown_nowayout_counts_as_none(void **state)
{
	(void)state;
	device.nowayout = NULL;
	assert_open();
	assert_false(w.nowayout);
	assert_true(watchdog_close(&w, true));
	device.nowayout = "";
	assert_open();
	assert_false(w.nowayout);
	(void)watchdog_close(&w, true);
}

static void test_without_magic_close_nothing_is_promised(void **state)
{
	(void)state;
	device.options &= ~(uint32_t)WDIOF_MAGICCLOSE;
	assert_open();
	assert_false(w.magic);
	assert_false(watchdog_close(&w, true));
	assert_int_equal(device.letters, 0);
}

static void test_letter_that_is_not_taken(void **state)
{
	(void)state;
	assert_open();
	device.write_error = EIO;
	assert_false(watchdog_close(&w, true));
	assert_int_equal(device.letters, 1);
	assert_true(device.running);
	assert_int_equal(w.fd, -1);
}

static void test_disorderly_close_lets_it_run(void **state)
{
	(void)state;
	assert_open();
	assert_false(watchdog_close(&w, false));
	assert_true(device.running);
	assert_int_equal(device.letters, 0);
	assert_int_equal(w.fd, -1);
	/* a second time there is nothing to close */
	assert_true(watchdog_close(&w, false));
}

static void test_boot_text(void **state)
{
	char text[WATCHDOG_TEXT_MAX];
	char small[12];

	(void)state;
	assert_string_equal(watchdog_boot_text(0, text, sizeof(text)), "");
	assert_string_equal(watchdog_boot_text(WDIOF_CARDRESET, text, sizeof(text)),
			    "reset by the watchdog");
	assert_string_equal(
		watchdog_boot_text(WDIOF_OVERHEAT | WDIOF_CARDRESET, text, sizeof(text)),
		"reset by the watchdog, overheated");
	assert_string_equal(watchdog_boot_text(WDIOF_KEEPALIVEPING, text, sizeof(text)), "");
	assert_string_equal(watchdog_boot_text(UINT32_MAX, text, sizeof(text)),
			    "reset by the watchdog, overheated, a fan failed, supply voltage too "
			    "low, supply voltage too high, external relay 1, external relay 2");
	memset(small, 'x', sizeof(small));
	assert_ptr_equal(watchdog_boot_text(UINT32_MAX, small, 10), small);
	assert_string_equal(small, "reset by ");
	assert_int_equal(small[10], 'x');
}

static void test_message_fits_its_place(void **state)
{
	char small[12];

	(void)state;
	memset(small, 'x', sizeof(small));
	device.open_error = EBUSY;
	assert_int_equal(watchdog_open(&w, PATH, TIMEOUT, small, 5), -EBUSY);
	assert_string_equal(small, "/dev");
	assert_int_equal(small[5], 'x');
	assert_int_equal(watchdog_open(&w, PATH, TIMEOUT, NULL, 0), -EBUSY);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_none_is_no_device),
		TEST(test_opens_and_says_what_it_is),
		TEST(test_identity_of_full_length),
		TEST(test_feeding_is_one_call),
		TEST(test_device_that_cannot_be_opened),
		TEST(test_what_is_no_device_is_not_opened),
		TEST(test_other_device_gets_no_letter),
		TEST(test_device_that_offers_less),
		TEST(test_device_with_a_fixed_timeout),
		TEST(test_timeout_that_does_not_fit),
		TEST(test_every_failure_after_opening_stops_the_device),
		TEST(test_pretimeout),
		TEST(test_unknown_boot_status),
		TEST(test_nowayout_does_not_stop),
		TEST(test_unknown_nowayout_counts_as_none),
		TEST(test_without_magic_close_nothing_is_promised),
		TEST(test_letter_that_is_not_taken),
		TEST(test_disorderly_close_lets_it_run),
		TEST(test_boot_text),
		TEST(test_message_fits_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
