/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a run: inputs of cycle_step() and a digest of its outputs as a stream of bytes that
 * can be replayed. The cycle thread makes it, so a step in which nothing happens is some 6 bytes and
 * some hundred instructions: times are differences to what is expected, what does not change is not
 * written, a reply of the BMS is written as its difference to the reply before.
 *
 * Stream: records one behind the other. A *key* has all that a replay needs to begin there: the
 * times and the whole state of the core; what follows does not refer to anything before it. Numbers
 * are varints (7 bits a byte, low ones first); signed ones are zigzag coded.
 *
 *   key   0x80, lost, period_ns, now_ns, boot_ns, length of the state, state
 *         lost: steps that are missing before this key. The state is struct cycle as it lies in
 *         memory, without its pointer: fixed-width members only, so it is the same on amd64 and on
 *         32 bit ARM (EABI: 64 bit members aligned to 8). record_layout() is the proof: a sum over
 *         place and size of the members; a reader with another one does not load it
 *   step  a byte of RECORD_ flags; now_ns less (the step before plus the period); boot_ns - now_ns
 *         less that of the step before; and in this order where the flag says so
 *         RECORD_RARE   a byte RARE_FLAGS: what follows of: flags, link, relay, meter, other
 *                       inverter, portal, lost frames, latch
 *         RECORD_LISTS  orders and frames, each a number and so many
 *         RECORD_BYTES  serial bytes: length, then turns of (equal to the reply before, different,
 *                       the different ones)
 *         not RECORD_QUIET: digest of the outputs, 4 bytes
 */
#ifndef JKP_CORE_RECORD_H
#define JKP_CORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cycle.h"
#include "core/cycle_state.h"

#define RECORD_KEY    0x80U
#define RECORD_QUIET  0x01U /* no effect, and the permit is that of the step before */
#define RECORD_BYTES  0x02U
#define RECORD_LISTS  0x04U
#define RECORD_RARE   0x08U
#define RECORD_FAILED 0x10U /* cycle_in.request_failed */
#define RECORD_ASKED  0x20U /* a request to the BMS was an effect: its reply comes next */

#define RARE_FLAGS  0x01U
#define RARE_LINK   0x02U
#define RARE_RELAY  0x04U
#define RARE_GRID   0x08U
#define RARE_LOCAL  0x10U
#define RARE_PORTAL 0x20U
#define RARE_LOST   0x40U
#define RARE_LATCH  0x80U
#define RARE_KEPT   0x3FU /* those that stay until they change */

#define RECORD_STATE_SIZE (sizeof(struct cycle))
/* Most bytes of one record: every varint at its longest, and no reply like the one before. */
#define RECORD_STEP_MAX                                                                    \
	(2U + 2U * 10U + 3U * 5U + (10U + 2U * 5U) + 2U * (10U + 6U * 5U) + 2U * 5U + 2U + \
	 CYCLE_COMMAND_MAX * 25U + CYCLE_CAN_RX_MAX * 10U + 3U + CYCLE_RX_MAX * 2U + 4U)
#define RECORD_KEY_MAX (1U + 5U * 10U + RECORD_STATE_SIZE)

/**
 * struct record_codec - what writer and reader remember of the stream; the module's own
 * @reply: bytes since the newest request, and of the reply before
 */
struct record_codec {
	int64_t now_ns;
	int64_t boot_offset_ns;
	int64_t period_ns;
	uint32_t can_link;
	uint32_t relay;
	uint32_t flags;
	uint32_t known; /* RARE_KEPT bits of what was written since the key */
	struct grid_sample grid;
	struct peer_sample peer[2];
	uint32_t reply_at;
	uint8_t reply[CYCLE_RX_MAX];
	/* of the outputs, for the question whether a step was quiet */
	uint32_t told;
	bool alone; /* writer: no source is configured, so no word of the house ever changes */
};

/**
 * record_layout - sum over place and size of the members of struct cycle
 *
 * The same number: the state of a key can be loaded.
 * Context: any. Pure.
 */
uint32_t record_layout(void);

/**
 * record_digest - number for the outputs of a step
 *
 * Over values, not memory: the same on every machine. Two outputs that differ in one value have
 * different ones for certain, others with a chance of one in four milliards the same.
 * Context: any. Pure. Bound: the longest lists.
 */
uint32_t record_digest(const struct cycle_out *out);

/**
 * record_put_key - begin anew: all that a replay needs
 * @c: memory of the writer; @c->alone stays
 * @core: state of the core after the last step, before the next
 * @now_ns, @boot_ns: of the last step
 * @period_ns: what is expected between two steps
 * @lost: steps missing before it
 * @dst: receives at most RECORD_KEY_MAX bytes
 *
 * Return: their number.
 * Context: the thread that runs the step. Pure. Bound: a copy of the state.
 */
uint32_t record_put_key(struct record_codec *c, const struct cycle *core, int64_t now_ns,
			int64_t boot_ns, int64_t period_ns, uint32_t lost, uint8_t *dst);

/**
 * record_put_step - one step; there was a key before
 * @in: as given to cycle_step()
 * @out: as it came back
 * @dst: receives at most RECORD_STEP_MAX bytes
 *
 * Return: their number.
 * Context: the thread that runs the step. Pure.
 */
uint32_t record_put_step(struct record_codec *c, const struct cycle_in *in,
			 const struct cycle_out *out, uint8_t *dst);

enum record_kind {
	RECORD_ITEM_KEY,
	RECORD_ITEM_STEP,
};

/**
 * struct record_item - one record that was read
 * @kind: enum record_kind
 * @lost: key: steps missing before it
 * @now_ns, @boot_ns, @period_ns: key
 * @state, @state_len: key: inside the stream
 * @in: step
 * @quiet: step: as the writer judged
 * @digest: step that was not quiet
 */
struct record_item {
	enum record_kind kind;
	uint32_t lost;
	int64_t now_ns;
	int64_t boot_ns;
	int64_t period_ns;
	const uint8_t *state;
	uint32_t state_len;
	struct cycle_in in;
	bool quiet;
	uint32_t digest;
};

/**
 * struct record_reader - place in a stream
 * @at, @end: what is left
 */
struct record_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool keyed;
	bool failed;
	struct record_codec codec;
};

void record_reader_init(struct record_reader *r, const uint8_t *bytes, size_t len);

/**
 * record_read - next record
 * @ret: receives it; @ret->in is written completely for a step
 *
 * Whatever the bytes are, no number leaves the range of its list. A reader that has failed
 * stays where it is, and fails again.
 * Return: 0; -ENODATA at the end; -EBADMSG the bytes are no stream, or it is cut off here.
 * Context: any. Pure.
 */
int record_read(struct record_reader *r, struct record_item *ret);

/**
 * record_is_quiet - the writer's judgement for outputs of the reader
 *
 * What is held for the next worker is no reason to write: it is in the digest of the next step that is
 * not quiet, a second later at most.
 * @c: of the reader; remembers the outputs
 */
bool record_is_quiet(struct record_codec *c, const struct cycle_out *out);

/**
 * record_load - state of a key
 * @c: receives it
 * @config: settings that it goes on with
 * @item: a key
 *
 * Return: 0; -EPROTO the state is not of this layout.
 * Context: tools. The bytes must be of a file whose sum is right.
 */
int record_load(struct cycle *c, const struct core_config *config, const struct record_item *item);

/* Why somebody may want to look at the record later. In the order of their weight. */
enum record_trigger {
	RECORD_TRIGGER_NONE,
	RECORD_TRIGGER_STOP,	      /* the ladder went to stop or hold */
	RECORD_TRIGGER_RELAY,	      /* the relay opened; after a trip it always does */
	RECORD_TRIGGER_TRIP,	      /* the ladder went to trip */
	RECORD_TRIGGER_CONTRADICTION, /* the core contradicts itself */
	RECORD_TRIGGER_LATCH,	      /* a fault that a person must acknowledge */
	RECORD_TRIGGER_WORKER,	      /* the worker ended without a word */
	RECORD_TRIGGERS
};

/* Stable word without blanks, "?" outside the list. */
const char *record_trigger_name(uint32_t trigger);

/**
 * struct record_watch - what the step before showed
 */
struct record_watch {
	uint32_t step;
	uint32_t latched;
	uint32_t relay;
};

/**
 * record_watch_step - is this a moment to be kept?
 *
 * An orderly stop is none, and neither is the way up after a start.
 * Return: enum record_trigger.
 * Context: the thread that runs the step. Pure. Bound: constant.
 */
uint32_t record_watch_step(struct record_watch *w, const struct cycle_in *in,
			   const struct telemetry *t);

#endif
