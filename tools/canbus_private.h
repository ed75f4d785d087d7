/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of canbus.c that its files share. */
#ifndef JKP_TOOLS_CANBUS_PRIVATE_H
#define JKP_TOOLS_CANBUS_PRIVATE_H

#include "canbus.h"

#define LOG_SUFFIX ".log" /* a name with this end is that of a log */

/* Put a message into bus->why. Return: @err. */
int __attribute__((format(printf, 3, 4)))
canbus_why(struct canbus *bus, int err, const char *format, ...);

/* Return: 0 if there is something to read; -EAGAIN time is over; -EINTR, another -errno. */
int canbus_wait(const struct canbus *bus, int timeout_ms);

/* ---- canbus_log.c ---- */

/* Does @spec name a log? See canbus_open(). */
bool canbus_log_named(const char *spec);
/* Return: 0 or -errno with bus->why set. */
int canbus_log_open(struct canbus *bus);
/* canbus_read() of a log. */
int canbus_log_read(struct canbus *bus, int timeout_ms, struct canbus_frame *ret_frame);

/* ---- canbus_line.c ---- */

/**
 * canbus_line_parse - one line of a log in a format of candump
 * @line: without leading space and without its end
 * @ret_frame: zeroed by the caller; undefined on failure
 *
 * Return: NULL, or what is wrong.
 */
const char *canbus_line_parse(const char *line, struct canbus_frame *ret_frame);

#endif
