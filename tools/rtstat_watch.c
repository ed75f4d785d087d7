/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of rtstat --watch. See rtstat.h. */
#include "rtstat.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PPM_DIGITS 4 /* behind the point of a percentage: parts per million */
#define WHOLE	   100U
#define TEN	   10U
#define VALUE_MAX  9e18

struct unit {
	const char *name;
	double ns;
};

static const struct unit units[] = {
	{"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9},
};

struct sign {
	const char *text;
	enum rtstat_operator operator;
};

/* Longer ones first. */
static const struct sign signs[] = {
	{"<=", RTSTAT_LESS_EQUAL}, {">=", RTSTAT_GREATER_EQUAL}, {"==", RTSTAT_EQUAL},
	{"!=", RTSTAT_NOT_EQUAL},  {"<", RTSTAT_LESS},		 {">", RTSTAT_GREATER},
};

struct word {
	const char *text;
	enum rtstat_stat stat;
};

static const struct word words[] = {
	{"min", RTSTAT_STAT_MIN},     {"mean", RTSTAT_STAT_MEAN},	  {"max", RTSTAT_STAT_MAX},
	{"count", RTSTAT_STAT_COUNT}, {"overflow", RTSTAT_STAT_OVERFLOW},
};

static bool is(const char *text, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(text, name, len) == 0;
}

/* Length without blanks at the end. */
static size_t trimmed(const char *text)
{
	size_t len = strlen(text);

	while (len > 0U && text[len - 1U] == ' ') {
		len--;
	}
	return len;
}

static bool is_time(enum rtstat_stat stat)
{
	return stat <= RTSTAT_STAT_MAX;
}

/* A plain number: no sign, no hexadecimal, no infinity. */
static bool parse_number(const char *text, double *ret_value, const char **ret_end)
{
	char *end = NULL;

	if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789.")] == 'x') {
		return false;
	}
	*ret_value = strtod(text, &end);
	*ret_end = end;
	return *ret_value >= 0.0 && *ret_value < VALUE_MAX;
}

int64_t rtstat_parse_time(const char *text)
{
	const char *end;
	double value;

	if (!parse_number(text, &value, &end)) {
		return -1;
	}
	end += strspn(end, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (is(end, trimmed(end), units[i].name) && value * units[i].ns < VALUE_MAX) {
			return (int64_t)llround(value * units[i].ns);
		}
	}
	return -1;
}

/* "p99.9" without the p. Return: parts per million, or UINT32_MAX. */
static uint32_t parse_percent(const char *text, size_t len)
{
	uint32_t value = 0U;
	int behind = -1;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' && behind < 0 && i > 0U) {
			behind = 0;
		} else if (isdigit((unsigned char)text[i]) && value <= WHOLE * RTSTAT_PPM) {
			value = value * TEN + (uint32_t)(text[i] - '0');
			behind += behind >= 0 ? 1 : 0;
		} else {
			return UINT32_MAX;
		}
	}
	if (len == 0U || behind == 0 || behind > PPM_DIGITS) {
		return UINT32_MAX;
	}
	for (int i = behind < 0 ? 0 : behind; i < PPM_DIGITS; i++) {
		value *= TEN;
	}
	return value <= RTSTAT_PPM ? value : UINT32_MAX;
}

static bool parse_stat(const char *text, size_t len, struct rtstat_watch *w)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is(text, len, words[i].text)) {
			w->stat = words[i].stat;
			return true;
		}
	}
	if (len < 2U || text[0] != 'p') {
		return false;
	}
	w->stat = RTSTAT_STAT_QUANTILE;
	w->ppm = parse_percent(text + 1, len - 1U);
	return w->ppm != UINT32_MAX;
}

/* What is to be judged: a time and something of it, or a counter. */
static bool parse_subject(const char *text, size_t len, struct rtstat_watch *w, char *ret_error)
{
	const char *point = memchr(text, '.', len);
	const size_t name_len = point != NULL ? (size_t)(point - text) : len;

	w->time = rtstat_find_time(text, name_len);
	if (w->time < STATS_TIMES) {
		if (point != NULL && parse_stat(point + 1, len - name_len - 1U, w)) {
			return true;
		}
		snprintf(ret_error, RTSTAT_TEXT,
			 "%s: what of %s? min, mean, max, count, overflow, or pN with N from 0 to "
			 "100 and at most 4 digits behind the point: %s.p99.9",
			 w->text, stats_time_name(w->time), stats_time_name(w->time));
		return false;
	}
	for (size_t i = 0; point == NULL && i < rtstat_counters_len; i++) {
		if (is(text, len, rtstat_counters[i].name)) {
			w->stat = RTSTAT_STAT_COUNTER;
			w->counter = &rtstat_counters[i];
			return true;
		}
	}
	snprintf(ret_error, RTSTAT_TEXT, "%s: there is no \"%.*s\": see jkpylon-rtstat --list",
		 w->text, (int)(len < RTSTAT_SHORT ? len : RTSTAT_SHORT), text);
	return false;
}

static bool parse_value(const char *text, struct rtstat_watch *w, char *ret_error)
{
	const char *end;
	double value;

	if (is_time(w->stat)) {
		w->value = rtstat_parse_time(text);
		if (w->value < 0) {
			snprintf(ret_error, RTSTAT_TEXT,
				 "%s: \"%s\" is no time: a number with ns, us, ms, s, min or h",
				 w->text, text);
		}
		return w->value >= 0;
	}
	if (!parse_number(text, &value, &end) || trimmed(end) != 0U || value != floor(value)) {
		snprintf(ret_error, RTSTAT_TEXT, "%s: \"%s\" is no whole number", w->text, text);
		return false;
	}
	w->value = (int64_t)value;
	return true;
}

bool rtstat_watch_parse(const char *text, struct rtstat_watch *ret_watch, char *ret_error)
{
	struct rtstat_watch w = {.text = text};
	const char *subject = text + strspn(text, " ");
	const size_t to_sign = strcspn(subject, "<>=!");
	const char *value = NULL;
	size_t len = to_sign;

	for (size_t i = 0; value == NULL && i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strncmp(subject + to_sign, signs[i].text, strlen(signs[i].text)) == 0) {
			w.operator= signs[i].operator;
			value = subject + to_sign + strlen(signs[i].text);
		}
	}
	while (len > 0U && subject[len - 1U] == ' ') {
		len--;
	}
	if (value == NULL || len == 0U) {
		snprintf(ret_error, RTSTAT_TEXT,
			 "\"%s\" is no condition: NAME.WHAT<TIME or NAME<NUMBER, with one of "
			 "< <= > >= == !=: wakeup.p99.9<200us, overruns==0",
			 text);
		return false;
	}
	if (!parse_subject(subject, len, &w, ret_error) ||
	    !parse_value(value + strspn(value, " "), &w, ret_error)) {
		return false;
	}
	*ret_watch = w;
	return true;
}

/* ---- judging ---- */

static int64_t value_of(const struct rtstat_page *page, const struct rtstat_watch *w)
{
	if (w->stat == RTSTAT_STAT_COUNTER) {
		return rtstat_counter(page, w->counter);
	}
	const struct rtstat_time t = rtstat_time(page, w->time);

	switch (w->stat) {
	case RTSTAT_STAT_MIN:
		return t.min_ns;
	case RTSTAT_STAT_MEAN:
		return t.mean_ns;
	case RTSTAT_STAT_MAX:
		return t.max_ns;
	case RTSTAT_STAT_COUNT:
		return (int64_t)t.count;
	case RTSTAT_STAT_OVERFLOW:
		return (int64_t)t.overflow;
	case RTSTAT_STAT_QUANTILE:
	case RTSTAT_STAT_COUNTER:
	default:
		return rtstat_quantile(page, w->time, w->ppm);
	}
}

static bool holds(const struct rtstat_watch *w, int64_t value)
{
	switch (w->operator) {
	case RTSTAT_LESS:
		return value < w->value;
	case RTSTAT_LESS_EQUAL:
		return value <= w->value;
	case RTSTAT_GREATER:
		return value > w->value;
	case RTSTAT_GREATER_EQUAL:
		return value >= w->value;
	case RTSTAT_EQUAL:
		return value == w->value;
	case RTSTAT_NOT_EQUAL:
	default:
		return value != w->value;
	}
}

bool rtstat_watch_judge(FILE *f, const struct rtstat_page *page, const struct rtstat_watch *w)
{
	char text[RTSTAT_SHORT];

	if (is_time(w->stat) && stats_hist_count(page->cell[w->time]) == 0U) {
		fprintf(f, "FAIL  %s: no values\n", w->text);
		return false;
	}
	const int64_t value = value_of(page, w);
	const bool good = holds(w, value);

	if (is_time(w->stat)) {
		rtstat_ns(value, text);
	} else {
		snprintf(text, sizeof(text), "%" PRId64, value);
	}
	fprintf(f, "%s  %s: %s\n", good ? "ok  " : "FAIL", w->text, text);
	return good;
}
