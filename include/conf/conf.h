/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: one table of keys (src/conf/table.c) yields the parser, the range checks,
 * `--print-config`, and the key list of the manual page. Read once into a constant struct config.
 */
#ifndef JKP_CONF_CONF_H
#define JKP_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/config.h"
#include "proto/goodwe.h"
#include "proto/sems.h"

#define CONF_PATH_MAX	  256
#define CONF_DEFAULT_FILE "/etc/jkpylon/jkpylon.conf"
#define CONF_CPU_NONE	  (-1)
#define CONF_AUTO	  "auto" /* a path that follows another one */

enum bms_protocol {
	BMS_JK_UART
};

enum relay_mode {
	RELAY_LEVEL,
	RELAY_PULSE
};

/**
 * struct config - all settings of the worker
 *
 * Text fields are NUL-terminated; an empty string means "not set".
 */
struct config {
	struct core_config core;
	/* [bms] */
	char bms_device[CONF_PATH_MAX];
	enum bms_protocol bms_protocol;
	/* [can] */
	char can_interface[CONF_PATH_MAX]; /* interface name or unix:PATH */
	bool can_manage;
	int32_t can_bitrate;
	/* [limits] */
	enum preset preset; /* where the curves came from that the file does not give */
	/* [failsafe] */
	char relay[CONF_PATH_MAX]; /* CHIP:LINE[:active-low] | file:PATH | none */
	enum relay_mode relay_mode;
	int32_t pulse_ms;
	char precharge[CONF_PATH_MAX]; /* line as above, or none */
	int32_t precharge_ms;
	char feedback[CONF_PATH_MAX]; /* input line, or none */
	int32_t feedback_ms;
	int32_t beat_ms;
	int32_t reload_ms;
	char watchdog[CONF_PATH_MAX]; /* none or device */
	int32_t watchdog_ms;
	char state_path[CONF_PATH_MAX]; /* what is latched survives here; none or a file */
	/* [rt] */
	int32_t priority;
	int32_t cpu; /* CONF_CPU_NONE or a CPU number */
	bool rt_required;
	char stats_path[CONF_PATH_MAX];
	/* [solis] */
	char solis_device[CONF_PATH_MAX]; /* the inverter's RS485 port; empty: not read */
	int32_t solis_address;
	int32_t solis_baud;
	int32_t solis_poll_ms;
	int32_t solis_patience_ms; /* a difference must last this long to be told */
	/* [sma] */
	bool sma_enabled;
	char sma_interface[CONF_PATH_MAX]; /* network interface; empty: not named */
	char sma_serial[CONF_PATH_MAX];	   /* number, any, or empty: see conf_sma_serial() */
	char sma_group[CONF_PATH_MAX];
	int32_t sma_port;
	int32_t sma_max_power_w;
	/* [goodwe] */
	char goodwe_host[CONF_PATH_MAX]; /* name or address of the inverter; empty: not read */
	int32_t goodwe_port;
	enum goodwe_family goodwe_family;
	int32_t goodwe_poll_ms;
	/* [sems] */
	enum sems_portal sems_portal;
	char sems_login_file[CONF_PATH_MAX]; /* path or credential:NAME; empty: none */
	char sems_station[CONF_PATH_MAX];    /* empty: the only one of the account */
	int32_t sems_poll_ms;
	int32_t sems_timeout_ms;
	int32_t sems_clock_wait_ms;
	char sems_hosts[CONF_PATH_MAX];
	char sems_ca_file[CONF_PATH_MAX]; /* empty: those of the system */
	char sems_agent[CONF_PATH_MAX];
	char sems_language[CONF_PATH_MAX];
	char sems_plus_login[CONF_PATH_MAX];
	char sems_plus_api[CONF_PATH_MAX];
	char sems_plus_client[CONF_PATH_MAX];
	char sems_plus_version[CONF_PATH_MAX];
	char sems_plus_token[CONF_PATH_MAX]; /* name of a header, as the next */
	char sems_plus_signature[CONF_PATH_MAX];
	char sems_plus_headers[CONF_PATH_MAX];
	char sems_plus_stations[CONF_PATH_MAX];
	char sems_plus_values[CONF_PATH_MAX];
	char sems_legacy_login[CONF_PATH_MAX];
	char sems_legacy_api[CONF_PATH_MAX];
	char sems_legacy_client[CONF_PATH_MAX];
	char sems_legacy_version[CONF_PATH_MAX];
	char sems_legacy_token[CONF_PATH_MAX];
	char sems_legacy_headers[CONF_PATH_MAX];
	char sems_legacy_values[CONF_PATH_MAX];
	char sems_good[CONF_PATH_MAX]; /* codes, as the next */
	char sems_expired[CONF_PATH_MAX];
	char sems_password[CONF_PATH_MAX];
	char sems_busy[CONF_PATH_MAX];
	char sems_forbidden[CONF_PATH_MAX];
	/* [arbiter] */
	bool interlock_explicit; /* the user wrote it down */
	/* [mqtt] */
	char mqtt_host[CONF_PATH_MAX]; /* empty: off */
	int32_t mqtt_port;
	char mqtt_user[CONF_PATH_MAX];
	char mqtt_password_file[CONF_PATH_MAX]; /* path or credential:NAME; empty: none */
	bool mqtt_tls;
	char mqtt_ca_file[CONF_PATH_MAX];
	char mqtt_cert_file[CONF_PATH_MAX];
	char mqtt_key_file[CONF_PATH_MAX];
	char mqtt_client_id[CONF_PATH_MAX];
	char mqtt_prefix[CONF_PATH_MAX];
	bool mqtt_discovery;
	char mqtt_discovery_prefix[CONF_PATH_MAX];
	int32_t mqtt_interval_ms;
	int32_t mqtt_keepalive_ms;
	bool mqtt_commands; /* mqtt.allow_full_charge is in core */
	bool mqtt_seed_topics;
	/* [recorder] */
	char ring_path
		[CONF_PATH_MAX]; /* flight recorder; "" = none, CONF_AUTO: beside stats_path */
	int32_t ring_kib;	 /* its size */
	char incidents_path[CONF_PATH_MAX]; /* folder of what is kept of it; likewise, state_path */
	int32_t incident_before_ms;
	int32_t incident_after_ms;
	char trace_path[CONF_PATH_MAX]; /* text trace of all cycle inputs, for replay */
};

/**
 * struct conf_error - first error found
 * @line: line in the file, 0 if none applies
 * @text: what is wrong and the remedy
 */
struct conf_error {
	int line;
	char text[384];
};

/**
 * conf_default - all defaults
 */
void conf_default(struct config *ret_config);

/**
 * conf_read - read and check a configuration file
 * @path: file
 * @ret_config: settings; untouched on failure
 * @ret_error: filled on failure
 *
 * Unknown section or key, wrong unit, value out of range, duplicate key, contradictory pair, NUL
 * bytes, more than 256 KiB: error with the line.
 *
 * Return: 0; -EINVAL for a wrong content; another -errno if the file cannot be read.
 * Context: init only.
 */
int conf_read(const char *path, struct config *ret_config, struct conf_error *ret_error);

/**
 * conf_advice - what is legal but has a consequence that one should know
 * @n: 0, 1, 2 ...: the n-th advice on these settings
 *
 * Return: a sentence that begins with the key; NULL if there is no n-th.
 */
const char *conf_advice(const struct config *config, uint32_t n);

/**
 * conf_needs_restart - what a reload cannot change: the guard and its devices live on
 *
 * Return: the first such key that differs, "section.key", or NULL.
 */
const char *conf_needs_restart(const struct config *now, const struct config *wanted);

/**
 * conf_secret_path - where a file with a secret lies
 * @value: a path, or credential:NAME for one that the service manager provides
 * @ret_path: receives the path, CONF_PATH_MAX bytes
 *
 * Return: whether it is one of the service manager, which keeps it from others itself. Without a
 * service manager @ret_path is empty.
 */
bool conf_secret_path(const char *value, char *ret_path);

#define CONF_SERIAL_ANY "any"

/**
 * conf_sma_serial - the number in sma.serial
 * @ret_serial: untouched if there is none
 *
 * Return: false: the key is not set, or any.
 */
bool conf_sma_serial(const struct config *config, uint32_t *ret_serial);

/**
 * conf_print - every key with section, unit, range, default and value
 * @config: settings to show
 * @f: where to
 *
 * The output is itself a valid configuration file that gives the same settings. A key that has no
 * value, or whose value counts as "not written down" (limits.charge_max, limits.discharge_max),
 * appears as a comment.
 */
void conf_print(const struct config *config, FILE *f);

/**
 * conf_print_lost - what would be lost if another configuration took the place of this one
 * @old: settings that count now
 * @text: the other one, a whole file; a wrong one has nothing of @old in it
 * @f: receives a line "  section.key = value" for each setting of @old that is not its default and
 *	that @text does not have
 *
 * Return: how many lines.
 * Context: init only, and tools. Not for two threads at a time.
 */
uint32_t conf_print_lost(const struct config *old, const char *text, FILE *f);

/**
 * conf_print_man - the key list of jkpylon.conf(5) in mdoc
 */
void conf_print_man(FILE *f);

#endif
