/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single-producer single-consumer ring. @head and @tail count records and run freely modulo 2^32,
 * so their difference is the fill level across the wrap, and full and empty differ without a spare
 * slot. Each end keeps the last position it saw of the other end and looks again only when that
 * says "full" or "empty": the cache line of the other thread is fetched rarely.
 */
#include "base/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define RING_COUNT_MIN	     2U
#define RING_COUNT_MAX	     (1U << 24)
#define RING_RECORD_SIZE_MAX 4096U

int ring_init(struct ring *r, void *storage, uint32_t count, uint32_t record_size)
{
	assert(r && storage);
	if (count < RING_COUNT_MIN || count > RING_COUNT_MAX || (count & (count - 1U)) != 0U) {
		return -EINVAL;
	}
	if (record_size < 1U || record_size > RING_RECORD_SIZE_MAX) {
		return -EINVAL;
	}
	if (record_size > SIZE_MAX / count) {
		return -EINVAL;
	}
	atomic_init(&r->head, 0U);
	atomic_init(&r->tail, 0U);
	atomic_init(&r->dropped, 0U);
	r->tail_seen = 0U;
	r->head_seen = 0U;
	r->storage = storage;
	r->count = count;
	r->record_size = record_size;
	return 0;
}

static uint8_t *slot(const struct ring *r, uint32_t position)
{
	return r->storage + (size_t)(position & (r->count - 1U)) * r->record_size;
}

bool ring_push(struct ring *r, const void *record)
{
	const uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - r->tail_seen == r->count) {
		/* Acquire: the consumer has read a slot before we write it again. */
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head - r->tail_seen == r->count) {
			const uint32_t dropped = atomic_load_explicit(&r->dropped,
								      memory_order_relaxed);

			/* The producer alone writes this: no read-modify-write loop needed. */
			atomic_store_explicit(&r->dropped, dropped + 1U, memory_order_relaxed);
			return false;
		}
	}
	memcpy(slot(r, head), record, r->record_size);
	atomic_store_explicit(&r->head, head + 1U, memory_order_release);
	return true;
}

bool ring_pop(struct ring *r, void *ret_record)
{
	const uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == r->head_seen) {
		/* Acquire: the record is complete before we read it. */
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail == r->head_seen) {
			return false;
		}
	}
	memcpy(ret_record, slot(r, tail), r->record_size);
	atomic_store_explicit(&r->tail, tail + 1U, memory_order_release);
	return true;
}

uint32_t ring_dropped(const struct ring *r)
{
	return atomic_load_explicit(&r->dropped, memory_order_relaxed);
}
