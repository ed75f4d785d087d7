/* SPDX-License-Identifier: Apache-2.0 */
/* `--list`: the incidents of a folder. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/time.h"
#include "core/telemetry.h"
#include "replay.h"

#define PATH_SIZE 4096
#define SUFFIX	  ".jkr"
#define KIB	  1024

static int only_incidents(const struct dirent *e)
{
	const size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > sizeof(SUFFIX) &&
	       strcmp(e->d_name + n - (sizeof(SUFFIX) - 1U), SUFFIX) == 0;
}

static void print_time(const struct record_head *h, FILE *f)
{
	const time_t s = (time_t)((h->trigger_ns + h->wall_offset_ns) / NS_PER_S);
	char text[REPLAY_WALL_MAX] = "?";
	struct tm tm;

	if (localtime_r(&s, &tm) != NULL) {
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	}
	fprintf(f, "%-19s", text);
}

static void print_one(const char *folder, const char *name, FILE *f)
{
	char path[PATH_SIZE];
	struct record_head h;
	struct stat st = {.st_size = 0};

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *in = fopen(path, "re");
	const bool good = in != NULL && fstat(fileno(in), &st) == 0 &&
			  fread(&h, sizeof(h), 1, in) == 1 &&
			  record_head_is_good(&h, (uint64_t)st.st_size);

	if (in != NULL) {
		fclose(in);
	}
	if (!good) {
		fprintf(f, "%-19s  %-13s  %-20s  %6" PRId64 " KiB  %s\n", "-", "-",
			in == NULL ? strerror(errno) : "no whole record",
			((int64_t)st.st_size + KIB - 1) / KIB, name);
		return;
	}
	print_time(&h, f);
	fprintf(f, "  %-13s  %-20s  %6" PRId64 " KiB  %s\n", record_trigger_name(h.trigger),
		reason_name((int32_t)h.reason), ((int64_t)st.st_size + KIB - 1) / KIB, name);
}

int replay_list(const char *folder, FILE *f)
{
	struct dirent **entry = NULL;
	const int n = scandir(folder, &entry, only_incidents, alphasort);

	if (n < 0) {
		fprintf(stderr, "jkpylon-replay: %s: %s\n", folder,
			errno == ENOENT
				? "no such folder: nothing was kept yet, or recorder.incidents "
				  "names another"
				: strerror(errno));
		return 2;
	}
	if (n > 0) {
		fprintf(f, "%-19s  %-13s  %-20s  %10s  %s\n", "time", "kind", "reason", "size",
			"file");
	} else {
		fprintf(f, "no incidents in %s\n", folder);
	}
	for (int i = 0; i < n; i++) {
		print_one(folder, entry[i]->d_name, f);
		free(entry[i]);
	}
	free(entry);
	return 0;
}
