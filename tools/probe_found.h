/* SPDX-License-Identifier: Apache-2.0 */
/* The whole machine: what there is for an installation, what is missing, and the remedy. */
#ifndef JKP_TOOLS_PROBE_FOUND_H
#define JKP_TOOLS_PROBE_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"
#include "rt/line_list.h"

#define FOUND_NAME     160 /* names below /dev/serial/by-id have 100 characters and more */
#define FOUND_PATH     256
#define FOUND_SERIALS  16U
#define FOUND_CANS     8U
#define FOUND_CHIPS    8U
#define FOUND_DOGS     4U
#define FOUND_METERS   8U
#define FOUND_MODULES  8U
#define FOUND_NETS     8U
#define FOUND_NOTES    48U
#define FOUND_UNKNOWN  (-1)
#define FOUND_LISTEN_S 2

/**
 * struct found_serial - a serial device
 * @name: of the kernel, ttyUSB0
 * @path: what the configuration should name: below /dev/serial/by-id where there is one
 * @driver: empty = unknown
 * @group: that owns the device
 * @holder: who has it open or locked, in words; empty = nobody
 * @latency_ms: of an FTDI adapter, FOUND_UNKNOWN = it has none
 * @console: the kernel or a login uses it
 * @may: this user may read and write it
 * @asked: @bms and @verdict are set
 */
struct found_serial {
	char name[FOUND_NAME];
	char path[FOUND_PATH];
	char driver[FOUND_NAME];
	char group[FOUND_NAME];
	char holder[FOUND_NAME];
	int32_t latency_ms;
	bool console;
	bool may;
	bool asked;
	int verdict;
	struct probe_bms_found bms;
};

/**
 * struct found_can - a CAN interface
 * @virtual_: no controller behind it
 * @state: enum can_state, FOUND_UNKNOWN
 * @bitrate: bit/s, 0 = unknown
 * @clock: of the controller, Hz, 0 = unknown: half the oscillator of an MCP2515
 * @has_counters: @tx_err and @rx_err are known
 * @listened: @frames and @alive are what was heard, for FOUND_LISTEN_S seconds at most
 */
struct found_can {
	char name[FOUND_NAME];
	char driver[FOUND_NAME];
	bool up;
	bool virtual_;
	int32_t state;
	uint32_t bitrate;
	uint32_t clock;
	bool has_counters;
	uint32_t tx_err;
	uint32_t rx_err;
	bool listened;
	uint32_t frames;
	bool alive;
};

/* @error: errno if the chip could not be looked at */
struct found_chip {
	char name[FOUND_NAME];
	int error;
	struct line_list list;
};

/* @active: somebody holds it */
struct found_dog {
	char name[FOUND_NAME];
	char identity[FOUND_NAME];
	int32_t timeout_s;
	bool nowayout;
	bool active;
	bool may;
};

struct found_meter {
	char interface[FOUND_NAME];
	char device[FOUND_NAME];
	char address[FOUND_NAME];
	uint32_t serial;
};

struct found_module {
	char interface[FOUND_NAME];
	char address[FOUND_NAME];
	char text[FOUND_NAME * 2];
};

/**
 * struct found_host - the machine and what is installed on it
 * @rtprio, @memlock_kib: limits of this shell; FOUND_UNKNOWN = none
 * @user: the service's user exists
 * @dialout, @gpio: it is in the group that owns serial devices, GPIO chips
 * @user_id: of it, FOUND_UNKNOWN
 * @unit, @rules, @config: path; empty = not installed
 * @as_shipped: the configuration is the one of the package, unchanged; then @config is empty
 * @broker, @broker_listens: mosquitto is installed; something listens on port 1883
 */
struct found_host {
	char kernel[FOUND_NAME];
	char governor[FOUND_NAME];
	char isolated[FOUND_NAME];
	int32_t cpus;
	bool realtime;
	int64_t rtprio;
	int64_t memlock_kib;
	bool user;
	int64_t user_id;
	bool dialout;
	bool gpio;
	char unit[FOUND_PATH];
	char rules[FOUND_PATH];
	char config[FOUND_PATH];
	bool as_shipped;
	bool broker;
	bool broker_listens;
};

enum found_part {
	FOUND_PART_SERIAL,
	FOUND_PART_CAN,
	FOUND_PART_GPIO,
	FOUND_PART_WATCHDOG,
	FOUND_PART_REALTIME,
	FOUND_PART_NETWORK,
	FOUND_PART_INSTALLED,
	FOUND_PARTS
};

/**
 * struct found_note - what is missing or in the way, and the remedy
 * @needed: a minimal system does not work without
 */
struct found_note {
	enum found_part part;
	bool needed;
	char what[FOUND_PATH];
	char next[FOUND_PATH];
};

/**
 * struct found - all of it
 * @root: folder that stands for /; empty = this machine. Below it lie, for what is no file:
 *	netlink/NAME (answers of the kernel about a CAN interface, "word number" lines),
 *	bus/NAME (a bench bus in its place), gpio/NAME (label, then "offset name consumer" lines)
 * @network: false: the network was left out
 * @more: something did not fit into this structure
 */
struct found {
	char root[FOUND_PATH];
	struct found_serial serial[FOUND_SERIALS];
	uint32_t serials;
	struct found_can can[FOUND_CANS];
	uint32_t cans;
	struct found_chip chip[FOUND_CHIPS];
	uint32_t chips;
	struct found_dog dog[FOUND_DOGS];
	uint32_t dogs;
	bool network;
	char net[FOUND_NETS][FOUND_NAME];
	uint32_t nets;
	struct found_meter meter[FOUND_METERS];
	uint32_t meters;
	struct found_module module[FOUND_MODULES];
	uint32_t modules;
	struct found_host host;
	struct found_note note[FOUND_NOTES];
	uint32_t notes;
	bool more;
};

/* Each fills its part in; nothing on the machine changes. */
void found_serials(struct found *f);
void found_cans(struct found *f);
void found_chips(struct found *f);
/* Folder of the chips, below the root. */
const char *found_chip_folder(const struct found *f);
void found_dogs(struct found *f);
void found_host(struct found *f);

/**
 * found_network - listen for meters on every interface, search for GoodWe modules by broadcast
 * @only: one interface, or NULL: all that are up, and not the loopback
 */
void found_network(struct found *f, const char *only, const struct probe_options *o);

/* All of the above; @f->root is set by the caller. */
void found_all(struct found *f, const struct probe_options *o);

/* Why this device is left alone, in words; NULL = it may be asked. */
const char *found_serial_reason(const struct found_serial *s);

/* Ask the BMS on each device that is free: this writes to them. Says on @progress which ones. */
void found_ask_bms(struct found *f, bool progress);

/* What is missing or in the way of what was found: fills @note. */
void found_judge(struct found *f);

/* Return: how many notes are about what is needed. */
uint32_t found_missing(const struct found *f);

void found_show(const struct found *f);
void found_show_json(const struct found *f);

/* ---- files below @root ------------------------------------------------------------------ */

/* The path below the root that stands for @format... Return: false if it does not fit. */
bool sys_path(const struct found *f, char *ret, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* As snprintf(): what does not fit is cut. */
void sys_text(char *ret, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* First line of a file without its end; empty if there is none. Return: whether it could be read. */
bool sys_line(const struct found *f, const char *path, char *ret, size_t size);

/* A number in a file, or @otherwise. */
int64_t sys_number(const struct found *f, const char *path, int64_t otherwise);

/* Last part of where a link leads to; empty if it is none. */
void sys_link(const struct found *f, const char *path, char *ret, size_t size);

bool sys_exists(const struct found *f, const char *path);

/* Is the configuration in @full (a path that is not below the root) the one that was installed? */
bool found_as_shipped(const struct found *f, const char *full);

/* Names in a folder that begin with @prefix, sorted as people count. Return: how many, at most @max. */
uint32_t sys_list(const struct found *f, const char *path, const char *prefix,
		  char (*ret)[FOUND_NAME], uint32_t max);

#endif
