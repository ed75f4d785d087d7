/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of jkpylon-canview. */
#ifndef JKP_TOOLS_CANVIEW_H
#define JKP_TOOLS_CANVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canbus.h"
#include "canview_text.h"

#define EXIT_USAGE  1
#define EXIT_DEVICE 2

#define SLOTS_MAX 64 /* identifiers in the table; more are counted as one */
#define US_PER_MS 1000
#define US_PER_S  1000000

/* What was seen of one identifier; key = identifier with the kernel's flags. */
struct slot {
	uint32_t key;
	unsigned long count;
	unsigned long timed; /* frames with a time; the rest is about those */
	int64_t first_us;
	int64_t last_us;
	int64_t min_us;
	int64_t max_us;
	struct can_frame last;
};

struct options {
	unsigned long count; /* 0: no end */
	int64_t limit_us;    /* 0: no end */
	bool raw;
	bool json;
	bool summary;
	bool live;
	bool lines;
	bool absolute;
};

struct view {
	struct options opt;
	const char *source;
	struct slot slots[SLOTS_MAX];
	size_t slot_count;
	unsigned long unlisted;
	unsigned long frames;
	unsigned long bad;
	bool timed; /* start_us is set */
	int64_t start_us;
};

/* ---- canview_line.c: one frame a line ---- */

/* An identifier as all outputs show it; error frames have none. */
void canview_add_id(struct text *t, uint32_t id);

/* In the form that the options ask for; nothing with a table. */
void canview_print(const struct view *v, const struct canbus_frame *f);

/* ---- canview_table.c: the table of identifiers ---- */

void canview_count(struct view *v, const struct canbus_frame *f);
void canview_print_summary(const struct view *v);
void canview_redraw(const struct view *v);

/* ---- canview_watch.c ---- */

/* Read v->source to its end. Return: exit status. */
int canview_watch(struct view *v);

#endif
