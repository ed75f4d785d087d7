/* SPDX-License-Identifier: Apache-2.0 */
/* The core of the house: a BMS that answers, a bus that confirms, an inverter that says 0x305. */
#include <string.h>

#include "base/time.h"
#include "proto/pylon.h"
#include "sim_house.h"

#define REPLY_NS    (30 * NS_PER_MS) /* 291 bytes at 115200 baud, and the BMS thinks */
#define START_NS    (1000 * NS_PER_S)
#define REG_RUNTIME 0xB6

void house_core_init(struct house_core *c, const struct core_config *config)
{
	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->config.period_us = HOUSE_CORE_MS * 1000;
	c->config.slot_ms = HOUSE_CORE_MS;
	c->now_ns = START_NS;
	sim_image_default(&c->image, 16, 200.0);
	c->in.grid = GRID_NONE;
	c->in.peer_local = PEER_NONE_HEARD;
	c->in.peer_portal = PEER_NONE_HEARD;
	cycle_init(&c->cycle, &c->config, c->now_ns, c->now_ns, NULL);
}

static void take_frames(struct house_core *c)
{
	struct pylon_report r;

	for (uint8_t i = 0; i < c->out.can_tx_len; i++) {
		const struct can_msg *m = &c->out.can_tx[i];

		c->echo[c->echo_len++] = (struct can_rx){.msg = *m, .origin = CAN_OWN};
		if (m->id == pylon_frame_id(PYLON_FRAME_LIMITS)) {
			memset(&r, 0, sizeof(r));
			(void)pylon_decode(m, &r);
			c->ccl_a = r.state.ccl_ma / 1000.0;
			c->dcl_a = r.state.dcl_ma / 1000.0;
			c->cvl_v = r.state.cvl_mv / 1000.0;
		}
	}
}

static void step(struct house_core *c, const struct sim_battery *battery)
{
	struct cycle_in *in = &c->in;

	in->now_ns = c->now_ns;
	in->boot_ns = c->now_ns;
	in->tty_open = true;
	in->guard_ok = true;
	in->can_link = CAN_LINK_UP;
	in->rx_len = 0;
	in->can_rx_len = 0;
	for (uint8_t i = 0; i < c->echo_len; i++) {
		in->can_rx[in->can_rx_len++] = c->echo[i];
	}
	c->echo_len = 0;
	if (c->now_ns >= c->alive_ns) {
		in->can_rx[in->can_rx_len++] = (struct can_rx){
			.msg = {.id = PYLON_ID_ALIVE, .len = 8},
			.origin = CAN_FROM_BUS,
		};
		c->alive_ns = c->now_ns + NS_PER_S;
	}
	if (c->reply_len > 0 && c->now_ns >= c->reply_ns) {
		memcpy(in->rx, c->reply, c->reply_len);
		in->rx_len = (uint16_t)c->reply_len;
		c->reply_len = 0;
	}
	cycle_step(&c->cycle, in, &c->out);
	take_frames(c);
	for (uint8_t i = 0; i < c->out.event_len; i++) {
		c->events[c->out.event[i].id]++;
	}
	if (c->out.bms_tx_len > 0) {
		struct sim_override o;

		/* Seconds instead of minutes: two equal frames in a row would count as frozen. */
		sim_image_set(&c->image, REG_RUNTIME, (uint32_t)(c->now_ns / NS_PER_S));
		sim_override_clear(&o);
		sim_image_patch(&c->image, battery, &o);
		c->reply_len = (uint32_t)sim_image_encode(&c->image, c->reply);
		c->reply_ns = c->now_ns + REPLY_NS;
	}
	c->now_ns += HOUSE_CORE_MS * NS_PER_MS;
}

void house_core_run(struct house_core *c, double t_s, const struct sim_battery *battery)
{
	const int64_t end_ns = START_NS + (int64_t)(t_s * 1e9);

	while (c->now_ns < end_ns) {
		step(c, battery);
	}
}
