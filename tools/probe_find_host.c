/* SPDX-License-Identifier: Apache-2.0 */
/* GPIO chips, watchdogs, realtime, and what is installed. */
#include "probe_found.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/units.h"
#include "conf/conf.h"

#define NAMES	     32U
#define CPUS	     256U
#define LINE_MAX_LEN 1024
#define KIB	     1024
#define BROKER_PORT  "075B" /* 1883 */
#define LISTENS	     "0A"   /* TCP_LISTEN in /proc/net/tcp */

/* Next word of a line; "" behind the last one. */
static const char *next_word(char **rest)
{
	const char *word = strtok_r(NULL, " \n", rest);

	return word == NULL ? "" : word;
}

/* A chip from a file, where a folder stands for the machine. Return: 0 or -errno. */
static int chip_from_file(const char *path, struct line_list *list)
{
	FILE *file = fopen(path, "re");
	char text[FOUND_PATH];

	if (file == NULL) {
		return -errno;
	}
	memset(list, 0, sizeof(*list));
	for (bool first = true; fgets(text, sizeof(text), file) != NULL; first = false) {
		char *rest = NULL;
		const char *word = strtok_r(text, " \n", &rest);

		if (word == NULL) {
			continue;
		}
		if (first) {
			sys_text(list->label, sizeof(list->label), "%s", word);
			list->lines = (unsigned int)strtoul(next_word(&rest), NULL, 10);
			continue;
		}
		const unsigned long offset = strtoul(word, NULL, 10);

		if (offset < LINE_LIST_MAX) {
			struct line_list_line *l = &list->line[offset];

			sys_text(l->name, sizeof(l->name), "%s", next_word(&rest));
			sys_text(l->consumer, sizeof(l->consumer), "%s", next_word(&rest));
			l->used = l->consumer[0] != '\0';
		}
	}
	(void)fclose(file);
	return 0;
}

const char *found_chip_folder(const struct found *f)
{
	return f->root[0] != '\0' ? "/gpio" : "/dev";
}

/* Links are second names, as for the daemon (gpiochip4 of a Raspberry Pi 5). */
void found_chips(struct found *f)
{
	char names[NAMES][FOUND_NAME];
	const char *folder = found_chip_folder(f);
	const uint32_t n = sys_list(f, folder, "gpiochip", names, NAMES);

	for (uint32_t i = 0; i < n; i++) {
		char path[FOUND_PATH * 2];
		char target[FOUND_NAME];

		sys_text(path, sizeof(path), "%s/%s", folder, names[i]);
		sys_link(f, path, target, sizeof(target));
		if (target[0] != '\0') {
			continue;
		}
		if (f->chips == FOUND_CHIPS) {
			f->more = true;
			return;
		}
		struct found_chip *c = &f->chip[f->chips++];

		memcpy(c->name, names[i], sizeof(c->name));
		if (f->root[0] != '\0') {
			(void)sys_path(f, path, sizeof(path), "/gpio/%s", c->name);
			c->error = -chip_from_file(path, &c->list);
		} else {
			sys_text(path, sizeof(path), "/dev/%s", c->name);
			c->error = -line_list_read(path, &c->list);
		}
	}
}

void found_dogs(struct found *f)
{
	char names[NAMES][FOUND_NAME];
	const uint32_t n = sys_list(f, "/sys/class/watchdog", "watchdog", names, NAMES);

	for (uint32_t i = 0; i < n; i++) {
		char path[FOUND_PATH];
		char full[FOUND_PATH * 2];
		char text[FOUND_NAME];

		if (f->dogs == FOUND_DOGS) {
			f->more = true;
			return;
		}
		struct found_dog *d = &f->dog[f->dogs++];

		memcpy(d->name, names[i], sizeof(d->name));
		sys_text(path, sizeof(path), "/sys/class/watchdog/%s/identity", d->name);
		(void)sys_line(f, path, d->identity, sizeof(d->identity));
		sys_text(path, sizeof(path), "/sys/class/watchdog/%s/timeout", d->name);
		d->timeout_s = (int32_t)sys_number(f, path, FOUND_UNKNOWN);
		sys_text(path, sizeof(path), "/sys/class/watchdog/%s/nowayout", d->name);
		d->nowayout = sys_number(f, path, 0) != 0;
		sys_text(path, sizeof(path), "/sys/class/watchdog/%s/state", d->name);
		d->active = sys_line(f, path, text, sizeof(text)) && strcmp(text, "active") == 0;
		d->may = sys_path(f, full, sizeof(full), "/dev/%s", d->name) &&
			 access(full, W_OK) == 0;
	}
}

static int64_t limit_of(__rlimit_resource_t which)
{
	struct rlimit r;

	if (getrlimit(which, &r) != 0 || r.rlim_cur == RLIM_INFINITY) {
		return FOUND_UNKNOWN;
	}
	return (int64_t)r.rlim_cur;
}

static void find_realtime(const struct found *f, struct found_host *h)
{
	char names[CPUS][FOUND_NAME];
	char version[FOUND_PATH];
	const char *cpu = "/sys/devices/system/cpu";
	const uint32_t n = sys_list(f, cpu, "cpu", names, CPUS);

	for (uint32_t i = 0; i < n; i++) {
		h->cpus += names[i][3] >= '0' && names[i][3] <= '9';
	}
	(void)sys_line(f, "/proc/sys/kernel/osrelease", h->kernel, sizeof(h->kernel));
	(void)sys_line(f, "/proc/sys/kernel/version", version, sizeof(version));
	h->realtime = sys_number(f, "/sys/kernel/realtime", 0) == 1 ||
		      strstr(version, "PREEMPT_RT") != NULL;
	(void)sys_line(f, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", h->governor,
		       sizeof(h->governor));
	(void)sys_line(f, "/sys/devices/system/cpu/isolated", h->isolated, sizeof(h->isolated));
	h->rtprio = limit_of(RLIMIT_RTPRIO);
	h->memlock_kib = limit_of(RLIMIT_MEMLOCK);
	h->memlock_kib = h->memlock_kib < 0 ? h->memlock_kib : h->memlock_kib / KIB;
}

/* Is @member in the last field of the line of @group? */
static bool in_group(const struct found *f, const char *group, const char *member)
{
	char path[FOUND_PATH * 2];
	char line[LINE_MAX_LEN];
	const size_t len = strlen(group);
	FILE *file = NULL;
	bool found = false;

	if (!sys_path(f, path, sizeof(path), "/etc/group")) {
		return false;
	}
	file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		char *list = strrchr(line, ':');
		char *save = NULL;

		if (strncmp(line, group, len) != 0 || line[len] != ':' || list == NULL) {
			continue;
		}
		for (char *m = strtok_r(list + 1, ",\n", &save); m != NULL && !found;
		     m = strtok_r(NULL, ",\n", &save)) {
			found = strcmp(m, member) == 0;
		}
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	return found;
}

/* Does a line of the file have both in it? */
static bool has_line(const struct found *f, const char *name, const char *text, const char *also)
{
	char path[FOUND_PATH * 2];
	char line[LINE_MAX_LEN];
	FILE *file = NULL;
	bool found = false;

	if (!sys_path(f, path, sizeof(path), "%s", name)) {
		return false;
	}
	file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		found = strstr(line, text) != NULL && strstr(line, also) != NULL;
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	return found;
}

static void first_of(const struct found *f, const char *const *folders, size_t n, const char *name,
		     char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < n && ret[0] == '\0'; i++) {
		char path[FOUND_PATH];

		sys_text(path, sizeof(path), "%s/%s", folders[i], name);
		if (sys_exists(f, path)) {
			sys_text(ret, size, "%s", path);
		}
	}
}

/* Return: whether both can be read and have the same bytes. */
static bool same_bytes(const char *a, const char *b)
{
	FILE *file[] = {fopen(a, "re"), fopen(b, "re")};
	bool same = file[0] != NULL && file[1] != NULL;

	for (int c = 0; same && c != EOF;) {
		c = getc(file[0]);
		same = getc(file[1]) == c && ferror(file[0]) == 0 && ferror(file[1]) == 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(file); i++) {
		if (file[i] != NULL) {
			(void)fclose(file[i]);
		}
	}
	return same;
}

bool found_as_shipped(const struct found *f, const char *full)
{
	static const char *const folders[] = {"/usr/share/jkpylon", "/usr/local/share/jkpylon"};
	char shipped[FOUND_PATH * 2];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (sys_path(f, shipped, sizeof(shipped), "%s/jkpylon.conf", folders[i]) &&
		    same_bytes(full, shipped)) {
			return true;
		}
	}
	return false;
}

static void find_config(const struct found *f, struct found_host *h)
{
	char full[FOUND_PATH * 2];

	if (!sys_exists(f, CONF_DEFAULT_FILE)) {
		return;
	}
	h->as_shipped = sys_path(f, full, sizeof(full), CONF_DEFAULT_FILE) &&
			found_as_shipped(f, full);
	if (!h->as_shipped) {
		sys_text(h->config, sizeof(h->config), "%s", CONF_DEFAULT_FILE);
	}
}

/* Return: FOUND_UNKNOWN if there is no such user. */
static int64_t user_id(const struct found *f, const char *user)
{
	char path[FOUND_PATH * 2];
	char line[LINE_MAX_LEN];
	const size_t len = strlen(user);
	int64_t id = FOUND_UNKNOWN;
	FILE *file = NULL;

	if (!sys_path(f, path, sizeof(path), "/etc/passwd")) {
		return FOUND_UNKNOWN;
	}
	file = fopen(path, "re");
	while (file != NULL && id == FOUND_UNKNOWN && fgets(line, sizeof(line), file) != NULL) {
		const char *password = line + len + 1;

		if (strncmp(line, user, len) == 0 && line[len] == ':' &&
		    strchr(password, ':') != NULL) {
			id = (int64_t)strtoul(strchr(password, ':') + 1, NULL, 10);
		}
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	return id;
}

void found_host(struct found *f)
{
	static const char *const units[] = {"/etc/systemd/system", "/run/systemd/system",
					    "/usr/local/lib/systemd/system",
					    "/usr/lib/systemd/system", "/lib/systemd/system"};
	static const char *const rules[] = {"/etc/udev/rules.d", "/run/udev/rules.d",
					    "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
					    "/lib/udev/rules.d"};
	static const char *const brokers[] = {"/usr/sbin", "/usr/local/sbin"};
	struct found_host *h = &f->host;
	char broker[FOUND_PATH];

	find_realtime(f, h);
	h->user_id = user_id(f, "jkpylon");
	h->user = h->user_id != FOUND_UNKNOWN;
	h->dialout = in_group(f, "dialout", "jkpylon");
	h->gpio = in_group(f, "gpio", "jkpylon");
	first_of(f, units, ARRAY_SIZE(units), "jkpylond.service", h->unit, sizeof(h->unit));
	first_of(f, rules, ARRAY_SIZE(rules), "60-jkpylon.rules", h->rules, sizeof(h->rules));
	find_config(f, h);
	first_of(f, brokers, ARRAY_SIZE(brokers), "mosquitto", broker, sizeof(broker));
	h->broker = broker[0] != '\0';
	h->broker_listens = has_line(f, "/proc/net/tcp", ":" BROKER_PORT " ", " " LISTENS " ") ||
			    has_line(f, "/proc/net/tcp6", ":" BROKER_PORT " ", " " LISTENS " ");
}
