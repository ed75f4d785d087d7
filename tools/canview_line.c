/* SPDX-License-Identifier: Apache-2.0 */
/* One frame a line: in words, as a log, as JSON. */
#include "canview.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "canview_meaning.h"

#define ID_WIDTH    5U	/* an extended identifier is wider and moves the line */
#define BYTES_WIDTH 23U /* "14 02 ..." of eight bytes */

void canview_add_id(struct text *t, uint32_t id)
{
	if ((id & CAN_ERR_FLAG) != 0) {
		text_add(t, "error");
	} else if ((id & CAN_EFF_FLAG) != 0) {
		text_add(t, "0x%08X", id & CAN_EFF_MASK);
	} else {
		text_add(t, "0x%03X", id & CAN_SFF_MASK);
	}
}

static void add_bytes(struct text *t, const struct can_frame *f, const char *separator)
{
	const unsigned int len = (f->can_id & CAN_RTR_FLAG) != 0 ? 0 : f->len;

	for (unsigned int i = 0; i < len; i++) {
		text_add(t, "%s%02X", i > 0 ? separator : "", f->data[i]);
	}
}

/* Seconds since 1970, or before. */
static void add_seconds(struct text *t, int64_t us)
{
	const uint64_t n = us < 0 ? -(uint64_t)us : (uint64_t)us;

	text_add(t, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", n / US_PER_S, n % US_PER_S);
}

static void add_time(struct text *t, const struct view *v, const struct canbus_frame *f)
{
	const int64_t us = (f->time_us % US_PER_S + US_PER_S) % US_PER_S;
	const time_t secs = (time_t)((f->time_us - us) / US_PER_S);
	struct tm tm;
	char date[32] = "";

	if (!f->has_time) {
		text_add(t, "%14s", "-");
	} else if (!v->opt.absolute) {
		text_add(t, "%14.6f", (double)(f->time_us - v->start_us) / US_PER_S);
	} else {
		/* Where time_t has 32 bits it ends in 2038: a number then, and no date of 1901. */
		if ((int64_t)secs != (f->time_us - us) / US_PER_S) {
			(void)snprintf(date, sizeof(date), "%" PRId64,
				       (f->time_us - us) / US_PER_S);
		} else if (localtime_r(&secs, &tm) != NULL) {
			(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
		}
		text_add(t, "%s.%06d", date, (int)us);
	}
}

static void print_words(const struct view *v, const struct canbus_frame *f)
{
	struct text t = {.n = 0};
	size_t start;

	add_time(&t, v, f);
	text_add(&t, "  ");
	start = t.n;
	canview_add_id(&t, f->can.can_id);
	text_pad(&t, start, ID_WIDTH);
	text_add(&t, "  ");
	start = t.n;
	add_bytes(&t, &f->can, " ");
	text_pad(&t, start, BYTES_WIDTH);
	text_add(&t, "  ");
	meaning_add_words(&t, &f->can);
	(void)puts(t.s);
}

/* The log format of candump: what is printed here can be read here. */
static void print_raw(const struct canbus_frame *f)
{
	struct text t = {.n = 0};

	if (f->has_time) {
		text_add(&t, "(");
		add_seconds(&t, f->time_us);
		text_add(&t, ") ");
	}
	text_add(&t, "%s ", f->ifname[0] != '\0' ? f->ifname : "can0");
	if ((f->can.can_id & (CAN_EFF_FLAG | CAN_ERR_FLAG)) != 0) {
		text_add(&t, "%08X#", f->can.can_id & (CAN_ERR_FLAG | CAN_EFF_MASK));
	} else {
		text_add(&t, "%03X#", f->can.can_id & CAN_SFF_MASK);
	}
	if ((f->can.can_id & CAN_RTR_FLAG) != 0) {
		text_add(&t, "R%u", f->can.len);
	}
	add_bytes(&t, &f->can, "");
	(void)puts(t.s);
}

static void print_json(const struct canbus_frame *f)
{
	struct text t = {.n = 0};

	text_add(&t, "{");
	if (f->has_time) {
		text_add(&t, "\"time\":");
		add_seconds(&t, f->time_us);
		text_add(&t, ",");
	}
	if (f->ifname[0] != '\0') {
		text_add(&t, "\"if\":");
		text_add_json(&t, f->ifname);
		text_add(&t, ",");
	}
	text_add(&t, "\"id\":\"");
	canview_add_id(&t, f->can.can_id);
	text_add(&t, "\",\"len\":%u,\"data\":\"", f->can.len);
	add_bytes(&t, &f->can, "");
	text_add(&t, "\"");
	meaning_add_json(&t, &f->can);
	text_add(&t, "}");
	(void)puts(t.s);
}

void canview_print(const struct view *v, const struct canbus_frame *f)
{
	if (v->opt.live) {
		return;
	}
	if (v->opt.raw) {
		print_raw(f);
	} else if (v->opt.json) {
		print_json(f);
	} else {
		print_words(v, f);
	}
}
