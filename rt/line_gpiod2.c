/* SPDX-License-Identifier: Apache-2.0 */
/* GPIO lines by libgpiod 2. */
#include "line_gpio.h"

#include <gpiod.h>
#include <stdio.h>

/* What a request is made of; the library's functions to free them accept NULL. */
struct parts {
	struct gpiod_line_settings *settings;
	struct gpiod_line_config *lines;
	struct gpiod_request_config *request;
};

int line_chip_open(const char *path, struct line_chip *ret)
{
	struct gpiod_chip *chip = gpiod_chip_open(path);
	struct gpiod_chip_info *info;

	if (chip == NULL) {
		return line_last_error();
	}
	info = gpiod_chip_get_info(chip);
	if (info == NULL) {
		const int error = line_last_error();

		gpiod_chip_close(chip);
		return error;
	}
	ret->handle = chip;
	ret->lines = (unsigned int)gpiod_chip_info_get_num_lines(info);
	snprintf(ret->label, sizeof(ret->label), "%s", gpiod_chip_info_get_label(info));
	gpiod_chip_info_free(info);
	return 0;
}

void line_chip_close(struct line_chip *c)
{
	if (c->handle != NULL) {
		gpiod_chip_close(c->handle);
		c->handle = NULL;
	}
}

static bool make_parts(struct parts *p, enum line_direction direction, unsigned int offset,
		       bool active_low)
{
	p->settings = gpiod_line_settings_new();
	p->lines = gpiod_line_config_new();
	p->request = gpiod_request_config_new();
	if (p->settings == NULL || p->lines == NULL || p->request == NULL ||
	    gpiod_line_settings_set_direction(
		    p->settings, direction == LINE_OUTPUT ? GPIOD_LINE_DIRECTION_OUTPUT
							  : GPIOD_LINE_DIRECTION_INPUT) < 0) {
		return false;
	}
	gpiod_line_settings_set_active_low(p->settings, active_low);
	gpiod_request_config_set_consumer(p->request, LINE_CONSUMER);
	/* The level that comes with the request is logical, as all others. */
	return gpiod_line_settings_set_output_value(p->settings, GPIOD_LINE_VALUE_INACTIVE) == 0 &&
	       gpiod_line_config_add_line_settings(p->lines, &offset, 1, p->settings) == 0;
}

static void free_parts(struct parts *p)
{
	gpiod_request_config_free(p->request);
	gpiod_line_config_free(p->lines);
	gpiod_line_settings_free(p->settings);
}

static void read_consumer(struct gpiod_chip *chip, unsigned int offset, char *ret_consumer)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(chip, offset);
	const char *consumer = info == NULL ? NULL : gpiod_line_info_get_consumer(info);

	snprintf(ret_consumer, LINE_NAME_MAX, "%s", consumer == NULL ? "" : consumer);
	if (info != NULL) {
		gpiod_line_info_free(info);
	}
}

int line_gpio_request(struct line *l, struct line_chip *c, unsigned int offset, bool active_low,
		      char *ret_consumer)
{
	struct gpiod_line_request *request = NULL;
	struct parts p;
	int error = 0;

	ret_consumer[0] = '\0';
	if (make_parts(&p, l->direction, offset, active_low)) {
		request = gpiod_chip_request_lines(c->handle, p.request, p.lines);
	}
	if (request == NULL) {
		error = line_last_error();
		read_consumer(c->handle, offset, ret_consumer);
	}
	free_parts(&p);
	if (error != 0) {
		return error;
	}
	l->gpio = request;
	l->offset = offset;
	return 0;
}

/*
 * gpiod_line_request_set_value() and gpiod_line_request_get_value() look the offset up in the
 * request's own table and make one ioctl on its descriptor: no allocation, no lock. Checked in
 * their source, lib/line-request.c, and in the machine code of the library that Debian 13 ships,
 * 2.2.1.
 */
int line_gpio_set(const struct line *l, bool active)
{
	const enum gpiod_line_value value = active ? GPIOD_LINE_VALUE_ACTIVE
						   : GPIOD_LINE_VALUE_INACTIVE;

	return gpiod_line_request_set_value(l->gpio, l->offset, value) < 0 ? line_last_error() : 0;
}

int line_gpio_get(const struct line *l)
{
	const enum gpiod_line_value value = gpiod_line_request_get_value(l->gpio, l->offset);

	if (value == GPIOD_LINE_VALUE_ERROR) {
		return line_last_error();
	}
	return value == GPIOD_LINE_VALUE_ACTIVE ? 1 : 0;
}

void line_gpio_release(struct line *l)
{
	gpiod_line_request_release(l->gpio);
	l->gpio = NULL;
}
