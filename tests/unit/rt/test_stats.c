/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics page: buckets, making it, refusing what is not one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/stats.h"

#define SOMEBODY 65534U

struct place {
	char dir[64];
	char path[96];
	char error[STATS_ERROR_MAX];
	struct stats_page *page;
	int lock_fd;
};

static int make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/jkpylon-stats-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		return -1;
	}
	/* a directory that is missing is made */
	snprintf(p->path, sizeof(p->path), "%s/run/stats", p->dir);
	p->lock_fd = -1;
	*state = p;
	return stats_create(p->path, &p->page, &p->lock_fd, p->error);
}

static int drop(void **state)
{
	struct place *p = *state;
	char name[128];

	stats_destroy(p->page, p->lock_fd);
	unlink(p->path);
	snprintf(name, sizeof(name), "%s.lock", p->path);
	unlink(name);
	snprintf(name, sizeof(name), "%s/run", p->dir);
	rmdir(name);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void test_histogram_bucket_is_within_a_64th_of_its_values(void **state)
{
	(void)state;
	assert_int_equal(stats_hist_index(INT64_MIN), 0);
	assert_int_equal(stats_hist_index(-1), 0);
	assert_int_equal(stats_hist_index(0), 0);
	assert_int_equal(stats_hist_index(STATS_HIST_MAX_NS), STATS_HIST_BUCKETS - 1U);
	assert_int_equal(stats_hist_index(STATS_HIST_MAX_NS + 1), STATS_HIST_BUCKETS);
	assert_int_equal(stats_hist_index(INT64_MAX), STATS_HIST_BUCKETS);
	for (uint32_t i = 0; i < STATS_HIST_BUCKETS; i++) {
		assert_int_equal(stats_hist_index(stats_hist_low_ns(i)), i);
		if (i > 0U) {
			assert_int_equal(stats_hist_index(stats_hist_low_ns(i) - 1), i - 1U);
		}
	}
	for (int64_t v = 1; v <= STATS_HIST_MAX_NS; v += v / 997 + 1) {
		const uint32_t i = stats_hist_index(v);
		const int64_t low = stats_hist_low_ns(i);
		const int64_t high = stats_hist_low_ns(i + 1U);
		const int64_t middle = (low + high) / 2;
		const int64_t error = v > middle ? v - middle : middle - v;

		assert_true(low <= v && v < high);
		assert_true(v < NS_PER_US || error * 64 <= v);
	}
}

static void test_quantiles_of_few_values_are_theirs(void **state)
{
	uint32_t cell[STATS_HIST_CELLS] = {0};

	(void)state;
	assert_int_equal(stats_hist_quantile_ns(cell, 500000), -1);
	cell[stats_hist_index(1000)]++;
	assert_int_equal(stats_hist_quantile_ns(cell, 0), stats_hist_quantile_ns(cell, 1000000));
	assert_in_range(stats_hist_quantile_ns(cell, 0), 980, 1020);
	for (int i = 0; i < 8; i++) {
		cell[stats_hist_index(1000000)]++;
	}
	cell[stats_hist_index(INT64_MAX)]++;
	assert_int_equal(stats_hist_count(cell), 10);
	/* the first of ten, the second to the ninth, the last */
	assert_in_range(stats_hist_quantile_ns(cell, 100000), 980, 1020);
	assert_in_range(stats_hist_quantile_ns(cell, 100001), 980000, 1020000);
	assert_in_range(stats_hist_quantile_ns(cell, 900000), 980000, 1020000);
	assert_true(stats_hist_quantile_ns(cell, 900001) == INT64_MAX);
}

static void test_quantiles_of_full_cells_do_not_overflow(void **state)
{
	uint32_t cell[STATS_HIST_CELLS];

	(void)state;
	memset(cell, 0xFF, sizeof(cell));
	assert_true(stats_hist_count(cell) == UINT64_C(0xFFFFFFFF) * STATS_HIST_CELLS);
	/* the middle of all cells */
	const int64_t half_ns = stats_hist_quantile_ns(cell, 500000);

	assert_int_equal(stats_hist_index(half_ns), (STATS_HIST_CELLS + 1U) / 2U - 1U);
	assert_true(stats_hist_quantile_ns(cell, 1000000) == INT64_MAX);
}

static void test_what_is_measured_has_a_name_and_a_definition(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STATS_TIMES; i++) {
		assert_true(strlen(stats_time_name(i)) > 1U && strlen(stats_time_text(i)) > 1U);
		assert_true(strlen(stats_time_from(i)) > 1U && strlen(stats_time_to(i)) > 1U);
		for (uint32_t k = 0; k < i; k++) {
			assert_string_not_equal(stats_time_name(i), stats_time_name(k));
		}
	}
	assert_string_equal(stats_time_name(STATS_TIMES), "?");
}

static void test_reader_sees_what_was_written(void **state)
{
	struct place *p = *state;
	struct stats_reader reader = {0};
	struct telemetry t = {0};
	struct stats_loop l = {0};
	struct telemetry got_t;
	struct stats_loop got_l;
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(stats_open(p->path, &reader, p->error), 0);
	assert_int_equal(reader.page->header.pid, getpid());
	assert_int_equal(stats_read(&reader, &got_t, &got_l), -EAGAIN);
	t.cvl_mv = 55200;
	l.cycles = UINT64_C(0x123456789A);
	snapshot_write(&p->page->telemetry.head, &t, sizeof(t));
	snapshot_write(&p->page->loop.head, &l, sizeof(l));
	assert_int_equal(stats_read(&reader, &got_t, &got_l), 0);
	assert_int_equal(got_t.cvl_mv, 55200);
	assert_true(got_l.cycles == UINT64_C(0x123456789A));
	stats_close(&reader);
	assert_null(reader.page);
}

static void test_SAF_18_second_page_of_the_same_name_is_refused(void **state)
{
	struct place *p = *state;
	struct stats_page *page = NULL;
	int lock_fd = -1;

	p->page->header.pid = 4711;
	assert_int_equal(stats_create(p->path, &page, &lock_fd, p->error), -EWOULDBLOCK);
	assert_null(page);
	assert_int_equal(lock_fd, -1);
	assert_non_null(strstr(p->error, "another jkpylon is running"));
	/* the first one was not disturbed */
	struct stats_reader reader = {0};

	assert_int_equal(stats_open(p->path, &reader, p->error), 0);
	assert_int_equal(reader.page->header.pid, 4711);
	stats_close(&reader);
}

static void test_page_of_a_dead_process_is_replaced(void **state)
{
	struct place *p = *state;
	struct stats_reader old = {0};
	struct stats_reader new = {0};

	p->page->header.pid = 4711;
	assert_int_equal(stats_open(p->path, &old, p->error), 0);
	stats_destroy(p->page, p->lock_fd);
	assert_int_equal(stats_create(p->path, &p->page, &p->lock_fd, p->error), 0);
	assert_int_equal(stats_open(p->path, &new, p->error), 0);
	assert_int_equal(new.page->header.pid, getpid());
	assert_int_equal(old.page->header.pid, 4711);
	stats_close(&old);
	stats_close(&new);
}

/* A dry run by root before the first start of the service must not shut its user out. */
static void test_lock_that_root_makes_belongs_to_the_owner_of_the_folder(void **state)
{
	struct place *p = *state;
	char lock[128];
	char dir[128];
	struct stat st;

	snprintf(lock, sizeof(lock), "%s.lock", p->path);
	snprintf(dir, sizeof(dir), "%s/run", p->dir);
	if (geteuid() != 0) {
		skip();
	}
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(chown(dir, SOMEBODY, SOMEBODY), 0);
	/* one that is there, and one that is made */
	for (int i = 0; i < 2; i++) {
		stats_destroy(p->page, p->lock_fd);
		p->page = NULL;
		assert_int_equal(stats_create(p->path, &p->page, &p->lock_fd, p->error), 0);
		assert_int_equal(stat(lock, &st), 0);
		assert_int_equal(st.st_uid, SOMEBODY);
		assert_int_equal(st.st_gid, SOMEBODY);
		assert_int_equal(unlink(lock), 0);
	}
	/* what is more than a lock, or has another name, is left alone */
	char other[128];

	snprintf(other, sizeof(other), "%s/other", p->dir);
	stats_destroy(p->page, p->lock_fd);
	p->page = NULL;
	const int fd = open(other, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(link(other, lock), 0);
	assert_int_equal(stats_create(p->path, &p->page, &p->lock_fd, p->error), 0);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(unlink(other), 0);
}

static void test_FLT_66_reader_refuses_what_is_no_page(void **state)
{
	struct place *p = *state;
	struct stats_reader reader = {0};
	struct stats_header *h = &p->page->header;
	char name[128];

	h->magic[0] = 'X';
	assert_int_equal(stats_open(p->path, &reader, p->error), -EPROTO);
	assert_non_null(strstr(p->error, "no statistics page"));
	h->magic[0] = 'J';
	h->version++;
	assert_int_equal(stats_open(p->path, &reader, p->error), -EPROTO);
	assert_non_null(strstr(p->error, "version 5, this program reads version 4"));
	h->version--;
	h->size -= 8U;
	assert_int_equal(stats_open(p->path, &reader, p->error), -EPROTO);
	h->size += 8U;
	h->hist_cells--;
	assert_int_equal(stats_open(p->path, &reader, p->error), -EPROTO);
	h->hist_cells++;
	/* a file cut short must not be mapped */
	assert_int_equal(stats_open(p->path, &reader, p->error), 0);
	stats_close(&reader);
	snprintf(name, sizeof(name), "%s.cut", p->path);
	const int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, h, sizeof(*h)), sizeof(*h));
	close(fd);
	assert_int_equal(stats_open(name, &reader, p->error), -EPROTO);
	unlink(name);
	assert_int_equal(stats_open("/nonexistent/stats", &reader, p->error), -ENOENT);
	assert_non_null(strstr(p->error, "/nonexistent/stats"));
	assert_null(reader.page);
}

static void test_page_that_cannot_be_made_names_path_and_remedy(void **state)
{
	struct place *p = *state;
	struct stats_page *page = NULL;
	int lock_fd = -1;

	assert_int_equal(stats_create("/proc/jkpylon/stats", &page, &lock_fd, p->error), -ENOENT);
	assert_non_null(strstr(p->error, "/proc/jkpylon/stats"));
	assert_non_null(strstr(p->error, "rt.stats"));
	assert_null(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram_bucket_is_within_a_64th_of_its_values),
		cmocka_unit_test(test_quantiles_of_few_values_are_theirs),
		cmocka_unit_test(test_quantiles_of_full_cells_do_not_overflow),
		cmocka_unit_test(test_what_is_measured_has_a_name_and_a_definition),
		cmocka_unit_test_setup_teardown(test_reader_sees_what_was_written, make, drop),
		cmocka_unit_test_setup_teardown(test_SAF_18_second_page_of_the_same_name_is_refused,
						make, drop),
		cmocka_unit_test_setup_teardown(test_page_of_a_dead_process_is_replaced, make,
						drop),
		cmocka_unit_test_setup_teardown(
			test_lock_that_root_makes_belongs_to_the_owner_of_the_folder, make, drop),
		cmocka_unit_test_setup_teardown(test_FLT_66_reader_refuses_what_is_no_page, make,
						drop),
		cmocka_unit_test_setup_teardown(test_page_that_cannot_be_made_names_path_and_remedy,
						make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
