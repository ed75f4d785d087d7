/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPIO lines as line.c wants them. line_gpiod1.c (libgpiod 1.6, Debian 12) or line_gpiod2.c
 * (libgpiod 2, Debian 13) is compiled, never both.
 */
#ifndef JKP_RT_LINE_GPIO_H
#define JKP_RT_LINE_GPIO_H

#include <errno.h>
#include <stdbool.h>

#include "rt/line.h"

#define LINE_CONSUMER "jkpylon"
#define LINE_NAME_MAX 32 /* of labels and consumers in the kernel's interface, NUL included */

struct gpiod_chip;

/**
 * struct line_chip - an open chip
 * @handle: of the library; NULL = closed
 * @label: as gpiodetect shows it
 * @lines: number of lines
 */
struct line_chip {
	struct gpiod_chip *handle;
	char label[LINE_NAME_MAX];
	unsigned int lines;
};

/* -errno of a library call that failed; never 0. */
static inline int line_last_error(void)
{
	return errno > 0 ? -errno : -EIO;
}

/**
 * line_chip_open - open a chip and read what it is
 * @path: of its device
 * @ret: untouched on failure
 *
 * Return: 0 or -errno (-ENOTTY or -ENODEV: not a GPIO chip).
 */
int line_chip_open(const char *path, struct line_chip *ret);

/**
 * line_chip_close - close it; a closed one is left alone
 */
void line_chip_close(struct line_chip *c);

/**
 * line_gpio_request - take a line of the chip
 * @l: @direction is given; @gpio and @offset are filled in
 * @c: chip; closed by the caller afterwards, unless the line has taken it (then it is closed)
 * @offset: < @c->lines
 * @active_low: logical and physical level differ
 * @ret_consumer: LINE_NAME_MAX bytes; on failure who holds the line, or empty
 *
 * Return: 0 or -errno.
 */
int line_gpio_request(struct line *l, struct line_chip *c, unsigned int offset, bool active_low,
		      char *ret_consumer);

/**
 * line_gpio_set, line_gpio_get, line_gpio_release - as line_set(), line_get(), line_close()
 */
int line_gpio_set(const struct line *l, bool active);
int line_gpio_get(const struct line *l);
void line_gpio_release(struct line *l);

#endif
