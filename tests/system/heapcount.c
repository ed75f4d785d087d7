/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by tests: keeps count of what jkpylon-worker has allocated and not freed, in a file that
 * can be read at any time: JKP_HEAPCOUNT.PID holds blocks and bytes, 64 bits each. What a process
 * holds of the kernel grows in large steps and never shrinks (rt/enter.c): a leak of a block for each
 * connection would be seen there after hundreds of them only.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATH_SIZE 256

/* The allocator itself, below the names that are taken here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);
extern void *__libc_memalign(size_t alignment, size_t size);

struct counts {
	_Atomic uint64_t blocks;
	_Atomic uint64_t bytes;
};

static struct counts first;
static struct counts *_Atomic counts = &first;

static void *come(void *p)
{
	if (p != NULL) {
		struct counts *c = atomic_load(&counts);

		atomic_fetch_add(&c->blocks, 1U);
		atomic_fetch_add(&c->bytes, malloc_usable_size(p));
	}
	return p;
}

static void go(void *p)
{
	if (p != NULL) {
		struct counts *c = atomic_load(&counts);

		atomic_fetch_sub(&c->blocks, 1U);
		atomic_fetch_sub(&c->bytes, malloc_usable_size(p));
	}
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): theirs are reserved */
void *malloc(size_t size)
{
	return come(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return come(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	const size_t before = p != NULL ? malloc_usable_size(p) : 0U;
	void *now = __libc_realloc(p, size);

	if (now != NULL || size == 0U) {
		struct counts *c = atomic_load(&counts);

		atomic_fetch_sub(&c->blocks, p != NULL ? 1U : 0U);
		atomic_fetch_sub(&c->bytes, before);
	}
	return come(now);
}

void free(void *p)
{
	go(p);
	__libc_free(p);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return come(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size)
{
	return come(__libc_memalign(alignment, size));
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	*ret = come(__libc_memalign(alignment, size));
	return *ret != NULL ? 0 : ENOMEM;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* One thread only is there yet. */
__attribute__((constructor)) static void begin(void)
{
	const char *out = getenv("JKP_HEAPCOUNT");
	char path[PATH_SIZE];
	void *page = MAP_FAILED;

	if (out == NULL || strcmp(program_invocation_short_name, "jkpylon-worker") != 0) {
		return;
	}
	(void)snprintf(path, sizeof(path), "%s.%d", out, (int)getpid());
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct counts)) != 0) {
		abort();
	}
	page = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		abort();
	}
	(void)close(fd);
	memcpy(page, &first, sizeof(first));
	atomic_store(&counts, (struct counts *)page);
}
