/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a line. */
#include "line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Where a missing file is a missing driver. */
static bool is_driver_file(const char *path)
{
	return has_prefix(path, "/sys/") || has_prefix(path, "/proc/") || has_prefix(path, "/dev/");
}

int line_file_set(int fd, bool active)
{
	const ssize_t n = pwrite(fd, active ? "1" : "0", 1, 0);

	if (n < 0) {
		return -errno;
	}
	return n == 1 ? 0 : -EIO;
}

/* Make an output ours, then inactive. */
static int claim_file(int fd)
{
	int result;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return -errno;
	}
	result = line_file_set(fd, false);
	if (result == 0) {
		/* What stood behind the level in a plain file goes; nobody depends on it. */
		const int ignored = ftruncate(fd, 1);

		(void)ignored;
	}
	return result;
}

int line_file_open(const char *path, enum line_direction direction)
{
	const bool output = direction == LINE_OUTPUT;
	const int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (output ? O_RDWR : O_RDONLY) |
			  (output && !is_driver_file(path) ? O_CREAT : 0);
	struct stat st;
	int result = 0;
	int fd;

	/* Look first: opening alone already does something to a FIFO, a tape or a watchdog. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		return -EINVAL;
	}
	fd = open(path, flags, FILE_MODE);
	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) < 0) {
		result = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		result = -EINVAL;
	} else if (output) {
		result = claim_file(fd);
	}
	if (result < 0) {
		(void)close(fd);
		return result;
	}
	return fd;
}

int line_file_get(int fd)
{
	struct stat st;
	char level;
	ssize_t n;

	/* The level of a plain file that is deleted or replaced would never change again. */
	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	if (st.st_nlink == 0) {
		return -ENODEV;
	}
	n = pread(fd, &level, 1, 0);
	if (n < 0) {
		return -errno;
	}
	if (n != 1 || (level != '0' && level != '1')) {
		return -EBADMSG;
	}
	return level - '0';
}

void line_file_close(int fd)
{
	(void)close(fd);
}
