/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as lines "section.key=value", for records that are to be replayed. */
#ifndef JKP_SVC_SETTINGS_TEXT_H
#define JKP_SVC_SETTINGS_TEXT_H

#include <stdint.h>
#include <stdio.h>

/**
 * settings_text_write - "[section]" and "key = value" become one line each
 * @f: where to
 * @text: output of conf_print(); comments and empty lines are dropped
 * @prefix: in front of each line
 */
void settings_text_write(FILE *f, const char *text, const char *prefix);

/**
 * settings_text_lines - the same into memory
 * @ret_text: receives it, for free()
 *
 * Return: 0 or -ENOMEM.
 */
int settings_text_lines(const char *text, const char *prefix, char **ret_text, uint32_t *ret_len);

#endif
