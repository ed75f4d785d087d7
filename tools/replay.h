/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of jkpylon-replay share: what is done with each step. */
#ifndef JKP_TOOLS_REPLAY_H
#define JKP_TOOLS_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "replay_source.h"

#define REPLAY_RING	 "/run/jkpylon/ring"
#define REPLAY_OLD	 REPLAY_RING ".old"
#define REPLAY_INCIDENTS "/var/lib/jkpylon/incidents"
#define REPLAY_WALL_MAX	 40U
#define REPLAY_BEFORE	 (-1) /* instead of an exit status: another file may know */

/* Seconds since the start of the recording. */
void replay_print_seconds(const struct replay_source *s, FILE *f);
/* Local time of a moment with milliseconds, "" if the record does not know it. */
const char *replay_wall(const struct replay_source *s, int64_t t_ns, char text[REPLAY_WALL_MAX]);

/**
 * struct replay_view - something to be done with a run
 * @begin: NULL, or once the core has begun
 * @lost: NULL, or steps are missing
 * @step: after each step. Return: false to end here
 * @end: NULL, or at the end
 */
struct replay_view {
	void (*begin)(struct replay_source *s, void *self);
	void (*lost)(struct replay_source *s, void *self);
	bool (*step)(struct replay_source *s, void *self);
	void (*end)(struct replay_source *s, void *self);
};

/* replay_print.c */

/**
 * struct replay_print - each step as lines: events, frames, and what has changed
 * @f: where to
 * @requests: print the requests to the BMS too
 * @first: nothing was printed yet; the rest is what was printed last
 */
struct replay_print {
	FILE *f;
	bool requests;
	bool first;
	uint32_t step;
	uint32_t reason;
	int32_t limit_ma[DIRS];
	uint32_t limited_by[DIRS];
	bool permit;
	uint32_t permit_reason;
	bool stopped;
};

extern const struct replay_view replay_print_view;
/* The step that the source has just made. */
void replay_print_step(struct replay_print *p, const struct replay_source *s);

/* replay_why.c */

/**
 * replay_why - explain the limits at a moment
 * @when: "hh:mm", "hh:mm:ss" local time, or seconds since the start
 * @quiet: say nothing if a time of the clock lies before the recording
 *
 * Return: exit status; REPLAY_BEFORE with @quiet: the time lies before the recording.
 */
int replay_why(struct replay_source *s, const char *when, bool quiet, FILE *f);

/* replay_rule.c: the rule that sets the limit of a direction, with its numbers, as sentences. */
void replay_explain_rule(const struct replay_source *s, enum dir dir, uint32_t rule, FILE *f);

/* replay_table.c */

/**
 * struct replay_table - lines for other programs
 * @f: where to
 * @every_ms: CSV: a line so often, and at each change of ladder, relay and rule
 */
struct replay_table {
	FILE *f;
	int32_t every_ms;
	int64_t last_ns;
	uint32_t step;
	uint32_t relay;
	uint32_t limited_by[DIRS];
};

extern const struct replay_view replay_csv;
extern const struct replay_view replay_candump;
extern const struct replay_view replay_text_trace;

/* replay_svg.c */

struct replay_svg;
/* Return: NULL without memory. */
struct replay_svg *replay_svg_new(FILE *f);
void replay_svg_free(struct replay_svg *v);
extern const struct replay_view replay_svg_view;

/* replay_list.c: incidents of a folder. Return: exit status. */
int replay_list(const char *folder, FILE *f);

#endif
