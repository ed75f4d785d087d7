/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/bench.h"

#include <string.h>

void bench_battery_all(struct bench_battery *bat, uint16_t mv)
{
	for (uint32_t i = 0; i < JK_CELLS_MAX; i++) {
		bat->cell_mv[i] = mv;
	}
}

void bench_battery_default(struct bench_battery *bat)
{
	memset(bat, 0, sizeof(*bat));
	bat->cells = 16;
	bench_battery_all(bat, 3300);
	bat->pack_mv = -1;
	bat->box_raw = 20;
	bat->battery_raw = 20;
	bat->mos_raw = 25;
	bat->soc_pct = 55;
	bat->cycles = 12;
	bat->status = JK_STATUS_CHARGE_MOS | JK_STATUS_DISCHARGE_MOS;
	bat->pack_ovp_mv = -1;
	bat->pack_uvp_mv = -1;
	bat->cell_ovp_mv = 3650;
	bat->cell_uvp_mv = 2500;
	bat->charge_ocp_a = 100;
	bat->discharge_ocp_a = 100;
	bat->charge_otp_c = 70;
	bat->discharge_otp_c = 70;
	bat->charge_utp_c = -20;
	bat->discharge_utp_c = -30;
	bat->mos_otp_c = 110;
	bat->box_otp_c = 80;
	bat->capacity_ah = 200;
	bat->version = 1;
}

struct writer {
	uint8_t *at;
	uint64_t omit;
};

static void put(struct writer *w, enum jk_reg reg, uint8_t tag, uint32_t value, uint32_t size)
{
	if ((w->omit & JK_HAVE(reg)) != 0) {
		return;
	}
	*w->at++ = tag;
	for (uint32_t i = size; i > 0; i--) {
		*w->at++ = (uint8_t)(value >> (8U * (i - 1U)));
	}
}

static uint16_t current_raw(const struct bench_battery *bat)
{
	const int32_t units = bat->pack_ma / 10;

	if (bat->version == 0) {
		return (uint16_t)(10000 - units);
	}
	return (uint16_t)(units >= 0 ? 0x8000 | units : -units);
}

/* In units of 10 mV; more than 655 V cannot be said. */
static uint32_t pack_raw(const struct bench_battery *bat, int32_t pack_mv, uint16_t cell_mv)
{
	return (uint32_t)min_i32((pack_mv < 0 ? bat->cells * cell_mv : pack_mv) / 10, UINT16_MAX);
}

uint32_t bench_reply_build(const struct bench_battery *bat, uint8_t *ret_frame)
{
	static const uint8_t head[] = {0x4E, 0x57, 0, 0, 0, 0, 0, 0, 0x06, 0x00, 0x01};
	struct writer w = {.at = ret_frame + sizeof(head), .omit = bat->omit};
	int32_t sum_mv = 0;
	uint32_t sum = 0;

	memcpy(ret_frame, head, sizeof(head));
	*w.at++ = 0x79;
	*w.at++ = (uint8_t)(3U * bat->cells);
	for (uint32_t i = 0; i < bat->cells; i++) {
		*w.at++ = (uint8_t)(i + 1U);
		*w.at++ = (uint8_t)(bat->cell_mv[i] >> 8);
		*w.at++ = (uint8_t)bat->cell_mv[i];
		sum_mv += bat->cell_mv[i];
	}
	put(&w, JK_REG_MOS_TEMP, 0x80, bat->mos_raw, 2);
	put(&w, JK_REG_BOX_TEMP, 0x81, bat->box_raw, 2);
	put(&w, JK_REG_BATTERY_TEMP, 0x82, bat->battery_raw, 2);
	put(&w, JK_REG_VOLTAGE, 0x83, (uint32_t)((bat->pack_mv < 0 ? sum_mv : bat->pack_mv) / 10),
	    2);
	put(&w, JK_REG_CURRENT, 0x84, current_raw(bat), 2);
	put(&w, JK_REG_SOC, 0x85, bat->soc_pct, 1);
	put(&w, JK_REG_TEMP_SENSORS, 0x86, 2, 1);
	put(&w, JK_REG_CYCLES, 0x87, bat->cycles, 2);
	put(&w, JK_REG_CYCLE_CAPACITY, 0x89, 0, 4);
	put(&w, JK_REG_CELL_COUNT, 0x8A, bat->cells, 2);
	put(&w, JK_REG_ALARMS, 0x8B, bat->alarms, 2);
	put(&w, JK_REG_STATUS, 0x8C, bat->status, 2);
	put(&w, JK_REG_PACK_OVP, 0x8E, pack_raw(bat, bat->pack_ovp_mv, bat->cell_ovp_mv), 2);
	put(&w, JK_REG_PACK_UVP, 0x8F, pack_raw(bat, bat->pack_uvp_mv, bat->cell_uvp_mv), 2);
	put(&w, JK_REG_CELL_OVP, 0x90, bat->cell_ovp_mv, 2);
	put(&w, JK_REG_CELL_UVP, 0x93, bat->cell_uvp_mv, 2);
	put(&w, JK_REG_DISCHARGE_OCP, 0x97, bat->discharge_ocp_a, 2);
	put(&w, JK_REG_CHARGE_OCP, 0x99, bat->charge_ocp_a, 2);
	put(&w, JK_REG_MOS_OTP, 0x9E, bat->mos_otp_c, 2);
	put(&w, JK_REG_BOX_OTP, 0xA0, bat->box_otp_c, 2);
	put(&w, JK_REG_CHARGE_OTP, 0xA3, bat->charge_otp_c, 2);
	put(&w, JK_REG_DISCHARGE_OTP, 0xA4, bat->discharge_otp_c, 2);
	put(&w, JK_REG_CHARGE_UTP, 0xA5, (uint16_t)bat->charge_utp_c, 2);
	put(&w, JK_REG_DISCHARGE_UTP, 0xA7, (uint16_t)bat->discharge_utp_c, 2);
	put(&w, JK_REG_CELL_SETTING, 0xA9, bat->cells, 1);
	put(&w, JK_REG_CAPACITY, 0xAA, bat->capacity_ah, 4);
	put(&w, JK_REG_RUNTIME, 0xB6, bat->runtime_min, 4);
	put(&w, JK_REG_VERSION, 0xC0, bat->version, 1);
	memset(w.at, 0, 4);
	w.at += 4;
	*w.at++ = 0x68;
	const uint32_t len = (uint32_t)(w.at - ret_frame) + 4U;

	ret_frame[2] = (uint8_t)((len - 2U) >> 8);
	ret_frame[3] = (uint8_t)(len - 2U);
	for (uint32_t i = 0; i < len - 4U; i++) {
		sum += ret_frame[i];
	}
	*w.at++ = 0;
	*w.at++ = 0;
	*w.at++ = (uint8_t)(sum >> 8);
	*w.at++ = (uint8_t)sum;
	return len;
}

void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	core_config_default(&b->config);
	bench_battery_default(&b->battery);
	b->now_ns = BENCH_START_NS;
	b->can_link = CAN_LINK_UP;
	b->reply_ms = BENCH_REPLY_MS;
	b->grid = GRID_NONE;
	b->local = PEER_NONE_HEARD;
	b->portal = PEER_NONE_HEARD;
	b->cap_ma[DIR_CHARGE] = INT32_MAX;
	b->cap_ma[DIR_DISCHARGE] = INT32_MAX;
	b->alive = true;
}

void bench_boot(struct bench *b, const struct held *held)
{
	cycle_init(&b->cycle, &b->config, b->now_ns, b->now_ns + b->boot_offset_ns, held);
}

static void fill_serial(struct bench *b)
{
	struct cycle_in *in = &b->in;

	in->tty_open = !b->unplugged;
	if (b->unplugged) {
		b->reply_len = 0;
		return;
	}
	if (b->inject_len > 0) {
		memcpy(in->rx, b->inject, b->inject_len);
		in->rx_len = (uint16_t)b->inject_len;
		b->inject_len = 0;
	} else if (b->reply_len > 0 && b->now_ns >= b->reply_at_ns) {
		memcpy(in->rx, b->reply, b->reply_len);
		in->rx_len = (uint16_t)b->reply_len;
		b->reply_len = 0;
	}
}

static void fill_bus(struct bench *b)
{
	struct cycle_in *in = &b->in;

	in->can_link = b->can_link;
	in->can_lost = b->lost;
	b->lost = 0;
	for (uint8_t i = 0; i < b->echo_len; i++) {
		in->can_rx[in->can_rx_len++] = b->echo[i];
	}
	b->echo_len = 0;
	if (b->alive && b->frames > 0 && b->now_ns >= b->next_alive_ns) {
		in->can_rx[in->can_rx_len++] = (struct can_rx){
			.msg = {.id = PYLON_ID_ALIVE, .len = 8},
			.origin = CAN_FROM_BUS,
		};
		b->next_alive_ns = b->now_ns + NS_PER_S;
	}
}

static void take_frames(struct bench *b)
{
	for (uint8_t i = 0; i < b->out.can_tx_len; i++) {
		const struct can_msg *m = &b->out.can_tx[i];

		if ((b->refused & cycle_can_bit(m->id)) != 0) {
			b->lost |= cycle_can_bit(m->id);
			continue;
		}
		b->frames++;
		for (uint32_t k = 0; k < PYLON_FRAMES; k++) {
			if (pylon_frame_id((enum pylon_frame)k) == m->id) {
				b->last[k] = *m;
				b->last_ns[k] = b->now_ns;
				b->count[k]++;
			}
		}
		if (!b->bus_dead) {
			b->echo[b->echo_len++] = (struct can_rx){.msg = *m, .origin = CAN_OWN};
		}
	}
}

static int64_t heard_ns(const struct bench *b, int64_t t_ns)
{
	return t_ns == BENCH_ALWAYS ? b->now_ns : t_ns;
}

static void fill_house(struct bench *b)
{
	b->in.grid = b->grid;
	b->in.peer_local = b->local;
	b->in.peer_portal = b->portal;
	b->in.grid.t_ns = heard_ns(b, b->grid.t_ns);
	b->in.peer_local.t_ns = heard_ns(b, b->local.t_ns);
	b->in.peer_portal.t_ns = heard_ns(b, b->portal.t_ns);
}

/* Proposals live for a period. */
static void fill_orders(struct bench *b)
{
	static const uint32_t kind[DIRS] = {COMMAND_LIMIT_CHARGE, COMMAND_LIMIT_DISCHARGE};
	struct cycle_in *in = &b->in;

	if (b->have_command) {
		in->command[in->command_len++] = b->command;
		b->have_command = false;
	}
	for (uint32_t d = 0; d < DIRS; d++) {
		if (b->cap_ma[d] != INT32_MAX) {
			in->command[in->command_len++] = (struct command){
				.kind = kind[d],
				.value = max_i32(b->cap_ma[d], 0),
				.ttl_ms = 1,
			};
		}
	}
}

void bench_step(struct bench *b)
{
	memset(&b->in, 0, sizeof(b->in));
	b->in.now_ns = b->now_ns;
	b->in.boot_ns = b->now_ns + b->boot_offset_ns;
	b->in.guard_ok = !b->guard_dead;
	b->in.stop = b->stop;
	b->in.reload = b->reload;
	b->in.relay = b->relay;
	fill_house(b);
	fill_orders(b);
	fill_serial(b);
	fill_bus(b);
	cycle_step(&b->cycle, &b->in, &b->out);
	take_frames(b);
	for (uint8_t i = 0; i < b->out.event_len; i++) {
		b->events[b->out.event[i].id]++;
	}
	if (b->out.bms_tx_len > 0) {
		b->requests++;
		if (!b->silent && !b->unplugged) {
			b->reply_len = bench_reply_build(&b->battery, b->reply);
			b->reply_at_ns = b->now_ns + b->reply_ms * NS_PER_MS;
		}
	}
	if (b->watch != NULL) {
		b->watch(b, b->watch_arg);
	}
	b->now_ns += (int64_t)b->config.period_us * NS_PER_US;
}

void bench_run_ms(struct bench *b, int64_t ms)
{
	const int64_t end_ns = b->now_ns + ms * NS_PER_MS;

	while (b->now_ns < end_ns) {
		bench_step(b);
	}
}

void bench_warm_up(struct bench *b)
{
	bench_boot(b, NULL);
	bench_run_ms(b, 90000);
}

void bench_fast_ramps(struct core_config *c)
{
	c->rise_ma_s = 100000000;
	c->calm_ms = 0;
}

static struct pylon_report decode(const struct bench *b, enum pylon_frame kind)
{
	struct pylon_report r;

	memset(&r, 0, sizeof(r));
	(void)pylon_decode(&b->last[kind], &r);
	return r;
}

int32_t bench_ccl_ma(const struct bench *b)
{
	return b->count[PYLON_FRAME_LIMITS] == 0 ? -1 : decode(b, PYLON_FRAME_LIMITS).state.ccl_ma;
}

int32_t bench_dcl_ma(const struct bench *b)
{
	return b->count[PYLON_FRAME_LIMITS] == 0 ? -1 : decode(b, PYLON_FRAME_LIMITS).state.dcl_ma;
}

int32_t bench_cvl_mv(const struct bench *b)
{
	return decode(b, PYLON_FRAME_LIMITS).state.cvl_mv;
}

int32_t bench_soc(const struct bench *b)
{
	return decode(b, PYLON_FRAME_SOC).state.soc_pct;
}

uint8_t bench_enables(const struct bench *b)
{
	return b->last[PYLON_FRAME_REQUEST].data[0];
}

uint32_t bench_protections(const struct bench *b)
{
	return decode(b, PYLON_FRAME_ALARMS).state.protections;
}

uint32_t bench_warnings(const struct bench *b)
{
	return decode(b, PYLON_FRAME_ALARMS).state.warnings;
}

const struct telemetry *bench_tele(const struct bench *b)
{
	return cycle_telemetry(&b->cycle);
}
