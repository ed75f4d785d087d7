/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One classical CAN frame with a standard (11 bit) identifier, without the kernel's header: the
 * pure code knows no <linux/can.h>. rt/can.c converts at its edge.
 */
#ifndef JKP_BASE_CANMSG_H
#define JKP_BASE_CANMSG_H

#include <stdint.h>

#define CAN_MSG_DATA_MAX 8U
#define CAN_MSG_ID_MAX	 0x7FFU

/**
 * struct can_msg - one frame
 * @id: identifier, 0..0x7FF
 * @len: data length, 0..8
 * @data: payload; bytes behind @len are 0
 */
struct can_msg {
	uint16_t id;
	uint8_t len;
	uint8_t data[CAN_MSG_DATA_MAX];
};

#endif
