/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by tests: every n-th allocation of one thread fails. The file named by JKP_NOMEMORY holds n
 * and the name of the thread, and may be written anew at any time; 0 = none. It also gets the number of
 * those that have failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COMM_SIZE 16

/* The allocator itself, below the names that are taken here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/**
 * struct order - the file
 * @every: 1 = each allocation fails; 0 = none
 * @failed, @calls: of the thread, since the start
 */
struct order {
	_Atomic uint32_t every;
	_Atomic uint32_t failed;
	_Atomic uint32_t calls;
	char thread[COMM_SIZE];
};

static struct order *order;

__attribute__((constructor)) static void attach(void)
{
	const char *path = getenv("JKP_NOMEMORY");
	const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd >= 0) {
		void *p = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		order = p != MAP_FAILED ? p : NULL;
		close(fd);
	}
}

static bool fails(void)
{
	const uint32_t every = order != NULL ? atomic_load(&order->every) : 0U;
	char name[COMM_SIZE] = "";

	if (every == 0U || prctl(PR_GET_NAME, name) != 0 || strcmp(name, order->thread) != 0 ||
	    (atomic_fetch_add(&order->calls, 1U) + 1U) % every != 0U) {
		return false;
	}
	atomic_fetch_add(&order->failed, 1U);
	errno = ENOMEM;
	return true;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): theirs are reserved */
void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (fails()) {
		return ENOMEM;
	}
	*ret = __libc_memalign(alignment, size);
	return *ret != NULL ? 0 : ENOMEM;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
