/* SPDX-License-Identifier: Apache-2.0 */
/* The realtime cycle. Everything below loop_run() is the realtime path. */
#include "rt/loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "rt/clock.h"
#include "loop_count.h"

_Static_assert(sizeof(struct held) <= SHARED_HELD_MAX, "what a worker leaves to the next has room");

int64_t loop_first_wakeup(int64_t now_ns, int64_t period_ns)
{
	return (now_ns / period_ns + 2) * period_ns + LOOP_PHASE_NS;
}

int64_t loop_next_wakeup(int64_t last_ns, int64_t done_ns, int64_t period_ns, uint64_t *ret_missed)
{
	int64_t next_ns = last_ns + period_ns;

	*ret_missed = 0U;
	if (done_ns >= next_ns) {
		const int64_t missed = (done_ns - next_ns) / period_ns + 1;

		next_ns += missed * period_ns;
		*ret_missed = (uint64_t)missed;
	}
	return next_ns;
}

int loop_init(struct loop *l, const struct loop_config *config, uint32_t flags, int64_t now_ns,
	      int64_t boot_ns)
{
	const int32_t period_us = config->core->period_us;

	if (period_us < LOOP_PERIOD_MIN_US || period_us > LOOP_PERIOD_MAX_US) {
		return -EINVAL;
	}
	l->config = *config;
	l->period_ns = period_us * NS_PER_US;
	l->published_ns = now_ns;
	l->checked_ns = now_ns;
	l->guard_moved_ns = now_ns;
	l->grid = GRID_NONE;
	l->peer_local = PEER_NONE_HEARD;
	l->peer_portal = PEER_NONE_HEARD;
	l->counters.period_ns = l->period_ns;
	loop_count_init(l, now_ns);
	atomic_init(&l->flags, flags);
	cycle_init(&l->cycle, config->core, now_ns, boot_ns, config->held);
	l->held = l->cycle.held;
	atomic_init(&l->latched, l->held.kept.latched);
	if (config->page != NULL) {
		l->latch_word = config->latch_word;
	}
	return 0;
}

static void push_event(struct loop *l, uint32_t id, int32_t a, int32_t b, int32_t c, int32_t d)
{
	const struct event e = {.t_ns = l->in.now_ns, .id = id, .arg = {a, b, c, d}};

	(void)ring_push(l->config.events, &e); /* the ring counts what it refuses */
}

static bool guard_is_alive(struct loop *l, int64_t now_ns)
{
	if (l->config.page == NULL) {
		return true;
	}
	const uint32_t beat = atomic_load_explicit(&l->config.page->guard_beat,
						   memory_order_relaxed);

	if (beat != l->guard_beat) {
		l->guard_beat = beat;
		loop_time_guard(l, now_ns);
		l->guard_moved_ns = now_ns;
	}
	return now_ns - l->guard_moved_ns <= LOOP_GUARD_NS &&
	       atomic_load_explicit(&l->guard_gone, memory_order_relaxed) == 0U;
}

/* What the guard has done with the relay, and what it has latched since the last step. */
static void look_at_guard(struct loop *l)
{
	const struct shared_page *page = l->config.page;
	struct cycle_in *in = &l->in;

	in->latch = REASON_NONE;
	if (page == NULL) {
		return;
	}
	in->relay = atomic_load_explicit(&page->relay, memory_order_acquire);

	const uint32_t word = atomic_load_explicit(&page->latch, memory_order_acquire);

	if (word != l->latch_word) {
		l->latch_word = word;
		in->latch = shared_latch_read(word).reason;
	}
}

/* Dry run: the bus is perfect, each frame of the last step comes back confirmed. */
static void echo_frames(struct loop *l)
{
	struct cycle_in *in = &l->in;

	in->can_link = CAN_LINK_UP;
	for (uint8_t i = 0; i < l->out.can_tx_len; i++) {
		in->can_rx[i].msg = l->out.can_tx[i];
		in->can_rx[i].origin = CAN_OWN;
	}
	in->can_rx_len = l->out.can_tx_len;
}

static void read_peer(const struct snapshot *s, struct peer_sample *kept)
{
	struct peer_sample now;

	if (s != NULL && snapshot_try_read(s, &now, sizeof(now))) {
		*kept = now;
	}
}

/* One try each: while a service writes, the old copy stays, and grows old. */
static void gather_house(struct loop *l)
{
	struct grid_sample grid;

	if (l->config.grid != NULL && snapshot_try_read(l->config.grid, &grid, sizeof(grid))) {
		l->grid = grid;
	}
	read_peer(l->config.peer_local, &l->peer_local);
	read_peer(l->config.peer_portal, &l->peer_portal);
	l->in.grid = l->grid;
	l->in.peer_local = l->peer_local;
	l->in.peer_portal = l->peer_portal;
}

/* Each producer has a ring of its own. What the network says of itself is not believed (SAF-19). */
static void gather_commands(struct loop *l)
{
	const struct loop_config *c = &l->config;
	struct cycle_in *in = &l->in;

	in->command_len = 0U;
	while (c->commands != NULL && in->command_len < CYCLE_COMMAND_MAX &&
	       ring_pop(c->commands, &in->command[in->command_len])) {
		in->command_len++;
	}
	while (c->network != NULL && in->command_len < CYCLE_COMMAND_MAX &&
	       ring_pop(c->network, &in->command[in->command_len])) {
		in->command[in->command_len].local = 0U;
		in->command_len++;
	}
}

static void gather(struct loop *l)
{
	const struct loop_config *c = &l->config;
	struct cycle_in *in = &l->in;

	in->rx_len = (uint16_t)serial_read(c->serial, in->rx, sizeof(in->rx));
	in->tty_open = serial_is_open(c->serial);
	in->request_failed = l->request_failed;
	if (c->can != NULL) {
		in->can_rx_len = (uint8_t)can_port_read(c->can, in->can_rx, ARRAY_SIZE(in->can_rx));
		in->can_link = can_port_link(c->can);
		in->can_lost = can_port_lost(c->can);
	} else {
		echo_frames(l);
	}
	gather_commands(l);
	gather_house(l);
	in->guard_ok = guard_is_alive(l, in->now_ns);
	look_at_guard(l);

	const uint32_t stop = atomic_load_explicit(&l->want_stop, memory_order_relaxed);

	in->stop = stop != LOOP_GO_ON;
	in->reload = stop == LOOP_RELOAD;
}

static void send_frames(struct loop *l)
{
	const struct loop_config *c = &l->config;
	const struct cycle_out *out = &l->out;

	assert(out->can_tx_len <= CYCLE_CAN_TX_MAX);
	if (c->can == NULL) {
		for (uint8_t i = 0; i < out->can_tx_len && c->frames != NULL; i++) {
			(void)ring_push(c->frames, &out->can_tx[i]);
		}
		return;
	}
	if (out->can_flush) {
		can_port_flush(c->can);
		loop_time_forget(l);
	}
	can_port_service(c->can, l->in.now_ns);
	for (uint8_t i = 0; i < out->can_tx_len; i++) {
		const int64_t given_ns = clock_now_ns(CLOCK_MONOTONIC);

		/* One that does not leave is kept for its slot, then reported to the core. */
		if (can_port_write(c->can, &out->can_tx[i], l->in.now_ns) == 0) {
			loop_time_given(l, out->can_tx[i].id, given_ns);
		}
	}
}

static void push_answers(struct loop *l)
{
	for (uint8_t i = 0; i < l->out.answer_len && l->config.answers != NULL; i++) {
		(void)ring_push(l->config.answers, &l->out.answer[i]);
	}
}

static void push_events(struct loop *l)
{
	const struct cycle_out *out = &l->out;
	struct can_error error;

	for (uint8_t i = 0; i < out->event_len; i++) {
		(void)ring_push(l->config.events, &out->event[i]);
	}
	if (l->config.can != NULL && can_port_error(l->config.can, &error)) {
		if (error.error_class != 0U) {
			push_event(l, EVENT_CAN_ERROR, (int32_t)error.error_class,
				   (int32_t)error.ctrl, (int32_t)error.tx_err,
				   (int32_t)error.rx_err);
		}
		if (error.restart != 0U) {
			push_event(l, EVENT_CAN_RESTART, (int32_t)error.restart, 0, 0, 0);
		}
	}
	const uint32_t refused = atomic_exchange_explicit(&l->refused, 0U, memory_order_relaxed);

	if (refused != 0U) {
		push_event(l, EVENT_RT_REFUSED, (int32_t)refused, 0, 0, 0);
	}
}

static void tell_guard(struct loop *l)
{
	struct shared_page *page = l->config.page;
	const struct held *h = &l->out.held;

	if (page == NULL) {
		return;
	}
	if (memcmp(h, &l->held, sizeof(*h)) != 0) {
		struct shared_held held = {.size = sizeof(*h)};

		memcpy(held.core, h, sizeof(*h));
		snapshot_write(&page->held.head, &held, sizeof(held));
		if (l->held.kept.latched != REASON_NONE && h->kept.latched == REASON_NONE) {
			/* A person has acknowledged what is latched: the guard keeps that. */
			const uint32_t word = atomic_load_explicit(&page->latch,
								   memory_order_acquire);

			atomic_store_explicit(&page->ack,
					      SHARED_ACK + shared_latch_read(word).number,
					      memory_order_release);
		}
		atomic_store_explicit(&page->latched, h->kept.level << 8 | h->kept.latched,
				      memory_order_release);
		l->held = *h;
	}
	shared_beat(page, l->out.permit, l->out.permit_reason);
}

static void tell_state(struct loop *l, const struct telemetry *t)
{
	const bool faulty = t->step == STEP_TRIP || t->latched != REASON_NONE;

	/* While stopping, the ladder shows the stop: what was wrong before must not be forgotten. */
	if (faulty || !l->in.stop) {
		atomic_store_explicit(&l->faulty, faulty ? 1U : 0U, memory_order_relaxed);
	}
	atomic_store_explicit(&l->latched, t->latched, memory_order_relaxed);
	atomic_store_explicit(&l->may_reload, cycle_may_reload(&l->cycle) ? 1U : 0U,
			      memory_order_relaxed);
	if (l->out.stopped) {
		atomic_store_explicit(&l->stopped, 1U, memory_order_release);
	}
}

int64_t loop_step(struct loop *l, int64_t planned_ns)
{
	struct stats_loop *counters = &l->counters;

	l->in.now_ns = clock_now_ns(CLOCK_MONOTONIC);
	l->in.boot_ns = clock_now_ns(CLOCK_BOOTTIME);
	loop_record_time(l, STATS_WAKEUP, l->in.now_ns - planned_ns);
	gather(l);
	if ((l->in.rx_len | l->in.command_len | l->in.can_rx_len) != 0U) {
		loop_time_inputs(l);
	}
	if (l->config.tap != NULL) {
		counters->trace_lost = l->config.tap(l->config.tap_context, &l->in);
	}
	cycle_step(&l->cycle, &l->in, &l->out);

	const struct telemetry *t = cycle_telemetry(&l->cycle);

	if (t->count_samples != l->samples_seen) {
		loop_time_sample(l, t);
	}
	l->request_failed = false;
	if (l->out.bms_tx_len > 0U) {
		const int r = serial_write(l->config.serial, l->out.bms_tx, l->out.bms_tx_len);

		l->request_failed = r != 0;
		counters->serial_tx_bytes += r == 0 ? l->out.bms_tx_len : 0U;
		loop_time_request(l, r == 0);
	}
	send_frames(l);
	push_events(l);
	push_answers(l);
	tell_guard(l);
	/* What has to leave has left. */
	if (l->config.record != NULL) {
		(void)l->config.record(l->config.record_context, &l->in, &l->out, &l->cycle);
	}
	counters->cycles++;
	if (l->response_steps > 0U) {
		loop_time_response(l);
	}
	loop_count_step(l, t);
	tell_state(l, t);
	loop_self_check(l);
	loop_publish(l, t);

	const int64_t done_ns = clock_now_ns(CLOCK_MONOTONIC);

	loop_record_time(l, STATS_RUN, done_ns - l->in.now_ns);
	return done_ns;
}

static void *loop_run(void *arg)
{
	struct loop *l = arg;
	int64_t next_ns;
	bool armed = false;

	enter_prefault_stack();
	next_ns = loop_first_wakeup(clock_now_ns(CLOCK_MONOTONIC), l->period_ns);
	while (atomic_load_explicit(&l->want_end, memory_order_relaxed) == 0U) {
		uint64_t missed;

		clock_sleep_until(next_ns);
		next_ns = loop_next_wakeup(next_ns, loop_step(l, next_ns), l->period_ns, &missed);
		if (missed > 0U) {
			l->counters.overruns++;
			l->counters.missed += missed;
			push_event(l, EVENT_OVERRUN, sat_i32((int64_t)missed),
				   sat_i32((int64_t)l->counters.missed), 0, 0);
		}
		if (!armed) {
			loop_arm(l);
			armed = true;
		}
	}
	return NULL;
}

int loop_start(struct loop *l, const struct enter_thread *spec, bool required,
	       struct enter_report *report)
{
	const int r = enter_start_realtime(spec, required, loop_run, l, &l->thread, report);
	uint32_t flags = 0U;

	if (r != 0) {
		return r;
	}
	l->started = true;
	flags |= report->locked ? STATS_LOCKED : 0U;
	flags |= report->fifo ? STATS_FIFO : 0U;
	flags |= report->pinned ? STATS_PINNED : 0U;
	flags |= report->dma_latency ? STATS_DMA_LATENCY : 0U;
	flags |= report->error != 0 ? STATS_REFUSED : 0U;
	atomic_fetch_or_explicit(&l->flags, flags, memory_order_relaxed);
	atomic_store_explicit(&l->refused, (uint32_t)report->error, memory_order_relaxed);
	return 0;
}

void loop_request_stop(struct loop *l, enum loop_stop stop)
{
	if (stop == LOOP_GUARD_GONE) {
		atomic_store_explicit(&l->guard_gone, 1U, memory_order_relaxed);
	}
	atomic_store_explicit(&l->want_stop, (uint32_t)stop, memory_order_relaxed);
}

void loop_request_reset(struct loop *l)
{
	atomic_store_explicit(&l->want_reset, 1U, memory_order_relaxed);
}

uint32_t loop_latched(const struct loop *l)
{
	return atomic_load_explicit(&l->latched, memory_order_relaxed);
}

bool loop_may_reload(const struct loop *l)
{
	return atomic_load_explicit(&l->may_reload, memory_order_relaxed) != 0U;
}

bool loop_is_stopped(const struct loop *l)
{
	return atomic_load_explicit(&l->stopped, memory_order_acquire) != 0U;
}

bool loop_is_faulty(const struct loop *l)
{
	return atomic_load_explicit(&l->faulty, memory_order_relaxed) != 0U;
}

uint32_t loop_samples(const struct loop *l)
{
	return atomic_load_explicit(&l->samples, memory_order_relaxed);
}

void loop_stop(struct loop *l)
{
	if (!l->started) {
		return;
	}
	atomic_store_explicit(&l->want_end, 1U, memory_order_relaxed);
	pthread_join(l->thread, NULL);
	l->started = false;
	atomic_fetch_or_explicit(&l->flags, STATS_STOPPED, memory_order_relaxed);
	loop_count_end(l);
}
