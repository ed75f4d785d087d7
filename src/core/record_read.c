/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of the record. Nothing is believed: every number is bounded before it is used. */
#include "core/record.h"

#include <errno.h>
#include <string.h>

#include "record_bytes.h"

#define FAULT (-EBADMSG)

void record_reader_init(struct record_reader *r, const uint8_t *bytes, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->at = bytes;
	r->end = bytes + len;
}

static bool take_byte(struct record_reader *r, uint32_t *ret)
{
	if (r->at == r->end) {
		return false;
	}
	*ret = *r->at++;
	return true;
}

static bool take(struct record_reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < VARINT_MAX; i++) {
		uint32_t byte = 0;

		if (!take_byte(r, &byte) || (i == VARINT_MAX - 1U && byte > 1U)) {
			return false;
		}
		v |= (uint64_t)(byte & (VARINT_MORE - 1U)) << (VARINT_BITS * i);
		if (byte < VARINT_MORE) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool take_signed(struct record_reader *r, int64_t *ret)
{
	uint64_t v = 0;

	if (!take(r, &v)) {
		return false;
	}
	*ret = unzigzag(v);
	return true;
}

static bool take_u32(struct record_reader *r, uint32_t *ret)
{
	uint64_t v = 0;

	if (!take(r, &v) || v > UINT32_MAX) {
		return false;
	}
	*ret = (uint32_t)v;
	return true;
}

static bool take_i32(struct record_reader *r, int32_t *ret)
{
	int64_t v = 0;

	if (!take_signed(r, &v) || v < INT32_MIN || v > INT32_MAX) {
		return false;
	}
	*ret = (int32_t)v;
	return true;
}

static int read_key(struct record_reader *r, struct record_item *ret)
{
	struct record_codec *c = &r->codec;

	if (!take_u32(r, &ret->lost) || !take_signed(r, &ret->period_ns) ||
	    !take_signed(r, &ret->now_ns) || !take_signed(r, &ret->boot_ns) ||
	    !take_u32(r, &ret->state_len) || ret->state_len > (size_t)(r->end - r->at)) {
		return FAULT;
	}
	ret->kind = RECORD_ITEM_KEY;
	ret->state = r->at;
	r->at += ret->state_len;
	memset(c, 0, sizeof(*c));
	c->now_ns = ret->now_ns;
	c->period_ns = ret->period_ns;
	c->boot_offset_ns = wrap_sub(ret->boot_ns, ret->now_ns);
	r->keyed = true;
	return 0;
}

static bool read_peer(struct record_reader *r, struct peer_sample *ret, int64_t now_ns)
{
	struct peer_sample p;
	int64_t since_ns = 0;

	if (!take_signed(r, &since_ns) || !take_u32(r, &p.source) || !take_u32(r, &p.mode) ||
	    !take_i32(r, &p.current_ma) || !take_i32(r, &p.power_w) ||
	    !take_i32(r, &p.voltage_mv) || !take_i32(r, &p.soc_pct)) {
		return false;
	}
	p.t_ns = wrap_add(now_ns, since_ns);
	*ret = p;
	return true;
}

static bool read_grid(struct record_reader *r, struct grid_sample *ret, int64_t now_ns)
{
	struct grid_sample g;
	int64_t since_ns = 0;

	if (!take_signed(r, &since_ns) || !take_i32(r, &g.power_w) || !take_u32(r, &g.serial)) {
		return false;
	}
	g.t_ns = wrap_add(now_ns, since_ns);
	*ret = g;
	return true;
}

static bool read_rare(struct record_reader *r, struct cycle_in *in)
{
	struct record_codec *c = &r->codec;
	uint32_t rare = 0;

	if (!take_byte(r, &rare)) {
		return false;
	}
	c->known |= rare & RARE_KEPT;
	return ((rare & RARE_FLAGS) == 0U || (take_byte(r, &c->flags) && c->flags <= STEP_FLAGS)) &&
	       ((rare & RARE_LINK) == 0U || take_u32(r, &c->can_link)) &&
	       ((rare & RARE_RELAY) == 0U || take_u32(r, &c->relay)) &&
	       ((rare & RARE_GRID) == 0U || read_grid(r, &c->grid, in->now_ns)) &&
	       ((rare & RARE_LOCAL) == 0U || read_peer(r, &c->peer[0], in->now_ns)) &&
	       ((rare & RARE_PORTAL) == 0U || read_peer(r, &c->peer[1], in->now_ns)) &&
	       ((rare & RARE_LOST) == 0U || take_u32(r, &in->can_lost)) &&
	       ((rare & RARE_LATCH) == 0U || take_u32(r, &in->latch));
}

static bool read_frame(struct record_reader *r, struct can_rx *ret)
{
	uint32_t low = 0;
	uint32_t high = 0;

	if (!take_byte(r, &low) || !take_byte(r, &high)) {
		return false;
	}
	const uint32_t head = low | high << 8;
	const uint32_t len = head >> FRAME_LEN_SHIFT;

	if (len > CAN_MSG_DATA_MAX || len > (size_t)(r->end - r->at)) {
		return false;
	}
	ret->msg.id = (uint16_t)(head & FRAME_ID_MASK);
	ret->msg.len = (uint8_t)len;
	ret->origin = (head >> FRAME_ORIGIN_SHIFT & 1U) != 0U ? CAN_OWN : CAN_FROM_BUS;
	memcpy(ret->msg.data, r->at, len);
	r->at += len;
	return true;
}

static bool read_command(struct record_reader *r, struct command *ret)
{
	return take_u32(r, &ret->kind) && take_i32(r, &ret->value) && take_i32(r, &ret->ttl_ms) &&
	       take_u32(r, &ret->local) && take_u32(r, &ret->seq);
}

static bool read_lists(struct record_reader *r, struct cycle_in *in)
{
	uint32_t n = 0;

	if (!take_byte(r, &n) || n > CYCLE_COMMAND_MAX) {
		return false;
	}
	in->command_len = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		if (!read_command(r, &in->command[i])) {
			return false;
		}
	}
	if (!take_byte(r, &n) || n > CYCLE_CAN_RX_MAX) {
		return false;
	}
	in->can_rx_len = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		if (!read_frame(r, &in->can_rx[i])) {
			return false;
		}
	}
	return true;
}

static bool read_bytes(struct record_reader *r, struct cycle_in *in)
{
	struct record_codec *c = &r->codec;
	uint32_t len = 0;
	uint32_t i = 0;

	if (!take_u32(r, &len) || len == 0U || len > CYCLE_RX_MAX) {
		return false;
	}
	if (len > CYCLE_RX_MAX - c->reply_at) {
		c->reply_at = 0U;
	}
	uint8_t *const old = c->reply + c->reply_at;

	while (i < len) {
		uint32_t equal = 0;
		uint32_t other = 0;

		if (!take_u32(r, &equal) || !take_u32(r, &other) || equal > len - i ||
		    other > len - i - equal || equal + other == 0U ||
		    other > (size_t)(r->end - r->at)) {
			return false;
		}
		memcpy(in->rx + i, old + i, equal);
		i += equal;
		memcpy(in->rx + i, r->at, other);
		r->at += other;
		i += other;
	}
	memcpy(old, in->rx, len);
	c->reply_at += len;
	in->rx_len = (uint16_t)len;
	return true;
}

static bool read_digest(struct record_reader *r, struct record_item *ret)
{
	uint32_t digest = 0;

	for (uint32_t i = 0; i < 4U; i++) {
		uint32_t byte = 0;

		if (!take_byte(r, &byte)) {
			return false;
		}
		digest |= byte << (8U * i);
	}
	ret->digest = digest;
	return true;
}

static int read_step(struct record_reader *r, uint32_t flags, struct record_item *ret)
{
	struct record_codec *c = &r->codec;
	struct cycle_in *in = &ret->in;
	int64_t late_ns = 0;
	int64_t drift_ns = 0;

	memset(in, 0, sizeof(*in));
	if (!r->keyed || !take_signed(r, &late_ns) || !take_signed(r, &drift_ns)) {
		return FAULT;
	}
	c->now_ns = wrap_add(wrap_add(c->now_ns, c->period_ns), late_ns);
	c->boot_offset_ns = wrap_add(c->boot_offset_ns, drift_ns);
	in->now_ns = c->now_ns;
	in->boot_ns = wrap_add(c->now_ns, c->boot_offset_ns);
	ret->quiet = (flags & RECORD_QUIET) != 0U;
	if (((flags & RECORD_RARE) != 0U && !read_rare(r, in)) || c->known != RARE_KEPT ||
	    ((flags & RECORD_LISTS) != 0U && !read_lists(r, in)) ||
	    ((flags & RECORD_BYTES) != 0U && !read_bytes(r, in)) ||
	    (!ret->quiet && !read_digest(r, ret))) {
		return FAULT;
	}
	in->request_failed = (flags & RECORD_FAILED) != 0U;
	in->tty_open = (c->flags & STEP_FLAG_TTY) != 0U;
	in->guard_ok = (c->flags & STEP_FLAG_GUARD) != 0U;
	in->stop = (c->flags & STEP_FLAG_STOP) != 0U;
	in->reload = (c->flags & STEP_FLAG_RELOAD) != 0U;
	in->can_link = c->can_link;
	in->relay = c->relay;
	in->grid = c->grid;
	in->peer_local = c->peer[0];
	in->peer_portal = c->peer[1];
	if ((flags & RECORD_ASKED) != 0U) {
		c->reply_at = 0U;
	}
	ret->kind = RECORD_ITEM_STEP;
	return 0;
}

int record_read(struct record_reader *r, struct record_item *ret)
{
	const uint8_t *begin = r->at;
	uint32_t flags = 0;

	if (r->failed) {
		return FAULT;
	}
	if (!take_byte(r, &flags)) {
		return -ENODATA;
	}
	int rc = FAULT;

	if (flags == RECORD_KEY) {
		rc = read_key(r, ret);
	} else if (flags <= (RECORD_QUIET | RECORD_BYTES | RECORD_LISTS | RECORD_RARE |
			     RECORD_FAILED | RECORD_ASKED)) {
		rc = read_step(r, flags, ret);
	}
	if (rc != 0) {
		r->at = begin;
		r->failed = true;
	}
	return rc;
}

int record_load(struct cycle *c, const struct core_config *config, const struct record_item *item)
{
	if (item->kind != RECORD_ITEM_KEY || item->state_len != RECORD_STATE_SIZE) {
		return -EPROTO;
	}
	memcpy(c, item->state, RECORD_STATE_SIZE);
	c->config = config;
	return 0;
}
