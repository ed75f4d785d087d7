/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder with real files: ring, incidents, what a killed worker leaves, a full disk. The
 * core runs in simulated time; the moment of a fault is pending until the recorder is stopped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "core/record_replay.h"
#include "lib/bench.h"
#include "svc/recorder.h"

#define PARTS	  64U
#define FILE_SIZE (4U * 1024U * 1024U)
#define PATH_SIZE 256U
#define SETTINGS  "[bms]\n# poll\npoll = 250ms\n"
#define PERIOD_NS (5 * NS_PER_MS)
#define STOP_MS	  SERVICE_STOP_MAX_MS

static struct recorder recorder;
static struct recorder second;
static struct bench bench;
static struct record_part part[PARTS];
static struct record_replay replay;
static struct record_head head;
static uint32_t parts;
static uint8_t bytes[FILE_SIZE];
static char folder[PATH_SIZE];
static char ring[PATH_SIZE + 8U];
static char incidents[PATH_SIZE + 16U];
static char text[PATH_SIZE * 4U];

static struct recorder_config config(void)
{
	return (struct recorder_config){.ring = ring,
					.bytes = RECORDER_SIZE_MIN,
					.incidents = incidents,
					.drain_ms = 2,
					.before_ms = 120000,
					.after_ms = 30000,
					.settings = SETTINGS,
					.version = "1.2.3"};
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/dev/shm/jkpylon-recorder-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(ring, sizeof(ring), "%s/ring", folder);
	snprintf(incidents, sizeof(incidents), "%s/incidents", folder);
	return 0;
}

/* A folder with its files; one of the folders inside it may be empty. */
static void empty(const char *path)
{
	static char name[PATH_SIZE * 4U];
	DIR *d = opendir(path);

	for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (unlink(name) != 0) {
			(void)rmdir(name);
		}
	}
	if (d != NULL) {
		(void)closedir(d);
	}
	(void)rmdir(path);
}

static int tear_down(void **state)
{
	(void)state;
	(void)recorder_stop(&recorder, false, STOP_MS);
	empty(incidents);
	empty(folder);
	return 0;
}

static void watch(struct bench *b, void *arg)
{
	(void)recorder_step(arg, &b->in, &b->out, &b->cycle);
}

static void begin_without_thread(struct recorder *r)
{
	const struct recorder_config c = config();

	assert_int_equal(recorder_open(r, &c), 0);
	bench_init(&bench);
	bench.now_ns = service_now();
	bench.relay = RELAY_CLOSED;
	bench_boot(&bench, NULL);
	recorder_begin(r, &bench.cycle, bench.now_ns, bench.now_ns, PERIOD_NS);
	bench.watch = watch;
	bench.watch_arg = r;
}

static void begin(struct recorder *r)
{
	begin_without_thread(r);
	assert_int_equal(recorder_start(r), 0);
}

/* Some seconds at a time, so that the thread, which looks once a second, need not be waited for. */
static void run_ms(int32_t ms)
{
	while (ms > 0) {
		bench_run_ms(&bench, 5000);
		ms -= 5000;
		const uint32_t want = atomic_load(&recorder.staging->head);

		for (int i = 0; i < 3000 && atomic_load(&recorder.staging->tail) != want; i++) {
			(void)usleep(200);
		}
		assert_int_equal(atomic_load(&recorder.staging->tail), want);
	}
}

static void break_down(void)
{
	bench.silent = true;
	bench_run_ms(&bench, 12000);
}

static size_t load(const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		fail_msg("%s: %s", path, strerror(errno));
	}
	const size_t n = fread(bytes, 1, sizeof(bytes), f);

	(void)fclose(f);
	return n;
}

/* Return: steps, all of them with the outputs that were recorded. */
static uint32_t verify(const char *path)
{
	enum record_event e = RECORD_EVENT_BEGIN;
	uint32_t steps = 0;
	const size_t n = load(path);

	assert_int_equal(record_file_parse(bytes, n, &head, part, PARTS, &parts), 0);
	record_replay_init(&replay, &bench.config, part, parts, false);
	while (e != RECORD_EVENT_END) {
		assert_int_equal(record_replay_next(&replay, &e), 0);
		assert_true(e != RECORD_EVENT_GAP && e != RECORD_EVENT_LOST);
		steps += e == RECORD_EVENT_STEP ? 1U : 0U;
		assert_false(replay.differs);
	}
	return steps;
}

/* Names in the folder of incidents that contain @what. Return: their number, the last in @text. */
static uint32_t find(const char *what)
{
	DIR *d = opendir(incidents);
	uint32_t n = 0;

	for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
		if (strstr(e->d_name, what) != NULL) {
			snprintf(text, sizeof(text), "%s/%s", incidents, e->d_name);
			n++;
		}
	}
	if (d != NULL) {
		(void)closedir(d);
	}
	return n;
}

static uint32_t events_of(struct recorder *r, uint32_t id)
{
	struct event e;
	uint32_t n = 0;

	while (ring_pop(&r->service.events, &e)) {
		n += e.id == id ? 1U : 0U;
	}
	return n;
}

static void test_ring_replays_and_its_owner_can_read_it_alone(void **state)
{
	struct stat st;

	(void)state;
	begin(&recorder);
	run_ms(20000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_int_equal(verify(ring), 4000);
	assert_int_equal(head.orderly, 1);
	assert_string_equal(head.version, "1.2.3");
	assert_memory_equal(bytes + head.config_at, "bms.poll=250ms\n", head.config_len);
	assert_int_equal(stat(ring, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	assert_int_equal(find("jkr"), 0);
}

static void test_oldest_blocks_are_overwritten(void **state)
{
	(void)state;
	begin(&recorder);
	run_ms(15 * 60 * 1000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	const uint32_t steps = verify(ring);

	/* A key each minute: 13 blocks have the last minutes, and nothing is missing between them. */
	assert_true(steps > 100000 && steps < 180000);
	assert_true(load(ring) <= RECORDER_SIZE_MIN);
}

static void test_fault_is_kept_when_the_recorder_is_stopped(void **state)
{
	(void)state;
	begin(&recorder);
	run_ms(10000);
	break_down();
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_int_equal(find("-trip-bms-silent.jkr"), 1);
	assert_int_equal(events_of(&recorder, EVENT_INCIDENT_KEPT), 1);
	assert_int_equal(verify(text), 22000 / 5);
	assert_int_equal(head.trigger, RECORD_TRIGGER_TRIP);
	assert_int_equal(head.reason, REASON_BMS_SILENT);
	assert_int_equal(find(".tmp"), 0);
}

static void test_handover_leaves_it_to_the_next(void **state)
{
	(void)state;
	begin(&recorder);
	run_ms(5000);
	break_down();
	assert_int_equal(recorder_stop(&recorder, true, STOP_MS), 0);
	assert_int_equal(find("jkr"), 0);
	begin(&recorder);
	run_ms(5000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_int_equal(find("-trip-bms-silent.jkr"), 1);
	assert_int_equal(verify(text), 17000 / 5);
}

static void test_same_fault_is_kept_once_in_five_minutes(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(&recorder);
		run_ms(5000);
		break_down();
		assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	}
	assert_int_equal(find("jkr"), 1);
}

/* A worker that is killed after some seconds, with bytes in the staging area. */
static void be_killed(void)
{
	const pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		begin(&recorder);
		run_ms(5000);
		bench_run_ms(&bench, 700);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_FLT_28_next_worker_keeps_what_a_killed_one_recorded(void **state)
{
	(void)state;
	be_killed();
	begin(&recorder);
	run_ms(5000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_int_equal(find("-worker-worker-failed.jkr"), 1);
	/* To the last step, what was not yet in a block included. */
	assert_int_equal(verify(text), 5700 / 5);
	assert_true((part[parts - 1U].block.flags & RECORD_BLOCK_REST) != 0U || parts > 1U);
	snprintf(text, sizeof(text), "%s" RECORDER_OLD, ring);
	assert_int_equal(access(text, R_OK), 0);
}

static void test_FLT_65_worker_that_dies_again_and_again_is_kept_once(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		be_killed();
	}
	assert_int_equal(find("jkr"), 1);
}

static void test_FLT_52_full_disk_is_told_once_and_leaves_nothing(void **state)
{
	int status = 0;

	(void)state;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* Room for a ring of this time, which ends before its blocks do, none for its copy. */
		struct rlimit limit = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY};

		begin(&recorder);
		run_ms(5000);
		break_down();
		(void)usleep(50000); /* all of it is in the ring */
		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		(void)recorder_stop(&recorder, false, STOP_MS);
		_exit(events_of(&recorder, EVENT_INCIDENT_FAILED) == 1U ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(find("jkr"), 0);
}

static void test_FLT_52_ring_without_room_ends_the_recording_alone(void **state)
{
	int status = 0;

	(void)state;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit limit = {.rlim_cur = 200 * 1024, .rlim_max = RLIM_INFINITY};

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		begin(&recorder);
		for (int i = 0; i < 10 && atomic_load(&recorder.off) == 0U; i++) {
			bench_run_ms(&bench, 20000);
			(void)usleep(50000);
		}
		const bool off = atomic_load(&recorder.off) != 0U;

		bench_run_ms(&bench, 20000); /* costs nothing any more */
		(void)recorder_stop(&recorder, false, STOP_MS);
		_exit(off && events_of(&recorder, EVENT_RECORDER_FULL) == 1U ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void touch(const char *name, const char *content)
{
	snprintf(text, sizeof(text), "%s/%s", incidents, name);
	FILE *f = fopen(text, "we");

	assert_non_null(f);
	(void)fputs(content, f);
	(void)fclose(f);
}

/* The next worker finds no room: what the one before has left stays where it was, to be read. */
static void test_FLT_52_ring_that_cannot_be_made_leaves_the_one_before(void **state)
{
	int status = 0;

	(void)state;
	begin(&recorder);
	run_ms(5000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit limit = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY};
		const struct recorder_config c = config();

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		_exit(recorder_open(&second, &c) == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(verify(ring), 1000);
}

/* Of a worker that died, with numbers of the staging area that nobody could have written. */
static void test_damaged_staging_area_is_not_walked(void **state)
{
	static const uint32_t odd[][2] = {{1, 33}, {17, 16}, {0, 40}, {0, UINT32_MAX}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const pid_t pid = fork();
		int status = 0;

		assert_true(pid >= 0);
		if (pid == 0) {
			begin_without_thread(&recorder); /* no block */
			bench_run_ms(&bench, 700);
			atomic_store(&recorder.staging->tail, odd[i][0]);
			atomic_store(&recorder.staging->head, odd[i][1]);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		begin(&recorder);
		run_ms(5000);
		assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
		assert_int_equal(find("jkr"), 0);
	}
}

static void test_number_of_incidents_is_bounded_and_remains_go(void **state)
{
	char name[64];

	(void)state;
	assert_int_equal(mkdir(incidents, 0700), 0);
	for (uint32_t i = 0; i < RECORDER_KEPT + 5U; i++) {
		snprintf(name, sizeof(name), "20200101T0000%02uZ-stop-frozen.jkr", (unsigned int)i);
		touch(name, "old");
	}
	touch(".20200101T000000Z-stop-frozen.jkr.tmp", "half");
	touch("notes.txt", "of the user");
	touch("20990101T000000Z-stop-frozen.jkr", "of a clock that was wrong");
	begin(&recorder);
	run_ms(5000);
	break_down();
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_int_equal(find(".jkr"), RECORDER_KEPT);
	assert_int_equal(find("notes.txt"), 1);
	assert_int_equal(find("20200101T000006Z"), 0);
	assert_int_equal(find("20200101T000007Z"), 1);
	assert_int_equal(find("trip"), 1);
}

static void test_second_writer_is_refused_and_other_files_are_left(void **state)
{
	const struct recorder_config c = config();

	(void)state;
	begin(&recorder);
	assert_int_equal(recorder_open(&second, &c), -EBUSY);
	bench_run_ms(&bench, 1000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_int_equal(verify(ring), 200);
	FILE *f = fopen(ring, "we");

	assert_non_null(f);
	(void)fputs("the user's own file", f);
	(void)fclose(f);
	assert_int_equal(recorder_open(&second, &c), -EEXIST);
	assert_int_equal(load(ring), strlen("the user's own file"));
	assert_int_equal(unlink(ring), 0);
	assert_int_equal(mkdir(ring, 0700), 0);
	assert_int_equal(recorder_open(&second, &c), -EISDIR);
}

static void test_thread_that_is_too_slow_costs_steps_and_says_so(void **state)
{
	(void)state;
	begin_without_thread(&recorder);
	/* More than the area has room for. */
	bench_run_ms(&bench, 60000);
	assert_int_equal(recorder_start(&recorder), 0);
	run_ms(10000);
	(void)usleep(50000);
	assert_int_equal(recorder_stop(&recorder, false, STOP_MS), 0);
	assert_true(atomic_load(&recorder.lost_total) > 0U);
	assert_true(events_of(&recorder, EVENT_RECORDER_LOST) > 0U);

	enum record_event e = RECORD_EVENT_BEGIN;
	uint32_t lost = 0;

	assert_int_equal(record_file_parse(bytes, load(ring), &head, part, PARTS, &parts), 0);
	record_replay_init(&replay, &bench.config, part, parts, false);
	while (e != RECORD_EVENT_END) {
		assert_int_equal(record_replay_next(&replay, &e), 0);
		lost += e == RECORD_EVENT_LOST ? replay.item.lost : 0U;
		assert_false(replay.differs);
	}
	assert_int_equal(lost, atomic_load(&recorder.lost_total));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_ring_replays_and_its_owner_can_read_it_alone),
		T(test_oldest_blocks_are_overwritten),
		T(test_fault_is_kept_when_the_recorder_is_stopped),
		T(test_handover_leaves_it_to_the_next),
		T(test_same_fault_is_kept_once_in_five_minutes),
		T(test_FLT_28_next_worker_keeps_what_a_killed_one_recorded),
		T(test_FLT_65_worker_that_dies_again_and_again_is_kept_once),
		T(test_FLT_52_full_disk_is_told_once_and_leaves_nothing),
		T(test_FLT_52_ring_without_room_ends_the_recording_alone),
		T(test_FLT_52_ring_that_cannot_be_made_leaves_the_one_before),
		T(test_damaged_staging_area_is_not_walked),
		T(test_number_of_incidents_is_bounded_and_remains_go),
		T(test_second_writer_is_refused_and_other_files_are_left),
		T(test_thread_that_is_too_slow_costs_steps_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
