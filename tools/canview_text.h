/* SPDX-License-Identifier: Apache-2.0 */
/* A line under construction. */
#ifndef JKP_TOOLS_CANVIEW_TEXT_H
#define JKP_TOOLS_CANVIEW_TEXT_H

#include <stddef.h>

#define TEXT_MAX 512

/* Begins as {.n = 0}; what does not fit is cut off. */
struct text {
	char s[TEXT_MAX];
	size_t n;
};

void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *format, ...);

/* Fills up with spaces until the text since @start is @width long. */
void text_pad(struct text *t, size_t start, size_t width);

/* Adds a JSON string with its quotation marks. */
void text_add_json(struct text *t, const char *s);

#endif
