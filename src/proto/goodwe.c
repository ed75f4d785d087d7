/* SPDX-License-Identifier: Apache-2.0 */
/* What the two GoodWe codecs share. */
#include "proto/goodwe.h"

#include <assert.h>

#include "base/units.h"
#include "goodwe_bytes.h"

#define MICRO	       INT64_C(1000000) /* mV x mA in a W */
#define TEXT_NOT_SHOWN '.'

const char *goodwe_family_name(int32_t family)
{
	static const char *const name[GOODWE_FAMILIES] = {
		[GOODWE_FAMILY_AUTO] = "auto",
		[GOODWE_FAMILY_AA55] = "aa55",
		[GOODWE_FAMILY_MODBUS] = "modbus",
	};

	return family >= 0 && family < GOODWE_FAMILIES ? name[family] : "?";
}

const char *goodwe_verdict_name(int32_t verdict)
{
	static const char *const name[GOODWE_VERDICTS] = {
		[GOODWE_OK] = "ok",
		[GOODWE_SHORT] = "cut off",
		[GOODWE_BAD_HEADER] = "unknown header",
		[GOODWE_ECHO] = "echo of a request",
		[GOODWE_BAD_LENGTH] = "too long",
		[GOODWE_BAD_SUM] = "wrong sum",
		[GOODWE_FOREIGN] = "answer to something else",
		[GOODWE_REFUSED] = "refused",
		[GOODWE_OTHER_PROTOCOL] = "other protocol",
		[GOODWE_TOO_LITTLE] = "too little data",
	};

	return verdict >= 0 && verdict < GOODWE_VERDICTS ? name[verdict] : "?";
}

const char *goodwe_mode_name(int32_t mode)
{
	static const char *const name[] = {
		[GOODWE_MODE_NONE] = "none",
		[GOODWE_MODE_STANDBY] = "standby",
		[GOODWE_MODE_DISCHARGE] = "discharging",
		[GOODWE_MODE_CHARGE] = "charging",
		[GOODWE_MODE_TO_CHARGE] = "about to charge",
		[GOODWE_MODE_TO_DISCHARGE] = "about to discharge",
	};

	return mode >= 0 && (size_t)mode < ARRAY_SIZE(name) ? name[mode] : "?";
}

bool goodwe_has_battery(const struct goodwe_battery *b)
{
	return b->mode != GOODWE_MODE_NONE || b->soc_pct > 0;
}

void goodwe_text(char ret_text[GOODWE_TEXT_MAX], const uint8_t *from, size_t size)
{
	size_t len = 0;
	size_t end = 0; /* behind the last character that is no blank */

	assert(size < GOODWE_TEXT_MAX);
	for (; len < size && from[len] != '\0'; len++) {
		ret_text[len] = (from[len] >= ' ' && from[len] <= '~') ? (char)from[len]
								       : TEXT_NOT_SHOWN;
		end = ret_text[len] != ' ' ? len + 1 : end;
	}
	ret_text[end] = '\0';
}

int32_t goodwe_power_w(int32_t mv, int32_t ma)
{
	if (mv == GOODWE_NO_VALUE || ma == GOODWE_NO_VALUE) {
		return GOODWE_NO_VALUE;
	}
	const int64_t micro = (int64_t)mv * ma;

	return sat_i32((micro >= 0 ? micro + MICRO / 2 : micro - MICRO / 2) / MICRO);
}
