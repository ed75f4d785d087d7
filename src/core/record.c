/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of the record. Runs in the cycle thread: what is usual comes first and is short. */
#include "core/record.h"

#include <string.h>

#include "record_bytes.h"

#define DIGEST_BEGIN 0x811C9DC5U
#define DIGEST_PRIME 0x01000193U
#define DIGEST_FOLD  15U
#define SHORT_MAX    0x3FFFFFFF
#define WORD	     4U

static uint8_t *put(uint8_t *at, uint64_t v)
{
	while (v >= VARINT_MORE) {
		*at++ = (uint8_t)(v | VARINT_MORE);
		v >>= VARINT_BITS;
	}
	*at++ = (uint8_t)v;
	return at;
}

static uint8_t *put_signed(uint8_t *at, int64_t v)
{
	return put(at, zigzag(v));
}

/* The same for what is nearly always short: without numbers of 64 bits on a machine of 32. */
static uint8_t *put_short(uint8_t *at, int64_t v)
{
	const int32_t low = (int32_t)v;

	if (low != v || low > SHORT_MAX || low < -SHORT_MAX) {
		return put_signed(at, v);
	}
	uint32_t u = (uint32_t)low << 1 ^ (low < 0 ? UINT32_MAX : 0U);

	while (u >= VARINT_MORE) {
		*at++ = (uint8_t)(u | VARINT_MORE);
		u >>= VARINT_BITS;
	}
	*at++ = (uint8_t)u;
	return at;
}

/* Each step is reversible for a given word, so one word that differs is always seen. */
static uint32_t mix(uint32_t h, uint32_t word)
{
	h = (h ^ word) * DIGEST_PRIME;
	return h ^ h >> DIGEST_FOLD;
}

static uint32_t mix64(uint32_t h, int64_t v)
{
	return mix(mix(h, (uint32_t)(uint64_t)v), (uint32_t)((uint64_t)v >> 32));
}

static uint32_t mix_bytes(uint32_t h, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		h = mix(h, p[i]);
	}
	return h;
}

static uint32_t mix_held(uint32_t h, const struct held *held)
{
	const struct safety_kept *k = &held->kept;

	h = mix64(h, held->t_ns);
	h = mix(h, (uint32_t)held->pack_mv);
	h = mix(h, (uint32_t)held->pack_ma);
	h = mix(h, (uint32_t)held->temp_dc);
	h = mix(h, (uint32_t)held->soc_pct);
	h = mix(h, (uint32_t)held->cells);
	h = mix(h, held->reload);
	h = mix(h, k->latched);
	h = mix(h, k->level);
	h = mix(h, k->tripped);
	h = mix(h, k->closed);
	for (uint32_t d = 0; d < DIRS; d++) {
		h = mix64(mix64(h, k->over_ns[d]), k->zero_ns[d]);
	}
	h = mix64(h, k->heard_ns);
	for (uint32_t i = 0; i < SAFETY_RECLOSE_MAX; i++) {
		h = mix64(h, k->reclose_ns[i]);
	}
	return h;
}

static uint32_t mix_lists(uint32_t h, const struct cycle_out *out)
{
	for (uint32_t i = 0; i < out->can_tx_len && i < CYCLE_CAN_TX_MAX; i++) {
		const struct can_msg *m = &out->can_tx[i];

		h = mix(h, (uint32_t)m->id << 8 | m->len);
		h = mix_bytes(h, m->data, m->len <= CAN_MSG_DATA_MAX ? m->len : CAN_MSG_DATA_MAX);
	}
	for (uint32_t i = 0; i < out->answer_len && i < CYCLE_ANSWER_MAX; i++) {
		h = mix(h, out->answer[i].seq);
		h = mix(h, out->answer[i].kind);
		h = mix(h, out->answer[i].verdict);
	}
	for (uint32_t i = 0; i < out->event_len && i < CYCLE_EVENT_MAX; i++) {
		h = mix(mix64(h, out->event[i].t_ns), out->event[i].id);
		for (uint32_t a = 0; a < EVENT_ARGS; a++) {
			h = mix(h, (uint32_t)out->event[i].arg[a]);
		}
	}
	return h;
}

uint32_t record_digest(const struct cycle_out *out)
{
	uint32_t h = DIGEST_BEGIN;

	h = mix(h, (uint32_t)out->bms_tx_len | (uint32_t)out->can_tx_len << 8 |
			   (uint32_t)out->event_len << 16 | (uint32_t)out->answer_len << 24);
	h = mix(h, (out->can_flush ? 1U : 0U) | (out->permit ? 2U : 0U) | (out->stopped ? 4U : 0U));
	h = mix(h, out->permit_reason);
	h = mix_bytes(h, out->bms_tx,
		      out->bms_tx_len <= JK_REQUEST_SIZE ? out->bms_tx_len : JK_REQUEST_SIZE);
	return mix_lists(mix_held(h, &out->held), out);
}

#define RECORD_TOLD 0x80000000U /* there was a step before */

_Static_assert(sizeof(struct grid_sample) == 16 && sizeof(struct peer_sample) == 32, "no padding");

bool record_is_quiet(struct record_codec *c, const struct cycle_out *out)
{
	const uint32_t told = RECORD_TOLD | (out->permit ? 1U : 0U) | (out->stopped ? 2U : 0U) |
			      out->permit_reason << 2;

	if (c->told != told) {
		c->told = told;
		return false;
	}
	return (out->bms_tx_len | out->can_tx_len | out->event_len | out->answer_len) == 0 &&
	       !out->can_flush;
}

uint32_t record_put_key(struct record_codec *c, const struct cycle *core, int64_t now_ns,
			int64_t boot_ns, int64_t period_ns, uint32_t lost, uint8_t *dst)
{
	const bool alone = c->alone;
	uint8_t *at = dst;

	memset(c, 0, sizeof(*c));
	c->alone = alone;
	c->now_ns = now_ns;
	c->boot_offset_ns = wrap_sub(boot_ns, now_ns);
	c->period_ns = period_ns;
	*at++ = RECORD_KEY;
	at = put(at, lost);
	at = put_signed(at, period_ns);
	at = put_signed(at, now_ns);
	at = put_signed(at, boot_ns);
	at = put(at, RECORD_STATE_SIZE);
	memcpy(at, core, RECORD_STATE_SIZE);
	/* An address means nothing to a reader, and is nobody's business. */
	memset(at, 0, offsetof(struct cycle, bms));
	return (uint32_t)(at - dst) + (uint32_t)RECORD_STATE_SIZE;
}

static uint32_t flags_of(const struct cycle_in *in)
{
	return (uint32_t)in->tty_open * STEP_FLAG_TTY | (uint32_t)in->guard_ok * STEP_FLAG_GUARD |
	       (uint32_t)in->stop * STEP_FLAG_STOP | (uint32_t)in->reload * STEP_FLAG_RELOAD;
}

#define HOUSE_SIZE (sizeof(struct grid_sample) + 2U * sizeof(struct peer_sample))
_Static_assert(offsetof(struct cycle_in, peer_portal) + sizeof(struct peer_sample) -
				       offsetof(struct cycle_in, grid) ==
			       HOUSE_SIZE &&
		       offsetof(struct record_codec, peer) + 2U * sizeof(struct peer_sample) -
				       offsetof(struct record_codec, grid) ==
			       HOUSE_SIZE,
	       "side by side: compared at once");

static uint32_t house_of(const struct record_codec *c, const struct cycle_in *in)
{
	return (memcmp(&c->grid, &in->grid, sizeof(c->grid)) != 0 ? RARE_GRID : 0U) |
	       (memcmp(&c->peer[0], &in->peer_local, sizeof(c->peer[0])) != 0 ? RARE_LOCAL : 0U) |
	       (memcmp(&c->peer[1], &in->peer_portal, sizeof(c->peer[1])) != 0 ? RARE_PORTAL : 0U);
}

/* What of the rare things is to be written. @flags: flags_of(). */
static uint32_t rare_of(const struct record_codec *c, const struct cycle_in *in, uint32_t flags)
{
	const uint32_t missing = ~c->known & RARE_KEPT;

	/* Usually nothing has changed: one question. */
	if (missing == 0U &&
	    ((c->flags ^ flags) | (c->can_link ^ in->can_link) | (c->relay ^ in->relay) |
	     in->can_lost | in->latch) == 0U &&
	    (c->alone ||
	     memcmp((const uint8_t *)c + offsetof(struct record_codec, grid),
		    (const uint8_t *)in + offsetof(struct cycle_in, grid), HOUSE_SIZE) == 0)) {
		return 0U;
	}
	return missing | (c->flags != flags ? RARE_FLAGS : 0U) |
	       (c->can_link != in->can_link ? RARE_LINK : 0U) |
	       (c->relay != in->relay ? RARE_RELAY : 0U) | house_of(c, in) |
	       (in->can_lost != 0U ? RARE_LOST : 0U) | (in->latch != 0U ? RARE_LATCH : 0U);
}

static uint8_t *put_peer(uint8_t *at, const struct peer_sample *p, int64_t now_ns)
{
	at = put_signed(at, wrap_sub(p->t_ns, now_ns));
	at = put(at, p->source);
	at = put(at, p->mode);
	at = put_signed(at, p->current_ma);
	at = put_signed(at, p->power_w);
	at = put_signed(at, p->voltage_mv);
	return put_signed(at, p->soc_pct);
}

static uint8_t *put_rare(struct record_codec *c, const struct cycle_in *in, uint32_t rare,
			 uint32_t flags, uint8_t *at)
{
	*at++ = (uint8_t)rare;
	c->known |= rare & RARE_KEPT;
	if ((rare & RARE_FLAGS) != 0U) {
		c->flags = flags;
		*at++ = (uint8_t)c->flags;
	}
	if ((rare & RARE_LINK) != 0U) {
		c->can_link = in->can_link;
		at = put(at, in->can_link);
	}
	if ((rare & RARE_RELAY) != 0U) {
		c->relay = in->relay;
		at = put(at, in->relay);
	}
	if ((rare & RARE_GRID) != 0U) {
		c->grid = in->grid;
		at = put_signed(at, wrap_sub(in->grid.t_ns, in->now_ns));
		at = put_signed(at, in->grid.power_w);
		at = put(at, in->grid.serial);
	}
	if ((rare & RARE_LOCAL) != 0U) {
		c->peer[0] = in->peer_local;
		at = put_peer(at, &in->peer_local, in->now_ns);
	}
	if ((rare & RARE_PORTAL) != 0U) {
		c->peer[1] = in->peer_portal;
		at = put_peer(at, &in->peer_portal, in->now_ns);
	}
	if ((rare & RARE_LOST) != 0U) {
		at = put(at, in->can_lost);
	}
	return (rare & RARE_LATCH) != 0U ? put(at, in->latch) : at;
}

static uint8_t *put_lists(const struct cycle_in *in, uint8_t *at)
{
	*at++ = in->command_len;
	for (uint32_t i = 0; i < in->command_len; i++) {
		const struct command *k = &in->command[i];

		at = put(at, k->kind);
		at = put_signed(at, k->value);
		at = put_signed(at, k->ttl_ms);
		at = put(at, k->local);
		at = put(at, k->seq);
	}
	*at++ = in->can_rx_len;
	for (uint32_t i = 0; i < in->can_rx_len; i++) {
		const struct can_rx *rx = &in->can_rx[i];
		const uint32_t len = rx->msg.len <= CAN_MSG_DATA_MAX ? rx->msg.len
								     : CAN_MSG_DATA_MAX;
		const uint32_t head = (rx->msg.id & FRAME_ID_MASK) |
				      (rx->origin == CAN_OWN ? 1U << FRAME_ORIGIN_SHIFT : 0U) |
				      len << FRAME_LEN_SHIFT;

		*at++ = (uint8_t)head;
		*at++ = (uint8_t)(head >> 8);
		memcpy(at, rx->msg.data, len);
		at += len;
	}
	return at;
}

static bool same_word(const uint8_t *a, const uint8_t *b)
{
	uint32_t x = 0;
	uint32_t y = 0;

	memcpy(&x, a, WORD);
	memcpy(&y, b, WORD);
	return x == y;
}

/* Turns of equal and different bytes. Two equal ones inside different ones are not worth a turn. */
static uint8_t *put_bytes(struct record_codec *c, const struct cycle_in *in, uint8_t *at)
{
	const uint32_t len = in->rx_len;
	uint32_t i = 0;

	at = put(at, len);
	if (len > CYCLE_RX_MAX - c->reply_at) {
		c->reply_at = 0U; /* noise: more than any reply has */
	}
	uint8_t *const old = c->reply + c->reply_at;

	while (i < len) {
		uint32_t equal = 0;
		uint32_t other = 0;

		while (i + equal + WORD <= len && same_word(in->rx + i + equal, old + i + equal)) {
			equal += WORD;
		}
		while (i + equal < len && in->rx[i + equal] == old[i + equal]) {
			equal++;
		}
		i += equal;
		while (i + other < len &&
		       (in->rx[i + other] != old[i + other] ||
			(i + other + 1U < len && in->rx[i + other + 1U] != old[i + other + 1U]))) {
			other++;
		}
		at = put(put(at, equal), other);
		memcpy(at, in->rx + i, other);
		at += other;
		i += other;
	}
	memcpy(old, in->rx, len);
	c->reply_at += len;
	return at;
}

static uint8_t *put_digest(uint8_t *at, uint32_t digest)
{
	for (uint32_t i = 0; i < 4U; i++) {
		*at++ = (uint8_t)(digest >> (8U * i));
	}
	return at;
}

uint32_t record_put_step(struct record_codec *c, const struct cycle_in *in,
			 const struct cycle_out *out, uint8_t *dst)
{
	const int64_t boot_offset_ns = wrap_sub(in->boot_ns, in->now_ns);
	const uint32_t kept = flags_of(in);
	const uint32_t rare = rare_of(c, in, kept);
	uint32_t flags = in->request_failed ? RECORD_FAILED : 0U;
	uint8_t *at = dst + 1;

	at = put_short(at, wrap_sub(in->now_ns, wrap_add(c->now_ns, c->period_ns)));
	at = put_short(at, wrap_sub(boot_offset_ns, c->boot_offset_ns));
	c->now_ns = in->now_ns;
	c->boot_offset_ns = boot_offset_ns;
	if (rare != 0U) {
		flags |= RECORD_RARE;
		at = put_rare(c, in, rare, kept, at);
	}
	if ((in->command_len | in->can_rx_len) != 0) {
		flags |= RECORD_LISTS;
		at = put_lists(in, at);
	}
	if (in->rx_len > 0U) {
		flags |= RECORD_BYTES;
		at = put_bytes(c, in, at);
	}
	if (record_is_quiet(c, out)) {
		flags |= RECORD_QUIET;
	} else {
		at = put_digest(at, record_digest(out));
		if (out->bms_tx_len > 0U) {
			flags |= RECORD_ASKED;
			c->reply_at = 0U; /* a new reply begins */
		}
	}
	*dst = (uint8_t)flags;
	return (uint32_t)(at - dst);
}
