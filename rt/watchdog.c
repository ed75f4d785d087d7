/* SPDX-License-Identifier: Apache-2.0 */
/* Hardware watchdog. */
#include "rt/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/units.h"
#include "report.h"

#define NONE	      "none"
#define MAGIC_CLOSE   "V"
#define PRETIMEOUT_OF 4 /* parts of the timeout */
#define PATH_LEN      64

/* /dev/watchdog is a second name of /dev/watchdog0 and has no folder of its own. */
#define MISC_MAJOR    10U
#define MISC_WATCHDOG 130U
#define MISC_NOWAYOUT "/sys/class/watchdog/watchdog0/nowayout"
#define ANY_NOWAYOUT  "/sys/dev/char/%u:%u/nowayout"

_Static_assert(sizeof(((struct watchdog_info *)NULL)->identity) == WATCHDOG_IDENTITY_MAX - 1,
	       "the kernel's text, and a NUL");

static int say_open(const struct report *r, int error)
{
	switch (error) {
	case EBUSY:
		return report_say(
			r, -EBUSY,
			"systemd's RuntimeWatchdogSec or another daemon holds it: never both; set "
			"RuntimeWatchdogSec=0 or failsafe.watchdog=none");
	case EACCES:
	case EPERM:
		return report_say(
			r, -EACCES,
			"permission denied: the daemon's group needs write access, which the "
			"package's udev rule gives (ls -l %s)",
			r->subject);
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
		return report_say(
			r, -ENOENT,
			"no such watchdog: load its driver (wdctl shows what there is; a Raspberry "
			"Pi needs dtparam=watchdog=on in config.txt), or failsafe.watchdog=none");
	case ENOTTY:
		return report_say(r, -ENOTTY,
				  "not a watchdog: give /dev/watchdog0, for example, or none");
	default:
		return report_say(r, -error, "the watchdog cannot be used: %s", strerror(error));
	}
}

/* Return: false as well if the kernel does not tell. */
static bool read_nowayout(int fd)
{
	char path[PATH_LEN] = MISC_NOWAYOUT;
	char value = '0';
	struct stat st;
	int sysfs;

	if (fstat(fd, &st) < 0) {
		return false;
	}
	if (major(st.st_rdev) != MISC_MAJOR || minor(st.st_rdev) != MISC_WATCHDOG) {
		(void)snprintf(path, sizeof(path), ANY_NOWAYOUT, major(st.st_rdev),
			       minor(st.st_rdev));
	}
	sysfs = open(path, O_RDONLY | O_CLOEXEC);
	if (sysfs < 0) {
		return false;
	}
	if (read(sysfs, &value, 1) != 1) {
		value = '0';
	}
	(void)close(sysfs);
	return value != '0';
}

static int set_timeout(struct watchdog *w, int timeout_s, const struct report *r)
{
	int value = timeout_s;
	const bool refused = ioctl(w->fd, WDIOC_SETTIMEOUT, &value) < 0;

	/* The device rounds, or has a timeout of its own: what counts is what it has now. */
	value = 0;
	if (ioctl(w->fd, WDIOC_GETTIMEOUT, &value) < 0) {
		return report_say(r, -ERANGE,
				  "\"%s\" does not tell its timeout: use another watchdog, or "
				  "failsafe.watchdog=none",
				  w->identity);
	}
	if (value > timeout_s || value < WATCHDOG_TIMEOUT_MIN_S) {
		return report_say(
			r, -ERANGE,
			"\"%s\" has a timeout of %d s%s, which is not within %d and %d s: use "
			"another watchdog, or failsafe.watchdog=none",
			w->identity, value, refused ? " and takes no other" : "",
			WATCHDOG_TIMEOUT_MIN_S, timeout_s);
	}
	w->timeout_s = value;
	return 0;
}

/* The pretimeout is an extra: without it the reset comes all the same, only without a trace. */
static void set_pretimeout(struct watchdog *w)
{
	int value = w->timeout_s / PRETIMEOUT_OF;

	value = value < 1 ? 1 : value;
	if (ioctl(w->fd, WDIOC_SETPRETIMEOUT, &value) == 0 &&
	    ioctl(w->fd, WDIOC_GETPRETIMEOUT, &value) == 0 && value > 0 && value < w->timeout_s) {
		w->pretimeout_s = value;
	}
}

static int set_up(struct watchdog *w, int timeout_s, const struct report *r)
{
	struct watchdog_info info;
	int status = 0;
	int result;

	memset(&info, 0, sizeof(info));
	w->magic = true; /* until it says otherwise */
	if (ioctl(w->fd, WDIOC_GETSUPPORT, &info) < 0) {
		return say_open(r, errno);
	}
	w->magic = (info.options & WDIOF_MAGICCLOSE) != 0U;
	w->nowayout = read_nowayout(w->fd);
	memcpy(w->identity, info.identity, sizeof(info.identity));
	result = set_timeout(w, timeout_s, r);
	if (result < 0) {
		return result;
	}
	if ((info.options & WDIOF_PRETIMEOUT) != 0U) {
		set_pretimeout(w);
	}
	/* 0 is also what a device answers that knows nothing; -1 would be "unknown". */
	if (ioctl(w->fd, WDIOC_GETBOOTSTATUS, &status) == 0 && status >= 0) {
		w->boot_status = (uint32_t)status;
	}
	result = watchdog_feed(w);
	if (result < 0) {
		return report_say(r, result == -ENOTTY ? -EOPNOTSUPP : result,
				  "\"%s\" cannot be fed (%s): use another watchdog, or "
				  "failsafe.watchdog=none",
				  w->identity, strerror(-result));
	}
	return 0;
}

int watchdog_open(struct watchdog *w, const char *path, int timeout_s, char *error, size_t size)
{
	const struct report r = {.subject = path, .text = error, .size = size};
	struct stat st;
	int result;

	*w = (struct watchdog){.fd = -1};
	if (strcmp(path, NONE) == 0) {
		return 0;
	}
	if (timeout_s < WATCHDOG_TIMEOUT_MIN_S) {
		return report_say(&r, -EINVAL, "a timeout of %d s is too short: at least %d s",
				  timeout_s, WATCHDOG_TIMEOUT_MIN_S);
	}
	/* Look first: nothing but a device is opened for writing. */
	if (stat(path, &st) < 0) {
		return say_open(&r, errno);
	}
	if (!S_ISCHR(st.st_mode)) {
		return say_open(&r, ENOTTY);
	}
	w->fd = open(path, O_WRONLY | O_CLOEXEC);
	if (w->fd < 0) {
		return say_open(&r, errno);
	}
	result = set_up(w, timeout_s, &r);
	if (result < 0) {
		/* It has been running since open(2). What is no watchdog gets no letter. */
		(void)watchdog_close(w, result != -ENOTTY);
	}
	return result;
}

int watchdog_feed(struct watchdog *w)
{
	if (w->fd < 0) {
		return 0;
	}
	return ioctl(w->fd, WDIOC_KEEPALIVE, 0) < 0 ? -errno : 0;
}

bool watchdog_close(struct watchdog *w, bool orderly)
{
	bool stopped = false;

	if (w->fd < 0) {
		return true;
	}
	if (orderly && w->magic) {
		stopped = write(w->fd, MAGIC_CLOSE, 1) == 1 && !w->nowayout;
	}
	stopped = close(w->fd) == 0 && stopped;
	w->fd = -1;
	return stopped;
}

const char *watchdog_boot_text(uint32_t boot_status, char *text, size_t size)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} words[] = {
		{WDIOF_CARDRESET, "reset by the watchdog"},
		{WDIOF_OVERHEAT, "overheated"},
		{WDIOF_FANFAULT, "a fan failed"},
		{WDIOF_POWERUNDER, "supply voltage too low"},
		{WDIOF_POWEROVER, "supply voltage too high"},
		{WDIOF_EXTERN1, "external relay 1"},
		{WDIOF_EXTERN2, "external relay 2"},
	};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words) && used < size; i++) {
		if ((boot_status & words[i].bit) != 0U) {
			const int n = snprintf(text + used, size - used, "%s%s",
					       used > 0 ? ", " : "", words[i].text);

			used += n > 0 ? (size_t)n : 0U;
		}
	}
	return text;
}
