/* SPDX-License-Identifier: Apache-2.0 */
/* A run as lines of text: what cycle_step() decided, and when. */
#include <inttypes.h>

#include "core/cycle_state.h"
#include "replay.h"

#define EVENT_TEXT 512

static void print_time(const struct replay_print *p, const struct replay_source *s)
{
	replay_print_seconds(s, p->f);
	fputc(' ', p->f);
}

static void print_frames(const struct replay_print *p, const struct replay_source *s)
{
	for (unsigned int i = 0; i < s->out->can_tx_len; i++) {
		const struct can_msg *m = &s->out->can_tx[i];

		print_time(p, s);
		fprintf(p->f, "%03X#", m->id);
		for (unsigned int b = 0; b < m->len; b++) {
			fprintf(p->f, "%02X", m->data[b]);
		}
		fputc('\n', p->f);
	}
}

static void print_events(const struct replay_print *p, const struct replay_source *s)
{
	char text[EVENT_TEXT];

	for (unsigned int i = 0; i < s->out->event_len; i++) {
		const struct event *e = &s->out->event[i];

		(void)event_format(e, core_event_name, text, sizeof(text));
		print_time(p, s);
		fprintf(p->f, "event %s: %s\n", event_key(e->id), text);
	}
}

static void print_limits(struct replay_print *p, const struct replay_source *s,
			 const struct telemetry *t)
{
	for (int d = 0; d < DIRS; d++) {
		if (p->first || p->limit_ma[d] != t->limit_ma[d] ||
		    p->limited_by[d] != t->limited_by[d]) {
			print_time(p, s);
			fprintf(p->f, "%s limit %" PRId32 " mA by %s\n", dir_name(d),
				t->limit_ma[d], rule_name(t->limited_by[d]));
			p->limit_ma[d] = t->limit_ma[d];
			p->limited_by[d] = t->limited_by[d];
		}
	}
}

static void print_state(struct replay_print *p, const struct replay_source *s)
{
	const struct telemetry *t = cycle_telemetry(s->core);

	if (p->first || p->step != t->step || p->reason != t->reason) {
		print_time(p, s);
		fprintf(p->f, "step %s, reason %s\n", step_name((int32_t)t->step),
			reason_name((int32_t)t->reason));
		p->step = t->step;
		p->reason = t->reason;
	}
	print_limits(p, s, t);
	if (p->first || p->permit != s->out->permit || p->permit_reason != s->out->permit_reason) {
		print_time(p, s);
		fprintf(p->f, "permit %s, reason %s\n", s->out->permit ? "yes" : "no",
			reason_name((int32_t)s->out->permit_reason));
		p->permit = s->out->permit;
		p->permit_reason = s->out->permit_reason;
	}
	if (p->stopped != s->out->stopped) {
		print_time(p, s);
		fprintf(p->f, "stopped\n");
		p->stopped = s->out->stopped;
	}
	p->first = false;
}

void replay_print_step(struct replay_print *p, const struct replay_source *s)
{
	print_events(p, s);
	print_state(p, s);
	if (p->requests && s->out->bms_tx_len > 0) {
		print_time(p, s);
		fprintf(p->f, "request\n");
	}
	if (s->out->can_flush) {
		print_time(p, s);
		fprintf(p->f, "flush\n");
	}
	print_frames(p, s);
}

static bool on_step(struct replay_source *s, void *self)
{
	replay_print_step(self, s);
	return true;
}

static void on_begin(struct replay_source *s, void *self)
{
	struct replay_print *p = self;

	(void)s;
	p->first = true;
}

static void on_lost(struct replay_source *s, void *self)
{
	struct replay_print *p = self;

	if (s->lost > 0U) {
		fprintf(p->f, "lost %" PRIu32 " steps\n", s->lost);
	} else {
		fprintf(p->f, "lost steps\n");
	}
}

static void on_end(struct replay_source *s, void *self)
{
	struct replay_print *p = self;

	(void)s;
	fprintf(p->f, "end\n");
}

const struct replay_view replay_print_view = {
	.begin = on_begin, .lost = on_lost, .step = on_step, .end = on_end};
