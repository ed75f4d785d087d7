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

#include "base/snapshot.h"
#include "core/telemetry.h"
#include "rt/can.h"
#include "rt/serial.h"

#define STATS_MAGIC	   "JKPSTAT" /* with its NUL: 8 bytes */
#define STATS_VERSION	   3U
#define STATS_DEFAULT_PATH "/run/jkpylon/stats"
#define STATS_ERROR_MAX	   320

/*
 * Histogram of nanoseconds: 16 buckets to each power of two (relative error <= 1/16); values below
 * 16 have a bucket each, values of 2^32 ns and more fall into the last one.
 */
#define STATS_HIST_SUB_BITS 4U
#define STATS_HIST_SUB	    (1U << STATS_HIST_SUB_BITS)
#define STATS_HIST_BUCKETS  ((32U - STATS_HIST_SUB_BITS + 1U) * STATS_HIST_SUB)

/**
 * stats_hist_index - bucket of a value
 * @ns: any value; negative counts as 0
 *
 * Return: 0..STATS_HIST_BUCKETS - 1.
 * Context: any thread. Pure.
 */
uint32_t stats_hist_index(int64_t ns);

/**
 * stats_hist_low_ns - smallest value of a bucket
 * @index: 0..STATS_HIST_BUCKETS - 1
 */
int64_t stats_hist_low_ns(uint32_t index);

enum stats_time {
	STATS_WAKEUP,	/* wake-up latency: time read after wake-up minus the time asked for */
	STATS_RUN,	/* run time of one period: wake-up to the end of its work */
	STATS_RESPONSE, /* last BMS byte read to the CAN frames of that sample given to the driver */
	STATS_TIMES
};

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
 * @cycles: periods run
 * @overruns: periods whose work ended behind the next wake-up time
 * @missed: periods skipped by overruns
 * @time: summaries by enum stats_time
 * @minor_faults, @major_faults, @voluntary, @involuntary: page faults and context switches of the
 *	thread since it was armed (getrusage, once a second)
 * @serial_rx_bytes, @serial_tx_bytes: bytes of the BMS line
 * @serial, @can: counters of the ports
 * @commands: orders taken from the ring
 * @events_lost: events the logger was too slow for
 * @trace_lost: steps missing in the trace
 * @flags: STATS_*
 */
struct stats_loop {
	int64_t t_ns;
	int64_t period_ns;
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
	uint32_t commands;
	uint32_t events_lost;
	uint32_t trace_lost;
	uint32_t flags;
	uint32_t pad;
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
	uint32_t hist_buckets;
};

/**
 * struct stats_page - the page
 * @hist: by enum stats_time; every bucket is a counter of its own, modulo 2^32
 */
struct stats_page {
	struct stats_header header;
	_Alignas(64) SNAPSHOT_OF(struct telemetry) telemetry;
	_Alignas(64) SNAPSHOT_OF(struct stats_loop) loop;
	_Alignas(64) _Atomic uint32_t hist[STATS_TIMES][STATS_HIST_BUCKETS];
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
