/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network interface behind a SocketCAN port: looking at it by netlink, changing it through
 * libsocketcan (which blocks and writes to stderr: helper thread only).
 */
#ifndef JKP_RT_CAN_LINK_H
#define JKP_RT_CAN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "can_manager.h"

#define CAN_LINK_ANSWER_MAX 16384 /* an interface with all its attributes takes about 2 KiB */

/**
 * struct can_link_fds - descriptors for looking, opened once so that a process that runs out of
 *                   descriptors still sees its bus
 * @netlink_fd: -1 if the kernel or the sandbox has no netlink: then only presence, type and IFF_UP
 *              are known
 * @ioctl_fd: any socket, for SIOCGIF*
 * @seq: of the newest request
 * @answer: room for the kernel's answer
 */
struct can_link_fds {
	int netlink_fd;
	int ioctl_fd;
	uint32_t seq;
	uint8_t answer[CAN_LINK_ANSWER_MAX];
};

/**
 * can_link_init - nothing open
 */
void can_link_init(struct can_link_fds *l);

/**
 * can_link_open - open the descriptors
 *
 * Return: 0 or -errno.
 * Context: init.
 */
int can_link_open(struct can_link_fds *l);

/**
 * can_link_close - close them; harmless if not open
 */
void can_link_close(struct can_link_fds *l);

/**
 * can_link_look - state of an interface
 * @l: descriptors
 * @name: interface, shorter than IFNAMSIZ
 * @ret_info: receives it; untouched on failure. A missing interface is no failure: @present false
 *
 * Return: 0 or -errno.
 * Context: init or the helper thread. Blocks at most 1 s.
 */
int can_link_look(struct can_link_fds *l, const char *name, struct can_link_info *ret_info);

/**
 * can_link_parse - read the answer to RTM_GETLINK
 * @buf: messages as received
 * @len: bytes
 * @seq: sequence number of the request
 * @ret_info: receives the interface; untouched on failure
 *
 * Return: 0; -ENOMSG if there is no answer to @seq in @buf; -EBADMSG if it is malformed.
 * Context: any thread. Pure, bound: @len.
 */
int can_link_parse(const void *buf, size_t len, uint32_t seq, struct can_link_info *ret_info);

/**
 * can_link_configure - down, bit rate, no automatic restart, not listen-only, up
 * @name: interface
 * @bitrate: bit/s
 * @info: what can_link_look() said
 * @ret_fixed_bitrate: set to true if the interface has no bit rate to set (vcan, slcan); else
 *                     untouched
 *
 * Return: 0 or -errno.
 * Context: the helper thread.
 */
int can_link_configure(const char *name, uint32_t bitrate, const struct can_link_info *info,
		       bool *ret_fixed_bitrate);

/**
 * can_link_bounce - down and up
 *
 * Return: 0 or -errno. Context: the helper thread.
 */
int can_link_bounce(const char *name);

/**
 * can_link_restart - leave bus-off: by the driver's restart, else by down and up
 * @name: interface
 * @info: what can_link_look() said
 *
 * Return: 0 or -errno. Context: the helper thread.
 */
int can_link_restart(const char *name, const struct can_link_info *info);

/**
 * can_link_may_manage - this process has CAP_NET_ADMIN
 *
 * Context: any thread.
 */
bool can_link_may_manage(void);

#endif
