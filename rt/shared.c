/* SPDX-License-Identifier: Apache-2.0 */
/* The page shared by guard and worker. */
#include "rt/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FNV_BASIS     2166136261U
#define FNV_PRIME     16777619U
#define BEAT_MS_MAX   10000
#define RELOAD_MS_MAX 60000
#define PRIORITY_MAX  99

_Static_assert(sizeof(struct shared_failsafe) == 7 * 4 + 2 * SHARED_TEXT_MAX + 4,
	       "no padding: the checksum covers every byte before it");
_Static_assert(sizeof(struct shared_held) == 32, "fixed layout");
_Static_assert(offsetof(struct shared_page, guard_beat) == 64, "fixed layout");
_Static_assert(offsetof(struct shared_page, state) == 128, "fixed layout");
_Static_assert(offsetof(struct shared_page, held) == 704, "fixed layout");

struct shared_page *shared_create(int *ret_fd)
{
	const int fd = memfd_create("jkpylon-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct shared_page *page = MAP_FAILED;

	if (fd < 0) {
		return NULL;
	}
	if (ftruncate(fd, (off_t)sizeof(*page)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (page == MAP_FAILED) {
		const int error = errno;

		close(fd);
		errno = error;
		return NULL;
	}
	snapshot_init(&page->held.head, sizeof(struct shared_held));
	page->magic = SHARED_MAGIC;
	page->version = SHARED_VERSION;
	page->size = (uint32_t)sizeof(*page);
	shared_restart(page);
	*ret_fd = fd;
	return page;
}

struct shared_page *shared_attach(int fd)
{
	struct stat st;
	struct shared_page *page;

	if (fstat(fd, &st) != 0) {
		return NULL;
	}
	if (st.st_size != (off_t)sizeof(*page)) {
		errno = EPROTO;
		return NULL;
	}
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		return NULL;
	}
	if (page->magic != SHARED_MAGIC || page->version != SHARED_VERSION ||
	    page->size != sizeof(*page) || page->held.head.bytes != sizeof(struct shared_held)) {
		shared_detach(page);
		errno = EPROTO;
		return NULL;
	}
	return page;
}

void shared_detach(struct shared_page *page)
{
	if (page != NULL) {
		munmap(page, sizeof(*page));
	}
}

void shared_restart(struct shared_page *page)
{
	atomic_store_explicit(&page->permit, 0U, memory_order_relaxed);
	atomic_store_explicit(&page->reason, 0U, memory_order_relaxed);
	atomic_store_explicit(&page->failsafe_ready, 0U, memory_order_relaxed);
	atomic_store_explicit(&page->state, SHARED_STARTING, memory_order_relaxed);
	atomic_store_explicit(&page->beat_complement, ~0U, memory_order_relaxed);
	atomic_store_explicit(&page->beat, 0U, memory_order_release);
}

static uint32_t checksum(const struct shared_failsafe *settings)
{
	const uint8_t *bytes = (const uint8_t *)settings;
	uint32_t sum = FNV_BASIS;

	for (size_t i = 0; i < offsetof(struct shared_failsafe, checksum); i++) {
		sum = (sum ^ bytes[i]) * FNV_PRIME;
	}
	return sum;
}

void shared_failsafe_write(struct shared_page *page, const struct shared_failsafe *settings)
{
	page->failsafe = *settings;
	page->failsafe.version = SHARED_VERSION;
	page->failsafe.checksum = checksum(&page->failsafe);
	atomic_store_explicit(&page->failsafe_ready, 1U, memory_order_release);
}

static bool in_range(const struct shared_failsafe *s)
{
	return s->version == SHARED_VERSION && s->beat_ms > 0 && s->beat_ms <= BEAT_MS_MAX &&
	       s->reload_ms >= 0 && s->reload_ms <= RELOAD_MS_MAX && s->priority >= 0 &&
	       s->priority <= PRIORITY_MAX && s->relay[SHARED_TEXT_MAX - 1] == '\0' &&
	       s->watchdog[SHARED_TEXT_MAX - 1] == '\0';
}

int shared_failsafe_read(const struct shared_page *page, struct shared_failsafe *ret_settings)
{
	struct shared_failsafe copy;

	if (atomic_load_explicit(&page->failsafe_ready, memory_order_acquire) != 1U) {
		return -EAGAIN;
	}
	/* Judge the copy: the page may change between look and use. */
	copy = page->failsafe;
	if (copy.checksum != checksum(&copy) || !in_range(&copy)) {
		return -EBADMSG;
	}
	*ret_settings = copy;
	return 0;
}

void shared_beat(struct shared_page *page, bool permit, uint32_t reason)
{
	const uint32_t beat = atomic_load_explicit(&page->beat, memory_order_relaxed) + 1U;

	atomic_store_explicit(&page->reason, reason, memory_order_relaxed);
	atomic_store_explicit(&page->permit, permit ? SHARED_PERMIT : 0U, memory_order_release);
	atomic_store_explicit(&page->beat_complement, ~beat, memory_order_release);
	atomic_store_explicit(&page->beat, beat, memory_order_release);
}

bool shared_beat_read(const struct shared_page *page, uint32_t *ret_beat)
{
	const uint32_t beat = atomic_load_explicit(&page->beat, memory_order_acquire);
	const uint32_t complement = atomic_load_explicit(&page->beat_complement,
							 memory_order_acquire);

	if (complement != ~beat) {
		return false;
	}
	*ret_beat = beat;
	return true;
}
