/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a GPIO chip, to be shown: through libgpiod 1.6 or 2. Nothing is requested and
 * nothing changes. The guard has none of this.
 */
#ifndef JKP_RT_LINE_LIST_H
#define JKP_RT_LINE_LIST_H

#include <stdbool.h>

#define LINE_LIST_MAX  64U /* lines that are kept; a chip may have more */
#define LINE_LIST_TEXT 32  /* of labels, names and consumers, NUL included */

/**
 * struct line_list_line - one line
 * @name: from the device tree; empty = it has none
 * @consumer: who holds it; empty = nobody, or one who gave no name
 * @used: somebody holds it
 */
struct line_list_line {
	char name[LINE_LIST_TEXT];
	char consumer[LINE_LIST_TEXT];
	bool used;
};

/**
 * struct line_list - a chip
 * @label: as gpiodetect shows it
 * @lines: how many it has
 * @line: the first LINE_LIST_MAX of them
 */
struct line_list {
	char label[LINE_LIST_TEXT];
	unsigned int lines;
	struct line_list_line line[LINE_LIST_MAX];
};

/**
 * line_list_read - what the kernel says of a chip
 * @path: of its device
 * @ret: untouched on failure
 *
 * Return: 0 or -errno (-ENOTTY or -ENODEV: not a GPIO chip).
 * Context: tools. Allocates, opens the device for a moment.
 */
int line_list_read(const char *path, struct line_list *ret);

#endif
