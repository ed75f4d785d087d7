/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the record: the ring below /run and the incidents that are kept of it. Both have the
 * same form: a head, the settings as text, blocks. All numbers are little endian, as every machine
 * is that this runs on; the head says so.
 *
 *   head       struct record_head, with a sum of its own
 *   settings   lines "section.key=value", as the C lines of a trace (svc/trace.h)
 *   staging    ring only: bytes that are on their way into a block, see svc/recorder.h
 *   blocks     each a struct record_block and its bytes, a part of the stream of core/record.h.
 *              In a ring they lie at a fixed distance and the oldest is overwritten; in an incident
 *              one behind the other
 *
 * A block begins with a key, so a replay can begin at any of them, unless it is the rest of the
 * block before it (RECORD_BLOCK_REST). The sum of a block covers the bytes that its head counts, so
 * it is right at every moment, however its writer ends.
 */
#ifndef JKP_CORE_RECORD_FILE_H
#define JKP_CORE_RECORD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FILE_MAGIC   "JKPREC1\n"
#define RECORD_FILE_ORDER   0x01020304U
#define RECORD_BLOCK_MAGIC  0x6B6C424AU
#define RECORD_BLOCK_SIZE   65536U /* distance of blocks in a ring */
#define RECORD_BLOCK_BYTES  (RECORD_BLOCK_SIZE - 64U)
#define RECORD_VERSION_SIZE 32U
#define RECORD_CONFIG_MAX   65536U
#define RECORD_BLOCKS_MAX   1024U
#define RECORD_BLOCK_REST   0x1U

/**
 * struct record_head - beginning of a file
 * @sum: CRC-32 of this head with @sum = 0
 * @layout: record_layout() of the writer
 * @trigger: enum record_trigger: why it was kept; of a ring: what is not kept yet
 * @reason: enum reason at that moment
 * @orderly: the writer has ended as it should
 * @block_size: distance of the blocks, 0 = one behind the other
 * @blocks: how many there are, of a ring: room for
 * @trigger_ns: CLOCK_MONOTONIC of the moment
 * @start_ns: of the start of the worker
 * @wall_offset_ns: CLOCK_REALTIME - CLOCK_MONOTONIC when this head was written
 * @version: program that wrote it, text
 */
struct record_head {
	char magic[8];
	uint32_t order;
	uint32_t sum;
	uint32_t layout;
	uint32_t trigger;
	uint32_t reason;
	uint32_t orderly;
	uint32_t block_size;
	uint32_t blocks;
	uint32_t config_len;
	uint32_t config_sum;
	uint32_t config_at;
	uint32_t staging_at;
	uint32_t staging_size;
	uint32_t blocks_at;
	int64_t trigger_ns;
	int64_t start_ns;
	int64_t wall_offset_ns;
	char version[RECORD_VERSION_SIZE];
};

/**
 * struct record_block - beginning of a block
 * @head_sum: CRC-32 of this head with @head_sum = 0
 * @sequence: 1, 2, 3 ... in a ring
 * @len: bytes that follow
 * @sum: their CRC-32
 * @flags: RECORD_BLOCK_REST
 * @staged: place in the staging area up to which it was filled, modulo 2^32
 * @first_ns, @last_ns: CLOCK_MONOTONIC of its first and last record
 * @wall_offset_ns: CLOCK_REALTIME - CLOCK_MONOTONIC at its end
 */
struct record_block {
	uint32_t magic;
	uint32_t head_sum;
	uint32_t sequence;
	uint32_t len;
	uint32_t sum;
	uint32_t flags;
	uint32_t staged;
	uint32_t pad;
	int64_t first_ns;
	int64_t last_ns;
	int64_t wall_offset_ns;
	int64_t spare;
};

/**
 * record_sum - CRC-32 (IEEE 802.3), in pieces
 * @sum: of the bytes before, 0 at the beginning
 *
 * Context: any. Pure.
 */
uint32_t record_sum(uint32_t sum, const void *bytes, size_t len);

/* Fill in magic, byte order and sum. */
void record_head_seal(struct record_head *h);
void record_block_seal(struct record_block *b);

/**
 * record_head_is_good - head of a file of this format, whose numbers lie in their ranges
 * @size: of the file
 */
bool record_head_is_good(const struct record_head *h, uint64_t size);

/* Whether it is a block, by its head alone. */
bool record_block_is_good(const struct record_block *b);

/* Distance from one block of an incident to the next. */
static inline uint32_t record_block_stride(uint32_t len)
{
	return (uint32_t)sizeof(struct record_block) + (len + 7U) / 8U * 8U;
}

/**
 * struct record_part - one block of a file that was read
 * @bytes: inside the file
 */
struct record_part {
	struct record_block block;
	const uint8_t *bytes;
};

/**
 * record_file_parse - find what is whole in a file
 * @bytes, @len: the file
 * @ret_head: its head
 * @part: receives the blocks in order of their sequence
 * @room: of @part
 * @ret_parts: how many
 *
 * Blocks that are broken are left out, and so is what hangs on them.
 * Return: 0; -EBADMSG no file of this format; -EPROTO of another version of it; -ENODATA without a
 * whole block.
 * Context: any. Pure.
 */
int record_file_parse(const uint8_t *bytes, size_t len, struct record_head *ret_head,
		      struct record_part *part, uint32_t room, uint32_t *ret_parts);

#endif
