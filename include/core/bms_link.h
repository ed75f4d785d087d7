/* SPDX-License-Identifier: Apache-2.0 */
/* The poll cycle on the serial line: when to ask, what counts as the answer, how old it is. */
#ifndef JKP_CORE_BMS_LINK_H
#define JKP_CORE_BMS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/config.h"
#include "core/sink.h"
#include "proto/jk_uart.h"

#define BMS_REPLY_NS	(500 * NS_PER_MS)  /* a reply not complete by then is discarded (SAF-02) */
#define BMS_LATE_NS	(1500 * NS_PER_MS) /* a late answer is waited for this long */
#define BMS_GAP_NS	(100 * NS_PER_MS)  /* silence inside a frame: it is over */
#define BMS_NOISE_EVENT 256U		   /* noise bytes between two events */

/**
 * struct bms_link - caller-owned
 * @awaiting: a request is out and not answered
 * @head: newest bytes since that request, to find the beginning of an answer
 * @answered: an answer has begun since that request; noise and echoes are none
 * @quiet_until_ns: a request was not answered at all: no new one before its late answer came or
 *                  cannot come any more, so that no reply is taken for younger than it is
 * @verdict: frames by verdict of the decoder
 * @frame: newest accepted frame, to find repetitions
 */
struct bms_link {
	struct jk_framer framer;
	int64_t next_ns;
	int64_t request_ns;
	int64_t last_rx_ns;
	int64_t quiet_until_ns;
	bool open;
	bool awaiting;
	bool answered;
	uint8_t head[JK_HEAD_SIZE];
	uint32_t requests;
	uint32_t samples;
	uint32_t late;
	uint32_t noise_reported;
	uint32_t verdict[JK_VERDICTS];
	int32_t reply_ms;
	uint16_t frame_len;
	uint8_t frame[JK_FRAME_MAX];
	struct jk_sample scratch;
};

/**
 * struct bms_answer - a reply that counts
 * @t_ns: time of the request it answers
 * @identical: byte for byte the reply before
 */
struct bms_answer {
	struct jk_sample jk;
	int64_t t_ns;
	bool identical;
};

void bms_link_init(struct bms_link *b, int64_t now_ns);

/**
 * bms_link_receive - bytes of this period
 * @b: link
 * @now_ns: time
 * @open: the serial device is open
 * @request_failed: the last request could not be written
 * @rx, @rx_len: bytes, in order
 * @sink: events
 * @ret: receives the newest complete reply
 *
 * At most one reply a request is accepted, the newest complete one, at most BMS_REPLY_NS after the
 * request. After a request without any answer the line is left alone for BMS_LATE_NS or until the
 * late answer has come (and was dropped): it must not be taken for the answer to a newer request.
 *
 * Return: true if @ret holds a reply.
 * Context: the thread that runs the step. Bound: @rx_len + JK_FRAME_MAX bytes.
 */
bool bms_link_receive(struct bms_link *b, int64_t now_ns, bool open, bool request_failed,
		      const uint8_t *rx, uint32_t rx_len, struct sink *sink,
		      struct bms_answer *ret);

/**
 * bms_link_forget - the request that is out will not be answered by anything to be believed
 *
 * After a suspend: bytes that wait in the kernel were received before it (SAF-14).
 */
void bms_link_forget(struct bms_link *b, int64_t now_ns);

/**
 * bms_link_poll - is it time to ask?
 * @ret_frame: receives the request
 *
 * Return: true if the request is to be written now.
 */
bool bms_link_poll(struct bms_link *b, const struct core_config *c, int64_t now_ns,
		   uint8_t ret_frame[JK_REQUEST_SIZE]);

#endif
