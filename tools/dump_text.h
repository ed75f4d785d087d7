/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from what hexdump -C, xxd and od -tx1 print, and the name of other texts. */
#ifndef JKP_TOOLS_DUMP_TEXT_H
#define JKP_TOOLS_DUMP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * dump_text_parse - a dump with addresses to bytes
 * @text: the dump; each line is an address, bytes in hexadecimal digits, and what they spell
 * @ret_buf: room for @len / 2 bytes
 * @ret_len: number of bytes
 *
 * Every address must say how many bytes stand before its line, in hexadecimal or octal digits, so
 * that no other text is taken for a dump.
 *
 * Return: 0; -EINVAL if it is no such dump.
 */
int dump_text_parse(const char *text, size_t len, uint8_t *ret_buf, size_t *ret_len);

/**
 * dump_text_is_log - does the first line begin with a time? Its digits are no bytes.
 */
bool dump_text_is_log(const char *text, size_t len);

/**
 * dump_text_name_dump - what a dump is that dump_text_parse() does not take
 *
 * Return: words for a message, NULL if it is no dump.
 */
const char *dump_text_name_dump(const char *text, size_t len);

/**
 * dump_text_name - what a text looks like that is neither a dump nor hex text
 *
 * Return: words for a message; NULL if it is no text at all, but bytes as they were on the line.
 */
const char *dump_text_name(const char *text, size_t len);

#endif
