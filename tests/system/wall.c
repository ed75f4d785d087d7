/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by tests: the wall clock of a program is ahead by JKP_WALL_AHEAD seconds. All other clocks
 * are left alone, as they are when somebody sets the time of a machine.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_US 1000

static time_t ahead(void)
{
	const char *text = getenv("JKP_WALL_AHEAD");

	return text != NULL ? (time_t)strtoll(text, NULL, 10) : 0;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): theirs are reserved */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	const int r = (int)syscall(SYS_clock_gettime, clock, t);

	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		t->tv_sec += ahead();
	}
	return r;
}

time_t time(time_t *ret)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (ret != NULL) {
		*ret = t.tv_sec;
	}
	return t.tv_sec;
}

int gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec t = {0};
	const int r = clock_gettime(CLOCK_REALTIME, &t);

	(void)zone;
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / NS_PER_US;
	return r;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
