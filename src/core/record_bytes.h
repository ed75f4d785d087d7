/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the record's stream. Private to src/core/record*.c. */
#ifndef JKP_CORE_RECORD_BYTES_H
#define JKP_CORE_RECORD_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#define VARINT_BITS 7U
#define VARINT_MORE 0x80U
#define VARINT_MAX  10U /* bytes of 64 bits */

#define FRAME_ID_MASK	   0x07FFU
#define FRAME_ORIGIN_SHIFT 11U
#define FRAME_LEN_SHIFT	   12U

#define STEP_FLAG_TTY	 0x1U
#define STEP_FLAG_GUARD	 0x2U
#define STEP_FLAG_STOP	 0x4U
#define STEP_FLAG_RELOAD 0x8U
#define STEP_FLAGS	 0xFU

static inline uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0U);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)((v >> 1) ^ (0U - (v & 1U)));
}

/* Differences of times that may be TIME_NEVER: modulo 2^64, exact in both directions. */
static inline int64_t wrap_sub(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t wrap_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

#endif
