/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoders of src/proto/goodwe_modbus.c, for a datagram from anywhere.
 *
 * Proven, for every length 0..GOODWE_MODBUS_REPLY_MAX + 1 and every content:
 *   - not a byte behind the datagram is read (it lies at the end of an object), no overflow;
 *   - what is refused leaves the output alone, and the exception is set only if there is one;
 *   - a state of charge is in range or has no value; every text ends within its field.
 *
 * Bounds: none; the loops run over the texts.
 *
 * Assumed: crc_of() gives any number and reads the bytes it is given (their ends are looked at).
 *
 * takes: 10
 * cbmc: --unwind 20 --signed-overflow-check --conversion-check --bounds-check --pointer-check
 * cbmc: --pointer-overflow-check --undefined-shift-check --div-by-zero-check
 * replace: crc_of crc_contract
 */
#include "proto/goodwe.c"
#include "proto/goodwe_modbus.c"
#include "proof.h"

#define ROOM (GOODWE_MODBUS_REPLY_MAX + 1U)

static uint8_t room[ROOM];

uint16_t crc_contract(const uint8_t *p, size_t n)
{
	PROVE(p >= room && p + n <= room + ROOM - CRC_SIZE, "checked up to the CRC");
	return nondet_u16();
}

static void prove_runtime(const uint8_t *p, size_t n)
{
	struct goodwe_runtime r = {.battery.mode = -1};
	int32_t exception = -1;
	const enum goodwe_verdict v = goodwe_modbus_runtime_decode(p, n, &r, &exception);

	PROVE((v == GOODWE_REFUSED) == (exception != -1), "an exception if refused");
	if (v != GOODWE_OK) {
		PROVE(r.battery.mode == -1, "runtime untouched on failure");
		return;
	}
	PROVE(r.battery.mode >= 0 && r.battery.soc_pct == GOODWE_NO_VALUE, "mode, no charge");
	PROVE(r.battery.current_ma == GOODWE_NO_VALUE ||
		      (r.battery.current_ma >= -3276600 && r.battery.current_ma <= 3276800),
	      "current in range");
}

static void prove_device(const uint8_t *p, size_t n)
{
	struct goodwe_device d = {.serial = "?"};
	int32_t exception = -1;

	if (goodwe_modbus_device_decode(p, n, &d, &exception) != GOODWE_OK) {
		PROVE(d.serial[0] == '?' && d.serial[1] == '\0', "device untouched on failure");
		return;
	}
	PROVE(d.model[10] == '\0' && d.serial[16] == '\0' && d.firmware[12] == '\0' &&
		      d.arm[12] == '\0',
	      "texts end");
}

static void prove_pack(const uint8_t *p, size_t n)
{
	struct goodwe_pack k = {.soc_pct = -1};
	int32_t exception = -1;

	if (goodwe_modbus_pack_decode(p, n, &k, &exception) != GOODWE_OK) {
		PROVE(k.soc_pct == -1, "pack untouched on failure");
		return;
	}
	PROVE(k.soc_pct == GOODWE_NO_VALUE || (k.soc_pct >= 0 && k.soc_pct <= 100),
	      "state of charge in range");
}

int main(void)
{
	uint8_t any[ROOM]; /* any content */
	const size_t n = nondet_size();

	__CPROVER_array_copy(room, any);
	ASSUME(n <= ROOM);
	const uint8_t *p = room + (ROOM - n);

	switch (nondet_u8()) {
	case 0:
		prove_runtime(p, n);
		break;
	case 1:
		prove_device(p, n);
		break;
	default:
		prove_pack(p, n);
		break;
	}
	return 0;
}
