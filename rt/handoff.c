/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-over of a descriptor. One word says who owns it, so there is never a doubt: only the owner
 * of the moment changes the word. The recall flag is a wish of the helper; it is cleared before the
 * next descriptor is put, so a late wish cannot hit the new one.
 */
#include "rt/handoff.h"

#include <assert.h>

#define SLOT_EMPTY 0

void handoff_init(struct handoff *h)
{
	atomic_init(&h->slot, SLOT_EMPTY);
	atomic_init(&h->recall, 0U);
}

bool handoff_put(struct handoff *h, int fd)
{
	assert(fd >= 0 && fd < INT32_MAX);
	if (atomic_load_explicit(&h->slot, memory_order_acquire) != SLOT_EMPTY) {
		return false;
	}
	atomic_store_explicit(&h->recall, 0U, memory_order_relaxed);
	atomic_store_explicit(&h->slot, fd + 1, memory_order_release);
	return true;
}

void handoff_recall(struct handoff *h)
{
	atomic_store_explicit(&h->recall, 1U, memory_order_relaxed);
}

int handoff_reclaim(struct handoff *h)
{
	const int32_t slot = atomic_load_explicit(&h->slot, memory_order_acquire);

	if (slot >= SLOT_EMPTY) {
		return -1;
	}
	atomic_store_explicit(&h->slot, SLOT_EMPTY, memory_order_relaxed);
	return -slot - 1;
}

int handoff_get(struct handoff *h)
{
	const int32_t slot = atomic_load_explicit(&h->slot, memory_order_acquire);

	if (slot <= SLOT_EMPTY) {
		return -1;
	}
	if (atomic_load_explicit(&h->recall, memory_order_relaxed) != 0U) {
		atomic_store_explicit(&h->slot, -slot, memory_order_release);
		return -1;
	}
	return slot - 1;
}

bool handoff_is_held(const struct handoff *h)
{
	return atomic_load_explicit(&h->slot, memory_order_relaxed) > SLOT_EMPTY;
}

bool handoff_is_empty(const struct handoff *h)
{
	return atomic_load_explicit(&h->slot, memory_order_relaxed) == SLOT_EMPTY;
}

void handoff_give_up(struct handoff *h)
{
	const int32_t slot = atomic_load_explicit(&h->slot, memory_order_relaxed);

	if (slot > SLOT_EMPTY) {
		atomic_store_explicit(&h->slot, -slot, memory_order_release);
	}
}

int handoff_fini(struct handoff *h)
{
	const int32_t slot = atomic_exchange_explicit(&h->slot, SLOT_EMPTY, memory_order_acq_rel);

	if (slot == SLOT_EMPTY) {
		return -1;
	}
	return (slot > SLOT_EMPTY ? slot : -slot) - 1;
}
