/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the failsafe state: two slots, each in a block of its own, and the marker beside. */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remedy.h"

#define MARKER_SUFFIX ".made"
#define NAME_SIZE     (STATE_PATH_MAX + sizeof(MARKER_SUFFIX))

const char *state_file_remedy(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "free some space there";
	case EROFS:
		return "mount that file system writable, or put the file on another one";
	case EBADMSG:
		return "memory of jkpylond is damaged, restart it";
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return remedy_of(error);
	default:
		return "the disk may be failing, see the kernel's log";
	}
}

int state_file_older(const struct state_record slot[STATE_SLOTS])
{
	const int newest = state_choose(slot);

	return newest >= 0 ? 1 - newest : (state_is_good(&slot[0]) ? 1 : 0);
}

int state_file_write(int fd, int slot, const struct state_record *record)
{
	const ssize_t n = pwrite(fd, record, sizeof(*record), (off_t)slot * STATE_BLOCK);

	if (n != (ssize_t)sizeof(*record)) {
		return n < 0 ? -errno : -ENOSPC;
	}
	return fdatasync(fd) == 0 ? 0 : -errno;
}

/* A slot with the rest of its block, so that the file has all its space from now on. */
static int write_block(int fd, int slot, const struct state_record *record)
{
	static const uint8_t rest[STATE_BLOCK - STATE_SIZE];
	const ssize_t n = pwrite(fd, rest, sizeof(rest), (off_t)slot * STATE_BLOCK + STATE_SIZE);

	if (n != (ssize_t)sizeof(rest)) {
		return n < 0 ? -errno : -ENOSPC;
	}
	return state_file_write(fd, slot, record);
}

int state_file_write_both(int fd, int first, struct state_record *record, uint32_t sequence)
{
	int r = 0;

	for (int i = 0; i < STATE_SLOTS && r == 0; i++) {
		state_seal(record, sequence + (uint32_t)i);
		r = write_block(fd, (first + i) % STATE_SLOTS, record);
	}
	if (r == 0 && (ftruncate(fd, STATE_FILE_SIZE) != 0 || fsync(fd) != 0)) {
		r = -errno;
	}
	return r;
}

int state_file_load(int fd, struct state_record slot[STATE_SLOTS])
{
	struct stat st;

	for (int i = 0; i < STATE_SLOTS; i++) {
		memset(&slot[i], 0, sizeof(slot[i]));
		if (pread(fd, &slot[i], sizeof(slot[i]), (off_t)i * STATE_BLOCK) < 0) {
			/* a bad sector: not a record, and not the zeros of a new file either */
			memset(&slot[i], UINT8_MAX, sizeof(slot[i]));
		}
	}
	if (fstat(fd, &st) != 0 || st.st_size != STATE_FILE_SIZE) {
		return -EBADMSG;
	}
	return state_choose(slot);
}

static void marker_name(const char *path, char *ret_name)
{
	snprintf(ret_name, NAME_SIZE, "%s" MARKER_SUFFIX, path);
}

int state_file_has_marker(const char *path)
{
	char name[NAME_SIZE];
	struct stat st;

	marker_name(path, name);
	if (lstat(name, &st) == 0) {
		return 1;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int sync_directory(const char *path)
{
	char dir[STATE_PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');

	if (slash != NULL) {
		/* with the slash: that of the root directory is all there is */
		memcpy(dir, path, (size_t)(slash - path) + 1U);
		dir[slash - path + 1] = '\0';
	}
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	/* EINVAL: a file system that has no such thing as a directory's sync */
	const int r = fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;

	close(fd);
	return r;
}

int state_file_settle(const char *path, int fd)
{
	char name[NAME_SIZE];
	int r = fsync(fd) == 0 ? state_file_has_marker(path) : -errno;

	if (r != 0) {
		return r < 0 ? r : 0;
	}
	/* The marker only when the file and its name are on disk. */
	r = sync_directory(path);
	if (r != 0) {
		return r;
	}
	marker_name(path, name);
	const int marker = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, STATE_MODE);

	if (marker < 0) {
		return -errno;
	}
	close(marker);
	return sync_directory(path);
}

/* Nothing but zeros and the two first records: as a first installation leaves it at any moment. */
static bool is_beginning(const struct state_record slot[STATE_SLOTS])
{
	for (uint32_t i = 0; i < STATE_SLOTS; i++) {
		struct state_record first = {.latched = 0};
		const uint8_t *wanted = (const uint8_t *)&first;
		const uint8_t *found = (const uint8_t *)&slot[i];

		state_seal(&first, STATE_FIRST_SEQUENCE + i);
		for (size_t at = 0; at < sizeof(first); at++) {
			if (found[at] != 0U && found[at] != wanted[at]) {
				return false;
			}
		}
	}
	return true;
}

int state_file_judge(const char *path, int fd, struct state_record slot[STATE_SLOTS])
{
	const int newest = state_file_load(fd, slot);

	if (newest >= 0) {
		return newest;
	}
	const int marker = state_file_has_marker(path);

	if (marker < 0) {
		return marker;
	}
	return marker == 0 && is_beginning(slot) ? -ENOENT : -EBADMSG;
}
