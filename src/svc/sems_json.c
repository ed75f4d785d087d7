/* SPDX-License-Identifier: Apache-2.0 */
#include "sems_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX   1e9 /* more than any power or time stamp in its unit, but for ms of the epoch */
#define MILLI_MAX    INT64_C(1000000000000)
#define DECIMAL	     10
#define DECIMALS     3
#define DIGITS_MAX   9
#define CODE_LONGEST 32U
#define FNV_PRIME    UINT64_C(0x100000001B3)
#define POSITIVE     UINT64_C(0x7FFFFFFFFFFFFFFF)
#define ESCAPE_SIZE  7U /* \uXXXX and the NUL */
#define BMP_MAX	     0xFFFFU
#define SURROGATE    0x10000U

/*
 * cJSON allocates for each value and calls itself for each level, so both are counted before it sees
 * the text: a stranger must not decide about memory and stack of a process that is locked in memory.
 */
static bool within_bounds(const char *text, size_t len)
{
	uint32_t values = 1;
	uint32_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		const char c = text[i];

		if (quoted) {
			i += c == '\\' ? 1U : 0U;
			quoted = c != '"';
			continue;
		}
		if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			depth++;
			values++;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		} else if (c == ',') {
			values++;
		}
		if (depth > SEMS_DEPTH_MAX || values > SEMS_VALUES_MAX) {
			return false;
		}
	}
	return true;
}

const cJSON *sems_json_get(const cJSON *o, const char *name)
{
	return cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, name) : NULL;
}

const char *sems_json_text(const cJSON *o, const char *name)
{
	const cJSON *item = sems_json_get(o, name);

	return cJSON_IsString(item) && item->valuestring[0] != '\0' ? item->valuestring : NULL;
}

/* False for what is no number, too. */
static bool within(double v, double limit)
{
	return v > -limit && v < limit;
}

int64_t sems_json_nearest(double v)
{
	/* Not llround(): the mathematics library would be locked in memory for it. */
	return (int64_t)(v < 0 ? v - 0.5 : v + 0.5);
}

/* A code is a number, a number in a text, or a word. Return: false if it is none of these. */
static bool code_of(const cJSON *root, char code[CODE_LONGEST])
{
	const cJSON *item = sems_json_get(root, "code");

	if (cJSON_IsNumber(item)) {
		if (!within(item->valuedouble, NUMBER_MAX)) {
			return false;
		}
		(void)snprintf(code, CODE_LONGEST, "%lld",
			       (long long)sems_json_nearest(item->valuedouble));
		return true;
	}
	if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
		return false;
	}
	(void)snprintf(code, CODE_LONGEST, "%s", item->valuestring);
	return true;
}

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Shown in a log: what a stranger writes there is letters and digits, and little of it. */
static void show_code(const char *code, char ret_code[SEMS_CODE_MAX])
{
	const size_t len = strnlen(code, SEMS_CODE_MAX - 1U);

	if (ret_code == NULL) {
		return;
	}
	for (size_t i = 0; i < len; i++) {
		ret_code[i] = is_letter_or_digit(code[i]) ? code[i] : '?';
	}
	ret_code[len] = '\0';
}

bool sems_code_is(const char *words, const char *code)
{
	const size_t code_len = strlen(code);

	for (const char *w = words; *w != '\0';) {
		const size_t len = strcspn(w, " ");
		const bool prefix = len > 1U && w[len - 1U] == '*';

		if (prefix ? strncmp(w, code, len - 1U) == 0
			   : len == code_len && strncmp(w, code, len) == 0) {
			return true;
		}
		w += len;
		w += strspn(w, " ");
	}
	return false;
}

static enum sems_verdict verdict_of(const struct sems_codes *c, const char *code)
{
	if (sems_code_is(c->good, code)) {
		return SEMS_OK;
	}
	if (sems_code_is(c->password, code)) {
		return SEMS_PASSWORD;
	}
	if (sems_code_is(c->busy, code)) {
		return SEMS_BUSY;
	}
	if (sems_code_is(c->expired, code)) {
		return SEMS_EXPIRED;
	}
	return sems_code_is(c->forbidden, code) ? SEMS_FORBIDDEN : SEMS_REFUSED;
}

enum sems_verdict sems_json_open(const char *text, size_t len, const struct sems_codes *codes,
				 char ret_code[SEMS_CODE_MAX], cJSON **ret_root)
{
	char code[CODE_LONGEST] = "";
	const char *end = NULL;

	show_code("", ret_code);
	if (len > SEMS_ANSWER_MAX || !within_bounds(text, len)) {
		return SEMS_TOO_MUCH;
	}
	cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, false);

	if (root == NULL) {
		return SEMS_NOT_JSON;
	}
	while (end < text + len && strchr(" \t\r\n", *end) != NULL && *end != '\0') {
		end++;
	}
	if (end != text + len || !cJSON_IsObject(root)) {
		cJSON_Delete(root);
		return SEMS_NOT_JSON;
	}
	const enum sems_verdict v = code_of(root, code) ? verdict_of(codes, code) : SEMS_NO_CODE;

	show_code(code, ret_code);
	if (v != SEMS_OK) {
		cJSON_Delete(root);
		return v;
	}
	*ret_root = root;
	return SEMS_OK;
}

bool sems_json_decimal(const char **s, int64_t *ret_milli)
{
	const char *p = *s;
	const bool negative = *p == '-';
	int64_t v = 0;
	int digits = 0;
	int decimals = 0;

	p += *p == '-' || *p == '+' ? 1 : 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (++digits > DIGITS_MAX) {
			return false;
		}
		v = v * DECIMAL + (*p - '0');
	}
	if (digits == 0) {
		return false;
	}
	v *= MILLI;
	if (*p == '.') {
		int64_t place = MILLI / DECIMAL;

		for (p++; *p >= '0' && *p <= '9'; p++) {
			/* Half a thousandth counts; what is behind that does not. */
			v += decimals == DECIMALS ? (*p >= '5') : (*p - '0') * place;
			place /= DECIMAL;
			decimals = decimals <= DECIMALS ? decimals + 1 : decimals;
		}
		if (p[-1] == '.') {
			return false;
		}
	}
	*ret_milli = negative ? -v : v;
	*s = p;
	return true;
}

bool sems_json_milli(const cJSON *item, int64_t *ret_milli)
{
	int64_t milli = 0;

	if (cJSON_IsNumber(item)) {
		if (!within(item->valuedouble, NUMBER_MAX)) {
			return false;
		}
		*ret_milli = sems_json_nearest(item->valuedouble * MILLI);
		return true;
	}
	if (!cJSON_IsString(item)) {
		return false;
	}
	const char *s = item->valuestring + strspn(item->valuestring, " ");

	if (!sems_json_decimal(&s, &milli) || s[strspn(s, " ")] != '\0' || milli > MILLI_MAX ||
	    milli < -MILLI_MAX) {
		return false;
	}
	*ret_milli = milli;
	return true;
}

int64_t sems_json_round(int64_t milli)
{
	return (milli >= 0 ? milli + MILLI / 2 : milli - MILLI / 2) / MILLI;
}

int64_t sems_json_hash(int64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = (uint64_t)hash;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ p[i]) * FNV_PRIME;
	}
	return (int64_t)(h & POSITIVE);
}

/* One character of UTF-8. Return: its length, 0 if it is none. */
static size_t utf8_at(const unsigned char *p, uint32_t *ret_char)
{
	const size_t len = p[0] < 0x80U	  ? 1U
			   : p[0] < 0xC2U ? 0U
			   : p[0] < 0xE0U ? 2U
			   : p[0] < 0xF0U ? 3U
			   : p[0] < 0xF5U ? 4U
					  : 0U;
	uint32_t v = len == 1U ? p[0] : p[0] & (0x7FU >> len);

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0U) != 0x80U) {
			return 0;
		}
		v = v << 6 | (p[i] & 0x3FU);
	}
	/* Too long for what they say, halves of a pair, beyond the last one. */
	if ((len == 3U && (v < 0x800U || (v >= 0xD800U && v <= 0xDFFFU))) ||
	    (len == 4U && (v < SURROGATE || v > 0x10FFFFU))) {
		return 0;
	}
	*ret_char = v;
	return len;
}

static void escape(uint32_t c, char *to, size_t *ret_len)
{
	*ret_len = 0;
	if (c >= ' ' && c < 0x7FU) {
		to[(*ret_len)++] = (char)c;
	} else if (c <= BMP_MAX) {
		*ret_len = (size_t)snprintf(to, ESCAPE_SIZE, "\\u%04x", (unsigned int)c);
	} else {
		const uint32_t v = c - SURROGATE;

		*ret_len = (size_t)snprintf(to, 2U * ESCAPE_SIZE, "\\u%04x\\u%04x",
					    (unsigned int)(0xD800U | v >> 10),
					    (unsigned int)(0xDC00U | (v & 0x3FFU)));
	}
}

static bool put_ascii(const char *text, char *to, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	while (*p != '\0') {
		char piece[2U * ESCAPE_SIZE];
		uint32_t c = 0;
		size_t n = 0;
		const size_t len = utf8_at(p, &c);

		if (len == 0) {
			return false;
		}
		escape(c, piece, &n);
		if (used + n >= size) {
			return false;
		}
		memcpy(to + used, piece, n);
		used += n;
		p += len;
	}
	to[used] = '\0';
	return true;
}

bool sems_json_ascii(const cJSON *item, char *to, size_t size)
{
	char *text = cJSON_PrintUnformatted(item);
	const bool fits = text != NULL && put_ascii(text, to, size);

	if (text != NULL) {
		explicit_bzero(text, strlen(text));
		cJSON_free(text);
	}
	return fits;
}
