/* SPDX-License-Identifier: Apache-2.0 */
#include "json_write.h"

#include <string.h>

#define DECIMAL	   10U
#define DIGITS_MAX 20U /* of a uint64_t */
#define CONTROL	   0x20U
#define NIBBLE	   4U

static void put(struct json_writer *w, char c)
{
	if (w->used + 1U < w->size) {
		w->buf[w->used++] = c;
	} else {
		w->full = true;
	}
}

static void put_raw(struct json_writer *w, const char *s)
{
	for (; *s != '\0'; s++) {
		put(w, *s);
	}
}

static void put_escaped(struct json_writer *w, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	for (; *s != '\0'; s++) {
		const unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			put(w, '\\');
			put(w, *s);
		} else if (c < CONTROL) {
			put_raw(w, "\\u00");
			put(w, hex[c >> NIBBLE]);
			put(w, hex[c & 0xFU]);
		} else {
			put(w, *s);
		}
	}
}

static void put_key(struct json_writer *w, const char *key)
{
	if (w->comma) {
		put(w, ',');
	}
	w->comma = true;
	if (key != NULL) {
		put(w, '"');
		put_raw(w, key);
		put_raw(w, "\":");
	}
}

void json_begin(struct json_writer *w, char *buf, size_t size)
{
	*w = (struct json_writer){.buf = buf, .size = size};
	put(w, '{');
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
	put_key(w, key);
	put(w, bracket);
	w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
	put(w, bracket);
	w->comma = true;
}

void json_joined(struct json_writer *w, const char *key, const char *const *parts)
{
	put_key(w, key);
	put(w, '"');
	for (; *parts != NULL; parts++) {
		put_escaped(w, *parts);
	}
	put(w, '"');
}

void json_text(struct json_writer *w, const char *key, const char *text)
{
	const char *const parts[] = {text, NULL};

	json_joined(w, key, parts);
}

void json_flag(struct json_writer *w, const char *key, bool value)
{
	put_key(w, key);
	put_raw(w, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *key)
{
	put_key(w, key);
	put_raw(w, "null");
}

void json_fixed(struct json_writer *w, const char *key, int64_t value, uint32_t decimals)
{
	char digit[DIGITS_MAX + 1U];
	uint64_t rest = value < 0 ? 0U - (uint64_t)value : (uint64_t)value;
	uint32_t count = 0;

	put_key(w, key);
	while (count < DIGITS_MAX && (rest != 0U || count <= decimals)) {
		digit[count++] = (char)('0' + rest % DECIMAL);
		rest /= DECIMAL;
	}
	if (value < 0) {
		put(w, '-');
	}
	for (uint32_t i = count; i > 0U; i--) {
		put(w, digit[i - 1U]);
		if (i - 1U == decimals && decimals > 0U) {
			put(w, '.');
		}
	}
}

size_t json_end(struct json_writer *w)
{
	put(w, '}');
	if (w->full) {
		w->buf[0] = '\0';
		return 0;
	}
	w->buf[w->used] = '\0';
	return w->used;
}
