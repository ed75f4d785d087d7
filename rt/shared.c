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
#define TIME_MS_MAX   600000
#define PERIOD_US_MAX 1000000
#define PRIORITY_MAX  99

_Static_assert(sizeof(struct shared_failsafe) == 11 * 4 + 5 * SHARED_TEXT_MAX + 4,
	       "no padding: the checksum covers every byte before it");
_Static_assert(sizeof(struct shared_held) == 8 + SHARED_HELD_MAX, "fixed layout");
_Static_assert(offsetof(struct shared_page, guard_beat) == 64, "fixed layout");
_Static_assert(offsetof(struct shared_page, state) == 128, "fixed layout");
_Static_assert(offsetof(struct shared_page, held) == 1536, "fixed layout");

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
	atomic_store_explicit(&page->latched, 0U, memory_order_relaxed);
	atomic_store_explicit(&page->ack, 0U, memory_order_relaxed);
	atomic_store_explicit(&page->answer, SHARED_WAIT, memory_order_relaxed);
	atomic_store_explicit(&page->failsafe_ready, 0U, memory_order_relaxed);
	atomic_store_explicit(&page->state, GUARDPOL_STARTING, memory_order_relaxed);
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

static bool time_ok(int32_t ms)
{
	return ms >= 0 && ms <= TIME_MS_MAX;
}

static bool ends(const char text[SHARED_TEXT_MAX])
{
	return text[SHARED_TEXT_MAX - 1] == '\0';
}

static bool in_range(const struct shared_failsafe *s)
{
	const struct guardpol_config *p = &s->policy;

	return s->version == SHARED_VERSION && p->beat_ms > 0 && p->beat_ms <= BEAT_MS_MAX &&
	       p->period_us > 0 && p->period_us <= PERIOD_US_MAX && time_ok(p->reload_ms) &&
	       time_ok(p->open_ms) && time_ok(p->pulse_ms) && time_ok(p->precharge_ms) &&
	       time_ok(p->feedback_ms) && time_ok(s->watchdog_s) && s->priority >= 0 &&
	       s->priority <= PRIORITY_MAX && ends(s->relay) && ends(s->precharge) &&
	       ends(s->feedback) && ends(s->watchdog) && ends(s->state);
}

int shared_failsafe_read(const struct shared_page *page, struct shared_failsafe *ret_settings)
{
	static struct shared_failsafe copy; /* large, and the guard has one thread */

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

uint32_t shared_latch_word(struct shared_latch latch)
{
	return (uint32_t)latch.number << 16 | (uint32_t)latch.level << 8 | latch.reason;
}

struct shared_latch shared_latch_read(uint32_t word)
{
	return (struct shared_latch){
		.number = (uint8_t)(word >> 16),
		.level = (uint8_t)(word >> 8),
		.reason = (uint8_t)word,
	};
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
