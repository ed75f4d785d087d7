/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of libgpiod 1.6 on the chips of the test. */
#include "fake_gpio.h"

#include <errno.h>
#include <gpiod.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct gpiod_line {
	struct gpiod_chip *chip;
	unsigned int offset;
	bool requested;
};

struct gpiod_chip {
	const struct fake_chip *fake;
	struct gpiod_line line;
};

struct gpiod_chip *__wrap_gpiod_chip_open(const char *path);
void __wrap_gpiod_chip_close(struct gpiod_chip *chip);
const char *__wrap_gpiod_chip_label(struct gpiod_chip *chip);
unsigned int __wrap_gpiod_chip_num_lines(struct gpiod_chip *chip);
struct gpiod_line *__wrap_gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset);
const char *__wrap_gpiod_line_consumer(struct gpiod_line *line);
int __wrap_gpiod_line_request(struct gpiod_line *line,
			      const struct gpiod_line_request_config *config, int default_val);
void __wrap_gpiod_line_close_chip(struct gpiod_line *line);
int __wrap_gpiod_line_set_value(struct gpiod_line *line, int value);
int __wrap_gpiod_line_get_value(struct gpiod_line *line);

struct gpiod_chip *__wrap_gpiod_chip_open(const char *path)
{
	const struct fake_chip *found = fake_find(path);
	struct gpiod_chip *chip;

	if (found == NULL || fake_fails()) {
		return NULL;
	}
	chip = calloc(1, sizeof(*chip));
	assert_non_null(chip);
	chip->fake = found;
	fake.chips_open++;
	return chip;
}

/* As the library does it: the lines of the chip are released with it. */
void __wrap_gpiod_chip_close(struct gpiod_chip *chip)
{
	assert_non_null(chip);
	if (chip->line.requested) {
		fake_release();
	}
	fake.chips_open--;
	free(chip);
}

const char *__wrap_gpiod_chip_label(struct gpiod_chip *chip)
{
	return chip->fake->label;
}

unsigned int __wrap_gpiod_chip_num_lines(struct gpiod_chip *chip)
{
	return chip->fake->lines;
}

struct gpiod_line *__wrap_gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset)
{
	if (fake_fails()) {
		return NULL;
	}
	chip->line.chip = chip;
	chip->line.offset = offset;
	return &chip->line;
}

const char *__wrap_gpiod_line_consumer(struct gpiod_line *line)
{
	assert_non_null(line);
	return fake.holder != NULL && fake.holder[0] != '\0' ? fake.holder : NULL;
}

int __wrap_gpiod_line_request(struct gpiod_line *line,
			      const struct gpiod_line_request_config *config, int default_val)
{
	const bool output = config->request_type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT;

	assert_true(output || config->request_type == GPIOD_LINE_REQUEST_DIRECTION_INPUT);
	assert_int_equal(config->flags & ~GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW, 0);
	if (fake_fails() || fake_request(line->chip->fake, line->offset, output, config->flags != 0,
					 default_val != 0, config->consumer) < 0) {
		return -1;
	}
	line->requested = true;
	return 0;
}

void __wrap_gpiod_line_close_chip(struct gpiod_line *line)
{
	__wrap_gpiod_chip_close(line->chip);
}

int __wrap_gpiod_line_set_value(struct gpiod_line *line, int value)
{
	assert_true(line->requested);
	return fake_set(value != 0);
}

int __wrap_gpiod_line_get_value(struct gpiod_line *line)
{
	assert_true(line->requested);
	return fake_get();
}
