/* SPDX-License-Identifier: Apache-2.0 */
/* The leg to a GoodWe inverter: what was heard, and how it is said. */
#ifndef JKP_TOOLS_PROBE_GOODWE_H
#define JKP_TOOLS_PROBE_GOODWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "probe.h"
#include "proto/aa55.h"
#include "proto/goodwe_modbus.h"

#define PROBE_GOODWE_ADDRESS 64

/* What came of it, the worst first to be told. */
enum probe_goodwe_verdict {
	PROBE_GOODWE_GOOD,
	PROBE_GOODWE_NO_BATTERY,
	PROBE_GOODWE_NAME_ONLY, /* tells who it is, gives no values */
	PROBE_GOODWE_REFUSED,
	PROBE_GOODWE_DAMAGED,
	PROBE_GOODWE_ECHO,
	PROBE_GOODWE_STRANGER, /* an answer from another address or port */
	PROBE_GOODWE_OTHER,    /* something answers, but no GoodWe inverter */
	PROBE_GOODWE_UNREACHABLE,
	PROBE_GOODWE_SILENT,
	PROBE_GOODWE_VERDICTS
};

/**
 * struct probe_goodwe - what was seen
 * @family: what it speaks; AUTO = unknown
 * @tells_model: it gave its model by AA55
 * @requests, @heard: datagrams
 * @damage: verdict of the newest damaged one
 * @net_error: errno of the network
 * @stranger: where an answer came from that was not from there
 * @reply_ns: from the request for values to their answer
 * @has_settings: @settings is set
 */
struct probe_goodwe {
	struct sockaddr_storage to;
	socklen_t to_len;
	bool hex;
	enum goodwe_family family;
	bool known;
	bool read;
	bool has_settings;
	struct goodwe_device device;
	struct goodwe_battery battery;
	struct aa55_settings settings;
	int32_t grid_power_w;
	size_t runtime_len;
	int64_t reply_ns;
	uint32_t requests;
	uint32_t heard;
	uint32_t damaged;
	uint32_t echoes;
	uint32_t foreign;
	uint32_t refused;
	int32_t exception;
	enum goodwe_verdict damage;
	int net_error;
	bool strange;
	char stranger[PROBE_GOODWE_ADDRESS];
};

/* CLOCK_MONOTONIC, ns. */
int64_t probe_goodwe_now(void);

/**
 * probe_goodwe_address - HOST, HOST:PORT, [IPv6] or [IPv6]:PORT
 *
 * Return: 0, or the exit status after a message.
 */
int probe_goodwe_address(const char *spec, const char *usual_port, struct sockaddr_storage *to,
			 socklen_t *to_len);

/* "address:port" of a sender. */
void probe_goodwe_place(const struct sockaddr_storage *a, socklen_t len, char *text, size_t size);

/* Print what was found, the verdict and what to try next. Return: exit status. */
int probe_goodwe_show(const struct probe_goodwe *p, const char *host, bool json);

#endif
