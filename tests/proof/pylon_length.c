/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pylon_encode() of src/proto/pylon.c: identifier and length.
 *
 * Proven, for every frame kind (also numbers that are none) and every table of lengths a profile
 * could have, so also for the built-in ones: the frame is no longer than 8 bytes and has the
 * identifier of its kind; its bytes are the first ones of the payload, the others are 0; a kind
 * that the profile does not have, and a number that is none, give no frame.
 *
 * Bounds: none; the loops run over the bytes.
 *
 * Assumed: nothing. encode_payload() is replaced by any eight bytes; pylon_encode.c has the real
 * one.
 *
 * cbmc: --unwind 10 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --undefined-shift-check --unsigned-overflow-check
 * replace: encode_payload any_payload
 */
#include "proto/pylon.c"
#include "proof.h"

static uint8_t payload[CAN_MSG_DATA_MAX]; /* main() gives it any content */
static uint32_t payloads;

void any_payload(uint8_t *d, enum pylon_frame kind, const struct pylon_state *s)
{
	(void)s;
	PROVE((unsigned int)kind < PYLON_FRAMES, "payload of a known kind");
	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		d[i] = payload[i];
	}
	payloads++;
}

int main(void)
{
	struct pylon_profile p; /* any content */
	const struct pylon_state s = {0};
	const unsigned int kind = nondet_u8();

	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		payload[i] = nondet_u8();
	}
	const struct can_msg m = pylon_encode(&p, (enum pylon_frame)kind, &s);

	PROVE(m.len <= CAN_MSG_DATA_MAX, "length in range");
	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		PROVE_IF(i >= m.len, m.data[i] == 0, "unused bytes are 0");
		PROVE_IF(i < m.len, payloads == 1 && m.data[i] == payload[i],
			 "first bytes of the payload");
	}
	if (kind >= PYLON_FRAMES || p.len[kind] == 0) {
		PROVE(m.len == 0, "no frame");
		return 0;
	}
	PROVE(m.len == (p.len[kind] < CAN_MSG_DATA_MAX ? p.len[kind] : CAN_MSG_DATA_MAX),
	      "length of the profile");
	PROVE(m.id == pylon_frame_id((enum pylon_frame)kind) && m.id != 0 && m.id <= CAN_MSG_ID_MAX,
	      "identifier of the kind");
	return 0;
}
