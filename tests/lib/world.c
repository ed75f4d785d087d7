/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/world.h"

#include <stddef.h>
#include <string.h>

/* The protocol has no sequence number: a later answer cannot be told from one in time. */
#define LATE_NS	    (1400 * NS_PER_MS)
#define DIRTY_NS    (5 * NS_PER_S)
#define RESIST_UOHM 500 /* of a cell */
#define STOP_NS	    (2 * NS_PER_S)
#define SLIDE_MA_S  2000

uint32_t world_pick(struct world *w, uint32_t n)
{
	return w->source.next(w->source.arg) % n;
}

int32_t world_range(struct world *w, int32_t lo, int32_t hi)
{
	return lo + (int32_t)world_pick(w, (uint32_t)(hi - lo) + 1U);
}

void world_init(struct world *w, struct world_source source, bool plain)
{
	memset(w, 0, offsetof(struct world, trace)); /* the record may keep old steps */
	w->source = source;
	core_config_default(&w->config);
	if (!plain) {
		world_config(w);
	}
	bench_battery_default(&w->battery);
	w->now_ns = BENCH_START_NS;
	w->dt_ns = w->config.period_us * NS_PER_US;
	w->base_mv = 3300;
	w->grid = GRID_NONE;
	w->peer_local = PEER_NONE_HEARD;
	w->peer_portal = PEER_NONE_HEARD;
	w->alive_ns = w->now_ns;
	w->battery_ns = w->now_ns;
	w->stop_ns = TIME_NEVER;
	w->fitted = !plain && world_pick(w, 2) != 0;
	w->relay = w->fitted ? RELAY_OPEN : RELAY_NOT_FITTED;
	w->relay_ns = w->now_ns;
	world_heal(w);
	cycle_init(&w->core, &w->config, w->now_ns, w->now_ns, NULL);
	oracle_init(&w->oracle, &w->config, w->now_ns, w->now_ns, NULL);
	world_fork(w);
}

void world_fork(struct world *w)
{
	w->twin = w->core;
	w->twin_config = w->config;
	for (uint32_t i = 0; i < SOURCES; i++) {
		w->twin_config.source[i].fallback = FALLBACK_RELEASE;
	}
	w->twin.config = &w->twin_config;
	arbiter_init(&w->twin.arbiter, w->now_ns);
	damping_init(&w->twin.damping);
	for (uint32_t i = 0; i < COMMANDS; i++) {
		w->twin.lease[i].active = false;
	}
	w->forks++;
}

void world_restart(struct world *w, int64_t pause_ns)
{
	struct held held = w->out.held;

	held.reload = world_pick(w, 3) == 0 ? 1 : 0;

	w->now_ns += pause_ns;
	cycle_init(&w->core, &w->config, w->now_ns, w->now_ns + w->boot_offset_ns, &held);
	oracle_init(&w->oracle, &w->config, w->now_ns, w->now_ns + w->boot_offset_ns, &held);
	w->line_len = 0;
	w->echo_len = 0;
	w->lost = 0;
	w->command_len = 0;
	w->stop_ns = TIME_NEVER;
	w->stop_seen = false;
	w->relay = w->fitted ? RELAY_OPEN : RELAY_NOT_FITTED;
	w->relay_ns = w->now_ns;
	w->dirty_until_ns = w->now_ns + DIRTY_NS;
	world_fork(w);
}

/* The current that flows now, and what it does to SoC and cells. */
static void live(struct world *w)
{
	struct bench_battery *b = &w->battery;
	const int64_t ms = (w->now_ns - w->battery_ns) / NS_PER_MS;
	const int32_t in_ma = w->oracle.bus_ma[DIR_CHARGE];
	const int32_t out_ma = w->oracle.bus_ma[DIR_DISCHARGE];

	w->battery_ns = w->now_ns;
	if (w->flow == WORLD_OBEY) {
		b->pack_ma = w->flow_ma >= 0 ? min_i32(w->flow_ma, in_ma)
					     : max_i32(w->flow_ma, -out_ma);
	} else {
		b->pack_ma = w->flow == WORLD_REST ? 0 : w->flow_ma;
	}
	if (w->relay == RELAY_OPEN && !w->welded) {
		b->pack_ma = 0;
	}
	/* Faster than life: a per cent for every 600 A s. */
	w->charge_mas += (int32_t)(b->pack_ma / 100 * min_i64(ms, 10000) / 10);
	if (abs_i32(w->charge_mas) > 600000) {
		b->soc_pct = (uint8_t)clamp_i32(b->soc_pct + (w->charge_mas > 0 ? 1 : -1), 1, 100);
		w->charge_mas = 0;
	}
	if (w->heated != NULL) {
		const int32_t rest = (int32_t)w->heat_to - *w->heated;

		*w->heated = (uint16_t)(*w->heated + clamp_i32(rest, -w->heat_step, w->heat_step));
		w->heated = rest == 0 ? NULL : w->heated;
	}
	w->base_mv += clamp_i32(w->target_mv - w->base_mv, -15, 15);
	for (uint32_t i = 0; i < JK_CELLS_MAX; i++) {
		const int32_t drop_mv = (int32_t)((int64_t)b->pack_ma * RESIST_UOHM / 1000000);

		b->cell_mv[i] = sat_u16(w->base_mv + drop_mv + w->offset_mv[i]);
	}
}

static uint32_t build_reply(struct world *w, uint8_t *frame)
{
	struct bench_battery b;

	if (!w->frozen) {
		live(w);
		w->battery.runtime_min = (uint32_t)(w->now_ns / NS_PER_MS);
	}
	b = w->battery;
	if (w->glitch_replies > 0) {
		w->glitch_replies--;
		b.cell_mv[w->glitch_cell] = sat_u16(b.cell_mv[w->glitch_cell] + w->glitch_mv);
	}
	if (w->count_replies > 0) {
		w->count_replies--;
		b.cells = w->count_cells;
	}
	if (w->omit_replies > 0) {
		w->omit_replies--;
		b.omit = w->omit;
	}
	if (w->soc_replies > 0) {
		w->soc_replies--;
		b.soc_pct = UINT8_MAX;
	}
	if (w->sum_replies > 0) {
		w->sum_replies--;
		b.pack_mv = w->glitch_mv * 100;
	}
	return bench_reply_build(&b, frame);
}

/* The BMS works on one request at a time; others are lost. */
static void answer(struct world *w)
{
	uint8_t frame[JK_FRAME_MAX];
	uint32_t len;

	if (w->line_len > 0 || w->now_ns < w->silent_until_ns) {
		return;
	}
	len = build_reply(w, frame);
	if (w->flip_bits > 0) {
		for (; w->flip_bits > 0; w->flip_bits--) {
			frame[world_pick(w, len)] ^= (uint8_t)(1U << world_pick(w, 8));
		}
		w->dirty_until_ns = w->now_ns + DIRTY_NS;
	}
	if (w->cut_at > 0) {
		len = w->cut_at < len ? w->cut_at : len;
		w->cut_at = 0;
		w->dirty_until_ns = w->now_ns + DIRTY_NS;
	}
	memcpy(w->line, frame, len);
	w->line_len = len;
	if (w->glue > 0 && 2U * len <= WORLD_LINE) {
		w->glue--;
		w->line_len += build_reply(w, w->line + len);
		w->dirty_until_ns = w->now_ns + DIRTY_NS;
	}
	w->line_odd = w->frozen || w->now_ns <= w->dirty_until_ns || w->latency_ns > LATE_NS;
	w->line_at = 0;
	w->line_request_ns = w->now_ns;
	w->line_ns = w->now_ns + w->latency_ns;
}

static void fill_serial(struct world *w)
{
	struct cycle_in *in = &w->in;

	in->tty_open = w->now_ns >= w->closed_until_ns;
	in->request_failed = w->request_failed;
	w->request_failed = false;
	if (!in->tty_open) {
		w->line_len = 0;
		w->dirty_until_ns = w->now_ns + DIRTY_NS;
		return;
	}
	if (w->noise_steps > 0 && w->now_ns >= w->noise_from_ns) {
		w->noise_steps--;
		in->rx_len = (uint16_t)w->noise_len;
		for (uint32_t i = 0; i < w->noise_len; i++) {
			in->rx[i] = (uint8_t)world_pick(w, 256);
		}
		return;
	}
	if (w->line_len == 0 || w->now_ns < w->line_ns) {
		return;
	}
	/* Noise holds an answer up: later than this nobody can tell whose it is. */
	if (w->line_odd || w->now_ns - w->line_request_ns > LATE_NS) {
		w->dirty_until_ns = w->now_ns + DIRTY_NS;
	}
	const uint32_t left = w->line_len - w->line_at;
	const uint32_t most = w->chunk > 0 ? w->chunk : CYCLE_RX_MAX;

	in->rx_len = (uint16_t)(left < most ? left : most);
	memcpy(in->rx, w->line + w->line_at, in->rx_len);
	w->line_at += in->rx_len;
	if (w->line_at == w->line_len) {
		w->line_len = 0;
	}
}

static void receive(struct cycle_in *in, uint16_t id, enum can_origin origin)
{
	if (in->can_rx_len < CYCLE_CAN_RX_MAX) {
		in->can_rx[in->can_rx_len++] = (struct can_rx){
			.msg = {.id = id, .len = 8},
			.origin = (uint8_t)origin,
		};
	}
}

static void fill_bus(struct world *w)
{
	struct cycle_in *in = &w->in;

	in->can_link = w->link;
	in->can_lost = w->lost;
	w->lost = 0;
	for (uint32_t i = 0; i < w->echo_len; i++) {
		in->can_rx[in->can_rx_len++] = w->echo[i];
	}
	w->echo_len = 0;
	if (w->alive && w->now_ns >= w->alive_ns) {
		receive(in, PYLON_ID_ALIVE, CAN_FROM_BUS);
		w->alive_ns = w->now_ns + NS_PER_S;
	}
	for (; w->foreign > 0; w->foreign--) {
		const uint16_t id = (uint16_t)(0x350U + world_pick(w, 16));

		receive(in, id, CAN_FROM_BUS);
	}
}

static void take_frames(struct world *w)
{
	for (uint32_t i = 0; i < w->out.can_tx_len && i < CYCLE_CAN_TX_MAX; i++) {
		const uint32_t bit = cycle_can_bit(w->out.can_tx[i].id);

		if (w->now_ns < w->refused_until_ns && (w->refused & bit) != 0) {
			w->lost |= bit;
		} else if (!w->bus_dead && world_pick(w, w->confirm_every) == 0) {
			w->echo[w->echo_len++] = (struct can_rx){
				.msg = w->out.can_tx[i],
				.origin = CAN_OWN,
			};
		}
	}
}

static void fail(struct world *w, const char *rule, const char *text, int64_t got, int64_t want)
{
	if (w->broken == NULL) {
		w->broken = rule;
		w->text = text;
		w->got = got;
		w->want = want;
	}
}

/*
 * SAF-07. The twin was the same core a moment ago and has heard everything but orders and the house:
 * from there on the core has at most the twin's limits. Only a trip may part their ways (0 A by an
 * order for 2 s opens the relay earlier, and so closes it earlier): then the twin begins anew.
 */
static void step_twin(struct world *w)
{
	const struct telemetry *a = cycle_telemetry(&w->core);
	const struct telemetry *b = cycle_telemetry(&w->twin);
	struct cycle_in *in = &w->twin_in;

	*in = w->in;
	in->command_len = 0;
	in->grid = GRID_NONE;
	in->peer_local = PEER_NONE_HEARD;
	in->peer_portal = PEER_NONE_HEARD;
	for (uint32_t i = 0; i < w->in.command_len; i++) {
		if (w->in.command[i].kind == COMMAND_ACK) {
			in->command[in->command_len++] = w->in.command[i];
		}
	}
	cycle_step(&w->twin, in, &w->twin_out);
	if (a->step != b->step) {
		if (a->step != STEP_TRIP && b->step != STEP_TRIP) {
			fail(w, "SAF-07", "orders moved the ladder", a->step, b->step);
		}
		world_fork(w);
		return;
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		if (a->envelope_ma[d] != b->envelope_ma[d]) {
			fail(w, "SAF-07", "orders changed the envelope", a->envelope_ma[d],
			     b->envelope_ma[d]);
		}
		if (a->limit_ma[d] > b->limit_ma[d]) {
			fail(w, "SAF-07", "orders gave more than there is without them",
			     a->limit_ma[d], b->limit_ma[d]);
		}
	}
	if (a->latched != b->latched) {
		fail(w, "SAF-19", "orders changed the latch", a->latched, b->latched);
	}
}

/* Orders that fall slowly. */
static void slide(struct world *w)
{
	static const uint32_t kind[DIRS] = {COMMAND_LIMIT_CHARGE, COMMAND_LIMIT_DISCHARGE};

	if (w->now_ns >= w->slide_until_ns) {
		return;
	}
	for (uint32_t d = 0; d < DIRS && w->command_len < CYCLE_COMMAND_MAX; d++) {
		w->slide_ma[d] -= (int32_t)(w->dt_ns * SLIDE_MA_S / NS_PER_S);
		w->command[w->command_len++] = (struct command){
			.kind = kind[d],
			.value = max_i32(w->slide_ma[d], 0),
			.ttl_ms = 1000,
		};
	}
}

static void fill_house(struct world *w)
{
	if (w->swings && w->now_ns >= w->swing_ns) {
		w->swing_ns = w->now_ns + NS_PER_S;
		w->grid.t_ns = w->now_ns;
		w->grid.power_w = world_pick(w, 2) == 0 ? w->swing_w : -w->swing_w;
	}
	w->in.grid = w->grid;
	w->in.peer_local = w->peer_local;
	w->in.peer_portal = w->peer_portal;
}

static void keep_trace(struct world *w)
{
	struct world_trace *t = &w->trace[w->trace_at];

	if (!w->traced) {
		return;
	}
	t->step = w->steps;
	t->now_ns = w->now_ns;
	t->action = w->action;
	t->in = w->in;
	t->out = w->out;
	t->tele = *cycle_telemetry(&w->core);
	w->trace_at = (w->trace_at + 1U) % WORLD_TRACE;
}

static void follow_relay(struct world *w)
{
	if (!w->fitted) {
		w->relay = RELAY_NOT_FITTED;
	} else if (w->relay == RELAY_CLOSED && (!w->out.permit || w->forced)) {
		w->relay = RELAY_OPEN;
		w->relay_ns = w->now_ns;
		w->forced = false;
	} else if (w->relay == RELAY_OPEN && w->out.permit &&
		   w->now_ns - w->relay_ns >= w->config.open_ms * NS_PER_MS) {
		w->relay = RELAY_CLOSED;
	}
	w->in.relay = w->relay;
	w->in.latch = w->latch;
	w->latch = REASON_NONE;
}

bool world_step(struct world *w)
{
	struct cycle_in *in = &w->in;

	w->now_ns += w->dt_ns + w->gap_ns;
	w->gap_ns = 0;
	memset(in, 0, offsetof(struct cycle_in, rx));
	in->now_ns = w->now_ns;
	in->boot_ns = w->now_ns + w->boot_offset_ns;
	in->guard_ok = w->now_ns >= w->guard_lost_until_ns;
	in->stop = w->stop_ns != TIME_NEVER;
	if (in->stop && !w->stop_seen) {
		w->stop_seen = true;
		w->stop_ns = w->now_ns; /* from here on it can be done */
		w->stop_reload = world_pick(w, 3) == 0;
	}
	in->reload = in->stop && w->stop_reload;
	slide(w);
	fill_house(w);
	memcpy(in->command, w->command, sizeof(in->command));
	in->command_len = w->command_len;
	w->command_len = 0;
	follow_relay(w);
	fill_serial(w);
	fill_bus(w);
	w->oracle.stamped = !w->frozen && w->now_ns > w->dirty_until_ns;
	cycle_step(&w->core, in, &w->out);
	w->steps++;
	w->steps_at[cycle_telemetry(&w->core)->step % STEPS]++;
	w->steps_with_limit += w->oracle.bus_ma[0] > 0 || w->oracle.bus_ma[1] > 0 ? 1U : 0U;
	(void)oracle_step(&w->oracle, in, &w->out, cycle_telemetry(&w->core));
	if (w->oracle.broken != NULL) {
		fail(w, w->oracle.broken, w->oracle.text, w->oracle.got, w->oracle.want);
	}
	step_twin(w);
	keep_trace(w);
	take_frames(w);
	if (w->out.bms_tx_len > 0) {
		answer(w);
	}
	if (w->broken == NULL && w->stop_ns != TIME_NEVER &&
	    (w->out.stopped || w->now_ns - w->stop_ns > STOP_NS)) {
		if (!w->out.stopped) {
			fail(w, "STOP", "an orderly stop does not end; ms",
			     (w->now_ns - w->stop_ns) / NS_PER_MS, 2000);
		}
		world_restart(w, NS_PER_S);
	}
	return w->broken == NULL;
}
