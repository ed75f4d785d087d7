/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a chip by libgpiod 2. */
#include "rt/line_list.h"

#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <string.h>

static void read_line(struct gpiod_chip *chip, unsigned int offset, struct line_list_line *ret)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(chip, offset);
	const char *name = info == NULL ? NULL : gpiod_line_info_get_name(info);
	const char *consumer = info == NULL ? NULL : gpiod_line_info_get_consumer(info);

	(void)snprintf(ret->name, sizeof(ret->name), "%s", name == NULL ? "" : name);
	(void)snprintf(ret->consumer, sizeof(ret->consumer), "%s",
		       consumer == NULL ? "" : consumer);
	/* A line that cannot be looked at is not offered to anybody. */
	ret->used = info == NULL || gpiod_line_info_is_used(info);
	if (info != NULL) {
		gpiod_line_info_free(info);
	}
}

int line_list_read(const char *path, struct line_list *ret)
{
	struct gpiod_chip *chip = gpiod_chip_open(path);
	struct gpiod_chip_info *info = chip == NULL ? NULL : gpiod_chip_get_info(chip);

	if (info == NULL) {
		const int error = errno > 0 ? -errno : -EIO;

		if (chip != NULL) {
			gpiod_chip_close(chip);
		}
		return error;
	}
	memset(ret, 0, sizeof(*ret));
	ret->lines = (unsigned int)gpiod_chip_info_get_num_lines(info);
	(void)snprintf(ret->label, sizeof(ret->label), "%s", gpiod_chip_info_get_label(info));
	gpiod_chip_info_free(info);
	for (unsigned int i = 0; i < ret->lines && i < LINE_LIST_MAX; i++) {
		read_line(chip, i, &ret->line[i]);
	}
	gpiod_chip_close(chip);
	return 0;
}
