/* SPDX-License-Identifier: Apache-2.0 */
#include "base/event.h"

#include <stdbool.h>
#include <string.h>

#include "base/units.h"

#define DECIMAL	    10U
#define DIGITS_MAX  10U /* of a uint32_t */
#define HEX_DIGITS  8U
#define ID_DIGITS   3U /* of a standard CAN identifier */
#define HEX_BITS    4U
#define HEX_MASK    0xFU
#define IP_BYTES    4U
#define CHARS	    4U
#define BYTE_BITS   8U
#define BYTE_MASK   0xFFU
#define MILLI	    3U /* decimals of a milli unit */
#define TENTH	    1U
#define KEEP_ZEROS  true
#define CUT_ZEROS   false
#define PLACE_MIN   3U /* {n} */
#define PLACE_DIGIT 1U
#define PLACE_COLON 2U

struct event_row {
	const char *key;
	const char *text;
	uint32_t interval_s;
	enum event_level level;
};

static const struct event_row events[EVENTS] = {
#define X(id, level, interval, text) [EVENT_##id] = {#id, text, interval, EVENT_##level},
	EVENT_LIST(X)
#undef X
};

/* Text being written; always room for the NUL. */
struct text {
	char *buf;
	size_t size;
	size_t used;
};

enum event_level event_level(uint32_t id)
{
	return id < EVENTS ? events[id].level : EVENT_ERR;
}

uint32_t event_interval_s(uint32_t id)
{
	return id < EVENTS ? events[id].interval_s : 0;
}

const char *event_key(uint32_t id)
{
	return id < EVENTS ? events[id].key : "?";
}

static void put_char(struct text *t, char c)
{
	if (t->used + 1 < t->size) {
		t->buf[t->used++] = c;
	}
}

static void put_text(struct text *t, const char *s)
{
	for (; *s != '\0' && t->used + 1 < t->size; s++) {
		put_char(t, *s);
	}
}

/* @rest with @decimals digits behind the point. */
static void put_number(struct text *t, uint32_t rest, uint32_t decimals, bool zeros)
{
	char digit[DIGITS_MAX];
	uint32_t count = 0;
	uint32_t last = 0; /* lowest digit shown */

	while (count < DIGITS_MAX && (rest != 0 || count <= decimals)) {
		digit[count++] = (char)('0' + rest % DECIMAL);
		rest /= DECIMAL;
	}
	while (!zeros && last < decimals && digit[last] == '0') {
		last++;
	}
	for (uint32_t i = count; i > last; i--) {
		put_char(t, digit[i - 1]);
		if (i - 1 == decimals && decimals > last) {
			put_char(t, '.');
		}
	}
}

static void put_fixed(struct text *t, int32_t v, uint32_t decimals, bool zeros)
{
	if (v < 0) {
		put_char(t, '-');
	}
	put_number(t, v < 0 ? 0U - (uint32_t)v : (uint32_t)v, decimals, zeros);
}

/* An IPv4 address, first byte in the highest bits. */
static void put_ip(struct text *t, uint32_t v)
{
	for (uint32_t i = IP_BYTES; i > 0; i--) {
		put_number(t, v >> (BYTE_BITS * (i - 1)) & BYTE_MASK, 0, KEEP_ZEROS);
		if (i > 1) {
			put_char(t, '.');
		}
	}
}

/* What is none of these is not shown: a stranger may have written it. */
static void put_chars(struct text *t, uint32_t v)
{
	for (uint32_t i = 0; i < CHARS; i++) {
		const char c = (char)(v >> (BYTE_BITS * i) & BYTE_MASK);

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    c == '?') {
			put_char(t, c);
		}
	}
}

static void put_hex(struct text *t, uint32_t v, uint32_t min_digits)
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t count = min_digits;

	while (count < HEX_DIGITS && (v >> (HEX_BITS * count)) != 0) {
		count++;
	}
	put_text(t, "0x");
	for (uint32_t i = count; i > 0; i--) {
		put_char(t, digits[(v >> (HEX_BITS * (i - 1))) & HEX_MASK]);
	}
}

enum format {
	FORMAT_FIXED,
	FORMAT_HEX,
	FORMAT_UNSIGNED,
	FORMAT_IP,
	FORMAT_CHARS,
	FORMAT_NAME,
};

/**
 * struct place - how one kind of placeholder is written
 * @word: behind the colon
 * @decimals: of FORMAT_FIXED; least digits of FORMAT_HEX
 */
struct place {
	const char *word;
	const char *unit;
	enum format format;
	enum event_name name;
	uint32_t decimals;
	bool zeros;
};

static const struct place places[] = {
	{"", "", FORMAT_FIXED, EVENT_NAMES, 0, KEEP_ZEROS},
	{"mV", " V", FORMAT_FIXED, EVENT_NAMES, MILLI, KEEP_ZEROS},
	{"mA", " A", FORMAT_FIXED, EVENT_NAMES, MILLI, CUT_ZEROS},
	{"dC", " degC", FORMAT_FIXED, EVENT_NAMES, TENTH, KEEP_ZEROS},
	{"pm", " %", FORMAT_FIXED, EVENT_NAMES, TENTH, CUT_ZEROS},
	{"ms", " s", FORMAT_FIXED, EVENT_NAMES, MILLI, CUT_ZEROS},
	{"hex", "", FORMAT_HEX, EVENT_NAMES, 1, KEEP_ZEROS},
	{"id", "", FORMAT_HEX, EVENT_NAMES, ID_DIGITS, KEEP_ZEROS},
	{"u", "", FORMAT_UNSIGNED, EVENT_NAMES, 0, KEEP_ZEROS},
	{"ip", "", FORMAT_IP, EVENT_NAMES, 0, KEEP_ZEROS},
	{"chars", "", FORMAT_CHARS, EVENT_NAMES, 0, KEEP_ZEROS},
	{"rule", "", FORMAT_NAME, EVENT_NAME_RULE, 0, KEEP_ZEROS},
	{"verdict", "", FORMAT_NAME, EVENT_NAME_VERDICT, 0, KEEP_ZEROS},
	{"step", "", FORMAT_NAME, EVENT_NAME_STEP, 0, KEEP_ZEROS},
	{"reason", "", FORMAT_NAME, EVENT_NAME_REASON, 0, KEEP_ZEROS},
	{"level", "", FORMAT_NAME, EVENT_NAME_LEVEL, 0, KEEP_ZEROS},
	{"phase", "", FORMAT_NAME, EVENT_NAME_PHASE, 0, KEEP_ZEROS},
	{"link", "", FORMAT_NAME, EVENT_NAME_LINK, 0, KEEP_ZEROS},
	{"dir", "", FORMAT_NAME, EVENT_NAME_DIR, 0, KEEP_ZEROS},
	{"command", "", FORMAT_NAME, EVENT_NAME_COMMAND, 0, KEEP_ZEROS},
	{"source", "", FORMAT_NAME, EVENT_NAME_SOURCE, 0, KEEP_ZEROS},
	{"order", "", FORMAT_NAME, EVENT_NAME_ORDER, 0, KEEP_ZEROS},
};

static const struct place *place_find(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (strlen(places[i].word) == len && memcmp(places[i].word, word, len) == 0) {
			return &places[i];
		}
	}
	return NULL;
}

static void put_place(struct text *t, const struct place *p, int32_t value, event_namer *namer)
{
	switch (p->format) {
	case FORMAT_HEX:
		put_hex(t, (uint32_t)value, p->decimals);
		break;
	case FORMAT_UNSIGNED:
		put_number(t, (uint32_t)value, 0, KEEP_ZEROS);
		break;
	case FORMAT_IP:
		put_ip(t, (uint32_t)value);
		break;
	case FORMAT_CHARS:
		put_chars(t, (uint32_t)value);
		break;
	case FORMAT_NAME:
		put_text(t, namer(p->name, value));
		break;
	case FORMAT_FIXED:
	default:
		put_fixed(t, value, p->decimals, p->zeros);
		break;
	}
	put_text(t, p->unit);
}

/*
 * Writes the placeholder at @s. Return: its length, or 0 if it is none (then nothing is written and
 * the brace stands for itself).
 */
static size_t put_argument(struct text *t, const char *s, const struct event *e, event_namer *namer)
{
	const char *end = strchr(s, '}');

	if (!end || end - s + 1 < (ptrdiff_t)PLACE_MIN) {
		return 0;
	}

	const size_t len = (size_t)(end - s) + 1;
	const uint32_t arg = (uint32_t)(unsigned char)s[PLACE_DIGIT] - '0';
	const struct place *p = &places[0];

	if (arg >= EVENT_ARGS) {
		return 0;
	}
	if (len > PLACE_MIN) {
		if (s[PLACE_COLON] != ':') {
			return 0;
		}
		p = place_find(s + PLACE_COLON + 1, len - PLACE_MIN - 1);
	}
	if (!p) {
		return 0;
	}
	put_place(t, p, e->arg[arg], namer);
	return len;
}

static void put_unknown(struct text *t, const struct event *e)
{
	put_text(t, "unknown event ");
	put_hex(t, e->id, 1);
	for (size_t i = 0; i < EVENT_ARGS; i++) {
		put_char(t, ' ');
		put_fixed(t, e->arg[i], 0, KEEP_ZEROS);
	}
}

size_t event_format(const struct event *e, event_namer *namer, char *buf, size_t len)
{
	struct text t = {.buf = buf, .size = len, .used = 0};

	if (len == 0) {
		return 0;
	}
	if (e->id >= EVENTS) {
		put_unknown(&t, e);
	} else {
		const char *s = events[e->id].text;

		while (*s != '\0' && t.used + 1 < len) {
			const size_t eaten = *s == '{' ? put_argument(&t, s, e, namer) : 0;

			if (eaten == 0) {
				put_char(&t, *s);
			}
			s += eaten != 0 ? eaten : 1U;
		}
	}
	buf[t.used] = '\0';
	return t.used;
}
