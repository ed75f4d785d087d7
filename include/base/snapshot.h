/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latest-value snapshot: one writer, any number of readers, in threads or processes that share the
 * memory. The writer never waits. A reader tries once and keeps its old copy when the writer was
 * at work: a realtime reader that spins on the sequence stands still behind a preempted writer.
 * The payload is copied as 32 bit atomic words, so there is no data race in the C11 sense.
 */
#ifndef JKP_BASE_SNAPSHOT_H
#define JKP_BASE_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct snapshot - head of a snapshot; the payload words follow it in memory
 * @seq: even: at rest, odd: the writer is at work; 0: never written
 * @bytes: payload size, fixed at init; a multiple of 4
 */
struct snapshot {
	_Atomic uint32_t seq;
	uint32_t bytes;
};

/*
 * SNAPSHOT_OF(type) - storage for a snapshot of a payload type
 *
 * sizeof(type) must be a multiple of 4 (asserted by snapshot_init). Position-independent: may lie
 * in memory that several processes map.
 */
#define SNAPSHOT_OF(type)                                        \
	struct {                                                 \
		struct snapshot head;                            \
		_Atomic uint32_t word[(sizeof(type) + 3U) / 4U]; \
	}

/**
 * snapshot_init - set up an empty snapshot
 * @s: head of a SNAPSHOT_OF storage
 * @bytes: sizeof the payload type, a multiple of 4
 *
 * Context: init only.
 */
void snapshot_init(struct snapshot *s, size_t bytes);

/**
 * snapshot_write - publish a new value
 * @s: snapshot
 * @src: payload, 4-byte aligned
 * @bytes: its size, that given to snapshot_init: the size in shared memory is not believed
 *
 * Context: the one writer. Wait-free, bound: one copy of the payload.
 */
void snapshot_write(struct snapshot *s, const void *src, size_t bytes);

/**
 * snapshot_try_read - copy the newest value, one attempt
 * @s: snapshot
 * @ret_dst: receives the payload; after false its content is unspecified: read into a scratch copy
 * @bytes: size of @ret_dst; false if the snapshot is of another size
 *
 * Return: true if @ret_dst holds one consistent value; false if nothing was written yet or the
 * writer was at work: keep the old copy.
 * Context: any reader. Wait-free, bound: one copy of the payload.
 */
bool snapshot_try_read(const struct snapshot *s, void *ret_dst, size_t bytes);

#endif
