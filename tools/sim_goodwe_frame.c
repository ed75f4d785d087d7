/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the simulated GoodWe inverter: see sim_goodwe.h. */
#include "sim_goodwe.h"

#include <math.h>
#include <string.h>

#define AA55_REQUEST   9
#define AA55_DATA      7
#define MODBUS_REQUEST 8
#define MODBUS_DATA    5
#define DEVICE_SIZE    77
#define SETTINGS_SIZE  86
#define IMPORTING      2
#define EXPORTING      1
#define CHARGING       3

static void put16(uint8_t *p, long v)
{
	p[0] = (uint8_t)((unsigned long)v >> 8);
	p[1] = (uint8_t)v;
}

static long tenths(double v)
{
	return lround(v * 10.0);
}

static size_t finish_aa55(uint8_t *f, uint8_t control, uint8_t function, size_t len)
{
	const uint8_t head[AA55_DATA] = {0xAA, 0x55, 0x7F, 0xC0, control, function, (uint8_t)len};
	unsigned int sum = 0;

	memcpy(f, head, sizeof(head));
	for (size_t i = 0; i < AA55_DATA + len; i++) {
		sum += f[i];
	}
	put16(f + AA55_DATA + len, (long)(sum & 0xFFFFU));
	return AA55_DATA + len + 2;
}

static size_t finish_modbus(uint8_t *f, size_t len)
{
	unsigned int crc = 0xFFFF;

	for (size_t i = 2; i < len; i++) {
		crc ^= f[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc & 1U) != 0 ? crc >> 1 ^ 0xA001U : crc >> 1;
		}
	}
	f[len] = (uint8_t)crc;
	f[len + 1] = (uint8_t)(crc >> 8);
	return len + 2;
}

/* Values beside those of the battery stand still: nobody looks at them. */
static size_t aa55_runtime(const struct sim_goodwe *g, uint8_t *f)
{
	const struct sim_goodwe_values *v = &g->values;
	uint8_t *d = f + AA55_DATA;

	put16(d + 10, tenths(v->voltage_v));
	put16(d + 14, 80);
	put16(d + 16, 215);
	put16(d + 18, tenths(v->current_a));
	put16(d + 20, 50);
	put16(d + 22, 50);
	d[26] = (uint8_t)v->soc_pct;
	d[29] = v->soc_pct > 0 ? 99 : 0;
	d[30] = (uint8_t)v->mode;
	d[33] = 1;
	put16(d + 34, 2310);
	put16(d + 36, 20);
	put16(d + 38, lround(fabs(v->grid_w)));
	put16(d + 40, 4998);
	d[42] = 1;
	put16(d + 43, 2310);
	put16(d + 47, 300);
	put16(d + 49, 4998);
	d[51] = 1;
	d[52] = 2;
	put16(d + 53, 310);
	d[80] = (uint8_t)(v->grid_w > 0 ? IMPORTING : (v->grid_w < 0 ? EXPORTING : 0));
	return finish_aa55(f, 1, 0x86, (size_t)g->length);
}

/* Without the end: texts of AA55 have fixed places. */
static void put_string(uint8_t *p, const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		p[i] = (uint8_t)text[i];
	}
}

static size_t aa55_device(const struct sim_goodwe *g, uint8_t *f)
{
	uint8_t *d = f + AA55_DATA;

	if (g->family != SIM_GOODWE_ES_G2) {
		put_string(d, "1010BGW3648-EM #10            ");
		put_string(d + 51, "410-04000-10");
	}
	put_string(d + 31, g->family == SIM_GOODWE_ES_G2 ? "56000ESN00AW0001" : "93648EMU00AW0001");
	return finish_aa55(f, 1, 0x82, DEVICE_SIZE);
}

static size_t aa55_settings(uint8_t *f)
{
	uint8_t *d = f + AA55_DATA;

	put16(d + 22, 100);
	put16(d + 24, 532);
	put16(d + 26, 50);
	put16(d + 28, 50);
	put16(d + 30, 480);
	put16(d + 32, 20);
	return finish_aa55(f, 1, 0x89, SETTINGS_SIZE);
}

static size_t answer_aa55(struct sim_goodwe *g, const uint8_t *q, uint8_t *f)
{
	static const uint8_t other[] = {[2] = 9, [6] = 2, [9] = 6};
	uint8_t function = q[5];

	if (g->family == SIM_GOODWE_MODBUS || (g->family == SIM_GOODWE_ES_G2 && function != 2)) {
		return 0;
	}
	if (function != 2 && function != 6 && function != 9) {
		g->unknown++;
		return 0;
	}
	function = g->fault == SIM_GOODWE_TYPE ? other[function] : function;
	return function == 2 ? aa55_device(g, f)
			     : (function == 6 ? aa55_runtime(g, f) : aa55_settings(f));
}

/* Register @reg of a block that begins at @first. */
static void put_register(uint8_t *f, unsigned int first, unsigned int count, unsigned int reg,
			 long v)
{
	if (reg >= first && reg < first + count) {
		put16(f + MODBUS_DATA + 2 * (size_t)(reg - first), v);
	}
}

static void put_text(uint8_t *f, unsigned int first, unsigned int count, unsigned int reg,
		     const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i += 2) {
		put_register(f, first, count, reg + (unsigned int)i / 2U,
			     (long)((uint8_t)text[i] << 8 | (uint8_t)text[i + 1]));
	}
}

static void put_registers(const struct sim_goodwe *g, uint8_t *f, unsigned int first,
			  unsigned int count)
{
	const struct sim_goodwe_values *v = &g->values;
	const double sign = v->mode == CHARGING ? -1.0 : 1.0;
	const long power_w = lround(sign * v->current_a * v->voltage_v);

	put_text(f, first, count, 35003, "9010KETU21BW0001");
	put_text(f, first, count, 35011, "GW10K-ET");
	put_text(f, first, count, 35021, "04029-07-S11");
	put_text(f, first, count, 35027, "02041-19-S00");
	put_register(f, first, count, 35140, lround(-v->grid_w));
	put_register(f, first, count, 35180, tenths(v->voltage_v));
	put_register(f, first, count, 35181, tenths(sign * v->current_a));
	put_register(f, first, count, 35182, power_w < 0 ? 0xFFFF : power_w >> 16);
	put_register(f, first, count, 35183, power_w & 0xFFFF);
	put_register(f, first, count, 35184, v->mode);
	put_register(f, first, count, 37003, 215);
	put_register(f, first, count, 37004, 25);
	put_register(f, first, count, 37005, 25);
	put_register(f, first, count, 37007, v->soc_pct);
	put_register(f, first, count, 37008, 99);
}

static size_t answer_modbus(struct sim_goodwe *g, const uint8_t *q, uint8_t *f)
{
	const unsigned int first = (unsigned int)q[2] << 8 | q[3];
	unsigned int count = q[5];

	if (g->family == SIM_GOODWE_AA55 || q[4] != 0 || count == 0 || count > 125) {
		return 0;
	}
	count -= g->fault == SIM_GOODWE_TYPE ? 1U : 0U;
	const uint8_t head[MODBUS_DATA] = {0xAA, 0x55, 0xF7, 3, (uint8_t)(2U * count)};

	memcpy(f, head, sizeof(head));
	if (g->fault == SIM_GOODWE_EXCEPTION) {
		f[3] = 0x83;
		f[4] = (uint8_t)g->parameter;
		return finish_modbus(f, MODBUS_DATA);
	}
	put_registers(g, f, first, count);
	return finish_modbus(f, MODBUS_DATA + 2 * (size_t)count);
}

/* What is said about the content: the rest is for the one who sends. */
static size_t damage(struct sim_goodwe *g, const uint8_t *q, size_t q_len, uint8_t *f, size_t len)
{
	switch (g->fault) {
	case SIM_GOODWE_TRUNCATE:
		return (size_t)g->parameter < len ? (size_t)g->parameter : len;
	case SIM_GOODWE_ECHO:
		memcpy(f, q, q_len);
		return q_len;
	case SIM_GOODWE_SUM:
		f[len - 1] ^= 1U;
		return len;
	case SIM_GOODWE_GARBAGE:
		for (size_t i = 0; i < len; i++) {
			f[i] = (uint8_t)(sim_random_next(&g->random) >> 24);
		}
		return len;
	case SIM_GOODWE_GOOD:
	case SIM_GOODWE_SILENT:
	case SIM_GOODWE_LATE:
	case SIM_GOODWE_SLOW:
	case SIM_GOODWE_TYPE:
	case SIM_GOODWE_PORT:
	case SIM_GOODWE_TWICE:
	case SIM_GOODWE_EXCEPTION:
	case SIM_GOODWE_FAULTS:
	default:
		return len;
	}
}

size_t sim_goodwe_answer(struct sim_goodwe *g, const uint8_t *request, size_t len, uint8_t *answer)
{
	static const uint8_t to_inverter[] = {0xAA, 0x55, 0xC0, 0x7F};
	size_t n = 0;

	memset(answer, 0, SIM_GOODWE_DATAGRAM);
	if (len >= AA55_REQUEST && memcmp(request, to_inverter, sizeof(to_inverter)) == 0) {
		g->requests++;
		if (request[4] != 1) {
			g->writes++;
		} else if (len == AA55_REQUEST) {
			n = answer_aa55(g, request, answer);
		}
	} else if (len >= MODBUS_REQUEST && request[0] == 0xF7) {
		g->requests++;
		if (request[1] != 3) {
			g->writes++;
		} else if (len == MODBUS_REQUEST) {
			n = answer_modbus(g, request, answer);
		}
	} else {
		g->unknown++;
	}
	return n == 0 ? 0 : damage(g, request, len, answer, n);
}
