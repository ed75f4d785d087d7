/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the SocketCAN backend: its socket (can_socket.c) and its helper (can_watch.c). */
#ifndef JKP_RT_CAN_SOCKET_H
#define JKP_RT_CAN_SOCKET_H

#include <stdint.h>

#include "can_backend.h"

/**
 * can_socket_open - make a socket on the interface and hand it to the cycle thread
 * @p: port
 * @ifindex: index of the interface
 *
 * Return: 0 or -errno.
 * Context: the helper thread.
 */
int can_socket_open(struct can_port *p, int32_t ifindex);

/**
 * can_socket_run - the helper thread
 * @arg: struct can_port
 *
 * Posts can_socket.started after its first round.
 * Return: NULL.
 */
void *can_socket_run(void *arg);

#endif
