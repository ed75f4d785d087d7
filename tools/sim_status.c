/* SPDX-License-Identifier: Apache-2.0 */
/* State of the simulator as one JSON line, times of replies, and the end of all faults. */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define NS_PER_S 1e9
#define MARK_MAX 256

struct text {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	const int n = vsnprintf(t->buf + t->len, SIM_REPLY_MAX - t->len, format, ap);

	va_end(ap);
	if (n > 0) {
		t->len += (size_t)n;
		t->len = t->len < SIM_REPLY_MAX ? t->len : SIM_REPLY_MAX - 1;
	}
}

static const char *json_bool(bool b)
{
	return b ? "true" : "false";
}

static void put_battery(struct text *t, const struct sim_battery *b)
{
	put(t, "\"cells_mv\":[");
	for (int i = 0; i < b->cells; i++) {
		put(t, "%s%.0f", i > 0 ? "," : "", sim_battery_cell_v(b, i) * 1000.0);
	}
	put(t, "],\"pack_v\":%.3f,\"current_a\":%.3f,\"soc\":%.3f,\"temps_c\":[%.2f,%.2f,%.2f]",
	    sim_battery_pack_v(b), b->current_a, sim_battery_soc(b), b->temp_c[0], b->temp_c[1],
	    b->temp_c[2]);
	put(t, ",\"charge_mos\":%s,\"discharge_mos\":%s,\"balancing\":%s,\"alarms\":%u",
	    json_bool(b->mos_on[0]), json_bool(b->mos_on[1]), json_bool(b->balancing),
	    (unsigned int)b->alarms);
}

static void put_bms(struct text *t, const struct sim_bms *l)
{
	put(t, ",\"bms\":{\"link\":\"%s\",\"tty\":\"%s\",\"plugged\":%s,\"attached\":%s", l->link,
	    l->name, json_bool(l->master >= 0), json_bool(l->attached));
	put(t, ",\"requests\":%u,\"replies\":%u,\"ignored\":%u,\"other_bytes\":%u}", l->requests,
	    l->replies, l->ignored_requests, l->other_bytes);
}

static void put_limits(struct text *t, const char *name, const struct inverter_limits *l)
{
	put(t,
	    ",\"%s\":{\"valid\":%s,\"cvl_v\":%.1f,\"ccl_a\":%.1f,\"dcl_a\":%.1f,"
	    "\"charge\":%s,\"discharge\":%s}",
	    name, json_bool(l->t_ns != 0), l->cvl_v, l->ccl_a, l->dcl_a,
	    json_bool(l->charge_enable), json_bool(l->discharge_enable));
}

static void put_inverter(struct text *t, const struct sim_inverter *v)
{
	put(t, ",\"inverter\":{\"connected\":%s,\"load_w\":%.0f,\"sun_w\":%.0f",
	    json_bool(v->connected), v->load_w, v->sun_w);
	put(t, ",\"silent\":%s,\"alive\":%s,\"disobey\":%s,\"soc\":%.0f", json_bool(v->silent),
	    json_bool(v->alive), json_bool(v->disobey), v->soc_pct);
	put(t, ",\"protections\":%u,\"warnings\":%u,\"rx\":%u,\"tx\":%u,\"connects\":%u",
	    v->protections, v->warnings, v->count_rx, v->count_tx, v->count_connects);
	put_limits(t, "heard", &v->heard);
	put_limits(t, "obeyed", &v->obeyed);
	put(t, "}");
}

void sim_status(const struct sim *s, char ret_reply[SIM_REPLY_MAX])
{
	struct text t = {.buf = ret_reply};

	put(&t, "{\"time_s\":%.3f,\"speed\":%g,", (double)(s->model_ns - s->start_ns) / NS_PER_S,
	    s->speed);
	put_battery(&t, &s->battery);
	put_bms(&t, &s->bms);
	put_inverter(&t, &s->inverter);
	put(&t, "}");
}

void sim_heal(struct sim *s)
{
	s->bms.faults = (struct sim_faults){.truncate = -1, .reply_ms = -1, .repeat = 1};
	sim_override_clear(&s->override);
	for (int i = 0; i < s->battery.cells; i++) {
		s->battery.cell[i].forced = false;
	}
	for (int p = 0; p < SIM_PROBES; p++) {
		if (s->battery.temp_held[p]) {
			s->battery.temp_c[p] = s->battery.ambient_c;
		}
		s->battery.temp_held[p] = false;
	}
	s->battery.mos_forced_off[0] = false;
	s->battery.mos_forced_off[1] = false;
	s->current_forced = false;
	s->inverter.disobey = false;
	s->inverter.silent = false;
	s->inverter.alive = true;
}

void sim_mark_text(const struct sim_mark *m, char *buf, size_t len)
{
	snprintf(buf, len,
		 "mark seq=%" PRIu32 " request_ns=%" PRId64 " first_ns=%" PRId64 " last_ns=%" PRId64
		 " bytes=%zu max_mv=%u min_mv=%u",
		 m->seq, m->request_ns, m->first_ns, m->last_ns, m->bytes, m->max_mv, m->min_mv);
}

void sim_control_mark(struct sim *s)
{
	char text[MARK_MAX];

	sim_mark_text(&s->bms.mark, text, sizeof(text));
	for (int i = 0; i < SIM_CLIENTS_MAX; i++) {
		if (s->control.client[i].in >= 0 && s->control.client[i].marks) {
			sim_control_say(&s->control.client[i], text);
		}
	}
}
