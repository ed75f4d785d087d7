/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record: next_record(), mark(), store() of src/proto/speedwire.c; judge_tag() too.
 *
 * Proven, for every number of bytes up to SPEEDWIRE_DATAGRAM_MAX, every place in them and every
 * content:
 *   - not a byte behind the given ones is read (they end the object they lie in);
 *   - a record found is whole, its value as long as its type says; it takes 8 bytes at least;
 *   - a value has its place inside the table of its line, and is marked once;
 *   - store() changes that field and its mark, and nothing else (shown for a byte at any place);
 *   - judge_tag() takes a payload that has a protocol id, and only the first.
 *
 * Bounds: none; there is no loop.
 *
 * Assumed: nothing.
 *
 * takes: 15
 * cbmc: --object-bits 16
 * cbmc: --unwind 8 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check --undefined-shift-check
 */
#include "proto/speedwire.c"
#include "proof.h"

#define END (room + SPEEDWIRE_DATAGRAM_MAX)

static uint8_t room[SPEEDWIRE_DATAGRAM_MAX];

static void prove_tag(const uint8_t *data, size_t len)
{
	struct payload payload = {nondet_bool() ? data : NULL, 0};
	const bool first = payload.data == NULL;
	const uint16_t tag = nondet_u16();
	const enum speedwire_verdict v = judge_tag(tag, data, len, &payload);

	PROVE((unsigned int)v < SPEEDWIRE_VERDICTS, "a verdict of the list");
	PROVE_IF(payload.len != 0U,
		 first && payload.data == data && payload.len == len && len >= 2U,
		 "the first payload, with a protocol id");
	PROVE_IF(tag == TAG_DATA && v == SPEEDWIRE_OK, first, "a second payload is refused");
}

static void prove_mark(const struct record *r)
{
	struct seen seen = {0};
	uint32_t line = SPEEDWIRE_LINES;
	uint32_t quantity = SPEEDWIRE_QUANTITIES;
	const bool placed = place_of(r, &line, &quantity);

	PROVE_IF(placed, line < SPEEDWIRE_LINES && quantity > 0U && quantity < SPEEDWIRE_QUANTITIES,
		 "a place in the table");
	PROVE_IF(placed, r->channel == 0U && r->tariff == 0U && r->index == line * 20U + quantity,
		 "the meter's own value");
	PROVE(mark(&seen, r), "new the first time");
	PROVE_IF(placed || is_version(r), !mark(&seen, r), "known the second time");
}

static void prove_store(const struct record *r)
{
	_Alignas(struct speedwire_meter) uint8_t bytes[sizeof(struct speedwire_meter)];
	_Alignas(struct speedwire_meter) uint8_t before[sizeof(struct speedwire_meter)];
	struct speedwire_meter *m = (struct speedwire_meter *)bytes;
	uint32_t line = 0;
	uint32_t quantity = 0;
	const size_t at = nondet_size();
	size_t field = offsetof(struct speedwire_meter, version);
	size_t size = 0;
	size_t set = offsetof(struct speedwire_meter, has_version);
	size_t set_size = 0;

	if (is_version(r)) {
		size = sizeof(m->version);
		set_size = sizeof(m->has_version);
	} else if (place_of(r, &line, &quantity) && r->type == TYPE_COUNTER) {
		field = offsetof(struct speedwire_meter, counter) +
			(line * SPEEDWIRE_QUANTITIES + quantity) * sizeof(uint64_t);
		set = offsetof(struct speedwire_meter, has_counter) + line * sizeof(uint16_t);
		size = sizeof(uint64_t);
		set_size = sizeof(uint16_t);
	} else if (place_of(r, &line, &quantity)) {
		field = offsetof(struct speedwire_meter, actual) +
			(line * SPEEDWIRE_QUANTITIES + quantity) * sizeof(uint32_t);
		set = offsetof(struct speedwire_meter, has_actual) + line * sizeof(uint16_t);
		size = sizeof(uint32_t);
		set_size = sizeof(uint16_t);
	}
	__CPROVER_array_copy(before, bytes);
	store(m, r);
	ASSUME(at < sizeof(*m));
	ASSUME(at < field || at >= field + size);
	ASSUME(at < set || at >= set + set_size);
	PROVE(bytes[at] == before[at], "no other field changes");
}

int main(void)
{
	uint8_t any[SPEEDWIRE_DATAGRAM_MAX]; /* any content */
	struct record r;
	const size_t len = nondet_size();
	const size_t from = nondet_size();
	size_t at = from;

	__CPROVER_array_copy(room, any);
	ASSUME(len <= SPEEDWIRE_DATAGRAM_MAX);
	ASSUME(from < len);
	const uint8_t *data = END - len;

	prove_tag(data, len);
	if (!next_record(data, len, &at, &r)) {
		PROVE(at == from, "no record, no step");
		return 0;
	}
	PROVE(at <= len && at >= from + 8U, "a record takes 8 bytes at least, all there");
	PROVE(r.value == data + from + 4U && data + at == r.value + value_size(r.channel, r.type),
	      "the value fills what was taken");
	PROVE_IF(r.channel == 0U, at - from == (r.type == 8U ? 12U : 8U), "size by the type");
	prove_mark(&r);
	prove_store(&r);
	return 0;
}
