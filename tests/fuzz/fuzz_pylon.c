/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two halves of the codec: any state encodes to frames that decode within the ranges of SAF-10;
 * any frame decodes without harm, and what was decoded encodes again.
 */
#include "proto/pylon.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_HEAD 3U /* identifier and length of a frame in the input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good) {
		abort();
	}
}

static size_t take(const uint8_t **data, size_t *size, void *to, size_t want)
{
	const size_t n = *size < want ? *size : want;

	memcpy(to, *data, n);
	*data += n;
	*size -= n;
	return n;
}

static int32_t take_i32(const uint8_t **data, size_t *size)
{
	int32_t v = 0;

	(void)take(data, size, &v, sizeof(v));
	return v;
}

/* Field by field: a bool must not be filled with random bytes. */
static struct pylon_state take_state(const uint8_t **data, size_t *size)
{
	struct pylon_state s = {0};
	uint8_t bits = 0;

	s.cvl_mv = take_i32(data, size);
	s.dvl_mv = take_i32(data, size);
	s.ccl_ma = take_i32(data, size);
	s.dcl_ma = take_i32(data, size);
	s.pack_mv = take_i32(data, size);
	s.pack_ma = take_i32(data, size);
	s.temp_dc = take_i32(data, size);
	s.soc_pct = take_i32(data, size);
	s.soh_pct = take_i32(data, size);
	s.protections = (uint32_t)take_i32(data, size);
	s.warnings = (uint32_t)take_i32(data, size);
	s.capacity_ah = take_i32(data, size);
	s.alive = (uint32_t)take_i32(data, size);
	(void)take(data, size, &s.modules, sizeof(s.modules));
	(void)take(data, size, &bits, sizeof(bits));
	s.charge_enable = (bits & 1U) != 0;
	s.discharge_enable = (bits & 2U) != 0;
	s.force_charge_1 = (bits & 4U) != 0;
	s.force_charge_2 = (bits & 8U) != 0;
	s.full_charge = (bits & 16U) != 0;
	return s;
}

static void check_report(const struct pylon_report *r, const struct pylon_state *s)
{
	const struct pylon_state *d = &r->state;

	check(d->cvl_mv >= 0 && d->ccl_ma >= 0 && d->dcl_ma >= 0 && d->dvl_mv >= 0);
	check(d->cvl_mv == 0 || d->cvl_mv <= s->cvl_mv);
	check(d->ccl_ma == 0 || d->ccl_ma <= s->ccl_ma);
	check(d->dcl_ma == 0 || d->dcl_ma <= s->dcl_ma);
	check(d->soc_pct >= 0 && d->soc_pct <= 100 && d->soh_pct >= 0 && d->soh_pct <= 100);
	check(r->undefined_bits == 0);
	check((d->protections & ~s->protections) == 0 && (d->warnings & ~s->warnings) == 0);
}

static void encode_all(const struct pylon_state *s)
{
	const struct pylon_profile *p;

	for (size_t i = 0; (p = pylon_profile_at(i)) != NULL; i++) {
		for (unsigned int k = 0; k <= PYLON_FRAMES; k++) {
			const struct can_msg m = pylon_encode(p, (enum pylon_frame)k, s);
			struct pylon_report r;

			if (m.len == 0) {
				continue;
			}
			check(m.len <= CAN_MSG_DATA_MAX && m.id <= CAN_MSG_ID_MAX);
			check(pylon_decode(&m, &r) == 0 && r.kind == k);
			check_report(&r, s);
		}
	}
}

static void decode_all(const uint8_t *data, size_t size)
{
	while (size >= FRAME_HEAD) {
		struct can_msg m = {0};
		struct pylon_report r;
		uint8_t head[FRAME_HEAD];

		(void)take(&data, &size, head, sizeof(head));
		m.id = (uint16_t)(head[0] | (head[1] << 8));
		m.len = head[2];
		(void)take(&data, &size, m.data, sizeof(m.data));
		if (pylon_decode(&m, &r) == 0) {
			check(r.kind < PYLON_FRAMES && pylon_frame_id(r.kind) == m.id);
			check(strnlen(r.name, sizeof(r.name)) <= CAN_MSG_DATA_MAX);
			encode_all(&r.state);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pylon_state s;
	uint8_t half = 0;

	(void)take(&data, &size, &half, sizeof(half));
	if ((half & 1U) != 0) {
		decode_all(data, size);
		return 0;
	}
	s = take_state(&data, &size);
	encode_all(&s);
	return 0;
}
