/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, repairing and reading the file of the failsafe state. It is never renamed or replaced,
 * and locked before anything else is done with it: so two instances cannot hold two files of the
 * same name.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/remedy.h"
#include "base/time.h"
#include "state_file.h"

#define READ_TRIES    5
#define READ_PAUSE_NS (20 * NS_PER_MS)

__attribute__((format(printf, 4, 5))) static int fail(char *text, size_t size, int error,
						      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, size, format, ap);
	va_end(ap);
	return -error;
}

static int fail_open(const char *path, int error, char *text, size_t size)
{
	switch (error) {
	case ELOOP:
		return fail(text, size, error,
			    "%s is a symbolic link: give the path of the file itself", path);
	case EISDIR:
		return fail(text, size, error, "%s is a directory: give the path of a file in it",
			    path);
	case ENOENT:
		return fail(text, size, error,
			    "%s has no directory: make it for the user of the daemon "
			    "(StateDirectory=jkpylon in the service)",
			    path);
	case EACCES:
	case EPERM:
		return fail(text, size, error,
			    "%s: %s: file and directory must belong to the user of the daemon",
			    path, strerror(error));
	default:
		return fail(text, size, error, "cannot open %s: %s: %s", path, strerror(error),
			    state_file_remedy(error));
	}
}

/* What must not be there: something that is no file, or that others can change. */
static int check_file(const char *path, int fd, bool own, char *text, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return fail_open(path, errno, text, size);
	}
	if (S_ISDIR(st.st_mode)) {
		return fail_open(path, EISDIR, text, size);
	}
	if (!S_ISREG(st.st_mode)) {
		return fail(text, size, EINVAL, "%s is not a regular file: give another path",
			    path);
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0U) {
		return fail(text, size, EPERM, "%s can be written by others: chmod 600 it", path);
	}
	if (own && st.st_uid != geteuid()) {
		return fail(text, size, EPERM,
			    "%s belongs to user %u, and this runs as user %u: chown it, or run as "
			    "that user",
			    path, (unsigned int)st.st_uid, (unsigned int)geteuid());
	}
	return 0;
}

static int open_file(const char *path, int flags, int *ret_fd, char *text, size_t size)
{
	if (strlen(path) >= STATE_PATH_MAX) {
		return fail(text, size, ENAMETOOLONG, "%.40s...: the path is too long: at most %d",
			    path, STATE_PATH_MAX - 1);
	}
	/* O_NONBLOCK: opening a pipe that somebody put there must not wait for its other end */
	const int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			    STATE_MODE);

	if (fd < 0) {
		return fail_open(path, errno, text, size);
	}
	const int r = check_file(path, fd, flags != O_RDONLY, text, size);

	if (r != 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void warn_if_volatile(const char *path, int fd, char *text, size_t size)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0) {
		return;
	}
	/* signed and 32 bits wide on some machines */
	const uint32_t type = (uint32_t)fs.f_type;

	if (type == TMPFS_MAGIC || type == RAMFS_MAGIC || type == OVERLAYFS_SUPER_MAGIC) {
		snprintf(text, size,
			 "%s lies on a file system in memory, or on an overlay that may be: a "
			 "latched fault may not survive a reboot: put it on a disk",
			 path);
	}
}

/* A record that says: latched, nobody knows by what. What is still known goes with it. */
static void fill_lost(struct state_record *lost, uint32_t reason)
{
	struct timespec wall = {0};
	struct timespec mono = {0};

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	if (lost->latched != reason) {
		lost->detail = lost->latched;
		lost->latched = reason;
	}
	lost->when_s = (int64_t)wall.tv_sec;
	lost->monotonic_ns = (int64_t)mono.tv_sec * NS_PER_S + mono.tv_nsec;
}

/* Not known what was latched: so something is. The other slot stays until that is on disk. */
static int repair(int fd, const struct state_record slot[STATE_SLOTS], uint32_t lost_reason,
		  struct state_record *record)
{
	const int first = state_file_older(slot);
	const struct state_record *last = &slot[1 - first];

	if (state_is_good(last)) {
		*record = *last;
	}
	fill_lost(record, lost_reason);
	return state_file_write_both(fd, first, record, record->sequence + 1U);
}

/* The file is locked. Leave it good, on disk, and with its marker. */
static int settle(const char *path, int fd, uint32_t lost_reason, struct state_record *ret_newest,
		  char *text, size_t size)
{
	/* static: much for the stack, and one file at a time */
	static struct state_record slot[STATE_SLOTS];
	static struct state_record record;
	int r = state_file_judge(path, fd, slot);

	memset(&record, 0, sizeof(record));
	warn_if_volatile(path, fd, text, size);
	if (r >= 0) {
		record = slot[r];
		r = 0;
	} else if (r == -ENOENT) {
		r = state_file_write_both(fd, 0, &record, STATE_FIRST_SEQUENCE);
	} else if (r == -EBADMSG) {
		r = repair(fd, slot, lost_reason, &record);
		snprintf(text, size,
			 "%s was missing or broken: what was latched is not known, so a fault is "
			 "latched: look at the battery, then jkpylond --ack",
			 path);
	}
	if (r == 0) {
		r = state_file_settle(path, fd);
	}
	if (r != 0) {
		return fail(text, size, -r, "cannot write %s: %s: %s", path, strerror(-r),
			    state_file_remedy(-r));
	}
	*ret_newest = record;
	return 0;
}

int state_file_open(const char *path, uint32_t lost_reason, int *ret_fd,
		    struct state_record *ret_newest, char *text, size_t size)
{
	int fd = -1;
	int r = open_file(path, O_RDWR | O_CREAT, &fd, text, size);

	if (r != 0) {
		return r;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		r = settle(path, fd, lost_reason, ret_newest, text, size);
	} else if (errno != EWOULDBLOCK) {
		r = fail(text, size, errno, "cannot lock %s: %s: %s", path, strerror(errno),
			 remedy_of(errno));
	} else {
		r = fail(text, size, errno,
			 "cannot lock %s: %s: another jkpylond is running: stop it first (if none "
			 "is, its recorder still waits for the disk)",
			 path, strerror(errno));
	}
	if (r != 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* As state_file_judge(). A file that is being written may look broken, but not for long. */
static int judge_patiently(const char *path, int fd, struct state_record slot[STATE_SLOTS])
{
	const struct timespec pause = {.tv_nsec = (long)READ_PAUSE_NS};
	int r = state_file_judge(path, fd, slot);

	for (int i = 1; i < READ_TRIES && r == -EBADMSG; i++) {
		nanosleep(&pause, NULL);
		r = state_file_judge(path, fd, slot);
	}
	return r;
}

int state_read(const char *path, struct state_record *ret_record, char *text, size_t size)
{
	static struct state_record slot[STATE_SLOTS]; /* much for the stack, and one at a time */
	int fd = -1;
	int r;

	text[0] = '\0';
	if (strcmp(path, STATE_NONE) == 0) {
		return fail(text, size, ENOENT, "no state is kept (" STATE_NONE ")");
	}
	r = open_file(path, O_RDONLY, &fd, text, size);
	if (r == 0) {
		r = judge_patiently(path, fd, slot);
		close(fd);
	} else if (r == -ENOENT) {
		r = state_file_has_marker(path) == 0 ? -ENOENT : -EBADMSG;
	} else {
		return r;
	}
	switch (r) {
	case -ENOENT:
		return fail(text, size, ENOENT, "there is no %s yet: the first start makes it",
			    path);
	case -EBADMSG:
		return fail(text, size, EBADMSG,
			    "%s is missing or broken: the next start latches a fault", path);
	default:
		if (r < 0) {
			return fail_open(path, -r, text, size);
		}
		*ret_record = slot[r];
		return 0;
	}
}
