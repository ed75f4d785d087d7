/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder: what went into every cycle and what came out, for the last hours, and the
 * minutes around a fault for good. Three places:
 *
 *	cycle thread --- staging area ---> service thread --- ring file ---> incidents
 *
 * The staging area is a part of the ring file that is mapped and locked; the cycle thread makes its
 * bytes there each period and calls nothing (core/record.h is the form of those bytes). Every
 * RECORDER_DRAIN_MS the service thread writes them into the blocks of the ring file, which is not
 * mapped, so hours take no locked memory. The file lies below /run and outlives the worker: what a
 * worker that crashed or was killed has recorded up to its last period is there for the next one,
 * which keeps it as an incident. The ring of the worker before stays beside it, PATH.old.
 *
 * An incident is a file of its own: the blocks from some time before a fault to some time after it.
 * It gets its name when it is complete and on disk. A fault that comes
 * again and again is kept once in RECORDER_PAUSE_S, and of the files the newest RECORDER_KEPT stay,
 * so that a flash card lives long. A disk that is full is told once; nothing waits for it.
 *
 * The record contains the replies of the BMS as they came: names and the password that are stored
 * there too. The files are for the daemon's user and group only.
 */
#ifndef JKP_SVC_RECORDER_H
#define JKP_SVC_RECORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ring.h"
#include "core/record.h"
#include "core/record_file.h"
#include "svc/service.h"

#define RECORDER_DRAIN_MS 3000 /* the area has room for several times what comes in this time */
#define RECORDER_STAGING  (128U * 1024U)
#define RECORDER_KEY_NS	  (60 * NS_PER_S) /* a replay can begin this often at least */
#define RECORDER_PAUSE_S  300
#define RECORDER_KEPT	  20U
#define RECORDER_LARGEST  (4U * 1024U * 1024U) /* bytes of one incident */
#define RECORDER_SUFFIX	  ".jkr"
#define RECORDER_OLD	  ".old"
#define RECORDER_PATH_MAX 320U
#define RECORDER_CHUNK	  8192U
#define RECORDER_TRIGGERS 8U
#define RECORDER_SIZE_MIN (1024 * 1024)
#define RECORDER_SIZE_MAX (64 * 1024 * 1024)

/**
 * struct recorder_staging - bytes on their way; lies in the ring file
 * @head: bytes put so far, modulo 2^32; written by the cycle thread
 * @tail: bytes taken so far; written by the service thread
 *
 * Each record is behind a struct recorder_prefix.
 */
struct recorder_staging {
	_Alignas(RING_CACHE_LINE) _Atomic uint32_t head;
	_Alignas(RING_CACHE_LINE) _Atomic uint32_t tail;
	_Alignas(RING_CACHE_LINE) uint8_t data[RECORDER_STAGING];
};

/**
 * struct recorder_prefix - in front of each record in the staging area
 * @len: bytes that follow
 * @key: it is a key: a block begins
 * @now_ns: CLOCK_MONOTONIC of the step
 */
struct recorder_prefix {
	uint32_t len;
	uint32_t key;
	int64_t now_ns;
};

/* Bytes that a record takes behind its prefix: no prefix ever reaches over the end of the area. */
static inline uint32_t recorder_room(uint32_t len)
{
	return (len + 15U) & ~UINT32_C(15);
}

/* A moment worth keeping, from the cycle thread to the service thread. */
struct recorder_moment {
	int64_t t_ns;
	uint32_t trigger; /* enum record_trigger */
	uint32_t reason;  /* enum reason */
};

/**
 * struct recorder_config - settings; the texts outlive the recorder
 * @ring: path of the ring file
 * @bytes: its size, RECORDER_SIZE_MIN..RECORDER_SIZE_MAX
 * @incidents: folder of the incidents, made if its parent exists; "" = none are kept
 * @drain_ms: how often the staging area is emptied: RECORDER_DRAIN_MS, in a test less
 * @before_ms, @after_ms: what of it an incident has
 * @alone: neither meter nor other inverter is configured
 * @settings: output of conf_print()
 * @version: of the program
 */
struct recorder_config {
	const char *ring;
	uint32_t bytes;
	const char *incidents;
	int32_t drain_ms;
	int32_t before_ms;
	int32_t after_ms;
	bool alone;
	const char *settings;
	const char *version;
};

/* A block being written: to the ring or to an incident. */
struct recorder_block {
	int fd;
	int64_t at;
	struct record_block head;
	uint32_t waiting; /* bytes in @chunk */
	uint8_t chunk[RECORDER_CHUNK];
};

/**
 * struct recorder - all of it; zeroed static storage
 *
 * Fields are the module's own.
 */
struct recorder {
	struct service service;
	struct recorder_config config;
	char *text; /* the settings, as lines */
	uint32_t text_len;
	struct recorder_staging *staging;
	int fd;
	int old_fd;
	bool opened;
	bool running;
	_Atomic uint32_t handover;
	_Atomic uint32_t orderly;
	_Atomic uint32_t off; /* the ring cannot be written: the cycle need not */
	/* cycle thread */
	struct record_codec codec;
	struct record_watch watch;
	int64_t period_ns;
	int64_t key_ns;
	uint32_t tail_seen;
	uint32_t filled; /* bytes of this block */
	uint32_t lost;	 /* steps since the last record */
	bool need_key;	 /* nothing can follow what was written last */
	_Atomic uint32_t lost_total;
	_Alignas(8)
		uint8_t scratch[sizeof(struct recorder_prefix) + RECORD_KEY_MAX + RECORD_STEP_MAX];
	/* both */
	struct ring moments;
	struct recorder_moment moment_storage[RECORDER_TRIGGERS];
	/* service thread */
	struct record_head head;
	struct recorder_block block;
	struct recorder_block copy;
	uint32_t slot;
	struct recorder_moment pending;	  /* its time is that of the first */
	int64_t worst_ns;		  /* and that of the worst of the same story */
	int64_t kept_ns[RECORD_TRIGGERS]; /* newest incident of this kind, 0 = none */
	uint32_t kept_reason[RECORD_TRIGGERS];
	uint32_t lost_told;
	int32_t error; /* errno of the newest incident, 0 = it was kept */
	bool rescued;
};

/**
 * recorder_open - make a new ring; that of the worker before gets the suffix RECORDER_OLD
 * @r: zeroed
 * @config: copied
 *
 * Return: 0; -EBUSY another process writes this ring; another -errno.
 * Context: init.
 */
int recorder_open(struct recorder *r, const struct recorder_config *config);

/**
 * recorder_begin - the state before the first step
 *
 * Context: init, after cycle_init(), before the first step.
 */
void recorder_begin(struct recorder *r, const struct cycle *core, int64_t now_ns, int64_t boot_ns,
		    int64_t period_ns);

/**
 * recorder_start - start the service thread
 *
 * Return: 0 or -errno.
 * Context: init, before anything is realtime.
 */
int recorder_start(struct recorder *r);

/**
 * recorder_step - record one step
 * @context: struct recorder
 * @in: as given to cycle_step()
 * @out: as it came back
 * @core: state after it
 *
 * Return: steps lost so far, modulo 2^32.
 * Context: the cycle thread only. Wait-free: no system call, no page fault. Bound: CYCLE_RX_MAX
 * bytes, CYCLE_CAN_RX_MAX frames, and once a minute or block a copy of the state.
 */
uint32_t recorder_step(void *context, const struct cycle_in *in, const struct cycle_out *out,
		       const struct cycle *core);

/**
 * recorder_stop - write what is left and end the thread; nothing if it was not opened
 * @handover: another worker comes at once: it keeps what is pending
 * @max_ms: waits at most so long
 *
 * Return: 0; -ETIMEDOUT: the thread hangs, in a disk, and is left behind.
 * Context: fini; the cycle has ended.
 */
int recorder_stop(struct recorder *r, bool handover, int32_t max_ms);

#endif
