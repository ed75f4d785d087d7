/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of the serial device: everything about it that can sleep. */
#ifndef JKP_RT_SERIAL_OPEN_H
#define JKP_RT_SERIAL_OPEN_H

#include <stddef.h>

/**
 * serial_open - open a tty, make it ours and set the line
 * @device: path
 * @ret_fd: receives a non-blocking descriptor; untouched on failure
 * @err: receives a message with the remedy on failure
 * @err_len: size of @err, >= 1
 *
 * Return: 0 or -errno as told at serial_start().
 * Context: init or the helper thread.
 */
int serial_open(const char *device, int *ret_fd, char *err, size_t err_len);

/**
 * serial_close - close it without waiting for output that nobody takes
 * @fd: descriptor of serial_open()
 *
 * Context: fini or the helper thread.
 */
void serial_close(int fd);

#endif
