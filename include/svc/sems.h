/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads from the portal of GoodWe what the battery of the other inverter does: for houses in which the
 * inverter itself cannot be asked (svc/goodwe.h, which comes first). It only reads.
 *
 * The portal is on the internet and belongs to somebody else; it has changed its addresses, codes and
 * conditions without notice. So everything of that kind is a setting, and whatever it does delays
 * nothing and raises nothing (SAF-13): dead, slow, lying or hostile it is a source that is silent
 * (SAF-07).
 */
#ifndef JKP_SVC_SEMS_H
#define JKP_SVC_SEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/snapshot.h"
#include "core/source.h"
#include "proto/sems.h"
#include "svc/sems_answer.h"
#include "svc/service.h"

#define SEMS_PAUSE_MAX_MS   1800000
#define SEMS_BUSY_MS	    300000 /* after "too many requests" */
#define SEMS_CLOCK_LOOK_MS  10000
#define SEMS_FIRST_MS	    10000 /* before the first request */
#define SEMS_TRIES_REDIRECT 3

/**
 * struct sems_config - settings; all strings outlive the service
 * @portal: not SEMS_PORTAL_NONE
 * @login_file: account in its first line, password in its second; empty: there is none
 * @credential: the service manager keeps it from others: its mode is not looked at
 * @station: id of the plant; empty: the only one of the account (SEMS+)
 * @hosts: names, with blanks between, below which requests may go
 * @ca_file: certificates of authorities; empty: those of the system
 * @agent: what is said of the asking program
 * @login_url: https
 * @api: used in place of what the login says, if that is no address of the old form (legacy)
 * @client, @version: what the asking program calls itself
 * @language: of texts
 * @token_header, @signature_header: their names; a signature is sent if its name is not empty
 * @headers: further ones, "Name: value", with '|' between
 * @stations_path: question for the plants (SEMS+)
 * @values_path: question for the values; {station} stands for the plant
 * @codes: what they mean
 * @poll_ms: time between two readings, > 0; also the first pause after a failure
 * @stale_ms: without new values for so long it is told
 * @timeout_ms: of each request, name service included, > 0
 * @clock_wait_ms: see sems_clock_good()
 * @pause_max_ms: longest pause; 0 = SEMS_PAUSE_MAX_MS
 * @busy_ms: least pause after "too many requests"; 0 = SEMS_BUSY_MS
 */
struct sems_config {
	enum sems_portal portal;
	const char *login_file;
	bool credential;
	const char *station;
	const char *hosts;
	const char *ca_file;
	const char *agent;
	const char *login_url;
	const char *api;
	const char *client;
	const char *version;
	const char *language;
	const char *token_header;
	const char *signature_header;
	const char *headers;
	const char *stations_path;
	const char *values_path;
	struct sems_codes codes;
	int32_t poll_ms;
	int32_t stale_ms;
	int32_t timeout_ms;
	int32_t clock_wait_ms;
	int32_t pause_max_ms;
	int32_t busy_ms;
};

/**
 * struct sems_count - since start, modulo 2^32
 * @requests: sent, or tried to
 * @logins: of these
 * @readings: good answers with values
 * @unchanged: of these, with the time stamp of the one before
 * @failures: tries that ended without a good answer
 */
struct sems_count {
	uint32_t requests;
	uint32_t logins;
	uint32_t readings;
	uint32_t unchanged;
	uint32_t failures;
	uint32_t pad;
};

/**
 * struct sems_status - what the service publishes for people
 * @read_ns: CLOCK_MONOTONIC of the newest good answer, TIME_NEVER before the first
 * @verdict: enum sems_verdict of the newest try
 * @stopped: 1: account or password were refused: nothing is tried until the daemon is started anew
 * @stale: 1: no new values for @stale_ms of the configuration
 */
struct sems_status {
	int64_t read_ns;
	uint32_t verdict;
	uint32_t stopped;
	uint32_t stale;
	uint32_t pad;
	struct sems_count count;
};

struct sems_client;

/**
 * struct sems - the service; zeroed static storage
 * @service: its thread, its events for the logger, its health
 * @sample: snapshot of struct peer_sample, source PEER_SEMS; its time is when its values were first
 *          seen, however often the portal repeats them
 * @status: snapshot of struct sems_status
 *
 * The rest is the thread's own.
 */
struct sems {
	struct service service;
	SNAPSHOT_OF(struct peer_sample) sample;
	SNAPSHOT_OF(struct sems_status) status;
	/* ---- */
	struct sems_config config;
	struct sems_client *client;
	int64_t due_ns;
	int64_t clock_ns; /* the clock is not looked at again before */
	bool opened_once;
	bool clock_told;
	bool answered; /* since the last opening */
	bool had_battery;
	struct peer_sample now;
	struct sems_status said;
};

/**
 * sems_start - start the thread
 * @s: zeroed
 * @config: copied
 *
 * Neither portal, network, library nor login file need be there: they are tried again until they are.
 * Return: 0, -EINVAL, -ENOMEM or another -errno.
 * Context: init, signals blocked, before anything is realtime.
 */
int sems_start(struct sems *s, const struct sems_config *config);

/**
 * sems_stop - end the thread and wait for it; nothing if it does not run
 *
 * What is published stays readable. Return: as service_stop().
 * Context: fini. Bound: SERVICE_STOP_MAX_MS.
 */
int sems_stop(struct sems *s);

/**
 * sems_sample_of - a reading as the core wants it
 * @t_ns: when its values arrived
 *
 * Return: the sample; no side effect.
 */
struct peer_sample sems_sample_of(const struct sems_values *v, int64_t t_ns);

#endif
