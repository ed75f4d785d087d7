/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The portal of GoodWe: what a login at SEMS+ is signed with. There is no public description: both
 * forms are those that several independent clients use, with vectors of two of them (tests/vectors/E-sems-portal.json).
 */
#ifndef JKP_PROTO_SEMS_H
#define JKP_PROTO_SEMS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/digest.h"

#define SEMS_UID_MAX	   128U /* with the NUL, as the next */
#define SEMS_TOKEN_MAX	   1024U
#define SEMS_MS_DIGITS	   20U
#define SEMS_PASSWORD_SIZE DIGEST_BASE64_SIZE(DIGEST_MD5_HEX - 1U)
/* Digest, '@' and the time. */
#define SEMS_SIGNATURE_SIZE DIGEST_BASE64_SIZE(DIGEST_SHA256_HEX - 1U + 1U + SEMS_MS_DIGITS)

/* Which of its two interfaces is asked. */
enum sems_portal {
	SEMS_PORTAL_NONE,
	SEMS_PORTAL_PLUS,   /* semsplus.goodwe.com */
	SEMS_PORTAL_LEGACY, /* www.semsportal.com */
	SEMS_PORTALS
};

/**
 * sems_password - a password as SEMS+ wants it: Base64 of the hexadecimal MD5
 * @password: NUL-terminated UTF-8
 * @ret_text: receives SEMS_PASSWORD_SIZE bytes, with the NUL
 *
 * Context: any thread. Pure.
 */
void sems_password(const char *password, char ret_text[SEMS_PASSWORD_SIZE]);

/**
 * sems_signature - header X-Signature: Base64 of SHA-256("MS@UID@TOKEN") in hexadecimal, '@', MS
 * @wall_ms: now, CLOCK_REALTIME in ms, >= 0: the portal compares it with its own clock
 * @uid: of the session, shorter than SEMS_UID_MAX; empty for the login
 * @token: of the session, shorter than SEMS_TOKEN_MAX; empty for the login
 * @ret_text: receives at most SEMS_SIGNATURE_SIZE bytes, with the NUL
 *
 * A longer @uid or @token is cut: the caller has checked.
 * Context: any thread. Pure.
 */
void sems_signature(int64_t wall_ms, const char *uid, const char *token,
		    char ret_text[SEMS_SIGNATURE_SIZE]);

#endif
