/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker before has recorded and could not keep: it crashed, was killed, or had no time. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/time.h"
#include "recorder_file.h"

/* Where a walk through a dead staging area is. */
struct walk {
	const struct recorder_window *w;
	uint32_t at;
	uint32_t end;
};

static int read_staged(const struct walk *k, uint32_t at, void *dst, uint32_t len)
{
	const int64_t data = (int64_t)k->w->head.staging_at +
			     (int64_t)offsetof(struct recorder_staging, data);
	const uint32_t place = at % RECORDER_STAGING;
	const uint32_t first = len < RECORDER_STAGING - place ? len : RECORDER_STAGING - place;
	const int rc = recorder_read_at(k->w->fd, dst, first, data + place);

	return rc != 0 || first == len
		       ? rc
		       : recorder_read_at(k->w->fd, (uint8_t *)dst + first, len - first, data);
}

/* Next record. Return: 0; -ENODATA at the end or where it cannot be believed. */
static int next_staged(struct walk *k, struct recorder_prefix *ret)
{
	struct recorder_prefix p;
	const uint32_t left = k->end - k->at;

	if (left < sizeof(p) || read_staged(k, k->at, &p, sizeof(p)) != 0 ||
	    p.len > left - sizeof(p) || recorder_room(p.len) > left - sizeof(p) ||
	    p.len > RECORD_BLOCK_BYTES || p.key > 1U) {
		return -ENODATA;
	}
	k->at += (uint32_t)sizeof(p);
	*ret = p;
	return 0;
}

static int begin_walk(struct walk *k, const struct record_block *last)
{
	uint32_t head = 0;
	uint32_t tail = 0;
	const int64_t at = k->w->head.staging_at;

	if (k->w->head.staging_size != sizeof(struct recorder_staging) ||
	    recorder_read_at(k->w->fd, &head, sizeof(head),
			     at + (int64_t)offsetof(struct recorder_staging, head)) != 0 ||
	    recorder_read_at(k->w->fd, &tail, sizeof(tail),
			     at + (int64_t)offsetof(struct recorder_staging, tail)) != 0) {
		return -ENODATA;
	}
	/* A block that was written before the area was told so counts. */
	k->at = last != NULL ? last->staged : tail;
	k->end = head;
	/* All that is staged is rounded up to the size of a prefix. */
	return ((k->at | k->end) % sizeof(struct recorder_prefix)) == 0U &&
			       k->end - k->at <= RECORDER_STAGING
		       ? 0
		       : -ENODATA;
}

static int add_staged(struct recorder *r, struct walk *k, uint32_t len)
{
	uint8_t piece[512];
	int rc = 0;

	while (rc == 0 && len > 0U) {
		const uint32_t n = len < sizeof(piece) ? len : (uint32_t)sizeof(piece);

		rc = read_staged(k, k->at, piece, n);
		rc = rc != 0 ? rc : recorder_block_add(&r->copy, piece, n);
		k->at += n;
		len -= n;
	}
	k->at = recorder_room(k->at);
	return rc;
}

static int end_block(struct recorder *r, int64_t *at, uint32_t *blocks)
{
	const int rc = recorder_block_flush(&r->copy);

	*at += record_block_stride(r->copy.head.len);
	(*blocks)++;
	return rc;
}

int recorder_copy_staged(struct recorder *r, const struct recorder_window *w,
			 const struct record_block *last, int fd, int64_t *at, uint32_t *blocks)
{
	struct walk k = {.w = w};
	struct recorder_prefix p;
	uint32_t sequence = last != NULL ? last->sequence : 0U;
	bool begun = false;
	int rc = begin_walk(&k, last);

	if (rc != 0) {
		return 0; /* nothing there: the blocks alone are worth keeping */
	}
	while (rc == 0 && next_staged(&k, &p) == 0) {
		if (!begun || p.key != 0U) {
			rc = begun ? end_block(r, at, blocks) : 0;
			rc = rc != 0 ? rc
				     : recorder_block_begin(&r->copy, fd, *at, ++sequence,
							    p.key != 0U ? 0U : RECORD_BLOCK_REST,
							    p.now_ns);
			r->copy.head.wall_offset_ns = recorder_wall_offset();
			begun = true;
		}
		rc = rc != 0 ? rc : add_staged(r, &k, p.len);
		r->copy.head.last_ns = p.now_ns;
	}
	return rc != 0 || !begun ? rc : end_block(r, at, blocks);
}

/* Newest time in the ring, its staging area included. */
static int64_t last_time(const struct recorder_window *w)
{
	struct record_block last = {.sequence = 0};
	struct recorder_prefix p;
	struct walk k = {.w = w};
	bool found = false;
	int64_t t_ns = 0;

	for (uint32_t i = 0; i < w->head.blocks; i++) {
		struct record_block b;

		if (recorder_read_at(w->fd, &b, sizeof(b),
				     (int64_t)w->head.blocks_at + (int64_t)i * RECORD_BLOCK_SIZE) !=
		    0) {
			break;
		}
		if (record_block_is_good(&b) &&
		    (!found || (int32_t)(b.sequence - last.sequence) > 0)) {
			last = b;
			found = true;
			t_ns = b.last_ns;
		}
	}
	if (begin_walk(&k, found ? &last : NULL) == 0) {
		while (next_staged(&k, &p) == 0) {
			k.at += recorder_room(p.len);
			t_ns = p.now_ns;
		}
	}
	return t_ns;
}

void recorder_rescue(struct recorder *r)
{
	struct recorder_window w = {.fd = r->old_fd, .rest = true};
	struct stat st;

	if (r->old_fd < 0 || fstat(r->old_fd, &st) != 0 ||
	    recorder_read_at(r->old_fd, &w.head, sizeof(w.head), 0) != 0 ||
	    !record_head_is_good(&w.head, (uint64_t)st.st_size) ||
	    w.head.block_size != RECORD_BLOCK_SIZE) {
		return; /* no ring, or one of another version: nothing to rescue */
	}
	const int64_t last_ns = last_time(&w);

	w.moment = (struct recorder_moment){
		.t_ns = w.head.trigger_ns, .trigger = w.head.trigger, .reason = w.head.reason};
	if (w.head.orderly == 0U) {
		w.moment = (struct recorder_moment){.t_ns = last_ns,
						    .trigger = RECORD_TRIGGER_WORKER,
						    .reason = w.head.trigger != RECORD_TRIGGER_NONE
								      ? w.head.reason
								      : REASON_WORKER};
	}
	if (w.moment.trigger == RECORD_TRIGGER_NONE || w.moment.trigger >= RECORD_TRIGGERS ||
	    last_ns == 0) {
		return;
	}
	w.from_ns = w.moment.t_ns - r->config.before_ms * NS_PER_MS;
	w.to_ns = last_ns; /* its worker had not come to the end of the story */
	(void)recorder_keep(r, &w);
}
