/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port on ptys: what a user sees when the cable comes and goes. */
#include "rt/serial.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define NOBODY	       65534
#define ERR_LEN	       256
#define REOPEN_MS      2500 /* FAULTS.md, FLT-02 and FLT-03 */
#define READ_MAX       512U
#define PATH_LEN       64
#define FLOOD_BYTES    (256 * 1024)
#define STEP_MS	       5
#define DELIVERY_MS    2000
#define WAIT_EXIT_GOOD 0
#define PTY_FIRST      48

struct bench {
	char dir[PATH_LEN];
	char link[PATH_LEN + 16];
	int master;
};

static int64_t now_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(int32_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

/*
 * The kernel gives out the lowest free pty. A daemon of another test that lost its pty tries to open
 * that name again, and would take ours: so the low names are left to the others.
 */
static int open_pty(char *ret_name)
{
	int master[PTY_FIRST + 1];
	size_t n = 0;
	int slave;
	int number;

	do {
		assert_true(n < ARRAY_SIZE(master));
		assert_int_equal(openpty(&master[n], &slave, ret_name, NULL, NULL), 0);
		assert_int_equal(close(slave), 0);
		assert_int_equal(ioctl(master[n], TIOCGPTN, &number), 0);
		n++;
	} while (number < PTY_FIRST);
	for (size_t i = 0; i + 1 < n; i++) {
		assert_int_equal(close(master[i]), 0);
	}
	return master[n - 1];
}

/* A new pty whose slave is found under b->link, as udev does it for a USB adapter. */
static void plug_in(struct bench *b)
{
	char name[PATH_LEN];

	b->master = open_pty(name);
	assert_int_equal(fcntl(b->master, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(symlink(name, b->link), 0);
}

static void unplug(struct bench *b)
{
	assert_int_equal(unlink(b->link), 0);
	assert_int_equal(close(b->master), 0);
	b->master = -1;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b) {
		return -1;
	}
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/jkp-serial-XXXXXX");
	if (!mkdtemp(b->dir) || chmod(b->dir, 0755) < 0) {
		free(b);
		return -1;
	}
	(void)snprintf(b->link, sizeof(b->link), "%s/bms", b->dir);
	plug_in(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b->master >= 0) {
		(void)close(b->master);
	}
	(void)unlink(b->link);
	(void)rmdir(b->dir);
	free(b);
	return 0;
}

static const struct serial_pace pace = {.period_us = 5000};

static struct serial *start(const char *path)
{
	struct serial *s = NULL;
	char err[ERR_LEN] = "";

	if (serial_start(&s, path, &pace, err, sizeof(err)) != 0) {
		fail_msg("%s", err);
	}
	assert_non_null(s);
	return s;
}

/* Read as the cycle does until @len bytes are there. */
static size_t collect(struct serial *s, uint8_t *buf, size_t len)
{
	const int64_t end_ms = now_ms() + DELIVERY_MS;
	size_t n = 0;

	while (n < len && now_ms() < end_ms) {
		const size_t got = serial_read(s, buf + n, len - n);

		n += got;
		if (got == 0) {
			sleep_ms(1);
		}
	}
	return n;
}

static void test_every_byte_passes_unchanged_in_both_directions(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	uint8_t sent[256];
	uint8_t got[256];
	const int64_t end_ms = now_ms() + DELIVERY_MS;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(sent); i++) {
		sent[i] = (uint8_t)i;
	}
	assert_int_equal(write(b->master, sent, sizeof(sent)), sizeof(sent));
	assert_int_equal(collect(s, got, sizeof(got)), sizeof(got));
	assert_memory_equal(got, sent, sizeof(sent));

	memset(got, 0, sizeof(got));
	assert_int_equal(serial_write(s, sent, sizeof(sent)), 0);
	while (n < sizeof(got) && now_ms() < end_ms) {
		const ssize_t r = read(b->master, got + n, sizeof(got) - n);

		n += r > 0 ? (size_t)r : 0U;
	}
	assert_int_equal(n, sizeof(got));
	assert_memory_equal(got, sent, sizeof(sent));
	serial_stop(s);
}

static void test_line_is_115200_8n1_raw_without_flow_control(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct termios t;

	/* A pty has one termios for both ends. */
	assert_int_equal(tcgetattr(b->master, &t), 0);
	assert_int_equal(cfgetospeed(&t), B115200);
	assert_int_equal(cfgetispeed(&t), B115200);
	assert_int_equal(t.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS), CS8);
	assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN), 0);
	assert_int_equal(t.c_iflag & (IXON | IXOFF | ICRNL | INLCR | IGNCR | ISTRIP), 0);
	assert_int_equal(t.c_oflag & OPOST, 0);
	serial_stop(s);
}

static void test_what_was_received_before_the_start_is_thrown_away(void **state)
{
	struct bench *b = *state;
	const int slave = open(b->link, O_RDWR | O_NOCTTY);
	struct termios t;
	struct serial *s;
	uint8_t buf[16];

	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
	assert_int_equal(write(b->master, "old", 3), 3);
	sleep_ms(50);
	s = start(b->link);
	assert_int_equal(write(b->master, "new", 3), 3);
	assert_int_equal(collect(s, buf, 3), 3);
	assert_memory_equal(buf, "new", 3);
	serial_stop(s);
	assert_int_equal(close(slave), 0);
}

static void test_unusable_paths_are_refused_with_a_remedy(void **state)
{
	struct bench *b = *state;
	char file[PATH_LEN + 16];
	char fifo[PATH_LEN + 16];
	char missing[PATH_LEN + 16];
	char below[PATH_LEN + 32];
	const struct {
		const char *path;
		int result;
		const char *remedy;
	} row[] = {
		{missing, -ENOENT, "/dev/serial/by-id"}, {below, -ENOENT, "/dev/serial/by-id"},
		{file, -ENOTTY, "path of a tty"},	 {fifo, -ENOTTY, "path of a tty"},
		{b->dir, -ENOTTY, "path of a tty"},	 {"/dev/null", -ENOTTY, "path of a tty"},
	};

	(void)snprintf(file, sizeof(file), "%s/file", b->dir);
	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", b->dir);
	(void)snprintf(missing, sizeof(missing), "%s/missing", b->dir);
	(void)snprintf(below, sizeof(below), "%s/file/tty", b->dir);
	assert_int_equal(close(open(file, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct serial *s = (struct serial *)b;
		char err[ERR_LEN] = "";
		const int result = serial_start(&s, row[i].path, &pace, err, sizeof(err));

		if (result != row[i].result || !strstr(err, row[i].path) ||
		    !strstr(err, row[i].remedy) || s != (struct serial *)b) {
			fail_msg("%s: %d, \"%s\"", row[i].path, result, err);
		}
	}
	assert_int_equal(unlink(file), 0);
	assert_int_equal(unlink(fifo), 0);
}

static void test_path_that_is_too_long_is_refused(void **state)
{
	struct serial *s = NULL;
	char *path = malloc(8192);
	char err[ERR_LEN] = "";

	(void)state;
	assert_non_null(path);
	memset(path, 'x', 8191);
	path[8191] = '\0';
	assert_int_equal(serial_start(&s, path, &pace, err, sizeof(err)), -ENAMETOOLONG);
	assert_null(s);
	assert_non_null(strstr(err, "longer"));
	free(path);
}

/* Run @body in a child without privileges; 0 = good. */
static int unprivileged(int (*body)(const struct bench *), const struct bench *b)
{
	const pid_t child = fork();
	int status = -1;

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0) {
			_exit(99);
		}
		_exit(body(b));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int expect_no_permission(const struct bench *b)
{
	struct serial *s = NULL;
	char err[ERR_LEN] = "";

	if (serial_start(&s, b->link, &pace, err, sizeof(err)) != -EACCES || s) {
		return 1;
	}
	return strstr(err, "permission denied") && strstr(err, "group") ? WAIT_EXIT_GOOD : 2;
}

static void test_missing_permission_names_the_group_of_the_device(void **state)
{
	struct bench *b = *state;

	assert_int_equal(chmod(b->link, 0), 0);
	assert_int_equal(unprivileged(expect_no_permission, b), WAIT_EXIT_GOOD);
}

static void test_SAF_18_second_instance_is_refused_and_the_first_not_disturbed(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct serial *second = NULL;
	struct serial_stats stats;
	char err[ERR_LEN] = "";
	uint8_t buf[4];

	assert_int_equal(write(b->master, "data", 4), 4);
	sleep_ms(20);
	assert_int_equal(serial_start(&second, b->link, &pace, err, sizeof(err)), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(err, "in use by another program"));
	assert_int_equal(collect(s, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, "data", 4);
	serial_get_stats(s, &stats);
	assert_int_equal(stats.losses, 0);
	serial_stop(s);
}

static int open_and_die(const struct bench *b)
{
	struct serial *s = NULL;
	char err[ERR_LEN];

	if (serial_start(&s, b->link, &pace, err, sizeof(err)) != 0) {
		return 1;
	}
	(void)raise(SIGKILL);
	return 2;
}

static int open_and_stop(const struct bench *b)
{
	struct serial *s = NULL;
	char err[ERR_LEN];
	const int result = serial_start(&s, b->link, &pace, err, sizeof(err));

	serial_stop(s);
	return result == 0 ? WAIT_EXIT_GOOD : 1;
}

static void test_device_of_a_killed_process_can_be_opened_again_without_privileges(void **state)
{
	struct bench *b = *state;

	assert_int_equal(chmod(b->link, 0666), 0);
	assert_int_equal(unprivileged(open_and_die, b), 128 + SIGKILL);
	assert_int_equal(unprivileged(open_and_stop, b), WAIT_EXIT_GOOD);
}

/* Let the cycle notice the loss, as it does within one period. */
static void expect_loss(struct serial *s)
{
	const int64_t end_ms = now_ms() + DELIVERY_MS;
	uint8_t buf[8];

	while (serial_is_open(s) && now_ms() < end_ms) {
		assert_int_equal(serial_read(s, buf, sizeof(buf)), 0);
		sleep_ms(STEP_MS);
	}
	assert_false(serial_is_open(s));
	assert_int_equal(serial_read(s, buf, sizeof(buf)), 0);
	assert_int_equal(serial_write(s, buf, sizeof(buf)), -ENODEV);
}

static void expect_return(struct bench *b, struct serial *s)
{
	const int64_t start_ms = now_ms();
	uint8_t buf[5];

	while (!serial_is_open(s) && now_ms() - start_ms < 2 * REOPEN_MS) {
		sleep_ms(STEP_MS);
	}
	assert_true(serial_is_open(s));
	assert_true(now_ms() - start_ms <= REOPEN_MS);
	assert_int_equal(write(b->master, "again", 5), 5);
	assert_int_equal(collect(s, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, "again", 5);
	assert_int_equal(serial_write(s, buf, sizeof(buf)), 0);
}

static void test_FLT_02_vanished_device_is_given_up_and_opened_again(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct serial_stats stats;

	unplug(b);
	expect_loss(s);
	plug_in(b);
	expect_return(b, s);
	serial_get_stats(s, &stats);
	assert_int_equal(stats.opens, 2);
	assert_int_equal(stats.losses, 1);
	assert_int_equal(stats.read_errors, 1);
	serial_stop(s);
}

static void test_FLT_02_loss_is_seen_by_a_write_too(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	const int64_t end_ms = now_ms() + DELIVERY_MS;
	struct serial_stats stats;
	int result = 0;

	/* Whoever sees it first, the helper that reads or the thread that writes: it is one loss. */
	unplug(b);
	while (result == 0 && now_ms() < end_ms) {
		result = serial_write(s, (const uint8_t *)"x", 1);
	}
	assert_int_equal(result, -ENODEV);
	assert_false(serial_is_open(s));
	do {
		sleep_ms(STEP_MS);
		serial_get_stats(s, &stats);
	} while (stats.losses == 0 && now_ms() < end_ms);
	sleep_ms(2 * STEP_MS);
	serial_get_stats(s, &stats);
	assert_int_equal(stats.losses, 1);
	serial_stop(s);
}

static void test_FLT_03_device_is_followed_by_its_link_to_another_name(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct bench other = *b;
	char before[PATH_LEN] = "";
	char after[PATH_LEN] = "";

	assert_true(readlink(b->link, before, sizeof(before) - 1) > 0);
	unplug(b);
	expect_loss(s);
	/* Away for so long that the back-off has reached its maximum. */
	sleep_ms(3500);
	assert_false(serial_is_open(s));
	/* Takes the name of the lost one, so the device must come back under another. */
	other.link[strlen(other.link) - 1] = 'x';
	plug_in(&other);
	plug_in(b);
	assert_true(readlink(b->link, after, sizeof(after) - 1) > 0);
	assert_string_not_equal(before, after);
	expect_return(b, s);
	serial_stop(s);
	unplug(&other);
}

static void test_FLT_71_device_that_comes_and_goes_is_opened_ever_more_rarely(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct serial_stats stats;
	const int64_t end_ms = now_ms() + 3000;

	/* Each time it is open it breaks at once. */
	while (now_ms() < end_ms) {
		if (serial_is_open(s)) {
			unplug(b);
			expect_loss(s);
			plug_in(b);
		}
		sleep_ms(STEP_MS);
	}
	serial_get_stats(s, &stats);
	assert_in_range(stats.opens, 3, 7);
	serial_stop(s);
}

static void test_read_without_data_returns_at_once(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	const int64_t start_ms = now_ms();
	struct serial_stats stats;
	uint8_t buf[READ_MAX];

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(serial_read(s, buf, sizeof(buf)), 0);
		assert_int_equal(serial_read(s, buf, 0), 0);
	}
	assert_true(now_ms() - start_ms < 1000);
	assert_true(serial_is_open(s));
	serial_get_stats(s, &stats);
	assert_int_equal(stats.read_errors, 0);
	serial_stop(s);
}

static void test_write_to_a_full_line_fails_without_blocking(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct serial_stats stats;
	uint8_t request[21] = {0};
	int result = 0;

	for (int i = 0; i < 100000 && result == 0; i++) {
		result = serial_write(s, request, sizeof(request));
	}
	assert_int_equal(result, -EAGAIN);
	assert_true(serial_is_open(s));
	serial_get_stats(s, &stats);
	assert_int_equal(stats.write_errors, 1);
	serial_stop(s);
}

struct flood {
	int master;
	_Atomic uint32_t stop;
};

static void *babble(void *arg)
{
	struct flood *f = arg;
	uint8_t noise[1024];

	memset(noise, 0x55, sizeof(noise));
	while (atomic_load(&f->stop) == 0U) {
		if (write(f->master, noise, sizeof(noise)) < 0) {
			sleep_ms(1);
		}
	}
	return NULL;
}

static void test_FLT_10_babbling_line_gives_at_most_one_buffer_per_period(void **state)
{
	struct bench *b = *state;
	struct serial *s = start(b->link);
	struct flood flood = {.master = b->master};
	const int64_t end_ms = now_ms() + 10 * DELIVERY_MS;
	uint8_t buf[READ_MAX + 1];
	pthread_t thread;
	size_t total = 0;

	assert_int_equal(pthread_create(&thread, NULL, babble, &flood), 0);
	while (total < FLOOD_BYTES && now_ms() < end_ms) {
		buf[READ_MAX] = 0xEE;
		const size_t n = serial_read(s, buf, READ_MAX);

		assert_in_range(n, 0, READ_MAX);
		assert_int_equal(buf[READ_MAX], 0xEE);
		total += n;
	}
	atomic_store(&flood.stop, 1U);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(total >= FLOOD_BYTES);
	assert_true(serial_is_open(s));
	serial_stop(s);
}

struct cycle_thread {
	struct serial *s;
	_Atomic uint32_t stop;
	_Atomic uint32_t bytes;
};

static void *cycle(void *arg)
{
	struct cycle_thread *c = arg;
	uint8_t buf[READ_MAX];

	while (atomic_load(&c->stop) == 0U) {
		const size_t n = serial_read(c->s, buf, sizeof(buf));

		atomic_fetch_add(&c->bytes, (uint32_t)n);
		(void)serial_write(c->s, buf, 1);
		sleep_ms(1);
	}
	return NULL;
}

static void test_FLT_02_cycle_thread_runs_on_while_the_helper_reopens(void **state)
{
	struct bench *b = *state;
	struct cycle_thread c = {.s = start(b->link)};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, cycle, &c), 0);
	for (int i = 0; i < 3; i++) {
		int64_t end_ms = now_ms() + 2 * REOPEN_MS;
		const uint32_t before = atomic_load(&c.bytes);

		unplug(b);
		while (serial_is_open(c.s) && now_ms() < end_ms) {
			sleep_ms(STEP_MS);
		}
		plug_in(b);
		while (!serial_is_open(c.s) && now_ms() < end_ms) {
			sleep_ms(STEP_MS);
		}
		assert_true(serial_is_open(c.s));
		assert_int_equal(write(b->master, "data", 4), 4);
		end_ms = now_ms() + DELIVERY_MS;
		while (atomic_load(&c.bytes) - before < 4 && now_ms() < end_ms) {
			sleep_ms(STEP_MS);
		}
		assert_int_equal(atomic_load(&c.bytes) - before, 4);
	}
	atomic_store(&c.stop, 1U);
	assert_int_equal(pthread_join(thread, NULL), 0);
	serial_stop(c.s);
}

static void test_stop_of_nothing_is_harmless(void **state)
{
	(void)state;
	serial_stop(NULL);
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest test[] = {
		BENCH_TEST(test_every_byte_passes_unchanged_in_both_directions),
		BENCH_TEST(test_line_is_115200_8n1_raw_without_flow_control),
		BENCH_TEST(test_what_was_received_before_the_start_is_thrown_away),
		BENCH_TEST(test_unusable_paths_are_refused_with_a_remedy),
		BENCH_TEST(test_path_that_is_too_long_is_refused),
		BENCH_TEST(test_missing_permission_names_the_group_of_the_device),
		BENCH_TEST(test_SAF_18_second_instance_is_refused_and_the_first_not_disturbed),
		BENCH_TEST(test_device_of_a_killed_process_can_be_opened_again_without_privileges),
		BENCH_TEST(test_FLT_02_vanished_device_is_given_up_and_opened_again),
		BENCH_TEST(test_FLT_02_loss_is_seen_by_a_write_too),
		BENCH_TEST(test_FLT_03_device_is_followed_by_its_link_to_another_name),
		BENCH_TEST(test_FLT_71_device_that_comes_and_goes_is_opened_ever_more_rarely),
		BENCH_TEST(test_read_without_data_returns_at_once),
		BENCH_TEST(test_write_to_a_full_line_fails_without_blocking),
		BENCH_TEST(test_FLT_10_babbling_line_gives_at_most_one_buffer_per_period),
		BENCH_TEST(test_FLT_02_cycle_thread_runs_on_while_the_helper_reopens),
		cmocka_unit_test(test_stop_of_nothing_is_harmless),
	};

	return cmocka_run_group_tests(test, NULL, NULL);
}
