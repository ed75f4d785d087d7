/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is replayed: a text trace (svc/trace.h), or a file of the recorder, a ring or an incident
 * (core/record_file.h). Each step is made here, so that who looks at it need not know which it is.
 */
#ifndef JKP_TOOLS_REPLAY_SOURCE_H
#define JKP_TOOLS_REPLAY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record_replay.h"
#include "replay_trace.h"

enum source_event {
	SOURCE_BEGIN, /* the core begins here: cycle_init(), or a state that was recorded */
	SOURCE_STEP,
	SOURCE_LOST, /* @lost steps are missing, 0 = not known how many */
	SOURCE_END,
};

/**
 * struct replay_source - one file
 * @config: settings of the recording
 * @start_ns: CLOCK_MONOTONIC that times are told from
 * @wall_offset_ns: CLOCK_REALTIME - CLOCK_MONOTONIC, if @has_wall
 * @is_record: of the recorder; then @head
 * @other: another program wrote it, or one with another state
 * @in, @out, @core: of the newest step
 * @differs: it is a record, and its outputs were others
 * @complete: nothing is cut off
 * @error: what is wrong, with the file's name
 *
 * The other fields are the module's own.
 */
struct replay_source {
	struct config config;
	int64_t start_ns;
	int64_t wall_offset_ns;
	bool has_wall;
	bool is_record;
	bool other;
	struct record_head head;
	struct cycle_in *in;
	struct cycle_out *out;
	struct cycle *core;
	bool differs;
	uint32_t lost;
	bool complete;
	char error[REPLAY_ERROR_MAX];
	/* ---- */
	const char *path;
	bool begun;
	int64_t last_ns;
	struct replay_trace trace;
	struct cycle_in trace_in;
	struct cycle_out trace_out;
	struct cycle trace_core;
	uint8_t *bytes;
	struct record_part *part;
	uint32_t parts;
	struct record_replay record;
};

/**
 * source_open - read the head, and all of a record
 * @path: file, or "-" for standard input
 * @cold: of a record: begin as after a start instead of loading the recorded state
 *
 * Return: 0; -EINVAL wrong content; -EPROTO a record whose state this program cannot load; another
 * -errno; s->error tells.
 */
int source_open(struct replay_source *s, const char *path, bool cold);

/* Return: 0, or -EINVAL with s->error. */
int source_next(struct replay_source *s, enum source_event *ret_event);

/* Newest time in the file, 0 if it is not known before the end. */
int64_t source_last_ns(const struct replay_source *s);

void source_close(struct replay_source *s);

#endif
