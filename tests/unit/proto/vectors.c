/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static uint64_t random_state = 1;

static uint8_t hex_digit(char c)
{
	const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	if (at == NULL) {
		fail_msg("'%c' is no hex digit", c);
		return 0;
	}
	return (uint8_t)(at - digits);
}

void jkv_from_hex(const char *text, struct jkv_bytes *ret)
{
	ret->len = 0;
	while (*text != '\0') {
		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		assert_true(ret->len < JKV_MAX);
		ret->b[ret->len] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		ret->len++;
		text += 2;
	}
}

char *jkv_read_file(const char *name)
{
	char path[512];
	char *text;
	long size;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/tests/vectors/%s", JKP_SOURCE_DIR, name);
	file = fopen(path, "rb");
	if (file == NULL) {
		fail_msg("%s: %s", path, strerror(errno));
		return NULL;
	}
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size > 0);
	rewind(file);
	text = malloc((size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
	text[size] = '\0';
	(void)fclose(file);
	return text;
}

void jkv_load(const char *name, struct jkv_bytes *ret)
{
	char *text = jkv_read_file(name);

	jkv_from_hex(text, ret);
	free(text);
}

void jkv_append(struct jkv_bytes *to, const uint8_t *b, size_t len)
{
	assert_true(len <= JKV_MAX - to->len);
	memcpy(to->b + to->len, b, len);
	to->len += len;
}

void jkv_begin(struct jkv_bytes *to)
{
	static const uint8_t header[] = {0x4E, 0x57, 0, 0, 0, 0, 0, 0, 0x06, 0x00, 0x01};

	to->len = 0;
	jkv_append(to, header, sizeof(header));
}

void jkv_cells(struct jkv_bytes *to, unsigned int cells, unsigned int first_mv)
{
	const uint8_t head[] = {0x79, (uint8_t)(3 * cells)};

	jkv_append(to, head, sizeof(head));
	for (unsigned int i = 0; i < cells; i++) {
		const unsigned int mv = first_mv + i;
		const uint8_t cell[] = {(uint8_t)(i + 1), (uint8_t)(mv >> 8), (uint8_t)mv};

		jkv_append(to, cell, sizeof(cell));
	}
}

void jkv_reg(struct jkv_bytes *to, uint8_t tag, uint64_t value, size_t size)
{
	jkv_append(to, &tag, 1);
	for (size_t i = 0; i < size; i++) {
		const size_t shift = 8 * (size - 1 - i);
		const uint8_t b = (uint8_t)(shift < 64 ? value >> shift : 0);

		jkv_append(to, &b, 1);
	}
}

void jkv_fix_sum(struct jkv_bytes *frame)
{
	unsigned int sum = 0;

	assert_true(frame->len > 4);
	for (size_t i = 0; i < frame->len - 4; i++) {
		sum += frame->b[i];
	}
	frame->b[frame->len - 4] = 0;
	frame->b[frame->len - 3] = 0;
	frame->b[frame->len - 2] = (uint8_t)(sum >> 8);
	frame->b[frame->len - 1] = (uint8_t)sum;
}

void jkv_end(struct jkv_bytes *to)
{
	static const uint8_t tail[] = {0, 0, 0, 0, 0x68, 0, 0, 0, 0};

	jkv_append(to, tail, sizeof(tail));
	to->b[2] = (uint8_t)((to->len - 2) >> 8);
	to->b[3] = (uint8_t)(to->len - 2);
	jkv_fix_sum(to);
}

void jkv_rx_init(struct jkv_rx *rx)
{
	memset(rx, 0, sizeof(*rx));
	memset(&rx->f, 0xA5, sizeof(rx->f)); /* jk_framer_init() must not rely on zeros */
	jk_framer_init(&rx->f);
}

/* Every byte is in a frame, noise, the first one of a broken frame, or kept. */
static void check_account(const struct jkv_rx *rx)
{
	size_t sum = rx->framed;

	for (int v = JK_NOISE; v < JK_VERDICTS; v++) {
		sum += rx->f.count[v];
	}
	assert_true(rx->f.len <= JK_FRAME_MAX);
	assert_true(rx->f.done <= rx->f.len);
	assert_int_equal(sum + rx->f.len - rx->f.done, rx->fed);
	assert_int_equal(rx->f.count[JK_OK], rx->frames);
}

static void collect(struct jkv_rx *rx, uint16_t frame_len)
{
	if (frame_len > 0) {
		assert_true(frame_len <= rx->f.len);
		memcpy(rx->last, rx->f.buf, frame_len);
		rx->last_len = frame_len;
		rx->framed += frame_len;
		rx->frames++;
	}
	check_account(rx);
}

void jkv_rx_feed(struct jkv_rx *rx, const uint8_t *b, size_t len)
{
	size_t at = 0;
	uint16_t frame_len = 1;

	/* Once more after the last byte: a frame may be complete in what is kept. */
	while (at < len || frame_len > 0) {
		size_t used;

		frame_len = UINT16_MAX;
		used = jk_framer_feed(&rx->f, b + at, len - at, &frame_len);
		assert_true(used <= len - at);
		assert_true(used == len - at || frame_len > 0);
		at += used;
		rx->fed += used;
		collect(rx, frame_len);
	}
}

void jkv_rx_gap(struct jkv_rx *rx)
{
	uint16_t frame_len = 1;

	while (frame_len > 0) {
		frame_len = UINT16_MAX;
		jk_framer_gap(&rx->f, &frame_len);
		collect(rx, frame_len);
	}
	assert_int_equal(rx->f.len, 0);
}

void jkv_rx_expect(const struct jkv_rx *rx, uint32_t frames, const struct jkv_bytes *newest)
{
	assert_int_equal(rx->frames, frames);
	assert_int_equal(rx->last_len, newest->len);
	assert_memory_equal(rx->last, newest->b, newest->len);
}

void jkv_seed(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : getenv("JKP_SEED");
	unsigned long long seed = (unsigned long long)time(NULL);

	if (text != NULL) {
		char *end = NULL;

		errno = 0;
		seed = strtoull(text, &end, 10);
		if (errno != 0 || end == text || *end != '\0') {
			(void)fprintf(stderr, "seed '%s' is no number; give a decimal one\n", text);
			exit(1);
		}
	}
	(void)printf("seed %llu (repeat with this argument or JKP_SEED)\n", seed);
	random_state = seed * 2 + 1; /* never 0 */
}

uint32_t jkv_random(uint32_t below)
{
	/* xorshift64 */
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % below;
}
