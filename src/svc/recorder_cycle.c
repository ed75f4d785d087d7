/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder's part of the cycle thread: encode, copy, done. */
#include <string.h>

#include "base/time.h"
#include "svc/recorder.h"

#define PREFIX ((uint32_t)sizeof(struct recorder_prefix))
/* Most bytes a step takes in the staging area. */
#define STEP_ROOM (PREFIX + recorder_room(RECORD_STEP_MAX))

static bool has_room(struct recorder *r, uint32_t head, uint32_t len)
{
	if (RECORDER_STAGING - (head - r->tail_seen) >= len) {
		return true;
	}
	r->tail_seen = atomic_load_explicit(&r->staging->tail, memory_order_acquire);
	return RECORDER_STAGING - (head - r->tail_seen) >= len;
}

/* Where a record is made: in the staging area itself, unless it would reach over its end. */
static uint8_t *place_for(struct recorder *r, uint32_t head, uint32_t room)
{
	const uint32_t at = head % RECORDER_STAGING;

	return RECORDER_STAGING - at >= room ? r->staging->data + at : r->scratch;
}

/* The record of @len bytes at @place, behind room for its prefix, is complete. */
static void publish(struct recorder *r, uint8_t *place, uint32_t len, uint32_t key, int64_t now_ns)
{
	struct recorder_staging *s = r->staging;
	const struct recorder_prefix prefix = {.len = len, .key = key, .now_ns = now_ns};
	const uint32_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

	memcpy(__builtin_assume_aligned(place, 8), &prefix, sizeof(prefix));
	if (place == r->scratch) {
		const uint32_t at = head % RECORDER_STAGING;
		const uint32_t n = PREFIX + len;
		const uint32_t first = n < RECORDER_STAGING - at ? n : RECORDER_STAGING - at;

		memcpy(s->data + at, r->scratch, first);
		memcpy(s->data, r->scratch + first, n - first);
	}
	atomic_store_explicit(&s->head, head + PREFIX + recorder_room(len), memory_order_release);
	r->filled = key != 0U ? len : r->filled + len;
}

static bool stage_step(struct recorder *r, const struct cycle_in *in, const struct cycle_out *out)
{
	const uint32_t head = atomic_load_explicit(&r->staging->head, memory_order_relaxed);

	if (!has_room(r, head, STEP_ROOM)) {
		return false;
	}
	uint8_t *place = place_for(r, head, STEP_ROOM);

	publish(r, place, record_put_step(&r->codec, in, out, place + PREFIX), 0U, in->now_ns);
	return true;
}

static bool stage_key(struct recorder *r, const struct cycle *core, int64_t now_ns, int64_t boot_ns)
{
	const uint32_t head = atomic_load_explicit(&r->staging->head, memory_order_relaxed);

	if (!has_room(r, head, PREFIX + recorder_room(RECORD_KEY_MAX))) {
		return false;
	}
	uint8_t *place = place_for(r, head, PREFIX + recorder_room(RECORD_KEY_MAX));

	publish(r, place,
		record_put_key(&r->codec, core, now_ns, boot_ns, r->period_ns, r->lost,
			       place + PREFIX),
		1U, now_ns);
	r->key_ns = now_ns;
	r->lost = 0U;
	return true;
}

void recorder_begin(struct recorder *r, const struct cycle *core, int64_t now_ns, int64_t boot_ns,
		    int64_t period_ns)
{
	r->period_ns = period_ns;
	r->codec.alone = r->config.alone;
	r->watch = (struct record_watch){.step = STEP_INIT, .latched = core->safety.latched};
	(void)stage_key(r, core, now_ns, boot_ns); /* the area is empty */
}

static void note_moment(struct recorder *r, const struct cycle_in *in, const struct telemetry *t)
{
	/* Usually nothing has moved. */
	if (r->watch.step == t->step && r->watch.latched == t->latched &&
	    r->watch.relay == in->relay) {
		return;
	}
	const uint32_t trigger = record_watch_step(&r->watch, in, t);

	if (trigger != RECORD_TRIGGER_NONE) {
		const struct recorder_moment m = {
			.t_ns = in->now_ns,
			.trigger = trigger,
			.reason = t->latched != REASON_NONE ? t->latched : t->reason,
		};

		(void)ring_push(&r->moments, &m);
	}
}

uint32_t recorder_step(void *context, const struct cycle_in *in, const struct cycle_out *out,
		       const struct cycle *core)
{
	struct recorder *r = context;

	if (atomic_load_explicit(&r->off, memory_order_relaxed) != 0U) {
		return 0U;
	}
	note_moment(r, in, &core->telemetry);
	if (!r->need_key && stage_step(r, in, out)) {
		if (r->filled > RECORD_BLOCK_BYTES - RECORD_STEP_MAX ||
		    in->now_ns - r->key_ns >= RECORDER_KEY_NS) {
			/* The state now is what the next step begins with. */
			r->need_key = !stage_key(r, core, in->now_ns, in->boot_ns);
		}
		return atomic_load_explicit(&r->lost_total, memory_order_relaxed);
	}
	const uint32_t lost = atomic_load_explicit(&r->lost_total, memory_order_relaxed) + 1U;

	r->lost++;
	atomic_store_explicit(&r->lost_total, lost, memory_order_relaxed);
	r->need_key = !stage_key(r, core, in->now_ns, in->boot_ns);
	return lost;
}
