/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record through the core again. The state is that of the first key; from there the core goes on
 * by itself, over the keys that follow, until steps are missing or an output differs: then the next
 * key is where it begins anew.
 *
 * A cold run loads no state: the core begins as after a start, with the inputs of the record. That
 * is what a version with another state can do with it.
 */
#ifndef JKP_CORE_RECORD_REPLAY_H
#define JKP_CORE_RECORD_REPLAY_H

#include "core/record.h"
#include "core/record_file.h"

enum record_event {
	RECORD_EVENT_STEP,  /* one step was made: item.in, out, core */
	RECORD_EVENT_BEGIN, /* state of a key was loaded, or cycle_init() was called */
	RECORD_EVENT_GAP,   /* what is between two blocks is not there */
	RECORD_EVENT_LOST,  /* item.lost steps are missing */
	RECORD_EVENT_END,
};

/**
 * struct record_replay - caller-owned, large: static storage
 * @differs: the outputs of the newest step are not those that were recorded
 * @digest: of the newest outputs
 * @compared: steps since the state was loaded can be compared
 *
 * The other fields are the module's own.
 */
struct record_replay {
	const struct core_config *config;
	const struct record_part *part;
	uint32_t parts;
	uint32_t next;
	bool cold;
	bool loaded;
	bool differs;
	bool compared;
	bool wants_key;
	bool gap_told;
	uint32_t digest;
	bool quiet;
	struct record_reader reader;
	struct record_codec judge;
	struct record_item item;
	struct cycle core;
	struct cycle_out out;
};

/**
 * record_replay_init - begin
 * @config: settings of the recording
 * @part, @parts: of record_file_parse(); outlive @r
 * @cold: load no state
 */
void record_replay_init(struct record_replay *r, const struct core_config *config,
			const struct record_part *part, uint32_t parts, bool cold);

/**
 * record_replay_next - until something has happened
 *
 * Return: 0; -EPROTO a key has a state of another layout; -EBADMSG a block cannot be understood.
 * Context: tools, tests. Pure.
 */
int record_replay_next(struct record_replay *r, enum record_event *ret_event);

#endif
