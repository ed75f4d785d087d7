/* SPDX-License-Identifier: Apache-2.0 */
/* The value of one key: text in, field out, and back. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "conf_private.h"

#define FALLBACK_CAP_WORD "cap:"

_Static_assert(sizeof(enum preset) == sizeof(uint32_t), "enum fields are written as 32 bit words");

static void *field(const struct conf_key *k, struct config *config)
{
	return (unsigned char *)config + k->offset;
}

static const void *const_field(const struct conf_key *k, const struct config *config)
{
	return (const unsigned char *)config + k->offset;
}

static bool is_none(const struct conf_key *k, const char *s)
{
	return k->none && strcmp(s, k->none) == 0;
}

static int refuse_word(const struct conf_key *k, struct conf_text *reason)
{
	conf_text_add(reason, "not known here; write ");
	conf_range_format(reason, k);
	return -EINVAL;
}

static int number_parse(const struct conf_key *k, const char *s, void *dst,
			struct conf_text *reason)
{
	int32_t v = k->none_value;

	if (!is_none(k, s) &&
	    conf_number_parse(s, strlen(s), k->quantity, k->min, k->max, &v, reason) != 0) {
		if (k->none) {
			conf_text_add(reason, ", or %s", k->none);
		}
		return -EINVAL;
	}
	if (k->type == CONF_SMALL) {
		*(uint8_t *)dst = (uint8_t)v;
	} else {
		memcpy(dst, &v, sizeof(v));
	}
	return 0;
}

static int bool_parse(const struct conf_key *k, const char *s, void *dst, struct conf_text *reason)
{
	const bool yes = strcmp(s, "yes") == 0;

	if (!yes && strcmp(s, "no") != 0) {
		return refuse_word(k, reason);
	}
	*(bool *)dst = yes;
	return 0;
}

static int enum_parse(const struct conf_key *k, const char *s, void *dst, struct conf_text *reason)
{
	for (uint32_t i = 0; k->words[i]; i++) {
		if (strcmp(k->words[i], s) == 0) {
			memcpy(dst, &i, sizeof(i));
			return 0;
		}
	}
	return refuse_word(k, reason);
}

/* From the kind of a fallback to the cap behind it. */
#define CAP_BEHIND \
	(offsetof(struct source_config, cap_ma) - offsetof(struct source_config, fallback))

/* "release", "zero" or "cap:10A" */
static int fallback_parse(const struct conf_key *k, const char *s, void *dst,
			  struct conf_text *reason)
{
	enum fallback kind = FALLBACK_CAP;

	if (strcmp(s, "release") == 0) {
		kind = FALLBACK_RELEASE;
	} else if (strcmp(s, "zero") == 0) {
		kind = FALLBACK_ZERO;
	} else if (strncmp(s, FALLBACK_CAP_WORD, strlen(FALLBACK_CAP_WORD)) == 0) {
		const char *number = s + strlen(FALLBACK_CAP_WORD);
		int32_t cap_ma = 0;

		if (conf_number_parse(number, strlen(number), k->quantity, k->min, k->max, &cap_ma,
				      reason) != 0) {
			return -EINVAL;
		}
		memcpy((unsigned char *)dst + CAP_BEHIND, &cap_ma, sizeof(cap_ma));
	} else {
		return refuse_word(k, reason);
	}
	memcpy(dst, &kind, sizeof(kind));
	return 0;
}

static void fallback_format(struct conf_text *t, const struct conf_key *k, const void *src)
{
	enum fallback kind = FALLBACK_RELEASE;
	int32_t cap_ma = 0;

	memcpy(&kind, src, sizeof(kind));
	memcpy(&cap_ma, (const unsigned char *)src + CAP_BEHIND, sizeof(cap_ma));
	if (kind == FALLBACK_CAP) {
		conf_text_add(t, FALLBACK_CAP_WORD);
		conf_number_format(t, k->quantity, cap_ma);
	} else {
		conf_text_add(t, "%s", kind == FALLBACK_ZERO ? "zero" : "release");
	}
}

static int profile_parse(const struct conf_key *k, const char *s, void *dst,
			 struct conf_text *reason)
{
	const struct pylon_profile *p = pylon_profile_find(s);

	if (!p) {
		return refuse_word(k, reason);
	}
	*(const struct pylon_profile **)dst = p;
	return 0;
}

static int text_parse(const struct conf_key *k, const char *s, void *dst, struct conf_text *reason)
{
	const char *value = is_none(k, s) ? "" : s;
	const char *why = value[0] == '\0' && k->none ? NULL : k->check(value);
	const size_t len = strlen(value);

	if (why || len >= CONF_PATH_MAX) {
		conf_text_add(reason, "%s", why ? why : "too long");
		if (why && k->none) {
			conf_text_add(reason, ", or %s", k->none);
		}
		return -EINVAL;
	}
	memset(dst, 0, CONF_PATH_MAX);
	memcpy(dst, value, len);
	return 0;
}

int conf_value_parse(const struct conf_key *k, const char *s, struct config *config,
		     struct conf_text *reason)
{
	void *dst = field(k, config);
	int r = -EINVAL;

	if (s[0] == '\0') {
		conf_text_add(reason, "the value is missing; write ");
		conf_range_format(reason, k);
		return -EINVAL;
	}
	switch (k->type) {
	case CONF_NUMBER:
	case CONF_SMALL:
		r = number_parse(k, s, dst, reason);
		break;
	case CONF_BOOL:
		r = bool_parse(k, s, dst, reason);
		break;
	case CONF_ENUM:
		r = enum_parse(k, s, dst, reason);
		break;
	case CONF_PROFILE:
		r = profile_parse(k, s, dst, reason);
		break;
	case CONF_TEXT:
		r = text_parse(k, s, dst, reason);
		break;
	case CONF_CURVE:
		r = conf_curve_parse(k, s, dst, reason);
		break;
	case CONF_LEVELS:
		r = conf_levels_parse(k, s, dst, reason);
		break;
	case CONF_FALLBACK:
		r = fallback_parse(k, s, dst, reason);
		break;
	default:
		break;
	}
	if (r == 0 && k->has_explicit) {
		*(bool *)((unsigned char *)config + k->explicit_offset) = true;
	}
	return r;
}

static int32_t number_of(const struct conf_key *k, const void *src)
{
	int32_t v = 0;

	if (k->type == CONF_SMALL) {
		return *(const uint8_t *)src;
	}
	memcpy(&v, src, sizeof(v));
	return v;
}

static void profile_format(struct conf_text *t, const void *src)
{
	const struct pylon_profile *p = *(const struct pylon_profile *const *)src;

	conf_text_add(t, "%s", p ? p->name : "");
}

static void text_format(struct conf_text *t, const struct conf_key *k, const char *s)
{
	if (s[0] == '\0') {
		s = k->none ? k->none : k->example;
	}
	conf_text_add(t, "%s", s);
}

void conf_value_format(struct conf_text *t, const struct conf_key *k, const struct config *config)
{
	const void *src = const_field(k, config);
	uint32_t index = 0;

	switch (k->type) {
	case CONF_NUMBER:
	case CONF_SMALL:
		if (k->none && number_of(k, src) == k->none_value) {
			conf_text_add(t, "%s", k->none);
		} else {
			conf_number_format(t, k->quantity, number_of(k, src));
		}
		break;
	case CONF_BOOL:
		conf_text_add(t, "%s", *(const bool *)src ? "yes" : "no");
		break;
	case CONF_ENUM:
		memcpy(&index, src, sizeof(index));
		conf_text_add(t, "%s", k->words[index]);
		break;
	case CONF_PROFILE:
		profile_format(t, src);
		break;
	case CONF_TEXT:
		text_format(t, k, src);
		break;
	case CONF_CURVE:
		conf_curve_format(t, k, src);
		break;
	case CONF_LEVELS:
		conf_levels_format(t, k, src);
		break;
	case CONF_FALLBACK:
		fallback_format(t, k, src);
		break;
	default:
		break;
	}
}

/* "a, b or c" */
static void add_choice(struct conf_text *t, uint32_t i, bool last, const char *word)
{
	conf_text_add(t, "%s%s", i == 0 ? "" : (last ? " or " : ", "), word);
}

static void add_span(struct conf_text *t, const struct conf_key *k)
{
	conf_number_format(t, k->quantity, k->min);
	conf_text_add(t, " to ");
	conf_number_format(t, k->quantity, k->max);
}

void conf_range_format(struct conf_text *t, const struct conf_key *k)
{
	switch (k->type) {
	case CONF_NUMBER:
	case CONF_SMALL:
		add_span(t, k);
		break;
	case CONF_BOOL:
		conf_text_add(t, "yes or no");
		break;
	case CONF_ENUM:
		for (uint32_t i = 0; k->words[i]; i++) {
			add_choice(t, i, !k->words[i + 1], k->words[i]);
		}
		break;
	case CONF_PROFILE:
		for (uint32_t i = 0; pylon_profile_at(i); i++) {
			add_choice(t, i, !pylon_profile_at(i + 1), pylon_profile_at(i)->name);
		}
		break;
	case CONF_TEXT:
		conf_text_add(t, "%s", k->form);
		break;
	case CONF_CURVE:
		conf_text_add(t, "1 to %u points X:Y, X ", CURVE_POINTS_MAX);
		add_span(t, k);
		conf_text_add(t, ", Y in %%, A or CA");
		break;
	case CONF_LEVELS:
		conf_text_add(t, "warn limit critical, each ");
		add_span(t, k);
		break;
	case CONF_FALLBACK:
		conf_text_add(t, "release, zero or " FALLBACK_CAP_WORD "CURRENT, CURRENT ");
		add_span(t, k);
		break;
	default:
		break;
	}
	if (k->none) {
		conf_text_add(t, ", or %s", k->none);
	}
}

bool conf_is_written(const struct conf_key *k, const struct config *config)
{
	if (k->has_explicit) {
		return *(const bool *)((const unsigned char *)config + k->explicit_offset);
	}
	return !k->required || ((const char *)const_field(k, config))[0] != '\0';
}
