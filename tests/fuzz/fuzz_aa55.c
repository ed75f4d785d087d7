/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of both GoodWe codecs. The input is a datagram, given to every decoder; then it is the
 * content of good frames, because no mutation finds a sum by itself: whatever an inverter says must
 * decode within the ranges of the fields, and what is refused must leave the output alone.
 */
#include "proto/aa55.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/goodwe_modbus.h"

#define FILL	    0x5A /* shows whether an output was touched */
#define FUNCTIONS   3U
#define MODBUS_DATA 5U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_untouched(const void *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		check(((const uint8_t *)out)[i] == FILL);
	}
}

static void check_text(const char *text)
{
	const char *end = memchr(text, '\0', GOODWE_TEXT_MAX);

	check(end != NULL && (end == text || end[-1] != ' '));
	for (const char *c = text; c < end; c++) {
		check(*c >= ' ' && *c <= '~');
	}
}

static void check_device(const struct goodwe_device *d)
{
	check_text(d->model);
	check_text(d->serial);
	check_text(d->firmware);
	check_text(d->arm);
}

static void check_percent(int32_t v)
{
	check(v == GOODWE_NO_VALUE || (v >= 0 && v <= 100));
}

static void check_range(int32_t v, int32_t lo, int32_t hi)
{
	check(v == GOODWE_NO_VALUE || (v >= lo && v <= hi));
}

static void check_battery(const struct goodwe_battery *b)
{
	check(b->mode >= 0 && b->mode <= UINT16_MAX);
	check_range(b->voltage_mv, 0, 6553400);
	check_range(b->current_ma, -6553400, 6553400);
	check_percent(b->soc_pct);
	check((goodwe_mode_name(b->mode)[0] == '?') == (b->mode > GOODWE_MODE_TO_DISCHARGE));
	(void)goodwe_has_battery(b);
}

static void decode_runtime(const uint8_t *p, size_t n)
{
	struct aa55_runtime r;

	memset(&r, FILL, sizeof(r));
	if (aa55_runtime_decode(p, n, &r) != GOODWE_OK) {
		check_untouched(&r, sizeof(r));
		return;
	}
	check(n == r.len + AA55_FRAME && r.len > 30);
	check_battery(&r.battery);
	check((r.battery.current_ma > 0) <= (r.battery.mode == GOODWE_MODE_CHARGE));
	check_range(r.battery.power_w, -42948000, 42948000);
	check_range(r.grid_power_w, -65534, 65534);
	check((r.grid_power_w > 0) <= (r.grid_direction == 2));
	check_percent(r.battery_soh_pct);
	check(r.total_wh >= 0 || r.total_wh == GOODWE_NO_VALUE);
	check(r.len > 92 || r.diagnose == 0);
}

static void decode_settings(const uint8_t *p, size_t n)
{
	struct aa55_settings s;

	memset(&s, FILL, sizeof(s));
	if (aa55_settings_decode(p, n, &s) != GOODWE_OK) {
		check_untouched(&s, sizeof(s));
		return;
	}
	check_percent(s.dod_pct);
	check_range(s.charge_ma, 0, 65534000);
}

static void decode_device(const uint8_t *p, size_t n)
{
	struct goodwe_device d;
	int32_t exception = FILL;

	memset(&d, FILL, sizeof(d));
	if (aa55_device_decode(p, n, &d) == GOODWE_OK) {
		check_device(&d);
		memset(&d, FILL, sizeof(d));
	} else {
		check_untouched(&d, sizeof(d));
	}
	const enum goodwe_verdict v = goodwe_modbus_device_decode(p, n, &d, &exception);

	if (v == GOODWE_OK) {
		check_device(&d);
	} else {
		check_untouched(&d, sizeof(d));
	}
	check((v == GOODWE_REFUSED) || exception == FILL);
}

static void decode_modbus(const uint8_t *p, size_t n)
{
	struct goodwe_runtime g;
	struct goodwe_pack k;
	int32_t exception = FILL;

	memset(&g, FILL, sizeof(g));
	memset(&k, FILL, sizeof(k));
	if (goodwe_modbus_runtime_decode(p, n, &g, &exception) == GOODWE_OK) {
		check_battery(&g.battery);
		check_range(g.grid_power_w, -32766, 32768);
	} else {
		check_untouched(&g, sizeof(g));
	}
	if (goodwe_modbus_pack_decode(p, n, &k, &exception) == GOODWE_OK) {
		check_percent(k.soc_pct);
		check_percent(k.soh_pct);
	} else {
		check_untouched(&k, sizeof(k));
	}
}

static void decode(const uint8_t *p, size_t n)
{
	for (int32_t v = -1; v <= GOODWE_VERDICTS; v++) {
		(void)goodwe_verdict_name(v);
	}
	decode_runtime(p, n);
	decode_settings(p, n);
	decode_device(p, n);
	decode_modbus(p, n);
}

static void wrap_aa55(const uint8_t *data, size_t size, uint8_t function)
{
	const size_t len = size < UINT8_MAX ? size : UINT8_MAX;
	uint8_t f[AA55_REPLY_MAX] = {0xAA, 0x55, 0x7F, 0xC0, 0x01, function, (uint8_t)len};
	uint32_t sum = 0;

	memcpy(f + 7, data, len);
	for (size_t i = 0; i < len + 7; i++) {
		sum += f[i];
	}
	f[len + 7] = (uint8_t)(sum >> 8);
	f[len + 8] = (uint8_t)sum;
	decode(f, len + AA55_FRAME);
}

static void wrap_modbus(const uint8_t *data, size_t size, enum goodwe_block block)
{
	const size_t want = (size_t)goodwe_modbus_registers(block) * 2;
	const size_t len = size < want ? size : want;
	uint8_t f[GOODWE_MODBUS_REPLY_MAX] = {0xAA, 0x55, 0xF7, 0x03, (uint8_t)want};
	uint32_t crc = 0xFFFF;

	memcpy(f + MODBUS_DATA, data, len);
	for (size_t i = 2; i < want + MODBUS_DATA; i++) {
		crc ^= f[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc & 1U) != 0 ? crc >> 1 ^ 0xA001U : crc >> 1;
		}
	}
	f[want + MODBUS_DATA] = (uint8_t)crc;
	f[want + MODBUS_DATA + 1] = (uint8_t)(crc >> 8);
	decode(f, want + MODBUS_DATA + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t functions[FUNCTIONS] = {0x82, 0x86, 0x89};

	/* Of exact size on the heap: a read behind the end is seen. */
	uint8_t *copy = malloc(size != 0 ? size : 1);

	check(copy != NULL);
	memcpy(copy, data, size);
	decode(copy, size);
	free(copy);
	for (size_t i = 0; i < FUNCTIONS; i++) {
		wrap_aa55(data, size, functions[i]);
	}
	for (int b = 0; b < GOODWE_BLOCKS; b++) {
		wrap_modbus(data, size, (enum goodwe_block)b);
	}
	return 0;
}
