/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the configuration share: a file in a string, and its result. */
#ifndef JKP_TEST_CONF_HELP_H
#define JKP_TEST_CONF_HELP_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/units.h"
#include "conf_private.h"

/* The two keys that have no default: lines 1 to 4 of a file. */
#define BASE	   "[bms]\ndevice = /dev/ttyUSB0\n[can]\ninterface = can0\n"
#define BASE_LINES 4
#define FILL	   0xA5

struct result {
	int r;
	struct config config;
	struct conf_error error;
};

static inline void parse_bytes(const char *text, size_t len, struct result *ret)
{
	/* A copy of the exact size: a read beyond the end is seen by AddressSanitizer. */
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	memset(ret, FILL, sizeof(*ret));
	ret->r = conf_parse(copy, len, &ret->config, &ret->error);
	free(copy);
}

static inline void parse(const char *text, struct result *ret)
{
	parse_bytes(text, strlen(text), ret);
}

static inline bool untouched(const void *p, size_t len)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < len; i++) {
		if (b[i] != FILL) {
			return false;
		}
	}
	return true;
}

/* The file is refused on @line, the message holds @part, and nothing was written. */
static inline void expect_refused(const char *text, size_t len, int line, const char *part)
{
	struct result *res = malloc(sizeof(*res));

	assert_non_null(res);
	parse_bytes(text, len, res);
	if (res->r != -EINVAL) {
		fail_msg("accepted (%d): %.300s", res->r, text);
	}
	if (res->error.line != line || !strstr(res->error.text, part)) {
		fail_msg("line %d: %s\ninstead of line %d: ...%s...\nfor: %.300s", res->error.line,
			 res->error.text, line, part, text);
	}
	assert_true(untouched(&res->config, sizeof(res->config)));
	free(res);
}

static inline void expect_accepted(const char *text, struct config *ret_config)
{
	struct result *res = malloc(sizeof(*res));

	assert_non_null(res);
	parse(text, res);
	if (res->r != 0) {
		fail_msg("refused on line %d: %s\nfor: %.300s", res->error.line, res->error.text,
			 text);
	}
	assert_true(untouched(&res->error, sizeof(res->error)));
	*ret_config = res->config;
	free(res);
}

/* The defaults and the two keys of BASE. */
static inline void base_config(struct config *ret_config)
{
	conf_default(ret_config);
	memcpy(ret_config->bms_device, "/dev/ttyUSB0", sizeof("/dev/ttyUSB0"));
	memcpy(ret_config->can_interface, "can0", sizeof("can0"));
}

#endif
