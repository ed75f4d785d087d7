/* SPDX-License-Identifier: Apache-2.0 */
/* Captured JK frames: hex text, JSON vector files, and the capture that is built in. */
#ifndef JKP_TOOLS_SIM_CAPTURE_H
#define JKP_TOOLS_SIM_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_FILE_MAX   (64U << 20)
#define CAPTURE_ERROR_MAX  640
#define CAPTURE_DEFAULT	   "armin_16S_idle" /* real 16-cell LFP pack at rest */
#define CAPTURE_FRAME_MAX  1024U
#define CAPTURE_NAME_ENTRY "name"
#define CAPTURE_HEX_ENTRY  "hex"

/**
 * capture_read_file - whole file into memory
 * @path: file, or "-" for standard input
 * @ret_data: malloc()ed, NUL-terminated behind the content; the caller frees it
 * @ret_len: length without that NUL
 * @err: receives a message
 *
 * Return: 0, -EFBIG above CAPTURE_FILE_MAX, another -errno.
 */
int capture_read_file(const char *path, char **ret_data, size_t *ret_len,
		      char err[CAPTURE_ERROR_MAX]);

/**
 * capture_is_hex - only hexadecimal digits, white space, ',', ':', '.', '-', "0x"; lines that begin
 * with '#' are comments
 */
bool capture_is_hex(const char *text, size_t len);

/**
 * capture_parse_hex - hex text to bytes
 * @size: room in @ret_buf
 *
 * Return: 0; -EINVAL for anything capture_is_hex() refuses or an odd number of digits; -ENOSPC.
 */
int capture_parse_hex(const char *text, size_t len, uint8_t *ret_buf, size_t size, size_t *ret_len);

/**
 * capture_load - one frame
 * @spec: FILE.json:NAME, FILE.hex (any hex text), or a name of a built-in capture
 *
 * Return: 0 or -errno with a message in @err.
 */
int capture_load(const char *spec, uint8_t ret_frame[CAPTURE_FRAME_MAX], size_t *ret_len,
		 char err[CAPTURE_ERROR_MAX]);

#endif
