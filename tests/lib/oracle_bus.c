/* SPDX-License-Identifier: Apache-2.0 */
/* What is on the bus: SAF-01, 02, 04, 06, 08, 09, 10, 17. */
#include "lib/oracle_private.h"

#define GRID_MA	   100
#define SMALL_NS   (200 * NS_PER_MS)
#define FLOOR_MV   3000
#define FORCE_BITS 0x38U
#define CHARGE	   0x80U
#define DISCHARGE  0x40U
#define JUDGE_NS   (50 * NS_PER_MS)

static int64_t set_ns(const struct oracle *o)
{
	return o->config->set_ms * NS_PER_MS;
}

static int64_t slots_ns(const struct oracle *o)
{
	const int64_t frames = o->config->profile->count + (o->config->send_305 ? 1 : 0);

	return frames * o->config->slot_ms * NS_PER_MS;
}

static bool is_ours(const struct oracle *o, const struct can_msg *m)
{
	for (uint32_t i = 0; i < o->config->profile->count; i++) {
		const enum pylon_frame kind = (enum pylon_frame)o->config->profile->order[i];

		if (pylon_frame_id(kind) == m->id) {
			return true;
		}
	}
	return o->config->send_305 && m->id == PYLON_ID_ALIVE;
}

/* Three sets without any confirmation, in steps fine enough to send and judge them: dead. */
static bool bus_dead(const struct oracle *o)
{
	const int64_t since = o->unconfirmed_ns == TIME_NEVER
				      ? o->now_ns
				      : max_i64(o->unconfirmed_ns, o->fine_since_ns);

	return o->now_ns - since > 3 * set_ns(o) + slots_ns(o) + JUDGE_NS + 100 * NS_PER_MS;
}

static void follow_confirmations(struct oracle *o, const struct cycle_in *in,
				 const struct telemetry *t)
{
	for (uint32_t i = 0; i < in->can_rx_len && i < CYCLE_CAN_RX_MAX; i++) {
		if (in->can_rx[i].origin == CAN_OWN && is_ours(o, &in->can_rx[i].msg)) {
			o->confirm_ns = o->now_ns;
			o->unconfirmed_ns = TIME_NEVER;
			o->set_limits_ns = TIME_NEVER;
		}
	}
	oracle_claim(o,
		     t->can_confirmed != 0 || o->stop || o->confirm_ns == TIME_NEVER ||
			     o->now_ns - o->confirm_ns >= set_ns(o) ||
			     o->confirm_ns <= o->fine_since_ns,
		     "SAF-17", "writing stopped although frames were confirmed, ms ago",
		     time_ms_since(o->now_ns, o->confirm_ns), o->config->set_ms);
}

/*
 * SAF-06: small falls at most five times a second. A set period that is no multiple of 200 ms has
 * its own fall beside them; one more fits into the window at its edges.
 */
static void count_small_falls(struct oracle *o, const struct pylon_state *s)
{
	const int32_t now_ma[DIRS] = {s->ccl_ma, s->dcl_ma};
	const int32_t sets = (1000 + o->config->set_ms - 1) / o->config->set_ms;
	const int32_t each = (o->config->set_ms + 199) / 200;
	const uint32_t most = (uint32_t)(sets * each) + 1U;
	bool small = false;
	bool large = false;

	for (uint32_t d = 0; d < DIRS; d++) {
		const int64_t fall = (int64_t)o->bus_ma[d] - now_ma[d];

		large = large || (fall > 0 && (now_ma[d] == 0 || fall * 10 >= o->bus_ma[d]));
		small = small || fall > 0;
	}
	if (!o->have_limits || !small || large) {
		return;
	}
	const uint32_t oldest = (o->small_at + ORACLE_SMALL_FALLS - most) % ORACLE_SMALL_FALLS;
	const int64_t then_ns = o->small_ns[oldest];

	oracle_claim(o,
		     then_ns == 0 || o->now_ns - then_ns >= NS_PER_S || then_ns < o->fine_since_ns,
		     "SAF-06", "small falls follow each other too fast; falls within ms",
		     time_ms_since(o->now_ns, then_ns), most);
	o->small_ns[o->small_at] = o->now_ns;
	o->small_at = (o->small_at + 1U) % ORACLE_SMALL_FALLS;
	o->said_small_fall = true;
}

static void see_limits(struct oracle *o, const struct pylon_state *s, const struct telemetry *t,
		       bool dead)
{
	const int64_t cells = o->started ? o->memory.cells : o->held_cells;
	int32_t ovp_mv = 0;
	int64_t top = o->config->cvl_max_mv;

	oracle_claim(o, s->ccl_ma >= 0 && s->dcl_ma >= 0, "SAF-10", "negative limit", s->ccl_ma,
		     s->dcl_ma);
	oracle_claim(o, s->ccl_ma <= t->limit_ma[0] && s->dcl_ma <= t->limit_ma[1], "SAF-02",
		     "0x351 says more than was decided", s->ccl_ma, t->limit_ma[0]);
	if (o->started && oracle_limit(o, ORACLE_OVP, &ovp_mv)) {
		top = min_i64(top, max_i64(ovp_mv - 20, FLOOR_MV));
	}
	if (o->started && oracle_limit(o, ORACLE_PACK_OVP, &ovp_mv)) {
		top = min_i64(top, max_i64(ovp_mv - 20, FLOOR_MV));
	}
	oracle_claim(o, s->cvl_mv <= top * cells, "SAF-09", "CVL above the maximum", s->cvl_mv,
		     top * cells);
	oracle_claim(o, s->cvl_mv >= FLOOR_MV * cells || o->memory.last_cells < cells, "SAF-09",
		     "CVL below 3.0 V a cell", s->cvl_mv, FLOOR_MV * cells);
	if (dead) {
		oracle_claim(o, s->ccl_ma == 0 && s->dcl_ma == 0, "SAF-17", "probe with a limit",
			     s->ccl_ma, s->dcl_ma);
		oracle_claim(o,
			     o->set_limits_ns == TIME_NEVER || o->stop ||
				     o->set_limits_ns <= o->fine_since_ns ||
				     o->now_ns - o->set_limits_ns >= 2 * NS_PER_S - slots_ns(o),
			     "SAF-17", "nobody confirms, and the next set comes after ms",
			     time_ms_since(o->now_ns, o->set_limits_ns), 2000);
		o->set_limits_ns = o->now_ns;
	}
	count_small_falls(o, s);
	o->bus_ma[0] = s->ccl_ma;
	o->bus_ma[1] = s->dcl_ma;
	o->bus_cvl_mv = s->cvl_mv;
	o->have_limits = true;
	o->said_limits = true;
}

static void see_soc(struct oracle *o, int32_t soc, const struct telemetry *t)
{
	const struct core_config *c = o->config;
	const int32_t floor = c->force_charge_soc + 1;
	const bool lost = o->lost_since_ns != TIME_NEVER;
	const bool missing = lost || !o->started || !o->s[0].soc_valid;
	const bool no_charge = o->started && o->s[0].envelope_ma[0] < GRID_MA;
	const bool full = !missing && (t->full != 0 || c->full_rule == FULL_BY_BMS);

	oracle_claim(o, soc <= (full ? 100 : 99), "SAF-09", "SoC 100 and not full", soc, 99);
	oracle_claim(o, soc >= floor || !(missing || no_charge), "SAF-09",
		     "SoC at which the inverter charges from the grid", soc, floor);
	oracle_claim(o, soc <= max_i32(o->held_soc, floor), "SAF-09", "SoC above the measured one",
		     soc, o->held_soc);
	if (!missing && !no_charge && t->step < STEP_HOLD) {
		oracle_claim(o, soc >= min_i32(o->held_soc, 99), "SAF-09",
			     "SoC below the measured one", soc, o->held_soc);
	}
}

static void see_alarms(struct oracle *o, const struct pylon_state *s)
{
	static const struct {
		uint32_t bms;
		uint32_t bus;
	} map[] = {
		{1U << 1 | 1U << 4, PYLON_TEMP_HIGH}, {1U << 3 | 1U << 11, PYLON_CELL_LOW},
		{1U << 10, PYLON_CELL_HIGH},	      {1U << 5, PYLON_CHARGE_OC},
		{1U << 6, PYLON_DISCHARGE_OC},	      {1U << 9, PYLON_TEMP_LOW},
		{1U << 12 | 1U << 13, PYLON_SYSTEM},
	};
	uint32_t mine = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(map) && o->started; i++) {
		mine |= (o->s[0].jk.alarms & map[i].bms) != 0 ? map[i].bus : 0U;
	}
	oracle_claim(o, s->protections == mine, "ALARM", "protection bits are not those of the BMS",
		     s->protections, mine);
	o->bus_comm = (s->warnings & PYLON_COMM) != 0;
	oracle_claim(o, o->bus_comm || o->lost_since_ns == TIME_NEVER, "SAF-03",
		     "0x359 shows no communication fault", s->warnings, PYLON_COMM);
	o->have_alarms = true;
	o->said_alarms = true;
}

static void see_frame(struct oracle *o, const struct can_msg *m, const struct telemetry *t,
		      bool dead)
{
	struct pylon_report r = {0};

	oracle_claim(o, is_ours(o, m), "OUT", "frame that the dialect does not have", m->id, 0);
	oracle_claim(o, pylon_decode(m, &r) == 0, "OUT", "frame that cannot be decoded", m->id, 0);
	if (o->broken != NULL) {
		return;
	}
	o->frames++;
	if (o->unconfirmed_ns == TIME_NEVER) {
		o->unconfirmed_ns = o->now_ns;
	}
	if (r.kind == PYLON_FRAME_LIMITS) {
		see_limits(o, &r.state, t, dead);
	} else if (r.kind == PYLON_FRAME_SOC) {
		see_soc(o, r.state.soc_pct, t);
	} else if (r.kind == PYLON_FRAME_MEASURED) {
		oracle_claim(o, r.state.pack_mv == min_i32((o->held_mv + 5) / 10 * 10, 327670),
			     "SAF-09", "pack voltage is not the newest one", r.state.pack_mv,
			     o->held_mv);
		oracle_claim(o, r.state.pack_mv > 0, "SAF-09", "pack voltage 0", 0, o->held_mv);
	} else if (r.kind == PYLON_FRAME_ALARMS || r.kind == PYLON_FRAME_ALARMS_V13) {
		see_alarms(o, &r.state);
	} else if (r.kind == PYLON_FRAME_REQUEST) {
		o->bus_enable = m->data[0];
		o->have_request = true;
		o->said_request = true;
		oracle_claim(o, (o->bus_enable & ~(CHARGE | DISCHARGE | FORCE_BITS)) == 0, "SAF-08",
			     "unknown bits in 0x35C", o->bus_enable, 0);
		oracle_claim(o, o->config->force_charge || (o->bus_enable & 0x30U) == 0, "SAF-08",
			     "force charge was not allowed", o->bus_enable, 0);
		oracle_claim(o, !dead || o->bus_enable == 0, "SAF-17", "probe with enable bits",
			     o->bus_enable, 0);
	}
}

/* The bus against the decision of this period: falls may not wait (SAF-06). */
static void check_falls(struct oracle *o, const struct telemetry *t, uint32_t d)
{
	const int64_t bus = o->bus_ma[d];
	const int64_t limit = t->limit_ma[d];

	if (bus <= limit) {
		o->pending_ns[d] = TIME_NEVER;
		return;
	}
	if (o->pending_ns[d] == TIME_NEVER) {
		o->pending_ns[d] = o->now_ns;
	}
	oracle_claim(o, limit > 0 && (bus - limit) * 10 < bus, "SAF-06",
		     "a large fall is not on the bus in its period", bus, limit);
	oracle_claim(o, o->now_ns - o->pending_ns[d] < SMALL_NS, "SAF-06",
		     "a small fall waits for ms", time_ms_since(o->now_ns, o->pending_ns[d]), 200);
}

static void check_enables(struct oracle *o)
{
	const uint8_t bits = o->bus_enable;

	if (!o->have_request || !o->have_limits) {
		return;
	}
	oracle_claim(o, o->bus_ma[0] > 0 || (bits & (CHARGE | FORCE_BITS)) == 0, "SAF-08",
		     "CCL is 0 and 0x35C still asks for charge", bits, 0);
	oracle_claim(o, o->bus_ma[1] > 0 || (bits & DISCHARGE) == 0, "SAF-08",
		     "DCL is 0 and 0x35C still enables discharge", bits, 0);
}

static void check_hold(struct oracle *o, const struct telemetry *t)
{
	const bool hold = t->step == STEP_HOLD && t->reason == REASON_DISOBEYED_CHARGE;
	const int32_t floor = FLOOR_MV * o->held_cells;

	if (!hold) {
		o->hold_cvl_mv = 0;
		return;
	}
	oracle_claim(o, t->cvl_mv <= max_i32(floor, o->held_mv), "LADDER",
		     "hold: CVL above the pack voltage", t->cvl_mv, o->held_mv);
	oracle_claim(o,
		     o->hold_cvl_mv == 0 || t->cvl_mv <= o->hold_cvl_mv ||
			     o->memory.last_cells != o->memory.cells || t->cvl_mv <= floor,
		     "LADDER", "hold: CVL rises", t->cvl_mv, o->hold_cvl_mv);
	o->hold_cvl_mv = t->cvl_mv;
}

/* Frames of the step before that did not leave: the inverter still has what it had before. */
static void take_back(struct oracle *o, const struct cycle_in *in)
{
	if (o->said_limits && (in->can_lost & cycle_can_bit(PYLON_ID_LIMITS)) != 0) {
		o->bus_ma[0] = o->was_ma[0];
		o->bus_ma[1] = o->was_ma[1];
		if (o->was_ma[0] != 0 || o->was_ma[1] != 0) {
			o->zero_ns = TIME_NEVER;
		}
		if (o->said_small_fall) {
			o->small_at = (o->small_at + ORACLE_SMALL_FALLS - 1U) % ORACLE_SMALL_FALLS;
			o->small_ns[o->small_at] = 0;
		}
	}
	if (o->said_request && (in->can_lost & cycle_can_bit(PYLON_ID_REQUEST)) != 0) {
		o->bus_enable = o->was_enable;
	}
	if (o->said_alarms && (in->can_lost & (cycle_can_bit(PYLON_ID_ALARMS) |
					       cycle_can_bit(PYLON_ID_ALARMS_V13))) != 0) {
		o->bus_comm = o->was_comm;
		o->writing_ns = o->now_ns;
	}
	o->was_ma[0] = o->bus_ma[0];
	o->was_ma[1] = o->bus_ma[1];
	o->was_enable = o->bus_enable;
	o->was_comm = o->bus_comm;
	o->said_limits = false;
	o->said_request = false;
	o->said_alarms = false;
	o->said_small_fall = false;
}

void oracle_bus(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		const struct telemetry *t)
{
	const bool asks = t->reason == REASON_CAN_LOST || t->reason == REASON_INVERTER_SILENT;
	const bool silent_trip = t->step == STEP_TRIP && o->config->on_trip == ON_TRIP_SILENCE &&
				 !out->permit && !asks;

	/* What could not be sent over such a link need not be sent again at once. */
	const bool usable = in->can_link == CAN_LINK_UP || in->can_link == CAN_LINK_WARNING ||
			    in->can_link == CAN_LINK_PASSIVE;

	take_back(o, in);
	follow_confirmations(o, in, t);
	oracle_claim(o, out->can_tx_len == 0 || o->started || o->held, "SAF-01",
		     "a frame before the first good sample", out->can_tx[0].id, 0);
	const bool dead = bus_dead(o);

	oracle_claim(o, !dead || t->can_confirmed == 0 || silent_trip, "SAF-17",
		     "nobody confirms, and writing goes on; ms",
		     time_ms_since(o->now_ns, o->unconfirmed_ns), 0);
	for (uint32_t i = 0; i < out->can_tx_len && i < CYCLE_CAN_TX_MAX; i++) {
		see_frame(o, &out->can_tx[i], t, t->can_confirmed == 0);
	}
	if (t->can_confirmed != 0 && o->have_limits && !silent_trip && usable) {
		check_falls(o, t, 0);
		check_falls(o, t, 1);
	} else {
		o->pending_ns[0] = TIME_NEVER;
		o->pending_ns[1] = TIME_NEVER;
	}
	if (t->can_confirmed == 0) {
		o->have_request = false; /* what the inverter heard is not known */
		o->writing_ns = o->now_ns;
	}
	if (usable) {
		check_enables(o);
	}
	check_hold(o, t);
	if (o->have_alarms && t->can_confirmed != 0 && !silent_trip &&
	    o->lost_since_ns != TIME_NEVER &&
	    o->now_ns - max_i64(max_i64(o->lost_since_ns, o->fine_since_ns), o->writing_ns) >
		    set_ns(o) + slots_ns(o) + 100 * NS_PER_MS) {
		oracle_claim(o, o->bus_comm, "SAF-03", "no communication fault on the bus; ms",
			     time_ms_since(o->now_ns, o->lost_since_ns), 0);
	}
	oracle_claim(o,
		     !out->stopped || !o->have_limits || silent_trip ||
			     (o->bus_ma[0] == 0 && o->bus_ma[1] == 0) || t->can_confirmed == 0,
		     "SAF-02", "stopped with a limit on the bus", o->bus_ma[0], o->bus_ma[1]);
	oracle_claim(o, !silent_trip || out->can_tx_len == 0, "OUT",
		     "a frame in spite of on_trip = silence", out->can_tx[0].id, 0);
	if (silent_trip) {
		o->alive_armed = false;
		o->unconfirmed_ns = TIME_NEVER;
	}
	o->sent = out->can_tx_len > 0;
	/* Nothing on the bus yet is 0 A as well. */
	if (o->bus_ma[0] != 0 || o->bus_ma[1] != 0) {
		o->zero_ns = TIME_NEVER;
	} else if (o->zero_ns == TIME_NEVER) {
		o->zero_ns = o->now_ns;
	}
}
