/* SPDX-License-Identifier: Apache-2.0 */
/* Times that the realtime cycle takes: the core is pure, so the clock is read here. */
#include "base/units.h"
#include "loop_count.h"
#include "proto/pylon.h"
#include "rt/clock.h"

#define RESPONSE_STEPS 2U /* a falling limit leaves in this period or the next */
#define GIVEN_MASK     (LOOP_GIVEN_MAX - 1U)

void loop_record_time(struct loop *l, enum stats_time kind, int64_t ns)
{
	struct stats_range *r = &l->counters.time[kind];
	const uint32_t cell = stats_hist_index(ns);
	const uint32_t n = l->hist[kind][cell] + 1U;

	r->min_ns = min_i64(r->min_ns, ns);
	r->max_ns = max_i64(r->max_ns, ns);
	r->sum_ns += ns;
	r->count++;
	l->hist[kind][cell] = n;
	if (l->config.stats != NULL) {
		atomic_store_explicit(&l->config.stats->hist[kind][cell], n, memory_order_relaxed);
	}
}

/* The end may carry a stamp of another clock, so it is not believed to lie after the beginning. */
static void record_since(struct loop *l, enum stats_time kind, int64_t end_ns, int64_t begin_ns)
{
	loop_record_time(l, kind, max_i64(end_ns - begin_ns, 0));
}

static void take_confirmation(struct loop *l, uint16_t id, int64_t t_ns)
{
	struct loop_since *s = &l->since;
	int64_t *given_ns = &s->given_ns[id & GIVEN_MASK];

	if (cycle_can_bit(id) == 0U || *given_ns == 0) {
		return;
	}
	record_since(l, STATS_CAN_CONFIRM, t_ns, *given_ns);
	*given_ns = 0;
	if (s->sample_ns != 0 && s->sample_id == id) {
		record_since(l, STATS_END_TO_END, t_ns, s->sample_ns);
		s->sample_ns = 0;
	}
}

static void take_frame(struct loop *l, uint32_t i)
{
	const struct can_rx *rx = &l->in.can_rx[i];
	const int64_t t_ns = can_port_rx_ns(l->config.can, i, l->in.now_ns);
	struct loop_since *s = &l->since;

	if (rx->origin == CAN_OWN) {
		take_confirmation(l, rx->msg.id, t_ns);
	} else if (rx->msg.id == PYLON_ID_ALIVE) {
		if (s->alive_ns != 0) {
			record_since(l, STATS_ALIVE, t_ns, s->alive_ns);
		}
		s->alive_ns = t_ns;
	}
}

static void take_command(struct loop *l, const struct command *c)
{
	if (c->sent_us != 0U) {
		const uint32_t now_us = (uint32_t)(l->in.now_ns / NS_PER_US);

		/* It may have been put there after this period has read the clock. */
		loop_record_time(l, STATS_COMMAND,
				 max_i32((int32_t)(now_us - c->sent_us), 0) * NS_PER_US);
	}
}

void loop_time_inputs(struct loop *l)
{
	const struct cycle_in *in = &l->in;
	struct loop_since *s = &l->since;

	l->counters.serial_rx_bytes += in->rx_len;
	l->counters.commands += in->command_len;
	if (in->rx_len > 0U) {
		s->rx_ns = in->now_ns;
		if (s->first_ns == 0) {
			s->first_ns = in->now_ns;
		}
	}
	for (uint32_t i = 0; i < in->command_len; i++) {
		take_command(l, &in->command[i]);
	}
	/* Without a port these are the frames of a dry run, on a bus that does not exist. */
	for (uint32_t i = 0; l->config.can != NULL && i < in->can_rx_len; i++) {
		take_frame(l, i);
	}
}

void loop_time_guard(struct loop *l, int64_t now_ns)
{
	if (l->guard_seen) {
		record_since(l, STATS_GUARD, now_ns, l->guard_moved_ns);
	}
	l->guard_seen = true;
}

void loop_time_sample(struct loop *l, const struct telemetry *t)
{
	struct loop_since *s = &l->since;

	l->samples_seen = t->count_samples;
	atomic_store_explicit(&l->samples, t->count_samples, memory_order_relaxed);
	l->response_steps = RESPONSE_STEPS;
	if (s->request_ns != 0 && s->first_ns != 0) {
		record_since(l, STATS_BMS_FIRST, s->first_ns, s->request_ns);
		record_since(l, STATS_BMS_REST, s->rx_ns, s->first_ns);
	}
	s->request_ns = 0;
}

void loop_time_request(struct loop *l, bool taken)
{
	l->since.request_ns = taken ? clock_now_ns(CLOCK_MONOTONIC) : 0;
	l->since.first_ns = 0;
}

/* Age of what the frames say, from the request on: the core knows when that was in ms at least. */
static void record_age(struct loop *l, const struct telemetry *t, int64_t given_ns)
{
	const bool fresh = t->step == STEP_RUN || t->step == STEP_CAUTION;

	if (!fresh || t->sample.t_ns == TIME_NEVER) {
		return;
	}
	const bool exact = time_ms_since(l->in.now_ns, t->sample.t_ns) == t->age_ms;
	const int64_t age_ns = exact ? l->in.now_ns - t->sample.t_ns : t->age_ms * NS_PER_MS;

	loop_record_time(l, STATS_DATA_AGE, age_ns + (given_ns - l->in.now_ns));
}

void loop_time_given(struct loop *l, uint16_t id, int64_t given_ns)
{
	struct loop_since *s = &l->since;

	if (id == PYLON_ID_LIMITS || id == PYLON_ID_SOC || id == PYLON_ID_MEASURED) {
		record_age(l, cycle_telemetry(&l->cycle), given_ns);
	}
	/* Which of two frames of one identifier is confirmed nobody says: the older one is first. */
	if (cycle_can_bit(id) != 0U && s->given_ns[id & GIVEN_MASK] == 0) {
		s->given_ns[id & GIVEN_MASK] = given_ns;
		s->first_id = s->first_id == 0U ? id : s->first_id;
	}
}

void loop_time_response(struct loop *l)
{
	struct loop_since *s = &l->since;

	l->response_steps--;
	if (l->out.can_tx_len > 0U) {
		l->response_steps = 0U;
		record_since(l, STATS_RESPONSE, clock_now_ns(CLOCK_MONOTONIC), s->rx_ns);
		if (s->first_id != 0U) {
			s->sample_ns = s->rx_ns;
			s->sample_id = s->first_id;
		}
	}
}

void loop_time_forget(struct loop *l)
{
	for (uint32_t i = 0; i < LOOP_GIVEN_MAX; i++) {
		l->since.given_ns[i] = 0;
	}
	l->since.sample_ns = 0;
}
