/* SPDX-License-Identifier: Apache-2.0 */
/* JK BMS "4E 57" protocol: frames in a byte stream, and the request. */
#include "proto/jk_uart.h"

#include <string.h>

#include "base/units.h"
#include "jk_frame.h"

const char *jk_verdict_name(enum jk_verdict v)
{
	static const char *const names[JK_VERDICTS] = {
		[JK_OK] = "ok",
		[JK_NOISE] = "noise",
		[JK_BAD_LENGTH] = "bad length",
		[JK_BAD_HEADER] = "bad header",
		[JK_BAD_END] = "bad end mark",
		[JK_BAD_SUM_HIGH] = "upper half of the sum not zero",
		[JK_BAD_SUM] = "bad sum",
		[JK_TRUNCATED] = "truncated",
		[JK_FOREIGN] = "not a reply",
		[JK_BAD_CELLS] = "bad cell list",
		[JK_BAD_REGISTER] = "bad register",
		[JK_BAD_VERSION] = "unknown protocol version",
		[JK_CELLS_DIFFER] = "cell counts differ",
	};
	const size_t i = (size_t)v;

	return i < ARRAY_SIZE(names) ? names[i] : "?";
}

uint16_t jk_frame_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0; /* at most JK_FRAME_MAX * 255 */

	for (size_t i = 0; i < n; i++) {
		sum += p[i];
	}
	return (uint16_t)(sum & UINT16_MAX);
}

void jk_request_build(enum jk_source source, uint8_t ret_frame[JK_REQUEST_SIZE])
{
	uint16_t sum;

	/* Register 00 and record number 0: the bytes that stay zero. */
	memset(ret_frame, 0, JK_REQUEST_SIZE);
	ret_frame[0] = JK_START_0;
	ret_frame[1] = JK_START_1;
	ret_frame[JK_AT_LEN + 1] = JK_REQUEST_SIZE - JK_AT_LEN;
	ret_frame[JK_AT_COMMAND] = JK_COMMAND_READ_ALL;
	ret_frame[JK_AT_SOURCE] = (uint8_t)source;
	ret_frame[JK_AT_TYPE] = JK_TYPE_REQUEST;
	ret_frame[JK_REQUEST_SIZE - JK_TAIL_END] = JK_END;
	sum = jk_frame_sum(ret_frame, JK_REQUEST_SIZE - JK_TAIL_SUM_HIGH);
	ret_frame[JK_REQUEST_SIZE - JK_TAIL_SUM] = (uint8_t)(sum >> 8);
	ret_frame[JK_REQUEST_SIZE - JK_TAIL_SUM + 1] = (uint8_t)(sum & UINT8_MAX);
}

static bool command_known(uint8_t command)
{
	return command == JK_COMMAND_ACTIVATE || command == JK_COMMAND_WRITE ||
	       command == JK_COMMAND_READ_ONE || command == JK_COMMAND_PASSWORD ||
	       command == JK_COMMAND_READ_ALL;
}

static enum jk_verdict judge_tail(const uint8_t *p, size_t size)
{
	if (p[size - JK_TAIL_END] != JK_END) {
		return JK_BAD_END;
	}
	if (jk_be16(p + size - JK_TAIL_SUM_HIGH) != 0) {
		return JK_BAD_SUM_HIGH;
	}
	if (jk_be16(p + size - JK_TAIL_SUM) != jk_frame_sum(p, size - JK_TAIL_SUM_HIGH)) {
		return JK_BAD_SUM;
	}
	return JK_OK;
}

bool jk_frame_judge(const uint8_t *p, size_t n, enum jk_verdict *ret_verdict)
{
	enum jk_verdict v = JK_OK;

	if ((n > 0 && p[0] != JK_START_0) || (n > 1 && p[1] != JK_START_1)) {
		v = JK_NOISE;
	} else if (n >= JK_AT_TERMINAL &&
		   (jk_be16(p + JK_AT_LEN) < JK_LEN_MIN || jk_be16(p + JK_AT_LEN) > JK_LEN_MAX)) {
		v = JK_BAD_LENGTH;
	} else if ((n > JK_AT_COMMAND && !command_known(p[JK_AT_COMMAND])) ||
		   (n > JK_AT_SOURCE && p[JK_AT_SOURCE] > JK_SOURCE_PC) ||
		   (n > JK_AT_TYPE && p[JK_AT_TYPE] > JK_TYPE_UPLOAD)) {
		v = JK_BAD_HEADER;
	} else if (n < JK_AT_TERMINAL || n < jk_frame_size(p)) {
		return false;
	} else {
		v = judge_tail(p, jk_frame_size(p));
	}
	*ret_verdict = v;
	return true;
}

_Static_assert(JK_HEAD_SIZE == JK_AT_INFO && JK_HEAD_SIZE < JK_LEN_MIN, "a head is never a frame");

bool jk_reply_begins(const uint8_t head[JK_HEAD_SIZE])
{
	enum jk_verdict v = JK_OK;

	return !jk_frame_judge(head, JK_HEAD_SIZE, &v) && head[JK_AT_SOURCE] == JK_SOURCE_BMS &&
	       head[JK_AT_TYPE] != JK_TYPE_REQUEST;
}

void jk_framer_init(struct jk_framer *f)
{
	memset(f, 0, sizeof(*f));
}

void jk_framer_reset(struct jk_framer *f)
{
	f->len = 0;
	f->done = 0;
}

/* Remove the first @n bytes; @n <= @f->len. */
static void framer_drop(struct jk_framer *f, uint16_t n)
{
	const uint16_t rest = (uint16_t)(f->len - n);

	memmove(f->buf, f->buf + n, rest);
	f->len = rest;
}

/*
 * Drop bytes until a frame or the beginning of a possible one stands first. One move at the end
 * instead of one per byte. Return: size of the complete frame, or 0; then @f->len < JK_FRAME_MAX,
 * because jk_frame_judge() wants more bytes only below the announced size.
 */
static uint16_t framer_search(struct jk_framer *f)
{
	bool complete = false;
	uint16_t at = 0;

	while (at < f->len) {
		enum jk_verdict v = JK_NOISE;

		if (!jk_frame_judge(f->buf + at, (size_t)f->len - at, &v)) {
			break;
		}
		f->count[v]++;
		if (v == JK_OK) {
			complete = true;
			break;
		}
		at++;
	}
	if (at > 0) {
		framer_drop(f, at);
	}
	f->done = complete ? jk_frame_size(f->buf) : 0;
	return f->done;
}

/* Remove the delivered frame, look at what is kept. */
static uint16_t framer_resume(struct jk_framer *f)
{
	if (f->done > 0) {
		framer_drop(f, f->done);
	}
	return framer_search(f);
}

/*
 * Bytes that have to come before there is anything new to judge: the rest of the announced size once
 * the header is there and has been judged, else one. At least one after framer_search() found none.
 */
static uint16_t framer_missing(const struct jk_framer *f)
{
	return f->len < JK_HEAD_SIZE ? 1U : (uint16_t)(jk_frame_size(f->buf) - f->len);
}

size_t jk_framer_feed(struct jk_framer *f, const uint8_t *data, size_t len, uint16_t *ret_frame_len)
{
	uint16_t frame = framer_resume(f);
	size_t used = 0;

	while (frame == 0 && used < len) {
		for (uint16_t n = framer_missing(f); n > 0 && used < len; n--) {
			f->buf[f->len] = data[used];
			f->len++;
			used++;
		}
		frame = framer_search(f);
	}
	*ret_frame_len = frame;
	return used;
}

void jk_framer_gap(struct jk_framer *f, uint16_t *ret_frame_len)
{
	uint16_t frame = framer_resume(f);

	while (frame == 0 && f->len > 0) {
		/* A lone 4E was no start marker. */
		f->count[f->len > 1 ? JK_TRUNCATED : JK_NOISE]++;
		framer_drop(f, 1);
		frame = framer_search(f);
	}
	*ret_frame_len = frame;
}
