/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the cycle thread of jkpylon-worker misbehave, for the tests of the guard: preloaded, it looks
 * at each sleep of that thread whether the file named by JKP_STALL holds a word.
 *
 *   spin    never returns and never sleeps
 *   block   sleeps for 10 s
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int sleep_fn(clockid_t clock, int flags, const struct timespec *t, struct timespec *left);

static sleep_fn *real_sleep(void)
{
	static sleep_fn *real;

	if (real == NULL) {
		void *symbol = dlsym(RTLD_NEXT, "clock_nanosleep");

		memcpy(&real, &symbol, sizeof(real));
	}
	return real;
}

static int is_cycle(void)
{
	char name[16] = "";

	return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 &&
	       strcmp(name, "cycle") == 0;
}

static char wanted(void)
{
	const char *path = getenv("JKP_STALL");
	const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char word = '\0';

	if (fd >= 0) {
		if (read(fd, &word, 1) != 1) {
			word = '\0';
		}
		close(fd);
	}
	return word;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left)
{
	if (is_cycle()) {
		const char word = wanted();

		if (word == 's') {
			for (;;) {
				__asm__ volatile("" ::: "memory");
			}
		}
		if (word == 'b') {
			const struct timespec ten = {.tv_sec = 10};

			return real_sleep()(CLOCK_MONOTONIC, 0, &ten, NULL);
		}
	}
	return real_sleep()(clock, flags, t, left);
}
