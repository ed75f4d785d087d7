/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of a Speedwire datagram: what decoder and encoder share. No interface of the layer. */
#ifndef JKP_PROTO_SPEEDWIRE_FRAME_H
#define JKP_PROTO_SPEEDWIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define START_SIZE    4U
#define TAG_SIZE      4U /* length and tag */
#define AT_TAG	      2U
#define TAG_END	      0x0000U
#define TAG_DATA      0x0010U
#define TAG_GROUP     0x02A0U
#define GROUP_SIZE    4U
#define GROUP_DEFAULT 1U
#define PROTOCOL_SIZE 2U
#define EXTRA_SIZE    2U

/* Data of a meter, without the two bytes more. */
#define AT_SUSY	  2U
#define AT_SERIAL 4U
#define AT_TICKER 8U
#define HEAD_SIZE 12U

#define RECORD_SIZE	4U    /* its OBIS code */
#define CHANNEL_DEVICE	0x80U /* from here on: about the device, 4 bytes whatever the type */
#define CHANNEL_VERSION 0x90U
#define TYPE_ACTUAL	4U
#define TYPE_COUNTER	8U
#define ACTUAL_SIZE	4U
#define COUNTER_SIZE	8U
#define LINE_STEP	20U

static const uint8_t speedwire_start[START_SIZE] = {'S', 'M', 'A', 0};

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)(p[0] << 8) | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return ((uint32_t)get_be16(p) << 16) | get_be16(p + 2);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return ((uint64_t)get_be32(p) << 32) | get_be32(p + 4);
}

#endif
