/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of bytes, shared by the two GoodWe codecs; no interface of the layer. */
#ifndef JKP_PROTO_GOODWE_BYTES_H
#define JKP_PROTO_GOODWE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "proto/goodwe.h"

#define GOODWE_HEAD_0 0xAAU
#define GOODWE_HEAD_1 0x55U

/* Sender and receiver in AA55, slave address in Modbus: the byte behind AA 55 tells them apart. */
#define GOODWE_HOST	0xC0U
#define GOODWE_INVERTER 0x7FU
#define GOODWE_SLAVE	0xF7U

static inline uint16_t goodwe_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)(p[0] << 8) | p[1]);
}

static inline uint32_t goodwe_be32(const uint8_t *p)
{
	return ((uint32_t)goodwe_be16(p) << 16) | goodwe_be16(p + 2);
}

static inline int32_t goodwe_s16(const uint8_t *p)
{
	const int32_t v = goodwe_be16(p);

	return v > INT16_MAX ? v - UINT16_MAX - 1 : v;
}

/* Up to the first NUL, at most @size < GOODWE_TEXT_MAX bytes. */
void goodwe_text(char ret_text[GOODWE_TEXT_MAX], const uint8_t *from, size_t size);

/* Product of a voltage and a current, W, rounded; GOODWE_NO_VALUE if one of them is. */
int32_t goodwe_power_w(int32_t mv, int32_t ma);

#endif
