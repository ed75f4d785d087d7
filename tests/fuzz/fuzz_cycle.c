/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of cycle_step(). The bytes decide what happens around the core: each turn takes an
 * opcode and what it needs. Most turns change the world (tests/lib/world.h) or let time pass; others
 * put raw bytes on the serial line, a frame on the bus, an order in the ring, or choose single
 * registers of the battery. Every step is judged by the oracle (SAF rules) and by the twin without
 * orders. A broken rule is printed and ends the program. An input is some ten to a hundred steps;
 * their sum is printed at the end.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/world.h"

#define STEPS_MOST   160U /* of one input: keeps an execution short */
#define PACKED_STEPS 16U

struct bytes {
	const uint8_t *at;
	size_t left;
	uint32_t filler; /* when the bytes are used up the world still wants numbers */
};

enum opcode {
	OP_STEPS,
	OP_LONG_STEPS,
	OP_ACT,
	OP_ACT_AGAIN,
	OP_RAW,
	OP_FRAME,
	OP_ORDER,
	OP_CELLS,
	OP_REGISTERS,
	OP_SETTINGS,
	OP_GAP,
	OP_HEAL,
	OPS
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take(struct bytes *b)
{
	if (b->left == 0) {
		b->filler = b->filler * 1103515245U + 12345U;
		return (uint8_t)(b->filler >> 16);
	}
	b->left--;
	return *b->at++;
}

static uint16_t take16(struct bytes *b)
{
	const uint32_t high = take(b);

	return (uint16_t)(high << 8 | take(b));
}

/* world_pick() asks for a number below n: two bytes are enough for all but raw values. */
static uint32_t next(void *arg)
{
	return take16(arg);
}

static void raw_bytes(struct world *w, struct bytes *b)
{
	const uint32_t len = take(b);

	/* Instead of a reply on its way. */
	for (uint32_t i = 0; i < len; i++) {
		w->line[i] = take(b);
	}
	w->line_len = len;
	w->line_at = 0;
	w->line_ns = w->now_ns;
	w->line_request_ns = w->now_ns;
	w->line_odd = true;
	w->dirty_until_ns = w->now_ns + 5 * NS_PER_S;
}

static void bus_frame(struct world *w, struct bytes *b)
{
	if (w->echo_len >= CYCLE_CAN_TX_MAX) {
		return;
	}
	struct can_rx *rx = &w->echo[w->echo_len++];

	rx->msg.id = take16(b) & CAN_MSG_ID_MAX;
	rx->msg.len = take(b) % (CAN_MSG_DATA_MAX + 1U);
	for (uint32_t i = 0; i < CAN_MSG_DATA_MAX; i++) {
		rx->msg.data[i] = i < rx->msg.len ? take(b) : 0U;
	}
	rx->origin = take(b) % 2U;
}

static void order(struct world *w, struct bytes *b)
{
	if (w->command_len >= CYCLE_COMMAND_MAX) {
		return;
	}
	struct command *c = &w->command[w->command_len++];

	c->kind = take(b) % (COMMANDS + 1U);
	c->value = (int32_t)((uint32_t)take16(b) << 16 | take16(b));
	c->ttl_ms = take16(b);
	c->local = take(b) % 2U;
}

static void registers(struct world *w, struct bytes *b)
{
	w->battery.soc_pct = take(b);
	w->battery.cycles = take(b);
	w->battery.alarms = take16(b);
	w->battery.status = take(b);
	w->battery.box_raw = take(b);
	w->battery.battery_raw = take(b);
	w->battery.mos_raw = take(b);
	w->battery.version = take(b) % 3U;
	w->flow = (enum world_flow)(take(b) % WORLD_FLOWS);
	w->flow_ma = ((int32_t)take16(b) - 32768) * 10;
}

static void settings(struct world *w, struct bytes *b)
{
	w->battery.cell_ovp_mv = take16(b);
	w->battery.cell_uvp_mv = take16(b);
	w->battery.charge_ocp_a = take(b);
	w->battery.discharge_ocp_a = take(b);
	w->battery.charge_otp_c = take(b);
	w->battery.charge_utp_c = (int16_t)((int32_t)take(b) - 128);
	w->battery.capacity_ah = take16(b);
}

static uint32_t turn(struct world *w, struct bytes *b)
{
	switch ((enum opcode)(take(b) % OPS)) {
	case OP_STEPS:
		return take(b) % PACKED_STEPS + 1U;
	case OP_LONG_STEPS:
		return take(b) + 1U;
	case OP_ACT:
	case OP_ACT_AGAIN:
		world_act(w);
		return 1;
	case OP_RAW:
		raw_bytes(w, b);
		return 1;
	case OP_FRAME:
		bus_frame(w, b);
		return 0;
	case OP_ORDER:
		order(w, b);
		return 0;
	case OP_CELLS:
		w->target_mv = 2400 + take16(b) % 1400;
		w->offset_mv[take(b) % w->battery.cells] = (int16_t)((int32_t)take(b) - 128);
		return 0;
	case OP_REGISTERS:
		registers(w, b);
		return 0;
	case OP_SETTINGS:
		settings(w, b);
		return 0;
	case OP_GAP:
		w->gap_ns = take16(b) * NS_PER_MS / 3;
		return 1;
	case OP_HEAL:
		world_heal(w);
		return 1;
	case OPS:
	default:
		return 1;
	}
}

static uint64_t steps;
static bool tells;

static void tell_steps(void)
{
	(void)fprintf(stderr, "stat::executed_steps_of_the_core: %" PRIu64 "\n", steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct bytes b = {.at = data, .left = size};
	const struct world_source source = {.next = next, .arg = &b};

	if (size < 2) {
		return 0;
	}
	if (!tells) {
		tells = atexit(tell_steps) == 0;
	}
	world_init(&w, source, (take(&b) & 1U) == 0);
	/* Coarser than life: a story fits into few steps. */
	w.dt_ns = (int64_t)(take(&b) % 40U + 5U) * NS_PER_MS;
	while (b.left > 0 && w.steps < STEPS_MOST) {
		for (uint32_t n = turn(&w, &b); n > 0 && w.steps < STEPS_MOST; n--) {
			if (!world_step(&w)) {
				(void)fprintf(stderr,
					      "%s broken in step %" PRIu64 ": %s: got %" PRId64
					      ", bound %" PRId64 "\n",
					      w.broken, w.steps, w.text, w.got, w.want);
				abort();
			}
		}
	}
	steps += w.steps;
	return 0;
}
