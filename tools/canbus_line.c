/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a log in the formats of candump. Each parser gives NULL, or what is wrong. */
#include "canbus_private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_S      1000000
#define STD_ID_DIGITS 3U
#define EXT_ID_DIGITS 8U
#define TIME_DIGITS   6U /* behind the point: microseconds */
#define NANO_DIGITS   9U /* candump -N; what is below a microsecond is cut off */
#define TIME_SECS_MAX INT64_C(100000000000)
#define CANDUMP_FLAGS 2 /* words behind RX or TX in candump -x */

static const char *parse_time(const char **p, struct canbus_frame *f)
{
	const char *s = *p + 1;
	const char *end = strchr(s, ')');
	struct tm tm = {.tm_isdst = -1};
	const bool negative = *s == '-'; /* what canview -x makes of a date before 1970 */
	int64_t secs = 0;
	int64_t us = 0;
	unsigned int digits = 0;

	if (end == NULL) {
		return "the time has no ')'";
	}
	if (end - s > 10 && s[4] == '-') { /* candump -t A: date and time of day */
		s = strptime(s, "%Y-%m-%d %H:%M:%S", &tm);
		tm.tm_wday = -1;
		secs = s != NULL ? (int64_t)mktime(&tm) : 0;
		if (s != NULL && tm.tm_wday < 0) {
			return "the time is beyond what this system counts";
		}
	} else {
		s += negative;
		while (isdigit((unsigned char)*s) && secs < TIME_SECS_MAX) {
			secs = secs * 10 + (*s++ - '0');
		}
	}
	if (s == NULL || *s++ != '.') {
		return "the time is not (SECONDS.MICROSECONDS)";
	}
	for (; isdigit((unsigned char)*s) && digits < NANO_DIGITS; digits++, s++) {
		us = digits < TIME_DIGITS ? us * 10 + (*s - '0') : us;
	}
	if (s != end || (digits != TIME_DIGITS && digits != NANO_DIGITS)) {
		return "the time is not (SECONDS.MICROSECONDS)";
	}
	f->time_us = (secs * US_PER_S + us) * (negative ? -1 : 1);
	f->has_time = true;
	*p = end + 1;
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *parse_id(const char **p, struct canbus_frame *f)
{
	uint32_t id = 0;
	unsigned int digits = 0;

	for (; hex_digit(**p) >= 0 && digits < EXT_ID_DIGITS; digits++) {
		id = (id << 4) | (uint32_t)hex_digit(*(*p)++);
	}
	if ((digits > 0 && digits <= STD_ID_DIGITS && id <= CAN_SFF_MASK) ||
	    (digits == EXT_ID_DIGITS && (id & CAN_ERR_FLAG) != 0)) {
		f->can.can_id = id;
		return NULL;
	}
	if (digits == EXT_ID_DIGITS && id <= CAN_EFF_MASK) {
		f->can.can_id = id | CAN_EFF_FLAG;
		return NULL;
	}
	return "the identifier is not 3 (to 7FF) or 8 (to 1FFFFFFF) hexadecimal digits";
}

/* @most: number of bytes wanted; a shorter run is the caller's question. */
static const char *parse_bytes(const char **p, struct canbus_frame *f, unsigned int most)
{
	int hi = hex_digit(**p);

	f->can.len = 0;
	while (hi >= 0) {
		const int lo = hex_digit((*p)[1]);

		if (lo < 0) {
			return "a byte is not two hexadecimal digits";
		}
		if (f->can.len == most) {
			return "there are more data bytes than the frame may have";
		}
		f->can.data[f->can.len++] = (uint8_t)(hi << 4 | lo);
		*p += 2;
		while (f->can.len < most && (**p == '.' || **p == ' ')) {
			(*p)++;
		}
		hi = hex_digit(**p);
	}
	return NULL;
}

/* 351#1402740E, 123#R4; *p stands on the '#'. */
static const char *parse_compact(const char **p, struct canbus_frame *f)
{
	const char *bad;

	(*p)++;
	if (**p == '#') {
		return "CAN FD frames are not shown";
	}
	if (**p == 'R') {
		(*p)++;
		f->can.can_id |= CAN_RTR_FLAG;
		if (**p >= '0' && **p <= '0' + CAN_MAX_DLEN) {
			f->can.len = (uint8_t)(*(*p)++ - '0');
		}
		return NULL;
	}
	if (isspace((unsigned char)**p) || **p == '\0') {
		return NULL;
	}
	bad = parse_bytes(p, f, CAN_MAX_DLEN);
	if (bad != NULL) {
		return bad;
	}
	return **p == '\0' || isspace((unsigned char)**p) || **p == '_' || isspace((*p)[-1])
		       ? NULL
		       : "the data is not hexadecimal";
}

/* "[8]", or "{8}" to "{F}" of candump -8: eight bytes, whatever the raw length is. */
static const char *parse_length(const char **p, unsigned int *ret_len)
{
	const bool raw = (*p)[0] == '{';
	const int n = (*p)[0] == '[' || raw ? hex_digit((*p)[1]) : -1;

	if (n < 0) {
		return "there is no '#' and no length in brackets";
	}
	if ((*p)[2] != (raw ? '}' : ']') || (n > CAN_MAX_DLEN && !raw)) {
		return "CAN FD frames are not shown";
	}
	*ret_len = n > CAN_MAX_DLEN ? CAN_MAX_DLEN : (unsigned int)n;
	*p += 3;
	return NULL;
}

/* 351   [8]  14 02 ...; *p stands behind the identifier. */
static const char *parse_spaced(const char **p, struct canbus_frame *f)
{
	unsigned int len = 0;
	const char *bad;

	*p += strspn(*p, " \t");
	bad = parse_length(p, &len);
	if (bad != NULL) {
		return bad;
	}
	*p += strspn(*p, " \t");
	if (strncmp(*p, "remote", strlen("remote")) == 0) {
		f->can.can_id |= CAN_RTR_FLAG;
		f->can.len = (uint8_t)len;
		return NULL;
	}
	bad = len == 0 ? NULL : parse_bytes(p, f, len);
	if (bad != NULL) {
		return bad;
	}
	*p += strspn(*p, " \t");
	if (f->can.len != len || (hex_digit((*p)[0]) >= 0 && hex_digit((*p)[1]) >= 0)) {
		return "there are not as many data bytes as the brackets say";
	}
	return NULL;
}

static const char *skip_word(const char *p)
{
	p += strcspn(p, " \t");
	return p + strspn(p, " \t");
}

const char *canbus_line_parse(const char *line, struct canbus_frame *ret_frame)
{
	struct canbus_frame *f = ret_frame;
	const char *p = line;
	const char *bad = NULL;

	if (*p == '(') {
		bad = parse_time(&p, f);
		p += bad == NULL ? strspn(p, " \t") : 0;
	}
	if (bad == NULL && memchr(p, '#', strcspn(p, " \t")) == NULL) { /* an interface first */
		(void)snprintf(f->ifname, sizeof(f->ifname), "%.*s", (int)strcspn(p, " \t"), p);
		p = skip_word(p);
		if (strncmp(p, "RX ", 3) == 0 || strncmp(p, "TX ", 3) == 0) {
			for (int i = 0; i <= CANDUMP_FLAGS; i++) {
				p = skip_word(p);
			}
		}
	}
	if (bad == NULL) {
		bad = parse_id(&p, f);
	}
	if (bad != NULL) {
		return bad;
	}
	return *p == '#' ? parse_compact(&p, f) : parse_spaced(&p, f);
}
