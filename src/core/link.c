/* SPDX-License-Identifier: Apache-2.0 */
#include "core/link.h"

#include <string.h>

#include "base/time.h"
#include "base/units.h"

void link_init(struct link *l)
{
	memset(l, 0, sizeof(*l));
	l->set_ns = TIME_NEVER;
	l->small_fall_ns = TIME_NEVER;
	l->alarm_ns = TIME_NEVER;
	l->stuck_ns = TIME_NEVER;
	l->alive_ns = TIME_NEVER;
	l->alive_start_ns = TIME_NEVER;
	l->state = CAN_LINK_UP;
}

static bool is_ours(const struct core_config *c, uint16_t id)
{
	for (uint32_t i = 0; i < c->profile->count; i++) {
		if (pylon_frame_id((enum pylon_frame)c->profile->order[i]) == id) {
			return true;
		}
	}
	return c->send_305 && id == PYLON_ID_ALIVE;
}

static void take_alive(struct link *l, int64_t now_ns, struct sink *sink)
{
	if (l->alive_ns != TIME_NEVER) {
		const int32_t ms = time_ms_since(now_ns, l->alive_ns);

		l->alive_min_ms = l->alive_intervals == 0 ? ms : min_i32(l->alive_min_ms, ms);
		l->alive_max_ms = max_i32(l->alive_max_ms, ms);
		l->alive_sum_ms += ms;
		l->alive_intervals++;
	}
	l->alive_ns = now_ns;
	l->alive_count++;
	if (!l->alive_reported) {
		sink_emit(sink, EVENT_INVERTER_ALIVE, 0, 0, 0, 0);
		l->alive_reported = true;
	}
	l->silence_reported = false;
}

static void take_confirmation(struct link *l, struct sink *sink)
{
	l->confirmed++;
	l->confirmed_in_set++;
	l->unconfirmed = 0;
	if (l->stuck) {
		l->stuck = false;
		l->stuck_ns = TIME_NEVER;
		sink_emit(sink, EVENT_CAN_CONFIRMED, 0, 0, 0, 0);
	}
}

static bool is_lost(const struct link *l, enum pylon_frame kind)
{
	return (l->lost & 1U << kind) != 0;
}

static void take_losses(struct link *l, uint32_t can_lost)
{
	for (uint32_t kind = 0; can_lost != 0 && kind < PYLON_FRAMES; kind++) {
		if (l->sent[kind].len != 0 &&
		    (can_lost & cycle_can_bit(pylon_frame_id((enum pylon_frame)kind))) != 0) {
			l->lost |= 1U << kind;
		}
	}
}

/* Without a bus every frame is refused: then the next set is early enough. */
static bool may_repeat(const struct link *l)
{
	return l->state == CAN_LINK_UP || l->state == CAN_LINK_WARNING ||
	       l->state == CAN_LINK_PASSIVE;
}

void link_receive(struct link *l, const struct core_config *c, const struct cycle_in *in,
		  struct sink *sink)
{
	if (in->can_link != l->state) {
		sink_emit(sink, EVENT_CAN_LINK, (int32_t)in->can_link, (int32_t)l->state, 0, 0);
		l->state = in->can_link;
	}
	take_losses(l, in->can_lost);
	if (l->alive_start_ns == TIME_NEVER && l->set_ns != TIME_NEVER) {
		l->alive_start_ns = in->now_ns; /* nobody can answer before we speak */
	}
	for (uint32_t i = 0; i < CYCLE_CAN_RX_MAX && i < in->can_rx_len; i++) {
		const struct can_rx *rx = &in->can_rx[i];

		if (rx->origin == CAN_OWN) {
			if (is_ours(c, rx->msg.id)) {
				take_confirmation(l, sink);
			}
		} else if (rx->msg.id == PYLON_ID_ALIVE) {
			take_alive(l, in->now_ns, sink);
		} else if (is_ours(c, rx->msg.id)) {
			sink_emit(sink, EVENT_CAN_DUPLICATE, rx->msg.id, 0, 0, 0);
		}
	}
	if (c->expect_alive != EXPECT_ALIVE_NEVER && !l->silence_reported &&
	    l->alive_start_ns != TIME_NEVER) {
		const int64_t since = max_i64(l->alive_ns, l->alive_start_ns);
		const int32_t ms = time_ms_since(in->now_ns, since);

		if (ms >= LINK_ALIVE_EVENT_MS) {
			sink_emit(sink, EVENT_INVERTER_SILENT, ms, 0, 0, 0);
			l->silence_reported = true;
			l->alive_reported = false;
		}
	}
}

/* The enable bits follow the limits that are on the bus: a rise is said in 0x351 first (SAF-08). */
static struct can_msg encode(const struct link *l, const struct core_config *c,
			     enum pylon_frame kind, const struct pylon_state *s)
{
	struct pylon_state say = *s;

	const bool unheard = is_lost(l, PYLON_FRAME_LIMITS);

	if (unheard || l->sent_ma[DIR_CHARGE] == 0) {
		say.charge_enable = false;
		say.force_charge_1 = false;
		say.force_charge_2 = false;
		say.full_charge = false;
	}
	if (unheard || l->sent_ma[DIR_DISCHARGE] == 0) {
		say.discharge_enable = false;
	}
	return pylon_encode(c->profile, kind, &say);
}

/* What was said last falls, by a regular set too: the time between small falls runs from here. */
static void note_limits(struct link *l, int64_t now_ns, const struct pylon_state *s)
{
	if (is_lost(l, PYLON_FRAME_LIMITS) || s->ccl_ma < l->sent_ma[DIR_CHARGE] ||
	    s->dcl_ma < l->sent_ma[DIR_DISCHARGE]) {
		l->small_fall_ns = now_ns;
	}
	l->sent_ma[DIR_CHARGE] = s->ccl_ma;
	l->sent_ma[DIR_DISCHARGE] = s->dcl_ma;
}

static void put(struct link *l, const struct core_config *c, int64_t now_ns, enum pylon_frame kind,
		const struct pylon_state *s, struct cycle_out *out)
{
	const struct can_msg m = encode(l, c, kind, s);

	if (m.len == 0 || out->can_tx_len >= CYCLE_CAN_TX_MAX) {
		return;
	}
	out->can_tx[out->can_tx_len++] = m;
	l->sent[kind] = m;
	l->frames++;
	if (kind == PYLON_FRAME_LIMITS) {
		note_limits(l, now_ns, s);
	}
	l->lost &= ~(1U << kind);
}

/* How urgent is the fall from what was sent last: 0 none, 1 small, 2 at once (SAF-06). */
static int fall_of(int32_t sent_ma, int32_t now_ma)
{
	if (now_ma >= sent_ma) {
		return 0;
	}
	const bool large = now_ma == 0 || (int64_t)(sent_ma - now_ma) * 1000 >=
						  (int64_t)sent_ma * LINK_FALL_NOW_PM;

	return large ? 2 : 1;
}

static void put_if_changed(struct link *l, const struct core_config *c, int64_t now_ns,
			   enum pylon_frame kind, const struct pylon_state *s,
			   struct cycle_out *out)
{
	const struct can_msg m = encode(l, c, kind, s);

	if (m.len != 0 && memcmp(m.data, l->sent[kind].data, sizeof(m.data)) != 0) {
		put(l, c, now_ns, kind, s, out);
	}
}

/* Changed, or the last one did not leave. */
static void put_if_untold(struct link *l, const struct core_config *c, int64_t now_ns,
			  enum pylon_frame kind, const struct pylon_state *s, struct cycle_out *out)
{
	if (is_lost(l, kind)) {
		put(l, c, now_ns, kind, s, out);
	} else {
		put_if_changed(l, c, now_ns, kind, s, out);
	}
}

/* A new alarm does not wait for the next set either, but it does not flood the bus. */
static void send_alarms(struct link *l, const struct core_config *c, int64_t now_ns,
			const struct pylon_state *s, struct cycle_out *out)
{
	const uint8_t before = out->can_tx_len;

	if (l->alarm_ns != TIME_NEVER && now_ns - l->alarm_ns < LINK_SMALL_FALL_NS) {
		return;
	}
	put_if_untold(l, c, now_ns, PYLON_FRAME_ALARMS, s, out);
	put_if_untold(l, c, now_ns, PYLON_FRAME_ALARMS_V13, s, out);
	if (out->can_tx_len != before) {
		l->alarm_ns = now_ns;
	}
}

/*
 * A fall that did not leave is still to be told: it leaves again in the next period, with the value
 * of then. At most 0x351 and 0x35C a period, and only as long as each is reported lost: no storm
 * (FLT-20), and room for the frame of the set, without which nobody would see that none is confirmed.
 */
static void send_falls(struct link *l, const struct core_config *c, int64_t now_ns,
		       const struct pylon_state *s, struct cycle_out *out)
{
	const int charge = fall_of(l->sent_ma[DIR_CHARGE], s->ccl_ma);
	const int discharge = fall_of(l->sent_ma[DIR_DISCHARGE], s->dcl_ma);
	const bool again = may_repeat(l) && is_lost(l, PYLON_FRAME_LIMITS);
	const bool at_once = charge == 2 || discharge == 2 || again;
	const bool small = charge == 1 || discharge == 1;

	if (at_once || (small && (l->small_fall_ns == TIME_NEVER ||
				  now_ns - l->small_fall_ns >= LINK_SMALL_FALL_NS))) {
		put(l, c, now_ns, PYLON_FRAME_LIMITS, s, out);
		put_if_untold(l, c, now_ns, PYLON_FRAME_REQUEST, s, out);
		put_if_changed(l, c, now_ns, PYLON_FRAME_ALARMS, s, out);
		put_if_changed(l, c, now_ns, PYLON_FRAME_ALARMS_V13, s, out);
	} else if (may_repeat(l) && is_lost(l, PYLON_FRAME_REQUEST)) {
		put(l, c, now_ns, PYLON_FRAME_REQUEST, s, out);
	}
}

/* Frames of a set, with the 0x305 of the original script if that is wanted. */
static uint32_t set_frames(const struct core_config *c)
{
	return c->profile->count + (c->send_305 ? 1U : 0U);
}

static int64_t set_period(const struct link *l, const struct core_config *c)
{
	return l->stuck ? LINK_PROBE_NS : c->set_ms * NS_PER_MS;
}

/* One set has had its time: was any frame since its beginning confirmed? */
static void judge_set(struct link *l, struct cycle_out *out, struct sink *sink)
{
	l->judged = true;
	if (l->confirmed_in_set > 0) {
		return;
	}
	if (l->unconfirmed < LINK_UNCONFIRMED_SETS) {
		l->unconfirmed++;
	}
	if (l->unconfirmed < LINK_UNCONFIRMED_SETS) {
		return;
	}
	if (!l->stuck) {
		l->stuck = true;
		l->stuck_ns = l->set_ns;
		sink_emit(sink, EVENT_CAN_UNCONFIRMED, l->unconfirmed, 0, 0, 0);
	}
	out->can_flush = true;
}

static void start_set(struct link *l, int64_t set_ns)
{
	l->set_ns = set_ns;
	l->slot = 0;
	l->judged = false;
	l->confirmed_in_set = 0;
	l->sets++;
	l->alive_counter++;
}

void link_pause(struct link *l)
{
	l->set_ns = TIME_NEVER;
	l->alive_start_ns = TIME_NEVER; /* silence is judged from the next frame on */
	l->stuck = false;
	l->stuck_ns = TIME_NEVER;
	l->unconfirmed = 0;
}

void link_restart_set(struct link *l, int64_t now_ns)
{
	start_set(l, now_ns);
}

/* Judge the running set, begin the next one when it is due. */
static void run_sets(struct link *l, const struct core_config *c, int64_t now_ns,
		     struct cycle_out *out, struct sink *sink)
{
	if (l->set_ns == TIME_NEVER) {
		start_set(l, now_ns);
		return;
	}
	const int64_t in_set = now_ns - l->set_ns;
	const int64_t slots_ns = (int64_t)set_frames(c) * c->slot_ms * NS_PER_MS;

	if (!l->judged && l->slot >= set_frames(c) && in_set >= slots_ns + LINK_JUDGE_NS) {
		judge_set(l, out, sink);
	}
	const int64_t period = set_period(l, c);

	if (in_set >= period) {
		if (!l->judged && l->slot >= set_frames(c)) {
			judge_set(l, out, sink); /* slots so long that nothing is left to wait */
		}
		/*
		 * On the grid while the cycle keeps time; after a long gap a new grid begins.
		 * Probes keep their distance in any case.
		 */
		start_set(l, l->stuck || in_set >= 2 * period ? now_ns : l->set_ns + period);
	}
}

static void ask_for_nothing(struct pylon_state *s)
{
	s->ccl_ma = 0;
	s->dcl_ma = 0;
	s->charge_enable = false;
	s->discharge_enable = false;
	s->force_charge_1 = false;
	s->force_charge_2 = false;
	s->full_charge = false;
}

void link_send(struct link *l, const struct core_config *c, int64_t now_ns,
	       const struct pylon_state *s, struct cycle_out *out, struct sink *sink)
{
	struct pylon_state say = *s;

	run_sets(l, c, now_ns, out, sink);
	if (l->stuck) {
		/* A probe may wait in a controller that nobody listens to. */
		ask_for_nothing(&say);
	} else if (l->sent[PYLON_FRAME_LIMITS].len != 0) {
		send_falls(l, c, now_ns, &say, out);
		send_alarms(l, c, now_ns, &say, out);
	}
	say.alive = l->alive_counter;
	/* One frame of the set a period at most: a late wake-up must not cause a burst. */
	if (l->slot < set_frames(c) && out->can_tx_len < LINK_BURST_MAX &&
	    now_ns - l->set_ns >= (int64_t)l->slot * c->slot_ms * NS_PER_MS) {
		put(l, c, now_ns,
		    l->slot < c->profile->count ? (enum pylon_frame)c->profile->order[l->slot]
						: PYLON_FRAME_ALIVE,
		    &say, out);
		l->slot++;
	}
}

bool link_set_confirmed(const struct link *l, const struct core_config *c)
{
	return l->slot >= set_frames(c) && l->confirmed_in_set >= set_frames(c);
}

bool link_limits_lost(const struct link *l)
{
	return is_lost(l, PYLON_FRAME_LIMITS);
}

int32_t link_lost_ms(const struct link *l, int64_t now_ns)
{
	return l->stuck ? time_ms_since(now_ns, l->stuck_ns) : 0;
}
