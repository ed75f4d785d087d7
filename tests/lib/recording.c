/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/recording.h"

#include <assert.h>
#include <string.h>

#define BLOCKS_AT 512U

static void end_block(struct recording *r)
{
	uint8_t *bytes = r->file + r->at + sizeof(r->block);

	r->block.sum = record_sum(0U, bytes, r->block.len);
	record_block_seal(&r->block);
	memcpy(r->file + r->at, &r->block, sizeof(r->block));
	r->at += record_block_stride(r->block.len);
	r->head.blocks++;
}

static void key(struct recording *r, const struct cycle *core, int64_t now_ns, int64_t boot_ns,
		uint32_t lost)
{
	const uint32_t sequence = r->block.sequence + 1U;

	if (r->block.len > 0U) {
		end_block(r);
	}
	assert(r->at + 2U * RECORD_BLOCK_SIZE < RECORDING_SIZE);
	r->block = (struct record_block){.sequence = sequence, .first_ns = now_ns};
	r->block.last_ns = now_ns;
	r->block.len = record_put_key(&r->codec, core, now_ns, boot_ns, r->period_ns, lost,
				      r->file + r->at + sizeof(r->block));
	r->last_key_ns = now_ns;
}

void recording_begin(struct recording *r, const struct cycle *core, int64_t now_ns, int64_t boot_ns,
		     int64_t period_ns, int64_t key_ns, const char *settings)
{
	memset(r, 0, sizeof(*r));
	r->period_ns = period_ns;
	r->key_ns = key_ns;
	r->at = BLOCKS_AT;
	r->head.layout = record_layout();
	r->head.config_at = sizeof(r->head);
	r->head.config_len = (uint32_t)strlen(settings);
	assert(r->head.config_at + r->head.config_len <= BLOCKS_AT);
	r->head.config_sum = record_sum(0U, settings, r->head.config_len);
	r->head.blocks_at = BLOCKS_AT;
	r->head.start_ns = now_ns;
	memcpy(r->head.version, "test", sizeof("test"));
	memcpy(r->file + r->head.config_at, settings, r->head.config_len);
	key(r, core, now_ns, boot_ns, 0U);
}

void recording_step(struct recording *r, const struct cycle_in *in, const struct cycle_out *out,
		    const struct cycle *core)
{
	const uint32_t trigger = record_watch_step(&r->watch, in, cycle_telemetry(core));

	if (trigger > r->trigger) {
		r->trigger = trigger;
		r->head.trigger = trigger;
		r->head.reason = cycle_telemetry(core)->reason;
		r->head.trigger_ns = in->now_ns;
	}
	r->block.len += record_put_step(&r->codec, in, out,
					r->file + r->at + sizeof(r->block) + r->block.len);
	r->block.last_ns = in->now_ns;
	if (r->block.len > RECORD_BLOCK_BYTES - RECORD_STEP_MAX ||
	    in->now_ns - r->last_key_ns >= r->key_ns) {
		key(r, core, in->now_ns, in->boot_ns, 0U);
	}
}

void recording_lose(struct recording *r, const struct cycle_in *in, const struct cycle *core,
		    uint32_t lost)
{
	key(r, core, in->now_ns, in->boot_ns, lost);
}

void recording_end(struct recording *r)
{
	end_block(r);
	record_head_seal(&r->head);
	memcpy(r->file, &r->head, sizeof(r->head));
	r->len = r->at;
}
