/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a line: its first character is the level. What it may be is told at line_open(). */
#ifndef JKP_RT_LINE_FILE_H
#define JKP_RT_LINE_FILE_H

#include <stdbool.h>

#include "rt/line.h"

/**
 * line_file_open - open a file; an output is locked, set to 0 and cut to one character
 * @path: absolute
 * @direction: input or output
 *
 * Return: descriptor, or -errno: -EINVAL no plain file, -EWOULDBLOCK locked by another opener.
 */
int line_file_open(const char *path, enum line_direction direction);

/**
 * line_file_set, line_file_get, line_file_close - as line_set(), line_get(), line_close()
 */
int line_file_set(int fd, bool active);
int line_file_get(int fd);
void line_file_close(int fd);

#endif
