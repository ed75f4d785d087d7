/* SPDX-License-Identifier: Apache-2.0 */
/* A record through the core again: see core/record_replay.h. */
#include "core/record_replay.h"

#include <errno.h>
#include <string.h>

void record_replay_init(struct record_replay *r, const struct core_config *config,
			const struct record_part *part, uint32_t parts, bool cold)
{
	memset(r, 0, sizeof(*r));
	r->config = config;
	r->part = part;
	r->parts = parts;
	r->cold = cold;
}

/* Return: false at the end; *ret_gap: blocks are missing before this one. */
static bool next_part(struct record_replay *r, bool *ret_gap)
{
	if (r->next == r->parts) {
		return false;
	}
	const struct record_part *p = &r->part[r->next++];
	const bool rest = (p->block.flags & RECORD_BLOCK_REST) != 0U;

	*ret_gap = r->next > 1U && p[-1].block.sequence + 1U != p->block.sequence;
	r->reader.at = p->bytes;
	r->reader.end = p->bytes + p->block.len;
	if (!rest) {
		r->reader.keyed = false;
	}
	return true;
}

static int take_key(struct record_replay *r, enum record_event *ret_event)
{
	const bool must = !r->loaded || r->wants_key || r->item.lost > 0U;

	if (r->item.lost > 0U && r->loaded && !r->gap_told) {
		r->gap_told = true;
		r->wants_key = true;
		*ret_event = RECORD_EVENT_LOST;
		return 0;
	}
	r->gap_told = false;
	if (!must || (r->cold && r->loaded)) {
		return -EAGAIN;
	}
	if (r->cold) {
		cycle_init(&r->core, r->config, r->item.now_ns, r->item.boot_ns, NULL);
	} else {
		const int rc = record_load(&r->core, r->config, &r->item);

		if (rc != 0) {
			return rc;
		}
	}
	memset(&r->judge, 0, sizeof(r->judge));
	r->loaded = true;
	r->wants_key = false;
	r->compared = !r->cold;
	*ret_event = RECORD_EVENT_BEGIN;
	return 0;
}

static void make_step(struct record_replay *r)
{
	cycle_step(&r->core, &r->item.in, &r->out);
	r->quiet = record_is_quiet(&r->judge, &r->out);
	r->digest = record_digest(&r->out);
	r->differs = r->compared &&
		     (r->quiet != r->item.quiet || (!r->quiet && r->digest != r->item.digest));
	if (r->differs) {
		r->wants_key = true;
		r->compared = false;
	}
}

int record_replay_next(struct record_replay *r, enum record_event *ret_event)
{
	for (;;) {
		/* A key whose loss was told before is still in @item. */
		int rc = r->gap_told ? 0 : record_read(&r->reader, &r->item);

		if (rc == -ENODATA) {
			bool gap = false;

			if (!next_part(r, &gap)) {
				*ret_event = RECORD_EVENT_END;
				return 0;
			}
			if (gap) {
				r->wants_key = true;
				*ret_event = RECORD_EVENT_GAP;
				return 0;
			}
			continue;
		}
		if (rc != 0) {
			return rc;
		}
		if (r->item.kind == RECORD_ITEM_KEY) {
			/* The writer judges the first step behind a key without the one before. */
			memset(&r->judge, 0, sizeof(r->judge));
			rc = take_key(r, ret_event);
			if (rc != -EAGAIN) {
				return rc;
			}
			continue;
		}
		make_step(r);
		*ret_event = RECORD_EVENT_STEP;
		return 0;
	}
}
