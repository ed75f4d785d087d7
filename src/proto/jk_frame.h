/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout of a "4E 57" frame and the one function that says whether bytes are one. Shared by framer
 * and decoder, no interface of the layer.
 *
 *   0  4E 57      start
 *   2  LEN        bytes behind the start marker, itself and the sum included
 *   4  terminal   any
 *   8  command, source, type
 *  11  info       registers
 *  -9  record number (4), 68, upper half of the sum 0000, sum of all bytes from 4E to 68
 */
#ifndef JKP_PROTO_JK_FRAME_H
#define JKP_PROTO_JK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jk_uart.h"

#define JK_START_0 0x4EU
#define JK_START_1 0x57U
#define JK_END	   0x68U

#define JK_AT_LEN      2U
#define JK_AT_TERMINAL 4U
#define JK_AT_COMMAND  8U
#define JK_AT_SOURCE   9U
#define JK_AT_TYPE     10U
#define JK_AT_INFO     11U

/* Distances from the end of the frame. */
#define JK_TAIL_SIZE	 9U
#define JK_TAIL_END	 5U
#define JK_TAIL_SUM_HIGH 4U
#define JK_TAIL_SUM	 2U

enum jk_command {
	JK_COMMAND_ACTIVATE = 1,
	JK_COMMAND_WRITE = 2,
	JK_COMMAND_READ_ONE = 3,
	JK_COMMAND_PASSWORD = 5,
	JK_COMMAND_READ_ALL = 6,
};

enum jk_type {
	JK_TYPE_REQUEST = 0,
	JK_TYPE_REPLY = 1,
	JK_TYPE_UPLOAD = 2,
};

static inline uint16_t jk_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)(p[0] << 8) | p[1]);
}

static inline uint32_t jk_be32(const uint8_t *p)
{
	return ((uint32_t)jk_be16(p) << 16) | jk_be16(p + 2);
}

/* Size that the header announces; at least JK_AT_LEN + 2 bytes, LEN checked by jk_frame_judge(). */
static inline uint16_t jk_frame_size(const uint8_t *p)
{
	return (uint16_t)(jk_be16(p + JK_AT_LEN) + JK_AT_LEN);
}

/**
 * jk_frame_judge - do these bytes begin with a frame?
 * @p: bytes, at least @n
 * @n: number of bytes; those behind the announced size are not looked at
 * @ret_verdict: JK_OK: complete and good; JK_NOISE: no start marker; else what is wrong with it
 *
 * Looks at each field as soon as its bytes are there, so a false start marker is found out early.
 *
 * Return: false if it cannot be said before more bytes have come; then @n < announced size and
 *         @n < JK_FRAME_MAX, and @ret_verdict is untouched.
 * Context: any thread. Pure. Bound: constant while bytes are missing, JK_FRAME_MAX additions when
 * the last one is there.
 */
bool jk_frame_judge(const uint8_t *p, size_t n, enum jk_verdict *ret_verdict);

/* Sum of @n bytes modulo 2^16; @n <= JK_FRAME_MAX. */
uint16_t jk_frame_sum(const uint8_t *p, size_t n);

#endif
