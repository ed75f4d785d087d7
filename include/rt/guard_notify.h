/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word to the service manager, protocol of sd_notify(3): one datagram of text to the socket named by
 * NOTIFY_SOCKET. Written out here and not taken from libsystemd because the guard must not wait:
 * the library's call blocks when the manager does not read its socket, and allocates.
 */
#ifndef JKP_RT_GUARD_NOTIFY_H
#define JKP_RT_GUARD_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/**
 * struct guard_notify - where to tell, and how often the watchdog is fed
 * @fd: socket, -1 = no service manager
 * @feed_ns: half of WATCHDOG_USEC, 0 = no watchdog
 * @fed_ns: when it was fed last
 */
struct guard_notify {
	int fd;
	socklen_t address_len;
	struct sockaddr_un address;
	int64_t feed_ns;
	int64_t fed_ns;
};

/**
 * guard_notify_init - read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
 *
 * Anything missing or malformed: no manager, or no watchdog.
 * Context: init.
 */
void guard_notify_init(struct guard_notify *n);

/**
 * guard_notify_send - tell the manager; a full socket loses the message
 * @text: lines as in sd_notify(3)
 *
 * Context: guard. Never blocks.
 */
void guard_notify_send(struct guard_notify *n, const char *text);

/**
 * guard_notify_feed - WATCHDOG=1 when half of the time has passed
 * @now_ns: CLOCK_MONOTONIC
 *
 * Context: guard, each period in which everything is as it should be. Never blocks.
 */
void guard_notify_feed(struct guard_notify *n, int64_t now_ns);

#endif
