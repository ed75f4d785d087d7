/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a chip by libgpiod 1.6. */
#include "rt/line_list.h"

#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <string.h>

static void read_line(struct gpiod_chip *chip, unsigned int offset, struct line_list_line *ret)
{
	struct gpiod_line *line = gpiod_chip_get_line(chip, offset);
	const char *name = line == NULL ? NULL : gpiod_line_name(line);
	const char *consumer = line == NULL ? NULL : gpiod_line_consumer(line);

	(void)snprintf(ret->name, sizeof(ret->name), "%s", name == NULL ? "" : name);
	(void)snprintf(ret->consumer, sizeof(ret->consumer), "%s",
		       consumer == NULL ? "" : consumer);
	/* A line that cannot be looked at is not offered to anybody. */
	ret->used = line == NULL || gpiod_line_is_used(line);
}

int line_list_read(const char *path, struct line_list *ret)
{
	struct gpiod_chip *chip = gpiod_chip_open(path);

	if (chip == NULL) {
		return errno > 0 ? -errno : -EIO;
	}
	memset(ret, 0, sizeof(*ret));
	ret->lines = gpiod_chip_num_lines(chip);
	(void)snprintf(ret->label, sizeof(ret->label), "%s", gpiod_chip_label(chip));
	for (unsigned int i = 0; i < ret->lines && i < LINE_LIST_MAX; i++) {
		read_line(chip, i, &ret->line[i]);
	}
	gpiod_chip_close(chip);
	return 0;
}
