/* SPDX-License-Identifier: Apache-2.0 */
/* What may happen: one change a call. */
#include <string.h>

#include "lib/world.h"

#define DIRTY_NS (5 * NS_PER_S)
#define LONG_MS	 15000

typedef void act_fn(struct world *w);

static int64_t some_time(struct world *w)
{
	static const int32_t most_ms[] = {100, 700, 4000, LONG_MS};

	return world_range(w, 1, most_ms[world_pick(w, ARRAY_SIZE(most_ms))]) * NS_PER_MS;
}

void world_heal(struct world *w)
{
	struct bench_battery b;
	const uint32_t runtime = w->battery.runtime_min;
	const uint8_t cells = w->battery.cells;

	bench_battery_default(&b);
	b.runtime_min = runtime;
	b.cells = cells;
	b.version = w->battery.version;
	w->battery = b;
	w->heated = NULL;
	w->flow = WORLD_OBEY;
	w->flow_ma = 5000;
	w->target_mv = 3300;
	memset(w->offset_mv, 0, sizeof(w->offset_mv));
	w->glitch_replies = 0;
	w->count_replies = 0;
	w->omit_replies = 0;
	w->sum_replies = 0;
	w->soc_replies = 0;
	w->cut_at = 0;
	w->flip_bits = 0;
	w->glue = 0;
	w->frozen = false;
	w->chunk = 0;
	w->latency_ns = BENCH_REPLY_MS * NS_PER_MS;
	w->silent_until_ns = 0;
	w->closed_until_ns = 0;
	w->noise_steps = 0;
	w->bus_dead = false;
	w->refused_until_ns = 0;
	w->alive = true;
	w->confirm_every = 1;
	w->link = CAN_LINK_UP;
	w->guard_lost_until_ns = 0;
	w->forced = false;
	w->welded = false;
	w->grid = GRID_NONE;
	w->peer_local = PEER_NONE_HEARD;
	w->peer_portal = PEER_NONE_HEARD;
	w->swings = false;
	w->slide_until_ns = 0;
}

static void act_calm(struct world *w)
{
	world_heal(w);
}

static void act_glitch(struct world *w)
{
	w->glitch_replies = world_pick(w, 3) + 1U;
	w->glitch_mv = world_range(w, -900, 900);
	w->glitch_cell = world_pick(w, w->battery.cells);
}

static void act_target(struct world *w)
{
	w->target_mv = world_pick(w, 8) == 0 ? world_range(w, 900, 4600)
					     : world_range(w, 2450, 3750);
}

static void act_offset(struct world *w)
{
	w->offset_mv[world_pick(w, w->battery.cells)] = (int16_t)world_range(w, -150, 150);
}

static void act_temperature(struct world *w)
{
	static const uint16_t corner[] = {0,   5,   10,	 20,  45,  55,	60,  65,  99,
					  100, 101, 105, 120, 125, 126, 140, 141, 255};
	const uint16_t raw = world_pick(w, 2) == 0 ? corner[world_pick(w, ARRAY_SIZE(corner))]
						   : (uint16_t)world_pick(w, 256);
	uint16_t *probe[] = {&w->battery.box_raw, &w->battery.battery_raw, &w->battery.mos_raw};

	*probe[world_pick(w, ARRAY_SIZE(probe))] = raw;
}

/* A sensor that gets hot, or whose readings leap, by way of numbers that have two meanings. */
static void act_heat(struct world *w)
{
	uint16_t *sensor[] = {&w->battery.box_raw, &w->battery.battery_raw, &w->battery.mos_raw};

	w->heated = sensor[world_pick(w, ARRAY_SIZE(sensor))];
	w->heat_to = (uint16_t)world_range(w, 45, 145);
	w->heat_step = world_range(w, 1, world_pick(w, 2) == 0 ? 5 : 60);
}

/* A sensor near 0 degC, and a single reading of the middle between 0 and 100. */
static void act_wrap(struct world *w)
{
	uint16_t *sensor[] = {&w->battery.box_raw, &w->battery.battery_raw, &w->battery.mos_raw};
	uint16_t *raw = sensor[world_pick(w, ARRAY_SIZE(sensor))];

	if (*raw > 5 && (*raw < 100 || *raw > 105)) {
		*raw = (uint16_t)world_pick(w, 3);
		return;
	}
	*raw = 0;
	w->heated = raw;
	w->heat_to = 101;
	w->heat_step = 51;
}

static void act_flow(struct world *w)
{
	w->flow = (enum world_flow)world_pick(w, WORLD_FLOWS);
	w->flow_ma = world_pick(w, 10) == 0 ? world_range(w, -320000, 320000)
					    : world_range(w, -70000, 70000);
}

static void act_soc(struct world *w)
{
	const uint32_t kind = world_pick(w, 8);

	w->battery.soc_pct = (uint8_t)(kind == 0   ? world_pick(w, 256)
				       : kind < 3  ? 0U
				       : kind < 5  ? world_pick(w, 20)
				       : kind == 5 ? 100U
						   : world_pick(w, 101));
	w->battery.cycles = (uint16_t)world_pick(w, 3);
	w->soc_replies = world_pick(w, 3);
}

static void act_alarms(struct world *w)
{
	w->battery.alarms = (uint16_t)(world_pick(w, 3) == 0   ? 0U
				       : world_pick(w, 4) == 0 ? world_pick(w, 65536)
							       : 1U << world_pick(w, 16));
}

static void act_mosfets(struct world *w)
{
	w->battery.status = (uint16_t)world_pick(w, 8);
}

static void act_count(struct world *w)
{
	w->count_replies = world_pick(w, 4) + 1U;
	w->count_cells = (uint8_t)(world_pick(w, JK_CELLS_MAX) + 1U);
}

static void act_omit(struct world *w)
{
	w->omit_replies = world_pick(w, 4) + 1U;
	w->omit = JK_HAVE(world_pick(w, JK_REGS - 1U) + 1U);
	if (world_pick(w, 4) == 0) {
		w->omit |= JK_HAVE(world_pick(w, JK_REGS - 1U) + 1U);
	}
}

static void act_settings(struct world *w)
{
	struct bench_battery *b = &w->battery;

	switch (world_pick(w, 14)) {
	case 0:
		b->cell_ovp_mv = (uint16_t)world_range(w, 3300, 3800);
		break;
	case 1:
		b->cell_uvp_mv = (uint16_t)world_range(w, 2300, 3200);
		break;
	case 2:
		b->charge_ocp_a = world_pick(w, 3) == 0 ? 0U : (uint16_t)world_pick(w, 130);
		break;
	case 3:
		b->discharge_ocp_a = world_pick(w, 3) == 0 ? 0U : (uint16_t)world_pick(w, 130);
		break;
	case 4:
		b->charge_otp_c = (uint16_t)world_range(w, 15, 80);
		break;
	case 5:
		b->discharge_otp_c = (uint16_t)world_range(w, 15, 80);
		break;
	case 6:
		b->charge_utp_c = (int16_t)world_range(w, -45, 35);
		break;
	case 7:
		b->discharge_utp_c = (int16_t)world_range(w, -45, 35);
		break;
	case 8:
		b->capacity_ah = world_pick(w, 4) == 0 ? world_pick(w, 30000) : world_pick(w, 400);
		break;
	case 9:
		b->mos_otp_c = (uint16_t)world_range(w, 30, 160);
		break;
	case 10:
		b->pack_ovp_mv = b->cells * world_range(w, 3250, 3800);
		break;
	case 11:
		b->pack_uvp_mv = b->cells * world_range(w, 2300, 3320);
		break;
	case 12:
		b->box_otp_c = (uint16_t)world_range(w, 15, 45);
		break;
	default:
		b->cell_ovp_mv = (uint16_t)world_pick(w, 65536);
		break;
	}
}

static void act_silence(struct world *w)
{
	w->silent_until_ns = w->now_ns + some_time(w);
}

static void act_noise(struct world *w)
{
	w->noise_steps = world_pick(w, 20) + 1U;
	w->noise_len = world_pick(w, CYCLE_RX_MAX) + 1U;
	if (world_pick(w, 2) == 0) {
		/* A burst, and the answer comes only when the line has been silent for a while. */
		w->noise_steps = 1;
		w->noise_from_ns = w->now_ns + world_range(w, 0, 2000) * NS_PER_MS;
		w->latency_ns = world_range(w, 200, 900) * NS_PER_MS;
	}
}

static void act_damage(struct world *w)
{
	if (world_pick(w, 2) == 0) {
		w->cut_at = world_pick(w, 291) + 1U;
	} else {
		w->flip_bits = world_pick(w, 3) + 1U;
	}
}

static void act_glue(struct world *w)
{
	w->glue = world_pick(w, 4) + 1U;
	/* In small pieces the second copy is still arriving when the next request leaves. */
	w->chunk = world_pick(w, 2) == 0 ? 0U : world_pick(w, 20) + 4U;
}

static void act_latency(struct world *w)
{
	w->latency_ns = world_range(w, 1, world_pick(w, 2) == 0 ? 100 : 2500) * NS_PER_MS;
	w->chunk = world_pick(w, 2) == 0 ? 0U : world_pick(w, 120) + 4U;
}

static void act_freeze(struct world *w)
{
	w->frozen = !w->frozen;
	w->dirty_until_ns = w->now_ns + DIRTY_NS;
}

static void act_close(struct world *w)
{
	w->closed_until_ns = w->now_ns + some_time(w);
}

static void act_request(struct world *w)
{
	w->request_failed = true;
	w->dirty_until_ns = w->now_ns + DIRTY_NS;
}

static void act_bus(struct world *w)
{
	w->bus_dead = world_pick(w, 2) == 0;
	w->confirm_every = world_pick(w, 8) + 1U;
	w->link = world_pick(w, CAN_LINKS);
}

/* The transmit queue is full, for all frames or for some. */
static void act_refuse(struct world *w)
{
	w->refused = world_pick(w, 2) == 0 ? UINT32_MAX : world_pick(w, 65536);
	w->refused_until_ns = w->now_ns + world_range(w, 1, 900) * NS_PER_MS;
}

static void act_foreign(struct world *w)
{
	w->foreign = world_pick(w, CYCLE_CAN_RX_MAX);
	w->alive = world_pick(w, 3) != 0;
}

static void act_suspend(struct world *w)
{
	w->boot_offset_ns += world_range(w, -50, world_pick(w, 2) == 0 ? 130 : 60000) * NS_PER_MS;
}

static void act_gap(struct world *w)
{
	static const int32_t most_ms[] = {20, 60, 250, 2000, 20000};

	w->gap_ns = world_range(w, 1, most_ms[world_pick(w, ARRAY_SIZE(most_ms))]) * NS_PER_MS;
}

/* What an order may carry: mA, and for some of them a SoC or the name of another order. */
static int32_t some_order(struct world *w)
{
	switch (world_pick(w, 8)) {
	case 0:
		return (int32_t)w->source.next(w->source.arg);
	case 1:
		return INT32_MAX;
	case 2:
	case 3:
		return world_range(w, 0, 101);
	default:
		return world_range(w, 0, 60000);
	}
}

static void act_command(struct world *w)
{
	const uint32_t many = world_pick(w, CYCLE_COMMAND_MAX) + 1U;

	for (uint32_t i = 0; i < many; i++) {
		w->command[i] = (struct command){
			.kind = world_pick(w, COMMANDS + 2U),
			.value = some_order(w),
			.ttl_ms = world_range(w, -5, 62000),
			.local = 0,
		};
	}
	w->command_len = (uint8_t)many;
}

static void act_acknowledge(struct world *w)
{
	w->command[0] = (struct command){
		.kind = COMMAND_ACK,
		.value = world_pick(w, 4) == 0 ? 1 : 0,
		.local = world_pick(w, 4) != 0 ? 1U : 0U,
	};
	w->command_len = 1;
}

/* Now, long ago, never, or not yet. */
static int64_t some_stamp(struct world *w)
{
	switch (world_pick(w, 5)) {
	case 0:
		return TIME_NEVER;
	case 1:
		return w->now_ns;
	case 2:
		return w->now_ns + 3600 * NS_PER_S;
	default:
		return w->now_ns - world_range(w, -1000, 40000) * NS_PER_MS;
	}
}

/* A number of any size, or none. */
static int32_t some_value(struct world *w, int32_t most)
{
	static const int32_t odd[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX};

	return world_pick(w, 4) == 0 ? odd[world_pick(w, ARRAY_SIZE(odd))]
				     : world_range(w, -most, most);
}

static void act_grid(struct world *w)
{
	w->swings = world_pick(w, 2) == 0;
	w->swing_w = world_range(w, 0, 3000);
	w->grid.t_ns = some_stamp(w);
	w->grid.power_w = some_value(w, 8000);
}

static void act_peer(struct world *w)
{
	struct peer_sample *p = world_pick(w, 3) == 0 ? &w->peer_portal : &w->peer_local;

	p->t_ns = some_stamp(w);
	p->source = world_pick(w, PEER_SOURCES + 1U);
	p->mode = world_pick(w, PEER_MODES + 1U);
	p->current_ma = some_value(w, 60000);
	p->power_w = some_value(w, 5000);
	p->voltage_mv = some_value(w, 60000);
	p->soc_pct = some_value(w, 120);
}

/* Orders that fall slowly, from about what flows now: many small falls. */
static void act_slide(struct world *w)
{
	w->slide_until_ns = w->now_ns + world_range(w, 1, LONG_MS) * NS_PER_MS;
	w->slide_ma[DIR_CHARGE] = max_i32(w->oracle.bus_ma[DIR_CHARGE], 5000);
	w->slide_ma[DIR_DISCHARGE] = max_i32(w->oracle.bus_ma[DIR_DISCHARGE], 5000);
}

static void act_guard(struct world *w)
{
	w->guard_lost_until_ns = w->now_ns + some_time(w);
}

static void act_relay(struct world *w)
{
	w->forced = true;
}

static void act_weld(struct world *w)
{
	w->welded = !w->welded;
}

static void act_latch(struct world *w)
{
	if (world_pick(w, 4) == 0) {
		w->latch = world_pick(w, REASONS + 2U);
	}
}

static void act_stop(struct world *w)
{
	if (world_pick(w, 4) == 0 && w->stop_ns == TIME_NEVER) {
		w->stop_ns = w->now_ns;
	}
}

static void act_restart(struct world *w)
{
	if (world_pick(w, 4) == 0) {
		world_restart(w, some_time(w) * (1 + (int64_t)world_pick(w, 5)));
	}
}

static void act_sum(struct world *w)
{
	w->sum_replies = world_pick(w, 3) + 1U;
	w->glitch_mv = world_range(w, 0, 700);
}

static void act_fork(struct world *w)
{
	world_fork(w);
}

static void act_nothing(struct world *w)
{
	(void)w;
}

static act_fn *const acts[] = {
	act_calm,     act_calm,	    act_calm,	     act_glitch,      act_target,  act_target,
	act_target,   act_offset,   act_temperature, act_temperature, act_flow,	   act_flow,
	act_flow,     act_soc,	    act_alarms,	     act_mosfets,     act_count,   act_omit,
	act_settings, act_settings, act_silence,     act_noise,	      act_damage,  act_glue,
	act_latency,  act_freeze,   act_close,	     act_request,     act_bus,	   act_foreign,
	act_suspend,  act_gap,	    act_gap,	     act_command,     act_command, act_acknowledge,
	act_grid,     act_peer,	    act_guard,	     act_stop,	      act_restart, act_sum,
	act_wrap,     act_wrap,	    act_heat,	     act_heat,	      act_refuse,  act_fork,
	act_slide,    act_nothing,  act_nothing,     act_relay,	      act_weld,	   act_latch,
};

void world_act(struct world *w)
{
	w->action = world_pick(w, ARRAY_SIZE(acts));
	acts[w->action](w);
}
