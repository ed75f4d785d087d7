/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of input traces (format: svc/trace.h): one call, one step. */
#ifndef JKP_TOOLS_REPLAY_TRACE_H
#define JKP_TOOLS_REPLAY_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "core/cycle.h"

#define REPLAY_ERROR_MAX 512

/* What replay_trace_next() found. */
enum replay_kind {
	REPLAY_STEP,
	REPLAY_LOST, /* steps are missing here: @lost of them */
	REPLAY_END,
};

/**
 * struct replay_trace - a trace being read
 * @config: settings from its C lines
 * @now_ns, @boot_ns: arguments of cycle_init()
 * @held: the same, if @has_held
 * @complete: the Z line was there
 * @error: what is wrong, with file and line
 *
 * The other fields are the reader's own.
 */
struct replay_trace {
	struct config config;
	int64_t now_ns;
	int64_t boot_ns;
	struct held held;
	bool has_held;
	bool complete;
	uint32_t lost;
	char error[REPLAY_ERROR_MAX];
	FILE *file;
	const char *path;
	unsigned long line_no;
	char *line;
	size_t line_size;
	bool pending; /* @line was read, but belongs to the next call */
	uint32_t link;
	uint32_t relay;
	struct grid_sample grid;
	struct peer_sample peer_local;
	struct peer_sample peer_portal;
};

/**
 * replay_trace_open - read the head: format, settings, start
 * @path: file, or "-" for standard input
 *
 * Return: 0; -EINVAL wrong content; another -errno; t->error tells.
 */
int replay_trace_open(struct replay_trace *t, const char *path);

/**
 * replay_trace_next - next step
 * @ret_in: inputs, for REPLAY_STEP
 * @ret_kind: what was found
 *
 * Return: 0, or -EINVAL with t->error.
 */
int replay_trace_next(struct replay_trace *t, struct cycle_in *ret_in, enum replay_kind *ret_kind);

void replay_trace_close(struct replay_trace *t);

#endif
