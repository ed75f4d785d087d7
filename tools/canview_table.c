/* SPDX-License-Identifier: Apache-2.0 */
/* The table of identifiers, at the end or redrawn. */
#include "canview.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "base/units.h"
#include "canview_meaning.h"

#define TABLE_ID_WIDTH	10U
#define COLUMNS_DEFAULT 80U

#define TERM_HOME     "\033[H"
#define TERM_CLEAR_LN "\033[K"
#define TERM_CLEAR_DN "\033[J"

/* All error frames share one slot. NULL: the table is full. */
static struct slot *find_slot(struct view *v, uint32_t id)
{
	const uint32_t key = (id & CAN_ERR_FLAG) != 0 ? CAN_ERR_FLAG : id & ~CAN_RTR_FLAG;
	size_t i = 0;

	while (i < v->slot_count && v->slots[i].key < key) {
		i++;
	}
	if (i < v->slot_count && v->slots[i].key == key) {
		return &v->slots[i];
	}
	if (v->slot_count == SLOTS_MAX) {
		return NULL;
	}
	memmove(&v->slots[i + 1], &v->slots[i], (v->slot_count - i) * sizeof(v->slots[0]));
	v->slot_count++;
	v->slots[i] = (struct slot){.key = key, .min_us = INT64_MAX, .max_us = INT64_MIN};
	return &v->slots[i];
}

void canview_count(struct view *v, const struct canbus_frame *f)
{
	struct slot *s = find_slot(v, f->can.can_id);

	v->frames++;
	if (f->has_time) {
		if (!v->timed) {
			v->start_us = f->time_us;
			v->timed = true;
		}
	}
	if (s == NULL) {
		v->unlisted++;
		return;
	}
	if (f->has_time) {
		if (s->timed == 0) {
			s->first_us = f->time_us;
		} else {
			s->min_us = min_i64(s->min_us, f->time_us - s->last_us);
			s->max_us = max_i64(s->max_us, f->time_us - s->last_us);
		}
		s->last_us = f->time_us;
		s->timed++;
	}
	s->last = f->can;
	s->count++;
}

static double mean_ms(const struct slot *s)
{
	return (double)(s->last_us - s->first_us) / (double)(s->timed - 1) / US_PER_MS;
}

static void print_summary_json(const struct view *v)
{
	for (size_t i = 0; i < v->slot_count; i++) {
		const struct slot *s = &v->slots[i];
		struct text id = {.n = 0};

		canview_add_id(&id, s->key);
		(void)printf("{\"summary\":\"%s\",\"count\":%lu", id.s, s->count);
		if (s->timed > 1) {
			(void)printf(",\"mean_ms\":%.3f,\"min_ms\":%.3f,\"max_ms\":%.3f",
				     mean_ms(s), (double)s->min_us / US_PER_MS,
				     (double)s->max_us / US_PER_MS);
		}
		(void)printf("}\n");
	}
}

static void add_summary_line(struct text *t, const struct slot *s)
{
	canview_add_id(t, s->key);
	text_pad(t, 0, TABLE_ID_WIDTH);
	text_add(t, "  %7lu  ", s->count);
	if (s->timed > 1) {
		text_add(t, "%9.1f  %9.1f  %9.1f  ", mean_ms(s), (double)s->min_us / US_PER_MS,
			 (double)s->max_us / US_PER_MS);
	} else {
		text_add(t, "%9s  %9s  %9s  ", "-", "-", "-");
	}
	meaning_add_words(t, &s->last);
}

static const char summary_title[] =
	"id           frames    mean ms     min ms     max ms  newest frame";

void canview_print_summary(const struct view *v)
{
	if (v->opt.json) {
		print_summary_json(v);
		return;
	}
	(void)printf("\n%s\n", summary_title);
	for (size_t i = 0; i < v->slot_count; i++) {
		struct text t = {.n = 0};

		add_summary_line(&t, &v->slots[i]);
		(void)puts(t.s);
	}
	if (v->unlisted > 0) {
		(void)printf("and %lu frames of other identifiers\n", v->unlisted);
	}
}

void canview_redraw(const struct view *v)
{
	struct winsize size = {0};
	unsigned int columns = COLUMNS_DEFAULT;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		columns = size.ws_col;
	}
	(void)printf(TERM_HOME "%.*s" TERM_CLEAR_LN "\n", (int)columns, v->source);
	(void)printf("%lu frames; Ctrl-C ends" TERM_CLEAR_LN "\n" TERM_CLEAR_LN "\n", v->frames);
	(void)printf("%.*s" TERM_CLEAR_LN "\n", (int)columns, summary_title);
	for (size_t i = 0; i < v->slot_count; i++) {
		struct text t = {.n = 0};

		add_summary_line(&t, &v->slots[i]);
		(void)printf("%.*s" TERM_CLEAR_LN "\n", (int)columns, t.s);
	}
	(void)printf(TERM_CLEAR_DN);
	(void)fflush(stdout);
}
