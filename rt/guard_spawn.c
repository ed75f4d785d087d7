/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and starting the worker. Used once at a time: the long paths are static. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/guard.h"

#define WORKER_NAME "jkpylon-worker"
#define WORKER_DIR  "../libexec/jkpylon/"
#define WORKER_ENV  "JKPYLON_WORKER"

int guard_worker_path(char *ret_path)
{
	static const char *const places[] = {"", WORKER_DIR};
	const char *given = secure_getenv(WORKER_ENV);
	static char exe[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1U);

	if (given != NULL) {
		return snprintf(ret_path, PATH_MAX, "%s", given) < PATH_MAX ? 0 : -ENAMETOOLONG;
	}
	if (n <= 0) {
		return -ENOENT;
	}
	exe[n] = '\0';
	char *slash = strrchr(exe, '/');

	if (slash == NULL) {
		return -ENOENT;
	}
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const int len = snprintf(ret_path, PATH_MAX, "%s%s" WORKER_NAME, exe, places[i]);

		if (len < PATH_MAX && access(ret_path, X_OK) == 0) {
			return 0;
		}
	}
	return -ENOENT;
}

int guard_spawn(const char *worker, const char *config_path, int page_fd, int pidfd,
		pid_t *ret_worker)
{
	static char config_option[PATH_MAX + 16];
	char name[] = WORKER_NAME;
	char guarded[] = "--guarded";
	char *argv[] = {name, guarded, config_option, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	sigset_t defaults;
	int error;

	snprintf(config_option, sizeof(config_option), "--config=%s", config_path);
	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	error = posix_spawn_file_actions_adddup2(&files, page_fd, SHARED_WORKER_PAGE_FD);
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(&files, pidfd, SHARED_WORKER_PIDFD_FD);
	}
	if (error == 0) {
		error = posix_spawn_file_actions_addclosefrom_np(&files,
								 SHARED_WORKER_PIDFD_FD + 1);
	}
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (error == 0) {
		error = posix_spawn(ret_worker, worker, &files, &attr, argv, environ);
	}
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -error;
}
