/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder of the failsafe state as a process: killed, stopped, orphaned, and with a disk that
 * refuses. state_start() runs this program again with --record-state, and what the recorder writes
 * passes the functions below (--wrap), which look for orders in the folder of the test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "../base/seed.h"
#include "base/time.h"
#include "rt/shared_log.h"
#include "state_place.h"

#define DISK_ENV   "JKP_TEST_DISK"
#define WAIT_MS	   20000
#define KILLS	   250
#define KILL_US	   2500U
#define PUTS	   70000 /* more than the bell's pipe can take */
#define HANG_S	   100
#define TEAR	   255U /* instead of an errno: half of the write, then death */
#define DIE	   254U /* death */
#define FULL_ONCE  253U /* ENOSPC, and only now */
#define FULL_BYTES "size=64k"

/* ---- the disk of the recorder ---- */

static void disk_path(char *ret_path, size_t size, const char *name)
{
	const char *dir = getenv(DISK_ENV);

	snprintf(ret_path, size, "%s/%s", dir == NULL ? "/nonexistent" : dir, name);
}

/* Return: the order for this function, an errno; 0 = work. Each call is counted. */
static int order(const char *function)
{
	char path[128];
	uint8_t what = 0;

	disk_path(path, sizeof(path), "calls");
	int fd = open(path, O_WRONLY | O_APPEND);

	if (fd >= 0) {
		(void)!write(fd, ".", 1);
		close(fd);
	}
	disk_path(path, sizeof(path), function);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		(void)!read(fd, &what, 1);
		close(fd);
	}
	if (what == FULL_ONCE) {
		(void)unlink(path);
		what = ENOSPC;
	}
	return what;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
	const int error = order("pwrite");

	if (error == TEAR) {
		(void)!write_at(fd, data, len / 2U, at);
		(void)raise(SIGKILL);
	}
	if (error != 0) {
		errno = error;
		return -1;
	}
	return write_at(fd, data, len, at);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	return __wrap_pwrite(fd, data, len, at);
}

int __wrap_fdatasync(int fd)
{
	const int error = order("fdatasync");

	if (error == DIE) {
		(void)raise(SIGKILL);
	}
	if (error != 0) {
		errno = error;
		return -1;
	}
	return __real_fdatasync(fd);
}

static void disk_order(const char *function, uint8_t what)
{
	char path[128];

	disk_path(path, sizeof(path), function);
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, &what, 1), 1);
	close(fd);
}

static void disk_works(const char *function)
{
	char path[128];

	disk_path(path, sizeof(path), function);
	(void)unlink(path);
}

static off_t disk_calls(void)
{
	char path[128];
	struct stat st = {.st_size = 0};

	disk_path(path, sizeof(path), "calls");
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* ---- the guard of the test ---- */

static struct {
	struct place *p;
	struct state s;
} bench;

static int setup(void **state)
{
	struct state_record got;
	char path[128];
	int r = place_make(state);

	if (r != 0) {
		return r;
	}
	bench.p = *state;
	setenv(DISK_ENV, bench.p->dir, 1);
	disk_path(path, sizeof(path), "calls");
	close(open(path, O_WRONLY | O_CREAT, 0600));
	return state_open(&bench.s, bench.p->path, LOST, &got, bench.p->text,
			  sizeof(bench.p->text));
}

static int teardown(void **state)
{
	static const char *const names[] = {"calls", "pwrite", "fdatasync", "log"};

	if (bench.s.recorder > 0) {
		kill(bench.s.recorder, SIGCONT);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		disk_works(names[i]);
	}
	state_close(&bench.s);
	unsetenv(DISK_ENV);
	return place_drop(state);
}

static void sleep_us(unsigned int us)
{
	const struct timespec t = {.tv_nsec = (long)us * NS_PER_US};

	nanosleep(&t, NULL);
}

static int wait_for_check(int wanted)
{
	int r = 0;

	for (int ms = 0; ms < WAIT_MS; ms++) {
		r = state_check(&bench.s);
		if (r == wanted) {
			break;
		}
		sleep_us(1000);
	}
	return r;
}

static int put(uint32_t latched, uint32_t number)
{
	const struct state_record r = make_record(latched, number);

	return state_put(&bench.s, &r);
}

static struct state_record on_disk(void)
{
	struct state_record got;
	struct place *p = bench.p;

	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), 0);
	return got;
}

/* What lies in the slot beside that of the newest record. */
static uint32_t number_before(void)
{
	struct state_record slot[STATE_SLOTS];
	const int fd = open(bench.p->path, O_RDONLY);
	const int newest = state_file_load(fd, slot);

	close(fd);
	assert_in_range(newest, 0, 1);
	return slot[1 - newest].detail;
}

static void kill_recorder(void)
{
	assert_true(bench.s.recorder > 0);
	assert_int_equal(kill(bench.s.recorder, SIGKILL), 0);
	assert_int_equal(wait_for_check(-EPIPE), -EPIPE);
}

static void stop_recorder(const struct state *s)
{
	int status = 0;

	assert_int_equal(kill(s->recorder, SIGSTOP), 0);
	assert_int_equal(waitpid(s->recorder, &status, WUNTRACED), s->recorder);
	assert_true(WIFSTOPPED(status));
}

/* state_start() with the log of the recorder in a file. */
static void start_logged(void)
{
	char path[128];
	const int err = dup(STDERR_FILENO);

	disk_path(path, sizeof(path), "log");
	const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	const int r = state_start(&bench.s);

	assert_int_equal(dup2(err, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	close(err);
	assert_int_equal(r, 0);
}

/* Return: lines of the log; all of it in @ret_text. */
static int read_log(char *ret_text, size_t size)
{
	char path[128];
	int lines = 0;

	disk_path(path, sizeof(path), "log");
	const int fd = open(path, O_RDONLY);
	const ssize_t n = read(fd, ret_text, size - 1U);

	close(fd);
	ret_text[n > 0 ? n : 0] = '\0';
	for (const char *c = ret_text; *c != '\0'; c++) {
		lines += *c == '\n';
	}
	return lines;
}

/* ---- in good times ---- */

static void test_SAF_12_what_is_put_is_on_disk(void **state)
{
	struct state_record got;

	(void)state;
	assert_int_equal(state_check(&bench.s), -EPIPE);
	assert_int_equal(state_start(&bench.s), 0);
	for (uint32_t i = 1; i <= 20U; i++) {
		assert_int_equal(put(i % 2U != 0U ? CRITICAL : 0U, i), 0);
		assert_int_equal(wait_for_check(0), 0);
		got = on_disk();
		assert_int_equal(got.detail, i);
		assert_int_equal(got.latched, i % 2U != 0U ? CRITICAL : 0U);
		assert_string_equal(got.relay, RELAY);
		/* and the one before is still there */
		assert_int_equal(number_before(), i - 1U);
	}
	/* running already: nothing happens */
	const pid_t recorder = bench.s.recorder;

	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(bench.s.recorder, recorder);
}

static void test_SAF_12_latch_survives_the_next_start(void **state)
{
	struct place *p = *state;
	struct state_record got;

	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(put(CRITICAL, 7U), 0);
	/* nobody has waited: this does */
	state_close(&bench.s);
	assert_int_equal(bench.s.recorder, 0);
	assert_int_equal(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)), 0);
	assert_int_equal(got.latched, CRITICAL);
	assert_int_equal(got.detail, 7);
}

static void test_SAF_12_sequence_goes_on_over_the_end_of_32_bits(void **state)
{
	struct place *p = *state;
	struct state_record got;

	state_close(&bench.s);
	place_fill(p, 0U, UINT32_MAX - 2U);
	assert_int_equal(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)), 0);
	assert_int_equal(got.sequence, UINT32_MAX - 2U);
	assert_int_equal(state_start(&bench.s), 0);
	for (uint32_t i = 0; i < 6U; i++) {
		assert_int_equal(put(CRITICAL, i), 0);
		assert_int_equal(wait_for_check(0), 0);
		assert_int_equal(on_disk().detail, i);
		assert_int_equal(on_disk().sequence, UINT32_MAX - 1U + i);
	}
}

static void test_recorder_has_three_descriptors_and_no_priority(void **state)
{
	const struct sched_param none = {.sched_priority = 0};
	const int leak = dup(STDIN_FILENO); /* not close-on-exec, as a library might leave one */
	char path[64];
	char name[32] = "";
	int high = 0;

	(void)state;
	assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
	const int r = state_start(&bench.s);

	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
	assert_int_equal(r, 0);
	assert_int_equal(put(0U, 1U), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(sched_getscheduler(bench.s.recorder), SCHED_OTHER);
	snprintf(path, sizeof(path), "/proc/%d/fd", bench.s.recorder);
	DIR *fds = opendir(path);

	assert_non_null(fds);
	for (const struct dirent *e = readdir(fds); e != NULL; e = readdir(fds)) {
		high += e->d_name[0] > '5' || (e->d_name[0] != '.' && e->d_name[1] != '\0');
	}
	closedir(fds);
	close(leak);
	/* one more at most: the way to stderr that cannot block */
	assert_in_range(high, 0, 1);
	snprintf(path, sizeof(path), "/proc/%d/comm", bench.s.recorder);
	const int fd = open(path, O_RDONLY);

	assert_true(read(fd, name, sizeof(name) - 1U) > 0);
	close(fd);
	assert_string_equal(name, "jkpylon-state\n");
}

/* The hidden option of the daemon itself. */
static void test_jkpylond_is_a_recorder_too(void **state)
{
	const char *program = JKP_BINARY_DIR "/rt/jkpylond";
	const int fds[] = {bench.s.bell[0], bench.s.file_fd, bench.s.mail_fd};

	(void)state;
	const pid_t pid = fork();

	if (pid == 0) {
		int high[3];

		for (int i = 0; i < 3; i++) {
			high[i] = fcntl(fds[i], F_DUPFD, 20);
		}
		for (int i = 0; i < 3; i++) {
			dup2(high[i], STATE_BELL_FD + i);
		}
		close_range(STATE_MAIL_FD + 1, ~0U, 0);
		execl(program, "jkpylond", "--record-state", (char *)NULL);
		_exit(99);
	}
	bench.s.recorder = pid;
	assert_int_equal(put(CRITICAL, 5U), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, 5);
}

static void test_recorder_by_hand_says_what_it_is_for(void **state)
{
	int status = 0;

	(void)state;
	const pid_t pid = fork();

	if (pid == 0) {
		close_range(STATE_BELL_FD, ~0U, 0);
		_exit(state_recorder_run());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* ---- killed, stopped, orphaned ---- */

static void test_FLT_62_recorder_killed_at_any_moment_leaves_the_old_or_the_new_record(void **state)
{
	uint32_t random = seed_get("kill");
	uint32_t seen = 0;
	unsigned int old = 0;

	(void)state;
	assert_int_equal(state_start(&bench.s), 0);
	for (uint32_t i = 1; i <= KILLS; i++) {
		const bool running = seed_next(&random) % 2U == 0U;

		/* either it waits for the record, or it finds it when it starts */
		if (running) {
			assert_int_equal(state_start(&bench.s), 0);
			assert_int_equal(wait_for_check(0), 0);
		}
		(void)put(i % 2U != 0U ? CRITICAL : 0U, i);
		assert_int_equal(state_start(&bench.s), 0);
		sleep_us(seed_next(&random) % (running ? KILL_US / 4U : KILL_US));
		kill_recorder();

		const struct state_record got = on_disk();

		assert_true(got.detail == i || got.detail == i - 1U || got.detail == seen);
		assert_true(got.detail >= seen);
		if (got.detail != 0U) {
			assert_int_equal(got.latched, got.detail % 2U != 0U ? CRITICAL : 0U);
		}
		seen = got.detail;
		old += seen != i;
	}
	print_message("killed %d times: %u times the old record, %u times the new one\n", KILLS,
		      old, (unsigned int)KILLS - old);
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, KILLS);
}

static void test_FLT_62_SAF_12_torn_write_is_latched_unless_the_guard_lives(void **state)
{
	struct place *p = *state;
	struct state_record got;

	disk_order("pwrite", TEAR);
	assert_int_equal(state_start(&bench.s), 0);
	(void)put(0U, 4U);
	assert_int_equal(wait_for_check(-EPIPE), -EPIPE);
	disk_works("pwrite");
	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), -EBADMSG);
	/* a guard that lives has the record, and its next recorder heals the slot */
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, 4);
	assert_int_equal(on_disk().latched, 0);
	/* the power fails in the middle of the write */
	disk_order("pwrite", TEAR);
	(void)put(0U, 5U);
	assert_int_equal(wait_for_check(-EPIPE), -EPIPE);
	disk_works("pwrite");
	state_close(&bench.s);
	assert_int_equal(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)), 0);
	assert_int_equal(got.latched, LOST);
}

static void test_FLT_62_after_a_recorder_that_died_before_the_sync_one_syncs(void **state)
{
	(void)state;
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(put(0U, 1U), 0);
	assert_int_equal(wait_for_check(0), 0);
	disk_order("fdatasync", DIE);
	(void)put(CRITICAL, 2U);
	assert_int_equal(wait_for_check(-EPIPE), -EPIPE);
	disk_works("fdatasync");
	assert_int_equal(on_disk().detail, 2);
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(wait_for_check(0), 0);
	/* in its own place: the one before may be the only one that the disk has */
	assert_int_equal(on_disk().detail, 2);
	assert_int_equal(number_before(), 1);
}

static void test_SAF_12_what_is_put_without_a_recorder_waits_for_one(void **state)
{
	(void)state;
	assert_int_equal(put(CRITICAL, 1U), -EPIPE);
	assert_int_equal(put(CRITICAL, 2U), -EPIPE);
	assert_int_equal(state_check(&bench.s), -EPIPE);
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, 2);
	kill_recorder();
	assert_int_equal(put(CRITICAL, 3U), -EPIPE);
	assert_int_equal(on_disk().detail, 2);
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, 3);
}

static void test_FLT_52_guard_never_waits_for_a_recorder_that_stands_still(void **state)
{
	(void)state;
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(wait_for_check(0), 0);
	stop_recorder(&bench.s);
	alarm(HANG_S); /* whoever waits here waits for ever */
	for (uint32_t i = 1; i <= PUTS; i++) {
		assert_int_equal(put(CRITICAL, i), 0);
	}
	alarm(0);
	/* the pipe is full: that was worth trying */
	assert_int_equal(write(bench.s.bell[1], "", 1), -1);
	assert_int_equal(state_check(&bench.s), -EINPROGRESS);
	assert_int_equal(on_disk().detail, 0);
	const off_t calls = disk_calls();

	assert_int_equal(kill(bench.s.recorder, SIGCONT), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, PUTS);
	/* only the newest record was worth a write */
	assert_in_range(disk_calls() - calls, 2, 6);
}

static void test_signals_that_end_a_service_do_not_end_the_recorder(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	(void)state;
	assert_int_equal(state_start(&bench.s), 0);
	assert_int_equal(put(0U, 1U), 0);
	assert_int_equal(wait_for_check(0), 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(kill(bench.s.recorder, signals[i]), 0);
	}
	assert_int_equal(put(CRITICAL, 2U), 0);
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, 2);
}

/* state_open() as soon as the last recorder has let go. */
static struct state_record open_when_free(struct place *p)
{
	struct state_record got = {.latched = 0};
	int r = 0;

	for (int ms = 0; ms < WAIT_MS; ms++) {
		r = state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text));
		if (r != -EWOULDBLOCK) {
			break;
		}
		sleep_us(1000);
	}
	assert_int_equal(r, 0);
	return got;
}

/* A guard that dies as soon as it has put a latch; its recorder stands still meanwhile. */
static pid_t die_after_put(const char *path)
{
	struct state s;
	struct state_record got;
	const struct state_record latch = make_record(CRITICAL, 77U);
	char text[STATE_TEXT_MAX];
	int status = 0;
	pid_t recorder = 0;
	int tell[2];

	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	const pid_t pid = fork();

	if (pid == 0) {
		if (state_open(&s, path, LOST, &got, text, sizeof(text)) == 0 &&
		    state_start(&s) == 0 && kill(s.recorder, SIGSTOP) == 0 &&
		    waitpid(s.recorder, NULL, WUNTRACED) == s.recorder &&
		    state_put(&s, &latch) == 0 &&
		    write(tell[1], &s.recorder, sizeof(s.recorder)) == sizeof(s.recorder)) {
			(void)raise(SIGKILL);
		}
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(tell[0], &recorder, sizeof(recorder)), sizeof(recorder));
	close(tell[0]);
	close(tell[1]);
	return recorder;
}

static void test_SAF_12_latch_of_a_killed_guard_reaches_the_disk(void **state)
{
	struct place *p = *state;
	struct state_record got = {.latched = 0};

	state_close(&bench.s);
	const pid_t recorder = die_after_put(p->path);

	/* as long as it may write nobody else does */
	assert_int_equal(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)),
			 -EWOULDBLOCK);
	assert_int_equal(on_disk().latched, 0);
	assert_int_equal(kill(recorder, SIGCONT), 0);
	got = open_when_free(p);
	assert_int_equal(got.latched, CRITICAL);
	assert_int_equal(got.detail, 77);
}

/* ---- a disk that refuses ---- */

static void refuse(const char *function, int error, const char *remedy)
{
	char log[2048];

	assert_int_equal(put(0U, 1U), 0);
	assert_int_equal(wait_for_check(0), 0);
	disk_order(function, (uint8_t)error);
	for (uint32_t i = 2; i < 6U; i++) {
		const off_t calls = disk_calls();

		/* a newer record is tried at once; the log knows already */
		assert_int_equal(put(CRITICAL, i), 0);
		assert_int_equal(wait_for_check(-error), -error);
		for (int ms = 0; ms < WAIT_MS && disk_calls() == calls; ms++) {
			sleep_us(1000);
		}
		assert_true(disk_calls() > calls);
	}
	for (int ms = 0; ms < WAIT_MS && read_log(log, sizeof(log)) < 1; ms++) {
		sleep_us(1000);
	}
	assert_int_equal(read_log(log, sizeof(log)), 1);
	assert_int_equal(strncmp(log, "<3>", 3), 0);
	assert_non_null(strstr(log, strerror(error)));
	assert_non_null(strstr(log, remedy));
	assert_non_null(strstr(log, bench.p->path));
	if (strcmp(function, "pwrite") == 0) {
		assert_int_equal(on_disk().detail, 1);
	}
	disk_works(function);
	/* without a newer record: the recorder tries by itself */
	assert_int_equal(wait_for_check(0), 0);
	assert_int_equal(on_disk().detail, 5);
	/* the last record of which the disk was sure stayed as long as there was no newer one */
	assert_int_equal(number_before(), 1);
	/* it is said once the page has it */
	for (int ms = 0; ms < WAIT_MS && read_log(log, sizeof(log)) < 2; ms++) {
		sleep_us(1000);
	}
	assert_int_equal(read_log(log, sizeof(log)), 2);
	assert_non_null(strstr(log, "<5>"));
}

static void test_FLT_52_full_disk_is_said_once_and_tried_again(void **state)
{
	(void)state;
	start_logged();
	refuse("pwrite", ENOSPC, "free some space");
}

static void test_FLT_52_read_only_disk_is_said_once_and_tried_again(void **state)
{
	(void)state;
	start_logged();
	refuse("pwrite", EROFS, "writable");
}

static void test_FLT_52_failing_disk_is_said_once_and_tried_again(void **state)
{
	(void)state;
	start_logged();
	refuse("fdatasync", EIO, "failing");
}

static void test_FLT_52_end_with_a_disk_that_refuses_is_bounded(void **state)
{
	start_logged();
	disk_order("pwrite", ENOSPC);
	assert_int_equal(put(CRITICAL, 2U), 0);
	assert_int_equal(wait_for_check(-ENOSPC), -ENOSPC);
	state_close(&bench.s);
	/* what could not be written is not there, and what was there is whole */
	assert_int_equal(open_when_free(*state).latched, 0);
}

static void test_FLT_52_end_waits_at_most_2_s_and_the_recorder_goes_on_alone(void **state)
{
	start_logged();
	assert_int_equal(put(0U, 1U), 0);
	assert_int_equal(wait_for_check(0), 0);
	stop_recorder(&bench.s);
	disk_order("pwrite", FULL_ONCE);
	assert_int_equal(put(CRITICAL, 2U), 0);
	const pid_t recorder = bench.s.recorder;

	alarm(HANG_S);
	state_close(&bench.s);
	alarm(0);
	assert_int_equal(kill(recorder, SIGCONT), 0);
	/* one more attempt, though the guard is gone */
	assert_int_equal(open_when_free(*state).detail, 2);
	assert_int_equal(waitpid(recorder, NULL, 0), recorder);
}

/* A file system of 64 KiB, filled to the last byte. */
static int fill_disk(int full)
{
	static const char junk[4096];

	while (write(full, junk, sizeof(junk)) > 0) {
	}
	return errno;
}

#define MUST(condition)                                                \
	do {                                                           \
		if (!(condition)) {                                    \
			print_error("%d: " #condition "\n", __LINE__); \
			_exit(1);                                      \
		}                                                      \
	} while (0)

/* In a process with mounts of its own, on a file system that is really full. */
static void on_a_full_disk(struct place *p)
{
	struct state_record got;
	char path[128];

	MUST(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	MUST(mount("tmpfs", p->dir, "tmpfs", 0, FULL_BYTES) == 0);
	snprintf(path, sizeof(path), "%s/full", p->dir);
	const int full = open(path, O_WRONLY | O_CREAT, 0600);

	/* the first installation needs space, and says so */
	MUST(fill_disk(full) == ENOSPC);
	MUST(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)) == -ENOSPC);
	MUST(strstr(p->text, "free some space") != NULL);
	MUST(ftruncate(full, 0) == 0);
	MUST(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)) == 0);
	MUST(got.latched == 0U);
	MUST(strstr(p->text, "in memory") != NULL);
	/* afterwards nothing does */
	MUST(lseek(full, 0, SEEK_SET) == 0);
	MUST(fill_disk(full) == ENOSPC);
	MUST(state_start(&bench.s) == 0);
	for (uint32_t i = 1; i < 6U; i++) {
		MUST(put(CRITICAL, i) == 0);
		MUST(wait_for_check(0) == 0);
	}
	state_close(&bench.s);
	MUST(state_open(&bench.s, p->path, LOST, &got, p->text, sizeof(p->text)) == 0);
	MUST(got.latched == CRITICAL && got.detail == 5U);
	state_close(&bench.s);
	_exit(0);
}

static void test_FLT_52_full_disk_does_not_matter_once_there_is_a_file(void **state)
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) != 0) {
			_exit(77);
		}
		on_a_full_disk(*state);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 77 << 8) {
		print_message("only root can mount a file system that is full\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		PROCESS_TEST(test_SAF_12_what_is_put_is_on_disk),
		PROCESS_TEST(test_SAF_12_latch_survives_the_next_start),
		PROCESS_TEST(test_SAF_12_sequence_goes_on_over_the_end_of_32_bits),
		PROCESS_TEST(test_recorder_has_three_descriptors_and_no_priority),
		PROCESS_TEST(test_jkpylond_is_a_recorder_too),
		cmocka_unit_test(test_recorder_by_hand_says_what_it_is_for),
		PROCESS_TEST(
			test_FLT_62_recorder_killed_at_any_moment_leaves_the_old_or_the_new_record),
		PROCESS_TEST(test_FLT_62_SAF_12_torn_write_is_latched_unless_the_guard_lives),
		PROCESS_TEST(test_FLT_62_after_a_recorder_that_died_before_the_sync_one_syncs),
		PROCESS_TEST(test_SAF_12_what_is_put_without_a_recorder_waits_for_one),
		PROCESS_TEST(test_FLT_52_guard_never_waits_for_a_recorder_that_stands_still),
		PROCESS_TEST(test_signals_that_end_a_service_do_not_end_the_recorder),
		PROCESS_TEST(test_SAF_12_latch_of_a_killed_guard_reaches_the_disk),
		PROCESS_TEST(test_FLT_52_full_disk_is_said_once_and_tried_again),
		PROCESS_TEST(test_FLT_52_read_only_disk_is_said_once_and_tried_again),
		PROCESS_TEST(test_FLT_52_failing_disk_is_said_once_and_tried_again),
		PROCESS_TEST(test_FLT_52_end_with_a_disk_that_refuses_is_bounded),
		PROCESS_TEST(test_FLT_52_end_waits_at_most_2_s_and_the_recorder_goes_on_alone),
		PROCESS_TEST(test_FLT_52_full_disk_does_not_matter_once_there_is_a_file),
	};

	if (argc == 2 && strcmp(argv[1], "--" STATE_RECORDER_OPTION) == 0) {
		shared_log_init();
		return state_recorder_run();
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
