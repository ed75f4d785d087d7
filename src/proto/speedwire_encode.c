/* SPDX-License-Identifier: Apache-2.0 */
/* Speedwire datagrams of SMA energy meters, encoding: for simulators and tests. */
#include "proto/speedwire.h"

#include "speedwire_frame.h"

#define BYTE_BITS 8U

/* Bytes being written; what does not fit is counted and left out. */
struct out {
	uint8_t *data;
	size_t size;
	size_t len;
};

static void put(struct out *o, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i > 0U; i--) {
		if (o->len < o->size) {
			o->data[o->len] = (uint8_t)(value >> (BYTE_BITS * (i - 1U)));
		}
		o->len++;
	}
}

static void put_record(struct out *o, uint32_t channel, uint32_t index, uint32_t type)
{
	put(o, channel, 1);
	put(o, index, 1);
	put(o, type, 1);
	put(o, 0, 1);
}

static void put_line(struct out *o, const struct speedwire_meter *m, uint32_t line)
{
	for (uint32_t quantity = 1; quantity < SPEEDWIRE_QUANTITIES; quantity++) {
		const uint32_t index = line * LINE_STEP + quantity;

		if ((m->has_actual[line] >> quantity & 1U) != 0U) {
			put_record(o, 0, index, TYPE_ACTUAL);
			put(o, m->actual[line][quantity], ACTUAL_SIZE);
		}
		if ((m->has_counter[line] >> quantity & 1U) != 0U) {
			put_record(o, 0, index, TYPE_COUNTER);
			put(o, m->counter[line][quantity], COUNTER_SIZE);
		}
	}
}

size_t speedwire_encode(const struct speedwire_meter *m, uint8_t *data, size_t size)
{
	struct out o = {.data = data, .size = size};

	for (size_t i = 0; i < START_SIZE; i++) {
		put(&o, speedwire_start[i], 1);
	}
	put(&o, GROUP_SIZE, 2);
	put(&o, TAG_GROUP, 2);
	put(&o, GROUP_DEFAULT, GROUP_SIZE);
	const size_t at = o.len;

	put(&o, 0, 2); /* length: known at the end */
	put(&o, TAG_DATA, 2);
	put(&o, m->protocol, PROTOCOL_SIZE);
	if (m->protocol == SPEEDWIRE_METER_2) {
		put(&o, m->extra, EXTRA_SIZE);
	}
	put(&o, m->susy, 2);
	put(&o, m->serial, 4);
	put(&o, m->ticker_ms, 4);
	for (uint32_t line = 0; line < SPEEDWIRE_LINES; line++) {
		put_line(&o, m, line);
	}
	if (m->has_version) {
		put_record(&o, CHANNEL_VERSION, 0, 0);
		for (size_t i = 0; i < sizeof(m->version); i++) {
			put(&o, m->version[i], 1);
		}
	}
	const size_t end = o.len;

	put(&o, 0, TAG_SIZE);
	o.len = o.len <= size ? o.len : 0U;
	if (o.len != 0U) {
		struct out length = {.data = data, .size = size, .len = at};

		put(&length, end - at - TAG_SIZE, 2);
	}
	return o.len;
}
