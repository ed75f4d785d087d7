/* SPDX-License-Identifier: Apache-2.0 */
#include "dump_text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define HEX_BASE      16U
#define OCTAL_BASE    8U
#define ADDRESS_MIN   6 /* digits: od -Ax */
#define ADDRESS_MAX   16
#define BYTES_PER_ROW 64U
#define WORD_DIGITS   4 /* hexdump without -C, od -x */

/* One line of a dump. */
struct row {
	const char *address;
	int address_len;
	uint8_t data[BYTES_PER_ROW];
	size_t len;
	bool colon; /* xxd: two spaces end the bytes */
	bool words; /* digits in groups that stand for swapped bytes */
};

/* A text and how far it was read. */
struct cursor {
	const char *at;
	const char *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that is neither empty nor a comment, without its end. */
static bool next_line(struct cursor *c, struct cursor *ret_line)
{
	while (c->at < c->end) {
		const char *stop = memchr(c->at, '\n', (size_t)(c->end - c->at));
		struct cursor line = {.at = c->at, .end = stop ? stop : c->end};

		c->at = stop ? stop + 1 : c->end;
		while (line.at < line.end && is_blank(*line.at)) {
			line.at++;
		}
		while (line.end > line.at && is_blank(line.end[-1])) {
			line.end--;
		}
		if (line.at < line.end && *line.at != '#') {
			*ret_line = line;
			return true;
		}
	}
	return false;
}

static int digits(struct cursor *line)
{
	const char *start = line->at;

	while (line->at < line->end && isxdigit((unsigned char)*line->at)) {
		line->at++;
	}
	return (int)(line->at - start);
}

static uint8_t nibble(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

static int spaces(struct cursor *line)
{
	const char *start = line->at;

	while (line->at < line->end && is_blank(*line->at)) {
		line->at++;
	}
	return (int)(line->at - start);
}

/* Return: false if the line has another form. */
static bool parse_row(struct cursor line, struct row *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->address = line.at;
	ret->address_len = digits(&line);
	if (ret->address_len < ADDRESS_MIN || ret->address_len > ADDRESS_MAX) {
		return false;
	}
	if (line.at < line.end && *line.at == ':') {
		ret->colon = true;
		line.at++;
	}
	if (line.at < line.end && spaces(&line) == 0) {
		return false;
	}
	while (line.at < line.end && *line.at != '|' && *line.at != '>') {
		const char *group = line.at;
		const int n = digits(&line);

		if (n == 0 || n % 2 != 0 || (line.at < line.end && !is_blank(*line.at))) {
			return false;
		}
		ret->words |= n == WORD_DIGITS && !ret->colon;
		for (int i = 0; i < n; i += 2) {
			if (ret->len == BYTES_PER_ROW) {
				return false;
			}
			ret->data[ret->len++] = (uint8_t)(nibble(group[i]) << 4 |
							  nibble(group[i + 1]));
		}
		if (spaces(&line) > 1 && ret->colon) {
			break;
		}
	}
	return true;
}

static bool address_is(const struct row *r, unsigned int base, size_t *ret_address)
{
	size_t v = 0;

	for (int i = 0; i < r->address_len; i++) {
		const unsigned int d = nibble(r->address[i]);

		if (d >= base) {
			return false;
		}
		v = v * base + d;
	}
	*ret_address = v;
	return true;
}

/* Addresses with @base. */
static bool parse_with(struct cursor text, unsigned int base, uint8_t *ret_buf, size_t *ret_len)
{
	struct cursor line;
	size_t n = 0;

	while (next_line(&text, &line)) {
		struct row r;
		size_t address = 0;

		if (!parse_row(line, &r) || r.words || !address_is(&r, base, &address) ||
		    address != n) {
			return false;
		}
		memcpy(ret_buf + n, r.data, r.len);
		n += r.len;
	}
	*ret_len = n;
	return n > 0;
}

int dump_text_parse(const char *text, size_t len, uint8_t *ret_buf, size_t *ret_len)
{
	const struct cursor all = {.at = text, .end = text + len};

	return parse_with(all, HEX_BASE, ret_buf, ret_len) ||
			       parse_with(all, OCTAL_BASE, ret_buf, ret_len)
		       ? 0
		       : -EINVAL;
}

/* @form: '9' stands for a digit, all else for itself. */
static bool begins(struct cursor line, const char *form)
{
	for (; *form != '\0'; form++, line.at++) {
		if (line.at == line.end ||
		    (*form == '9' ? !isdigit((unsigned char)*line.at) : *line.at != *form)) {
			return false;
		}
	}
	return true;
}

bool dump_text_is_log(const char *text, size_t len)
{
	static const char *const forms[] = {"[99:99",	   "[9999-99-99", "99:99:99 ",
					    "99:99:99.9",  "99:99:99,9",  "9999-99-99 ",
					    "9999-99-99T", "(9"};
	struct cursor all = {.at = text, .end = text + len};
	struct cursor line;

	if (!next_line(&all, &line)) {
		return false;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (begins(line, forms[i])) {
			return true;
		}
	}
	return false;
}

static bool is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		/* from 0x80 on: UTF-8 of a log */
		if (c < 0x80 && !isprint(c) && !isspace(c) && c != '\033') {
			return false;
		}
	}
	return true;
}

/* Nothing but hex digits and space: whole bytes, unless the address has an odd number of digits. */
static bool all_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isxdigit((unsigned char)text[i]) && !isspace((unsigned char)text[i])) {
			return false;
		}
	}
	return true;
}

const char *dump_text_name_dump(const char *text, size_t len)
{
	struct cursor all = {.at = text, .end = text + len};
	struct cursor line;
	struct row r;
	size_t address = 0;

	if (!next_line(&all, &line) || !parse_row(line, &r) || r.len == 0 ||
	    !address_is(&r, HEX_BASE, &address) || address != 0 ||
	    (r.address_len % 2 == 0 && all_digits(text, len))) {
		return NULL;
	}
	if (r.words) {
		return "a dump of words, whose bytes are swapped; print it again with "
		       "\"hexdump -Cv\" or \"xxd\"";
	}
	while (next_line(&all, &line)) {
		if (*line.at == '*') {
			return "a dump with \"*\" for repeated lines; print it again with "
			       "\"hexdump -Cv\" or \"xxd\"";
		}
	}
	return "a dump in which lines are missing, changed or cut; print it again with "
	       "\"hexdump -Cv\" or \"xxd\"";
}

const char *dump_text_name(const char *text, size_t len)
{
	if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
		return "a text in UTF-16; save it as plain text (UTF-8)";
	}
	if (!is_text(text, len)) {
		return NULL;
	}
	if (dump_text_is_log(text, len)) {
		return "a log whose lines begin with a time; leave only the bytes of the line in "
		       "it, as \"4E 57 01 21\" or \"4E:57:01:21\"";
	}
	return "a text, but not of hex digits; wanted are the bytes of the line, as "
	       "\"4E 57 01 21\", the output of \"hexdump -C\" or \"xxd\", a binary file, or a JSON "
	       "list";
}
