/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_token.h"

#include <string.h>

#define DIGITS_MAX 9U /* in front of the point; fits 64 bits in thousandths */
#define DECIMALS   3U
#define DECIMAL	   10

static void eat(struct mqtt_text *t, size_t n)
{
	t->at += n;
	t->len -= n;
}

void mqtt_skip_blanks(struct mqtt_text *t)
{
	while (t->len > 0U && strchr(MQTT_BLANKS, t->at[0]) != NULL) {
		eat(t, 1);
	}
}

bool mqtt_take_char(struct mqtt_text *t, char c)
{
	mqtt_skip_blanks(t);
	if (t->len == 0U || t->at[0] != c) {
		return false;
	}
	eat(t, 1);
	mqtt_skip_blanks(t);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool mqtt_is_id(char c)
{
	return is_digit(c) || is_letter(c) || c == '.' || c == '_' || c == ':' || c == '-';
}

static bool take_string(struct mqtt_text *t, struct mqtt_token *ret)
{
	size_t n = 1;

	while (n < t->len && t->at[n] != '"') {
		if (t->at[n] == '\\') {
			return false; /* nothing that is understood needs one */
		}
		n++;
	}
	if (n >= t->len) {
		return false;
	}
	*ret = (struct mqtt_token){TOKEN_STRING, {t->at + 1, n - 1U}};
	eat(t, n + 1U);
	return true;
}

bool mqtt_take_token(struct mqtt_text *t, struct mqtt_token *ret)
{
	size_t n = 0;

	mqtt_skip_blanks(t);
	if (t->len > 0U && t->at[0] == '"') {
		return take_string(t, ret);
	}
	while (n < t->len && (is_letter(t->at[n]) || is_digit(t->at[n]) || t->at[n] == '.' ||
			      t->at[n] == '-' || t->at[n] == '+' || t->at[n] == '_')) {
		n++;
	}
	if (n == 0U) {
		return false;
	}
	ret->kind = is_digit(t->at[0]) || t->at[0] == '-' ? TOKEN_NUMBER : TOKEN_WORD;
	ret->text = (struct mqtt_text){t->at, n};
	eat(t, n);
	return true;
}

bool mqtt_text_is(const struct mqtt_text *t, const char *word)
{
	return t->len == strlen(word) && memcmp(t->at, word, t->len) == 0;
}

bool mqtt_parse_milli(struct mqtt_text t, int64_t *ret_milli)
{
	const bool negative = t.len > 0U && t.at[0] == '-';
	int64_t v = 0;
	size_t digits = 0;
	size_t decimals = 0;

	if (negative) {
		eat(&t, 1);
	}
	while (digits < t.len && is_digit(t.at[digits])) {
		digits++;
	}
	if (digits == 0U || digits > DIGITS_MAX || (digits > 1U && t.at[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < digits; i++) {
		v = v * DECIMAL + (t.at[i] - '0');
	}
	eat(&t, digits);
	if (t.len > 0U) {
		decimals = t.len - 1U;
		if (t.at[0] != '.' || decimals == 0U || decimals > DECIMALS) {
			return false;
		}
	}
	for (size_t i = 0; i < DECIMALS; i++) {
		const char c = i < decimals ? t.at[i + 1U] : '0';

		if (!is_digit(c)) {
			return false;
		}
		v = v * DECIMAL + (c - '0');
	}
	*ret_milli = negative ? -v : v;
	return true;
}
