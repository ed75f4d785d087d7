/* SPDX-License-Identifier: Apache-2.0 */
/* The page between guard and worker, the guard's judgement of the beat, lines on stderr. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "rt/guard.h"
#include "rt/shared.h"
#include "rt/shared_log.h"

static int make(void **state)
{
	int fd = -1;
	struct shared_page *page = shared_create(&fd);

	close(fd);
	*state = page;
	return page == NULL ? -1 : 0;
}

static int drop(void **state)
{
	shared_detach(*state);
	return 0;
}

static const struct shared_failsafe settings = {
	.policy = {.period_us = 5000, .beat_ms = 100, .reload_ms = 2500},
	.priority = 80,
	.relay = "gpiochip0:17"};

static void test_settings_arrive_as_written(void **state)
{
	struct shared_page *page = *state;
	struct shared_failsafe got;

	assert_int_equal(shared_failsafe_read(page, &got), -EAGAIN);
	shared_failsafe_write(page, &settings);
	assert_int_equal(shared_failsafe_read(page, &got), 0);
	assert_int_equal(got.policy.beat_ms, settings.policy.beat_ms);
	assert_int_equal(got.policy.reload_ms, settings.policy.reload_ms);
	assert_string_equal(got.relay, settings.relay);
}

static void test_every_damaged_byte_of_the_settings_is_refused(void **state)
{
	struct shared_page *page = *state;
	struct shared_failsafe got;
	uint8_t *bytes = (uint8_t *)&page->failsafe;

	shared_failsafe_write(page, &settings);
	for (size_t i = 0; i < sizeof(page->failsafe); i++) {
		bytes[i] ^= 0x20U;
		assert_int_equal(shared_failsafe_read(page, &got), -EBADMSG);
		bytes[i] ^= 0x20U;
	}
	assert_int_equal(shared_failsafe_read(page, &got), 0);
}

static void test_settings_out_of_range_are_refused_in_spite_of_a_right_sum(void **state)
{
	struct shared_page *page = *state;
	struct shared_failsafe got;
	struct shared_failsafe bad[5];

	for (size_t i = 0; i < 5; i++) {
		bad[i] = settings;
	}
	bad[0].policy.beat_ms = 0;
	bad[1].policy.beat_ms = INT32_MAX;
	bad[2].priority = 100;
	bad[3].policy.reload_ms = -1;
	memset(bad[4].relay, 'x', sizeof(bad[4].relay));
	for (size_t i = 0; i < 5; i++) {
		shared_failsafe_write(page, &bad[i]);
		assert_int_equal(shared_failsafe_read(page, &got), -EBADMSG);
	}
}

static void test_beat_needs_its_complement(void **state)
{
	struct shared_page *page = *state;
	uint32_t beat = 77;

	assert_true(shared_beat_read(page, &beat));
	assert_int_equal(beat, 0);
	shared_beat(page, true, 0U);
	assert_true(shared_beat_read(page, &beat));
	assert_int_equal(beat, 1);
	assert_int_equal(atomic_load(&page->permit), SHARED_PERMIT);
	atomic_store(&page->beat, 5U);
	beat = 77;
	assert_false(shared_beat_read(page, &beat));
	assert_int_equal(beat, 77);
	shared_beat(page, false, 3U);
	assert_int_equal(atomic_load(&page->permit), 0);
	assert_int_equal(atomic_load(&page->reason), 3);
}

static void test_FLT_72_beat_goes_on_over_the_end_of_32_bits(void **state)
{
	struct shared_page *page = *state;
	uint32_t beat = 77;

	atomic_store(&page->beat, UINT32_MAX);
	atomic_store(&page->beat_complement, 0U);
	shared_beat(page, true, 0U);
	assert_true(shared_beat_read(page, &beat));
	assert_int_equal(beat, 0);
}

static void test_restart_keeps_held_values_and_nothing_else(void **state)
{
	struct shared_page *page = *state;
	const struct shared_held held = {.size = 16, .core = {5, 61}};
	struct shared_held got;
	struct shared_failsafe f;

	snapshot_write(&page->held.head, &held, sizeof(held));
	shared_failsafe_write(page, &settings);
	shared_beat(page, true, 0U);
	shared_restart(page);
	assert_int_equal(shared_failsafe_read(page, &f), -EAGAIN);
	assert_int_equal(atomic_load(&page->permit), 0);
	assert_true(snapshot_try_read(&page->held.head, &got, sizeof(got)));
	assert_int_equal(got.core[1], 61);
}

static void test_attach_takes_only_a_page(void **state)
{
	int fd = -1;
	struct shared_page *page = shared_create(&fd);
	const int other = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_non_null(page);
	struct shared_page *again = shared_attach(fd);

	assert_non_null(again);
	shared_beat(again, true, 0U);
	assert_int_equal(atomic_load(&page->beat), 1);
	shared_detach(again);
	/* nobody can cut it off under the other's feet */
	assert_int_equal(ftruncate(fd, 0), -1);

	page->version = SHARED_VERSION + 1U;
	assert_null(shared_attach(fd));
	assert_int_equal(errno, EPROTO);
	assert_null(shared_attach(other));
	assert_int_equal(errno, EPROTO);
	assert_null(shared_attach(-1));
	close(other);
	close(fd);
	shared_detach(page);
}

/* In a child with @fd as stderr: return of shared_log_write() after @lines lines. */
static int log_lines(int fd, int lines)
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		int r = 0;

		dup2(fd, STDERR_FILENO);
		alarm(10);
		shared_log_init();
		for (int i = 0; i < lines && r == 0; i++) {
			r = shared_log_write(6, "a line of text that fills the reader's memory");
		}
		_exit(-r);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void test_FLT_53_full_pipe_drops_lines_and_does_not_block(void **state)
{
	int p[2];
	char got[64];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(log_lines(p[1], 1), 0);
	assert_int_equal(read(p[0], got, sizeof(got)), 49);
	assert_memory_equal(got, "<6>a line of text that fills the reader's memory\n", 49);
	assert_int_equal(log_lines(p[1], 10000), -EAGAIN);
	/* the flag must not have reached the description others share */
	assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
	close(p[0]);
	close(p[1]);
}

static void test_FLT_53_full_socket_drops_lines_and_does_not_block(void **state)
{
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(log_lines(s[1], 1), 0);
	assert_int_equal(log_lines(s[1], 100000), -EAGAIN);
	close(s[0]);
	assert_int_equal(log_lines(s[1], 1), -EPIPE);
	close(s[1]);
}

static void test_control_characters_cannot_forge_a_line(void **state)
{
	int p[2];
	char got[64] = {0};
	int status = 0;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	const pid_t pid = fork();

	if (pid == 0) {
		dup2(p[1], STDERR_FILENO);
		shared_log_init();
		shared_log_write(9, "a\n<0>b\x1b[2J");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(p[0], got, sizeof(got) - 1), 14);
	assert_string_equal(got, "<7>a?<0>b?[2J\n");
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settings_arrive_as_written, make, drop),
		cmocka_unit_test_setup_teardown(test_every_damaged_byte_of_the_settings_is_refused,
						make, drop),
		cmocka_unit_test_setup_teardown(
			test_settings_out_of_range_are_refused_in_spite_of_a_right_sum, make, drop),
		cmocka_unit_test_setup_teardown(test_beat_needs_its_complement, make, drop),
		cmocka_unit_test_setup_teardown(test_FLT_72_beat_goes_on_over_the_end_of_32_bits,
						make, drop),
		cmocka_unit_test_setup_teardown(test_restart_keeps_held_values_and_nothing_else,
						make, drop),
		cmocka_unit_test(test_attach_takes_only_a_page),
		cmocka_unit_test(test_FLT_53_full_pipe_drops_lines_and_does_not_block),
		cmocka_unit_test(test_FLT_53_full_socket_drops_lines_and_does_not_block),
		cmocka_unit_test(test_control_characters_cannot_forge_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
