/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedwire_decode() and judge_records() of src/proto/speedwire.c, for bytes from anywhere.
 *
 * Proven, for every length 0..SPEEDWIRE_DATAGRAM_MAX and every content:
 *   - not a byte behind the given ones is read (they end the object they lie in);
 *   - the records handed on are what is left of the payload behind its head, both times;
 *   - the output is left alone unless SPEEDWIRE_OK is returned;
 *   - nothing is accepted but with the active power of both directions;
 *   - net powers saturate.
 *
 * Bounds: the first two records of each walk. A turn depends on the rest of the bytes and on what
 * was marked, and mark() is proven for itself.
 *
 * Assumed: find_payload() and next_record() are replaced by what speedwire_tags.c and
 * speedwire_record.c prove of them; store() writes into the meter (speedwire_record.c).
 *
 * takes: 20
 * cbmc: --object-bits 16
 * cbmc: --unwind 5 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --unsigned-overflow-check --pointer-overflow-check --undefined-shift-check
 * replace: find_payload payload_contract
 * replace: next_record record_contract
 * replace: store store_contract
 */
#include "proto/speedwire.c"
#include "proof.h"

#define TURNS 2
#define END   (room + SPEEDWIRE_DATAGRAM_MAX)

static uint8_t room[SPEEDWIRE_DATAGRAM_MAX];
static const uint8_t *records; /* where they must begin and end */
static size_t records_len;
static bool power[2];
static uint32_t turns;
static const uint8_t value[COUNTER_SIZE];

enum speedwire_verdict payload_contract(const uint8_t *data, size_t len, struct payload *payload)
{
	const enum speedwire_verdict v = (enum speedwire_verdict)nondet_u8();
	const size_t at = nondet_size();
	const size_t size = nondet_size();

	PROVE(data + len == END && len >= START_SIZE, "walked as a whole");
	ASSUME((unsigned int)v < SPEEDWIRE_VERDICTS);
	if (nondet_bool()) {
		return v == SPEEDWIRE_OK ? SPEEDWIRE_OK : v;
	}
	ASSUME(at <= len && size >= PROTOCOL_SIZE && size <= len - at);
	*payload = (struct payload){data + at, size};
	const bool more = get_be16(data + at) == SPEEDWIRE_METER_2;
	const size_t head = HEAD_SIZE + (more ? EXTRA_SIZE : 0U);

	if (size >= head) {
		records = data + at + head;
		records_len = size - head;
	}
	ASSUME(v != SPEEDWIRE_OK || more || get_be16(data + at) == SPEEDWIRE_METER);
	return v;
}

bool record_contract(const uint8_t *data, size_t len, size_t *at, struct record *ret_record)
{
	const size_t step = nondet_size();

	PROVE(data == records && len == records_len && data + len <= END,
	      "the records are what is left of the payload");
	PROVE(*at < len, "asked where there are bytes");
	if (nondet_bool() || len - *at < 8U) {
		return false;
	}
	ASSUME(step >= 8U && step <= len - *at);
	turns++;
	ASSUME(turns % TURNS != 0U || step == len - *at);
	*at += step;
	*ret_record = (struct record){nondet_u8(), nondet_u8(), nondet_u8(), nondet_u8(), value};
	ASSUME(value_size(ret_record->channel, ret_record->type) != 0U);
	if (ret_record->channel == 0U && ret_record->tariff == 0U && ret_record->type == 4U &&
	    (ret_record->index == 1U || ret_record->index == 2U)) {
		power[ret_record->index - 1U] = true;
	}
	return true;
}

void store_contract(struct speedwire_meter *m, const struct record *r)
{
	PROVE(r->value == value, "a record that was found is stored");
	m->serial = nondet_u32();
}

static void prove_power(void)
{
	struct speedwire_meter m = {.serial = 0}; /* and any power */

	m.actual[SPEEDWIRE_SUM][SPEEDWIRE_P_IMPORT] = nondet_u32();
	m.actual[SPEEDWIRE_SUM][SPEEDWIRE_P_EXPORT] = nondet_u32();
	const uint32_t import = m.actual[SPEEDWIRE_SUM][SPEEDWIRE_P_IMPORT];
	const uint32_t export = m.actual[SPEEDWIRE_SUM][SPEEDWIRE_P_EXPORT];
	const int32_t dw = speedwire_power_dw(&m);

	PROVE((import >= export) == (dw >= 0), "sign of the net power");
	PROVE_IF(import >= export && import - export <= INT32_MAX, dw == (int32_t)(import - export),
		 "import less export");
	PROVE_IF(import > export && import - export > INT32_MAX, dw == INT32_MAX,
		 "import saturates");
	PROVE_IF(export > import && export - import > INT32_MAX, dw == INT32_MIN,
		 "export saturates");
}

int main(void)
{
	uint8_t any[SPEEDWIRE_DATAGRAM_MAX]; /* any content */
	struct speedwire_meter m = {.ticker_ms = 7, .serial = 9};
	const size_t len = nondet_size();

	__CPROVER_array_copy(room, any);
	ASSUME(len <= SPEEDWIRE_DATAGRAM_MAX);
	const enum speedwire_verdict v = speedwire_decode(END - len, len, &m);

	PROVE((unsigned int)v < SPEEDWIRE_VERDICTS, "a verdict of the list");
	PROVE_IF(v != SPEEDWIRE_OK, m.ticker_ms == 7U && m.serial == 9U, "untouched on failure");
	PROVE_IF(v == SPEEDWIRE_OK, power[0] && power[1], "both directions are there");
	prove_power();
	return 0;
}
