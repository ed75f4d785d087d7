/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads on a Solis inverter's RS485 port (Modbus RTU, 8N1) what it understood of our CAN frames,
 * and compares it with what they say: see core/echo.h. A thread of its own, of low priority; it
 * only ever reads registers. Whatever happens on its line is counted and told, nothing else depends
 * on it (SAF-13).
 */
#ifndef JKP_SVC_SOLIS_H
#define JKP_SVC_SOLIS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/snapshot.h"
#include "core/echo.h"
#include "core/telemetry.h"
#include "svc/service.h"

#define SOLIS_ANSWER_MS	   800 /* what an inverter gets; bounds solis_stop() */
#define SOLIS_PAUSE_MIN_MS 1000
#define SOLIS_PAUSE_MAX_MS 60000
#define SOLIS_STALE_POLLS \
	3 /* after so many polls without an answer the old one is no longer true */
#define SOLIS_STALE_MIN_MS 30000

/**
 * struct solis_config - settings; texts and @telemetry outlive the service
 * @device: path of the serial device
 * @bms_device: that of the BMS: never touched, whatever name it hides behind
 * @address: Modbus address, 1..247
 * @baud: one of the usual rates, 1200..115200
 * @poll_ms: time between two readings, > 0
 * @answer_ms: a whole answer must be there by then, 1..SOLIS_ANSWER_MS
 * @pause_min_ms, @pause_max_ms: between two attempts after a failure, see struct service_config;
 *                               SOLIS_PAUSE_MIN_MS, SOLIS_PAUSE_MAX_MS
 * @window_ms: how long a difference must last, see struct echo_config
 * @telemetry: snapshot of struct telemetry, or NULL: then nothing counts as said
 */
struct solis_config {
	const char *device;
	const char *bms_device;
	int32_t address;
	int32_t baud;
	int32_t poll_ms;
	int32_t answer_ms;
	int32_t pause_min_ms;
	int32_t pause_max_ms;
	int32_t window_ms;
	const struct snapshot *telemetry;
};

/**
 * struct solis_count - since start, modulo 2^32
 * @answers: sets of registers read
 * @silent: no answer, or not a whole one, in time
 * @damaged: wrong check sum, address, function or length
 * @refused: answered by an exception
 * @opens, @losses: of the device
 */
struct solis_count {
	uint32_t answers;
	uint32_t silent;
	uint32_t damaged;
	uint32_t refused;
	uint32_t opens;
	uint32_t losses;
};

/**
 * struct solis_status - what the service publishes
 * @reading: newest registers; t_ns is TIME_NEVER before the first
 * @verdict: enum echo_verdict
 * @differs: bits by enum echo_item
 */
struct solis_status {
	struct echo_reading reading;
	uint32_t verdict;
	uint32_t differs;
	struct solis_count count;
};

struct _modbus; /* of libmodbus */

/**
 * struct solis_line - an open line
 * @modbus: NULL: closed
 * @lock_fd: held with an exclusive lock, which keeps well-behaved programs out
 */
struct solis_line {
	struct _modbus *modbus;
	int lock_fd;
};

/**
 * struct solis - the service; zeroed static storage
 * @service: thread; its events are for the logger, its health for whoever wants to show it
 * @status: snapshot of struct solis_status. For whoever wants to show it.
 *
 * The rest is the thread's own.
 */
struct solis {
	struct service service;
	SNAPSHOT_OF(struct solis_status) status;
	/* ---- */
	struct solis_config config;
	struct solis_line line;
	struct echo echo;
	struct echo_said said;
	struct telemetry scratch;
	struct solis_status now;
	bool answering;
	int64_t due_ns;
};

/**
 * solis_start - start the thread: SCHED_OTHER, small stack
 * @s: zeroed
 * @config: copied
 *
 * The device need not be there: it is tried again until it is.
 * Return: as service_start().
 * Context: init, signals blocked, before anything is realtime.
 */
int solis_start(struct solis *s, const struct solis_config *config);

/**
 * solis_stop - end the thread and wait for it; nothing if it does not run
 *
 * Return, bound: as service_stop(). An answer that is under way is waited for, SOLIS_ANSWER_MS.
 * Context: fini.
 */
int solis_stop(struct solis *s);

#endif
