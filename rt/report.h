/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to people about one thing that was named in the configuration. */
#ifndef JKP_RT_REPORT_H
#define JKP_RT_REPORT_H

#include <stddef.h>

/**
 * struct report - where the message goes
 * @subject: what it is about, as written by the user
 * @text, @size: receives it, NUL-terminated
 */
struct report {
	const char *subject;
	char *text;
	size_t size;
};

/**
 * report_say - write "SUBJECT: ..."
 *
 * Return: @result, so that a function can report and return in one.
 */
__attribute__((format(printf, 3, 4))) int report_say(const struct report *r, int result,
						     const char *format, ...);

#endif
