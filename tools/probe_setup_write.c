/* SPDX-License-Identifier: Apache-2.0 */
/* The file: made beside its place, checked as the daemon does, moved there whole. */
#include "probe_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/remedy.h"

#define BACKUPS	  1000
#define MODE	  0644
#define PERMITTED 07777

static void print_settings(FILE *f, const struct setup *s)
{
	fprintf(f, "[bms]\ndevice = %s\n\n[can]\ninterface = %s\nmanage = %s\n\n", s->device,
		s->can, s->manage ? "yes" : "no");
	fprintf(f, "[failsafe]\nrelay = %s\n", s->relay);
	if (strcmp(s->relay, "none") != 0) {
		fprintf(f, "relay_mode = %s\n", s->pulse ? "pulse" : "level");
	}
	fprintf(f, "watchdog = %s\n", s->watchdog);
	if (s->mqtt_host[0] != '\0') {
		fprintf(f, "\n[mqtt]\nhost = %s\nport = %s\n", s->mqtt_host, s->mqtt_port);
	}
	if (s->mqtt_host[0] != '\0' && s->mqtt_tls) {
		fprintf(f, "tls = yes\n");
	}
	if (s->mqtt_user[0] != '\0') {
		fprintf(f, "user = %s\n", s->mqtt_user);
	}
	if (s->mqtt_password_file[0] != '\0') {
		fprintf(f, "password_file = %s\n", s->mqtt_password_file);
	}
}

char *setup_text(const struct setup *s)
{
	const struct found *found = s->found;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL) {
		return NULL;
	}
	fprintf(f,
		"# Configuration of jkpylond, begun by jkpylon-probe setup.\n"
		"# What does not stand here has its default, all limits of the battery among it:\n"
		"# jkpylon.conf(5) describes the keys, jkpylond --print-config shows their values.\n");
	if (s->bms != FOUND_UNKNOWN) {
		const struct jk_sample *b = &found->serial[s->bms].bms.sample;

		fprintf(f, "# The BMS said: %u cells, %" PRIu32 " Ah.\n", b->cells, b->capacity_ah);
	}
	for (uint32_t i = 0; i < found->meters; i++) {
		fprintf(f, "# Heard: meter %" PRIu32 " on %s; see [sma] in jkpylon.conf(5).\n",
			found->meter[i].serial, found->meter[i].interface);
	}
	for (uint32_t i = 0; i < found->modules; i++) {
		fprintf(f, "# Answered: GoodWe module at %s; see [goodwe] in jkpylon.conf(5).\n",
			found->module[i].address);
	}
	fprintf(f, "\n");
	print_settings(f, s);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int fail(const char *path, int error)
{
	fprintf(stderr, "jkpylon-probe: %s: %s: %s\n", path, strerror(error), remedy_of(error));
	return -error;
}

int setup_may_write(const char *path)
{
	char copy[FOUND_PATH];
	struct stat st;

	if (strlen(path) + sizeof(".old-1000") >= sizeof(copy)) {
		return fail(path, ENAMETOOLONG);
	}
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fprintf(stderr, "jkpylon-probe: %s is no plain file: give another name\n", path);
		return -EINVAL;
	}
	sys_text(copy, sizeof(copy), "%s", path);
	const char *folder = dirname(copy);

	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		fprintf(stderr,
			"jkpylon-probe: %s: there is no such folder: install the package, or sudo "
			"mkdir -p %s\n",
			folder, folder);
		return -ENOENT;
	}
	if (access(folder, W_OK | X_OK) != 0) {
		const int error = errno;

		fprintf(stderr, "jkpylon-probe: nothing can be written in %s: %s: %s\n", folder,
			strerror(error),
			error == EACCES ? "use sudo, or --output FILE" : remedy_of(error));
		return -error;
	}
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* As the file was, if there was one: what a user has restricted stays so. */
static int fill(int fd, const char *path, const char *text)
{
	struct stat st;
	int r = write_all(fd, text);

	if (r == 0 && stat(path, &st) == 0) {
		r = fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & PERMITTED) != 0
			    ? -errno
			    : 0;
	} else if (r == 0 && fchmod(fd, MODE) != 0) {
		r = -errno;
	}
	if (r == 0 && fsync(fd) != 0) {
		r = -errno;
	}
	return r;
}

/* A second name for what is there, one that nothing has. Return: 0 or -errno. */
static int keep_old(const char *path, char *backup, size_t size)
{
	struct stat st;

	backup[0] = '\0';
	if (lstat(path, &st) != 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	for (int i = 1; i < BACKUPS; i++) {
		sys_text(backup, size, "%s.old-%d", path, i);
		if (link(path, backup) == 0) {
			return 0;
		}
		if (errno != EEXIST) {
			break;
		}
	}
	backup[0] = '\0';
	return -errno;
}

static int sync_folder(const char *path)
{
	char copy[FOUND_PATH];
	int r = 0;

	sys_text(copy, sizeof(copy), "%s", path);
	const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	r = fsync(fd) != 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

/* What the daemon does with --check: the same function reads the file. Return: exit status. */
static int check_file(const char *temporary, const char *path)
{
	static struct config config;
	struct conf_error error = {.line = 0};

	if (conf_read(temporary, &config, &error) != 0) {
		probe_config_error(path, &error);
		fprintf(stderr,
			"jkpylon-probe: the check of the daemon refuses this configuration\n");
		return PROBE_USAGE;
	}
	for (uint32_t i = 0; conf_advice(&config, i) != NULL; i++) {
		printf("note: %s\n", conf_advice(&config, i));
	}
	return 0;
}

/* Return: 0, or -errno: then nothing has changed, and @temporary is still there. */
static int put_in_place(const char *temporary, const char *path, bool replace, char *backup,
			size_t size)
{
	int r = 0;

	if (replace) {
		r = keep_old(path, backup, size);
	}
	/* Without consent to replace: whoever made the file meanwhile keeps it. */
	if (r == 0 && (replace ? rename(temporary, path) : link(temporary, path)) != 0) {
		r = -errno;
	}
	if (r == 0 && !replace) {
		(void)unlink(temporary);
	}
	if (r != 0 && backup[0] != '\0') {
		(void)unlink(backup);
		backup[0] = '\0';
	}
	return r;
}

/* It is in place already. Return: exit status. */
static int make_lasting(const char *path)
{
	const int r = sync_folder(path);

	if (r != 0) {
		fprintf(stderr,
			"jkpylon-probe: %s is in place, but a power cut may undo that: %s: %s\n",
			path, strerror(-r), remedy_of(-r));
		return PROBE_DEVICE;
	}
	return 0;
}

static int nothing(int status)
{
	fprintf(stderr, "jkpylon-probe: nothing was put in place\n");
	return status;
}

int setup_write(const char *path, const char *text, bool replace, char *backup, size_t size)
{
	char temporary[FOUND_PATH + sizeof(".XXXXXX")];
	sigset_t all;
	sigset_t before;
	int status = PROBE_DEVICE;
	int r = 0;

	backup[0] = '\0';
	sys_text(temporary, sizeof(temporary), "%s.XXXXXX", path);
	/* Ctrl-C comes before this or after it, and leaves nothing half done. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	const int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0) {
		(void)fail(path, errno);
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		return nothing(PROBE_DEVICE);
	}
	r = fill(fd, path, text);
	if (close(fd) != 0 && r == 0) {
		r = -errno;
	}
	status = r == 0 ? check_file(temporary, path) : PROBE_DEVICE;
	if (status == 0) {
		r = put_in_place(temporary, path, replace, backup, size);
	}
	if (r != 0) {
		(void)fail(path, -r);
		status = PROBE_DEVICE;
	}
	if (status != 0) {
		(void)unlink(temporary);
		(void)nothing(status);
	} else {
		status = make_lasting(path);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
