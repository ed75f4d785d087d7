/* SPDX-License-Identifier: Apache-2.0 */
#include "serial_open.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/serial.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/remedy.h"

#define PTS_MAJOR_FIRST 136U /* UNIX98 pty slaves, Documentation/admin-guide/devices.txt */
#define PTS_MAJOR_LAST	143U
#define GROUP_BUF_LEN	512 /* a larger group entry is shown by its number */
#define LATENCY_PATH	"/sys/dev/char/%u:%u/device/latency_timer"
#define LATENCY_MS	"1"

static void say_denied(const char *device, const struct stat *st, char *err, size_t err_len)
{
	char buf[GROUP_BUF_LEN];
	struct group entry;
	struct group *found = NULL;

	if (getgrgid_r(st->st_gid, &entry, buf, sizeof(buf), &found) == 0 && found) {
		(void)snprintf(err, err_len,
			       "%s: permission denied: the daemon's user must be in the group "
			       "\"%s\" (usermod -aG %s USER), or the udev rule must give access",
			       device, found->gr_name, found->gr_name);
		return;
	}
	(void)snprintf(err, err_len,
		       "%s: permission denied: the daemon's user must be in the group %lu of the "
		       "device, or the udev rule must give access",
		       device, (unsigned long)st->st_gid);
}

static int say_open_error(const char *device, int error, char *err, size_t err_len)
{
	struct stat st;

	switch (error) {
	case EACCES:
	case EPERM:
		if (stat(device, &st) == 0) {
			say_denied(device, &st, err, err_len);
		} else {
			(void)snprintf(err, err_len,
				       "%s: permission denied: a directory on the way may not be "
				       "entered",
				       device);
		}
		return -EACCES;
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
	case ENODEV:
		(void)snprintf(err, err_len,
			       "%s: no such serial device: check the cable and the name "
			       "(ls -l /dev/serial/by-id)",
			       device);
		return -ENOENT;
	case EBUSY:
	case EWOULDBLOCK:
		(void)snprintf(err, err_len,
			       "%s: in use by another program: stop it (fuser -v %s; a login "
			       "console: systemctl disable --now serial-getty@...)",
			       device, device);
		return -EBUSY;
	case ENOTTY:
		(void)snprintf(err, err_len,
			       "%s: not a serial port: give the path of a tty, such as "
			       "/dev/serial/by-id/...",
			       device);
		return -ENOTTY;
	default:
		(void)snprintf(err, err_len, "%s: cannot be opened: %s: %s", device,
			       strerror(error), remedy_of(error));
		return -error;
	}
}

static bool is_pty(const struct stat *st)
{
	return major(st->st_rdev) >= PTS_MAJOR_FIRST && major(st->st_rdev) <= PTS_MAJOR_LAST;
}

/*
 * The lock of flock(2) keeps a second instance and well-behaved programs out, and ends with the
 * process. TIOCEXCL keeps the others out, except root; the flag lives as long as the tty itself,
 * and a pty lives as long as its master: there, after a crash, it would lock out ourselves.
 */
static int make_exclusive(int fd, const struct stat *st)
{
	int exclusive = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return -errno;
	}
	if (is_pty(st)) {
		return 0;
	}
	if (ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive != 0) {
		return -EBUSY;
	}
	return ioctl(fd, TIOCEXCL) < 0 ? -errno : 0;
}

/*
 * 115200 8N1, raw. VMIN is 1, not 0: on a non-blocking descriptor "nothing there" then reads as
 * EAGAIN and differs from the 0 of a device that is gone, without a poll(2) in every period.
 */
static int set_line(int fd)
{
	struct termios t;
	struct termios now;

	if (tcgetattr(fd, &t) < 0) {
		return -errno;
	}
	cfmakeraw(&t);
	t.c_iflag &= ~(tcflag_t)(IXOFF | IXANY | INPCK);
	t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS | PARODD);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (cfsetispeed(&t, B115200) < 0 || cfsetospeed(&t, B115200) < 0) {
		return -errno;
	}
	if (tcsetattr(fd, TCSANOW, &t) < 0 || tcgetattr(fd, &now) < 0) {
		return -errno;
	}
	/* tcsetattr() succeeds if any of the changes was made. */
	if ((now.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS)) != CS8 ||
	    cfgetospeed(&now) != B115200) {
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Best effort: FTDI chips hold back a partial packet for 16 ms unless told otherwise. */
static void set_low_latency(int fd, const struct stat *st)
{
	struct serial_struct serial;
	char path[64];
	int sysfs;

	memset(&serial, 0, sizeof(serial));
	if (ioctl(fd, TIOCGSERIAL, &serial) == 0) {
		serial.flags |= (int)ASYNC_LOW_LATENCY;
		(void)ioctl(fd, TIOCSSERIAL, &serial);
	}
	(void)snprintf(path, sizeof(path), LATENCY_PATH, major(st->st_rdev), minor(st->st_rdev));
	sysfs = open(path, O_WRONLY | O_CLOEXEC);
	if (sysfs >= 0) {
		const ssize_t ignored = write(sysfs, LATENCY_MS, strlen(LATENCY_MS));

		(void)ignored;
		(void)close(sysfs);
	}
}

static int set_up(int fd, const char *device, char *err, size_t err_len)
{
	struct stat st;
	int result;

	if (isatty(fd) == 0) {
		return say_open_error(device, ENOTTY, err, err_len);
	}
	if (fstat(fd, &st) < 0) {
		return say_open_error(device, errno, err, err_len);
	}
	result = make_exclusive(fd, &st);
	if (result < 0) {
		return say_open_error(device, -result, err, err_len);
	}
	result = set_line(fd);
	if (result < 0) {
		(void)snprintf(err, err_len, "%s: does not take 115200 8N1 (%s): use another port",
			       device, strerror(-result));
		return result;
	}
	set_low_latency(fd, &st);
	(void)tcflush(fd, TCIOFLUSH);
	return 0;
}

int serial_open(const char *device, int *ret_fd, char *err, size_t err_len)
{
	struct stat st;
	int fd;
	int result;

	/* Look first: opening alone already does something to a FIFO, a tape or a watchdog. */
	if (stat(device, &st) < 0) {
		return say_open_error(device, errno, err, err_len);
	}
	if (!S_ISCHR(st.st_mode)) {
		return say_open_error(device, ENOTTY, err, err_len);
	}
	fd = open(device, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		return say_open_error(device, errno, err, err_len);
	}
	result = set_up(fd, device, err, err_len);
	if (result < 0) {
		(void)close(fd);
		return result;
	}
	*ret_fd = fd;
	return 0;
}

void serial_close(int fd)
{
	/* Otherwise close(2) waits up to 30 s for the output to drain. */
	(void)tcflush(fd, TCIOFLUSH);
	(void)close(fd);
}
