/* SPDX-License-Identifier: Apache-2.0 */
/* GPIO lines by libgpiod 1.6. */
#include "line_gpio.h"

#include <gpiod.h>
#include <stdio.h>

int line_chip_open(const char *path, struct line_chip *ret)
{
	struct gpiod_chip *chip = gpiod_chip_open(path);

	if (chip == NULL) {
		return line_last_error();
	}
	ret->handle = chip;
	ret->lines = gpiod_chip_num_lines(chip);
	snprintf(ret->label, sizeof(ret->label), "%s", gpiod_chip_label(chip));
	return 0;
}

void line_chip_close(struct line_chip *c)
{
	if (c->handle != NULL) {
		gpiod_chip_close(c->handle);
		c->handle = NULL;
	}
}

int line_gpio_request(struct line *l, struct line_chip *c, unsigned int offset, bool active_low,
		      char *ret_consumer)
{
	const struct gpiod_line_request_config config = {
		.consumer = LINE_CONSUMER,
		.request_type = l->direction == LINE_OUTPUT ? GPIOD_LINE_REQUEST_DIRECTION_OUTPUT
							    : GPIOD_LINE_REQUEST_DIRECTION_INPUT,
		.flags = active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0,
	};
	struct gpiod_line *line = gpiod_chip_get_line(c->handle, offset);

	ret_consumer[0] = '\0';
	if (line == NULL) {
		return line_last_error();
	}
	/* 0: the level that comes with the request is logical, as all others. */
	if (gpiod_line_request(line, &config, 0) < 0) {
		const int error = line_last_error();
		const char *consumer = gpiod_line_consumer(line);

		snprintf(ret_consumer, LINE_NAME_MAX, "%s", consumer == NULL ? "" : consumer);
		return error;
	}
	l->gpio = line;
	l->offset = offset;
	c->handle = NULL; /* closing the chip would release the line */
	return 0;
}

/*
 * gpiod_line_set_value() and gpiod_line_get_value() put the line into a set of fixed size on their
 * stack, check that it is requested, and make one ioctl on its descriptor: no allocation, no lock.
 * Checked in the machine code of the library that Debian 12 ships, 1.6.3: they call nothing else.
 */
int line_gpio_set(const struct line *l, bool active)
{
	return gpiod_line_set_value(l->gpio, active ? 1 : 0) < 0 ? line_last_error() : 0;
}

int line_gpio_get(const struct line *l)
{
	const int level = gpiod_line_get_value(l->gpio);

	if (level < 0) {
		return line_last_error();
	}
	return level != 0 ? 1 : 0;
}

void line_gpio_release(struct line *l)
{
	/* Releases the line as well. */
	gpiod_line_close_chip(l->gpio);
	l->gpio = NULL;
}
