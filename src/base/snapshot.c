/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence counter over a payload of relaxed 32 bit words. The two fences order the words against
 * the counter: a reader that got one word of a new value also sees that the counter has moved.
 */
#include "base/snapshot.h"

#include <assert.h>
#include <string.h>

#define WORD_BYTES sizeof(uint32_t)

/* The words of SNAPSHOT_OF follow the head without a gap. */
_Static_assert(sizeof(struct snapshot) % _Alignof(_Atomic uint32_t) == 0, "gap behind the head");
_Static_assert(sizeof(_Atomic uint32_t) == WORD_BYTES, "32 bit atomics carry no lock");

void snapshot_init(struct snapshot *s, size_t bytes)
{
	assert(s);
	assert(bytes > 0U && bytes % WORD_BYTES == 0U && bytes <= UINT32_MAX);
	atomic_init(&s->seq, 0U);
	s->bytes = (uint32_t)bytes;
}

void snapshot_write(struct snapshot *s, const void *src, size_t bytes)
{
	_Atomic uint32_t *word = (_Atomic uint32_t *)(s + 1);
	const uint8_t *from = src;
	/*
	 * Odd also if an earlier writer process died in the middle: its half value never becomes
	 * readable, and the counter does not get out of step.
	 */
	const uint32_t busy = atomic_load_explicit(&s->seq, memory_order_relaxed) | 1U;
	/* 0 means "never written" and is passed over when the counter wraps. */
	const uint32_t rest = busy + 1U == 0U ? 2U : busy + 1U;

	atomic_store_explicit(&s->seq, busy, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (uint32_t i = 0; i < bytes / WORD_BYTES; i++) {
		uint32_t w;

		memcpy(&w, from + i * WORD_BYTES, WORD_BYTES);
		atomic_store_explicit(&word[i], w, memory_order_relaxed);
	}
	atomic_store_explicit(&s->seq, rest, memory_order_release);
}

bool snapshot_try_read(const struct snapshot *s, void *ret_dst, size_t bytes)
{
	const _Atomic uint32_t *word = (const _Atomic uint32_t *)(s + 1);
	uint8_t *to = ret_dst;
	const uint32_t before = atomic_load_explicit(&s->seq, memory_order_acquire);

	if (before == 0U || (before & 1U) != 0U || s->bytes != bytes) {
		return false;
	}
	for (uint32_t i = 0; i < bytes / WORD_BYTES; i++) {
		const uint32_t w = atomic_load_explicit(&word[i], memory_order_relaxed);

		memcpy(to + i * WORD_BYTES, &w, WORD_BYTES);
	}
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&s->seq, memory_order_relaxed) == before;
}
