/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

int report_say(const struct report *r, int result, const char *format, ...)
{
	const int n = snprintf(r->text, r->size, "%s: ", r->subject);
	va_list args;

	if (n >= 0 && (size_t)n < r->size) {
		va_start(args, format);
		(void)vsnprintf(r->text + n, r->size - (size_t)n, format, args);
		va_end(args);
	}
	return result;
}
