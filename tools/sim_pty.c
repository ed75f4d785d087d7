/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminal of the simulated BMS: see sim_pty.h. */
#include "sim_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Raw mode is set once here: a client that does not set it must not get its own bytes back. */
static int make_raw(const char *name)
{
	const int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0) {
		return -errno;
	}
	int rc = 0;

	if (tcgetattr(fd, &t) != 0) {
		rc = -errno;
	} else {
		cfmakeraw(&t);
		cfsetispeed(&t, B115200);
		cfsetospeed(&t, B115200);
		rc = tcsetattr(fd, TCSANOW, &t) == 0 ? 0 : -errno;
	}
	close(fd);
	return rc;
}

int sim_pty_open(char name[SIM_NAME_MAX])
{
	const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		return -errno;
	}
	int rc = grantpt(fd) != 0 || unlockpt(fd) != 0 ? -errno : 0;

	if (rc == 0) {
		rc = -ptsname_r(fd, name, SIM_NAME_MAX);
	}
	if (rc == 0) {
		rc = make_raw(name);
	}
	if (rc != 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* The link appears and changes in one step, as udev does it. */
int sim_pty_link(const char *link, const char *target)
{
	char temp[SIM_PATH_MAX + 8];
	struct stat st;

	if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode)) {
		return -EEXIST;
	}
	snprintf(temp, sizeof(temp), "%s.new", link);
	if (unlink(temp) != 0 && errno != ENOENT) {
		return -errno;
	}
	if (symlink(target, temp) != 0) {
		return -errno;
	}
	return rename(temp, link) == 0 ? 0 : -errno;
}
