/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hears the SMA energy meter at the grid connection: Speedwire datagrams by multicast, or unicast to
 * the same port. IPv4. It only listens. What it publishes is one value with the time of its arrival;
 * a flood costs it a bounded share of the processor (FLT-42), a lie is dropped where it can be
 * recognised (FLT-41), silence leaves the last value to grow old (FLT-40).
 */
#ifndef JKP_SVC_SMA_H
#define JKP_SVC_SMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/snapshot.h"
#include "core/meter.h"
#include "core/source.h"
#include "proto/speedwire.h"
#include "svc/service.h"

#define SMA_PAUSE_MIN_MS 1000
#define SMA_PAUSE_MAX_MS 10000
#define SMA_SILENT_MS	 60000 /* without any meter: a switch may have dropped the group */
#define SMA_BURST	 64U   /* datagrams looked at in one step */
#define SMA_REST_MS	 20    /* after each step: at most 3200 datagrams a second are looked at */
#define SMA_FLOOD_BURST	 16U   /* in one step: more than all devices of a house say */
#define SMA_FLOOD_STEPS	 10U   /* so many such steps in a row: a flood */
#define SMA_CALM_MS	 60000 /* after which it is tried without the filter */
#define SMA_HEARD	 8U    /* meters that are remembered */

/**
 * struct sma_config - settings; texts outlive the service
 * @interface: name of the network interface that leads to the meter
 * @group: IPv4 multicast group, SPEEDWIRE_GROUP
 * @port: SPEEDWIRE_PORT
 * @meter: whom to believe, see struct meter_config
 * @pause_min_ms, @pause_max_ms: between two attempts, SMA_PAUSE_MIN_MS, SMA_PAUSE_MAX_MS
 * @silent_ms: SMA_SILENT_MS
 * @calm_ms: SMA_CALM_MS
 */
struct sma_config {
	const char *interface;
	const char *group;
	int32_t port;
	struct meter_config meter;
	int32_t pause_min_ms;
	int32_t pause_max_ms;
	int32_t silent_ms;
	int32_t calm_ms;
};

/**
 * struct sma_heard - one meter that was heard, wanted or not
 * @seen_ns: newest datagram, TIME_NEVER = no entry
 * @power_w: newest power, + import
 * @count: datagrams, modulo 2^32
 * @source: IPv4 address it came from, as a number
 * @susy: see speedwire_device_name()
 */
struct sma_heard {
	int64_t seen_ns;
	uint32_t serial;
	uint32_t source;
	uint32_t count;
	uint32_t susy;
	int32_t power_w;
	uint32_t pad;
};

/**
 * struct sma_status - what the service publishes about itself; counts since start, modulo 2^32
 * @heard: meters
 * @datagrams: received, all of them
 * @kind: of these, by enum speedwire_verdict
 * @verdict: of the good ones, by enum meter_verdict; METER_TAKEN: samples
 * @oversized: longer than any meter's
 * @elsewhere: came in by another interface
 * @opens: times the group was joined
 * @restarts: of the meter, see struct meter
 * @floods: floods that were shut out
 * @filtering: a flood is being shut out
 * @follows, @serial, @source: the meter whose value is taken
 */
struct sma_status {
	struct sma_heard heard[SMA_HEARD];
	uint32_t datagrams;
	uint32_t kind[SPEEDWIRE_VERDICTS];
	uint32_t verdict[METER_VERDICTS];
	uint32_t oversized;
	uint32_t elsewhere;
	uint32_t opens;
	uint32_t restarts;
	uint32_t floods;
	uint32_t filtering;
	uint32_t follows;
	uint32_t serial;
	uint32_t source;
	uint32_t pad;
};

/**
 * struct sma - the service; zeroed static storage
 * @service: thread; its events are for the logger, its health for whoever wants to show it
 * @grid: snapshot of struct grid_sample, for the cycle; never written before the first sample
 * @status: snapshot of struct sma_status
 *
 * The rest is the thread's own.
 */
struct sma {
	struct service service;
	SNAPSHOT_OF(struct grid_sample) grid;
	SNAPSHOT_OF(struct sma_status) status;
	/* ---- */
	struct sma_config config;
	struct meter meter;
	struct sma_status now;
	struct speedwire_meter decoded;
	uint8_t datagram[SPEEDWIRE_DATAGRAM_MAX];
	int fd;
	uint32_t index;
	int64_t empty_ns;   /* the receive queue was empty then */
	int64_t meter_ns;   /* newest datagram of any meter, or the joining */
	int64_t filter_ns;  /* until when a flood is shut out; TIME_NEVER = none */
	int64_t checked_ns; /* the interface was looked at */
	uint32_t full_steps;
	uint32_t told;
	uint32_t others; /* datagrams since @meter_ns that were no meter's */
};

/**
 * sma_start - start the thread
 * @s: zeroed
 * @config: copied
 *
 * The interface need not be there: it is tried again until it is.
 * Return: as service_start(); -EINVAL too if @group is no multicast address.
 * Context: init, signals blocked, before anything is realtime.
 */
int sma_start(struct sma *s, const struct sma_config *config);

/**
 * sma_stop - end the thread and wait for it; nothing if it does not run
 *
 * Return, bound: as service_stop().
 * Context: fini.
 */
int sma_stop(struct sma *s);

#endif
