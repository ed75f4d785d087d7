/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and starting the worker. Used once at a time: the long paths are static. */
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
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

/* The new process becomes the worker, with these descriptors and those of stdio alone. */
__attribute__((noreturn)) static void become_worker(const char *worker, const char *config_path,
						    int page_fd, int pidfd)
{
	static char config_option[PATH_MAX + 16];
	char name[] = WORKER_NAME;
	char guarded[] = "--guarded";
	char *argv[] = {name, guarded, config_option, NULL};

	/* What is blocked here stays so and pending until the worker can listen. */
	signal(SIGPIPE, SIG_DFL);
	snprintf(config_option, sizeof(config_option), "--config=%s", config_path);
	if (dup2(page_fd, SHARED_WORKER_PAGE_FD) >= 0 && dup2(pidfd, SHARED_WORKER_PIDFD_FD) >= 0 &&
	    close_range(SHARED_WORKER_PIDFD_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
		execv(worker, argv);
	}
	/* The descriptor of shared_log() may be one of those that were replaced; this may wait. */
	dprintf(STDERR_FILENO, "<%d>cannot start %s: %s\n", LOG_ERR, worker, strerror(errno));
	_exit(EXIT_DEVICE);
}

int guard_spawn(const char *worker, const char *config_path, int page_fd, int pidfd,
		pid_t *ret_worker)
{
	const pid_t pid = fork();

	if (pid == 0) {
		become_worker(worker, config_path, page_fd, pidfd);
	}
	if (pid < 0) {
		return -errno;
	}
	*ret_worker = pid;
	return 0;
}
