/* SPDX-License-Identifier: Apache-2.0 */
/* The record of the failsafe state: sealing, judging, choosing. Pure. */
#include <errno.h>
#include <string.h>

#include "rt/state.h"

/*
 * CRC-32 and not the FNV-1a of the shared page: it is sure to find every burst of up to 32 bits and
 * every three flipped bits in a record, which is how disks fail.
 */
#define CRC_POLYNOMIAL 0xEDB88320U
#define HALF	       0x80000000U

static const char magic[4] = {'J', 'K', 'P', 'S'};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");
_Static_assert(sizeof(struct state_record) == STATE_SIZE, "no padding, one sector");
_Static_assert(offsetof(struct state_record, when_s) == 32, "fixed layout");
_Static_assert(offsetof(struct state_record, relay) == 252, "fixed layout");
_Static_assert(offsetof(struct state_record, checksum) == STATE_SIZE - 4, "all bytes are covered");

static uint32_t checksum(const struct state_record *record)
{
	const uint8_t *bytes = (const uint8_t *)record;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < offsetof(struct state_record, checksum); i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc >> 1) ^ ((crc & 1U) != 0U ? CRC_POLYNOMIAL : 0U);
		}
	}
	return ~crc;
}

void state_seal(struct state_record *record, uint32_t sequence)
{
	memcpy(record->magic, magic, sizeof(magic));
	record->version = STATE_VERSION;
	record->sequence = sequence;
	record->relay[STATE_RELAY_MAX - 1] = '\0';
	record->checksum = checksum(record);
}

bool state_is_good(const struct state_record *record)
{
	return memcmp(record->magic, magic, sizeof(magic)) == 0 &&
	       record->version == STATE_VERSION && record->relay[STATE_RELAY_MAX - 1] == '\0' &&
	       record->checksum == checksum(record);
}

int state_choose(const struct state_record slot[STATE_SLOTS])
{
	/* Modulo 2^32: the newer one is less than half of the circle ahead. */
	const uint32_t ahead = slot[1].sequence - slot[0].sequence;

	/*
	 * Both slots are written before the file counts as made, so an empty one is as bad as a
	 * broken one: after a crash some disks and file systems give zeros back.
	 */
	if (!state_is_good(&slot[0]) || !state_is_good(&slot[1]) || ahead == 0U || ahead == HALF) {
		return -EBADMSG;
	}
	return ahead < HALF ? 1 : 0;
}
