/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration file: refused with a line that exists and a message, nothing
 * written; or accepted, then consistent, and printed so that reading the print gives the same.
 */
#include "conf_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FILL 0xA5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good) {
		abort();
	}
}

/* Every byte, padding included: both began as zeros. */
static bool same_bytes(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

static int count_lines(const uint8_t *data, size_t size)
{
	int lines = 1;

	for (size_t i = 0; i < size; i++) {
		lines += data[i] == '\n' ? 1 : 0;
	}
	return lines;
}

static void check_refused(const struct conf_error *e, const struct config *c, const uint8_t *data,
			  size_t size)
{
	const size_t len = strnlen(e->text, sizeof(e->text));

	check(len > 0 && len < sizeof(e->text));
	check(strpbrk(e->text, "\n\x1b") == NULL);
	check(e->line >= 0 && e->line <= count_lines(data, size));
	for (size_t i = 0; i < sizeof(*c); i++) {
		check(((const unsigned char *)c)[i] == FILL);
	}
}

static void check_accepted(const struct config *c)
{
	struct config again;
	struct conf_error e;
	struct config_fault fault;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	check(f != NULL);
	check(conf_check(c, &fault) == 0);
	check(c->bms_device[0] == '/' && c->can_interface[0] != '\0');
	conf_print(c, f);
	check(fclose(f) == 0);
	check(conf_parse(text, len, &again, &e) == 0);
	check(same_bytes(c, &again, sizeof(again)));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	struct conf_error e;

	memset(&c, FILL, sizeof(c));
	memset(&e, 0, sizeof(e));
	if (conf_parse((const char *)data, size, &c, &e) == 0) {
		check_accepted(&c);
	} else {
		check_refused(&e, &c, data, size);
	}
	return 0;
}
