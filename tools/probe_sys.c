/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the kernel and of the distribution, below the folder that stands for /. */
#include "probe_found.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool sys_path(const struct found *f, char *ret, size_t size, const char *format, ...)
{
	va_list args;
	const size_t root = strlen(f->root);
	int n = 0;

	if (root >= size) {
		return false;
	}
	memcpy(ret, f->root, root);
	va_start(args, format);
	n = vsnprintf(ret + root, size - root, format, args);
	va_end(args);
	return n >= 0 && (size_t)n < size - root;
}

void sys_text(char *ret, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret, size, format, args);
	va_end(args);
}

bool sys_line(const struct found *f, const char *path, char *ret, size_t size)
{
	char full[FOUND_PATH * 2];
	FILE *file = NULL;
	bool good = false;

	ret[0] = '\0';
	if (!sys_path(f, full, sizeof(full), "%s", path)) {
		return false;
	}
	file = fopen(full, "re");
	if (file == NULL) {
		return false;
	}
	good = fgets(ret, (int)size, file) != NULL;
	(void)fclose(file);
	if (!good) {
		ret[0] = '\0';
	}
	ret[strcspn(ret, "\n")] = '\0';
	return good;
}

int64_t sys_number(const struct found *f, const char *path, int64_t otherwise)
{
	char text[FOUND_NAME];
	char *end = NULL;

	if (!sys_line(f, path, text, sizeof(text))) {
		return otherwise;
	}
	const long long v = strtoll(text, &end, 10);

	return end == text ? otherwise : v;
}

void sys_link(const struct found *f, const char *path, char *ret, size_t size)
{
	char full[FOUND_PATH * 2];
	char target[FOUND_PATH * 2];
	ssize_t n = 0;

	ret[0] = '\0';
	if (!sys_path(f, full, sizeof(full), "%s", path)) {
		return;
	}
	n = readlink(full, target, sizeof(target) - 1);
	if (n <= 0) {
		return;
	}
	target[n] = '\0';
	const char *last = strrchr(target, '/');

	sys_text(ret, size, "%s", last == NULL ? target : last + 1);
}

bool sys_exists(const struct found *f, const char *path)
{
	char full[FOUND_PATH * 2];

	return sys_path(f, full, sizeof(full), "%s", path) && access(full, F_OK) == 0;
}

uint32_t sys_list(const struct found *f, const char *path, const char *prefix,
		  char (*ret)[FOUND_NAME], uint32_t max)
{
	char full[FOUND_PATH * 2];
	struct dirent **names = NULL;
	uint32_t used = 0;

	if (!sys_path(f, full, sizeof(full), "%s", path)) {
		return 0;
	}
	const int n = scandir(full, &names, NULL, versionsort);

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (used < max && name[0] != '.' && strncmp(name, prefix, strlen(prefix)) == 0 &&
		    strlen(name) < FOUND_NAME) {
			memcpy(ret[used++], name, strlen(name) + 1);
		}
		free(names[i]);
	}
	if (n >= 0) {
		free(names);
	}
	return used;
}
