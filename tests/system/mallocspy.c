/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by tests: counts the allocator calls of one thread after its first clock_nanosleep(),
 * that is, of the cycle thread once its loop runs. The thread is named by JKP_MALLOCSPY_THREAD; the
 * result, "NAME calls COUNT sleeps COUNT", goes to the file JKP_MALLOCSPY_OUT.PID at exit, if the
 * thread was seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define COMM_SIZE 16
#define LINE_SIZE 128

/* The allocator itself, below the names that are taken here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Atomic unsigned long calls;
static _Atomic unsigned long sleeps;
static _Thread_local bool armed;

static bool is_watched(char name[COMM_SIZE])
{
	const char *wanted = getenv("JKP_MALLOCSPY_THREAD");

	return wanted != NULL && prctl(PR_GET_NAME, name) == 0 && strcmp(name, wanted) == 0;
}

static void count(void)
{
	if (armed) {
		atomic_fetch_add(&calls, 1UL);
	}
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): theirs are reserved */
void *malloc(size_t size)
{
	count();
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count();
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count();
	return __libc_realloc(p, size);
}

/* free(NULL) does nothing; the C library calls it when a thread ends. */
void free(void *p)
{
	if (p != NULL) {
		count();
	}
	__libc_free(p);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count();
	return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	count();
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	count();
	*ret = __libc_memalign(alignment, size);
	return *ret != NULL ? 0 : ENOMEM;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *rest)
{
	char name[COMM_SIZE];

	if (!armed && is_watched(name)) {
		armed = true;
	}
	if (armed) {
		atomic_fetch_add(&sleeps, 1UL);
	}
	return syscall(SYS_clock_nanosleep, clock, flags, t, rest) == 0 ? 0 : errno;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

__attribute__((destructor)) static void tell(void)
{
	const char *out = getenv("JKP_MALLOCSPY_OUT");
	char text[LINE_SIZE];
	char path[LINE_SIZE];

	if (out == NULL || atomic_load(&sleeps) == 0UL) {
		return;
	}
	const int n = snprintf(text, sizeof(text), "%s calls %lu sleeps %lu\n",
			       getenv("JKP_MALLOCSPY_THREAD"), atomic_load(&calls),
			       atomic_load(&sleeps));

	snprintf(path, sizeof(path), "%s.%d", out, (int)getpid());
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0) {
		(void)!write(fd, text, (size_t)n);
		close(fd);
	}
}
