/* SPDX-License-Identifier: Apache-2.0 */
/* Digital lines: what a specification may be, and files as lines. GPIO: test_line_gpio.c. */
#include "rt/line.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define NOBODY	    65534
#define ERROR_MAX   256
#define PATH_LEN    128
#define CONTENT_MAX 32

struct bench {
	char dir[PATH_LEN / 2];
	char path[PATH_LEN];
	char spec[PATH_LEN + 8];
	char error[ERROR_MAX];
	struct line line;
};

/* Faults of the system, and what was called. */
static struct {
	int open_error;
	int pwrite_error;
	bool pwrite_short;
	uint32_t pwrites;
} sys;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (sys.open_error != 0) {
		errno = sys.open_error;
		return -1;
	}
	if ((flags & O_CREAT) != 0) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return __real_open(path, flags, mode);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	sys.pwrites++;
	if (sys.pwrite_error != 0) {
		errno = sys.pwrite_error;
		return -1;
	}
	return sys.pwrite_short ? 0 : __real_pwrite(fd, data, len, offset);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		return -1;
	}
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/jkp-line-XXXXXX");
	if (mkdtemp(b->dir) == NULL || chmod(b->dir, 0777) < 0) {
		free(b);
		return -1;
	}
	(void)snprintf(b->path, sizeof(b->path), "%s/relay", b->dir);
	(void)snprintf(b->spec, sizeof(b->spec), "file:%s", b->path);
	memset(&sys, 0, sizeof(sys));
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	int result;

	line_close(&b->line);
	(void)unlink(b->path);
	result = rmdir(b->dir);
	free(b);
	return result;
}

static void put(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_content(const char *path, const char *expected)
{
	char content[CONTENT_MAX] = "";
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	content[fread(content, 1, sizeof(content) - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
	assert_string_equal(content, expected);
}

static int open_line(struct bench *b, enum line_direction direction)
{
	memset(b->error, 0, sizeof(b->error));
	return line_open(&b->line, b->spec, direction, b->error, sizeof(b->error));
}

/* The message begins with the specification and contains the remedy. */
static void assert_says(const struct bench *b, const char *remedy)
{
	assert_memory_equal(b->error, b->spec, strlen(b->spec));
	if (strstr(b->error, remedy) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", b->error, remedy);
	}
}

/* Leave this path as it was found: no file made, nothing held. */
static void assert_refused(struct bench *b, const char *spec, int expected)
{
	memset(&b->line, 0x5A, sizeof(b->line));
	assert_int_equal(line_open(&b->line, spec, LINE_OUTPUT, b->error, sizeof(b->error)),
			 expected);
	assert_false(line_is_open(&b->line));
	assert_memory_equal(b->error, spec, strlen(spec));
}

static void test_malformed_specifications_are_refused(void **state)
{
	static const char *const specs[] = {
		"",
		"gpiochip0",
		"gpiochip0:",
		":17",
		"0:17",
		"12:17",
		"gpiochip0:-1",
		"gpiochip0:+1",
		"gpiochip0: 1",
		"gpiochip0:1 ",
		"gpiochip0:0x11",
		"gpiochip0:12345",
		"gpiochip0:17:",
		"gpiochip0:17:active-high",
		"gpiochip0:17:active-low:",
		"gpiochip0:17:active-lo",
		"gpiochip0:17active-low",
		"/dev/:17",
		"/dev/gpiochip0",
		"file:",
		"file:relay",
		"file:/",
		"file:/tmp/",
		"NONE",
		"none:1:",
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		assert_refused(b, specs[i], -EINVAL);
		assert_non_null(strstr(b->error, "for example gpiochip0:17"));
	}
}

static void test_chip_name_longer_than_its_place_is_refused(void **state)
{
	struct bench *b = *state;
	char spec[400];

	memset(spec, 'a', sizeof(spec));
	memcpy(spec + 256, ":1", 3);
	assert_int_equal(line_open(&b->line, spec, LINE_OUTPUT, b->error, sizeof(b->error)),
			 -EINVAL);
	assert_int_equal(strlen(b->error), ERROR_MAX - 1);
}

static void test_none_takes_everything(void **state)
{
	struct bench *b = *state;

	assert_int_equal(line_open(&b->line, "none", LINE_OUTPUT, b->error, ERROR_MAX), 0);
	assert_true(line_is_open(&b->line));
	assert_int_equal(b->line.kind, LINE_NONE);
	assert_int_equal(line_set(&b->line, true), 0);
	assert_int_equal(line_get(&b->line), 0);
	line_close(&b->line);
	assert_false(line_is_open(&b->line));
	assert_int_equal(line_open_once("none", b->error, ERROR_MAX), 0);
}

static void test_closed_and_zeroed_lines_are_safe(void **state)
{
	struct line l;

	(void)state;
	memset(&l, 0, sizeof(l));
	assert_false(line_is_open(&l));
	assert_int_equal(line_set(&l, true), -EBADF);
	assert_int_equal(line_get(&l), -EBADF);
	line_close(&l);
	line_close(&l);
	assert_int_equal(line_set(&l, false), -EBADF);
	/* descriptor 0 of zeroed storage is not ours */
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
}

static void test_output_file_is_made(void **state)
{
	struct bench *b = *state;
	const mode_t mask = umask(022);
	struct stat st;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	(void)umask(mask);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777U, 0644);
	assert_content(b->path, "0");
}

static void test_output_file_starts_inactive_whatever_it_was(void **state)
{
	static const char *const before[] = {"1", "1\n", "0\n", "", "255\n", "on"};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		put(b->path, before[i]);
		assert_int_equal(open_line(b, LINE_OUTPUT), 0);
		assert_content(b->path, "0");
		line_close(&b->line);
	}
}

static void test_output_file_follows(void **state)
{
	struct bench *b = *state;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(b->line.kind, LINE_FILE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(line_set(&b->line, true), 0);
		assert_content(b->path, "1");
		assert_int_equal(line_get(&b->line), 1);
		assert_int_equal(line_set(&b->line, false), 0);
		assert_content(b->path, "0");
		assert_int_equal(line_get(&b->line), 0);
	}
}

static void test_setting_is_one_call(void **state)
{
	struct bench *b = *state;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	sys.pwrites = 0;
	assert_int_equal(line_set(&b->line, true), 0);
	assert_int_equal(sys.pwrites, 1);
}

static void test_closing_changes_no_level(void **state)
{
	struct bench *b = *state;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(line_set(&b->line, true), 0);
	line_close(&b->line);
	line_close(&b->line);
	assert_content(b->path, "1");
	assert_int_equal(line_set(&b->line, false), -EBADF);
	assert_content(b->path, "1");
}

static void test_second_output_is_refused(void **state)
{
	struct bench *b = *state;
	struct line second;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(line_set(&b->line, true), 0);
	assert_int_equal(line_open(&second, b->spec, LINE_OUTPUT, b->error, ERROR_MAX), -EBUSY);
	assert_says(b, "second jkpylond");
	assert_false(line_is_open(&second));
	/* and the first one is not disturbed */
	assert_content(b->path, "1");
	assert_int_equal(line_set(&b->line, true), 0);
	line_close(&b->line);
	assert_int_equal(line_open(&second, b->spec, LINE_OUTPUT, b->error, ERROR_MAX), 0);
	line_close(&second);
}

static void test_descriptor_does_not_reach_other_programs(void **state)
{
	struct bench *b = *state;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(fcntl(b->line.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_input_file_is_read_each_time(void **state)
{
	static const struct {
		const char *content;
		int expected;
	} rows[] = {
		{"1", 1},	  {"0", 0},	    {"1\n", 1},
		{"0\n", 0},	  {"", -EBADMSG},   {"2", -EBADMSG},
		{"\n", -EBADMSG}, {" 1", -EBADMSG}, {"on", -EBADMSG},
	};
	struct bench *b = *state;

	put(b->path, "1");
	assert_int_equal(open_line(b, LINE_INPUT), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(b->path, rows[i].content);
		assert_int_equal(line_get(&b->line), rows[i].expected);
		assert_content(b->path, rows[i].content);
	}
	assert_int_equal(line_set(&b->line, true), -EPERM);
	assert_int_equal(sys.pwrites, 0);
}

static void test_input_may_watch_an_output(void **state)
{
	struct bench *b = *state;
	struct line input;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(line_open(&input, b->spec, LINE_INPUT, b->error, ERROR_MAX), 0);
	assert_int_equal(line_get(&input), 0);
	assert_int_equal(line_set(&b->line, true), 0);
	assert_int_equal(line_get(&input), 1);
	line_close(&input);
}

static void test_deleted_file_is_noticed_by_reading(void **state)
{
	struct bench *b = *state;
	char other[PATH_LEN + 8];

	put(b->path, "1");
	assert_int_equal(open_line(b, LINE_INPUT), 0);
	assert_int_equal(line_get(&b->line), 1);
	/* replaced, as an editor does it */
	(void)snprintf(other, sizeof(other), "%s.new", b->path);
	put(other, "0");
	assert_int_equal(rename(other, b->path), 0);
	assert_int_equal(line_get(&b->line), -ENODEV);
	line_close(&b->line);

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(line_get(&b->line), -ENODEV);
}

static void test_device_that_disappears_is_an_error(void **state)
{
	struct bench *b = *state;

	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	sys.pwrite_error = ENODEV;
	assert_int_equal(line_set(&b->line, true), -ENODEV);
	sys.pwrite_error = 0;
	sys.pwrite_short = true;
	assert_int_equal(line_set(&b->line, true), -EIO);
	sys.pwrite_short = false;
	assert_int_equal(line_set(&b->line, true), 0);
}

static void test_failure_to_set_at_open_leaves_nothing_behind(void **state)
{
	static const struct {
		int error;
		int expected;
		const char *remedy;
	} rows[] = {
		{EINVAL, -EINVAL, "takes 0 and 1"},
		{EIO, -EIO, "Input/output error"},
		{ENODEV, -ENODEV, "check the device"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sys.pwrite_error = rows[i].error;
		assert_int_equal(open_line(b, LINE_OUTPUT), rows[i].expected);
		assert_says(b, rows[i].remedy);
		assert_false(line_is_open(&b->line));
		sys.pwrite_error = 0;
		/* the lock went with the descriptor */
		assert_int_equal(open_line(b, LINE_OUTPUT), 0);
		line_close(&b->line);
	}
}

static void test_missing_files(void **state)
{
	struct bench *b = *state;
	char spec[PATH_LEN + 16];

	assert_int_equal(open_line(b, LINE_INPUT), -ENOENT);
	assert_says(b, "/sys/class/leds");
	assert_int_equal(access(b->path, F_OK), -1);
	(void)snprintf(spec, sizeof(spec), "file:%s/no/relay", b->dir);
	assert_refused(b, spec, -ENOENT);
	put(b->path, "1");
	(void)snprintf(spec, sizeof(spec), "file:%s/relay", b->path);
	assert_refused(b, spec, -ENOENT);
	assert_content(b->path, "1");
}

static void test_nothing_is_made_where_drivers_bring_files(void **state)
{
	static const char *const specs[] = {
		"file:/dev/jkpylon-no-such-file",
		"file:/sys/jkpylon-no-such-file",
		"file:/proc/jkpylon-no-such-file",
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		assert_refused(b, specs[i], -ENOENT);
		assert_int_equal(access(specs[i] + strlen("file:"), F_OK), -1);
	}
}

static void test_only_plain_files(void **state)
{
	struct bench *b = *state;
	char spec[PATH_LEN];

	assert_refused(b, "file:/dev/null", -EINVAL);
	(void)snprintf(spec, sizeof(spec), "file:%s", b->dir);
	assert_refused(b, spec, -EINVAL);
	assert_non_null(strstr(b->error, "an LED's brightness"));
	/* opening a FIFO that nobody reads would wait */
	assert_int_equal(mkfifo(b->path, 0666), 0);
	assert_refused(b, b->spec, -EINVAL);
	assert_int_equal(open_line(b, LINE_INPUT), -EINVAL);
}

static void test_read_only(void **state)
{
	struct bench *b = *state;
	int status = 0;
	pid_t pid;

	put(b->path, "1");
	assert_int_equal(chmod(b->path, 0444), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0) {
			_exit(3);
		}
		if (open_line(b, LINE_OUTPUT) != -EACCES ||
		    strstr(b->error, "permission denied") == NULL) {
			_exit(1);
		}
		/* to read is allowed */
		_exit(open_line(b, LINE_INPUT) == 0 && line_get(&b->line) == 1 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_content(b->path, "1");

	sys.open_error = EROFS;
	assert_int_equal(open_line(b, LINE_OUTPUT), -EROFS);
	assert_says(b, "ReadWritePaths=");
}

static void test_emergency(void **state)
{
	struct bench *b = *state;

	/* the guard lives: nothing happens */
	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
	assert_int_equal(line_set(&b->line, true), 0);
	assert_int_equal(line_open_once(b->spec, b->error, ERROR_MAX), -EBUSY);
	assert_says(b, "in use");
	assert_content(b->path, "1");
	/* it is dead: its descriptors are closed */
	line_close(&b->line);
	assert_int_equal(line_open_once(b->spec, b->error, ERROR_MAX), 0);
	assert_content(b->path, "0");
	/* and the line is free again */
	assert_int_equal(open_line(b, LINE_OUTPUT), 0);
}

static void test_message_fits_its_place(void **state)
{
	struct bench *b = *state;
	char small[8];

	memset(small, 'x', sizeof(small));
	assert_int_equal(line_open(&b->line, "0:1", LINE_OUTPUT, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "0:1: CH");
	memset(small, 'x', sizeof(small));
	assert_int_equal(line_open(&b->line, "0:123", LINE_OUTPUT, small, 3), -EINVAL);
	assert_string_equal(small, "0:");
	assert_int_equal(small[3], 'x');
	assert_int_equal(line_open(&b->line, "0:1", LINE_OUTPUT, NULL, 0), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_malformed_specifications_are_refused),
		TEST(test_chip_name_longer_than_its_place_is_refused),
		TEST(test_none_takes_everything),
		TEST(test_closed_and_zeroed_lines_are_safe),
		TEST(test_output_file_is_made),
		TEST(test_output_file_starts_inactive_whatever_it_was),
		TEST(test_output_file_follows),
		TEST(test_setting_is_one_call),
		TEST(test_closing_changes_no_level),
		TEST(test_second_output_is_refused),
		TEST(test_descriptor_does_not_reach_other_programs),
		TEST(test_input_file_is_read_each_time),
		TEST(test_input_may_watch_an_output),
		TEST(test_deleted_file_is_noticed_by_reading),
		TEST(test_device_that_disappears_is_an_error),
		TEST(test_failure_to_set_at_open_leaves_nothing_behind),
		TEST(test_missing_files),
		TEST(test_nothing_is_made_where_drivers_bring_files),
		TEST(test_only_plain_files),
		TEST(test_read_only),
		TEST(test_emergency),
		TEST(test_message_fits_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
