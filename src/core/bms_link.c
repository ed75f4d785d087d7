/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bms_link.h"

#include <string.h>

#include "base/units.h"

void bms_link_init(struct bms_link *b, int64_t now_ns)
{
	memset(b, 0, sizeof(*b));
	jk_framer_init(&b->framer);
	b->next_ns = now_ns;
	b->request_ns = TIME_NEVER;
	b->quiet_until_ns = TIME_NEVER;
	b->last_rx_ns = TIME_NEVER;
}

static void follow_device(struct bms_link *b, int64_t now_ns, bool open, struct sink *sink)
{
	if (open == b->open) {
		return;
	}
	b->open = open;
	sink_emit(sink, open ? EVENT_BMS_TTY_OPEN : EVENT_BMS_TTY_LOST, 0, 0, 0, 0);
	jk_framer_reset(&b->framer);
	b->awaiting = false;
	b->quiet_until_ns = TIME_NEVER; /* the device's buffers are empty after an open */
	b->next_ns = now_ns;
}

static void count_bad(struct bms_link *b, enum jk_verdict v, uint32_t total, struct sink *sink)
{
	if (v == JK_NOISE) {
		if (total - b->noise_reported >= BMS_NOISE_EVENT) {
			b->noise_reported = total;
			sink_emit(sink, EVENT_BMS_NOISE, (int32_t)(total & INT32_MAX), 0, 0, 0);
		}
		return;
	}
	sink_emit(sink, EVENT_BMS_BAD_FRAME, (int32_t)v, (int32_t)(total & INT32_MAX), 0, 0);
}

/* Emits an event for every kind of fault whose counter moved while bytes were fed. */
static void report_faults(struct bms_link *b, const uint32_t before[JK_VERDICTS], struct sink *sink)
{
	for (uint32_t v = JK_NOISE; v < JK_VERDICTS; v++) {
		if (b->framer.count[v] != before[v]) {
			count_bad(b, (enum jk_verdict)v, b->framer.count[v], sink);
		}
	}
}

/* A complete frame with a right sum is in the framer. */
static bool take_frame(struct bms_link *b, int64_t now_ns, uint16_t len, struct sink *sink,
		       struct bms_answer *ret)
{
	const enum jk_verdict v = jk_decode(b->framer.buf, len, &b->scratch);

	if (v >= JK_VERDICTS) {
		return false; /* the decoder has no others */
	}
	b->verdict[v]++;
	if (v == JK_FOREIGN) {
		return false; /* half-duplex adapters echo the request */
	}
	if (v != JK_OK) {
		count_bad(b, v, b->verdict[v], sink);
		return false;
	}
	if (!b->awaiting || now_ns - b->request_ns > BMS_REPLY_NS) {
		b->late++;
		b->quiet_until_ns = TIME_NEVER; /* the answer that was missing has come */
		sink_emit(sink, EVENT_BMS_LATE, 0, 0, 0, 0);
		return false;
	}
	ret->jk = b->scratch;
	ret->t_ns = b->request_ns;
	ret->identical = b->frame_len == len && memcmp(b->frame, b->framer.buf, len) == 0;
	memcpy(b->frame, b->framer.buf, len);
	b->frame_len = len;
	b->reply_ms = time_ms_since(now_ns, b->request_ns);
	return true;
}

/* Looks at the bytes themselves: what the framer drops at once was an answer too, a broken one. */
static void watch_for_answer(struct bms_link *b, const uint8_t *rx, uint32_t rx_len)
{
	for (uint32_t i = 0; i < rx_len && !b->answered; i++) {
		memmove(b->head, b->head + 1, sizeof(b->head) - 1U);
		b->head[sizeof(b->head) - 1U] = rx[i];
		b->answered = jk_reply_begins(b->head);
	}
}

static bool feed(struct bms_link *b, int64_t now_ns, const uint8_t *rx, uint32_t rx_len,
		 struct sink *sink, struct bms_answer *ret)
{
	bool got = false;
	size_t at = 0;

	if (rx_len > 0) {
		b->last_rx_ns = now_ns;
		watch_for_answer(b, rx, rx_len);
	}
	/* Every turn eats a byte or delivers a frame that bytes were eaten for. */
	for (uint32_t turn = 0; turn <= 2U * rx_len && at < rx_len; turn++) {
		uint16_t len = 0;

		at += jk_framer_feed(&b->framer, rx + at, rx_len - at, &len);
		if (len > 0) {
			got = take_frame(b, now_ns, len, sink, ret) || got;
		}
	}
	return got;
}

static bool end_of_line(struct bms_link *b, int64_t now_ns, struct sink *sink,
			struct bms_answer *ret)
{
	bool got = false;

	if (b->framer.len == 0 || b->last_rx_ns == TIME_NEVER ||
	    now_ns - b->last_rx_ns < BMS_GAP_NS) {
		return false;
	}
	for (uint32_t turn = 0; turn < JK_FRAME_MAX && b->framer.len > 0; turn++) {
		uint16_t len = 0;

		jk_framer_gap(&b->framer, &len);
		if (len > 0) {
			got = take_frame(b, now_ns, len, sink, ret) || got;
		}
	}
	jk_framer_reset(&b->framer);
	return got;
}

static void expire_request(struct bms_link *b, int64_t now_ns, bool request_failed,
			   struct sink *sink)
{
	if (!b->awaiting) {
		return;
	}
	/* An answer began and the line is silent again: it was a broken one. */
	const bool over = b->answered && now_ns - b->last_rx_ns >= BMS_GAP_NS;

	if (request_failed || over) {
		b->awaiting = false;
		return;
	}
	if (now_ns - b->request_ns <= BMS_REPLY_NS) {
		return;
	}
	b->awaiting = false;
	if (!b->answered) {
		b->quiet_until_ns = b->request_ns + BMS_LATE_NS;
	}
	jk_framer_reset(&b->framer);
	sink_emit(sink, EVENT_BMS_NO_REPLY, (int32_t)(BMS_REPLY_NS / NS_PER_MS), 0, 0, 0);
}

bool bms_link_receive(struct bms_link *b, int64_t now_ns, bool open, bool request_failed,
		      const uint8_t *rx, uint32_t rx_len, struct sink *sink, struct bms_answer *ret)
{
	uint32_t before[JK_VERDICTS];
	bool got = false;

	follow_device(b, now_ns, open, sink);
	memcpy(before, b->framer.count, sizeof(before));
	got = feed(b, now_ns, rx, rx_len, sink, ret);
	got = end_of_line(b, now_ns, sink, ret) || got;
	report_faults(b, before, sink);
	if (got) {
		b->awaiting = false;
		b->samples++;
	}
	expire_request(b, now_ns, request_failed, sink);
	return got;
}

void bms_link_forget(struct bms_link *b, int64_t now_ns)
{
	jk_framer_reset(&b->framer);
	if (b->awaiting) {
		b->quiet_until_ns = now_ns + BMS_LATE_NS;
	}
	b->awaiting = false;
	b->next_ns = now_ns;
}

bool bms_link_poll(struct bms_link *b, const struct core_config *c, int64_t now_ns,
		   uint8_t ret_frame[JK_REQUEST_SIZE])
{
	const int64_t period = c->poll_ms * NS_PER_MS;

	if (!b->open || b->awaiting || now_ns < b->next_ns ||
	    (b->quiet_until_ns != TIME_NEVER && now_ns < b->quiet_until_ns)) {
		return false;
	}
	b->quiet_until_ns = TIME_NEVER;
	/* On the grid; polls that were missed while a reply was outstanding are skipped. */
	b->next_ns += period * ((now_ns - b->next_ns) / period + 1);
	b->request_ns = now_ns;
	b->awaiting = true;
	b->answered = false;
	memset(b->head, 0, sizeof(b->head));
	jk_framer_reset(&b->framer); /* what began before the request is not its answer */
	b->requests++;
	jk_request_build(JK_SOURCE_PC, ret_frame);
	return true;
}
