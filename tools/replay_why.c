/* SPDX-License-Identifier: Apache-2.0 */
/* `--why TIME`: which rule bound charge and discharge at that moment, in words. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"
#include "replay.h"
#include "svc/explain.h"

#define EVENTS_KEPT  8U
#define EVENT_TEXT   512
#define EVENT_AGE_NS (60 * NS_PER_S)
#define DAY_S	     86400
#define DAYS_BACK    3 /* a day may lack an hour */
#define HOUR_S	     3600
#define MINUTE_S     60
#define TEXT	     EXPLAIN_TEXT_MAX
#define OLD	     ".old" /* of the name of a ring: the one before it */

/* The newest events, oldest first. */
struct kept {
	struct event event[EVENTS_KEPT];
	uint32_t count;
};

static void keep(struct kept *k, const struct event *e)
{
	if (k->count == EVENTS_KEPT) {
		memmove(k->event, k->event + 1, sizeof(k->event) - sizeof(k->event[0]));
		k->count--;
	}
	k->event[k->count++] = *e;
}

/* One or two digits below @end. Return: behind them, NULL if they are none. */
static const char *two_digits(const char *text, int32_t end, int32_t *ret_value)
{
	int32_t v = 0;
	int n = 0;

	while (n < 2 && text[n] >= '0' && text[n] <= '9') {
		v = v * 10 + (text[n++] - '0');
	}
	if (n == 0 || v >= end) {
		return NULL;
	}
	*ret_value = v;
	return text + n;
}

/* "14:03" or "14:03:05". Return: second of the day, -1 if it is none. */
static int32_t parse_clock(const char *text)
{
	int32_t h = 0;
	int32_t m = 0;
	int32_t s = 0;
	const char *at = two_digits(text, DAY_S / HOUR_S, &h);

	at = at != NULL && *at == ':' ? two_digits(at + 1, HOUR_S / MINUTE_S, &m) : NULL;
	if (at != NULL && *at == ':') {
		at = two_digits(at + 1, MINUTE_S, &s);
	}
	return at != NULL && *at == '\0' ? h * HOUR_S + m * MINUTE_S + s : -1;
}

/*
 * The last time not after @last that local clocks showed @second of a day, -1: none. Days have 23, 24
 * or 25 hours: the calendar of the system counts them, and what it makes of an hour that is missing
 * or there twice is looked at.
 */
static time_t last_shown(time_t last, int32_t second)
{
	static const int summer[] = {0, 1, -1};
	time_t found = -1;
	struct tm today;

	if (localtime_r(&last, &today) == NULL) {
		return -1;
	}
	for (int day = 0; day < DAYS_BACK; day++) {
		for (uint32_t i = 0; i < ARRAY_SIZE(summer); i++) {
			struct tm tm = today;

			tm.tm_mday -= day;
			tm.tm_hour = second / HOUR_S;
			tm.tm_min = second % HOUR_S / MINUTE_S;
			tm.tm_sec = second % MINUTE_S;
			tm.tm_isdst = summer[i];

			const time_t t = mktime(&tm);
			const bool shown = tm.tm_hour * HOUR_S + tm.tm_min * MINUTE_S + tm.tm_sec ==
					   second;

			if (shown && t <= last && t > found) {
				found = t;
			}
		}
	}
	return found;
}

/* CLOCK_MONOTONIC of the last time before the end of the record that local clocks showed this. */
static int64_t by_clock(const struct replay_source *s, int32_t second)
{
	const int64_t last_ns = source_last_ns(s);
	const time_t t = last_shown((time_t)((last_ns + s->wall_offset_ns) / NS_PER_S), second);

	/* To the end of that second: what was in force in it. */
	return ((int64_t)t + 1) * NS_PER_S - s->wall_offset_ns - 1;
}

static int wrong_time(const char *when)
{
	fprintf(stderr,
		"jkpylon-replay: --why %s: expected hh:mm, hh:mm:ss (local time) or seconds since the "
		"start of the recording\n",
		when);
	return 1;
}

/* Return: 0 or exit status. */
static int find_moment(const struct replay_source *s, const char *when, int64_t *ret_ns)
{
	const int32_t second = parse_clock(when);
	char *end = NULL;

	if (second >= 0 && !s->has_wall) {
		fprintf(stderr,
			"jkpylon-replay: this recording has no clock time: say seconds since "
			"its start\n");
		return 1;
	}
	if (second >= 0) {
		*ret_ns = by_clock(s, second);
		return 0;
	}
	const double seconds = strtod(when, &end);

	if (end == when || *end != '\0' || !(seconds >= 0.0) || seconds > 1e9) {
		return wrong_time(when);
	}
	*ret_ns = s->start_ns + (int64_t)(seconds * 1e9);
	return 0;
}

static void print_when(const struct replay_source *s, FILE *f)
{
	char wall[REPLAY_WALL_MAX];

	if (s->has_wall) {
		fprintf(f, "%s, ", replay_wall(s, s->in->now_ns, wall));
	}
	replay_print_seconds(s, f);
	fputs(" s after the start of the recording\n", f);
}

static void print_direction(const struct replay_source *s, enum dir dir, FILE *f)
{
	const struct telemetry *t = cycle_telemetry(s->core);
	char a[TEXT];
	char b[TEXT];
	const uint32_t by = t->limited_by[dir];

	fprintf(f, "\n%s: %s allowed of at most %s. Rule: %s\n",
		dir == DIR_CHARGE ? "Charging" : "Discharging",
		explain_quantity(EXPLAIN_MA, t->limit_ma[dir], a),
		explain_quantity(EXPLAIN_MA, s->config.core.max_ma[dir], b), rule_name(by));
	replay_explain_rule(s, dir, by, f);
	if (by != t->envelope_by[dir] && t->envelope_ma[dir] < s->config.core.max_ma[dir] &&
	    t->envelope_ma[dir] > t->limit_ma[dir]) {
		fprintf(f, "Without it: %s by %s. ",
			explain_quantity(EXPLAIN_MA, t->envelope_ma[dir], a),
			rule_name(t->envelope_by[dir]));
		replay_explain_rule(s, dir, t->envelope_by[dir], f);
	}
}

static void print_events(const struct replay_source *s, const struct kept *k, FILE *f)
{
	char wall[REPLAY_WALL_MAX];
	char text[EVENT_TEXT];
	bool any = false;

	for (uint32_t i = 0; i < k->count; i++) {
		const struct event *e = &k->event[i];
		const int64_t age_ms = (s->in->now_ns - e->t_ns) / NS_PER_MS;

		if (s->in->now_ns - e->t_ns > EVENT_AGE_NS) {
			continue;
		}
		fputs(any ? "" : "\nIn the minute before:\n", f);
		any = true;
		(void)event_format(e, core_event_name, text, sizeof(text));
		fprintf(f, "  %s%s%" PRId64 ".%" PRId64 " s earlier: %s\n",
			s->has_wall ? replay_wall(s, e->t_ns, wall) : "", s->has_wall ? ", " : "",
			age_ms / MS_PER_S, age_ms % MS_PER_S / 100, text);
	}
}

static int print_answer(const struct replay_source *s, const struct kept *k, FILE *f)
{
	const struct telemetry *t = cycle_telemetry(s->core);
	char a[TEXT];

	print_when(s, f);
	fprintf(f, "ladder %s, reason %s; relay %s, %s be closed; battery %s",
		step_name((int32_t)t->step), reason_name((int32_t)t->reason),
		relay_state_name((int32_t)s->in->relay), s->out->permit ? "may" : "must not",
		explain_quantity(EXPLAIN_MV, t->sample.pack_mv, a));
	fprintf(f, ", %s (charging is positive), SoC %u %%\n",
		explain_quantity(EXPLAIN_MA, t->sample.pack_ma, a), t->sample.soc_pct);
	print_direction(s, DIR_CHARGE, f);
	print_direction(s, DIR_DISCHARGE, f);
	print_events(s, k, f);
	fputs("\nAll rules on the newest sample:\n", f);
	if (explain_tables(s->core, &s->config.core, f) != 0) {
		fputs("there was none\n", f);
	}
	return 0;
}

static int lies_before(const struct replay_source *s, const char *when)
{
	const size_t len = strlen(s->path);
	const size_t end = sizeof(OLD) - 1U;
	const bool old = len >= end && strcmp(s->path + len - end, OLD) == 0;
	const bool ring = s->is_record && s->head.block_size != 0U && !old;

	fprintf(stderr,
		"jkpylon-replay: %s lies before this recording: see %s%sthe incidents (--list)\n",
		when, ring ? s->path : "", ring ? OLD ", or " : "");
	return 1;
}

int replay_why(struct replay_source *s, const char *when, bool quiet, FILE *f)
{
	static struct kept kept;
	enum source_event e = SOURCE_BEGIN;
	int64_t until_ns = 0;
	bool any = false;
	bool missing = false; /* steps, just before this one */
	const bool clock = parse_clock(when) >= 0;
	const int status = find_moment(s, when, &until_ns);

	if (status != 0) {
		return status;
	}
	/* The first step behind it is not made: the state is that of the moment. */
	while (e != SOURCE_END) {
		if (source_next(s, &e) != 0) {
			return 1;
		}
		if (e != SOURCE_STEP) {
			missing = missing || e == SOURCE_LOST;
			continue;
		}
		/* Seconds since the start begin with the first step. */
		if (!any && clock && s->in->now_ns > until_ns) {
			return quiet ? REPLAY_BEFORE : lies_before(s, when);
		}
		any = true;
		for (uint32_t i = 0; i < s->out->event_len; i++) {
			keep(&kept, &s->out->event[i]);
		}
		if (s->in->now_ns + s->config.core.period_us * NS_PER_US > until_ns) {
			if (missing && s->in->now_ns > until_ns) {
				fputs("this moment is missing in the recording; the next one is:\n",
				      f);
			}
			return print_answer(s, &kept, f);
		}
		missing = false;
	}
	fprintf(stderr, "jkpylon-replay: %s lies behind the end of this recording\n", when);
	return 1;
}
