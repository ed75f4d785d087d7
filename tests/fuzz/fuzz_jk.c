/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the JK codec. The first PLAN_SIZE bytes say how the rest is cut into reads and
 * where the line falls silent; the rest is the line. It is fed to two framers, in the planned reads
 * and byte by byte: both must find and count the same. Every frame is decoded; then the rest is
 * wrapped into a good frame, because no mutation finds the sum by itself.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/jk_uart.h"

#define PLAN_SIZE 8U
#define PLAN_GAP  0x80U
#define PLAN_READ 0x7FU

#define FILL 0x5A /* shows whether an output was touched */

#define INFO_AT	  11U
#define TAIL_SIZE 9U
#define INFO_MAX  (JK_FRAME_MAX - INFO_AT - TAIL_SIZE)

struct line {
	struct jk_framer f;
	size_t fed;
	size_t framed;
	uint32_t frames;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	check(end != NULL);
	for (const char *c = text; c < end; c++) {
		check(*c >= ' ' && *c <= '~');
	}
}

static void decode(const uint8_t *frame, size_t len)
{
	struct jk_sample s;
	const uint8_t *raw = (const uint8_t *)&s;
	enum jk_verdict v;

	memset(&s, FILL, sizeof(s));
	v = jk_decode(frame, len, &s);
	check(v >= JK_OK && v < JK_VERDICTS);
	if (v != JK_OK) {
		for (size_t i = 0; i < sizeof(s); i++) {
			check(raw[i] == FILL);
		}
		return;
	}
	check(s.cells >= 1 && s.cells <= JK_CELLS_MAX);
	check((s.have & JK_HAVE(JK_REG_CELLS)) != 0);
	check((s.have & JK_HAVE(JK_REG_CELL_COUNT)) == 0 || s.cell_count == s.cells);
	check(s.version <= 1);
	check(s.current_ma >= -555350 && s.current_ma <= 327670);
	check((s.have & JK_HAVE(JK_REG_CURRENT)) != 0 || s.current_ma == 0);
	check(s.pack_mv >= 0 && s.pack_mv <= 655350);
	check_text(s.device_id, sizeof(s.device_id));
	check_text(s.date, sizeof(s.date));
	check_text(s.sw_version, sizeof(s.sw_version));
	check_text(s.manufacturer, sizeof(s.manufacturer));
	check(jk_temp_floor_dc(s.battery_temp_raw) <= jk_temp_dc(s.battery_temp_raw));
}

static void take(struct line *l, uint16_t frame_len)
{
	size_t sum = l->framed;

	check(l->f.len <= JK_FRAME_MAX && frame_len <= l->f.len);
	check(l->f.done == frame_len);
	if (frame_len > 0) {
		decode(l->f.buf, frame_len);
		l->frames++;
		l->framed += frame_len;
		sum = l->framed;
	}
	/* Every byte is accounted for once. */
	for (int v = JK_NOISE; v < JK_VERDICTS; v++) {
		sum += l->f.count[v];
	}
	check(sum + l->f.len - l->f.done == l->fed);
	check(l->f.count[JK_OK] == l->frames);
}

static void feed(struct line *l, const uint8_t *data, size_t len)
{
	uint16_t frame_len = 1;
	size_t at = 0;

	while (at < len || frame_len > 0) {
		const size_t used = jk_framer_feed(&l->f, data + at, len - at, &frame_len);

		check(used <= len - at);
		check(used == len - at || frame_len > 0);
		at += used;
		l->fed += used;
		take(l, frame_len);
	}
}

static void gap(struct line *l)
{
	uint16_t frame_len = 1;

	while (frame_len > 0) {
		jk_framer_gap(&l->f, &frame_len);
		take(l, frame_len);
	}
	check(l->f.len == 0);
}

static void decode_wrapped(const uint8_t *info, size_t len)
{
	uint8_t frame[JK_FRAME_MAX] = {0x4E, 0x57, 0, 0, 0, 0, 0, 0, 0x06, 0x00, 0x01};
	const size_t size = INFO_AT + len + TAIL_SIZE;
	unsigned int sum = 0;

	memcpy(frame + INFO_AT, info, len);
	frame[2] = (uint8_t)((size - 2) >> 8);
	frame[3] = (uint8_t)(size - 2);
	frame[size - 5] = 0x68;
	for (size_t i = 0; i < size - 4; i++) {
		sum += frame[i];
	}
	frame[size - 2] = (uint8_t)(sum >> 8);
	frame[size - 1] = (uint8_t)sum;
	decode(frame, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line reads;
	static struct line bytes;
	const uint8_t *line = data + PLAN_SIZE;
	size_t turn = 0;
	size_t len;
	size_t at = 0;

	if (size <= PLAN_SIZE) {
		return 0;
	}
	len = size - PLAN_SIZE;
	memset(&reads, 0, sizeof(reads));
	memset(&bytes, 0, sizeof(bytes));
	jk_framer_init(&reads.f);
	jk_framer_init(&bytes.f);
	while (at < len) {
		const uint8_t plan = data[turn % PLAN_SIZE];
		const size_t want = (size_t)(plan & PLAN_READ) + 1;
		const size_t n = want < len - at ? want : len - at;

		feed(&reads, line + at, n);
		for (size_t i = 0; i < n; i++) {
			feed(&bytes, line + at + i, 1);
		}
		at += n;
		if ((plan & PLAN_GAP) != 0) {
			gap(&reads);
			gap(&bytes);
		}
		check(reads.f.len == bytes.f.len);
		check(memcmp(reads.f.buf, bytes.f.buf, reads.f.len) == 0);
		check(memcmp(reads.f.count, bytes.f.count, sizeof(reads.f.count)) == 0);
		turn++;
	}
	gap(&reads);
	decode(line, len);
	decode_wrapped(line, len < INFO_MAX ? len : INFO_MAX);
	return 0;
}
