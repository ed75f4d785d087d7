/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the Speedwire decoder: the input as a datagram, and the input as the records of
 * one, because no mutation finds the lengths by itself. What is accepted says the same when it is
 * written and read again; what is rejected leaves the output alone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/speedwire.h"

#define FILL	    0x5A /* shows whether an output was touched */
#define END_SIZE    4U
#define DATA_LEN_AT 12U
#define DATA_AT	    16U
#define RECORDS_MAX 2000U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void check_there_and_back(const struct speedwire_meter *m)
{
	uint8_t b[SPEEDWIRE_DATAGRAM_MAX];
	struct speedwire_meter again;
	const size_t len = speedwire_encode(m, b, sizeof(b));

	check(len > 0);
	check(speedwire_encode(m, b, len - 1) == 0);
	check(speedwire_encode(m, b, len) == len);
	memset(&again, FILL, sizeof(again));
	check(speedwire_decode(b, len, &again) == SPEEDWIRE_OK);
	check(memcmp(&again, m, sizeof(again)) == 0);
}

static void decode(const uint8_t *data, size_t size)
{
	struct speedwire_meter m;
	int32_t differ_dw = 0;

	memset(&m, FILL, sizeof(m));
	const enum speedwire_verdict v = speedwire_decode(data, size, &m);

	check((unsigned int)v < SPEEDWIRE_VERDICTS);
	if (v != SPEEDWIRE_OK) {
		for (size_t i = 0; i < sizeof(m); i++) {
			check(((const uint8_t *)&m)[i] == FILL);
		}
		return;
	}
	check(m.protocol == SPEEDWIRE_METER || m.protocol == SPEEDWIRE_METER_2);
	check((m.has_actual[SPEEDWIRE_SUM] & 6U) == 6U);
	(void)speedwire_lines_differ_dw(&m, &differ_dw);
	(void)speedwire_power_dw(&m);
	check_there_and_back(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t b[RECORDS_MAX + SPEEDWIRE_DATAGRAM_MAX];
	const struct speedwire_meter head = {.protocol = SPEEDWIRE_METER};
	size_t len = speedwire_encode(&head, b, sizeof(b)) - END_SIZE;
	const size_t records = size < RECORDS_MAX ? size : RECORDS_MAX;

	decode(data, size);
	memcpy(b + len, data, records);
	len += records;
	b[DATA_LEN_AT] = (uint8_t)((len - DATA_AT) >> 8);
	b[DATA_LEN_AT + 1] = (uint8_t)(len - DATA_AT);
	memset(b + len, 0, END_SIZE);
	decode(b, len + END_SIZE);
	return 0;
}
