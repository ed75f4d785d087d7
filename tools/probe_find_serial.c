/* SPDX-License-Identifier: Apache-2.0 */
/* Serial devices: their lasting name, driver, latency timer, and who uses them. */
#include "probe_found.h"

#include <ctype.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/units.h"

#define PROCESSES 4096U
#define FDS	  1024U
#define LINKS	  64U
#define DEV	  "/dev/"

/* The name that stays when the adapter is plugged in again, or moved to another socket. */
static void lasting_name(const struct found *f, struct found_serial *s)
{
	static const char *const folders[] = {"/dev/serial/by-id", "/dev/serial/by-path"};
	char names[LINKS][FOUND_NAME];

	for (size_t k = 0; k < ARRAY_SIZE(folders); k++) {
		const uint32_t n = sys_list(f, folders[k], "", names, LINKS);

		for (uint32_t i = 0; i < n; i++) {
			char path[FOUND_PATH];
			char target[FOUND_NAME];

			sys_text(path, sizeof(path), "%s/%s", folders[k], names[i]);
			sys_link(f, path, target, sizeof(target));
			if (strcmp(target, s->name) == 0) {
				sys_text(s->path, sizeof(s->path), "%s", path);
				return;
			}
		}
	}
	sys_text(s->path, sizeof(s->path), DEV "%s", s->name);
}

static void say_process(const struct found *f, const char *pid, struct found_serial *s)
{
	char path[FOUND_PATH];
	char comm[FOUND_NAME / 2];

	sys_text(path, sizeof(path), "/proc/%s/comm", pid);
	if (!sys_line(f, path, comm, sizeof(comm))) {
		sys_text(comm, sizeof(comm), "a program");
	}
	sys_text(s->holder, sizeof(s->holder), "%s, process %.10s", comm, pid);
}

/* Open descriptors: all of them as root, else only of one's own processes. */
static void find_opener(const struct found *f, struct found_serial *s)
{
	static char pids[PROCESSES][FOUND_NAME];
	static char fds[FDS][FOUND_NAME];
	const uint32_t n = sys_list(f, "/proc", "", pids, PROCESSES);

	for (uint32_t i = 0; i < n && s->holder[0] == '\0'; i++) {
		char path[FOUND_PATH];

		if (isdigit((unsigned char)pids[i][0]) == 0) {
			continue;
		}
		sys_text(path, sizeof(path), "/proc/%s/fd", pids[i]);
		const uint32_t m = sys_list(f, path, "", fds, FDS);

		for (uint32_t k = 0; k < m && s->holder[0] == '\0'; k++) {
			char target[FOUND_NAME];

			sys_text(path, sizeof(path), "/proc/%s/fd/%s", pids[i], fds[k]);
			sys_link(f, path, target, sizeof(target));
			if (strcmp(target, s->name) == 0) {
				say_process(f, pids[i], s);
			}
		}
	}
}

/* The lock of flock(2) that the daemon and other programs of good manners hold: all may see it. */
static void find_lock(const struct found *f, const struct stat *st, struct found_serial *s)
{
	char path[FOUND_PATH * 2];
	char line[FOUND_PATH];
	char place[FOUND_NAME];
	FILE *file = NULL;

	if (!sys_path(f, path, sizeof(path), "/proc/locks")) {
		return;
	}
	file = fopen(path, "re");
	if (file == NULL) {
		return;
	}
	sys_text(place, sizeof(place), " %02x:%02x:%lu ", major(st->st_dev), minor(st->st_dev),
		 (unsigned long)st->st_ino);
	while (s->holder[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
		char pid[FOUND_NAME / 4];

		if (strstr(line, place) != NULL &&
		    sscanf(line, "%*s %*s %*s %*s %15[0-9]", pid) == 1) {
			say_process(f, pid, s);
		}
	}
	(void)fclose(file);
}

/* Is the name a word of the line, with or without "console=" and ",115200n8"? */
static bool names_console(const char *line, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = strstr(line, name); at != NULL; at = strstr(at + 1, name)) {
		const char before = at == line ? ' ' : at[-1];

		if ((before == ' ' || before == '=') &&
		    (at[len] == '\0' || at[len] == ' ' || at[len] == ',')) {
			return true;
		}
	}
	return false;
}

static void look_at(const struct found *f, struct found_serial *s)
{
	char path[FOUND_PATH];
	char full[FOUND_PATH * 2];
	char active[FOUND_PATH];
	struct stat st;

	lasting_name(f, s);
	sys_text(path, sizeof(path), "/sys/class/tty/%s/device/driver", s->name);
	sys_link(f, path, s->driver, sizeof(s->driver));
	/* Newer kernels have a bus of serial ports in between. */
	if (strcmp(s->driver, "port") == 0) {
		sys_text(path, sizeof(path), "/sys/class/tty/%s/device/../../driver", s->name);
		sys_link(f, path, s->driver, sizeof(s->driver));
	}
	sys_text(path, sizeof(path), "/sys/class/tty/%s/device/latency_timer", s->name);
	s->latency_ms = (int32_t)sys_number(f, path, FOUND_UNKNOWN);
	(void)sys_line(f, "/sys/class/tty/console/active", active, sizeof(active));
	s->console = names_console(active, s->name);
	if (!sys_path(f, full, sizeof(full), DEV "%s", s->name) || stat(full, &st) != 0) {
		return;
	}
	const struct group *g = getgrgid(st.st_gid);

	sys_text(s->group, sizeof(s->group), "%s", g == NULL ? "" : g->gr_name);
	s->may = access(full, R_OK | W_OK) == 0;
	find_opener(f, s);
	if (s->holder[0] == '\0') {
		find_lock(f, &st, s);
	}
}

/* The kernel makes names for ports that the board may not have: those have type 0. */
static bool is_there(const struct found *f, const char *name)
{
	char path[FOUND_PATH];

	if (strncmp(name, "ttyS", strlen("ttyS")) != 0) {
		return true;
	}
	sys_text(path, sizeof(path), "/sys/class/tty/%s/type", name);
	return sys_number(f, path, 0) > 0;
}

void found_serials(struct found *f)
{
	static const char *const prefixes[] = {"ttyUSB", "ttyACM", "ttyAMA", "ttySC", "ttyS"};
	char names[LINKS][FOUND_NAME];

	for (size_t k = 0; k < ARRAY_SIZE(prefixes); k++) {
		const size_t len = strlen(prefixes[k]);
		const uint32_t n = sys_list(f, "/dev", prefixes[k], names, LINKS);

		for (uint32_t i = 0; i < n; i++) {
			if (isdigit((unsigned char)names[i][len]) == 0 || !is_there(f, names[i])) {
				continue;
			}
			if (f->serials == FOUND_SERIALS) {
				f->more = true;
				return;
			}
			struct found_serial *s = &f->serial[f->serials++];

			memcpy(s->name, names[i], sizeof(s->name));
			look_at(f, s);
		}
	}
}

const char *found_serial_reason(const struct found_serial *s)
{
	if (s->holder[0] != '\0') {
		return "in use";
	}
	if (s->console) {
		return "a console";
	}
	if (!s->may) {
		return "no permission";
	}
	return NULL;
}

void found_ask_bms(struct found *f, bool progress)
{
	for (uint32_t i = 0; i < f->serials; i++) {
		struct found_serial *s = &f->serial[i];
		char path[FOUND_PATH * 2];

		if (found_serial_reason(s) != NULL ||
		    !sys_path(f, path, sizeof(path), "%s", s->path)) {
			continue;
		}
		if (progress) {
			printf("Asking on %s ...\n", s->path);
			(void)fflush(stdout);
		}
		s->verdict = probe_bms_ask(path, &s->bms);
		s->asked = true;
	}
}
