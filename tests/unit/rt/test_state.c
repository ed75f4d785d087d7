/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failsafe state: the record, the choice between two slots, and the file in every condition
 * that a crash, a disk or a person can leave it in. The linker puts the functions below in the
 * place of those that write (--wrap), so the power can fail at any of them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "state_place.h"

#define NEVER	  (-1)
#define STEPS_MAX 100

/* The disk: steps until the power fails, and how much of the write it hits is done. */
static int steps_left = NEVER;
static bool half;

static bool power(void)
{
	if (steps_left > 0) {
		steps_left--;
	}
	return steps_left != 0;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
	const bool alive = steps_left != 0;

	if (power()) {
		return write_at(fd, data, len, at);
	}
	if (alive && half) {
		(void)!write_at(fd, data, len / 2U, at);
	}
	errno = EIO;
	return -1;
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	return __wrap_pwrite(fd, data, len, at);
}

static int powered(int r)
{
	errno = EIO;
	return r;
}

int __wrap_fdatasync(int fd)
{
	return power() ? __real_fdatasync(fd) : powered(-1);
}

int __wrap_fsync(int fd)
{
	return power() ? __real_fsync(fd) : powered(-1);
}

/* Open and close again, as a start of the guard does. */
static int open_once(struct place *p, struct state_record *ret_newest)
{
	struct state s;
	const int r = state_open(&s, p->path, LOST, ret_newest, p->text, sizeof(p->text));

	state_close(&s);
	return r;
}

static void expect_open(struct place *p, uint32_t latched)
{
	struct state_record got;

	memset(&got, 0xA5, sizeof(got));
	const int r = open_once(p, &got);

	if (r != 0) {
		print_error("%s\n", p->text);
	}
	assert_int_equal(r, 0);
	assert_int_equal(got.latched, latched);
	assert_true(state_is_good(&got));
}

static bool says_lost(const struct place *p)
{
	return strstr(p->text, "missing or broken") != NULL;
}

/* Lost: latched, the file is repaired, it stays latched, and is said only once. */
static void expect_lost(struct place *p)
{
	struct state_record got;

	expect_open(p, LOST);
	assert_true(says_lost(p));
	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), 0);
	assert_int_equal(got.latched, LOST);
	assert_true(got.when_s > 1500000000);
	expect_open(p, LOST);
	assert_false(says_lost(p));
}

static void change_file(const struct place *p, off_t at, uint8_t flip)
{
	const int fd = open(p->path, O_RDWR);
	uint8_t byte = 0;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= flip;
	assert_int_equal(write_at(fd, &byte, 1, at), 1);
	close(fd);
}

/* ---- the record ---- */

static void make_slots(struct state_record slot[STATE_SLOTS], uint32_t first, uint32_t second)
{
	slot[0] = make_record(0U, 1U);
	slot[1] = make_record(CRITICAL, 2U);
	state_seal(&slot[0], first);
	state_seal(&slot[1], second);
}

/* CRC-32 in another way than that of the code: from the top, with the bits turned round. */
static uint32_t crc_of(const struct state_record *r)
{
	uint32_t crc = 0xFFFFFFFFU;
	uint32_t turned = 0;

	for (size_t i = 0; i < sizeof(*r) - sizeof(r->checksum); i++) {
		for (unsigned int bit = 0; bit < 8U; bit++) {
			const uint32_t in = (((const uint8_t *)r)[i] >> bit) & 1U;

			crc = (crc << 1) ^ (((crc >> 31) ^ in) != 0U ? 0x04C11DB7U : 0U);
		}
	}
	for (unsigned int bit = 0; bit < 32U; bit++) {
		turned |= ((~crc >> bit) & 1U) << (31U - bit);
	}
	return turned;
}

static void test_checksum_is_the_crc_32_of_all_the_world(void **state)
{
	struct state_record r = make_record(CRITICAL, 1U);

	(void)state;
	state_seal(&r, 7U);
	assert_int_equal(r.checksum, crc_of(&r));
	assert_memory_equal(r.magic, "JKPS", 4);
	assert_true(state_is_good(&r));
}

static void test_SAF_12_right_sum_is_not_enough(void **state)
{
	struct state_record bad[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		bad[i] = make_record(0U, 1U);
		state_seal(&bad[i], 7U);
	}
	bad[0].magic[3] = 'X';
	bad[1].version = STATE_VERSION + 1U;
	memset(bad[2].relay, 'x', sizeof(bad[2].relay));
	for (size_t i = 0; i < 3; i++) {
		bad[i].checksum = crc_of(&bad[i]);
		assert_false(state_is_good(&bad[i]));
	}
}

static void test_text_without_end_is_cut(void **state)
{
	struct state_record r = make_record(0U, 1U);

	(void)state;
	memset(r.relay, 'x', sizeof(r.relay));
	state_seal(&r, 1U);
	assert_true(state_is_good(&r));
	assert_int_equal(strlen(r.relay), STATE_RELAY_MAX - 1);
}

static void test_SAF_12_every_flipped_bit_of_a_slot_is_seen(void **state)
{
	struct state_record slot[STATE_SLOTS];
	uint8_t *bytes = (uint8_t *)slot;

	(void)state;
	make_slots(slot, 8U, 7U);
	assert_int_equal(state_choose(slot), 0);
	for (size_t i = 0; i < sizeof(slot); i++) {
		for (unsigned int bit = 0; bit < 8U; bit++) {
			bytes[i] ^= (uint8_t)(1U << bit);
			assert_int_equal(state_choose(slot), -EBADMSG);
			bytes[i] ^= (uint8_t)(1U << bit);
		}
	}
	assert_int_equal(state_choose(slot), 0);
}

static void test_SAF_12_every_torn_slot_is_seen(void **state)
{
	struct state_record slot[STATE_SLOTS];
	struct state_record torn[STATE_SLOTS];
	struct state_record next = make_record(CRITICAL, 3U);

	(void)state;
	make_slots(slot, 8U, 7U);
	state_seal(&next, 9U);
	/* slot 1 gets the next record: at each length of what arrived it is old, new, or broken */
	for (size_t n = 0; n <= sizeof(next); n++) {
		memcpy(torn, slot, sizeof(torn));
		memcpy(&torn[1], &next, n);
		const bool old = memcmp(&torn[1], &slot[1], sizeof(next)) == 0;
		const bool new = memcmp(&torn[1], &next, sizeof(next)) == 0;

		assert_int_equal(state_choose(torn), old ? 0 : (new ? 1 : -EBADMSG));
	}
}

static void test_SAF_12_newest_of_two_slots_also_over_the_end_of_32_bits(void **state)
{
	static const struct {
		uint32_t first;
		uint32_t second;
		int newest;
	} cases[] = {
		{1, 2, 1},
		{2, 1, 0},
		{7, 4000, 1}, /* records between were replaced by newer ones */
		{UINT32_MAX, 0, 1},
		{0, UINT32_MAX, 0},
		{UINT32_MAX, UINT32_MAX - 1U, 0},
		{0x7FFFFFFF, 0x80000000, 1},
		{0x80000000, 0x7FFFFFFF, 0},
		{0, 0x7FFFFFFF, 1},
		{0, 0x80000001, 0},
		{5, 5, -EBADMSG}, /* never written so */
		{0, 0x80000000, -EBADMSG},
	};
	struct state_record slot[STATE_SLOTS];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_slots(slot, cases[i].first, cases[i].second);
		assert_int_equal(state_choose(slot), cases[i].newest);
	}
}

static void test_SAF_12_one_good_slot_or_none_is_not_enough(void **state)
{
	struct state_record slot[STATE_SLOTS];

	(void)state;
	for (int i = 0; i < STATE_SLOTS; i++) {
		make_slots(slot, 8U, 7U);
		memset(&slot[i], 0, sizeof(slot[i]));
		assert_int_equal(state_choose(slot), -EBADMSG);
		/* and the next record goes where it destroys nothing */
		assert_int_equal(state_file_older(slot), i);
	}
	make_slots(slot, 8U, 7U);
	assert_int_equal(state_file_older(slot), 1);
	memset(slot, 0, sizeof(slot));
	assert_int_equal(state_choose(slot), -EBADMSG);
}

/* ---- the file ---- */

static void test_SAF_12_first_installation_is_not_latched(void **state)
{
	struct place *p = *state;
	struct state_record got;
	struct stat st;

	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), -ENOENT);
	assert_non_null(strstr(p->text, "first start"));
	expect_open(p, 0U);
	assert_false(says_lost(p));
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, STATE_FILE_SIZE);
	assert_int_equal(st.st_mode & 0777U, 0600);
	/* it has all its space */
	assert_true((int64_t)st.st_blocks * 512 >= STATE_FILE_SIZE);
	assert_int_equal(lstat(p->marker, &st), 0);
	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), 0);
	assert_int_equal(got.latched, 0);
	expect_open(p, 0U);
}

static void test_SAF_12_what_was_latched_is_latched_at_the_next_start(void **state)
{
	struct place *p = *state;
	struct state_record got;

	place_fill(p, CRITICAL, 8U);
	assert_int_equal(open_once(p, &got), 0);
	assert_int_equal(got.latched, CRITICAL);
	assert_int_equal(got.detail, 2);
	assert_int_equal(got.sequence, 8);
	assert_string_equal(got.relay, RELAY);
	assert_false(says_lost(p));
}

static void test_SAF_12_missing_file_is_latched(void **state)
{
	struct place *p = *state;
	struct state_record got;

	expect_open(p, 0U);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), -EBADMSG);
	expect_lost(p);
}

static void test_SAF_12_missing_marker_is_made_again(void **state)
{
	struct place *p = *state;
	struct stat st;

	place_fill(p, CRITICAL, 8U);
	assert_int_equal(unlink(p->marker), 0);
	expect_open(p, CRITICAL);
	assert_int_equal(lstat(p->marker, &st), 0);
}

static void test_SAF_12_broken_file_without_marker_is_no_first_installation(void **state)
{
	struct place *p = *state;

	place_fill(p, CRITICAL, 8U);
	assert_int_equal(unlink(p->marker), 0);
	change_file(p, STATE_BLOCK + 100, 1U);
	expect_lost(p);
}

static void test_SAF_12_every_truncation_is_latched(void **state)
{
	struct place *p = *state;
	struct state_record slot[STATE_SLOTS];
	struct state_record got;

	place_fill(p, 0U, 8U);
	const int fd = open(p->path, O_RDWR);

	assert_int_equal(state_file_judge(p->path, fd, slot), 1);
	for (off_t len = STATE_FILE_SIZE - 1; len >= 0; len--) {
		assert_int_equal(ftruncate(fd, len), 0);
		assert_int_equal(state_file_judge(p->path, fd, slot), -EBADMSG);
	}
	close(fd);
	static const off_t lengths[] = {0,    1,    511,  512,	513,  4095,
					4096, 4097, 4607, 4608, 8191, 8193};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		place_fill(p, 0U, 8U);
		assert_int_equal(truncate(p->path, lengths[i]), 0);
		assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), -EBADMSG);
		expect_lost(p);
	}
}

static void test_SAF_12_broken_slot_is_latched_and_the_other_one_keeps_the_relay(void **state)
{
	struct place *p = *state;
	struct state_record got;

	/* beginning and end of each slot, and some bytes between */
	for (off_t at = 0; at < 2 * STATE_SIZE; at += (at % STATE_SIZE == 490 ? 21 : 49)) {
		place_fill(p, CRITICAL, 8U);
		const bool newest = at >= STATE_SIZE;

		change_file(p, newest ? STATE_BLOCK + at - STATE_SIZE : at, 0x40U);
		assert_int_equal(open_once(p, &got), 0);
		assert_int_equal(got.latched, LOST);
		assert_int_equal(got.detail, newest ? 0U : CRITICAL);
		assert_string_equal(got.relay, RELAY);
		assert_true(says_lost(p));
		expect_open(p, LOST);
		assert_false(says_lost(p));
	}
}

static void test_SAF_12_another_version_is_latched(void **state)
{
	struct place *p = *state;
	struct state_record other = make_record(0U, 2U);

	place_fill(p, 0U, 8U);
	state_seal(&other, 9U);
	other.version = STATE_VERSION + 1U;
	other.checksum = crc_of(&other);
	const int fd = open(p->path, O_RDWR);

	assert_int_equal(write_at(fd, &other, sizeof(other), STATE_BLOCK), sizeof(other));
	close(fd);
	expect_lost(p);
}

static void test_lost_twice_remembers_what_was_latched_at_first(void **state)
{
	struct place *p = *state;
	struct state_record got;

	place_fill(p, CRITICAL, 8U);
	change_file(p, 100, 1U);
	expect_lost(p);
	change_file(p, 100, 1U);
	assert_int_equal(open_once(p, &got), 0);
	assert_int_equal(got.latched, LOST);
	assert_int_equal(got.detail, CRITICAL);
}

/* The power fails at step after step of what @prepare left to do, until there are no more steps. */
static void fail_everywhere(struct place *p, void (*prepare)(const struct place *p),
			    uint32_t latched)
{
	for (int tear = 0; tear < 2; tear++) {
		int step = 1;

		for (;; step++) {
			struct state_record got;

			place_clear(p);
			prepare(p);
			half = tear == 1;
			steps_left = step;
			int fd = -1;
			const int r = state_file_open(p->path, LOST, &fd, &got, p->text,
						      sizeof(p->text));

			steps_left = NEVER;
			close(fd);
			if (r == 0) {
				break;
			}
			assert_int_equal(r, -EIO);
			assert_non_null(strstr(p->text, "cannot write"));
			expect_open(p, latched);
			assert_true(step < STEPS_MAX);
		}
		assert_true(step > 6);
	}
}

static void prepare_nothing(const struct place *p)
{
	(void)p;
}

static void prepare_missing(const struct place *p)
{
	place_fill(p, 0U, 8U);
	(void)unlink(p->path);
}

static void prepare_broken_older(const struct place *p)
{
	place_fill(p, 0U, 8U);
	change_file(p, 17, 1U);
}

static void prepare_broken_newest(const struct place *p)
{
	place_fill(p, 0U, 8U);
	change_file(p, STATE_BLOCK + 17, 1U);
}

static void prepare_short(const struct place *p)
{
	place_fill(p, 0U, 8U);
	(void)!truncate(p->path, STATE_BLOCK + STATE_SIZE);
}

static void prepare_long(const struct place *p)
{
	place_fill(p, 0U, 8U);
	(void)!truncate(p->path, STATE_FILE_SIZE + 1);
}

static void test_FLT_62_power_loss_at_each_step_of_the_first_installation(void **state)
{
	fail_everywhere(*state, prepare_nothing, 0U);
}

static void test_FLT_62_SAF_12_power_loss_at_each_step_of_a_repair(void **state)
{
	fail_everywhere(*state, prepare_missing, LOST);
	fail_everywhere(*state, prepare_broken_older, LOST);
	fail_everywhere(*state, prepare_broken_newest, LOST);
	fail_everywhere(*state, prepare_short, LOST);
	fail_everywhere(*state, prepare_long, LOST);
}

/* A record that a killed recorder left in the kernel's memory counts only when the disk has it. */
static void test_FLT_62_open_waits_until_the_disk_has_what_it_reports(void **state)
{
	struct place *p = *state;
	struct state_record got;
	int fd = -1;

	place_fill(p, CRITICAL, 8U);
	steps_left = 1;
	const int r = state_file_open(p->path, LOST, &fd, &got, p->text, sizeof(p->text));

	steps_left = NEVER;
	assert_int_equal(r, -EIO);
	expect_open(p, CRITICAL);
}

static void test_SAF_18_second_instance_is_refused(void **state)
{
	struct place *p = *state;
	struct state first;
	struct state_record got;

	assert_int_equal(state_open(&first, p->path, LOST, &got, p->text, sizeof(p->text)), 0);
	memset(&got, 0xA5, sizeof(got));
	assert_int_equal(open_once(p, &got), -EWOULDBLOCK);
	assert_non_null(strstr(p->text, "another jkpylond"));
	assert_int_equal(got.latched, 0xA5A5A5A5U); /* untouched */
	/* looking is allowed */
	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), 0);
	state_close(&first);
	expect_open(p, 0U);
}

/* ---- what must not be there ---- */

static void expect_refused(struct place *p, int error, const char *why, bool also_to_read)
{
	struct state_record got;

	memset(&got, 0xA5, sizeof(got));
	assert_int_equal(open_once(p, &got), -error);
	assert_non_null(strstr(p->text, why));
	assert_int_equal(got.latched, 0xA5A5A5A5U);
	if (also_to_read) {
		assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), -error);
		assert_non_null(strstr(p->text, why));
		assert_int_equal(got.latched, 0xA5A5A5A5U);
	}
}

static void test_symbolic_link_is_refused(void **state)
{
	struct place *p = *state;
	char target[112];
	struct stat st;

	snprintf(target, sizeof(target), "%s/target", p->dir);
	assert_int_equal(symlink(target, p->path), 0);
	expect_refused(p, ELOOP, "symbolic link", true);
	assert_int_equal(stat(target, &st), -1);
}

static void test_directory_and_pipe_are_refused(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkdir(p->path, 0700), 0);
	expect_refused(p, EISDIR, "directory", true);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0600), 0);
	expect_refused(p, EINVAL, "regular file", true);
}

static void test_file_that_others_can_write_is_refused(void **state)
{
	struct place *p = *state;

	expect_open(p, 0U);
	assert_int_equal(chmod(p->path, 0620), 0);
	expect_refused(p, EPERM, "chmod 600", true);
	assert_int_equal(chmod(p->path, 0602), 0);
	expect_refused(p, EPERM, "chmod 600", true);
	assert_int_equal(chmod(p->path, 0600), 0);
	expect_open(p, 0U);
}

static void test_file_of_another_user_is_refused(void **state)
{
	struct place *p = *state;
	struct state_record got;

	if (geteuid() != 0) {
		print_message("only root can give a file away\n");
		skip();
	}
	expect_open(p, 0U);
	assert_int_equal(chown(p->path, 12345, 12345), 0);
	expect_refused(p, EPERM, "belongs to user 12345", false);
	/* root may look at the state of the daemon's user */
	assert_int_equal(state_read(p->path, &got, p->text, sizeof(p->text)), 0);
}

static void test_impossible_paths_are_refused(void **state)
{
	struct place *p = *state;
	struct place missing = *p;
	struct state_record got;
	struct state s;
	char path[STATE_PATH_MAX + 1];

	snprintf(missing.path, sizeof(missing.path), "%s/none/state", p->dir);
	expect_refused(&missing, ENOENT, "StateDirectory", false);
	assert_int_equal(state_read(missing.path, &got, p->text, sizeof(p->text)), -ENOENT);
	memset(path, 'x', sizeof(path));
	path[STATE_PATH_MAX] = '\0';
	assert_int_equal(state_open(&s, path, LOST, &got, p->text, sizeof(p->text)), -ENAMETOOLONG);
	state_close(&s);
	assert_int_equal(state_read(path, &got, p->text, sizeof(p->text)), -ENAMETOOLONG);
}

static void test_text_of_any_size(void **state)
{
	struct place *p = *state;
	struct state_record got;
	struct state s;
	char text[2] = {'x', 'y'};

	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(state_open(&s, p->path, LOST, &got, text, 1), -EISDIR);
	assert_int_equal(text[0], '\0');
	assert_int_equal(text[1], 'y');
	assert_int_equal(rmdir(p->path), 0);
}

static void test_without_a_file_nothing_fails(void **state)
{
	struct place *p = *state;
	struct state_record got = make_record(CRITICAL, 1U);
	struct state s;

	assert_int_equal(state_open(&s, STATE_NONE, LOST, &got, p->text, sizeof(p->text)), 0);
	assert_int_equal(got.latched, 0);
	assert_string_equal(p->text, "");
	assert_int_equal(state_start(&s), 0);
	assert_int_equal(state_put(&s, &got), 0);
	assert_int_equal(state_check(&s), 0);
	state_close(&s);
	assert_int_equal(state_read(STATE_NONE, &got, p->text, sizeof(p->text)), -ENOENT);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum_is_the_crc_32_of_all_the_world),
		cmocka_unit_test(test_SAF_12_right_sum_is_not_enough),
		cmocka_unit_test(test_text_without_end_is_cut),
		cmocka_unit_test(test_SAF_12_every_flipped_bit_of_a_slot_is_seen),
		cmocka_unit_test(test_SAF_12_every_torn_slot_is_seen),
		cmocka_unit_test(test_SAF_12_newest_of_two_slots_also_over_the_end_of_32_bits),
		cmocka_unit_test(test_SAF_12_one_good_slot_or_none_is_not_enough),
		FILE_TEST(test_SAF_12_first_installation_is_not_latched),
		FILE_TEST(test_SAF_12_what_was_latched_is_latched_at_the_next_start),
		FILE_TEST(test_SAF_12_missing_file_is_latched),
		FILE_TEST(test_SAF_12_missing_marker_is_made_again),
		FILE_TEST(test_SAF_12_broken_file_without_marker_is_no_first_installation),
		FILE_TEST(test_SAF_12_every_truncation_is_latched),
		FILE_TEST(test_SAF_12_broken_slot_is_latched_and_the_other_one_keeps_the_relay),
		FILE_TEST(test_SAF_12_another_version_is_latched),
		FILE_TEST(test_lost_twice_remembers_what_was_latched_at_first),
		FILE_TEST(test_FLT_62_power_loss_at_each_step_of_the_first_installation),
		FILE_TEST(test_FLT_62_SAF_12_power_loss_at_each_step_of_a_repair),
		FILE_TEST(test_FLT_62_open_waits_until_the_disk_has_what_it_reports),
		FILE_TEST(test_SAF_18_second_instance_is_refused),
		FILE_TEST(test_symbolic_link_is_refused),
		FILE_TEST(test_directory_and_pipe_are_refused),
		FILE_TEST(test_file_that_others_can_write_is_refused),
		FILE_TEST(test_file_of_another_user_is_refused),
		FILE_TEST(test_impossible_paths_are_refused),
		FILE_TEST(test_text_of_any_size),
		FILE_TEST(test_without_a_file_nothing_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
