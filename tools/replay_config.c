/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a trace: see replay_config.h. */
#include "replay_config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf_private.h"

int replay_config_init(struct replay_config *c)
{
	memset(c, 0, sizeof(*c));
	c->stream = open_memstream(&c->text, &c->len);
	return c->stream ? 0 : -ENOMEM;
}

void replay_config_fini(struct replay_config *c)
{
	if (c->stream) {
		fclose(c->stream);
	}
	free(c->text);
	free(c->line);
}

static bool note_line(struct replay_config *c, unsigned long trace_line)
{
	unsigned long *grown = realloc(c->line, (c->lines + 1U) * sizeof(*grown));

	if (!grown) {
		return false;
	}
	c->line = grown;
	c->line[c->lines++] = trace_line;
	return true;
}

int replay_config_add(struct replay_config *c, char *setting, unsigned long trace_line)
{
	char *dot = strchr(setting, '.');
	const char *equals = strchr(setting, '=');

	if (!dot || !equals || dot > equals || (size_t)(dot - setting) >= sizeof(c->section)) {
		return -EINVAL;
	}
	*dot = '\0';
	if (strcmp(setting, c->section) != 0) {
		memcpy(c->section, setting, (size_t)(dot - setting) + 1U);
		fprintf(c->stream, "[%s]\n", setting);
		if (!note_line(c, trace_line)) {
			return -ENOMEM;
		}
	}
	fprintf(c->stream, "%s\n", dot + 1);
	return note_line(c, trace_line) ? 0 : -ENOMEM;
}

int replay_config_parse(struct replay_config *c, struct config *ret_config,
			struct conf_error *ret_error, unsigned long *ret_line)
{
	if (fflush(c->stream) != 0) {
		return -ENOMEM;
	}
	const int rc = conf_parse(c->text, c->len, ret_config, ret_error);

	if (rc != 0 && ret_error->line > 0 && (size_t)ret_error->line <= c->lines) {
		*ret_line = c->line[ret_error->line - 1];
	}
	return rc;
}
