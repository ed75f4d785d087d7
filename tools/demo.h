/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen of tools/demo: reads the statistics page, the bench bus, the log of the daemon and the
 * control socket of the simulator, all from outside.
 */
#ifndef JKP_TOOLS_DEMO_H
#define JKP_TOOLS_DEMO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "canbus.h"
#include "core/telemetry.h"
#include "rt/stats.h"

#define DEMO_LINES     8
#define DEMO_LINE_MAX  200
#define DEMO_IDS       10
#define DEMO_MESSAGE   200
#define DEMO_NS_PER_MS INT64_C(1000000)
#define DEMO_NS_PER_S  INT64_C(1000000000)
#define DEMO_NEVER     INT64_MAX
#define DEMO_REPLY_MAX 8192

/* Newest frame of an identifier. */
struct demo_frame {
	struct can_frame can;
	uint32_t count;
	int64_t t_ns;
};

/**
 * struct demo_seen - what the whole run has shown, for the summary
 * @first_frame_ns: first frame of the battery side on the bus, DEMO_NEVER = none
 * @first_reply_ns: last byte of the first complete reply of the BMS
 * @limit_min, @limit_max: limits on the bus, mA
 * @end_limit_ma: limits when the stop was asked for
 * @age_max_ms: oldest sample while the daemon ran, after the first one
 */
struct demo_seen {
	int64_t first_frame_ns;
	int64_t first_reply_ns;
	int32_t limit_min[DIRS];
	int32_t limit_max[DIRS];
	int32_t end_limit_ma[DIRS];
	int32_t age_max_ms;
	uint32_t frames;
	uint32_t errors; /* lines of the log with priority 3 and more urgent */
};

/**
 * struct demo - the screen
 * @stats_path, @bus_path, @control_path, @log_path: where to look
 * @daemon, @config: for the key that acknowledges
 * @pid_path: file that holds the number of the daemon's process when it is to be stopped
 * @ready_path: file that is made once this program looks and listens
 * @seconds: run this long without keys, 0 = until q
 * @fresh: telemetry has been read within the last second
 */
struct demo {
	const char *stats_path;
	const char *bus_path;
	const char *control_path;
	const char *log_path;
	const char *daemon;
	const char *config;
	const char *pid_path;
	const char *ready_path;
	double seconds;
	struct stats_reader stats;
	bool stats_open;
	bool have;
	bool fresh;
	struct telemetry t;
	struct stats_loop loop;
	struct canbus bus;
	bool bus_open;
	struct demo_frame frame[DEMO_IDS];
	int frames;
	int control;
	char control_line[DEMO_REPLY_MAX];
	size_t control_len;
	char message[DEMO_MESSAGE];
	char fault[DEMO_MESSAGE];
	FILE *log;
	char line[DEMO_LINES][DEMO_LINE_MAX];
	unsigned int lines;
	struct demo_seen seen;
	int64_t start_ns;
	int64_t retry_ns;
};

int64_t demo_now(void);

/* Read everything that is new. */
void demo_collect(struct demo *d);

/* Send one line to the simulator; its answer becomes d->message. */
void demo_command(struct demo *d, const char *line);

/* Whole screen. */
void demo_draw(const struct demo *d);

/* One frame in words. */
void demo_frame_text(const struct can_frame *f, char *buf, size_t size);

/* Without keys: print, stop the daemon, summary. Return: exit status. */
int demo_once(struct demo *d);

#endif
