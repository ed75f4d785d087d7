/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sems.h"

#include <string.h>

#include "base/units.h"

#define DECIMAL 10U

/* Return: number of digits written, no NUL. */
static size_t put_ms(int64_t ms, char *to)
{
	char digit[SEMS_MS_DIGITS];
	uint64_t v = ms > 0 ? (uint64_t)ms : 0U;
	size_t n = 0;

	do {
		digit[n++] = (char)('0' + v % DECIMAL);
		v /= DECIMAL;
	} while (v != 0 && n < sizeof(digit));
	for (size_t i = 0; i < n; i++) {
		to[i] = digit[n - 1U - i];
	}
	return n;
}

void sems_password(const char *password, char ret_text[SEMS_PASSWORD_SIZE])
{
	char hex[DIGEST_MD5_HEX];

	digest_md5_hex(password, strlen(password), hex);
	digest_base64(hex, sizeof(hex) - 1U, ret_text);
}

void sems_signature(int64_t wall_ms, const char *uid, const char *token,
		    char ret_text[SEMS_SIGNATURE_SIZE])
{
	char ms[SEMS_MS_DIGITS];
	char sum[DIGEST_SHA256_HEX + SEMS_MS_DIGITS];
	const size_t digits = put_ms(wall_ms, ms);
	const struct digest_part parts[] = {
		{ms, digits},
		{"@", 1U},
		{uid, strnlen(uid, SEMS_UID_MAX - 1U)},
		{"@", 1U},
		{token, strnlen(token, SEMS_TOKEN_MAX - 1U)},
	};

	digest_sha256_hex(parts, ARRAY_SIZE(parts), sum);
	sum[DIGEST_SHA256_HEX - 1U] = '@';
	memcpy(sum + DIGEST_SHA256_HEX, ms, digits);
	digest_base64(sum, DIGEST_SHA256_HEX + digits, ret_text);
}
