/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the record: see core/record_file.h. */
#include "core/record_file.h"

#include <errno.h>
#include <string.h>

#define POLYNOM	     0xEDB88320U /* IEEE 802.3, bits reversed */
#define BYTE_BITS    8U
#define BYTES	     256U
#define NIBBLE_BITS  4U
#define NIBBLES	     16U
#define LONG_SUM     1024U /* from here on the larger table is worth its making */
#define MAGIC_FAMILY 6U	   /* bytes of the magic that all versions share */

_Static_assert(sizeof(struct record_head) == 120 && sizeof(struct record_block) == 64,
	       "fixed layout, no padding");

static uint32_t table_of(uint32_t i, uint32_t bits)
{
	for (uint32_t bit = 0; bit < bits; bit++) {
		i = (i & 1U) != 0U ? i >> 1 ^ POLYNOM : i >> 1;
	}
	return i;
}

/* Four bits a turn: for what is short. */
static uint32_t short_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	uint32_t table[NIBBLES];

	for (uint32_t i = 0; i < NIBBLES; i++) {
		table[i] = table_of(i, NIBBLE_BITS);
	}
	for (size_t i = 0; i < len; i++) {
		sum ^= p[i];
		sum = sum >> NIBBLE_BITS ^ table[sum & (NIBBLES - 1U)];
		sum = sum >> NIBBLE_BITS ^ table[sum & (NIBBLES - 1U)];
	}
	return sum;
}

static uint32_t long_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	uint32_t table[BYTES];

	for (uint32_t i = 0; i < BYTES; i++) {
		table[i] = table_of(i, BYTE_BITS);
	}
	for (size_t i = 0; i < len; i++) {
		sum = sum >> BYTE_BITS ^ table[(sum ^ p[i]) & (BYTES - 1U)];
	}
	return sum;
}

uint32_t record_sum(uint32_t sum, const void *bytes, size_t len)
{
	return ~(len < LONG_SUM ? short_sum(~sum, bytes, len) : long_sum(~sum, bytes, len));
}

void record_head_seal(struct record_head *h)
{
	memcpy(h->magic, RECORD_FILE_MAGIC, sizeof(h->magic));
	h->order = RECORD_FILE_ORDER;
	h->sum = 0U;
	h->sum = record_sum(0U, h, sizeof(*h));
}

void record_block_seal(struct record_block *b)
{
	b->magic = RECORD_BLOCK_MAGIC;
	b->head_sum = 0U;
	b->head_sum = record_sum(0U, b, sizeof(*b));
}

bool record_head_is_good(const struct record_head *h, uint64_t size)
{
	struct record_head copy = *h;

	copy.sum = 0U;
	return memcmp(h->magic, RECORD_FILE_MAGIC, sizeof(h->magic)) == 0 &&
	       h->order == RECORD_FILE_ORDER && h->sum == record_sum(0U, &copy, sizeof(copy)) &&
	       h->config_len <= RECORD_CONFIG_MAX &&
	       (uint64_t)h->config_at + h->config_len <= size &&
	       (uint64_t)h->staging_at + h->staging_size <= size && h->blocks_at <= size &&
	       h->blocks <= RECORD_BLOCKS_MAX &&
	       (h->block_size == 0U || h->block_size == RECORD_BLOCK_SIZE) &&
	       memchr(h->version, '\0', sizeof(h->version)) != NULL;
}

bool record_block_is_good(const struct record_block *b)
{
	struct record_block copy = *b;

	copy.head_sum = 0U;
	return b->magic == RECORD_BLOCK_MAGIC && b->len <= RECORD_BLOCK_BYTES &&
	       b->head_sum == record_sum(0U, &copy, sizeof(copy));
}

static void insert(struct record_part *part, uint32_t n, const struct record_part *p)
{
	while (n > 0U && (int32_t)(part[n - 1U].block.sequence - p->block.sequence) > 0) {
		part[n] = part[n - 1U];
		n--;
	}
	part[n] = *p;
}

/* What continues a block that is not there cannot be understood. */
static uint32_t without_orphans(struct record_part *part, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		const bool rest = (part[i].block.flags & RECORD_BLOCK_REST) != 0U;

		if (!rest ||
		    (kept > 0U && part[kept - 1U].block.sequence + 1U == part[i].block.sequence)) {
			part[kept++] = part[i];
		}
	}
	return kept;
}

int record_file_parse(const uint8_t *bytes, size_t len, struct record_head *ret_head,
		      struct record_part *part, uint32_t room, uint32_t *ret_parts)
{
	struct record_head h;
	uint32_t n = 0;

	if (len < sizeof(h) || memcmp(bytes, RECORD_FILE_MAGIC, MAGIC_FAMILY) != 0) {
		return -EBADMSG;
	}
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.magic, RECORD_FILE_MAGIC, sizeof(h.magic)) != 0 ||
	    h.order != RECORD_FILE_ORDER) {
		return -EPROTO;
	}
	if (!record_head_is_good(&h, len) ||
	    record_sum(0U, bytes + h.config_at, h.config_len) != h.config_sum) {
		return -EBADMSG;
	}
	size_t at = h.blocks_at;

	for (uint32_t i = 0; i < h.blocks && n < room && len - at >= sizeof(part[0].block); i++) {
		struct record_part p;

		memcpy(&p.block, bytes + at, sizeof(p.block));
		p.bytes = bytes + at + sizeof(p.block);
		const bool good = record_block_is_good(&p.block) &&
				  p.block.len <= len - at - sizeof(p.block);

		if (good && p.block.len > 0U &&
		    record_sum(0U, p.bytes, p.block.len) == p.block.sum) {
			insert(part, n++, &p);
		}
		if (h.block_size == 0U && !good) {
			break; /* where the next one begins is not known */
		}
		const size_t stride = h.block_size != 0U ? h.block_size
							 : record_block_stride(p.block.len);

		if (stride > len - at) {
			break;
		}
		at += stride;
	}
	n = without_orphans(part, n);
	if (n == 0U) {
		return -ENODATA;
	}
	*ret_head = h;
	*ret_parts = n;
	return 0;
}
