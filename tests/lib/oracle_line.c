/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line: requests, replies, and which of them may count (SAF-01, 02, 14). */
#include <string.h>

#include "lib/oracle_private.h"

#define REPLY_NS (500 * NS_PER_MS)
#define LEN_AT	 2U

static void remember(struct oracle *o, const uint8_t *rx, uint32_t len)
{
	if (o->fill + len > ORACLE_HISTORY) {
		const uint32_t drop = o->fill + len - ORACLE_HISTORY;

		memmove(o->history, o->history + drop, o->fill - drop);
		memmove(o->history_ns, o->history_ns + drop,
			(o->fill - drop) * sizeof(o->history_ns[0]));
		o->fill -= drop;
	}
	for (uint32_t i = 0; i < len; i++) {
		o->history[o->fill] = rx[i];
		o->history_ns[o->fill] = o->now_ns;
		o->fill++;
	}
}

/* A whole good reply at @at of the history. Return: its length, 0 if there is none. */
static uint32_t reply_at(const struct oracle *o, uint32_t at, struct jk_sample *ret)
{
	const uint8_t *p = o->history + at;

	if (o->fill - at < JK_REQUEST_SIZE || p[0] != 0x4E || p[1] != 0x57) {
		return 0;
	}
	const uint32_t len = (uint32_t)(p[LEN_AT] << 8 | p[LEN_AT + 1]) + 2U;

	if (len > o->fill - at || len > JK_FRAME_MAX || jk_decode(p, len, ret) != JK_OK) {
		return 0;
	}
	return len;
}

static bool shows(const struct sample *t, const struct jk_sample *jk)
{
	bool same = t->cells == jk->cells && t->soc_pct == jk->soc_pct &&
		    t->pack_mv == jk->pack_mv && t->pack_ma == jk->current_ma &&
		    t->alarms == jk->alarms && t->probe_raw[0] == jk->box_temp_raw &&
		    t->probe_raw[1] == jk->battery_temp_raw;

	for (uint32_t i = 0; i < jk->cells; i++) {
		same = same && t->cell_mv[i] == jk->cell_mv[i];
	}
	return same;
}

/* The newest reply in the history, or the newest one that the core shows as its sample. */
static uint32_t find_reply(const struct oracle *o, const struct telemetry *t, uint32_t *ret_at,
			   struct jk_sample *ret)
{
	struct jk_sample jk;

	for (uint32_t at = o->fill; at > 0; at--) {
		const uint32_t len = reply_at(o, at - 1, &jk);

		if (len > 0 && (!o->started || shows(&t->sample, &jk))) {
			*ret_at = at - 1;
			*ret = jk;
			return len;
		}
	}
	return 0;
}

static bool maxima_known(const struct oracle *o)
{
	return (o->config->max_explicit[DIR_CHARGE] || o->limit[ORACLE_CHARGE_OCP].seen) &&
	       (o->config->max_explicit[DIR_DISCHARGE] || o->limit[ORACLE_DISCHARGE_OCP].seen);
}

static void hold(struct oracle *o, const struct oracle_sample *s)
{
	o->held_cells = o->memory.cells;
	if (s->soc_valid) {
		o->held_soc = s->jk.soc_pct;
	}
	if (s->pack_valid) {
		o->held_mv = s->jk.pack_mv;
	}
}

/* SAF-09: full after an absorption that was seen from its beginning to its end. */
static void follow_charge(struct oracle *o, const struct oracle_sample *s)
{
	const bool left = s->cell_max_mv < o->config->bulk_mv - 50;

	if (!s->good) {
		return;
	}
	if (o->good_ns == TIME_NEVER || o->absorb_ns == TIME_NEVER || left ||
	    o->now_ns - o->good_ns > o->config->stale_ms * NS_PER_MS) {
		o->absorb_ns = left ? TIME_NEVER : o->now_ns;
	}
	o->good_ns = o->now_ns;
}

static void check_full(struct oracle *o, const struct telemetry *t)
{
	const int64_t least_ms = min_i32(o->config->absorption_ms, o->config->absorption_max_ms);

	oracle_claim(o,
		     t->full == 0 || o->full ||
			     (o->taken_now && o->s[0].good && o->absorb_ns != TIME_NEVER &&
			      o->now_ns - o->absorb_ns >= least_ms * NS_PER_MS),
		     "SAF-09", "full without an absorption that was seen, ms",
		     o->absorb_ns == TIME_NEVER ? -1 : time_ms_since(o->now_ns, o->absorb_ns),
		     least_ms);
	o->full = t->full != 0;
}

static void take(struct oracle *o, const struct jk_sample *jk, bool identical)
{
	struct oracle_sample s = {.jk = *jk, .t_ns = o->request_ns};

	oracle_learn(o, jk);
	oracle_judge(o, &s, identical);
	oracle_envelope(o, &s);
	if (!o->started && !(s.good && s.soc_valid && maxima_known(o))) {
		return;
	}
	o->s[1] = o->s[0];
	o->s[0] = s;
	o->taken++;
	o->taken_now = true;
	o->started = true;
	o->good_row = s.good ? o->good_row + 1U : 0U;
	if (!s.safe_set) {
		o->trusted_ns = s.t_ns;
		o->suspended = false;
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		const bool pair = o->taken >= 2 && !s.no_rise && !o->s[1].no_rise;

		o->agreed_ma[d] = pair ? min_i32(s.envelope_ma[d], o->s[1].envelope_ma[d])
				       : min_i32(o->agreed_ma[d], s.envelope_ma[d]);
		if (s.good) {
			o->ratchet_ma[d] = s.cells_ma[d] >= s.cells_full_ma[d]
						   ? INT32_MAX
						   : min_i32(o->ratchet_ma[d], s.cells_ma[d]);
		}
		if (!o->config->ratchet) {
			o->ratchet_ma[d] = INT32_MAX;
		}
	}
	hold(o, &s);
	follow_charge(o, &s);
}

/* The core took a reply as a sample: was it allowed to? */
static void accepted(struct oracle *o, const struct telemetry *t)
{
	struct oracle_memory *m = &o->memory;
	struct jk_sample jk = {0};
	uint32_t at = 0;
	const uint32_t len = find_reply(o, t, &at, &jk);

	oracle_claim(o, len > 0, "SAF-02", "a sample that no reply on the line contains", 0, 0);
	oracle_claim(o, o->request_ns != TIME_NEVER && !o->answered, "SAF-02",
		     "a reply was accepted that nobody had asked for", 0, 0);
	if (o->broken != NULL) {
		return;
	}
	oracle_claim(o, o->now_ns - o->request_ns <= REPLY_NS, "SAF-02",
		     "a reply was accepted too late, ms after its request",
		     time_ms_since(o->now_ns, o->request_ns), REPLY_NS / NS_PER_MS);
	oracle_claim(o, o->history_ns[at] > o->request_ns, "SAF-02",
		     "a reply was accepted that began before its request, ms",
		     (o->history_ns[at] - o->request_ns) / NS_PER_MS, 0);
	oracle_claim(o, o->suspend_ns == TIME_NEVER || o->request_ns >= o->suspend_ns, "SAF-14",
		     "a reply to a request from before the suspend was accepted", 0, 0);
	oracle_claim(o,
		     !o->stamped || (jk.have & JK_HAVE(JK_REG_RUNTIME)) == 0 ||
			     (int64_t)jk.runtime_min == o->request_ns / NS_PER_MS,
		     "SAF-02",
		     "age is judged from another request than the one that was answered, ms",
		     (int64_t)jk.runtime_min, o->request_ns / NS_PER_MS);
	take(o, &jk, m->frame_len == len && memcmp(m->frame, o->history + at, len) == 0);
	m->frame_len = (uint16_t)len;
	memcpy(m->frame, o->history + at, len);
	o->answered = true;
	if (o->started) {
		oracle_claim(o, t->sample.t_ns == o->request_ns || t->age_ms == INT32_MAX, "SAF-02",
			     "sample time is not that of the request", t->sample.t_ns,
			     o->request_ns);
	}
}

void oracle_line(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		 const struct telemetry *t)
{
	const uint32_t len = min_i32(in->rx_len, (int32_t)CYCLE_RX_MAX) < 0 ? 0U
			     : in->rx_len < CYCLE_RX_MAX		    ? in->rx_len
									    : CYCLE_RX_MAX;
	struct jk_sample jk;

	o->taken_now = false;
	if (in->tty_open != o->open) {
		o->open = in->tty_open;
		o->fill = 0;
		o->request_ns = TIME_NEVER;
		o->chain = true;
	}
	/* One whole reply and nothing else, to a request in good order: must be taken. */
	const bool plain = o->request_ns != TIME_NEVER && !o->answered && o->chain &&
			   !o->bytes_since && !in->request_failed && o->dt_ns < REPLY_NS &&
			   o->now_ns - o->request_ns <= REPLY_NS && len > JK_REQUEST_SIZE &&
			   (o->suspend_ns == TIME_NEVER || o->suspend_ns < o->request_ns);

	remember(o, in->rx, len);
	const bool taken = t->count_samples != o->samples;

	if (plain && !taken && reply_at(o, o->fill - len, &jk) == len) {
		oracle_fail(o, "SAF-06", "a good reply in time was not taken", 0, 0);
	}
	if (taken) {
		o->samples = t->count_samples;
		accepted(o, t);
	}
	check_full(o, t);
	o->bytes_since = o->bytes_since || len > 0 || in->request_failed;
	if (out->bms_tx_len > 0) {
		o->chain = o->answered || o->request_ns == TIME_NEVER;
		o->request_ns = o->now_ns;
		o->answered = false;
		o->bytes_since = false;
	}
}
