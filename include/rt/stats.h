/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics page: a file of fixed layout, mapped by the worker, read-only to everybody else
 * (rtstat and friends). It is made under another name and renamed, so nobody sees half of it. The
 * cycle never reads it back, and of the services only those that report (solis, mqtt): whatever
 * others do to the file, control is not affected.
 */
#ifndef JKP_RT_STATS_H
#define JKP_RT_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rule.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "core/telemetry.h"
#include "rt/can.h"
#include "rt/serial.h"

#define STATS_MAGIC	   "JKPSTAT" /* with its NUL: 8 bytes */
#define STATS_VERSION	   4U
#define STATS_DEFAULT_PATH "/run/jkpylon/stats"
#define STATS_ERROR_MAX	   320

/*
 * Histogram of nanoseconds, in units of 16 ns: 32 buckets to each power of two, so that the middle of
 * a bucket is within 1/64 of every value in it (512 ns and above; below that within 8 ns). Values
 * above STATS_HIST_MAX_NS are counted in a cell of their own behind the buckets; negative ones
 * count as 0.
 */
#define STATS_HIST_UNIT_BITS 4U
#define STATS_HIST_SUB_BITS  5U
#define STATS_HIST_SUB	     (1U << STATS_HIST_SUB_BITS)
#define STATS_HIST_MAX_NS    (10 * NS_PER_S)
#define STATS_HIST_BUCKETS   806U
#define STATS_HIST_CELLS     (STATS_HIST_BUCKETS + 1U)

/**
 * stats_hist_index - cell of a value
 * @ns: any value
 *
 * Return: 0..STATS_HIST_BUCKETS - 1, or STATS_HIST_BUCKETS for a value that is too large.
 * Context: any thread. Pure. Bound: some ten instructions, no loop.
 */
static inline uint32_t stats_hist_index(int64_t ns)
{
	if (ns > STATS_HIST_MAX_NS) {
		return STATS_HIST_BUCKETS;
	}
	const uint32_t v = ns < 0 ? 0U : (uint32_t)(ns >> STATS_HIST_UNIT_BITS);
	const uint32_t shift = 31U - STATS_HIST_SUB_BITS -
			       (uint32_t)__builtin_clz(v | STATS_HIST_SUB);

	return (shift << STATS_HIST_SUB_BITS) + (v >> shift);
}

/**
 * stats_hist_low_ns - smallest value of a bucket
 * @index: 0..STATS_HIST_BUCKETS; the last one is the end of the buckets
 *
 * Context: any thread. Pure.
 */
int64_t stats_hist_low_ns(uint32_t index);

/**
 * stats_hist_count - number of values in a histogram, those that are too large included
 * @cell: STATS_HIST_CELLS counters
 *
 * Context: tools, tests. Pure.
 */
uint64_t stats_hist_count(const uint32_t *cell);

/**
 * stats_hist_quantile_ns - value that a share of all values does not exceed
 * @cell: STATS_HIST_CELLS counters
 * @ppm: share, 0..1000000
 *
 * The middle of the bucket in which the value with that rank lies: of n values in ascending order
 * that of number ceil(n * share), the first one for a share of 0.
 *
 * Return: ns; INT64_MAX if the value is too large for the buckets; -1 if there are no values.
 * Context: tools, tests. Pure.
 */
int64_t stats_hist_quantile_ns(const uint32_t *cell, uint32_t ppm);

/*
 * What is measured: id, name, what it is, what starts the clock, what stops it. The name is that of
 * the tools and of the manual, which has a paragraph on each.
 */
/* clang-format off */
#define STATS_TIME_LIST(X)                                                                          \
	X(WAKEUP,      "wakeup",      "wake-up latency of the cycle",                               \
	  "the time the cycle asked to be woken at", "the cycle reads the clock")                   \
	X(RUN,         "run",         "run time of one period",                                     \
	  "the cycle reads the clock after its wake-up", "all its work of the period is done")      \
	X(RESPONSE,    "response",    "BMS data to CAN driver",                                     \
	  "the period that reads the last byte of a reply", "frames made of it are with the driver")\
	X(BMS_FIRST,   "bms_first",   "BMS turn-around, first byte",                                \
	  "a request is with the driver", "the period that reads the first byte after it")          \
	X(BMS_REST,    "bms_rest",    "BMS turn-around, rest of the reply",                         \
	  "the period that reads the first byte", "the period that reads the last one")             \
	X(DATA_AGE,    "data_age",    "age of the BMS data on the bus",                             \
	  "the request that the newest sample answers", "a frame with its values is with the driver")\
	X(END_TO_END,  "end_to_end",  "BMS data to confirmed CAN frame",                            \
	  "the period that reads the last byte of a reply", "the first frame made of it is confirmed")\
	X(CAN_CONFIRM, "can_confirm", "confirmation of a CAN frame",                                \
	  "a frame is given to the driver", "the controller confirms it as sent")                   \
	X(ALIVE,       "alive",       "interval of the inverter's 0x305",                           \
	  "a frame 0x305 is received", "the next one is received")                                  \
	X(COMMAND,     "command",     "order in the ring to the cycle",                             \
	  "an order is put into the ring", "the period that takes it out")                          \
	X(GUARD,       "guard",       "period of the guard",                                        \
	  "a period sees that the guard's beat has moved", "the next one that sees it")
/* clang-format on */

enum stats_time {
#define X(id, name, text, from, to) STATS_##id,
	STATS_TIME_LIST(X)
#undef X
	STATS_TIMES
};

/* Of an enum stats_time: static strings, "?" outside the list. Context: any thread. Pure. */
const char *stats_time_name(uint32_t time);
const char *stats_time_text(uint32_t time);
const char *stats_time_from(uint32_t time);
const char *stats_time_to(uint32_t time);

/**
 * struct stats_range - summary of one kind of time, ns
 * @min_ns: INT64_MAX while @count is 0
 */
struct stats_range {
	int64_t min_ns;
	int64_t max_ns;
	int64_t sum_ns;
	uint64_t count;
};

/* struct stats_loop.flags */
#define STATS_LOCKED	  (1U << 0) /* memory is locked */
#define STATS_FIFO	  (1U << 1) /* SCHED_FIFO */
#define STATS_PINNED	  (1U << 2)
#define STATS_DMA_LATENCY (1U << 3)
#define STATS_REFUSED	  (1U << 4) /* something of this was refused: rt.required=no */
#define STATS_ARMED	  (1U << 5) /* faults and switches are counted from here on */
#define STATS_DRY_RUN	  (1U << 6)
#define STATS_STOPPED	  (1U << 7) /* orderly end */
#define STATS_TRACING	  (1U << 8)

/**
 * struct stats_loop - counters of the cycle thread
 * @t_ns: time of the newest period
 * @period_ns: configured
 * @since_ns: since when @time, the histograms and the counters of rules count
 * @cycles: periods run
 * @overruns: periods whose work ended behind the next wake-up time
 * @missed: periods skipped by overruns
 * @time: summaries by enum stats_time
 * @minor_faults, @major_faults, @voluntary, @involuntary: page faults and context switches of the
 *	thread since it was armed (getrusage, once a second)
 * @serial_rx_bytes, @serial_tx_bytes: bytes of the BMS line
 * @serial, @can: counters of the ports
 * @can_state: by enum can_link: how often that state was entered
 * @commands: orders taken from the ring
 * @events_lost: events the logger was too slow for
 * @trace_lost: steps missing in the trace
 * @flags: STATS_*
 * @resets: how often @since_ns was set anew by an order
 */
struct stats_loop {
	int64_t t_ns;
	int64_t period_ns;
	int64_t since_ns;
	uint64_t cycles;
	uint64_t overruns;
	uint64_t missed;
	struct stats_range time[STATS_TIMES];
	int64_t minor_faults;
	int64_t major_faults;
	int64_t voluntary;
	int64_t involuntary;
	uint64_t serial_rx_bytes;
	uint64_t serial_tx_bytes;
	struct serial_stats serial;
	struct can_stats can;
	uint32_t can_state[CAN_LINKS];
	uint32_t commands;
	uint32_t events_lost;
	uint32_t trace_lost;
	uint32_t flags;
	uint32_t resets;
};

/**
 * struct stats_header - first bytes of the page
 * @magic, @version, @size: a reader refuses anything else
 * @pid: worker
 * @start_ns: CLOCK_MONOTONIC at start
 * @start_wall_s: wall clock at start, for display
 * @boot_id: text of /proc/sys/kernel/random/boot_id: a page of an older boot is dead
 * @*_offset, @*_size: where the parts lie, from the start of the page; a part of type snapshot
 *	begins with struct snapshot
 * @hist_cells: of each of the @hist_times histograms, see STATS_HIST_CELLS
 * @rules_offset, @rules: counters of limited_by, for DIRS directions each
 */
struct stats_header {
	char magic[8];
	uint32_t version;
	uint32_t size;
	int32_t pid;
	uint32_t pad;
	int64_t start_ns;
	int64_t start_wall_s;
	char boot_id[40];
	char program[24];
	uint32_t telemetry_offset;
	uint32_t telemetry_size;
	uint32_t loop_offset;
	uint32_t loop_size;
	uint32_t hist_offset;
	uint32_t hist_cells;
	uint32_t hist_times;
	uint32_t hist_sub_bits;
	uint32_t hist_unit_bits;
	uint32_t rules_offset;
	uint32_t rules;
	uint32_t directions;
};

/**
 * struct stats_rules - which rule has set the limits on the bus, by direction and enum rule
 * @came: how often it came to bind
 * @lasted_ds: how long it did, 0.1 s; the one that binds now is brought up to date once a second
 */
struct stats_rules {
	_Atomic uint32_t came[DIRS][RULES];
	_Atomic uint32_t lasted_ds[DIRS][RULES];
};

/**
 * struct stats_page - the page
 * @telemetry: written when something happens, and every 20 ms
 * @loop: written every 0.1 s
 * @hist: by enum stats_time; every cell is a counter of its own, modulo 2^32
 * @rules: every cell is a counter of its own too
 */
struct stats_page {
	struct stats_header header;
	_Alignas(64) SNAPSHOT_OF(struct telemetry) telemetry;
	_Alignas(64) SNAPSHOT_OF(struct stats_loop) loop;
	_Alignas(64) _Atomic uint32_t hist[STATS_TIMES][STATS_HIST_CELLS];
	_Alignas(64) struct stats_rules rules;
};

/**
 * stats_create - make the page
 * @path: file; its directory is made if it is missing and may be made
 * @ret_page: the mapped page
 * @ret_lock_fd: descriptor of PATH.lock, held exclusively until it is closed
 * @ret_error: what is wrong and the remedy, STATS_ERROR_MAX bytes
 *
 * Return: 0; -EWOULDBLOCK another instance holds this page; or another -errno.
 * Context: worker, init.
 */
int stats_create(const char *path, struct stats_page **ret_page, int *ret_lock_fd, char *ret_error);

/**
 * stats_in_memory - whether the file lies on a file system without a disk behind it
 *
 * Pages of a disk file are written back and then fault again when written to.
 * Context: init.
 */
bool stats_in_memory(const char *path);

/**
 * stats_destroy - unmap, release the lock; the file stays and can still be read
 * @page: may be NULL
 * @lock_fd: may be -1
 */
void stats_destroy(struct stats_page *page, int lock_fd);

/**
 * stats_check - whether a file is a page that this program understands
 * @path: its name, for the message
 * @h: its first bytes, zeroed behind its end
 * @size: of the file, bytes
 * @ret_error: what is wrong and the remedy, STATS_ERROR_MAX bytes
 *
 * Return: 0, or -EPROTO.
 * Context: tools, tests.
 */
int stats_check(const char *path, const struct stats_header *h, int64_t size, char *ret_error);

/**
 * struct stats_reader - a page opened for reading
 */
struct stats_reader {
	const struct stats_page *page;
};

/**
 * stats_open - map a page read-only
 * @path: file
 * @ret_reader: reader; untouched on failure
 * @ret_error: what is wrong and the remedy, STATS_ERROR_MAX bytes
 *
 * Refuses a wrong magic, version or size by name.
 * Return: 0; -EPROTO not a page of this version; or another -errno.
 * Context: tools, tests.
 */
int stats_open(const char *path, struct stats_reader *ret_reader, char *ret_error);

/**
 * stats_read - newest values
 * @reader: reader
 * @ret_telemetry, @ret_loop: may be NULL; filled completely or, on failure, unspecified
 *
 * Tries a few times; a tool may try again later.
 * Return: 0; -EAGAIN the writer was at work each time, or has not written yet.
 * Context: tools, tests; never a realtime thread.
 */
int stats_read(const struct stats_reader *reader, struct telemetry *ret_telemetry,
	       struct stats_loop *ret_loop);

/**
 * stats_close - unmap
 */
void stats_close(struct stats_reader *reader);

#endif
