/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD5 (RFC 1321), SHA-256 (FIPS 180-4) and Base64 (RFC 4648), for what a portal wants to see of a
 * password and of a time. MD5 protects nothing; the portal asks for it.
 */
#ifndef JKP_PROTO_DIGEST_H
#define JKP_PROTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_MD5_SIZE	   16U
#define DIGEST_SHA256_SIZE 32U
#define DIGEST_MD5_HEX	   33U /* with the NUL */
#define DIGEST_SHA256_HEX  65U
/* Text of @len bytes in Base64, with the NUL. */
#define DIGEST_BASE64_SIZE(len) (((len) + 2U) / 3U * 4U + 1U)

/**
 * digest_md5_hex - MD5 of a text, lower-case hexadecimal
 * @data: any bytes
 * @ret_hex: receives 32 digits and a NUL
 *
 * Context: any thread. Pure, bound: @len.
 */
void digest_md5_hex(const void *data, size_t len, char ret_hex[DIGEST_MD5_HEX]);

/* A piece of what is digested: any bytes. */
struct digest_part {
	const void *data;
	size_t len;
};

/**
 * digest_sha256_hex - SHA-256 of some pieces in a row, lower-case hexadecimal
 * @parts: the pieces
 * @count: how many
 * @ret_hex: receives 64 digits and a NUL
 *
 * Context: any thread. Pure, bound: length of all pieces.
 */
void digest_sha256_hex(const struct digest_part *parts, size_t count,
		       char ret_hex[DIGEST_SHA256_HEX]);

/**
 * digest_base64 - Base64 with padding, on one line
 * @data: any bytes
 * @ret_text: receives the text, DIGEST_BASE64_SIZE(@len) bytes
 *
 * Context: any thread. Pure, bound: @len.
 */
void digest_base64(const void *data, size_t len, char *ret_text);

#endif
