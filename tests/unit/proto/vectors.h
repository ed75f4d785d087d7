/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the JK codec share: bytes from hex files, a builder of replies, a receiver that
 * collects what a framer delivers and keeps account of every byte, and random numbers.
 */
#ifndef JKP_TESTS_PROTO_VECTORS_H
#define JKP_TESTS_PROTO_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jk_uart.h"

#define JKV_16S "jk_uart_16s_lifepo4_sw7.1.0H_dis0.69A.hex"
#define JKV_14S "jk_uart_14s_doc_example_chg2.08A.hex"
#define JKV_13S "jk_uart_13s_liion_sw10.07_0A.hex"

#define JKV_16S_SIZE 291U
/* Larger than any frame: what a test feeds may be too long on purpose. */
#define JKV_MAX 1024U

struct jkv_bytes {
	uint8_t b[JKV_MAX];
	size_t len;
};

/* Hex digits to bytes, white space ignored. Fails the test on anything else. */
void jkv_from_hex(const char *text, struct jkv_bytes *ret);
/* Whole text file of tests/vectors; the caller frees it. */
char *jkv_read_file(const char *name);
/* Hex file of tests/vectors. */
void jkv_load(const char *name, struct jkv_bytes *ret);

void jkv_append(struct jkv_bytes *to, const uint8_t *b, size_t len);

/* A reply: begin, cells, registers (big endian, @size bytes), end (LEN, end mark, sum). */
void jkv_begin(struct jkv_bytes *to);
void jkv_cells(struct jkv_bytes *to, unsigned int cells, unsigned int first_mv);
void jkv_reg(struct jkv_bytes *to, uint8_t tag, uint64_t value, size_t size);
void jkv_end(struct jkv_bytes *to);
/* Recompute the sum of a frame after an edit; LEN stays. */
void jkv_fix_sum(struct jkv_bytes *frame);

/* Receiver around a framer. */
struct jkv_rx {
	struct jk_framer f;
	uint8_t last[JK_FRAME_MAX]; /* the newest frame */
	size_t last_len;
	size_t fed;
	size_t framed; /* bytes in delivered frames */
	uint32_t frames;
};

void jkv_rx_init(struct jkv_rx *rx);
/* Feed everything, collect frames, check progress and the account after every call. */
void jkv_rx_feed(struct jkv_rx *rx, const uint8_t *b, size_t len);
/* Silence on the line: call jk_framer_gap() until nothing is left. */
void jkv_rx_gap(struct jkv_rx *rx);
/* Fails unless the newest of @frames frames has exactly these bytes. */
void jkv_rx_expect(const struct jkv_rx *rx, uint32_t frames, const struct jkv_bytes *newest);

/* Seed from argv[1], else JKP_SEED, else the clock; printed, so that a failure can be repeated. */
void jkv_seed(int argc, char **argv);
uint32_t jkv_random(uint32_t below);

#endif
