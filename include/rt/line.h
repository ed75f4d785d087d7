/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One digital line: the relay, or a contact that tells where the relay stands. A line of a GPIO
 * chip (through libgpiod 1.6 or 2), a file that takes and gives 1 and 0, or none at all. Levels are
 * logical: active is "1", whatever the voltage.
 *
 * Opening and closing allocate and may sleep. In between, line_set() and line_get() do neither more
 * than one system call on the line nor an allocation, so a realtime thread may call them. How long
 * that call takes is up to the driver: microseconds for the pins of a processor, as long as the bus
 * is occupied for a chip behind I2C or USB.
 */
#ifndef JKP_RT_LINE_H
#define JKP_RT_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum line_direction {
	LINE_INPUT,
	LINE_OUTPUT,
};

enum line_kind {
	LINE_CLOSED, /* 0, so that zeroed storage is a closed line */
	LINE_NONE,
	LINE_FILE,
	LINE_GPIO,
};

/**
 * struct line - a line; storage of the caller, fields are to be read only
 * @kind: what it is
 * @direction: as opened
 * @fd: of LINE_FILE
 * @offset: number on its chip, of LINE_GPIO
 * @gpio: of LINE_GPIO, the library's object: struct gpiod_line (1.6), gpiod_line_request (2)
 */
struct line {
	enum line_kind kind;
	enum line_direction direction;
	int fd;
	unsigned int offset;
	void *gpio;
};

/**
 * line_open - take a line, exclusively if it is an output
 * @l: a closed line, or storage with anything in it; closed on failure
 * @spec: CHIP:LINE, CHIP:LINE:active-low, file:PATH or none
 * @direction: an output becomes inactive in the same step that makes it an output: whatever it was
 *	before, it is never active because of this call
 * @error: receives a message with the remedy on failure, NUL-terminated; may be NULL if @size is 0
 * @size: its size in bytes
 *
 * CHIP is gpiochipN, the path of such a device, or a label as gpiodetect shows it, if only one chip
 * has it. A bare number is refused: numbers of chips change with the kernel, and it could also be
 * meant as the number of the line. LINE is the offset on the chip, 0..9999. The consumer that
 * gpioinfo shows is "jkpylon". A GPIO input is exclusive too.
 *
 * PATH is absolute and names a plain file or a file of sysfs (an LED's brightness), whose first
 * character is the level. The descriptor stays open. An output is locked by flock(2) and then set
 * to 0; a plain file that does not exist is made with mode 0644 less the umask, but not below /dev,
 * /proc and /sys, where a missing file is a missing driver. An input must exist, and is not locked.
 * A plain file is for tests and for other programs to look at: writing it may wait for its disk.
 *
 * Return: 0, or -EINVAL (@spec malformed, or it names something else), -ENOENT (no such chip, file
 * or folder), -ENOTUNIQ (several chips have this label), -ERANGE (the chip has no such line),
 * -EBUSY (in use), -EACCES, -EROFS, -ENOMEM, or another -errno of the system.
 * Context: init. Allocates, opens devices.
 */
int line_open(struct line *l, const char *spec, enum line_direction direction, char *error,
	      size_t size);

/**
 * line_set - set an output
 * @l: line
 * @active: level
 *
 * Return: 0 (always for "none"); -EBADF closed, -EPERM an input, -ENODEV the device is gone, or
 * another -errno: then the level is unknown. A plain file that was deleted is not noticed.
 * Context: one thread, realtime or not. Bound: one system call, no allocation.
 */
int line_set(struct line *l, bool active);

/**
 * line_get - read a line; an output is read back
 * @l: line
 *
 * Return: 1 active, 0 inactive (always for "none"); -EBADF closed, -ENODEV the device is gone or
 * the file was deleted, -EBADMSG the file does not begin with 0 or 1, or another -errno.
 * Context: as line_set(). Bound: one system call, for a file two; no allocation.
 */
int line_get(const struct line *l);

/**
 * line_close - give a line back; a closed or a zeroed one is left alone
 * @l: line
 *
 * Sets nothing: set the level that is wanted first. A file keeps its last level. What the kernel
 * makes of a GPIO line that nobody holds depends on the driver of the chip: it keeps the level, or
 * becomes an input, where the board's pull resistors decide.
 * Context: fini. Frees memory.
 */
void line_close(struct line *l);

/**
 * line_is_open - the line can be set or read; "none" as well
 * @l: line
 *
 * Context: as line_set().
 */
bool line_is_open(const struct line *l);

/**
 * line_open_once - make an output inactive and give it back: opens a relay whose guard is dead
 * @spec, @error, @size: as of line_open()
 *
 * Return: 0; -EBUSY if somebody holds the line, a living guard for example; another -errno of
 * line_open().
 * Context: any thread but a realtime one that has to go on. Allocates, opens devices.
 */
int line_open_once(const char *spec, char *error, size_t size);

#endif
