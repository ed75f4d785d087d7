/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder's ring file and its thread. */
#include "svc/recorder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/time.h"
#include "base/units.h"
#include "recorder_file.h"
#include "settings_text.h"

#define FILE_MODE  0640
#define PAGE	   4096U
#define NICE	   10
#define BLOCKS_MIN 4U
/* What the next worker needs there: a quarter of it, at least a MiB. */
#define RESERVE_SHARE 4U
#define RESERVE_MIN   (1024U * 1024U)

_Static_assert(offsetof(struct recorder_staging, data) == 128, "fixed layout");
_Static_assert(sizeof(struct recorder_prefix) == 16 && RECORDER_STAGING % 16U == 0U,
	       "fixed layout, no padding, and records are aligned to it");
_Static_assert(sizeof(struct recorder_moment) == 16, "no padding");

static uint32_t on_pages(uint32_t n)
{
	return (n + PAGE - 1U) / PAGE * PAGE;
}

/* A file of somebody else is not taken for a ring. */
static bool is_ours(int fd)
{
	char magic[8] = "";
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		return false;
	}
	return st.st_size == 0 || (recorder_read_at(fd, magic, sizeof(magic), 0) == 0 &&
				   memcmp(magic, RECORD_FILE_MAGIC, sizeof(magic) - 2U) == 0);
}

static int old_name(const char *path, char ret_old[RECORDER_PATH_MAX])
{
	const int n = snprintf(ret_old, RECORDER_PATH_MAX, "%s" RECORDER_OLD, path);

	return n > 0 && n < (int)RECORDER_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The ring of the worker before makes room; it stays readable by old_fd and by name. */
static int put_aside(struct recorder *r, const char *path)
{
	char old[RECORDER_PATH_MAX];

	r->old_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (r->old_fd < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (flock(r->old_fd, LOCK_EX | LOCK_NB) != 0) {
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	}
	if (!is_ours(r->old_fd)) {
		return -EEXIST;
	}
	const int rc = old_name(path, old);

	if (rc != 0) {
		return rc;
	}
	return rename(path, old) == 0 ? 0 : -errno;
}

static void fill_head(struct recorder *r)
{
	struct record_head *h = &r->head;

	memset(h, 0, sizeof(*h));
	h->layout = record_layout();
	h->block_size = RECORD_BLOCK_SIZE;
	h->config_at = PAGE;
	h->config_len = r->text_len;
	h->config_sum = record_sum(0U, r->text, r->text_len);
	h->staging_at = PAGE + on_pages(r->text_len);
	h->staging_size = (uint32_t)sizeof(struct recorder_staging);
	h->blocks_at = h->staging_at + on_pages(h->staging_size);
	h->blocks = (r->config.bytes - h->blocks_at) / RECORD_BLOCK_SIZE;
	h->start_ns = service_now();
	h->wall_offset_ns = recorder_wall_offset();
	snprintf(h->version, sizeof(h->version), "%s", r->config.version);
}

static int write_head(struct recorder *r)
{
	r->head.wall_offset_ns = recorder_wall_offset();
	record_head_seal(&r->head);
	return recorder_write_at(r->fd, &r->head, sizeof(r->head), 0);
}

/* Others need the room as well: the page of the next worker lies there. Return: 0 or -ENOSPC. */
static int fit(struct recorder *r)
{
	struct statvfs v;

	/* Of a file system that has no size nothing is known. */
	if (fstatvfs(r->fd, &v) != 0 || v.f_blocks == 0U) {
		return 0;
	}
	const uint64_t total = (uint64_t)v.f_blocks * v.f_frsize;
	const uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	const uint64_t share = total / RESERVE_SHARE;
	const uint64_t reserve = share > RESERVE_MIN ? share : RESERVE_MIN;
	const uint64_t room = free_bytes > reserve ? free_bytes - reserve : 0U;

	if (room / RECORD_BLOCK_SIZE < r->head.blocks) {
		r->head.blocks = (uint32_t)(room / RECORD_BLOCK_SIZE);
	}
	return r->head.blocks >= BLOCKS_MIN ? 0 : -ENOSPC;
}

/* The head comes first: a file that is half made is known as ours. */
static int make_head(struct recorder *r)
{
	/* Whatever the umask says: the group may read. */
	if (flock(r->fd, LOCK_EX | LOCK_NB) != 0 || fchmod(r->fd, FILE_MODE) != 0) {
		return -errno;
	}
	fill_head(r);
	const int rc = fit(r);

	return rc != 0 ? rc : write_head(r);
}

static int fill_ring(struct recorder *r)
{
	/* The room that will be mapped must be there: without it the cycle thread would be killed. */
	const int rc = posix_fallocate(r->fd, 0, (off_t)r->head.blocks_at);

	if (rc != 0) {
		return -rc;
	}
	r->staging = mmap(NULL, sizeof(*r->staging), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
			  (off_t)r->head.staging_at);
	if (r->staging == MAP_FAILED) {
		r->staging = NULL;
		return -errno;
	}
	/* Touch it: the cycle thread must not be the first. */
	memset(r->staging->data, 0, sizeof(r->staging->data));
	atomic_init(&r->staging->head, 0U);
	atomic_init(&r->staging->tail, 0U);
	const int written = recorder_write_at(r->fd, r->text, r->text_len, r->head.config_at);

	return written != 0 ? written : write_head(r);
}

static int make_ring(struct recorder *r, const char *path)
{
	r->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (r->fd < 0) {
		return -errno;
	}
	int rc = make_head(r);

	rc = rc != 0 ? rc : fill_ring(r);
	if (rc != 0) {
		char old[RECORDER_PATH_MAX];

		/* As it was: what the worker before has left may still be of use. */
		(void)unlink(path);
		if (r->old_fd >= 0 && old_name(path, old) == 0) {
			(void)rename(old, path);
		}
	}
	return rc;
}

static void let_go(struct recorder *r)
{
	if (r->staging != NULL) {
		(void)munmap(r->staging, sizeof(*r->staging));
		r->staging = NULL;
	}
	if (r->fd >= 0) {
		close(r->fd);
		r->fd = -1;
	}
	if (r->old_fd >= 0) {
		close(r->old_fd);
		r->old_fd = -1;
	}
	free(r->text);
	r->text = NULL;
}

int recorder_open(struct recorder *r, const struct recorder_config *config)
{
	assert(config->bytes >= RECORDER_SIZE_MIN && config->bytes <= RECORDER_SIZE_MAX);
	memset(r, 0, sizeof(*r));
	r->config = *config;
	r->fd = -1;
	r->old_fd = -1;
	r->tail_seen = 0U;
	int rc = settings_text_lines(config->settings, "", &r->text, &r->text_len);

	if (rc == 0 && r->text_len > RECORD_CONFIG_MAX) {
		rc = -EFBIG;
	}
	if (rc == 0) {
		rc = ring_init(&r->moments, r->moment_storage, RECORDER_TRIGGERS,
			       sizeof(r->moment_storage[0]));
	}
	if (rc == 0) {
		rc = put_aside(r, config->ring);
	}
	if (rc == 0) {
		rc = make_ring(r, config->ring);
	}
	if (rc != 0) {
		let_go(r);
		return rc;
	}
	r->block.fd = -1;
	r->opened = true;
	return 0;
}

static int add_record(struct recorder *r, const struct recorder_prefix *p, uint32_t at)
{
	const struct recorder_staging *s = r->staging;
	const uint32_t place = at % RECORDER_STAGING;
	const uint32_t first = p->len < RECORDER_STAGING - place ? p->len
								 : RECORDER_STAGING - place;
	int rc = 0;

	if (p->key != 0U) {
		const uint32_t sequence = r->block.head.sequence + 1U;

		rc = r->block.fd >= 0 ? recorder_block_flush(&r->block) : 0;
		if (rc == 0) {
			rc = recorder_block_begin(&r->block, r->fd,
						  (int64_t)r->head.blocks_at +
							  (int64_t)r->slot * RECORD_BLOCK_SIZE,
						  sequence, 0U, p->now_ns);
			r->slot = (r->slot + 1U) % r->head.blocks;
		}
	}
	rc = rc != 0 ? rc : recorder_block_add(&r->block, s->data + place, first);
	if (rc == 0 && first < p->len) {
		rc = recorder_block_add(&r->block, s->data, p->len - first);
	}
	r->block.head.last_ns = p->now_ns;
	r->block.head.staged = at + recorder_room(p->len);
	return rc;
}

/* Staging area to ring. Return: 0 or -errno of the file. */
static int drain(struct recorder *r)
{
	struct recorder_staging *s = r->staging;
	const uint32_t head = atomic_load_explicit(&s->head, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
	int rc = 0;

	if (head == tail) {
		return 0;
	}
	while (rc == 0 && tail != head) {
		struct recorder_prefix p;

		/* Records are aligned to the size of a prefix: it never reaches over the end. */
		memcpy(&p, s->data + tail % RECORDER_STAGING, sizeof(p));
		tail += (uint32_t)sizeof(p);
		rc = add_record(r, &p, tail);
		tail += recorder_room(p.len);
	}
	if (rc == 0) {
		r->block.head.wall_offset_ns = recorder_wall_offset();
		rc = recorder_block_flush(&r->block);
	}
	if (rc == 0) {
		atomic_store_explicit(&s->tail, tail, memory_order_release);
	}
	return rc;
}

static void give_up_ring(struct recorder *r, struct service *s, int rc)
{
	char old[RECORDER_PATH_MAX];

	atomic_store_explicit(&r->off, 1U, memory_order_relaxed);
	/* The next worker needs some room there. */
	if (old_name(r->config.ring, old) == 0) {
		(void)unlink(old);
	}
	service_say(s, EVENT_RECORDER_FULL, -rc, 0, 0, 0);
}

static void take_moments(struct recorder *r)
{
	struct recorder_moment m;

	while (ring_pop(&r->moments, &m)) {
		if (r->pending.trigger == RECORD_TRIGGER_NONE) {
			r->pending = m;
			r->worst_ns = m.t_ns;
		} else if (m.trigger > r->pending.trigger) {
			/* The same story goes on: its name is that of the worst, its time the first. */
			r->pending.trigger = m.trigger;
			r->pending.reason = m.reason;
			r->worst_ns = m.t_ns;
		} else {
			continue;
		}
		r->head.trigger = r->pending.trigger;
		r->head.reason = r->pending.reason;
		r->head.trigger_ns = r->pending.t_ns;
		(void)write_head(r);
	}
}

/* What is pending is kept, or was told; in any case it is not pending any more. */
static void keep_pending(struct recorder *r)
{
	const struct recorder_window w = {
		.fd = r->fd,
		.head = r->head,
		.moment = r->pending,
		.from_ns = r->pending.t_ns - r->config.before_ms * NS_PER_MS,
		.to_ns = r->worst_ns + r->config.after_ms * NS_PER_MS,
	};

	(void)recorder_keep(r, &w);
	r->pending.trigger = RECORD_TRIGGER_NONE;
	r->head.trigger = RECORD_TRIGGER_NONE;
	(void)write_head(r);
}

static int op_open(struct service *s, void *self)
{
	struct recorder *r = self;

	(void)s;
	if (r->config.incidents[0] != '\0' && !r->rescued) {
		recorder_clean(r->config.incidents);
		recorder_rescue(r);
	}
	r->rescued = true;
	return 0;
}

static int op_step(struct service *s, void *self)
{
	struct recorder *r = self;
	const bool ending = service_wait(s, -1, 0, r->config.drain_ms) == -ECANCELED;

	if (atomic_load_explicit(&r->off, memory_order_relaxed) == 0U) {
		const int rc = drain(r);

		if (rc != 0) {
			give_up_ring(r, s, rc);
		} else {
			service_good(s);
		}
	}
	const uint32_t lost = atomic_load_explicit(&r->lost_total, memory_order_relaxed);

	if (lost != r->lost_told) {
		service_say(s, EVENT_RECORDER_LOST, (int32_t)(lost - r->lost_told), 0, 0, 0);
		r->lost_told = lost;
	}
	take_moments(r);
	if (r->pending.trigger != RECORD_TRIGGER_NONE && !ending &&
	    service_now() - r->worst_ns >= r->config.after_ms * NS_PER_MS) {
		keep_pending(r);
	}
	return 0;
}

static void op_close(struct service *s, void *self)
{
	(void)s;
	(void)self;
}

static void op_fini(struct service *s, void *self)
{
	struct recorder *r = self;

	(void)s;
	if (atomic_load_explicit(&r->off, memory_order_relaxed) == 0U) {
		(void)drain(r);
	}
	take_moments(r);
	r->head.orderly = atomic_load_explicit(&r->orderly, memory_order_relaxed);
	(void)write_head(r);
	if (r->pending.trigger != RECORD_TRIGGER_NONE &&
	    atomic_load_explicit(&r->handover, memory_order_relaxed) == 0U) {
		keep_pending(r);
	}
}

static const struct service_ops ops = {
	.name = "recorder",
	.open = op_open,
	.step = op_step,
	.close = op_close,
	.fini = op_fini,
};

int recorder_start(struct recorder *r)
{
	const struct service_config config = {
		.ops = &ops,
		.self = r,
		.pause_min_ms = 1000,
		.pause_max_ms = 60000,
		.nice = NICE,
	};
	const int rc = service_start(&r->service, &config);

	r->running = rc == 0;
	return rc;
}

int recorder_stop(struct recorder *r, bool handover, int32_t max_ms)
{
	int rc = 0;

	if (!r->opened) {
		return 0;
	}
	if (r->running) {
		atomic_store_explicit(&r->handover, handover ? 1U : 0U, memory_order_relaxed);
		atomic_store_explicit(&r->orderly, 1U, memory_order_release);
		rc = service_stop_within(&r->service, max_ms);
	}
	if (rc == 0) {
		let_go(r);
		r->opened = false;
	}
	return rc;
}
