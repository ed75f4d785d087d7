/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units: decimal fixed point, exact, without floating point. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "conf_private.h"

#define DECIMAL	       10
#define DIGITS_MAX     10U /* before the point */
#define DECIMALS_MAX   9U  /* behind it */
#define PRINT_DECIMALS 3U
#define MS_S	       1000
#define MS_MIN	       (60 * MS_S)
#define MS_H	       (60 * MS_MIN)
#define MS_D	       (24 * MS_H)

const struct conf_quantity conf_time_ms = {
	.what = "a duration",
	.example = "250ms or 3s",
	.unit = {{"ms", 1, 0, false},
		 {"s", MS_S, 0, false},
		 {"min", MS_MIN, 0, true},
		 {"h", MS_H, 0, true},
		 {"d", MS_D, 0, true}},
	.home = 1,
};

const struct conf_quantity conf_time_us = {
	.what = "a duration",
	.example = "5ms",
	.unit = {{"us", 1, 0, false}, {"ms", 1000, 0, false}},
	.home = 1,
};

const struct conf_quantity conf_time_days = {
	.what = "a number of days",
	.example = "14d",
	.unit = {{"d", 1, 0, true}},
};

const struct conf_quantity conf_current = {
	.what = "a current",
	.example = "60A",
	.unit = {{"mA", 1, 0, false}, {"A", 1000, 0, false}},
	.home = 1,
};

const struct conf_quantity conf_current_slope = {
	.what = "a rise of current",
	.example = "1A/s",
	.unit = {{"mA/s", 1, 0, false}, {"A/s", 1000, 0, false}},
	.home = 1,
};

const struct conf_quantity conf_power = {
	.what = "a power",
	.example = "150W",
	.unit = {{"W", 1, 0, false}, {"kW", 1000, 0, false}},
};

const struct conf_quantity conf_voltage = {
	.what = "a voltage",
	.example = "3.450V or 10mV",
	.unit = {{"mV", 1, 0, false}, {"V", 1000, 3, false}},
	.home = 1,
};

const struct conf_quantity conf_voltage_slope = {
	.what = "a change of voltage",
	.example = "1mV/s",
	.unit = {{"mV/s", 1, 0, true}},
};

const struct conf_quantity conf_temperature = {
	.what = "a temperature",
	.example = "10C",
	.unit = {{"C", 10, 0, false}},
};

const struct conf_quantity conf_soc = {
	.what = "a state of charge",
	.example = "20%",
	.unit = {{"%", 1, 0, true}},
	.bare = true,
};

const struct conf_quantity conf_share = {
	.what = "a share",
	.example = "50%",
	.unit = {{"%", 10, 0, false}},
};

const struct conf_quantity conf_c_rate = {
	.what = "a multiple of the capacity",
	.example = "0.5CA",
	.unit = {{"CA", 1000, 0, false}},
};

const struct conf_quantity conf_count = {
	.what = "a whole number",
	.example = "1",
	.unit = {{"", 1, 0, true}},
};

const struct conf_quantity conf_size_kib = {
	.what = "a size",
	.example = "16M",
	.unit = {{"K", 1, 0, false}, {"M", 1024, 0, false}},
	.home = 1,
};

/* A decimal number as written: -12.50 has whole 12, fraction 50, decimals 2. */
struct decimal {
	bool negative;
	int64_t whole;
	int64_t fraction;
	uint32_t decimals;
	size_t len;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int refuse(struct conf_text *reason, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct conf_text *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_text_vadd(reason, format, args);
	va_end(args);
	return -EINVAL;
}

static int64_t power_of_ten(uint32_t n)
{
	int64_t p = 1;

	for (uint32_t i = 0; i < n; i++) {
		p *= DECIMAL;
	}
	return p;
}

/* Return: 0, -EINVAL if @s does not begin with a number, -ERANGE if it has too many digits. */
static int decimal_parse(const char *s, size_t len, struct decimal *ret)
{
	struct decimal d = {0};
	size_t i = 0;

	if (i < len && s[i] == '-') {
		d.negative = true;
		i++;
	}

	const size_t first = i;

	while (i < len && is_digit(s[i])) {
		if (i - first >= DIGITS_MAX) {
			return -ERANGE;
		}
		d.whole = d.whole * DECIMAL + (s[i++] - '0');
	}
	if (i == first) {
		return -EINVAL;
	}
	if (i < len && s[i] == '.') {
		i++;
		while (i < len && is_digit(s[i])) {
			if (d.decimals >= DECIMALS_MAX) {
				return -ERANGE;
			}
			d.fraction = d.fraction * DECIMAL + (s[i++] - '0');
			d.decimals++;
		}
		if (d.decimals == 0) {
			return -EINVAL;
		}
	}
	d.len = i;
	*ret = d;
	return 0;
}

/* @d in steps of 1/@scale. Return: 0, or -EDOM if that is no whole number of steps. */
static int decimal_scale(const struct decimal *d, int32_t scale, int64_t *ret_value)
{
	const int64_t power = power_of_ten(d->decimals);
	const int64_t part = d->fraction * scale;

	if (part % power != 0) {
		return -EDOM;
	}

	const int64_t v = d->whole * scale + part / power;

	*ret_value = d->negative ? -v : v;
	return 0;
}

static void list_units(struct conf_text *t, const struct conf_quantity *q)
{
	for (uint32_t i = 0; q->unit[i].name; i++) {
		conf_text_add(t, "%s%s", i == 0 ? "" : ", ", q->unit[i].name);
	}
}

static const struct conf_unit *unit_find(const struct conf_quantity *q, const char *s, size_t len)
{
	for (uint32_t i = 0; q->unit[i].name; i++) {
		if (strlen(q->unit[i].name) == len && memcmp(q->unit[i].name, s, len) == 0) {
			return &q->unit[i];
		}
	}
	return len == 0 && q->bare ? &q->unit[0] : NULL;
}

struct range {
	int32_t min;
	int32_t max;
};

/* The unit that a number without one most likely means: the usual one if it is in range with it. */
static const struct conf_unit *unit_guess(const struct conf_quantity *q, const struct decimal *d,
					  const struct range *range)
{
	const struct conf_unit *guess = NULL;

	for (uint32_t i = 0; q->unit[i].name; i++) {
		int64_t value = 0;
		const bool fits = decimal_scale(d, q->unit[i].scale, &value) == 0 &&
				  value >= range->min && value <= range->max;

		if (fits && (!guess || i == q->home)) {
			guess = &q->unit[i];
		}
	}
	return guess ? guess : &q->unit[q->home];
}

/* @number: the user's own digits, which @d is. */
static int refuse_unit(struct conf_text *reason, const struct conf_quantity *q, const char *number,
		       const struct decimal *d, const struct range *range, const char *unit,
		       size_t unit_len)
{
	if (unit_len == 0) {
		conf_text_add(reason, "a unit is missing; write for example %.*s%s", (int)d->len,
			      number, unit_guess(q, d, range)->name);
		return -EINVAL;
	}
	if (q->unit[0].name[0] == '\0') {
		conf_text_add(reason, "this number has no unit; write for example %s", q->example);
		return -EINVAL;
	}
	conf_text_add(reason, "\"%.*s\" is no unit of %s; known: ", (int)unit_len, unit, q->what);
	list_units(reason, q);
	return -EINVAL;
}

static void add_range(struct conf_text *t, const struct conf_quantity *q, int32_t min, int32_t max)
{
	conf_text_add(t, " (range ");
	conf_number_format(t, q, min);
	conf_text_add(t, " to ");
	conf_number_format(t, q, max);
	conf_text_add(t, ")");
}

static int number_read(const char *s, size_t len, const struct conf_quantity *q,
		       const struct range *range, int64_t *ret_value, struct conf_text *reason)
{
	struct decimal d;
	const int r = decimal_parse(s, len, &d);

	if (r == -ERANGE) {
		return refuse(reason, "too many digits");
	}
	if (r != 0) {
		return refuse(reason, "%s is needed, for example %s", q->what, q->example);
	}

	size_t at = d.len;

	while (at < len && s[at] == ' ') {
		at++;
	}

	const struct conf_unit *u = unit_find(q, s + at, len - at);

	if (!u) {
		return refuse_unit(reason, q, s, &d, range, s + at, len - at);
	}
	if (decimal_scale(&d, u->scale, ret_value) != 0) {
		conf_text_add(reason, "too fine: the smallest step is ");
		conf_number_format(reason, q, 1);
		return -EINVAL;
	}
	return 0;
}

int conf_number_parse(const char *s, size_t len, const struct conf_quantity *q, int32_t min,
		      int32_t max, int32_t *ret_value, struct conf_text *reason)
{
	int64_t value = 0;
	const struct range range = {min, max};
	int r = number_read(s, len, q, &range, &value, reason);

	if (r == 0 && (value < min || value > max)) {
		r = refuse(reason, "out of range");
	}
	if (r != 0) {
		add_range(reason, q, min, max);
		return r;
	}
	*ret_value = (int32_t)value;
	return 0;
}

/* The largest unit that shows @value without loss and without a leading 0. */
static const struct conf_unit *unit_for(const struct conf_quantity *q, int32_t value)
{
	const struct conf_unit *best = &q->unit[0];

	if (value == 0) {
		return &q->unit[q->home];
	}
	for (uint32_t i = 0; q->unit[i].name; i++) {
		const struct conf_unit *u = &q->unit[i];
		const bool exact = u->whole ? value % u->scale == 0
					    : (int64_t)value * power_of_ten(PRINT_DECIMALS) %
							      u->scale ==
						      0;

		if (exact && abs_i32(value) >= u->scale) {
			best = u;
		}
	}
	return best;
}

void conf_number_format(struct conf_text *t, const struct conf_quantity *q, int32_t value)
{
	const struct conf_unit *u = unit_for(q, value);
	const int64_t magnitude = value < 0 ? -(int64_t)value : value;
	int64_t fraction = magnitude % u->scale * power_of_ten(PRINT_DECIMALS) / u->scale;
	uint32_t decimals = PRINT_DECIMALS;

	while (decimals > u->decimals && fraction % DECIMAL == 0) {
		fraction /= DECIMAL;
		decimals--;
	}
	conf_text_add(t, "%s%lld", value < 0 ? "-" : "", (long long)(magnitude / u->scale));
	if (decimals > 0) {
		conf_text_add(t, ".%0*lld", (int)decimals, (long long)fraction);
	}
	conf_text_add(t, "%s", u->name);
}
