/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are lists: curves ("3.40V:50% 3.45V:25%") and levels ("3.50V 3.55V 3.70V"). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "conf_private.h"

#define STEP_WORD	"step"
#define LEVEL_COUNT	3U
#define CURVE_SHARE_MAX 1000
#define CURVE_MA_MAX	400000
#define CURVE_RATE_MAX	2000

/* What y of a curve may be; the unit of the text decides. */
struct curve_y {
	enum curve_unit unit;
	const struct conf_quantity *quantity;
	int32_t max;
};

static const struct curve_y curve_ys[] = {
	{CURVE_PERMILLE, &conf_share, CURVE_SHARE_MAX},
	{CURVE_C_RATE, &conf_c_rate, CURVE_RATE_MAX},
	{CURVE_MA, &conf_current, CURVE_MA_MAX},
};

/* A word of a value. */
struct word {
	const char *s;
	size_t len;
};

static const char blanks[] = " \t";

static struct word word_next(const char **s)
{
	struct word w;

	*s += strspn(*s, blanks);
	w.s = *s;
	w.len = strcspn(*s, blanks);
	*s += w.len;
	return w;
}

static bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->s, text, w->len) == 0;
}

static bool word_ends(const struct word *w, const char *unit)
{
	const size_t len = strlen(unit);

	return w->len > len && memcmp(w->s + w->len - len, unit, len) == 0;
}

/* The row of curve_ys whose unit ends the word; NULL if none does. */
static const struct curve_y *curve_y_find(const struct word *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(curve_ys); i++) {
		for (size_t u = 0; curve_ys[i].quantity->unit[u].name; u++) {
			if (word_ends(w, curve_ys[i].quantity->unit[u].name)) {
				return &curve_ys[i];
			}
		}
	}
	return NULL;
}

/* @w = X:Y; appends a point to @c. */
static int point_parse(const struct conf_key *k, const struct word *w, struct curve *c,
		       struct conf_text *reason)
{
	const char *colon = memchr(w->s, ':', w->len);
	const uint32_t n = c->count;

	conf_text_add(reason, "point \"%.*s\": ", (int)w->len, w->s);
	if (n >= CURVE_POINTS_MAX) {
		conf_text_add(reason, "a curve has at most %u points", CURVE_POINTS_MAX);
		return -EINVAL;
	}
	if (!colon) {
		conf_text_add(reason, "a point is written X:Y, for example %s:50%%",
			      k->quantity == &conf_voltage ? "3.450V" : "10C");
		return -EINVAL;
	}

	const struct word y = {colon + 1, w->len - (size_t)(colon + 1 - w->s)};
	const struct curve_y *kind = curve_y_find(&y);

	if (!kind) {
		conf_text_add(reason, "the current needs a unit: %% of the maximum, A, or CA "
				      "(multiple of the capacity)");
		return -EINVAL;
	}
	if (n > 0 && c->unit != kind->unit) {
		conf_text_add(reason, "all currents of a curve need the same unit (%%, A or CA)");
		return -EINVAL;
	}
	if (conf_number_parse(w->s, (size_t)(colon - w->s), k->quantity, k->min, k->max, &c->x[n],
			      reason) != 0 ||
	    conf_number_parse(y.s, y.len, kind->quantity, 0, kind->max, &c->y[n], reason) != 0) {
		return -EINVAL;
	}
	if (n > 0 && c->x[n] <= c->x[n - 1]) {
		conf_text_add(reason, "the points must be in rising order, each X once");
		return -EINVAL;
	}
	c->unit = (uint8_t)kind->unit;
	c->count++;
	return 0;
}

int conf_curve_parse(const struct conf_key *k, const char *s, struct curve *ret_curve,
		     struct conf_text *reason)
{
	const size_t begin = reason->used;
	struct curve c = {0};
	struct word w = word_next(&s);

	if (word_is(&w, STEP_WORD)) {
		c.step = true;
		w = word_next(&s);
	}
	while (w.len > 0) {
		if (point_parse(k, &w, &c, reason) != 0) {
			return -EINVAL;
		}
		/* The text of a good point is not needed any more. */
		reason->used = begin;
		reason->buf[begin] = '\0';
		w = word_next(&s);
	}
	if (c.count == 0) {
		conf_text_add(reason, "at least one point X:Y is needed");
		return -EINVAL;
	}
	*ret_curve = c;
	return 0;
}

void conf_curve_format(struct conf_text *t, const struct conf_key *k, const struct curve *curve)
{
	const struct conf_quantity *y = &conf_current;

	for (size_t i = 0; i < ARRAY_SIZE(curve_ys); i++) {
		if (curve_ys[i].unit == curve->unit) {
			y = curve_ys[i].quantity;
		}
	}
	conf_text_add(t, "%s", curve->step ? STEP_WORD " " : "");
	for (uint32_t i = 0; i < curve->count && i < CURVE_POINTS_MAX; i++) {
		conf_text_add(t, "%s", i == 0 ? "" : " ");
		conf_number_format(t, k->quantity, curve->x[i]);
		conf_text_add(t, ":");
		conf_number_format(t, y, curve->y[i]);
	}
}

int conf_levels_parse(const struct conf_key *k, const char *s, struct level *ret_level,
		      struct conf_text *reason)
{
	int32_t value[LEVEL_COUNT] = {0};
	uint32_t count = 0;

	for (struct word w = word_next(&s); w.len > 0; w = word_next(&s)) {
		if (count < LEVEL_COUNT && conf_number_parse(w.s, w.len, k->quantity, k->min,
							     k->max, &value[count], reason) != 0) {
			return -EINVAL;
		}
		count++;
	}
	if (count != LEVEL_COUNT) {
		conf_text_add(reason, "three values are needed: warn, limit, critical");
		return -EINVAL;
	}
	*ret_level = (struct level){value[0], value[1], value[2]};
	return 0;
}

void conf_levels_format(struct conf_text *t, const struct conf_key *k, const struct level *level)
{
	conf_number_format(t, k->quantity, level->warn);
	conf_text_add(t, " ");
	conf_number_format(t, k->quantity, level->limit);
	conf_text_add(t, " ");
	conf_number_format(t, k->quantity, level->critical);
}
