/* SPDX-License-Identifier: Apache-2.0 */
/* What setup would do harm to: a daemon that runs, and a configuration that is there already. */
#include "probe_setup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GUARD	  "jkpylond" /* as the kernel calls it */
#define WORKER	  "jkpylon-worker"
#define CONSUMER  "jkpylon" /* of the lines */
#define PROCESSES 4096U

static bool process_runs(const struct found *f, char *ret, size_t size)
{
	static char pids[PROCESSES][FOUND_NAME];
	const uint32_t n = sys_list(f, "/proc", "", pids, PROCESSES);

	for (uint32_t i = 0; i < n; i++) {
		char path[FOUND_PATH];
		char comm[FOUND_NAME];

		if (isdigit((unsigned char)pids[i][0]) == 0) {
			continue;
		}
		sys_text(path, sizeof(path), "/proc/%s/comm", pids[i]);
		if (sys_line(f, path, comm, sizeof(comm)) && strcmp(comm, GUARD) == 0) {
			sys_text(ret, size, "process %.10s", pids[i]);
			return true;
		}
	}
	return false;
}

static bool holds_line(const struct found_chip *c, char *ret, size_t size)
{
	for (uint32_t i = 0; i < c->list.lines && i < LINE_LIST_MAX; i++) {
		if (strcmp(c->list.line[i].consumer, CONSUMER) == 0) {
			sys_text(ret, size, "it holds line %u of %s", i, c->name);
			return true;
		}
	}
	return false;
}

/* Its line and its watchdog would be taken for used by others, and left out of the file. */
bool setup_daemon_runs(const struct found *f, char *ret, size_t size)
{
	for (uint32_t i = 0; i < f->serials; i++) {
		const struct found_serial *s = &f->serial[i];

		if (strncmp(s->holder, GUARD ",", strlen(GUARD ",")) == 0 ||
		    strncmp(s->holder, WORKER ",", strlen(WORKER ",")) == 0) {
			sys_text(ret, size, "%s is in use by %s", s->path, s->holder);
			return true;
		}
	}
	for (uint32_t i = 0; i < f->chips; i++) {
		if (holds_line(&f->chip[i], ret, size)) {
			return true;
		}
	}
	return process_runs(f, ret, size);
}

void setup_say_lost(const struct found *f, const char *path, const char *text)
{
	static struct config old;
	struct conf_error error = {.line = 0};

	if (access(path, F_OK) != 0 || found_as_shipped(f, path)) {
		return;
	}
	if (conf_read(path, &old, &error) != 0) {
		printf("\nThe old file is not good, so what it sets cannot be listed here and counts no "
		       "longer:\n  %s:%d: %s\n",
		       path, error.line, error.text);
		return;
	}
	printf("\nSettings of the old %s that the new one does not have:\n", path);
	if (conf_print_lost(&old, text, stdout) == 0) {
		printf("  none\n");
		return;
	}
	printf("They would count no longer, limits of the battery that were tightened by hand among "
	       "them.\nTo keep them say n and edit the old file, or add them to the new one "
	       "before the daemon starts.\n");
}
