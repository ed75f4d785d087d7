/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JK BMS at the other end of a pseudo terminal: sees requests, writes replies at the pace of
 * the real line, and breaks them on command.
 */
#ifndef JKP_TOOLS_SIM_BMS_H
#define JKP_TOOLS_SIM_BMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_image.h"
#include "sim_pty.h"
#include "sim_random.h"

#define SIM_TX_MAX	4096 /* replies in one go: prefix, repeats */
#define SIM_PREFIX_MAX	64
#define SIM_REQUEST_LEN 21

/**
 * struct sim_faults - what is wrong with the line; all zero = a good one
 * @noise: probability that a byte is damaged
 * @truncate: replies end after so many bytes, < 0 = whole
 * @drip_ms: one byte per so many ms
 * @garbage_rate: random bytes per second, for ever
 * @repeat: replies written per request
 * @reply_ms: delay of a reply, < 0 = as real
 */
struct sim_faults {
	bool silent;
	bool badsum;
	bool frozen;
	double noise;
	int truncate;
	int drip_ms;
	int garbage_rate;
	int repeat;
	int reply_ms;
	uint8_t prefix[SIM_PREFIX_MAX];
	size_t prefix_len;
};

/**
 * struct sim_mark - times of one reply, CLOCK_MONOTONIC
 * @request_ns: last byte of the request was read
 * @first_ns: first byte of the reply was written
 * @last_ns: last byte of the reply was written (write() has returned)
 */
struct sim_mark {
	uint32_t seq;
	int64_t request_ns;
	int64_t first_ns;
	int64_t last_ns;
	size_t bytes;
	unsigned int max_mv;
	unsigned int min_mv;
};

/**
 * struct sim_bms - the line
 * @master: pseudo terminal, -1 while unplugged
 * @spare: the next one, opened before the old one closes so that it has another name
 * @attached: somebody has the slave open
 * @replug_ns: when the spare is plugged in, 0 = not unplugged
 * @byte_ns: time of one byte, 0 = unpaced
 * @last_frame: for frozen values
 * @other_bytes: received, and no part of a read-all request: a writing client shows here
 * @ignored_requests: came while silent or while a reply was under way
 */
struct sim_bms {
	int master;
	int spare;
	bool attached;
	char link[SIM_PATH_MAX];
	char name[SIM_NAME_MAX];
	char spare_name[SIM_NAME_MAX];
	int64_t replug_ns;
	int64_t byte_ns;
	int64_t garbage_ns;
	struct sim_faults faults;
	struct sim_random rnd;
	uint8_t request[SIM_REQUEST_LEN];
	size_t request_len;
	uint8_t tx[SIM_TX_MAX];
	size_t tx_len;
	size_t tx_pos;
	int64_t tx_start_ns;
	struct sim_mark mark;
	uint8_t last_frame[SIM_FRAME_MAX];
	size_t last_frame_len;
	uint32_t requests;
	uint32_t replies;
	uint32_t other_bytes;
	uint32_t ignored_requests;
};

/**
 * sim_bms_open - make the pseudo terminal and its link
 * @link: path of the symbolic link; a link that is there is replaced, anything else is refused
 * @paced: write at 115200 baud
 * @err: receives a message
 *
 * Return: 0 or -errno.
 */
int sim_bms_open(struct sim_bms *l, const char *link, bool paced, uint32_t seed, char *err,
		 size_t err_len);

/* Remove the link, close. */
void sim_bms_close(struct sim_bms *l);

/**
 * sim_bms_unplug - the adapter vanishes: hang-up, no link; it comes back under another name
 */
void sim_bms_unplug(struct sim_bms *l, int64_t now_ns, double seconds);

/**
 * sim_bms_step - read, write what is due
 * @img: image the next reply is made from
 *
 * Return: true if a reply has just been written completely: l->mark tells when.
 */
bool sim_bms_step(struct sim_bms *l, const struct sim_image *img, int64_t now_ns);

/* When the next byte is due; INT64_MAX = nothing to do. */
int64_t sim_bms_due(const struct sim_bms *l);

/* Write bytes to the line, now, as they are. */
void sim_bms_send(struct sim_bms *l, const uint8_t *data, size_t len);

/* CLOCK_MONOTONIC, ns. */
int64_t sim_now(void);

#endif
