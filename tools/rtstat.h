/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtstat: what the realtime part of jkpylond measures of itself. Reads the statistics page and nothing
 * else; an order to begin anew is the one thing that it asks the daemon for.
 */
#ifndef JKP_TOOLS_RTSTAT_H
#define JKP_TOOLS_RTSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "rt/stats.h"

#define RTSTAT_TEXT  512 /* of a message */
#define RTSTAT_SHORT 32	 /* a number with its unit */
#define RTSTAT_PPM   1000000U

/* Exit statuses. */
enum rtstat_exit {
	RTSTAT_OK,
	RTSTAT_USAGE,
	RTSTAT_UNMET,	/* a condition of --watch does not hold */
	RTSTAT_NO_PAGE, /* missing, or not to be read */
	RTSTAT_FOREIGN, /* magic, version or size of another release */
	RTSTAT_DEAD,	/* the daemon that wrote it has ended or stands still */
	RTSTAT_REFUSED, /* the daemon does not begin anew */
	RTSTAT_OUTPUT,	/* cannot be written */
};

/**
 * struct rtstat_page - a copy of the page
 * @now_ns: CLOCK_MONOTONIC when it was taken
 * @inode: of the file: each worker makes a new one
 * @dead: empty, or why this is not what happens now
 * @cell: histograms by enum stats_time
 */
struct rtstat_page {
	struct stats_header header;
	struct telemetry telemetry;
	struct stats_loop loop;
	int64_t now_ns;
	ino_t inode;
	char dead[RTSTAT_TEXT];
	uint32_t cell[STATS_TIMES][STATS_HIST_CELLS];
	uint32_t came[DIRS][RULES];
	uint32_t lasted_ds[DIRS][RULES];
};

/* ---- rtstat_page.c ---- */

/**
 * rtstat_now - CLOCK_MONOTONIC, ns
 */
int64_t rtstat_now(void);

/**
 * rtstat_pause - sleep, shorter if a signal comes
 */
void rtstat_pause(int64_t ns);

/**
 * rtstat_take - copy the page
 * @path: file
 * @ret_page: filled completely for RTSTAT_OK and RTSTAT_DEAD
 * @ret_error: what is wrong and the remedy, RTSTAT_TEXT bytes
 *
 * By read(2): a file that is cut short meanwhile is a message, not a signal.
 * Return: RTSTAT_OK, _NO_PAGE, _FOREIGN, or _DEAD.
 */
enum rtstat_exit rtstat_take(const char *path, struct rtstat_page *ret_page, char *ret_error);

/**
 * rtstat_subtract - what was added to the counters since an earlier copy
 * @page: later copy; counters, times and histograms become differences
 * @base: earlier copy of the same page
 *
 * Shortest and longest time become those of the buckets, unless the longest of all is new.
 */
void rtstat_subtract(struct rtstat_page *page, const struct rtstat_page *base);

/* ---- rtstat_value.c ---- */

/**
 * struct rtstat_time - one kind of time
 * @min_ns, @mean_ns, @max_ns: valid if @count is not 0
 */
struct rtstat_time {
	uint64_t count;
	uint64_t overflow;
	int64_t min_ns;
	int64_t mean_ns;
	int64_t max_ns;
};

struct rtstat_time rtstat_time(const struct rtstat_page *page, uint32_t time);

/**
 * rtstat_quantile - time that a share of all does not exceed
 * @ppm: share, 0..RTSTAT_PPM
 *
 * Return: ns, within 1/64; -1 without values, INT64_MAX above 10 s.
 */
int64_t rtstat_quantile(const struct rtstat_page *page, uint32_t time, uint32_t ppm);

/* Place of a name in enum stats_time, STATS_TIMES if there is none. */
uint32_t rtstat_find_time(const char *name, size_t len);

/**
 * struct rtstat_counter - one number of the page beside times and rules
 * @gauge: a value of now, not a count
 */
struct rtstat_counter {
	const char *name;
	const char *text;
	bool gauge;
	bool in_loop;
	bool is_signed;
	uint8_t size;
	uint16_t offset;
};

extern const struct rtstat_counter rtstat_counters[];
extern const size_t rtstat_counters_len;

int64_t rtstat_counter(const struct rtstat_page *page, const struct rtstat_counter *c);

/* "12.3 us"; "-" for a negative time, "> 10 s" for INT64_MAX. Return: @text, RTSTAT_SHORT bytes. */
const char *rtstat_ns(int64_t ns, char *text);

/* "3 h 12 min". Return: @text, RTSTAT_SHORT bytes. */
const char *rtstat_duration(int64_t ns, char *text);

/* The counting began then: at the start of the worker or when it was told to begin anew. */
int64_t rtstat_measured_ns(const struct rtstat_page *page);

/* ---- output: each writes one copy ---- */

void rtstat_list(FILE *f);
void rtstat_table(FILE *f, const struct rtstat_page *page);
void rtstat_heading(FILE *f, const struct rtstat_page *page);
void rtstat_bars(FILE *f, const struct rtstat_page *page, uint32_t time, int rows, int columns);
void rtstat_svg(FILE *f, const struct rtstat_page *page, uint32_t time);
void rtstat_json(FILE *f, const struct rtstat_page *page);

/* A @page of zeros is no daemon, which is a value too. */
void rtstat_prometheus(FILE *f, const struct rtstat_page *page);

/* ---- rtstat_watch.c ---- */

#define RTSTAT_WATCH_MAX 32

enum rtstat_stat {
	RTSTAT_STAT_QUANTILE,
	RTSTAT_STAT_MIN,
	RTSTAT_STAT_MEAN,
	RTSTAT_STAT_MAX,
	RTSTAT_STAT_COUNT,
	RTSTAT_STAT_OVERFLOW,
	RTSTAT_STAT_COUNTER,
};

enum rtstat_operator {
	RTSTAT_LESS,
	RTSTAT_LESS_EQUAL,
	RTSTAT_GREATER,
	RTSTAT_GREATER_EQUAL,
	RTSTAT_EQUAL,
	RTSTAT_NOT_EQUAL,
};

/**
 * struct rtstat_watch - one condition
 * @text: as given
 * @time, @ppm: of a time
 * @counter: of a counter
 * @value: ns, or a number
 */
struct rtstat_watch {
	const char *text;
	enum rtstat_stat stat;
	enum rtstat_operator operator;
	uint32_t time;
	uint32_t ppm;
	const struct rtstat_counter *counter;
	int64_t value;
};

/**
 * rtstat_watch_parse - read a condition
 * @text: "wakeup.p99.9<200us", "overruns==0"; stays referenced
 * @ret_error: what is wrong and what would be right, RTSTAT_TEXT bytes
 *
 * Return: true, or false with @ret_error.
 */
bool rtstat_watch_parse(const char *text, struct rtstat_watch *ret_watch, char *ret_error);

/**
 * rtstat_watch_judge - write one line with the verdict
 *
 * A time of which there is no value meets no condition but one on its count.
 * Return: whether the condition holds.
 */
bool rtstat_watch_judge(FILE *f, const struct rtstat_page *page, const struct rtstat_watch *w);

/* "250ms", "1.5s", "10min". Return: ns, or -1. */
int64_t rtstat_parse_time(const char *text);

/* ---- rtstat_args.c ---- */

enum rtstat_form {
	RTSTAT_FORM_TABLE,
	RTSTAT_FORM_LIVE,
	RTSTAT_FORM_BARS,
	RTSTAT_FORM_SVG,
	RTSTAT_FORM_JSON,
	RTSTAT_FORM_PROMETHEUS,
	RTSTAT_FORM_WATCH,
	RTSTAT_FORM_RESET,
	RTSTAT_FORM_LIST,
};

/**
 * struct rtstat_options - what was asked for
 * @chosen: @form was given, not found out
 * @dead: a page of a daemon that has ended is good too
 * @output: file, or NULL: standard output
 * @every_ns: repeat, 0 = once
 * @for_ns: of --watch: what happens in that time, 0 = since the measurement began
 */
struct rtstat_options {
	enum rtstat_form form;
	bool chosen;
	bool dead;
	const char *path;
	const char *output;
	uint32_t time;
	int64_t every_ns;
	int64_t for_ns;
	struct rtstat_watch watch[RTSTAT_WATCH_MAX];
	size_t watches;
};

/**
 * rtstat_parse - read the command line; ends the process for --help and --version
 * @o: holds the defaults
 *
 * Return: true, or false after a message.
 */
bool rtstat_parse(int argc, char **argv, struct rtstat_options *o);

/* ---- rtstat_screen.c ---- */

/**
 * rtstat_screen - live screen until a key or a signal ends it
 * @every_ns: time between two pictures
 */
enum rtstat_exit rtstat_screen(const char *path, int64_t every_ns);

#endif
