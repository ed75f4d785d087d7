/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find_payload() of src/proto/speedwire.c: the walk over the tags.
 *
 * Proven, for every length START_SIZE..SPEEDWIRE_DATAGRAM_MAX and every content:
 *   - not a byte behind the given ones is read (they end the object they lie in);
 *   - the data of a tag lie in the datagram, behind the tag before; a turn takes four bytes at
 *     least, so the walk ends;
 *   - a payload lies in the datagram, has a protocol id, and is taken once;
 *   - good is only what comes to its end with the end tag.
 *
 * Bounds: the first two turns of a call. A turn depends on the rest of the bytes and on whether
 * there is a payload already; every rest is also one with which a call begins, and judge_tag() is
 * proven from both states.
 *
 * Assumed: judge_tag() does what speedwire_record.c proves of it.
 *
 * takes: 5
 * cbmc: --unwind 4 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check --undefined-shift-check
 * replace: judge_tag tag_seen
 */
#include "proto/speedwire.c"
#include "proof.h"

#define TURNS 2
#define END   (room + SPEEDWIRE_DATAGRAM_MAX)

static uint8_t room[SPEEDWIRE_DATAGRAM_MAX];
static const uint8_t *next; /* behind what the last turn took */
static uint32_t turns;
static bool refused;

enum speedwire_verdict tag_seen(uint16_t tag, const uint8_t *data, size_t len,
				struct payload *payload)
{
	PROVE(data == next + TAG_SIZE, "the data follow their tag");
	PROVE(data + len <= END, "the data lie in the datagram");
	next = data + len;
	turns++;
	const enum speedwire_verdict v = (enum speedwire_verdict)nondet_u8();

	(void)tag;
	ASSUME((unsigned int)v < SPEEDWIRE_VERDICTS);
	if (nondet_bool()) {
		ASSUME(payload->data == NULL && len >= PROTOCOL_SIZE);
		*payload = (struct payload){data, len};
	}
	refused = v != SPEEDWIRE_OK;
	ASSUME(turns < TURNS || refused);
	return v;
}

int main(void)
{
	uint8_t any[SPEEDWIRE_DATAGRAM_MAX]; /* any content */
	struct payload payload = {0};
	const size_t len = nondet_size();

	__CPROVER_array_copy(room, any);
	ASSUME(len >= START_SIZE && len <= SPEEDWIRE_DATAGRAM_MAX);
	const uint8_t *data = END - len;

	next = data + START_SIZE;
	const enum speedwire_verdict v = find_payload(data, len, &payload);

	PROVE((unsigned int)v < SPEEDWIRE_VERDICTS, "a verdict of the list");
	PROVE_IF(v == SPEEDWIRE_OK, !refused && next + TAG_SIZE == END, "good only with its end");
	PROVE_IF(payload.data != NULL,
		 payload.data > data && payload.len >= PROTOCOL_SIZE &&
			 payload.data + payload.len <= END,
		 "the payload lies in the datagram");
	return 0;
}
