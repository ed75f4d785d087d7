/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tool's access to a bus, whatever it is: a SocketCAN interface, the bench bus of a daemon that
 * runs without CAN hardware, or a log in a format of candump.
 */
#ifndef JKP_TOOLS_CANBUS_H
#define JKP_TOOLS_CANBUS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/can.h>

#define CANBUS_WHY_MAX	256 /* room of a message with its remedy */
#define CANBUS_LINE_MAX 512 /* longest line of a log */

enum canbus_kind {
	CANBUS_SOCKETCAN,
	CANBUS_BENCH,
	CANBUS_LOG
};

/**
 * struct canbus_frame - one frame with its circumstances
 * @can: identifier with the kernel's CAN_EFF_FLAG, CAN_RTR_FLAG, CAN_ERR_FLAG; len 0..8
 * @time_us: microseconds since 1970 (a log may count from elsewhere)
 * @has_time: false: the log has no times
 * @ifname: interface as the log names it; "bench" on the bench bus
 */
struct canbus_frame {
	struct can_frame can;
	int64_t time_us;
	bool has_time;
	char ifname[IFNAMSIZ];
};

/**
 * struct canbus - an open bus; the caller's storage, all members private but @kind and @why
 * @kind: what it is
 * @why: after a failure: what, where and the remedy, one line without the end of line
 */
struct canbus {
	enum canbus_kind kind;
	char why[CANBUS_WHY_MAX];
	const char *spec;
	int fd;
	int64_t wall_offset_us;
	unsigned long line;
	size_t fill;
	size_t pos;
	bool ended;
	bool error_above;
	char buf[CANBUS_LINE_MAX];
};

/**
 * canbus_open - open a bus for reading
 * @bus: storage
 * @spec: "can0", "unix:PATH", a path of a log, or "-" for a log on the standard input. A name is a
 *	log if it holds a '/', ends in ".log" or is a file. Kept, not copied.
 *
 * Error frames are delivered too on SocketCAN.
 *
 * Return: 0, or -Exxx with bus->why set (nothing is open then).
 */
int canbus_open(struct canbus *bus, const char *spec);

/**
 * canbus_is_live - does @spec name a bus (frames come as they happen), not a log?
 */
bool canbus_is_live(const char *spec);

/**
 * canbus_close - release the bus; harmless on one that failed to open
 */
void canbus_close(struct canbus *bus);

/**
 * canbus_read - next frame
 * @bus: open bus
 * @timeout_ms: how long to wait; -1 = for ever, 0 = not at all
 * @ret_frame: the frame; untouched on failure
 *
 * Return: 0; -EAGAIN time is over; -EINTR a signal came; -ENODATA end of the log; -EBADMSG a line
 * or record is not understood (skipped, bus->why tells, go on reading); -ENETDOWN the interface is
 * down (go on reading, or give up); other -Exxx: the bus is gone, bus->why tells.
 */
int canbus_read(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame);

/**
 * canbus_send - send one frame
 * @bus: SocketCAN or bench bus
 * @frame: frame
 *
 * Return: 0; -EAGAIN or -ENOBUFS the queue is full; -EBADF on a log; other -Exxx.
 */
int canbus_send(struct canbus *bus, const struct can_frame *frame);

/**
 * canbus_error_text - an error frame of the kernel in words
 * @frame: frame with CAN_ERR_FLAG
 * @text: room for the words
 * @size: bytes at @text
 *
 * Source: <linux/can/error.h>.
 */
void canbus_error_text(const struct can_frame *frame, char *text, size_t size);

#endif
