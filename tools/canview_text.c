/* SPDX-License-Identifier: Apache-2.0 */
#include "canview_text.h"

#include <stdarg.h>
#include <stdio.h>

void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, format, args);
	va_end(args);
	if (n > 0) {
		t->n = (size_t)n < sizeof(t->s) - t->n ? t->n + (size_t)n : sizeof(t->s) - 1;
	}
}

void text_pad(struct text *t, size_t start, size_t width)
{
	const size_t used = t->n - start;

	text_add(t, "%*s", used < width ? (int)(width - used) : 0, "");
}

void text_add_json(struct text *t, const char *s)
{
	text_add(t, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\') {
			text_add(t, "\\%c", *s);
		} else if ((unsigned char)*s < ' ' || (unsigned char)*s > '~') {
			text_add(t, "\\u%04x", (unsigned int)(unsigned char)*s);
		} else {
			text_add(t, "%c", *s);
		}
	}
	text_add(t, "\"");
}
