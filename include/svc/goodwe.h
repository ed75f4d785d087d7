/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a GoodWe inverter in the local network: what its battery does, for the coordination of two
 * inverters. One datagram asks, one answers (proto/aa55.h, proto/goodwe_modbus.h); it never writes.
 * Whatever happens there delays nothing and raises nothing (SAF-13).
 *
 * Its WiFi modules are delicate: asked more often than every 10 s some stop talking to the portal or
 * hang; so failures are followed by pauses that grow to 5 min. Every request has a socket of its own,
 * connected to the inverter: an answer from elsewhere, or to an older request, does not arrive.
 */
#ifndef JKP_SVC_GOODWE_H
#define JKP_SVC_GOODWE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/snapshot.h"
#include "core/source.h"
#include "proto/goodwe.h"
#include "svc/service.h"

#define GOODWE_ANSWER_MS     1000
#define GOODWE_TRIES	     3
#define GOODWE_LOOKUP_MS     10000
#define GOODWE_PAUSE_MAX_MS  300000
#define GOODWE_UNCHANGED_SAY 20 /* readings in a row with the same values */

/**
 * struct goodwe_config - settings; @host outlives the service
 * @host: name or address of the inverter
 * @port: UDP, 1..65535
 * @family: which protocol; GOODWE_FAMILY_AUTO finds out
 * @poll_ms: time between two readings, > 0; also the first pause after a failure
 * @stale_ms: without a reading for so long it is told
 * @answer_ms: an answer is waited for so long; 0 = GOODWE_ANSWER_MS
 * @pause_max_ms: longest pause; 0 = GOODWE_PAUSE_MAX_MS
 */
struct goodwe_config {
	const char *host;
	int32_t port;
	enum goodwe_family family;
	int32_t poll_ms;
	int32_t stale_ms;
	int32_t answer_ms;
	int32_t pause_max_ms;
};

/**
 * struct goodwe_count - since start, modulo 2^32
 * @requests: datagrams sent
 * @readings: runtime values read
 * @silent: requests without a good answer in time
 * @damaged: answers cut off, too long, or with a wrong sum
 * @foreign: datagrams that answer something else, echoes of our own among them
 * @refused: Modbus exceptions
 * @unreachable: requests that the network gave back
 * @lookups: names that could not be resolved
 */
struct goodwe_count {
	uint32_t requests;
	uint32_t readings;
	uint32_t silent;
	uint32_t damaged;
	uint32_t foreign;
	uint32_t refused;
	uint32_t unreachable;
	uint32_t lookups;
};

/**
 * struct goodwe_status - what the service publishes for people
 * @read_ns: CLOCK_MONOTONIC of the newest reading, TIME_NEVER before the first
 * @family: enum goodwe_family; AUTO = not known yet
 * @mode: battery mode as the inverter says it, enum goodwe_mode
 * @grid_power_w: + import, - export, W; GOODWE_NO_VALUE
 * @unchanged: readings in a row with the same values as the one before. Information, no fault: values
 *             change every 5 to 10 s inside the inverter, and a battery at rest does not change.
 * @stale: 1: the newest reading is older than @stale_ms of the configuration
 */
struct goodwe_status {
	int64_t read_ns;
	uint32_t family;
	int32_t mode;
	int32_t grid_power_w;
	uint32_t unchanged;
	uint32_t stale;
	uint32_t pad;
	struct goodwe_count count;
	struct goodwe_device device;
};

struct lookup;

/**
 * struct goodwe - the service; zeroed static storage
 * @service: its thread, its events for the logger, its health
 * @sample: snapshot of struct peer_sample, source PEER_LOCAL. The mode is what the inverter says: an
 *          idle battery too may say that it discharges, with 0.2 to 0.4 A. The dead band is for the
 *          core to apply, by current_ma.
 * @status: snapshot of struct goodwe_status
 *
 * The rest is the thread's own.
 */
struct goodwe {
	struct service service;
	SNAPSHOT_OF(struct peer_sample) sample;
	SNAPSHOT_OF(struct goodwe_status) status;
	/* ---- */
	struct goodwe_config config;
	struct sockaddr_storage address;
	socklen_t address_len;
	struct lookup *lookup;
	enum goodwe_family family; /* AUTO: not known since the last opening */
	bool modbus_first;
	bool confirmed;	  /* a reading came by this family since the last opening */
	bool no_pack;	  /* the inverter has no block of its battery manager */
	bool had_battery; /* as told */
	int64_t due_ns;
	struct peer_sample now;
	struct goodwe_status said;
};

/**
 * goodwe_start - start the thread
 * @g: zeroed
 * @config: copied
 *
 * The inverter need not be there: it is tried again until it is.
 * Return: 0, -EINVAL or -errno.
 * Context: init, signals blocked, before anything is realtime.
 */
int goodwe_start(struct goodwe *g, const struct goodwe_config *config);

/**
 * goodwe_stop - end the thread and wait for it; nothing if it does not run
 *
 * What is published stays readable. Return: as service_stop().
 * Context: fini. Bound: SERVICE_STOP_MAX_MS.
 */
int goodwe_stop(struct goodwe *g);

/**
 * goodwe_sample_of - a battery as the core wants it
 * @b: as the inverter says it
 * @now_ns: when it was said
 *
 * Return: the sample; no side effect.
 */
struct peer_sample goodwe_sample_of(const struct goodwe_battery *b, int64_t now_ns);

#endif
