/* SPDX-License-Identifier: Apache-2.0 */
/* jkpylon-sim sems: the simulated portal is a Python program beside this one (sim_sems.py says why). */
#include "sim_sems.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_DEVICE 2
#define PYTHON	    "python3"
#define SCRIPT	    "sim_sems.py"
#define ARGS_MAX    64

/* In the folder of this program, or where it is installed. Return: false if it is in neither. */
static bool find_script(char *path, size_t size)
{
	static const char *const places[] = {"/" SCRIPT, "/../libexec/jkpylon/" SCRIPT};
	char self[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1U);
	char *slash = NULL;

	if (n <= 0) {
		return false;
	}
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL) {
		return false;
	}
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const int len = snprintf(path, size, "%s%s", self, places[i]);

		if (len > 0 && (size_t)len < size && access(path, R_OK) == 0) {
			return true;
		}
	}
	return false;
}

int sim_sems_main(int argc, char **argv)
{
	char path[PATH_MAX];
	char *args[ARGS_MAX + 3] = {(char[]){PYTHON}, path};

	if (!find_script(path, sizeof(path))) {
		fprintf(stderr, "jkpylon-sim: " SCRIPT " is not beside this program, nor in "
				"../libexec/jkpylon: install jkpylon anew\n");
		return EXIT_DEVICE;
	}
	for (int i = 1; i < argc && i <= ARGS_MAX; i++) {
		args[i + 1] = argv[i];
	}
	execvp(PYTHON, args);
	fprintf(stderr, "jkpylon-sim: " PYTHON ": %s: install python3 and openssl\n",
		strerror(errno));
	return EXIT_DEVICE;
}
